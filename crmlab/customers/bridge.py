"""The bridge from one valuation to the next, step by step, as insurers analyse embedded value.

With V(t) the expected value of date 0's customers and c(t) their expected net margin a unit of
time, dV = rate V dt - c dt: the discount unwinds on what is still to come, and the margin of the
period leaves the future as it is booked. Then the horizon, which stays as long as it was, takes in
as much time as has passed; what remains is experience, new customers, parameters, assumptions.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crmlab.customers.economics import BY_CUSTOMER, Economics
from crmlab.customers.equity import CENTS, cents
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.rhythms import overdue
from crmlab.customers.value import Ahead, ahead, net_values, worth
from crmlab.errors import WrongParameter
from crmlab.models.special import Array, Counts
from crmlab.units import DAYS_PER_YEAR

Flags = NDArray[np.bool_]

EXPERIENCE = ("lost", "slowed", "as_expected", "bought_more", "came_back")
ASSUMPTIONS = (*BY_CUSTOMER, "retention_per_year", "discount_rate", "horizon_years")
"""The order in which new assumptions are taken in, one by one."""

TOLERANCE = 0.10  # as expected: the margin ahead is within 10 % of what was expected
GONE = 0.50  # lost: bought nothing, and less than half of the expected margin is left
SILENT = 2.0  # came back: had been silent for more than twice the own gap


@dataclasses.dataclass(frozen=True)
class Bridge:
    """From opening to closing equity; `remainder` is 0.

    `steps`: columns step, money (to the cent; the first and the last row are the equities, those
    between add up to their difference). `experience`: by class, customers, expected_purchases and
    purchases in the period, expected (value), value, money. `customers`: one row a customer of the
    opening, with class, expected, value (both at the closing date, opening parameters).
    """

    opening_date: str
    closing_date: str
    steps: pd.DataFrame
    experience: pd.DataFrame
    customers: pd.DataFrame

    def money(self, step: str) -> float:
        """The amount of a step; 0 for one that there is not."""
        found = self.steps.loc[self.steps["step"] == step, "money"]
        return float(found.iloc[0]) if len(found) else 0.0

    @property
    def remainder(self) -> float:
        """Closing less opening less all steps, in money."""
        amounts = np.rint(self.steps["money"].to_numpy() * CENTS).astype(np.int64)
        return float(amounts[-1] - amounts[:-1].sum()) / CENTS


def opening_day(first_date: str | dt.date, closing: str, asked: str | None = None) -> str:
    """The date of the valuation to compare with: `asked`, or a year before the closing.

    Of a log that is younger than two years, half of its time. Raises WrongParameter for a date
    that is not before the closing.
    """
    start, end = pd.Timestamp(first_date), pd.Timestamp(closing)
    if asked is None:
        back = min((end - start) / 2, pd.Timedelta(days=round(DAYS_PER_YEAR)))
        return str((end - back).date())
    if not pd.Timestamp(asked) < end:
        raise WrongParameter("opening_date", asked, f"a date before {closing}")
    return asked


def bridge(opening: FittedBase, before: Economics, closing: FittedBase, after: Economics) -> Bridge:
    """The steps from the equity of `opening` under `before` to that of `closing` under `after`.

    opening, unwinding, expected_margin (below 0), horizon_moved, lost, slowed, as_expected,
    bought_more, came_back, won, new_parameters, each new assumption, closing.
    A customer of the opening is, by the margin ahead at the closing date against what was
    expected: lost (bought nothing; less than half of it left), slowed (more than 10 % below),
    came_back (more than 10 % above, and bought after a silence of more than twice the own gap),
    bought_more (more than 10 % above), or as_expected. Where a table by customer of `before` lacks
    the customers won, that of `after` stands in. Raises WrongParameter where the closing is not
    later or in another time unit.
    """
    _check(opening, closing)
    before = _completed(before, after, closing.summary.index)
    passed = closing.since(opening)
    moved = _Expected.of(opening, before, passed)
    same = closing.with_models_of(opening)
    seen = net_values(same, before)
    old = _experience(opening, same, before, moved, seen, passed)
    levels = [
        ("opening", moved.opening.sum()),
        ("unwinding", moved.unwinding.sum()),
        ("expected_margin", -moved.booked.sum()),
        ("horizon_moved", moved.entered.sum()),
    ]
    levels += [(name, _of_class(old, name)) for name in EXPERIENCE]
    won = ~same.summary.index.isin(opening.summary.index)
    levels.append(("won", seen[won].sum()))
    levels += _later(closing, before, after, float(seen.sum()))
    steps = _steps(levels, cents(moved.opening), cents(net_values(closing, after)))
    return Bridge(
        opening.observation_end, closing.observation_end, steps, _by_class(old, steps), old
    )


@dataclasses.dataclass(frozen=True)
class _Expected:
    """What date 0 expects of its customers until date 1, an amount a customer each."""

    opening: Array
    unwinding: Array
    booked: Array
    entered: Array
    margin: Array
    """Expected margin ahead at date 1."""

    @property
    def value(self) -> Array:
        """Expected value at date 1."""
        return self.opening + self.unwinding - self.booked + self.entered

    @classmethod
    def of(cls, base: FittedBase, given: Economics, passed: float) -> _Expected:
        """From discounted sums: to the horizon, to date 1, and to the horizon as of date 1."""
        rate, horizon, each = given.rate(base.unit), given.horizon(base.unit), worth(base, given)

        def until(end: float) -> Ahead:
            return ahead(base, rate, end, active=given.costs_time)

        whole, near, far = until(horizon), until(passed), until(passed + horizon)
        growth = float(np.exp(rate * passed))
        value, period = each.net(whole), each.net(near)
        model, history = base.purchases.model, base.history
        booked = each.net(
            Ahead(
                model.expected_purchases(passed, **history),
                model.expected_life(passed, **history),
            )
        )
        return cls(
            opening=value,
            unwinding=value * (growth - 1) - (growth * period - booked),
            booked=booked,
            entered=growth * (each.net(far) - value),
            margin=growth * each.margin * (far.occasions - near.occasions),
        )


def _experience(
    opening: FittedBase, same: FittedBase, given: Economics, moved: _Expected, seen: Array,
    passed: float,
) -> pd.DataFrame:  # fmt: skip
    """One row a customer of the opening: what was expected, what came, and the class."""
    index = opening.summary.index
    found = ahead(same, given.rate(same.unit), given.horizon(same.unit), active=False)
    margin = pd.Series(worth(same, given).margin * found.occasions, index=same.summary.index)
    value = pd.Series(seen, index=same.summary.index).reindex(index, fill_value=0.0)
    counted = same.summary["frequency"].reindex(index)
    then = opening.summary["frequency"]
    purchases = (counted - then).fillna(0.0)
    ratio = margin.reindex(index, fill_value=0.0).to_numpy() / moved.margin
    silent = overdue(opening.summary).to_numpy() > SILENT
    model = opening.purchases.model
    return pd.DataFrame(
        {
            "class": _classes(ratio, purchases.to_numpy() > 0, silent),
            "expected_purchases": model.expected_purchases(passed, **opening.history),
            "purchases": purchases,
            "expected": moved.value,
            "value": value,
        },
        index=index,
    )


def _classes(ratio: Array, bought: Flags, silent: Flags) -> pd.Categorical:
    """Margin ahead against the expected, whether they bought, and whether they had been silent."""
    conditions = [
        ~bought & (ratio < GONE),
        ratio < 1 - TOLERANCE,
        bought & silent & (ratio > 1 + TOLERANCE),
        bought & (ratio > 1 + TOLERANCE),
    ]
    names = ["lost", "slowed", "came_back", "bought_more"]
    return pd.Categorical(np.select(conditions, names, "as_expected"), EXPERIENCE)


def _of_class(old: pd.DataFrame, name: str) -> float:
    some = old[old["class"] == name]
    return float((some["value"] - some["expected"]).sum())


def _later(
    closing: FittedBase, before: Economics, after: Economics, level: float
) -> list[tuple[str, float]]:
    """New parameters, then the assumptions that are new, each on top of those before it."""
    steps, given = [], before
    now = float(net_values(closing, given).sum())
    steps.append(("new_parameters", now - level))
    for name in ASSUMPTIONS:
        if _same(name, before, after, closing.summary.index):
            continue
        given = dataclasses.replace(given, **{name: getattr(after, name)})
        then, now = now, float(net_values(closing, given).sum())
        steps.append((name, now - then))
    return steps


def _same(name: str, before: Economics, after: Economics, customers: pd.Index) -> bool:
    if name in BY_CUSTOMER:
        return bool(np.array_equal(before.of(name, customers), after.of(name, customers)))
    return bool(getattr(before, name) == getattr(after, name))


def _completed(before: Economics, after: Economics, customers: pd.Index) -> Economics:
    """`before` with the customers that its tables could not know of."""
    known = {}
    for name in BY_CUSTOMER:
        given = getattr(before, name)
        if isinstance(given, pd.Series):
            new = customers.difference(given.index)
            more = pd.Series(after.of(name, new), index=new)
            known[name] = pd.concat([given, more]) if len(new) else given
    return dataclasses.replace(before, **known)


def _steps(levels: list[tuple[str, float]], opening: Counts, closing: Counts) -> pd.DataFrame:
    """Steps in whole cents: differences of the rounded running total, which ends at the closing."""
    names = [name for name, _ in levels]
    running = np.rint(np.cumsum([amount for _, amount in levels]) * CENTS).astype(np.int64)
    if abs(running[-1] - closing.sum()) > 1:
        raise ArithmeticError(f"the bridge ends at {running[-1]} cents, not {closing.sum()}")
    running[0], running[-1] = opening.sum(), closing.sum()  # a cent of rounding at most
    amounts = np.diff(running, prepend=0)
    return pd.DataFrame(
        {"step": [*names, "closing"], "money": np.append(amounts, closing.sum()) / CENTS}
    )


def _by_class(old: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    grouped = old.groupby("class", observed=False)
    columns = ["expected_purchases", "purchases", "expected", "value"]
    table = grouped[columns].sum()
    table.insert(0, "customers", grouped.size())
    return table.assign(money=steps.set_index("step")["money"])


def _check(opening: FittedBase, closing: FittedBase) -> None:
    if opening.unit != closing.unit:
        raise WrongParameter("unit", closing.unit, f"{opening.unit}, as at the opening")
    if not closing.since(opening) > 0:
        expected = f"a date after the opening's, {opening.observation_end}"
        raise WrongParameter("observation_end", closing.observation_end, expected)
