"""How a base is named as a source: base, base:FOLDER, base@2024-06-30, or its folder."""

from __future__ import annotations

import datetime as dt
import os
import re
from dataclasses import dataclass
from pathlib import Path

from crmlab.errors import WrongParameter

FOLDER = Path("data/base")
"""Where the base is if nothing else is said, seen from the working directory."""

FILE = "base.duckdb"

KEPT = "summary.parquet"
"""A summary that is kept beside it; it goes when somebody is erased."""

_PATTERN = re.compile(r"base(:(?P<folder>.+?))?(@(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2}))?")


@dataclass(frozen=True)
class Address:
    """A base's folder, and the day as of which it is read (None: as it is now)."""

    folder: Path = FOLDER
    as_of: dt.date | None = None

    def __str__(self) -> str:
        return f"base:{self.folder}" + (f"@{self.as_of}" if self.as_of else "")


def address_of(source: object) -> Address | None:
    """The address that a source is, or None if it is none.

    A file or folder of that name comes second: it is './base'. Raises WrongParameter for a day
    that there is not.
    """
    if not isinstance(source, str | os.PathLike):
        return None
    name = os.fspath(source)
    found = _PATTERN.fullmatch(name) if isinstance(source, str) else None
    if found is None:
        return Address(Path(name)) if (Path(name) / FILE).is_file() else None
    folder = Path(found["folder"]).expanduser() if found["folder"] else FOLDER
    return Address(folder, _day(found["day"], name) if found["day"] else None)


def _day(text: str, source: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        expected = "base@ and a day that there is, such as base@2024-06-30"
        raise WrongParameter("source", source, expected) from None
