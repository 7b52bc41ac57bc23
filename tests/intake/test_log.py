"""A log sums up to any day, in any unit, the same way each time."""

import datetime as dt
import math
import runpy
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import NoUsableRows, WrongParameter
from crmlab.intake.log import TransactionLog, observation_day, read_transactions
from crmlab.schema import SUMMARY
from crmlab.units import DAYS_PER_UNIT

Rows = Callable[..., TransactionLog]
EXAMPLES = Path(__file__).parents[2] / "data" / "examples"


@pytest.fixture(scope="module")
def orders() -> TransactionLog:
    return read_transactions(
        EXAMPLES / "orders.csv", customer_id="client", date="order_date", amount="total"
    )


def test_the_summary_has_the_columns_of_the_schema(orders: TransactionLog):
    customers = orders.summarize("2024-06-30")

    assert [customers.index.name, *customers.columns] == [column.name for column in SUMMARY]
    assert customers.attrs == {"unit": "week", "observation_end": "2024-06-30"}
    assert customers.index.is_monotonic_increasing
    assert customers.index.is_unique
    kinds = {name: dtype.kind for name, dtype in customers.dtypes.items()}
    assert kinds == {
        "frequency": "i",
        "recency": "f",
        "T": "f",
        "spend_frequency": "i",
        "monetary_value": "f",
        "first_value": "f",
        "first_date": "M",
        "last_date": "M",
        "total_value": "f",
        "log_gaps": "f",
    }


def test_the_definitions_own_example(rows: Rows):
    log = rows("a,1997-01-01,29.33", "a,1997-01-18,29.73", "a,1997-08-02,14.96")

    customer = log.summarize("1997-09-30", unit="day").loc["a"]

    assert customer["frequency"] == 2
    assert customer["recency"] == 213
    assert customer["T"] == 272
    assert log.summarize("1997-09-30").loc["a", "T"] == 272 / 7


@pytest.mark.parametrize("unit", DAYS_PER_UNIT)
def test_times_are_whole_days_over_the_days_of_the_unit(orders: TransactionLog, unit: str):
    days, customers = orders.summarize("2024-06-30", "day"), orders.summarize("2024-06-30", unit)

    for column in ("recency", "T"):
        assert (customers[column] == days[column] / DAYS_PER_UNIT[unit]).all()  # type: ignore[index]


def test_purchases_of_a_day_are_one_occasion(rows: Rows):
    log = rows("a,2024-01-05,10", "a,2024-01-05T18:00,5.5", "a,2024-01-07,1")

    occasions = log.occasions("2024-12-31")

    assert occasions.to_dict("list") == {
        "customer_id": ["a", "a"],
        "date": [pd.Timestamp("2024-01-05"), pd.Timestamp("2024-01-07")],
        "amount": [15.5, 1.0],
        "rows": [2, 1],
    }
    assert log.summarize("2024-12-31").loc["a", "frequency"] == 1


def test_the_end_of_observation_is_inclusive(rows: Rows):
    log = rows("a,2024-01-05,10", "a,2024-01-07,1")

    assert log.summarize("2024-01-07").loc["a", "frequency"] == 1
    assert log.summarize("2024-01-06").loc["a", "frequency"] == 0


def test_a_customer_of_one_purchase_has_no_mean_of_repeats(rows: Rows):
    customer = rows("a,2024-01-05,10").summarize("2024-01-05").loc["a"]

    assert customer[["frequency", "recency", "T", "spend_frequency"]].tolist() == [0, 0, 0, 0]
    assert pd.isna(customer["monetary_value"])
    assert (customer["first_value"], customer["total_value"]) == (10, 10)


def test_log_gaps_is_the_sum_of_the_logarithms_of_the_gaps(rows: Rows):
    """Gaps of 3 and 14 days, two purchases of one day apart from it: by hand."""
    log = rows(
        "a,2024-01-05,1", "a,2024-01-08,2", "a,2024-01-08,3", "a,2024-01-22,4", "b,2024-01-05,1"
    )

    daily, weekly = log.summarize("2024-12-31", "day"), log.summarize("2024-12-31", "week")

    assert daily.loc["a", "log_gaps"] == pytest.approx(math.log(3) + math.log(14), rel=1e-15)
    assert weekly.loc["a", "log_gaps"] == pytest.approx(math.log(3 / 7) + math.log(2), rel=1e-14)
    assert daily.loc["b", "log_gaps"] == 0
    assert log.summarize("2024-01-08", "day").loc["a", "log_gaps"] == pytest.approx(math.log(3))


