"""BG/BB against exact enumeration in fractions, mpmath, and limits in closed form."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from crmlab.models.bg_bb import BGBB, summarize


def urn(model: tuple[int, int, int, int], bought: tuple[int, ...]) -> list[Fraction]:
    """P(history, left before m + 1) for m = 0 ... n - 1, and P(history, still there), exactly.

    Step by step from Polya's urns, in fractions: no beta function anywhere.
    """
    alpha, beta, gamma, delta = model
    there, x, out = Fraction(1), 0, []
    for m, bit in enumerate(bought):
        silent = not any(bought[m:])
        out.append(there * Fraction(gamma, gamma + delta + m) if silent else Fraction(0))
        buys = Fraction(alpha + x, alpha + beta + m)
        there *= Fraction(delta + m, gamma + delta + m) * (buys if bit else 1 - buys)
        x += bit
    return [*out, there]


@pytest.mark.parametrize("whole", [(1, 1, 1, 1), (2, 3, 1, 4), (1, 4, 3, 2)])
def test_every_history_has_the_urns_probability(whole: tuple[int, int, int, int]) -> None:
    """All 2 + 4 + ... + 32 ordered histories: likelihood, P(alive) now and later, and pmf."""
    model = BGBB(*map(float, whole))
    _, _, gamma, delta = whole
    for n, ahead in itertools.product(range(1, 6), (0, 1, 3)):
        future = list(itertools.product((0, 1), repeat=ahead))
        for bought in itertools.product((0, 1), repeat=n):
            parts = urn(whole, bought)
            table = {name: v[0] for name, v in summarize(np.array([bought], bool)).items()}
            alive = parts[-1] / sum(parts)
            for j in range(n, n + 1 + ahead):
                alive *= Fraction(delta + j, gamma + delta + j)
            by_count = [Fraction(0)] * (ahead + 1)
            for later in future:
                by_count[sum(later)] += sum(urn(whole, bought + later)) / sum(parts)
            likelihood = float(np.exp(model.log_likelihood(**table)))
            pmf = model.pmf(range(ahead + 2), ahead, **table)
            mean = sum(k * float(p) for k, p in enumerate(by_count))

            assert likelihood == pytest.approx(float(sum(parts)), rel=1e-13)
            assert float(model.p_alive(**table, ahead=ahead)) == pytest.approx(
                float(alive), rel=1e-13
            )
            assert pmf == pytest.approx([*map(float, by_count), 0], rel=1e-13, abs=0)
            assert float(model.expected_purchases(ahead, **table)) == pytest.approx(mean, rel=1e-12)


def drawn_cases(count: int) -> list[tuple[Any, ...]]:
    """Parameters over 8 or 16 orders of magnitude, gamma = 1 in some; a history; a question."""
    rng, cases = np.random.default_rng(20), []
    for i in range(count):
        alpha, beta, gamma, delta = map(float, 10 ** rng.uniform(-4, 4 if i % 2 else 12, 4))
        n = int(rng.choice([1, 6, 60, 300]))
        t_x = int(rng.choice([0, rng.integers(1, n + 1), n]))
        x = int(rng.integers(1, t_x + 1)) if t_x else 0
        ahead, rate = int(rng.choice([1, 7, 50])), float(rng.choice([0.02, 0.1, 2.0]))
        k = int(rng.integers(0, ahead + 1))
        cases.append((alpha, beta, 1.0 if i % 4 == 0 else gamma, delta, x, t_x, n, ahead, k, rate))
    return cases


def by_beta_functions(case: tuple[Any, ...]) -> dict[str, Any]:
    """What the case asks for, as sums of beta functions in mpmath's working precision."""
    x, t_x, n, ahead, k, rate = case[4:]
    a, b, g, d = map(mpmath.mpf, case[:4])
    beta, v = mpmath.beta, 1 / (1 + mpmath.mpf(rate))
    stays = [beta(g, d + j) / beta(g, d) for j in range(n + ahead + 2)]
    leaves = [beta(g + 1, d + j) / beta(g, d) for j in range(n + ahead + 1)]
    silent = [beta(a + x, b + m - x) / beta(a, b) for m in range(t_x, n + 1)]
    likelihood = silent[-1] * stays[n] + mpmath.fdot(silent[:-1], leaves[t_x:n])
    there = silent[-1] / likelihood
    p = (a + x) / (a + b + n)

    def binomial(j: int) -> Any:
        ways = mpmath.binomial(j, k)
        return ways * beta(a + x + k, b + n - x + j - k) / beta(a + x, b + n - x)

    pmf = there * stays[n + ahead] * binomial(ahead) + (1 - there * stays[n + 1]) * (k == 0)
    for j in range(max(k, 1), ahead):
        pmf += there * leaves[n + j] * binomial(j)
    term, dert, j = v * there * stays[n + 1], mpmath.mpf(0), d + n + 1
    while term > mpmath.mpf(10) ** -25 * dert:
        dert, term, j = dert + term, term * v * j / (g + j), j + 1
    return {
        "ll": mpmath.log(likelihood),
        "alive": there * stays[n + 1],
        "later": there * stays[n + 1 + ahead],
        "life": there * mpmath.fsum(stays[n + 1 :][:ahead]),
        "det": p * there * mpmath.fsum(stays[n + j] * v**j for j in range(1, ahead + 1)),
        "dert": p * dert,
        "pmf": pmf,
    }


