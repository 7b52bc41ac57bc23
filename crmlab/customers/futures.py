"""What customers might really do: drawn purchases, when each leaves, and what that is worth."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.simulation import SLOWEST, Customers
from crmlab.models.special import Array, Counts


class Futures(NamedTuple):
    """Drawn purchases (whose, and when, counted from T) and how long each customer stays active.

    `active` has one value a history asked for: 0 for who has already left, the horizon for who
    stays throughout.
    """

    customer: Counts
    time: Array
    active: Array


def futures(
    model: Any, horizon: ArrayLike, *, frequency: Array, recency: Array, T: Array, seed: Any
) -> Futures:
    """One draw of each customer's purchases and leaving in (T, T + horizon].

    The same process as the model's `simulate_future`, which does not tell when somebody leaves.
    Histories of nothing but zeros are new customers on the day of their first occasion.
    """
    rng = np.random.default_rng(seed)
    stays = model.p_alive(frequency=frequency, recency=recency, T=T)
    alive = np.flatnonzero(rng.random(len(T)) < stays)
    return _futures_of(alive, model, horizon, (frequency, recency, T), rng)


def futures_if_active(
    model: Any, horizon: ArrayLike, *, frequency: Array, recency: Array, T: Array, seed: Any
) -> Futures:
    """The same of customers who are known to be active at T."""
    rng = np.random.default_rng(seed)
    return _futures_of(np.arange(len(T)), model, horizon, (frequency, recency, T), rng)


def _futures_of(
    who: Counts, model: Any, horizon: ArrayLike, history: tuple[Array, Array, Array],
    rng: np.random.Generator,
) -> Futures:  # fmt: skip
    n = len(history[2])
    x, t_x, span = (np.asarray(v)[who] for v in history)
    drawn = model._of(who)._draw(rng, x.astype(np.int64), t_x, span)
    end = np.broadcast_to(np.asarray(horizon, dtype=float), n)[who]
    return _walk(rng, drawn._replace(who=who), end, n)


def _walk(rng: np.random.Generator, customers: Customers, horizon: Array, n: int) -> Futures:
    """Purchase by purchase, until the horizon, death, or a coin that says leave."""
    who, coin = customers.who, customers.coin
    rate = np.maximum(customers.rate, SLOWEST)
    end = np.minimum(customers.death, horizon)
    first = np.broadcast_to(customers.shape - np.asarray(customers.done), end.shape)
    active = np.zeros(n)
    active[who] = end
    clock = rng.standard_gamma(first) / rate
    index, times = [np.zeros(0, np.int64)], [np.zeros(0)]
    while len(who):
        bought = np.flatnonzero(clock <= end)
        who, rate, coin = who[bought], rate[bought], coin[bought]
        clock, end = clock[bought], end[bought]
        index.append(who)
        times.append(clock)
        leaves = rng.random(len(who)) < coin
        active[who[leaves]] = clock[leaves]
        on = np.flatnonzero(~leaves)
        who, rate, coin, end = who[on], rate[on], coin[on], end[on]
        clock = clock[on] + rng.standard_gamma(customers.shape, len(on)) / rate
    return Futures(np.concatenate(index), np.concatenate(times), active)


def spend_of(
    spend: GammaGamma, drawn: Futures, rng: np.random.Generator, *,
    frequency: Array, monetary_value: Array,
) -> Array:  # fmt: skip
    """A drawn spend for each drawn purchase, given what each customer spent so far."""
    return spend.simulate_spend(
        drawn.customer, frequency=frequency, monetary_value=monetary_value, seed=rng
    )


def discounted_span(rate: float, time: ArrayLike) -> Array:
    """What one a unit of time, paid up to `time`, is worth: the integral of exp(-rate u)."""
    t = np.asarray(time, dtype=float)
    out: Array = t.copy() if rate == 0 else -np.expm1(-rate * t) / rate
    return out
