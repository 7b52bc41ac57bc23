"""What is known of a source once its rows stand in the engine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Facts = tuple[tuple[str, str], ...]
"""Plain findings for the account, such as ("encoding", "cp1252")."""


@dataclass(frozen=True)
class Rows:
    """What a reader found: `fingerprint` is a SHA-256 of what was read.

    `exact` names the roles whose text was written from a typed column, with ISO dates and a
    decimal point, so that nothing about them needs proof.
    """

    fingerprint: str
    exact: frozenset[str] = frozenset()
    facts: Facts = ()


@dataclass(frozen=True)
class Loaded:
    """A source whose rows now stand in the engine's tables source_rows and source_faults."""

    name: str
    fingerprint: str
    zero_amount: Literal["occasion", "ignore"]  # unless the caller says otherwise
    exact_roles: frozenset[str] = frozenset()
    facts: Facts = ()


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
