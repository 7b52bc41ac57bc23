"""Raw lines that could not be split: nobody's rows, but somebody's id may stand in them."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from crmlab.intake.customer_base.incoming import digest
from crmlab.intake.customer_base.keys import normal
from crmlab.intake.customer_base.store import About

DELIMITERS = re.compile(r"[,;|\t]")


def hide(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    about: About,
    is_erased: Callable[[str], bool],
) -> None:
    """Take the text away from raw lines in which an erased id stands; the rows stay and count.

    They are still recognised when they come again, by a digest under the base's own secret.
    """
    sql = f"SELECT DISTINCT original['line'] FROM {table} WHERE reason = 'field_count'"
    for (line,) in connection.execute(sql).fetchall():
        if line is not None and any(map(is_erased, _ids(line, about))):
            connection.execute(
                f"UPDATE {table} SET original = NULL, content = $content "
                "WHERE reason = 'field_count' AND original['line'] = $line",
                {"content": int(digest(about, line)[:32], 16), "line": line},
            )


def _ids(line: str, about: About) -> list[str]:
    """What in a line may be an id, as the base would know it."""
    fields = [normal(field.strip().strip("\"'")) for field in DELIMITERS.split(line)]
    return [field.lower() for field in fields] if about.fold_case else fields
