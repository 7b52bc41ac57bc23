"""The statements for a warehouse that does the heavy part itself, and the fit of what it found."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from crmlab.customers.scores import Assumptions
from crmlab.errors import MissingColumn, WrongParameter
from crmlab.intake.engines import quote
from crmlab.intake.log import observation_day
from crmlab.scale import columns, patterns
from crmlab.scale.duck import Duck
from crmlab.scale.patterns import Fits
from crmlab.scale.statements import after, in_dialect, statement
from crmlab.scale.valuation import filling, listed

PATTERNS = (*patterns.HISTORY, "count")
SPEND_PATTERNS = ("spend_frequency", "monetary_value", "count")
MOST_DECIMALS = columns.MOST_DECIMALS


@dataclass(frozen=True)
class Log:
    """Where a warehouse keeps its purchases: a table, its columns, and decimals of its money."""

    table: str = "orders"
    customer_id: str = "customer_id"
    date: str = "date"
    amount: str = "amount"
    decimals: int = 2


def _summary(parts: dict[str, str]) -> str:
    return after("summary", "log", "occasions", "extremes", "histories", **parts)


STATEMENTS: dict[str, Callable[[dict[str, str]], str]] = {
    "checks": lambda parts: statement("log_checks", **parts),
    "days": lambda parts: after("log_days", "log", **parts),
    "summary": _summary,
    "patterns": lambda _: statement("patterns"),
    "spend-patterns": lambda _: statement("spend_patterns"),
    "scores": lambda _: statement("scores", summary_columns=listed(list(columns.OF_LOG))),
}
"""The statements by name, in the order in which they are run.

`summary` is meant to be kept as a table of that name; `scores` joins it to the tables
pattern_scores and spend_model, which fit_files writes.
"""


def statement_for(
    name: str,
    dialect: str,
    log: Log,
    *,
    observation_end: str | dt.date,
    unit: str = "week",
    zero_amount: str = "ignore",
) -> str:
    """One of STATEMENTS in a dialect that sqlglot knows, such as postgres or bigquery.

    Raises WrongParameter.
    """
    if name not in STATEMENTS:
        raise WrongParameter("statement", name, "one of " + ", ".join(STATEMENTS))
    if not 0 <= log.decimals <= MOST_DECIMALS:
        raise WrongParameter("decimals", log.decimals, f"a number from 0 to {MOST_DECIMALS}")
    parts = {
        **filling(observation_day(observation_end), unit, zero_amount),
        "source": log.table,
        "customer_id": _column(log.customer_id),
        "no_customer": f"{_column(log.customer_id)} IS NULL",
        "date": _column(log.date),
        "amount": _column(log.amount),
        "units": f"{10.0**log.decimals:.1f}",
    }
    return in_dialect(STATEMENTS[name](parts), dialect)


def fit_files(
    found: Path, spent: Path, folder: Path, given: Assumptions, model: str = "bg-nbd"
) -> tuple[Fits, list[Path]]:
    """Fit what a warehouse found, and write what it needs to score its customers.

    `found` and `spent` are the results of the statements patterns and spend-patterns, as Parquet
    or CSV. Writes pattern_scores and spend_model to `folder`, as Parquet and as CSV.
    Raises as score_customers.
    """
    patterns.check(model, given)
    grouped, spends = _read(found, PATTERNS), _read(spent, SPEND_PATTERNS)
    fits = patterns.fit(grouped, spends, model)
    scores, spend_model = patterns.score(grouped, fits, given)
    tables = {"pattern_scores": scores, "spend_model": spend_model}
    written = [_write(table, folder / name) for name, table in tables.items()]
    return fits, [path for pair in written for path in pair]


def _column(name: str) -> str:
    """A column as people write it: quoted, a plain name would not be found in Snowflake."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name) else quote(name)


def _read(path: Path, names: tuple[str, ...]) -> pa.Table:
    """The columns `names` of a table; warehouses may write them in capitals."""
    at = Duck()
    try:
        name, kinds = at.open(path, {})
        same = {kind.casefold(): kind for kind in kinds}
        for wanted in names:
            if wanted.casefold() not in same:
                raise MissingColumn(name, wanted, wanted, kinds)
        taken = [f"CAST({quote(same[n.casefold()])} AS DOUBLE) AS {quote(n)}" for n in names]
        return at.arrow(f"SELECT {', '.join(taken)} FROM source")
    finally:
        at.close()


def _write(table: pa.Table, place: Path) -> list[Path]:
    at = Duck()
    try:
        at.take("source", table)
        return [at.write("FROM source", place.with_suffix(end)) for end in (".parquet", ".csv")]
    finally:
        at.close()
