"""The same customers on Spark: a real one, local, with DuckDB's figures to 1e-9."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from crmlab.errors import (
    MissingColumn,
    SourceNotFound,
    UnreadableSource,
    UntrustedSource,
    WrongParameter,
)
from crmlab.scale.spark import Spark
from crmlab.scale.valuation import Valued, score_customers

Read = Callable[[Path], pd.DataFrame]


def assert_equal(expected: pd.DataFrame, actual: pd.DataFrame) -> None:
    """Every column, to 1e-9."""
    assert list(expected) == list(actual)
    for name in expected.columns:
        if name in ("first_date", "last_date"):
            assert list(expected[name].astype(str)) == list(actual[name].astype(str))
        elif name == "customer_id":
            assert list(expected[name]) == list(actual[name])
        else:
            np.testing.assert_allclose(actual[name], expected[name], rtol=1e-9, err_msg=name)


@pytest.fixture(scope="module")
def frame(spark: Any, path: Path) -> Any:
    """The log as a Spark DataFrame."""
    return spark.read.parquet(str(path))


def test_a_spark_dataframe_in_is_one_out(
    frame: Any, valued: Valued, read: Read, given: dict[str, Any]
) -> None:
    """Every column and total is DuckDB's, and the fits are the same to the bit."""
    done = score_customers(frame, **given)
    rows = done.customers.toArrow().to_pandas().sort_values("customer_id", ignore_index=True)

    assert_equal(read(valued.customers), rows)
    assert valued.totals == pytest.approx(done.totals, rel=1e-9)
    assert valued.account == done.account
    assert valued.fits.purchases.as_dict() == done.fits.purchases.as_dict()
    assert valued.fits.spend.as_dict() == done.fits.spend.as_dict()


def test_a_path_in_is_a_folder_out(
    spark: Any, path: Path, tmp_path: Path, valued: Valued, read: Read, given: dict[str, Any]
) -> None:
    """Written whole, also over what an earlier run left; no name of ours stays behind."""
    out = tmp_path / "customers.parquet"
    for _ in range(2):
        done = score_customers(str(path), out, engine=spark, **given)

    assert out == done.customers
    assert_equal(read(valued.customers), read(out))
    assert ["customers.parquet"] == [entry.name for entry in tmp_path.iterdir()]
    assert [] == [t.name for t in spark.catalog.listTables() if t.name.startswith("crmlab")]


def test_cdnow_with_free_days_and_text_ids(
    spark: Any, log: Any, study: Any, tmp_path: Path, read: Read, given: dict[str, Any]
) -> None:
    """The published base: every column of its summary and scores is DuckDB's, to 1e-9."""
    rows = log.occasions("1998-06-30")[["customer_id", "date", "amount"]]
    rows = rows.assign(date=pd.to_datetime(rows["date"]).dt.date)
    schema = pa.schema({"customer_id": pa.string(), "date": pa.date32(), "amount": pa.float64()})
    table = pa.Table.from_pandas(rows, schema, preserve_index=False)
    options = given | {"observation_end": "1998-06-30", "zero_amount": "occasion"}
    done = score_customers(spark.createDataFrame(table), **options)
    here = score_customers(table, tmp_path / "customers.parquet", **options)
    found = done.customers.toArrow().to_pandas().sort_values("customer_id", ignore_index=True)

    assert_equal(read(here.customers), found)
    assert study.equity == pytest.approx(done.equity, rel=1e-9)
    assert study.customers["p_alive"].sum() == pytest.approx(done.totals["active"], rel=1e-9)
    assert len(study.customers) == done.totals["customers"]


