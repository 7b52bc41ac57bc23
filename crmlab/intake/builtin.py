"""The sources that come with the installed package lifetimes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb

from crmlab.errors import UnreadableSource, WrongParameter
from crmlab.intake import engines, text_rows
from crmlab.intake.columns import Mapping, option
from crmlab.intake.loaded import Rows, digest

FILES = {"cdnow": "CDNOW_master.txt", "cdnow-sample": "CDNOW_sample.txt"}
"""Their names, and their files in it."""

COLUMNS = ("customer_id", "date", "amount")


def load(connection: duckdb.DuckDBPyConnection, source: str, mapping: Mapping) -> Rows:
    """Read the source into source_rows.

    Raises WrongParameter for another name of a column, MissingColumn or UnreadableSource.
    """
    for role, name in mapping.given().items():
        if name != role:
            raise WrongParameter(option(role), name, f"'{role}', its name in source '{source}'")
    mapping.locate(COLUMNS, source)
    path = _path(source)
    connection.execute(engines.statement("cdnow"), {"path": engines.one_file(path)})
    text_rows.show(connection)
    return Rows(digest(path), frozenset({"amount"}))


def _path(source: str) -> Path:
    # By its path: importing lifetimes takes seconds and changes options of pandas.
    spec = importlib.util.find_spec("lifetimes")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        path = Path(folder) / "datasets" / FILES[source]
        if path.is_file():
            return path
    raise UnreadableSource(
        source,
        "its file comes inside the Python package lifetimes, which is not installed here",
        "Install it: pip install lifetimes==0.11.3",
    )
