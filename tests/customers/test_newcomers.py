"""New customers against what winning them costs, of the whole base and by channel and cohort."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers import acquired, newcomers
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase

COSTLY = Economics(0.3, 0.15, 2.5, cost_per_occasion=0.5, cost_per_year=1.0)


@pytest.fixture(scope="module")
def base(retention_study: crmlab.Study) -> FittedBase:
    """All of CDNOW with MBG/NBD."""
    return FittedBase.of(retention_study)


def test_the_curve_ends_at_the_horizon_and_holds_all_costs(base: FittedBase) -> None:
    """Two and a half years: 30 months; margin less both costs, by simulation of new customers."""
    months = newcomers.value_by_month(base, COSTLY)
    who, n = newcomers.newcomer(base, COSTLY), 200_000
    none = np.zeros(n)
    drawn = newcomers.futures(
        base.purchases.model, COSTLY.horizon("week"), frequency=none, recency=none, T=none, seed=1
    )
    rate = COSTLY.rate("week")
    each = 0.3 * base.spend.model.expected_spend_new() - 0.5
    brought = np.bincount(drawn.customer, weights=np.exp(-rate * drawn.time) * each, minlength=n)
    brought -= who.upkeep * newcomers.discounted_span(rate, drawn.active)

    assert months["month"].iloc[-1] == 30
    assert months["value"].iloc[0] == pytest.approx(0.3 * base.summary["first_value"].mean() - 0.5)
    assert months["value"].iloc[-1] == pytest.approx(
        who.first + brought.mean(), abs=4.5 * brought.std() / np.sqrt(n)
    )
    with pytest.raises(ValueError, match="a horizon that ends"):
        newcomers.value_by_month(base, dataclasses.replace(COSTLY, horizon_years=math.inf))


def test_pay_back_is_where_curve_and_limits_cross_the_cost(base: FittedBase) -> None:
    """At once for a cost below the first margin, never for one above all value."""
    months = newcomers.value_by_month(base, Economics(0.3, 0.15))
    some = newcomers.pay_back(months, float(months["value"].iloc[6]))

    assert some.earliest <= some.month == 6 <= some.latest
    assert newcomers.pay_back(months, 0.0) == (0, 0, 0)
    assert newcomers.pay_back(months, 1e6) == (math.inf,) * 3


def test_some_never_pay_back_though_the_average_does(base: FittedBase) -> None:
    """CDNOW at a cost of 15: three times the cost on average, and 44 % who never earn it."""
    found = newcomers.acquisition(base, Economics(0.3, 0.15), 15.0, seed=1)
    firsts = 0.3 * base.summary["first_value"]

    assert found.net_value > 0
    assert found.ratio == pytest.approx(found.value / 15)
    assert found.never == pytest.approx(0.44, abs=0.02)
    assert found.never < (firsts < 15).mean()
    assert newcomers.share_never(base, Economics(0.3, 0.15), 0.0, seed=1) == 0
    assert newcomers.acquisition(base, Economics(0.3, 0.15), 0.0, seed=1).ratio == math.inf


def test_the_highest_of_a_running_sum_by_hand() -> None:
    """Two customers, events in no order; upkeep is what has been paid by each event."""
    who, time = np.array([1, 0, 0, 0, 1]), np.array([0.0, 0.0, 2.0, 1.0, 5.0])
    left, paid = np.array([3.0, 1.0, 4.0, 2.0, 1.0]), np.array([0.0, 0.0, 6.0, 3.0, 9.0])

    assert newcomers.highest(who, time, left, paid).tolist() == [1.0, 3.0]


def test_groups_are_judged_by_what_their_customers_did(
    base: FittedBase, log: crmlab.TransactionLog
) -> None:
    """By channel and cohort: means add up to the base's, and costs find their group."""
    occasions = log.occasions("1998-06-30")
    cohort = base.summary["first_date"].dt.to_period("M")
    channel = pd.Series(np.where(np.arange(len(cohort)) % 3 == 0, "shop", "web"), cohort.index)
    groups = pd.DataFrame({"channel": channel, "cohort": cohort})
    cost = pd.DataFrame({"channel": ["web", "shop"], "cost": [14.0, 400.0]})
    economics = dataclasses.replace(COSTLY, acquisition_cost=cost)
    table = acquired.by_group(base, occasions, economics, groups, seed=1)
    whole = acquired.by_group(
        base, occasions, COSTLY, pd.DataFrame({"channel": "all"}, index=cohort.index), seed=1
    )
    web, shop = (table.xs(name, level="channel") for name in ("web", "shop"))

    assert table.index.names == ["channel", "cohort"]
    assert table["customers"].sum() == 23_570
    assert (table["value"] @ table["customers"]) / 23_570 == pytest.approx(whole["value"].iloc[0])
    assert web["net_value"].to_numpy() == pytest.approx(web["value"].to_numpy() - 14)
    assert (shop["pay_back_month"] == math.inf).all()
    assert (web["pay_back_month"] < 24).all()
    assert (shop["never"] > web["never"]).all()
    assert table["observed_share"].between(0.3, 1).all()
    limits = table[["pay_back_lower", "pay_back_month", "pay_back_upper"]]
    assert (limits["pay_back_lower"] <= limits["pay_back_month"]).all()
    assert (limits["pay_back_month"] <= limits["pay_back_upper"]).all()
    assert (web["pay_back_upper"] - web["pay_back_lower"]).between(1, 12).all()
    assert (shop["pay_back_lower"] == math.inf).all()
    assert whole["acquisition_cost"].isna().all()
    assert whole[[*limits.columns, "never"]].isna().all().all()


