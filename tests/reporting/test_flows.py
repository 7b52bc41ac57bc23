"""Flows between stages as a picture: its numbers are the table's, and nobody is lost on the way."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from crmlab.reporting.flows import with_figure
from crmlab.reporting.language import Language, count
from crmlab.reporting.pages import Figure, Table, say

ROWS = [("stage.loyal", 70, 1234, 0), ("stage.lost", 0, 5, 900), ("word.total", 70, 1239, 900)]
FLOWS = pd.DataFrame(ROWS, columns=["stage_then", "stage_loyal", "stage_at_risk", "stage_lost"])
TABLE = Table("flows", FLOWS, {"stage_then": "term", "stage_loyal": "count"}, total=True)


@pytest.mark.parametrize(("code", "number", "stage"), [("en", "1,234", "loyal"),
                                                       ("es", "1.234", "fiel")])  # fmt: skip
def test_the_picture_has_the_numbers_of_its_table(code: str, number: str, stage: str) -> None:
    """Each number that is not 0 once, in the language's way; the table stays below."""
    words = Language(code)
    headline = say("offers.no_cost", style="lead", customers=count(1))
    (figure, rules) = with_figure((headline, TABLE, headline), words)
    assert isinstance(figure, Figure)
    told = re.findall(r">([^<>]+)</text>", figure.svg)

    assert rules is headline
    assert figure.table is TABLE
    for text in (number, "70", "5", "900"):
        assert told.count(text) == 1
    assert "0" not in told
    assert any(text.startswith(stage) for text in told)
    assert "44" in figure.alt.words(words)  # (70 + 900) of 2,209


def test_without_a_table_nothing_is_drawn() -> None:
    """A base too young for flows keeps its sentence."""
    young = (say("stages.too_young"),)
    assert with_figure(young, Language()) == young
