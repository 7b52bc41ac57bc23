"""What must hold between the figures of every purchase model, at any parameters and any history.

The draws are wide: rates and shapes over two to three orders of magnitude, histories from no
purchase to forty, a purchase on the last day, silences of almost all of the time.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import fixed_quad
from scipy.special import gammaln, xlogy

from crmlab import BGNBD, MBGNBD, GammaGamma, ParetoNBD
from crmlab.models.catalogue import PURCHASE_MODELS
from crmlab.models.estimates import names, parameters
from crmlab.models.histories import Histories

DRAWS = 40  # a property and model
KINDS = [BGNBD, MBGNBD, ParetoNBD]

scale = st.floats(-2, 2).map(lambda v: 10.0**v)
shape = st.floats(-1.3, 1.3).map(lambda v: 10.0**v)
times = st.floats(-1, 3).map(lambda v: 10.0**v)


class Case(NamedTuple):
    """A history, and a time ahead of it."""

    x: int
    t_x: float
    T: float
    t: float

    @property
    def history(self) -> dict[str, Any]:
        """The history as methods take it."""
        return {"frequency": self.x, "recency": self.t_x, "T": self.T}


def _case(x: int, share: float, T: float, t: float) -> Case:
    return Case(x, share * T if x else 0.0, T, t)


cases = st.builds(
    _case, st.integers(0, 40), st.one_of(st.just(1.0), st.floats(1e-3, 1.0)), times, times
)
models = {
    kind: st.builds(
        lambda r, alpha, c, d, kind=kind: kind(
            r, alpha, c, d * (10 if kind is ParetoNBD else 1)
        ),
        shape, scale, shape, st.one_of(shape, st.just(1.0)),
    )
    for kind in KINDS
}  # fmt: skip


def for_each_model(test: Any) -> Any:
    """Run a test of (model, case) on every model, at DRAWS draws each."""

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
    @given(data=st.data())
    @settings(max_examples=DRAWS, deadline=None)
    def drawn(kind: Any, data: Any) -> None:
        test(data.draw(models[kind]), data.draw(cases))

    drawn.__doc__, drawn.__name__ = test.__doc__, test.__name__
    return drawn


def test_every_purchase_model_is_drawn_or_told_apart() -> None:
    """The catalogue's models of Poisson purchases are all here; those with a shape k of their own
    contain these at k = 1, and have their own tests.
    """
    assert {k for k in PURCHASE_MODELS.values() if len(dataclasses.fields(k)) == 4} == set(KINDS)


def intensity(model: Any, case: Case, u: float) -> float:
    """Expected purchases a time unit at T + u, from the textbook: E[lambda, alive at T + u]."""
    x, T = case.x, case.T
    rate, A = (model.r + x) / (model.alpha + T), model.alpha + T
    if isinstance(model, ParetoNBD):
        ahead = (1 + u / (model.beta + T)) ** -model.s
    else:
        n = x + model.first_coin
        ahead = float(mpmath.hyp2f1(model.r + x + 1, model.a, model.a + model.b + n, -u / A))
    return float(model.p_alive(**case.history)) * rate * ahead


@for_each_model
def test_expectations_are_additive(model: Any, case: Case) -> None:
    """E(0, 2t) - E(0, t) is the integral of the textbook's intensity over (t, 2t)."""
    near, far = model.expected_purchases([case.t, 2 * case.t], **case.history)
    place, weight = np.polynomial.legendre.leggauss(12)  # on one octave: to 1e-16
    between = (
        case.t
        / 2
        * sum(
            w * intensity(model, case, case.t * (3 + p) / 2)
            for p, w in zip(place, weight, strict=True)
        )
    )

    assert far - near == pytest.approx(between, rel=1e-9, abs=1e-12 * far)


@for_each_model
def test_the_slope_at_once_is_the_rate_of_who_is_alive(model: Any, case: Case) -> None:
    """E(0, t) / t tends to P(alive) E[lambda | alive] = P(alive) (r + x) / (alpha + T)."""
    t = 1e-9 * min(case.T, model.alpha)
    ahead = float(model.expected_purchases(t, **case.history))

    assert ahead / t == pytest.approx(intensity(model, case, 0.0), rel=1e-6, abs=1e-300)


@for_each_model
def test_expectations_grow_ever_more_slowly(model: Any, case: Case) -> None:
    """0 at t = 0, increasing, concave, up to rounding."""
    ahead = model.expected_purchases(np.linspace(0, case.t, 15), **case.history)

    assert ahead[0] == 0
    assert (np.diff(ahead) >= -1e-14 * ahead[-1]).all()  # at its limit it moves by rounding
    assert (np.diff(ahead, 2) <= 1e-12 * ahead[-1]).all()