@pytest.mark.parametrize(
    ("amounts", "spend_frequency", "mean"),
    [((0, 4, 6), 2, 5.0), ((4, 0, 6), 1, 6.0), ((4, 0, 0), 0, None), ((0, 0, 0), 0, None)],
)
def test_free_occasions_count_for_frequency_but_not_for_spend(
    rows: Rows, amounts: tuple[int, ...], spend_frequency: int, mean: float | None
):
    lines = [f"a,2024-01-0{day},{amount}" for day, amount in enumerate(amounts, 1)]

    customer = rows(*lines, zero_amount="occasion").summarize("2024-12-31").loc["a"]

    assert customer["frequency"] == 2
    assert customer["spend_frequency"] == spend_frequency
    assert (None if pd.isna(customer["monetary_value"]) else customer["monetary_value"]) == mean


def test_ids_are_sorted_by_their_signs_whatever_the_locale(rows: Rows):
    log = rows(*(f"{name},2024-01-05,1" for name in ["é", "b", "B", "10", "9", "a"]))

    assert list(log.summarize("2024-12-31").index) == ["10", "9", "B", "a", "b", "é"]


@pytest.mark.parametrize(
    "value",
    ["1997-09-30", dt.date(1997, 9, 30), dt.datetime(1997, 9, 30, 5), pd.Timestamp("1997-09-30")],
)
def test_an_end_of_observation_is_a_day(value: str | dt.date):
    day = observation_day(value)

    assert day == dt.date(1997, 9, 30)
    assert type(day) is dt.date


@pytest.mark.parametrize(
    "value",
    ["30/09/1997", "1997-9-30", "19970930", "1997-02-30", "1997-W40-2", "", None, 19970930, pd.NaT],
)
def test_what_is_no_day_is_refused(value: object):
    with pytest.raises(WrongParameter, match="a date such as 1997-09-30"):
        observation_day(value)  # type: ignore[arg-type]


def test_every_view_refuses_an_end_without_purchases(rows: Rows):
    log = rows("a,2024-01-05,10")

    for view in (log.summarize, log.occasions, log.account):
        with pytest.raises(NoUsableRows, match="after_end: 1"):
            view("2024-01-04")


def test_wrong_options_are_refused(rows: Rows):
    with pytest.raises(WrongParameter, match="'zero_amount' is 'yes'"):
        rows("a,2024-01-05,10", zero_amount="yes")
    with pytest.raises(WrongParameter, match="'unit' is 'fortnight'"):
        rows("a,2024-01-05,10").summarize("2024-12-31", unit="fortnight")


def test_a_log_cannot_be_changed(orders: TransactionLog):
    with pytest.raises(FrozenInstanceError):
        orders.zero_amount = "occasion"  # type: ignore[misc]


def test_a_log_shows_itself(rows: Rows):
    log = rows("a,2024-01-05,1000", "<b>,2024-02-05,234.5")

    shown = log._repr_html_()

    assert "rows 2, customers 2, period 2024-01-05 to 2024-02-05, money 1,234.50" in repr(log)
    assert "<td>1,234.50</td>" in shown
    assert str(log.source) in shown


def test_the_answer_does_not_depend_on_the_number_of_threads(orders: TransactionLog):
    answers = []
    for threads in (1, 4):
        orders.connection.execute(f"SET threads = {threads}")
        answers.append(orders.summarize("2024-06-30"))

    pd.testing.assert_frame_equal(*answers)


def test_the_example_file_is_the_one_that_its_script_makes():
    made = runpy.run_path(str(EXAMPLES / "make_orders.py"))["text"]()

    assert (EXAMPLES / "orders.csv").read_bytes().decode() == made


def test_the_example_file_has_its_five_faults(orders: TransactionLog):
    account = orders.account("2024-06-30")

    assert account.read.records == 417
    assert account.used.customers == 120
    assert {r: t.records for r, t in account.set_aside.items() if t.records} == {
        "no_customer": 1,
        "date_unreadable": 1,
        "amount_unreadable": 1,
        "zero_amount": 1,
    }
    assert (account.returned.matched_rows, account.returned.unmatched_rows) == (1, 0)
