"""A file packed by gzip or zip, unpacked to a private copy; whole, or not at all."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from pathlib import Path

from crmlab.errors import UnreadableSource
from crmlab.intake import engines

GZIP = b"\x1f\x8b"
ZIP = b"PK\x03\x04"
EMPTY_ZIP = b"PK\x05\x06"
CHUNK = 1 << 20

WORKBOOK_PARTS = ("[Content_Types].xml", "mimetype")
"""What a zip archive holds that Excel or LibreOffice wrote."""


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is an Excel or OpenDocument file.

    One that is damaged is taken for it unless its name ends in .zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return not {*WORKBOOK_PARTS}.isdisjoint(archive.namelist())
    except (zipfile.BadZipFile, NotImplementedError):
        return path.suffix.casefold() != ".zip"


DOCUMENTS = {"word/": "a Word document", "ppt/": "a PowerPoint document"}
OPEN_DOCUMENTS = {b"text": "a text document", b"presentation": "a presentation"}
"""Archives that hold no table: by a folder in them, or by what they say that they are."""


def document(path: Path) -> str | None:
    """What a zip archive is that an office program wrote, if it is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            said = archive.read("mimetype") if "mimetype" in names else b""
    except (zipfile.BadZipFile, NotImplementedError, OSError, RuntimeError, zlib.error, EOFError):
        return None
    inside = (
        kind for folder, kind in DOCUMENTS.items() if any(n.startswith(folder) for n in names)
    )
    said_to_be = OPEN_DOCUMENTS.get(said.partition(b"opendocument.")[2].strip())
    return next(inside, said_to_be)


def gunzip(path: Path, name: str, folder: Path) -> tuple[Path, int]:
    """The unpacked copy, and of how many members it is made.

    Raises UnreadableSource for a file that is cut short or damaged.
    """
    copy, members = folder / "unpacked", 0
    with path.open("rb") as file, open(copy, "xb", opener=engines.private) as out:
        unpacker = zlib.decompressobj(wbits=31)
        data = file.read(CHUNK)
        while data:
            try:
                out.write(unpacker.decompress(data, CHUNK))
            except zlib.error as error:
                raise _damaged(name, "gzip", str(error)) from None
            data = unpacker.unconsumed_tail
            if unpacker.eof:
                members += 1
                data = unpacker.unused_data or file.read(CHUNK)
                while data and not data.lstrip(b"\0"):  # some writers fill up with zeros
                    data = file.read(CHUNK)
                data = data.lstrip(b"\0")
                unpacker = zlib.decompressobj(wbits=31) if data else unpacker
            data = data or file.read(CHUNK)
    if not unpacker.eof:
        raise _damaged(name, "gzip", "it is cut short")
    return copy, members


def unzip(path: Path, name: str, folder: Path) -> tuple[Path, str]:
    """The unpacked copy of the one file in the archive, and that file's name.

    Raises UnreadableSource for an archive of none or several, with a password, or damaged.
    """
    copy = folder / "unpacked"
    try:
        with zipfile.ZipFile(path) as archive:
            (inside,) = _files(archive, name)
            with archive.open(inside) as file, open(copy, "xb", opener=engines.private) as out:
                shutil.copyfileobj(file, out, CHUNK)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise _damaged(name, "zip archive", str(error)) from None
    except RuntimeError:  # so zipfile says that there is a password
        raise UnreadableSource(name, "it has a password", "Unpack it first.") from None
    return copy, inside.filename


def _files(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    files = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    if len(files) != 1:
        listed = ", ".join(info.filename for info in files[:5])
        found = f"it is a zip archive of {len(files)} files" + (f" ({listed})" if files else "")
        raise UnreadableSource(name, found, "Give one file, or an archive of one.")
    return files


def _damaged(name: str, kind: str, found: str) -> UnreadableSource:
    return UnreadableSource(name, f"its {kind} is damaged ({found})", "Fetch it again, whole.")
