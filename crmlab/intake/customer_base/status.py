"""What a base holds, and how all that was ever loaded into it adds up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from crmlab.intake import engines
from crmlab.intake.customer_base import loading
from crmlab.intake.customer_base.store import About, ask

WORTH_TELLING = 20
"""Rows that a stretch of empty days would usually have had: by chance it is empty once in 5e8."""


@dataclass(frozen=True)
class Gap:
    """Days without a row, first and last included, and the rows that they would usually have."""

    first_date: dt.date
    last_date: dt.date
    usual_rows: int


@dataclass(frozen=True)
class Status:
    """The account of a base over all its loads, in rows, and who is in it.

    `set_aside` counts rows of the base that cannot be used as they stand, by reason; others are
    judged when it is read. `balance` says of the rows `read` how many are `live`, `superseded` by
    a correction, `known` before they came again, of erased people and `refused` when they came
    again, or `destroyed`.
    """

    folder: Path
    loads: int
    attribute_loads: int
    last_loaded_on: dt.date | None
    first_date: dt.date | None
    last_date: dt.date | None
    customers: int
    attributes: int
    balance: Mapping[str, int]
    set_aside: Mapping[str, int]
    objections: int
    blocked: int
    erased: int
    gaps: tuple[Gap, ...]
    key_name: str | None
    rewrite: bool

    def as_dict(self) -> dict[str, object]:
        """The status in the types of JSON. It holds no customer's id."""
        days = ("last_loaded_on", "first_date", "last_date")
        plain = {name: _written(getattr(self, name)) for name in days}
        gaps = [{**asdict(gap), **_days(gap)} for gap in self.gaps]
        return asdict(self) | plain | {"folder": str(self.folder), "gaps": gaps}

    def table(self) -> pd.DataFrame:
        """One row a fact, in words; column `value`."""
        rows = self.balance
        lines: dict[str, object] = {
            "folder": self.folder,
            "ids": f"pseudonyms (key {self.key_name})" if self.key_name else "as in the files",
            "loads": self.loads,
            "last load": self.last_loaded_on or "none",
            "purchases from": self.first_date or "none",
            "purchases to": self.last_date or "none",
            "customers": self.customers,
            "rows read": rows["read"],
            "  in the base": rows["live"],
            "    set aside as they stand": _reasons(self.set_aside),
            "  known already": rows["known"],
            "  superseded by a correction": rows["superseded"],
            "  of erased people: refused": rows["refused"],
            "  of erased people: destroyed": rows["destroyed"],
            "days without a row": "; ".join(map(_told, self.gaps)) or "none that is unusual",
            "attributes": self.attributes,
            "objections": self.objections,
            "people blocked": self.blocked,
            "people erased": self.erased,
        }
        if self.rewrite:
            lines["unfinished"] = "an erasure was cut short; crmlab base tidy ends it"
        return pd.DataFrame({"value": list(lines.values())}, index=list(lines))


def status(connection: duckdb.DuckDBPyConnection, folder: Path, about: About) -> Status:
    """The status of an attached base. Raises AccountDoesNotBalance if it does not add up."""
    (counts,) = ask(connection, engines.statement("base_status"))
    rows: dict[str, Any] = {"first_date": None, "last_date": None, "customers": 0}
    gaps: list[dict[str, Any]] = []
    aside: list[dict[str, Any]] = []
    if about.roles:
        (rows,) = ask(connection, engines.statement("base_period"))
        aside = ask(connection, engines.statement("base_set_aside"))
        gaps = ask(connection, engines.statement("base_gaps"), expected=WORTH_TELLING)
    return Status(
        folder=folder,
        balance=loading.check_balance(connection, str(folder)),
        set_aside={row["reason"]: row["rows"] for row in aside},
        gaps=tuple(Gap(**gap) for gap in gaps),
        key_name=about.key_name,
        rewrite=about.rewrite,
        **counts,
        **rows,
    )


def _reasons(set_aside: Mapping[str, int]) -> str:
    return "; ".join(f"{reason} {n:,}" for reason, n in set_aside.items()) or "none"


def _told(gap: Gap) -> str:
    days = f"{gap.first_date}" if gap.first_date == gap.last_date else ""
    days = days or f"{gap.first_date} to {gap.last_date}"
    return f"{days} (usually {gap.usual_rows:,} rows)"


def _days(gap: Gap) -> dict[str, str]:
    return {"first_date": gap.first_date.isoformat(), "last_date": gap.last_date.isoformat()}


def _written(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
