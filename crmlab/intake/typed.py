"""A relation whose columns have types of their own (Parquet, Arrow, DuckDB) as text rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import duckdb
import pyarrow as pa

from crmlab.errors import UnreadableSource
from crmlab.intake import engines, text_rows

FLOATS = ("FLOAT", "DOUBLE")
NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|DECIMAL\(.*|BIGNUM")
DAY = re.compile(r"DATE|TIMESTAMP.*")
NESTED = re.compile(r".*\[\d*\]|(STRUCT|MAP|UNION)\(.*", re.DOTALL)
INSTANT = re.compile(r"TIMESTAMP.*( WITH TIME ZONE|TZ).*")

MOST_DIGITS = 38
"""Digits of a decimal that the engine keeps exactly."""

IDS = ("customer_id", "transaction_id")
"""Roles in which two values must not become one."""

AS_TEXT = (
    "customer_id",
    "transaction_id",
    "product",
    "category",
    "currency",
    "channel",
    "campaign",
)
"""Roles whose text is taken as it is; the others are dates and numbers."""


class Column(NamedTuple):
    """A column of the relation: its name, the engine's name of its type, its name for people."""

    name: str
    kind: str
    label: str


def load(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    parameters: Mapping[str, str],
    places: Mapping[str, int],
    name: str,
    *,
    time_zone: str | None,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> frozenset[str]:
    """Make source_rows from `relation`, `places` telling where in it each role is.

    `labels` are the columns' names for people, where they are not those in `relation`.

    Return the roles whose types leave nothing to prove. Raises UnreadableSource for instants with
    a time zone if none is given to make days of them, for ids as floats that lost digits, and for
    cells that hold more than one value.
    """
    connection.execute(engines.statement("float_text"))
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}", parameters).fetchall()
    columns = {}
    for role, place in places.items():
        column, kind, *_ = described[place]
        columns[role] = Column(column, kind, labels.get(role, column))
        if NESTED.fullmatch(kind):
            raise nested(columns[role], name)
    for role in IDS:
        if role in columns and columns[role].kind in FLOATS:
            _refuse_lost_digits(connection, relation, parameters, columns[role], name)
    roles = [f"{_text(column, name, time_zone)} AS {role}" for role, column in columns.items()]
    sql = engines.fill(engines.statement("typed"), roles=",\n    ".join(roles), relation=relation)
    connection.execute(sql, parameters)
    text_rows.number(connection)
    return frozenset(role for role, column in columns.items() if is_exact(role, column.kind))


def is_exact(role: str, kind: str) -> bool:
    """Whether a column of this type, written as text, leaves nothing to prove in this role."""
    if role in AS_TEXT:
        return kind == "UUID" or bool(NUMBER.fullmatch(kind) or DAY.fullmatch(kind))
    return bool((DAY if role == "date" else NUMBER).fullmatch(kind))


def content_digest(connection: duckdb.DuckDBPyConnection, roles: Sequence[str]) -> str:
    """SHA-256 of the roles and of all their text in source_rows, in its order."""
    row = "\n            || ".join(
        f"coalesce(strlen({role}) || ':' || {role}, '-')" for role in roles
    )
    sql = engines.fill(engines.statement("fingerprint"), row=row)
    parts = [str(part["digest"]) for part in engines.fetch_rows(connection, sql, {})]
    return hashlib.sha256("".join([*roles, *parts]).encode()).hexdigest()


def nested(column: Column, name: str) -> UnreadableSource:
    """The error for a column whose cells are lists or records."""
    return UnreadableSource(
        name,
        f"column '{column.label}' holds several values in a cell ({column.kind[:60]})",
        "Give a column with one value a row: take the right one where it comes from.",
    )


def instants(column: str, name: str) -> UnreadableSource:
    """The error for instants of which no one can tell the day."""
    return UnreadableSource(
        name,
        f"column '{column}' holds instants with a time zone, and their day depends on where one "
        "stands",
        "Say in which time zone the business keeps its days: --set time_zone=Europe/Madrid",
    )


def lost_digits(column: str, count: int, first: object, name: str) -> UnreadableSource:
    """The error for ids that are floating-point numbers and no longer whole."""
    return UnreadableSource(
        name,
        f"column '{column}' holds {count} identifiers as floating-point numbers that cannot "
        f"be whole and exact (first: {first})",
        "Keep them as text from where they come, in pandas for example: "
        "dtype={'" + column + "': str}.",
    )


def refuse_wide(types: Mapping[str, pa.DataType], name: str) -> None:
    """Refuse columns of decimals that the engine would read as floating-point numbers, or not."""
    for column, kind in types.items():
        if pa.types.is_decimal(kind) and kind.precision > MOST_DIGITS:
            raise UnreadableSource(
                name,
                f"column '{column}' holds decimals of up to {kind.precision} digits, and more than "
                f"{MOST_DIGITS} cannot be read exactly",
                f"Write it anew as decimals of at most {MOST_DIGITS} digits, such as "
                "decimal(18, 4).",
            )


def _refuse_lost_digits(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    parameters: Mapping[str, str],
    column: Column,
    name: str,
) -> None:
    """Two long identifiers can be one floating-point number: two customers would become one."""
    sql = engines.fill(
        engines.statement("lost_digits"), customer_id=engines.quote(column.name), relation=relation
    )
    (row,) = connection.execute(sql, parameters).fetchall()
    if row[0]:
        raise lost_digits(column.label, row[0], row[1], name)


def _text(column: Column, name: str, time_zone: str | None) -> str:
    quoted = engines.quote(column.name)
    if column.kind in FLOATS:
        return f"memory.main.float_text({quoted})"
    if INSTANT.fullmatch(column.kind):
        if time_zone is None:
            raise instants(column.label, name)
        quoted = f"timezone({engines.literal(time_zone)}, CAST({quoted} AS TIMESTAMPTZ))"
    return f"CAST({quoted} AS VARCHAR)"
