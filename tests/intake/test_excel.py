"""A workbook is read cell by cell in its types, with the rows' numbers in the sheet."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from crmlab.errors import MissingColumn, NoUsableRows, UnreadableSource

HEADER = ["customer_id", "date", "amount"]
DAY = dt.date(2024, 1, 5)
Load = Callable[..., Any]


def workbook(folder: Path, name: str = "orders.xlsx", **sheets: list[list[object]]) -> Path:
    book = Workbook()
    book.remove(book.active)  # type: ignore[arg-type]
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(folder / name)
    return folder / name


def test_cells_become_text_by_their_type(tmp_path: Path, load: Load):
    cells = [
        [123, DAY, 12.5],
        ["007", dt.datetime(2024, 1, 5, 10, 30), 7],
        [" x ", "05/01/2024", "1.234,50"],
        [True, None, 1e-7],
        [1.0, 45000, -0.3],
        [None, dt.time(10, 3), 1e14],
    ]
    tables = load(workbook(tmp_path, orders=[HEADER, *cells]))

    assert tables.texts == [
        ("123", "2024-01-05", "12.5"),
        ("007", "2024-01-05 10:30:00", "7"),
        (" x ", "05/01/2024", "1.234,50"),
        ("true", None, "0.0000001"),
        ("1", "45000", "-0.3"),
        (None, "10:03:00", "100000000000000"),
    ]
    assert tables.found.exact_roles == frozenset()
    assert tables.facts == {"sheet": "orders", "header in line": "1"}


def test_only_columns_without_text_need_no_proof(tmp_path: Path, load: Load):
    path = workbook(tmp_path, a=[HEADER, ["007", DAY, 1], ["x", None, 2.5], [None, DAY, None]])

    assert load(path).found.exact_roles == {"date", "amount"}


def test_c8_lines_are_those_of_the_sheet_and_empty_rows_are_none(tmp_path: Path, load: Load):
    rows = [[], [], [None, *HEADER], [None, "a", DAY, 1], [], [None, "b", DAY, 2], [None, None]]

    assert [row[:3] for row in load(workbook(tmp_path, x=rows)).rows] == [(1, 4, "a"), (2, 6, "b")]


def test_c21_rows_before_the_header_can_be_left_out(tmp_path: Path, load: Load):
    path = workbook(tmp_path, x=[["Sales 2024"], [], HEADER, ["a", DAY, 1]])

    with pytest.raises(MissingColumn):
        load(path)
    assert load(path, skip_lines=2).lines == [4]


def test_one_of_several_sheets_must_be_named(tmp_path: Path, load: Load):
    path = workbook(tmp_path, q1=[HEADER, ["a", DAY, 1]], q2=[HEADER, ["b", DAY, 2]], empty=[])

    with pytest.raises(UnreadableSource, match=r"hold data: 'q1', 'q2'.*--set sheet=q1"):
        load(path)
    assert load(path, sheet="q2").texts == [("b", "2024-01-05", "2")]
    with pytest.raises(UnreadableSource, match="no sheet 'q3', only 'q1', 'q2', 'empty'"):
        load(path, sheet="q3")
    with pytest.raises(NoUsableRows):
        load(path, sheet="empty")


def test_a_sheet_alone_with_data_needs_no_name(tmp_path: Path, load: Load):
    path = workbook(tmp_path, notes=[], data=[HEADER, ["a", DAY, 1]])

    assert load(path).facts["sheet"] == "data"


@pytest.mark.parametrize("name", ["orders.csv", "orders", "orders.xls"])
def test_c18_a_workbook_is_one_whatever_its_name(tmp_path: Path, load: Load, name: str):
    assert load(workbook(tmp_path, name=name, x=[HEADER, ["a", DAY, 1]])).lines == [2]


CONTENT = """<office:document-content office:version="1.2"
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>
<table:table table:name="orders">{rows}</table:table>
</office:spreadsheet></office:body></office:document-content>"""
MANIFEST = "<m:manifest xmlns:m='urn:oasis:names:tc:opendocument:xmlns:manifest:1.0'/>"
CELL = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'


def test_an_open_document_is_read_alike(tmp_path: Path, load: Load):
    cells = [
        [CELL.format("string", "", name) for name in HEADER],
        [
            CELL.format("string", "", "007"),
            CELL.format("date", 'office:date-value="2024-01-05"', "05/01/24"),
            CELL.format("float", 'office:value="1.5"', "1,50"),
        ],
    ]
    rows = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells)
    with zipfile.ZipFile(tmp_path / "orders.ods", "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", MANIFEST)
        archive.writestr("content.xml", CONTENT.format(rows=rows))

    tables = load(tmp_path / "orders.ods")

    assert tables.rows == [(1, 2, "007", "2024-01-05", "1.5")]


@pytest.mark.parametrize("long", [2**60 + 1, 1234567890123456, 1.5])
def test_d3_ids_that_a_spreadsheet_cannot_hold_are_refused(tmp_path: Path, load: Load, long: float):
    rows = [HEADER, [long, DAY, 1], [7, DAY, 1]]

    with pytest.raises(UnreadableSource, match="'customer_id' holds 1 identifiers as floating"):
        load(workbook(tmp_path, x=rows))


def test_d3_long_ids_kept_as_text_are_read(tmp_path: Path, load: Load):
    rows = [HEADER, ["1152921504606846977", DAY, 1], [123456789012345, DAY, 1]]

    texts = load(workbook(tmp_path, x=rows)).texts

    assert [row[0] for row in texts] == ["1152921504606846977", "123456789012345"]


def test_a_header_alone_holds_no_rows(tmp_path: Path, load: Load):
    for rows in ([HEADER], []):
        with pytest.raises(NoUsableRows):
            load(workbook(tmp_path, x=rows))


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_c16_a_damaged_workbook_is_refused(tmp_path: Path, load: Load, start: bytes):
    path = tmp_path / "orders.xlsx"
    path.write_bytes(start + bytes(600))

    with pytest.raises(UnreadableSource, match="its workbook is damaged"):
        load(path)


def test_a_sheet_of_more_rows_than_a_batch_is_read_whole(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmlab.intake.excel.BATCH", 2)
    path = workbook(tmp_path, x=[HEADER, *[[i, DAY, i] for i in range(5)]])

    tables = load(path)

    assert [row[:3] for row in tables.rows] == [(i + 1, i + 2, str(i)) for i in range(5)]
