"""A source is found and recognised, or refused with the remedy."""

import datetime as dt
import gzip
import hashlib
import importlib.util
import io
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crmlab.errors import SourceNotFound, UnreadableSource, WrongParameter
from crmlab.intake import encodings, packed, sources
from crmlab.intake.log import TransactionLog, read_transactions
from crmlab.intake.reading import Reading

TEXT = "customer_id,date,amount\na,2024-01-05,10\n"
Write = Callable[..., Path]
Load = Callable[..., Any]


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
    assert account.set_aside["zero_amount"].customers == 68


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
    for wrong in ("cdnwo", "CDNOW", "Cdnow-Sample"):
        with pytest.raises(SourceNotFound, match="Did you mean 'cdnow"):
            read_transactions(wrong)
    with pytest.raises(SourceNotFound):
        read_transactions(path.parent / "nowhere" / "orders.csv")


def test_a_folder_is_refused(tmp_path: Path):
    with pytest.raises(UnreadableSource, match="it is a folder"):
        read_transactions(tmp_path)


@pytest.mark.parametrize("source", ["", "  ", None, 3, ["a.csv"], b"a.csv"])
def test_a_source_is_a_path_or_a_frame(source: object):
    with pytest.raises(WrongParameter, match="'source'"):
        read_transactions(source)  # type: ignore[arg-type]


def test_c18_a_web_page_or_json_named_csv_is_refused(write: Write, load: Load):
    for content, told in [
        (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "a web page"),
        (b'{"customer_id": 1}', "JSON"),
        (b'[{"customer_id": 1}]', "JSON"),
        (b"%PDF-1.7", "a PDF"),
        (b"SQLite format 3\0", "an SQLite"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "an image"),
        (b"\x00\x01\x00\x00Standard ACE DB\0", "an Access database"),
        (office({"[Content_Types].xml": "", "word/document.xml": ""}), "a Word document"),
        (office({"mimetype": "application/vnd.oasis.opendocument.text"}), "a text document"),
    ]:
        with pytest.raises(UnreadableSource, match=f"it is {told}.*Give a CSV, Excel, Parquet or"):
            load(write(content))
    page = write("<html>", "orders.xls")
    with pytest.raises(UnreadableSource, match=r"a web page .*save it as \.xlsx"):
        load(page)


