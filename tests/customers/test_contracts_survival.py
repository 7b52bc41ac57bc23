"""Kaplan-Meier, projection, residual value and average life, against published figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.customers.contracts.life import ASSUMES, average_life, remaining_life, restricted_life
from crmlab.customers.contracts.projection import (
    fit_all,
    fit_contracts,
    holdout,
    project,
    renewal_table,
)
from crmlab.customers.contracts.survival import compared, kaplan_meier, log_rank, survival_by
from crmlab.customers.contracts.watched import constant_retention
from crmlab.customers.contracts.worth import (
    ContractTerms,
    constant_payments,
    contract_equity,
    expected_payments,
    price_of_alike,
    residual_by_tenure,
)
from crmlab.errors import NotEstimable, UnusableCovariate, WrongParameter
from crmlab.intake.contract_table import ContractMapping
from crmlab.intake.contracts import Contracts, read_contracts
from crmlab.models.bdw import BdW
from crmlab.models.sbg import SBG

DATA = Path(__file__).parents[1] / "data"
TABLES = json.loads((DATA / "contracts.json").read_text(encoding="utf-8"))

# Freireich et al. 1963, weeks in remission, as printed in many textbooks.
TREATED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
STILL_WELL = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
CONTROL = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def tenures(tenure: Any, ended: Any, period: str = "year", **covariates: Any) -> Contracts:
    """Contracts known by their tenures."""
    frame = pd.DataFrame({"tenure": np.asarray(tenure), "ended": np.asarray(ended), **covariates})
    frame["customer_id"] = [f"c{i}" for i in range(len(frame))]
    texts = tuple(k for k in covariates if not pd.api.types.is_numeric_dtype(frame[k]))
    numbers = tuple(k for k in covariates if k not in texts)
    mapping = ContractMapping(covariates=texts, numbers=numbers)
    return read_contracts(frame, mapping=mapping, period=period)


def cohort(name: str, years: int = 12) -> Contracts:
    """The customers of Fader & Hardie 2007, Table 1, one by one."""
    survivors = np.array(TABLES[name][: years + 1])
    left = -np.diff(survivors)
    tenure = np.repeat(np.arange(1, years + 1), left)
    tenure = np.append(tenure, np.full(survivors[-1], years))
    return tenures(tenure, np.arange(len(tenure)) < left.sum())


@pytest.fixture(scope="module")
def leukaemia() -> Contracts:
    arm = ["treated"] * 21 + ["control"] * 21
    ended = np.repeat([True, False, True], [9, 12, 21])
    return tenures([*TREATED, *STILL_WELL, *CONTROL], ended, "week", arm=arm)


@pytest.fixture(scope="module")
def regular() -> Contracts:
    return cohort("regular")


@pytest.fixture(scope="module")
def high_end() -> Contracts:
    return cohort("high_end")


@pytest.fixture(scope="module")
def censored() -> Contracts:
    """3,000 contracts of a known law, begun at any time in the last 24 periods."""
    rng = np.random.default_rng(7)
    passed = SBG(0.8, 3.0).simulate(3000, 60, seed=rng)
    watched = rng.integers(0, 25, 3000)
    ended = passed < watched
    price = rng.choice([10.0, 20.0], 3000)
    return tenures(np.where(ended, passed + 1, watched), ended, "month", price=price)


def test_a_textbook_curve(leukaemia: Contracts) -> None:
    """Survival, standard errors (through the limits), median and mean of the treated arm."""
    curve = survival_by(leukaemia, "arm")["treated"]
    table = curve.table
    survival = table.loc[[6, 7, 10, 13, 16, 22, 23], "survival"]

    assert [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448] == survival.round(3).tolist()
    assert [21, 17, 15, 12, 11, 7, 6] == table.loc[survival.index, "at_risk"].tolist()
    assert (21, 9) == (curve.customers, curve.ended)
    assert 23.0 == curve.median.value
    error = 0.0764  # Greenwood at week 6, as printed; the limits are on the scale of log(-log S)
    half = 1.96 * error / (0.8571 * -np.log(0.8571))
    assert table.loc[6, "lower"] == pytest.approx(0.8571 ** np.exp(half), abs=1e-3)
    assert table.loc[6, "upper"] == pytest.approx(0.8571 ** np.exp(-half), abs=1e-3)
    assert round(curve.restricted_mean().value, 2) == 23.29
    assert np.isnan(table.loc[5, "lower"])  # nobody had left


def test_a_textbook_log_rank_test(leukaemia: Contracts) -> None:
    """Chi-square 16.79 with 1 degree of freedom."""
    found = log_rank(leukaemia, "arm")

    assert 16.79 == round(found.statistic, 2)
    assert (1, True) == (found.degrees, found.p_value < 1e-4)
    table = compared(survival_by(leukaemia, "arm"))
    assert 23 == table.loc["control", "horizon"] == table.loc["treated", "horizon"]
    assert table.loc["control", "restricted_mean"] == pytest.approx(8.667, abs=1e-3)
    with pytest.raises(WrongParameter, match="one of arm"):
        log_rank(leukaemia, "sex")


def test_of_a_whole_cohort_the_curve_is_its_share(regular: Contracts) -> None:
    """Without censoring: survivors over 1,000; retention rates with Wilson's limits."""
    curve = kaplan_meier(regular)
    first = curve.table.loc[1]

    assert curve.table["survival"].to_numpy() == pytest.approx(np.array(TABLES["regular"]) / 1000)
    assert curve.at(12).value == pytest.approx(0.173)
    assert (2.0, 2.0, 2.0) == curve.median  # 63.1 % are left after one renewal, 46.8 % after two
    z, p = 1.959963984540054, 0.631
    centre = (p + z**2 / 2000) / (1 + z**2 / 1000)
    half = z / (1 + z**2 / 1000) * np.sqrt(p * (1 - p) / 1000 + z**2 / 4e6)
    assert first["retention_lower"] == pytest.approx(centre - half)
    assert first["retention_upper"] == pytest.approx(centre + half)
    with pytest.raises(WrongParameter, match="1 to 12 periods"):
        curve.restricted_mean(13)


