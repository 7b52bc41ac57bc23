"""What if: levers turned alone, what must be for a target, elasticities against closed forms."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.scenarios import (
    LEVERS,
    Scenario,
    Winning,
    annual_retention,
    elasticities,
    pace_for,
    tornado,
    what_must_be,
    with_new_customers,
)
from crmlab.errors import NotDefined, WrongParameter


@pytest.fixture(scope="module")
def base(sample_log: crmlab.TransactionLog) -> FittedBase:
    """400 customers of CDNOW's sample, with its MBG/NBD."""
    study = crmlab.Study.run(
        sample_log, observation_end="1998-06-30", margin=0.3, discount_rate=0.15, model="mbg-nbd"
    )
    return FittedBase.of(study).only(study.customers.index[:400])


@pytest.fixture(scope="module")
def scenario(base: FittedBase) -> Scenario:
    """With all costs, and customers yet to be won."""
    costly = Economics(
        0.3, 0.15, 5, cost_per_occasion=0.5, cost_per_year=1.0, retention_per_year=0.2
    )
    return Scenario(base, costly, winning=Winning(500, 3, 12.0))


def constant(base: FittedBase, leaving: float) -> FittedBase:
    """The base where everybody leaves at one and the same rate a week."""
    model = crmlab.ParetoNBD(0.55, 10.6, 1e9, 1e9 / leaving)
    return dataclasses.replace(base, purchases=dataclasses.replace(base.purchases, model=model))


def test_with_one_leaving_rate_all_is_known_in_closed_form(base: FittedBase) -> None:
    """Value is proportional to 1 / (rate + leaving): 1 % of retention, and a point of it."""
    leaving, rate = 0.006, math.log(1.15) * 7 / 365.25
    here = Scenario(constant(base, leaving), Economics(0.3, 0.15, math.inf))
    year = 365.25 / 7
    kept = math.exp(-leaving * year)
    better = leaving - math.log(1.01) / year
    point = -math.log(kept + 0.01) / year
    effect = elasticities(here)
    cheaper = math.log1p(0.15 * 0.99) * 7 / 365.25

    assert here.retention == pytest.approx(kept, rel=1e-6)
    assert effect["retention"] == pytest.approx((rate + leaving) / (rate + better) - 1, rel=1e-5)
    assert effect["discount_rate"] == pytest.approx(
        (rate + leaving) / (cheaper + leaving) - 1, rel=1e-5
    )
    assert here.changed("retention_point", 1).equity / here.equity == pytest.approx(
        (rate + leaving) / (rate + point), rel=1e-6
    )
    assert effect["margin"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("margin", "acquisition"),
    [(1.07, 0.07), (1.03, 0.03), (1.32, 0.32), (1.08, 0.08), (1.02, 0.02)],
)
def test_the_form_of_gupta_lehmann_and_stuart(
    base: FittedBase, margin: float, acquisition: float
) -> None:
    """Their five firms: where 1 % of acquisition cost is worth a, 1 % of margin is worth 1 + a.

    So much is spent on winning customers as gives their effect of acquisition cost.
    """
    plain = Scenario(base, Economics(0.3, 0.15))
    each = plain.newcomer_value
    # a_year x annuity x cost = acquisition x total; one year's customers at a cost of 90 % of value
    total = plain.of_base / (1 - acquisition * (each - 0.9 * each) / (0.9 * each))
    weight = acquisition * total / (0.9 * each)
    spending = Winning(weight / (-math.expm1(-math.log(1.15)) / math.log(1.15)), 1, 0.9 * each)
    effect = elasticities(dataclasses.replace(plain, winning=spending))

    assert effect["acquisition_cost"] * 100 == pytest.approx(acquisition, rel=1e-9)
    assert effect["margin"] * 100 == pytest.approx(margin, rel=1e-9)
    assert effect["retention"] > effect["discount_rate"] > 0