def test_a_csv_by_its_path(
    spark: Any, path: Path, tmp_path: Path, read: Read, given: dict[str, Any]
) -> None:
    """Ids are text unless told otherwise; a summary needs no types at all."""
    log, summary = tmp_path / "log.csv", tmp_path / "summary.csv"
    duckdb.connect().execute(f"COPY (FROM '{path}') TO '{log}' (HEADER)")
    kinds = {"customer_id": "BIGINT", "date": "DATE", "amount": "DECIMAL(18, 2)"}
    expected = score_customers(log, tmp_path / "duckdb.parquet", **given)
    names = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    read(expected.customers)[names].to_csv(summary, index=False)

    for number, (source, types) in enumerate([(log, None), (log, kinds), (summary, None)]):
        out = tmp_path / f"{number}"
        done = score_customers(source, out, engine=spark, types=types, **given)
        here = score_customers(source, tmp_path / "here.parquet", types=types, **given)

        assert_equal(read(here.customers), read(out))
        assert done.totals == pytest.approx(expected.totals, rel=1e-9)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,2021-05-01,5.0,9", r"\[MALFORMED.*crmlab check"),
        ("1,2021-05-01", r"\[MALFORMED"),
        ("1,2021,5.0", "'2021'"),
        ("1,2021-05-01,five", "'five'"),
    ],
)
def test_a_row_of_a_csv_that_does_not_fit(
    spark: Any,
    tmp_path: Path,
    given: dict[str, Any],
    row: str,
    told: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """It is neither filled up nor cut off nor left out, and told of once."""
    source = tmp_path / "log.csv"
    source.write_text(f"customer_id,date,amount\n1,2021-05-01,5.0\n{row}\n")

    with pytest.raises(UnreadableSource, match=told):
        score_customers(source, tmp_path / "out", engine=spark, **given)
    assert "" == capfd.readouterr().err
    with pytest.raises(MissingColumn, match="'who'"):
        score_customers(source, tmp_path / "out", engine=spark, types={"who": "DATE"}, **given)


def test_how_far_it_is(spark: Any) -> None:
    """A share of the tasks while some run, and no answer while none does."""
    at = Spark(spark, None)
    seen = [at.share()]
    rows = spark.range(0, 200_000_000, 1, 16).selectExpr("sum(hash(id) % 7)")
    work = threading.Thread(target=rows.collect)
    work.start()
    while work.is_alive():
        seen.append(at.share())
        time.sleep(0.02)

    assert -1.0 == seen[0]
    assert 0.0 <= max(seen) <= 100.0


def test_a_summary_on_spark(spark: Any, valued: Valued, read: Read, given: dict[str, Any]) -> None:
    """Without spend_frequency, frequency stands for it."""
    columns = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    expected = read(valued.customers)
    table = pa.Table.from_pandas(expected[columns], preserve_index=False)
    done = score_customers(spark.createDataFrame(table), **given)

    assert valued.totals == pytest.approx(done.totals, rel=1e-9)


def test_what_cannot_be_trusted_is_refused_on_spark_too(spark: Any, given: dict[str, Any]) -> None:
    """The same counts, the same words."""
    day = dt.date(2021, 5, 1)
    rows = [(1, day, 5.0), (1, day, float("nan")), (None, day, 1.0), (2, None, 1.0)]
    kind = "customer_id long, date date, amount double"

    with pytest.raises(
        UntrustedSource, match="of 4 rows 1 with no customer, 1 with no date, 1 wit"
    ):
        score_customers(spark.createDataFrame(rows, kind), **given)
    with pytest.raises(UnreadableSource, match="'date' holds instants"):
        score_customers(spark.sql("SELECT 1 customer_id, now() date, 1 amount"), **given)


def test_a_parquet_file_cut_short(
    spark: Any, path: Path, tmp_path: Path, given: dict[str, Any]
) -> None:
    """One clear error; what an earlier run wrote stays."""
    short, out = tmp_path / "short.parquet", tmp_path / "customers.parquet"
    short.write_bytes(path.read_bytes()[:-1000])
    out.write_text("earlier")

    with pytest.raises(UnreadableSource, match=r"short\.parquet' cannot be read: Spark says.*cut"):
        score_customers(str(short), out, engine=spark, **given)
    with pytest.raises(SourceNotFound, match=r"none\.parquet"):
        score_customers(str(tmp_path / "none.parquet"), out, engine=spark, **given)
    assert "earlier" == out.read_text()
    assert {"short.parquet", "customers.parquet"} == {entry.name for entry in tmp_path.iterdir()}


def test_an_unknown_engine(path: Path, given: dict[str, Any]) -> None:
    """There are two."""
    with pytest.raises(WrongParameter, match=r"'engine' is 'polars'; expected duckdb, spark"):
        score_customers(path, engine="polars", **given)


def test_without_java(path: Path, tmp_path: Path) -> None:
    """Neither on the PATH nor where JAVA_HOME points to: one line, the earlier result stays."""
    out = tmp_path / "customers.parquet"
    out.write_text("earlier")
    given = ("--observation-end", "2022-01-08", "--margin", "0.3", "--discount-rate", "0.15")
    asked = ("score", str(path), *given, "--out", str(out), "--engine", "spark")
    command = [sys.executable, "-c", "from crmlab.cli import app; app()", *asked]
    without = {"PATH": str(tmp_path), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    told = []
    for java in ({}, {"JAVA_HOME": str(tmp_path / "jdk")}):
        done = subprocess.run(command, capture_output=True, text=True, env=without | java)
        assert 2 == done.returncode, done.stderr
        told += done.stderr.splitlines()

    none, wrong = told
    assert "no java on the PATH" in none
    assert "openjdk-17-jre-headless" in none
    assert "jdk/bin/java' does not run" in wrong
    assert "earlier" == out.read_text()


def test_a_session_that_is_there_is_used_and_left(
    spark: Any, path: Path, tmp_path: Path, valued: Valued, given: dict[str, Any]
) -> None:
    """engine='spark' starts one of its own only where there is none."""
    done = score_customers(path, tmp_path / "customers", engine="spark", **given)

    assert valued.totals == pytest.approx(done.totals, rel=1e-9)
    assert 1 == spark.range(1).count()


LOSE = """
import contextlib, sys, threading, time
import psutil
from crmlab.scale.spark import local_session
from crmlab.scale.valuation import score_customers

def stages(tracker):
    return [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]

def lose():
    tracker = session.sparkContext.statusTracker()
    while True:  # a worker that was lost through no fault of a task is replaced, and lost again
        time.sleep(0.5)
        if any(one and one.numActiveTasks for one in stages(tracker)):
            for process in psutil.Process().children(recursive=True):
                kill(process)

def kill(process):
    with contextlib.suppress(psutil.Error):  # it may be gone already
        if any(sys.argv[2] in word for word in process.cmdline()):
            process.kill()

more = {"spark.task.maxFailures": "1", "spark.sql.shuffle.partitions": "2"}
session = local_session(more, "local-cluster[1,1,1024]")
rows = session.range(40_000_000_000).selectExpr(
    "id % 1000 AS customer_id", "DATE '2021-01-01' + CAST(id % 300 AS INT) AS date", "5 AS amount"
)
threading.Thread(target=lose, daemon=True).start()
try:
    score_customers(
        rows, sys.argv[1], observation_end="2022-01-08", margin=0.3, discount_rate=0.15
    )
except Exception as error:
    print(type(error).__name__, error.exit_code, error)
"""


@pytest.mark.usefixtures("spark")  # where it runs
@pytest.mark.parametrize("lost", ["CoarseGrainedExecutorBackend", "SparkSubmit"])
def test_a_lost_worker_or_driver(tmp_path: Path, lost: str) -> None:
    """Killed in the middle of the work: one clear error, and what an earlier run wrote stays."""
    out = tmp_path / "customers.parquet"
    out.write_text("earlier")
    command = [sys.executable, "-c", LOSE, str(out), lost]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert re.match("EngineLost 75 Spark stopped working: ", done.stdout), done.stderr[-2000:]
    assert "Nothing was written" in done.stdout
    assert "earlier" == out.read_text()
    assert ["customers.parquet"] == [entry.name for entry in tmp_path.iterdir()]