@for_each_model
def test_p_alive_falls_with_silence_and_rises_with_recency(model: Any, case: Case) -> None:
    """In [0, 1]; falling in T, rising in t_x; falling ahead. (It is not monotone in x.)"""
    x, T = case.x, case.T
    silent = model.p_alive(frequency=x, recency=case.t_x, T=T * np.array([1, 1.1, 2, 10]))
    ahead = model.p_alive(**case.history, ahead=T * np.array([0, 0.1, 1, 10]))
    recent = model.p_alive(
        frequency=x, recency=T * np.linspace(0.05, 1, 9) if x else np.zeros(9), T=T
    )

    for alive in (silent, ahead, recent):
        assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(silent) <= 1e-13 * silent[:-1]).all()
    assert (np.diff(ahead) <= 1e-13 * ahead[:-1]).all()
    assert (np.diff(recent) >= -1e-13 * recent[1:]).all()


@for_each_model
def test_discounting_is_an_integral_over_time(model: Any, case: Case) -> None:
    """DET = exp(-d t) E(t) + d times the integral of exp(-d u) E(u), by parts."""
    rate, c = 1 / case.t, (model.alpha + case.T) / (model.r + case.x + 1)

    def integrand(y: Any) -> Any:
        u = c * np.expm1(y)
        return np.exp(-rate * u) * model.expected_purchases(u, **case.history) * (c + u)

    part, _ = fixed_quad(integrand, 0, np.log1p(case.t / c), n=120)
    ahead = float(model.expected_purchases(case.t, **case.history))

    assert float(model.det(rate, case.t, **case.history)) == pytest.approx(
        np.exp(-1) * ahead + rate * part, rel=1e-9, abs=1e-300
    )


@for_each_model
def test_dert_falls_with_the_rate_and_stays_below_the_plain_expectation(
    model: Any, case: Case
) -> None:
    """Also at huge rates and long memories, where others gave more for a higher rate, or NaN;
    for ever it is the limit of ever longer horizons.
    """
    rates = np.array([1e-4, 1e-3, 0.01, 0.1, 1, 100]) / case.t
    dert = np.array([float(model.dert(rate, **case.history)) for rate in rates])
    forever = float(model.det(rates[3], 600 * case.t, **case.history))

    assert np.isfinite(dert).all()
    assert (np.diff(dert) <= 1e-11 * dert[:-1]).all()
    assert dert[3] == pytest.approx(forever, rel=1e-9, abs=1e-300)
    if isinstance(model, ParetoNBD):
        if model.s > 1:
            endless = intensity(model, case, 0.0) * (model.beta + case.T) / (model.s - 1)
            assert dert[0] <= endless * (1 + 1e-12)
    else:
        assert dert[0] <= float(model.expected_purchases(np.inf, **case.history)) * (1 + 1e-10)


@for_each_model
def test_the_unit_of_time_is_no_part_of_the_answer(model: Any, case: Case) -> None:
    """Everything in a unit 7 times smaller: the same expectation, P(alive), DERT and life / 7."""
    k, clock = 7.0, {"alpha", "beta"} & set(names(model))
    days = dataclasses.replace(model, **{name: k * getattr(model, name) for name in clock})
    then = {"frequency": case.x, "recency": k * case.t_x, "T": k * case.T}
    rate = 0.3 / case.t
    pairs = [
        (days.p_alive(**then), model.p_alive(**case.history)),
        (days.expected_purchases(k * case.t, **then),
         model.expected_purchases(case.t, **case.history)),
        (days.dert(rate / k, **then), model.dert(rate, **case.history)),
        (days.expected_life(k * case.t, **then), k * model.expected_life(case.t, **case.history)),
        (days.log_likelihood(**then) + case.x * np.log(k), model.log_likelihood(**case.history)),
    ]  # fmt: skip

    for one, other in pairs:
        assert float(one) == pytest.approx(float(other), rel=1e-10, abs=1e-290)


class Everything(NamedTuple):
    """All histories up to T: frequency, recency, and the share of new customers that has each."""

    x: Any
    t_x: Any
    weight: Any


