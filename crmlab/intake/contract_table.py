"""A table of contracts on its way in: which columns, how they are read, and their account."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import duckdb
import numpy as np
import pandas as pd

from crmlab.errors import (
    AccountDoesNotBalance,
    MissingColumn,
    NoUsableRows,
    UntrustedSource,
    WrongParameter,
)
from crmlab.intake import columns, conversion, engines, forms, sources
from crmlab.intake.findings import Finding
from crmlab.intake.loaded import Loaded
from crmlab.intake.meaning import Meaning, plain_day
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import find

DATED, COUNTED = ("start", "end"), ("tenure", "ended")
INSIDE = {"start": "date", "end": "last_date"}
"""What the readers call the columns of days: last days follow the grammar of first ones."""

REASONS = (
    "field_count",
    "control_char",
    "no_customer",
    "placeholder_id",
    "start_unreadable",
    "date_out_of_range",
    "end_unreadable",
    "end_before_start",
    "tenure_unreadable",
    "tenure_not_whole",
    "ended_unreadable",
    "ended_without_tenure",
    "number_unreadable",
    "after_end",
    "ended_before_opened",
)
"""Why a contract is set aside; it has the first reason that fits."""

NO_FAULT = {"after_end", "ended_before_opened"}
"""Reasons that say nothing against the source: the contract lies outside the time observed."""

YES = {"yes", "y", "true", "t", "1", "1.0", "si", "s", "ended", "left", "lost", "churned",
       "cancelled", "canceled", "closed", "baja", "cancelado", "terminado"}  # fmt: skip
NO = {"no", "n", "false", "f", "0", "0.0", "running", "active", "open", "staying", "alta",
      "activo", "vigente"}  # fmt: skip

REMEDIES = {
    "tenure_not_whole": "A tenure counts whole periods: 0, 1, 2, ...",
    "ended_without_tenure": "A tenure counts the period in which a contract ended, too: give those "
    "that ended in their first period tenure 1.",
    "ended_unreadable": "Whether a contract has ended is expected as yes or no.",
    "end_before_start": "A contract ends on its first day or later.",
}


@dataclass(frozen=True)
class ContractMapping:
    """The names of a table's columns. `covariates` are kept as text, `numbers` as numbers.

    A contract is told either by `start` and `end` (days; no end while it runs) or by `tenure`
    (periods under contract so far, the one in which it ended included) and `ended` (yes or no).
    What is not named is the column of that name. Raises WrongParameter for a name that is not
    text or given twice.
    """

    customer_id: str = "customer_id"
    start: str | None = None
    end: str | None = None
    tenure: str | None = None
    ended: str | None = None
    covariates: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names: list[object] = []
        single = [(role, getattr(self, role)) for role in ("customer_id", *DATED, *COUNTED)]
        many = [(role, name) for role in ("covariates", "numbers") for name in getattr(self, role)]
        for role, name in [*single, *many]:
            if name is None:
                continue
            if not isinstance(name, str) or not name.strip():
                raise WrongParameter(role, name, "the name of a column")
            if name in names:
                raise WrongParameter(role, name, "a column that no other option names")
            names.append(name)
        if any(getattr(self, role) for role in DATED) and any(getattr(self, r) for r in COUNTED):
            raise WrongParameter("tenure", self.tenure, "none where start or end is given")

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """The columns that this table has, as the readers call them, and where they are.

        Raises MissingColumn, or UnreadableSource if two columns match.
        """
        wanted = [("customer_id", self.customer_id)]
        wanted += [(role, getattr(self, role) or role) for role in self._told_by(found, source)]
        places = {}
        for role, name in wanted:
            place = find(name, found, source)
            if place is None:
                raise MissingColumn(source, role, name, found)
            places[INSIDE.get(role, role)] = place
        for role, names in (("fact", self.covariates), ("number", self.numbers)):
            for number, name in enumerate(names):
                place = find(name, found, source)
                if place is None:
                    raise MissingColumn(source, "covariates", name, found)
                places[f"{role}_{number}"] = place
        return places

    def _told_by(self, found: Sequence[str], source: str) -> tuple[str, str]:
        """Whether days or tenures tell of the contracts: as named, or as the columns are called."""
        if any(getattr(self, role) for role in DATED):
            return DATED
        if any(getattr(self, role) for role in COUNTED):
            return COUNTED
        there = [find(role, found, source) is not None for role in (*DATED, *COUNTED)]
        if any(there[:2]) and any(there[2:]):
            expected = "named: the table has columns of both, days and tenures"
            raise WrongParameter("start or tenure", None, expected)
        if not any(there):
            raise MissingColumn(source, "start", "start' or 'tenure", found)
        return DATED if any(there[:2]) else COUNTED


@dataclass(frozen=True)
class ContractAccount:
    """Rows read = contracts used + repeated (the same row twice) + set aside by reason."""

    source: str
    read: int
    used: int
    repeated: int
    set_aside: Mapping[str, int]
    findings: tuple[Finding, ...] = field(default=(), compare=False)

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
            "findings": [finding.as_dict() for finding in self.findings],
        }


def load(
    source: sources.Source, mapping: ContractMapping, reading: Reading, meaning: Meaning
) -> tuple[Loaded, pd.DataFrame, pd.DataFrame]:
    """Every record of a table of contracts, typed (record, line, reason, columns), and its text.

    Columns are customer_id, start and end (days) or tenure and ended (as written), and the
    covariates by their names; `unreadable` names the number that is none. Raises as
    read_transactions does.
    """
    connection = engines.connect()
    try:
        # A reader asks a mapping for places only, whatever it maps.
        loaded = sources.load(connection, source, cast(columns.Mapping, mapping), reading)
        typed = _typed(connection, loaded, mapping, reading, meaning)
        originals = engines.fetch(connection, engines.statement("contract_originals"), {})
        return loaded, typed, originals.rename(columns=_own_names(mapping))
    finally:
        connection.close()


def _own_names(mapping: ContractMapping) -> dict[str, str]:
    """What the readers call the columns, and what the user does."""
    facts = {f"fact_{k}": name for k, name in enumerate(mapping.covariates)}
    numbers = {f"number_{k}": name for k, name in enumerate(mapping.numbers)}
    return {inside: role for role, inside in INSIDE.items()} | facts | numbers


def _typed(
    connection: duckdb.DuckDBPyConnection, loaded: Loaded, mapping: ContractMapping,
    reading: Reading, meaning: Meaning,
) -> pd.DataFrame:  # fmt: skip
    roles = [name for name, *_ in connection.execute("DESCRIBE source_rows").fetchall()]
    connection.execute(engines.statement("grammar"))
    (records,) = engines.fetch_rows(connection, engines.statement("contract_count"), {})
    # Rows are read by their day, and a tenure has none; contracts have no amount.
    more = {"amount": "NULL"}
    if "tenure" in roles:
        more |= {"last_date": "NULL", "date": "'2000-01-01'"}
    texts = "".join(f", CAST({value} AS VARCHAR) AS {name}" for name, value in more.items())
    connection.execute("ALTER VIEW source_rows RENAME TO contract_texts")
    connection.execute(engines.fill(engines.statement("contract_texts"), more=texts))
    connection.execute(engines.statement("contract_days"), records)
    conversion.convert(connection, _exact(loaded), reading, meaning)
    numbers = [role for role in roles if role == "tenure" or role.startswith("number_")]
    _read_numbers(connection, loaded, reading, numbers)
    join = "LEFT JOIN {0}_values ON source_rows.{0} = {0}_values.text"
    sql = engines.fill(
        engines.statement("contract_rows"),
        others="".join(f",\n    {text}" for text in _others(roles, mapping)),
        joins="\n".join(join.format(role) for role in numbers),
    )
    return engines.fetch(connection, sql, records)


def _exact(loaded: Loaded) -> Loaded:
    """Days need no proof only if both columns of them were typed."""
    if "last_date" in loaded.exact_roles or "date" not in loaded.exact_roles:
        return loaded
    return dataclasses.replace(loaded, exact_roles=loaded.exact_roles - {"date"})


def _read_numbers(
    connection: duckdb.DuckDBPyConnection, loaded: Loaded, reading: Reading, roles: list[str]
) -> None:
    """Make a table <role>_values of each column of numbers; one decimal sign holds for all."""
    for role in roles:
        connection.execute(engines.fill(engines.statement("number_texts"), role=role))
    form = forms.numbers(connection, loaded.name, reading, roles, loaded.exact_roles)
    for role in roles:
        decimal = "point" if role in loaded.exact_roles else form.decimal
        sql = engines.fill(engines.statement("numbers"), role=role, digits="18, 6")
        connection.execute(sql, {"decimal": decimal})


def _others(roles: list[str], mapping: ContractMapping) -> list[str]:
    """SQL of the columns beside customer and days: covariates by their own names."""
    texts = []
    for role in roles:
        kind, _, place = role.partition("_")
        if role == "ended":
            texts.append("plain_words(source_rows.ended) AS ended")
        elif kind == "fact":
            name = engines.quote(mapping.covariates[int(place)])
            texts.append(f"{conversion.CLEAN_TEXT.format(f'source_rows.{role}')} AS {name}")
        elif role == "tenure" or kind == "number":
            name = "tenure" if role == "tenure" else engines.quote(mapping.numbers[int(place)])
            value = f"CAST({role}_values.value AS DOUBLE)"
            texts.append(f"{value} AS {name}")
            told = f"stripped(visible(source_rows.{role})) != '' AND {role}_values.value IS NULL"
            texts.append(f"coalesce({told}, FALSE) AS {role}_unreadable")
    return texts


def account_of(
    source: str, rows: pd.DataFrame, meaning: Meaning, findings: tuple[Finding, ...]
) -> ContractAccount:
    """The account of rows with their columns reason and repeated.

    Raises NoUsableRows or, where more than `limit` of them are faulty, UntrustedSource.
    """
    counts = rows["reason"].value_counts()
    used = int((rows["reason"].isna() & ~rows["repeated"]).sum())
    set_aside = {reason: int(counts.get(reason, 0)) for reason in REASONS}
    repeated = int(rows["repeated"].sum())
    account = ContractAccount(source, len(rows), used, repeated, set_aside, findings)
    first = {
        str(reason): f"first at {_place(group.iloc[0])}"
        for reason, group in rows.groupby("reason", sort=False)
    }
    if not used:
        raise NoUsableRows(source, len(rows), set_aside, first)
    faults = {r: n for r, n in set_aside.items() if n and r not in NO_FAULT}
    if sum(faults.values()) > meaning.limit * len(rows):
        told = "; ".join(f"{r}: {n:,}, {first[r]}" for r, n in faults.items())
        worst = max(faults, key=lambda reason: faults[reason])
        share = sum(faults.values()) / len(rows) + 0.005
        remedy = f"{REMEDIES.get(worst, 'Correct them')} Or allow more: --set limit={share:.2f}"
        found = f"{sum(faults.values()):,} of {len(rows):,} rows cannot be used ({told})"
        raise UntrustedSource(source, "limit", found, remedy)
    return account


def _place(row: pd.Series) -> str:
    return f"record {row['record']}" if pd.isna(row["line"]) else f"line {row['line']:.0f}"


def whether_ended(words: pd.Series) -> pd.Series:
    """Yes or no as True or False; what is neither is missing."""
    told = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
    return words.map(told).astype("boolean")


def observed_day(name: str, value: str | dt.date | None) -> np.datetime64 | None:
    """A day of NumPy, or None. Raises WrongParameter for what is no day."""
    return None if value is None else np.datetime64(plain_day(name, value), "D")
