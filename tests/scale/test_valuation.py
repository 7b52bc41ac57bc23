"""Customers valued in DuckDB: the same figures as the usual way, to the bit at any threads."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import crmlab
from crmlab import schema
from crmlab.errors import (
    MissingColumn,
    NotEstimable,
    NoUsableRows,
    SourceNotFound,
    UnreadableSource,
    UntrustedSource,
    WrongParameter,
)
from crmlab.scale.valuation import Valued, score_customers

Read = Callable[[Path], pd.DataFrame]
Score = Callable[..., tuple[Valued, pd.DataFrame]]


def usual(table: pa.Table, folder: Path, options: dict[str, Any]) -> crmlab.Study:
    """The same rows through the gate."""
    path = folder / "through_the_gate.parquet"
    pq.write_table(table, path)
    log = crmlab.read_transactions(path, duplicates="keep", keep_ids="0")
    return crmlab.Study.run(log, **options)


def assert_equal(expected: pd.DataFrame, actual: pd.DataFrame, rel: float) -> None:
    """Every column of `actual` is that of `expected`."""
    assert len(expected) == len(actual)
    for name in actual.columns.drop(["customer_id", "first_date", "last_date"], errors="ignore"):
        want, have = (frame[name].to_numpy(dtype=float) for frame in (expected, actual))
        np.testing.assert_allclose(have, want, rtol=rel, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("model", ["bg-nbd", "mbg-nbd", "pareto-nbd"])
def test_it_is_the_study_of_the_same_rows(
    table: pa.Table, tmp_path: Path, given: dict[str, Any], score: Score, model: str
) -> None:
    """Gate, summary, fits and scores of the usual way, to 1e-9 on every column."""
    study = usual(table, tmp_path, given | {"model": model})
    expected = study.customers.reset_index()
    expected["customer_id"] = expected["customer_id"].astype(int)
    done, customers = score(table, model=model)

    assert_equal(expected.sort_values("customer_id", ignore_index=True), customers, 1e-9)
    assert study.equity == pytest.approx(done.equity, rel=1e-9)
    assert len(customers) == done.totals["customers"]


def test_it_is_the_study_of_cdnow(
    log: crmlab.TransactionLog, study: crmlab.Study, score: Score
) -> None:
    """Free days count as occasions there, and text ids stay text."""
    rows = log.occasions("1998-06-30")[["customer_id", "date", "amount"]]
    rows["date"] = pd.to_datetime(rows["date"])
    done, customers = score(rows, observation_end="1998-06-30", zero_amount="occasion")

    assert_equal(study.customers.reset_index(), customers, 1e-9)
    assert list(study.customers.index) == list(customers["customer_id"])
    assert round(study.equity, 4) == round(done.equity, 4)
    assert study.purchases.log_likelihood == done.fits.purchases.log_likelihood


def test_the_columns_are_those_of_the_schema(valued: Valued) -> None:
    """History, then scores; log_gaps alone is left out, which these models do not need."""
    names = [c.name for c in (*schema.SUMMARY, *schema.SCORES) if c.name != "log_gaps"]

    assert names == pq.read_schema(valued.customers).names


def test_threads_change_no_bit(
    path: Path, tmp_path: Path, given: dict[str, Any], read: Read
) -> None:
    """Neither of a customer, nor of a total, nor of the fits."""
    one, two = (
        score_customers(path, tmp_path / f"{n}.parquet", threads=n, **given) for n in (1, 2)
    )

    pd.testing.assert_frame_equal(read(one.customers), read(two.customers), check_exact=True)
    assert one.totals == two.totals
    assert one.fits.purchases.as_dict() == two.fits.purchases.as_dict()
    assert one.fits.spend.as_dict() == two.fits.spend.as_dict()


def test_the_order_of_rows_changes_no_bit(
    table: pa.Table, valued: Valued, score: Score, read: Read
) -> None:
    """Sums are exact."""
    done, customers = score(table.take(np.random.default_rng(1).permutation(len(table))))

    pd.testing.assert_frame_equal(read(valued.customers), customers, check_exact=True)
    assert valued.totals == done.totals


def test_whatever_it_comes_as(
    table: pa.Table, path: Path, valued: Valued, score: Score, read: Read
) -> None:
    """Parquet, a folder or a pattern of it, Arrow, a relation, a DataFrame: one result."""
    connection = duckdb.connect()
    sources = {
        "text": str(path),
        "folder": path.parent,
        "pattern": str(path.parent / "*.parquet"),
        "arrow": table,
        "relation": connection.from_arrow(table),
        "frame": table.to_pandas(types_mapper=pd.ArrowDtype),
    }
    expected = read(valued.customers)

    for source in sources.values():
        done, customers = score(source)
        pd.testing.assert_frame_equal(expected, customers, check_exact=True)
        assert valued.totals == done.totals


@pytest.mark.parametrize("kind", ["DOUBLE", "DECIMAL(12,4)", "DECIMAL(38,2)"])
def test_whatever_type_money_has(
    path: Path, valued: Valued, score: Score, kind: str, read: Read
) -> None:
    """Cents are cents, in floats too."""
    sql = f"SELECT customer_id, date, CAST(amount AS {kind}) AS amount FROM '{path}'"
    connection = duckdb.connect()
    done, customers = score(connection.sql(sql))

    assert_equal(read(valued.customers), customers, 1e-15)
    assert done.totals["residual_clv"] == pytest.approx(valued.equity, rel=1e-12)


def test_a_csv_with_declared_types(
    path: Path, tmp_path: Path, valued: Valued, score: Score, read: Read
) -> None:
    """Ids are text unless told otherwise."""
    file = tmp_path / "log.csv"
    connection = duckdb.connect()
    connection.execute(f"COPY (FROM '{path}') TO '{file}' (HEADER)")
    _, as_text = score(file)
    kinds = {"customer_id": "BIGINT", "date": "DATE", "amount": "DECIMAL(18, 2)"}
    done, customers = score(file, types=kinds)

    assert as_text["customer_id"].dtype == "str"
    pd.testing.assert_frame_equal(read(valued.customers), customers, check_exact=True)
    assert valued.totals == done.totals


def test_a_summary_made_elsewhere(valued: Valued, score: Score, read: Read) -> None:
    """lifetimes' columns, monetary_value 0 without a repeat: the same scores."""
    expected = read(valued.customers)
    columns = ["customer_id", "frequency", "recency", "T", "monetary_value"]
    done, customers = score(expected[columns].fillna({"monetary_value": 0}))

    for name in ("p_alive", "det", "expected_spend", "residual_clv", "value_at_risk"):
        np.testing.assert_array_equal(expected[name], customers[name])
    assert valued.totals == done.totals


