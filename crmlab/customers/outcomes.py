"""Prediction intervals of what customers will really bring, and how likely that is a loss.

Every draw of the parameters gives every customer some futures; each future is a realised value:
discounted margin of its purchases, less what serving them and staying active cost.
"""

from __future__ import annotations

import dataclasses
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import Futures, discounted_span, futures, spend_of
from crmlab.customers.intervals import (
    COARSE_NODES,
    Interval,
    drawn_interval,
    interval,
    is_clear,
    parameter_sd,
)
from crmlab.customers.value import Ahead, ahead, net_values, worth
from crmlab.models.estimates import with_parameters
from crmlab.models.special import Array

BLOCK = 20_000  # customers at a time
DRAWS = 400  # futures of each customer: limits of 95 % rest on ten of them on either side
PARAMETER_DRAWS = 80  # each serves for some of the futures
CHANCE_ROWS = 60_000
PRUDENT = 0.25  # spread of a total, as a share of it, below which its logarithm is taken as normal


class Outcomes(NamedTuple):
    """Realised values: by customer (lower, upper, p_negative), and of all, one total a draw."""

    customers: pd.DataFrame
    totals: Array


def outcomes(
    base: FittedBase, economics: Economics, *, level: float = 0.95, draws: int = DRAWS, seed: int
) -> Outcomes:
    """Prediction limits of each customer's realised value to the horizon, and P(it is below 0).

    They hold parameter uncertainty and chance in staying, timing and spend. The same seed gives
    the same outcomes.
    """
    models = _drawn_models(base, min(draws, PARAMETER_DRAWS), seed)
    tables, totals = [], np.zeros(draws)
    for number, first in enumerate(range(0, len(base.summary), BLOCK)):
        part = base.only(base.summary.index[first : first + BLOCK])
        rng = np.random.default_rng([seed, 11, number])
        realised = np.array(
            [realise(part, economics, *models[i % len(models)], rng) for i in range(draws)]
        )
        totals += realised.sum(axis=1)
        tables.append(_limits(realised, part.summary.index, level))
    return Outcomes(pd.concat(tables), totals)


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
    if is_clear(base.purchases) and is_clear(base.spend):
        parts = _parameter_sds(base, economics)
        return _normal(mean, float(np.hypot(*parts)), chance, level)
    totals = _drawn_totals(base, economics, seed)
    rng = np.random.default_rng([seed, 1])
    if not economics.costs_anything:
        return drawn_interval(mean, totals, chance, level, rng)
    realised = totals + chance * rng.standard_normal(len(totals))
    lower, upper = np.quantile(realised, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(lower), float(upper), float(totals.std()), chance)


def _normal(mean: float, parameters: float, chance: float, level: float) -> Interval:
    spread = float(np.hypot(parameters, chance))
    if spread < PRUDENT * mean:
        return interval(mean, parameters, chance, level)
    half = NormalDist().inv_cdf((1 + level) / 2) * spread
    return Interval(mean, mean - half, mean + half, parameters, chance)


def _parameter_sds(base: FittedBase, economics: Economics) -> tuple[float, float]:
    """What the uncertainty of the purchase model, and of the spend model, gives the total."""

    def by_purchases(model: Any) -> float:
        return _coarse_total(_at(base, "purchases", model), economics, base.expected_spend)

    found = _found(base, economics)
    margin = economics.of("margin", base.summary.index)

    def by_spend(model: Any) -> float:
        return float(np.sum(margin * found.occasions * model.expected_spend(**base.spending)))

    return (
        float(parameter_sd(base.purchases, by_purchases)),
        float(parameter_sd(base.spend, by_spend)),
    )


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
        total -= float(worth(base, economics).upkeep @ _found(base, economics).active)
    return total


def _at(base: FittedBase, name: str, model: Any) -> FittedBase:
    """The base with another value of one of its models."""
    fit = dataclasses.replace(getattr(base, name), model=model)
    return dataclasses.replace(base, **{name: fit})


def _drawn_models(base: FittedBase, n: int, seed: int) -> list[tuple[Any, Any]]:
    """Pairs of a purchase and a spend model, drawn from what the data leave open."""
    pairs = []
    bought, spent = base.purchases.draws(n, seed=seed), base.spend.draws(n, seed=seed + 1)
    for some, other in zip(bought.parameters, spent.parameters, strict=True):
        spend = with_parameters(base.spend.model, other)
        if spend.q > 1:  # without a mean there is no value
            pairs.append((with_parameters(base.purchases.model, some), spend))
    return pairs or [(base.purchases.model, base.spend.model)]


def _drawn_totals(base: FittedBase, economics: Economics, seed: int) -> Array:
    """Equity at drawn parameters."""
    totals = []
    for purchases, spend in _drawn_models(base, 200, seed):
        here = _at(_at(base, "purchases", purchases), "spend", spend)
        totals.append(_coarse_total(here, economics, here.expected_spend))
    return np.array(totals)


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


def _limits(realised: Array, index: pd.Index, level: float) -> pd.DataFrame:
    tail = (1 - level) / 2
    lower, upper = np.quantile(realised, [tail, 1 - tail], axis=0)
    negative = (realised < 0).mean(axis=0)
    return pd.DataFrame({"lower": lower, "upper": upper, "p_negative": negative}, index=index)
