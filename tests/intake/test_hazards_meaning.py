"""What rows mean: duplicates, free rows, placeholders, signs, currencies, money (hazards A)."""

import datetime as dt
from collections.abc import Callable, Iterator
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crmlab.errors import UntrustedSource
from crmlab.intake.account import Account, Tally
from crmlab.intake.log import TransactionLog, read_transactions

Rows = Callable[..., TransactionLog]
END = "2024-12-31"
DAY = dt.date(2024, 1, 1)


def flags(account: Account) -> dict[str, dict[str, object]]:
    return {flag.code: dict(flag.figures) for flag in account.flags}


def purchases(customers: int = 120, each: int = 4, seed: int = 1) -> Iterator[str]:
    """Rows of customers who come and buy without any pattern."""
    rng = np.random.default_rng(seed)
    for n in range(customers):
        day = DAY + dt.timedelta(days=int(rng.integers(0, 200)))
        for _ in range(each):
            yield f"c{n},{day},{rng.gamma(3, 10) + 1:.2f}"
            day += dt.timedelta(days=int(rng.exponential(15)) + 1)


def refused(code: str) -> "pytest.RaisesExc[UntrustedSource]":
    return pytest.raises(UntrustedSource, check=lambda error: error.code == code)


def test_a4_free_rows_are_no_occasions_unless_it_is_said_and_are_told(rows: Rows):
    lines = ("a,2024-01-05,10", "a,2024-01-06,0")

    assert rows(*lines).account(END).occasions == 1
    assert rows(*lines, zero_amount="occasion").account(END).occasions == 2
    assert flags(rows(*lines).account(END))["free_rows"] == {"rows": 1}


def test_a5_sales_without_a_customer_are_counted_with_their_money(rows: Rows):
    lines = [",2024-01-05,30", "a,2024-01-05,70"]
    account = rows(*lines, limit=0.05, reason_limit=0.02).account(END)

    assert account.set_aside["no_customer"] == Tally(1, Decimal(30), 0)


def test_a6_the_same_transaction_twice_is_used_once(rows: Rows):
    header = "customer_id,date,amount,transaction_id"
    lines = ("a,2024-01-05,10,1", "a,2024-01-05,10,1", "a,2024-01-05,10,2")

    account = rows(*lines, header=header).account(END)

    assert account.set_aside["duplicate_key"] == Tally(1, Decimal(10), 0)
    assert account.used == Tally(2, Decimal(20), 1)


def test_a6_few_equal_rows_without_a_key_are_used_and_told(rows: Rows):
    lines = [*purchases(), next(purchases())]
    account = rows(*lines).account(END)

    assert account.used.records == 481
    assert flags(account)["duplicates"] == {"rows": 1, "share": 1 / 481}


def test_a6_many_equal_rows_without_a_key_need_a_word(rows: Rows):
    lines = ["a,2024-01-05,10", "a,2024-01-05,10", "b,2024-01-05,10"]
    with refused("duplicates") as caught:
        rows(*lines)

    assert "1 of 3 rows (33.3%)" in str(caught.value)
    assert "--set duplicates=keep or --set duplicates=drop" in str(caught.value)
    assert rows(*lines, duplicates="keep").account(END).used == Tally(3, Decimal(30), 2)
    dropped = rows(*lines, duplicates="drop").account(END)
    assert dropped.set_aside["duplicate_row"] == Tally(1, Decimal(10), 0)


def test_a6_rows_that_differ_by_the_time_of_day_are_not_equal(rows: Rows):
    account = rows("a,2024-01-05 10:00,10", "a,2024-01-05 10:01,10").account(END)

    assert "duplicates" not in flags(account)


def test_a7_a_key_on_rows_that_differ_is_no_key(rows: Rows):
    header = "customer_id,date,amount,transaction_id"
    lines = ("a,2024-01-05,10,X1", "a,2024-01-05,12,X1", "a,2024-01-05,10,X2")
    with refused("key_conflict") as caught:
        rows(*lines, header=header)

    assert "1 transaction ids stand on several rows" in str(caught.value)
    assert "'X1'" in str(caught.value)
    assert rows(*lines, header=header, duplicates="keep").account(END).used.records == 3


