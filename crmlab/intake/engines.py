"""The one seam to the engine: open it, read the statements kept in sql/, run them."""

from __future__ import annotations

import contextlib
import re
import tempfile
import uuid
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd


def connect() -> duckdb.DuckDBPyConnection:
    """Open an engine in memory that sees no Python variable, downloads nothing and speaks UTC."""
    # A spill folder of its own: DuckDB makes it when memory runs out and removes it on closing.
    spill = Path(tempfile.gettempdir()) / f"crmlab-{uuid.uuid4().hex}"
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "preserve_insertion_order": "true",
            "temp_directory": str(spill),
        },
    )
    return _quiet(connection)


def seal(connection: duckdb.DuckDBPyConnection) -> None:
    """Shut the engine off from files and network for the rest of its life."""
    connection.execute("SET enable_external_access = false")


def statement(name: str, *using: str) -> str:
    """Return the text of sql/`name`.sql; it may select from the statements named in `using`."""
    if not using:
        return _text(name)
    tables = ",\n".join(f"{other} AS (\n{_text(other)}\n)" for other in using)
    return f"WITH {tables}\n{_text(name)}"


def fill(text: str, **parts: str) -> str:
    """Put SQL parts, already quoted, in the place of `{name}` in a statement."""
    # In one pass: a column may be called {relation}.
    return re.sub(r"\{(\w+)\}", lambda place: parts[place[1]], text)


def quote(identifier: str) -> str:
    """Return a column or table name as SQL that cannot be anything else."""
    return '"' + identifier.replace('"', '""') + '"'


def fetch(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> pd.DataFrame:
    """Run one SELECT and return its rows as a DataFrame."""
    return _run(connection, sql, parameters).df()


def fetch_rows(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> list[dict[str, Any]]:
    """Run one SELECT and return its rows as dicts of Python values (money as Decimal)."""
    result = _run(connection, sql, parameters)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def one_file(path: Path) -> str:
    """Return a path as DuckDB takes it for this one file: `*`, `?` and `[` are no patterns."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path))


def first_line(error: Exception) -> str:
    """Return what an engine's error says, without its notes."""
    return str(error).strip().partition("\n")[0][:160]


def _run(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> duckdb.DuckDBPyConnection:
    # A cursor each time, so that two threads may ask the same log.
    cursor = _quiet(connection.cursor())
    (prepared,) = cursor.extract_statements(sql)
    # DuckDB refuses a parameter that the statement does not name.
    known = {name: parameters[name] for name in prepared.named_parameters}
    return cursor.execute(prepared, known)


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # These two belong to a connection, and a cursor does not inherit them.
    connection.execute("SET TimeZone = 'UTC'")
    with contextlib.suppress(duckdb.InvalidInputException):  # Jupyter without ipywidgets has none
        connection.execute("SET enable_progress_bar = false")
    return connection


def _text(name: str) -> str:
    folder = resources.files("crmlab.intake") / "sql"
    return (folder / f"{name}.sql").read_text(encoding="utf-8").strip()
