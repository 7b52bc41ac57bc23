"""What customers bring and cost: assumptions, values, outcomes, parts, unprofitable customers."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

import crmlab
from crmlab.customers import equity, outcomes, single_outcomes, unprofitable, value
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.futures import discounted_span, futures
from crmlab.errors import WrongParameter

COSTLY = Economics(0.3, 0.15, 2.5, cost_per_occasion=1.0, cost_per_year=3.0, retention_per_year=0.5)


@pytest.fixture(scope="module")
def base(sample_log: crmlab.TransactionLog) -> FittedBase:
    """CDNOW's sample with MBG/NBD, all 78 weeks."""
    study = crmlab.Study.run(
        sample_log, observation_end="1998-06-30", margin=0.3, discount_rate=0.15, model="mbg-nbd"
    )
    return FittedBase.of(study)


def by_quad(model: Any, rate: float, horizon: float, history: dict[str, float]) -> float:
    """Discounted active time of one customer, by adaptive quadrature over pieces of time."""
    end = min(horizon, 45 / rate)
    edges = [0.0, *(end * 10.0 ** -np.arange(8, 0, -1)), end]

    def alive(u: float) -> float:
        return float(model.p_alive(**history, ahead=u)) * math.exp(-rate * u)

    return sum(
        quad(alive, a, b, epsabs=0, epsrel=1e-13, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("horizon", [0.5, 2.5 * 52, math.inf])
@pytest.mark.parametrize(
    "model",
    [
        crmlab.BGNBD(0.24, 4.4, 0.8, 2.4),
        crmlab.MBGNBD(0.5, 0.05, 0.9, 1.6),
        crmlab.ParetoNBD(0.55, 10.6, 0.6, 11.7),
        crmlab.MBGCNBD(1.5, 3.0, 0.8, 4.0, k=3),
    ],
    ids=lambda m: type(m).__name__,
)
def test_discounted_life_is_the_integral(model: Any, horizon: float) -> None:
    """P(active at T + u) exp(-rate u) over u, to 1e-10, for short and endless horizons."""
    history = {
        "frequency": np.array([0.0, 2.0, 40.0, 7.0]),
        "recency": np.array([0.0, 30.43, 38.0, 2.0]),
        "T": np.array([38.86, 38.86, 38.86, 0.5 + 38.0]),
    }
    life = model.discounted_life(0.0027, horizon, **history)
    expected = [
        by_quad(model, 0.0027, horizon, {n: v[i] for n, v in history.items()}) for i in range(4)
    ]

    assert life == pytest.approx(expected, rel=1e-10)


def test_pareto_nbd_occasions_are_rate_times_discounted_life() -> None:
    """Purchase rate and leaving are independent there: det = (r + x) / (alpha + T) x life."""
    model = crmlab.ParetoNBD(0.55, 10.6, 0.6, 11.7)
    x, T = np.array([0.0, 3.0, 12.0]), np.array([20.0, 40.0, 60.0])
    history = {"frequency": x, "recency": T * (x > 0) * 0.9, "T": T}
    life = model.discounted_life(0.0027, 130.0, **history)

    assert model.det(0.0027, 130.0, **history) == pytest.approx(
        (0.55 + x) / (10.6 + T) * life, rel=1e-12
    )


@pytest.mark.parametrize("years", [0.5, 1 / 3, 2.5])
def test_horizons_need_not_be_whole(base: FittedBase, years: float) -> None:
    """Half a year is half of 365.25 days: the value is the integral up to there and no further."""
    given_ = dataclasses.replace(COSTLY, horizon_years=years)
    valued = value.value_customers(base, given_)
    rate, horizon = given_.rate("week"), years * 365.25 / 7
    row = base.summary.iloc[[100]]
    history = {c: float(row[c].iloc[0]) for c in ("frequency", "recency", "T")}
    model = base.purchases.model
    life = by_quad(model, rate, horizon, history)
    bought = model.expected_purchases(horizon, **history)
    growth, _ = quad(
        lambda u: rate * math.exp(-rate * u) * float(model.expected_purchases(u, **history)),
        0, horizon, epsrel=1e-12,
    )  # fmt: skip
    det = float(bought) * math.exp(-rate * horizon) + growth
    spend = float(base.expected_spend[100])

    assert valued["residual_clv"].iloc[100] == pytest.approx(
        det * (0.3 * spend - 1.0) - life * 3.5 * 7 / 365.25, rel=1e-10
    )


def test_a_value_is_the_sum_of_its_parts(base: FittedBase) -> None:
    """Margin less three costs; horizon and tail make infinity; without costs it is the study's."""
    valued = value.value_customers(base, COSTLY)
    costs = valued["cost_of_occasions"] + valued["cost_of_time"] + valued["retention_spending"]
    endless = value.value_customers(base, dataclasses.replace(COSTLY, horizon_years=math.inf))
    plain = value.net_values(base, Economics(0.3, 0.15))

    assert (valued["expected_margin"] - costs).to_numpy() == pytest.approx(
        valued["residual_clv"].to_numpy(), rel=1e-12
    )
    assert (valued["residual_clv"] + valued["tail"]).to_numpy() == pytest.approx(
        endless["residual_clv"].to_numpy(), rel=1e-9
    )
    assert value.net_values(base, COSTLY) == pytest.approx(valued["residual_clv"].to_numpy())
    assert plain == pytest.approx(base.summary["residual_clv"].to_numpy(), rel=1e-12)


def test_money_has_no_value_beyond_if_nothing_is_discounted(base: FittedBase) -> None:
    """At a rate of 0 the value to infinity may not exist, and is missing."""
    valued = value.value_customers(base, Economics(0.3, 0.0, 1.0))

    assert valued["residual_to_infinity"].isna().all()
    assert valued["residual_clv"].notna().all()


def test_tables_by_customer_reach_their_customers(base: FittedBase) -> None:
    """One customer's cost in a shuffled table lowers that customer's value and no other's."""
    cost = pd.Series(0.0, index=base.summary.index[::-1])
    cost[base.summary.index[5]] = 2.0
    plain = value.net_values(base, Economics(0.3, 0.15))
    dear = value.net_values(base, Economics(0.3, 0.15, cost_per_occasion=cost))

    assert np.flatnonzero(plain != dear).tolist() == [5]
    assert plain[5] - dear[5] == pytest.approx(2 * base.summary["det"].iloc[5])


def test_a_change_of_pace_is_a_change_of_dropout(base: FittedBase) -> None:
    """BG/NBD, coins of half the weight: as integrated over the coins by hand."""
    model = crmlab.BGNBD(0.6, 8.0, 0.9, 2.5)
    one = pd.DataFrame({"frequency": [3], "recency": [20.0], "T": [30.0]}, index=["a"])
    here = dataclasses.replace(
        base, summary=one, purchases=dataclasses.replace(base.purchases, model=model)
    )
    slow = value.ahead(here, 0.003, 100.0, pace=0.5)
    rng = np.random.default_rng(1)
    rate, coin = rng.gamma(3.6, 1 / 38.0, 400_000), rng.beta(0.9, 5.5, 400_000)
    leaving = rate * coin * 0.5 + 0.003
    alive = float(model.p_alive(frequency=3, recency=20.0, T=30.0))
    life = alive * -np.expm1(-leaving * 100) / leaving
    error = [np.std(v) / np.sqrt(len(rate)) for v in (rate * life, life)]

    assert slow.occasions[0] == pytest.approx(np.mean(rate * life), abs=4 * error[0])
    assert slow.active[0] == pytest.approx(np.mean(life), abs=4 * error[1])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"margin": 0.0}, "Parameter 'margin' is 0.0; expected shares of net spend above 0"),
        ({"margin": "a lot"}, "Parameter 'margin' is 'a lot'"),
        ({"margin": pd.Series({"a": 0.3, "b": 2.2})}, "2.2 for customer 'b', and 1 such in all"),
        ({"margin": pd.Series([0.3, 0.3], index=["a", "a"])}, "customer 'a' twice"),
        ({"cost_per_occasion": -1.0}, "expected money, 0 or more"),
        ({"cost_per_year": math.nan}, "'cost_per_year' is nan"),
        ({"retention_per_year": -2.0}, "'retention_per_year' is -2.0"),
        ({"acquisition_cost": -2.0}, "'acquisition_cost' is -2.0"),
        ({"acquisition_cost": pd.DataFrame({"place": ["x"], "cost": [1.0]})}, "columns channel or"),
        (
            {"acquisition_cost": pd.DataFrame({"channel": ["x", "x"], "cost": [1.0, 2.0]})},
            "'x twice'; expected one cost for each channel",
        ),
        ({"horizon_years": 0.0}, "years above 0"),
        ({"horizon_years": math.inf, "discount_rate": 0.0}, "where nothing is discounted"),
        ({"discount_rate": -0.5}, "'discount_rate' is -0.5"),
        ({"currency": "euro"}, "three capital letters"),
    ],
)
def test_impossible_economics_are_refused_by_name(wrong: dict[str, Any], message: str) -> None:
    """What was found, where, and what was expected."""
    with pytest.raises(WrongParameter, match=message):
        Economics(**({"margin": 0.3, "discount_rate": 0.15} | wrong))