def test_a7_a_return_may_bear_the_number_of_its_purchase(rows: Rows):
    header = "customer_id,date,amount,transaction_id"
    lines = ("a,2024-01-05,10,X1", "a,2024-01-09,-4,X1")

    assert rows(*lines, header=header).account(END).used == Tally(2, Decimal(6), 1)


def test_a7_lines_of_an_order_share_its_number(rows: Rows):
    header = "customer_id,date,amount,transaction_id,product"
    lines = ("a,2024-01-05,10,X1,p", "a,2024-01-05,12,X1,q")

    assert rows(*lines, header=header).account(END).used.records == 2


def test_a8_purchases_of_a_day_are_one_occasion(rows: Rows):
    account = rows("a,2024-01-05 09:00,10", "a,2024-01-05 20:00,5").account(END)

    assert (account.occasions, account.used) == (1, Tally(2, Decimal(15), 1))


def test_a9_many_purchases_on_one_day_are_told(rows: Rows):
    lines = [f"{line.split(',')[0]},2024-01-05,{n + 1}" for n, line in enumerate(purchases())]

    assert flags(rows(*lines).account(END))["same_day"] == {"share": 1.0}
    assert "same_day" not in flags(rows(*purchases()).account(END))


def test_a10_whether_amounts_hold_tax_is_told_and_never_computed_with(rows: Rows):
    account = rows("a,2024-01-05,10", vat="included").account(END)

    assert account.as_dict()["options"]["vat"] == "included"  # type: ignore[index]
    assert account.used.money == 10


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("customer_id,date,amount,currency", ("a,2024-01-05,10,EUR", "a,2024-01-06,5,usd")),
        ("customer_id,date,amount", ("a,2024-01-05,€10", "a,2024-01-06,$5")),
    ],
)
def test_a11_several_currencies_are_refused(rows: Rows, header: str, lines: tuple[str, ...]):
    with refused("currencies") as caught:
        rows(*lines, header=header)

    assert "2 currencies (EUR, USD)" in str(caught.value)


def test_a11_one_currency_is_fine(rows: Rows):
    header = "customer_id,date,amount,currency"
    lines = ("a,2024-01-05,10,EUR", "a,2024-01-06,5,eur ", "a,2024-01-07,5,")

    assert rows(*lines, header=header).account(END).used.money == 20


@pytest.mark.parametrize(
    "customer_id",
    ["0", "000", "0.0", "-1", "GUEST", "N/A", "na", "None", "NULL", "nan", "unknown", "Anónimo",
     "CONSUMIDOR  FINAL", "varios", "Cliente final", "sin cliente", "total"],
)  # fmt: skip
def test_a12_ids_that_mean_nobody_are_set_aside(rows: Rows, customer_id: str):
    account = rows("a,2024-01-05,10", f"{customer_id},2024-01-05,5").account(END)

    assert account.set_aside["placeholder_id"] == Tally(1, Decimal(5), 0)


def test_a12_the_list_can_be_made_longer_and_shorter(rows: Rows):
    lines = ("Tienda 1,2024-01-05,10", "NA,2024-01-05,5", "b,2024-01-05,1")

    account = rows(*lines, placeholders="TIENDA 1, other", keep_ids="na").account(END)

    assert account.set_aside["placeholder_id"].money == 10
    assert account.used.customers == 2


def test_a12_one_giant_customer_is_told(rows: Rows):
    giant = [f"till,2024-{1 + n % 12:02d}-{1 + n % 28:02d},{n + 1}.5" for n in range(60)]
    account = rows(*purchases(), *giant).account(END)

    assert flags(account)["giant_customer"]["rows"] == 60
    assert "giant_customer" not in flags(rows(*purchases()).account(END))


def test_a14_sales_with_the_sign_turned_are_refused(rows: Rows):
    lines = ["a,2024-01-05,-10", "a,2024-01-06,-5", "a,2024-01-07,2", "a,2024-01-08,-2"]
    with refused("amounts_sign") as caught:
        rows(*lines)

    assert "75% of its amounts are negative" in str(caught.value)
    assert "--set amounts_sign=reversed" in str(caught.value)
    account = rows(*lines, amounts_sign="reversed").account(END)
    assert (account.sales, account.returns) == (17, -2)


