"""The file of a base: opened under a lock, changed in one transaction, rewritten as a whole."""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb

from crmlab.errors import CrmlabError, DataError, NoUsableRows, TemporaryError
from crmlab.intake import engines
from crmlab.intake.customer_base.address import FILE, Address

FORMAT = 2
"""Of the tables in the file; a base of another format is refused."""

NOW = dt.date.max
"""The day as of which a base is asked where none is said."""

FRESH, LOCK = "base.duckdb.new", "lock"

DISK = (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException)
"""What the engine raises when the disk takes no more, at once or on committing."""

PATIENCE = 3.0
"""Seconds to wait for somebody else who works on the base."""


class NoBase(DataError):
    """A folder in which there is no base."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"There is no customer base in '{folder}'. Load a file into it: crmlab base load FILE"
        )


class NothingYet(NoUsableRows):
    """A base asked as of a day on which it held nothing; `first` is the day of its first load."""

    def __init__(self, address: Address, what: str, first: dt.date | None) -> None:
        super().__init__(str(address), 0, {})
        option = "--attributes " if what == "attributes" else ""
        found = f"no {what} stand in it"
        remedy = f"Load a file first: crmlab base load {option}FILE"
        if first is not None and first > (address.as_of or NOW):
            found = f"its first load of {what} was on {first}"
            remedy = f"Ask as of that day or a later one: {replace(address, as_of=first)}"
        self.args = (f"'{address}' holds nothing: {found}. {remedy}",)


class UnreadableBase(DataError):
    """A base that this crmlab cannot read."""

    def __init__(self, folder: Path, found: str, remedy: str) -> None:
        self.folder = folder
        super().__init__(f"The customer base in '{folder}' cannot be read: {found}. {remedy}")


class UnwritableBase(CrmlabError):
    """A base that the disk has no place for."""

    exit_code = 73

    def __init__(self, folder: Path, found: str) -> None:
        self.folder = folder
        super().__init__(
            f"The customer base in '{folder}' cannot be written: {found}. It is as it was; make "
            "room and try again."
        )


class BaseBusy(TemporaryError):
    """A base that somebody else is working on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(
            f"The customer base in '{folder}' is in use by another load or report. "
            "Nothing was changed; try again when that has ended."
        )


@dataclass(frozen=True)
class About:
    """What a base says of itself. What its first load says of its rows holds for all later ones.

    `key_name` is None where ids are as in the files; `rewrite` says that what was deleted may
    still be found in the file. `currency`, `zero_amount` and `roles` are what the loads say that
    stand; without any there are no roles.
    """

    format: int
    secret: bytes = field(repr=False)
    key_name: str | None
    key_file: str | None
    plain_ids: bool
    fold_case: bool
    currency: str | None
    zero_amount: str
    roles: tuple[str, ...]
    rewrite: bool

    @property
    def pseudonymous(self) -> bool:
        """Whether ids are pseudonyms here."""
        return self.key_name is not None


@contextlib.contextmanager
def attached(
    connection: duckdb.DuckDBPyConnection, folder: Path, *, write: bool = False
) -> Iterator[About | None]:
    """Attach the base in `folder` as `base`, alone (to write) or beside other readers.

    Gives what the base says of itself, None if there is none yet (to write only).
    An erasure that was cut short is finished before anything else is written.
    Raises NoBase, UnreadableBase, UnwritableBase, or BaseBusy.
    """
    if not write and not (folder / FILE).is_file():
        raise NoBase(folder)
    with _locked(folder, write):
        if write:
            (folder / FRESH).unlink(missing_ok=True)  # of a rewriting that was cut short
        _attach(connection, folder, write)
        try:
            about = read_about(connection, folder)
            if write and about is not None and about.rewrite:
                rewrite(connection, folder)
                about = read_about(connection, folder)
            yield about
        except DISK as error:
            raise UnwritableBase(folder, engines.first_line(error)) from error
        finally:
            _let_go(connection)