def test_everybody_as_one_group_pays_back_as_a_newcomer_does(
    base: FittedBase, log: crmlab.TransactionLog
) -> None:
    """The interval of a group of all agrees with that of a new customer; of a few it is wider."""
    base = base.only(base.summary.index[:4000])
    index, given = base.summary.index, dataclasses.replace(COSTLY, acquisition_cost=14.0)
    few = pd.Series(np.where(np.arange(len(index)) < 200, "few", "rest"), index)
    occasions = log.occasions("1998-06-30")
    one = acquired.by_group(base, occasions, given, few.to_frame("channel").assign(channel="all"),
                            seed=1).loc["all"]  # fmt: skip
    some = acquired.by_group(base, occasions, given, few.to_frame("channel"), seed=1).loc["few"]
    new = newcomers.pay_back(newcomers.value_by_month(base, COSTLY), 14.0)

    assert one["pay_back_lower"] <= new.latest
    assert one["pay_back_upper"] >= new.earliest
    assert abs(one["pay_back_month"] - new.month) <= 1
    width = one["pay_back_upper"] - one["pay_back_lower"]
    assert width <= 1 + new.latest - new.earliest
    assert some["pay_back_upper"] - some["pay_back_lower"] > width


def test_value_from_acquisition_by_hand() -> None:
    """Two occasions seen, half a year of time to the horizon left: each part computed apart."""
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "a", *(f"b{i}" for i in [*range(60), *range(0, 60, 2)])],
            "date": ["2024-01-01", "2024-03-11", *["2024-01-05"] * 60, *["2024-04-01"] * 30],
            "amount": [100.0, 50.0, *range(20, 80), *range(20, 50)],
        }
    )  # fmt: skip
    study = crmlab.Study.run(
        crmlab.read_transactions(frame), observation_end="2024-06-30", margin=0.3,
        discount_rate=0.15, horizon_years=1, model="pareto-nbd",
    )  # fmt: skip
    base = FittedBase.of(study)
    economics = Economics(0.3, 0.15, 1.0, cost_per_occasion=2.0)
    only = pd.DataFrame({"channel": "x"}, index=["a"])
    table = acquired.by_group(base, study.log.occasions("2024-06-30"), economics, only, seed=1)
    row, rate = base.summary.loc["a"], economics.rate("week")
    T = 181 / 7
    ahead = float(base.purchases.model.det(rate, 365.25 / 7 - T, frequency=1, recency=10.0, T=T))
    seen = (30 - 2) + math.exp(-10 * rate) * (15 - 2)
    spend = float(base.expected_spend[base.summary.index.get_loc("a")])

    assert row["T"] == pytest.approx(T)
    assert table["customers"].to_dict() == {"unknown": 60, "x": 1}
    assert table.loc["x", "value"] == pytest.approx(
        seen + math.exp(-rate * T) * ahead * (0.3 * spend - 2)
    )
    assert table.loc["x", "observed_share"] == pytest.approx(seen / table.loc["x", "value"])
