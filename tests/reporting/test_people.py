"""The file of customers: every value taken apart, its limits, and the reason in a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import schema
from crmlab.reporting.language import Language
from crmlab.reporting.people import each_customer

ENGLISH, SPANISH = Language("en", "US", "USD"), Language("es", "ES", "EUR")


@pytest.fixture(scope="module")
def costly(sample_log: crmlab.TransactionLog) -> crmlab.Study:
    """A tenth of CDNOW with costs, by MBG/NBD."""
    return crmlab.Study.run(
        sample_log, observation_end="1998-06-30", margin=0.3, discount_rate=0.15, model="mbg-nbd",
        cost_per_occasion=0.5, cost_per_year=2.0, retention_per_year=0.5,
    )  # fmt: skip


@pytest.fixture(scope="module")
def table(costly: crmlab.Study) -> pd.DataFrame:
    """Its customers, in English."""
    return each_customer(costly, ENGLISH, seed=1)


def test_the_table_is_as_the_schema_says(table: pd.DataFrame) -> None:
    """History, scores, places, values, in this order; no channel, for nothing tells it."""
    names = [c.name for c in (
        *schema.SUMMARY, *schema.SCORES, *schema.PLACES[:3], *schema.VALUES)]  # fmt: skip

    assert [table.index.name, *table.columns] == names
    assert table.index.is_unique
    assert len(table) == 2357


def test_a_value_is_the_sum_of_its_parts(costly: crmlab.Study, table: pd.DataFrame) -> None:
    """Margin less costs is the net value; with the tail it is the value to infinity."""
    net = table["expected_margin"] - table["cost_to_serve"] - table["retention_spending"]

    np.testing.assert_allclose(net, table["residual_clv"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(net + table["tail"], table["residual_to_infinity"], rtol=1e-9)
    assert table["residual_clv"].sum() == pytest.approx(costly.equity)


def test_limits_hold_what_they_are_of(table: pd.DataFrame) -> None:
    """In order; no loss without a chance of one; somebody surely gone brings nothing."""
    assert (table["lower"] <= table["upper"]).all()
    assert table["p_negative"].between(0, 1).all()
    assert ((table["lower"] < 0) <= (table["p_negative"] > 0)).all()
    gone = table["p_alive"] < 0.02
    assert gone.any()
    assert (table.loc[gone, ["lower", "upper"]] == 0).all(axis=None)


def test_the_reason_says_how_often_how_lately_how_much(
    costly: crmlab.Study, table: pd.DataFrame
) -> None:
    """In both languages, from the customer's own figures, without an open placeholder."""
    spanish = each_customer(costly, SPANISH, seed=1)["reason"]

    assert table["reason"].str.contains("active with a probability of").all()
    assert spanish.str.contains("en activo con una probabilidad de").all()
    assert not (table["reason"] + spanish).str.contains("[{}–]").any()
    once = table["frequency"] == 0
    assert (table["reason"].str.startswith("Bought once, on ") == once).all()
    loss = table["residual_clv"] < 0
    assert (table["reason"].str.endswith("more than they bring.") == loss).all()
    row = table.loc[table["frequency"].idxmax()]
    assert row["reason"].startswith(f"Bought {row['frequency'] + 1} times, ")
    assert f"({row['days_since_last']} days before the end)" in row["reason"]
