"""BG/BB: the paper's figures, the fit, and what is refused."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.errors import InvalidHistory, NotEstimable
from crmlab.models import beta_bernoulli as formulas
from crmlab.models.bg_bb import BGBB, summarize

REFERENCE = json.loads(
    (Path(__file__).parents[1] / "data" / "bg_bb.json").read_text(encoding="utf-8")
)
PAPER, WALKTHROUGH = REFERENCE["donations"], REFERENCE["walkthrough"]
FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison
DONORS = 11_104


@pytest.fixture(scope="module")
def donations() -> pd.DataFrame:
    """The paper's 22 patterns, which come inside the installed package lifetimes."""
    spec = importlib.util.find_spec("lifetimes")
    assert spec is not None
    folders = spec.submodule_search_locations
    assert folders is not None
    table = pd.read_csv(Path(next(iter(folders))) / "datasets" / "donations.csv")
    return table.rename(columns={"periods": "n", "weights": "count"})


def asked(pairs: Any, n: int = 6) -> dict[str, Any]:
    """Histories of text keys such as '4,5'."""
    x, t_x = zip(*(map(int, pair.split(",")) for pair in pairs), strict=True)
    return {"frequency": x, "recency": t_x, "n": n}


# The paper, and what others print


def test_the_fit_to_the_donations(donations: pd.DataFrame) -> None:
    """Fader, Hardie & Shang 2010: 1.204 .750 .657 2.783, and six digits recomputed by others."""
    fit = BGBB.fit(donations)
    values = [fit.model.alpha, fit.model.beta, fit.model.gamma, fit.model.delta]

    assert fit.customers == DONORS
    assert values == pytest.approx(PAPER["estimate"], abs=1e-6)
    assert fit.log_likelihood == pytest.approx(PAPER["log_likelihood"], abs=5e-5)
    assert fit.diagnosis.status == "converged"
    assert fit.diagnosis.agreeing_starts == fit.diagnosis.starts
    assert fit.diagnosis.decrement < 1e-12


def test_the_papers_figures_for_the_donations(donations: pd.DataFrame) -> None:
    """Tracking, P(alive in 2002), donors by frequency, the five-year total and DERT at 10 %."""
    model = BGBB(*PAPER["estimate"])
    history = {name: donations[name] for name in ("frequency", "recency", "n")}
    five = model.expected_purchases(5, **history) @ donations["count"]
    by_frequency = DONORS * model.pmf_new([0, 6], 6)

    assert model.expected_purchases_new(range(1, 12)) == pytest.approx(
        PAPER["expected_purchases_new"], abs=5e-5
    )
    assert model.p_alive(**asked(PAPER["p_alive_2002"])) == pytest.approx(
        [*PAPER["p_alive_2002"].values()], abs=5e-3
    )
    assert by_frequency == pytest.approx([*PAPER["donors_by_frequency"].values()], abs=0.05)
    assert five == pytest.approx(PAPER["five_year_total"], abs=0.05)
    # Printed at another optimiser's end, of which the fifth digit differs.
    assert model.dert(0.1, **asked(PAPER["dert_at_0.1"])) == pytest.approx(
        [*PAPER["dert_at_0.1"].values()], abs=1.5e-4
    )


def test_the_walkthroughs_figures_for_the_donations(donations: pd.DataFrame) -> None:
    """Twenty printed figures to the last digit, at an estimate 1e-6 short of the maximum."""
    model = BGBB(*WALKTHROUGH["estimate"])
    history = {name: donations[name] for name in ("frequency", "recency", "n")}
    years = DONORS * np.diff(model.expected_purchases_new(range(12)))
    five = donations["count"] * model.expected_purchases(5, **history)
    frequency = donations["frequency"]
    means = five.groupby(frequency).sum() / donations["count"].groupby(frequency).sum()
    likelihood = float(model.log_likelihood(**history) @ donations["count"])

    assert years == pytest.approx(WALKTHROUGH["purchases_by_year"], abs=1e-3)
    assert model.expected_purchases(10, **asked(WALKTHROUGH["ten_years"])) == pytest.approx(
        [*WALKTHROUGH["ten_years"].values()], rel=5e-7
    )
    assert means.tolist() == pytest.approx(WALKTHROUGH["five_years_by_frequency"], rel=5e-7)
    assert -2e-6 < likelihood - BGBB.fit(donations).log_likelihood < 0