def test_a_table_that_lacks_customers_is_refused(base: FittedBase) -> None:
    """How many it lacks, and the first of them."""
    some = pd.Series(0.3, index=base.summary.index[2:])

    with pytest.raises(WrongParameter, match=r"without 2 of 2357 customers \(first: '00004'\)"):
        value.net_values(base, Economics(some, 0.15))


def test_acquisition_costs_find_their_channel_and_cohort() -> None:
    """By both, by one of them, and missing where the table says nothing."""
    groups = pd.DataFrame(
        {"channel": ["web", "shop"], "cohort": pd.PeriodIndex(["2024-01", "2024-02"], freq="M")}
    )
    both = pd.DataFrame({"channel": ["web"], "cohort": ["2024-01"], "cost": [12.0]})
    one = pd.DataFrame({"channel": ["shop", "web"], "cost": [5, 7]})

    def costs(given_: Any) -> list[float]:
        found = Economics(0.3, 0.1, acquisition_cost=given_).acquisition_cost_of(groups)
        return [None if math.isnan(v) else v for v in found]

    assert costs(both) == [12.0, None]
    assert costs(one) == [7.0, 5.0]
    assert costs(9.0) == [9.0, 9.0]
    assert costs(None) == [None, None]
    with pytest.raises(WrongParameter, match="the customers' channel is not given"):
        Economics(0.3, 0.1, acquisition_cost=one).acquisition_cost_of(groups[["cohort"]])