def test_fits_to_contracts_are_fits_to_their_cohort(regular: Contracts) -> None:
    """Fader & Hardie 2007: .704, 1.182 and -1680.2652 from the first seven years."""
    early = regular.up_to(7)
    simple, full = fit_contracts(early, SBG), fit_contracts(early, BdW)

    assert (0.704, 1.182) == (round(simple.model.alpha, 3), round(simple.model.beta, 3))
    assert simple.log_likelihood == pytest.approx(-1680.2652, abs=5e-5)
    assert full.log_likelihood == pytest.approx(-1679.6028, abs=5e-5)
    assert (1000, "year") == (simple.customers, simple.unit)


def test_censored_contracts_have_the_likelihood_of_each(censored: Contracts) -> None:
    """S(n - 1) - S(n) of one who left at n, S(n) of one still there; and the truth is near."""
    fit, table = fit_contracts(censored, SBG), censored.table
    n, ended = table["tenure"].to_numpy(), table["ended"].to_numpy()
    each = np.where(ended, fit.model.pmf(np.maximum(n, 1)), fit.model.survival(n))
    error = np.sqrt(np.diag(fit.covariance))

    assert fit.log_likelihood == pytest.approx(np.log(each).sum(), rel=1e-12)
    assert np.abs(np.log([fit.model.alpha / 0.8, fit.model.beta / 3.0]) / error).max() < 3
    assert fit.customers == (n > 0).sum()
    rows = renewal_table(censored)
    assert rows["customers"].iloc[0] == (n > 0).sum()
    assert constant_retention(censored) == pytest.approx(1 - ended.sum() / n.sum())


def test_the_curve_covers_the_truth_under_censoring(censored: Contracts) -> None:
    """Of a curve of 24 points with 95 % limits nearly all hold the law it came from."""
    table = kaplan_meier(censored).table.loc[1:]
    truth = SBG(0.8, 3.0).survival(table.index.to_numpy())

    assert ((table["lower"] <= truth) & (truth <= table["upper"])).mean() > 0.85


def test_leaving_in_an_unfinished_period_does_not_bias() -> None:
    """A tenth leaves each month, on any day; half the contracts are younger than three months."""
    rng = np.random.default_rng(11)
    begun = pd.Timestamp("2024-01-01") - pd.to_timedelta(rng.integers(0, 180, 20_000), "D")
    days = rng.exponential(30.4375 / -np.log(0.9), 20_000).astype(int)
    frame = pd.DataFrame({"customer_id": np.arange(20_000).astype(str), "start": begun})
    frame["end"] = frame["start"] + pd.to_timedelta(days, "D")
    contracts = read_contracts(frame, observation_end="2024-01-01", end_is="last_day")
    rates = kaplan_meier(contracts).table.loc[1:5]

    assert ((rates["retention_lower"] < 0.9) & (rates["retention_upper"] > 0.9)).all()


