"""A small clean log, as Parquet, and what the usual way makes of it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlab.scale.failures import NoJava
from crmlab.scale.valuation import Valued, score_customers

END = "2022-01-08"
GIVEN = {"observation_end": END, "margin": 0.3, "discount_rate": 0.15}
CUSTOMERS = 1_500


def simulated(customers: int = CUSTOMERS, seed: int = 7) -> pa.Table:
    """A log with several rows on some days, returns on the day, and rows after the end."""
    rng = np.random.default_rng(seed)
    age = rng.integers(30, 700, customers)
    rate = rng.gamma(0.6, 1 / 40, customers)
    rows = 1 + rng.poisson(rate * age * rng.random(customers))
    who = np.repeat(np.arange(customers), rows)
    day = np.floor(rng.random(len(who)) * age[who]).astype(np.int64) - 4
    cents = np.round(100 * rng.gamma(6, 1 / rng.gamma(4, 1 / 20, customers)[who])) + 1
    given_back = np.flatnonzero(rng.random(len(who)) < 0.05)
    twice = rng.integers(0, len(who), len(who) // 10)
    table = {
        "customer_id": np.concatenate([who, who[twice], who[given_back]]),
        "day": -np.concatenate([day, day[twice], day[given_back]]),
        "cents": np.concatenate([cents, cents[twice], -np.floor(cents[given_back] / 2)]),
    }
    sql = """
        SELECT
            customer_id,
            DATE '2022-01-08' + CAST(day AS INTEGER) AS date,
            CAST(CAST(cents AS BIGINT) / 100 AS DECIMAL(18, 2)) AS amount
        FROM rows
        ORDER BY hash(customer_id + 1000 * day + cents)
    """
    with duckdb.connect() as connection:
        connection.register("rows", pa.table(table))
        return connection.sql(sql).to_arrow_table()


@pytest.fixture(scope="session")
def table() -> pa.Table:
    """The rows of the log."""
    return simulated()


@pytest.fixture(scope="session")
def path(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log as Parquet."""
    place = tmp_path_factory.mktemp("log") / "log.parquet"
    pq.write_table(table, place, row_group_size=500)
    return place


@pytest.fixture(scope="session")
def valued(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Valued:
    """The log, valued by DuckDB."""
    return score_customers(path, tmp_path_factory.mktemp("out") / "customers.parquet", **GIVEN)


@pytest.fixture
def score(tmp_path: Path) -> Callable[..., tuple[Valued, pd.DataFrame]]:
    """Value a source; return what is told of it, and its customers in the order of their ids."""

    def _score(source: Any, **options: Any) -> tuple[Valued, pd.DataFrame]:
        done = score_customers(source, tmp_path / "customers.parquet", **(GIVEN | options))
        return done, _read(done.customers)

    return _score


@pytest.fixture(scope="session")
def given() -> dict[str, Any]:
    """What every valuation needs to be told."""
    return dict(GIVEN)


@pytest.fixture(scope="session")
def read() -> Callable[[Path], pd.DataFrame]:
    """Customers in the order of their ids."""
    return _read


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).sort_values("customer_id", ignore_index=True)


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A real Spark on this machine; without Java, one line that says so."""
    from crmlab.scale import spark as engine

    try:
        session = engine.local_session({"spark.sql.shuffle.partitions": "2"}, "local[2]")
    except NoJava as error:
        if "CRMLAB_REQUIRE_ALL" in os.environ:
            raise
        pytest.skip(str(error))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sockets that Spark leaves to the end of the process
        yield session
        session.stop()
