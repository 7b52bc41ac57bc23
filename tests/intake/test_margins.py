"""Margins told by the rows of a source: what was left of what each customer bought."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

import crmlab
from crmlab.errors import UntrustedSource, WrongParameter

END = "2024-12-31"
ROWS = [
    # customer, date, amount, category, margin, cost, quantity, piece
    ("a", "2024-01-10", 75.0, "Books", 15.0, 60.0, 3, 20.0),
    ("a", "2024-02-10", 25.0, "toys", 15.0, 10.0, 1, 10.0),
    ("b", "2024-01-20", 40.0, "toys", 24.0, 16.0, 2, 8.0),
    ("b", "2024-03-01", 60.0, "books", 12.0, 48.0, 3, 16.0),
    ("b", "2024-03-09", -20.0, "books", None, None, -1, None),
    ("c", "2024-05-01", 20.0, "Fuel", -1.0, 21.0, 1, 21.0),
    ("c", "2025-01-05", 20.0, "books", 4.0, 16.0, 1, 16.0),
]
COLUMNS = ["customer_id", "date", "amount", "category", "margin", "cost", "quantity", "piece"]
RATES = {"BOOKS": 0.2, " toys ": 0.6, "fuel": -0.05}
EXPECTED = {"a": 0.3, "b": 0.4, "c": -0.05}


def table() -> pd.DataFrame:
    """Three customers; one returned a part, one bought at a loss, one row is too late."""
    return pd.DataFrame(ROWS, columns=COLUMNS)


def read(source: Any, **options: Any) -> crmlab.TransactionLog:
    return crmlab.read_transactions(source, **options)


@pytest.mark.parametrize("how", ["column", "cost", "category"])
def test_each_way_of_telling_gives_the_same_margins(how: str) -> None:
    """75 at 20 % and 25 at 60 % are 30 %; a return takes its share back; a loss is a loss."""
    found = read(table()).margins(END, how, RATES)

    assert found.each.to_dict() == pytest.approx(EXPECTED)
    assert found.mean == pytest.approx((30 + 32 - 1) / 200)
    assert (found.own, found.held, found.unknown_rows, found.rows) == (3, 0, 0, 5)
    assert float(found.money) == 200


def test_costs_may_be_those_of_a_piece() -> None:
    """Pieces times the cost of one."""
    log = read(table(), cost="piece")

    assert log.margins(END, "unit_cost").each.to_dict() == pytest.approx(EXPECTED)


def as_parquet(frame: pd.DataFrame, folder: Path) -> Any:
    frame.to_parquet(folder / "lines.parquet")
    return folder / "lines.parquet"


def as_text(frame: pd.DataFrame, folder: Path) -> Any:
    frame.to_csv(folder / "lines.csv", index=False, sep=";", decimal=",")
    return folder / "lines.csv"


def as_workbook(frame: pd.DataFrame, folder: Path) -> Any:
    frame.to_excel(folder / "lines.xlsx", index=False, engine="xlsxwriter")
    return folder / "lines.xlsx"


def as_database(frame: pd.DataFrame, folder: Path) -> Any:
    with duckdb.connect(folder / "lines.duckdb") as connection:
        connection.register("frame", frame)
        connection.execute("CREATE TABLE lines AS FROM frame")
    return folder / "lines.duckdb"


def as_base(frame: pd.DataFrame, folder: Path) -> Any:
    store = crmlab.CustomerBase.create(folder / "base", plain_ids=True)
    store.load(as_text(frame, folder))
    return f"base:{folder / 'base'}"


@pytest.mark.parametrize("write", [as_parquet, as_text, as_workbook, as_database, as_base])
def test_margins_are_the_same_from_any_source(write: Any, tmp_path: Path) -> None:
    """One code path: file, workbook, database, customer base."""
    log = read(write(table(), tmp_path))

    for how in ("column", "cost", "category"):
        assert log.margins(END, how, RATES).each.to_dict() == pytest.approx(EXPECTED)


def test_what_is_not_known_is_counted_and_taken_from_the_customer() -> None:
    """A row without a margin, and one that leaves more than was paid, tell nothing."""
    frame = table()
    frame.loc[1, "margin"] = None  # a: the books alone tell, 20 %
    frame.loc[5, "margin"] = 21.0  # c: nothing tells, so the mean of all
    found = read(frame).margins(END, "column", limit=0.5)

    assert found.mean == pytest.approx((15 + 32) / 155)
    assert found.each.to_dict() == pytest.approx({"a": 0.2, "b": 0.4, "c": 47 / 155})
    assert (found.own, found.unknown_rows, float(found.unknown_money)) == (2, 2, 45.0)


def test_margins_beyond_all_bounds_are_held() -> None:
    """A customer who paid 1 for what cost 30 is held at -100 %, and counted."""
    frame = table()
    frame.loc[5, ["amount", "cost"]] = [1.0, 30.0]
    found = read(frame).margins(END, "cost")

    assert found.each["c"] == -1.0
    assert found.held == 1


def test_signs_may_be_reversed() -> None:
    """Sales written below 0, their margins too."""
    frame = table().assign(amount=lambda t: -t["amount"], margin=lambda t: -t["margin"])
    found = read(frame, amounts_sign="reversed").margins(END, "column")

    assert found.each.to_dict() == pytest.approx(EXPECTED)


def test_a_return_lowers_each_day_by_its_share() -> None:
    """Of a return of 80, 50 take the second day away, and 30 of the first leave 20 at 20 %."""
    rows = [
        ("a", "2024-01-01", 50.0, 10.0),
        ("a", "2024-01-02", 50.0, 30.0),
        ("a", "2024-01-05", -80.0, None),
        ("b", "2024-01-05", 80.0, 16.0),
    ]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "margin"])
    found = read(frame).margins(END, "column")

    assert found.each["a"] == pytest.approx(0.2, abs=1e-9)
    assert float(found.money) == 100


def test_a_return_of_a_known_product_takes_back_its_own_margin() -> None:
    """Of books 60 (20 % left), toys 40 (60 %) and fuel 30 (10 %), bought on one day by each.

    a brings back toys for 30 in two parts: 12 + 6 + 3 of 100 are left. b also bought books for 26
    without a product, and brings back something without one: all keeps its margin, 44.2 of 156.
    c's return, of a product that was never sold to c, takes nothing.
    """
    day, later = "2024-01-10", ("2024-01-12", "2024-02-01")
    bought = [("books", 60.0, "b", 12.0), ("toys", 40.0, "t", 24.0), ("fuel", 30.0, "f", 3.0)]
    rows = [(who, day, amount, kind, piece, left) for who in "abc"
            for kind, amount, piece, left in bought]  # fmt: skip
    rows += [("a", later[0], -10.0, None, "t", None), ("a", later[1], -20.0, None, "T", None)]
    rows += [("b", day, 26.0, "books", None, 5.2), ("b", later[0], -26.0, None, None, None)]
    rows += [("c", later[0], -10.0, None, "x", None)]
    columns = ["customer_id", "date", "amount", "category", "product", "margin"]
    log = read(pd.DataFrame(rows, columns=columns), limit=0.1, reason_limit=0.1)

    for how in ("column", "category"):
        found = log.margins(END, how, RATES | {"fuel": 0.1})
        given = {"a": 21 / 100, "b": 44.2 / 156, "c": 39 / 130}
        assert found.each.to_dict() == pytest.approx(given, abs=1e-8)
        assert found.money == log.account(END).used.money == 100 + 130 + 130
        assert found.rows == 10


def test_what_is_given_away_lowers_the_margin_of_its_day() -> None:
    """A free sample of 5 beside a purchase of 100 that leaves 30."""
    rows = [("a", "2024-01-01", 100.0, 70.0), ("a", "2024-01-01", 0.0, 5.0)]
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount", "cost"])

    assert read(frame).margins(END, "cost").each["a"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("how", "change", "rates", "message"),
    [
        ("column", {"margin": None}, None, "100.0% of the money, is not known"),
        ("category", {}, {"toys": 0.6, "books": 0.2}, "Fuel: 1"),
        ("column", {"margin": 0.3}, None, "shares, it seems, and not money"),
        ("cost", {"cost": 70.0}, None, "no customer is an investment"),
    ],
)
def test_margins_that_nobody_should_believe_are_refused(
    how: str, change: dict[str, Any], rates: Any, message: str
) -> None:
    """Too little known, shares for money, a loss on the whole."""
    log = read(table().assign(**change))

    with pytest.raises(UntrustedSource, match=message):
        log.margins(END, how, rates)


@pytest.mark.parametrize(
    ("how", "rates", "message"),
    [
        ("guess", None, "a number, or one of column, cost, unit_cost, category"),
        ("category", {"garden": 0.2}, r"margins of the source's categories \('Books', 'Fuel'"),
        ("category", {"toys": 0.2, "Toys ": 0.3}, "each category once"),
        ("category", {"toys": 35.0}, "35 for category 'toys'.*expected shares"),
    ],
)
def test_what_the_source_cannot_tell_is_refused(how: str, rates: Any, message: str) -> None:
    """By what was found and what was expected."""
    with pytest.raises(WrongParameter, match=message):
        read(table()).margins(END, how, rates)


def test_a_source_without_the_column_says_how_to_name_it() -> None:
    """With the option that names it."""
    log = read(table()[["customer_id", "date", "amount"]])

    with pytest.raises(WrongParameter, match="--set margin_column=NAME"):
        log.margins(END, "column")
