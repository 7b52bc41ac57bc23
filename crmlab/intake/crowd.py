"""What the customers of a source have in common, from the days on which they bought."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from crmlab.intake.customer_days import Keys, Packing, slices, starts
from crmlab.intake.engines import Bench

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

REGULAR = 3
"""Times between occasions that a customer needs to have a rhythm."""

NO_RHYTHM = (np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))


@dataclass(frozen=True)
class Crowd:
    """Customers and their occasions, up to an end of observation.

    `busiest` is the customer with most rows, as a condition in SQL; `rows_a_day` the most rows of
    one occasion. `by_occasions` counts customers by their occasions, `by_first` by their first
    one, in days. `gaps`, `wait` (mean) and `spread` (standard deviation) are of the times between
    occasions, in days, of those with two occasions or more; of large sources only of those in some
    260,000 rows, chosen by a hash of their ids: a sample, for what is only told as a flag.
    """

    customers: int
    occasions: int
    busiest: str
    most_rows: int
    rows_a_day: int
    by_occasions: Counts
    by_first: Counts
    gaps: Counts
    wait: Floats
    spread: Floats

    @property
    def most_occasions(self) -> int:
        """Of one customer."""
        return len(self.by_occasions) - 1

    @property
    def usual_occasions(self) -> float:
        """What one customer in a thousand exceeds."""
        place = 0.999 * (self.customers - 1)
        so_far, around = np.cumsum(self.by_occasions), [int(place), int(np.ceil(place))]
        below, above = np.searchsorted(so_far, around, side="right")
        return float(below + (above - below) * (place - int(place)))

    @property
    def variation(self) -> Floats:
        """Coefficients of variation of the times between occasions, of whoever has a rhythm."""
        regular = self.gaps >= REGULAR
        return self.spread[regular] / self.wait[regular]

    def won(self, since: int, until: int) -> int:
        """Customers whose first occasion was so many days after the first of all."""
        first = int(np.flatnonzero(self.by_first)[0])
        return int(self.by_first[first + since : first + until].sum())


def look(bench: Bench, packing: Packing, rows: int) -> Crowd:
    """The crowd behind the bench's table used, which has so many `rows`, and one at least."""
    seen = enumerate(slices(bench, packing, "used WHERE rows > 0", rows))
    return reduce(_both, (_crowd(keys, packing, part, not n) for n, (part, keys) in seen))


def _crowd(keys: Keys, packing: Packing, part: int, sample: bool) -> Crowd:
    """The crowd of a slice; with its rhythm if it is the sample."""
    day_starts = starts(keys)
    days = keys[day_starts]
    firsts = starts(packing.customers(days))
    occasions = np.diff(firsts, append=len(days))
    rows = np.diff(day_starts[firsts], append=len(keys))
    busiest = int(rows.argmax())
    return Crowd(
        len(firsts),
        len(days),
        packing.is_customer(int(days[firsts[busiest]]), part),
        int(rows[busiest]),
        int(np.diff(day_starts, append=len(keys)).max()),
        np.bincount(occasions),
        np.bincount(packing.days(days[firsts])),
        *(_rhythm(packing.days(days), firsts) if sample else NO_RHYTHM),
    )


def _rhythm(days: Counts, firsts: Counts) -> tuple[Counts, Floats, Floats]:
    """Count, mean and standard deviation of the times between each customer's days."""
    between = np.diff(days, prepend=0).astype(float)
    between[firsts] = 0.0
    gaps = np.diff(firsts, append=len(days)) - 1
    again = gaps > 0
    total, squares = (np.add.reduceat(between**n, firsts)[again] for n in (1, 2))
    gaps = gaps[again]
    wait = total / gaps
    with np.errstate(invalid="ignore", divide="ignore"):  # one gap spreads by nothing known
        spread = np.sqrt(np.maximum(squares - gaps * wait**2, 0.0) / (gaps - 1))
    return gaps, wait, spread


def _both(one: Crowd, other: Crowd) -> Crowd:
    """Two slices together; the sample is that of the first."""
    busier = max(one, other, key=lambda crowd: crowd.most_rows)
    return Crowd(
        one.customers + other.customers,
        one.occasions + other.occasions,
        busier.busiest,
        busier.most_rows,
        max(one.rows_a_day, other.rows_a_day),
        _added(one.by_occasions, other.by_occasions),
        _added(one.by_first, other.by_first),
        one.gaps,
        one.wait,
        one.spread,
    )


def _added(one: Counts, other: Counts) -> Counts:
    short, long = sorted((one, other), key=len)
    return long + np.pad(short, (0, len(long) - len(short)))
