"""Customers' days as sorted integers: whole in any number of parts, and proved to be told apart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from crmlab.intake import customer_days
from crmlab.intake.customer_days import Packing
from crmlab.intake.log import TransactionLog

END = "2024-12-31"
LINES = [
    f"{name},2024-{1 + (7 * n + len(name)) % 12:02d}-{1 + n % 28:02d},{1 + n * n % 97}.5"
    for n in range(12)
    for name in ("a", "bb", "ccc", "dddd", "eeeee", "ffffff", "ggggggg", "hhhhhhhh")
]
Rows = Callable[..., TransactionLog]


@pytest.mark.parametrize(("most", "slice_"), [(7, 6_000_000), (6_000_000, 5), (11, 3)])
def test_parts_and_slices_tell_what_the_whole_tells(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, most: int, slice_: int
):
    lines = [*LINES, LINES[5], "a,2024-01-03,-5", "bb,2024-02-02,0", ",2024-02-02,3"]
    whole = rows(*lines).account(END)
    monkeypatch.setattr(customer_days, "MOST", most)
    monkeypatch.setattr(customer_days, "SLICE", slice_)
    log = rows(*lines)
    parted = log.account(END)

    assert log.judged.packing.parts > 1 or most > len(lines)
    assert replace(parted, source="") == replace(whole, source="")


def test_customers_with_one_hash_are_told_apart_by_another(
    rows: Rows, monkeypatch: pytest.MonkeyPatch
):
    whole = rows(*LINES).account(END)
    bits = rows(*LINES).judged.packing.bits
    monkeypatch.setattr(customer_days, "WIDTH", bits + 5)  # room for 32 hashes
    logs = [rows(*(line.replace("a,", f"{n}x,") for line in LINES)) for n in range(8)]
    accounts = [log.account(END) for log in logs]

    assert {log.judged.packing.salt for log in logs} != {0}
    assert {account.read.customers for account in accounts} == {whole.read.customers}
    assert {account.occasions for account in accounts} == {whole.occasions}


def test_no_two_customers_ever_become_one(rows: Rows, monkeypatch: pytest.MonkeyPatch):
    bits = rows(*LINES).judged.packing.bits
    monkeypatch.setattr(customer_days, "WIDTH", bits + 2)  # room for 4 hashes of 8 customers
    with pytest.raises(RuntimeError, match="tells 8 customers apart"):
        rows(*LINES)


def test_a_key_holds_the_day_below_the_customer():
    packing = Packing(dt.date(2024, 1, 1), bits=3, parts=2)

    keys = packing.customers(np.array([0b101_110], dtype="uint64"))
    days = packing.days(np.array([0b101_110], dtype="uint64"))

    assert (keys.tolist(), days.tolist()) == ([0b101], [0b110])
