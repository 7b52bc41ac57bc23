"""A table of customer attributes on its way in: which columns, which rows, and their account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import duckdb

from crmlab.errors import (
    AccountDoesNotBalance,
    MissingColumn,
    NoUsableRows,
    UntrustedSource,
    WrongParameter,
)
from crmlab.intake import columns, conversion, engines, sources
from crmlab.intake.dialect import excerpt
from crmlab.intake.loaded import Loaded
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import find, told

INSIDE = {"valid_from": "date", "acquisition_cost": "amount"}
"""Roles of purchases by whose grammar these columns are read."""

NUMBERS = ("cost", "discount")
"""The same of the numbers of a mapping, in their order."""

ALWAYS = "1900-01-01"
"""From when a row holds that has no day."""

REASONS = (
    "field_count",
    "control_char",
    "no_customer",
    "placeholder_id",
    "date_unreadable",
    "date_out_of_range",
    "cost_unreadable",
)
"""Why a row of attributes is set aside; a row has the first reason that fits."""


@dataclass(frozen=True)
class AttributeMapping:
    """The names of a table's columns; `others` are kept as text under their own names.

    Needed are customer_id and valid_from: an attribute without a day could tell a model what only
    became known later; of figures that are assumed and not observed (`dated` is False) the day may
    be left out. channel, acquisition_cost and consent are taken if they are there, and so are
    `numbers`, at most two, of which there must be one. `by_words`: columns may be called by any of
    the words of small_tables.WORDS.
    Raises WrongParameter for a name that is not text, or given twice.
    """

    customer_id: str = "customer_id"
    valid_from: str = "valid_from"
    channel: str | None = None
    acquisition_cost: str | None = None
    consent: str | None = None
    others: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    dated: bool = True
    by_words: bool = False

    def __post_init__(self) -> None:
        names: list[object] = []
        given = [(role, getattr(self, role)) for role in KNOWN]
        for role, name in [*given, *(("others", name) for name in self.others)]:
            if name is None:
                continue
            if not isinstance(name, str) or not name.strip():
                raise WrongParameter(role, name, "the name of a column")
            if name in names or (role == "others" and name in KNOWN):
                raise WrongParameter(role, name, "a column that no other option names")
            names.append(name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that it needs, or of which it needs one (`numbers`)."""
        given = (getattr(self, role) for role in KNOWN if self.dated or role != "valid_from")
        return (*(name for name in given if name is not None), *self.numbers, *self.others)

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """The columns that this table has, as the readers call them, and where they are.

        Raises MissingColumn, or UnreadableSource if two columns match.
        """
        places = {}
        for role in KNOWN:
            name = getattr(self, role)
            place = find(name or role, found, source, by_words=self.by_words)
            if place is not None:
                places[INSIDE.get(role, role)] = place
            elif name is not None and (self.dated or role != "valid_from"):
                raise MissingColumn(source, role, name, found)
        places |= self._numbers(found, source)
        for number, name in enumerate(self.others):
            place = find(name, found, source)
            if place is None:
                raise MissingColumn(source, "others", name, found)
            places[f"other_{number}"] = place
        return places

    def _numbers(self, found: Sequence[str], source: str) -> dict[str, int]:
        names = zip(NUMBERS, self.numbers, strict=False)
        places = {role: find(name, found, source, by_words=self.by_words) for role, name in names}
        there = {role: place for role, place in places.items() if place is not None}
        if self.numbers and not there:
            raise MissingColumn(source, "numbers", " or ".join(self.numbers), found)
        return there


KNOWN = ("customer_id", "valid_from", "channel", "acquisition_cost", "consent")


@dataclass(frozen=True)
class AttributeAccount:
    """Rows read = used + repeated (the same said twice) + set aside by reason."""

    source: str
    read: int
    used: int
    repeated: int
    set_aside: Mapping[str, int]

    def __post_init__(self) -> None:
        if self.read != self.used + self.repeated + sum(self.set_aside.values()):
            raise AccountDoesNotBalance(self.source, self.read, self.used, dict(self.set_aside))

    def as_dict(self) -> dict[str, object]:
        """The account in the types of JSON."""
        return {
            "source": self.source,
            "read": self.read,
            "used": self.used,
            "repeated": self.repeated,
            "set_aside": dict(self.set_aside),
        }


