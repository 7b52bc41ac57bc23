"""Checked tables of contracts: survivors by cohort, or totals over all cohorts by period.

Full information is every cohort's size at every tenure so far. Less will do, and a fit weighs it
rightly, in `read_survivors`' table: each cohort's first and last size only; its sizes in the last
two (or three) periods only, whenever it began; its first size and the last two. `read_totals` takes
the case in which only new and active customers a period are known, over all cohorts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.errors import InvalidHistory
from crmlab.models.histories import check_aligned
from crmlab.models.special import Array, unique_rows

Flags = NDArray[np.bool_]
Check = tuple[Flags, str, str]
"""The rows that are wrong, what they have, and what to do."""

NAMELESS = {"nan", "NaT", "<NA>", "None"}


class InvalidCohorts(InvalidHistory):
    """Numbers of customers that no cohort under contract can have had."""

    def __init__(self, what: str, wrong: Flags, first: str, remedy: str) -> None:
        self.count, self.total = int(wrong.sum()), wrong.size
        message = f"{self.count} of {self.total} rows have {what} (first: {first}). {remedy}"
        super(InvalidHistory, self).__init__(message)


class Renewals(NamedTuple):
    """Who renewed from one tenure to a later one: one row a pair of tenures, cohorts together.

    Of `renewed` + `lost` customers with `start` renewals behind them, `renewed` reached `end`.
    """

    start: Array
    end: Array
    renewed: Array
    lost: Array


class Totals(NamedTuple):
    """Customers acquired in each period; those lost after it, or, after the last, staying."""

    acquired: Array
    counted: Array


def read_survivors(table: Any) -> tuple[Renewals, int]:
    """Pairs of consecutive known tenures of every cohort, alike ones added up, and the customers.

    Columns tenure (renewals behind them: 0, 1, 2, ...), customers (still there) and, for more
    than one cohort, cohort. Rows in any order; a cohort may be known from a later tenure on, and
    with gaps. Customers are counted where their cohort is first seen, if it is seen again.
    Raises InvalidCohorts naming how many rows are impossible, the first of them, and why.
    """
    columns = ("tenure", "customers", *(["cohort"] if "cohort" in table else []))
    check_aligned(**{name: table[name] for name in columns})
    tenure, customers = (np.asarray(table[c], dtype=float) for c in columns[:2])
    names = list(table["cohort"]) if "cohort" in table else [""] * len(tenure)
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    cohort = np.array([numbers[name] for name in names], dtype=int)
    order = np.lexsort((tenure, cohort))
    same = np.diff(cohort[order]) == 0
    before, after = order[:-1][same], order[1:][same]
    last = np.full((2, len(tenure)), np.nan)
    last[:, after] = tenure[before], customers[before]
    checks = (
        (np.array([str(name) in NAMELESS for name in names], dtype=bool), "no cohort",
         "Name the cohort in every row, or leave the column out if there is only one."),
        *_number_checks(tenure, customers, "tenure"),
        (tenure == last[0], "a tenure that their cohort has already",
         "Give a cohort one row a tenure; tell several cohorts apart in a column cohort."),
        (customers > last[1], "more customers than their cohort had before",
         "Who has left does not come back: count him in a cohort of his own."),
    )  # fmt: skip
    labels = [f"cohort {name}, " if "cohort" in table else "" for name in names]
    _refuse(checks, lambda i: f"{labels[i]}tenure {tenure[i]:g}, {customers[i]:g} customers")
    begun = np.setdiff1d(before, after)
    pairs = _together(tenure[before], tenure[after], customers[before], customers[after])
    return pairs, int(customers[begun].sum())


def read_totals(table: Any) -> tuple[Totals, int]:
    """Acquired and lost by period, of all cohorts together, and all customers ever acquired.

    Columns period (consecutive whole numbers), acquired (new in it) and customers (active in it,
    the new ones too). The base must start empty: in the first period everyone is new.
    Raises InvalidCohorts naming how many rows are impossible, the first of them, and why.
    """
    named = {name: table[name] for name in ("period", "acquired", "customers")}
    check_aligned(**named)
    columns = [np.asarray(column, dtype=float) for column in named.values()]
    order = np.argsort(columns[0], kind="stable")
    period, acquired, customers = (column[order] for column in columns)
    old = np.concatenate(([0.0], customers[:-1]))[: len(period)]
    follows = np.concatenate((period[:1], period[:-1] + 1))
    checks = (
        *_number_checks(period, acquired, "period"),
        *_number_checks(period, customers, "period"),
        (period != follows, "a period that is not next to the last",
         "Give every period one row, also those without new customers."),
        (customers > old + acquired, "more customers than there were before and new ones",
         "The base must start empty: begin with the period of the first customers."),
        (customers < acquired, "fewer customers than new ones",
         "Count the new customers among those who are active in their first period."),
    )  # fmt: skip
    _refuse(
        checks,
        lambda i: f"period {period[i]:g}, {acquired[i]:g} acquired, {customers[i]:g} customers",
    )
    some = np.cumsum(acquired) > 0  # nothing is known of the time before the first customer
    counted = np.append((old + acquired - customers)[1:], customers[-1:])
    return Totals(acquired[some], counted[some]), int(acquired.sum())


def _refuse(checks: Iterable[Check], describe: Callable[[int], str]) -> None:
    for wrong, what, remedy in checks:
        if wrong.any():
            raise InvalidCohorts(what, wrong, describe(int(np.flatnonzero(wrong)[0])), remedy)


def _number_checks(when: Array, customers: Array, name: str) -> tuple[Check, ...]:
    missing = ~(np.isfinite(when) & np.isfinite(customers))
    return (
        (missing, f"a missing {name} or number", "Leave the row out: a cohort may have gaps."),
        ((when < 0) | (when != np.floor(when)), f"a {name} that is no whole number >= 0",
         "Count periods or renewals from the start, not dates."),
        ((customers < 0) | (customers != np.floor(customers)), "a number that counts no customers",
         "Give counts, not shares: how much is known depends on the size of the cohort."),
    )  # fmt: skip


def _together(start: Array, end: Array, before: Array, after: Array) -> Renewals:
    """One row for each distinct pair of tenures at which somebody was there."""
    some = before > 0
    (start, end), row, _ = unique_rows(start[some], end[some])
    renewed, lost = (
        np.bincount(row, weights=n[some], minlength=len(start)).astype(float)
        for n in (after, before - after)
    )
    return Renewals(start, end, renewed, lost)
