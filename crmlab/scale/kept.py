"""A summary kept beside a customer base: after a load, only those touched are summed up again."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.errors import NoUsableRows
from crmlab.intake import engines
from crmlab.intake import log as logs
from crmlab.intake.columns import Mapping
from crmlab.intake.customer_base import store
from crmlab.intake.customer_base.address import FILE, FOLDER, KEPT, Address, address_of
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading
from crmlab.scale.output import whole
from crmlab.scale.statements import statement
from crmlab.units import days_per

STATE = b"crmlab"
"""Where the file says what it is the summary of."""


@dataclass(frozen=True)
class KeptSummary:
    """A summary of a base as a Parquet file, as crmlab.schema.SUMMARY describes it.

    `again` is how many customers were summed up for it; `anew` says that it was everybody.
    """

    path: Path
    customers: int
    again: int
    anew: bool


@dataclass(frozen=True)
class _State:
    """What a kept summary was made of; `base` tells a base from one made anew in its place."""

    base: str
    load: int
    withdrawal: int
    observation_end: str
    unit: str
    meaning: str

    def follows(self, earlier: _State | None) -> bool:
        """Whether this one can be made of an earlier one and of those who were touched since."""
        if earlier is None or self._kind() != earlier._kind():
            return False
        later = self.observation_end >= earlier.observation_end
        return later and self.load >= earlier.load and self.withdrawal >= earlier.withdrawal

    def _kind(self) -> tuple[str, str, str]:
        return self.base, self.unit, self.meaning


def keep_summary(
    folder: Path = FOLDER,
    *,
    observation_end: str | dt.date,
    unit: str = "week",
    meaning: Meaning | None = None,
) -> KeptSummary:
    """The summary of the base in `folder` up to a day, kept in a file there.

    Only customers are summed up again of whom loads, corrections, withdrawals of loads, objections
    or erasures have changed something since, or who bought after the earlier end. With another
    unit or meaning, or an earlier end, everybody is. What makes a source untrusted as a whole is
    asked then only.
    Raises as read_transactions does, and CannotWrite.
    """
    end, wanted, path = logs.observation_day(observation_end), meaning or Meaning(), folder / KEPT
    connection = engines.connect()
    try:
        with store.attached(connection, folder) as about:
            if about is None or not about.roles:
                raise store.NoBase(folder)
            last = store.last(connection)
            numbers = (int(last["load"]), int(last["withdrawal"]))
            base = hashlib.sha256(about.secret).hexdigest()[:12]
            state = _State(base, *numbers, end.isoformat(), unit, repr(asdict(wanted)))
            earlier = _state(path)
            if earlier is not None and state.follows(earlier):
                return _continue(connection, path, earlier, state, wanted)
        table = _anew(Address(folder), end, unit, wanted)
        _write(path, table, state)
        return KeptSummary(path, len(table), len(table), anew=True)
    finally:
        connection.close()


def summary_of(source: Any, observation_end: dt.date, unit: str, zero_amount: str) -> Any:
    """A source, or where it is a customer base, its summary up to a day.

    Of a base as it is now that is the kept summary, brought up to date and kept; as of an earlier
    day, a DataFrame. `zero_amount` is as for score_customers, unless the base's loads say
    'occasion'. Raises as keep_summary does.
    """
    address = address_of(source)
    if address is None:
        return source
    meaning = Meaning(zero_amount="occasion") if zero_amount == "occasion" else Meaning()
    if address.as_of is None:
        return keep_summary(
            address.folder, observation_end=observation_end, unit=unit, meaning=meaning
        ).path
    return _anew(address, observation_end, unit, meaning).to_pandas()


def _anew(address: Address, end: dt.date, unit: str, meaning: Meaning) -> pa.Table:
    """The summary of everybody, if the base can be trusted as a whole."""
    log = logs.examine(str(address), Mapping(), Reading(), meaning)
    for doubt in log.doubts(end):
        raise doubt
    return _table(log.summarize(end, unit))


def _continue(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    earlier: _State,
    state: _State,
    meaning: Meaning,
) -> KeptSummary:
    end = dt.date.fromisoformat(state.observation_end)
    kept = pq.read_table(path)
    connection.register("kept", kept)
    asked = {
        "load": earlier.load,
        "withdrawal": earlier.withdrawal,
        "earlier_end": dt.date.fromisoformat(earlier.observation_end),
        "observation_end": end,
    }
    connection.execute(f"CREATE TABLE touched AS {statement('touched')}", asked)
    again = _number(connection, "SELECT count(*) FROM touched")
    with _part(connection) as folder:
        connection.register("again", _summed_up(folder, end, state.unit, meaning, kept.schema))
    about = {"observation_end": end, "days_per_unit": days_per(state.unit)}
    joined: pa.Table = connection.sql(statement("kept_and_new"), params=about).to_arrow_table()
    table = joined.cast(kept.schema.remove_metadata())
    _write(path, table, state)
    return KeptSummary(path, len(table), again, anew=False)


@contextlib.contextmanager
def _part(connection: duckdb.DuckDBPyConnection) -> Iterator[Path]:
    """A base of the touched customers alone, for as long as it is read."""
    with engines.scratch(connection) as folder:
        connection.execute(f"ATTACH {engines.literal(str(folder / FILE))} AS part")
        connection.execute("COPY FROM DATABASE base TO part (SCHEMA)")
        for table in ("about", "loads", "objections", "blocks"):
            connection.execute(f"INSERT INTO part.{table} FROM base.{table}")
        connection.execute(
            "INSERT INTO part.rows BY NAME SELECT rows.* FROM base.rows AS rows "
            "SEMI JOIN touched ON rows.customer_id = touched.customer_id"
        )
        connection.execute("DETACH part")
        yield folder


def _summed_up(
    folder: Path, end: dt.date, unit: str, meaning: Meaning, schema: pa.Schema
) -> pa.Table:
    # A part says nothing about how far the whole can be trusted.
    easy = replace(meaning, accept=(*meaning.accept, "late_end"))
    try:
        log = logs.examine(str(Address(folder)), Mapping(), Reading(), easy)
        return _table(log.summarize(end, unit)).cast(schema.remove_metadata())
    except NoUsableRows:
        return schema.remove_metadata().empty_table()


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    return int(connection.execute(sql).fetchall()[0][0])


def _table(summary: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(summary.reset_index(), preserve_index=False)


def _state(path: Path) -> _State | None:
    """What a kept summary is of; None where there is none that can be read."""
    try:
        found = pq.read_schema(path).metadata or {}
        return _State(**json.loads(found[STATE]))
    except (OSError, KeyError, TypeError, ValueError):  # pyarrow's errors are among these
        return None


def _write(path: Path, table: pa.Table, state: _State) -> None:
    described = table.replace_schema_metadata({STATE: json.dumps(asdict(state)).encode()})
    with whole(path) as partial:
        pq.write_table(described, partial)
        partial.chmod(0o600)
