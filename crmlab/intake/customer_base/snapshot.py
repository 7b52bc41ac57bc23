"""A base as it was known on a day, copied into memory so that nobody waits for its reader."""

from __future__ import annotations

import hashlib

import duckdb

from crmlab.intake import engines
from crmlab.intake.columns import NEEDED, ROLES
from crmlab.intake.customer_base import lines, store
from crmlab.intake.customer_base.address import Address
from crmlab.intake.customer_base.store import About, ask, columns_of, listed

OWN = (
    "load", "record", "line", "known_from", "known_until", "ended_by", "again_from", "content",
    "key", "until", "withdrawal",
)  # fmt: skip
"""Columns of a base's rows that say nothing about a purchase."""

BLOCKED = "SELECT customer_id FROM base.blocks"


def take(
    connection: duckdb.DuckDBPyConnection, address: Address, *, must_hold: bool = False
) -> About:
    """Make the table snapshot: record, what a row says, its reason if it is not used, its text.

    Raises NoBase, UnreadableBase, BaseBusy, or, if it `must_hold` something, NothingYet for a day
    before its first load.
    """
    as_of = address.as_of or store.NOW
    with store.attached(connection, address.folder) as today:
        about = today and store.read_about(connection, address.folder, as_of)
        if must_hold and about and today and today.roles and not about.roles:
            raise store.NothingYet(address, "purchases", store.first_load(connection, "rows"))
        about = about if about and about.roles else today  # before its first load it was empty
        if today is None or about is None or not about.roles:
            raise store.NoBase(address.folder)
        columns = _columns(connection, about, today)
        sql = engines.fill(engines.statement("base_erased_rows"), loads=store.then("loads"))
        (row,) = ask(connection, sql, as_of=as_of)
        sql = engines.fill(
            engines.statement("base_snapshot"),
            rows=store.rows_then(),
            columns=listed(columns, "known."),
            order=listed([*ordered(columns), "reason", "content"]),
        )
        connection.execute(sql, {"as_of": as_of, "erased": row["erased"]})
        blocked = {one for (one,) in connection.execute(BLOCKED).fetchall()}
        if blocked:
            lines.hide(connection, "snapshot", about, blocked.__contains__)
    return about


def _columns(connection: duckdb.DuckDBPyConnection, about: About, today: About) -> list[str]:
    """What a row says: by the columns of today, or of rows that were withdrawn, all of them."""
    table = "base.rows" if set(about.roles) == set(today.roles) else "base.past_rows"
    found = [name for name, _ in columns_of(connection, table)]
    foreign = {name for name in found if name in ROLES and name not in about.roles} - set(NEEDED)
    return [name for name in found if name not in (*OWN, "reason", "original", *foreign)]


def ordered(columns: list[str]) -> list[str]:
    """Columns as rows are sorted by them: the day and the customer first."""
    first = [name for name in ("date", "customer_id") if name in columns]
    return [*first, *(name for name in columns if name not in first)]


def fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    """SHA-256 of what the snapshot says, whenever and in whatever order it was loaded."""
    parts = ask(connection, engines.statement("base_fingerprint"))
    text = "\n".join(" ".join(str(value) for value in part.values()) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()