@pytest.mark.parametrize("case", drawn_cases(40), ids=lambda c: "-".join(f"{v:.2g}" for v in c))
def test_everything_agrees_with_mpmath(case: tuple[Any, ...]) -> None:
    """To 1e-11, huge and tiny parameters, gamma = 1, up to 300 opportunities."""
    x, t_x, n, ahead, k, rate = case[4:]
    with mpmath.workdps(50):
        truth = by_beta_functions(case)
    model, history = BGBB(*case[:4]), {"frequency": x, "recency": t_x, "n": n}
    ours = {
        "ll": model.log_likelihood(**history),
        "alive": model.p_alive(**history),
        "later": model.p_alive(**history, ahead=ahead),
        "life": model.expected_life(ahead, **history),
        "det": model.det(rate, ahead, **history),
        "dert": model.dert(rate, **history),
        "pmf": model.pmf(k, ahead, **history),
    }

    for name, value in ours.items():
        assert float(value) == pytest.approx(float(truth[name]), rel=1e-11, abs=1e-290), name


@pytest.mark.parametrize("rate", [1e-3, 1e-5, 1e-9, 1e-15])
@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.5])
def test_hardly_any_discounting_is_no_special_case(gamma: float, rate: float) -> None:
    """DERT of a new customer is v 2F1(1, D; gamma + D; v) E[p] P(alive), to 1e-11."""
    with mpmath.workdps(40):
        g, d, r = map(mpmath.mpf, (gamma, 3.0, rate))
        tail = mpmath.hyp2f1(1, g, g + d + 1, -1 / r) / r  # the same, by Pfaff's transformation
        truth = mpmath.mpf(1.5) / 2 * d / (g + d) * tail

    assert float(BGBB(1.5, 0.5, gamma, 3.0).dert_new(rate)) == pytest.approx(
        float(truth), rel=1e-11
    )


def test_a_very_long_horizon_is_no_special_case() -> None:
    """Five million opportunities one by one, and ten million at once, meet the closed form."""
    model, D = BGBB(1.0, 1.0, 1.5, 2.0), mpmath.mpf(3)
    for ahead in (4e6, 5e6, 1e9):
        with mpmath.workdps(40):
            g = mpmath.mpf(1.5)
            gone = mpmath.gammaprod([D + ahead, g + D - 1], [g + D - 1 + ahead, D])
            truth = (g + D - 1) / (g - 1) * (1 - gone) * 2 / (g + 2) / 2
        assert float(model.expected_purchases_new(ahead)) == pytest.approx(float(truth), rel=1e-11)


@pytest.mark.parametrize("gamma", [1 - 1e-12, 1.0, 1 + 1e-12])
def test_a_gamma_of_one_is_no_special_case(gamma: float) -> None:
    """The textbook form divides by gamma - 1; the sum there is delta + n times harmonic terms."""
    model = BGBB(1.0, 2.0, gamma, 1.5)
    truth = sum(1.5 / (2.5 + j) for j in range(40)) / 3

    assert float(model.expected_purchases_new(40)) == pytest.approx(truth, rel=1e-10)


def test_huge_parameters_are_constant_coins() -> None:
    """At 1e15, p and theta are what they are for everybody: binomial and geometric formulas."""
    p, theta, n = 0.3, 0.1, 8
    model = BGBB(p * 1e15, (1 - p) * 1e15, theta * 1e15, (1 - theta) * 1e15)
    silent = sum(theta * (1 - theta) ** m * (1 - p) ** m for m in range(n))
    likelihood = silent + (1 - theta) ** n * (1 - p) ** n
    alive = ((1 - theta) * (1 - p)) ** n * (1 - theta) / likelihood
    history = {"frequency": 0, "recency": 0, "n": n}

    assert float(model.log_likelihood(**history)) == pytest.approx(math.log(likelihood), rel=1e-12)
    assert float(model.p_alive(**history)) == pytest.approx(alive, rel=1e-12)
    assert float(model.dert(0.05, **history)) == pytest.approx(
        alive * p / (0.05 + theta), rel=1e-12
    )
    assert float(model.expected_remaining_life(**history)) == pytest.approx(
        alive / theta, rel=1e-12
    )
    assert float(model.pmf_new(3, 3)) == pytest.approx((p * (1 - theta)) ** 3, rel=1e-12)


def test_a_likelihood_near_one_keeps_its_digits() -> None:
    """Hardly anybody ever buys: ln L is about -P(any purchase), not 0 and not rounding."""
    model = BGBB(1e-12, 5.0, 1.0, 3.0)
    some = float(model.expected_purchases_new(10))
    mean_of_more = float(model.pmf_new(np.arange(1, 11), 10).sum())

    value = -float(model.log_likelihood(frequency=0, recency=0, n=10))
    assert value == pytest.approx(mean_of_more, rel=1e-10)
    assert 0 < value < some


def test_long_histories_are_finite() -> None:
    """3,000 opportunities, with none, one and 3,000 purchases: no NaN, probabilities in [0, 1]."""
    model = BGBB(1.203522, 0.749716, 0.656718, 2.783443)
    history = {"frequency": [0, 1, 1, 1500, 3000], "recency": [0, 1, 3000, 2000, 3000], "n": 3000}
    alive = model.p_alive(**history)

    assert np.isfinite(model.log_likelihood(**history)).all()
    assert np.isfinite(model.dert(0.01, **history)).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert alive[[2, 4]] == pytest.approx(1, abs=3e-4)
