"""The points and bases at which lifetimes gives NaN, a wrong number or an exception, with what is
true there. The points, their histories worked out from what lifetimes gave, are from mpmath.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest

from crmlab import BGNBD, GammaGamma, ParetoNBD
from crmlab.errors import NotDefined, NotEstimable

DATA = Path(__file__).parents[1] / "data"
POINTS = json.loads((DATA / "failing_points.json").read_text(encoding="utf-8"))
KINDS = {"BGNBD": BGNBD, "ParetoNBD": ParetoNBD}
SMALLEST = 1e-290  # a P(alive) below what a float holds is rightly 0


def name(case: dict[str, Any]) -> str:
    """A short name of a point."""
    return f"{case['model']}-x{case['frequency']}-T{case['T']:g}-{case['parameters'][2]}"


def ours(case: dict[str, Any]) -> dict[str, float]:
    """What crmlab says at a point."""
    model = KINDS[case["model"]](*case["parameters"])
    history = {c: case[c] for c in ("frequency", "recency", "T")}
    return {
        "log_likelihood": float(model.log_likelihood(**history)),
        "p_alive": float(model.p_alive(**history)),
        "expected": float(model.expected_purchases(case["t"], **history)),
    }


@pytest.mark.parametrize("case", POINTS["scores"] + POINTS["likelihoods"], ids=name)
def test_scores_and_likelihoods_where_lifetimes_fails(case: dict[str, Any]) -> None:
    """x to 2,000, no history, 1e5 weeks ahead, a = 1, s = 1, alpha = beta, t_x = T: to 1e-11."""
    found = ours(case)

    assert found["log_likelihood"] == pytest.approx(case["log_likelihood"], rel=1e-12, abs=0)
    for score in ("p_alive", "expected"):
        assert found[score] == pytest.approx(case[score], rel=1e-11, abs=SMALLEST), score


@pytest.mark.parametrize("case", POINTS["integrals"], ids=lambda c: f"x{c['x']}-T{c['T']:.3g}")
def test_the_integral_over_the_time_of_leaving(case: dict[str, Any]) -> None:
    """The likelihood and the odds of having left, of which the integral is a part, to 1e-10."""
    with mpmath.workdps(40):
        r, alpha, s, beta, x, T = (
            mpmath.mpf(case[k]) for k in ("r", "alpha", "s", "beta", "x", "T")
        )
        lived = (alpha + T) ** -(r + x) * (beta + T) ** -s
        left = s * mpmath.exp(mpmath.mpf(case["log_integral"]))
        level = mpmath.loggamma(r + x) - mpmath.loggamma(r) + r * mpmath.log(alpha)
        likelihood = float(level + s * mpmath.log(beta) + mpmath.log(lived + left))
        alive = float(lived / (lived + left))
    found = ours(
        {"model": "ParetoNBD", "parameters": [case[k] for k in ("r", "alpha", "s", "beta")],
         "frequency": case["x"], "recency": case["t_x"], "T": case["T"], "t": 1.0}
    )  # fmt: skip

    assert found["log_likelihood"] == pytest.approx(likelihood, rel=1e-13)
    assert found["p_alive"] == pytest.approx(alive, rel=1e-10)


@pytest.mark.parametrize("unit", [7.0, 365.0, 604_800.0, 1e-3], ids="x{:g}".format)
@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_any_time_unit_gives_the_same_fit(kind: Any, unit: float, sample: pd.DataFrame) -> None:
    """Days, seconds or thousands of weeks: scales follow, all other parameters and scores agree.

    E, P(alive) and DERT to 1e-8 (lifetimes: 2e-4), though the search ends at another last digit.
    """
    columns = ["frequency", "recency", "T"]
    scaled = sample[columns].assign(recency=sample["recency"] * unit, T=sample["T"] * unit)
    one, other = kind.fit(sample), kind.fit(scaled)
    shift = sample["frequency"].sum() * np.log(unit)
    weeks = {c: sample[c].to_numpy()[:200] for c in columns}
    units = {c: scaled[c].to_numpy()[:200] for c in columns}

    assert other.diagnosis.status == "converged"
    assert other.log_likelihood == pytest.approx(one.log_likelihood - shift, rel=1e-12)
    assert other.model.p_alive(**units) == pytest.approx(one.model.p_alive(**weeks), rel=1e-8)
    assert other.model.expected_purchases(52 * unit, **units) == pytest.approx(
        one.model.expected_purchases(52, **weeks), rel=1e-8
    )
    assert other.model.dert(0.0027 / unit, **units) == pytest.approx(
        one.model.dert(0.0027, **weeks), rel=1e-8
    )


@pytest.mark.parametrize("x", [300, 1500])
@pytest.mark.parametrize("kind", [BGNBD, ParetoNBD])
def test_one_customer_of_hundreds_of_purchases_is_no_obstacle(
    kind: Any, x: int, sample: pd.DataFrame
) -> None:
    """CDNOW and one outlier: every start ends at the same maximum."""
    columns = ["frequency", "recency", "T"]
    outlier = pd.DataFrame([[x, 38.5, 38.86]], columns=columns, index=["outlier"])
    fit = kind.fit(pd.concat([sample[columns], outlier]))

    assert fit.diagnosis.status == "converged"
    assert fit.diagnosis.agreeing_starts == fit.diagnosis.starts
    assert fit.diagnosis.decrement < 1e-9


@pytest.mark.parametrize("factor", [1e6, 1e-4])
def test_any_currency_gives_the_same_fit(factor: float, sample: pd.DataFrame) -> None:
    """Amounts in millionths or ten thousands: v follows, p and q and the expected spend agree."""
    one = GammaGamma.fit(sample)
    other = GammaGamma.fit(sample.assign(monetary_value=sample["monetary_value"] * factor))
    seen = {"frequency": [0, 1, 9], "monetary_value": np.array([np.nan, 12.0, 80.0])}
    moved = {**seen, "monetary_value": seen["monetary_value"] * factor}

    assert other.diagnosis.status == "converged"
    assert other.model.expected_spend(**moved) == pytest.approx(
        factor * one.model.expected_spend(**seen), rel=1e-8
    )


def test_spends_that_lifetimes_cannot_fit() -> None:
    """All alike and a single customer are refused, each for its reason; one purchase each is
    fitted, and its maximum is one; a tail with an infinite mean is fitted and then refused a mean.
    """
    rng = np.random.default_rng(4)
    alike = {"frequency": [2.0] * 40, "monetary_value": [50.0] * 40}
    once = {
        "frequency": np.ones(2000),
        "monetary_value": rng.gamma(2, 1 / rng.gamma(3, 0.02, 2000)),
    }
    heavy = {"frequency": 1.0 + rng.poisson(2, 4000)}
    heavy["monetary_value"] = rng.gamma(4 * heavy["frequency"]) / (
        heavy["frequency"] * rng.gamma(0.8, 1 / 10.0, 4000)
    )
    fit = GammaGamma.fit(heavy)

    with pytest.raises(NotEstimable, match="40 customers with a repeat spend, all of the same"):
        GammaGamma.fit(alike)
    with pytest.raises(NotEstimable, match="1 customers with a repeat spend"):
        GammaGamma.fit({name: column[:1] for name, column in alike.items()})
    assert GammaGamma.fit(once).diagnosis.decrement < 1e-6
    assert fit.model.q == pytest.approx(
        0.8, abs=4.5 * float(fit.summary().loc["q", "standard_error"])
    )
    with pytest.raises(NotDefined, match="not above 1"):
        fit.model.expected_spend(frequency=0, monetary_value=0.0)