def prepare(
    connection: duckdb.DuckDBPyConnection,
    source: sources.Source,
    mapping: AttributeMapping,
    reading: Reading | None,
    meaning: Meaning | None,
) -> tuple[Loaded, tuple[str, ...], AttributeAccount]:
    """Make the table attribute_rows: record, customer_id, valid_from and facts (name -> text)."""
    how, what = reading or Reading(), meaning or Meaning()
    # A reader asks a mapping for places only, whatever it maps.
    loaded = sources.load(connection, source, cast(columns.Mapping, mapping), how)
    roles = [name for name, *_ in connection.execute("DESCRIBE source_rows").fetchall()]
    absent = {"amount": "CAST(NULL AS VARCHAR)", "date": engines.literal(ALWAYS)}
    more = [f"{sql} AS {role}" for role, sql in absent.items() if role not in roles]
    if more:
        connection.execute("ALTER VIEW source_rows RENAME TO rows_as_told")
        sql = f"CREATE VIEW source_rows AS SELECT *, {', '.join(more)} FROM rows_as_told"
        connection.execute(sql)
    conversion.convert(connection, loaded, how, what)
    facts = _facts(mapping, roles)
    told = ", ".join(f"{engines.literal(name)}: {text}" for name, text in facts.items())
    unreadable = " OR ".join(
        f"(stripped(source_rows.{role}) != '' AND records.{role} IS NULL)"
        for role in NUMBERS
        if role in roles
    )
    sql = engines.fill(
        engines.statement("attribute_rows"),
        facts=f"MAP {{{told}}}",
        unreadable=unreadable or "false",
    )
    connection.execute(sql)
    account = _account(connection, loaded.name, what)
    return loaded, tuple(facts), account


def _facts(mapping: AttributeMapping, roles: Sequence[str]) -> dict[str, str]:
    """The attributes that the table has, and SQL of the text of each."""
    clean = conversion.CLEAN_TEXT
    facts = {name: clean.format(f"source_rows.{name}") for name in ("channel", "consent")}
    facts = {name: sql for name, sql in facts.items() if name in roles}
    if "amount" in roles:
        facts["acquisition_cost"] = "CAST(records.amount AS VARCHAR)"
    for role, name in zip(NUMBERS, mapping.numbers, strict=False):
        if role in roles:
            facts[name] = f"CAST(records.{role} AS VARCHAR)"
    for number, name in enumerate(mapping.others):
        facts[name] = clean.format(f"source_rows.other_{number}")
    return facts


def _account(
    connection: duckdb.DuckDBPyConnection, source: str, meaning: Meaning
) -> AttributeAccount:
    rows = engines.fetch_rows(connection, engines.statement("attribute_account"), {})
    counts = {str(row["reason"]): int(row["rows"]) for row in rows}
    read = sum(connection.execute("SELECT count(*) FROM records").fetchall()[0])
    (found,) = engines.fetch_rows(connection, engines.statement("attribute_doubles"), {})
    account = AttributeAccount(
        source,
        read,
        counts.pop("used", 0),
        counts.pop("repeated", 0),
        {reason: counts.get(reason, 0) for reason in REASONS},
    )
    _refuse(connection, account, found, meaning)
    return account


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    account: AttributeAccount,
    doubles: dict[str, object],
    meaning: Meaning,
) -> None:
    if doubles["rows"]:
        dated = str(doubles["day"]) != ALWAYS
        raise UntrustedSource(
            account.source,
            "attributes_contradict",
            f"{doubles['rows']:,} customers have rows{' of one day' if dated else ''} that say "
            f"different things (first: {doubles['first']}, {doubles['places']})",
            f"Leave one row for each customer{' and day' if dated else ''}.",
        )
    first = _first(connection)
    if not account.used:
        raise NoUsableRows(account.source, account.read, account.set_aside, first)
    faulty = sum(account.set_aside.values())
    if faulty > meaning.limit * account.read:
        found, remedy = told(account.read, account.set_aside, first)
        more = f"Or allow more: --set limit={faulty / account.read + 0.005:.2f}"
        raise UntrustedSource(account.source, "limit", found, f"{remedy} {more}")


def _first(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Where the first row of each reason stands, and what it says there."""
    rows = engines.fetch_rows(connection, engines.statement("attribute_examples"), {})
    return {row["reason"]: f"first: {_place(row)}{_said(row)}" for row in rows}


def _place(row: Mapping[str, Any]) -> str:
    return f"record {row['record']}" if row["line"] is None else f"line {row['line']}"


BLAMED = {
    "field_count": ("text",),
    "placeholder_id": ("customer_id",),
    "date_unreadable": ("date",),
    "date_out_of_range": ("date",),
    "cost_unreadable": ("amount", *NUMBERS),
}
"""What of a row a reason is about, as the readers call it."""


def _said(row: Mapping[str, Any]) -> str:
    texts = [row.get(role) for role in BLAMED.get(row["reason"], ())]
    shown = " and ".join(excerpt(text) for text in texts if text)
    return f": {shown}" if shown else ""