@pytest.mark.parametrize(
    "model",
    [
        crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5),
        crmlab.ParetoNBD(0.55, 10.6, 0.6, 11.7),
        crmlab.MBGCNBD(1.5, 3.0, 0.8, 4.0, k=3),
    ],
    ids=lambda m: type(m).__name__,
)
def test_drawn_futures_have_the_means_of_the_model(model: Any) -> None:
    """Purchases, active time and who is still there, within 4.5 standard errors."""
    n = 40_000
    history = {
        "frequency": np.full(n, 2.0), "recency": np.full(n, 30.0), "T": np.full(n, 38.0)
    }  # fmt: skip
    one = {name: column[0] for name, column in history.items()}
    drawn = futures(model, 52.0, **history, seed=1)
    bought = np.bincount(drawn.customer, minlength=n)

    def close(found: Any, expected: Any) -> bool:
        return bool(abs(found.mean() - expected) < 4.5 * found.std() / np.sqrt(n))

    assert close(bought, model.expected_purchases(52.0, **one))
    assert close(drawn.active, model.expected_life(52.0, **one))
    assert close((drawn.active == 52.0), model.p_alive(**one, ahead=52.0))
    assert close((drawn.active == 0.0), 1 - model.p_alive(**one)) or model.p_alive(**one) == 1
    assert (drawn.time <= drawn.active[drawn.customer]).all()


