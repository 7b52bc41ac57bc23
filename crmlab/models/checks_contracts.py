"""What holds for every model of contracts that come up for renewal."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlab.models.checks_shared import FALSE_ALARM, SEED, Suite, Table, close, need, refused
from crmlab.models.special import Array

CUSTOMERS, PERIODS = 4000, 8


def survivors_of(model: Any) -> dict[str, Array]:
    """A cohort simulated from the model: customers still there at tenures 0 to 8."""
    passed = model.simulate(CUSTOMERS, PERIODS, seed=SEED)
    tenure = np.arange(PERIODS + 1)
    there = (passed[:, None] >= tenure).sum(axis=0)
    return {"tenure": tenure.astype(float), "customers": there.astype(float)}


def leaving_and_staying_add_up(model: Any) -> None:
    """Survival begins at 1 and falls: by retention as a product, by the pmf as a sum."""
    n = np.arange(1, 60)
    survival = model.survival(np.arange(60))
    rate = model.retention_rate(n)
    need(survival[0] == 1, "not everybody is there at the beginning")
    need(np.diff(survival) <= 0, "survival rises")
    need((rate >= 0) & (rate <= 1), "a retention rate outside [0, 1]")
    close(np.cumprod(rate), survival[1:], 1e-11, "product of the retention rates")
    close(np.cumsum(model.pmf(n)), 1 - survival[1:], 1e-10, "sum of the pmf")
    close(
        model.expected_survivors(100.0, 3, tenure=4), 100 * survival[7] / survival[4], 1e-11,
        "expected survivors",
    )  # fmt: skip


def a_lifetime_is_a_renewal_and_a_lifetime(model: Any) -> None:
    """The discounted life ahead is one renewal, and if it is passed one period and the life after;
    it falls with the rate.
    """
    n = np.array([1, 2, 9])
    for rate in (0.001, 0.1, 1.0):
        ahead = model.discounted_expected_residual_lifetime(rate, renewals=n)
        after = model.discounted_expected_residual_lifetime(rate, renewals=n + 1)
        close(ahead, model.retention_rate(n) * (1 + after / (1 + rate)), 1e-11, "life ahead")
        dearer = model.discounted_expected_residual_lifetime(2 * rate, renewals=n)
        need(dearer < ahead, "a higher rate gives more")
        close(
            model.discounted_expected_lifetime(rate), 1 + ahead[0] / (1 + rate), 1e-12, "whole life"
        )


def simulation_agrees_with_formulas(model: Any) -> None:
    """Simulated customers stay as long as the formulas say (false alarm 7e-6 a comparison)."""
    n = 40_000
    passed = model.simulate(n, PERIODS, seed=SEED)
    survival = model.survival(np.arange(1, PERIODS + 1))
    share = (passed[:, None] >= np.arange(1, PERIODS + 1)).mean(axis=0)
    error = np.sqrt(survival * (1 - survival) / n)
    need(np.abs(share - survival) <= FALSE_ALARM * error, f"simulated {share}, formula {survival}")


def extremes_are_finite(model: Any) -> None:
    """The first renewal and the millionth, with hardly any discount."""
    n = np.array([1, 2, 1000, 1_000_000])
    for value in (
        model.survival(n), model.retention_rate(n), model.pmf(n),
        model.discounted_expected_residual_lifetime(1e-6, renewals=n),
    ):  # fmt: skip
        need(np.isfinite(value) & (value >= 0), f"not finite: {value}")


def renewals_are_whole_numbers(model: Any) -> None:
    """Half a renewal, fewer than none, and a missing number are refused."""
    for wrong in (0.5, -1.0, np.nan, np.inf):
        for method in (model.survival, model.retention_rate, model.pmf):
            refused(method, wrong, ValueError)


def _with(name: str, value: float) -> Table:
    good = {"tenure": [0.0, 1.0, 2.0, 3.0], "customers": [1000.0, 700.0, 600.0, 550.0]}
    return {
        n: np.array([*column[:3], value if n == name else column[3]]) for n, column in good.items()
    }


def _there(*customers: float) -> Table:
    return {"tenure": np.arange(float(len(customers))), "customers": np.array(customers)}


SUITE = Suite(
    table=survivors_of,
    twice=lambda table: {**table, "customers": 2 * table["customers"]},
    scores=lambda model, table: model.survival(table["tenure"]),
    total=lambda model, table: float(model.log_likelihood(table)),
    impossible=tuple(
        _with(*change)
        for change in (
            ("tenure", 2.0), ("tenure", 2.5), ("tenure", -1.0), ("tenure", np.nan),
            ("customers", 601.0), ("customers", -1.0), ("customers", 0.5), ("customers", np.nan),
        )
    ),
    # Nobody, one tenure, one renewal, nobody left, and all left at once.
    thin=(_there(), _there(1000), _there(1000, 900), _there(*[9] * 5), _there(1000, 0, 0, 0)),
    checks=(
        leaving_and_staying_add_up,
        a_lifetime_is_a_renewal_and_a_lifetime,
        simulation_agrees_with_formulas,
        extremes_are_finite,
        renewals_are_whole_numbers,
    ),
)  # fmt: skip
