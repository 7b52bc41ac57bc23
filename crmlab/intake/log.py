"""The transaction log: every row of a source, ready to be summed up to any day."""

from __future__ import annotations

import datetime as dt
import html
import os
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas as pd

from crmlab.errors import UntrustedSource
from crmlab.intake import (
    conversion,
    engines,
    gate,
    margins,
    meaning,
    quarantine,
    refusals,
    sources,
)
from crmlab.intake.account import Account, Understanding
from crmlab.intake.columns import ROLES, Mapping, option
from crmlab.intake.customer_base.address import address_of
from crmlab.intake.customer_base.rows import read_base
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading
from crmlab.intake.sources import Source
from crmlab.units import days_per

ZeroAmount = Literal["occasion", "ignore"]


@dataclass(frozen=True)
class TransactionLog:
    """Purchases as they were read; made by read_transactions, never changed afterwards.

    `fingerprint` is the SHA-256 of the source; `records`, `customers` and `money` count all that
    was read; `first_date` and `last_date` are the days of the rows that could be read. What is
    used depends on the end of observation: see `account`. `refusals` are what makes the source
    untrusted; read_transactions raises the first of them.
    """

    source: str
    fingerprint: str
    zero_amount: str
    records: int
    customers: int
    money: Decimal
    first_date: dt.date
    last_date: dt.date
    meaning: Meaning = field(repr=False)
    understanding: Understanding = field(repr=False)
    judged: gate.Judged = field(repr=False, compare=False)
    connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)

    def summarize(self, observation_end: str | dt.date, unit: str = "week") -> pd.DataFrame:
        """One row a customer with an occasion up to `observation_end`, that day included.

        Columns as crmlab.schema.SUMMARY, indexed by customer_id; recency and T in `unit`.
        Raises WrongParameter, or NoUsableRows if there is no occasion by then.
        """
        end, days = observation_day(observation_end), days_per(unit)
        frame = self._ask(end, "summary", "occasions", "histories", days_per_unit=days)
        frame = frame.set_index("customer_id")
        frame.attrs = {"unit": unit, "observation_end": end.isoformat()}
        return frame

    def occasions(self, observation_end: str | dt.date) -> pd.DataFrame:
        """One row a customer and day up to `observation_end`, that day included.

        Columns customer_id, date, amount (money) and rows, sorted by customer and day.
        Raises WrongParameter, or NoUsableRows if there is no occasion by then.
        """
        return self._ask(observation_day(observation_end), "occasion_table", "occasions")

    def account(self, observation_end: str | dt.date) -> Account:
        """What is used and what is set aside at this end of observation, to the row and the cent.

        Raises WrongParameter, UntrustedSource if the end lies implausibly late, or NoUsableRows
        if no row is used.
        """
        end = observation_day(observation_end)
        self._refuse(end)
        return self._account(end)

    def examined(self, observation_end: str | dt.date) -> Account:
        """The account of a source even if it is refused; NoUsableRows if no row is used."""
        return self._account(observation_day(observation_end))

    def margins(
        self, observation_end: str | dt.date, how: str, rates: Dict[str, float] | None = None, *,
        limit: float = margins.LIMIT,
    ) -> margins.Margins:  # fmt: skip
        """Each customer's margin, from a column or by category: see crmlab.intake.margins."""
        bench = self._bench(observation_day(observation_end))
        signs = self.meaning.amounts_sign == "reversed"
        try:
            return margins.find(
                bench, self.source, self.roles, how, rates, limit=limit, reversed_signs=signs
            )
        finally:
            bench.close()

    def ends_by(self, observation_end: str | dt.date) -> bool:
        """Whether no row that could be read is of a later day."""
        return observation_day(observation_end) >= self.last_date

    def first_channels(self, observation_end: str | dt.date) -> pd.Series | None:
        """The channel of each customer's first purchase; None where the source tells none."""
        if "channel" not in self.roles:
            return None
        bench = self._bench(observation_day(observation_end))
        rows = bench.ask(engines.statement("first_channels"))
        bench.close()
        return pd.DataFrame(rows).set_index("customer_id")["channel"]

    @property
    def refusals(self) -> tuple[UntrustedSource, ...]:
        """What makes the source untrusted, whatever the end of observation."""
        return self.judged.refusals

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles for which the source has a column."""
        described = self.connection.cursor().execute("DESCRIBE source_rows").fetchall()
        return tuple(name for name, *_ in described if name in ROLES)

    def doubts(self, observation_end: str | dt.date) -> tuple[UntrustedSource, ...]:
        """All that makes the source untrusted at this end of observation."""
        end = observation_day(observation_end)
        late = refusals.late_end(self.connection, self.source, end, self.meaning)
        return (*self.refusals, *late)

    def write_quarantine(
        self, path: str | os.PathLike[str], observation_end: str | dt.date
    ) -> None:
        """Write the rows that are set aside as Parquet: record, line, reason, original text.

        Only the owner may read the file: it holds what people bought.
        """
        bench = self._bench(observation_day(observation_end))
        quarantine.write(bench, Path(path))
        bench.close()

    def _ask(self, end: dt.date, statement: str, *using: str, **more: object) -> pd.DataFrame:
        self._refuse(end)
        asked = gate.asked(end, self.zero_amount, self.meaning.start)
        sql = engines.statement(statement, "parts", *using)
        frame = engines.fetch(self.connection, sql, asked | more)
        if frame.empty:
            self._account(end)  # raises NoUsableRows, with the reasons
        return frame

    def _account(self, end: dt.date) -> Account:
        bench = self._bench(end)
        made = gate.account(bench, self.source, self.zero_amount, self.understanding, self.judged)
        bench.close()
        return made

    def _bench(self, end: dt.date) -> engines.Bench:
        how = (self.zero_amount, self.meaning.start, self.judged.packing)
        return gate.open_bench(self.connection, end, *how)

    def _refuse(self, end: dt.date) -> None:
        if end > self.last_date:
            for late in refusals.late_end(self.connection, self.source, end, self.meaning):
                raise late

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{name}</th><td>{html.escape(value)}</td></tr>"
            for name, value in self._facts().items()
        )
        return f"<table><caption>Transaction log</caption>{rows}</table>"

    def __repr__(self) -> str:
        facts = ", ".join(f"{name} {value}" for name, value in self._facts().items())
        return f"TransactionLog({facts})"

    def _facts(self) -> dict[str, str]:
        return {
            "source": self.source,
            "rows": f"{self.records:,}",
            "customers": f"{self.customers:,}",
            "period": f"{self.first_date} to {self.last_date}",
            "money": f"{self.money:,}",
        }


def read_transactions(
    source: Source,
    *,
    customer_id: str | None = None,
    date: str | None = None,
    amount: str | None = None,
    quantity: str | None = None,
    price: str | None = None,
    transaction_id: str | None = None,
    product: str | None = None,
    category: str | None = None,
    currency_column: str | None = None,
    channel: str | None = None,
    campaign: str | None = None,
    discount: str | None = None,
    cost: str | None = None,
    margin_column: str | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    date_order: str | None = None,
    date_system: str | None = None,
    skip_lines: int | None = None,
    sheet: str | None = None,
    table: str | None = None,
    query: str | None = None,
    time_zone: str | None = None,
    zero_amount: ZeroAmount | None = None,
    returns: Literal["net", "drop"] = "net",
    cancelled: str | None = None,
    duplicates: Literal["keep", "drop"] | None = None,
    start: str | dt.date | None = None,
    placeholders: str | Iterable[str] = (),
    keep_ids: str | Iterable[str] = (),
    merged_ids: str | None = None,
    fold_case: bool = False,
    amounts_sign: Literal["as_written", "reversed"] = "as_written",
    vat: Literal["included", "excluded"] | None = None,
    limit: float = 0.05,
    reason_limit: float = 0.02,
    accept: str | Iterable[str] = (),
) -> TransactionLog:
    """Read purchases from a file, a database, a DataFrame, or 'cdnow' / 'cdnow-sample'.

    The first options name the source's columns by role (crmlab.intake.columns.Mapping); a role
    that is not given is the column of its own name. Those from `encoding` on say how the source
    is read (crmlab.intake.reading.Reading), where it does not show it; those from `zero_amount`
    on, how its rows are understood (crmlab.intake.meaning.Meaning).
    Raises SourceNotFound, UnreadableSource, MissingColumn, NoUsableRows, WrongParameter, or
    UntrustedSource for a source whose figures nobody should believe as they are.
    """
    options = {name: value for name, value in locals().items() if name != "source"}
    log = examine(source, *declared(options))
    for refusal in log.refusals:
        raise refusal
    return log


def declared(options: Dict[str, Any]) -> tuple[Mapping, Reading, Meaning]:
    """The options of read_transactions, by name, in their three kinds. Raises WrongParameter."""
    meant = {field.name: options[field.name] for field in fields(Meaning) if field.name in options}
    for name in ("placeholders", "keep_ids", "accept"):
        meant[name] = meaning.words(name, options.get(name))
    if meant.get("start") is not None:
        meant["start"] = meaning.plain_day("start", meant["start"])
    return (
        Mapping(**{role: options.get(option(role)) for role in ROLES}),
        Reading(**{field.name: options.get(field.name) for field in fields(Reading)}),
        Meaning(**meant),
    )


def examine(source: Source, mapping: Mapping, reading: Reading, meant: Meaning) -> TransactionLog:
    """Read a source as read_transactions does, but leave its refusals to the caller."""
    connection = engines.connect()
    address = address_of(source)
    if address is None:
        loaded = sources.load(connection, source, mapping, reading)
        converted = conversion.convert(connection, loaded, reading, meant)
    else:
        loaded, converted = read_base(connection, address, mapping, reading, meant)
    engines.seal(connection)
    judged = gate.judge(connection, loaded.name, meant, converted.customers)
    counted = gate.tally(judged.read)
    understanding = Understanding(
        facts=loaded.facts,
        proofs=converted.proofs,
        normalised=converted.normalised,
        flags=(*converted.flags, *judged.flags),
        options=_declared(meant),
    )
    return TransactionLog(
        source=loaded.name,
        fingerprint=loaded.fingerprint,
        zero_amount=meant.zero_amount or loaded.zero_amount,
        records=counted.records,
        customers=counted.customers,
        money=counted.money,
        first_date=judged.first_date,
        last_date=judged.last_date,
        meaning=meant,
        understanding=understanding,
        judged=judged,
        connection=connection,
    )


def _declared(meant: Meaning) -> dict[str, object]:
    """The options of the meaning that were not left alone, in the types of JSON."""
    usual = asdict(Meaning())
    given = {k: v for k, v in asdict(meant).items() if v != usual[k]}
    return {k: v if isinstance(v, int | float | str) else _written(v) for k, v in given.items()}


def _written(value: object) -> object:
    return list(value) if isinstance(value, tuple) else str(value)


def observation_day(value: str | dt.date) -> dt.date:
    """Return the last day observed. Raises WrongParameter for anything but a plain date."""
    return meaning.plain_day("observation_end", value)
