"""What serving customers costs, where a table tells it customer by customer."""

from __future__ import annotations

import dataclasses

import pandas as pd

from crmlab.errors import WrongTable
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import read_small
from crmlab.intake.meaning import Meaning
from crmlab.intake.small_tables import Origin, strangers

COLUMNS = ("cost_per_occasion", "cost_per_year")


@dataclasses.dataclass(frozen=True)
class Served:
    """Costs to serve of each customer (money), and of how many the table tells its own.

    `own`: customers with a cost of their own, by column; the others have the single figure.
    `strangers`: customers of the table who are not in the base. `origin`: the table.
    """

    cost_per_occasion: pd.Series = dataclasses.field(repr=False)
    cost_per_year: pd.Series = dataclasses.field(repr=False)
    own: dict[str, int]
    strangers: int
    origin: Origin


def serving_costs(
    source: str, customers: pd.Index, observation_end: str, figures: dict[str, float],
    meaning: Meaning, *, complete: bool = True,
) -> Served:  # fmt: skip
    """Costs to serve by customer from a table: customer_id and one or both of COLUMNS.

    Read as attributes are; a column valid_from, if there is one, says from when a row holds.
    Whoever is not in the table, or has no figure there, gets that of `figures`. Raises as
    read_small does, and WrongTable for a cost below 0 or a table of strangers (unless the data are
    not `complete`: at an earlier day its customers may not have bought yet).
    """
    ids = Meaning(
        placeholders=meaning.placeholders, keep_ids=meaning.keep_ids, fold_case=meaning.fold_case,
        merged_ids=meaning.merged_ids, limit=0.0,  # who is not read would seem to cost the single
    )  # fmt: skip
    told = read_small("cost_to_serve", source, AttributeMapping(numbers=COLUMNS, dated=False), ids)
    if not set(COLUMNS) & set(told.names):  # of a base, which does not say which columns it lacks
        raise WrongTable("cost_to_serve", source, *NO_COSTS)
    known = told.as_of(observation_end)
    common = known.index.intersection(customers)
    if common.empty and len(known) and complete:
        raise WrongTable("cost_to_serve", source, *strangers(known.index, customers))
    each = {name: _each(known, name, customers, source) for name in COLUMNS}
    return Served(
        **{name: each[name].fillna(figures[name]) for name in COLUMNS},
        own={name: int(each[name].notna().sum()) for name in COLUMNS},
        strangers=len(known) - len(common),
        origin=told.origin,
    )


NO_COSTS = (
    f"it has no {' or '.join(COLUMNS)}",
    "Give a table with columns customer_id and one or both of these.",
)


def _each(known: pd.DataFrame, name: str, customers: pd.Index, source: str) -> pd.Series:
    if name not in known:
        return pd.Series(float("nan"), index=customers, name=name)
    below = known.loc[known[name] < 0, name]
    if len(below):
        found = (
            f"{len(below):,} of its {len(known):,} customers have a {name} below 0 "
            f"(first: {below.index[0]!r} {below.iloc[0]:g})"
        )
        raise WrongTable("cost_to_serve", source, found, "Write money, 0 or more.")
    return known[name].reindex(customers).astype(float)