def test_contracts_watched_late_are_at_risk_late() -> None:
    """Survivors of unrecorded years do not make the early years look good."""
    rng = np.random.default_rng(5)
    passed = SBG(0.5, 1.5).simulate(20_000, 40, seed=rng)
    begun = pd.Timestamp("2010-01-01") + pd.DateOffset(years=1) * rng.integers(0, 10, 20_000)
    frame = pd.DataFrame({"customer_id": np.arange(20_000).astype(str), "start": begun})
    years = frame["start"].dt.year + passed + 1
    frame["end"] = pd.to_datetime(years.astype(str) + "-01-01")
    frame = frame[frame["end"] > "2015-01-01"]  # who left earlier was purged
    read = [
        read_contracts(frame, observation_end="2019-12-31", period="year",
                       end_is="first_day_after", opened=opened)
        for opened in ("2015-01-01", None)
    ]  # fmt: skip
    right, wrong = (kaplan_meier(contracts).table.loc[1:4] for contracts in read)
    truth = SBG(0.5, 1.5).survival(np.arange(1, 5))

    assert ((right["lower"] < truth) & (truth < right["upper"])).all()
    assert (wrong["lower"] > truth).all()


def test_projections_beyond_the_data(regular: Contracts, high_end: Contracts) -> None:
    """From seven years to twelve: sBG within 2 and 4 %, constant retention 73 and 31 % below."""
    checks = [holdout(contracts, 7) for contracts in (regular, high_end)]
    last = pd.DataFrame([check.errors["last_error"] for check in checks])

    assert [-0.02, -0.04] == last["sBG"].round(2).tolist()
    assert [-0.73, -0.31] == last["constant"].round(2).tolist()
    assert (last["BdW"].abs() < last["constant"].abs()).all()
    assert [220, 204, 191, 180, 170] == (1000 * checks[0].table["sBG"]).round().tolist()
    assert ["good", "poor"] == [checks[0].verdict(method) for method in ("sBG", "constant")]
    with pytest.raises(WrongParameter, match="2 to 11 renewals"):
        holdout(regular, 12)


def test_later_renewals_do_not_reach_a_holdout(regular: Contracts) -> None:
    """Time travel: the same fits, whatever happened after the calibration."""
    table = regular.table
    later = table["tenure"] > 7
    shuffled = table.assign(
        ended=table["ended"].mask(later, True), tenure=table["tenure"].mask(later, 9)
    )
    other = tenures(shuffled["tenure"], shuffled["ended"])
    fits = [holdout(contracts, 7).fits for contracts in (regular, other)]

    for name in ("sBG", "BdW"):
        assert fits[0][name].model == fits[1][name].model
        assert fits[0][name].fingerprint == fits[1][name].fingerprint


def test_a_projection_goes_on_where_the_data_end(censored: Contracts) -> None:
    """Beside Kaplan-Meier as far as that goes; limits around each curve; falling everywhere."""
    fits = {"sBG": fit_contracts(censored, SBG)}
    table = project(censored, fits, horizon=60)

    assert table["observed"].notna().sum() == 25
    assert (table["sBG_lower"] <= table["sBG"]).all()
    assert (table["sBG"] <= table["sBG_upper"]).all()
    assert (table["sBG"].diff().dropna() < 0).all()
    assert (table["constant"] < table["sBG"]).loc[40:].all()
    assert (1.0, 1.0) == (table.loc[0, "sBG_lower"], table.loc[0, "sBG_upper"])


def test_the_price_of_ignoring_differences() -> None:
    """Fader & Hardie 2010: $288, $394 and $568 before renewals 1, 2 and 5, against $343."""
    table = price_of_alike(SBG(0.764, 1.296), 0.833, rate=0.1, margin=100.0)

    assert [288, 394, 568] == table["value"].round().tolist()
    assert [343] * 3 == table["constant"].round().tolist()
    assert (table["difference"] + table["constant"]).to_numpy() == pytest.approx(table["value"])
    with pytest.raises(WrongParameter, match="retention"):
        constant_payments(1.2, 0.1)


