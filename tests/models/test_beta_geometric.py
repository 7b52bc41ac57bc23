"""BG/NBD and MBG/NBD against independent mathematics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import BGNBD, MBGNBD
from crmlab.errors import InvalidHistory, NotEstimable, WrongParameter
from crmlab.models import beta_geometric, beta_geometric_ahead
from crmlab.models.histories import histories

MODELS = [BGNBD, MBGNBD]
CDNOW = (0.2426, 4.4136, 0.7929, 2.4259)
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison

positive = st.floats(0.05, 20)


def one(*values: float) -> list[Any]:
    """Numbers as arrays of one, as the formulas take them."""
    return [np.array([v]) for v in values]


def moments(t: float, s: float, A: float, a: float, B: float) -> Any:
    """The textbook 2F1 form, in 40 digits."""
    with mpmath.workdps(40):
        t, s, A, a, B = map(mpmath.mpf, (t, s, A, a, B))
        tail = mpmath.hyp2f1(s, B, a + B - 1, t / (A + t))
        return (a + B - 1) / (a - 1) * (1 - (A / (A + t)) ** s * tail)


RNG = np.random.default_rng(7)
WIDE = [
    tuple(float(10**v) for v in RNG.uniform([-2, -2, -1, -2, -2], [3.6, 3.3, 3.6, 2.5, 3.3]))
    for _ in range(60)
]


@pytest.mark.parametrize("case", WIDE, ids=lambda c: "-".join(f"{v:.2g}" for v in c))
def test_the_expectation_given_alive_agrees_with_mpmath(case: tuple[float, ...]) -> None:
    """(t, s, A, a, B) over 4 to 6 orders of magnitude, to 1e-11."""
    t, s, A, a, B = case
    ours = beta_geometric_ahead.purchases_if_alive(*one(t, s, A), a, np.array([B]))[0]

    assert ours == pytest.approx(float(moments(t, s, A, a, B)), rel=1e-11)


@pytest.mark.parametrize("case", WIDE[:12], ids=lambda c: "-".join(f"{v:.2g}" for v in c))
def test_the_discounted_expectation_agrees_with_quadrature(case: tuple[float, ...]) -> None:
    """Integral of exp(-rate u) (s / A) 2F1(s + 1, a; a + B; -u / A), in 30 digits."""
    t, s, A, a, B = case
    rate = 0.003
    with mpmath.workdps(30):
        points = [0.0] + [t * 10.0**k for k in (-6, -5, -4, -3, -2, -1.5, -1, -0.5, 0)]
        truth = mpmath.quad(
            lambda u: mpmath.exp(-rate * u) * s / A * mpmath.hyp2f1(s + 1, a, a + B, -u / A), points
        )
    ours = beta_geometric_ahead.discounted_if_alive(rate, *one(t, s, A), a, np.array([B]))[0]

    assert ours == pytest.approx(float(truth), rel=1e-10)


@pytest.mark.parametrize("a", [1.0, 1 - 1e-12, 1 + 1e-12])
def test_a_of_one_is_no_special_case(a: float) -> None:
    """The textbook form divides by a - 1; ours passes through smoothly."""
    near = float(moments(39, 2.24, 43.3, a + 1e-9, 4.4))
    ours = beta_geometric_ahead.purchases_if_alive(*one(39, 2.24, 43.3), a, np.array([4.4]))[0]

    assert ours == pytest.approx(near, rel=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_the_gradient_and_hessian_are_those_of_the_likelihood(model: Any, sample: Any) -> None:
    """Against central differences, to 1e-6."""
    x = sample["frequency"].to_numpy()
    data = (x, sample["recency"].to_numpy(), sample["T"].to_numpy())
    n, count = x + model.first_coin, np.ones(len(x))

    at = beta_geometric.objective(*data, n, count)
    point = np.array([0.5, 6.0, 0.9, 1.7])
    here = at(point)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * point[i]
        up, down = at(point + step), at(point - step)
        slope = (up.value - down.value) / (2 * step[i])
        bend = (up.gradient - down.gradient) / (2 * step[i])
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-4)
        assert here.hessian[i] == pytest.approx(bend, rel=1e-5, abs=1e-3)


@pytest.mark.parametrize("model", MODELS)
@given(
    r=positive,
    alpha=positive,
    a=positive,
    b=positive,
    x=st.integers(0, 60),
    share=st.floats(0.01, 1),
)
@settings(max_examples=60, deadline=None)
def test_p_alive_falls_with_silence(
    model: Any, r: float, alpha: float, a: float, b: float, x: int, share: float
) -> None:
    """P(alive) lies in [0, 1] and falls as T grows; exactly 1 for BG/NBD's one-time buyers."""
    recency = 30 * share if x else 0.0
    alive = model(r, alpha, a, b).p_alive(frequency=x, recency=recency, T=[30.0, 60.0, 600.0])

    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) <= 0).all()
    if model is BGNBD and x == 0:
        assert (alive == 1).all()


