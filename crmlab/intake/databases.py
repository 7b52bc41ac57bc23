"""A table or a SELECT of a PostgreSQL database as a table of text rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import psycopg
from psycopg import sql

from crmlab.errors import SourceAway, UnreadableSource
from crmlab.intake import connections, csv_files, engines, typed
from crmlab.intake.columns import Mapping
from crmlab.intake.connections import CONNECT_TIMEOUT, Connection
from crmlab.intake.loaded import Rows
from crmlab.intake.reading import Reading

PREFIX = "postgres:"
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision", "money")
FLOATS = ("real", "double precision")
DAYS = ("date", "timestamp without time zone", "timestamp with time zone")
LISTED = 12
"""Tables that a message names."""

FULL = re.compile("too many connections|connection slots|starting up|shutting down")
"""What a server that asked for a password may say to come back later; else it knows us not."""

Link = psycopg.Connection[Any]


def load(
    connection: duckdb.DuckDBPyConnection, source: str, mapping: Mapping, reading: Reading
) -> Rows:
    """Read one table or SELECT into source_rows, all as text, in one read-only transaction.

    The fingerprint is that of the rows as they came, in their order. Raises UnknownConnection,
    WrongConnection, MissingColumn, UnreadableSource, or SourceAway if the database does not answer
    or not in time.
    """
    with engines.scratch(connection) as folder, _open(source, reading) as link:
        relation, fact = _relation(link, source, reading)
        columns = _columns(link, relation, source)
        places = mapping.locate([name for name, _ in columns], source)
        kinds = {role: columns[place][1] for role, place in places.items()}
        for role in typed.IDS:
            if kinds.get(role) in FLOATS:
                _refuse_lost_digits(link, relation, places[role], columns, source)
        texts = [
            _text(f"c{place}", kinds[role], columns[place][0], source, reading.time_zone)
            for role, place in places.items()
        ]
        digest, count = _copy(link, _select(texts, relation, len(columns)), folder / "copy.csv")
        roles = {role: f"c{i}" for i, role in enumerate(places)}
        csv_files.load_written(connection, folder / "copy.csv", roles, numbered=False)
        _refuse_other_count(connection, count, source)
    exact = frozenset(role for role, kind in kinds.items() if is_exact(role, kind))
    return Rows(digest, exact, (fact,))


def names(source: str, reading: Reading) -> tuple[str, ...]:
    """The names of the columns of its table or SELECT. Raises as `load` does."""
    with _open(source, reading) as link:
        relation, _ = _relation(link, source, reading)
        return tuple(name for name, _ in _columns(link, relation, source))


def is_exact(role: str, kind: str) -> bool:
    """Whether a column of this type, written as text, leaves nothing to prove in this role."""
    if role in typed.AS_TEXT:
        return kind in (*NUMBERS, *DAYS, "uuid")
    return kind in (DAYS if role == "date" else NUMBERS)


@contextmanager
def _open(source: str, reading: Reading) -> Iterator[Link]:
    """A read-only transaction that sees one state of the database and ends in time."""
    reading.refuse_others(("table", "query"), "a database")
    known = connections.find(source.removeprefix(PREFIX))
    try:
        defaults = {"connect_timeout": CONNECT_TIMEOUT, "application_name": "crmlab"}
        parameters = {**defaults, **known.parameters, "client_encoding": "utf8"}
        with _connect(source, known, parameters) as link:
            link.read_only = True
            link.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            _settle(link, known)
            yield link
    except psycopg.Error as error:
        raise _refused(source, known, error) from None


def _connect(source: str, known: Connection, parameters: dict[str, Any]) -> Link:
    """Connect. Raises UnreadableSource where the server asks who we are and turns us away."""
    try:
        return psycopg.connect(**parameters)
    except psycopg.OperationalError as error:
        tried = error.pgconn
        asked = tried is not None and (tried.used_password or tried.needs_password)
        if not asked or FULL.search(str(error)):
            raise
        remedy = "Look at user, password and dbname of the connection: trying again does not help."
        raise UnreadableSource(source, known.clean(str(error)), remedy) from None


def _settle(link: Link, known: Connection) -> None:
    settings = {"DateStyle": "ISO", "TimeZone": "UTC", "extra_float_digits": "1"}
    if known.timeout is not None:
        settings["statement_timeout"] = f"{round(known.timeout * 1000)}"
    for setting, value in settings.items():
        link.execute("SELECT set_config(%s, %s, true)", [setting, value])


def _refused(source: str, known: Connection, error: psycopg.Error) -> Exception:
    found = known.clean(error.diag.message_primary or str(error))
    if isinstance(error, psycopg.errors.QueryCanceled):
        told = f"{known.timeout:g} s" if known.timeout else "its statement_timeout"
        remedy = "Ask for less, or give it longer: statement_timeout in crmlab.toml, in seconds."
        return SourceAway(source, f"it was given up after {told}", remedy)
    if isinstance(error, psycopg.OperationalError):
        return SourceAway(source, found, "Check that the database is up and the connection right.")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return UnreadableSource(source, found, "Ask for the right to SELECT.")
    return UnreadableSource(source, f"PostgreSQL says: {found}", "Look at table and query.")


def _relation(link: Link, source: str, reading: Reading) -> tuple[sql.Composable, tuple[str, str]]:
    """What to select from, as SQL, and as a fact for the account."""
    if reading.query is not None:
        query = reading.query.strip().removesuffix(";")
        _refuse_no_select(link, query, source)
        return sql.SQL("({}\n)").format(sql.SQL(query)), ("query", reading.query)
    tables = link.execute(engines.statement("postgres_tables")).fetchall()
    spoken = {f"{schema}.{table}": (schema, table) for schema, table, _ in tables}
    seen = {table: (schema, table) for schema, table, visible in tables if visible}
    wanted = reading.table or (next(iter(spoken)) if len(spoken) == 1 else None)
    if wanted is None or wanted not in spoken | seen:
        raise _unknown_table(source, wanted, sorted(spoken))
    place = (spoken | seen)[wanted]
    return sql.Identifier(*place), ("table", ".".join(place))


def _unknown_table(source: str, wanted: str | None, tables: Sequence[str]) -> UnreadableSource:
    listed = ", ".join(tables[:LISTED]) + (", ..." if len(tables) > LISTED else "")
    if not tables:
        return UnreadableSource(source, "it holds no table", "Ask for the right to see one.")
    if wanted is None:
        found = f"it holds several tables: {listed}"
        return UnreadableSource(source, found, f"Name one: --set table={tables[0]}")
    found = f"it has no table '{wanted}', only {listed}"
    return UnreadableSource(source, found, "Name one of them: --set table=SCHEMA.TABLE")


def _refuse_no_select(link: Link, query: str, source: str) -> None:
    """Refuse what is not one statement by itself, before it is put inside another."""
    result = link.pgconn.prepare(b"", query.encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result)
    result = link.pgconn.prepare(b"", f"SELECT * FROM ({query}\n) AS source".encode())
    if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise UnreadableSource(source, "its query is not one SELECT", "Give one SELECT.")


def _columns(link: Link, relation: sql.Composable, source: str) -> list[tuple[str, str]]:
    """Names and types of the relation's columns."""
    cursor = link.execute(sql.SQL("SELECT * FROM {} AS source LIMIT 0").format(relation))
    described = cursor.description or []
    if not described:
        raise UnreadableSource(source, "its table has no columns", "Name another.")
    kinds = link.execute(
        "SELECT format_type(kind, NULL) FROM unnest(%s::oid[]) WITH ORDINALITY AS t(kind, place) "
        "ORDER BY place",
        [[column.type_code for column in described]],
    ).fetchall()
    return [(column.name, kind) for column, (kind,) in zip(described, kinds, strict=True)]


