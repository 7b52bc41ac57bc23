"""How many renewals a contract has passed, by its anniversaries; there are no 30-day months."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.units import Unit

Days = NDArray[np.datetime64]
Counts = NDArray[np.int64]
Flags = NDArray[np.bool_]

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}


class Terms(NamedTuple):
    """What is known of contracts on the last day observed, one entry a contract.

    `entry` and `tenure`: the renewals entry + 1, ..., tenure were watched, all but the last were
    passed; `ended`: the last was not. `running`: the contract has not ended by that day.
    """

    entry: Counts
    tenure: Counts
    ended: Flags
    running: Flags


def terms(start: Days, exit_day: Days, after: Days, opened: Days | None, period: Unit) -> Terms:
    """The terms of contracts that begin on `start`; `exit_day` is the first day without, or NaT.

    `after` is the day after the last one observed. A renewal counts only if the period before it
    was observed to its end: who left in a period that has not ended yet would otherwise be
    counted, and those who stayed in it would not. Contracts older than `opened` are known only if
    they still ran on that day, so they are watched from the first renewal after it.
    """
    running = np.isnat(exit_day) | (exit_day > after)
    watched = renewals_by(start, after, period)
    left = np.where(running, after, exit_day)
    reached = renewals_by(start, left, period)
    chance = reached + (anniversary(start, reached, period) < left)  # where one who left did so
    ended = ~running & (chance <= watched)
    entry = np.zeros(len(start), dtype=np.int64)
    if opened is not None:
        late = np.maximum(opened, start)
        entry = renewals_by(start, late, period)
        entry += anniversary(start, entry, period) < late
    return Terms(entry, np.where(ended, chance, watched), ended, running)


def renewals_by(start: Days, day: Days, period: Unit) -> Counts:
    """Whole periods from `start` to `day` >= start: anniversaries reached, that day's included."""
    if period in DAYS:
        passed = (day - start).astype("timedelta64[D]").astype(np.int64)
        return np.asarray(passed // DAYS[period], dtype=np.int64)
    months = (day.astype("datetime64[M]") - start.astype("datetime64[M]")).astype(np.int64)
    count = months // MONTHS[period]
    return np.asarray(count - (anniversary(start, count, period) > day), dtype=np.int64)


def anniversary(start: Days, count: Counts, period: Unit) -> Days:
    """The day on which the period `count` + 1 begins; a month without that day has its last one."""
    if period in DAYS:
        return np.asarray(start + (count * DAYS[period]).astype("timedelta64[D]"))
    month = start.astype("datetime64[M]") + (count * MONTHS[period]).astype("timedelta64[M]")
    day_of_month = start - start.astype("datetime64[M]").astype("datetime64[D]")
    last = (month + np.timedelta64(1, "M")).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.asarray(np.minimum(month.astype("datetime64[D]") + day_of_month, last))


def on_anniversaries(start: Days, day: Days, period: Unit) -> float:
    """The share of days that are an anniversary of their start."""
    count = renewals_by(start, day, period)
    hits = (count > 0) & (anniversary(start, count, period) == day)
    return float(hits.mean()) if len(hits) else 0.0


def as_days(column: pd.Series) -> Days:
    """A column of timestamps as days of NumPy; missing ones are NaT."""
    return np.asarray(column.to_numpy().astype("datetime64[D]"))
