"""What holds for any rows at all."""

import io
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.errors import NoUsableRows, UntrustedSource
from crmlab.intake.log import read_transactions

END = "2024-01-20"
COLUMNS = ["customer_id", "date", "amount"]

customers = st.sampled_from(["a", "b", "007", "7", "ñ"])
days = st.integers(1, 28).map(lambda day: f"2024-01-{day:02d}")
amounts = st.decimals(-20, 200, places=2).map(str) | st.just("0")
ANY: dict[str, Any] = {"duplicates": "keep", "limit": 1.0, "reason_limit": 1.0, "decimal": "point"}
"""Options with which rows of any kind are taken as they are."""
clean = st.lists(st.tuples(customers, days, amounts), min_size=1, max_size=25)
bought = clean.map(lambda rows: [row for row in rows if not row[2].startswith("-")] or rows[:0])
mess = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
messy = st.lists(
    st.tuples(customers | mess | st.none(), days | mess | st.none(), amounts | mess | st.none()),
    min_size=1,
    max_size=25,
).map(lambda rows: [("good", "2024-01-05", "10"), *rows])
zero_amounts = st.sampled_from(["occasion", "ignore"])
quick = settings(max_examples=15, deadline=None)

Row = tuple[str | None, str | None, str | None]


def frame_of(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS, dtype=object)


def read(rows: list[Row], zero_amount: str = "ignore", returns: str = "net") -> Any:
    try:
        log = read_transactions(frame_of(rows), zero_amount=zero_amount, returns=returns, **ANY)
        log.account(END)
    except (NoUsableRows, UntrustedSource):
        return None
    return log


@quick
@given(rows=messy, zero_amount=zero_amounts)
def test_the_account_balances_for_any_rows(rows: list[Row], zero_amount: str):
    log = read(rows, zero_amount)
    if log is None:
        return
    account, occasions = log.account(END), log.occasions(END)

    assert account.balanced
    assert account.read.records == len(rows)
    assert account.used.records == occasions["rows"].sum()
    assert account.occasions == len(occasions)
    assert account.used.customers == len(log.summarize(END))
    assert round(Decimal(log.summarize(END)["total_value"].sum()), 4) == account.used.money


@quick
@given(rows=clean, zero_amount=zero_amounts, shuffle=st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], zero_amount: str, shuffle):
    shuffled = rows.copy()
    shuffle.shuffle(shuffled)
    one, other = read(rows, zero_amount), read(shuffled, zero_amount)

    assert (one is None) == (other is None)
    if one and other:
        pd.testing.assert_frame_equal(one.summarize(END), other.summarize(END))
        assert one.account(END).as_dict() == other.account(END).as_dict()


@quick
@given(rows=bought, zero_amount=zero_amounts)
def test_a_purchase_told_in_two_parts_changes_nothing(rows: list[Row], zero_amount: str):
    parts = []
    for customer_id, date, amount in rows:
        half = Decimal(amount) / 4
        parts += [(customer_id, date, str(half)), (customer_id, date, str(Decimal(amount) - half))]
    whole, split = read(rows, zero_amount), read(parts, zero_amount)

    assert (whole is None) == (split is None)
    if whole and split:
        pd.testing.assert_frame_equal(whole.summarize(END), split.summarize(END))
        assert whole.account(END).used.money == split.account(END).used.money


@quick
@given(rows=messy)
def test_frame_csv_and_parquet_say_the_same(rows: list[Row]):
    log = read(rows)
    if log is None:
        return
    frame = frame_of(rows)
    text = io.StringIO()
    frame.to_csv(text, index=False, quoting=1, lineterminator="\n")
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "orders.csv", Path(folder) / "orders.parquet"
        paths[0].write_bytes(text.getvalue().encode())
        frame.astype("str").to_parquet(paths[1])
        # Declared, so that text which only looks wrongly decoded is taken as it is.
        logs = [
            read_transactions(paths[0], encoding="utf-8", **ANY),
            read_transactions(paths[1], **ANY),
        ]

    for other in logs:
        pd.testing.assert_frame_equal(log.summarize(END), other.summarize(END))
        assert log.account(END).table().equals(other.account(END).table())


@quick
@given(rows=clean)
def test_the_summary_is_what_its_definition_says(rows: list[Row]):
    log = read(rows, returns="drop")
    if log is None:
        return
    sales = [(c, pd.Timestamp(d), Decimal(a)) for c, d, a in rows if d <= END and Decimal(a) > 0]
    for customer_id, history in log.summarize(END, "day").iterrows():
        spend: dict[pd.Timestamp, Decimal] = {}
        for customer, day, amount in sales:
            if customer == customer_id:
                spend[day] = spend.get(day, Decimal(0)) + amount
        first, last = min(spend), max(spend)
        repeats = [amount for day, amount in spend.items() if day != first]

        assert history["frequency"] == history["spend_frequency"] == len(repeats)
        assert history["recency"] == (last - first).days
        assert history["T"] == (pd.Timestamp(END) - first).days
        assert history["total_value"] == float(sum(spend.values()))
        if repeats:
            assert abs(history["monetary_value"] - float(sum(repeats) / len(repeats))) < 1e-9
