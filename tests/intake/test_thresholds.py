"""Above the limits a source is refused; what is set aside is kept with its own words."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import UntrustedSource, WrongParameter
from crmlab.intake.log import TransactionLog

Rows = Callable[..., TransactionLog]
END = "2024-12-31"
GOOD = [f"c{n % 7},2024-01-{1 + n % 28:02d},{n + 1}" for n in range(100)]
USUAL = {"limit": 0.05, "reason_limit": 0.02}


def refused(code: str) -> "pytest.RaisesExc[UntrustedSource]":
    return pytest.raises(UntrustedSource, check=lambda error: error.code == code)


def test_one_fault_above_its_share_refuses_the_source(rows: Rows):
    bad = ["a,soon,1", "a,2024-02-30,1", "a,x,1"]
    with refused("date_unreadable") as caught:
        rows(*GOOD, *bad, **USUAL)

    assert "3 rows, 2.9% of all or of their money" in str(caught.value)
    assert "--set reason_limit=0.03" in str(caught.value)
    assert rows(*GOOD, *bad[:2], **USUAL).account(END).set_aside["date_unreadable"].records == 2
    assert rows(*GOOD, *bad, limit=0.05, reason_limit=0.03).records == 103


def test_all_faults_together_have_a_limit_too(rows: Rows):
    bad = ["a,soon,1", "a,2024-01-01,x", "b,2024-01-01,inf"] * 2
    lines = [f"{line.split(',')[0]}{n},{line.partition(',')[2]}" for n, line in enumerate(bad)]
    with refused("date_unreadable") as caught:
        rows(*GOOD, *lines, **USUAL)

    assert "6 rows, 5.7% of all" in str(caught.value)
    assert "--set limit=0.06" in str(caught.value)
    assert rows(*GOOD, *lines, limit=0.06, reason_limit=0.02).records == 106


def test_the_share_of_money_counts_as_well(rows: Rows):
    with refused("return_without_purchase") as caught:
        rows(*GOOD, "a,2024-01-01,-500", **USUAL)

    assert "1 rows, 9.0% of all or of their money" in str(caught.value)
    assert "--set returns=drop" in str(caught.value)
    assert rows(*GOOD, "a,2024-01-01,-500", returns="drop", **USUAL).records == 101


def test_sales_without_a_customer_and_late_rows_are_no_faults(rows: Rows):
    lines = [",2024-01-01,9"] * 30 + ["GUEST,2024-01-01,9"] * 30 + ["a,2030-01-01,9"]

    assert rows(*GOOD, *lines, duplicates="keep", **USUAL).account(END).used.records == 100


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", 1.5),
        ("limit", True),
        ("reason_limit", "0.1"),
        ("returns", "net of them"),
        ("duplicates", "yes"),
        ("zero_amount", "yes"),
        ("amounts_sign", "-"),
        ("vat", "21"),
        ("fold_case", "true"),
        ("cancelled", " "),
        ("start", "01/01/2024"),
        ("accept", "everything"),
        ("placeholders", [1]),
    ],
)
def test_options_that_mean_nothing_are_refused(rows: Rows, name: str, value: object):
    with pytest.raises(WrongParameter) as caught:
        rows(*GOOD, **{name: value})

    assert caught.value.name == name


def test_what_is_set_aside_is_written_with_its_own_words(rows: Rows, tmp_path: Path):
    log = rows(*GOOD[:3], '007 ,soon ,"1,5"', "a,2024-01-01", ",2024-01-01,1", "b,2030-01-01,1",
               decimal="point")  # fmt: skip
    path = tmp_path / "quarantine.parquet"

    log.write_quarantine(path, END)
    found = pd.read_parquet(path)

    assert list(found.columns) == [
        "record", "line", "reason", "text", "customer_id", "date", "amount",
    ]  # fmt: skip
    assert found["record"].tolist() == [4, 5, 6, 7]
    assert found["line"].tolist() == [5, 6, 7, 8]
    assert found["reason"].tolist() == [
        "date_unreadable", "field_count", "no_customer", "after_end",
    ]  # fmt: skip
    assert found.loc[0, ["customer_id", "date", "amount"]].tolist() == ["007 ", "soon ", "1,5"]
    assert found.loc[1, "text"] == "a,2024-01-01"


def test_only_the_owner_may_read_the_quarantine(rows: Rows, tmp_path: Path):
    path = tmp_path / "quarantine.parquet"
    path.touch(0o644)
    before = os.umask(0)
    try:
        rows(*GOOD, ",2024-01-01,1").write_quarantine(path, END)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(pd.read_parquet(path)) == 1


def test_the_quarantine_has_as_many_rows_as_the_account(rows: Rows, tmp_path: Path):
    log = rows("a,2024-01-05,50", "a,2024-01-10,30", "a,2024-01-20,-40", "b,2024-01-05,-1", "b,x,1")
    path = tmp_path / "quarantine.parquet"

    log.write_quarantine(path, END)
    found = pd.read_parquet(path)["reason"].value_counts()

    aside = {r: t.records for r, t in log.account(END).set_aside.items() if t.records}
    assert found.to_dict() == aside
