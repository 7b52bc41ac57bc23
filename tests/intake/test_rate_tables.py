"""Small tables written by hand: margins by category, costs by channel and cohort."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlab.errors import MissingColumn, UntrustedSource
from crmlab.intake.rate_tables import read_rates


def write(folder: Path, text: str) -> Path:
    path = folder / "rates.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_numbers_are_read_as_they_are_written(tmp_path: Path) -> None:
    """A decimal comma, a currency sign, any order and case of columns, others left alone."""
    path = write(tmp_path, "note;Cost; Channel \nx;12,50 €;web\ny;7,00; shop \n")

    found = read_rates(path, ("channel", "cohort"), "cost")

    assert found.to_dict("list") == {"channel": ["web", "shop"], "cost": [12.5, 7.0]}


def test_a_table_lacks_what_it_cannot_do_without(tmp_path: Path) -> None:
    """The number, and at least one of the keys."""
    with pytest.raises(MissingColumn, match="no column 'cost'"):
        read_rates(write(tmp_path, "channel,price\nweb,1\n"), ("channel", "cohort"), "cost")
    with pytest.raises(MissingColumn, match="no column 'channel or cohort'"):
        read_rates(write(tmp_path, "place,cost\nweb,1\n"), ("channel", "cohort"), "cost")


@pytest.mark.parametrize("row", ["web,much", "web,", ",3.5", "web,1,2"])
def test_a_row_that_cannot_be_read_is_refused(tmp_path: Path, row: str) -> None:
    """Nothing is set aside of a table of a few lines."""
    path = write(tmp_path, f"channel,cost\nshop,2.5\n{row}\n")

    with pytest.raises(UntrustedSource, match="1 of its rows cannot be read"):
        read_rates(path, ("channel",), "cost")