def test_an_archive_is_told_as_what_it_is(write: Write, load: Load):
    """Of a tar archive the mark stands behind zeros, which are no halves of letters."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("orders.csv"))
    for content, told in [
        (packed.getvalue(), "a tar archive"),
        (gzip.compress(packed.getvalue()), "a tar archive"),
        (b"BZh91AY", "compressed with bzip2"),
        (b"Rar!\x1a\x07\0", "a RAR archive"),
    ]:
        with pytest.raises(UnreadableSource, match=f"it is {told}. Unpack it, and give one file"):
            load(write(content))


def test_a_header_may_begin_as_other_files_do(write: Write):
    """GIF8 and ORC are words as others are."""
    source = write("GIF89a,customer_id,date,amount\n1,a,2024-01-05,3\n")

    assert read_transactions(source).records == 1


def office(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def test_a_csv_named_parquet_is_refused(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="not a Parquet file"):
        load(write("customer_id,date,amount\n", "orders.parquet"))


def test_a_csv_named_xls_is_read_as_what_it_is(write: Write, load: Load):
    assert load(write(TEXT.replace(",", "\t"), "orders.xls")).texts == [("a", "2024-01-05", "10")]


def test_options_that_say_nothing_about_a_source_are_refused(write: Write, load: Load):
    path = write(TEXT)

    with pytest.raises(WrongParameter, match="'sheet' is 'x'; expected none for a text file"):
        load(path, sheet="x")
    with pytest.raises(WrongParameter, match="'table' is 'x'; expected none for a text file"):
        load(path, table="x")
    with pytest.raises(WrongParameter, match="'delimiter' is 'tab'; expected none for 'cdnow"):
        load("cdnow-sample", delimiter="tab")


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "klingon"},
        {"encoding": "base64"},
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"decimal": ","},
        {"date_order": "ydm"},
        {"date_system": "lotus"},
        {"skip_lines": -1},
        {"skip_lines": True},
        {"skip_lines": "3"},
        {"sheet": ""},
        {"table": " "},
        {"query": ""},
        {"time_zone": "Mars/Olympus"},
        {"table": "a", "query": "SELECT 1"},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, object]):
    with pytest.raises(WrongParameter, match=f"'{list(options)[-1]}'"):
        Reading(**options)  # type: ignore[arg-type]


def test_the_columns_of_a_source_can_be_asked_for(write: Write):
    frame = pd.DataFrame({"a": [1], "b": [2]})
    text, packed = write("a;b\n1;2\n"), write(gzip.compress(b"a,b\n"), "a.csv.gz")
    frame.to_parquet(text.with_name("a.parquet"))
    frame.to_excel(text.with_name("a.xlsx"), index=False)
    for source in (frame, text, packed, text.with_name("a.parquet"), text.with_name("a.xlsx")):
        assert sources.column_names(source, Reading()) == ("a", "b")
    assert sources.column_names("cdnow", Reading()) == ("customer_id", "date", "amount")


def test_c17_members_of_a_gzip_file_are_one_text(write: Write, load: Load):
    content = gzip.compress(TEXT.encode()) + gzip.compress(b"b,2024-01-06,5\n")

    tables = load(write(content, "orders.csv.gz"))

    assert tables.rows == [(1, 2, "a", "2024-01-05", "10"), (2, 3, "b", "2024-01-06", "5")]
    assert tables.facts["members"] == "2"
    assert tables.found.fingerprint == hashlib.sha256(content).hexdigest()


def test_zeros_behind_a_gzip_member_are_nothing(write: Write, load: Load):
    assert load(write(gzip.compress(TEXT.encode()) + bytes(700))).facts["members"] == "1"


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_a_gzip_file_is_unpacked_piece_by_piece(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch, size: int
):
    monkeypatch.setattr(packed, "CHUNK", size)
    members = [TEXT.encode(), b"", b"b,2024-01-06,5\n" * 50]

    tables = load(write(b"".join(map(gzip.compress, members)) + bytes(3)))

    assert (len(tables.rows), tables.facts["members"]) == (51, "3")


@pytest.mark.parametrize("cut", [1, 8, 30])
def test_c16_a_gzip_file_cut_short_is_refused_whole(write: Write, load: Load, cut: int):
    content = gzip.compress(TEXT.encode() + b"b,2024-01-06,5\n" * 50)

    with pytest.raises(UnreadableSource, match=r"its gzip is damaged \(it is cut short\)"):
        load(write(content[:-cut]))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (gzip.compress(TEXT.encode()) + b"more", "its gzip is damaged"),
        (gzip.compress(TEXT.encode())[:-8] + bytes(8), "its gzip is damaged"),
        (gzip.compress(gzip.compress(TEXT.encode())), "it is packed twice"),
    ],
    ids=["more behind it", "checksum", "twice"],  # their bytes hold the time of day
)
def test_a_gzip_file_with_damage_is_refused(write: Write, load: Load, content: bytes, told: str):
    with pytest.raises(UnreadableSource, match=told):
        load(write(content))


def zipped(folder: Path, **files: str) -> Path:
    path = folder / "orders.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def test_a_zip_archive_of_one_file_is_that_file(tmp_path: Path, load: Load):
    tables = load(zipped(tmp_path, data__orders=TEXT, data__=""))

    assert tables.texts == [("a", "2024-01-05", "10")]
    assert tables.facts["file in it"] == "data/orders"


def test_a_zip_archive_of_several_or_none_is_refused(tmp_path: Path, load: Load):
    with pytest.raises(UnreadableSource, match=r"archive of 2 files \(a, b\)"):
        load(zipped(tmp_path, a=TEXT, b=TEXT))
    with pytest.raises(UnreadableSource, match="archive of 0 files"):
        load(zipped(tmp_path))


def test_a_zip_archive_cut_short_is_refused(tmp_path: Path, load: Load):
    path = zipped(tmp_path, a=TEXT * 100)
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(UnreadableSource, match="its zip archive is damaged"):
        load(path)


def test_a_name_that_no_file_can_have_is_not_found(load: Load):
    for name in ("~nouser/orders.csv", "x" * 5000, "a\0b"):
        with pytest.raises(SourceNotFound):
            load(name)


def test_the_home_of_the_user_is_understood(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(write(TEXT).parent))

    assert load("~/orders.csv").texts == [("a", "2024-01-05", "10")]


def test_a_file_that_the_system_refuses_is_told(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_args: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(TEXT)
    monkeypatch.setattr(encodings, "plain", refuse)

    with pytest.raises(UnreadableSource, match="Permission denied"):
        load(path)


def test_a_full_disk_is_told(write: Write, load: Load, monkeypatch: pytest.MonkeyPatch):
    def fill(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packed, "gunzip", fill)

    with pytest.raises(UnreadableSource, match=r"No space left on device. Make room in /"):
        load(write(gzip.compress(TEXT.encode())))
