"""From the name of a source to tables of text: source_rows and source_faults."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import duckdb
import pandas as pd

from crmlab.errors import (
    AddressAsSource,
    NoUsableRows,
    SourceChanged,
    SourceNotFound,
    UnreadableSource,
    WrongParameter,
)
from crmlab.intake import builtin, engines, files, frames
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Loaded
from crmlab.intake.reading import Reading

DATABASE = "postgres:"
"""What the name of a database begins with."""

Source: TypeAlias = "str | os.PathLike[str] | frames.Frame"

EXPECTED = (
    "the path of a CSV, Excel, Parquet or DuckDB file, 'postgres:NAME', 'cdnow' or 'cdnow-sample', "
    "or in Python a pandas, Polars or Arrow table"
)


def load(
    connection: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping, reading: Reading
) -> Loaded:
    """Read `source` as text into source_rows and source_faults: every row of it, in its order.

    source_rows has record, line and one column for each role of the mapping that the source has.
    Raises SourceNotFound, UnreadableSource, MissingColumn, NoUsableRows, WrongParameter, or
    SourceChanged and SourceAway, which may not be so the next time.
    """
    connection.execute(engines.statement("source_faults"))
    loaded = _load(connection, source, mapping, reading)
    if not connection.execute(engines.statement("source_is_filled")).fetchall()[0][0]:
        raise NoUsableRows(loaded.name, 0, {})
    return loaded


def column_names(source: Source, reading: Reading) -> tuple[str, ...]:
    """The names of the source's columns as they stand in it, without reading its rows.

    Raises as `load` does.
    """
    if not isinstance(source, str | os.PathLike):
        return tuple(frames.names(_frame(source)))
    if source in builtin.FILES:
        return builtin.COLUMNS
    if _is_database(source):
        from crmlab.intake import databases

        return databases.names(str(source), reading)
    path, name = _existing_file(source)
    with _readable(name):
        return files.names(path, name, reading)


def _load(
    connection: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping, reading: Reading
) -> Loaded:
    if not isinstance(source, str | os.PathLike):
        frame = _frame(source)
        reading.refuse_others((), "a DataFrame")
        rows = frames.load(connection, frame, mapping, reading.time_zone)
        return Loaded(frames.NAME, rows.fingerprint, "ignore", rows.exact, rows.facts)
    if source in builtin.FILES:
        reading.refuse_others((), f"'{source}'")
        rows = builtin.load(connection, str(source), mapping)
        return Loaded(str(source), rows.fingerprint, "occasion", rows.exact, rows.facts)
    if _is_database(source):
        from crmlab.intake import databases  # slow to import, and seldom needed

        rows = databases.load(connection, str(source), mapping, reading)
        return Loaded(str(source), rows.fingerprint, "ignore", rows.exact, rows.facts)
    path, name = _existing_file(source)
    with _readable(name):
        before = _state(path)
        rows = files.load(connection, path, name, mapping, reading)
        if _state(path) != before:
            raise SourceChanged(name)
    return Loaded(name, rows.fingerprint, "ignore", rows.exact, rows.facts)


def _is_database(source: object) -> bool:
    """Whether a source is the name of a database. Raises AddressAsSource for an address."""
    AddressAsSource.refuse(source)
    return isinstance(source, str) and source.startswith(DATABASE)


def _frame(source: object) -> frames.Frame:
    if isinstance(source, pd.DataFrame | frames.ArrowStream) and not isinstance(source, type):
        return source
    raise WrongParameter("source", source, EXPECTED)


def _state(path: Path) -> tuple[int, ...]:
    """What changes when somebody writes to a file or puts another in its place."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        remedy = "Check the file and its permissions."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = f"Make room in {tempfile.gettempdir()}, where it is unpacked."
        raise UnreadableSource(name, reason, remedy) from error


def _existing_file(source: str | os.PathLike[str]) -> tuple[Path, str]:
    name = os.fspath(source)
    if not isinstance(name, str) or not name.strip():
        raise WrongParameter("source", source, EXPECTED)
    try:
        path = Path(name).expanduser()
        if path.is_dir():
            raise UnreadableSource(name, "it is a folder", "Give the path of one file in it.")
        if not path.exists():
            raise SourceNotFound(name, _nearby(path))
        if not path.is_file():
            raise UnreadableSource(name, "it is not a file", "Give the path of a file.")
    except (OSError, ValueError, RuntimeError):  # a name that no file, or no home, can have
        raise SourceNotFound(name, builtin.FILES) from None
    return path, name


def _nearby(path: Path) -> list[str]:
    try:
        neighbours = [p for p in itertools.islice(path.parent.iterdir(), 1000) if p.is_file()]
    except OSError:
        neighbours = []
    return [*sorted(str(p) for p in neighbours), *builtin.FILES]
