"""Predictions with limits that hold the outcome's own noise, not only the parameters'.

Every draw of the parameters simulates every customer's future once; limits are quantiles over the
draws. For bases too large for that, a total is taken as normal given the parameters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crmlab.models.base import slope_steps
from crmlab.models.covariates import Covariates, covariates_of
from crmlab.models.estimates import at_coordinates, coordinates, with_parameters
from crmlab.models.histories import histories
from crmlab.models.special import Array, Counts, unique_rows

if TYPE_CHECKING:
    import pandas as pd

DRAWS = 400
ROUNDS_A_DRAW = 5  # futures of a single customer for each draw of the parameters
SIMULATED_CUSTOMERS = 20_000
BLOCK = 50_000


class Asked(NamedTuple):
    """Histories of the customers asked for, and their covariates where the model has any."""

    frequency: Counts
    recency: Array
    T: Array
    covariates: Covariates | None

    @property
    def history(self) -> dict[str, Any]:
        """The histories by name, as models take them."""
        return {"frequency": self.frequency, "recency": self.recency, "T": self.T}

    def model(self, model: Any) -> Any:
        """The model of these customers."""
        return model if self.covariates is None else model.of(self.covariates)

    def take(self, rows: Any) -> Asked:
        """Some of them; rows may come more than once."""
        known = None if self.covariates is None else self.covariates.take(rows)
        return Asked(self.frequency[rows], self.recency[rows], self.T[rows], known)

    def distinct(self) -> tuple[Asked, Counts]:
        """The distinct rows, and the row that each customer belongs to."""
        columns = [self.frequency, self.recency, self.T]
        if self.covariates is not None:
            columns += [*self.covariates.purchase.matrix.T, *self.covariates.dropout.matrix.T]
        rows, inverse, _ = unique_rows(*columns)
        first = np.empty(len(rows[0]), dtype=np.int64)
        first[inverse] = np.arange(len(inverse))
        return self.take(first), inverse


def predict(
    fit: Any, t: float, customers: Any, covariates: Covariates | None, level: float, seed: int
) -> pd.DataFrame:
    """Mean, lower and upper of each customer's purchases in (T, T + t]; index as asked.

    Limits are quantiles, so for whole purchases they hold at least `level` of the outcomes.
    """
    import pandas as pd

    _check(t, level)
    every, _ = _asked(fit, customers, covariates)
    some, inverse = every.distinct()
    drawn = fit.draws(DRAWS // ROUNDS_A_DRAW * 2, seed=seed).parameters
    lower, upper = np.empty(len(some.T)), np.empty(len(some.T))
    rng = np.random.default_rng([seed, 1])
    for i in range(0, len(some.T), BLOCK):
        rows = slice(i, i + BLOCK)
        lower[rows], upper[rows] = _limits(_futures(fit, drawn, t, some.take(rows), rng), level)
    mean = some.model(fit.model).expected_purchases(t, **some.history)
    columns = {"mean": mean[inverse], "lower": lower[inverse], "upper": upper[inverse]}
    return pd.DataFrame(columns, index=getattr(customers, "index", None))


def _asked(fit: Any, customers: Any, covariates: Covariates | None) -> tuple[Asked, Counts]:
    """The rows of a table, and the number of customers that each stands for."""
    x, t_x, T, count = histories(customers)
    known = covariates_of(fit.model, customers, covariates)
    return Asked(x, t_x, T, known), count


def _futures(fit: Any, drawn: Array, t: float, asked: Asked, rng: np.random.Generator) -> Array:
    """Simulated purchases: (draws x rounds) rows, one column a history."""
    n = len(asked.T)
    tiled = asked.take(np.tile(np.arange(n), ROUNDS_A_DRAW))
    rows = []
    for values in drawn:
        model = tiled.model(with_parameters(fit.model, values))
        future = model.simulate_future(t, **tiled.history, seed=rng)
        bought = np.bincount(future.customer, minlength=n * ROUNDS_A_DRAW)
        rows.append(bought.reshape(ROUNDS_A_DRAW, n))
    return np.concatenate(rows).astype(float)


def _limits(outcomes: Array, level: float) -> tuple[Array, Array]:
    """Lower and upper quantile over the rows, rounded outwards to outcomes that occurred."""
    tail = (1 - level) / 2
    lower = np.quantile(outcomes, tail, axis=0, method="lower")
    return lower, np.quantile(outcomes, 1 - tail, axis=0, method="higher")


def predict_total(
    fit: Any, t: float, customers: Any, covariates: Covariates | None, level: float, seed: int,
    by: str | None,
) -> pd.DataFrame:  # fmt: skip
    """Mean, lower and upper of the purchases of all customers, or of each group of `by`."""
    import pandas as pd

    _check(t, level)
    asked, count = _asked(fit, customers, covariates)
    names, group = _groups(customers, by, len(count))
    each = asked.model(fit.model).expected_purchases(t, **asked.history) * count
    mean: Array = np.bincount(group, weights=each, minlength=len(names)).astype(float)
    drawn = fit.draws(DRAWS, seed=seed).parameters
    rng = np.random.default_rng([seed, 2])
    if count.sum() <= SIMULATED_CUSTOMERS:
        rows = np.repeat(np.arange(len(count)), count)
        outcomes = _totals(fit, drawn, t, asked.take(rows), group[rows], rng)
    else:
        outcomes = _normal_totals(fit, drawn, t, asked, count, group, mean, rng)
    lower, upper = _limits(outcomes, level)
    index = pd.Index(names, name=by) if by else pd.Index(["total"])
    return pd.DataFrame({"mean": mean, "lower": lower, "upper": upper}, index=index)


def _groups(customers: Any, by: str | None, n: int) -> tuple[Any, Counts]:
    if by is None:
        return ["total"], np.zeros(n, dtype=np.int64)
    return np.unique(np.asarray(customers[by]), return_inverse=True)


def _totals(
    fit: Any, drawn: Array, t: float, asked: Asked, group: Counts, rng: np.random.Generator
) -> Array:
    """Simulated totals: one row a draw, one column a group."""
    size = int(group.max()) + 1
    rows = []
    for values in drawn:
        model = asked.model(with_parameters(fit.model, values))
        future = model.simulate_future(t, **asked.history, seed=rng)
        rows.append(np.bincount(group[future.customer], minlength=size))
    return np.array(rows, dtype=float)


def _normal_totals(
    fit: Any, drawn: Array, t: float, asked: Asked, count: Counts, group: Counts, mean: Array,
    rng: np.random.Generator,
) -> Array:  # fmt: skip
    """Totals of a large base: expectations linear in the coordinates, plus normal chance."""
    some, inverse = asked.distinct()
    theta, steps = coordinates(fit.model), slope_steps(fit)
    away = np.array([coordinates(with_parameters(fit.model, v)) for v in drawn]) - theta
    shift = np.zeros((len(drawn), len(mean)))
    for i in np.flatnonzero(steps):
        step = np.zeros(len(theta))
        step[i] = steps[i]
        up, down = (
            some.model(at_coordinates(fit.model, place)).expected_purchases(t, **some.history)
            for place in (theta + step, theta - step)
        )
        slope = ((up - down) / (2 * steps[i]))[inverse] * count
        shift += np.outer(away[:, i], np.bincount(group, weights=slope, minlength=len(mean)))
    variance = _variance(some.model(fit.model), t, some.history, rng)[inverse] * count
    sd = np.sqrt(np.bincount(group, weights=variance, minlength=len(mean)))
    out: Array = np.maximum(mean + shift + sd * rng.standard_normal(shift.shape), 0)
    return out


def _variance(model: Any, t: float, history: dict[str, Array], rng: np.random.Generator) -> Array:
    """Variance of the purchases of each history at the estimate, from simulated futures."""
    rounds = 40
    n = len(history["T"])
    first, second = np.zeros(n), np.zeros(n)
    for _ in range(rounds):
        future = model.simulate_future(t, **history, seed=rng)
        bought = np.bincount(future.customer, minlength=n)
        first, second = first + bought, second + bought**2
    return (second - first**2 / rounds) / (rounds - 1)


def _check(t: float, level: float) -> None:
    if not t > 0 or not 0 < level < 1:
        raise ValueError(f"expected a time above 0 and a level between 0 and 1, not {t}, {level}")