def test_discounted_payments_to_a_horizon_and_beyond() -> None:
    """The sum to a far horizon is the sum to infinity; half a year of months is six payments."""
    model, n = SBG(1.5, 4.0), np.array([1, 4])
    far = expected_payments(model, 0.1, n, 400)

    assert far == pytest.approx(expected_payments(model, 0.1, n), rel=1e-9)
    assert 6 == ContractTerms(1.0, 0.1, 0.5).payments("month")
    assert 60 == ContractTerms(1.0, 0.1, 5).payments("month")
    assert 27 == ContractTerms(1.0, 0.1, 0.5).payments("week")  # 26.09 weeks: at 0, 1, ..., 26
    assert ContractTerms(1.0, 0.1).rate("year") == pytest.approx(0.1, rel=1e-12)
    assert (1 + ContractTerms(1.0, 0.1).rate("month")) ** 12 == pytest.approx(1.1, rel=1e-12)
    with pytest.raises(WrongParameter, match=r"'discount_rate' is -0\.5; .* of 0 or more"):
        ContractTerms(1.0, -0.5)


def test_residual_value_by_tenure(censored: Contracts) -> None:
    """What a customer of this tenure is worth in the equity, with limits; it rises with tenure."""
    fit, given = fit_contracts(censored, SBG), ContractTerms(20.0, 0.1, 5)
    table = residual_by_tenure(fit, given, tenures=[0, 4, 20])
    equity = contract_equity(censored, fit, given).by_tenure

    assert table["periods"].to_numpy() == pytest.approx(equity.loc[[0, 4, 20], "periods"])
    assert table["value"].to_numpy() == pytest.approx(20 * table["periods"])
    assert (table["value"].diff().dropna() > 0).all()
    assert ((table["lower"] < table["value"]) & (table["value"] < table["upper"])).all()
    with pytest.raises(WrongParameter, match="one figure"):
        residual_by_tenure(fit, ContractTerms("price", 0.1), tenures=[0])


def test_equity_of_contracts_adds_up(censored: Contracts) -> None:
    """Customers, tenures and the total agree; those who left are not in it; limits surround it."""
    fit = fit_contracts(censored, SBG)
    given = ContractTerms("price", 0.1, 5)
    equity = contract_equity(censored, fit, given)
    running = censored.table["running"]

    assert len(equity.customers) == running.sum() == equity.by_tenure["customers"].sum()
    assert equity.total.mean == pytest.approx(equity.customers["residual_value"].sum(), rel=1e-12)
    assert equity.total.mean == pytest.approx(equity.by_tenure["value"].sum(), rel=1e-12)
    assert equity.constant_total == pytest.approx(equity.by_tenure["constant_value"].sum())
    assert equity.total.lower < equity.total.mean < equity.total.upper
    rival = fit_contracts(censored, BdW)
    both = contract_equity(censored, fit, given, rivals=[rival])
    assert abs(rival.aic - fit.aic) < 4  # the data do not tell the curves apart
    assert both.total.mean == equity.total.mean
    assert both.total.from_parameters > equity.total.from_parameters
    far = dataclasses.replace(rival, log_likelihood=rival.log_likelihood - 30)
    assert contract_equity(censored, fit, given, rivals=[far]).total == equity.total
    one = equity.customers.iloc[0]
    ahead = expected_payments(fit.model, given.rate("month"), np.array([one["tenure"] + 1]), 60)
    assert one["residual_value"] == pytest.approx(one["margin"] * ahead[0])
    doubled = contract_equity(censored, fit, ContractTerms(30.0, 0.1, 5))
    periods = equity.customers["residual_value"] / equity.customers["margin"]
    assert doubled.total.mean == pytest.approx(30 * periods.sum())


@pytest.mark.parametrize("horizon", [None, 2.0])
def test_chance_in_the_value_of_contracts(horizon: float | None) -> None:
    """The spread that the interval allows is the spread of simulated bases."""
    truth, given = SBG(0.9, 2.5), ContractTerms(10.0, 0.1, horizon)
    fit = fit_contracts(
        tenures([2] * 700 + [1] * 200 + [2] * 100, [False] * 700 + [True] * 300), SBG
    )
    known = fit.__class__(**{**fit.__dict__, "model": truth})
    equity = contract_equity(tenures([0] * 500 + [1], [False] * 500 + [True]), known, given)
    rng, rate, count = np.random.default_rng(3), given.rate("year"), given.payments("year") or 400
    passed = np.minimum(truth.simulate(500 * 400, count, seed=rng).reshape(400, 500), count)
    value = 10 * (1 - (1 + rate) ** -passed.astype(float)) / (1 - 1 / (1 + rate))
    sums = value.sum(axis=1)

    assert equity.total.from_chance == pytest.approx(sums.std(), rel=0.15)
    assert equity.total.mean == pytest.approx(sums.mean(), abs=4 * sums.std() / 20)


