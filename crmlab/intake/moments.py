"""When something happened: the column of dates, with or without times of day, by its grammar."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from crmlab.intake import engines, forms
from crmlab.intake.forms import DayForm
from crmlab.intake.loaded import Loaded
from crmlab.intake.reading import Reading

FEW = 500_000
"""Different texts up to which each is read once and looked up; of more, every row is read."""

SAMPLE = 100_000
"""Rows from which it is told how many texts there may be."""

PLAIN_DAY = "CASE WHEN days.text IS NULL THEN TRY_CAST({0} AS DATE) ELSE days.date END"


@dataclass(frozen=True)
class Moments:
    """The form of a source's days, and SQL that reads a row's: three columns and their joins.

    `few` is whether rows are looked up in a table of their texts.
    """

    form: DayForm
    few: bool
    date: str
    reason: str
    seconds: str
    joins: tuple[str, ...]


def read(connection: duckdb.DuckDBPyConnection, loaded: Loaded, reading: Reading) -> Moments:
    """Decide how the dates of source_rows are to be read, and make the tables for it.

    Raises UntrustedSource where they can be read in two ways and nothing decides.
    """
    (found,) = engines.fetch_rows(connection, engines.statement("moment_count"), {"sample": SAMPLE})
    few = found["texts"] <= FEW
    connection.execute(engines.statement("moment_texts" if few else "moment_rows"))
    counted = reading.date_system is not None
    connection.execute(engines.statement("day_texts"), {"as_number": counted})
    connection.execute(engines.statement("time_texts"))
    form = forms.days(connection, loaded.name, reading, "date" in loaded.exact_roles)
    _days(connection, form, reading)
    if not few:
        return _by_parts(form, reading, "source_rows.date")
    each = _by_parts(form, reading, "moment_texts.text")
    parts = {"date": each.date, "reason": each.reason, "seconds": each.seconds}
    sql = engines.statement("moments")
    connection.execute(engines.fill(sql, **parts, joins="\n".join(each.joins)))
    looked_up = ("LEFT JOIN moments ON source_rows.date = moments.text",)
    return Moments(form, True, "moments.date", "moments.reason", "moments.seconds", looked_up)


def forget(connection: duckdb.DuckDBPyConnection, moments: Moments) -> None:
    """Drop what `read` has made."""
    for table in ("day_texts", "time_texts", "days", *(("moments",) if moments.few else ())):
        connection.execute(f"DROP TABLE {table}")
    connection.execute(f"DROP {'TABLE' if moments.few else 'VIEW'} moment_texts")


def _days(connection: duckdb.DuckDBPyConnection, form: DayForm, reading: Reading) -> None:
    scale = {"epoch-ms": 1e3, "epoch-us": 1.0}.get(str(reading.date_system), 1e6)
    zone = engines.literal(reading.time_zone or "UTC")
    local = f"timezone({zone}, make_timestamptz(CAST(n * {scale:.0f} AS BIGINT)))"
    asked = {
        "form": form.form,
        "date_order": form.order,
        "system": reading.date_system,
        "first_year": 1980 if str(reading.date_system).startswith("epoch") else 1900,
    }
    connection.execute(engines.fill(engines.statement("days"), local=local), asked)


def _by_parts(form: DayForm, reading: Reading, text: str) -> Moments:
    """A text's day as its own clock shows it, or as that of the business does."""
    if not form.timed:
        plain = PLAIN_DAY.format(text)
        joins = (f"LEFT JOIN days ON {text} = days.text",)
        return Moments(form, False, plain, "days.reason", "CAST(NULL AS INTEGER)", joins)
    plain = PLAIN_DAY.format(f"day_part({text})")
    instant = f"CAST({plain} AS TIMESTAMP) + to_seconds(time_texts.seconds - time_texts.ahead)"
    local = f"timezone({engines.literal(reading.time_zone or 'UTC')}, timezone('UTC', {instant}))"
    told = f"CAST({local} AS DATE)" if form.instants else plain
    kind = "IS NOT NULL" if form.instants else "IS NULL"
    date = (
        f"CASE WHEN time_part({text}) IS NULL THEN {plain} "
        f"WHEN time_texts.seconds IS NOT NULL AND time_texts.ahead {kind} THEN {told} END"
    )
    looked_up = (
        f"LEFT JOIN days ON day_part({text}) = days.text",
        f"LEFT JOIN time_texts ON time_part({text}) = time_texts.text",
    )
    return Moments(form, False, date, "days.reason", "time_texts.seconds", looked_up)