@pytest.mark.parametrize("model", MODELS)
def test_undiscounted_to_the_horizon_is_the_expectation(model: Any) -> None:
    """det at rate 0 is expected_purchases; it falls with the rate, grows with the horizon."""
    value = model(*CDNOW)
    asked = {"frequency": [0, 2, 30], "recency": [0.0, 30.4, 38.0], "T": 38.86}
    plain = value.expected_purchases(260, **asked)

    assert value.det(0.0, 260, **asked) == pytest.approx(plain, rel=1e-12)
    assert (value.det(0.003, 260, **asked) < plain).all()
    assert (value.det(0.003, np.inf, **asked) > value.det(0.003, 260, **asked)).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_life_ahead_is_the_sum_of_survival(model: Any) -> None:
    """The restricted mean life is the integral of the survival curve, also at r + x = 1."""
    value = model(1.0, 4.4, 0.8, 2.4)
    nodes, weights = np.polynomial.legendre.leggauss(60)
    t = 260 * (nodes + 1) / 2
    alive = float(value.p_alive(frequency=0, recency=0.0, T=5.0))
    summed = alive * 130 * weights @ value.survival_if_alive(t, frequency=0, T=5.0)

    assert float(value.expected_life(260, frequency=0, recency=0.0, T=5.0)) == pytest.approx(
        float(summed), rel=1e-8
    )


