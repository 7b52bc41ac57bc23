"""Prediction intervals of what single customers will really bring, and how likely a loss is.

Every draw of the parameters gives every kind of history some futures; each future is a realised
value: discounted margin of its purchases, less what serving them and staying active cost.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.economics import BY_CUSTOMER, Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures_if_active
from crmlab.customers.intervals import is_clear
from crmlab.customers.outcomes import models_at_draws
from crmlab.customers.value import needs_recency
from crmlab.models.base import Fit
from crmlab.models.estimates import estimates
from crmlab.models.special import Array, unique_rows

BLOCK = 4000  # customers at a time
DRAWS, FEWEST = 400, 100  # futures of a kind of history: of 400, ten lie beyond either limit
MOST = 4_000_000  # futures in all, where that leaves the fewest
WALKED = 600_000  # at a time
PARAMETER_DRAWS = 40  # each serves for some of the futures
KNOWN = 0.1
"""Standard errors, as shares of the parameters, below which they add next to nothing to what chance
does to a single customer: a hundredth of the mean squared, where chance has about all of it."""


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
    models = _drawn_models(base, min(draws, PARAMETER_DRAWS), seed)
    rounds = -(-draws // len(models))
    drawn = _drawn_ahead(models, kinds, rounds, economics, base.unit, np.random.default_rng(seed))
    alive = np.array([model.p_alive(**base.history) for model, _ in models])
    scale = np.repeat([spend.v for _, spend in models], rounds)
    spending = base.spending["frequency"] * np.nan_to_num(base.spending["monetary_value"])
    index, parts = base.summary.index, []
    columns = [economics.of(name, index) for name in BY_CUSTOMER]
    # Where nothing is taken off, customers of a kind differ by a factor: its futures are put in
    # order once, and not for each customer.
    alike = len(models) == 1 and not economics.costs_anything
    if alike:
        drawn.spent.sort(axis=1)
    for first in range(0, len(index), BLOCK):
        some = slice(first, first + BLOCK)
        margin, cost, yearly = (column[some, None] for column in columns)
        spent, occasions, active = (column[kind[some]] for column in drawn)
        value = margin * (spending[some, None] + scale) * spent - cost * occasions
        value -= (yearly + economics.retention_per_year) / base.year * active
        # Who has left under one of the models says nothing under it of a future.
        weight = np.repeat(alive[:, some].T / (rounds * len(models)), rounds, axis=1)
        if alike:
            parts.append(_limits(_turned(value, margin), weight, level))
        else:
            order = np.argsort(value, axis=1)
            ordered, weight = (np.take_along_axis(a, order, axis=1) for a in (value, weight))
            parts.append(_limits(ordered, weight, level))
    table = np.concatenate(parts, axis=1)
    return pd.DataFrame(table.T, index=index, columns=["lower", "upper", "p_negative"])


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


def _turned(ordered: Array, factor: Array) -> Array:
    """Ordered rows times a factor each, in order again: one below 0 has turned them round."""
    turned = factor[:, 0] < 0
    ordered[turned] = ordered[turned, ::-1]
    return ordered


def _limits(ordered: Array, weight: Array, level: float) -> Array:
    """Lower, upper and P(below 0) of values with these weights, and of nothing with the rest."""
    reached = np.cumsum(weight, axis=1)
    below = np.where(ordered < 0, weight, 0.0).sum(axis=1)
    nothing = 1 - reached[:, -1]
    tail = (1 - level) / 2
    lower, upper = (_quantile(ordered, reached, below, nothing, q) for q in (tail, 1 - tail))
    return np.array([lower, upper, below])


def _quantile(ordered: Array, reached: Array, below: Array, nothing: Array, q: float) -> Array:
    """The least value that at least `q` of the mixture does not exceed."""
    beyond = q > below + nothing
    wanted = np.where(beyond, q - nothing, q) - 1e-12
    place = np.minimum((reached < wanted[:, None]).sum(axis=1), ordered.shape[1] - 1)
    found = ordered[np.arange(len(ordered)), place]
    return np.where(beyond | (q <= below), found, 0.0)


def _drawn_models(base: FittedBase, n: int, seed: int) -> list[tuple[Any, Any]]:
    """Pairs of a purchase and a spend model, drawn from what the data leave open.

    One pair, the estimates, where hardly anything is open.
    """
    if _is_known(base.purchases) and _is_known(base.spend):
        return [(base.purchases.model, base.spend.model)]
    bought, spent = (
        models_at_draws(fit, n, seed + i) for i, fit in enumerate((base.purchases, base.spend))
    )
    # Without a mean spend there is no value.
    pairs = [pair for pair in zip(bought, spent, strict=True) if pair[1].q > 1]
    return pairs or [(base.purchases.model, base.spend.model)]


def _is_known(fit: Fit[Any]) -> bool:
    errors = np.sqrt(np.diag(fit.covariance))[estimates(fit.model).positive]
    return is_clear(fit) and bool((errors < KNOWN).all())