def test_margins_are_there_or_refused(censored: Contracts) -> None:
    """A covariate without numbers, and a customer without one."""
    fit = fit_contracts(censored, SBG)
    prices = censored.table["price"].mask(
        censored.table.index == censored.table["running"].idxmax()
    )
    gap = Contracts(**{**censored.__dict__, "table": censored.table.assign(price=prices)})

    with pytest.raises(UnusableCovariate, match="1 running contracts have none"):
        contract_equity(gap, fit, ContractTerms("price", 0.1))
    with pytest.raises(WrongParameter, match="margin"):
        contract_equity(censored, fit, ContractTerms("colour", 0.1))
    with pytest.raises(NotEstimable, match="none is running"):
        contract_equity(tenures([1, 2], [True, True]), fit, ContractTerms(1.0, 0.1))


def test_average_life_by_method(regular: Contracts, censored: Contracts) -> None:
    """Each method states what it assumes; where the mean is infinite, it says so."""
    table = average_life(regular, fit_all(regular)).set_index(["method", "model"])["life"]
    observed = np.array(TABLES["regular"]) / 1000

    assert table["restricted_mean"].iloc[0] == pytest.approx(observed[:12].sum())
    assert table["model_restricted", "sBG"] == pytest.approx(observed[:12].sum(), rel=0.01)
    assert np.isinf(table["model", "sBG"])  # alpha is below 1
    assert table["constant"].iloc[0] == pytest.approx(1 / (1 - constant_retention(regular)))
    rest = average_life(censored, {}).set_index("method")["life"]
    begun = censored.table["tenure"] + censored.table["running"]  # the period that runs is one
    assert rest["so_far"] == pytest.approx(begun.mean())
    assert rest["ended"] < rest["so_far"] < rest["restricted_mean"]
    assert set(table.index.get_level_values("method")) == set(ASSUMES)


def test_remaining_life_rises_with_tenure(censored: Contracts) -> None:
    """Model and observation agree where both know; beyond the data the observation is silent."""
    fit = fit_contracts(censored, SBG)
    table = remaining_life(censored, {"sBG": fit}, horizon=6)
    whole = restricted_life(SBG(3.0, 2.0), np.array([0]), 400)[0]

    assert table["customers"].sum() == censored.table["running"].sum()
    assert (table["sBG"].diff().dropna() > 0).all()
    early = table.loc[0:12]
    assert (early["observed"] - early["sBG"]).abs().max() < 0.2
    assert table.loc[19:, "observed"].isna().all()
    assert whole == pytest.approx(SBG(3.0, 2.0).expected_lifetime(), rel=1e-3)


def test_what_cannot_be_told_is_refused() -> None:
    """No renewal yet; a gap in what was watched; nobody left."""
    with pytest.raises(NotEstimable, match="none of its contracts has come up"):
        kaplan_meier(tenures([0, 0], [False, False]))
    with pytest.raises(NotEstimable, match="none of its customers left"):
        fit_all(tenures([3, 4, 5], [False] * 3))
    curve = kaplan_meier(tenures([3, 4, 5], [False] * 3))
    assert (curve.table["survival"] == 1).all()
    assert np.isnan(curve.median.value)
    frame = pd.DataFrame({"customer_id": ["a"], "start": ["2010-01-01"], "end": [None]})
    late = read_contracts(frame, observation_end="2019-12-31", period="year", opened="2015-01-01")
    with pytest.raises(NotEstimable, match="nobody was watched at renewal 1"):
        kaplan_meier(late)


def test_value_below_zero_has_limits_around_it(censored: Contracts) -> None:
    """Contracts that cost: limits in order, below zero; mixed margins: on both sides of it."""
    fit = fit_contracts(censored, SBG)
    gain = contract_equity(censored, fit, ContractTerms("price", 0.1, 5)).total
    middle = censored.table.loc[censored.table["running"], "price"].mean()
    costs, mixed = (
        contract_equity(
            dataclasses.replace(censored, table=censored.table.assign(price=price)), fit,
            ContractTerms("price", 0.1, 5),
        ).total
        for price in (-censored.table["price"], middle - censored.table["price"])
    )  # fmt: skip
    table = residual_by_tenure(fit, ContractTerms(-20.0, 0.1, 5), tenures=[0, 4])

    assert costs.mean == pytest.approx(-gain.mean)
    assert costs.lower < costs.mean < costs.upper < 0
    assert costs.upper - costs.lower == pytest.approx(gain.upper - gain.lower, rel=0.15)
    assert mixed.lower < min(0, mixed.mean) <= max(0, mixed.mean) < mixed.upper
    assert (table["lower"] < table["value"]).all()
    assert (table["value"] < table["upper"]).all()
