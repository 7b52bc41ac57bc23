"""The published valuation of CDNOW's cohort (Fader, Hardie & Lee 2005), and of contracts."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

import crmlab
from crmlab.customers import equity, value
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase

CONVENTION = Economics(0.30, 0.15, math.inf)


@pytest.fixture(scope="module")
def base(log: crmlab.TransactionLog, sample_log: crmlab.TransactionLog) -> FittedBase:
    """Models of the 1/10 sample over all 78 weeks; the whole cohort less its ten largest buyers."""
    sample = sample_log.summarize("1998-06-30")
    cohort = log.summarize("1998-06-30")
    largest = (cohort["total_value"] - cohort["first_value"]).nlargest(10).index
    return FittedBase(
        "1998-06-30", "week", cohort.drop(largest),
        crmlab.ParetoNBD.fit(sample), crmlab.GammaGamma.fit(sample),
    )  # fmt: skip


def test_the_whole_cohort_is_worth_just_over_a_million(base: FittedBase) -> None:
    """'Just over $1.1 million', some $47 each; 23,560 customers, to infinity, 15 %, margin 30 %."""
    valued = value.value_customers(base, CONVENTION)
    total = equity.equity(valued["residual_clv"])

    assert len(valued) == 23_560
    assert total == pytest.approx(1_103_579, abs=50)
    assert total / len(valued) == pytest.approx(46.8, abs=0.05)
    assert valued["residual_to_infinity"].to_numpy() == pytest.approx(
        valued["residual_clv"].to_numpy(), rel=1e-12
    )
    assert valued["tail"].abs().max() < 1e-9


def test_in_years_of_52_weeks_it_is_the_replicated_total(base: FittedBase) -> None:
    """A public replication has $1,100,606 in all and $53,083 for the zero class.

    That is 15 % a year spread over 52 weeks; a year of 365.25 days makes it 0.3 % more.
    """
    short = math.expm1(math.log(1.15) * 365.25 / 7 / 52)
    given = dataclasses.replace(CONVENTION, discount_rate=short)
    values = pd.Series(value.net_values(base, given), index=base.summary.index)
    zero = values[base.summary["frequency"] == 0]

    assert given.rate("week") == pytest.approx(math.log(1.15) / 52)
    assert values.sum() == pytest.approx(1_100_606, rel=2e-4)
    assert zero.sum() == pytest.approx(53_083, rel=2e-4)


def test_the_zero_class_is_worth_a_twentieth(base: FittedBase) -> None:
    """12,054 customers who never bought again: about $53,000, $4.40 each, almost 5 %."""
    values = pd.Series(value.net_values(base, CONVENTION), index=base.summary.index)
    table = equity.parts(values, (base.summary["frequency"] > 0).rename("repeat"))
    zero = table.loc[False]

    assert zero["customers"] == 12_054
    assert zero["residual_clv"] == pytest.approx(53_000, abs=500)
    assert zero["value_each"] == pytest.approx(4.40, abs=0.05)
    assert zero["share"] == pytest.approx(0.05, abs=0.003)
    assert (table["residual_clv"] * 100).round().sum() == round(equity.equity(values) * 100)


def test_fitted_on_the_whole_cohort_it_would_be_more(
    base: FittedBase, log: crmlab.TransactionLog
) -> None:
    """About $1.25 million: the sample's parameters are what the published figure rests on."""
    cohort = log.summarize("1998-06-30")
    whole = dataclasses.replace(
        base, purchases=crmlab.ParetoNBD.fit(cohort), spend=crmlab.GammaGamma.fit(cohort)
    )
    total = float(value.net_values(whole, CONVENTION).sum())

    assert total == pytest.approx(1_250_000, rel=0.01)


def test_a_customer_under_contract_is_worth_more_the_longer_they_stay() -> None:
    """Fader & Hardie 2010: $288, $394, $568 before the 1st, 2nd, 5th renewal; $343 if all alike."""
    model, rate, price = crmlab.SBG(0.764, 1.296), 0.10, 100
    left = price * model.discounted_expected_residual_lifetime(rate, renewals=[1, 2, 5])
    alike = 0.833  # the constant retention rate that one cohort's first years suggest
    constant = price * alike * (1 + rate) / (1 + rate - alike)

    assert left.round().tolist() == [288, 394, 568]
    assert round(constant) == 343