@pytest.mark.parametrize(
    "case", REFERENCE["high_precision"], ids=lambda c: f"x{c['x']}-t{c['t_x']}"
)
def test_bg_bb_to_25_digits(case: dict[str, Any]) -> None:
    """Log-likelihood, P(alive at n + 1) and the conditional expectation agree to 1e-13."""
    model = BGBB(*map(float, case["params"]))
    history = {"frequency": case["x"], "recency": case["t_x"], "n": case["n"]}
    ours = {
        "loglik": model.log_likelihood(**history),
        "p_alive_at_n_plus_1": model.p_alive(**history),
        "cond_exp": model.expected_purchases(case["n_future"], **history),
    }

    for name, value in ours.items():
        assert float(value) == pytest.approx(float(case[name]), rel=1e-13, abs=0), name


# Fitting


def test_the_gradient_and_hessian_are_those_of_the_likelihood(donations: pd.DataFrame) -> None:
    """Against central differences, to 1e-6; histories of 0, 4 and 6 opportunities together."""
    short = pd.DataFrame(
        {"frequency": [0, 0, 2, 1], "recency": [0, 0, 3, 4], "n": [0, 4, 4, 4], "count": 500}
    )
    table = pd.concat([donations, short])
    data = [table[c].to_numpy() for c in ("frequency", "recency", "n", "count")]

    def at(values: Any) -> Any:
        return formulas.evaluate(formulas.Parameters(*values), *data)

    point = np.array([0.9, 1.3, 0.8, 2.1])
    here = at(point)
    for i in range(4):
        step = np.zeros(4)
        step[i] = 1e-5 * point[i]
        up, down = at(point + step), at(point - step)
        slope = (up.value - down.value) / (2 * step[i])
        bend = (up.gradient - down.gradient) / (2 * step[i])
        assert here.gradient[i] == pytest.approx(slope, rel=1e-6, abs=1e-3)
        assert here.hessian[i] == pytest.approx(bend, rel=1e-6, abs=1e-3)


