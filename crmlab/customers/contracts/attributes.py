"""What is known of customers by day, as covariates of their contracts."""

from __future__ import annotations

import dataclasses

import pandas as pd

from crmlab.errors import WrongTable
from crmlab.intake.attribute_table import KNOWN, AttributeMapping
from crmlab.intake.attributes import Attributes, read_small
from crmlab.intake.small_tables import NAME_COLUMNS


def read_contract_attributes(
    source: str | None = None, *, customer_id: str | None = None, valid_from: str | None = None,
    covariates: tuple[str, ...] = (), numbers: tuple[str, ...] = (),
) -> Attributes | None:  # fmt: skip
    """Dated attributes from a table with one row a customer and day; None without a source.

    `covariates` are its columns of words, `numbers` those of numbers with a decimal point; each
    row holds from `valid_from` on. Raises as read_small does, and WrongTable for a column that is
    not there or a number that is none.
    """
    if source is None:
        return None
    mapping = AttributeMapping(
        customer_id=customer_id or "customer_id", valid_from=valid_from or "valid_from",
        others=tuple(name for name in (*covariates, *numbers) if name not in KNOWN),
    )  # fmt: skip
    found = read_small("attributes", source, mapping)
    for name in (*covariates, *numbers):
        if name not in found.names:
            has = f"its header has no column '{name}', only {', '.join(map(repr, found.names))}"
            raise WrongTable("attributes", source, has, NAME_COLUMNS)
    table = found.table.assign(**{name: _numbers(found.table, name, source) for name in numbers})
    return dataclasses.replace(found, names=(*covariates, *numbers), table=table)


def _numbers(table: pd.DataFrame, name: str, source: str) -> pd.Series:
    values = pd.to_numeric(table[name], errors="coerce").astype("float64")
    wrong = table[values.isna() & table[name].notna() & (table[name] != "")]
    if len(wrong):
        row = wrong.iloc[0]
        found = (
            f"{len(wrong):,} of its {len(table):,} rows have no number as {name} (first: "
            f"{row[name]!r}, customer {row['customer_id']!r} from {row['valid_from']:%Y-%m-%d})"
        )
        remedy = "Write numbers with a decimal point, or take the column for words: "
        remedy += f"--set attribute_covariates={name}"
        raise WrongTable("attributes", source, found, remedy)
    return values
