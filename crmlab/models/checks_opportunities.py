"""What holds for every purchase model over discrete opportunities."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np

from crmlab.errors import InvalidHistory
from crmlab.models.checks_shared import SEED, Suite, Table, close, near, need, refused
from crmlab.models.special import Array

CUSTOMERS, PERIODS = 800, 8


def histories_of(model: Any) -> dict[str, Array]:
    """A base simulated from the model: frequency, recency and n after four to eight chances."""
    bought = model.simulate(CUSTOMERS, PERIODS, seed=SEED)
    n = 4 + np.arange(CUSTOMERS) % (PERIODS - 3)
    place = np.arange(1, PERIODS + 1)
    seen = bought & (place <= n[:, None])
    return {
        "frequency": seen.sum(axis=1).astype(float),
        "recency": (seen * place).max(axis=1).astype(float),
        "n": n.astype(float),
    }


def _every(n: int) -> tuple[dict[str, Any], Array]:
    """Every (frequency, recency) of n chances, and how many ordered histories it stands for."""
    pairs = [(0, 0), *((x, t) for t in range(1, n + 1) for x in range(1, t + 1))]
    ways = np.array([comb(t - 1, x - 1) if x else 1 for x, t in pairs], dtype=float)
    x, t_x = (np.array(v) for v in zip(*pairs, strict=True))
    return {"frequency": x, "recency": t_x, "n": n}, ways


def probabilities_are_probabilities(model: Any) -> None:
    """P(alive) lies in [0, 1], falls with silence, and falls further ahead."""
    asked, _ = _every(PERIODS)
    alive = model.p_alive(**asked)
    need((alive >= 0) & (alive <= 1), "P(alive) outside [0, 1]")
    need(
        model.p_alive(**{**asked, "n": PERIODS + 5}) <= alive * (1 + 1e-12),
        "P(alive) rises while a customer is silent",
    )
    need(model.p_alive(**asked, ahead=5) <= alive * (1 + 1e-12), "P(alive) rises ahead")


def histories_have_probabilities(model: Any) -> None:
    """The likelihoods of all histories add up to 1, and what each of them is expected to buy adds
    up to what a new customer is expected to buy later.
    """
    asked, ways = _every(PERIODS)
    chance = ways * np.exp(model.log_likelihood(**asked))
    close(chance.sum(), 1.0, 1e-12, "sum over all histories")
    later = np.diff(model.expected_purchases_new([PERIODS, PERIODS + 6]))[0]
    close(chance @ model.expected_purchases(6, **asked), later, 1e-10, "expected of all histories")


def counts_have_the_expected_mean(model: Any) -> None:
    """The pmf adds up to 1 and has the expectation as its mean, for known and new customers."""
    k, (asked, _) = np.arange(7), _every(PERIODS)
    columns = {name: np.asarray(column)[..., None] for name, column in asked.items()}
    pmf = model.pmf(k, 6, **columns)
    close(pmf.sum(axis=1), 1.0, 1e-11, "sum of the pmf")
    close(pmf @ k, model.expected_purchases(6, **asked), 1e-10, "mean of the pmf")
    close(
        model.pmf_new(k, 6) @ k, model.expected_purchases_new(6), 1e-10, "mean for a new customer"
    )


def discounting_only_takes_away(model: Any) -> None:
    """At rate 0 the discounted expectation is the plain one; it falls with the rate."""
    asked, _ = _every(PERIODS)
    plain = model.expected_purchases(50, **asked)
    close(model.det(0.0, 50, **asked), plain, 1e-12, "det at rate 0")
    need(model.det(0.1, 50, **asked) <= plain, "discounting adds")
    need(model.dert(0.1, **asked) * (1 + 1e-12) >= model.det(0.1, 50, **asked), "longer is less")
    need(model.dert(0.2, **asked) <= model.dert(0.1, **asked), "a higher rate gives more")


def the_parts_of_a_forecast_make_the_whole(model: Any) -> None:
    """The life ahead is the sum of being there at each chance."""
    asked, _ = _every(PERIODS)
    columns = {name: np.asarray(column)[..., None] for name, column in asked.items()}
    there = model.p_alive(**columns, ahead=np.arange(10)).sum(axis=1)
    close(there, model.expected_life(10, **asked), 1e-11, "restricted life")


def simulation_agrees_with_formulas(model: Any) -> None:
    """Simulated histories and futures have the formulas' means (false alarm 7e-6 each)."""
    n = 40_000
    bought = model.simulate(n, PERIODS, seed=SEED).sum(axis=1)
    near(bought, float(model.expected_purchases_new(PERIODS)), "purchases of new customers")
    for x, t_x in ((0, 0), (1, 3), (4, 6)):
        asked = {"frequency": x, "recency": t_x, "n": 6}
        many = {name: np.full(n, value) for name, value in asked.items()}
        bought = model.simulate_future(5, **many, seed=SEED).sum(axis=1)
        near(bought, float(model.expected_purchases(5, **asked)), f"purchases given {asked}")


def extremes_are_finite(model: Any) -> None:
    """No chance yet, 2,000 of them, all taken or none, a purchase on the last, a silence."""
    asked = {
        "frequency": np.array([0, 0, 2000, 1000, 1]),
        "recency": np.array([0, 0, 2000, 1000, 2000]),
        "n": np.array([0, 2000, 2000, 2000, 2000]),
    }
    for value in (
        model.log_likelihood(**asked), model.p_alive(**asked),
        model.expected_purchases(0, **asked), model.expected_purchases(500, **asked),
        model.dert(0.1, **asked), model.pmf(3, 50, **asked),
    ):  # fmt: skip
        need(np.isfinite(value), f"not finite: {value}")


def impossible_histories_have_no_score(model: Any) -> None:
    """What cannot be fitted is not scored either, and the row is named."""
    for table in SUITE.impossible:
        told = refused(lambda t: model.p_alive(**t), table, InvalidHistory)
        need("1 of 2" in told, f"does not count the offenders: {told}")


def _with(name: str, value: float) -> Table:
    good = {"frequency": [2.0, 1.0], "recency": [5.0, 3.0], "n": [6.0, 6.0]}
    return {
        n: np.array([column[0], value if n == name else column[1]]) for n, column in good.items()
    }


def _silent(customers: int) -> Table:
    return {name: np.full(customers, value) for name, value in
            (("frequency", 0.0), ("recency", 0.0), ("n", 6.0))}  # fmt: skip


SUITE = Suite(
    table=histories_of,
    twice=lambda table: {**table, "count": np.full(len(table["n"]), 2)},
    scores=lambda model, table: model.expected_purchases(5, **table),
    total=lambda model, table: float(model.log_likelihood(**table).sum()),
    impossible=tuple(
        _with(*change)
        for change in (
            ("frequency", -1.0), ("frequency", 1.5), ("frequency", 4.0), ("frequency", 0.0),
            ("recency", 7.0), ("recency", 2.5), ("n", np.nan), ("n", 2.0),
        )
    ),
    thin=(_silent(0), _silent(1), _silent(25)),
    checks=(
        probabilities_are_probabilities,
        histories_have_probabilities,
        counts_have_the_expected_mean,
        discounting_only_takes_away,
        the_parts_of_a_forecast_make_the_whole,
        simulation_agrees_with_formulas,
        extremes_are_finite,
        impossible_histories_have_no_score,
    ),
)  # fmt: skip
