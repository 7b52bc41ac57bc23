"""A delimited text file as a table of text rows, and the lines that could not be split."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from functools import partial
from pathlib import Path
from typing import BinaryIO

import duckdb

from crmlab.errors import UnreadableSource
from crmlab.intake import csv_records, dialect, encodings, engines, text_rows
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Rows
from crmlab.intake.reading import Reading

BINARY = 0.02
"""Share of control characters from which a file that holds a NUL is no text."""

FEW = 8
"""So many may stand in any text."""

WHITE = b"\t\n\v\f\r\x1a"
MOST = 0.9
"""Share of NULs in every second byte from which they are halves of letters."""

WIDEST_ROW = 1 << 24
"""Bytes of a row in a file that we wrote ourselves, whose line ends are known to be right."""


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    mapping: Mapping,
    reading: Reading,
) -> Rows:
    """Read the file into source_rows and source_faults, all as text.

    `name` is what messages call the file. Raises NoUsableRows, MissingColumn, or
    UnreadableSource: another encoding, a quote that is not closed, rows of another width.
    """
    with engines.scratch(connection) as folder:
        text = _plain(path, name, reading, folder)
        head = dialect.find(text.path, name, mapping, reading)
        places = mapping.locate(head.names, name)
        if not _read_in_place(connection, text, head, places):
            _read_exactly(connection, text.path, name, head, places, folder)
        facts = (*text.facts, *head.facts, ("line ends", " and ".join(text.scan.line_ends)))
        if text.scan.broken and reading.encoding not in encodings.UTF_8:
            _refuse_broken_text(connection, name, places, reading)
    return Rows(text.digest, facts=facts)


def names(path: Path, name: str, reading: Reading, folder: Path) -> tuple[str, ...]:
    """The names in the file's header."""
    text = _plain(path, name, reading, folder)
    return dialect.find(text.path, name, None, reading).names


def load_written(
    connection: duckdb.DuckDBPyConnection, path: Path, roles: Dict[str, str], *, numbered: bool
) -> None:
    """Make source_rows from a plain file of ours: `roles` and their columns c0, c1, ...

    If it is `numbered`, c0 is the record and c1 its line; otherwise records count from 1 and
    have no line.
    """
    if numbered:
        places = {"record": "CAST(c0 AS BIGINT)", "line": "CAST(c1 AS BIGINT)"}
        _create(connection, path, {**places, **roles}, len(roles) + 2, OURS)
        text_rows.show(connection)
    else:
        _create(connection, path, roles, len(roles), OURS)
        text_rows.number(connection)


LINE_ENDS = {"LF": r"'\n'", "CRLF": r"'\r\n'", "CR": r"'\r'"}
"""As the engine wants them told; left to itself it would also take one within quotes for it."""

OURS = ("delim = ','", f"max_line_size = {WIDEST_ROW}", f"new_line = {LINE_ENDS['LF']}")


def _plain(path: Path, name: str, reading: Reading, folder: Path) -> encodings.Text:
    _refuse_binary(path, name, reading)
    return encodings.plain(path, name, reading.encoding, folder)


def _read_in_place(
    connection: duckdb.DuckDBPyConnection,
    text: encodings.Text,
    head: dialect.Head,
    places: Dict[str, int],
) -> bool:
    """Let the engine read the file if each line is a record and fits the header; say whether."""
    scan, sign = text.scan, head.delimiter
    if len(scan.line_ends) > 1 or not _shows_its_width(text.path, head, scan.lines):
        return False
    roles = {role: f"c{place}" for role, place in places.items()}
    end = LINE_ENDS[(*scan.line_ends, "LF")[0]]
    options = (f"delim = {engines.literal(sign)}", f"skip = {head.lines}", f"new_line = {end}")
    try:
        _create(connection, text.path, roles, len(head.names), options)
    except duckdb.InvalidInputException:
        return False
    counted = connection.execute("SELECT count(*) FROM source_texts").fetchall()[0][0]
    if counted == scan.lines - head.lines:
        text_rows.number(connection, head.lines)
        return True
    connection.execute("DROP TABLE source_texts")
    return False


