"""Small files, written where a test asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crmlab.intake import engines, sources
from crmlab.intake.columns import ROLES, Mapping
from crmlab.intake.loaded import Loaded
from crmlab.intake.log import TransactionLog, read_transactions
from crmlab.intake.reading import Reading

Write = Callable[..., Path]


@dataclass(frozen=True)
class Tables:
    """What a reader makes of a source: its rows and faults as tuples, record and line first."""

    found: Loaded
    rows: list[tuple[Any, ...]]
    faults: list[tuple[Any, ...]]

    @property
    def facts(self) -> dict[str, str]:
        return dict(self.found.facts)

    @property
    def texts(self) -> list[tuple[Any, ...]]:
        """The rows without record and line."""
        return [row[2:] for row in self.rows]

    @property
    def lines(self) -> list[int]:
        return [row[1] for row in self.rows]


def _load(source: Any, **options: Any) -> Tables:
    roles = {name: options.pop(name) for name in ROLES if name in options}
    connection = engines.connect()
    found = sources.load(connection, source, Mapping(**roles), Reading(**options))
    rows = connection.execute("FROM source_rows ORDER BY record").fetchall()
    faults = connection.execute("FROM source_faults ORDER BY record").fetchall()
    return Tables(found, rows, faults)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write text or bytes to a file of this test and return its path."""

    def _write(content: str | bytes, name: str = "orders.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def rows(write: Write) -> Callable[..., TransactionLog]:
    """Read a log from the lines of a CSV with the default columns, or with those of `header`.

    In files as small as these any one fault is above the limit, so that none is set.
    """

    def _rows(*lines: str, header: str = "customer_id,date,amount", **options: Any) -> Any:
        text = "\n".join((header, *lines))
        return read_transactions(write(text), **{"limit": 1.0, "reason_limit": 1.0} | options)

    return _rows


@pytest.fixture
def load() -> Callable[..., Tables]:
    """Read a source by itself: roles and options of reading as keywords."""
    return _load
