"""Predictions with limits that hold the outcome's own noise, not only the parameters'.

Every draw of the parameters simulates every customer's future once; limits are quantiles over the
draws. For bases too large for that, a total is taken as normal given the parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from crmlab.models.base import histories, parameters, with_parameters
from crmlab.models.special import Array, Counts, unique_rows

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 400
ROUNDS_A_DRAW = 5  # futures of a single customer for each draw of the parameters
SIMULATED_CUSTOMERS = 20_000
BLOCK = 50_000


def predict(fit: Any, t: float, customers: Any, level: float, seed: int) -> pd.DataFrame:
    """Mean, lower and upper of each customer's purchases in (T, T + t]; index as asked.

    Limits are quantiles, so for whole purchases they hold at least `level` of the outcomes.
    """
    import pandas as pd

    _check(t, level)
    asked = histories(customers)
    (x, t_x, T), inverse, _ = unique_rows(asked.frequency, asked.recency, asked.T)
    drawn = fit.draws(DRAWS // ROUNDS_A_DRAW * 2, seed=seed).parameters
    lower, upper = np.empty(len(x)), np.empty(len(x))
    rng = np.random.default_rng([seed, 1])
    for i in range(0, len(x), BLOCK):
        rows = slice(i, i + BLOCK)
        counts = _futures(fit, drawn, t, (x[rows], t_x[rows], T[rows]), rng)
        lower[rows], upper[rows] = _limits(counts, level)
    mean = fit.model.expected_purchases(t, frequency=x, recency=t_x, T=T)
    columns = {"mean": mean[inverse], "lower": lower[inverse], "upper": upper[inverse]}
    return pd.DataFrame(columns, index=getattr(customers, "index", None))


def _futures(
    fit: Any, drawn: Array, t: float, history: tuple[Array, Array, Array], rng: np.random.Generator
) -> Array:
    """Simulated purchases: (draws x rounds) rows, one column a history."""
    names = ("frequency", "recency", "T")
    tiled = {n: np.tile(v, ROUNDS_A_DRAW) for n, v in zip(names, history, strict=True)}
    n = len(history[0])
    rows = []
    for values in drawn:
        future = with_parameters(fit.model, values).simulate_future(t, **tiled, seed=rng)
        bought = np.bincount(future.customer, minlength=n * ROUNDS_A_DRAW)
        rows.append(bought.reshape(ROUNDS_A_DRAW, n))
    return np.concatenate(rows).astype(float)


def _limits(outcomes: Array, level: float) -> tuple[Array, Array]:
    """Lower and upper quantile over the rows, rounded outwards to outcomes that occurred."""
    tail = (1 - level) / 2
    lower = np.quantile(outcomes, tail, axis=0, method="lower")
    return lower, np.quantile(outcomes, 1 - tail, axis=0, method="higher")


def predict_total(
    fit: Any, t: float, customers: Any, level: float, seed: int, by: str | None
) -> pd.DataFrame:
    """Mean, lower and upper of the purchases of all customers, or of each group of `by`."""
    import pandas as pd

    _check(t, level)
    asked = histories(customers)
    names, group = _groups(customers, by, len(asked.frequency))
    history = {"frequency": asked.frequency, "recency": asked.recency, "T": asked.T}
    each = fit.model.expected_purchases(t, **history) * asked.customers
    mean: Array = np.bincount(group, weights=each, minlength=len(names)).astype(float)
    drawn = fit.draws(DRAWS, seed=seed).parameters
    rng = np.random.default_rng([seed, 2])
    if asked.customers.sum() <= SIMULATED_CUSTOMERS:
        whole = {n: np.repeat(v, asked.customers) for n, v in history.items()}
        members = np.repeat(group, asked.customers)
        outcomes = _totals(fit, drawn, t, whole, members, rng)
    else:
        outcomes = _normal_totals(fit, drawn, t, asked, group, mean, rng)
    lower, upper = _limits(outcomes, level)
    index = pd.Index(names, name=by) if by else pd.Index(["total"])
    return pd.DataFrame({"mean": mean, "lower": lower, "upper": upper}, index=index)


def _groups(customers: Any, by: str | None, n: int) -> tuple[Any, Counts]:
    if by is None:
        return ["total"], np.zeros(n, dtype=np.int64)
    return np.unique(np.asarray(customers[by]), return_inverse=True)


def _totals(
    fit: Any, drawn: Array, t: float, history: dict[str, Array], group: Counts,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Simulated totals: one row a draw, one column a group."""
    size = int(group.max()) + 1
    rows = []
    for values in drawn:
        future = with_parameters(fit.model, values).simulate_future(t, **history, seed=rng)
        rows.append(np.bincount(group[future.customer], minlength=size))
    return np.array(rows, dtype=float)


def _normal_totals(
    fit: Any, drawn: Array, t: float, asked: Any, group: Counts, mean: Array,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Totals of a large base: expectations linear in the log-parameters, plus normal chance."""
    (x, t_x, T), inverse, _ = unique_rows(asked.frequency, asked.recency, asked.T)
    history = {"frequency": x, "recency": t_x, "T": T}
    estimate = parameters(fit.model)
    away = np.log(drawn) - np.log(estimate)
    shift = np.zeros((len(drawn), len(mean)))
    for i in range(len(estimate)):
        step = np.ones(len(estimate))
        step[i] = np.exp(1e-4)
        up, down = (
            with_parameters(fit.model, v).expected_purchases(t, **history)
            for v in (estimate * step, estimate / step)
        )
        slope = ((up - down) / 2e-4)[inverse] * asked.customers
        shift += np.outer(away[:, i], np.bincount(group, weights=slope, minlength=len(mean)))
    variance = _variance(fit, t, history, rng)[inverse] * asked.customers
    sd = np.sqrt(np.bincount(group, weights=variance, minlength=len(mean)))
    out: Array = np.maximum(mean + shift + sd * rng.standard_normal(shift.shape), 0)
    return out


def _variance(fit: Any, t: float, history: dict[str, Array], rng: np.random.Generator) -> Array:
    """Variance of the purchases of each history at the estimate, from simulated futures."""
    rounds = 40
    n = len(history["T"])
    first, second = np.zeros(n), np.zeros(n)
    for _ in range(rounds):
        future = fit.model.simulate_future(t, **history, seed=rng)
        bought = np.bincount(future.customer, minlength=n)
        first, second = first + bought, second + bought**2
    return (second - first**2 / rounds) / (rounds - 1)


def _check(t: float, level: float) -> None:
    if not t > 0 or not 0 < level < 1:
        raise ValueError(f"expected a time above 0 and a level between 0 and 1, not {t}, {level}")
