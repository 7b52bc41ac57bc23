"""A sheet of a workbook (.xlsx, .xlsb, .xls, .ods) as a table of text rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from crmlab.errors import NoUsableRows, UnreadableSource
from crmlab.intake import engines, text_rows, typed
from crmlab.intake.columns import Mapping
from crmlab.intake.frames import plain_decimal
from crmlab.intake.loaded import Rows, digest
from crmlab.intake.reading import Reading

OLD = b"\xd0\xcf\x11\xe0"
"""How a .xls file begins; a .xlsx or .ods file is a zip archive."""

EXACT = 10**15
"""A spreadsheet keeps 15 digits of a number; longer ones have lost theirs."""

BATCH = 50_000

Row = Sequence[object]


@dataclass
class Cells:
    """What a mapped column holds: whether anything is text, and ids that cannot be whole."""

    written: bool = False
    lost: list[float] = field(default_factory=list)


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    mapping: Mapping,
    reading: Reading,
) -> Rows:
    """Read one sheet into source_rows, all as text; `line` is the row's number in the sheet.

    Rows without any content are no records. Raises MissingColumn, NoUsableRows, or
    UnreadableSource: several sheets and none named, damage, a password, ids that are numbers of
    more than 15 digits.
    """
    sheet = _sheet(path, name, reading)
    rows = _rows(sheet, reading)
    header_line, header = next(rows, (0, ()))
    found = [_text(cell) or "" for cell in header]
    if not header_line:
        raise NoUsableRows(name, 0, {})
    places = mapping.locate(found, name)
    cells = {role: Cells() for role in places}
    _fill(connection, rows, places, cells)
    for role in typed.IDS:
        if role in cells and cells[role].lost:
            lost = cells[role].lost
            raise typed.lost_digits(found[places[role]], len(lost), f"{lost[0]:.15g}", name)
    exact = frozenset(role for role, seen in cells.items() if not seen.written)
    facts = (("sheet", sheet.name), ("header in line", str(header_line)))
    return Rows(digest(path), exact, facts)


def names(path: Path, name: str, reading: Reading) -> list[str]:
    """The names in the sheet's header."""
    _, header = next(_rows(_sheet(path, name, reading), reading), (0, ()))
    return [_text(cell) or "" for cell in header]


def _sheet(path: Path, name: str, reading: Reading) -> CalamineSheet:
    try:
        # By its content: given a path, calamine would believe what the file's name ends in.
        with path.open("rb") as file:
            book = CalamineWorkbook.from_filelike(file)
        if reading.sheet is not None:
            return _named(book, name, reading.sheet)
        filled = [s for s in map(book.get_sheet_by_name, _tables(book)) if s.height]
    except PasswordError:
        raise UnreadableSource(name, "it has a password", "Save it without one.") from None
    except CalamineError as error:
        found = f"its workbook is damaged or of a kind that is not known ({str(error)[:160]})"
        raise UnreadableSource(name, found, "Save it as .xlsx or CSV.") from None
    if len(filled) > 1:
        listed = ", ".join(repr(sheet.name) for sheet in filled)
        remedy = f"Name one: --set sheet={filled[0].name}"
        raise UnreadableSource(name, f"several of its sheets hold data: {listed}", remedy)
    if not filled:
        raise NoUsableRows(name, 0, {})
    return filled[0]


def _named(book: CalamineWorkbook, name: str, sheet: str) -> CalamineSheet:
    if sheet not in book.sheet_names:
        listed = ", ".join(map(repr, book.sheet_names))
        found = f"it has no sheet '{sheet}', only {listed}"
        raise UnreadableSource(name, found, "Name one of them: --set sheet=NAME")
    return book.get_sheet_by_name(sheet)


def _tables(book: CalamineWorkbook) -> list[str]:
    # A sheet may also be a chart, or hidden from who looks at the workbook.
    return [
        meta.name
        for meta in book.sheets_metadata
        if meta.typ == SheetTypeEnum.WorkSheet and meta.visible == SheetVisibleEnum.Visible
    ]


def _rows(sheet: CalamineSheet, reading: Reading) -> Iterator[tuple[int, Row]]:
    """Rows that hold anything, the header first, with their numbers in the sheet."""
    numbered = enumerate(sheet.iter_rows(), 1)
    for line, row in islice(numbered, reading.skip_lines or 0, None):
        if any(cell not in ("", None) for cell in row):
            yield line, row


def _fill(
    connection: duckdb.DuckDBPyConnection,
    rows: Iterator[tuple[int, Row]],
    places: dict[str, int],
    cells: dict[str, Cells],
) -> None:
    """Write the rows to source_texts, and into `cells` what they hold."""
    connection.execute(
        engines.fill(
            engines.statement("text_rows"),
            roles=",\n    ".join(f"{role} VARCHAR" for role in places),
        )
    )
    text_rows.show(connection)
    record = 1
    while batch := list(islice(rows, BATCH)):
        columns = {
            "record": pa.array(range(record, record + len(batch)), pa.int64()),
            "line": pa.array([line for line, _ in batch], pa.int64()),
        }
        for role, place in places.items():
            values = [_seen(row[place], role, cells[role]) for _, row in batch]
            columns[role] = pa.array(values, pa.string())
        record += len(batch)
        connection.register("batch", pa.table(columns))
        connection.execute("INSERT INTO source_texts SELECT * FROM batch")
        connection.unregister("batch")


def _seen(cell: object, role: str, cells: Cells) -> str | None:
    text = _text(cell)
    if text is None:
        return None
    day = isinstance(cell, dt.date)  # an instant is one too
    number = isinstance(cell, float | int) and not isinstance(cell, bool)
    if role in typed.IDS and isinstance(cell, float) and not _is_whole(cell):
        cells.lost.append(cell)
    cells.written |= not (day if role == "date" else number or (day and role in typed.AS_TEXT))
    return text


def _is_whole(number: float) -> bool:
    return abs(number) < EXACT and number == int(number)


def _text(cell: object) -> str | None:
    """A cell as text: whole numbers without decimals, dates in ISO, text as it is."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int | float):
        return plain_decimal(Decimal(str(cell)))
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    return None if cell is None else str(cell)
