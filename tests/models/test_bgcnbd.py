"""BG/CNBD-k and MBG/CNBD-k: k = 1 is the BG/NBD; beyond, against independent mathematics."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import BGCNBD, BGNBD, MBGCNBD, MBGNBD
from crmlab.errors import InvalidHistory, NotEstimable, WrongParameter
from crmlab.models import erlang, erlang_ahead
from crmlab.models.beta_geometric import Parameters
from crmlab.models.checks import check_model

KINDS = [BGCNBD, MBGCNBD]
CASES = json.loads((Path(__file__).parents[1] / "data" / "erlang.json").read_text())
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison
POINT = (0.525, 3.1, 0.891, 1.614)


def of_base(truth: Any, T: Any, seed: int) -> dict[str, Any]:
    """A base drawn from a model, as `fit` takes it."""
    bought = truth.simulate(T, seed=seed)
    return {**bought.summarize(T), "log_gaps": bought.log_gaps(T)}


@pytest.mark.parametrize(("regular", "plain"), [(BGCNBD, BGNBD), (MBGCNBD, MBGNBD)])
def test_k_of_one_is_the_model_without_k(regular: Any, plain: Any, sample: pd.DataFrame) -> None:
    """Every method, to 1e-12; simulations and fits to the bit."""
    ours, theirs = regular(0.243, 4.414, 0.793, 2.426, k=1), plain(0.243, 4.414, 0.793, 2.426)
    rows = sample.iloc[::20]
    history = {c: rows[c].to_numpy() for c in ("frequency", "recency", "T")}
    questions = {
        "log_likelihood": (), "p_alive": (), "expected_purchases": (39.0,), "pmf": (2, 39.0),
        "det": (0.0027, 260.0), "dert": (0.0027,), "expected_life": (260.0,),
    }  # fmt: skip
    for name, asked in questions.items():
        expected = getattr(theirs, name)(*asked, **history)
        assert getattr(ours, name)(*asked, **history) == pytest.approx(expected, rel=1e-12), name
    for name, more in {
        "expected_purchases_new": (39.0,), "pmf_new": (3, 39.0), "det_new": (0.0027, 260.0)
    }.items():  # fmt: skip
        expected = getattr(theirs, name)(*more)
        assert float(getattr(ours, name)(*more)) == pytest.approx(float(expected), rel=1e-12), name
    later = theirs.p_alive(**history, ahead=26.0)
    assert ours.p_alive(**history, ahead=26.0) == pytest.approx(later, rel=1e-12)
    drawn = [m.simulate_future(39, **history, seed=3) for m in (ours, theirs)]
    assert (drawn[0].time == drawn[1].time).all()
    assert (drawn[0].customer == drawn[1].customer).all()
    one, other = regular.fit(sample, k=1), plain.fit(sample)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-14)
    assert one.covariance == pytest.approx(other.covariance, rel=1e-12, abs=0)
    assert one.model.k == 1
    for name in ("r", "alpha", "a", "b"):
        estimate = getattr(other.model, name)
        assert getattr(one.model, name) == pytest.approx(estimate, rel=1e-11), name


def named(case: dict[str, Any]) -> str:
    return "-".join(f"{n}{case[n]}" for n in ("first_coin", "k", "frequency", "t"))


@pytest.mark.parametrize("case", CASES, ids=named)
def test_every_answer_agrees_with_quadrature(case: dict[str, Any]) -> None:
    """27 cases by mpmath from the story alone (tests/data/make_erlang.py), to 1e-11."""
    kind = MBGCNBD if case["first_coin"] else BGCNBD
    model = kind(*(case[n] for n in ("r", "alpha", "a", "b")), k=case["k"])
    history = {n: case[n] for n in ("frequency", "recency", "T")}
    t, rate, m = case["t"], case["rate"], case["m"]
    ours = {
        "log_likelihood": model.log_likelihood(**history, log_gaps=case["log_gaps"]),
        "p_alive": model.p_alive(**history),
        "purchases": model.expected_purchases(t, **history),
        "purchases_new": model.expected_purchases_new(t),
        "pmf": model.pmf(m, t, **history),
        "pmf_new": model.pmf_new(m, t),
        "det": model.det(rate, t, **history),
        "dert": model.dert(rate, **history),
        "det_new": model.det_new(rate, t),
        "survival": model.survival_if_alive(t, **history),
        "life": model.expected_life(t, **history),
    }

    for name, value in ours.items():
        assert float(value) == pytest.approx(case[name], rel=1e-11, abs=1e-14), name


def endless(s: Any, y: Any, k: int) -> Any:  # noqa: ARG001
    """As if every sum were too long."""
    return np.full(y.shape, 2 * erlang_ahead.LONGEST)


def test_sum_and_closed_form_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over 4 to 6 orders of magnitude: by counting events, and by the roots of q, to 1e-11."""
    rng = np.random.default_rng(5)
    t, s, A, B = (
        10 ** rng.uniform(low, high, 80) for low, high in ((-1, 3), (-1.5, 2.5), (-1, 3), (-2, 2))
    )
    for k, a in itertools.product((1, 2, 3, 7, 12), (0.05, 1.0, 40.0)):
        short = erlang_ahead._events_needed(s + k, t / A, k) <= erlang_ahead.LONGEST
        asked = (t[short], s[short], A[short], a, B[short], k)
        formulas = (erlang_ahead.purchases_if_alive, erlang_ahead.survival_if_alive)
        summed = [formula(*asked) for formula in formulas]
        with monkeypatch.context() as patch:
            patch.setattr(erlang_ahead, "_events_needed", endless)
            closed = [formula(*asked) for formula in formulas]
        for one, other in zip(summed, closed, strict=True):
            assert other == pytest.approx(one, rel=2e-11, abs=1e-12), (k, a)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [2, 3, 12])
