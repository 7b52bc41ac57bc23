"""Five lenses on purchases: sums that must agree, and a small log by hand."""

from __future__ import annotations

import pandas as pd
import pytest

import crmlab
from crmlab.customers import lenses


@pytest.fixture(scope="module")
def occasions(log: crmlab.TransactionLog) -> pd.DataFrame:
    """CDNOW's customer-days."""
    return log.occasions("1998-06-30")


def table(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "date", "amount"])
    return frame.assign(date=pd.to_datetime(frame["date"]))


def test_one_periods_customers_turn_into_the_next_ones() -> None:
    """One customer of each kind, by hand; the money of both periods is all there."""
    log = table(
        ("left", "2023-03-01", 50), ("less", "2023-04-01", 100), ("less", "2024-02-01", 60),
        ("same", "2023-05-01", 100), ("same", "2024-03-01", 105), ("more", "2023-06-01", 10),
        ("more", "2024-04-01", 30), ("new", "2024-05-01", 20), ("back", "2022-05-01", 40),
        ("back", "2024-06-01", 15),
    )  # fmt: skip
    found = lenses.changes(log, "2022-12-31", "2023-12-31", "2024-12-31")

    assert found["customers"].tolist() == [1, 1, 1, 1, 1, 1]
    assert found["change"].tolist() == [-50, -40, 5, 20, 15, 20]
    assert found["before"].sum() == 260
    assert found["now"].sum() == 230
    assert found.index.tolist() == list(lenses.CHANGES)


def test_the_parts_of_every_lens_are_the_whole(occasions: pd.DataFrame) -> None:
    """Sales by period, by tenth and by change add up to the log's money, CDNOW's 2,500,315.63."""
    late = occasions[occasions["date"] > "1997-09-30"]
    tenths = lenses.differences(occasions, "1997-09-30", "1998-06-30")
    changes = lenses.changes(occasions, "1996-12-31", "1997-09-30", "1998-06-30")
    sales = lenses.sales(occasions)

    assert tenths["amount"].sum() == pytest.approx(late["amount"].sum())
    assert tenths["customers"].sum() == late["customer_id"].nunique()
    assert tenths["share"].is_monotonic_decreasing
    assert changes["now"].sum() == pytest.approx(late["amount"].sum())
    assert changes["customers"].sum() == 23_570
    assert sales["amount"].sum() == pytest.approx(2_500_315.63)
    assert sales["new_customers"].sum() == 23_570
    assert (sales["amount_new"] + sales["amount_known"]).sum() == pytest.approx(2_500_315.63)


def test_a_cohort_is_followed_as_far_as_all_of_it_was_seen() -> None:
    """Two customers of January: the younger one's second month of life ends on 28 March."""
    log = table(
        ("a", "2024-01-01", 10), ("b", "2024-01-28", 20), ("a", "2024-02-10", 5),
        ("c", "2024-03-20", 7),
    )  # fmt: skip
    found = lenses.development(log, "2024-03-28")

    assert found["cohort"].astype(str).tolist() == ["2024-01", "2024-01"]
    assert found["age"].tolist() == [0, 1]
    assert found["active"].tolist() == [1.0, 0.5]
    assert found["amount_each"].tolist() == [15.0, 2.5]
    assert found["cumulative_each"].tolist() == [15.0, 17.5]


def test_nobody_in_the_period_is_an_empty_table(occasions: pd.DataFrame) -> None:
    """And no division by nothing."""
    assert lenses.differences(occasions, "1998-06-30", "1998-12-31").empty
