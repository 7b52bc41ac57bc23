"""A table of contracts: every row accounted for, days by the calendar, nothing from later days."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from crmlab.errors import MissingColumn, NoUsableRows, UntrustedSource, WrongParameter
from crmlab.intake.contract_table import ContractMapping
from crmlab.intake.contract_terms import anniversary, renewals_by
from crmlab.intake.contracts import read_contracts
from crmlab.intake.meaning import Meaning

Write = Callable[..., Path]
LENIENT = Meaning(limit=1.0)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of contracts."""

    def _write(*rows: str, head: str = "customer_id,start,end") -> Path:
        path = tmp_path / "contracts.csv"
        path.write_text("\n".join((head, *rows)) + "\n")
        return path

    return _write


def days(*texts: str) -> Any:
    return np.array(texts, dtype="datetime64[D]")


def test_a_month_ends_on_its_anniversary() -> None:
    """Of the 31st the last day of a shorter month; of 29 February the 28th of other years."""
    begun = days("2023-01-31", "2023-01-31", "2024-02-29", "2023-05-15")
    reached = days("2023-02-27", "2023-02-28", "2025-02-28", "2024-05-14")

    assert [0, 1, 12, 11] == renewals_by(begun, reached, "month").tolist()
    assert [0, 0, 1, 0] == renewals_by(begun, reached, "year").tolist()
    assert [3, 4, 52, 52] == renewals_by(begun, reached, "week").tolist()
    assert days("2023-03-31")[0] == anniversary(begun[:1], np.array([2]), "month")[0]


def test_tenure_counts_the_periods_that_were_observed_whole(write: Write) -> None:
    """Who left in a period that has not ended is gone, and no renewal was seen of him."""
    contracts = read_contracts(
        write(
            "a,2023-01-01,2023-01-31",  # did not renew at the first chance
            "b,2023-01-01,2023-02-01",  # nor at the second
            "c,2023-01-01,",
            "d,2023-11-15,2023-12-20",  # left in a period that ends on 14 January
            "e,2023-11-15,2024-02-01",  # left later than observed
            "f,2023-01-01,9999-12-31",
        ),
        observation_end="2023-12-31",
        end_is="last_day",
    )
    table = contracts.table.set_index("customer_id")

    assert [1, 2, 12, 1, 1, 12] == table["tenure"].tolist()
    assert ["a", "b"] == table.index[table["ended"]].tolist()
    assert ["c", "e", "f"] == table.index[table["running"]].tolist()
    assert table.loc["e", "end"] is pd.NaT


def test_contracts_older_than_the_records_are_watched_from_there(write: Write) -> None:
    """Those that ended before are unknown, so those that did not say nothing of that time."""
    contracts = read_contracts(
        write("a,2020-01-01,2020-06-30", "b,2020-01-15,", "c,2020-01-15,2021-02-14",
              "d,2021-05-01,"),
        observation_end="2021-12-31",
        opened="2021-01-01",
    )  # fmt: skip

    assert [12, 12, 0] == contracts.table["entry"].tolist()
    assert [23, 13, 8] == contracts.table["tenure"].tolist()
    assert 1 == contracts.account.set_aside["ended_before_opened"]
    with pytest.raises(WrongParameter, match="from 2021-01-01 on"):
        contracts.as_of("2020-12-31")
    with pytest.raises(WrongParameter, match="up to 2021-12-31"):
        contracts.as_of("2022-01-01")


def test_time_travel(write: Write) -> None:
    """Contracts as of a day do not depend on what became of them later."""
    early = ["a,2023-01-01,2023-01-31", "b,2023-01-01,2023-09-30", "c,2023-02-01,"]
    later = ["a,2023-01-01,2023-01-31", "b,2023-01-01,", "c,2023-02-01,2023-07-31",
             "z,2023-08-01,2023-08-31"]  # fmt: skip
    seen = [
        read_contracts(write(*rows), observation_end="2023-12-31", end_is="last_day")
        .as_of("2023-06-30")
        for rows in (early, later)
    ]  # fmt: skip

    pd.testing.assert_frame_equal(seen[0].table, seen[1].table, check_exact=True)
    assert [0, 1] == [contracts.not_begun for contracts in seen]


