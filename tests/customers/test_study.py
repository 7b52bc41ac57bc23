"""The flow from a log to valued customers, on all of CDNOW."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import schema
from crmlab.customers.rhythms import days_since_last
from crmlab.customers.scores import Assumptions
from crmlab.errors import NotEstimable, WrongParameter


def test_every_customer_is_valued_once(study: crmlab.Study) -> None:
    """23,570 customers, 67,591 customer-days, 2,500,315.63 dollars, and nothing missing."""
    customers = study.customers

    assert len(customers) == 23_570
    assert customers.index.is_unique
    assert customers["frequency"].sum() + len(customers) == 67_591
    assert round(customers["total_value"].sum(), 2) == 2_500_315.63
    assert customers[[c.name for c in schema.SCORES]].notna().all().all()


def test_the_columns_are_those_of_the_schema(study: crmlab.Study) -> None:
    """History first, then scores, in the order that the schema gives."""
    names = [c.name for c in (*schema.SUMMARY, *schema.SCORES)]

    assert [study.customers.index.name, *study.customers.columns] == names


def test_a_value_is_margin_times_discounted_purchases_times_spend(study: crmlab.Study) -> None:
    """residual_clv = margin x det x expected_spend, and below the undiscounted five years."""
    c, given = study.customers, study.assumptions
    plain = study.purchases.model.expected_purchases(
        given.horizon, **{n: c[n].to_numpy() for n in ("frequency", "recency", "T")}
    )

    assert c["residual_clv"].to_numpy() == pytest.approx(
        (0.3 * c["det"] * c["expected_spend"]).to_numpy(), rel=1e-14
    )
    assert (c["det"] <= plain).all()
    assert (c["value_at_risk"] <= c["residual_clv"]).all()
    assert study.equity == pytest.approx(c["residual_clv"].sum(), rel=1e-14)


def test_five_years_are_5_times_365_25_days() -> None:
    """The horizon in weeks, the year ahead, and the quarter."""
    given = Assumptions("1998-06-30", "week", 0.3, 0.15, 5)

    assert given.horizon == pytest.approx(5 * 365.25 / 7)
    assert given.year_ahead == 52
    assert given.quarter == pytest.approx(365.25 / 28)
    assert round(given.rate, 4) == 0.0027


def test_the_value_does_not_depend_on_the_time_unit(
    log: crmlab.TransactionLog, study: crmlab.Study
) -> None:
    """Days instead of weeks give the same equity (lifetimes differs by 1 %)."""
    daily = crmlab.Study.run(
        log, observation_end="1998-06-30", unit="day", margin=0.3, discount_rate=0.15
    )

    assert daily.equity == pytest.approx(study.equity, rel=1e-8)
    assert (daily.customers["p_alive"] - study.customers["p_alive"]).abs().max() < 1e-8


def test_the_interval_holds_parameters_and_chance(study: crmlab.Study) -> None:
    """The mean is the equity; both parts count; the same seed gives the same limits."""
    total = study.equity_interval(seed=1)

    assert total.mean == pytest.approx(study.equity, rel=1e-12)
    assert total.lower < total.mean < total.upper
    assert total.from_parameters > 0
    assert total.from_chance > 0
    assert total == study.equity_interval(seed=1)
    assert study.equity_interval(level=0.5, seed=1).upper < total.upper


def test_a_prediction_interval_covers_what_is_simulated() -> None:
    """40 simulated bases: the realised holdout total lies inside 95 % intervals at least 34 times.

    With true coverage 0.95 fewer than 34 of 40 has a probability of 0.3 %.
    """
    from crmlab.customers.intervals import count_interval

    truth, n, inside = crmlab.BGNBD(0.6, 8.0, 0.9, 2.5), 1500, 0
    zero, T = np.zeros(n), np.linspace(40.0, 60.0, n)
    for seed in range(40):
        future = truth.simulate_future(100.0, frequency=zero, recency=zero, T=zero, seed=seed)
        end = T[future.customer]
        seen, late = future.time <= end, (future.time > end) & (future.time <= end + 40)
        recency = np.zeros(n)
        np.maximum.at(recency, future.customer[seen], future.time[seen])
        x = np.bincount(future.customer[seen], minlength=n)
        data = pd.DataFrame({"frequency": x, "recency": recency, "T": T})
        limits = count_interval(data, crmlab.BGNBD.fit(data), 40.0, seed=seed)
        inside += limits.lower <= late.sum() <= limits.upper

    assert inside >= 34


def test_days_since_last_are_whole(study: crmlab.Study) -> None:
    """T - recency in days, as the dates have it."""
    days = days_since_last(study.customers, "week")
    end = pd.Timestamp("1998-06-30")

    assert (days == (end - study.customers["last_date"]).dt.days).all()


@pytest.mark.parametrize(
    ("wrong", "value"),
    [("margin", 0.0), ("margin", 1.5), ("horizon_years", -1.0), ("discount_rate", -0.5)],
)
def test_impossible_assumptions_are_refused(
    log: crmlab.TransactionLog, wrong: str, value: float
) -> None:
    """Each by its name, with what was expected."""
    given = {"margin": 0.3, "discount_rate": 0.15, "horizon_years": 5.0, wrong: value}

    with pytest.raises(WrongParameter, match=f"Parameter '{wrong}' is {value}"):
        crmlab.Study.run(log, observation_end="1998-06-30", **given)


def test_an_unknown_model_is_refused_with_the_known_ones(log: crmlab.TransactionLog) -> None:
    """The message lists the catalogue."""
    with pytest.raises(WrongParameter, match="bg-nbd, mbg-nbd"):
        crmlab.Study.run(
            log, observation_end="1998-06-30", margin=0.3, discount_rate=0.1, model="nbd"
        )


def test_no_repeat_buyer_is_not_estimable() -> None:
    """Thirty people who bought once: said so, not fitted."""
    frame = pd.DataFrame({"customer_id": range(30), "date": "2024-01-05", "amount": range(1, 31)})

    with pytest.raises(NotEstimable, match="bought a second time"):
        crmlab.Study.run(
            crmlab.read_transactions(frame),
            observation_end="2024-12-31", margin=0.3, discount_rate=0.1,
        )  # fmt: skip


def test_the_first_example_of_the_issue_runs(sample_log: crmlab.TransactionLog) -> None:
    """The package as a newcomer meets it: summary, fit, spend, scores."""
    customers = sample_log.summarize(observation_end="1997-09-30", unit="week")
    fit, spend = crmlab.BGNBD.fit(customers), crmlab.GammaGamma.fit(customers)
    history = {c: customers[c] for c in ("frequency", "recency", "T")}

    assert fit.model.log_likelihood(**history).sum() == pytest.approx(fit.log_likelihood, rel=1e-13)
    assert fit.model.expected_purchases(52, **history).shape == (2357,)
    assert fit.model.p_alive(**history).min() >= 0
    assert spend.model.expected_spend_new() == pytest.approx(35.17, abs=0.01)
    assert (
        "2,357"
        in crmlab.Study.run(
            sample_log, observation_end="1997-09-30", margin=0.3, discount_rate=0.15
        )._repr_html_()
    )


def regular_log() -> crmlab.TransactionLog:
    """300 customers for two years, drawn from an MBG/CNBD-3 with gaps of some weeks."""
    days, n = 730, 300
    joined = np.arange(n) % 180
    truth = crmlab.MBGCNBD(1.5, 20.0, 0.8, 4.0, k=3)
    bought = truth.simulate(days - 1.0 - joined, seed=1)
    rng = np.random.default_rng(1)
    who = np.concatenate([np.arange(n), bought.customer])
    day = np.concatenate([joined, joined[bought.customer] + np.floor(bought.time)])
    rows = pd.DataFrame(
        {
            "customer_id": who + 1,
            "date": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D"),
            "amount": np.round(1 + rng.gamma(3.0, 5.0, n)[who] * rng.gamma(6.0, 1.0, len(who)), 2),
        }
    )
    return crmlab.read_transactions(rows)


def test_regular_buyers_are_valued_and_tested_with_their_k() -> None:
    """From purchases to k = 3, values and a backtest that comes closer than the model without k."""
    log = regular_log()
    study = crmlab.Study.run(
        log, observation_end="2024-12-30", margin=0.3, discount_rate=0.15, model="mbg-cnbd"
    )
    tests = {
        model: crmlab.rolling(log, observation_end="2024-12-30", model=model)
        for model in ("mbg-nbd", "mbg-cnbd")
    }

    assert study.purchases.model.k == 3
    assert study.purchases.as_dict()["parameters"]["k"] == 3
    assert "MBGCNBD</b>, k = 3 on 300 customers" in study.purchases._repr_html_()
    assert study.customers[[c.name for c in schema.SCORES]].notna().all().all()
    assert study.customers["log_gaps"].notna().all()
    bias = {model: table["bias"].abs() for model, table in tests.items()}
    assert (bias["mbg-cnbd"] < 0.1).all()
    assert bias["mbg-cnbd"].mean() < bias["mbg-nbd"].mean()