def test_the_gradient_and_hessian_are_those_of_the_likelihood(
    kind: Any, k: int, sample: pd.DataFrame
) -> None:
    """Against central differences, to 1e-6."""
    x = sample["frequency"].to_numpy()
    rest = (x, sample["recency"].to_numpy(), sample["T"].to_numpy(), x + kind.first_coin)
    point = np.array([0.5, 6.0 / k, 0.9, 1.7])

    def at(values: Any) -> Any:
        return erlang.evaluate(Parameters(*values), k, *rest, np.ones(len(x)))

    here = at(point)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * point[i]
        up, down = at(point + step), at(point - step)
        slope = (up.value - down.value) / (2 * step[i])
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-3)
        bend = (up.gradient - down.gradient) / (2 * step[i])
        assert here.hessian[i] == pytest.approx(bend, rel=1e-6, abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_the_likelihood_adds_up_to_one(kind: Any) -> None:
    """Over no purchase and all times of one or two, and the chance of three or more, to 1e-7."""
    model, T = kind(1.2, 1.5, 0.8, 2.6, k=3), 4.0
    nodes, weights = np.polynomial.legendre.leggauss(60)
    u, w = (nodes + 1) / 2, weights / 2
    none = np.exp(model.log_likelihood(frequency=0, recency=0.0, T=T, log_gaps=0.0))
    one = T * u
    once = np.exp(model.log_likelihood(frequency=1, recency=one, T=T, log_gaps=np.log(one)))
    last = T * u[:, None]
    first = last * u
    both = np.log(first) + np.log(last - first)
    second = np.broadcast_to(last, first.shape)
    twice = np.exp(model.log_likelihood(frequency=2, recency=second, T=T, log_gaps=both))
    total = float(none) + T * w @ once + w @ (T * last * twice) @ w
    more = 1 - model.pmf_new(np.arange(3), T).sum()

    assert total + more == pytest.approx(1, abs=1e-9)
    assert T * w @ once == pytest.approx(float(model.pmf_new(1, T)), rel=1e-9)


@pytest.mark.parametrize(("kind", "k"), [(BGCNBD, 1), (BGCNBD, 2), (MBGCNBD, 1), (MBGCNBD, 3)])
def test_the_shared_suite_holds_for_every_k(kind: Any, k: int) -> None:
    results = check_model(kind(POINT[0], 6.2 / k, *POINT[2:], k=k))

    assert [r for r in results if not r.passed] == []


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_k_and_parameters_are_found_again(kind: Any, k: int) -> None:
    """4,000 customers: the k they were drawn with, and parameters within 4.5 standard errors."""
    truth = kind(1.2, 2.0, 0.8, 2.6, k=k)
    fit = kind.fit(of_base(truth, np.linspace(40.0, 80.0, 4000), seed=2))
    away = [math.log(getattr(fit.model, n) / getattr(truth, n)) for n in ("r", "alpha", "a", "b")]

    assert fit.model.k == k
    assert fit.diagnosis.status == "converged"
    assert (np.abs(away) < FALSE_ALARM * np.sqrt(np.diag(fit.covariance))).all()
    (told,) = fit.diagnosis.findings
    assert told.startswith(f"k = {k} fits best of 1 to {k + 1} (log-likelihoods -")


def test_buyers_by_chance_are_not_called_regular() -> None:
    """A base of MBG/NBD is fitted with k = 1, and the diagnosis says so."""
    fit = MBGCNBD.fit(of_base(MBGNBD(0.6, 7.0, 0.9, 1.6), np.linspace(40.0, 80.0, 3000), seed=4))

    assert fit.model.k == 1
    assert "not more regular than chance" in fit.diagnosis.findings[0]


def test_a_clockwork_is_as_regular_as_can_be_told() -> None:
    """Gaps of Erlang-40: k = 12, and that larger ones were not tried."""
    truth = BGCNBD(3.0, 0.5, 0.8, 6.0, k=40)
    fit = BGCNBD.fit(of_base(truth, np.full(400, 90.0), seed=1))

    assert fit.model.k == 12
    assert "larger ones were not tried" in fit.diagnosis.findings[-1]


def test_cdnow_is_not_regular(sample: pd.DataFrame) -> None:
    """k = 1 for both, as is known of it, with the log-likelihoods of the models without k."""
    for kind, plain in ((BGCNBD, BGNBD), (MBGCNBD, MBGNBD)):
        fit = kind.fit(sample)
        assert fit.model.k == 1
        known = plain.fit(sample).log_likelihood
        assert fit.log_likelihood == pytest.approx(known, rel=1e-14)
        assert kind.fit(sample, k=2).log_likelihood < fit.log_likelihood - 200


@pytest.mark.parametrize("kind", KINDS)
def test_forecasts_agree_with_what_comes_later(kind: Any) -> None:
    """By bands of history (false alarm 7e-6 each): purchases in, and P(alive) at, the time after T.

    40,000 customers drawn from the model; the formula is asked about what each had done by T.
    """
    truth, T = kind(1.2, 2.0, 0.8, 2.6, k=3), np.full(40_000, 30.0)
    whole = truth.simulate(T + 30.0, seed=6)
    seen = whole.summarize(T)
    late = whole.customer[whole.time > 30.0]
    after = np.bincount(late, minlength=len(T)).astype(float)
    expected = truth.expected_purchases(30.0, **seen)
    none = truth.pmf(0, 30.0, **seen)
    silence = T - seen["recency"]
    for low, high in ((0, 2), (2, 6), (6, 15), (15, 30), (30, 31)):
        band = (silence >= low) & (silence < high)
        assert band.sum() > 1000
        error = after[band].std() / np.sqrt(band.sum())
        assert after[band].mean() == pytest.approx(expected[band].mean(), abs=FALSE_ALARM * error)
        share = none[band].mean()
        error = np.sqrt(share * (1 - share) / band.sum()) + 1e-12
        assert (after[band] == 0).mean() == pytest.approx(share, abs=FALSE_ALARM * error)


def test_a_regular_buyer_who_is_late_is_sooner_given_up() -> None:
    """Ten purchases, one a week, then six weeks of silence: the larger k, the less likely alive."""
    history = {"frequency": 10, "recency": 10.0, "T": 16.0}
    alive = [float(BGCNBD(2.0, 2.0 / k, 1.0, 9.0, k=k).p_alive(**history)) for k in (1, 2, 4, 8)]

    assert (np.diff(alive) < 0).all()


def test_the_phase_is_what_recency_adds() -> None:
    """Given being alive, a longer silence brings the next purchase nearer; without it, refused."""
    model = BGCNBD(2.0, 1.0, 1.0, 9.0, k=4)
    soon = [
        float(model.expected_purchases(1.0, **h) / model.p_alive(**h))
        for h in ({"frequency": 5, "recency": t, "T": 10.0} for t in (10.0, 9.0, 8.5))
    ]

    assert (np.diff(soon) > 0).all()
    with pytest.raises(WrongParameter, match="'recency' is None; expected the recency"):
        model.survival_if_alive(5.0, frequency=5, T=10.0)


def test_without_gaps_k_must_be_given(sample: pd.DataFrame, tmp_path: Path) -> None:
    """The error names the column; with k the estimates are the same, the log-likelihood unknown."""
    bare = sample.drop(columns="log_gaps")
    with pytest.raises(NotEstimable, match=r"'log_gaps', and the table has none.*or give k"):
        BGCNBD.fit(bare)
    fit, whole = BGCNBD.fit(bare, k=2), BGCNBD.fit(sample, k=2)

    assert fit.model == whole.model
    assert math.isnan(fit.log_likelihood)
    assert "without the column log_gaps" in fit.diagnosis.findings[-1]
    fit.to_json(tmp_path / "fit.json")
    back = crmlab.load_fit(tmp_path / "fit.json")
    assert back.model == fit.model
    assert math.isnan(back.log_likelihood)
    with pytest.raises(WrongParameter, match="whose log-likelihoods are known"):
        crmlab.likelihood_ratio_test(fit, fit)
    assert BGCNBD.fit(bare, k=1).log_likelihood == BGNBD.fit(bare).log_likelihood
    with pytest.raises(WrongParameter, match="'log_gaps' is None; expected sums of ln"):
        fit.model.log_likelihood(frequency=1, recency=2.0, T=3.0)


def test_impossible_gaps_and_k_are_refused(sample: pd.DataFrame) -> None:
    """Gaps in another unit than recency, missing ones, and a k that is no whole number."""
    for wrong in (
        sample["log_gaps"] + sample["frequency"] * np.log(7),
        sample["log_gaps"] / np.nan,
    ):
        with pytest.raises(InvalidHistory, match="log_gaps that their frequency and recency"):
            BGCNBD.fit(sample.assign(log_gaps=wrong))
    for k in (0, 1.5, True, "2"):
        with pytest.raises(WrongParameter, match="'k' is"):
            BGCNBD(*POINT, k=k)
        with pytest.raises(WrongParameter, match="'k' is"):
            BGCNBD.fit(sample, k=k)


def test_patterns_with_a_mean_of_gaps_give_the_same_fit(sample: pd.DataFrame) -> None:
    """One row a pattern, its customers' mean log_gaps: the estimate to the bit."""
    grouped = sample.groupby(["frequency", "recency", "T"])["log_gaps"].agg(["mean", "size"])
    table = grouped.reset_index().rename(columns={"mean": "log_gaps", "size": "count"})
    whole, short = MBGCNBD.fit(sample, k=3), MBGCNBD.fit(table, k=3)

    assert short.model == whole.model
    assert short.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)


def test_k_goes_with_the_model(tmp_path: Path) -> None:
    """Through summary, file, draws and predictions; it is no parameter of the covariance."""
    truth = MBGCNBD(1.2, 2.0, 0.8, 2.6, k=2)
    base = pd.DataFrame(of_base(truth, np.linspace(20.0, 40.0, 300), seed=8))
    fit = MBGCNBD.fit(base)
    fit.to_json(tmp_path / "fit.json")
    drawn = fit.draws(20, seed=1)

    assert fit.model.k == 2
    assert fit.summary().index.tolist() == ["r", "alpha", "a", "b"]
    assert fit.aic == pytest.approx(8 - 2 * fit.log_likelihood)
    assert crmlab.load_fit(tmp_path / "fit.json").model == fit.model
    assert drawn.parameters.shape == (20, 4)
    back = crmlab.load_fit(tmp_path / "fit.json")
    assert back.predict_total(10.0, base, seed=1)["mean"].iloc[0] == pytest.approx(
        fit.model.expected_purchases(10.0, **base.drop(columns="log_gaps")).sum()
    )
