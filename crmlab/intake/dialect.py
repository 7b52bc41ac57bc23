"""How a text file parts its columns, and where its header is."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO

from crmlab.errors import CrmlabError, MissingColumn, NoUsableRows, UnreadableSource
from crmlab.intake.columns import Mapping
from crmlab.intake.reading import DELIMITERS, Reading

LONGEST = 2_000_000
"""Characters of a line: beyond it the line ends are lost, or it is no table."""

LOOKED_AT = 30
"""Lines in which a header is looked for, so as to say where it is."""

EXCERPT = 80
"""Characters of the file that a message shows."""

BLANKS = " \t\f\v\x1a\u00a0"
"""What a blank line may hold; 1A once ended files."""

SPOKEN = {sign: word for word, sign in DELIMITERS.items()}

_EXCEL_HINT = re.compile(r"sep=(.)[\r\n]*", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """The names in the header, the sign between them, and the lines that end with the header."""

    names: tuple[str, ...]
    delimiter: str
    lines: int
    first_line: int

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """What an account tells of it."""
        told = [("delimiter", SPOKEN.get(self.delimiter, self.delimiter))]
        return (*told, ("header in line", str(self.first_line)))


def numbered(file: TextIO, name: str) -> Iterator[str]:
    """Its physical lines. Raises UnreadableSource for one that is too long to be a line."""
    for number, line in enumerate(iter(partial(file.readline, LONGEST + 1), ""), 1):
        if len(line) > LONGEST:
            raise UnreadableSource(
                name,
                f"line {number} is longer than {LONGEST:,} characters",
                "Give a table with one row a line; its line ends may have been lost.",
            )
        yield line


def find(path: Path, name: str, mapping: Mapping | None, reading: Reading) -> Head:
    """The header of a UTF-8 text: its first line that is not blank, after those to skip.

    The sign is the declared one, else the one under which the mapped columns are found, else the
    one that makes most columns. Raises NoUsableRows, MissingColumn or UnreadableSource.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line, _ in zip(numbered(file, name), range(_most(reading)), strict=False)]
    first = reading.skip_lines or 0
    while first < len(lines) and not lines[first].strip(BLANKS + "\r\n"):
        first += 1
    if first >= len(lines):
        raise NoUsableRows(name, 0, {})
    hint = _EXCEL_HINT.fullmatch(lines[first])
    told = reading.separator or (hint[1] if hint else None)
    signs = [told] if told else list(SPOKEN)
    first += bool(hint)
    heads = [head for sign in signs for head in _head(lines, first, sign)]
    if len(heads) < len(signs) and all(len(head.names) == 1 for head in heads):
        found = f"its header is broken: a quote is not closed in line {first + 1}"
        raise UnreadableSource(name, found, "Correct the line.")
    head = _best(heads, name, mapping)
    if not any(column.strip() for column in head.names):
        found = f"line {head.first_line}, where its header should be, holds no names"
        raise UnreadableSource(name, found, "Give the table a header.")
    if mapping:
        _refuse_preamble(head, lines, name, mapping)
    return head


def _most(reading: Reading) -> int:
    return (reading.skip_lines or 0) + LOOKED_AT


def _head(lines: Sequence[str], first: int, sign: str) -> Iterator[Head]:
    """The header that starts in line `first`, if it is one under this sign."""
    reader = csv.reader(lines[first:], delimiter=sign, strict=True, skipinitialspace=True)
    try:
        names = next(reader, [])
    except csv.Error:
        return
    yield Head(tuple(names), sign, first + reader.line_num, first + 1)


def _best(heads: Sequence[Head], name: str, mapping: Mapping | None) -> Head:
    fitting = [head for head in heads if mapping and _fits(head.names, name, mapping)]
    return max(fitting or heads, key=lambda head: len(head.names))


def _fits(names: Sequence[str], name: str, mapping: Mapping) -> bool:
    try:
        mapping.locate(names, name)
    except CrmlabError:
        return False
    return True


def _refuse_preamble(head: Head, lines: Sequence[str], name: str, mapping: Mapping) -> None:
    """Raise MissingColumn, or if the columns are named further down, say where."""
    try:
        mapping.locate(head.names, name)
    except MissingColumn:
        for later in range(head.lines, len(lines)):
            for sign in dict.fromkeys([head.delimiter, *SPOKEN]):
                if any(_fits(h.names, name, mapping) for h in _head(lines, later, sign)):
                    raise UnreadableSource(
                        name,
                        f"its header is not in line {head.first_line} but in line {later + 1}",
                        f"Leave out the lines before it: --set skip_lines={later}",
                    ) from None
        raise


def excerpt(text: str) -> str:
    """The start of a text, quoted, for a message."""
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "...")
