"""What files do to values, to what is missing and to memory (hazards C)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pandas as pd
import pytest

from crmlab.intake import customer_days, engines
from crmlab.intake.account import Tally
from crmlab.intake.log import TransactionLog, read_transactions

Rows = Callable[..., TransactionLog]
END = "2024-12-31"


def test_c2_points_in_dates_and_in_thousands_do_not_meet(rows: Rows):
    """Each column is read by its own grammar: no date becomes the number 1022024."""
    log = rows("a;01.02.2024;1.234,50", "b;13.02.2024;12,5", header="customer_id;date;amount")
    found = log.occasions(END)

    assert found["date"].dt.date.tolist() == [dt.date(2024, 2, 1), dt.date(2024, 2, 13)]
    assert found["amount"].tolist() == [1234.5, 12.5]
    assert log.account(END).understanding.normalised == {"amount_thousands": 1}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_c22_lines_end_in_any_of_three_ways(write: Callable[..., object], end: str):
    path = write(end.join(("customer_id,date,amount", "a,2024-02-01,1", "b,2024-02-13,2", "")))
    account = read_transactions(path).account(END)

    assert account.used == Tally(2, Decimal("3.00"), 2)
    assert dict(account.understanding.facts)["line ends"] == {"\n": "LF", "\r\n": "CRLF"}.get(
        end, "CR"
    )


@pytest.mark.parametrize("kind", ["frame", "parquet", "csv"])
def test_c29_null_and_nothing_are_missing_and_the_word_is_nobody(
    tmp_path_factory: pytest.TempPathFactory, kind: str
):
    """A database's NULL and an empty text name no customer; the word NULL is a placeholder."""
    names = ["a", "a", None, "", "NULL"]
    frame = pd.DataFrame(
        {"customer_id": names, "date": [f"2024-02-0{n}" for n in range(1, 6)], "amount": "10"}
    )
    path = tmp_path_factory.mktemp("null") / f"orders.{kind}"
    if kind == "parquet":
        frame.to_parquet(path)
    elif kind == "csv":
        frame.to_csv(path, index=False)
    source = frame if kind == "frame" else path
    account = read_transactions(source, limit=1, reason_limit=1).account(END)

    assert account.used == Tally(2, Decimal("20.00"), 1)
    assert account.set_aside["no_customer"].records == 2
    assert account.set_aside["placeholder_id"].records == 1


def test_c30_a_file_larger_than_the_memory_it_may_take_is_read(
    write: Callable[..., object], monkeypatch: pytest.MonkeyPatch
):
    """Tables beyond the limit are on disk, and customers' days are gone through in parts."""
    monkeypatch.setenv(engines.MEMORY, "40MB")
    monkeypatch.setattr(customer_days, "MOST", 100_000)
    days = [f"2024-{1 + n % 12:02d}-{1 + n % 28:02d}" for n in range(84)]
    lines = (f"customer-number-{n % 50_000},{days[n % 84]},{n % 997}.25" for n in range(300_000))
    log = read_transactions(write("\n".join(("customer_id,date,amount", *lines))))
    account = log.account(END)
    money = sum(n % 997 for n in range(300_000)) + Decimal("0.25") * 300_000
    spilled = sum(f.stat().st_size for f in engines.folder(log.connection).rglob("*"))

    assert account.used == account.read == Tally(300_000, money, 50_000)
    assert log.judged.packing.parts > 1
    assert spilled > 0