def test_rows_after_the_end_are_left_out_and_counted(
    valued: Valued, table: pa.Table, read: Read, given: dict[str, Any]
) -> None:
    """And returns, which lowered the purchases of their day."""
    frame = table.to_pandas()
    late = frame["date"] > dt.date.fromisoformat(given["observation_end"])

    assert late.sum() > 0
    assert (len(frame), late.sum()) == (valued.account.records, valued.account.after_end)
    assert (frame["amount"] < 0).sum() == valued.account.returns
    assert set(frame["customer_id"][~late]) >= set(read(valued.customers)["customer_id"])


ROW = "(1, DATE '2021-05-01', 5.0), (1, DATE '2021-06-01', 7.0), (2, DATE '2021-05-01', 1.0)"


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("(NULL, DATE '2021-05-01', 5.0)", r"of 4 rows 1 with no customer\. .*crmlab check"),
        ("(3, NULL, 5.0)", "of 4 rows 1 with no date"),
        ("(3, DATE '2021-05-01', NULL)", r"of 4 rows 1 with no amount\."),
        ("(3, DATE '2021-05-01', 'NaN'::DOUBLE)", "1 with an amount that is not finite"),
        ("(3, DATE '2021-05-01', '-inf'::DOUBLE)", "1 with an amount that is not finite"),
        ("(3, DATE '2021-05-01', 1e15)", "1 with an amount that is .* too large"),
        ("(3, DATE '1821-05-01', 5.0)", "1 with a date before 1900"),
        ("(1, DATE '2021-05-01', -6.0)", "on 1 days customers gave back more than they bought"),
    ],
)
def test_what_cannot_be_trusted_is_counted_and_refused(score: Score, row: str, told: str) -> None:
    """Nothing is dropped silently."""
    connection = duckdb.connect()
    rows = connection.sql(f"SELECT * FROM (VALUES {ROW}, {row}) AS v (customer_id, date, amount)")

    with pytest.raises(UntrustedSource, match=told):
        score(rows)


def test_an_empty_text_is_no_customer(score: Score) -> None:
    """Nor are blanks."""
    connection = duckdb.connect()
    rows = connection.sql("SELECT '  ' AS customer_id, DATE '2021-05-01' AS date, 5 AS amount")

    with pytest.raises(UntrustedSource, match="of 1 rows 1 with no customer"):
        score(rows)


