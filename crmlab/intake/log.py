"""The transaction log: every row of a source, ready to be summed up to any day."""

from __future__ import annotations

import contextlib
import datetime as dt
import html
import os
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

import duckdb
import pandas as pd

from crmlab.errors import WrongParameter
from crmlab.intake import engines, gate, sources
from crmlab.intake.columns import Mapping
from crmlab.intake.reading import Reading
from crmlab.units import days_per

ZeroAmount = Literal["occasion", "ignore"]


@dataclass(frozen=True)
class TransactionLog:
    """Purchases as they were read; made by read_transactions, never changed afterwards.

    `fingerprint` is the SHA-256 of the source; `records`, `customers` and `money` count all that
    was read; `first_date` and `last_date` are the days of the rows that could be read. What is
    used depends on the end of observation: see `account`.
    """

    source: str
    fingerprint: str
    zero_amount: ZeroAmount
    records: int
    customers: int
    money: Decimal
    first_date: dt.date
    last_date: dt.date
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

    def account(self, observation_end: str | dt.date) -> gate.Account:
        """What is used and what is set aside at this end of observation, to the row and the cent.

        Raises WrongParameter, or NoUsableRows if no row is used.
        """
        end = observation_day(observation_end)
        return gate.account(self.connection, self.source, end, self.zero_amount)

    def _ask(self, end: dt.date, statement: str, *using: str, **more: object) -> pd.DataFrame:
        parameters = {"observation_end": end, "zero_amount": self.zero_amount, **more}
        frame = engines.fetch(self.connection, engines.statement(statement, *using), parameters)
        if frame.empty:
            self.account(end)  # raises NoUsableRows, with the reasons
        return frame

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
    source: str | os.PathLike[str] | pd.DataFrame,
    *,
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    zero_amount: ZeroAmount | None = None,
) -> TransactionLog:
    """Read purchases from a CSV or Parquet file, a DataFrame, or 'cdnow' / 'cdnow-sample'.

    `customer_id`, `date` and `amount` name the source's columns. `zero_amount` says whether a day
    whose purchases cost nothing is an occasion; without it, yes for CDNOW (its published figures
    count them), no elsewhere. (A file named cdnow is './cdnow'.)
    Raises SourceNotFound, UnreadableSource, MissingColumn, NoUsableRows or WrongParameter.
    """
    if zero_amount not in (None, *get_args(ZeroAmount)):
        raise WrongParameter("zero_amount", zero_amount, "'occasion' or 'ignore'")
    connection = engines.connect()
    loaded = sources.load(connection, source, Mapping(customer_id, date, amount), Reading())
    engines.seal(connection)
    readable = gate.convert(connection, loaded.name)
    return TransactionLog(
        source=loaded.name,
        fingerprint=loaded.fingerprint,
        zero_amount=zero_amount or loaded.zero_amount,
        records=readable.tally.records,
        customers=readable.tally.customers,
        money=readable.tally.money,
        first_date=readable.first_date,
        last_date=readable.last_date,
        connection=connection,
    )


def observation_day(value: str | dt.date) -> dt.date:
    """Return the last day observed. Raises WrongParameter for anything but a plain date."""
    if isinstance(value, dt.date) and not pd.isna(value):
        return value.date() if isinstance(value, dt.datetime) else value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        with contextlib.suppress(ValueError):  # such as 1997-02-30
            return dt.date.fromisoformat(value)
    raise WrongParameter("observation_end", value, "a date such as 1997-09-30")