def test_effects_of_all_that_is_money_add_up_to_one(scenario: Scenario) -> None:
    """1 % of margin is 1 % and what 1 % of all costs is; of a value below 0, no share."""
    effect = elasticities(scenario)
    dear = dataclasses.replace(scenario, winning=Winning(500, 3, 1e4))

    assert set(effect.index) == set(LEVERS)
    assert effect["margin"] == pytest.approx(
        0.01 + effect["cost_to_serve"] + effect["acquisition_cost"], rel=1e-9
    )
    assert crmlab.elasticities(dear).isna().all()


def test_a_year_of_new_customers_is_like_the_last(base: FittedBase) -> None:
    """As many as were won in the year to the end; where there were none, in the whole history."""
    plain, first = Scenario(base, Economics(0.3, 0.15)), base.summary["first_date"]
    year, since = with_new_customers(plain, 12.0, "1997-12-31")
    later, start = with_new_customers(plain, 12.0, "1998-06-30")
    half, spring = with_new_customers(plain, 12.0, "1998-02-14")

    assert year.winning == Winning(len(first), 1, 12.0)
    assert since == start == first.min()
    assert later.winning == year.winning
    assert half.winning == Winning(float((first >= "1997-02-15").sum()), 1, 12.0)
    assert spring == pd.Timestamp("1997-02-15")


def test_the_base_alone_is_its_equity(base: FittedBase, scenario: Scenario) -> None:
    """Nothing turned: the sum of residual_clv; customers yet to be won come on top, named."""
    plain = Scenario(base, Economics(0.3, 0.15))

    assert plain.equity == pytest.approx(base.summary["residual_clv"].sum(), rel=1e-12)
    assert plain.of_newcomers == 0
    assert scenario.equity == scenario.of_base + scenario.of_newcomers
    each = scenario.newcomer_value - 12
    assert scenario.of_newcomers == pytest.approx(
        500 * each * sum(1.15 ** -((i + 0.5) / 1000) for i in range(3000)) / 1000, rel=1e-6
    )


def test_a_point_of_retention_is_a_point(scenario: Scenario) -> None:
    """Of those active now, one more in a hundred is active in a year; probabilities now stay."""
    more = scenario.with_retention(scenario.retention + 0.01)

    assert more.retention == pytest.approx(scenario.retention + 0.01, abs=1e-10)
    assert more.pace < 1
    assert more.equity > scenario.equity
    assert annual_retention(scenario.base, pace_for(scenario.base, 0.5)) == pytest.approx(0.5)
    with pytest.raises(NotDefined, match=r"annual retention of 1\.0000"):
        scenario.with_retention(1.0)


def test_a_tornado_turns_each_lever_alone(scenario: Scenario) -> None:
    """Every row is the equity of that scenario; widest first; what cannot be is missing."""
    table = tornado(scenario)
    half = tornado(Scenario(scenario.base, Economics(0.95, 0.15)), changes=(-0.1, 0.1))
    swing = table.groupby("lever")["difference"].apply(lambda d: d.abs().max())

    assert len(table) == 5 * 4 + 1
    for row in table.itertuples():
        if row.lever != "retention_point":
            there = scenario.changed(row.lever, 1 + row.change).equity
            assert row.equity == pytest.approx(there, rel=1e-12)
    assert swing.loc[table["lever"].drop_duplicates()].is_monotonic_decreasing
    assert (table["difference"] / scenario.equity).to_numpy() == pytest.approx(table["share"])
    assert set(half["lever"]) == {"retention", "margin", "discount_rate", "retention_point"}
    assert half.loc[(half["lever"] == "margin") & (half["change"] > 0), "equity"].isna().all()


def test_what_must_be_gives_the_target_when_put_back(scenario: Scenario) -> None:
    """Each lever alone, 5 % above today; and none of them for a target beyond all reason."""
    target = scenario.equity * 1.05
    table = what_must_be(scenario, target).set_index("lever")
    needed, now = table["needed"], table["now"]

    def reached(lever: str, factor: float) -> float:
        return scenario.changed(lever, factor).equity

    assert table["possible"].all()
    assert scenario.with_retention(needed["retention"]).equity == pytest.approx(target, rel=1e-8)
    for lever in ("margin", "discount_rate", "acquisition_cost", "cost_to_serve"):
        assert reached(lever, needed[lever] / now[lever]) == pytest.approx(target, rel=1e-8)
    assert needed["purchases"] > 1
    far = what_must_be(scenario, scenario.equity * 100).set_index("lever")
    assert far["possible"].to_dict() == {
        "retention": False, "margin": False, "discount_rate": False, "cost_to_serve": False,
        "acquisition_cost": False, "purchases": True,
    }  # fmt: skip


