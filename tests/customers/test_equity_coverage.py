"""How often the interval of customer equity holds what simulated customers really bring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

import crmlab
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures
from crmlab.customers.outcomes import equity_interval, realise
from crmlab.customers.single_outcomes import outcomes

REPETITIONS = 200
ACCEPTED = (0.904, 0.996)  # where a true 95 % is found at 200 repetitions, but for 0.5 % of times
SPEND = crmlab.GammaGamma(6.0, 4.0, 15.0)


def realised(truth: Any, economics: Economics, n: int, seed: int) -> tuple[FittedBase, float]:
    """A simulated base with its fits, and what its customers bring to the horizon after it."""
    rng = np.random.default_rng(seed)
    T = np.linspace(40.0, 78.0, 20)[np.arange(n) % 20]
    horizon, rate = economics.horizon("week"), economics.rate("week")
    none = np.zeros(n)
    lived = futures(truth, T + horizon, frequency=none, recency=none, T=none, seed=rng)
    spent = (
        rng.gamma(SPEND.p, size=len(lived.time))
        / (rng.gamma(SPEND.q, size=n) / SPEND.v)[lived.customer]
    )
    past = lived.time <= T[lived.customer]
    who = lived.customer[past]
    x = np.bincount(who, minlength=n)
    recency = np.zeros(n)
    np.maximum.at(recency, who, lived.time[past])
    paid = np.bincount(who, weights=spent[past], minlength=n)
    frame = pd.DataFrame(
        {
            "frequency": x, "recency": recency, "T": T, "spend_frequency": x,
            "monetary_value": np.divide(paid, x, out=np.full(n, np.nan), where=x > 0),
        }
    )  # fmt: skip
    later = np.where(past, 0.0, np.exp(-rate * (lived.time - T[lived.customer])))
    brought = float(later @ (economics.margin * spent - economics.cost_per_occasion))
    active = discounted_span(rate, np.clip(lived.active - T, 0.0, horizon)).sum()
    upkeep = economics.cost_per_year + economics.retention_per_year
    brought -= upkeep * 7 / 365.25 * float(active)
    fits = type(truth).fit(frame), crmlab.GammaGamma.fit(frame)
    return FittedBase("", "week", frame, *fits), brought


def covered(truth: Any, economics: Economics, n: int, repetitions: int) -> float:
    """Share of simulated bases, refitted each, whose interval holds what really came."""
    inside = 0
    for seed in range(repetitions):
        base, brought = realised(truth, economics, n, seed)
        limits = equity_interval(base, economics, seed=seed)
        inside += limits.lower <= brought <= limits.upper
    return inside / repetitions


def test_the_interval_of_equity_covers() -> None:
    """200 bases of 5,600 customers and half a year ahead, with costs of occasions."""
    economics = Economics(0.3, 0.15, 0.5, cost_per_occasion=1.0)
    share = covered(crmlab.BGNBD(2.0, 8.0, 0.9, 2.5), economics, 5600, REPETITIONS)

    assert ACCEPTED[0] <= share <= ACCEPTED[1]


def test_limits_of_customers_cover_and_losses_are_as_frequent_as_told() -> None:
    """Each customer lives on ten times under the true model: 95 % limits hold 94 % or more.

    Limits of what is mostly nothing hold more than they must. Losses are as many as told, within 4
    standard deviations of chance and of a twentieth for the parameters.
    """
    truth, economics = crmlab.ParetoNBD(0.8, 8.0, 0.9, 25.0), Economics(0.3, 0.15, 1, 1.0, 4.0)
    base, _ = realised(truth, economics, 3000, 1)
    found = outcomes(base, economics, seed=1)
    rng = np.random.default_rng(2)
    lived = np.array([realise(base, economics, truth, SPEND, rng) for _ in range(10)])
    inside = (found["lower"].to_numpy() <= lived) & (lived <= found["upper"].to_numpy())
    losses, told = (lived < 0).sum() / 10, found["p_negative"].sum()
    chance = np.sqrt((found["p_negative"] * (1 - found["p_negative"])).sum() / 10)

    assert inside.mean() >= 0.94
    assert abs(losses - told) < 4 * np.hypot(chance, 0.05 * told)
