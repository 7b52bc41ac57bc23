"""The statements kept in sql/, filled, put together, and told in the dialect of another engine."""

from __future__ import annotations

import datetime as dt
from importlib import resources

from crmlab.errors import WrongParameter
from crmlab.intake.engines import fill

DUCKDB = "duckdb"
"""The dialect in which the statements are written."""

EPOCH = dt.date(1900, 1, 1)
"""Day 0 of the statements."""

MOST_UNITS = 1 << 46
"""What a customer may spend on a day, in the smallest units of money that are carried."""


def statement(name: str, **parts: str) -> str:
    """The text of sql/`name`.sql with SQL, already quoted, in the place of each `{part}`."""
    file = resources.files("crmlab.scale") / "sql" / f"{name}.sql"
    return fill(file.read_text(encoding="utf-8").strip(), **parts)


def after(name: str, *earlier: str, **parts: str) -> str:
    """A statement that selects from `earlier` ones by their names."""
    tables = ",\n\n".join(f"{one} AS (\n{statement(one, **parts)}\n)" for one in earlier)
    return f"WITH {tables}\n\n{statement(name, **parts)}"


def in_dialect(sql: str, dialect: str) -> str:
    """A DuckDB statement in another dialect, laid out to be read.

    Raises WrongParameter for a dialect that sqlglot does not know.
    """
    import sqlglot

    known = sorted(name for name in sqlglot.Dialect.classes if name)
    if dialect not in known:
        raise WrongParameter("dialect", dialect, "one of " + ", ".join(known))
    if dialect == DUCKDB:
        return sql
    level = sqlglot.ErrorLevel.RAISE
    try:
        (told,) = sqlglot.transpile(sql, DUCKDB, dialect, pretty=True, unsupported_level=level)
    except sqlglot.UnsupportedError as error:
        raise WrongParameter(
            "dialect", dialect, f"another one: {dialect} cannot say this ({error})"
        ) from None
    return told
