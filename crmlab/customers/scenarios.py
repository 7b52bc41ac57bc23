"""What if: levers of the value of a customer base, each turned alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from crmlab.customers.economics import BY_CUSTOMER, Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.newcomers import newcomer
from crmlab.customers.value import net_values
from crmlab.errors import NotDefined, WrongParameter

POINT = 0.01
CHANGES = (-0.10, -0.01, 0.01, 0.10)
LEVERS = ("retention", "margin", "discount_rate", "cost_to_serve", "acquisition_cost")
COSTS = (*BY_CUSTOMER[1:], "retention_per_year")
PACES = (1e-4, 50.0)  # of leaving, between which an answer is sought
HIGHEST_RATE = 5.0


@dataclasses.dataclass(frozen=True)
class Winning:
    """Customers yet to be won, for a scenario that adds them: so many a year, for so many years.

    They come evenly, each is worth a newcomer's value less `acquisition_cost`.
    """

    a_year: float
    years: float
    acquisition_cost: float

    def __post_init__(self) -> None:
        for name in ("a_year", "years", "acquisition_cost"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise WrongParameter(name, value, "a number, 0 or more")


@dataclasses.dataclass(frozen=True)
class Scenario:
    """A base, its economics, how fast customers leave, and whom the firm wins.

    `pace` multiplies how fast customers leave from now on (see crmlab.customers.value.ahead): 1 as
    the model expects. `winning` adds customers yet to be won; None counts the base alone. Of new
    customers, who leave right after the first occasion (MBG/NBD) are as many as the model expects.
    """

    base: FittedBase
    economics: Economics
    pace: float = 1.0
    winning: Winning | None = None

    @property
    def equity(self) -> float:
        """Discounted net value of the base, and of those yet to be won where they are counted."""
        return self.of_base + self.of_newcomers

    @property
    def of_base(self) -> float:
        """Customer equity: what is expected of the customers already won."""
        return float(net_values(self.base, self.economics, pace=self.pace).sum())

    @property
    def of_newcomers(self) -> float:
        """What is expected of customers yet to be won, less what winning them costs."""
        if self.winning is None or not self.winning.a_year:
            return 0.0
        each = self.newcomer_value - self.winning.acquisition_cost
        return self.winning.a_year * self._annuity * each

    @property
    def newcomer_value(self) -> float:
        """Value of a new customer to the horizon, before the acquisition cost."""
        base, given = self.base, self.economics
        rate, horizon = given.rate(base.unit) / self.pace, given.horizon(base.unit) * self.pace
        who, model = newcomer(base, given), base.purchases.model
        each = who.margin * base.spend.model.expected_spend_new() - who.cost
        value = who.first + each * float(model.det_new(rate, horizon)) / self.pace
        if not who.upkeep:
            return value
        none = np.zeros(1)
        life = model.discounted_life(rate, horizon, frequency=none, recency=none, T=none)
        return value - who.upkeep * float(life[0]) / self.pace

    @property
    def retention(self) -> float:
        """Annual retention: share of those active now who are expected to be so in a year.

        At pace f that is the model's share after f years.
        """
        return annual_retention(self.base, self.pace)

    @property
    def _annuity(self) -> float:
        """Years of winning, each discounted."""
        years = self.winning.years if self.winning else 0.0
        rate = self.economics.rate("year")
        return years if rate == 0 else float(-np.expm1(-rate * years) / rate)

    def with_retention(self, target: float) -> Scenario:
        """The same where customers leave at the pace that gives this annual retention.

        Raises NotDefined for a retention that no pace gives: 1 or more, or where nobody leaves.
        """
        return dataclasses.replace(self, pace=pace_for(self.base, target))

    def changed(self, lever: str, factor: float) -> Scenario:
        """The same with one of LEVERS multiplied.

        retention: the annual retention, by the pace of leaving (retention_point: so many points
        more instead); cost_to_serve: all costs of occasions and of time; discount_rate: the annual
        rate. Raises NotDefined for a retention
        that cannot be, WrongParameter for a value that cannot be, or a lever that is none.
        """
        if lever == "retention":
            return self.with_retention(self.retention * factor)
        if lever == "retention_point":
            return self.with_retention(self.retention + factor * POINT)
        if lever == "acquisition_cost":
            if self.winning is None:
                raise NotDefined("Without customers yet to be won, their cost changes nothing.")
            cost = self.winning.acquisition_cost * factor
            return self._with(winning=dataclasses.replace(self.winning, acquisition_cost=cost))
        names = {"margin": ("margin",), "discount_rate": ("discount_rate",), "cost_to_serve": COSTS}
        if lever not in names:
            raise WrongParameter("lever", lever, "one of " + ", ".join(LEVERS))
        scaled = {name: getattr(self.economics, name) * factor for name in names[lever]}
        return self._with(economics=dataclasses.replace(self.economics, **scaled))

    def _with(self, **changes: object) -> Scenario:
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


def annual_retention(base: FittedBase, pace: float = 1.0) -> float:
    """Share of those active now who are expected to be active in a year, at a pace of leaving."""
    model, history = base.purchases.model, base.history
    alive = model.p_alive(**history)
    stays = model.survival_if_alive(pace * base.year, **history)
    return float(alive @ stays / alive.sum())


def pace_for(base: FittedBase, target: float) -> float:
    """The pace of leaving at which annual retention is `target`; NotDefined where none is."""
    slow, fast = (annual_retention(base, pace) for pace in PACES)
    if not fast < target < slow:
        raise NotDefined(
            f"No pace of leaving gives an annual retention of {target:.4f}: between hardly ever "
            f"and {PACES[1]:g} times as fast as now it is {fast:.4f} to {slow:.4f}."
        )
    low, high = np.log(PACES)

    def gap(log_pace: float) -> float:
        return annual_retention(base, float(np.exp(log_pace))) - target

    return float(np.exp(brentq(gap, low, high, xtol=1e-13)))


def levers_of(scenario: Scenario) -> tuple[str, ...]:
    """The levers that there is something to turn at."""
    has = {
        "cost_to_serve": scenario.economics.costs_anything,
        "acquisition_cost": scenario.winning is not None,
        "discount_rate": scenario.economics.discount_rate != 0,
    }
    return tuple(lever for lever in LEVERS if has.get(lever, True))


def tornado(scenario: Scenario, changes: tuple[float, ...] = CHANGES) -> pd.DataFrame:
    """Equity with each lever changed by each share, and with one more point of retention.

    Columns: lever, change (share; points of retention, 0.01, for 'retention_point'), equity,
    difference, share (of equity now). Missing where the change cannot be, such as a retention
    above 1. Sorted by the widest swing of a lever.
    """
    now = scenario.equity
    rows = [
        (lever, change, _equity_at(scenario, lever, 1 + change))
        for lever in levers_of(scenario)
        for change in changes
    ]
    rows.append(("retention_point", POINT, _equity_at(scenario, "retention_point", 1)))
    table = pd.DataFrame(rows, columns=["lever", "change", "equity"])
    table["difference"] = table["equity"] - now
    table["share"] = table["difference"] / now if now else np.nan
    widest = table["difference"].abs().groupby(table["lever"]).max()
    order = table["lever"].map(widest).fillna(0.0)
    return table.iloc[np.argsort(-order.to_numpy(), kind="stable")].reset_index(drop=True)


def _equity_at(scenario: Scenario, lever: str, factor: float) -> float:
    """Equity with a lever changed; missing where that cannot be."""
    try:
        return scenario.changed(lever, factor).equity
    except (NotDefined, WrongParameter):
        return float("nan")


def elasticities(scenario: Scenario, improvement: float = 0.01) -> pd.Series:
    """Relative effect on value of 1 % better retention, margin, costs and discount rate.

    In the form of Gupta, Lehmann & Stuart 2004, table 5: better means higher retention and margin,
    lower costs and discount rate. That of margin is the improvement and those of all costs.
    0.01 is an effect of 1 %. Indexed by lever; missing where the value is 0 or less.
    """
    now = scenario.equity
    if not now > 0:
        return pd.Series(np.nan, index=levers_of(scenario), name="effect")
    better = {"retention": 1 + improvement, "margin": 1 + improvement}
    found = {
        lever: _equity_at(scenario, lever, better.get(lever, 1 - improvement))
        for lever in levers_of(scenario)
    }
    return pd.Series(found, name="effect") / now - 1


def with_new_customers(
    scenario: Scenario, acquisition_cost: float, observation_end: str
) -> tuple[Scenario, pd.Timestamp]:
    """The same, and in the coming year as many new customers as in the last, at a cost of each.

    The last year is that to `observation_end`; where nobody was won in it, as many as in the whole
    history. Also the first day from which they are counted.
    """
    first, end = scenario.base.summary["first_date"], pd.Timestamp(observation_end)
    lately = end - pd.DateOffset(years=1) + pd.Timedelta(days=1)
    since = max(first.min(), lately) if (first >= lately).any() else first.min()
    winning = Winning(float((first >= since).sum()), 1.0, acquisition_cost)
    return dataclasses.replace(scenario, winning=winning), since


def what_must_be(scenario: Scenario, target: float) -> pd.DataFrame:
    """What one would have to believe for the equity to be `target`: each lever alone.

    Columns: lever (those of `levers_of`, and purchases: occasions as many times as expected, at
    unchanged active time), now, needed, possible. `now` and `needed` are an annual retention, an
    annual discount rate, the mean margin (of all that was spent), the acquisition cost, and for
    cost_to_serve and purchases multiples of what they are; missing where no value of the lever
    will do.
    """
    rows = [(lever, *needed(scenario, lever, target)) for lever in levers_of(scenario)]
    rows.append(("purchases", 1.0, _purchases_needed(scenario, target)))
    table = pd.DataFrame(rows, columns=["lever", "now", "needed"])
    return table.assign(possible=table["needed"].notna())


def needed(scenario: Scenario, lever: str, target: float) -> tuple[float, float]:
    """A lever as it is, and as it alone would have to be for the equity to be `target`.

    In the units of `what_must_be`; missing where no value of the lever will do.
    """
    given, winning = scenario.economics, scenario.winning
    if lever == "retention":
        return scenario.retention, _retention_needed(scenario, target)
    if lever == "discount_rate":
        return given.discount_rate, _rate_needed(scenario, target)
    # The others enter linearly: two equities tell the factor.
    now, half = scenario.equity, scenario.changed(lever, 0.5).equity
    slope = 2 * (now - half)
    factor = 1 + (target - now) / slope if slope else float("nan")
    index = scenario.base.summary.index
    if lever == "margin":
        spent = scenario.base.summary["total_value"].to_numpy()
        mean = float(np.average(given.of("margin", index), weights=spent))
        return mean, mean * factor if 0 < mean * factor <= 1 else float("nan")
    if lever == "acquisition_cost" and winning is not None:
        return winning.acquisition_cost, _from_zero(winning.acquisition_cost * factor)
    return 1.0, _from_zero(factor)


def _from_zero(value: float) -> float:
    return value if value >= 0 else float("nan")


def _retention_needed(scenario: Scenario, target: float) -> float:
    def gap(log_pace: float) -> float:
        return dataclasses.replace(scenario, pace=float(np.exp(log_pace))).equity - target

    found = _root(gap, *np.log(PACES))
    return found if np.isnan(found) else annual_retention(scenario.base, float(np.exp(found)))


def _rate_needed(scenario: Scenario, target: float) -> float:
    lowest = 1e-6 if np.isinf(scenario.economics.horizon_years) else 0.0

    def gap(rate: float) -> float:
        given = dataclasses.replace(scenario.economics, discount_rate=rate)
        return dataclasses.replace(scenario, economics=given).equity - target

    return _root(gap, lowest, HIGHEST_RATE)


def _root(gap: Callable[[float], float], low: float, high: float) -> float:
    if np.sign(gap(low)) == np.sign(gap(high)):
        return float("nan")
    return float(brentq(gap, low, high, xtol=1e-10))


def _purchases_needed(scenario: Scenario, target: float) -> float:
    """Factor on occasions, active time and newcomers as they are."""
    no_upkeep = dataclasses.replace(scenario.economics, cost_per_year=0.0, retention_per_year=0.0)
    gain = dataclasses.replace(scenario, economics=no_upkeep).of_base
    upkeep = gain - scenario.of_base
    factor = (target - scenario.of_newcomers + upkeep) / gain if gain > 0 else float("nan")
    return _from_zero(factor)
