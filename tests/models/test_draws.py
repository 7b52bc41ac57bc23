"""Draws of parameters, and predictions whose limits hold the outcome's own noise."""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import BGNBD, MBGNBD, GammaGamma, ParetoNBD
from crmlab.errors import NotEstimable, UnreadableSource, WrongParameter
from crmlab.models.draws import smoothed_weights

KINDS = [BGNBD, MBGNBD, ParetoNBD]
REGIMES = {
    "grocery": (BGNBD(2.0, 6.0, 0.8, 12.0), 52.0),
    "fashion": (BGNBD(0.5, 10.0, 0.9, 2.5), 52.0),
    "one-off": (BGNBD(0.15, 12.0, 1.2, 2.0), 52.0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_large_bases_draw_by_corrected_laplace(kind: Any, sample: pd.DataFrame) -> None:
    """k-hat is shown; the draws' spread is near the standard errors; a seed repeats."""
    fit = kind.fit(sample)
    drawn = fit.draws(400, seed=1)
    spread = np.log(drawn.parameters).std(axis=0) / np.sqrt(np.diag(fit.covariance))

    assert drawn.method == "psis"
    assert drawn.k_hat < 0.7
    assert drawn.parameters.shape == (400, 4)
    assert ((spread > 0.7) & (spread < 1.5)).all()
    again = dataclasses.replace(fit).draws(400, seed=1)  # another value, which has drawn nothing
    assert (again.parameters == drawn.parameters).all()
    assert (fit.draws(400, seed=2).parameters != drawn.parameters).any()


def test_small_bases_draw_by_bootstrap(sample: pd.DataFrame) -> None:
    """Fewer than 2,000 customers: refits to simulated bases."""
    drawn = BGNBD.fit(sample.iloc[:600]).draws(50, seed=1)

    assert drawn.method == "bootstrap"
    assert np.isfinite(drawn.parameters).all()


def test_a_base_that_cannot_be_simulated_again_is_refused() -> None:
    """One late repeat of forty customers: most simulated bases have none."""
    n = 40
    table = {
        "frequency": [1.0] + [0.0] * (n - 1),
        "recency": [8.9] + [0.0] * (n - 1),
        "T": [9.0] * n,
    }
    fit = BGNBD.fit(table)
    rare = type(fit)(
        BGNBD(0.001, 9.0, 1.0, 1.0), fit.covariance, fit.log_likelihood, n, None, "",
        fit.diagnosis, fit.data,
    )  # fmt: skip

    with pytest.raises(NotEstimable, match="could not be fitted again"):
        rare.draws(30, seed=1)


def test_weights_of_a_normal_tail_are_kept_and_heavy_ones_flagged() -> None:
    """k-hat of ratios with Pareto tails of shape 0.3 and 1.2, to 0.2; weights add up to 1."""
    rng = np.random.default_rng(3)
    for shape in (0.3, 1.2):
        ratio = shape * rng.standard_exponential(20_000)  # exp of it has a Pareto tail
        weights, k_hat = smoothed_weights(ratio)
        assert weights.sum() == pytest.approx(1)
        assert k_hat == pytest.approx(shape, abs=0.2)
    even, _ = smoothed_weights(np.zeros(1000))
    assert even == pytest.approx(np.full(1000, 1e-3))


@pytest.mark.parametrize("regime", REGIMES)
def test_95_per_cent_intervals_hold_what_happens(regime: str) -> None:
    """200 simulated bases of 500: coverage of totals and of single customers in [0.904, 0.996].

    Three standard errors around 0.95; single customers' counts are whole, so theirs may lie above.
    """
    truth, ahead = REGIMES[regime]
    T = np.linspace(26.0, 52.0, 500)
    inside, single = 0, []
    for seed in range(200):
        all_of_it = truth.simulate(T + ahead, seed=seed)
        table = all_of_it.summarize(T)
        if not (table["frequency"] > 0).any():
            continue
        late = np.flatnonzero(all_of_it.time > T[all_of_it.customer])
        actual = np.bincount(all_of_it.customer[late], minlength=500)
        fit = BGNBD.fit(table)
        from crmlab.models import prediction

        drawn = np.repeat(fit.draws(60, seed=seed).parameters, 4, axis=0)
        rng = np.random.default_rng(seed)
        asked = prediction.Asked(**table, covariates=None)
        totals = prediction._totals(fit, drawn, ahead, asked, np.zeros(500, int), rng)
        lower, upper = prediction._limits(totals, 0.95)
        inside += bool(lower[0] <= actual.sum() <= upper[0])
        if seed < 10:
            each = fit.predict(ahead, table, seed=seed)
            single.append(((each["lower"] <= actual) & (actual <= each["upper"])).mean())

    assert 0.904 <= inside / 200 <= 0.996, inside
    assert 0.94 <= np.mean(single) <= 1.0, np.mean(single)


def test_groups_add_up_and_are_less_certain_than_the_total(sample: pd.DataFrame) -> None:
    """Means of groups are the total's mean; relative limits are wider."""
    fit = BGNBD.fit(sample)
    table = sample.assign(half=np.arange(len(sample)) % 2)
    total = fit.predict_total(39, table, seed=1)
    parts = fit.predict_total(39, table, seed=1, by="half")
    each = fit.predict(39, sample, seed=1)

    assert parts["mean"].sum() == pytest.approx(total["mean"].iloc[0], rel=1e-12)
    assert each["mean"].sum() == pytest.approx(total["mean"].iloc[0], rel=1e-12)
    assert each.index.equals(sample.index)
    assert parts.index.name == "half"
    width = (parts["upper"] - parts["lower"]) / parts["mean"]
    assert (width > (total["upper"] - total["lower"]).iloc[0] / total["mean"].iloc[0]).all()


def test_large_and_small_bases_agree(sample: pd.DataFrame) -> None:
    """The normal total of 23,570 customers has the limits of the simulated one, to 1 %."""
    ten = pd.concat([sample] * 10, ignore_index=True)
    fit = BGNBD.fit(ten)
    from crmlab.models import prediction

    normal = fit.predict_total(39, ten, seed=3).iloc[0]
    rng = np.random.default_rng(5)
    history = {c: ten[c].to_numpy() for c in ("frequency", "recency", "T")}
    drawn = fit.draws(400, seed=4).parameters
    asked = prediction.Asked(**history, covariates=None)
    totals = prediction._totals(fit, drawn, 39, asked, np.zeros(len(ten), int), rng)
    lower, upper = prediction._limits(totals, 0.95)

    assert normal["lower"] == pytest.approx(lower[0], rel=0.01)
    assert normal["upper"] == pytest.approx(upper[0], rel=0.01)


def test_a_fit_that_is_no_file_of_ours_is_refused(tmp_path: Path) -> None:
    """Another JSON file, another version, no file: said so."""
    path = tmp_path / "fit.json"
    with pytest.raises(UnreadableSource, match="not a saved fit"):
        crmlab.load_fit(path)
    path.write_text("[1, 2]")
    with pytest.raises(UnreadableSource, match="not a saved fit"):
        crmlab.load_fit(path)
    path.write_text('{"schema_version": 99}')
    with pytest.raises(UnreadableSource, match="schema version is 99"):
        crmlab.load_fit(path)


def test_a_loaded_fit_draws_from_laplace(sample: pd.DataFrame, tmp_path: Path) -> None:
    """Its data are not in the file, so nothing can be corrected; the method says so."""
    BGNBD.fit(sample).to_json(tmp_path / "fit.json")

    assert crmlab.load_fit(tmp_path / "fit.json").draws(20, seed=1).method == "laplace"


@pytest.mark.parametrize("kind", [*KINDS, GammaGamma])
def test_models_go_to_lifetimes_and_back(kind: Any, sample: pd.DataFrame) -> None:
    """The same parameters and the same predictions where lifetimes is right."""
    fit = kind.fit(sample)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = fit.to_lifetimes()
        if kind is GammaGamma:
            theirs = other.conditional_expected_average_profit(np.array([3]), np.array([30.0]))
            ours = fit.model.expected_spend(frequency=3, monetary_value=30.0)
        else:
            theirs = other.conditional_expected_number_of_purchases_up_to_time(
                39, np.array([2]), np.array([30.43]), np.array([38.86])
            )
            ours = fit.model.expected_purchases(39, frequency=2, recency=30.43, T=38.86)

    assert float(ours) == pytest.approx(float(np.ravel(theirs)[0]), rel=1e-8)
    assert crmlab.from_lifetimes(other).model == fit.model
    with pytest.raises(WrongParameter, match="expected a fitted BetaGeoFitter"):
        crmlab.from_lifetimes(object())
