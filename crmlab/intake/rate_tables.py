"""Small tables that a user writes by hand: a margin by category, a cost by channel and cohort."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import duckdb
import pandas as pd

from crmlab.errors import MissingColumn, WrongTable
from crmlab.intake import columns, engines, forms, small_tables, sources
from crmlab.intake.conversion import CLEAN_TEXT
from crmlab.intake.dialect import excerpt
from crmlab.intake.margins import fold
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import Origin

DIGITS = "18, 6"


class Kind(NamedTuple):
    """What a table is given as, by which columns its rows are known, and its column of numbers.

    Numbers lie from `least` to `most`, which `expected` says in words.
    """

    parameter: str
    keys: tuple[str, ...]
    value: str
    least: float
    most: float
    expected: str


MARGINS = Kind("margin", ("category",), "margin", -1.0, 1.0,
               "Write shares of net spend from -1 to 1: 0.35 for 35 %.")  # fmt: skip
WINNING = Kind("acquisition_cost", ("channel", "cohort"), "cost", 0.0, 1e12,
               "Write money, 0 or more, such as 12.50 or 12,50.")  # fmt: skip


@dataclass(frozen=True)
class RateTable:
    """A table of rates as it was read.

    `rows` has those of the keys that the table has (text), its number by the name of its column,
    and `place`, where each row stands.
    """

    kind: Kind
    origin: Origin
    rows: pd.DataFrame = field(repr=False, compare=False)

    @property
    def keys(self) -> list[str]:
        """Those of the kind's keys that the table has."""
        return [key for key in self.kind.keys if key in self.rows]

    def wrong(self, found: str, remedy: str) -> WrongTable:
        """The error that names this table and what it was given as."""
        return WrongTable(self.kind.parameter, self.origin.source, found, remedy)


@dataclass(frozen=True)
class _Names:
    """The columns of a kind of table."""

    kind: Kind

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """Their places. Raises MissingColumn without the number, or without any key."""
        keys, value = self.kind.keys, self.kind.value
        places = {
            name: small_tables.find(name, found, source, by_words=True) for name in (*keys, value)
        }
        there = {name: place for name, place in places.items() if place is not None}
        if value not in there:
            raise MissingColumn(source, value, value, found)
        if len(there) == 1:
            raise MissingColumn(source, keys[0], " or ".join(keys), found)
        return there


def read_rates(source: str | os.PathLike[str], kind: Kind) -> RateTable:
    """Read a table of a kind from any sort of file that purchases are read from.

    Such tables are short and written by hand, so nothing is set aside: raises WrongTable for what
    cannot be read, a number out of its range, or two rows about the same.
    """
    small_tables.refuse_builtin(kind.parameter, source)
    connection = engines.connect()
    try:
        names = cast(columns.Mapping, _Names(kind))  # a reader asks it for places only
        with small_tables.given_as(kind.parameter, f"{' or '.join(kind.keys)} and {kind.value}"):
            loaded = sources.load(connection, source, names, Reading())
            rows = _rows(connection, loaded.name, kind, loaded.exact_roles)
        read = RateTable(kind, Origin(loaded.name, loaded.fingerprint), rows)
        _refuse_broken(connection, read)
    finally:
        connection.close()
    _refuse_gaps(read)
    _refuse_range(read)
    _refuse_repeats(read)
    return RateTable(kind, read.origin, rows.drop(columns="text"))


def _rows(
    connection: duckdb.DuckDBPyConnection, source: str, kind: Kind, exact: frozenset[str]
) -> pd.DataFrame:
    described = connection.execute("DESCRIBE source_rows").fetchall()
    there = [name for name, *_ in described if name in kind.keys]
    _numbers(connection, source, kind.value, exact)
    texts = (f"{CLEAN_TEXT.format(f'source_rows.{name}')} AS {name}" for name in there)
    sql = engines.fill(engines.statement("rate_rows"), keys=", ".join(texts), value=kind.value)
    return engines.fetch(connection, sql, {}).rename(columns={"value": kind.value})


def _numbers(
    connection: duckdb.DuckDBPyConnection, source: str, value: str, exact: frozenset[str]
) -> None:
    connection.execute(engines.statement("grammar"))
    connection.execute(engines.fill(engines.statement("number_texts"), role=value))
    form = forms.numbers(connection, source, Reading(), [value], exact & {value})
    sql = engines.fill(engines.statement("numbers"), role=value, digits=DIGITS)
    connection.execute(sql, {"decimal": "point" if value in exact else form.decimal})


def _refuse_broken(connection: duckdb.DuckDBPyConnection, table: RateTable) -> None:
    sql = "SELECT line, text FROM source_faults ORDER BY record"
    faults = connection.execute(sql).fetchall()
    if faults:
        said, remedy = small_tables.REASONS["field_count"]
        line, text = faults[0]
        found = f"{_of(faults)} {said} (first: line {line}: {excerpt(text)})"
        raise table.wrong(found, remedy)


def _of(some: Sequence[object] | pd.DataFrame) -> str:
    count = len(some)
    return f"{count:,} {'row has' if count == 1 else 'rows have'}"


def _refuse_gaps(table: RateTable) -> None:
    """Every row says what it is about, and a number."""
    for key in table.keys:
        bare = table.rows[table.rows[key].isna()]
        if len(bare):
            found = f"{_of(bare)} no {key} (first: {bare['place'].iloc[0]})"
            raise table.wrong(found, f"Write a {key} in every row, or take the row out.")
    value = table.kind.value
    bare = table.rows[table.rows[value].isna()]
    if len(bare):
        first = bare.iloc[0]
        said = excerpt(first["text"]) if isinstance(first["text"], str) else "nothing"
        found = f"{_of(bare)} no number as {value} (first: {first['place']}: {said})"
        raise table.wrong(found, table.kind.expected)


def _refuse_range(table: RateTable) -> None:
    kind = table.kind
    values = table.rows[kind.value]
    wrong = table.rows[(values < kind.least) | (values > kind.most)]
    if len(wrong):
        first = wrong.iloc[0]
        about = " ".join(str(first[key]) for key in table.keys)
        said = f"{about!r} {first[kind.value]:g}"
        bounds = f"below {kind.least:g}" if (wrong[kind.value] < kind.least).all() else (
            f"outside {kind.least:g} to {kind.most:g}")  # fmt: skip
        found = f"{_of(wrong)} a {kind.value} {bounds} (first: {first['place']}: {said})"
        raise table.wrong(found, kind.expected)


def _refuse_repeats(table: RateTable) -> None:
    """Each key once, without regard to case and doubled blanks."""
    folded = table.rows[table.keys].map(fold)
    again = folded.duplicated()
    if again.any():
        same = (folded == folded[again].iloc[0]).all(axis=1)
        places = " and ".join(table.rows.loc[same, "place"])
        about = " ".join(table.rows.loc[same, table.keys].iloc[0])
        count = int(again.sum())
        found = f"{count:,} of its rows repeat{'s' if count == 1 else ''} another"
        found += f" (first: {about!r} in {places})"
        raise table.wrong(found, f"Leave one row for each {' and '.join(table.keys)}.")
