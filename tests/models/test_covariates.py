"""Covariates on both processes: against the plain models, finite differences and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

import crmlab
from crmlab import BGNBD, MBGNBD, Covariates, ParetoNBD, likelihood_ratio_test
from crmlab.errors import (
    InvalidHistory,
    MissingCovariates,
    NotEstimable,
    UnusableCovariate,
    WrongParameter,
)
from crmlab.models import covariate_fit
from crmlab.models.covariates import CovariateModel
from crmlab.models.estimates import (
    at_coordinates,
    coordinates,
    field_names,
    parameters,
    with_parameters,
)
from crmlab.models.histories import histories

KINDS = [BGNBD, MBGNBD, ParetoNBD]
BASES = {
    BGNBD: BGNBD(0.8, 8.0, 0.9, 2.5),
    MBGNBD: MBGNBD(0.8, 8.0, 0.6, 3.0),
    ParetoNBD: ParetoNBD(0.9, 10.0, 0.8, 12.0),
}
NAMES = ("age", "member")
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison


def truth(kind: Any) -> CovariateModel:
    """Clear effects of an age and a membership on both processes."""
    dropout = (-0.4, 0.5) if kind is ParetoNBD else (0.3, -0.4, -0.2, 0.3)
    return CovariateModel(BASES[kind], NAMES, NAMES, (0.4, 0.6, *dropout))


def people(n: int, seed: int = 5) -> Covariates:
    rng = np.random.default_rng(seed)
    known = {"age": rng.normal(size=n), "member": rng.integers(0, 2, n)}
    return Covariates.of(purchase=known, dropout=known)


def base_of(model: CovariateModel, known: Covariates, seed: int = 1) -> dict[str, Any]:
    """Whole weeks of customers who joined in turn."""
    T = np.round(np.linspace(30, 60, len(known)))
    table = model.of(known).simulate(T, seed=seed).summarize(T)
    weeks = np.clip(np.ceil(table["recency"]), 0, T)
    return {**table, "recency": np.where(table["frequency"] > 0, weeks, 0.0)}


ANSWERS = {
    "log-likelihood": lambda model, asked: model.log_likelihood(**asked),
    "p_alive": lambda model, asked: model.p_alive(**asked),
    "p_alive ahead": lambda model, asked: model.p_alive(**asked, ahead=13.0),
    "expected_purchases": lambda model, asked: model.expected_purchases(52.0, **asked),
    "expected_purchases_new": lambda model, asked: model.expected_purchases_new(asked["T"]),
    "pmf": lambda model, asked: model.pmf(3, 52.0, **asked),
    "pmf_new": lambda model, asked: model.pmf_new(2, asked["T"]),
    "det": lambda model, asked: model.det(0.003, 260.0, **asked),
    "dert": lambda model, asked: model.dert(0.003, **asked),
    "det_new": lambda model, asked: model.det_new(0.003, asked["T"]),
    "expected_life": lambda model, asked: model.expected_life(104.0, **asked),
}
EXACT = ("log-likelihood", "p_alive")


@pytest.mark.parametrize("kind", KINDS)
def test_without_effect_it_is_the_plain_model_to_the_bit(kind: Any) -> None:
    """All coefficients 0: the same answers, the same simulated customers."""
    known = people(60)
    model = with_parameters(
        truth(kind), [*parameters(BASES[kind]), *(0,) * len(truth(kind).coefficients)]
    )
    asked = base_of(model, known)
    own, plain = model.of(known), BASES[kind]

    assert np.ndim(own.alpha) == 1
    for name, answer in ANSWERS.items():
        assert (answer(own, asked) == answer(plain, asked)).all(), name
    future = [m.simulate_future(52.0, **asked, seed=3) for m in (own, plain)]
    assert (future[0].time == future[1].time).all()
    assert (own.simulate(asked["T"], seed=3).time == plain.simulate(asked["T"], seed=3).time).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_customer_has_an_answer_of_their_own(kind: Any) -> None:
    """Each row's answers are those of a plain model with that row's parameters."""
    known = people(7)
    model, asked = truth(kind).of(known), base_of(truth(kind), known)
    alone = [
        kind(*(float(np.broadcast_to(getattr(model, f), 7)[i]) for f in field_names(model)))
        for i in range(7)
    ]

    for name, answer in ANSWERS.items():
        each = [answer(m, {c: v[i] for c, v in asked.items()}) for i, m in enumerate(alone)]
        assert answer(model, asked) == pytest.approx(np.array(each, dtype=float), rel=1e-13), name


@pytest.mark.parametrize("kind", KINDS)
def test_who_else_is_asked_does_not_matter(kind: Any) -> None:
    """Any order, any part of the customers, and one alone, give the same answers.

    To the bit, but for expectations that share a rule's nodes: these to 1e-13.
    """
    known = people(200)
    asked = base_of(truth(kind), known)
    order = np.random.default_rng(3).permutation(200)

    for name, answer in ANSWERS.items():
        every = answer(truth(kind).of(known), asked)
        for rows in (order, order[:31], order[:1]):
            some = {column: values[rows] for column, values in asked.items()}
            part = answer(truth(kind).of(known.take(rows)), some)
            assert part == pytest.approx(every[rows], rel=1e-13, abs=0), name
            if name in EXACT or len(rows) == 200:
                assert (part == every[rows]).all(), name


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_and_hessian_are_those_of_the_likelihood(kind: Any) -> None:
    """Against central differences, in every coordinate; three blocks of rows."""
    known = people(9000)
    model = truth(kind)
    data = covariate_fit.patterns(
        histories(base_of(model, known)),
        known.purchase.matrix,
        known.dropout.matrix,
    )
    linked, back = covariate_fit.standardized(model, data)
    objective = covariate_fit.objective(model.base, data, linked)
    point = np.linalg.solve(back, coordinates(model)) + 0.1
    here = objective(point)

    assert len(data.T) > 2 * 4096
    again = at_coordinates(model, back @ point)
    assert here.value == pytest.approx(again._total_log_likelihood(data), rel=1e-12)
    for i in range(len(point)):
        step = np.zeros(len(point))
        step[i] = 1e-5
        up, down = objective(point + step), objective(point - step)
        assert here.gradient[i] == pytest.approx((up.value - down.value) / 2e-5, rel=1e-6, abs=1e-3)
        slope = (up.gradient - down.gradient) / 2e-5
        assert here.hessian[i] == pytest.approx(slope, rel=1e-5, abs=1e-2)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.__name__)
def fitted(request: pytest.FixtureRequest) -> Any:
    """A fit to 3,000 customers simulated from the truth."""
    kind, known = request.param, people(3000)
    table = base_of(truth(kind), known, seed=2)
    return kind, known, table, kind.fit(table, covariates=known)


def test_the_fit_finds_what_it_was_simulated_from(fitted: Any) -> None:
    """Every parameter and coefficient within 4 standard errors; a better fit than without."""
    kind, _, table, fit = fitted
    summary = fit.summary()
    found = coordinates(fit.model) - coordinates(truth(kind))
    plain = kind.fit(table)
    test = likelihood_ratio_test(plain, fit)

    assert fit.diagnosis.status == "converged"
    assert (abs(found) < 4 * np.sqrt(np.diag(fit.covariance))).all()
    assert test.degrees == len(truth(kind).coefficients)
    assert test.p_value < 1e-6
    assert fit.aic == 2 * len(summary) - 2 * fit.log_likelihood
    assert summary.loc["alpha:age", "process"] == "purchase"
    assert set(summary["process"]) == {"purchase", "dropout"}
    limits = summary.loc["alpha:age", ["lower_95", "upper_95"]].to_numpy(dtype=float)
    estimate, error = summary.loc["alpha:age", ["estimate", "standard_error"]].to_numpy(dtype=float)
    assert limits == pytest.approx([estimate - 1.959964 * error, estimate + 1.959964 * error])


def test_a_fit_survives_its_file(fitted: Any, tmp_path: Path) -> None:
    """The same model, covariance and predictions; draws from the normal approximation."""
    _, known, table, fit = fitted
    fit.to_json(tmp_path / "fit.json")
    back = crmlab.load_fit(tmp_path / "fit.json")
    asked = [m.model.of(known).expected_purchases(52.0, **table) for m in (fit, back)]

    assert back.model == fit.model
    assert (asked[0] == asked[1]).all()
    assert (back.covariance == fit.covariance).all()
    assert "with covariates" in back._repr_html_()
    drawn = back.draws(300, seed=1)
    spread = drawn.parameters[:, 4:].std(axis=0) / np.sqrt(np.diag(fit.covariance))[4:]
    assert drawn.method == "laplace"
    assert ((spread > 0.8) & (spread < 1.2)).all()


def test_the_unit_of_a_covariate_does_not_matter(fitted: Any) -> None:
    """Age in thousandths, counted from 40,000: coefficients in that unit, all else as before."""
    kind, known, table, fit = fitted
    moved = {
        "age": known.purchase.matrix[:, 0] * 1000 + 40_000,
        "member": known.purchase.matrix[:, 1],
    }
    other = kind.fit(table, covariates=Covariates.of(purchase=moved, dropout=moved))
    summaries = [one.summary().drop(columns="process") for one in (fit, other)]
    ages = [name for name in summaries[0].index if name.endswith(":age")]
    members = [name for name in summaries[0].index if name.endswith(":member")]

    assert other.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert other.diagnosis.status == fit.diagnosis.status
    assert summaries[1].loc[ages].to_numpy() * 1000 == pytest.approx(
        summaries[0].loc[ages].to_numpy(), rel=1e-5
    )
    assert summaries[1].loc[["r", *members]].to_numpy() == pytest.approx(
        summaries[0].loc[["r", *members]].to_numpy(), rel=1e-5
    )
    answers = [
        one.model.for_customers(table, z).p_alive(**table)
        for one, z in ((fit, known), (other, Covariates.of(purchase=moved, dropout=moved)))
    ]
    assert answers[1] == pytest.approx(answers[0], rel=1e-6)


def test_order_and_repetition_do_not_matter(fitted: Any) -> None:
    """Shuffled rows give the same fit; everybody twice, by a column count, twice the likelihood."""
    kind, known, table, fit = fitted
    order = np.random.default_rng(1).permutation(3000)
    shuffled = kind.fit(
        {name: column[order] for name, column in table.items()}, covariates=known.take(order)
    )
    counts = np.full(3001, 2)
    counts[-1] = 0
    longer = {name: np.append(column, column[0]) for name, column in table.items()}
    twice = kind.fit(
        {**longer, "count": counts}, covariates=known.take(np.append(np.arange(3000), 5))
    )

    assert shuffled.model == fit.model
    assert twice.log_likelihood == pytest.approx(2 * fit.log_likelihood, rel=1e-12)
    assert twice.customers == 6000
    assert parameters(twice.model) == pytest.approx(parameters(fit.model), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_two_groups_are_two_models_with_a_common_shape(kind: Any) -> None:
    """A membership is two plain models that share r (and s): the optimum of their sum, by scipy."""
    known, table = people(1500), base_of(truth(kind), people(1500))
    member = known.purchase.matrix[:, 1] == 1
    group = {"member": known.purchase.matrix[:, 1]}
    fit = kind.fit(table, covariates=Covariates.of(purchase=group, dropout=group))
    halves = [{c: v[rows] for c, v in table.items()} for rows in (~member, member)]
    varying = [field_names(fit.model.base).index(link.parameter) for link in kind.links]

    def minus(theta: Any) -> float:
        first = np.exp(theta[:4])
        second = first.copy()
        second[varying] *= np.exp(theta[4:])
        parts = zip((first, second), halves, strict=True)
        return -sum(float(kind(*h).log_likelihood(**half).sum()) for h, half in parts)

    start = np.concatenate([np.log(parameters(BASES[kind])), np.zeros(len(varying))])
    best = minimize(minus, start, method="BFGS", options={"gtol": 1e-3})
    signs = np.array([link.sign for link in kind.links])

    assert fit.log_likelihood == pytest.approx(-best.fun, abs=1e-5)
    assert np.array(fit.model.coefficients) * signs == pytest.approx(best.x[4:], abs=2e-3)


def test_a_larger_model_never_fits_worse() -> None:
    """Noise as a covariate, on one process, the other, and both."""
    table = base_of(truth(BGNBD), people(600))
    noise = {"noise": np.random.default_rng(8).normal(size=600)}
    plain = BGNBD.fit(table)
    one = BGNBD.fit(table, covariates=Covariates.of(purchase=noise))
    other = BGNBD.fit(table, covariates=Covariates.of(dropout=noise))
    both = BGNBD.fit(table, covariates=Covariates.of(purchase=noise, dropout=noise))

    assert np.ndim(one.model.of(Covariates.of(purchase=noise)).a) == 0
    assert plain.log_likelihood <= min(one.log_likelihood, other.log_likelihood) + 1e-9
    assert max(one.log_likelihood, other.log_likelihood) <= both.log_likelihood + 1e-9
    assert likelihood_ratio_test(one, both).degrees == 2
    with pytest.raises(WrongParameter, match="more parameters than BGNBD with covariates"):
        likelihood_ratio_test(one, plain)


def test_the_likelihood_ratio_test_has_its_size() -> None:
    """30 bases in which the covariate does nothing: the statistics add up to a chi-square of 30.

    Its 0.0005 and 0.9995 quantiles are 11.2 and 62.2.
    """
    T = np.full(400, 39.0)
    total = 0.0
    for seed in range(30):
        table = BASES[BGNBD].simulate(T, seed=seed).summarize(T)
        noise = {"noise": np.random.default_rng([seed, 9]).normal(size=400)}
        fits = BGNBD.fit(table), BGNBD.fit(table, covariates=Covariates.of(purchase=noise))
        total += likelihood_ratio_test(*fits).statistic

    assert 11.2 < total < 62.2


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_customers_follow_their_own_parameters(kind: Any) -> None:
    """Histories and futures of 40,000 customers of four kinds have the formulas' means."""
    known = Covariates.of(
        purchase={"age": [-1.0, 1.0, -1.0, 1.0], "member": [0, 0, 1, 1]},
        dropout={"age": [-1.0, 1.0, -1.0, 1.0], "member": [0, 0, 1, 1]},
    )
    rounds = 10_000
    many = truth(kind).of(known.take(np.tile(np.arange(4), rounds)))
    few = truth(kind).of(known)
    asked = {"frequency": [2, 0, 5, 9], "recency": [20.0, 0.0, 30.0, 38.0], "T": np.full(4, 39.0)}
    tiled = {name: np.tile(column, rounds) for name, column in asked.items()}
    new = many.simulate(tiled["T"], seed=3).customer
    ahead = many.simulate_future(39.0, **tiled, seed=4).customer
    expected = few.expected_purchases_new(39.0), few.expected_purchases(39.0, **asked)

    for drawn, mean in zip((new, ahead), expected, strict=True):
        bought = np.bincount(drawn, minlength=4 * rounds).reshape(rounds, 4)
        error = bought.std(axis=0) / np.sqrt(rounds)
        assert (abs(bought.mean(axis=0) - mean) < FALSE_ALARM * error).all()


