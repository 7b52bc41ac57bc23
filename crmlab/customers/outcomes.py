"""What all customers together will really bring: a realised value, and the interval of the total.

A realised value is the discounted margin of drawn purchases, less what serving them and staying
active cost.
"""

from __future__ import annotations

import dataclasses
from statistics import NormalDist
from typing import Any

import numpy as np

from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import (
    Futures,
    discounted_span,
    futures,
    spend_of,
)
from crmlab.customers.intervals import (
    Interval,
    drawn_interval,
    interval,
    is_clear,
    parameter_sd,
)
from crmlab.customers.value import (
    Ahead,
    net_values,
    worth,
)
from crmlab.models.base import Fit
from crmlab.models.special import Array, Counts, unique_rows

COARSE_NODES = 6
"""Of the time rule, for slopes and drawn models: totals are good to 1e-5."""

CHANCE_ROWS, FEWEST_ROUNDS = 60_000, 8
TOTALS = 4000  # outcomes of a total, from so many draws of the parameters:
DRAWN = 200
PRUDENT = 0.25  # spread of a total, as a share of it, below which its logarithm is taken as normal


def realise(
    base: FittedBase, economics: Economics, purchases: Any, spend: Any, rng: np.random.Generator
) -> Array:
    """One realised value of each customer, under these models."""
    unit = base.unit
    drawn = futures(purchases, economics.horizon(unit), **base.history, seed=rng)
    each = spend_of(spend, drawn, rng, **base.spending)
    return realised_value(base, economics, drawn, each)


def realised_value(base: FittedBase, economics: Economics, drawn: Futures, each: Array) -> Array:
    """Discounted margin of drawn purchases less their costs and those of the active time."""
    index, rate = base.summary.index, economics.rate(base.unit)
    who = drawn.customer
    margin, cost = (economics.of(name, index)[who] for name in ("margin", "cost_per_occasion"))
    left = np.exp(-rate * drawn.time) * (margin * each - cost)
    brought: Array = np.bincount(who, weights=left, minlength=len(index)).astype(float)
    upkeep = economics.of("cost_per_year", index) + economics.retention_per_year
    return brought - upkeep / base.year * discounted_span(rate, drawn.active)


def equity_interval(
    base: FittedBase, economics: Economics, *, level: float = 0.95, seed: int
) -> Interval:
    """Prediction interval of the discounted net value that all customers bring to the horizon.

    As crmlab.customers.intervals: normal where parameters are well determined, otherwise from
    drawn parameters of both models; chance comes from simulated futures. Limits are on the log
    scale, or above 0, where nothing can be lost.
    """
    mean = float(net_values(base, economics).sum())
    chance, total = _chance_sd(base, economics, seed), _Total.of(base, economics)
    purchases, spend = base.purchases, base.spend
    found = total.ahead(purchases.model)
    if is_clear(purchases) and is_clear(spend):
        by_purchases = parameter_sd(purchases, lambda m: total.value(total.ahead(m), spend.model))
        by_spend = parameter_sd(spend, lambda m: total.value(found, m))
        spread = float(np.hypot(by_purchases, by_spend))
        make = _normal if economics.may_lose else interval
        return make(mean, spread, chance, level)
    pairs = drawn_models(base, DRAWN, seed)
    drawn = np.array([total.value(total.ahead(bought), spent) for bought, spent in pairs])
    drawn += mean - total.value(found, spend.model)  # what the quick rule for time leaves out
    totals, rng = np.repeat(drawn, TOTALS // len(drawn)), np.random.default_rng([seed, 1])
    if not economics.may_lose:
        return drawn_interval(mean, np.maximum(totals, 0.0), chance, level, rng)
    realised = totals + chance * rng.standard_normal(len(totals))
    lower, upper = np.quantile(realised, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(lower), float(upper), float(totals.std()), chance)


def _normal(mean: float, parameters: float, chance: float, level: float) -> Interval:
    spread = float(np.hypot(parameters, chance))
    if spread < PRUDENT * mean:
        return interval(mean, parameters, chance, level)
    half = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Interval(mean, mean - half, mean + half, parameters, chance)


@dataclasses.dataclass(frozen=True)
class _Total:
    """The expected value of a base under other models, by a rule for time that is good for slopes.

    Histories that are alike are looked at once: `row` is that of each customer, `cost` (of an
    occasion) and `upkeep` (of active time) are sums over the customers of a row.
    """

    base: FittedBase
    economics: Economics
    history: dict[str, Array]
    row: Counts
    margin: Array
    cost: Array
    upkeep: Array

    @classmethod
    def of(cls, base: FittedBase, economics: Economics) -> _Total:
        each, names = worth(base, economics), ("frequency", "recency", "T")
        columns, row, _ = unique_rows(*(base.history[name] for name in names))
        cost, upkeep = (
            np.bincount(row, weights=column).astype(float) for column in (each.cost, each.upkeep)
        )
        margin = economics.of("margin", base.summary.index)
        history = dict(zip(names, columns, strict=True))
        return cls(base, economics, history, row, margin, cost, upkeep)

    def ahead(self, model: Any) -> Ahead:
        """Discounted occasions and active time of each row."""
        asked = self.economics.rate(self.base.unit), self.economics.horizon(self.base.unit)
        occasions = model.det(*asked, **self.history, nodes=COARSE_NODES)
        if not self.economics.costs_time:
            return Ahead(occasions, np.zeros(len(occasions)))
        return Ahead(occasions, model.discounted_life(*asked, **self.history, nodes=COARSE_NODES))

    def value(self, found: Ahead, spend: Any) -> float:
        """Margin of these occasions, less what they and the active time cost, of all customers."""
        each = self.margin * spend.expected_spend(**self.base.spending)
        left = np.bincount(self.row, weights=each) - self.cost
        return float(left @ found.occasions - self.upkeep @ found.active)


def drawn_models(base: FittedBase, n: int, seed: int) -> list[tuple[Any, Any]]:
    """At most `n` pairs of a purchase and a spend model, drawn from what the data leave open.

    Spend models without a mean are left out, as there is no value then; the estimates stand in
    where no pair is left.
    """
    bought, spent = (
        models_at_draws(fit, n, seed + i) for i, fit in enumerate((base.purchases, base.spend))
    )
    pairs = [pair for pair in zip(bought, spent, strict=True) if pair[1].q > 1]
    return pairs or [(base.purchases.model, base.spend.model)]


def models_at_draws(fit: Fit[Any], n: int, seed: int) -> list[Any]:
    """Models at parameters drawn from what the data leave open."""
    names = list(fit.summary().index)
    rows = fit.draws(n, seed=seed).parameters.tolist()
    return [dataclasses.replace(fit.model, **dict(zip(names, row, strict=True))) for row in rows]


def _chance_sd(base: FittedBase, economics: Economics, seed: int) -> float:
    """Standard deviation of the realised total at fixed parameters, from simulated futures."""
    rng, n = np.random.default_rng([seed, 7]), len(base.summary)
    at_once = int(np.clip(CHANCE_ROWS // n, 1, 1000))
    many = dataclasses.replace(base, summary=base.summary.iloc[np.tile(np.arange(n), at_once)])
    models = base.purchases.model, base.spend.model
    rounds = [
        realise(many, economics, *models, rng).reshape(at_once, n)
        for _ in range(-(-FEWEST_ROUNDS // at_once))
    ]
    return float(np.sqrt(np.concatenate(rounds).var(axis=0, ddof=1).sum()))
