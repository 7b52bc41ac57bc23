"""BG/BB: what must hold whatever the parameters, and simulation against formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.models.bg_bb import BGBB, summarize

DONATIONS = BGBB(1.203522, 0.749716, 0.656718, 2.783443)
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison

shape = st.floats(0.02, 50)
models = st.builds(BGBB, shape, shape, st.one_of(st.just(1.0), shape), shape)


def patterns(n: int) -> tuple[dict[str, Any], np.ndarray]:
    """Every (x, t_x) of n opportunities, and the number of ordered histories behind each."""
    pairs = [(0, 0), *((x, t) for t in range(1, n + 1) for x in range(1, t + 1))]
    ways = np.array([math.comb(t - 1, x - 1) if x else 1 for x, t in pairs], dtype=float)
    x, t_x = (np.array(v) for v in zip(*pairs, strict=True))
    return {"frequency": x, "recency": t_x, "n": n}, ways


@given(model=models, n=st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_the_likelihood_sums_to_one(model: BGBB, n: int) -> None:
    """Over all (x, t_x), each C(t_x - 1, x - 1) times; n = 0 has one history, of probability 1."""
    history, ways = patterns(n)

    assert ways @ np.exp(model.log_likelihood(**history)) == pytest.approx(1, abs=1e-12)


@given(model=models, n=st.integers(0, 12), ahead=st.integers(0, 15))
@settings(max_examples=60, deadline=None)
def test_the_pmf_sums_to_one_with_the_right_mean(model: BGBB, n: int, ahead: int) -> None:
    """For every history, and for a new customer."""
    history, _ = patterns(n)
    k = np.arange(ahead + 1)
    columns = {name: np.asarray(v)[..., None] for name, v in history.items()}
    pmf = model.pmf(k, ahead, **columns)

    assert (pmf >= 0).all()
    assert pmf.sum(axis=1) == pytest.approx(1, abs=1e-12)
    assert pmf @ k == pytest.approx(model.expected_purchases(ahead, **history), rel=1e-11)
    assert model.pmf_new(k, ahead) @ k == pytest.approx(
        float(model.expected_purchases_new(ahead)), rel=1e-11
    )


@given(model=models, n=st.integers(0, 12), ahead=st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_tower_property(model: BGBB, n: int, ahead: int) -> None:
    """What is expected over all histories is E[X(n + ahead)] - E[X(n)], discounted or not."""
    history, ways = patterns(n)
    probability = ways * np.exp(model.log_likelihood(**history))
    whole, part = model.expected_purchases_new([n + ahead, n])
    discounted = model.det_new(0.1, n + ahead) - model.det_new(0.1, n)

    assert probability @ model.expected_purchases(ahead, **history) == pytest.approx(
        whole - part, rel=1e-10, abs=1e-13
    )
    assert probability @ model.det(0.1, ahead, **history) * 1.1**-n == pytest.approx(
        float(discounted), rel=1e-10, abs=1e-13
    )


@given(model=models, n=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_p_alive_falls_with_silence_and_rises_with_recency(model: BGBB, n: int) -> None:
    """In [0, 1]; falls as n and the date asked for grow; rises with t_x for the same x."""
    history, _ = patterns(n)
    x, t_x = history["frequency"], history["recency"]
    alive = model.p_alive(**history)
    longer = model.p_alive(frequency=x, recency=t_x, n=n + 3)
    later = model.p_alive(**history, ahead=3)
    tolerance = 1 + 1e-12

    assert ((alive >= 0) & (alive <= 1)).all()
    assert (longer <= alive * tolerance).all()
    assert (later <= alive * tolerance).all()
    for frequency in range(1, n + 1):
        same = x == frequency
        assert (np.diff(alive[same][np.argsort(t_x[same])]) >= -1e-12).all()


@given(model=models, n=st.integers(0, 8), ahead=st.integers(1, 20))
@settings(max_examples=60, deadline=None)
def test_expectations_ahead_are_sums_over_the_opportunities(
    model: BGBB, n: int, ahead: int
) -> None:
    """Life is the sum of P(alive); purchases are life times E[p]; discounting weighs each term."""
    history, _ = patterns(n)
    steps = np.arange(ahead)
    columns = {name: np.asarray(v)[..., None] for name, v in history.items()}
    there = model.p_alive(**columns, ahead=steps)
    p = (model.alpha + history["frequency"]) / (model.alpha + model.beta + n)

    assert there.sum(axis=1) == pytest.approx(model.expected_life(ahead, **history), rel=1e-11)
    assert p * there.sum(axis=1) == pytest.approx(
        model.expected_purchases(ahead, **history), rel=1e-11
    )
    assert p * (there @ 1.2 ** -(steps + 1.0)) == pytest.approx(
        model.det(0.2, ahead, **history), rel=1e-11
    )


@given(model=models, n=st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_dert_falls_with_the_rate_and_is_the_limit_of_det(model: BGBB, n: int) -> None:
    """Never above the undiscounted expectation; a horizon of 600 periods at 10 % is for ever."""
    history, _ = patterns(n)
    rates = [0.0, 0.001, 0.01, 0.1, 1.0, 10.0]
    values = np.array([model.dert(rate, **history) for rate in rates])

    assert (values[1:] <= values[:-1]).all()
    assert values[3] == pytest.approx(model.det(0.1, 600, **history), rel=1e-11)
    assert (model.det(0.1, 10, **history) <= values[3] * (1 + 1e-12)).all()
    assert float(model.dert_new(0.1)) == pytest.approx(float(model.det_new(0.1, 600)), rel=1e-11)


@given(model=models, n=st.integers(0, 8))
@settings(max_examples=40, deadline=None)
def test_the_remaining_life_is_infinite_or_the_limit_of_the_restricted_one(
    model: BGBB, n: int
) -> None:
    """P(alive) (gamma + delta + n) / (gamma - 1) for gamma > 1, infinite otherwise."""
    history, _ = patterns(n)
    life = model.expected_remaining_life(**history)
    if model.gamma <= 1:
        assert np.isinf(life).all()
    else:
        ratio = (model.gamma + model.delta + n) / (model.gamma - 1)
        assert life == pytest.approx(model.p_alive(**history) * ratio, rel=1e-11)
        assert (model.expected_life(1000, **history) <= life * (1 + 1e-12)).all()


def test_a_score_does_not_depend_on_who_else_is_asked() -> None:
    """Alone and among longer histories, a customer has the same scores, bit for bit."""
    model = DONATIONS
    few, _ = patterns(6)
    n = np.append(np.full(len(few["frequency"]), 6), 200)
    many = {"frequency": np.append(few["frequency"], 3), "recency": np.append(few["recency"], 9)}

    for score in (model.log_likelihood, model.p_alive):
        assert (score(**many, n=n)[:-1] == score(**few)).all()
    assert (model.pmf(2, 5, **many, n=n)[:-1] == model.pmf(2, 5, **few)).all()
    assert (
        model.expected_purchases([5] * 22 + [90], **many, n=n)[:-1]
        == model.expected_purchases(5, **few)
    ).all()


def test_answers_have_the_shape_of_the_question() -> None:
    """Numbers give one number, columns broadcast with rows, nobody gives nothing."""
    model = DONATIONS
    none = {"frequency": [], "recency": [], "n": []}

    assert model.p_alive(frequency=1, recency=2, n=6).shape == ()
    assert model.pmf([[0], [1]], 3, frequency=[0, 1, 2], recency=[0, 1, 2], n=6).shape == (2, 3)
    for empty in (model.log_likelihood, model.p_alive, model.expected_remaining_life):
        assert empty(**none).shape == (0,)
    assert model.expected_purchases(5, **none).shape == (0,)
    assert model.pmf(1, 5, **none).shape == (0,)
    assert model.simulate_future(5, **none, seed=1).shape == (0, 5)


def test_simulated_histories_have_the_formulas_probabilities() -> None:
    """200,000 histories of 5 opportunities: every (x, t_x) as often as its likelihood says."""
    model, rounds = BGBB(1.2, 0.75, 0.66, 2.8), 200_000
    seen = pd.DataFrame(summarize(model.simulate(rounds, 5, seed=4))).value_counts()
    history, ways = patterns(5)
    expected = ways * np.exp(model.log_likelihood(**history))
    keys = zip(history["frequency"], history["recency"], strict=True)
    share = np.array([seen.get((x, t, 5), 0) for x, t in keys]) / rounds
    error = np.sqrt(expected * (1 - expected) / rounds)

    assert (abs(share - expected) < FALSE_ALARM * error).all()
    assert share.sum() == pytest.approx(1)


def test_simulated_futures_have_the_formulas_means() -> None:
    """200,000 futures of four histories: mean purchases, none at all, and the last opportunity."""
    model, rounds, ahead = BGBB(1.2, 0.75, 0.66, 2.8), 200_000, 5
    history = {"frequency": [0, 1, 3, 6], "recency": [0, 2, 5, 6], "n": 6}
    tiled = {name: np.tile(v, rounds) for name, v in history.items() if name != "n"}
    future = model.simulate_future(ahead, **tiled, n=6, seed=3).reshape(rounds, 4, ahead)
    bought = future.sum(axis=2)
    error = bought.std(axis=0) / np.sqrt(rounds)
    none = model.pmf(0, ahead, **history)
    before, after = (model.expected_purchases(t, **history) for t in (ahead - 1, ahead))
    last = after - before

    def far(seen: Any, expected: Any) -> Any:
        noise = np.sqrt(expected * (1 - expected) / rounds)
        return abs(seen - expected) / noise

    assert (abs(bought.mean(axis=0) - after) < FALSE_ALARM * error).all()
    assert (far((bought == 0).mean(axis=0), none) < FALSE_ALARM).all()
    assert (far(future[:, :, -1].mean(axis=0), last) < FALSE_ALARM).all()


def test_a_seed_gives_the_same_customers_again() -> None:
    """And another seed others; no opportunity and no customer are possible."""
    model = DONATIONS
    first, again, other = (model.simulate(50, 6, seed=s) for s in (1, 1, 2))

    assert (first == again).all()
    assert (first != other).any()
    assert model.simulate(3, 0, seed=1).shape == (3, 0)
    assert summarize(model.simulate(0, 6, seed=1))["recency"].shape == (0,)
    assert summarize(model.simulate(3, 0, seed=1))["recency"].tolist() == [0, 0, 0]