@pytest.mark.parametrize("model", MODELS)
def test_simulated_futures_have_the_formulas_means(model: Any) -> None:
    """200,000 futures of three histories; false alarm below 1e-5 a comparison."""
    value, rounds = model(*CDNOW), 200_000
    asked = {"frequency": [0, 2, 12], "recency": [0.0, 30.4, 38.0], "T": [38.86, 38.86, 39.0]}
    tiled = {name: np.tile(v, rounds) for name, v in asked.items()}
    future = value.simulate_future(52.0, **tiled, seed=3)
    bought = np.bincount(future.customer, minlength=3 * rounds).reshape(rounds, 3)
    error = bought.std(axis=0) / np.sqrt(rounds)

    assert (
        abs(bought.mean(axis=0) - value.expected_purchases(52, **asked)) < FALSE_ALARM * error
    ).all()
    assert (future.time > 0).all()
    assert (future.time <= 52).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_time_unit_changes_alpha_and_nothing_else(model: Any, sample: pd.DataFrame) -> None:
    """Days instead of weeks: alpha x 7, other parameters, P(alive) and log-likelihood as before."""
    days = sample.assign(recency=sample["recency"] * 7, T=sample["T"] * 7)
    weekly, daily = model.fit(sample), model.fit(days)

    assert daily.model.alpha == pytest.approx(7 * weekly.model.alpha, rel=1e-8)
    assert [daily.model.r, daily.model.a, daily.model.b] == pytest.approx(
        [weekly.model.r, weekly.model.a, weekly.model.b], rel=1e-8
    )
    shift = sample["frequency"].sum() * np.log(7)
    assert daily.log_likelihood == pytest.approx(weekly.log_likelihood - shift, rel=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_counts_and_order_do_not_matter(model: Any, sample: pd.DataFrame) -> None:
    """A pattern of two customers is two customers; a shuffled table is the same data."""
    twice = pd.concat([sample, sample]).sample(frac=1, random_state=1)
    counted = sample.assign(count=2)
    once, doubled, patterns = model.fit(sample), model.fit(twice), model.fit(counted)

    assert doubled.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-13)
    assert patterns.model == doubled.model
    assert doubled.model.b == pytest.approx(once.model.b, rel=1e-8)
    assert np.diag(doubled.covariance) * 2 == pytest.approx(np.diag(once.covariance), rel=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_score_does_not_depend_on_who_else_is_asked(model: Any, sample: pd.DataFrame) -> None:
    """The first hundred alone have the same scores, bit for bit."""
    value, few = model(*CDNOW), sample.iloc[:100]
    columns = ["frequency", "recency", "T"]
    every = value.p_alive(**{c: sample[c].to_numpy() for c in columns})

    assert (value.p_alive(**{c: few[c].to_numpy() for c in columns}) == every[:100]).all()


@pytest.mark.parametrize("model", MODELS)
def test_the_fit_finds_what_it_was_simulated_from(model: Any) -> None:
    """Truth inside 4.5 standard errors (log scale) of a fit to 20,000 simulated newcomers."""
    truth, n = model(0.6, 8.0, 0.9, 2.5), 20_000
    T = np.linspace(30.0, 60.0, n)
    zero = np.zeros(n)
    future = truth.simulate_future(60.0, frequency=zero, recency=zero, T=zero, seed=11)
    seen = future.time <= T[future.customer]
    who, when = future.customer[seen], future.time[seen]
    recency = np.zeros(n)
    np.maximum.at(recency, who, when)
    data = pd.DataFrame({"frequency": np.bincount(who, minlength=n), "recency": recency, "T": T})
    fit = model.fit(data)
    gap = np.log(fit.summary()["estimate"]) - np.log([truth.r, truth.alpha, truth.a, truth.b])

    assert (abs(gap) < FALSE_ALARM * np.sqrt(np.diag(fit.covariance))).all()


@pytest.mark.parametrize("model", MODELS)
def test_no_dropout_in_the_data_is_said(model: Any) -> None:
    """Everybody bought to the end: the coin's parameters run to a limit, and it is named."""
    rng = np.random.default_rng(5)
    x = rng.poisson(rng.gamma(2.0, 5.0, 500)) + 1
    data = {"frequency": x, "recency": 39.999, "T": 40.0}
    fit = model.fit(pd.DataFrame(data))

    assert fit.diagnosis.status == "boundary"
    assert {"a", "b"} & set(fit.diagnosis.at_boundary)
    assert (fit.model.p_alive(**data) > 1 - 1e-5).all()


@pytest.mark.parametrize("model", MODELS)
def test_no_repeat_buyer_is_refused(model: Any) -> None:
    """Without repeats there is nothing to estimate; the message says how many were looked at."""
    table = pd.DataFrame({"frequency": [0] * 30, "recency": 0.0, "T": 40.0})

    with pytest.raises(NotEstimable, match="none of the 30 customers bought a second time"):
        model.fit(table)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ((-1, 0.0, 9.0), "no whole number"),
        ((1.5, 2.0, 9.0), "no whole number"),
        ((2, 10.0, 9.0), "above T"),
        ((2, np.nan, 9.0), "missing or infinite"),
        ((0, 3.0, 9.0), "no repeat purchase but a recency"),
        ((2, 0.0, 9.0), "recency of 0"),
    ],
)
def test_impossible_histories_are_refused_by_name(row: tuple[float, ...], found: str) -> None:
    """How many, the first of them, and why."""
    good = pd.DataFrame({"frequency": [1.0, 0.0], "recency": [4.0, 0.0], "T": 9.0})
    bad = pd.DataFrame([row], columns=["frequency", "recency", "T"], index=["c-7"])

    with pytest.raises(InvalidHistory, match=found) as refused:
        BGNBD.fit(pd.concat([good, bad]))
    assert "1 of 3 customers" in str(refused.value)
    assert "c-7" in str(refused.value)