@pytest.mark.parametrize(
    ("model", "economics"),
    [
        (crmlab.BGNBD, Economics(0.3, 0.15)),
        (crmlab.ParetoNBD, COSTLY),
        (crmlab.MBGCNBD, COSTLY),
    ],
)
def test_outcomes_are_those_of_customers_simulated_one_by_one(
    base: FittedBase, model: Any, economics: Economics
) -> None:
    """Of 60 customers at known parameters: as many above, below and at a loss as is told.

    2,000 futures each by kind of history against 2,000 of each customer, from first to last: the
    shares differ by no more than 4.5 standard errors of both, 2.2 points at the limits.
    """
    n, fitted = 2000, model.fit(base.summary)
    known = dataclasses.replace(fitted, covariance=np.zeros_like(fitted.covariance))
    spend = dataclasses.replace(base.spend, covariance=np.zeros_like(base.spend.covariance))
    some = dataclasses.replace(base.only(base.summary.index[::40]), purchases=known, spend=spend)
    found = single_outcomes.outcomes(some, economics, draws=n, seed=3)
    rng = np.random.default_rng(4)
    lived = np.array(
        [outcomes.realise(some, economics, known.model, spend.model, rng) for _ in range(n)]
    )
    above = (lived > found["upper"].to_numpy() + 1e-9).mean(axis=0)
    below = (lived < found["lower"].to_numpy() - 1e-9).mean(axis=0)
    error = 4.5 * np.sqrt(2 * 0.025 * 0.975 / n)

    assert found.index.equals(some.summary.index)
    assert (above <= 0.025 + error).all()
    assert (below <= 0.025 + error).all()
    # What is mostly nothing has its limit at nothing; elsewhere the limits are as narrow as can be.
    assert (above[found["upper"] > 0] >= 0.025 - error).all()
    assert np.abs((lived < 0).mean(axis=0) - found["p_negative"]).max() < 4.5 * np.sqrt(0.5 / n)
    pd.testing.assert_frame_equal(found, single_outcomes.outcomes(some, economics, draws=n, seed=3))


def test_under_several_models_who_has_left_says_nothing_of_the_future(
    base: FittedBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two models as likely, p_negative is the mean of each one's own, to 4.5 standard errors."""
    some, n = base.only(base.summary.index[:40]), 4000
    spend = base.spend.model
    pairs = [(crmlab.MBGNBD(0.5, 6.0, 0.9, 1.6), spend), (crmlab.MBGNBD(0.5, 6.0, 0.3, 9.0), spend)]

    def p_negative(models: Any) -> pd.Series:
        monkeypatch.setattr(single_outcomes, "_models", lambda *_: models)
        return single_outcomes.outcomes(some, COSTLY, draws=n, seed=2)["p_negative"]

    each = (p_negative(pairs[:1]) + p_negative(pairs[1:])) / 2
    assert np.abs(p_negative(pairs) - each).max() < 4.5 * np.sqrt(0.5 / n)


def test_nobody_loses_money_without_costs(base: FittedBase) -> None:
    """And with costs of time alone, a customer who is active and never buys does."""
    some = base.only(base.summary.index[:200])
    free = single_outcomes.outcomes(some, Economics(0.3, 0.15), draws=50, seed=3)
    dear = single_outcomes.outcomes(some, Economics(0.3, 0.15, cost_per_year=9.0), draws=50, seed=3)

    assert (free["p_negative"] == 0).all()
    assert (free["lower"] >= 0).all()
    assert dear["p_negative"].max() > 0.2


def test_a_margin_below_0_is_a_loss(base: FittedBase) -> None:
    """Whoever buys below cost brings less, the more they buy; others are as they were."""
    margin = pd.Series(0.3, index=base.summary.index)
    margin.iloc[:50] = -0.1
    economics = Economics(margin, 0.15)
    found = single_outcomes.outcomes(base.only(margin.index[:100]), economics, draws=100, seed=1)
    values = value.net_values(base, economics)

    assert economics.may_lose
    assert (values[:50] < 0).all()
    assert (values[50:] > 0).all()
    assert (found["upper"].iloc[:50] == 0).mean() > 0.9
    assert (found["p_negative"].iloc[50:] == 0).all()


def test_futures_in_order_once_a_kind_are_those_in_order_for_each(base: FittedBase) -> None:
    """Without costs customers of a kind differ by a factor; a speck of cost ends that."""
    fits = {
        name: dataclasses.replace(fit, covariance=np.zeros_like(fit.covariance))
        for name, fit in (("purchases", base.purchases), ("spend", base.spend))
    }
    some = dataclasses.replace(base.only(base.summary.index[:200]), **fits)
    margin = pd.Series(0.3, index=some.summary.index)
    margin.iloc[::3] = -0.1
    once, each = (
        single_outcomes.outcomes(some, Economics(margin, 0.15, **costs), draws=100, seed=1)
        for costs in ({}, {"cost_per_occasion": 1e-12})
    )

    assert once["p_negative"].max() > 0.1
    pd.testing.assert_frame_equal(once, each, rtol=1e-9, atol=1e-9)


def test_the_interval_of_equity_is_the_studys_without_costs(study: crmlab.Study) -> None:
    """The same total, and limits within 1 % (chance is simulated with other draws)."""
    base = FittedBase.of(study)
    ours = outcomes.equity_interval(base, study.economics, seed=1)
    theirs = study.equity_interval(seed=1)

    assert ours.mean == pytest.approx(theirs.mean, rel=1e-12)
    assert ours.from_parameters == pytest.approx(theirs.from_parameters, rel=1e-9)
    assert (ours.lower, ours.upper) == pytest.approx((theirs.lower, theirs.upper), rel=0.01)


def test_discounted_span_is_the_integral() -> None:
    """Of exp(-rate u); at rate 0 the time itself."""
    assert discounted_span(0.1, 3.0) == pytest.approx(quad(lambda u: math.exp(-0.1 * u), 0, 3)[0])
    assert discounted_span(0.0, 3.0) == 3.0


@given(st.lists(st.floats(-1e7, 1e7), max_size=60), st.integers(1, 5))
def test_cents_add_up_whatever_the_groups(amounts: list[float], groups: int) -> None:
    """To the rounded total, no amount moved by a cent."""
    whole = equity.cents(amounts)

    assert int(whole.sum()) == round(float(np.sum(np.asarray(amounts) * 100)))
    assert (np.abs(whole - np.asarray(amounts) * 100) < 1).all()
    if amounts:
        values = pd.Series(amounts)
        table = equity.parts(values, pd.Series(np.arange(len(amounts)) % groups, name="group"))
        assert (table["residual_clv"] * 100).round().sum() == whole.sum()
        assert table["customers"].sum() == len(amounts)


def test_every_grouping_has_the_same_total(base: FittedBase) -> None:
    """Cohorts and channels, to the cent, each part within a cent of its sum; or 'unknown'."""
    values = pd.Series(value.net_values(base, COSTLY), index=base.summary.index)
    channel = pd.Series("web", index=values.index[:100])
    cohort = base.summary["first_date"].dt.to_period("M")
    tables = [equity.parts(values, cohort), equity.parts(values, channel)]

    assert tables[1]["customers"].to_dict() == {"unknown": 2257, "web": 100}
    assert np.abs(tables[0]["residual_clv"] - values.groupby(cohort).sum()).max() < 0.01
    for table in tables:
        assert (table["residual_clv"] * 100).round().sum() == equity.equity(values) * 100
        assert table["share"].sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="missing or infinite"):
        equity.cents([1.0, math.nan])


