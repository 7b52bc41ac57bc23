"""Parquet is read in its types, exactly."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmlab.errors import MissingColumn, NoUsableRows, UnreadableSource
from crmlab.intake.log import read_transactions

DAY = dt.date(2024, 1, 5)
Load = Callable[..., Any]


def parquet(folder: Path, **columns: pa.Array) -> Path:
    pq.write_table(frame(**columns), folder / "orders.parquet")
    return folder / "orders.parquet"


def frame(**columns: pa.Array) -> pa.Table:
    full = {
        "customer_id": pa.array(["a", "b"]),
        "date": pa.array([DAY, DAY]),
        "amount": pa.array([10, 5]),
    }
    return pa.table(full | columns)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([9007199254740993, None], pa.int64()), ["9007199254740993"]),
        (pa.array([12345.0, None], pa.float64()), ["12345"]),
        (
            pa.array([Decimal(12345678901234567890), None], pa.decimal128(20, 0)),
            ["12345678901234567890"],
        ),
        (pa.array([" 007 ", None]).dictionary_encode(), ["007"]),
    ],
    ids=["integer", "float", "decimal", "dictionary"],
)
def test_c28_ids_of_any_type_are_exact(tmp_path: Path, values: pa.Array, expected: list[str]):
    log = read_transactions(parquet(tmp_path, customer_id=values))

    assert list(log.summarize("2024-12-31").index) == expected
    assert log.account("2024-12-31").set_aside["no_customer"].records == 1


@pytest.mark.parametrize(
    "values",
    [
        pa.array([DAY, DAY]),
        pa.array(
            [dt.datetime(2024, 1, 5, 23, 59, 59), dt.datetime(2024, 1, 5)], pa.timestamp("ns")
        ),
        pa.array([dt.datetime(2024, 1, 5, 23, 59), dt.datetime(2024, 1, 5)], pa.timestamp("s")),
        pa.array(["2024-01-05 10:00", "20240105"]),
        pa.array([20240105, 20240105]),
        pa.array([20240105.0, 20240105.0]),
    ],
    ids=["date", "ns", "s", "text", "integer", "float"],
)
def test_c28_days_of_any_type_are_the_same(tmp_path: Path, values: pa.Array):
    log = read_transactions(parquet(tmp_path, date=values))

    assert (log.first_date, log.last_date) == (DAY, DAY)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([19.99, 0.00001]),
        pa.array([19.99, 0.00001], pa.float32()),
        pa.array([Decimal("19.990"), Decimal("0.000")]),
        pa.array(["+19.99", " 0 "]),
    ],
    ids=["double", "float", "decimal", "text"],
)
def test_c28_amounts_of_any_type_are_the_same(tmp_path: Path, values: pa.Array):
    log = read_transactions(parquet(tmp_path, amount=values))

    assert log.money == Decimal("19.99")
    assert log.account("2024-12-31").set_aside["amount_unreadable"].records == 0


def test_decimals_that_cannot_be_kept_exactly_are_refused(tmp_path: Path):
    """The engine would read them as floating-point numbers; those that fit are read as they are."""
    wide = pa.array([Decimal("19.99"), Decimal("0.00")], pa.decimal256(76, 20))
    for source in (parquet(tmp_path, amount=wide), frame(amount=wide)):
        with pytest.raises(UnreadableSource, match="'amount' holds decimals of up to 76 digits"):
            read_transactions(source)
    fits = wide.cast(pa.decimal256(20, 2))
    for source in (parquet(tmp_path, amount=fits), frame(amount=fits)):
        assert read_transactions(source).money == Decimal("19.99")


def test_nan_beside_fractions_is_one_row_s_fault(tmp_path: Path):
    """Statistics of the file say nothing of it."""
    amounts = pa.array([1.5, float("nan"), 3.0])
    many = {"customer_id": pa.array(["a"] * 3), "date": pa.array([DAY] * 3), "amount": amounts}
    log = read_transactions(parquet(tmp_path, **many), limit=1, reason_limit=1)

    assert log.money == Decimal("4.50")
    assert log.account("2024-12-31").set_aside["amount_unreadable"].records == 1


def test_c28_amounts_that_are_no_number_stay_what_they_are(tmp_path: Path, load: Load):
    amounts = pa.array([10.0, float("nan"), float("inf"), float("-inf"), 1e20, None])
    many = {"customer_id": pa.array(["a"] * 6), "date": pa.array([DAY] * 6), "amount": amounts}

    tables = load(parquet(tmp_path, **many))

    assert [row[2] for row in tables.texts] == ["10", "nan", "inf", "-inf", "1e+20", None]


def test_c28_b11_instants_with_a_time_zone_need_to_know_whose_days(tmp_path: Path, load: Load):
    instants = pa.array([dt.datetime(2024, 1, 5, 23, 30)] * 2, pa.timestamp("us", "UTC"))
    path = parquet(tmp_path, date=instants)

    with pytest.raises(UnreadableSource, match="'date' holds instants with a time zone"):
        load(path)
    tables = load(path, time_zone="Europe/Madrid")
    assert tables.texts[0][1] == "2024-01-06 00:30:00"
    assert "date" in tables.found.exact_roles


@pytest.mark.parametrize(
    ("column", "exact"),
    [
        ({"date": pa.array(["2024-01-05"] * 2)}, {"amount"}),
        ({"date": pa.array([20240105] * 2)}, {"amount"}),
        ({"amount": pa.array(["1", "2"])}, {"date"}),
        ({"customer_id": pa.array([1, 2])}, {"customer_id", "date", "amount"}),
        ({"customer_id": pa.array(["a", "b"]).dictionary_encode()}, {"date", "amount"}),
    ],
)
def test_only_what_has_a_type_needs_no_proof(
    tmp_path: Path, load: Load, column: dict[str, pa.Array], exact: set[str]
):
    assert load(parquet(tmp_path, **column)).found.exact_roles == exact


def test_names_that_differ_by_case_alone_are_not_confused(tmp_path: Path):
    path = tmp_path / "orders.parquet"
    names = ["DATE", "date", "customer_id", "amount"]
    columns = [pa.array(["x"]), pa.array([DAY]), pa.array(["a"]), pa.array([1])]
    pq.write_table(pa.Table.from_arrays(columns, names), path)

    assert read_transactions(path).first_date == DAY


@pytest.mark.parametrize("name", ['to"tal); --', "{relation}", "{amount}", "$path", "'"])
def test_a_name_of_any_signs_is_only_a_name(tmp_path: Path, name: str):
    path = parquet(tmp_path, **{name: pa.array([7, 7])})

    assert read_transactions(path, amount=name).money == 14


def test_a_parquet_file_needs_no_suffix(tmp_path: Path):
    path = parquet(tmp_path).rename(tmp_path / "orders")

    assert read_transactions(path).records == 2


def test_a_missing_column_is_told(tmp_path: Path):
    with pytest.raises(MissingColumn, match="--set date=NAME"):
        read_transactions(parquet(tmp_path), date="day")


def test_a_table_without_rows_says_so(tmp_path: Path):
    path = tmp_path / "orders.parquet"
    pd.DataFrame({"customer_id": [], "date": [], "amount": []}).to_parquet(path)

    with pytest.raises(NoUsableRows):
        read_transactions(path)


@pytest.mark.parametrize("keep", [4, 100, 0.5, 0.99])
def test_c16_a_file_cut_short_is_refused(tmp_path: Path, keep: float):
    path = parquet(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data)) if keep < 1 else int(keep)])

    with pytest.raises(UnreadableSource, match="damaged"):
        read_transactions(path)


def test_a_file_whose_schema_is_damaged_is_refused(tmp_path: Path):
    path = parquet(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 40] = b"\xff" * 40
    path.write_bytes(data)

    with pytest.raises(UnreadableSource, match="its Parquet is damaged"):
        read_transactions(path)


@pytest.mark.parametrize(
    ("role", "values"),
    [
        ("customer_id", pa.array([["a"], ["b"]])),
        ("customer_id", pa.array([["a"], ["b"]], pa.list_(pa.string(), 1))),
        ("amount", pa.array([{"value": 1}, {"value": 2}])),
        ("date", pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64()))),
    ],
    ids=["list", "list of one length", "record", "map"],
)
def test_cells_of_several_values_are_refused(tmp_path: Path, role: str, values: pa.Array):
    with pytest.raises(UnreadableSource, match=f"column '{role}' holds several values in a cell"):
        read_transactions(parquet(tmp_path, **{role: values}))


def test_a_file_with_damage_inside_is_refused(tmp_path: Path):
    path = parquet(tmp_path)
    data = bytearray(path.read_bytes())
    data[8:120] = bytes(112)
    path.write_bytes(data)

    with pytest.raises(UnreadableSource, match="damaged"):
        read_transactions(path)
