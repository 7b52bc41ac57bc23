"""Purchase histories drawn one purchase at a time, for all customers at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crmlab.models.special import Array, Counts

SLOWEST = 1e-290  # a rate drawn as 0 means never, without a division by 0


class Purchases(NamedTuple):
    """Simulated repeat purchases: whose (index into the customers asked for) and when (time unit).

    Times count from the start of the simulation; within one customer they rise.
    """

    customer: Counts
    time: Array

    def summarize(self, T: Array) -> dict[str, Array]:
        """frequency, recency and T of histories that began at 0 and were watched for `T`."""
        seen = self.time <= T[self.customer]
        who, when = self.customer[seen], self.time[seen]
        recency = np.zeros(len(T))
        np.maximum.at(recency, who, when)
        frequency = np.bincount(who, minlength=len(T)).astype(float)
        return {"frequency": frequency, "recency": recency, "T": np.asarray(T, dtype=float)}

    def log_gaps(self, T: Array) -> Array:
        """Sum of ln(gap) over each customer's gaps between occasions, the first one at 0 included.

        One value a customer, 0 without a repeat purchase: beside `summarize`, what models of
        regular buyers need to tell how regular.
        """
        order = np.lexsort((self.time, self.customer))
        who, when = self.customer[order], self.time[order]
        same = np.append(False, who[1:] == who[:-1]) if len(who) else np.zeros(0, bool)
        gap = when - np.where(same, np.roll(when, 1), 0.0)
        seen = when <= T[who]
        logs = np.log(np.maximum(gap[seen], np.finfo(float).tiny))
        return np.bincount(who[seen], weights=logs, minlength=len(T)).astype(float)


class Customers(NamedTuple):
    """Drawn customers who are alive: who they are, purchase rate, coin, and time of death.

    `coin` is the probability of leaving after a purchase, `death` a time after which there is
    none; `shape` is the number of Poisson events that make a purchase, `done` those of them that
    have already happened.
    """

    who: Counts
    rate: Array
    coin: Array
    death: Array
    shape: int = 1
    done: Counts | int = 0


def walk(rng: np.random.Generator, customers: Customers, horizon: Array | float) -> Purchases:
    """The purchases of `customers` until `horizon`, their death, or a coin that says leave."""
    end = np.minimum(customers.death, horizon)
    first = np.broadcast_to(customers.shape - np.asarray(customers.done), end.shape)
    who, rate, coin = customers.who, customers.rate, customers.coin
    rate = np.maximum(rate, SLOWEST)
    clock = _gap(rng, first) / rate
    index, times = [], []
    while len(who):
        bought = np.flatnonzero(clock <= end)
        index.append(who[bought])
        times.append(clock[bought])
        goes_on = bought[rng.random(len(bought)) >= coin[bought]]
        who, rate, coin = who[goes_on], rate[goes_on], coin[goes_on]
        clock, end = clock[goes_on], end[goes_on]
        clock = clock + _gap(rng, np.full(len(who), customers.shape)) / rate
    return Purchases(
        np.concatenate([np.zeros(0, np.int64), *index]), np.concatenate([np.zeros(0), *times])
    )


def _gap(rng: np.random.Generator, events: Counts) -> Array:
    """Time until so many events at rate one."""
    if (events == 1).all():
        return rng.standard_exponential(len(events))
    return rng.standard_gamma(events)
