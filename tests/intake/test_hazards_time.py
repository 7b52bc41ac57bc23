"""When: orders of day and month, numbers for dates, instants, ends, gaps, rhythm (hazards B)."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.customers.backtest import Backtest
from crmlab.errors import UntrustedSource
from crmlab.intake.account import Account
from crmlab.intake.log import TransactionLog

Rows = Callable[..., TransactionLog]
END = "2024-12-31"
DAY = dt.date(2024, 1, 1)


def flags(account: Account) -> dict[str, dict[str, object]]:
    return {flag.code: dict(flag.figures) for flag in account.flags}


def refused(code: str) -> "pytest.RaisesExc[UntrustedSource]":
    return pytest.raises(UntrustedSource, check=lambda error: error.code == code)


def days(log: TransactionLog) -> list[str]:
    return sorted(str(day.date()) for day in log.occasions("2100-01-01")["date"])


def daily(first: dt.date, last: dt.date, customers: int = 9) -> Iterator[str]:
    """A purchase of somebody on every day."""
    for n in range((last - first).days + 1):
        yield f"c{n % customers},{first + dt.timedelta(days=n)},{n % 7 + 1}"


def test_b1_an_order_that_nothing_decides_is_asked_for(rows: Rows):
    lines = ("a,01/02/2024,10", "a,03/04/2024,10")
    with refused("date_order") as caught:
        rows(*lines)

    assert "of 2 like 01/02/2024 not one has a day above 12" in str(caught.value)
    assert "--set date_order=dmy" in str(caught.value)
    assert days(rows(*lines, date_order="dmy")) == ["2024-02-01", "2024-04-03"]
    assert days(rows(*lines, date_order="mdy")) == ["2024-01-02", "2024-03-04"]


@pytest.mark.parametrize(
    ("texts", "order", "found"),
    [
        (("01/02/2024", "13/02/2024"), "dmy", ["2024-02-01", "2024-02-13"]),
        (("01/02/2024", "02/13/2024 8:26"), "mdy", ["2024-01-02", "2024-02-13"]),
        (("1.2.2024", "31.12.2024"), "dmy", ["2024-02-01", "2024-12-31"]),
        (("01-02-24", "31-12-99"), "dmy", ["1999-12-31", "2024-02-01"]),
    ],
)
def test_b1_an_order_is_proved_by_days_above_twelve(
    rows: Rows, texts: tuple[str, ...], order: str, found: list[str]
):
    log = rows(*(f"a,{text},10" for text in texts))
    (proof, _) = log.understanding.proofs

    assert days(log) == found
    assert (proof.code, dict(proof.figures)) == ("date_order_proved", {"order": order, "rows": 1})


def test_b2_an_order_with_proofs_against_it_is_no_order(rows: Rows):
    lines = ("a,13/02/2024,10", "a,02/13/2024,10", "a,02/14/2024,10")
    with refused("date_order") as caught:
        rows(*lines)

    assert "1 can only be read with the day before the month (first: 13/02/2024), 2" in str(
        caught.value
    )
    account = rows(*lines, date_order="mdy").account(END)
    assert account.set_aside["date_unreadable"].records == 1


@pytest.mark.parametrize("text", ["06/01/2024", "6 Jan 2024", "06.01.2024", "45000"])
def test_b2_a_source_has_one_form_of_dates(rows: Rows, text: str):
    account = rows("a,2024-01-05,10", "a,2024-01-07,10", f"a,{text},10").account(END)

    assert account.set_aside["date_unreadable"].records == 1


@pytest.mark.parametrize(
    "text",
    [
        "5 Jan 2024",
        "05-ene-2024",
        "5 de enero de 2024",
        "January 5, 2024",
        "Ene 5 2024",
        "5/JAN/24",
    ],
)
def test_months_by_name_need_no_proof(rows: Rows, text: str):
    log = rows(f'a,"{text}",10', f'a,"{text} 10:30",11')

    assert days(log) == ["2024-01-05"]
    assert log.understanding.proofs[0].code == "dates_by_name"


@pytest.mark.parametrize("text", ["2024-02-30", "00/01/1900", "2024-13-01"])
def test_b3_a_day_that_there_is_not_is_set_aside_alone(rows: Rows, text: str):
    account = rows("a,2024-01-05,10", f"a,{text},10").account(END)

    assert (account.used.records, account.set_aside["date_unreadable"].records) == (1, 1)


@pytest.mark.parametrize(
    ("text", "system", "day"),
    [
        ("45000", "excel", "2023-03-15"),
        ("45000.75", "excel", "2023-03-15"),
        ("43538", "excel-1904", "2023-03-15"),
        ("1704402000", "epoch-s", "2024-01-04"),
        ("1704402000000", "epoch-ms", "2024-01-04"),
        ("1704402000000000", "epoch-us", "2024-01-04"),
    ],
)
def test_b4_b5_numbers_are_dates_only_if_it_is_said_what_they_count(
    rows: Rows, text: str, system: str, day: str
):
    with refused("date_system") as caught:
        rows(f"a,{text},10", f"b,{text},10")

    assert f"--set date_system={'excel' if system == 'excel-1904' else system}" in str(caught.value)
    zone = {"time_zone": "America/New_York"} if "epoch" in system else {}
    assert days(rows(f"a,{text},10", date_system=system, **zone)) == [day]


def test_b5_a_wrong_unit_of_seconds_is_out_of_range(rows: Rows):
    lines = ("a,1704402000,10", "a,1704502000000,10")
    account = rows(*lines, date_system="epoch-ms", time_zone="UTC").account(END)

    assert account.set_aside["date_out_of_range"].records == 1


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "1899-12-31", "2201-01-01"])
def test_b6_days_that_mean_never_are_out_of_range(rows: Rows, text: str):
    account = rows("a,2024-01-05,10", f"a,{text},10").account(END)

    assert account.set_aside["date_out_of_range"].records == 1


def test_b7_days_after_the_end_are_counted_and_the_end_is_never_theirs(rows: Rows):
    log = rows("a,2024-01-05,10", "a,2099-01-05,10")

    assert log.account(END).set_aside["after_end"].records == 1
    assert log.summarize(END, "day").loc["a", "T"] == 361


def test_b8_days_before_the_first_are_counted(rows: Rows):
    log = rows("a,2023-01-05,10", "a,2024-01-05,10", start="2024-01-01")

    assert log.account(END).set_aside["before_start"].records == 1
    assert log.summarize(END).loc["a", "frequency"] == 0


def test_b9_an_end_long_after_the_last_purchase_is_not_believed(rows: Rows):
    log = rows(*daily(DAY, dt.date(2024, 3, 31)))
    with refused("late_end") as caught:
        log.summarize("2024-06-30")

    assert "its last purchase was on 2024-03-31, 91 days before" in str(caught.value)
    assert "--set observation_end=2024-03-31" in str(caught.value)
    assert len(log.summarize("2024-04-05")) == 9
    assert len(rows(*daily(DAY, dt.date(2024, 3, 31)), accept="late_end").summarize(END)) == 9


def test_b10_a_source_that_begins_in_the_middle_is_told(rows: Rows):
    rng = np.random.default_rng(3)
    old = [f"o{n},{DAY + dt.timedelta(days=int(rng.integers(0, 30)))},{n + 1}" for n in range(100)]
    new = [f"n{n},{DAY + dt.timedelta(days=2 * n)},{n + 1}" for n in range(60)]

    account = rows(*old, *new).account("2024-05-01")

    assert flags(account)["left_truncated"]["customers"] == 115
    assert "left_truncated" not in flags(rows(*new, *new_of(60)).account("2024-05-01"))


def new_of(customers: int) -> list[str]:
    """Customers who are won at an even pace."""
    return [f"m{n},{DAY + dt.timedelta(days=2 * n)},{n + 2}" for n in range(customers)]


def test_b11_instants_become_days_of_the_business(rows: Rows):
    lines = ("a,2024-01-05 23:30Z,10", "b,2024-07-05T21:30:00+00:00,10")
    with refused("time_zone"):
        rows(*lines)

    assert days(rows(*lines, time_zone="Europe/Madrid")) == ["2024-01-06", "2024-07-05"]
    assert days(rows(*lines, time_zone="UTC")) == ["2024-01-05", "2024-07-05"]


def test_b11_local_times_among_instants_are_set_aside(rows: Rows):
    lines = ("a,2024-01-05 23:30Z,10", "a,2024-01-07 23:30Z,10", "a,2024-01-08 23:30,10")

    account = rows(*lines, time_zone="UTC").account(END)

    assert account.set_aside["date_unreadable"].records == 1


@pytest.mark.parametrize("text", ["2024-03-31 02:30", "2024-10-27 02:30"])
def test_b12_hours_that_there_are_not_or_twice_are_on_their_day(rows: Rows, text: str):
    assert days(rows(f"a,{text},10", time_zone="Europe/Madrid")) == [text[:10]]


def test_b13_offsets_may_differ(rows: Rows):
    lines = ("a,2024-01-05T23:30+01:00,10", "b,2024-01-05T23:30-05:00,10")

    assert days(rows(*lines, time_zone="Europe/Madrid")) == ["2024-01-05", "2024-01-06"]


def test_b14_time_is_counted_in_days_and_never_in_weeks_of_a_calendar(rows: Rows):
    sunday_and_monday = rows("a,2024-01-07,10", "a,2024-01-08,10").summarize("2024-01-10")

    assert sunday_and_monday.loc["a", "recency"] == 1 / 7
    assert sunday_and_monday.loc["a", "T"] == 3 / 7


def test_b15_customers_of_one_age_are_told(rows: Rows):
    lines = [f"c{n},2024-01-01,{n + 1}" for n in range(5)]

    assert flags(rows(*lines).account(END))["one_first_day"] == {"customers": 5}
    assert "one_first_day" not in flags(rows(*lines, "x,2024-01-02,1").account(END))


def test_b16_a_history_shorter_than_two_waits_is_told(rows: Rows):
    lines = [f"c{n},{d},{n + 1}" for n in range(40) for d in ("2024-01-01", "2024-01-31")]

    assert flags(rows(*lines).account("2024-01-31"))["short_history"] == {"days": 30, "wait": 30}
    assert "short_history" not in flags(rows(*lines).account("2024-03-31"))


def test_b17_the_order_of_rows_does_not_matter(rows: Rows):
    lines = [*daily(DAY, dt.date(2024, 2, 20)), "c1,2024-02-20,-2", "c3,2024-02-20,-1"]
    one, other = rows(*lines), rows(*reversed(lines))

    pd.testing.assert_frame_equal(one.summarize(END_OF_TEST), other.summarize(END_OF_TEST))
    assert one.account(END_OF_TEST).used == other.account(END_OF_TEST).used


END_OF_TEST = "2024-02-20"


def test_b18_customers_first_seen_in_the_holdout_are_counted(backtest: Backtest, log: Any):
    late = log.summarize("1998-06-30")
    new = late.index[late["first_date"] > pd.Timestamp("1997-09-30")]
    held_out = log.occasions("1998-06-30").query("date > '1997-09-30'")
    theirs = held_out["customer_id"].isin(new)
    money = held_out["amount"]

    assert backtest.new_customers == len(new)
    assert backtest.new_revenue_share == pytest.approx(money[theirs].sum() / money.sum())


def test_b19_times_that_are_all_midnight_are_told(rows: Rows):
    account = rows("a,2024-01-05 00:00:00,10", "b,2024-01-06 00:00,10").account(END)

    assert flags(account)["all_midnight"] == {"rows": 2}
    assert "all_midnight" not in flags(rows("a,2024-01-05 00:01,10").account(END))


def test_b20_buyers_as_regular_as_bills_are_told(rows: Rows):
    start = [DAY + dt.timedelta(days=n) for n in range(40)]
    bills = [
        f"c{n},{day + dt.timedelta(days=30 * k)},{n + k + 1}"
        for n, day in enumerate(start)
        for k in range(5)
    ]

    assert flags(rows(*bills).account("2024-06-08"))["regular_buyers"]["customers"] == 40


def test_c27_a_hole_in_the_middle_is_told(rows: Rows):
    first = daily(DAY, dt.date(2024, 2, 29))
    second = daily(dt.date(2024, 4, 1), dt.date(2024, 5, 31))

    found = flags(rows(*first, *second).account("2024-05-31"))["gap"]

    assert found == {"days": 31, "first": dt.date(2024, 2, 29), "last": dt.date(2024, 4, 1)}
