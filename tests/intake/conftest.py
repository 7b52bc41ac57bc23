"""Small files, written where a test asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from crmlab.intake.log import TransactionLog, read_transactions

Write = Callable[..., Path]


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
    """Read a log from the lines of a CSV with the default columns."""

    def _rows(*lines: str, **options: str) -> TransactionLog:
        text = "\n".join(("customer_id,date,amount", *lines))
        return read_transactions(write(text), **options)

    return _rows
