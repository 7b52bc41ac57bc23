"""Small tables that a user writes by hand: a margin by category, a cost by channel and cohort."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import duckdb
import pandas as pd

from crmlab.errors import MissingColumn, UntrustedSource
from crmlab.intake import columns, engines, forms, sources
from crmlab.intake.attribute_table import position
from crmlab.intake.conversion import CLEAN_TEXT
from crmlab.intake.reading import Reading

DIGITS = "18, 6"


@dataclass(frozen=True)
class _Names:
    """The columns by which a row is known, as many as there are, and the one with its number."""

    keys: tuple[str, ...]
    value: str

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """Their places. Raises MissingColumn without the number, or without any key."""
        places = {name: position(name, name, found, source) for name in (*self.keys, self.value)}
        there = {name: place for name, place in places.items() if place is not None}
        if self.value not in there:
            raise MissingColumn(source, self.value, self.value, found)
        if len(there) == 1:
            raise MissingColumn(source, self.keys[0], " or ".join(self.keys), found)
        return there


def read_rates(source: str | os.PathLike[str], keys: tuple[str, ...], value: str) -> pd.DataFrame:
    """A table with those of the columns `keys` that the source has (text) and `value` (numbers).

    Any kind of file that purchases are read from. Such tables are short and written by hand, so
    nothing is set aside: raises UntrustedSource for the first row that cannot be read, and as
    reading any source does.
    """
    connection = engines.connect()
    try:
        names = cast(columns.Mapping, _Names(keys, value))  # a reader asks it for places only
        loaded = sources.load(connection, source, names, Reading())
        return _rows(connection, loaded.name, keys, value, loaded.exact_roles)
    finally:
        connection.close()


def _rows(
    connection: duckdb.DuckDBPyConnection, source: str, keys: tuple[str, ...], value: str,
    exact: frozenset[str],
) -> pd.DataFrame:  # fmt: skip
    described = connection.execute("DESCRIBE source_rows").fetchall()
    there = [name for name, *_ in described if name in keys]
    _numbers(connection, source, value, exact)
    texts = (f"{CLEAN_TEXT.format(f'source_rows.{name}')} AS {name}" for name in there)
    sql = engines.fill(engines.statement("rate_rows"), keys=", ".join(texts), value=value)
    table = engines.fetch(connection, sql, {})
    ((broken,),) = connection.execute("SELECT count(*) FROM source_faults").fetchall()
    wrong = table[[*there, "value"]].isna().any(axis=1)
    if broken or wrong.any():
        row = table[wrong].head(1)
        shown = f"record {row['record'].iloc[0]}: {row['text'].iloc[0]!r}" if len(row) else "a line"
        raise UntrustedSource(
            source,
            "rates",
            f"{int(broken) + int(wrong.sum())} of its rows cannot be read (first: {shown})",
            f"Each row needs {' and '.join(there)}, and {value} as a number such as 12.50.",
        )
    return table[[*there, "value"]].rename(columns={"value": value})


def _numbers(
    connection: duckdb.DuckDBPyConnection, source: str, value: str, exact: frozenset[str]
) -> None:
    connection.execute(engines.statement("grammar"))
    connection.execute(engines.fill(engines.statement("number_texts"), role=value))
    form = forms.numbers(connection, source, Reading(), [value], exact & {value})
    sql = engines.fill(engines.statement("numbers"), role=value, digits=DIGITS)
    connection.execute(sql, {"decimal": "point" if value in exact else form.decimal})
