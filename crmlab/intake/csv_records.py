"""The exact, slower way to read a delimited text: one record at a time, each with its line."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from crmlab.errors import UnreadableSource
from crmlab.intake import engines
from crmlab.intake.dialect import BLANKS, Head, excerpt, numbered

LONGEST_FAULT = 100_000
"""Characters of a line that does not fit which are kept."""


class Record(NamedTuple):
    """A physical record: its first line, and its fields, or its text if they do not fit."""

    line: int
    fields: list[str] | None
    text: str | None


@dataclass
class Lines:
    """The lines of a file, and which of them the record in hand is made of."""

    source: Iterable[str]
    number: int = 0
    ended: bool = False
    taken: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[str]:
        for line in self.source:
            self.number += 1
            self.taken.append(line)
            yield line
        self.ended = True


def rewrite(path: Path, name: str, head: Head, places: Sequence[int], folder: Path) -> list[Path]:
    """Write two plain files: record, line and the fields in `places`; record, line and text.

    The second holds the records that could not be split into the header's fields.
    Raises UnreadableSource for a quote that is not closed, or if every record has the same number
    of fields and it is not that of the header.
    """
    paths = [folder / "records.csv", folder / "faults.csv"]
    widths: Counter[int] = Counter()
    with ExitStack() as stack:
        rows, faults = (_writer(stack.enter_context(_new(path))) for path in paths)
        for number, (line, fields, text) in zip(count(1), records(path, name, head), strict=False):
            widths[0 if fields is None else len(fields)] += 1
            if fields is not None and text is None:
                rows.writerow((number, line, *[fields[place] for place in places]))
            else:
                faults.writerow((number, line, (text or "")[:LONGEST_FAULT]))
    _refuse_other_width(widths, name, head)
    return paths


def _new(path: Path) -> TextIO:
    return open(path, "w", encoding="utf-8", newline="", opener=engines.private)


def _writer(file: TextIO) -> Any:
    return csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)


def records(path: Path, name: str, head: Head) -> Iterator[Record]:
    """Every record after the header; blank lines are none."""
    width = len(head.names)
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = Lines(numbered(file, name))
        feed = iter(lines)
        for _ in range(head.lines):
            next(feed)
        reader = csv.reader(feed, delimiter=head.delimiter, strict=True, skipinitialspace=True)
        while True:
            lines.taken.clear()
            first = lines.number + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error:
                # Within one line the fault is that line's; beyond it, no one knows where it ends.
                if lines.ended or len(lines.taken) > 1:
                    raise _open_quote(name, first, lines.taken[0]) from None
                yield Record(first, None, _text(lines))
                continue
            fields = with_blanks(fields, "".join(lines.taken), head.delimiter)
            if len(fields) == width:
                yield Record(first, fields, None)
            elif len(fields) > 1 or "".join(fields).strip(BLANKS):
                yield Record(first, fields, _text(lines))


def with_blanks(fields: list[str], text: str, delimiter: str) -> list[str]:
    """The fields of a record with the blanks before them; those before a quote are not theirs.

    The reader has to skip blanks to see a quote behind them, and skips them everywhere.
    """
    if delimiter == " " or not (text.startswith(" ") or f"{delimiter} " in text):
        return fields
    pattern = re.compile(f'( *)("(?:[^"]|"")*"|[^{re.escape(delimiter)}\r\n]*)')
    place, kept = 0, []
    for written in fields:
        found = pattern.match(text, place)
        assert found is not None  # it may be empty
        kept.append(written if found[2].startswith('"') else found[1] + written)
        place = found.end() + 1
    return kept


def _text(lines: Lines) -> str:
    return "".join(lines.taken).rstrip("\r\n")


def _open_quote(name: str, line: int, text: str) -> UnreadableSource:
    return UnreadableSource(
        name,
        f"a quote that opens in line {line} is not closed: {excerpt(text.rstrip())}",
        "Close it, or double a quote that belongs to the text.",
    )


def _refuse_other_width(widths: Counter[int], name: str, head: Head) -> None:
    expected = len(head.names)
    if len(widths) == 1 and expected not in widths and widths.total():
        (width,) = widths
        raise UnreadableSource(
            name,
            f"every row has {width} fields, but its header has {expected}",
            "Name all columns in the header, or say what parts them: --set delimiter=...",
        )
