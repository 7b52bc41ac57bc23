"""How a source is to be read, where it does not show it itself."""

from __future__ import annotations

import codecs
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

from crmlab.errors import WrongParameter

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
"""Signs that part columns, by the names that an option may give them."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "decimal": ("point", "comma"),
    "date_order": ("ymd", "dmy", "mdy"),
    "date_system": ("excel", "excel-1904", "epoch-s", "epoch-ms", "epoch-us"),
}


@dataclass(frozen=True)
class Reading:
    """What the user declares about a source; None is: see it from the source, or stop.

    `encoding` and `delimiter` of a text file; `skip_lines`, lines before the header; `decimal`
    and `date_order`, how its text is written; `date_system`, what numbers in the place of dates
    count; `sheet` of a workbook; `table` or `query` of a database; `time_zone`, in which instants
    become days. Raises WrongParameter for a value that none of them can have.
    """

    encoding: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    date_order: str | None = None
    date_system: str | None = None
    skip_lines: int | None = None
    sheet: str | None = None
    table: str | None = None
    query: str | None = None
    time_zone: str | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                _check(field.name, value)
        if self.table is not None and self.query is not None:
            raise WrongParameter("query", self.query, "none where 'table' is given; give one")

    @property
    def separator(self) -> str | None:
        """The sign that parts columns, if declared."""
        return None if self.delimiter is None else DELIMITERS.get(self.delimiter, self.delimiter)

    def refuse_others(self, used: Iterable[str], kind: str) -> None:
        """Raise WrongParameter for an option that says nothing about this kind of source."""
        for name in sorted({*OF_SOME} - {*used}):
            if getattr(self, name) is not None:
                raise WrongParameter(name, getattr(self, name), f"none for {kind}: leave it out")


OF_SOME = ("encoding", "delimiter", "skip_lines", "sheet", "table", "query")
"""Options that only some kinds of source know."""


def _check(name: str, value: object) -> None:
    if name == "skip_lines":
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise WrongParameter(name, value, "a whole number of lines, 0 or more")
        return
    expected, fits = _EXPECTED.get(name) or _one_of(_CHOICES[name])
    if not isinstance(value, str) or not fits(value):
        raise WrongParameter(name, value, expected)


def _one_of(choices: Iterable[str]) -> tuple[str, Callable[[str], bool]]:
    return f"one of {', '.join(choices)}", lambda value: value in choices


def _is_encoding(value: str) -> bool:
    try:
        # Asked for by its name, Python also finds codecs that turn bytes into bytes.
        return bool(codecs.lookup(value)._is_text_encoding)
    except (LookupError, ValueError):
        return False


def _is_time_zone(value: str) -> bool:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _is_delimiter(value: str) -> bool:
    return value in DELIMITERS or (len(value.encode()) == 1 and value not in '"\r\n \0')


_EXPECTED: dict[str, tuple[str, Callable[[str], bool]]] = {
    "encoding": ("an encoding such as utf-8, cp1252 or utf-16", _is_encoding),
    "delimiter": ("comma, semicolon, tab, bar, or the sign itself", _is_delimiter),
    "sheet": ("the name of a sheet", lambda value: bool(value)),
    "table": ("the name of a table", lambda value: bool(value.strip())),
    "query": ("one SELECT", lambda value: bool(value.strip())),
    "time_zone": ("the name of a time zone such as Europe/Madrid", _is_time_zone),
}
