"""The whole flow in the engine, on one screen: log -> summary -> patterns -> fit -> scores."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmlab.customers.scores import Assumptions
from crmlab.errors import AccountDoesNotBalance, WrongParameter
from crmlab.intake.log import observation_day
from crmlab.scale import account, columns, patterns
from crmlab.scale.account import Account
from crmlab.scale.columns import LogColumns
from crmlab.scale.duck import Duck
from crmlab.scale.kept import summary_of
from crmlab.scale.patterns import Fits
from crmlab.scale.progress import Steps
from crmlab.scale.statements import EPOCH, MOST_UNITS, after, statement
from crmlab.units import days_per

ZERO_AMOUNT = ("occasion", "ignore")


@dataclass(frozen=True)
class Valued:
    """A customer base, valued in an engine.

    `customers` is where they are: the path of a Parquet file (or folder, by Spark), or a Spark
    DataFrame. `totals` are sums over all customers: customers, active, expected_purchases,
    residual_clv, value_at_risk. `seconds` are those of each step.
    """

    assumptions: Assumptions
    account: Account
    fits: Fits
    customers: Any
    totals: dict[str, float]
    patterns: int
    seconds: dict[str, float] = field(compare=False, repr=False)

    @property
    def equity(self) -> float:
        """Customer equity: the sum of residual_clv over all customers."""
        return self.totals["residual_clv"]


def score_customers(
    source: Any,
    out: str | os.PathLike[str] | None = None,
    *,
    observation_end: str | dt.date,
    margin: float,
    discount_rate: float,
    horizon_years: float = 5,
    unit: str = "week",
    model: str = "bg-nbd",
    customer_id: str = "customer_id",
    date: str = "date",
    amount: str = "amount",
    zero_amount: str = "ignore",
    types: Mapping[str, str] | None = None,
    engine: Any = "duckdb",
    memory_limit: str | None = None,
    threads: int | None = None,
) -> Valued:
    """Value every customer of a clean, typed log, or of a summary, inside an engine.

    `source` is a Parquet file, a folder or pattern of such, a CSV (whose columns have `types`), a
    DataFrame, an Arrow table, a DuckDB relation or a Spark DataFrame; or a customer base such as
    'base', of which only the customers touched since the last time are summed up. With the
    columns frequency, recency, T and monetary_value it is taken for a summary in `unit`,
    otherwise for a log. Customers are written to `out` as Parquet, as a whole or not at all; of a
    Spark DataFrame they may stay one. `engine` is 'duckdb', 'spark', or a SparkSession. `margin`
    is a share of net spend, `discount_rate` effective a year. `memory_limit` such as '2GB' and
    `threads` are DuckDB's. `zero_amount` says whether a day of no money is an 'occasion' or to
    'ignore'.
    Raises WrongParameter, SourceNotFound, UnreadableSource, MissingColumn; UntrustedSource for rows
    that cannot be used, which it counts; NotEstimable; SpillFull, OutOfMemory, CannotWrite.
    """
    day = observation_day(observation_end)
    given = Assumptions(day.isoformat(), unit, margin, discount_rate, horizon_years)
    patterns.check(model, given)
    parts = filling(day, unit, zero_amount)
    steps = Steps()
    with _opened(engine, source, memory_limit, threads) as at:
        with steps.step("reading"):
            name, kinds = at.open(summary_of(source, day, unit, zero_amount), types)
            parts |= {"source": "source"}
        if columns.is_summary(kinds):
            parts |= columns.summary_parts(name, kinds, customer_id)
            found = _take_summary(at, name, parts, steps)
            kept = columns.kept(kinds)
        else:
            parts |= columns.log_parts(name, kinds, LogColumns(customer_id, date, amount))
            found = _take_log(at, name, parts, steps)
            kept = columns.kept(columns.OF_LOG)
        with steps.step("grouping", at.share):
            grouped = at.arrow(statement("patterns"))
            spent = at.arrow(statement("spend_patterns"))
        with steps.step("fitting"):
            fits = patterns.fit(grouped, spent, model)
        with steps.step("scoring"):
            scores, spend_model = patterns.score(grouped, fits, given)
            at.take("pattern_scores", scores)
            at.take("spend_model", spend_model)
        with steps.step("writing", at.share):
            customers = at.write(statement("scores", summary_columns=listed(kept)), _path(out))
            at.reopen("customers", customers)
        with steps.step("adding up", at.share):
            totals = {key: float(v) for key, v in at.one(statement("totals")).items()}
        _check_balance(name, grouped, totals)
    return Valued(given, found, fits, customers, totals, len(grouped), steps.seconds)


def _take_log(at: Duck, name: str, parts: dict[str, str], steps: Steps) -> Account:
    """Check a log and make `histories` and `summary` of it."""
    with steps.step("checking", at.share):
        counts = at.one(statement("log_checks", **parts))
        found = account.of_log(name, counts)
        if counts["returns"] or counts["turnover_units"] >= MOST_UNITS:
            days = at.one(after("log_days", "log", **parts))
            account.refuse_days(name, days, MOST_UNITS)
    with steps.step("summarising", at.share):
        at.lay("histories", after("histories", "log", "occasions", "extremes", **parts))
    at.view("summary", statement("summary", **parts))
    return found


def _take_summary(at: Duck, name: str, parts: dict[str, str], steps: Steps) -> Account:
    """Check a summary and make `summary` of it, read in place."""
    with steps.step("checking", at.share):
        found = account.of_summary(name, at.one(statement("summary_checks", **parts)))
    at.view("summary", statement("given_summary", **parts))
    return found


@contextlib.contextmanager
def _opened(
    engine: Any, source: Any, memory_limit: str | None, threads: int | None
) -> Iterator[Any]:
    if engine == "duckdb" and not type(source).__module__.startswith("pyspark."):
        at: Any = Duck(memory_limit, threads)
    else:
        from crmlab.scale.spark import Spark

        at = Spark(engine, source)
    try:
        yield at
    finally:
        at.close()


def filling(day: dt.date, unit: str, zero_amount: str) -> dict[str, str]:
    """What fills the statements beside the columns. Raises WrongParameter."""
    if zero_amount not in ZERO_AMOUNT:
        raise WrongParameter("zero_amount", zero_amount, "one of " + ", ".join(ZERO_AMOUNT))
    free = zero_amount == "occasion"  # without free days there is nothing to tell apart
    return {
        "observation_end": day.isoformat(),
        "end_day": str((day - EPOCH).days),
        "days_per_unit": repr(days_per(unit)),
        "zero_days": str(free).upper(),
        "paid_occasions": "sum(CASE WHEN units > 0 THEN 1 ELSE 0 END)" if free else "count(*)",
    }


def listed(names: list[str]) -> str:
    """Columns of a summary as SQL. T is quoted: elsewhere T and t are two names."""
    quoted = ['"T"' if name == "T" else name for name in names]
    return ",\n    ".join(quoted)


def _path(out: str | os.PathLike[str] | None) -> Path | None:
    return None if out is None else Path(out)


def _check_balance(name: str, grouped: Any, totals: Mapping[str, float]) -> None:
    """Every customer of the summary is among those written, once."""
    read, used = int(grouped["count"].to_numpy().sum()), int(totals["customers"])
    if read != used:
        raise AccountDoesNotBalance(name, read, used, 0)