def test_a_matrix_too_large_is_cut(
    donations: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for one row at a time the fit is the same to the last digits."""
    whole = BGBB.fit(donations)
    monkeypatch.setattr(formulas, "BLOCK", 1)
    cut = BGBB.fit(donations)

    assert cut.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-14)
    assert cut.model.gamma == pytest.approx(whole.model.gamma, rel=1e-9)


def test_counts_order_and_halves_do_not_matter(donations: pd.DataFrame) -> None:
    """Doubled counts, a doubled table in another order, and one row a customer: the same fit."""
    once = BGBB.fit(donations)
    twice = BGBB.fit(pd.concat([donations, donations]).sample(frac=1, random_state=1))
    counted = BGBB.fit(donations.assign(count=donations["count"] * 2))
    rows = donations.loc[donations.index.repeat(donations["count"])].drop(columns="count")
    single = BGBB.fit({name: rows[name].to_numpy() for name in rows})

    assert twice.model == counted.model
    assert single.model == once.model
    assert single.fingerprint == once.fingerprint
    assert twice.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-13)
    assert twice.model.delta == pytest.approx(once.model.delta, rel=1e-7)
    assert np.diag(twice.covariance) * 2 == pytest.approx(np.diag(once.covariance), rel=1e-5)


def test_the_fit_finds_what_it_was_simulated_from() -> None:
    """Truth inside 4.5 standard errors (log scale) of a fit to 20,000 simulated histories."""
    truth = BGBB(1.2, 0.75, 0.66, 2.8)
    rng = np.random.default_rng(8)
    parts = [summarize(truth.simulate(5_000, n, seed=rng)) for n in (4, 6, 9, 12)]
    fit = BGBB.fit({name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
    gap = np.log(fit.summary()["estimate"]) - np.log([1.2, 0.75, 0.66, 2.8])

    assert fit.customers == 20_000
    assert (abs(gap) < FALSE_ALARM * np.sqrt(np.diag(fit.covariance))).all()


def test_no_dropout_in_the_data_is_said() -> None:
    """Everybody buys to the end: the dropout coin runs to a limit, and it is named."""
    table = summarize(BGBB(2.0, 1.0, 1e-9, 10.0).simulate(2_000, 10, seed=2))
    fit = BGBB.fit(table)

    assert fit.diagnosis.status == "boundary"
    assert {"gamma", "delta"} & set(fit.diagnosis.at_boundary)
    assert (fit.model.p_alive(frequency=5, recency=[8, 10], n=10) > 1 - 1e-3).all()


# What is refused


def test_data_that_say_nothing_are_refused() -> None:
    """Nobody bought, nobody is there, or too few opportunities for four parameters."""
    silent = pd.DataFrame({"frequency": [0] * 30, "recency": 0, "n": 6})
    short = pd.DataFrame({"frequency": [0, 1, 2], "recency": [0, 1, 2], "n": 2})

    with pytest.raises(NotEstimable, match="none of the 30 customers bought"):
        BGBB.fit(silent)
    with pytest.raises(NotEstimable, match="none of the 0 customers"):
        BGBB.fit(silent.iloc[:0])
    with pytest.raises(NotEstimable, match="more than 2 opportunities"):
        BGBB.fit(short)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ((-1, 0, 6), "no whole number"),
        ((1.5, 2, 6), "no whole number"),
        ((1, 2.5, 6), "no whole number"),
        ((1, 2, 6.5), "no whole number"),
        ((0, 0, -1), "no whole number"),
        ((2, 7, 6), "a recency above n"),
        ((2, np.nan, 6), "missing or infinite"),
        ((2, 3, np.inf), "missing or infinite"),
        ((0, 3, 6), "no purchase but a recency"),
        ((4, 3, 6), "more purchases than opportunities"),
        ((2, 0, 6), "more purchases than opportunities"),
    ],
)
def test_impossible_histories_are_refused_by_name(row: tuple[float, ...], found: str) -> None:
    """How many, the first of them, and why; in a fit and in a score."""
    columns = ["frequency", "recency", "n"]
    good = pd.DataFrame([(1.0, 4.0, 6.0), (0.0, 0.0, 6.0)], columns=columns)
    bad = pd.DataFrame([row], columns=columns, index=["c-7"])

    with pytest.raises(InvalidHistory, match=found) as refused:
        BGBB.fit(pd.concat([good, bad]))
    assert "1 of 3 customers" in str(refused.value)
    assert "c-7" in str(refused.value)
    with pytest.raises(InvalidHistory, match=found):
        BGBB(*PAPER["estimate"]).p_alive(**dict(zip(columns, row, strict=True)))


def test_impossible_questions_are_refused() -> None:
    """Half an opportunity, less than none, an endless pmf, a negative or missing rate."""
    model, history = BGBB(*PAPER["estimate"]), {"frequency": 1, "recency": 2, "n": 6}

    for wrong in (0.5, -1, np.nan):
        with pytest.raises(ValueError, match="horizon must be whole and >= 0"):
            model.expected_purchases([3, wrong], **history)
    for wrong in (0.5, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="n_future must be whole and >= 0"):
            model.pmf(1, wrong, **history)
        with pytest.raises(ValueError, match="k must be whole and >= 0"):
            model.pmf(wrong, 3, **history)
        with pytest.raises(ValueError, match="ahead must be whole and >= 0"):
            model.p_alive(**history, ahead=wrong)
    for rate in (-0.1, np.nan, np.inf):
        with pytest.raises(ValueError, match="rate per period"):
            model.dert(rate, **history)