def test_what_an_end_is_shows_in_the_anniversaries() -> None:
    """The last day under contract, or the first without; where nothing shows, the last day."""
    begun = pd.to_datetime(["2023-01-10", "2023-02-03", "2023-03-20", "2023-05-05"] * 3)
    first = pd.DataFrame({"customer_id": [f"c{i}" for i in range(12)], "start": begun})
    first["end"] = first["start"] + pd.DateOffset(months=2)
    last = first.assign(end=first["end"] - pd.Timedelta(1, "D"))
    any_day = first.assign(end=first["start"] + pd.Timedelta(50, "D"))
    found = [read_contracts(t, observation_end="2024-01-31") for t in (first, last, any_day)]

    assert ["first_day_after", "last_day", "last_day"] == [c.end_is for c in found]
    assert [{2}, {2}, {2}] == [set(c.table["tenure"]) for c in found]
    codes = [c.account.findings[0].code for c in found]
    assert ["end_proved", "end_proved", "end_assumed"] == codes


def test_every_row_is_accounted_for(write: Write, tmp_path: Path) -> None:
    """Read = used + repeated + set aside, one reason each."""
    contracts = read_contracts(
        write(
            "a,2023-01-01,2023-03-31", "a,2023-01-01,2023-03-31", "a,2023-06-01,", "b,soon,",
            ",2023-01-01,", "GUEST,2023-01-01,", "c,2023-01-01,never", "d,2023-01-01,2022-12-31",
            "e,2024-05-01,", "f,2023-01-01", "g,2150-13-01,", "h,0101-01-01,",
        ),
        observation_end="2023-12-31", end_is="last_day", meaning=LENIENT,
    )  # fmt: skip
    account = contracts.account
    aside = {reason: n for reason, n in account.set_aside.items() if n}

    assert (12, 2, 1) == (account.read, account.used, account.repeated)
    assert {
        "field_count": 1, "no_customer": 1, "placeholder_id": 1, "start_unreadable": 2,
        "date_out_of_range": 1, "end_unreadable": 1, "end_before_start": 1, "after_end": 1,
    } == aside  # fmt: skip
    assert ["end_declared", "several_contracts"] == [f.code for f in account.findings]
    assert 12 == account.as_dict()["read"]
    path = tmp_path / "quarantine.parquet"
    contracts.write_quarantine(path)
    kept = pd.read_parquet(path).set_index("line")
    assert {**aside, "repeated": 1} == kept["reason"].value_counts().to_dict()
    assert ["b", "soon", "start_unreadable"] == kept.loc[
        5, ["customer_id", "start", "reason"]
    ].tolist()
    assert ("2022-12-31", "f,2023-01-01") == (kept.loc[9, "end"], kept.loc[11, "text"])
    assert 0o600 == path.stat().st_mode & 0o777


def test_nothing_set_aside_is_a_file_without_rows(write: Write, tmp_path: Path) -> None:
    """With its columns, so that whoever reads it every night finds them."""
    contracts = read_contracts(write("a,2023-01-01,2023-03-31"), observation_end="2023-12-31")
    contracts.write_quarantine(tmp_path / "none.parquet")
    kept = pd.read_parquet(tmp_path / "none.parquet")

    assert kept.empty
    assert ["record", "line", "reason", "text", "customer_id", "start", "end"] == list(kept)


def test_tenures_and_whether_they_ended(write: Write) -> None:
    """Words for yes and no in two languages; what is no whole number of periods is set aside."""
    rows = ("a,3,Yes,b", "b,0,no,b", "c,2,SÍ,", "d,4,baja,a", "e,1.5,no,a", "f,-1,no,a",
            "g,0,yes,a", "h,2,perhaps,a", "i,many,no,a", "j,,no,a")  # fmt: skip
    contracts = read_contracts(
        write(*rows, head="customer_id,tenure,ended,plan"),
        mapping=ContractMapping(covariates=("plan",)), period="year", meaning=LENIENT,
    )  # fmt: skip
    aside = {reason: n for reason, n in contracts.account.set_aside.items() if n}

    assert [3, 0, 2, 4] == contracts.table["tenure"].tolist()
    assert [True, False, True, True] == contracts.table["ended"].tolist()
    assert {
        "tenure_unreadable": 2, "tenure_not_whole": 2, "ended_unreadable": 1,
        "ended_without_tenure": 1,
    } == aside  # fmt: skip
    assert {"": 1, "a": 1, "b": 2} == {k: len(v.table) for k, v in contracts.groups("plan").items()}
    with pytest.raises(WrongParameter, match="the days of these contracts are not known"):
        contracts.as_of("2023-01-01")
    with pytest.raises(WrongParameter, match="one of plan"):
        contracts.groups("colour")