def test_draws_and_predictions_know_the_covariates() -> None:
    """Corrected draws of a large base, bootstrap of a small one; limits around the means."""
    known, table = people(2500), base_of(truth(BGNBD), people(2500))
    group = Covariates.of(purchase={"member": known.purchase.matrix[:, 1]})
    frame = pd.DataFrame(table, index=[f"c{i}" for i in range(2500)])
    fit = BGNBD.fit(frame, covariates=group)
    named = Covariates.of(
        purchase={"member": known.purchase.matrix[::-1, 1]}, customers=frame.index[::-1]
    )
    some = frame.iloc[[7, 3, 400]]
    one = fit.predict(26.0, some, covariates=named, seed=1)
    totals = fit.predict_total(26.0, frame.iloc[:200], covariates=named, seed=1)
    small = BGNBD.fit(frame.iloc[:500], covariates=named)

    assert fit.draws(100, seed=1).method == "psis"
    assert fit.draws(100, seed=1).parameters.shape == (100, 5)
    assert small.draws(10, seed=1).method == "bootstrap"
    mean = fit.model.of(group).expected_purchases(26.0, **table)
    assert one.index.tolist() == ["c7", "c3", "c400"]
    assert one["mean"].to_numpy() == pytest.approx(mean[[7, 3, 400]], rel=1e-13)
    assert (one["lower"] <= one["mean"]).all()
    assert totals.loc["total", "mean"] == pytest.approx(mean[:200].sum(), rel=1e-12)
    assert totals.loc["total", "lower"] < totals.loc["total", "mean"] < totals.loc["total", "upper"]


