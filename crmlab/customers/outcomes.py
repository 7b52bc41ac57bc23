"""What all customers together will really bring: a realised value, and the interval of the total.

A realised value is the discounted margin of drawn purchases, less what serving them and staying
active cost.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
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
    COARSE_NODES,
    Interval,
    drawn_interval,
    interval,
    is_clear,
    parameter_sd,
)
from crmlab.customers.value import (
    Ahead,
    ahead,
    discounted_life,
    net_values,
    worth,
)
from crmlab.models.base import Fit
from crmlab.models.special import Array

CHANCE_ROWS = 60_000
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
    drawn parameters; chance comes from simulated futures. Limits are on the log scale where the
    value is clearly above 0, as it is without costs.
    """
    mean = float(net_values(base, economics).sum())
    chance = _chance_sd(base, economics, seed)
    by_purchases, by_spend = _totals_by(base, economics)
    sources = ((base.purchases, by_purchases), (base.spend, by_spend))
    if all(is_clear(fit) for fit, _ in sources):
        parts = [float(parameter_sd(fit, total)) for fit, total in sources]
        return _normal(mean, float(np.linalg.norm(parts)), chance, level)
    rng = np.random.default_rng([seed, 1])
    shifts = [_shifts(fit, total, seed, rng) for fit, total in sources]
    totals: Array = mean + np.sum(shifts, axis=0)
    if not economics.may_lose:
        return drawn_interval(mean, np.maximum(totals, 0.0), chance, level, rng)
    realised = totals + chance * rng.standard_normal(len(totals))
    lower, upper = np.quantile(realised, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(lower), float(upper), float(totals.std()), chance)


def _shifts(fit: Any, total: Callable[[Any], float], seed: int, rng: np.random.Generator) -> Array:
    """What the uncertainty of one fit may add to the total, drawn.

    Normal where its parameters are well determined, else at drawn parameters (no spend model
    without a mean).
    """
    if is_clear(fit):
        return float(parameter_sd(fit, total)) * rng.standard_normal(TOTALS)
    found = np.array(
        [total(m) for m in models_at_draws(fit, DRAWN, seed) if getattr(m, "q", 2.0) > 1]
    )
    return rng.choice(found, TOTALS) - total(fit.model) if len(found) else np.zeros(TOTALS)


def _normal(mean: float, parameters: float, chance: float, level: float) -> Interval:
    spread = float(np.hypot(parameters, chance))
    if spread < PRUDENT * mean:
        return interval(mean, parameters, chance, level)
    half = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Interval(mean, mean - half, mean + half, parameters, chance)


def _totals_by(
    base: FittedBase, economics: Economics
) -> tuple[Callable[[Any], float], Callable[[Any], float]]:
    """The total as a function of the purchase model, and of the spend model, the other as it is."""

    def by_purchases(model: Any) -> float:
        return _coarse_total(_at(base, "purchases", model), economics, base.expected_spend)

    found = _found(base, economics)
    worth_of = economics.of("margin", base.summary.index) * found.occasions

    def by_spend(model: Any) -> float:
        return float(worth_of @ model.expected_spend(**base.spending))

    return by_purchases, by_spend


def _found(base: FittedBase, economics: Economics) -> Ahead:
    rate, horizon = economics.rate(base.unit), economics.horizon(base.unit)
    return ahead(base, rate, horizon, active=economics.costs_time)


def _coarse_total(base: FittedBase, economics: Economics, spend: Array) -> float:
    """The total with a quick rule for time: good enough for slopes."""
    rate, horizon, index = (
        economics.rate(base.unit),
        economics.horizon(base.unit),
        base.summary.index,
    )
    det = base.purchases.model.det(rate, horizon, **base.history, nodes=COARSE_NODES)
    left = economics.of("margin", index) * spend - economics.of("cost_per_occasion", index)
    total = float(left @ det)
    if economics.costs_time:
        model = base.purchases.model
        life = discounted_life(model, rate, horizon, **base.history, nodes=COARSE_NODES)
        total -= float(worth(base, economics).upkeep @ life)
    return total


def _at(base: FittedBase, name: str, model: Any) -> FittedBase:
    """The base with another value of one of its models."""
    fit = dataclasses.replace(getattr(base, name), model=model)
    return dataclasses.replace(base, **{name: fit})


def models_at_draws(fit: Fit[Any], n: int, seed: int) -> list[Any]:
    """Models at parameters drawn from what the data leave open."""
    names = list(fit.summary().index)
    rows = fit.draws(n, seed=seed).parameters.tolist()
    return [dataclasses.replace(fit.model, **dict(zip(names, row, strict=True))) for row in rows]


def _chance_sd(base: FittedBase, economics: Economics, seed: int) -> float:
    """Standard deviation of the realised total at fixed parameters, from simulated futures."""
    rng = np.random.default_rng([seed, 7])
    rounds = int(np.clip(CHANCE_ROWS // len(base.summary), 8, 1000))
    realised = np.array(
        [
            realise(base, economics, base.purchases.model, base.spend.model, rng)
            for _ in range(rounds)
        ]
    )
    return float(np.sqrt(realised.var(axis=0, ddof=1).sum()))