def test_purchases_needed_by_hand(base: FittedBase) -> None:
    """Without costs of time, twice the equity needs twice the purchases."""
    plain = Scenario(base, Economics(0.3, 0.15, cost_per_occasion=0.3))
    table = what_must_be(plain, 2 * plain.equity).set_index("lever")

    assert table.loc["purchases", "needed"] == pytest.approx(2)


def test_levers_that_are_none_are_refused(scenario: Scenario) -> None:
    """By name, with those that there are; and winning needs numbers."""
    with pytest.raises(WrongParameter, match="one of retention, margin"):
        scenario.changed("luck", 2)
    with pytest.raises(WrongParameter, match="'a_year' is -1"):
        Winning(-1, 1, 1)
    with pytest.raises(NotDefined, match="yet to be won"):
        Scenario(scenario.base, scenario.economics).changed("acquisition_cost", 2)


def test_costs_by_customer_scale_as_one(base: FittedBase) -> None:
    """A table of costs doubled costs twice as much."""
    cost = pd.Series(np.linspace(0, 1, len(base.summary)), index=base.summary.index)
    some = Scenario(base, Economics(0.3, 0.15, cost_per_occasion=cost))
    free = Scenario(base, Economics(0.3, 0.15))

    assert free.equity - some.changed("cost_to_serve", 2).equity == pytest.approx(
        2 * (free.equity - some.equity)
    )


@settings(max_examples=25, deadline=None)
@given(
    r=st.floats(0.3, 3), alpha=st.floats(3, 20), s=st.floats(0.3, 3), beta=st.floats(5, 50),
    margin=st.floats(0.05, 0.9), cost=st.floats(0, 10), upkeep=st.floats(0, 10),
    rate=st.floats(0.01, 0.5), years=st.floats(0.3, 10),
)  # fmt: skip
def test_scenarios_reconcile_whatever_the_base(
    base: FittedBase, r: float, alpha: float, s: float, beta: float, margin: float, cost: float,
    upkeep: float, rate: float, years: float,
) -> None:  # fmt: skip
    """Value is margin less costs: and their effects add up; what is not turned changes nothing."""
    model = crmlab.ParetoNBD(r, alpha, s, beta)
    here = dataclasses.replace(base, purchases=dataclasses.replace(base.purchases, model=model))
    some = Scenario(
        here, Economics(margin, rate, years, cost_per_occasion=cost, cost_per_year=upkeep)
    )
    now, scale = some.equity, abs(some.equity) + 1000
    more = some.changed("margin", 1.1).equity - now
    dearer = some.changed("cost_to_serve", 1.1).equity - now
    free = Scenario(here, Economics(margin, rate, years)).equity

    assert 10 * (more + dearer) == pytest.approx(now, abs=1e-8 * scale)
    assert 10 * more == pytest.approx(free, abs=1e-8 * scale)
    assert some.changed("discount_rate", 1.0).equity == now
    assert some.with_retention(some.retention).equity == pytest.approx(now, abs=1e-7 * scale)
    both = dataclasses.replace(some, winning=Winning(400, 1, cost))
    total = both.equity
    turned = [both.changed(n, 1.1).equity for n in ("margin", "cost_to_serve", "acquisition_cost")]
    assert 10 * (sum(turned) - 3 * total) == pytest.approx(total, abs=1e-8 * (scale + abs(total)))
    assert turned[-1] - total == pytest.approx(-0.1 * 400 * both._annuity * cost, abs=1e-8 * scale)
    assert both.of_base == now
    less = some.changed("margin", 0.9).equity - now
    assert less == pytest.approx(-more, abs=1e-8 * scale)