def test_totals_of_a_large_base() -> None:
    """By simulation up to 20,000 customers, by slopes above: half of a base has half the limits."""
    known, table = people(2500), base_of(truth(BGNBD), people(2500))
    group = Covariates.of(purchase={"member": known.purchase.matrix[:, 1] * 1e-3})
    fit = BGNBD.fit(table, covariates=group)
    simulated, sloped = (
        fit.predict_total(26.0, {**table, "count": np.full(2500, n)}, covariates=group, seed=1)
        for n in (8, 9)
    )

    widths = [(t["upper"] - t["lower"]).iloc[0] / t["mean"].iloc[0] for t in (simulated, sloped)]
    assert sloped["mean"].iloc[0] == pytest.approx(simulated["mean"].iloc[0] * 9 / 8)
    assert widths[1] == pytest.approx(widths[0], rel=0.15)


def test_customers_are_matched_by_their_ids() -> None:
    """In any order, with others beside them; whoever is absent is named."""
    known, table = people(300), base_of(truth(BGNBD), people(300))
    frame = pd.DataFrame(table, index=[f"c{i}" for i in range(300)])
    member = {"member": known.purchase.matrix[::-1, 1]}
    named = Covariates.of(purchase=member, customers=frame.index[::-1])
    model = BGNBD.fit(frame, covariates=named).model
    expected = model.of(Covariates.of(purchase={"member": known.purchase.matrix[:, 1]}))

    assert (model.for_customers(frame, named).alpha == expected.alpha).all()
    assert model.for_customers(frame.loc[["c5"]], named).alpha == expected.alpha[5]
    with pytest.raises(MissingCovariates, match=r"2 of 302 customers .* \(first: 'new'; .*'c299'"):
        BGNBD.fit(pd.concat([frame, frame.iloc[:2].set_axis(["new", "other"])]), covariates=named)
    with pytest.raises(WrongParameter, match="299 rows"):
        BGNBD.fit(table, covariates=people(299))


