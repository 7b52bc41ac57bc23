"""Keeping customers: offers, winning back, stages and flows, average life."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers import offers, stages, winback
from crmlab.customers.average_life import average_life
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase


@pytest.fixture(scope="module")
def base(retention_study: crmlab.Study) -> FittedBase:
    """All of CDNOW with MBG/NBD."""
    return FittedBase.of(retention_study)


@pytest.fixture(scope="module")
def values(retention_study: crmlab.Study) -> pd.Series:
    """residual_clv of all customers."""
    return retention_study.customers["residual_clv"]


ECONOMICS = Economics(0.3, 0.15)


@pytest.mark.parametrize(
    "model", [crmlab.BGNBD(0.24, 4.4, 0.8, 2.4), crmlab.MBGNBD(0.5, 6, 0.9, 1.6)]
)
def test_what_is_gained_is_that_of_customers_who_cannot_leave(base: FittedBase, model: Any) -> None:
    """Against lives drawn from the posterior: nobody leaves in the span, then as the model says.

    40,000 customers each, to four standard errors.
    """
    some = base.only(base.summary.index[:3])
    history = {"frequency": [1, 4, 9], "recency": [8.0, 30.0, 50.0], "T": [20.0, 40.0, 52.0]}
    summary = some.summary.assign(**history)
    fit = dataclasses.replace(some.purchases, model=model)
    some = dataclasses.replace(some, summary=summary, purchases=fit)
    span, rng, n = 13.0, np.random.default_rng(5), 40_000
    rate, horizon = ECONOMICS.rate("week"), ECONOMICS.horizon("week")
    gained = offers.gained_if_kept(some, ECONOMICS, span)
    a, b = model.a, model.b + isinstance(model, crmlab.MBGNBD)
    for i, (x, T) in enumerate(zip(history["frequency"], history["T"], strict=True)):
        alive = float(model.p_alive(**some.history)[i])
        kept = [
            sum(math.exp(-rate * t) for t in _life(rng, model, a, b, x, T, span, horizon))
            for _ in range(n)
        ]
        now = float(model.det(rate, horizon, **some.history)[i])
        money = 0.3 * float(some.expected_spend[i])
        error = alive * money * float(np.std(kept)) / math.sqrt(n)
        assert gained[i] == pytest.approx(money * (alive * np.mean(kept) - now), abs=4 * error)


def _life(
    rng: np.random.Generator, model: Any, a: float, b: float, x: int, T: float, span: float,
    horizon: float,
) -> list[float]:  # fmt: skip
    """Times of purchase of an active customer who cannot leave within the span."""
    pace, coin = rng.gamma(model.r + x) / (model.alpha + T), rng.beta(a, b + x)
    times, time = [], rng.exponential() / pace
    while time < horizon:
        times.append(time)
        if time > span and rng.random() < coin:
            break
        time += rng.exponential() / pace
    return times


@pytest.mark.parametrize(
    "model",
    [
        crmlab.BGNBD(0.5, 4.0, 0.8, 2.4),
        crmlab.MBGNBD(0.5, 4.0, 0.9, 1.6),
        crmlab.ParetoNBD(0.6, 5.0, 0.6, 6.0),
    ],
    ids=lambda m: type(m).__name__,
)
def test_who_buys_after_the_offer_is_as_simulated(model: Any) -> None:
    """Share of 100,000 with a purchase in weeks 6 to 19 from now, to 4 standard errors."""
    n, history = 100_000, {"frequency": 2.0, "recency": 25.0, "T": 30.0}
    future = model.simulate_future(
        19.0, **{name: np.full(n, v) for name, v in history.items()}, seed=5
    )
    share = len(np.unique(future.customer[future.time > 6.0])) / n
    told = float(model.buys_later(6.0, 13.0, **history))

    assert told == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) / n))


def test_an_offer_may_cost_what_is_gained(base: FittedBase, values: pd.Series) -> None:
    """Sums are the value at risk, to the cent; break-even in shares, points and purchases."""
    segment = (base.summary["frequency"] > 0).map({True: "repeat", False: "once"})
    table = offers.offers(base, ECONOMICS, values, segment, cost=1.0)
    at_risk = base.summary["value_at_risk"].groupby(segment).sum()
    once, repeat = table.loc["once"], table.loc["repeat"]
    stay = base.summary["p_alive"] * base.summary["survival_next_quarter"]
    leave = (base.summary["p_alive"] - stay)[segment == "repeat"].mean()

    assert table["customers"].sum() == 23_570
    assert table["value_at_risk"].to_numpy() == pytest.approx(at_risk.to_numpy(), abs=0.01)
    gained = offers.gained_if_kept(base, ECONOMICS, 3 * 365.25 / 7 / 12)
    assert repeat["most_cost"] == pytest.approx(gained[segment == "repeat"].mean())
    assert 0 < repeat["most_cost"] * repeat["customers"] < repeat["value_at_risk"]
    assert repeat["break_even_share"] == pytest.approx(1 / repeat["most_cost"])
    assert repeat["break_even_uplift"] == pytest.approx(leave / repeat["most_cost"])
    assert repeat["buys"] < repeat["buys_needed"] < 1
    assert repeat["per_arm"] == offers.per_arm(repeat["buys"], repeat["buys_needed"])
    assert math.isnan(once["break_even_share"])
    assert not once["testable"]
    assert "per_arm" not in offers.offers(base, ECONOMICS, values, segment)


def test_the_size_of_a_test_is_the_textbooks() -> None:
    """Cohen's h: ((z_0.975 + z_0.8) / h)^2 each; 20 % against 25 %: 1,092."""
    h = 2 * math.asin(math.sqrt(0.25)) - 2 * math.asin(math.sqrt(0.2))

    assert offers.per_arm(0.2, 0.25) == math.ceil(2 * ((1.959964 + 0.841621) / h) ** 2) == 1092
    assert offers.per_arm(0.25, 0.2) == 1092
    assert math.isnan(offers.per_arm(0.2, 0.2))
    assert math.isnan(offers.per_arm(0.2, math.nan))
    assert math.isnan(offers.per_arm(0.9, 1.1))