def test_a_day_that_nets_to_more_than_can_be_carried_is_refused(score: Score) -> None:
    """Each row could be carried, their sum cannot."""
    connection = duckdb.connect()
    rows = connection.sql(
        "SELECT 1 AS customer_id, DATE '2021-05-01' AS date, 6e9::DOUBLE AS amount FROM range(2)"
    )

    with pytest.raises(UntrustedSource, match="a day is too large"):
        score(rows)


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("1.0::DOUBLE AS customer_id", "column 'customer_id' is DOUBLE, which no customer id"),
        ("now() AS date", "column 'date' holds instants"),
        ("'01/02/2024' AS date", "column 'date' is VARCHAR, not a date.*crmlab check"),
        ("'5,00' AS amount", "column 'amount' is VARCHAR, not a number"),
    ],
)
def test_types_that_have_to_be_looked_at(score: Score, column: str, told: str) -> None:
    """They go through the gate."""
    plain = {"customer_id": "1", "date": "DATE '2021-05-01'", "amount": "5"}
    listed = [f"{v} AS {k}" for k, v in plain.items() if not column.endswith(k)] + [column]
    connection = duckdb.connect()

    with pytest.raises(UnreadableSource, match=told):
        score(connection.sql(f"SELECT {', '.join(listed)}"))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ("1, 1.5, 2.0, 3.0, 5.0", "1 with a frequency that is no whole number"),
        ("1, 1, 4.0, 3.0, 5.0", "1 with a recency or T"),
        ("1, 1, 'NaN', 3.0, 5.0", "1 with a recency or T"),
        ("1, 1, 2.0, 3.0, 0.0", "1 with repeat occasions but no mean spend"),
        ("1, 1, 2.0, 3.0, NULL", "1 with repeat occasions but no mean spend"),
        ("NULL, 1, 2.0, 3.0, 5.0", "1 with no customer"),
    ],
)
def test_a_summary_that_cannot_be_trusted_is_refused(score: Score, values: str, told: str) -> None:
    """With the number of its rows."""
    names = ("customer_id", "frequency", "recency", "T", "monetary_value")
    cast = [
        f"CAST({value} AS {'BIGINT' if name == 'customer_id' else 'DOUBLE'}) AS {name}"
        for name, value in zip(names, values.split(", "), strict=True)
    ]
    connection = duckdb.connect()

    with pytest.raises(UntrustedSource, match=told):
        score(connection.sql("SELECT " + ", ".join(cast)))


def test_columns_by_other_names(table: pa.Table, valued: Valued, score: Score) -> None:
    """Named as in the usual way; a missing one tells what there is."""
    other = table.rename_columns(["who", 'wh"en', "how much"])
    done, _ = score(other, customer_id="who", date='wh"en', amount="how much")

    assert valued.totals == done.totals
    with pytest.raises(MissingColumn, match=r"has no column 'customer_id'.*who"):
        score(other)


def test_wrong_parameters(path: Path, given: dict[str, Any], score: Score) -> None:
    """Refused before any work, with what was expected."""
    with pytest.raises(WrongParameter, match=r"'model' is 'bg-cnbd'.*bg-nbd, mbg-nbd, pareto-nbd"):
        score(path, model="bg-cnbd")
    with pytest.raises(WrongParameter, match=r"'model' is 'mbg-cnbd'.*gap.*crmlab report"):
        score(path, model="mbg-cnbd")
    with pytest.raises(WrongParameter, match=r"'model' is 'rfm'; expected one of [^(]*\.$"):
        score(path, model="rfm")
    with pytest.raises(WrongParameter, match="margin"):
        score(path, margin=0)
    with pytest.raises(WrongParameter, match="memory_limit"):
        score(path, memory_limit="much")
    with pytest.raises(WrongParameter, match="threads"):
        score(path, threads=0)
    with pytest.raises(WrongParameter, match="zero_amount"):
        score(path, zero_amount="maybe")
    with pytest.raises(WrongParameter, match="'out' is None"):
        score_customers(path, **given)
    with pytest.raises(SourceNotFound, match=r"log\.parqet'.*Did you mean"):
        score(path.parent / "log.parqet")
    with pytest.raises(NoUsableRows, match="after_end"):
        score(path, observation_end="2001-01-01")


def test_a_base_without_repeat_buyers_is_refused(table: pa.Table, score: Score) -> None:
    """As in the usual way, and nothing is written."""
    first = table.to_pandas().query("amount > 0").groupby("customer_id").head(1)
    with pytest.raises(NotEstimable, match="bought a second time"):
        score(first)
