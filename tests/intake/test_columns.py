"""Columns are found by their names, and never guessed."""

import pytest

from crmlab.errors import MissingColumn, UnreadableSource, WrongParameter
from crmlab.intake.columns import Columns


def test_an_exact_name_wins_over_one_that_differs_by_case():
    found = ["Date", "date", "amount", "customer_id"]

    assert Columns().locate(found, "x.csv") == (3, 1, 2)


def test_a_name_matches_without_case_and_outer_spaces_if_none_matches_exactly():
    assert Columns().locate([" Customer_ID ", "DATE", "Amount"], "x.csv") == (0, 1, 2)


def test_a_missing_column_names_the_nearest_and_the_option():
    with pytest.raises(MissingColumn) as caught:
        Columns(amount="totla").locate(["customer_id", "date", "total"], "x.csv")

    assert "Did you mean 'total'?" in str(caught.value)
    assert "--set amount=NAME" in str(caught.value)


@pytest.mark.parametrize(
    "found", [["date", "date", "amount", "customer_id"], ["Date", "DATE", "amount", "customer_id"]]
)
def test_two_columns_that_match_are_refused(found: list[str]):
    with pytest.raises(UnreadableSource, match="more than one column could be 'date'"):
        Columns().locate(found, "x.csv")


def test_one_column_cannot_serve_two_options():
    with pytest.raises(WrongParameter, match="'amount' is 'date'"):
        Columns(amount="date")


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_a_name_is_text(name: object):
    with pytest.raises(WrongParameter, match="customer_id"):
        Columns(customer_id=name)  # type: ignore[arg-type]
