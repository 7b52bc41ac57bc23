"""Small files of our own that come with the package."""

from __future__ import annotations

from pathlib import Path

import crmlab

CONTRACTS = "contracts-example"
"""Simulated contracts of a gym that does not exist: see data/examples/make_contracts.py."""


def contracts() -> Path:
    """Where the simulated contracts are: inside an installed package, or beside it."""
    package = Path(crmlab.__file__).parent
    inside = package / "examples"
    folder = inside if inside.is_dir() else package.parent / "data" / "examples"
    return folder / "contracts.csv"
