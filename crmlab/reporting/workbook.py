"""The tables of a report as an Excel workbook: one sheet a table, every row, full precision."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from typing import Any

import xlsxwriter

from crmlab.reporting.language import Language, Quantity
from crmlab.reporting.pages import WORDS, Table, column_head, plain_value

FORMATS = {
    "share": "0.0%",
    "rate": "0.0%",
    "points": "0.0%",
    "number": "#,##0.00",
    "p_value": "0.0000",
    "money": "#,##0.00",
    "cents": "#,##0.00",
    "count": "#,##0",
}
SAFE = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def write_workbook(path: str | PathLike[str], tables: Sequence[Table], language: Language) -> None:
    """Write the tables, each on a sheet named by its key. No text becomes a formula or a link.

    What is left out of rows of a few customers stands summed in a line under the total.
    """
    with xlsxwriter.Workbook(path, SAFE) as book:
        bold = book.add_format({"bold": True})
        formats = {kind: book.add_format({"num_format": f}) for kind, f in FORMATS.items()}
        for table in tables:
            sheet = book.add_worksheet(table.key[:31])
            sheet.write_string(0, 0, language.text(f"table.{table.key}"), bold)
            sheet.freeze_panes(3, 1)
            for j, (name, kind) in enumerate(table.every_kind.items()):
                sheet.write_string(2, j, column_head(name, language), bold)
                sheet.set_column(j, j, 34 if kind in WORDS else 18)
                for i, value in enumerate(table.told(name)):
                    _write(sheet, 3 + i, j, value, kind, formats.get(kind), language)
                if name in table.together:
                    left_out = table.together[name]
                    _write(sheet, 3 + len(table.frame), j, left_out, kind, formats[kind], language)
            if table.together:
                sheet.write_string(3 + len(table.frame), 0, language.text("word.together"))


def _write(
    sheet: Any, row: int, column: int, value: Any, kind: str, form: Any, language: Language
) -> None:
    if kind in WORDS:
        text = re.sub(r"[\x00-\x08\x0b-\x1f]", "", language.write(Quantity(value, kind)))
        sheet.write_string(row, column, text[:32767])
        return
    known = plain_value(value)
    if known is None:
        sheet.write_blank(row, column, None)
    elif isinstance(known, str):
        sheet.write_string(row, column, known)
    else:
        sheet.write_number(row, column, known, form)
