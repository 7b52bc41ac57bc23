"""A return takes back the customer's latest purchases that cover it, and never counts for one."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.intake.account import Tally
from crmlab.intake.log import TransactionLog
from crmlab.intake.returns import match

Rows = Callable[..., TransactionLog]
END = "2024-12-31"
LINES = "customer_id,date,quantity,price,product"


def occasions(log: TransactionLog, end: str = END) -> list[tuple[str, str, float]]:
    frame = log.occasions(end)
    return [(c, str(d.date()), a) for c, d, a in frame.iloc[:, :3].itertuples(index=False)]


def test_a1_a_return_on_another_day_lowers_its_purchase_and_is_no_occasion(rows: Rows):
    log = rows("a,2024-01-05,50", "a,2024-01-10,30", "a,2024-01-20,-20")

    account = log.account(END)

    assert occasions(log) == [("a", "2024-01-05", 50), ("a", "2024-01-10", 10)]
    assert account.used == Tally(3, Decimal(60), 1)
    assert account.returned.matched == Decimal(-20)
    assert log.summarize(END, "day").loc["a", "recency"] == 5


def test_a1_gross_returns_and_net_are_told(rows: Rows):
    lines = ("a,2024-01-05,50", "a,2024-01-20,-20", "b,2024-01-05,-7", "c,2024-01-05,1")
    account = rows(*lines).account(END)

    assert (account.sales, account.returns, account.read.money) == (51, -27, 24)
    assert (account.returned.matched_rows, account.returned.matched) == (1, -20)
    assert (account.returned.unmatched_rows, account.returned.unmatched) == (1, -7)


def test_a1_a_return_without_its_purchase_is_set_aside(rows: Rows):
    lines = ("a,2024-01-05,-5", "a,2024-01-06,10", "b,2024-01-05,10", "b,2024-01-06,-11")

    account = rows(*lines).account(END)

    assert account.set_aside["return_without_purchase"] == Tally(2, Decimal(-16), 0)
    assert account.used == Tally(2, Decimal(20), 2)


def test_a1_returns_can_be_dropped(rows: Rows):
    log = rows("a,2024-01-05,50", "a,2024-01-20,-20", returns="drop")

    account = log.account(END)

    assert account.set_aside["return_dropped"] == Tally(1, Decimal(-20), 0)
    assert occasions(log) == [("a", "2024-01-05", 50)]


def test_a1_a_return_is_matched_within_its_product_at_its_price(rows: Rows):
    lines = ("a,2024-01-05,2,10,x", "a,2024-01-06,5,4,Y", "a,2024-01-07,-1,10,X")

    log = rows(*lines, header=LINES)
    other_price = rows(*lines[:2], "a,2024-01-07,-1,9,x", header=LINES)

    assert occasions(log) == [("a", "2024-01-05", 10), ("a", "2024-01-06", 20)]
    assert other_price.account(END).returned.unmatched_rows == 1


def test_a1_the_last_purchase_is_taken_back_first(rows: Rows):
    log = rows("a,2024-01-05,50", "a,2024-01-10,30", "a,2024-01-20,-40", "a,2024-01-21,5")

    assert occasions(log) == [("a", "2024-01-05", 40), ("a", "2024-01-21", 5)]


def test_a1_a_row_that_takes_from_two_days_is_counted_once(rows: Rows):
    """Its money is in both days; the row itself is where it takes first."""
    account = rows("a,2024-01-05,50", "a,2024-01-10,30", "a,2024-01-20,-40").account(END)

    assert account.used == Tally(1, Decimal(40), 1)
    assert account.set_aside["net_zero_day"] == Tally(2, Decimal(0), 0)


def test_a1_what_a_return_does_is_not_known_before_it(rows: Rows):
    lines = ("a,2024-01-05,50", "a,2024-01-10,30", "a,2024-01-20,-40", "a,2024-02-01,60")
    log = rows(*lines)

    assert occasions(log, "2024-01-19") == [("a", "2024-01-05", 50), ("a", "2024-01-10", 30)]
    assert log.account("2024-01-19").set_aside["after_end"].records == 2
    assert occasions(log, "2024-01-31") == occasions(rows(*lines[:3]), "2024-01-31")


def test_a2_a_day_that_nets_to_zero_is_no_occasion(rows: Rows):
    lines = ("a,2024-01-05,20", "a,2024-01-05,-20", "a,2024-01-09,5")
    for zero_amount in ("ignore", "occasion"):
        account = rows(*lines, zero_amount=zero_amount).account(END)

        assert account.occasions == 1
        assert account.set_aside["net_zero_day"] == Tally(2, Decimal(0), 0)


def test_a3_a_cancellation_takes_back_its_sale(rows: Rows):
    header = "customer_id,date,quantity,price,product,transaction_id"
    lines = ("a,2024-01-05,2,10,x,536365", "a,2024-01-05,1,5,y,536365", "a,2024-01-09,-2,10,x,C1")

    account = rows(*lines, header=header, cancelled="C").account(END)

    assert account.used == Tally(3, Decimal(5), 1)
    assert (account.returned.matched_rows, account.returned.unmatched_rows) == (1, 0)


def test_a3_a_cancellation_that_is_written_as_a_sale_counts_as_a_return(rows: Rows):
    header = "customer_id,date,amount,transaction_id"
    lines = ("a,2024-01-05,20,1", "a,2024-01-09,8,C2")

    account = rows(*lines, header=header, cancelled="C").account(END)

    assert account.used == Tally(2, Decimal(12), 1)
    assert account.read.money == 12


def test_a_return_of_what_was_bought_before_the_first_day_lies_before_it_too(rows: Rows):
    lines = ("a,2023-12-30,20", "a,2024-01-05,30", "a,2024-01-07,-50", "b,2024-01-07,1")

    account = rows(*lines, start="2024-01-01").account(END)

    assert account.set_aside["before_start"] == Tally(1, Decimal(0), 1)
    assert account.set_aside["net_zero_day"].records == 2


amounts = st.integers(-30, 30).filter(bool)
histories = st.lists(st.tuples(st.integers(0, 9), amounts), max_size=20)


def run(history: list[tuple[int, int]]) -> dict[int, int]:
    """What is left of each day's purchases, by the function under test."""
    history = sorted(history, key=lambda row: (row[0], row[1] < 0, abs(row[1])))
    days, money = (np.array([row[i] for row in history], dtype=np.int64) for i in (0, 1))
    size = len(history)
    taken = match(
        np.zeros(size, np.int64), np.arange(size), np.full(size, "a", object), days, money
    )
    left: dict[int, int] = {}
    for day, amount in history:
        left[day] = left.get(day, 0) + max(amount, 0)
    for part in taken:
        left[part.sold] += part.money
    return left


