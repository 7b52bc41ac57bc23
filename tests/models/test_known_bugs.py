"""What went wrong in other packages' models, each with what is true here. The issue is named in
brackets: LT is lifetimes, PM PyMC-Marketing, CT CLVTools.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab.models
from crmlab import BGBB, BGNBD, MBGNBD, SBG, GammaGamma, ParetoNBD
from crmlab.errors import InvalidHistory, NotEstimable, WrongParameter
from crmlab.models.catalogue import MODELS
from crmlab.models.fitting import Evaluation, maximize

KINDS = [BGNBD, MBGNBD, ParetoNBD]
CDNOW = [
    BGNBD(0.2426, 4.4136, 0.7929, 2.4259),
    MBGNBD(0.525, 6.183, 0.891, 1.614),
    ParetoNBD(0.5533, 10.578, 0.6062, 11.669),
]
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison


def methods() -> Iterator[tuple[str, Any]]:
    """Every public method of every model."""
    for name, kind in MODELS.items():
        for method, function in inspect.getmembers(kind, callable):
            if not method.startswith("_"):
                yield f"{name}.{method}", function


def test_no_argument_of_a_history_can_slip_into_another_slot() -> None:
    """Histories, seeds and tenures are given by name only [LT 68, PR 24]."""
    named = {"frequency", "recency", "monetary_value", "seed", "tenure", "renewals"}
    placed = [
        (method, parameter)
        for method, function in methods()
        for parameter in inspect.signature(function).parameters.values()
        if parameter.name in named and parameter.kind is not parameter.KEYWORD_ONLY
    ]

    assert placed == []
    assert len(list(methods())) > 60


@pytest.mark.parametrize("model", CDNOW)
def test_frequency_and_recency_do_not_change_places(model: Any) -> None:
    """Exchanged they are another customer, or none at all [LT PR 24: a matrix transposed]."""
    one = model.p_alive(frequency=2, recency=30.0, T=39.0)
    other = model.p_alive(frequency=30, recency=2.0, T=39.0)

    assert float(one) > 0.5
    assert float(other) < 1e-9
    with pytest.raises(InvalidHistory, match=r"frequency 30\.43"):
        model.p_alive(frequency=30.43, recency=2.0, T=38.86)


@pytest.mark.parametrize("model", CDNOW)
def test_a_whole_matrix_of_customers_has_scores(model: Any) -> None:
    """x to 800 by recency to 1,000 days: finite, no warning (they are errors here) [LT 332]."""
    x, t_x = np.meshgrid([0, 1, 5, 50, 200, 800], np.linspace(0, 1000, 21))
    asked = {"frequency": x, "recency": np.where(x > 0, np.maximum(t_x, 1.0), 0.0), "T": 1000.0}

    for score in (model.p_alive(**asked), model.expected_purchases(365, **asked)):
        assert score.shape == (21, 6)
        assert np.isfinite(score).all()
        assert (score >= 0).all()


def test_no_penalty_moves_an_estimate() -> None:
    """A fit takes data and nothing else: no penaliser, no tolerance [LT 258, 288, 335, 419]."""
    for kind in MODELS.values():
        assert set(inspect.signature(kind.fit).parameters) <= {"table", "covariates", "k"}


def test_no_small_number_hides_a_bad_one() -> None:
    """Nowhere in the formulas is a tiny constant added to a figure [PM 131]."""

    def tiny(node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Constant)
            and isinstance(node.value, float)
            and (0 < node.value < 1e-6)
        )

    folder = Path(crmlab.models.__file__).parent
    found = [
        f"{path.name}:{node.lineno}"
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add | ast.Sub)
        and (tiny(node.left) or tiny(node.right))
        and not (isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant))
    ]

    assert found == []


def test_a_search_that_does_not_converge_gives_no_numbers() -> None:
    """A slope that leads nowhere is an error with its Newton decrement, not an estimate [LT 55,
    258, 259, 262, 335, 396, 419].
    """

    def nowhere(values: Any) -> Evaluation:
        return Evaluation(-10.0, np.ones(len(values)), -np.eye(len(values)))

    with pytest.raises(NotEstimable, match="did not converge"):
        maximize(nowhere, [np.ones(2)], np.ones(2), "Nowhere")


@pytest.mark.parametrize("kind", KINDS)
def test_a_converged_fit_is_a_maximum(kind: Any, sample: pd.DataFrame) -> None:
    """All starts agree to 1e-6, the Newton decrement is below it, and no single step of 1e-3 to
    either side gains anything: the log-likelihood is that of the data's own scale [LT 55].
    """
    fit = kind.fit(sample)
    history = {c: sample[c].to_numpy() for c in ("frequency", "recency", "T")}
    point = np.array(list(fit.as_dict()["parameters"].values()))

    assert fit.diagnosis.status == "converged"
    assert fit.diagnosis.agreeing_starts == fit.diagnosis.starts
    assert fit.diagnosis.decrement < 1e-6
    assert np.linalg.eigvalsh(fit.covariance).min() > 0
    assert fit.log_likelihood == pytest.approx(fit.model.log_likelihood(**history).sum(), rel=1e-13)
    for i in range(len(point)):
        for step in (1 - 1e-3, 1 + 1e-3):
            moved = point * np.where(np.arange(len(point)) == i, step, 1.0)
            assert kind(*moved).log_likelihood(**history).sum() < fit.log_likelihood


@pytest.mark.parametrize("kind", KINDS)
def test_a_base_without_one_time_buyers_is_asked_where_they_are(
    kind: Any, sample: pd.DataFrame
) -> None:
    """Repeat buyers alone, as tutorials fit them [LT 451]; with the others, no question."""
    question = "Every customer has bought again: were one-time buyers dropped?"
    repeat = sample[sample["frequency"] > 0].iloc[:300]

    assert question in kind.fit(repeat).diagnosis.findings
    assert question not in kind.fit(sample).diagnosis.findings


def test_a_base_where_everybody_buys_often_is_not_asked() -> None:
    """A hundred purchases each: that nobody stopped at one is what the model expects."""
    truth, T = BGNBD(4.0, 2.0, 0.5, 60.0), np.full(300, 52.0)
    table = truth.simulate(T, seed=1).summarize(T)

    assert table["frequency"].min() > 0
    assert BGNBD.fit(table).diagnosis.findings == ()


def test_customers_who_are_all_alike_are_refused() -> None:
    """One history, once or two hundred times, tells no rates apart (LT 'fits' r = 17,125)."""
    table = {"frequency": [3] * 200, "recency": [20.0] * 200, "T": [30.0] * 200}
    for kind in KINDS:
        with pytest.raises(
            NotEstimable,
            match=r"history of its 200 customers is one and the same \(frequency 3, recency 20",
        ):
            kind.fit(table)
        with pytest.raises(NotEstimable, match="history of its 1 customers"):
            kind.fit({name: column[:1] for name, column in table.items()})


def misaligned() -> tuple[pd.Series, pd.Series]:
    """Two columns of the same customers, one of them sorted."""
    x = pd.Series([2.0, 1.0, 5.0], index=["a", "b", "c"])
    return x, x.iloc[::-1]


def test_columns_of_different_customers_are_refused() -> None:
    """Two Series under different labels are never put together by place [PM 589, 2118, 2121]."""
    x, t = misaligned()
    T = pd.Series(9.0, index=x.index)
    model, spend, discrete = CDNOW[0], GammaGamma(6.0, 4.0, 15.0), BGBB(1.2, 0.7, 0.6, 2.8)
    uses = [
        lambda: model.p_alive(frequency=x, recency=t, T=T),
        lambda: model.log_likelihood(frequency=x, recency=x, T=T.iloc[::-1]),
        lambda: model.expected_purchases(t, frequency=x, recency=x, T=T),
        lambda: model.simulate_future(3.0, frequency=x, recency=t, T=9.0, seed=1),
        lambda: BGNBD.fit({"frequency": x, "recency": t, "T": T}),
        lambda: spend.expected_spend(frequency=x, monetary_value=t),
        lambda: GammaGamma.fit({"frequency": x, "monetary_value": t}),
        lambda: discrete.p_alive(frequency=x, recency=t, n=9),
        lambda: discrete.expected_purchases(t, frequency=x, recency=x, n=9),
        lambda: SBG.fit({"tenure": x, "customers": t}),
        lambda: SBG(1.0, 2.0).expected_survivors(x, t),
    ]

    for use in uses:
        with pytest.raises(InvalidHistory, match=r"2 of 3 customers have different labels") as told:
            use()
        assert "first: row 0, a against c" in str(told.value)
        assert "Take both from one table" in str(told.value)
    with pytest.raises(InvalidHistory, match="row 2, c against nothing"):
        model.p_alive(frequency=x, recency=x.iloc[:2], T=9.0)


def test_columns_of_the_same_customers_are_taken_whatever_they_are() -> None:
    """Equal labels in another object, arrays beside Series, lists, and single numbers."""
    x, _ = misaligned()
    again = pd.Series(x.to_numpy(), index=list(x.index))
    ways: list[tuple[Any, Any, Any]] = [
        (x, again, pd.Series(9, index=x.index)),
        (x, again.to_numpy(), 9.0),
        (x.tolist(), tuple(x), [9, 9, 9]),
        (x, x, np.float32(9)),
    ]
    answers = [CDNOW[0].p_alive(frequency=f, recency=r, T=T) for f, r, T in ways]

    assert all((answer == answers[0]).all() for answer in answers)


@pytest.mark.parametrize("model", CDNOW)
def test_discounted_purchases_are_no_more_than_the_purchases(model: Any) -> None:
    """Month by month they add up to the whole once, and their value is at most m E[Y] [LT 27, 43,
    180, 313: cumulative predictions were summed].
    """
    asked = {"frequency": [0, 2, 26], "recency": [0.0, 30.43, 30.86], "T": [38.86, 38.86, 31.0]}
    months = np.arange(13) * 365.25 / 12 / 7
    expected = np.array([model.expected_purchases(t, **asked) for t in months])
    discounted = np.array([model.det(0.0027, t, **asked) for t in months])
    steps = np.diff(expected, axis=0) * np.exp(-0.0027 * months[:-1, None])

    assert (discounted[-1] < expected[-1]).all()
    assert discounted[-1] == pytest.approx(steps.sum(axis=0), rel=0.006)  # half a month's discount
    assert (discounted[-1] < steps.sum(axis=0)).all()


@pytest.mark.parametrize("beta", [1e2, 1e5, 1e8])
def test_dert_is_finite_and_falls_with_the_rate(beta: float) -> None:
    """Also at a huge beta and at high rates [CT 163: NA, CT 171: a higher rate gave more]; for a
    customer who never leaves it is P(alive) (r + x) / (alpha + T) / rate.
    """
    model = ParetoNBD(0.55, 10.6, 0.6, beta)
    asked = {"frequency": 3, "recency": 30.0, "T": 39.0}
    rates = np.array([1e-4, 0.0027, 0.1, 1.0, 10.0, 1e3])
    dert = np.array([float(model.dert(rate, **asked)) for rate in rates])

    assert (np.diff(dert) < 0).all()
    assert dert[-1] == pytest.approx(3.55 / 49.6 / 1e3 * float(model.p_alive(**asked)), rel=1e-4)
    if beta == 1e8:
        assert dert[2] == pytest.approx(3.55 / 49.6 / 0.1, rel=1e-6)


@pytest.mark.parametrize("model", CDNOW)
def test_customers_who_start_at_different_dates_have_their_own_time(model: Any) -> None:
    """6,000 simulated customers who joined over a year: each cohort's purchases are the sum of
    E[X(its own time)] [CT 140]; as if all had joined first, it would be far off.
    """
    T = np.linspace(2.0, 54.0, 6000)
    bought = np.bincount(model.simulate(T, seed=6).customer, minlength=6000).astype(float)
    expected = model.expected_purchases_new(T)

    for cohort in np.split(np.arange(6000), 6):
        error = bought[cohort].std() * np.sqrt(1000)
        assert abs(bought[cohort].sum() - expected[cohort].sum()) < FALSE_ALARM * error
    error = bought.std() * np.sqrt(6000)
    assert abs(bought.sum() - 6000 * model.expected_purchases_new(54.0)) > 10 * error


def test_a_fit_knows_its_unit_of_time(sample: pd.DataFrame) -> None:
    """It is in the fit, its file and its view, and fits in other units are not compared [LT 194,
    233; PM 256, 987, 2748: days were assumed].
    """
    fit = BGNBD.fit(sample)
    plain = BGNBD.fit({name: sample[name].to_numpy() for name in ("frequency", "recency", "T")})

    assert fit.unit == "week"
    assert fit.as_dict()["unit"] == "week"
    assert "time in weeks" in fit._repr_html_()
    assert plain.unit is None
    with pytest.raises(WrongParameter, match="time unit"):
        crmlab.likelihood_ratio_test(plain, fit)


def test_discounted_and_plain_purchases_have_different_names() -> None:
    """What is discounted is called det or dert, and takes a rate; nothing else does [CT 166, 204:
    DERT was confused with the conditional expectation].
    """
    for name, function in methods():
        takes_a_rate = "rate" in inspect.signature(function).parameters
        method = name.split(".")[1]
        assert takes_a_rate == (method.startswith("de") or "discounted" in method), name
