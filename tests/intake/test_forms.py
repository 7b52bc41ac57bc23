"""Numbers are read one way only: declared, proved, or the source is refused."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlab.errors import UntrustedSource
from crmlab.intake import engines
from crmlab.intake.log import TransactionLog

Rows = Callable[..., TransactionLog]


def refused(code: str) -> "pytest.RaisesExc[UntrustedSource]":
    return pytest.raises(UntrustedSource, check=lambda error: error.code == code)


def money(rows: Rows, *texts: str, **options: object) -> Decimal:
    lines = (f'a,2024-01-{n + 1:02d},"{text}"' for n, text in enumerate(texts))
    return rows(*lines, **options).money


@pytest.mark.parametrize(
    ("texts", "total"),
    [
        (("1,234.56", "1,234"), "2468.56"),
        (("1.234,56", "1.234"), "2468.56"),
        (("12,5", "1.234"), "1246.50"),
        (("12.5", "1,234"), "1246.50"),
        (("0.123", "1,234"), "1234.123"),
        (("1.234.567", "1.234"), "1235801.00"),
        (("1 234,5", "1\u00a0234", "1\u202f234"), "3702.50"),
        (("1'234.5", "1’234"), "2468.50"),
        (("1234", "7"), "1241.00"),
    ],
)
def test_c3_a_decimal_sign_is_proved_by_the_numbers(rows: Rows, texts: tuple[str, ...], total: str):
    assert money(rows, *texts) == Decimal(total)


@pytest.mark.parametrize("text", ["1.234", "1,234", "12.345", "-1.234"])
def test_c3_a_sign_that_nothing_decides_is_asked_for(rows: Rows, text: str):
    texts = ("5000", text)
    with refused("decimal") as caught:
        money(rows, *texts)

    assert f"whether {text} has decimals or thousands cannot be told" in str(caught.value)
    small, large = sorted(money(rows, *texts, decimal=sign) - 5000 for sign in ("point", "comma"))
    assert abs(small - large) > 1


def test_c3_numbers_that_contradict_each_other_are_refused(rows: Rows):
    with refused("decimal") as caught:
        money(rows, "1.50", "2,50", "3.50")

    assert "2 can only have a decimal point (first: 1.50), 1 only a decimal comma" in str(
        caught.value
    )


def test_c3_the_price_proves_the_sign_of_the_quantity(rows: Rows):
    header = "customer_id,date,quantity,price"

    assert rows('a,2024-01-05,"1.234","0,5"', header=header).money == 617


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("€12.50", "12.50"),
        ("12.50 €", "12.50"),
        ("EUR 12.50", "12.50"),
        ("(12.50)", "-12.50"),
        ("(€12.50)", "-12.50"),
        ("12.50-", "-12.50"),
        ("−12.50", "-12.50"),
        ("- 12.50", "-12.50"),
        ("-€12.50", "-12.50"),
        ("€-12.50", "-12.50"),
        ("$1 234.50", "1234.50"),
    ],
)
def test_c4_signs_around_a_number_are_understood_and_counted(rows: Rows, text: str, value: str):
    log = rows("a,2024-01-01,100.00", f'a,2024-01-02,"{text}"')

    assert log.money == 100 + Decimal(value)
    assert log.understanding.normalised["amount_signs"] == 1


def test_c4_a_plain_minus_is_nothing_to_normalise(rows: Rows):
    log = rows("a,2024-01-01,100.00", "a,2024-01-02,-12.50")

    assert log.understanding.normalised == {}


def test_c4_thousands_are_counted(rows: Rows):
    log = rows('a,2024-01-01,"1,100.00"', "a,2024-01-02,12.50")

    assert log.understanding.normalised == {"amount_thousands": 1}


DECIMALS = st.one_of(
    st.decimals(-9_999_999, 9_999_999, places=2), st.decimals(-9_999, 9_999, places=6)
)


@given(quantity=DECIMALS, price=DECIMALS)
def test_quantity_times_price_is_exact_to_four_decimals(quantity: Decimal, price: Decimal):
    connection = _grammar()
    asked = "SELECT product(CAST($1 AS DECIMAL(18, 6)), CAST($2 AS DECIMAL(18, 6)))"
    ((found,),) = connection.execute(asked, [str(quantity), str(price)]).fetchall()

    assert found == (quantity * price).quantize(Decimal("0.0001"), ROUND_HALF_UP)


@cache
def _grammar() -> duckdb.DuckDBPyConnection:
    connection = engines.connect()
    connection.execute(engines.statement("grammar"))
    return connection