def _shows_its_width(path: Path, head: dialect.Head, lines: int) -> bool:
    """Whether no line can have an empty field too many, which the engine would take for none.

    Either there are as many delimiters as fields need, and none to spare (the engine itself sees
    to it that no line has too few), or no line ends with one.
    """
    with path.open(encoding="utf-8", newline="") as file:
        before = sum(file.readline().count(head.delimiter) for _ in range(head.lines))
    sign = head.delimiter.encode()
    with path.open("rb") as file:
        signs = sum(encodings.occurrences(chunk, sign) for chunk in _chunks(file))
    needed = (lines - head.lines) * (len(head.names) - 1)
    return signs - before == needed or not _ends_open(path, sign)


def _ends_open(path: Path, sign: bytes) -> bool:
    """Whether any line ends with the delimiter."""
    ends, last = (sign + b"\r", sign + b"\n"), b""
    with path.open("rb") as file:
        for chunk in _chunks(file):
            if any(end in chunk or last + chunk[:1] == end for end in ends):
                return True
            last = chunk[-1:]
    return last == sign


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(partial(file.read, encodings.CHUNK), b"")


def _read_exactly(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    head: dialect.Head,
    places: Dict[str, int],
    folder: Path,
) -> None:
    rows, faults = csv_records.rewrite(path, name, head, list(places.values()), folder)
    roles = {role: f"c{i}" for i, role in enumerate(places, 2)}
    load_written(connection, rows, roles, numbered=True)
    sql = engines.fill(engines.statement("csv_faults"), most=str(WIDEST_ROW))
    connection.execute(sql, {"path": engines.one_file(faults)})


def _create(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    texts: Dict[str, str],
    width: int,
    options: tuple[str, ...],
) -> None:
    sql = engines.fill(
        engines.statement("csv"),
        texts=",\n    ".join(f"{column} AS {name}" for name, column in texts.items()),
        columns="{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(width)) + "}",
        options=",\n    ".join(options),
    )
    connection.execute(sql, {"path": engines.one_file(path)})


def _refuse_binary(path: Path, name: str, reading: Reading) -> None:
    """A NUL in a text is one row's fault; a file full of control characters is no text."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    marks = tuple(mark for mark, _ in encodings.MARKS)
    if b"\0" not in head or reading.encoding or head.startswith(marks):
        return
    controls = sum(head.count(bytes([byte])) for byte in range(32) if byte not in WHITE)
    if controls < max(FEW, BINARY * len(head)):
        return
    even, odd = (half.count(0) / len(half) for half in (head[0::2], head[1::2]))
    if max(even, odd) > MOST:
        order = "utf-16-le" if odd > even else "utf-16-be"
        found, remedy = "it looks like UTF-16 without its mark", f"Say so: --set encoding={order}"
    else:
        found, remedy = "it holds binary data", "Give a CSV, Excel or Parquet file."
    raise UnreadableSource(name, found, remedy)


def _refuse_broken_text(
    connection: duckdb.DuckDBPyConnection, name: str, places: Dict[str, int], reading: Reading
) -> None:
    """Refuse text that was decoded wrongly before it came here, if a mapped column has it."""
    pattern = engines.literal(encodings.BROKEN)
    sql = engines.fill(engines.statement("broken_text"), texts=", ".join(places), pattern=pattern)
    ((count, line, text),) = connection.execute(sql).fetchall()
    if not count:
        return
    remedy = "Export it anew in UTF-8, or take the text as it is: --set encoding=utf-8"
    if reading.encoding:
        remedy = f"It is probably not written in {reading.encoding}: leave out that option."
    first = f"first: line {line}: {dialect.excerpt(text)}"
    found = f"{count} rows hold text that was decoded wrongly ({first})"
    raise UnreadableSource(name, found, remedy)
