"""From the name of a source to a table of text rows: record, customer_id, date, amount."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pandas as pd

from crmlab.errors import NoUsableRows, SourceNotFound, UnreadableSource, WrongParameter
from crmlab.intake import csv_files, engines, frames, parquet_files
from crmlab.intake.columns import OPTIONS, Columns

CDNOW_FILES = {"cdnow": "CDNOW_master.txt", "cdnow-sample": "CDNOW_sample.txt"}
"""The sources that come with the installed package lifetimes, and their files in it."""

FOREIGN_STARTS = (
    (b"PK\x03\x04", "it is a zip archive, as an Excel workbook is"),
    (b"\xd0\xcf\x11\xe0", "it is an old Excel workbook"),
    (b"\x1f\x8b", "it is compressed with gzip"),
    (b"\xff\xfe", "it is written in UTF-16"),
    (b"\xfe\xff", "it is written in UTF-16"),
    (b"<", "it is a web page or XML"),
    (b"{", "it is JSON"),
    (b"[{", "it is JSON"),
)
"""How a file starts that is neither CSV nor Parquet, whatever its name says."""


@dataclass(frozen=True)
class Loaded:
    """A source whose rows now stand in the engine's table source_rows."""

    name: str
    fingerprint: str
    zero_amount: Literal["occasion", "ignore"]  # unless the caller says otherwise


def load(
    connection: duckdb.DuckDBPyConnection,
    source: str | os.PathLike[str] | pd.DataFrame,
    columns: Columns,
) -> Loaded:
    """Read `source` as text into the table source_rows: every row of it, in its order.

    Raises SourceNotFound, UnreadableSource, MissingColumn, NoUsableRows or WrongParameter.
    """
    if isinstance(source, pd.DataFrame):
        loaded = Loaded(frames.NAME, frames.load(connection, source, columns), "ignore")
    elif isinstance(source, str) and source in CDNOW_FILES:
        loaded = Loaded(source, _load_cdnow(connection, source, columns), "occasion")
    else:
        path, name = _existing_file(source)
        loaded = Loaded(name, _load_file(connection, path, name, columns), "ignore")
    if not connection.execute("SELECT count(*) FROM source_rows").fetchall()[0][0]:
        raise NoUsableRows(loaded.name, 0, {})
    return loaded


def _load_cdnow(connection: duckdb.DuckDBPyConnection, source: str, columns: Columns) -> str:
    for option in OPTIONS:
        given = getattr(columns, option)
        if given != option:
            raise WrongParameter(option, given, f"'{option}', its name in source '{source}'")
    path = _cdnow_path(source)
    connection.execute(engines.statement("cdnow"), {"path": engines.one_file(path)})
    return _fingerprint(path)


def _cdnow_path(source: str) -> Path:
    # By its path: importing lifetimes takes seconds and changes options of pandas.
    spec = importlib.util.find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / "datasets" / CDNOW_FILES[source]
        if path.is_file():
            return path
    raise UnreadableSource(
        source,
        "its file comes inside the Python package lifetimes, which is not installed here",
        "Install it: pip install lifetimes==0.11.3",
    )


def _load_file(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, columns: Columns
) -> str:
    """Fingerprint of the file, loaded as what its first bytes say it is."""
    try:
        with path.open("rb") as file:
            start = file.read(16)
        if start.startswith(parquet_files.MAGIC):
            parquet_files.load(connection, path, name, columns)
            return _fingerprint(path)
        _refuse_foreign(start, path, name)
        return csv_files.load(connection, path, name, columns)
    except OSError as error:
        reason = error.strerror or "the system refuses it"
        raise UnreadableSource(name, reason, "Check the file and its permissions.") from error


def _fingerprint(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_foreign(start: bytes, path: Path, name: str) -> None:
    if not start:
        raise NoUsableRows(name, 0, {})
    if path.suffix.casefold() in (".parquet", ".pq"):
        raise UnreadableSource(name, "it is not a Parquet file", "Write it again, or give a CSV.")
    for magic, found in FOREIGN_STARTS:
        if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(magic):
            raise UnreadableSource(name, found, csv_files.SAVE_AS_CSV)


def _existing_file(source: object) -> tuple[Path, str]:
    if not isinstance(source, str | os.PathLike) or not str(source).strip():
        raise WrongParameter(
            "source",
            source,
            "the path of a CSV or Parquet file, a pandas DataFrame, 'cdnow' or 'cdnow-sample'",
        )
    path, name = Path(source), str(source)
    if path.is_dir():
        raise UnreadableSource(name, "it is a folder", "Give the path of one file in it.")
    if not path.exists():
        raise SourceNotFound(name, _nearby(path))
    if not path.is_file():
        raise UnreadableSource(name, "it is not a file", "Give the path of a file.")
    return path, name


def _nearby(path: Path) -> list[str]:
    try:
        neighbours = [p for p in itertools.islice(path.parent.iterdir(), 1000) if p.is_file()]
    except OSError:
        neighbours = []
    return [*sorted(str(p) for p in neighbours), *CDNOW_FILES]
