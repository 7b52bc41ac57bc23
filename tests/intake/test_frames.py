"""A DataFrame of any types is read as its values read, and stays as it was."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from crmlab.errors import MissingColumn, NoUsableRows, UnreadableSource, WrongParameter
from crmlab.intake.log import TransactionLog, read_transactions

DAY = dt.date(2024, 1, 5)


Load = Callable[..., Any]


def read(limit: float = 0.05, time_zone: str | None = None, **columns: Any) -> TransactionLog:
    full = {"customer_id": ["a", "b"], "date": ["2024-01-05"] * 2, "amount": [10, 5]}
    frame = pd.DataFrame(full | columns)
    return read_transactions(frame, limit=limit, reason_limit=limit, time_zone=time_zone)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series(["007", None]), ["007"]),
        (pd.Series(["007", None], dtype=object), ["007"]),
        (pd.Series(["007", None], dtype="string"), ["007"]),
        (pd.Series(["007", None], dtype="category"), ["007"]),
        (pd.Series(["007", None], dtype="string[pyarrow]"), ["007"]),
        (pd.Series(["007", None], dtype=pd.ArrowDtype(pa.string())), ["007"]),
        (pd.Series([2**60 + 1, 7]), ["1152921504606846977", "7"]),
        (pd.Series([2**63 + 5, 7], dtype="uint64"), ["7", "9223372036854775813"]),
        (pd.Series([2**60 + 1, None], dtype="Int64"), ["1152921504606846977"]),
        (pd.Series([2**60 + 1, None], dtype="int64[pyarrow]"), ["1152921504606846977"]),
        (pd.Series([2**60 + 1, None], dtype=object), ["1152921504606846977"]),
        (pd.Series([2**70, None], dtype=object), ["1180591620717411303424"]),
        (pd.Series([12345.0, np.nan]), ["12345"]),
        (pd.Series([12345.0, np.nan], dtype="float32"), ["12345"]),
        (pd.Series([12345.0, np.nan], dtype="float16"), ["12344"]),
        (pd.Series([12345.0, None], dtype=object), ["12345"]),
        (pd.Series([7, 8], dtype="category"), ["7", "8"]),
        (pd.Series([Decimal("7.0"), pd.NA], dtype=object), ["7"]),
        (pd.Series([" x ", ""]), ["x"]),
        (pd.Series([True, None], dtype=object), ["true"]),
        (pd.Series([Decimal(7), None], dtype=pd.ArrowDtype(pa.decimal256(50, 0))), ["7"]),
    ],
)
def test_ids_of_any_type_are_exact(values: "pd.Series[Any]", expected: list[str]):
    log = read(customer_id=values)

    assert sorted(log.summarize("2024-12-31").index) == sorted(expected)
    assert log.account("2024-12-31").set_aside["no_customer"].records == 2 - len(expected)


@pytest.mark.parametrize(
    "values",
    [
        pd.to_datetime(pd.Series(["2024-01-05 23:59:59", "2024-01-05"]), format="ISO8601"),
        pd.Series(["2024-01-05", "2024-01-05"]).astype("datetime64[ns]"),
        pd.Series([DAY, DAY]),
        pd.Series([pd.Timestamp(DAY), DAY], dtype=object),
        pd.Series([dt.datetime(2024, 1, 5, 10), "20240105"], dtype=object),
        pd.Series([20240105, 20240105]),
        pd.Series([DAY, DAY], dtype="date32[pyarrow]"),
        pd.Series([dt.datetime(2024, 1, 5, 23, 30)] * 2, dtype="timestamp[us][pyarrow]"),
        pd.Series(pd.period_range("2024-01-05", periods=1).repeat(2)),
        pd.Series(["2024-01-05T23:59:59.123456789", "2024-01-05"], dtype="category"),
    ],
)
def test_days_of_any_type_are_the_same(values: "pd.Series[Any]"):
    log = read(date=values)

    assert (log.first_date, log.last_date) == (DAY, DAY)
    assert log.account("2024-12-31").used.records == 2


def test_c28_b11_an_instant_is_the_day_of_the_time_zone_that_is_asked_for():
    late = pd.to_datetime(pd.Series(["2024-01-05 22:30", "2024-01-05 21:00"]), utc=True)
    madrid = late.dt.tz_convert("Europe/Madrid").astype("datetime64[us, Europe/Madrid]")

    late_in_madrid = madrid + pd.Timedelta("2h")
    in_arrow = late_in_madrid.astype("timestamp[us, tz=Europe/Madrid][pyarrow]")
    for values in (late_in_madrid, late_in_madrid.astype(object), in_arrow):
        with pytest.raises(UnreadableSource, match=r"'date' holds instants.*--set time_zone="):
            read(date=values)
        log = read(date=values, time_zone="Europe/Madrid")

        assert (log.first_date, log.last_date) == (dt.date(2024, 1, 6), dt.date(2024, 1, 6))


def test_missing_days_are_unreadable():
    log = read(date=pd.to_datetime(pd.Series(["2024-01-05", None])), limit=1.0)

    assert log.account("2024-12-31").set_aside["date_unreadable"].records == 1


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "object", "double[pyarrow]"])
def test_floats_are_rounded_to_four_decimals(dtype: str):
    log = read(amount=pd.Series([19.99, 0.00001], dtype=dtype))

    assert log.money == Decimal("19.99")
    assert log.account("2024-12-31").set_aside["amount_unreadable"].records == 0


@pytest.mark.parametrize("dtype", ["float64", "object"])
def test_nan_and_infinity_stay_what_they_are(load: Load, dtype: str):
    amounts = pd.Series([10, np.nan, np.inf, -np.inf, 1e300], dtype=dtype)
    tables = load(pd.DataFrame({"customer_id": "a", "date": "2024-01-05", "amount": amounts}))

    texts = [text for _, _, text in tables.texts]
    assert texts[0] == "10"
    assert [text and text.casefold().strip("-")[:3] for text in texts[1:4]] == [None, "inf", "inf"]


def test_the_frame_is_not_changed():
    frame = pd.DataFrame(
        {"customer_id": [1.0, None], "date": pd.to_datetime(["2024-01-05"] * 2), "amount": [1, "x"]}
    )
    before = frame.copy(deep=True)

    read_transactions(frame)

    pd.testing.assert_frame_equal(frame, before)


def test_the_fingerprint_is_that_of_the_three_columns():
    first, same = read(), read(other=["x", "y"])
    changed = [read(amount=[10, 6]), read(customer_id=["ab", "b"]), read(date=["2024-01-06"] * 2)]

    assert first.fingerprint == same.fingerprint
    assert len({log.fingerprint for log in (first, *changed)}) == 4
    assert first.source == "DataFrame"


def test_labels_need_not_be_text():
    frame = pd.DataFrame([["a", "2024-01-05", 10]])

    assert read_transactions(frame, customer_id="0", date="1", amount="2").records == 1


def test_errors_call_it_a_dataframe():
    with pytest.raises(MissingColumn, match="'DataFrame' has no column 'amount'"):
        read_transactions(pd.DataFrame({"customer_id": ["a"], "date": ["2024-01-05"]}))
    with pytest.raises(NoUsableRows, match="'DataFrame'"):
        read(customer_id=[], date=[], amount=[])
    with pytest.raises(UnreadableSource, match="no Unicode"):
        read(customer_id=pd.Series(["\ud800", "b"], dtype=object))


def test_ids_that_a_float_cannot_hold_are_refused() -> None:
    """Two 17-digit ids and a missing one make a float column, in which they are one number."""
    frame = pd.DataFrame(
        {
            "customer_id": [12345678901234567, 12345678901234568, None],
            "date": ["2024-01-01", "2024-02-01", "2024-03-01"],
            "amount": [1, 2, 3],
        }
    )

    with pytest.raises(UnreadableSource, match="2 identifiers as floating-point numbers"):
        read_transactions(frame)
    with pytest.raises(UnreadableSource, match="1 identifiers"):
        read_transactions(frame.assign(customer_id=[1.0, 2.5, None]))


DATA = {
    "customer_id": ["007", None],
    "date": [dt.datetime(2024, 1, 5, 23, 30), dt.datetime(2024, 1, 6)],
    "amount": [Decimal("1.50"), Decimal(2)],
}


@pytest.mark.parametrize(
    "frame",
    [pl.DataFrame(DATA), pa.table(DATA), pd.DataFrame(DATA), pl.DataFrame(DATA).to_arrow()],
    ids=["polars", "arrow", "pandas", "arrow of polars"],
)
def test_tables_of_any_library_say_the_same(load: Load, frame: object):
    tables = load(frame)

    assert [row[:2] for row in tables.rows] == [(1, None), (2, None)]
    assert tables.texts[0] == ("007", "2024-01-05 23:30:00", "1.50")
    assert tables.texts[1][0] is None
    assert "date" in tables.found.exact_roles


def test_a_stream_is_read_once(load: Load):
    assert len(load(pa.table(DATA).to_reader()).rows) == 2


def test_a_column_of_polars_may_be_of_any_type(load: Load):
    frame = pl.DataFrame(DATA).with_columns(
        pl.col("customer_id").cast(pl.Categorical), pl.col("amount").cast(pl.Float32)
    )

    assert load(frame).texts[0] == ("007", "2024-01-05 23:30:00", "1.5")


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_c28_b11_instants_become_days_of_the_time_zone(load: Load, unit: Any):
    instants = pl.DataFrame(DATA).with_columns(
        pl.col("date").dt.cast_time_unit(unit).dt.replace_time_zone("UTC")
    )

    with pytest.raises(UnreadableSource, match=r"'date' holds instants.*--set time_zone="):
        load(instants)
    assert load(instants, time_zone="Europe/Madrid").texts[0][1][:10] == "2024-01-06"
    for frame in (instants.to_pandas(), instants.to_pandas().astype({"date": object})):
        with pytest.raises(UnreadableSource, match=r"'date' holds instants.*--set time_zone="):
            load(frame)
        assert load(frame, time_zone="Europe/Madrid").texts[0][1][:10] == "2024-01-06"


def test_messages_call_a_column_as_the_frame_does(load: Load):
    frame = pl.DataFrame({"Client": [1.5], "date": ["2024-01-05"], "amount": [1]})

    with pytest.raises(UnreadableSource, match="column 'Client' holds 1 identifiers"):
        load(frame, customer_id="Client")


@pytest.mark.parametrize("source", [pd.Series([1]), pl.Series([1])])
def test_one_column_is_no_table(load: Load, source: object):
    with pytest.raises(UnreadableSource, match="no table in Arrow's way"):
        load(source)


def test_what_cannot_be_is_told_as_a_wrong_option(load: Load):
    frame = pl.DataFrame(DATA)
    for source in (frame.lazy(), pl.DataFrame, 3):
        with pytest.raises(WrongParameter, match=r"'source' is .*Polars or Arrow table"):
            load(source)
    with pytest.raises(WrongParameter, match="'sheet' is 'x'; expected none for a DataFrame"):
        load(frame, sheet="x")
