"""A CSV is read as text, whole, or refused with the line and the remedy."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import MissingColumn, NoUsableRows, UnreadableSource
from crmlab.intake.log import TransactionLog, read_transactions

HEADER = "customer_id,date,amount\n"
Write = Callable[..., Path]


def ids(log: TransactionLog) -> list[str]:
    return list(log.occasions("2030-01-01")["customer_id"])


@pytest.mark.parametrize("customer_id", ["00123", "12345678901234567890", "1e5", "NA", "inf", "#1"])
def test_an_id_is_text_and_stays_as_it_is(write: Write, customer_id: str):
    log = read_transactions(write(f"{HEADER}{customer_id},2024-01-05,10\n"))

    assert ids(log) == [customer_id]


@pytest.mark.parametrize(
    "content",
    [
        "customer_id,date,amount\r\na,2024-01-05,10\r\nb,2024-01-06,5\r\n",
        "customer_id,date,amount\ra,2024-01-05,10\rb,2024-01-06,5\r",
        "\ufeffcustomer_id,date,amount\na,2024-01-05,10\nb,2024-01-06,5",
        "\n\ncustomer_id,date,amount\na,2024-01-05,10\n\nb,2024-01-06,5\n\n",
        '"customer_id","date","amount"\n"a","2024-01-05","10"\n"b","2024-01-06","5"\n',
        'note,amount,date,customer_id\n"x, ""y""\nz",10,2024-01-05,a\n,5,2024-01-06,b\n',
        "customer_id , DATE,Amount,\na,2024-01-05,10,\nb,2024-01-06,5,\n",
    ],
    ids=["crlf", "cr", "bom", "blank lines", "quotes", "line break in quotes", "loose header"],
)
def test_ways_to_write_the_same_rows(write: Write, content: str):
    log = read_transactions(write(content))

    assert log.records == 2
    assert str(log.money) == "15.00"
    assert ids(log) == ["a", "b"]


def test_a_path_with_signs_of_a_pattern_is_one_file(write: Write):
    write(f"{HEADER}other,2024-01-05,10\n", "orders-x.csv")
    path = write(f"{HEADER}a,2024-01-05,10\n", "orders-*.csv")

    assert ids(read_transactions(path)) == ["a"]


@pytest.mark.parametrize("content", ["", "\n\n", HEADER, HEADER.strip(), "\ufeff"])
def test_a_file_without_rows_says_so(write: Write, content: str):
    with pytest.raises(NoUsableRows, match=r"no rows that can be used \(0 records\)"):
        read_transactions(write(content))


def test_a_missing_column_is_told_with_its_neighbours(write: Write):
    with pytest.raises(MissingColumn, match=r"no column 'amount'.*Did you mean 'amounts'\?"):
        read_transactions(write("customer_id,date,amounts\na,2024-01-05,10\n"))


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_another_delimiter_is_refused_by_its_name(write: Write, sign: str):
    content = f"{HEADER}a,2024-01-05,10\n".replace(",", sign)

    with pytest.raises(UnreadableSource, match="Only comma-separated files are read today"):
        read_transactions(write(content))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER + "a,2024-01-05,10\nb,2024-01-05\n", "line 3, missing columns: 'b,2024-01-05'"),
        (HEADER + "a,2024-01-05,1,50\n", "line 2, too many columns"),
        (HEADER + '"a\nb",2024-01-05,1\nc\n', "line 4, missing columns: 'c'"),
        (HEADER.replace("\n", "\r") + "a,2024-01-05,10\rb\r", "line 3, missing columns: 'b'"),
        ("\n" + HEADER + "a\nb\n", r"columns: 2 \(first: line 3"),
        (HEADER + 'a,2024-01-05,1\n"b,2024-01-05,2\nc,2024-01-05,3\n', "line 3, unquoted value"),
    ],
    ids=["too few", "too many", "after a line break in quotes", "cr", "two lines", "open quote"],
)
def test_a_line_that_does_not_fit_the_header_is_never_lost(write: Write, content: str, told: str):
    with pytest.raises(UnreadableSource, match=told):
        read_transactions(write(content))


def test_a_message_shows_only_the_start_of_a_long_line(write: Write):
    with pytest.raises(UnreadableSource) as caught:
        read_transactions(write(HEADER + "x" * 10_000 + "\n"))

    assert len(str(caught.value)) < 500


def test_bytes_that_are_not_utf8_are_refused_even_in_a_column_that_is_not_used(write: Write):
    content = b"customer_id,date,amount,name\na,2024-01-05,10,x\nb,2024-01-05,10,Mu\xf1oz\n"

    with pytest.raises(UnreadableSource, match=r"line 3 is not UTF-8 text \(byte 0xf1\)"):
        read_transactions(write(content))


def test_a_character_cut_off_at_the_end_is_refused(write: Write):
    with pytest.raises(UnreadableSource, match="line 2 is not UTF-8"):
        read_transactions(write(HEADER.encode() + b"a,2024-01-05,10,\xc3"))


def test_a_character_that_crosses_two_chunks_is_read(write: Write):
    row = "ñ" * 999 + ",2024-01-05,10\n"

    assert read_transactions(write(HEADER + row * 1200)).records == 1200


def test_nul_bytes_are_refused(write: Write):
    with pytest.raises(UnreadableSource, match="binary data"):
        read_transactions(write(HEADER + "a\0,2024-01-05,10\n"))


def test_mixed_line_ends_are_refused(write: Write):
    with pytest.raises(UnreadableSource, match="do not all end alike"):
        read_transactions(write(HEADER + "a,2024-01-05,10\r\nb,2024-01-05,10\n"))


def test_an_open_quote_in_the_header_is_refused(write: Write):
    with pytest.raises(UnreadableSource, match="its header is broken"):
        read_transactions(write('customer_id,date,"amount\na,2024-01-05,10\n'))


def test_the_fingerprint_is_that_of_the_bytes(write: Write):
    first = read_transactions(write(HEADER + "a,2024-01-05,10\n", "1.csv"))
    same = read_transactions(write(HEADER + "a,2024-01-05,10\n", "2.csv"))
    other = read_transactions(write(HEADER + "a,2024-01-05,11\n", "3.csv"))

    assert len(first.fingerprint) == 64
    assert first.fingerprint == same.fingerprint != other.fingerprint


def test_records_are_numbered_in_the_order_of_the_file(write: Write):
    frame = pd.DataFrame({"customer_id": range(200_000), "date": "2024-01-05", "amount": 1})
    frame.loc[[0, 123_456, 199_999], "amount"] = -1
    path = write(frame.to_csv(index=False))

    examples = read_transactions(path).account("2024-12-31").examples["not_positive"]

    assert [e.record for e in examples] == [1, 123_457, 200_000]
    assert [e.customer_id for e in examples] == ["0", "123456", "199999"]
