"""A source is found and recognised, or refused with the remedy."""

import datetime as dt
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from crmlab.errors import SourceNotFound, UnreadableSource, WrongParameter
from crmlab.intake.log import TransactionLog, read_transactions

Write = Callable[..., Path]


@pytest.fixture(scope="module")
def cdnow() -> TransactionLog:
    return read_transactions("cdnow")


@pytest.fixture(scope="module")
def sample() -> TransactionLog:
    return read_transactions("cdnow-sample")


def test_cdnow_holds_what_was_published(cdnow: TransactionLog):
    account = cdnow.account("1998-06-30")

    assert (account.read.records, account.used.records) == (69_659, 69_659)
    assert (account.read.customers, account.used.customers) == (23_570, 23_570)
    assert account.occasions == 67_591
    assert account.used.money == Decimal("2500315.63")
    assert cdnow.zero_amount == "occasion"


def test_cdnow_without_its_free_days_holds_what_was_published():
    account = read_transactions("cdnow", zero_amount="ignore").account("1998-06-30")

    assert (account.occasions, account.used.customers) == (67_511, 23_502)
    assert account.used.money == Decimal("2500315.63")
    assert account.set_aside["not_positive"].customers == 68


def test_the_sample_of_cdnow_holds_what_was_published(sample: TransactionLog):
    customers = sample.summarize("1997-09-30", unit="week")

    assert len(customers) == 2_357
    assert customers["frequency"].sum() == 2_457
    assert (customers["frequency"] > 0).sum() == 946


def test_a_customer_of_the_sample_has_the_id_of_the_full_file(sample: TransactionLog):
    customer = sample.summarize("1997-09-30", unit="week").loc["00004"]

    assert customer["frequency"] == 2
    assert customer["recency"] == 213 / 7
    assert customer["T"] == 272 / 7
    assert customer["first_value"] == 29.33
    assert customer["monetary_value"] == pytest.approx((29.73 + 14.96) / 2)


def test_the_period_of_cdnow_is_known(cdnow: TransactionLog):
    assert (cdnow.first_date, cdnow.last_date) == (dt.date(1997, 1, 1), dt.date(1998, 6, 30))


def test_columns_of_cdnow_cannot_be_renamed():
    with pytest.raises(WrongParameter, match="'amount', its name in source 'cdnow'"):
        read_transactions("cdnow", amount="total")


def test_cdnow_is_read_without_importing_lifetimes():
    code = (
        "import sys; from crmlab.intake.log import read_transactions; "
        "read_transactions('cdnow-sample'); sys.exit('lifetimes' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_lifetimes_cdnow_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(UnreadableSource, match="pip install lifetimes"):
        read_transactions("cdnow")


def test_a_file_that_is_not_there_is_told_with_its_neighbours(write: Write):
    path = write("x", "orders.csv")

    with pytest.raises(SourceNotFound, match=r"Did you mean '.*orders.csv'\?"):
        read_transactions(path.with_name("ordres.csv"))
    with pytest.raises(SourceNotFound, match="Did you mean 'cdnow"):
        read_transactions("cdnwo")
    with pytest.raises(SourceNotFound):
        read_transactions(path.parent / "nowhere" / "orders.csv")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(UnreadableSource, match="it is a folder"):
        read_transactions(tmp_path)


@pytest.mark.parametrize("source", ["", "  ", None, 3, ["a.csv"], b"a.csv"])
def test_a_source_is_a_path_or_a_frame(source: object):
    with pytest.raises(WrongParameter, match="'source'"):
        read_transactions(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"PK\x03\x04rest of a workbook", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        ("customer_id,date".encode("utf-16"), "UTF-16"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "a web page"),
        (b'{"customer_id": 1}', "JSON"),
    ],
)
def test_another_kind_of_file_named_csv_is_refused(write: Write, content: bytes, told: str):
    with pytest.raises(UnreadableSource, match=f"{told}.*Save it as comma-separated text"):
        read_transactions(write(content))


def test_a_csv_named_parquet_is_refused(write: Write):
    with pytest.raises(UnreadableSource, match="not a Parquet file"):
        read_transactions(write("customer_id,date,amount\n", "orders.parquet"))


def test_a_file_that_the_system_refuses_is_told(write: Write, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write("customer_id,date,amount\n")
    monkeypatch.setattr(Path, "open", refuse)

    with pytest.raises(UnreadableSource, match="Permission denied"):
        read_transactions(path)
