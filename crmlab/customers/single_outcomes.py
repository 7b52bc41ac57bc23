"""Prediction intervals of what single customers will really bring, and how likely a loss is.

Every draw of the parameters gives every kind of history some futures; each future is a realised
value: discounted margin of its purchases, less what serving them and staying active cost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.economics import BY_CUSTOMER, Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures_if_active
from crmlab.customers.intervals import is_clear
from crmlab.customers.outcomes import drawn_models
from crmlab.customers.value import needs_recency
from crmlab.models.base import Fit
from crmlab.models.estimates import estimates
from crmlab.models.special import Array, Counts, unique_rows

BLOCK = 1000  # customers at a time
DRAWS, FEWEST = 400, 100  # futures of a kind of history: of 400, ten lie beyond either limit
MOST = 4_000_000  # futures in all, where that leaves the fewest
WALKED = 50_000  # at a time: memory that was used before is quicker than new
PARAMETER_DRAWS = 40  # each serves for some of the futures
KNOWN = 0.1
"""Standard errors, as shares of the parameters, below which they add next to nothing to what chance
does to a single customer: a hundredth of the mean squared, where chance has about all of it."""

ROUNDING, TINY = 1e-12, 1e-300


class Drawn(NamedTuple):
    """Drawn futures of active customers, kinds of history x draws, discounted.

    `spent` is in units of each customer's own level of spend (v + x z); `occasions` are counted,
    `active` is time.
    """

    spent: Array
    occasions: Array
    active: Array


def outcomes(
    base: FittedBase, economics: Economics, *, level: float = 0.95, draws: int | None = None,
    seed: int,
) -> pd.DataFrame:  # fmt: skip
    """Prediction limits of each customer's realised value to the horizon, and P(it is below 0).

    They hold chance in staying, timing and spend, and parameters unless these are known to a tenth
    (KNOWN). Columns lower and upper (money) and p_negative; the same base and seed give the same
    table.
    What an active customer does next depends on frequency and T alone (where purchases have a
    memory, on recency too), and the spend of two customers with as many occasions differs by a
    factor. So futures are drawn once for each kind of history, and each customer's distribution
    is made of them: nothing, with the probability of having left, or one of these futures. There
    are 400 of each kind (`draws`), fewer, but 100, where there are very many kinds.
    """
    kinds, kind, _ = unique_rows(*_what_matters(base))
    draws = draws or int(np.clip(MOST // len(kinds[0]), FEWEST, DRAWS))
    models = _models(base, min(draws, PARAMETER_DRAWS), seed)
    rounds = -(-draws // len(models))
    drawn = _drawn_ahead(models, kinds, rounds, economics, base.unit, np.random.default_rng(seed))
    alive = np.array([model.p_alive(**base.history) for model, _ in models])
    scale = np.repeat([spend.v for _, spend in models], rounds)
    spending = base.spending["frequency"] * np.nan_to_num(base.spending["monetary_value"])
    index = base.summary.index
    margin, cost, yearly = (economics.of(name, index) for name in BY_CUSTOMER)
    if len(models) == 1 and not economics.costs_anything:
        found = _of_a_kind(drawn.spent, kind, margin * (spending + scale[0]), alive[0], level)
    else:
        upkeep = (yearly + economics.retention_per_year) / base.year
        parts = []
        for first in range(0, len(index), BLOCK):
            some = slice(first, first + BLOCK)
            spent, occasions, active = (column[kind[some]] for column in drawn)
            value = margin[some, None] * (spending[some, None] + scale) * spent
            value -= cost[some, None] * occasions + upkeep[some, None] * active
            parts.append(_of_their_own(value, alive[:, some], level))
        found = np.concatenate(parts, axis=1)
    return pd.DataFrame(found.T, index=index, columns=["lower", "upper", "p_negative"])


def _what_matters(base: FittedBase) -> tuple[Array, ...]:
    """What the future of an active customer depends on, but for the level of spend."""
    x, t_x, T = base.history.values()
    last = t_x if needs_recency(base.purchases.model) else np.zeros(len(x))
    return x, last, T, base.spending["frequency"]


def _drawn_ahead(
    models: list[tuple[Any, Any]], kinds: Any, rounds: int, economics: Economics, unit: str,
    rng: np.random.Generator,
) -> Drawn:  # fmt: skip
    """Futures of each kind of history, `rounds` under each of the models; kinds x draws."""
    size = max(1, WALKED // rounds)
    blocks = [
        _block_ahead(models, [c[i : i + size] for c in kinds], rounds, economics, unit, rng)
        for i in range(0, len(kinds[0]), size)
    ]
    return Drawn(*(np.concatenate(columns) for columns in zip(*blocks, strict=True)))


def _block_ahead(
    models: list[tuple[Any, Any]], kinds: list[Array], rounds: int, economics: Economics,
    unit: str, rng: np.random.Generator,
) -> tuple[Array, ...]:  # fmt: skip
    n, rate = len(kinds[0]), economics.rate(unit)
    x, t_x, T, paid = (np.tile(column, rounds) for column in kinds)
    parts = []
    for purchases, spend in models:
        drawn = futures_if_active(
            purchases, economics.horizon(unit), frequency=x, recency=t_x, T=T, seed=rng
        )
        worth_now = np.exp(-rate * drawn.time)
        level = 1 / rng.gamma(spend.q + spend.p * paid)
        each = rng.gamma(spend.p, size=len(drawn.time)) * level[drawn.customer]
        sums = (
            np.bincount(drawn.customer, weights=worth_now * each, minlength=n * rounds),
            np.bincount(drawn.customer, weights=worth_now, minlength=n * rounds),
            discounted_span(rate, drawn.active),
        )
        parts.append([column.reshape(rounds, n).T for column in sums])
    return tuple(np.concatenate(columns, axis=1) for columns in zip(*parts, strict=True))


def _of_a_kind(spent: Array, kind: Counts, factor: Array, alive: Array, level: float) -> Array:
    """Lower, upper and P(below 0) where customers of a kind differ by a factor.

    So the futures of a kind are put in order once, not for each customer.
    """
    ordered, draws = np.sort(spent, axis=1), spent.shape[1]
    turned = factor < 0
    below = np.where(turned, alive * (spent > 0).mean(axis=1)[kind], 0.0)

    def at(wanted: Array) -> Array:
        place = _place(wanted, alive, draws)
        found: Array = factor * ordered[kind, np.where(turned, draws - 1 - place, place)]
        return found

    return _limits(at, below, 1 - alive, level)


def _of_their_own(value: Array, alive: Array, level: float) -> Array:
    """The same of drawn values, customers x draws, of which each model has as many.

    `alive`, models x customers: who has left under one of the models says nothing under it of a
    future.
    """
    n, draws = value.shape
    rows = np.arange(n)
    if len(alive) == 1:
        value.sort(axis=1)
        below = alive[0] * (value < 0).mean(axis=1)
        return _limits(
            lambda wanted: value[rows, _place(wanted, alive[0], draws)], below, 1 - alive[0], level
        )
    weight = np.repeat(alive.T / draws, draws // len(alive), axis=1)
    order = np.argsort(value, axis=1)
    ordered, weight = (np.take_along_axis(a, order, axis=1) for a in (value, weight))
    reached = np.cumsum(weight, axis=1)

    def at(wanted: Array) -> Array:
        place = np.minimum((reached < wanted[:, None]).sum(axis=1), draws - 1)
        found: Array = ordered[rows, place]
        return found

    below = np.where(ordered < 0, weight, 0.0).sum(axis=1)
    return _limits(at, below, 1 - reached[:, -1], level)


def _place(wanted: Array, alive: Array, draws: int) -> Counts:
    """Which of so many ordered values, alive / draws each, first brings their sum to `wanted`."""
    place = np.ceil(wanted * draws / np.maximum(alive, TINY)) - 1
    out: Counts = np.clip(place, 0, draws - 1).astype(np.int64)
    return out


def _limits(at: Callable[[Array], Array], below: Array, nothing: Array, level: float) -> Array:
    """Lower, upper and P(below 0) of a mixture of drawn values and of nothing.

    `at` gives the least value that so much of the weight of drawn values does not exceed, `below`
    is the weight of those below 0.
    """

    def quantile(q: float) -> Array:
        beyond = q > below + nothing
        found = at(np.where(beyond, q - nothing, q) - ROUNDING)
        return np.where(beyond | (q <= below), found, 0.0)

    tail = (1 - level) / 2
    return np.array([quantile(tail), quantile(1 - tail), below])


def _models(base: FittedBase, n: int, seed: int) -> list[tuple[Any, Any]]:
    """Pairs of a purchase and a spend model: the estimates, where hardly anything is open."""
    if _is_known(base.purchases) and _is_known(base.spend):
        return [(base.purchases.model, base.spend.model)]
    return drawn_models(base, n, seed)


def _is_known(fit: Fit[Any]) -> bool:
    errors = np.sqrt(np.diag(fit.covariance))[estimates(fit.model).positive]
    return is_clear(fit) and bool((errors < KNOWN).all())
