"""The same statements on Spark, told in its dialect: DataFrame and SQL API only."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from crmlab.errors import MissingColumn, SourceNotFound, UnreadableSource, WrongParameter
from crmlab.intake.engines import quote
from crmlab.scale.columns import CSV_TYPES, GIVEN
from crmlab.scale.failures import UNREADABLE, EngineLost, NoJava, NotInstalled
from crmlab.scale.output import whole
from crmlab.scale.statements import in_dialect

LOCAL: dict[str, bool | float | int | str | None] = {
    "spark.log.level": "OFF",  # what goes wrong is raised
    "spark.ui.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.ui.showConsoleProgress": "false",  # our own bar tells, as for every engine
}
"""How a session is set up that is ours."""

SUMMARY_TYPES = dict.fromkeys((*GIVEN, "spend_frequency"), "DOUBLE")
"""Types of a CSV's columns where it is a summary."""

INSTANT = {"TIMESTAMP": "TIMESTAMP WITH TIME ZONE"}
"""Spark's timestamps are instants; its TIMESTAMP_NTZ is what others call a timestamp."""

LOST = (
    "ExecutorLostFailure",
    "SparkContext was shut down",
    "stopped SparkContext",
    "has been stopped",
)
"""What Spark says of workers that are gone, or of itself when it is."""


NAMED = re.compile(r"\[[A-Z][A-Z_.]+\] .*")
"""How Spark names what went wrong, and what it says of it."""


class Spark:
    """One run on a SparkSession: that of the DataFrame, the one given, the one that is active, or
    a local one of ours.

    Raises NotInstalled or NoJava where there is none to be had.
    """

    dialect = "spark"

    def __init__(self, engine: Any, source: Any) -> None:
        if isinstance(engine, str) and engine not in ("spark", "duckdb"):
            raise WrongParameter("engine", engine, "duckdb, spark, or a SparkSession")
        there = getattr(source, "sparkSession", None if isinstance(engine, str) else engine)
        there = there or _active_session()
        self._own, self._session = there is None, there or local_session()
        self._prefix = f"crmlab_{secrets.token_hex(4)}_"
        self._views: list[str] = []
        self._kept: list[Any] = []

    def open(self, source: Any, types: Mapping[str, str] | None) -> tuple[str, dict[str, str]]:
        """Make the view `source` of what is given; return its name for people, and its types.

        Raises SourceNotFound or UnreadableSource.
        """
        if hasattr(source, "sparkSession"):
            self._name, frame = "the Spark DataFrame", source
        elif isinstance(source, str | os.PathLike):
            self._name = os.fspath(source)
            frame = self._read(self._name, types)
        else:
            self._name = f"the {type(source).__name__}"
            frame = self._frame(source)
        self._call("source", frame)
        return self._name, {name: _kind(kind) for name, kind in frame.dtypes}

    def view(self, name: str, sql: str) -> None:
        """Give a SELECT a name."""
        with self._telling():
            self._call(name, self._select(sql))

    def lay(self, name: str, sql: str) -> None:
        """Keep what a SELECT finds under a name, in the memory of the cluster or on its disks."""
        with self._telling():
            frame = self._select(sql).persist()
            self._kept.append(frame)
            self._call(name, frame)
            frame.count()

    def take(self, name: str, table: pa.Table) -> None:
        """Give a small table a name; every worker gets all of it."""
        from pyspark.sql.functions import broadcast

        with self._telling():
            self._call(name, broadcast(self._session.createDataFrame(table)))

    def arrow(self, sql: str) -> pa.Table:
        """What a SELECT finds."""
        with self._telling():
            return self._select(sql).toArrow()

    def one(self, sql: str) -> dict[str, Any]:
        """The one row that a SELECT finds."""
        (row,) = self.arrow(sql).to_pylist()
        return dict(row)

    def write(self, sql: str, path: Path | None) -> Any:
        """Write what a SELECT finds as a folder of Parquet files; without a path, a DataFrame."""
        with self._telling():
            frame = self._select(sql)
            if path is not None:
                with whole(path.absolute()) as partial:
                    frame.write.parquet(partial.as_uri())
                return path
            if self._own:
                raise WrongParameter("out", None, "the path of a folder to be written")
            return frame

    def reopen(self, name: str, written: Any) -> None:
        """Give what was written a name."""
        with self._telling():
            path = isinstance(written, Path)
            read = self._session.read.parquet
            self._call(name, read(written.absolute().as_uri()) if path else written)

    def share(self) -> float:
        """How many of the running stages' tasks are done, 0 to 100; below 0 where nobody knows."""
        with contextlib.suppress(Exception):  # a cluster elsewhere tells nothing of its tasks
            tracker = self._session.sparkContext.statusTracker()
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
            tasks = sum(stage.numTasks for stage in stages if stage)
            done = sum(stage.numCompletedTasks for stage in stages if stage)
            return float(100 * done / tasks)
        return -1.0

    def close(self) -> None:
        """Forget our names, and stop a session that is ours."""
        with contextlib.suppress(Exception):  # of a cluster that is lost there is nothing to forget
            for name in self._views:
                self._session.catalog.dropTempView(name)
            if self._own:
                for frame in self._kept:
                    frame.unpersist()
                self._session.stop()

    def _select(self, sql: str) -> Any:
        return self._session.sql(self._told(sql))

    def _told(self, sql: str) -> str:
        """A statement for Spark, with our views by the names that they have there."""
        import sqlglot
        from sqlglot import exp

        tree = sqlglot.parse_one(in_dialect(sql, self.dialect), read=self.dialect)
        for table in tree.find_all(exp.Table):
            if self._prefix + table.name in self._views:
                alias = table.alias or table.name
                table.set("this", exp.to_identifier(self._prefix + table.name))
                table.set("alias", exp.TableAlias(this=exp.to_identifier(alias)))
        return str(tree.sql(self.dialect))

    def _call(self, name: str, frame: Any) -> None:
        frame.createOrReplaceTempView(self._prefix + name)
        self._views.append(self._prefix + name)

    def _frame(self, source: Any) -> Any:
        with self._telling():
            return self._session.createDataFrame(source)

    def _read(self, path: str, types: Mapping[str, str] | None) -> Any:
        if "://" not in path and not Path(path).exists() and not set("*?[") & set(path):
            raise SourceNotFound(path)
        with self._telling():
            if types is not None or path.casefold().endswith((".csv", ".csv.gz")):
                return self._csv(path, types)
            return self._session.read.parquet(path)

    def _csv(self, path: str, types: Mapping[str, str] | None) -> Any:
        """A CSV as text, its columns cast to the types declared, or those of CSV_TYPES.

        A row of too few or too many fields fails: Spark would fill it up, or cut it off, silently.
        """
        rows = self._session.read.options(
            header=True, mode="FAILFAST", columnPruning=False, escape='"'
        ).csv(path)
        declared = {**SUMMARY_TYPES, **(CSV_TYPES if types is None else types)}
        for column in types or ():
            if column not in rows.columns:
                raise MissingColumn(path, "types", column, rows.columns)
        self._call("text", rows)
        cast = [_cast(name, declared.get(name)) for name in rows.columns]
        return self._select(f"SELECT {', '.join(cast)} FROM text")

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what Spark says into an error for people."""
        from py4j.protocol import Py4JError, Py4JNetworkError
        from pyspark.errors import PySparkException

        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of pandas, which is not used here
                yield
        except (PySparkException, Py4JError, ConnectionError) as error:
            found = _first_words(error)
            # What Java has to say is a Py4JJavaError; any other tells that there is no Java.
            if isinstance(error, ConnectionError) or type(error) in (Py4JError, Py4JNetworkError):
                raise EngineLost(f"its driver answers no more ({found})") from None
            if any(word in str(error) for word in LOST):
                raise EngineLost(found) from None
            raise UnreadableSource(self._name, f"Spark says: {found}", UNREADABLE) from None


def _active_session() -> Any:
    """The session that somebody has started in this process, or None."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise NotInstalled("PySpark", "spark") from None
    return SparkSession.getActiveSession()