def test_numbers_are_read_by_one_decimal_sign(write: Write) -> None:
    """A file with commas and one with points; an empty one is missing, a word is set aside."""
    mapping = ContractMapping(numbers=("price",))
    rows = ('a,3,yes,"12,50"', 'b,2,no,"7,25"', 'c,1,no," "', "d,1,no,dear")
    contracts = read_contracts(
        write(*rows, head="customer_id,tenure,ended,price"), mapping=mapping, meaning=LENIENT
    )

    assert [12.5, 7.25] == contracts.table["price"].dropna().tolist()
    assert 1 == contracts.table["price"].isna().sum()
    assert 1 == contracts.account.set_aside["number_unreadable"]


def test_a_table_of_pandas_is_read_alike(write: Write) -> None:
    """The same values, the same contracts."""
    path = write("a,2023-01-31,2023-02-27", "b,2023-02-01,", "c,2023-03-15,2023-04-20")
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c"],
            "start": pd.to_datetime(["2023-01-31", "2023-02-01", "2023-03-15"]),
            "end": pd.to_datetime(["2023-02-27", None, "2023-04-20"]),
        }
    )
    from_file, from_frame = (read_contracts(s, observation_end="2023-12-31") for s in (path, frame))

    pd.testing.assert_frame_equal(from_file.table, from_frame.table)
    assert "3 until 2023-12-31" in from_file._repr_html_()


def test_later_renewals_can_be_left_unknown(write: Write) -> None:
    """Watched for two renewals, nobody is seen to leave at the third."""
    contracts = read_contracts(write("a,3,yes", "b,2,yes", "c,9,no",
                                     head="customer_id,tenure,ended")).up_to(2)  # fmt: skip

    assert [2, 2, 2] == contracts.table["tenure"].tolist()
    assert [False, True, False] == contracts.table["ended"].tolist()
    with pytest.raises(WrongParameter, match="1 or more"):
        contracts.up_to(0)


def test_what_cannot_be_used_is_refused_with_a_remedy(write: Write) -> None:
    """Which row, what was expected, what to do."""
    with pytest.raises(WrongParameter, match="never guessed"):
        read_contracts(write("a,2023-01-01,"))
    with pytest.raises(MissingColumn, match="start' or 'tenure"):
        read_contracts(write("a,1", head="customer_id,months"))
    with pytest.raises(MissingColumn, match="'end'"):
        read_contracts(write("a,2023-01-01", head="customer_id,start"))
    with pytest.raises(WrongParameter, match="both, days and tenures"):
        read_contracts(write("a,2023-01-01,,3,no", head="customer_id,start,end,tenure,ended"))
    with pytest.raises(MissingColumn, match="region"):
        read_contracts(write("a,2023-01-01,"), observation_end="2023-12-31",
                       mapping=ContractMapping(covariates=("region",)))  # fmt: skip
    with pytest.raises(NoUsableRows, match="after_end: 1, first at line 2"):
        read_contracts(write("a,2025-01-01,"), observation_end="2023-12-31")
    with pytest.raises(UntrustedSource, match=r"another row tells differently.*customer 'a'"):
        read_contracts(
            write("a,2023-01-01,", "a,2023-01-01,2023-05-31"), observation_end="2023-12-31"
        )
    with pytest.raises(
        UntrustedSource, match=r"ended_without_tenure: 1, first at line 3.*tenure 1"
    ):
        read_contracts(write("a,2,yes", "b,0,yes", head="customer_id,tenure,ended"))
    with pytest.raises(UntrustedSource, match="date_order"):
        read_contracts(write("a,01/02/2023,03/04/2023"), observation_end="2023-12-31")
    for wrong in ({"start": "a", "tenure": "b"}, {"covariates": ("x", "x")}, {"start": " "}):
        with pytest.raises(WrongParameter):
            ContractMapping(**wrong)  # type: ignore[arg-type]
    with pytest.raises(WrongParameter, match="opened"):
        read_contracts(write("a,2,yes", head="customer_id,tenure,ended"), opened="2023-01-01")
