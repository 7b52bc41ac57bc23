"""sBG and BdW against independent mathematics."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

from crmlab.models import beta_weibull as formulas
from crmlab.models.bdw import BdW
from crmlab.models.beta_ratio import log_beta_ratio_slopes
from crmlab.models.renewals import Renewals, Totals
from crmlab.models.sbg import SBG

FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison

RNG = np.random.default_rng(7)
WIDE = 10 ** RNG.uniform([-7, -7, -9], [7, 7, 8], size=(60, 3))


def test_the_ratio_of_beta_functions_agrees_with_mpmath() -> None:
    """Value, gradient and Hessian over 14 orders of magnitude of all three arguments, to 2e-15."""
    a, z, d = WIDE.T
    value, slope, bend = log_beta_ratio_slopes(a, z, d)
    with mpmath.workdps(60):
        for i, row in enumerate(WIDE):
            A, Z, D = map(mpmath.mpf, row.tolist())
            points = ((Z + D, 1), (Z + A, 1), (Z, -1), (Z + A + D, -1))
            truth = sum(sign * mpmath.loggamma(x) for x, sign in points)
            assert value[i] == pytest.approx(float(truth), rel=2e-15, abs=0)
            at = [[mpmath.polygamma(order, x) for x, _ in points] for order in (0, 1)]
            slopes = [at[0][1] - at[0][3], at[0][0] + at[0][1] - at[0][2] - at[0][3],
                      at[0][0] - at[0][3]]  # fmt: skip
            aa, dd = at[1][1] - at[1][3], at[1][0] - at[1][3]
            zz, ad = at[1][0] + at[1][1] - at[1][2] - at[1][3], -at[1][3]
            bends = [aa, aa, ad, aa, zz, dd, ad, dd, dd]
            assert slope[:, i] == pytest.approx([float(v) for v in slopes], rel=2e-15, abs=0)
            assert bend[:, :, i].ravel() == pytest.approx([float(v) for v in bends], rel=2e-15)


@pytest.mark.parametrize("seed", range(25))
def test_survival_and_leaving_agree_with_mpmath(seed: int) -> None:
    """alpha, beta over 10, c over 2 and n over 6 orders of magnitude: all to 1e-12."""
    rng = np.random.default_rng(seed)
    alpha, beta, c, n = (float(v) for v in 10 ** rng.uniform([-4, -4, -1, 0], [6, 6, 1, 6]))
    n = float(int(n) + 1)
    model = BdW(alpha, beta, c)
    with mpmath.workdps(120):
        a, b, power = map(mpmath.mpf, (alpha, beta, c))

        def log_survival(t: float) -> Any:
            x = mpmath.mpf(t) ** power
            up = mpmath.loggamma(b + x) - mpmath.loggamma(a + b + x)
            return up - mpmath.loggamma(b) + mpmath.loggamma(a + b)

        before, after = mpmath.exp(log_survival(n - 1)), mpmath.exp(log_survival(n))
        truth = [float(v) for v in (after, after / before, before - after)]
    ours = [float(f(n)) for f in (model.survival, model.retention_rate, model.pmf)]

    # A survival of exp(-300) is known to 300 rounding errors.
    assert ours == pytest.approx(truth, rel=1e-12, abs=1e-290)


AHEAD = [
    (3.8, 15.2, 1.0, 1e-3, 1), (0.5, 0.9, 1.2, 1e-4, 4), (0.25, 1.65, 1.6, 1e-6, 11),
    (0.1, 0.2, 0.3, 0.004, 3), (200.0, 9000.0, 1.3, 1e-3, 1), (5.0, 2000.0, 2.5, 0.01, 2),
    (1e4, 1e6, 0.7, 1e-5, 1), (0.05, 0.5, 4.0, 0.002, 101),
]  # fmt: skip


@pytest.mark.parametrize("case", AHEAD, ids=lambda c: "-".join(f"{v:g}" for v in c))
def test_the_discounted_lifetime_of_bdw_agrees_with_mpmath(case: tuple[float, ...]) -> None:
    """2,500 terms one by one and the rest by Euler and Maclaurin, in 25 digits: to 1e-13."""
    alpha, beta, c, rate, n = case
    with mpmath.workdps(25):
        a, b, d = map(mpmath.mpf, (alpha, beta, rate))
        start = mpmath.mpf(n - 1) ** c

        def term(t: Any) -> Any:
            x = mpmath.mpf(t) ** c
            log_ratio = mpmath.loggamma(b + x) - mpmath.loggamma(a + b + x)
            log_ratio += mpmath.loggamma(a + b + start) - mpmath.loggamma(b + start)
            return mpmath.exp(log_ratio - (t - n) * mpmath.log1p(d))

        last = mpmath.mpf(n + 2500)
        ends = [last * 10**k for k in range(12) if last * 10**k < last + 60 / d] + [last + 60 / d]
        truth = mpmath.fsum(term(t) for t in range(int(n), int(n) + 2500))
        truth += mpmath.quad(term, ends) + term(last) / 2 - mpmath.diff(term, last) / 12
    ours = BdW(alpha, beta, c).discounted_expected_residual_lifetime(rate, renewals=n)

    assert float(ours) == pytest.approx(float(truth), rel=1e-13)


GAUSS = [(3.8, 15.2), (0.067, 0.267), (8.0, 1e3)]


@pytest.mark.parametrize("rate", [1e-9, 1e-3, 0.03, 0.1, 10.0])
@pytest.mark.parametrize("pair", GAUSS)
def test_the_discounted_lifetime_of_the_sbg_agrees_with_mpmath(
    pair: tuple[float, float], rate: float
) -> None:
    """Fader & Hardie 2010: r(n) 2F1(1, beta + n; alpha + beta + n; 1 / (1 + d)), to 2e-13."""
    alpha, beta = pair
    n = np.array([[1, 8], [8, 100]])
    ours = SBG(alpha, beta).discounted_expected_residual_lifetime(rate, renewals=n)
    with mpmath.workdps(30):
        a, b, z = mpmath.mpf(alpha), mpmath.mpf(beta), 1 / (1 + mpmath.mpf(rate))
        truth = [
            float((b + k - 1) / (a + b + k - 1) * mpmath.hyp2f1(1, b + k, a + b + k, z))
            for k in (1, 8, 100)
        ]

    assert ours.ravel().tolist() == pytest.approx([truth[0], truth[1], *truth[1:]], rel=2e-13)


@pytest.mark.parametrize("pair", [(1.001, 5.0), (3.8, 15.2), (5.0, 1e3), (1e2, 1e4), (1e6, 4e6)])
def test_the_undiscounted_lifetime_of_the_sbg(pair: tuple[float, float]) -> None:
    """(beta + n - 1) / (alpha - 1) without a discount, and the same at a discount of 1e-15."""
    alpha, beta = pair
    n = np.array([1, 8, 10_000])
    model, truth = SBG(alpha, beta), (beta + n - 1) / (alpha - 1)

    assert model.discounted_expected_residual_lifetime(0.0, renewals=n) == pytest.approx(
        truth, rel=2e-13
    )
    if alpha > 3:  # nearer to 1, even that discount takes something away
        ahead = model.discounted_expected_residual_lifetime(1e-15, renewals=n)
        assert ahead == pytest.approx(truth, rel=1e-10)


def slopes_agree(evaluate: Any, point: Any) -> None:
    """Gradient and Hessian against central differences."""
    here = evaluate(point)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * point[i]
        up, down = evaluate(point + step), evaluate(point - step)
        size = 2 * step[i]
        tolerance = 1e-9 * abs(here.value) / step[i]
        assert here.gradient[i] == pytest.approx((up.value - down.value) / size, abs=tolerance)
        slope = (up.gradient - down.gradient) / size
        assert here.hessian[i] == pytest.approx(slope, rel=1e-6, abs=1e-6 * abs(slope).max())


@pytest.mark.parametrize("point", [(0.5, 0.9, 1.2), (40.0, 7.0, 0.4), (0.2, 300.0, 2.6),
                                   (2.0, 3.0, 170.0)])  # fmt: skip
def test_the_gradient_and_hessian_are_those_of_the_likelihood(point: Any) -> None:
    """Also with gaps, late starts, and a power of tenure that no float holds."""
    data = Renewals(
        *np.array([[0, 1, 3, 2, 0], [1, 3, 4, 6, 9], [631, 400, 326, 30, 5], [369, 68, 56, 8, 9]])
        .astype(float)
    )  # fmt: skip
    slopes_agree(lambda v: formulas.evaluate(formulas.Parameters(*v), data), np.array(point))


@pytest.mark.parametrize("point", [(0.5, 0.9, 1.2), (40.0, 7.0, 0.4), (0.2, 300.0, 2.6)])
def test_the_gradient_and_hessian_are_those_of_the_totals(point: Any) -> None:
    """With periods that brought nobody."""
    data = Totals(np.array([900.0, 0, 500, 700, 0]), np.array([300.0, 90, 200, 210, 1300]))
    slopes_agree(lambda v: formulas.evaluate_totals(formulas.Parameters(*v), data), np.array(point))


def test_the_spread_of_totals_is_that_of_simulated_totals() -> None:
    """Covariance of the gradient over 20,000 draws (each entry's own standard error counted)."""
    h, acquired = formulas.Parameters(0.7, 1.5, 1.2), np.array([900.0, 100.0, 500.0, 1500.0])
    found, rng = formulas.cells(h, acquired), np.random.default_rng(5)
    counts = sum(
        rng.multinomial(int(size), chance, size=20_000)
        for size, chance in zip(acquired, found.by_cohort, strict=True)
    )
    slopes = counts @ found.slope.T
    products = np.einsum("ni,nj->nij", slopes, slopes)
    error = products.std(axis=0) / np.sqrt(len(slopes))
    spread = formulas.spread_of_totals(h, Totals(acquired, counts[0].astype(float)))

    assert (abs(slopes.mean(axis=0)) < FALSE_ALARM * np.sqrt(np.diag(spread) / 20_000)).all()
    assert (abs(products.mean(axis=0) - spread) < FALSE_ALARM * error).all()
    assert np.exp(found.log_share).sum() == pytest.approx(1, rel=1e-14)
