"""Customers with several ids, after a merger or a renaming: which ids are one customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from crmlab.errors import NoUsableRows, SourceNotFound, UnreadableSource
from crmlab.intake import engines, files
from crmlab.intake.findings import Finding
from crmlab.intake.small_tables import given_as

GIVE = "Give a CSV: an id, and the id that its customer keeps."


def load(connection: duckdb.DuckDBPyConnection, file: str | None) -> None:
    """Make the table id_map of a CSV file's first two columns: an id, and the customer's own id.

    Empty without a file. Raises SourceNotFound, or WrongTable for a file that does not say one
    customer for each id.
    """
    connection.execute("CREATE TABLE id_map (id VARCHAR, customer VARCHAR)")
    if file is None:
        return
    path = Path(file)
    if not path.is_file():
        raise SourceNotFound(file)
    with given_as("merged_ids", "an id and the customer's own id"):
        _read(connection, path, file)


def _read(connection: duckdb.DuckDBPyConnection, path: Path, file: str) -> None:
    files.refuse_foreign(path, file, GIVE)
    if not path.stat().st_size:
        raise NoUsableRows(file, 0, {})
    try:
        connection.execute(engines.statement("id_map"), {"path": engines.one_file(path)})
    except duckdb.Error as error:
        raise UnreadableSource(file, "it is no table of two columns", GIVE) from error
    (faults,) = engines.fetch_rows(connection, engines.statement("id_map_faults"), {})
    if faults["ids"]:
        raise UnreadableSource(
            file,
            f"{faults['ids']} ids stand for more than one customer, or for none, or for an id that "
            f"stands for another itself (first: {faults['first']!r})",
            "Write each id once, beside the one id that its customer keeps.",
        )
    if not connection.execute("SELECT count(*) FROM id_map").fetchall()[0][0]:
        raise NoUsableRows(file, 0, {})


def tell(connection: duckdb.DuckDBPyConnection, file: str | None) -> tuple[Finding, ...]:
    """How many rows were given another customer's id, and how many customers are not in the file.

    To be asked while the tables id_texts and ids are there.
    """
    if file is None:
        return ()
    (found,) = engines.fetch_rows(connection, engines.statement("id_map_used"), {})
    figures: dict[str, Any] = {"rows": found["rows"], "customers": found["customers"]}
    return (Finding("merged_ids", figures),)
