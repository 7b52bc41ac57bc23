"""Intervals for totals: what the parameters leave open, and what chance adds.

Of a large base with well-determined parameters a total is close to normal. Its variance is the sum
of two parts: g' V g, with V the covariance of the log-parameters and g the total's slope in them,
and the customers' own variance (rate, dropout, timing, spend), simulated at the estimate. The
limits are taken on the log scale, so that they stay positive.
Of a small base, or one whose parameters the data leave open, the total is computed at parameters
drawn by bootstrap, chance is added to each, and the limits are quantiles.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from crmlab.models.base import Fit, slope_steps
from crmlab.models.estimates import at_coordinates, coordinates, estimates, with_parameters
from crmlab.models.special import Array, unique_rows

SIMULATED_ROWS = 200_000
CLEAR_CUSTOMERS, CLEAR_ERROR = 5000, 0.5  # where the normal approximation is good enough
DRAWS = 200


class Interval(NamedTuple):
    """A total with its limits, and the standard deviations that parameters and chance give it."""

    mean: float
    lower: float
    upper: float
    from_parameters: float
    from_chance: float


def interval(mean: float, parameter_sd: float, chance_sd: float, level: float = 0.95) -> Interval:
    """Limits of a positive total from the two parts of its standard deviation."""
    spread = np.hypot(parameter_sd, chance_sd) / mean if mean > 0 else 0.0
    factor = float(np.exp(NormalDist().inv_cdf((1 + level) / 2) * spread))
    return Interval(mean, mean / factor, mean * factor, parameter_sd, chance_sd)


def parameter_sd(fit: Fit[Any], total: Callable[[Any], ArrayLike]) -> Array:
    """Standard deviation that the fit's uncertainty gives `total(model)`, by the delta method.

    `total` may be one number or an array. Parameters at a boundary are held.
    """
    theta, steps = coordinates(fit.model), slope_steps(fit)
    free = np.flatnonzero(np.diag(fit.covariance) > 0)
    slopes = []
    for i in free:
        shift = np.zeros_like(theta)
        shift[i] = steps[i]
        up, down = (at_coordinates(fit.model, place) for place in (theta + shift, theta - shift))
        slopes.append((np.asarray(total(up)) - np.asarray(total(down))) / (2 * steps[i]))
    if not slopes:
        return np.zeros_like(np.asarray(total(fit.model), dtype=float))
    variance = np.einsum("i...,ij,j...->...", slopes, fit.covariance[np.ix_(free, free)], slopes)
    sd: Array = np.sqrt(variance)
    return sd


def is_clear(fit: Fit[Any]) -> bool:
    """Whether the normal approximation of a fit's uncertainty can be relied on."""
    errors = np.sqrt(np.diag(fit.covariance))[estimates(fit.model).positive]
    converged = fit.diagnosis.status == "converged"
    return converged and fit.customers >= CLEAR_CUSTOMERS and bool((errors < CLEAR_ERROR).all())


def drawn_interval(
    mean: float, totals: Array, chance_sd: float, level: float, rng: np.random.Generator
) -> Interval:
    """Limits of a positive total from its values at drawn parameters, chance added to each.

    Chance is a sum over independent customers, so its variance grows with the total.
    """
    scale = np.sqrt(totals / mean) if mean > 0 else np.zeros_like(totals)
    outcomes = np.maximum(totals + chance_sd * scale * rng.standard_normal(len(totals)), 0)
    lower, upper = np.quantile(outcomes, [(1 - level) / 2, (1 + level) / 2])
    return Interval(mean, float(lower), float(upper), float(totals.std()), chance_sd)


def active_interval(customers: pd.DataFrame, fit: Fit[Any], level: float, seed: int) -> Interval:
    """Prediction interval of the number of customers who are active: parameters and chance."""
    columns = [customers[c].to_numpy() for c in ("frequency", "recency", "T")]
    (x, t_x, T), _, count = unique_rows(*columns)

    def active(model: Any) -> float:
        return float(count @ model.p_alive(frequency=x, recency=t_x, T=T))

    p = customers["p_alive"]
    mean, chance = float(p.sum()), float(np.sqrt((p * (1 - p)).sum()))
    if is_clear(fit):
        return interval(mean, float(parameter_sd(fit, active)), chance, level)
    rng = np.random.default_rng([seed, 3])
    totals = np.array([active(m) for m in _models(fit, seed)])
    limits = drawn_interval(mean, totals, chance, level, rng)
    return limits._replace(upper=min(limits.upper, float(len(customers))))


def _models(fit: Fit[Any], seed: int) -> list[Any]:
    drawn = fit.draws(DRAWS, seed=seed).parameters
    return [with_parameters(fit.model, values) for values in drawn]


def _sum_sd(realised: Array) -> float:
    """Standard deviation of a sum of independent customers, from rounds x customers draws."""
    return float(np.sqrt(realised.var(axis=0, ddof=1).sum()))


def count_interval(
    summary: pd.DataFrame, fit: Fit[Any], horizon: float, level: float = 0.95, seed: int = 1997
) -> Interval:
    """Prediction interval of the occasions that all customers of a summary have in `horizon`."""
    columns = [summary[c].to_numpy() for c in ("frequency", "recency", "T")]
    (x, t_x, T), _, count = unique_rows(*columns)

    def total(model: Any) -> float:
        return float(count @ model.expected_purchases(horizon, frequency=x, recency=t_x, T=T))

    n = len(summary)
    rounds = int(np.clip(SIMULATED_ROWS // n, 8, 1000))
    history = {c: np.tile(summary[c], rounds) for c in ("frequency", "recency", "T")}
    future = fit.model.simulate_future(horizon, **history, seed=seed)
    realised = np.bincount(future.customer, minlength=n * rounds).astype(float)
    mean, chance = total(fit.model), _sum_sd(realised.reshape(rounds, n))
    if is_clear(fit):
        return interval(mean, float(parameter_sd(fit, total)), chance, level)
    totals = np.array([total(model) for model in _models(fit, seed)])
    return drawn_interval(mean, totals, chance, level, np.random.default_rng([seed, 2]))
