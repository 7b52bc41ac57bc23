"""A text file is read whole, in its own dialect and with its lines, or refused with the remedy."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.errors import MissingColumn, NoUsableRows, SourceChanged, UnreadableSource
from crmlab.intake import csv_files, csv_records, dialect, encodings, engines, sources
from crmlab.intake.columns import Mapping
from crmlab.intake.log import read_transactions
from crmlab.intake.reading import Reading

HEADER = "customer_id,date,amount\n"
TWO = [("a", "2024-01-05", "10"), ("b", "2024-01-06", "5")]
Write = Callable[..., Path]
Load = Callable[..., Any]


@pytest.mark.parametrize(
    "customer_id",
    ["00123", "12345678901234567890", "1e5", "NA", "inf", "#1", "None", "null", "nan", "TRUE"],
)
def test_d1_d3_d4_an_id_is_text_and_stays_as_it_is(write: Write, load: Load, customer_id: str):
    tables = load(write(f"{HEADER}{customer_id},2024-01-05,10\n"))

    assert tables.texts == [(customer_id, "2024-01-05", "10")]
    assert tables.found.exact_roles == frozenset()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        ("customer_id,date,amount\r\na,2024-01-05,10\r\nb,2024-01-06,5\r\n", [2, 3]),
        ("customer_id,date,amount\ra,2024-01-05,10\rb,2024-01-06,5\r", [2, 3]),
        ("customer_id,date,amount\r\na,2024-01-05,10\nb,2024-01-06,5\r\n", [2, 3]),
        ("\ufeffcustomer_id,date,amount\na,2024-01-05,10\nb,2024-01-06,5", [2, 3]),
        ("\n \ncustomer_id,date,amount\na,2024-01-05,10\n\t\n\nb,2024-01-06,5\n\n", [4, 7]),
        ('"customer_id","date","amount"\n"a","2024-01-05","10"\n"b","2024-01-06","5"\n', [2, 3]),
        ('customer_id, "date","amount"\na, "2024-01-05","10"\nb,2024-01-06,5\n', [2, 3]),
        ('note,amount,date,customer_id\n"x, ""y""\nz",10,2024-01-05,a\n,5,2024-01-06,b\n', [2, 4]),
        ('customer_id,"the\ndate",amount,date\na,,10,2024-01-05\nb,,5,2024-01-06\n', [3, 4]),
        ("customer_id,date,amount,note\na,2024-01-05,10,\nb,2024-01-06,5,x\n", [2, 3]),
        ("sep=;\ncustomer_id;date;amount\na;2024-01-05;10\nb;2024-01-06;5\n", [3, 4]),
        ("customer_id,date,amount\na,2024-01-05,10\nb,2024-01-06,5\n\x1a", [2, 3]),
    ],
    ids=[
        "c22 crlf", "c22 cr", "mixed", "c5 bom", "blank lines", "quotes", "space before a quote",
        "c8 line break in quotes", "line break in the header", "last field empty", "Excel's hint",
        "the end of an old file",
    ],
)  # fmt: skip
def test_c5_c8_c22_ways_to_write_the_same_rows(
    write: Write, load: Load, content: str, lines: list[int]
):
    tables = load(write(content))

    assert tables.texts == TWO
    assert tables.lines == lines
    assert tables.faults == []


@pytest.mark.parametrize("sign", [";", "\t", "|"])
def test_c1_c23_the_delimiter_is_seen(write: Write, load: Load, sign: str):
    content = f"{HEADER}a,2024-01-05,10\nb,2024-01-06,5\n".replace(",", sign)

    tables = load(write(content))

    assert tables.texts == TWO
    assert tables.facts["delimiter"] == {";": "semicolon", "\t": "tab", "|": "bar"}[sign]


def test_c1_a_spanish_csv_of_excel_keeps_its_decimal_comma(write: Write, load: Load):
    content = "cliente;fecha;importe;ciudad\r\n7;05/01/2024;1.234,56;Logroño\r\n"
    path = write(content.encode("cp1252"))

    tables = load(path, customer_id="cliente", date="fecha", amount="importe")

    assert tables.texts == [("7", "05/01/2024", "1.234,56")]
    assert tables.facts["encoding"] == "cp1252"


def test_the_delimiter_is_the_one_that_shows_the_columns(write: Write, load: Load):
    content = "customer_id;date;amount;a,b,c,d,e\nx;2024-01-05;1,5;1\n"

    assert load(write(content)).texts == [("x", "2024-01-05", "1,5")]


def test_any_delimiter_can_be_declared(write: Write, load: Load):
    content = f"{HEADER}a,2024-01-05,10\n".replace(",", "~")

    assert load(write(content), delimiter="~").texts == TWO[:1]
    with pytest.raises(MissingColumn):
        load(write(content))
    with pytest.raises(MissingColumn):
        load(write(content), delimiter="comma")


def test_c3_c24_a_text_late_in_the_file_is_read_as_the_others(write: Write, load: Load):
    rows = [(str(i), "2024-01-05", "1") for i in range(40_000)] + [("x", "soon", "a lot")]
    path = write(HEADER + "\n".join(map(",".join, rows)))

    assert load(path).texts == rows


@pytest.mark.parametrize("content", ["", "\n\n", "  \n", HEADER, HEADER.strip(), "\ufeff"])
def test_c15_a_file_without_rows_says_so(write: Write, load: Load, content: str):
    with pytest.raises(NoUsableRows, match=r"no rows that can be used \(0 records\)"):
        load(write(content))


def test_c15_a_header_without_names_is_told(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="line 2, where its header should be, holds no"):
        load(write("\n,, ,\na,2024-01-05,1\n"))


def test_c9_a_quote_within_a_field_is_a_sign_like_others(write: Write, load: Load):
    tables = load(write(HEADER + 'a,2024-01-05,5" pipe\n'))

    assert tables.texts == [("a", "2024-01-05", '5" pipe')]


@pytest.mark.parametrize("after", ["", "b,2024-01-05,2\n", 'b,"2024-01-05",2\n'])
def test_c10_a_quote_that_is_not_closed_is_refused(write: Write, load: Load, after: str):
    with pytest.raises(UnreadableSource, match="a quote that opens in line 3 is not closed"):
        load(write(f'{HEADER}x,2024-01-05,1\n"a,2024-01-05,1\n{after}'))


def test_c10_a_quote_that_is_not_closed_ends_long_before_the_file(write: Write, load: Load):
    path = write(f'{HEADER}"a,2024-01-05,1\n' + "b,2024-01-05,2\n" * 200_000)

    with pytest.raises(UnreadableSource, match="a quote that opens in line 2 is not closed"):
        load(path)


def test_an_open_quote_in_the_header_is_refused(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="its header is broken: a quote is not closed"):
        load(write('customer_id,date,"amount\na,2024-01-05,10\n'))


def test_c11_c13_a_line_that_does_not_fit_the_header_is_set_aside(write: Write, load: Load):
    tables = load(write(f'{HEADER}a,2024-01-05,10\nb,1,5,0\n\n"x\ny",1\nb,2024-01-06,5\n'))

    assert tables.rows == [(1, 2, *TWO[0]), (4, 7, *TWO[1])]
    assert tables.faults == [
        (2, 3, "field_count", "b,1,5,0"),
        (3, 5, "field_count", '"x\ny",1'),
    ]


def test_c11_a_field_too_many_is_one_also_if_it_is_empty(write: Write, load: Load):
    """1,50 makes two fields, and the last one is empty: taken for none, 1 would be the amount."""
    path = write("customer_id,date,amount,note\na,2024-01-05,1,50,\nb,2024-01-06,5,\n")

    tables = load(path)

    assert tables.texts == TWO[1:]
    assert tables.faults == [(1, 2, "field_count", "a,2024-01-05,1,50,")]


@pytest.mark.parametrize(
    ("rows", "in_place"),
    [
        ("a,2024-01-05,10,\nb,2024-01-06,5,x\n", True),
        ("a,2024-01-05,10,\nb,2024-01-06,5,", True),
        ('a,2024-01-05,10,"x,y"\nb,2024-01-06,5,z\n', True),
        ("a,2024-01-05,10,x,\nb,2024-01-06,5,x\n", False),
        ("a,2024-01-05,10,x\nb,2024-01-06,5,x,", False),
        ('a,2024-01-05,10,"x,y"\nb,2024-01-06,5,\n', False),
    ],
)
def test_a_file_is_read_in_place_if_its_width_is_sure(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch, rows: str, in_place: bool
):
    exactly = []
    read = csv_files._read_exactly
    monkeypatch.setattr(csv_files, "_read_exactly", lambda *a: exactly.append(1) or read(*a))

    tables = load(write(f"customer_id,date,amount,note\n{rows}"))

    assert [not exactly, len(tables.rows) + len(tables.faults)] == [in_place, 2]


def test_a_broken_quote_within_a_line_is_a_fault_of_that_line(write: Write, load: Load):
    tables = load(write(f'{HEADER}"5" pipe",2024-01-05,10\nb,2024-01-06,5\n'))

    assert tables.texts == TWO[1:]
    assert tables.faults == [(1, 2, "field_count", '"5" pipe",2024-01-05,10')]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEADER + "a,b,2024-01-05,1\n" * 3, "every row has 4 fields, but its header has 3"),
        (HEADER + "a,2024-01-05\n", "every row has 2 fields, but its header has 3"),
        (HEADER + "a,2024-01-05,1,\n" * 3, "every row has 4 fields, but its header has 3"),
    ],
)
def test_c12_rows_of_another_width_than_the_header_are_refused(
    write: Write, load: Load, content: str, told: str
):
    with pytest.raises(UnreadableSource, match=told):
        load(write(content))


def test_c14_a_nul_stays_in_its_field(write: Write, load: Load):
    assert load(write(HEADER + "a\0,2024-01-05,10\n")).texts == [("a\0", "2024-01-05", "10")]


def test_binary_data_is_refused(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="it holds binary data"):
        load(write(bytes(range(256)) * 8))


@pytest.mark.parametrize("names", ["date,date,amount,customer_id", "Date,DATE,amount,customer_id"])
def test_c19_a_header_with_a_name_twice_is_refused(write: Write, load: Load, names: str):
    with pytest.raises(UnreadableSource, match="more than one column could be 'date'"):
        load(write(f"{names}\na,b,c,d\n"))


def test_c19_a_missing_column_is_told_with_its_neighbours(write: Write, load: Load):
    with pytest.raises(MissingColumn, match=r"no column 'amount'.*Did you mean 'amounts'\?"):
        load(write("customer_id,date,amounts\na,2024-01-05,10\n"))


def test_c19_a_message_lists_no_more_columns_than_a_person_reads(write: Write, load: Load):
    names = ["x" * 10_000, *(f"c{n}" for n in range(10_000))]
    with pytest.raises(MissingColumn, match=r"c38 and 9,961 more\. ") as caught:
        load(write(",".join(names) + "\n"))

    assert len(str(caught.value)) < 1_000


def test_c20_spaces_and_case_of_the_header_do_not_matter(write: Write, load: Load):
    assert load(write("Amount, DATE ,Customer_ID\n10,2024-01-05,a\n")).texts == TWO[:1]


@pytest.mark.parametrize("sign", [",", ";"])
def test_c21_lines_before_the_header_are_refused_unless_told(write: Write, load: Load, sign: str):
    path = write("Ventas 2024\n\nEuros, sin IVA\n" + f"{HEADER}a,1,2\n".replace(",", sign))

    with pytest.raises(UnreadableSource, match=r"not in line 1 but in line 4.*skip_lines=3"):
        load(path)
    assert load(path, skip_lines=3).rows == [(1, 5, "a", "1", "2")]


def test_skipping_more_than_there_is_leaves_nothing(write: Write, load: Load):
    with pytest.raises(NoUsableRows):
        load(write(HEADER + "a,1,2\n"), skip_lines=9)


def test_c25_a_file_that_changes_while_it_is_read_can_be_tried_again(
    write: Write, load: Load, monkeypatch: pytest.MonkeyPatch
):
    path = write(HEADER + "a,2024-01-05,10\n")
    examine = encodings.examine

    def examine_and_append(one: Path) -> encodings.Scan:
        found = examine(one)
        with path.open("a") as file:
            file.write("b,2024-01-06,5\n")
        return found

    monkeypatch.setattr(encodings, "examine", examine_and_append)

    with pytest.raises(SourceChanged, match="changed while it was read") as caught:
        load(path)
    assert caught.value.exit_code == 75


def test_a_line_longer_than_two_megabytes_is_refused(write: Write, load: Load):
    path = write(f"{HEADER}a,2024-01-05,1\nb,2024-01-05,{'x' * dialect.LONGEST}\n")

    with pytest.raises(UnreadableSource, match="line 3 is longer than 2,000,000 characters"):
        load(path)


@pytest.mark.parametrize("fault", ["", "one\n"], ids=["read in place", "read exactly"])
def test_a_long_line_is_read(write: Write, load: Load, fault: str):
    note = "ñ" * 120_000
    tables = load(write(f"customer_id,date,amount,note\na,2024-01-05,10,{note}\n{fault}"))

    assert tables.texts == TWO[:1]


def test_a_message_shows_only_the_start_of_a_long_line(write: Write, load: Load):
    with pytest.raises(UnreadableSource) as caught:
        load(write(f'{HEADER}"{"x" * 10_000}\n'))

    assert len(str(caught.value)) < 500


def test_a_path_with_signs_of_a_pattern_is_one_file(write: Write, load: Load):
    write(f"{HEADER}other,2024-01-05,10\n", "orders-x.csv")
    path = write(f"{HEADER}a,2024-01-05,10\n", "orders-*.csv")

    assert load(path).texts == TWO[:1]


def test_the_fingerprint_is_that_of_the_bytes(write: Write, load: Load):
    contents = [HEADER + "a,2024-01-05,10\n"] * 2 + [HEADER + "a,2024-01-05,11\n"]
    first, same, other = (
        load(write(content, f"{i}.csv")).found.fingerprint for i, content in enumerate(contents)
    )

    assert len(first) == 64
    assert first == same != other


def test_only_mapped_columns_are_kept(write: Write, load: Load):
    content = "sku,customer_id,secret,date,amount\ns,a,x,2024-01-05,10\n"

    assert load(write(content)).texts == TWO[:1]
    assert load(write(content), product="sku").texts == [(*TWO[0], "s")]


def test_records_and_lines_are_numbered_in_the_order_of_the_file(write: Write, load: Load):
    lines = [f"{i},2024-01-05,1" for i in range(200_000)]

    in_place = load(write("\n\n" + HEADER + "\n".join(lines)))
    lines[123_456] = "x"
    exactly = load(write("\n\n" + HEADER + "\n".join(lines)))

    assert [row[:3] for row in in_place.rows[::50_000]] == [
        (i + 1, i + 4, str(i)) for i in range(0, 200_000, 50_000)
    ]
    assert exactly.rows == in_place.rows[:123_456] + in_place.rows[123_457:]
    assert exactly.faults == [(123_457, 123_460, "field_count", "x")]


def test_nothing_is_left_beside_the_tables(write: Write):
    connection = engines.connect()
    sources.load(connection, write(f"{HEADER}a,1,2\nb\n"), Mapping(), Reading())

    assert list(engines.folder(connection).iterdir()) == []


cells = st.text(st.sampled_from('ab ,;"\n\r\t\0ñ0'), max_size=5)


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=4))
def test_both_ways_to_read_a_file_agree_and_find_what_was_written(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "orders.csv"
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    path.write_text(HEADER + text.getvalue(), encoding="utf-8", newline="")
    written = [tuple(cell or None for cell in row) for row in rows]
    found = []
    for exact in (False, True):
        connection = engines.connect()
        connection.execute(engines.statement("source_faults"))
        plain = encodings.plain(path, "x", None, path.parent)
        head = dialect.find(path, "x", Mapping(), Reading())
        places = Mapping().locate(head.names, "x")
        if exact or not csv_files._read_in_place(connection, plain, head, places):
            folder = engines.folder(connection)
            csv_files._read_exactly(connection, path, "x", head, places, folder)
        rows_found = connection.execute("FROM source_rows ORDER BY record").fetchall()
        found.append([tuple(c or None for c in row[2:]) for row in rows_found])

    assert found[0] == found[1] == written


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from('ab, "\n\r'), max_size=25))
def test_any_text_is_read_alike_both_ways_or_refused(text, tmp_path_factory):
    path = tmp_path_factory.mktemp("csv") / "orders.csv"
    path.write_text(HEADER + text, encoding="utf-8", newline="")
    head = dialect.find(path, "x", Mapping(), Reading())
    connection = engines.connect()
    connection.execute(engines.statement("source_faults"))
    plain = encodings.plain(path, "x", None, path.parent)
    if not csv_files._read_in_place(connection, plain, head, Mapping().locate(head.names, "x")):
        return
    found = connection.execute("FROM source_rows ORDER BY record").fetchall()
    exactly = [
        (number, record.line, *(cell or None for cell in record.fields or ()))
        for number, record in enumerate(csv_records.records(path, "x", head), 1)
    ]

    assert [(*row[:2], *(c or None for c in row[2:])) for row in found] == exactly


@pytest.mark.parametrize("more", ["", 'c,2024-01-07,5,"two\nlines"\n'], ids=["in place", "exactly"])
def test_quarantine_holds_blanks_before_a_field(write: Write, tmp_path: Path, more: str):
    """Those before a quote part fields; all others are the field's own, on either way to read."""
    text = 'customer_id,date,amount,note\n  a, 2024-01-05,   ten,n\nb , "2024-01-06",  x ,n\n'
    log = read_transactions(write(text + "c,2024-01-06,5,n\n" + more), limit=1, reason_limit=1)
    log.write_quarantine(tmp_path / "q.parquet", "2024-01-31")
    kept = pd.read_parquet(tmp_path / "q.parquet")[["customer_id", "date", "amount"]]

    assert kept.to_numpy().tolist() == [
        ["  a", " 2024-01-05", "   ten"],
        ["b ", "2024-01-06", "  x "],
    ]