def test_a_recency_above_t_by_rounding_is_t() -> None:
    """Float weeks give T - t_x = -7e-15; that is no error and no NaN."""
    alive = BGNBD(*CDNOW).p_alive(frequency=3, recency=38.857142857142861, T=38.857142857142854)

    assert float(alive) == pytest.approx(
        float(BGNBD(*CDNOW).p_alive(frequency=3, recency=38.857142857142854, T=38.857142857142854))
    )


def test_a_fit_reads_well_and_goes_into_json(sample: pd.DataFrame) -> None:
    """The summary has a row a parameter; the dictionary is plain; the view names the model."""
    import json

    fit = BGNBD.fit(sample)

    assert fit.summary().index.tolist() == ["r", "alpha", "a", "b"]
    assert (fit.summary()["lower_95"] < fit.summary()["estimate"]).all()
    assert json.loads(json.dumps(fit.as_dict(), allow_nan=False))["customers"] == 2357
    assert fit.unit == "week"
    assert "BGNBD" in fit._repr_html_()
    assert fit.aic == pytest.approx(2 * 4 + 2 * 9582.429, abs=1e-2)
    assert fit.bic == pytest.approx(4 * np.log(2357) + 2 * 9582.429, abs=1e-2)


FAILING = json.loads((Path(__file__).parents[1] / "data" / "failing_inputs.json").read_text())


@pytest.mark.parametrize("case", FAILING, ids=lambda c: f"x{c['x']:.0f}-a{c['a']:.3g}")
def test_points_where_lifetimes_fails(case: dict[str, Any]) -> None:
    """The expectation given alive, where others return NaN or a wrong number, to 1e-11."""
    model = BGNBD(case["r"], case["alpha"], case["a"], case["b"])
    asked = {
        "frequency": case["x"],
        "recency": 0.0 if case["x"] == 0 else case["T"],
        "T": case["T"],
    }
    ours = model.expected_purchases(case["t"], **asked) / model.p_alive(**asked)

    assert float(ours) == pytest.approx(case["mpmath"], rel=1e-11)


def test_the_better_of_two_optima_is_found() -> None:
    """MBG/NBD can have two; starts that all have b above 2 end in the worse one (-3596.090)."""
    T = np.linspace(27.0, 39.0, 1000)
    worse = 0
    for seed in range(6):
        table = MBGNBD(0.2426, 4.4136, 0.7929, 2.4259).simulate(T, seed=seed).summarize(T)
        fit = MBGNBD.fit(table)
        for start in ((0.6, 10.0, 0.3, 0.4), (5.0, 33.0, 1.0, 0.2), (0.3, 3.0, 2.0, 6.0)):
            data = histories(table).patterns()
            other = MBGNBD._fit_patterns(data, table, np.array(start))
            worse += other.log_likelihood > fit.log_likelihood + 1e-6

    assert worse == 0


def test_infinite_horizons_have_their_limits() -> None:
    """Expected purchases for ever: finite for a > 1, infinite otherwise; so is the mean life."""
    some = {"frequency": [0, 2], "recency": [0.0, 30.0], "T": 39.0}
    many = BGNBD(2.0, 4.4, 1.6, 2.4)

    assert many.expected_purchases(np.inf, **some).tolist() == pytest.approx([5.0, 3.801], abs=5e-4)
    assert many.expected_life(np.inf, **some).tolist() == pytest.approx([217.0, 54.99], abs=5e-3)
    assert np.isinf(BGNBD(0.5, 4.4, 0.8, 2.4).expected_purchases(np.inf, **some)).all()


def test_impossible_parameters_are_refused() -> None:
    """By name; a negative shape would give a negative number of purchases."""
    with pytest.raises(WrongParameter, match=r"Parameter 'r' is -0\.2"):
        BGNBD(-0.2, 4.0, 1.0, 1.0)
    with pytest.raises(InvalidHistory, match="missing or infinite"):
        BGNBD(*CDNOW).expected_purchases(52, frequency=[np.nan], recency=[0.0], T=[9.0])
    with pytest.raises(InvalidHistory, match="count that is no whole number"):
        BGNBD.fit({"frequency": [1.0], "recency": [2.0], "T": [9.0], "count": [1.5]})