def test_covariates_that_cannot_be_used_are_refused() -> None:
    """Missing, constant, or following from others: by name, and the first customer."""
    table, n = base_of(truth(BGNBD), people(300)), 300
    one = np.arange(n) % 7.0
    for columns, found in (
        ({"age": np.ones(n)}, "'age' .* the same value, 1"),
        ({"a": one, "b": one**2, "c": 2 * one - one**2 + 3}, "'c' .* follows from .*, a, b"),
    ):
        with pytest.raises(UnusableCovariate, match=found):
            BGNBD.fit(table, covariates=Covariates.of(dropout=columns))
    with pytest.raises(UnusableCovariate, match=r"'age' .*1 of 3 .* \(first: 'x'\)"):
        Covariates.of(purchase={"age": [1, np.nan, 2]}, customers=["w", "x", "y"])
    with pytest.raises(WrongParameter, match="'w' 2 times"):
        Covariates.of(purchase={"age": [1, 2, 3]}, customers=["w", "w", "y"])
    with pytest.raises(WrongParameter, match="2 rows"):
        Covariates.of(purchase={"age": [1, 2, 3]}, dropout={"age": [1, 2]})
    with pytest.raises(WrongParameter, match="1 dimensions"):
        Covariates.of(purchase=[1, 2, 3])
    with pytest.raises(WrongParameter, match="no column"):
        BGNBD.fit(table, covariates=Covariates.of(customers=range(n)))


