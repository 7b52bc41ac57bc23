"""What keeping contracts may cost: sums, the definition, and an offer tried on simulated people."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from crmlab.customers import offers
from crmlab.customers.contracts.offers import contract_offers
from crmlab.customers.contracts.projection import fit_contracts
from crmlab.customers.contracts.survival import log_rank, told_apart
from crmlab.customers.contracts.worth import (
    ContractTerms,
    contract_equity,
    expected_payments,
    kept_payments,
)
from crmlab.errors import WrongParameter
from crmlab.intake.contract_table import ContractMapping
from crmlab.intake.contracts import Contracts, read_contracts
from crmlab.models.sbg import SBG

GIVEN = ContractTerms("price", 0.1, 5)


def simulated(sizes: dict[str, tuple[int, SBG]]) -> Contracts:
    """Contracts of segments with laws of their own, begun in the last 24 months."""
    rng, parts = np.random.default_rng(17), []
    for name, (size, law) in sizes.items():
        passed, watched = law.simulate(size, 60, seed=rng), rng.integers(0, 25, size)
        ended = passed < watched
        part = pd.DataFrame({"tenure": np.where(ended, passed + 1, watched), "ended": ended})
        parts.append(part.assign(plan=name, price=rng.choice([10.0, 20.0], size)))
    frame = pd.concat(parts, ignore_index=True)
    frame["customer_id"] = [f"c{i}" for i in range(len(frame))]
    mapping = ContractMapping(covariates=("plan",), numbers=("price",))
    return read_contracts(frame, mapping=mapping, period="month")


@pytest.fixture(scope="module")
def contracts() -> Contracts:
    """Two large plans that differ, and a tiny one."""
    return simulated(
        {"easy": (2000, SBG(1.5, 6.0)), "loyal": (1500, SBG(0.5, 8.0)), "tiny": (9, SBG(1, 4))}
    )


def test_segments_and_what_one_curve_makes_of_them_add_up(contracts: Contracts) -> None:
    """To the cent; value at risk is value x chance of leaving; the tiny plan has no own curve."""
    fit = fit_contracts(contracts, SBG)
    equity = contract_equity(contracts, fit, GIVEN)
    found = contract_offers(contracts, fit, GIVEN, equity.customers, by="plan")
    table = found.table
    own = fit_contracts(contracts.groups("plan")["loyal"], SBG).model
    loyal = equity.customers[contracts.table.loc[equity.customers.index, "plan"] == "loyal"]
    renewal = loyal["tenure"].to_numpy() + 1
    leave = 1 - own.retention_rate(renewal)
    value = loyal["margin"] * expected_payments(own, GIVEN.rate("month"), renewal, 60)

    assert ["(other)", "easy", "loyal"] == sorted(table.index)
    assert [False, True, True] == table["own_fit"].sort_index().tolist()
    assert table["customers"].sum() == len(equity.customers)
    assert table["residual_value"].sum() + found.difference == pytest.approx(
        equity.total.mean, abs=0.005
    )
    assert table.loc["loyal", "leave"] == pytest.approx(leave.sum())
    assert table.loc["loyal", "value_at_risk"] == pytest.approx((value * leave).sum())


def test_bands_of_tenure_stand_for_segments(contracts: Contracts) -> None:
    """Without a covariate: one curve, so nothing to reconcile, and every contract in one band."""
    fit = fit_contracts(contracts, SBG)
    equity = contract_equity(contracts, fit, GIVEN)
    found = contract_offers(contracts, fit, GIVEN, equity.customers)

    assert 0.0 == found.difference
    assert found.table["customers"].sum() == len(equity.customers)
    assert found.table["residual_value"].sum() == pytest.approx(equity.total.mean, abs=0.005)
    assert "0-" in str(found.table.index[0])
    assert (found.table["renews"].diff().dropna() > 0).all()


def test_an_offer_at_break_even_brings_its_cost() -> None:
    """What keeping all brings is what simulated people pay who are kept once; half costs half."""
    law, rate, size = SBG(1.2, 5.0), 0.02, 400_000
    rng = np.random.default_rng(5)
    theta = rng.beta(1.2, 5.0, size)
    leaves = rng.random(size) < theta
    more = np.minimum(rng.geometric(theta), 40) - 1  # renewals passed after being kept
    paid = np.where(leaves, (1 - (1 + rate) ** -(more + 1.0)) / (1 - 1 / (1 + rate)), 0.0)
    gained = kept_payments(law, rate, np.array([1]), 40)[0]
    table = pd.DataFrame({"customers": [10_000], "most_cost": [gained]})
    found = offers.proof(
        table, 0.5 * gained, leaves=pd.Series([theta.mean()]), shown=pd.Series([1 - theta.mean()])
    ).iloc[0]

    assert gained == pytest.approx(paid.mean(), abs=4 * paid.std() / math.sqrt(size))
    assert found["break_even_share"] == pytest.approx(0.5)
    assert found["needed"] == pytest.approx(1 - 0.5 * theta.mean())
    assert found["per_arm"] == offers.per_arm(1 - theta.mean(), found["needed"])
    assert found["testable"] == (2 * found["per_arm"] <= 10_000)


def test_a_contract_that_costs_is_not_kept_at_any_price(contracts: Contracts) -> None:
    """Margins below zero: nothing at risk, no offer pays, sums still hold."""
    table = contracts.table.assign(price=-contracts.table["price"])
    turned = Contracts(**{**contracts.__dict__, "table": table})
    fit = fit_contracts(turned, SBG)
    equity = contract_equity(turned, fit, GIVEN)
    found = contract_offers(turned, fit, GIVEN, equity.customers, by="plan", cost=1.0)

    assert (found.table["value_at_risk"] == 0).all()
    assert found.table["break_even_share"].isna().all()
    assert found.table["residual_value"].sum() + found.difference == pytest.approx(
        equity.total.mean, abs=0.005
    )


def test_segments_of_few_are_not_tested(contracts: Contracts) -> None:
    """The test is that of the two large plans alone; with one plan only there is none."""
    assert told_apart(contracts, "plan") == ("easy", "loyal")
    assert log_rank(contracts, "plan").degrees == 1
    large = contracts.where(contracts.table["plan"] != "tiny")
    assert log_rank(contracts, "plan") == log_rank(large, "plan")
    with pytest.raises(WrongParameter, match="20 customers or more each"):
        log_rank(contracts.where(contracts.table["plan"] != "easy"), "plan")
