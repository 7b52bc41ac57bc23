"""The rows of a base as a file, in an order that does not depend on when a row came."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import duckdb

from crmlab.errors import ParameterError
from crmlab.intake import engines
from crmlab.intake.customer_base import snapshot
from crmlab.intake.customer_base.address import Address
from crmlab.intake.customer_base.store import columns_of

FORMATS = {".parquet": "FORMAT parquet", ".csv": "FORMAT csv, HEADER"}
"""What can be written, by the ending of the file's name."""


@dataclass(frozen=True)
class Export:
    """A file that was written, and the rows in it."""

    path: Path
    rows: int


def export(address: Address, path: Path) -> Export:
    """Write the rows known then as Parquet or CSV; people who are blocked are not in it.

    `reason` says why a row is not used as it stands, 'objected' if its customer must not be
    scored; `original` how a row was written that could not be read. In CSV, text that a
    spreadsheet would take for a formula gets a ' before it.
    Raises NoBase, or ParameterError for a file that cannot be written.
    """
    if path.suffix.casefold() not in FORMATS:
        raise ParameterError(f"'{path}' cannot be written: its name must end in .parquet or .csv.")
    connection = engines.connect()
    try:
        snapshot.take(connection, address)
        return Export(path, _write(connection, path))
    finally:
        connection.close()


def _write(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    kind = path.suffix.casefold()
    sql = engines.fill(engines.statement("base_export"), columns=_columns(connection, kind))
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.touch(mode=0o600)
        # Into this very file, which is the owner's alone: the engine's own would be open to all.
        how = f"{FORMATS[kind]}, USE_TMP_FILE false"
        target = engines.literal(str(fresh))
        rows = connection.execute(f"COPY ({sql}) TO {target} ({how})").fetchall()[0][0]
        os.replace(fresh, path)
    except OSError as error:
        reason = (error.strerror or "the system refuses it").lower()
        raise ParameterError(f"'{path}' cannot be written: {reason}.") from None
    except duckdb.IOException as error:
        raise ParameterError(f"'{path}' cannot be written: {engines.first_line(error)}.") from None
    finally:
        fresh.unlink(missing_ok=True)
    return int(rows)


def _columns(connection: duckdb.DuckDBPyConnection, kind: str) -> str:
    hidden = ("record", "content")
    found = [(n, k) for n, k in columns_of(connection, "snapshot") if n not in hidden]
    names = [name for name, _ in found]
    kinds = dict(found)
    order = [*snapshot.ordered([n for n in names if n not in LAST]), *LAST]
    return ", ".join(_cell(name, kinds[name], kind) for name in order)


LAST = ("reason", "original")


def _cell(name: str, kind: str, file: str) -> str:
    column = engines.quote(name)
    if name == "original":
        column = f"CAST(to_json({column}) AS VARCHAR)"
    if file == ".csv" and (kind == "VARCHAR" or name == "original"):
        return f"regexp_replace({column}, '^([=+@\\t\\r＝-])', '''\\1') AS {engines.quote(name)}"
    return f"{column} AS {engines.quote(name)}"
