"""Pareto/NBD: printed figures, 25 digits, and the sweep where others fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab import BGNBD, ParetoNBD
from crmlab.models import pareto

DATA = Path(__file__).parents[1] / "data"
REFERENCE = json.loads((DATA / "high_precision.json").read_text(encoding="utf-8"))["paretonbd"]
SWEEP = json.loads((DATA / "sweep.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", REFERENCE, ids=lambda c: f"x{c['x']}-T{c['T']}-{c['params'][0]}")
def test_pareto_nbd_to_25_digits(case: dict[str, Any]) -> None:
    """Log-likelihood, P(alive), expectations and DERT agree with mpmath to 1e-12."""
    model = ParetoNBD(*map(float, case["params"]))
    history = {"frequency": case["x"], "recency": float(case["t_x"]), "T": float(case["T"])}
    ours = {"loglik": model.log_likelihood(**history), "p_alive": model.p_alive(**history)}
    if case.get("t") is not None:
        ours["cond_exp"] = model.expected_purchases(float(case["t"]), **history)
        ours["exp"] = model.expected_purchases_new(float(case["t"]))
    if case.get("delta") is not None:
        ours["dert"] = model.dert(float(case["delta"]), **history)
    compared = 0
    for name, value in ours.items():
        if case.get(name) is not None:
            assert float(value) == pytest.approx(float(case[name]), rel=1e-12, abs=0), name
            compared += 1

    assert compared >= 2


@pytest.mark.parametrize(("name", "kind"), [("bg_nbd", BGNBD), ("pareto_nbd", ParetoNBD)])
def test_the_sweep_where_others_fail(name: str, kind: Any) -> None:
    """500 points of each: x to 2,000, T to 4,000, a = 1, s = 1, alpha = beta, t_x = T, t = 0.

    Log-likelihood, P(alive) and expectation within 1e-10 of mpmath, finite, without a warning.
    """
    rows = np.array(SWEEP[name])
    worst = {}
    for parameters in np.unique(rows[:, :4], axis=0):
        part = rows[(rows[:, :4] == parameters).all(axis=1)]
        model = kind(*parameters)
        history = {"frequency": part[:, 4], "recency": part[:, 5], "T": part[:, 6]}
        ours = np.array([
            model.log_likelihood(**history),
            model.p_alive(**history),
            model.expected_purchases(part[:, 7], **history),
        ])  # fmt: skip
        truth = part[:, 8:].T
        assert np.isfinite(ours).all()
        # P(alive) and what hangs on it may lie below the smallest float: 0 is then right.
        gap = np.abs(ours - truth) / np.maximum(np.abs(truth), 1e-290)
        worst[tuple(parameters)] = gap.max()

    assert len(rows) > 400
    assert max(worst.values()) < 1e-10, worst


def test_pareto_nbd_on_cdnow(sample: pd.DataFrame) -> None:
    """CLVTools' estimate and standard errors; lifetimes' expectations of a new customer."""
    fit = ParetoNBD.fit(sample)
    errors = fit.summary()["standard_error"]

    assert fit.log_likelihood == pytest.approx(-9594.976, abs=5e-4)
    assert [fit.model.r, fit.model.alpha, fit.model.s, fit.model.beta] == pytest.approx(
        [0.5533, 10.578, 0.6062, 11.669], rel=2e-4
    )
    assert errors.tolist() == pytest.approx([0.0476264, 0.8427222, 0.1872594, 6.2105448], rel=5e-4)
    assert fit.diagnosis.status == "converged"


def test_pareto_nbd_forecasts_on_cdnow() -> None:
    """The BTYD walkthrough's figures at Fader, Hardie & Lee's estimate (4 to 6 digits)."""
    model = ParetoNBD(0.5533, 10.5802, 0.6061, 11.6562)
    history = {"frequency": 26, "recency": 30 + 6 / 7, "T": 31.0}
    many = model.expected_purchases(52, frequency=[10, 15, 20, 25], recency=20, T=39)

    assert float(model.expected_purchases_new(52)) == pytest.approx(1.473434, abs=1e-3)
    assert float(model.expected_purchases(52, **history)) == pytest.approx(25.45647, abs=5e-3)
    assert float(model.p_alive(**history)) == pytest.approx(0.997874, abs=5e-6)
    assert many.tolist() == pytest.approx([0.7062289, 0.1442396, 0.02250658, 0.00309267], rel=2e-3)


def test_the_gradient_and_hessian_are_those_of_the_likelihood(sample: pd.DataFrame) -> None:
    """Against central differences."""
    data = [sample[c].to_numpy() for c in ("frequency", "recency", "T")]
    count = np.ones(len(sample))

    def at(values: Any) -> Any:
        return pareto.evaluate(pareto.Parameters(*values), *data, count)

    point = np.array([0.5, 9.0, 0.7, 10.0])
    here = at(point)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * point[i]
        up, down = at(point + step), at(point - step)
        assert here.gradient[i] == pytest.approx((up.value - down.value) / (2 * step[i]), rel=1e-6)
        bend = (up.gradient - down.gradient) / (2 * step[i])
        assert here.hessian[i] == pytest.approx(bend, rel=1e-6, abs=1e-6 * abs(here.hessian).max())


@pytest.mark.parametrize("gap", [0.0, 1e-12, -1e-12])
def test_alpha_equal_to_beta_is_no_special_case(gap: float) -> None:
    """The textbook form has three branches here; the integral has none."""
    history = {"frequency": [0, 3, 40], "recency": [0.0, 20.0, 38.0], "T": 39.0}
    at = ParetoNBD(0.55, 10.0 + gap, 0.6, 10.0)
    near = ParetoNBD(0.55, 10.0 + 1e-9, 0.6, 10.0)

    assert at.log_likelihood(**history) == pytest.approx(near.log_likelihood(**history), rel=1e-9)


def test_the_dert_of_the_rfm_paper() -> None:
    """BTYD's parameters: 1.864 for x = 7, t_x = 35, and the list for t_x = 30 (T = 77.86)."""
    model = ParetoNBD(0.5629966, 12.5590370, 0.4081095, 10.5148048)
    listed = [2.199, 2.844, 2.867, 2.445, 1.841, 1.262, 0.810, 0.495, 0.292, 0.168]
    ours = model.dert(0.0027, frequency=np.arange(1, 11), recency=30.0, T=77.86)

    assert float(model.dert(0.0027, frequency=7, recency=35.0, T=77.86)) == pytest.approx(
        1.864, abs=6e-4
    )
    assert ours.tolist() == pytest.approx(listed, abs=6e-4)


def test_known_hard_bases_end_at_the_best_known_optimum() -> None:
    """Two simulated heavy-buyer bases: three starts agree (lifetimes ends 133 and 3,524 short)."""
    for truth, T, seed in (
        (ParetoNBD(1.95, 20.0, 0.47, 240.0), 3650.0, 1),
        (ParetoNBD(0.53, 0.5, 0.2, 27.0), 1000.0, 2),
    ):
        watched = np.full(500, T)
        fit = ParetoNBD.fit(truth.simulate(watched, seed=seed).summarize(watched))
        assert fit.diagnosis.status == "converged"
        assert fit.diagnosis.agreeing_starts == 3
        assert fit.diagnosis.decrement < 1e-9