@settings(max_examples=300, deadline=None)
@given(history=histories)
def test_no_day_is_taken_below_zero_and_no_row_counts_twice(history: list[tuple[int, int]]):
    assert all(amount >= 0 for amount in run(history).values())


@settings(max_examples=300, deadline=None)
@given(history=histories, shuffle=st.randoms(), end=st.integers(0, 9))
def test_the_past_does_not_depend_on_the_future_nor_on_the_order(
    history: list[tuple[int, int]], shuffle, end: int
):
    past = [row for row in history if row[0] <= end]
    shuffled = past.copy()
    shuffle.shuffle(shuffled)

    assert run(past) == run(shuffled)
    assert _as_known_on(history, end) == run(past)


def _as_known_on(history: list[tuple[int, int]], end: int) -> dict[int, int]:
    """What is left of each day's purchases after all returns, but for those after `end`."""
    ordered = sorted(history, key=lambda row: (row[0], row[1] < 0, abs(row[1])))
    days, money = (np.array([row[i] for row in ordered], dtype=np.int64) for i in (0, 1))
    size = len(ordered)
    taken = match(
        np.zeros(size, np.int64), np.arange(size), np.full(size, "a", object), days, money
    )
    left: dict[int, int] = {}
    for day, amount in ordered:
        if day <= end:
            left[day] = left.get(day, 0) + max(amount, 0)
    for part in taken:
        if part.seen <= end:
            left[part.sold] += part.money
    return left


def test_the_day_of_a_return_is_the_day_on_which_it_was_seen():
    (taken,) = match(
        np.array([1, 1]), np.array([7, 8]), np.array(["a", "a"], object), np.array([3, 9]),
        np.array([50, -20]),
    )  # fmt: skip

    assert taken == (8, "a", 3, 9, -20, 1, 7)
    assert dt.date(1970, 1, 1) + dt.timedelta(days=taken.sold) == dt.date(1970, 1, 4)