def test_what_is_asked_in_vain_says_what_to_do() -> None:
    """None given, others than fitted, none needed, and answers for nobody in particular."""
    known, table = people(400), base_of(truth(BGNBD), people(400))
    fit, plain = BGNBD.fit(table, covariates=known), BGNBD.fit(table)

    with pytest.raises(WrongParameter, match="the covariates of the customers asked"):
        fit.predict(26.0, table, seed=1)
    with pytest.raises(WrongParameter, match="none, as fitted"):
        plain.predict_total(26.0, table, covariates=known, seed=1)
    with pytest.raises(WrongParameter, match=r"\['age', 'member'\], as fitted"):
        fit.model.of(Covariates.of(purchase={"age": [1.0]}))
    with pytest.raises(AttributeError, match=r"model\.of\(covariates\)\.p_alive\(\.\.\.\)"):
        fit.model.p_alive(**table)
    with pytest.raises(AttributeError, match="no attribute 'p_alife'"):
        _ = fit.model.p_alife
    with pytest.raises(WrongParameter, match="'alpha' is '400 values'; expected one for each"):
        fit.model.of(known).p_alive(frequency=[1, 2], recency=[3.0, 4.0], T=[9.0, 9.0])
    with pytest.raises(WrongParameter, match=r"only .*'alpha'.* may differ"):
        BGNBD(np.array([0.5, 0.6]), 4.0, 1.0, 2.0)
    with pytest.raises(WrongParameter, match=r"'alpha' is -1\.0"):
        BGNBD(0.5, np.array([4.0, -1.0]), 1.0, 2.0)
    nobody = {**table, "frequency": np.zeros(400), "recency": np.zeros(400)}
    with pytest.raises(NotEstimable, match="none of the 400"):
        BGNBD.fit(nobody, covariates=known)
    with pytest.raises(InvalidHistory, match="1 of 400"):
        BGNBD.fit({**table, "T": np.append(table["T"][:-1], np.nan)}, covariates=known)


