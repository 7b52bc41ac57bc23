"""What is known of customers by day, as covariates of their contracts."""

from __future__ import annotations

import dataclasses

import pandas as pd

from crmlab.errors import MissingColumn, UnusableCovariate
from crmlab.intake.attribute_table import KNOWN, AttributeMapping
from crmlab.intake.attributes import Attributes, read_attributes


def read_contract_attributes(
    source: str | None = None, *, customer_id: str | None = None, valid_from: str | None = None,
    covariates: tuple[str, ...] = (), numbers: tuple[str, ...] = (),
) -> Attributes | None:  # fmt: skip
    """Dated attributes from a table with one row a customer and day; None without a source.

    `covariates` are its columns of words, `numbers` those of numbers with a decimal point; each
    row holds from `valid_from` on. Raises as read_attributes does, and UnusableCovariate for a
    number that is none.
    """
    if source is None:
        return None
    mapping = AttributeMapping(
        customer_id=customer_id or "customer_id", valid_from=valid_from or "valid_from",
        others=tuple(name for name in (*covariates, *numbers) if name not in KNOWN),
    )  # fmt: skip
    found = read_attributes(source, mapping)
    for name in (*covariates, *numbers):
        if name not in found.names:
            raise MissingColumn(source, "attribute_covariates", name, list(found.names))
    table = found.table.assign(**{name: _numbers(found.table, name) for name in numbers})
    return dataclasses.replace(found, names=(*covariates, *numbers), table=table)


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    values = pd.to_numeric(table[name], errors="coerce").astype("float64")
    wrong = values.isna() & table[name].notna() & (table[name] != "")
    if wrong.any():
        row = table[wrong].iloc[0]
        found = f"{int(wrong.sum()):,} values are no numbers (first: {row[name]!r}, "
        found += f"customer {row['customer_id']!r})"
        raise UnusableCovariate(name, found, "Write a decimal point, or name it as words.")
    return values
