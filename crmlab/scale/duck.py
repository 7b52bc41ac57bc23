"""The statements on DuckDB: embedded, in as much memory as it may take, beyond it on disk."""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from crmlab.errors import CrmlabError, SourceNotFound, UnreadableSource, WrongParameter
from crmlab.intake import engines
from crmlab.scale.columns import CSV_TYPES
from crmlab.scale.failures import UNREADABLE, CannotWrite, OutOfMemory, SpillFull
from crmlab.scale.output import whole

PARQUET = "FORMAT parquet, DICTIONARY_SIZE_LIMIT 1, USE_TMP_FILE false"
CSV = "FORMAT csv, HEADER, USE_TMP_FILE false"
AMOUNT = re.compile(r"[1-9]\d*(\.\d+)? ?([KMGT]i?B)", re.IGNORECASE)
UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
MOST_MEMORY = 4 << 30
"""Bytes that DuckDB takes at most unless told otherwise; Python's own come on top."""

Source = Any
"""A path, a DataFrame, an Arrow table, or a DuckDB relation."""


class Duck:
    """One run's engine. `memory_limit` such as '2GB'; `threads` are all unless given.

    What does not fit into memory goes to a private folder, removed by `close`.
    """

    dialect = "duckdb"

    def __init__(self, memory_limit: str | None = None, threads: int | None = None) -> None:
        self._connection = engines.connect()
        self._folder = engines.folder(self._connection)
        self._source = "the table"
        self._set("preserve_insertion_order", "false")
        if memory_limit is not None or engines.MEMORY not in os.environ:
            self._limit(memory_limit)
        if threads is not None:
            self._set("threads", str(_threads(threads)))
        with contextlib.suppress(duckdb.InvalidInputException):  # as in engines
            self._set("enable_progress_bar", "true")  # or query_progress knows nothing
            self._set("enable_progress_bar_print", "false")

    def open(self, source: Source, types: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
        """Make the view `source` of what is given; return its name for people, and its types.

        Parquet and CSV are read in place. Columns of a CSV have the `types` declared, or those of
        CSV_TYPES. Raises SourceNotFound or UnreadableSource.
        """
        name = _name(source)
        with self._telling(name):
            if isinstance(source, duckdb.DuckDBPyRelation):  # of a connection that is not ours
                self._connection.register("handed", source.to_arrow_reader())
                self._connection.execute("CREATE TABLE source AS FROM handed")
            elif isinstance(source, pd.DataFrame | pa.Table):
                self._connection.register("source", source)
            else:
                relation = self._relation(os.fspath(source), name, types)
                self._connection.execute(f"CREATE VIEW source AS FROM {relation}")
            described = self._connection.execute("DESCRIBE source").fetchall()
        self._source = name
        return name, {column: str(kind) for column, kind, *_ in described}

    def view(self, name: str, sql: str) -> None:
        """Give a SELECT a name."""
        self._run(f"CREATE VIEW {name} AS {sql}")

    def lay(self, name: str, sql: str) -> None:
        """Keep what a SELECT finds under a name."""
        self._run(f"CREATE TABLE {name} AS {sql}")

    def take(self, name: str, table: pa.Table) -> None:
        """Give a small table a name."""
        self._connection.register(name, table)

    def arrow(self, sql: str) -> pa.Table:
        """What a SELECT finds."""
        with self._telling(self._source):
            return self._connection.sql(sql).to_arrow_table()

    def one(self, sql: str) -> dict[str, Any]:
        """The one row that a SELECT finds."""
        (row,) = self.arrow(sql).to_pylist()
        return dict(row)

    def write(self, sql: str, path: Path | None) -> Path:
        """Write what a SELECT finds as a whole or not at all, as Parquet or, named so, CSV."""
        if path is None:
            raise WrongParameter("out", None, "the path of a Parquet file to be written")
        options = CSV if path.suffix == ".csv" else PARQUET
        with whole(path) as partial:
            try:
                to = engines.literal(str(partial))
                self._connection.execute(f"COPY ({sql}) TO {to} ({options})")
            except (duckdb.Error, RuntimeError) as error:
                raise self._told(error) or self._unwritten(error, path, partial) from None
        return path

    def reopen(self, name: str, written: Path) -> None:
        """Give a Parquet file that was written a name."""
        self.view(name, f"FROM read_parquet({engines.literal(engines.one_file(written))})")

    def share(self) -> float:
        """How much of the running statement is done, 0 to 100; below 0 where nobody knows."""
        return float(self._connection.query_progress())

    def close(self) -> None:
        """Give memory and disk back."""
        self._connection.close()

    def _run(self, sql: str) -> None:
        with self._telling(self._source):
            self._connection.execute(sql)

    @contextlib.contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Turn what the engine says into an error for people."""
        try:
            yield
        except (duckdb.Error, RuntimeError) as error:
            raise self._told(error) or _unreadable(name, error) from None

    def _relation(self, path: str, name: str, types: Mapping[str, str] | None) -> str:
        """SQL that reads a file, a folder of Parquet files, or the files that a pattern fits."""
        place = Path(path)
        if place.is_dir():
            return f"read_parquet({engines.literal(engines.one_file(place) + '/*.parquet')})"
        if not place.is_file() and not set("*?[") & set(path):
            nearby = [str(p) for p in place.parent.glob("*") if p.is_file()]
            raise SourceNotFound(name, nearby)
        files = engines.literal(engines.one_file(place) if place.is_file() else path)
        if place.suffix.casefold() not in (".csv", ".tsv", ".txt", ".gz"):
            return f"read_parquet({files})"
        declared = ", ".join(
            f"{engines.literal(column)}: {engines.literal(kind)}"
            for column, kind in (self._usual_types(files) if types is None else types).items()
        )
        return f"read_csv({files}, header = true, types = {{{declared}}}, dateformat = '%Y-%m-%d')"

    def _usual_types(self, files: str) -> dict[str, str]:
        """CSV_TYPES of the columns that are there: a summary has neither date nor amount."""
        header = f"DESCRIBE FROM read_csv({files}, header = true, all_varchar = true)"
        there = {column for column, *_ in self._connection.execute(header).fetchall()}
        return {column: kind for column, kind in CSV_TYPES.items() if column in there}

    def _told(self, error: Exception) -> BaseException | None:
        """What an error means if it is not about the source or the output."""
        text = str(error)
        if text.startswith("Query interrupted"):  # Ctrl-C, as DuckDB tells it
            return KeyboardInterrupt()
        if not isinstance(error, duckdb.Error):
            return error
        memory = self._setting("memory_limit")
        if str(self._folder) in text or "max_temp_directory_size" in text:
            return SpillFull(self._folder, memory, _found(error))
        if isinstance(error, duckdb.OutOfMemoryException):
            return OutOfMemory(memory, _found(error))
        return None

    def _unwritten(self, error: Exception, path: Path, partial: Path) -> CrmlabError:
        if str(partial) in str(error) or partial.name in str(error):
            return CannotWrite(path, _found(error))
        return _unreadable(self._source, error)

    def _limit(self, memory_limit: str | None) -> None:
        if memory_limit is not None and not AMOUNT.fullmatch(memory_limit.strip()):
            raise WrongParameter("memory_limit", memory_limit, "an amount of memory such as 4GB")
        if memory_limit is None:
            self._connection.execute("RESET memory_limit")  # to 80 % of the machine's
            share = int(engines.SHARE * _bytes(self._setting("memory_limit")))
            memory_limit = f"{min(MOST_MEMORY, share)}B"
        self._set("memory_limit", memory_limit)

    def _set(self, name: str, value: str) -> None:
        self._connection.execute(f"SET {name} = {engines.literal(value)}")

    def _setting(self, name: str) -> str:
        return str(self._connection.execute(f"SELECT current_setting('{name}')").fetchall()[0][0])


def _name(source: Source) -> str:
    told = isinstance(source, str | os.PathLike)
    return os.fspath(source) if told else f"the {type(source).__name__}"


def _unreadable(name: str, error: Exception) -> CrmlabError:
    return UnreadableSource(name, f"DuckDB says: {engines.first_line(error)}", UNREADABLE)


def _found(error: Exception) -> str:
    """What an error says: the system's own words where it was the system that refused."""
    text = str(error)
    codes = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES, errno.EROFS)
    words = [os.strerror(code) for code in codes if os.strerror(code) in text]
    return words[0].lower() if words else engines.first_line(error)


def _bytes(written: str) -> float:
    number, unit = written.split()  # such as 18.8 GiB
    return float(number) * 1024.0 ** UNITS.index(unit)


def _threads(wanted: int) -> int:
    if wanted < 1:
        raise WrongParameter("threads", wanted, "a number of 1 or more")
    return wanted