def local_session(more: Mapping[str, str] = MappingProxyType({}), master: str = "local[*]") -> Any:
    """A Spark on this machine, set up with LOCAL and `more`. Raises NoJava."""
    from pyspark.errors import PySparkRuntimeError
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    _check_java()
    # PySpark prints what it raises, too, and a person would read it twice.
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    builder = SparkSession.builder.master(master).appName("crmlab").config(map={**LOCAL, **more})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return builder.getOrCreate()
    except PySparkRuntimeError as error:
        raise NoJava(_first_words(error)) from None


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if java is None:
        raise NoJava("there is no java on the PATH, and JAVA_HOME is not set")
    try:
        subprocess.run([java, "-version"], capture_output=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        raise NoJava(f"'{java}' does not run") from None


def _cast(column: str, kind: str | None) -> str:
    """A column of a CSV as SQL; dates are years, months and days and nothing else."""
    quoted = quote(column)
    if kind is None:
        return quoted
    if kind.upper() == "DATE":
        return f"CAST(strptime({quoted}, '%Y-%m-%d') AS DATE) AS {quoted}"
    return f"CAST({quoted} AS {kind}) AS {quoted}"


def _kind(kind: str) -> str:
    upper = kind.upper()
    return INSTANT.get(upper, upper)


def _first_words(error: Exception) -> str:
    """The line that tells what happened: not where in Java it was said.

    The innermost cause that has a name of Spark's, such as [CAST_INVALID_INPUT], tells most.
    """
    lines = [line.strip(" :") for line in str(error).splitlines()]
    telling = [line[line.index(word) :] for line in lines for word in LOST if word in line]
    plain = [line for line in lines if line and not line.startswith("An error occurred")]
    named = [match[0] for line in reversed(lines) if (match := NAMED.search(line))]
    return ([*telling, *named, *plain, type(error).__name__][0])[:200]