def test_a_test_of_that_size_finds_the_uplift() -> None:
    """Simulated: of 4,000 tests at 1,092 each, 80 % reject equality at 5 %."""
    rng, n = np.random.default_rng(1), 1092
    one, two = rng.binomial(n, 0.2, 4000) / n, rng.binomial(n, 0.25, 4000) / n
    both = (one + two) / 2
    z = (two - one) / np.sqrt(2 * both * (1 - both) / n)

    assert (np.abs(z) > 1.96).mean() == pytest.approx(0.8, abs=0.02)


def test_win_back_is_by_gain_and_not_by_low_p_alive(base: FittedBase, values: pd.Series) -> None:
    """First those with most to gain; never who would gain less than the attempt costs."""
    table = winback.win_back(base, values, success=0.05, cost=1.0)
    plain = winback.win_back(base, values)
    first, surely_gone = table.iloc[0], base.summary["p_alive"].sort_values().index[:1000]
    hopeless = winback.win_back(base, values, success=0.05 * base.summary["p_alive"], cost=1.0)

    assert table["expected_gain"].is_monotonic_decreasing
    assert (table["expected_gain"] > 0).all()
    assert first["expected_gain"] == pytest.approx(
        0.05 * (first["value_if_active"] - first["residual_clv"]) - 1
    )
    assert first["break_even_success"] == pytest.approx(1 / first["at_stake"])
    assert len(set(table.index[:1000]) & set(surely_gone)) < 500
    assert 0 < len(hopeless) < len(table)
    assert plain["at_stake"].is_monotonic_decreasing
    assert plain["expected_gain"].isna().all()


def histories(rows: dict[str, tuple[int, float, float]]) -> pd.DataFrame:
    """Summary of (frequency, recency, T) by name, beside repeat buyers with a typical gap of 10."""
    crowd = {f"z{i}": (4, 40.0, 40.0) for i in range(9)}
    frame = pd.DataFrame.from_dict(rows | crowd, orient="index")
    return frame.set_axis(["frequency", "recency", "T"], axis=1)


def test_stages_follow_the_stated_rules() -> None:
    """Two, three and five own gaps of silence; repeats tell new, developing and loyal apart."""
    rows = {
        "new": (0, 0.0, 19.0), "slowing": (0, 0.0, 21.0), "at_risk": (0, 0.0, 31.0),
        "lost": (0, 0.0, 51.0), "developing": (2, 20.0, 25.0), "loyal": (3, 30.0, 35.0),
    }  # fmt: skip
    found = stages.basic_stage(histories(rows))

    assert found[list(rows)].to_dict() == {name: name for name in rows}


def test_who_was_lost_and_bought_again_is_reactivated() -> None:
    """And stays lost without a purchase; others keep the stage that the histories show."""
    before = histories({"a": (1, 10.0, 80.0), "b": (1, 10.0, 80.0), "c": (3, 30.0, 35.0)})
    now = histories({"a": (2, 85.0, 93.0), "b": (1, 10.0, 93.0), "c": (3, 30.0, 48.0)})

    assert stages.basic_stage(before)["a"] == "lost"
    assert stages.stage(now, before)[["a", "b", "c"]].tolist() == ["reactivated", "lost", "loyal"]


def test_flows_hold_every_customer_once(log: crmlab.TransactionLog, values: pd.Series) -> None:
    """CDNOW in the last quarter, and in one in which most are won: rows and columns add up."""
    late, early = stages.stages(log, "1998-06-30"), stages.stages(log, "1997-05-31")
    matrix, first = stages.flows(late), stages.flows(early)
    back = matrix.loc["lost", "reactivated"]
    money = stages.flows(late, values)

    assert matrix.to_numpy().sum() == 23_570
    assert matrix.sum(axis=1).to_dict() == late["then"].value_counts().to_dict()
    assert matrix.loc["not_yet"].sum() == 0
    assert back == matrix["reactivated"].sum() > 0
    assert matrix["new"].drop("new").sum() == 0
    assert (
        first.loc["not_yet"].sum()
        == (log.summarize("1997-05-31")["first_date"] > "1997-03-01").sum()
    )
    assert money.to_numpy().sum() == pytest.approx(values.sum())
    assert stages.period_before("1998-06-30") == "1998-03-31"


def test_average_life_says_what_it_assumes(base: FittedBase) -> None:
    """Observation alone is short, 1 / churn differs from the model's mean, and why."""
    table = average_life(base, 5.0)
    years = table["years"]
    constant = crmlab.ParetoNBD(0.55, 10.6, 1e9, 1e9 / 0.01)

    assert table["assumes"].notna().all()
    assert years["observed_span"] < years["observed_tenure"] < 1.5
    assert years["restricted_mean"] < years["remaining"] < 5
    assert years["model_mean"] > years["restricted_mean"]
    same = dataclasses.replace(base.purchases, model=constant)
    alike = average_life(dataclasses.replace(base, purchases=same), 5.0)["years"]
    assert alike["model_mean"] == pytest.approx(100 * 7 / 365.25, rel=1e-6)
    kept = math.exp(-0.01 * 365.25 / 7)
    assert alike["one_over_churn"] == pytest.approx(1 / (1 - kept), rel=1e-6)
    assert alike["restricted_mean"] == pytest.approx(
        100 * 7 / 365.25 * (1 - math.exp(-0.05 * 365.25 / 7)), rel=1e-6
    )
