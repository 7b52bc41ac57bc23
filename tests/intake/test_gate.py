"""Every row is used or set aside for one reason, and the account balances."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from crmlab.errors import AccountDoesNotBalance, NoUsableRows
from crmlab.intake.account import Example, Tally
from crmlab.intake.log import TransactionLog
from crmlab.schema import REASONS

Rows = Callable[..., TransactionLog]
GOOD = "good,2024-01-05,10"


def reason_of(log: TransactionLog) -> str:
    """Why the one row beside GOOD is set aside, or 'used'."""
    account = log.account("2024-12-31")
    reasons = [reason for reason in REASONS if account.set_aside[reason].records]
    assert len(reasons) <= 1
    return reasons[0] if reasons else "used"


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-05",
        "20240105",
        " 2024-01-05 ",
        "2024-01-05 10:30",
        "2024-01-05T23:59:59",
        "2024-01-05 10:30:00.123456",
        "1900-01-01",
        "2024-02-29",
        "2024/1/5",
        "2024.01.05",
        "2024-01-05 1:30",
        "2024-01-05 10:30 pm",
        "\u200b2024-01-05\u00a0",
    ],
)
def test_days_that_are_read(rows: Rows, text: str):
    assert reason_of(rows(GOOD, f"a,{text},10")) == "used"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-02-30",
        "2023-02-29",
        "05/01/2024",
        "13 Foo 2024",
        "2024-1-5",
        "24-01-05",
        "2024-01-05Z",
        "2024-01-05 24:00",
        "2024-01-05 10:30+01:00",
        "2024-01-05 - 10:30",
        "2024-01-05 13:30 pm",
        "2024-01-05 10:60",
        "20240230",
        "45000",
        "0000-00-00",
        "today",
        "٢٠٢٤-٠١-٠٥",
        "2024-01-05 x",
    ],
)
def test_days_that_are_not_read(rows: Rows, text: str):
    assert reason_of(rows(GOOD, f"a,{text},10")) == "date_unreadable"


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "10.5",
        "+10.5",
        " 10.50 ",
        "\u00a010\u202f",
        "007",
        "99999999999999",
        "0.00005",
        '"1,000.00"',
        "10 000.5",
        "1'234.50",
        "€10.5",
        "10.50 EUR",
        "US$ 10.5",
    ],
)
def test_amounts_that_are_read(rows: Rows, text: str):
    assert reason_of(rows(GOOD, f"a,2024-01-05,{text}")) == "used"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n/a",
        "NaN",
        "1e3",
        "1.",
        ".5",
        '"1,50"',
        '"1,000,00"',
        "10 00",
        "1 0",
        "12€50",
        "€10€",
        "10 eur",
        "((10))",
        "-(10)",
        "+10-",
        "--1",
        "0x10",
        "1_000",
        "100000000000000",
        "１２",
    ],
)
def test_amounts_that_are_not_read(rows: Rows, text: str):
    log = rows(GOOD, f"a,2024-01-05,{text}", decimal="point")

    assert reason_of(log) == "amount_unreadable"


@pytest.mark.parametrize("text", ["", "   ", "\t", '""', "\u00a0"])
def test_an_id_of_blanks_is_no_customer(rows: Rows, text: str):
    assert reason_of(rows(GOOD, f"{text},2024-01-05,10")) == "no_customer"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",nonsense,nonsense", "no_customer"),
        ("a,nonsense,nonsense", "date_unreadable"),
        ("a,2025-01-01,nonsense", "amount_unreadable"),
        ("a,2025-01-01,-5", "after_end"),
        ("a,2025-01-01,5", "after_end"),
        ("a,2024-12-31,-5", "return_without_purchase"),
        ("a,2024-12-31,0", "zero_amount"),
        ("GUEST,nonsense,nonsense", "placeholder_id"),
        ("a,2201-01-01,nonsense", "date_out_of_range"),
        ("a,2025-01-01,inf", "amount_not_finite"),
        ("a,2024-12-31,0.01", "used"),
    ],
)
def test_a_row_has_the_first_reason_that_fits(rows: Rows, row: str, reason: str):
    assert reason_of(rows(GOOD, row)) == reason


def test_a_free_row_counts_on_a_day_with_spend(rows: Rows):
    account = rows("a,2024-01-05,10", "a,2024-01-05,0", "a,2024-01-06,0").account("2024-12-31")

    assert account.used == Tally(2, Decimal(10), 1)
    assert account.set_aside["zero_amount"] == Tally(1, Decimal(0), 0)
    assert account.occasions == 1


def test_a_free_day_is_an_occasion_where_it_is_said_to_be(rows: Rows):
    log = rows("a,2024-01-05,10", "a,2024-01-06,0", "b,2024-01-06,0", zero_amount="occasion")

    account = log.account("2024-12-31")

    assert account.occasions == 3
    assert account.used == Tally(3, Decimal(10), 2)


def test_a_customer_is_set_aside_once_under_the_first_of_the_reasons(rows: Rows):
    account = rows(GOOD, "a,2024-01-05,-1", "a,x,1", "good,x,1", ",x,1").account("2024-12-31")

    assert account.read.customers == 2
    assert account.used.customers == 1
    assert {r: t.customers for r, t in account.set_aside.items() if t.customers} == {
        "date_unreadable": 1
    }


def test_money_is_exact(rows: Rows):
    lines = [*["a,2024-01-05,0.1"] * 10, "a,2024-01-05,99999999999999.99"]
    account = rows(*lines, duplicates="keep").account("2024-12-31")

    assert account.used.money == Decimal("100000000000000.99")


def test_the_table_has_a_line_for_each_reason(rows: Rows):
    table = rows(GOOD, "a,2024-01-05,-1", ",x,1").account("2024-12-31").table()

    assert list(table.index) == ["read", "used", *REASONS]
    assert table.loc["read"].tolist() == [3, 10.0, 2]
    assert (table.loc["read"] == table.iloc[1:].sum()).all()


def test_the_account_is_ready_for_json_and_holds_no_id(rows: Rows):
    account = rows("secret-id,2024-01-05,10", "secret-id,x,-1").account("2024-12-31")

    told = json.loads(json.dumps(account.as_dict()))

    assert told["balanced"] is True
    assert told["used"] == {"records": 1, "money": "10.00", "customers": 1}
    assert told["set_aside"]["date_unreadable"]["money"] == "-1.00"
    assert list(told["set_aside"]) == list(REASONS)
    assert "secret-id" not in json.dumps(told)


def test_examples_show_the_first_rows_as_they_stand(rows: Rows):
    account = rows(GOOD, *[f" 10{n} ,x{n}, 1" for n in range(7)]).account("2024-12-31")

    assert account.examples["date_unreadable"] == [
        Example(n + 2, n + 3, {"customer_id": f" 10{n} ", "date": f"x{n}", "amount": " 1"})
        for n in range(5)
    ]
    assert account.examples["after_end"] == []


def test_an_account_that_does_not_balance_cannot_be_made(rows: Rows):
    account = rows(GOOD).account("2024-12-31")

    for wrong in (Tally(2, Decimal(10), 1), Tally(1, Decimal(11), 1), Tally(1, Decimal(10), 2)):
        with pytest.raises(AccountDoesNotBalance) as caught:
            replace(account, read=wrong)
        assert caught.value.exit_code == 70


def test_a_source_with_no_readable_row_says_why(rows: Rows):
    with pytest.raises(
        NoUsableRows, match=r"Set aside: no_customer: 1, line 2: customer None; date_unreada"
    ):
        rows(",2024-01-05,10", "a,x,10")


def test_an_end_before_the_first_purchase_says_why(rows: Rows):
    with pytest.raises(NoUsableRows, match="Set aside: after_end: 1, line 2"):
        rows(GOOD).account("2024-01-04")


def test_first_and_last_day_are_those_of_used_rows(rows: Rows):
    account = rows(GOOD, "a,2024-03-01,0", "a,2024-02-01,1").account("2024-12-31")

    assert (account.first_date, account.last_date) == (dt.date(2024, 1, 5), dt.date(2024, 2, 1))
