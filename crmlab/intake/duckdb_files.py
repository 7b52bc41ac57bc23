"""A table or a SELECT of a DuckDB file as a table of text rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from crmlab.errors import SourceAway, UnreadableSource
from crmlab.intake import engines, typed
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Rows
from crmlab.intake.reading import Reading

MAGIC = b"DUCK"
"""How the file continues after 8 bytes."""

TAKEN = ("memory", "main", "temp", "system")
"""Names that an engine uses itself."""


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    mapping: Mapping,
    reading: Reading,
) -> Rows:
    """Read one table or SELECT into source_rows, all as text; the file is not written to.

    The fingerprint is that of the content of the mapped columns. Raises MissingColumn,
    UnreadableSource, or SourceAway if another program holds the file.
    """
    with _attached(connection, path, name):
        relation, fact = _relation(connection, name, reading)
        places = mapping.locate(_columns(connection, relation), name)
        exact = typed.load(connection, relation, {}, places, name, time_zone=reading.time_zone)
    return Rows(typed.content_digest(connection, list(places)), exact, (fact,))


def names(path: Path, name: str, reading: Reading) -> list[str]:
    """The names of the columns of its table or SELECT."""
    connection = engines.connect()
    with _attached(connection, path, name):
        return _columns(connection, _relation(connection, name, reading)[0])


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> Iterator[None]:
    """The file as the place where names are looked for; the engine can open no other from then."""
    alias = engines.quote("source_file" if path.stem.casefold() in TAKEN else path.stem)
    try:
        connection.execute(f"ATTACH {engines.literal(str(path))} AS {alias} (READ_ONLY)")
        engines.seal(connection)
        connection.execute(f"USE {alias}")
        yield
        connection.execute("USE memory")
        connection.execute(f"DETACH {alias}")
    except duckdb.Error as error:
        raise _refused(name, error) from None


def _refused(name: str, error: duckdb.Error) -> Exception:
    found = engines.first_line(error)
    if "lock" in found or "different configuration" in found:
        return SourceAway(name, "another program or session has it open", "Close it there.")
    if isinstance(error, duckdb.IOException | duckdb.SerializationException):
        return UnreadableSource(name, f"its DuckDB file is damaged ({found})", "Copy it anew.")
    return UnreadableSource(name, f"DuckDB says: {found}", "Look at table and query.")


def _relation(
    connection: duckdb.DuckDBPyConnection, name: str, reading: Reading
) -> tuple[str, tuple[str, str]]:
    """What to select from, as SQL, and as a fact for the account."""
    if reading.query is not None:
        statements = connection.extract_statements(reading.query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise UnreadableSource(name, "its query is not one SELECT", "Give one SELECT.")
        query = statements[0].query.strip().removesuffix(";")
        return f"({query}\n)", ("query", reading.query)
    tables = connection.execute(engines.statement("duckdb_tables")).fetchall()
    spoken = {
        table if schema == "main" else f"{schema}.{table}": (schema, table)
        for schema, table in tables
    }
    wanted = reading.table
    if wanted is None:
        if len(spoken) != 1:
            raise UnreadableSource(name, *_choose(list(spoken)))
        (wanted,) = spoken
    table = wanted.removeprefix("main.")
    if table not in spoken:
        found = f"it has no table '{wanted}', only {', '.join(spoken) or 'none'}"
        raise UnreadableSource(name, found, "Name one of them: --set table=NAME")
    return ".".join(map(engines.quote, spoken[table])), ("table", table)


def _choose(tables: list[str]) -> tuple[str, str]:
    if not tables:
        return "it holds no table", "Give another file."
    listed = ", ".join(tables)
    return f"it holds several tables: {listed}", f"Name one: --set table={tables[0]}"


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return [column for column, *_ in described]