def every_history(model: Any, T: float) -> Everything:
    """f(0), and for each x >= 1 nodes over t_x with weight L t_x^(x - 1) / (x - 1)!.

    Gauss-Legendre in ln(1 + t_x / c), c the time in which the likelihood moves.
    """
    memory = getattr(model, "beta", model.alpha)
    c = min(model.alpha, memory, T)
    place, mass = np.polynomial.legendre.leggauss(60)
    width = np.log1p(T / c)
    t = c * np.expm1(width * (place + 1) / 2)
    t, step = np.minimum(t, T), width / 2 * mass * (c + t)
    x = np.arange(1, 321)[:, None]
    log_density = model.log_likelihood(frequency=x, recency=t, T=T) + xlogy(x - 1, t) - gammaln(x)
    none = np.exp(model.log_likelihood(frequency=0, recency=0.0, T=T))
    return Everything(
        np.append(0, np.broadcast_to(x, (320, 60)).ravel()),
        np.append(0.0, np.broadcast_to(t, (320, 60)).ravel()),
        np.append(none, (step * np.exp(log_density)).ravel()),
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data(), share=st.floats(0.05, 3))
@settings(max_examples=12, deadline=None)
def test_all_histories_together_are_a_new_customer(kind: Any, data: Any, share: float) -> None:
    """Summed over all histories up to T: the likelihood is 1 (3.6: a density), P(alive) is that
    of a new customer, and the expectation ahead is E[X(T + t)] - E[X(T)] (the tower property).
    """
    model = data.draw(models[kind].filter(lambda m: m.r < 6))
    T, t = share * model.alpha, 2 * share * model.alpha
    x, t_x, weight = every_history(model, T)
    history = {"frequency": x, "recency": t_x, "T": T}
    now, later = model.expected_purchases_new([T, T + t])
    new = {"frequency": 0, "recency": 0.0, "T": 0.0}

    assert weight.sum() == pytest.approx(1, abs=1e-9)
    assert weight @ x == pytest.approx(float(now), rel=1e-8)
    assert weight @ model.p_alive(**history) == pytest.approx(
        float(model.p_alive(**new, ahead=T)), rel=1e-8
    )
    assert weight @ model.expected_purchases(t, **history) == pytest.approx(later - now, rel=1e-8)


def nbd(r: float, alpha: float, case: Case) -> tuple[float, float]:
    """Without dropout: log-likelihood of the ordered history, and expected purchases in t."""
    likelihood = gammaln(r + case.x) - gammaln(r) - r * np.log1p(case.T / alpha)
    return likelihood - case.x * np.log(alpha + case.T), (r + case.x) / (alpha + case.T) * case.t


@given(r=shape, alpha=scale, other=shape, case=cases)
@settings(max_examples=DRAWS, deadline=None)
def test_without_dropout_all_three_are_the_nbd(
    r: float, alpha: float, other: float, case: Case
) -> None:
    """BG/NBD and MBG/NBD as a falls to 0, Pareto/NBD as s does: the gap falls in proportion."""
    likelihood, ahead = nbd(r, alpha, case)
    for kind in KINDS:
        gaps = []
        for small in (1e-10, 1e-13):
            model = kind(r, alpha, small, other)
            odds = 1 / float(model.p_alive(**case.history)) - 1
            if odds > 1e3 * small:  # a silence so long that even this leaves a doubt
                return
            one = float(model.log_likelihood(**case.history)) - likelihood
            two = float(model.expected_purchases(case.t, **case.history)) / ahead - 1
            gaps.append((abs(one), abs(two)))
        assert gaps[0] == pytest.approx((0, 0), abs=1e-6)
        assert gaps[1] == pytest.approx((0, 0), abs=1e-9 + 1e-14 * abs(likelihood))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
@settings(max_examples=DRAWS, deadline=None)
def test_the_gradient_is_that_of_the_likelihood(kind: Any, data: Any) -> None:
    """Against central differences in each parameter's logarithm, to 1e-6 of the largest."""
    model = data.draw(models[kind])
    seen = [data.draw(cases) for _ in range(4)]
    x, t_x, T = (np.array([getattr(c, name) for c in seen]) for name in ("x", "t_x", "T"))
    rows = Histories(x, t_x, T, np.array([1, 5, 2, 1])).patterns()
    objective = kind._objective(rows)
    point = parameters(model)
    slope = objective(point).gradient * point
    size = np.abs(slope).max() + 1e-6 * abs(objective(point).value)

    for i in range(4):
        up, down = (point * np.exp(h * (np.arange(4) == i)) for h in (1e-4, -1e-4))
        difference = (objective(up).value - objective(down).value) / 2e-4
        assert abs(slope[i] - difference) <= 1e-6 * size


@given(p=shape, q=st.floats(1.01, 50), v=scale, z=scale, x=st.integers(0, 300))
@settings(max_examples=2 * DRAWS, deadline=None)
def test_the_unit_of_money_is_no_part_of_spend(
    p: float, q: float, v: float, z: float, x: int
) -> None:
    """v and the spends in cents: expected spends in cents, the likelihood of the same spends."""
    dollars, cents = GammaGamma(p, q, v), GammaGamma(p, q, 100 * v)

    assert float(cents.expected_spend(frequency=x, monetary_value=100 * z)) == pytest.approx(
        100 * float(dollars.expected_spend(frequency=x, monetary_value=z)), rel=1e-13
    )
    if x:
        one = float(dollars.log_likelihood(frequency=x, monetary_value=z))
        other = float(cents.log_likelihood(frequency=x, monetary_value=100 * z))
        assert other == pytest.approx(one - np.log(100), rel=1e-11, abs=1e-11)