def _text(place: str, kind: str, name: str, source: str, time_zone: str | None) -> sql.Composable:
    """A column as text that the gate can take without proof, where its type allows that."""
    column = sql.Identifier(place)
    if kind in FLOATS:
        return sql.SQL(engines.statement("postgres_float")).format(x=column)
    if kind == "money":
        return sql.SQL("CAST(CAST({} AS numeric) AS text)").format(column)
    if kind == "timestamp with time zone":
        if time_zone is None:
            raise typed.instants(name, source)
        return sql.SQL("CAST({} AT TIME ZONE {} AS text)").format(column, sql.Literal(time_zone))
    return sql.SQL("CAST({} AS text)").format(column)


def _select(texts: Sequence[sql.Composable], relation: sql.Composable, width: int) -> sql.Composed:
    # By their places: two columns of a query may have the same name.
    return sql.SQL("SELECT {} FROM {} AS source({})").format(
        sql.SQL(", ").join(texts),
        relation,
        sql.SQL(", ").join(sql.Identifier(f"c{i}") for i in range(width)),
    )


def _refuse_lost_digits(
    link: Link,
    relation: sql.Composable,
    place: int,
    columns: Sequence[tuple[str, str]],
    source: str,
) -> None:
    column = sql.Identifier(f"c{place}")
    lost = sql.SQL(engines.statement("postgres_lost_digits")).format(
        x=column, rows=_select([column], relation, len(columns))
    )
    ((count, first),) = link.execute(lost).fetchall()
    if count:
        raise typed.lost_digits(columns[place][0], count, first, source)


def _copy(link: Link, select: sql.Composed, path: Path) -> tuple[str, int]:
    """Write the rows to a private file; the SHA-256 of what came, and how many rows it is."""
    digest = hashlib.sha256()
    with link.cursor() as cursor, open(path, "xb", opener=engines.private) as out:
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(select)) as copy:
            for block in copy:
                digest.update(block)
                out.write(block)
        return digest.hexdigest(), cursor.rowcount


def _refuse_other_count(connection: duckdb.DuckDBPyConnection, count: int, source: str) -> None:
    ((found,),) = connection.execute("SELECT count(*) FROM source_rows").fetchall()
    if found != count:
        told = f"{count} rows were sent and {found} understood"
        raise UnreadableSource(source, told, "Report this as an error in crmlab.")
