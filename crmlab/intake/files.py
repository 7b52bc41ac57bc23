"""A file as what its first bytes say it is, whatever its name says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb

from crmlab.errors import NoUsableRows, UnreadableSource
from crmlab.intake import csv_files, duckdb_files, engines, excel, packed, parquet_files
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Facts, Rows, digest
from crmlab.intake.reading import Reading

FOREIGN_STARTS = (
    (b"<", "it is a web page or XML"),
    (b"{\\rtf", "it is a text document (RTF)"),
    (b"{", "it is JSON"),
    (b"[{", "it is JSON"),
    (b"%PDF", "it is a PDF document"),
    (b"%!PS", "it is a PostScript document"),
    (b"SQLite format 3", "it is an SQLite database"),
    (b"BZh", "it is compressed with bzip2"),
    (b"\xfd7zXZ", "it is compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "it is compressed with zstd"),
    (b"7z\xbc\xaf", "it is a 7-Zip archive"),
    (b"Rar!\x1a\x07", "it is a RAR archive"),
    (b"\x89PNG", "it is an image (PNG)"),
    (b"\xff\xd8\xff", "it is an image (JPEG)"),
    (b"GIF8", "it is an image (GIF)"),
    (b"II*\x00", "it is an image (TIFF)"),
    (b"MM\x00*", "it is an image (TIFF)"),
    (b"RIFF", "it is an image, a sound or a film (RIFF)"),
    (b"ARROW1", "it is an Arrow or Feather file"),
    (b"ORC", "it is an ORC file"),
    (b"Obj\x01", "it is an Avro file"),
    (b"$FL2", "it is an SPSS file"),
    (b"\x89HDF", "it is an HDF5 file"),
    (b"\x00\x01\x00\x00Standard", "it is an Access database"),
    (b"\x7fELF", "it is a program"),
)
"""How a file starts that cannot be read here."""

TEXTS = (b"RIFF", b"ORC", b"GIF8", b"$FL2")
"""Those of them with which a table's header could start: other bytes than of a text must follow."""

TAR = (257, b"ustar")
"""Where in a tar archive its mark stands."""

READERS = {
    "text": csv_files.load,
    "workbook": excel.load,
    "parquet": parquet_files.load,
    "duckdb": duckdb_files.load,
}

USED = {
    "text": ("encoding", "delimiter", "skip_lines"),
    "workbook": ("sheet", "skip_lines"),
    "parquet": (),
    "duckdb": ("table", "query"),
}
"""Options that each kind of file knows, beside those that are for all."""

SPOKEN = {
    "text": "a text file",
    "workbook": "a workbook",
    "parquet": "a Parquet file",
    "duckdb": "a DuckDB file",
}

UNPACK = "Unpack it, and give one file of it."
GIVE = "Give a CSV, Excel, Parquet or DuckDB file."


def load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    name: str,
    mapping: Mapping,
    reading: Reading,
) -> Rows:
    """Read the file into source_rows and source_faults.

    `name` is what messages call it. Raises NoUsableRows, MissingColumn, UnreadableSource,
    WrongParameter for an option that such a file does not know, or OSError.
    """
    with engines.scratch(connection) as folder:
        plain, facts = _unpacked(path, name, folder)
        read = READERS[_kind(plain, name, reading)]
        rows = read(connection, plain, name, mapping, reading)
    if plain != path:
        rows = replace(rows, fingerprint=digest(path))
    return replace(rows, facts=(*facts, *rows.facts))


def names(path: Path, name: str, reading: Reading) -> tuple[str, ...]:
    """The names of its columns. Raises as `load` does."""
    with engines.scratch(engines.connect()) as folder:
        plain, _ = _unpacked(path, name, folder)
        kind = _kind(plain, name, reading)
        if kind == "parquet":
            return tuple(parquet_files.names(plain, name))
        if kind == "workbook":
            return tuple(excel.names(plain, name, reading))
        if kind == "duckdb":
            return tuple(duckdb_files.names(plain, name, reading))
        return csv_files.names(plain, name, reading, folder)


def _unpacked(path: Path, name: str, folder: Path) -> tuple[Path, Facts]:
    """The file itself, or a private copy of what is packed in it."""
    start = _start(path)
    if start.startswith(packed.GZIP):
        copy, members = packed.gunzip(path, name, folder)
        return copy, (("packed", "gzip"), ("members", str(members)))
    if start.startswith((packed.ZIP, packed.EMPTY_ZIP)) and not packed.is_workbook(path):
        copy, inside = packed.unzip(path, name, folder)
        return copy, (("packed", "zip"), ("file in it", inside))
    return path, ()


def _kind(path: Path, name: str, reading: Reading) -> str:
    """text, workbook, parquet or duckdb. Raises UnreadableSource for what it cannot be."""
    start = _start(path)
    kind = "text"
    if not start:
        raise NoUsableRows(name, 0, {})
    if start.startswith(parquet_files.MAGIC):
        kind = "parquet"
    elif start.startswith((excel.OLD, packed.ZIP)):
        kind = "workbook"
        document = packed.document(path)
        if document:
            raise UnreadableSource(name, f"it is {document}", GIVE)
    elif start[8:].startswith(duckdb_files.MAGIC):
        kind = "duckdb"
    else:
        refuse_foreign(path, name)
    reading.refuse_others(USED[kind], SPOKEN[kind])
    return kind


def refuse_foreign(path: Path, name: str, give: str = GIVE) -> None:
    """Raise UnreadableSource for a file that its first bytes tell to be no table; say to `give`."""
    start = _start(path)
    if name.casefold().endswith((".parquet", ".pq")):
        raise UnreadableSource(name, "it is not a Parquet file", "Write it again, or give a CSV.")
    found = _foreign(start)
    if found == "it is a web page or XML" and name.casefold().endswith((".xls", ".xlsx")):
        remedy = "Open it in a spreadsheet program and save it as .xlsx or CSV."
        raise UnreadableSource(name, f"{found}, whatever its name ends in", remedy)
    if found:
        packed_up = "archive" in found or "compressed" in found
        raise UnreadableSource(name, found, UNPACK if packed_up else give)
    if start.startswith(packed.GZIP):
        raise UnreadableSource(name, "it is packed twice", "Unpack it first.")


def _foreign(start: bytes) -> str | None:
    """What a file is that cannot be read here, by its first bytes; None where they do not tell."""
    place, mark = TAR
    if start[place:].startswith(mark):
        return "it is a tar archive"
    bare = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, found in FOREIGN_STARTS:
        text = magic in TEXTS and start.isascii() and b"\0" not in start
        if (start.startswith(magic) or bare.startswith(magic)) and not text:
            return found
    return None


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)