def create(
    connection: duckdb.DuckDBPyConnection,
    *,
    key_name: str | None = None,
    key_file: str | None = None,
    plain_ids: bool = False,
) -> None:
    """Make the tables of a new base in the attached, empty file."""
    connection.execute(engines.statement("base_tables"))
    facts = {"format": FORMAT, "secret": secrets.token_bytes(32), "plain_ids": plain_ids}
    connection.execute(
        engines.statement("base_note_about"),
        {**facts, "key_name": key_name, "key_file": key_file},
    )


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Either all that is done inside is done, or nothing."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # one that failed by itself has ended already
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def rewrite(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write the file anew without what was deleted: the engine alone would leave the bytes.

    The old file is replaced at the end; a crash before leaves it, marked to be rewritten.
    """
    fresh = folder / FRESH
    connection.execute(f"ATTACH {engines.literal(str(fresh))} AS fresh")
    connection.execute("COPY FROM DATABASE base TO fresh")
    connection.execute("UPDATE fresh.about SET rewrite = false")
    connection.execute("DETACH fresh")
    _sync(fresh)
    _let_go(connection)
    os.replace(fresh, folder / FILE)
    (folder / f"{FILE}.wal").unlink(missing_ok=True)
    _sync(folder)
    _attach(connection, folder, write=True)


def ask(
    connection: duckdb.DuckDBPyConnection, sql: str, **parameters: object
) -> list[dict[str, Any]]:
    """Rows of one SELECT as dicts, in the connection's own transaction."""
    result = connection.execute(sql, parameters)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[str, str]]:
    """Names and types of a table's columns, in order."""
    described = connection.execute(f"DESCRIBE {table}").fetchall()
    return [(name, kind) for name, kind, *_ in described]


def listed(names: Sequence[str], prefix: str = "") -> str:
    """Column names, quoted, as a SELECT lists them."""
    return ", ".join(prefix + engines.quote(name) for name in names)


def _attach(connection: duckdb.DuckDBPyConnection, folder: Path, write: bool) -> None:
    mode = "" if write else " (READ_ONLY)"
    try:
        connection.execute(f"ATTACH {engines.literal(str(folder / FILE))} AS base{mode}")
    except duckdb.Error as error:
        remedy = "Take its last copy, or load the files into a new folder."
        raise UnreadableBase(folder, engines.first_line(error), remedy) from error
    if write:
        (folder / FILE).chmod(0o600)


def _let_go(connection: duckdb.DuckDBPyConnection) -> None:
    for statement in ("ROLLBACK", "DETACH DATABASE IF EXISTS base"):
        # Nothing to roll back is no matter; nor a full disk: what was committed is in the log file.
        with contextlib.suppress(duckdb.Error):
            connection.execute(statement)


def read_about(
    connection: duckdb.DuckDBPyConnection, folder: Path, as_of: dt.date = NOW
) -> About | None:
    """What the attached base said of itself on a day, None if empty. Raises UnreadableBase."""
    there = "SELECT 1 FROM duckdb_tables() WHERE database_name = 'base' AND table_name = 'about'"
    if not connection.execute(there).fetchall():
        return None
    version = connection.execute("SELECT format FROM base.about").fetchall()[0][0]
    if version != FORMAT:
        raise UnreadableBase(
            folder,
            f"it is of format {version}, this crmlab reads format {FORMAT}",
            "Use the crmlab that made it, or load the files into a new folder.",
        )
    (row,) = ask(connection, "SELECT * FROM base.about")
    (said,) = ask(
        connection, engines.fill(engines.statement("base_said"), loads=then("loads")), as_of=as_of
    )
    roles, zero_amount = tuple(said["roles"] or ()), said["zero_amount"] or "ignore"
    return About(**row, roles=roles, zero_amount=zero_amount, currency=said["currency"])


def first_load(connection: duckdb.DuckDBPyConnection, kind: str) -> dt.date | None:
    """The day of the first load of a kind that there ever was, None without any."""
    days = [row["loaded_on"] for row in ask(connection, engines.statement("base_loads"))
            if row["kind"] == kind]  # fmt: skip
    return min(days, default=None)


def then(table: str) -> str:
    """SQL of a table of the base as it was judged on the day $as_of; see base_then.sql."""
    return engines.fill(engines.statement("base_then"), table=table)


def rows_then() -> str:
    """SQL of the rows as they were known on the day $as_of; see base_rows_then.sql."""
    return engines.fill(engines.statement("base_rows_then"), rows=then("rows"))


def last(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The numbers of the last `load` and `withdrawal` (0 without any), and the later `day`."""
    (row,) = ask(connection, engines.statement("base_last"))
    return row


def changed(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, object]
) -> int:
    """How many rows a statement changed."""
    return int(connection.execute(sql, parameters).fetchall()[0][0])


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """The rows of a table."""
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0])


@contextlib.contextmanager
def _locked(folder: Path, write: bool) -> Iterator[None]:
    """Hold the base, alone to write; the system lets go of it even if we are killed."""
    try:
        if write:
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        found = (error.strerror or "the system refuses it").lower()
        raise UnreadableBase(folder, found, "Check the folder and its permissions.") from error
    try:
        _wait_for(lock, fcntl.LOCK_EX if write else fcntl.LOCK_SH, folder)
        yield
    finally:
        os.close(lock)


def _wait_for(lock: int, kind: int, folder: Path) -> None:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(lock, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise BaseBusy(folder) from None
            time.sleep(0.05)
        else:
            return


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
