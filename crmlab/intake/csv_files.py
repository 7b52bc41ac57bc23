"""A comma-separated UTF-8 file as a table of text rows."""

from __future__ import annotations

import codecs
import csv
import hashlib
from pathlib import Path

import duckdb

from crmlab.errors import NoUsableRows, UnreadableSource
from crmlab.intake import engines
from crmlab.intake.columns import Columns

CHUNK = 1 << 20
SAVE_AS_CSV = "Save it as comma-separated text in UTF-8 (in Excel: CSV UTF-8), or as Parquet."
EXCERPT = 80
"""Characters of the file that a message shows."""

OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def load(connection: duckdb.DuckDBPyConnection, path: Path, name: str, columns: Columns) -> str:
    """Read the file into source_rows, all as text, and return the SHA-256 of its bytes.

    `name` is what messages call the file. Raises NoUsableRows, MissingColumn, or
    UnreadableSource: not UTF-8, another delimiter, or a line that does not fit the header.
    """
    fingerprint = _scan(path, name)
    header, blank_lines = _header(path, name)
    customer_id, date, amount = columns.locate(header, name)
    sql = engines.fill(
        engines.statement("csv"),
        columns="{" + ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(header))) + "}",
        skip=str(blank_lines),
        customer_id=f"c{customer_id}",
        date=f"c{date}",
        amount=f"c{amount}",
    )
    try:
        connection.execute(sql, {"path": engines.one_file(path)})
    except duckdb.InvalidInputException as error:
        raise _not_csv(path, name, error) from error
    _refuse_rejects(connection, path, name, len(header))
    return fingerprint


def _scan(path: Path, name: str) -> str:
    """Fingerprint of a file proved to be UTF-8 text: the engine proves only what it selects."""
    digest, decoder, line = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), 1
    with path.open("rb") as file:
        while True:
            chunk = file.read(CHUNK)
            digest.update(chunk)
            if b"\0" in chunk:
                raise UnreadableSource(name, "it holds binary data", SAVE_AS_CSV)
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += error.object.count(b"\n", 0, error.start)
                found = f"line {line} is not UTF-8 text (byte 0x{error.object[error.start]:02x})"
                raise UnreadableSource(name, found, SAVE_AS_CSV) from error
            if not chunk:
                return digest.hexdigest()
            line += chunk.count(b"\n")


def _header(path: Path, name: str) -> tuple[list[str], int]:
    """Names in the first line that is not blank, and how many blank lines precede it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            lines = enumerate(csv.reader(file, strict=True))
            blank_lines, header = next(((n, row) for n, row in lines if row), (0, []))
        except csv.Error as error:
            raise UnreadableSource(name, f"its header is broken: {error}", SAVE_AS_CSV) from error
    if not header:
        raise NoUsableRows(name, 0, {})
    for sign, spoken in OTHER_DELIMITERS.items():
        if len(header) == 1 and sign in header[0]:
            raise UnreadableSource(
                name,
                f"its columns are parted by {spoken}: {_excerpt(header[0])}",
                "Only comma-separated files are read today: save it with commas, or as Parquet.",
            )
    return header, blank_lines


def _refuse_rejects(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, width: int
) -> None:
    # Reject tables belong to the connection that read the file; a cursor would not see them.
    rejects = connection.execute(engines.statement("csv_rejects")).fetchall()
    if not rejects:
        return
    position, fault, text = rejects[0]
    before = path.read_bytes()[: position - 1]
    line = 1 + (before.count(b"\n") or before.count(b"\r"))
    raise UnreadableSource(
        name,
        f"lines that do not fit its header of {width} columns: {len(rejects)} "
        f"(first: line {line}, {fault.lower()}: {_excerpt(text)})",
        "Correct them; a field that holds a comma needs quotes around it.",
    )


def _not_csv(path: Path, name: str, error: duckdb.Error) -> UnreadableSource:
    data = path.read_bytes()
    pairs = data.count(b"\r\n")
    alone = data.count(b"\n") - pairs, data.count(b"\r") - pairs
    if sum(n > 0 for n in (pairs, *alone)) > 1:
        found = "its lines do not all end alike (CR LF, LF or CR)"
        return UnreadableSource(name, found, "Save it again with one kind of line end.")
    return UnreadableSource(name, engines.first_line(error), SAVE_AS_CSV)


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= EXCERPT else text[:EXCERPT] + "...")
