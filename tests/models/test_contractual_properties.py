"""sBG and BdW: what holds whatever the parameters, and simulation against formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.errors import NotDefined
from crmlab.models import beta_weibull as formulas
from crmlab.models.bdw import BdW
from crmlab.models.contractual import survivors
from crmlab.models.renewals import Renewals
from crmlab.models.sbg import SBG

FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison

positive = st.floats(0.05, 50)
shape = st.floats(0.3, 3)


@given(alpha=positive, beta=positive, c=shape)
@settings(max_examples=60, deadline=None)
def test_leaving_and_staying_add_up(alpha: float, beta: float, c: float) -> None:
    """The pmf is the fall of survival, survival the product of retention; all in [0, 1]."""
    model, n = BdW(alpha, beta, c), np.arange(1, 60)
    survival = model.survival(np.arange(60))

    assert survival[0] == 1
    assert (np.diff(survival) <= 0).all()
    assert model.pmf(n).sum() == pytest.approx(1 - survival[-1], rel=1e-12)
    assert np.cumprod(model.retention_rate(n)) == pytest.approx(survival[1:], rel=1e-11)
    assert model.expected_survivors(7.0, 3, tenure=4) == pytest.approx(
        7 * survival[7] / survival[4], rel=1e-11
    )


@given(alpha=positive, beta=positive)
@settings(max_examples=60, deadline=None)
def test_retention_of_the_sbg_rises_with_tenure(alpha: float, beta: float) -> None:
    """r(n) = (beta + n - 1) / (alpha + beta + n - 1); BdW with c = 1 is the sBG."""
    n = np.arange(1, 40)
    rate = SBG(alpha, beta).retention_rate(n)

    assert (np.diff(rate) > 0).all()
    assert rate == pytest.approx((beta + n - 1) / (alpha + beta + n - 1), rel=1e-14)
    assert (BdW(alpha, beta, 1.0).pmf(n) == SBG(alpha, beta).pmf(n)).all()


@given(alpha=positive, beta=positive, c=shape, rate=st.floats(1e-4, 2))
@settings(max_examples=25, deadline=None)
def test_a_lifetime_is_a_renewal_and_a_lifetime(
    alpha: float, beta: float, c: float, rate: float
) -> None:
    """DERL(n) = r(n) (1 + DERL(n + 1) / (1 + d)); it falls with the rate."""
    for model in (SBG(alpha, beta), BdW(alpha, beta, c)):
        n = np.array([1, 2, 9])
        ahead = model.discounted_expected_residual_lifetime(rate, renewals=n)
        then = model.discounted_expected_residual_lifetime(rate, renewals=n + 1)
        assert ahead == pytest.approx(model.retention_rate(n) * (1 + then / (1 + rate)), rel=1e-12)
        assert model.discounted_expected_lifetime(rate) == pytest.approx(
            1 + ahead[0] / (1 + rate), rel=1e-14
        )
        dearer = model.discounted_expected_residual_lifetime(1.1 * rate, renewals=n)
        assert (dearer < ahead).all()


def test_an_expected_lifetime() -> None:
    """1 + beta / (alpha - 1) where alpha > 1; not defined where it is infinite."""
    assert SBG(3.8, 15.2).expected_lifetime() == pytest.approx(1 + 15.2 / 2.8, rel=1e-14)
    assert BdW(1.5, 15.2, 1.0).expected_lifetime() == pytest.approx(1 + 15.2 / 0.5, rel=1e-13)
    assert BdW(0.6, 1.0, 2.0).expected_lifetime() > 1
    with pytest.raises(NotDefined, match=r"power -0\.668"):
        SBG(0.668, 3.806).expected_lifetime()
    with pytest.raises(NotDefined, match="above 0"):
        BdW(0.5, 1.0, 2.0).expected_lifetime()


def test_extremes_are_finite() -> None:
    """No warning, no NaN, at the corners of the search and beyond, up to a million renewals."""
    corners = [(a, b, c) for a in (1e-7, 1e7) for b in (1e-7, 1e7) for c in (1e-7, 1.0, 1e7)]
    n = np.array([1, 2, 3, 1_000_000])
    for a, b, c in corners:
        for model in (SBG(a, b), BdW(a, b, c)):
            values = [model.survival(n), model.retention_rate(n), model.pmf(n)]
            values.append(model.discounted_expected_residual_lifetime(1e-6, renewals=n))
            assert np.isfinite(values).all()
            assert (np.array(values) >= 0).all()
        data = Renewals(n - 1.0, n + 0.0, np.full(4, 3.0), np.full(4, 2.0))
        assert all(
            np.isfinite(v).all() for v in formulas.evaluate(formulas.Parameters(a, b, c), data)
        )


@pytest.mark.parametrize("n", [0.5, -1, np.nan, np.inf, [1, 2.5]])
def test_renewals_are_whole_numbers(n: Any) -> None:
    """Anything else is refused, in every method."""
    model = SBG(1.0, 2.0)
    for method in (model.survival, model.pmf, model.retention_rate):
        with pytest.raises(ValueError, match="whole number"):
            method(n)
    with pytest.raises(ValueError, match="1 or more"):
        model.discounted_expected_residual_lifetime(0.1, renewals=0)
    with pytest.raises(ValueError, match="discount rate"):
        model.discounted_expected_lifetime(-0.1)


@pytest.mark.parametrize("model", [SBG(0.7, 1.2), BdW(0.5, 0.9, 1.6), BdW(3.0, 40.0, 0.7)])
def test_simulated_customers_leave_as_the_formulas_say(model: Any) -> None:
    """100,000 customers over 12 renewals; false alarm below 1e-5 a comparison."""
    renewals = model.simulate(100_000, 12, seed=3)
    share = survivors(renewals, 12)["customers"] / 100_000
    survival = model.survival(np.arange(13))
    error = np.sqrt(survival * (1 - survival) / 100_000)

    assert renewals.min() == 0
    assert renewals.max() == 12
    assert (abs(share - survival)[1:] < FALSE_ALARM * error[1:]).all()
    assert (model.simulate(50, 12, seed=3) == model.simulate(50, 12, seed=3)).all()


def test_simulation_at_the_extremes() -> None:
    """Polar customers leave at once or never; alike ones leave by one coin."""
    polar = BdW(1e-7, 1e-7, 1e-3).simulate(10_000, 9, seed=1)
    alike = SBG(1e9, 4e9).simulate(10_000, 1, seed=1)

    assert set(polar.tolist()) == {0, 9}
    assert abs((polar == 9).mean() - 0.5) < FALSE_ALARM * 0.005
    assert abs(alike.mean() - 0.8) < FALSE_ALARM * 0.004


@pytest.mark.parametrize("truth", [SBG(0.8, 2.5), BdW(0.8, 3.5, 1.4)])
def test_the_fit_finds_what_it_was_simulated_from(truth: Any) -> None:
    """Three cohorts of different length; truth inside 4.5 standard errors on the log scale."""
    tables = [
        pd.DataFrame(survivors(truth.simulate(8000, periods, seed=periods), periods))
        .assign(cohort=str(periods))
        for periods in (4, 8, 12)
    ]  # fmt: skip
    fit = type(truth).fit(pd.concat(tables))
    names = fit.summary().index
    gap = np.log(fit.summary()["estimate"]) - np.log([getattr(truth, name) for name in names])

    assert fit.customers == 24_000
    assert (abs(gap) < FALSE_ALARM * np.sqrt(np.diag(fit.covariance))).all()


def test_totals_find_what_they_were_simulated_from() -> None:
    """Twelve cohorts seen only as totals; truth inside 4.5 corrected standard errors."""
    truth, rng = SBG(0.8, 2.5), np.random.default_rng(8)
    acquired = rng.integers(500, 3000, 12)
    active = np.zeros(12, dtype=int)
    for i, size in enumerate(acquired):
        active[i:] += survivors(truth.simulate(size, 11 - i, seed=rng), 11 - i)["customers"]
    fit = SBG.fit_totals({"period": np.arange(12), "acquired": acquired, "customers": active})
    gap = np.log([fit.model.alpha / 0.8, fit.model.beta / 2.5])

    assert (abs(gap) < FALSE_ALARM * np.sqrt(np.diag(fit.covariance))).all()


def _there(theta: float, end: float) -> float:
    return float((1 - theta) ** end * theta**-0.2 * (1 - theta) ** 2.0)


def _left_and_there(theta: float, kept: tuple[float, float], alone: tuple[float, float]) -> float:
    return _there(theta, kept[1]) - _there(theta, alone[1])


@pytest.mark.parametrize("c", [0.7, 1.0, 1.6])
def test_keeping_at_a_renewal_is_its_integral(c: float) -> None:
    """Over theta, by adaptive quadrature; of the sBG it is survival a period later."""
    from scipy.integrate import quad

    model = BdW(0.8, 3.0, c)
    for passed, more in ((0, 0), (0, 4), (3, 1), (12, 20)):
        begin, after, end = (float(n) ** c for n in (passed, passed + 1, passed + 1 + more))

        def kept(
            theta: float, begin: float = begin, after: float = after, end: float = end
        ) -> float:
            leaves = (1 - theta) ** begin - (1 - theta) ** after
            return leaves * (1 - theta) ** (end - after) * theta**-0.2 * (1 - theta) ** 2.0

        def there(theta: float, begin: float = begin) -> float:
            return (1 - theta) ** begin * theta**-0.2 * (1 - theta) ** 2.0

        expected = quad(kept, 0, 1, epsabs=1e-13)[0] / quad(there, 0, 1, epsabs=1e-13)[0]
        assert model.kept_at_renewal(more, tenure=passed) == pytest.approx(expected, rel=1e-7)
    simple, n = SBG(0.8, 3.0), np.arange(30)
    shifted = simple.survival(4 + n) - simple.survival(5 + n)
    assert simple.kept_at_renewal(n, tenure=4) == pytest.approx(shifted / simple.survival(4))
