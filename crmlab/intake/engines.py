"""The one seam to the engine: open it, read the statements kept in sql/, run them."""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import duckdb
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from crmlab.errors import WrongParameter

MEMORY = "CRMLAB_MEMORY_LIMIT"
"""The environment variable that says how much memory an engine may take, such as 4GB."""

PREFIX = "crmlab-engine-"
BATCH = 1 << 17
"""Rows that are taken over in one go."""

JUST_MADE = 60.0
"""Seconds in which a folder may not be locked yet."""

MOST_MEMORY = 1 << 30
SHARE = 0.75
"""Of what DuckDB would take by itself, which is 80 % of the machine or of its container."""


def connect() -> duckdb.DuckDBPyConnection:
    """Open an engine that sees no Python variable, downloads nothing and speaks UTC.

    Its tables are in memory up to a limit, and beyond it in a private folder that is removed
    with the connection. Raises WrongParameter for a limit that is none.
    """
    spill, lock = _private_folder()
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "preserve_insertion_order": "true",
            "temp_directory": spill,
        },
    )
    weakref.finalize(connection, _remove, spill, lock)
    _limit_memory(connection)
    return _quiet(connection)


def folder(connection: duckdb.DuckDBPyConnection) -> Path:
    """The engine's private folder, which lives as long as the connection."""
    return Path(_setting(connection, "temp_directory"))


@contextlib.contextmanager
def scratch(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """A private folder inside the engine's own, for as long as a source is loaded."""
    with tempfile.TemporaryDirectory(dir=folder(connection)) as inside:
        yield Path(inside)


def seal(connection: duckdb.DuckDBPyConnection) -> None:
    """Shut the engine off from files and network for the rest of its life."""
    connection.execute("SET enable_external_access = false")


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read: the `opener` of what is written to a scratch."""
    return os.open(path, flags, 0o600)


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


class Bench:
    """A connection of its own to an engine's tables, with temporary tables that nobody else sees.

    `asked` holds the values that its statements may ask for by name.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, asked: Mapping[str, object]) -> None:
        self.asked = dict(asked)
        self._cursor = _quiet(connection.cursor())

    def lay(self, table: str, sql: str) -> None:
        """Make a temporary table of what a SELECT finds."""
        self._execute(f"CREATE TEMP TABLE {quote(table)} AS {sql}")

    def show(self, view: str, sql: str) -> None:
        """Make a temporary view of a SELECT that asks for no value."""
        self._execute(f"CREATE TEMP VIEW {quote(view)} AS {sql}")

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """The rows of one SELECT as dicts of Python values (money as Decimal)."""
        result = self._execute(sql)
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def fill(self, space: npt.NDArray[Any], sql: str) -> npt.NDArray[Any]:
        """Write the values of a SELECT of one column into an array; return what is filled of it."""
        filled = 0
        for batch in self.stream(sql, BATCH):
            space[filled : filled + len(batch)] = batch.column(0)
            filled += len(batch)
        return space[:filled]

    def stream(self, sql: str, rows: int = 1_000_000) -> pa.RecordBatchReader:
        """The rows of one SELECT that asks for no value, in batches of so many."""
        return self._cursor.sql(sql).to_arrow_reader(rows)

    def close(self) -> None:
        """Give the temporary tables back."""
        self._cursor.close()

    def _execute(self, sql: str) -> duckdb.DuckDBPyConnection:
        return _execute(self._cursor, sql, self.asked)


def literal(text: str) -> str:
    """Return a text as SQL that cannot be anything else."""
    return "'" + text.replace("'", "''") + "'"


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
    return _execute(_quiet(connection.cursor()), sql, parameters)


def _execute(
    cursor: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> duckdb.DuckDBPyConnection:
    (prepared,) = cursor.extract_statements(sql)
    # DuckDB refuses a parameter that the statement does not name.
    known = {name: parameters[name] for name in prepared.named_parameters}
    return cursor.execute(prepared, known)


def _private_folder() -> tuple[str, int]:
    """A folder that no one else may look into, and the lock that says it is in use."""
    _sweep()
    path = tempfile.mkdtemp(prefix=PREFIX)
    lock = os.open(path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    return path, lock


def _remove(path: str, lock: int) -> None:
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _sweep() -> None:
    """Remove the folders of processes that were killed: the system has given their locks back."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            found = path.lstat()
            if found.st_uid != os.getuid() or time.time() - found.st_mtime < JUST_MADE:
                continue
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)


def _limit_memory(connection: duckdb.DuckDBPyConnection) -> None:
    wanted = os.environ.get(MEMORY)
    own = int(SHARE * _bytes(_setting(connection, "memory_limit")))
    try:
        limit = wanted or f"{min(MOST_MEMORY, own)}B"
        connection.execute(f"SET memory_limit = {literal(limit)}")
    except duckdb.Error:
        raise WrongParameter(MEMORY, wanted, "an amount of memory such as 4GB") from None


def _setting(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    return str(connection.execute("SELECT current_setting(?)", [name]).fetchall()[0][0])


def _bytes(written: str) -> float:
    number, unit = written.split()  # such as 18.8 GiB
    units: dict[str, int] = {"bytes": 0, "KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40}
    return float(number) * (1 << units[unit])


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    # These two belong to a connection, and a cursor does not inherit them.
    connection.execute("SET TimeZone = 'UTC'")
    with contextlib.suppress(duckdb.InvalidInputException):  # Jupyter without ipywidgets has none
        connection.execute("SET enable_progress_bar = false")
    return connection


@functools.cache
def _text(name: str) -> str:
    folder = resources.files("crmlab.intake") / "sql"
    return (folder / f"{name}.sql").read_text(encoding="utf-8").strip()