def test_a_matrix_is_as_good_as_columns() -> None:
    """Columns z1, z2, ...: the same fit."""
    known, table = people(400), base_of(truth(BGNBD), people(400))
    fit = BGNBD.fit(table, covariates=Covariates.of(purchase=known.purchase.matrix))
    named = BGNBD.fit(
        table,
        covariates=Covariates.of(purchase=dict(zip(NAMES, known.purchase.matrix.T, strict=True))),
    )

    assert fit.model.coefficient_names == ["alpha:z1", "alpha:z2"]
    assert fit.model.coefficients == named.model.coefficients


def test_a_group_that_never_came_back_is_said_to_be_at_a_limit() -> None:
    """Nobody of the group bought again: its coefficient runs to the limit and has no error."""
    table = base_of(truth(ParetoNBD), people(800))
    left = np.arange(800) % 4 == 0
    lost = {
        "frequency": np.where(left, 0, table["frequency"]),
        "recency": np.where(left, 0, table["recency"]),
        "T": table["T"],
    }
    fit = ParetoNBD.fit(lost, covariates=Covariates.of(purchase={"left": left}))

    assert fit.diagnosis.status == "boundary"
    assert fit.diagnosis.at_boundary == ("alpha:left",)
    assert np.isnan(fit.summary().loc["alpha:left", "standard_error"])


def test_a_covariate_far_from_zero_is_said_to_need_a_centre() -> None:
    """A year with a strong effect: alpha of the year 0 is no number."""
    known, table = people(800), base_of(truth(BGNBD), people(800))
    year = {"year": 200_000 + known.purchase.matrix[:, 0]}

    with pytest.raises(NotEstimable, match="alpha of a customer whose covariates are all 0"):
        BGNBD.fit(table, covariates=Covariates.of(purchase=year))