def test_unprofitable_customers_come_out_even_after_the_change(base: FittedBase) -> None:
    """Each lever alone, applied to one customer's figures, brings the net value to 0."""
    economics = dataclasses.replace(COSTLY, cost_per_year=6.0)
    valued = value.value_customers(base, economics)
    listed = unprofitable.unprofitable(valued)
    told = unprofitable.summary_of(listed, valued)

    assert 0 < len(listed) == told["customers"] == (valued["residual_clv"] < 0).sum()
    assert listed["residual_clv"].is_monotonic_increasing
    one = listed[listed["frequency_change"].notna()].iloc[0]
    full = valued.loc[one.name]
    upkeep = full["cost_of_time"] + full["retention_spending"]
    dearer = full["det"] * full["expected_spend"] * one["price_change"]
    oftener = (full["expected_margin"] - full["cost_of_occasions"]) * (1 + one["frequency_change"])
    assert full["residual_clv"] + dearer == pytest.approx(0, abs=1e-12)
    assert full["expected_margin"] - one["costs"] * (1 + one["cost_change"]) == pytest.approx(0)
    assert oftener == pytest.approx(upkeep)
    assert told["equity_if_mended"] + told["loss"] == pytest.approx(
        equity.equity(valued["residual_clv"]), abs=0.011
    )
    nobody = unprofitable.unprofitable(value.value_customers(base, Economics(0.3, 0.15)))
    assert unprofitable.summary_of(nobody, valued)["customers"] == 0


def test_the_reason_is_there_as_data(base: FittedBase) -> None:
    """Last bought, how often, how much, what the model makes of it: CDNOW's first customer."""
    row = value.reasons(base).loc["00004"]

    assert str(row["last_date"].date()) == "1997-12-12"
    assert row["days_since_last"] == 200
    assert row["occasions"] == 4
    assert row["mean_gap_days"] == pytest.approx(345 / 3)
    assert row["spend_each"] == pytest.approx(100.50 / 4)
    assert 0 < row["p_alive"] < 1
