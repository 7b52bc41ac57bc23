"""What serving customers costs, where a table tells it customer by customer."""

from __future__ import annotations

import dataclasses

import pandas as pd

from crmlab.errors import WrongParameter
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import read_attributes
from crmlab.intake.meaning import Meaning

COLUMNS = ("cost_per_occasion", "cost_per_year")


@dataclasses.dataclass(frozen=True)
class Served:
    """Costs to serve of each customer (money), and of how many the table tells its own.

    `own`: customers with a cost of their own, by column; the others have the single figure.
    `strangers`: customers of the table who are not in the base.
    """

    cost_per_occasion: pd.Series = dataclasses.field(repr=False)
    cost_per_year: pd.Series = dataclasses.field(repr=False)
    own: dict[str, int]
    strangers: int


def serving_costs(
    source: str, customers: pd.Index, observation_end: str, figures: dict[str, float],
    meaning: Meaning,
) -> Served:  # fmt: skip
    """Costs to serve by customer from a table: customer_id and one or both of COLUMNS.

    Read as attributes are; a column valid_from, if there is one, says from when a row holds.
    Whoever is not in the table, or has no figure there, gets that of `figures`. Raises as
    read_attributes does, and WrongParameter for a table of strangers or a cost below 0.
    """
    ids = Meaning(
        placeholders=meaning.placeholders, keep_ids=meaning.keep_ids, fold_case=meaning.fold_case,
        merged_ids=meaning.merged_ids,
    )  # fmt: skip
    told = read_attributes(source, AttributeMapping(numbers=COLUMNS, dated=False), meaning=ids)
    aside = {reason: rows for reason, rows in told.account.set_aside.items() if rows}
    if aside:  # whose cost is not read would seem to cost the single figure
        reasons = ", ".join(f"{reason} {rows:,}" for reason, rows in aside.items())
        found = f"a table of which {sum(aside.values()):,} rows cannot be used ({reasons})"
        raise WrongParameter("cost_to_serve", found, "a customer and a number in every row")
    known = told.as_of(observation_end)
    common = known.index.intersection(customers)
    if common.empty and len(known):
        found = f"a table of {len(known)} customers such as {known.index[0]!r}"
        raise WrongParameter("cost_to_serve", found, f"costs of customers like {customers[0]!r}")
    if not set(COLUMNS) & set(known.columns):
        raise WrongParameter("cost_to_serve", source, f"a table with {' or '.join(COLUMNS)}")
    each = {name: _each(known, name, customers) for name in COLUMNS}
    return Served(
        **{name: each[name].fillna(figures[name]) for name in COLUMNS},
        own={name: int(each[name].notna().sum()) for name in COLUMNS},
        strangers=len(known) - len(common),
    )


def _each(known: pd.DataFrame, name: str, customers: pd.Index) -> pd.Series:
    if name not in known:
        return pd.Series(float("nan"), index=customers, name=name)
    each = known[name].reindex(customers).astype(float)
    below = each[each < 0]
    if len(below):
        found = f"a table with {name} {below.iloc[0]:g} for customer {below.index[0]!r}"
        raise WrongParameter("cost_to_serve", found, "money, 0 or more")
    return each
