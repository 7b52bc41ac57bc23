"""Ids that are one customer since a merger or a renaming."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import SourceNotFound, WrongTable
from crmlab.intake.log import read_transactions

ROWS = pd.DataFrame(
    {
        "customer_id": ["A1", "B7", "A1", "C3", " B7 "],
        "date": ["2024-01-02", "2024-01-09", "2024-02-01", "2024-02-03", "2024-03-01"],
        "amount": ["10.50", "5.25", "7.75", "3.50", "2.25"],
    }
)


def test_a13_merged_ids_are_one_customer_and_the_unmapped_are_counted(tmp_path: Path) -> None:
    """B7 is A1 today: four purchases of one customer; C3 is not in the table, and told."""
    table = tmp_path / "merged.csv"
    table.write_text("old,new\nB7,A1\nA1,A1\nZ9,A1\n")
    log = read_transactions(ROWS, merged_ids=str(table))
    account, summary = log.account("2024-06-30"), log.summarize("2024-06-30")

    assert summary["frequency"].to_dict() == {"A1": 3, "C3": 0}
    assert account.read.customers == 2
    (flag,) = [f for f in account.flags if f.code == "merged_ids"]
    assert flag.figures == {"rows": 2, "customers": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("old,new\nB7,A1\nB7,C3\n", "1 ids stand for more than one customer"),
        ("old,new\nB7,A1\nA1,C3\n", "stands for another itself"),
        ("old,new\nB7,\n", "or for none"),
        ("old\nB7\n", "no table of two columns"),
        ("old,new\n", "holds no rows"),
        ("", "holds no rows"),
        ("%PDF-1.7", "a PDF document"),
    ],
)
def test_a_table_that_does_not_settle_it_is_refused(tmp_path: Path, text: str, found: str) -> None:
    """One id, one customer, in one step."""
    table = tmp_path / "merged.csv"
    table.write_text(text)

    with pytest.raises(WrongTable, match=found):
        read_transactions(ROWS, merged_ids=str(table))


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound):
        read_transactions(ROWS, merged_ids=str(tmp_path / "none.csv"))
