"""Printed figures of the papers, and values to 25 digits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab import BGNBD, MBGNBD, GammaGamma

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "high_precision.json").read_text(encoding="utf-8")
)


def test_the_sample_is_the_papers_sample(sample: pd.DataFrame) -> None:
    """2,357 customers, 2,457 repeats, 946 repeat buyers; customer 1 is (2, 30.43, 38.86)."""
    first = sample.iloc[0]

    assert len(sample) == 2357
    assert sample["frequency"].sum() == 2457
    assert (sample["frequency"] > 0).sum() == 946
    assert first["frequency"] == 2
    assert first["recency"] == 213 / 7
    assert first["T"] == 272 / 7


def test_bg_nbd_on_cdnow(sample: pd.DataFrame) -> None:
    """CLVTools' digits of Fader, Hardie & Lee 2005, and lifetimes' standard errors."""
    fit = BGNBD.fit(sample)
    errors = fit.summary()["standard_error"]

    assert fit.log_likelihood == pytest.approx(-9582.429, abs=5e-4)
    assert fit.model.r == pytest.approx(0.24259, abs=1e-5)
    assert fit.model.alpha == pytest.approx(4.41360, abs=1e-5)
    assert fit.model.a == pytest.approx(0.79292, abs=1e-5)
    assert fit.model.b == pytest.approx(2.42589, abs=5e-5)
    assert errors.tolist() == pytest.approx([0.012557, 0.378221, 0.185719, 0.705345], rel=2e-4)
    assert fit.diagnosis.status == "converged"
    assert fit.diagnosis.agreeing_starts == fit.diagnosis.starts


def test_bg_nbd_forecasts_on_cdnow() -> None:
    """The BTYD walkthrough's figures, printed at its own optimiser's estimate (4 to 5 digits)."""
    model = BGNBD(0.2425945, 4.4136019, 0.7929199, 2.4258881)
    history = {"frequency": 26, "recency": 30 + 6 / 7, "T": 31.0}

    assert float(model.expected_purchases_new(52)) == pytest.approx(1.444004, abs=1e-5)
    assert float(model.expected_purchases(52, **history)) == pytest.approx(25.75659, abs=1e-3)
    assert float(model.p_alive(**history)) == pytest.approx(0.9688523, abs=5e-6)
    many = model.expected_purchases(52, frequency=[10, 15, 20, 25], recency=20, T=39)
    assert many.tolist() == pytest.approx(
        [0.3474606, 0.04283391, 0.004158973, 0.0003583685], rel=1e-4
    )


def test_mbg_nbd_on_cdnow(sample: pd.DataFrame) -> None:
    """BTYDplus' estimate: .525 6.183 .891 1.614."""
    fit = MBGNBD.fit(sample)
    model = fit.model

    assert [round(v, 3) for v in (model.r, model.alpha, model.a, model.b)] == [
        0.525, 6.183, 0.891, 1.614,
    ]  # fmt: skip
    assert fit.log_likelihood == pytest.approx(-9582.1357, abs=1e-3)


def test_gamma_gamma_on_cdnow(sample: pd.DataFrame) -> None:
    """Fader & Hardie 2013: 6.25 3.74 15.44 on 946 repeat buyers; lifetimes' conditional means."""
    fit = GammaGamma.fit(sample)

    assert fit.customers == 946
    assert fit.log_likelihood == pytest.approx(-4055.918, abs=5e-4)
    assert [round(v, 2) for v in (fit.model.p, fit.model.q, fit.model.v)] == [6.25, 3.74, 15.44]
    published = sample.sort_values("first_date", kind="stable")  # the file's own order
    means = fit.model.expected_spend(
        frequency=published["spend_frequency"], monetary_value=published["monetary_value"]
    )
    assert means[:10].tolist() == pytest.approx(
        [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17], abs=0.02
    )


def test_a_silent_buyer_is_worth_less_than_a_recent_one() -> None:
    """Seven repeats, the last just now or 43 weeks ago: 12.33 against 0.677 more, discounted."""
    model = BGNBD(0.2425945, 4.4136019, 0.7929199, 2.4258881)
    often = model.det(0.0027, np.inf, frequency=7, recency=75.0, T=77.86)
    silent = model.det(0.0027, np.inf, frequency=7, recency=35.0, T=77.86)

    assert float(often) == pytest.approx(12.33, abs=5e-3)
    assert float(silent) == pytest.approx(0.677, abs=5e-4)


@pytest.mark.parametrize("case", REFERENCE["bgnbd"], ids=lambda c: f"x{c['x']}-T{c['T']}")
def test_bg_nbd_to_25_digits(case: dict[str, Any]) -> None:
    """Log-likelihood, P(alive) and both expectations agree with mpmath to 1e-12."""
    model = BGNBD(*map(float, case["params"]))
    history = {"frequency": case["x"], "recency": float(case["t_x"]), "T": float(case["T"])}
    t = float(case["t"])
    ours = {
        "loglik": model.log_likelihood(**history),
        "p_alive": model.p_alive(**history),
        "cond_exp": model.expected_purchases(t, **history),
        "exp": model.expected_purchases_new(t),
    }

    for name, value in ours.items():
        assert float(value) == pytest.approx(float(case[name]), rel=1e-12, abs=0), name


@pytest.mark.parametrize("case", REFERENCE["gammagamma"], ids=lambda c: f"x{c['x']}-m{c['m']}")
def test_gamma_gamma_to_25_digits(case: dict[str, Any]) -> None:
    """Log-likelihood, conditional and population mean agree with mpmath to 1e-12."""
    model = GammaGamma(*map(float, case["params"]))
    seen = {"frequency": case["x"], "monetary_value": float(case["m"])}

    assert float(model.expected_spend(**seen)) == pytest.approx(
        float(case["cond_spend"]), rel=1e-12
    )
    assert model.expected_spend_new() == pytest.approx(float(case["pop_mean"]), rel=1e-12)
    if case.get("loglik") is not None and case["x"] > 0:
        ours = float(model.log_likelihood(**seen))
        assert ours == pytest.approx(float(case["loglik"]), rel=1e-12)