def test_a15_amounts_of_another_size_are_told_with_what_they_weigh(rows: Rows):
    account = rows(*purchases(), "c0,2024-12-01,1000000000").account(END)

    found = flags(account)["far_off"]
    assert (found["rows"], found["money"]) == (1, 1_000_000_000)
    assert found["share"] == pytest.approx(1, abs=0.001)
    assert account.used.records == 481
    assert "far_off" not in flags(rows(*purchases()).account(END))


def test_a15_days_of_many_lines_are_added_up_before_they_are_compared(rows: Rows):
    lines = [line for line in purchases() for _ in range(3)]
    sizes = [Decimal(f"{n}.5") for n in range(1_000, 1_040)]
    one = [f"c1,2024-12-01,{size}" for size in sizes]
    account = rows(*lines, *one, duplicates="keep").account(END)

    found = flags(account)["far_off"]
    assert (found["rows"], found["money"]) == (
        1,
        sum(n + Decimal("0.5") for n in range(1_000, 1_040)),
    )


def test_a16_an_amount_that_is_none_is_set_aside(rows: Rows):
    account = rows("a,2024-01-05,10", "a,2024-01-06,nan", "a,2024-01-07,").account(END)

    assert account.set_aside["amount_unreadable"] == Tally(2, Decimal(0), 0)


@pytest.mark.parametrize("text", ["inf", "-inf", "Infinity", "1e400", "∞"])
def test_a17_an_amount_without_end_is_set_aside(rows: Rows, text: str):
    account = rows("a,2024-01-05,10", f"a,2024-01-06,{text}").account(END)

    assert account.set_aside["amount_not_finite"].records == 1


def test_a18_sums_are_exact_where_floats_are_not(rows: Rows):
    lines = ("a,2024-01-05,1000000000", "a,2024-01-06,0.01")
    account = rows(*lines).account(END)

    assert account.used.money - 1_000_000_000 == Decimal("0.01")
    assert 1e9 + 0.01 - 1e9 != 0.01


def test_a18_a_product_is_exact_and_what_is_rounded_is_told(rows: Rows):
    header = "customer_id,date,quantity,price"
    lines = ("a,2024-01-05,1000,0.000125", "a,2024-01-06,1,0.00006", "a,2024-01-07,3,0.1")

    account = rows(*lines, header=header).account(END)

    assert account.used.money == Decimal("0.4251")
    assert flags(account)["rounded"] == {"rows": 1, "money": Decimal("-0.00004")}


def test_a18_an_amount_that_does_not_fit_is_set_aside(rows: Rows):
    header = "customer_id,date,quantity,price"
    lines = ("a,2024-01-05,1,10", "a,2024-01-05,999999999999,999999999999")

    account = rows(*lines, header=header).account(END)

    assert account.set_aside["amount_unreadable"].records == 1


def test_c14_control_characters_in_ids_and_amounts_are_set_aside():
    frame = pd.DataFrame(
        {"customer_id": ["a\x01b", "b", "c"], "date": ["2024-01-05"] * 3,
         "amount": ["1", "2\x00", "3"]}
    )  # fmt: skip
    account = read_transactions(frame, limit=1, reason_limit=1).account(END)

    assert account.set_aside["control_char"].records == 2
    assert account.used.records == 1


def test_c21_a_line_of_totals_is_no_customer(rows: Rows):
    lines = (
        "a,2024-01-05,10", "b,2024-01-05,5", "Subtotal,,15", "a,2024-01-06,1", "Subtotal,,1",
        ",TOTAL,16", "Total,,99",
    )  # fmt: skip
    account = rows(*lines).account(END)

    assert account.set_aside["summary_row"] == Tally(3, Decimal(32), 0)
    assert account.set_aside["placeholder_id"] == Tally(1, Decimal(99), 0)
    assert account.read.customers == 2
