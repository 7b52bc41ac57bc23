"""What a notebook's last cell writes, and what the runner needs of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from crmlab.errors import CrmlabError

RESULTS = "results.json"
TABLES = "tables.xlsx"
CUSTOMERS = "customers.parquet"


class IncompleteResults(CrmlabError):
    """A notebook that ran to its end without leaving what it should: a fault of the report."""


class Headline(BaseModel):
    """A figure that matters, already in words."""

    model_config = ConfigDict(frozen=True, extra="allow")

    label: str
    text: str


class Results(BaseModel):
    """The part of results.json that the runner reads; the figures themselves are not its own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    complete: Literal[True]
    title: str
    language: str
    headline: tuple[Headline, ...]
    input: dict[str, object]
    account: object
    fits: object


def read_results(folder: Path) -> Results:
    """Read results.json from `folder` and check that the files beside it are there.

    Raises IncompleteResults: a notebook that a cell ended early is not a success.
    """
    left_out = [n for n in (RESULTS, TABLES, CUSTOMERS) if not (folder / n).is_file()]
    if left_out:
        raise IncompleteResults(f"The notebook ended without writing {', '.join(left_out)}.")
    try:
        return Results.model_validate_json((folder / RESULTS).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its text"
        message = f"The notebook wrote a {RESULTS} that is not complete: {where}: {first['msg']}."
        raise IncompleteResults(message) from None
