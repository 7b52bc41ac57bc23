"""Attributes of customers hold from a day on; nothing that became so later is ever seen before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from crmlab.customers.channels import read_channels
from crmlab.customers.contracts.attributes import read_contract_attributes
from crmlab.errors import (
    MissingColumn,
    NoUsableRows,
    UntrustedSource,
    WrongParameter,
    WrongTable,
)
from crmlab.intake.attributes import AttributeMapping, Coverage, read_attributes
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.keys import make_key
from crmlab.intake.customer_base.options import of_attributes
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

Write = Callable[..., Path]
HEAD = "customer_id,valid_from,channel,acquisition_cost,consent"
ROWS = (
    "a,2024-01-31,web,12.50,yes",
    "a,2024-03-15,web,12.50,no",
    "b,2024-02-01,shop,,yes",
    " c ,2024-02-01,shop,0,",
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a table of attributes."""

    def _write(*rows: str, head: str = HEAD, name: str = "crm.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join((head, *rows)) + "\n")
        return path

    return _write


def test_the_latest_that_held_on_the_day(write: Write) -> None:
    """One row a customer; who is not known yet is not in it."""
    attributes = read_attributes(write(*ROWS))
    february, march = attributes.as_of("2024-02-10"), attributes.as_of(dt.date(2024, 3, 15))

    assert ["a", "b", "c"] == list(february.index)
    assert ["yes", "yes"] == list(february.loc[["a", "b"], "consent"])
    assert "no" == march.loc["a", "consent"]
    assert ["a"] == list(attributes.as_of("2024-01-31").index)
    assert attributes.as_of("2024-01-30").empty
    assert 12.5 == february.loc["a", "acquisition_cost"]
    assert february["acquisition_cost"].isna().to_dict() == {"a": False, "b": True, "c": False}
    assert pd.isna(february.loc["c", "consent"])


def test_time_travel(write: Write) -> None:
    """Altering or removing what is valid from later days changes no bit of an earlier one."""
    day = "2024-02-10"
    now = read_attributes(write(*ROWS)).as_of(day)
    without = read_attributes(write(*(row for row in ROWS if "2024-03" not in row))).as_of(day)
    altered = read_attributes(
        write(*ROWS[:1], "a,2024-02-11,tv,99,never", *ROWS[2:], "z,2025-01-01,web,1,yes")
    ).as_of(day)

    pd.testing.assert_frame_equal(now, without, check_exact=True)
    pd.testing.assert_frame_equal(now, altered, check_exact=True)


def test_what_it_gives_is_a_copy(write: Write) -> None:
    """Nobody changes a value by changing what it gave."""
    attributes = read_attributes(write(*ROWS))
    given = attributes.as_of("2024-03-15")
    given["channel"] = "spoiled"

    assert "web" == attributes.as_of("2024-03-15").loc["a", "channel"]


def test_the_order_of_rows_does_not_matter(write: Write) -> None:
    """Days decide."""
    there = read_attributes(write(*ROWS)).as_of("2024-12-31")
    back = read_attributes(write(*reversed(ROWS))).as_of("2024-12-31")

    pd.testing.assert_frame_equal(there, back)


def test_the_account_balances_over_everything_that_can_be_wrong(write: Write) -> None:
    """Read = used + repeated + set aside by reason."""
    faulty = ("d,31/31/2024,web,1,yes", ",2024-01-01,web,1,yes", "e,2024-01-01,web,much,yes")
    more = ("f,2024-01-01", "GUEST,2024-01-01,web,1,yes", "g,9999-12-31,web,1,yes")
    account = read_attributes(
        write(*ROWS, ROWS[0], *faulty, *more), meaning=Meaning(limit=1)
    ).account

    assert (11, 4, 1) == (account.read, account.used, account.repeated)
    assert {reason: 1 for reason in account.set_aside if reason != "control_char"} == {
        reason: n for reason, n in account.set_aside.items() if n
    }


def test_too_many_faults_are_an_error(write: Write) -> None:
    """With the first of each reason, and the option that would take the rest."""
    with pytest.raises(UntrustedSource, match=r"1 of its 5 rows.*line 6: 'yesterday'.*limit=0\.2"):
        read_attributes(write(*ROWS, "d,yesterday,web,1,yes"))


def test_two_truths_of_one_day_are_refused(write: Write) -> None:
    """Nothing says which is right."""
    with pytest.raises(UntrustedSource, match=r"1 customers.*first: a, lines 2, 6"):
        read_attributes(write(*ROWS, "a,2024-01-31,tv,12.50,yes"))


def test_a_table_without_days_is_refused(write: Write) -> None:
    """An attribute without a day could tell a model what only became known later."""
    with pytest.raises(MissingColumn, match="valid_from"):
        read_attributes(write("a,web", head="customer_id,channel"))
    with pytest.raises(NoUsableRows):
        read_attributes(write())


def test_only_columns_that_are_named_are_read(write: Write) -> None:
    """Others never enter memory; those named are kept as text under their own names."""
    path = write("a;31/01/2024;1,5;Madrid;secret", head="Cliente;Desde;Coste;Provincia;Diagnosis")
    mapping = AttributeMapping("cliente", "Desde", acquisition_cost="Coste", others=("Provincia",))
    attributes = read_attributes(path, mapping)

    assert ("acquisition_cost", "Provincia") == attributes.names
    assert {"acquisition_cost": 1.5, "Provincia": "Madrid"} == (
        attributes.as_of("2024-02-01").drop(columns="valid_from").loc["a"].to_dict()
    )
    with pytest.raises(MissingColumn, match="Region"):
        read_attributes(path, AttributeMapping("Cliente", "Desde", others=("Region",)))
    with pytest.raises(WrongParameter, match="no other option names"):
        AttributeMapping(channel="x", others=("x",))


WON = "customer_id,valid_from,channel,acquisition_cost"


@pytest.mark.parametrize(
    ("head", "row", "found"),
    [
        ("customer_id,channel,acquisition_cost", "a,web,3", "no column 'valid_from'.*válido desde"),
        ("cliente,desde,coste de captación", "a,2024-01-01,3", "no column 'channel'"),
        (WON, "a,2024-01-01,web,-3", "1 of its 1 rows .* below 0 .first: -3, customer 'a'"),
        (WON, "a,03/04/2024,web,3", "like 03/04/2024 .* Write days as 2024-12-31"),
        (WON, "a,45000,web,3", "number in the place of a date, such as 45000.* Write days"),
        (WON, "a,2024-01-01T10:00:00Z,web,3", "instants.* without a time"),
        (WON, "a,2024-01-01,web,3\na,2024-01-01,tv,3", "lines 2, 3.* for each customer and day"),
        (WON, "a,2024-01-01,web,5 %", "1 with a number that cannot be read .first: line 2: '5 %'"),
        (WON, "", "holds no rows. Give it a header with customer_id, valid_from, channel."),
    ],
)
def test_a_mistake_in_a_report_s_attributes_is_told(
    write: Write, head: str, row: str, found: str
) -> None:
    """By the table, its lines and columns; options of the purchases would set something else."""
    with pytest.raises(WrongTable, match=f"crm.csv' .attributes. cannot.*{found}") as refused:
        read_channels(str(write(row, head=head)))
    assert "--set" not in str(refused.value)


def test_an_example_of_purchases_is_no_table_of_attributes() -> None:
    """Nor of anything else that is given beside it."""
    with pytest.raises(
        WrongTable, match=r"'cdnow' .attributes. cannot be used: it is the built-in"
    ):
        read_channels("cdnow")


def test_a_report_s_attributes_may_have_spanish_names(write: Write) -> None:
    """As they may have any case."""
    path = write("a;31/01/2024;web;1,5", head="Cliente;Válido desde;CANAL;Coste de captación")
    found = read_channels(str(path))

    assert found is not None
    assert 1.5 == found.as_of("2024-02-01").loc["a", "acquisition_cost"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("customer_id,valid_from,x\na,2024-01-01,3", "only 'customer_id'.*attribute_numbers=NAME"),
        ("customer_id,calls\na,3", "no column 'valid_from'"),
        ("customer_id;valid_from;calls\na;2024-01-01;3,5", "'3,5', customer 'a' from 2024-01-01"),
    ],
)
def test_a_mistake_in_attributes_of_contracts_is_told(write: Write, text: str, found: str) -> None:
    """Their columns are named by the report's own parameters."""
    head, row = text.split("\n")

    with pytest.raises(WrongTable, match=found):
        read_contract_attributes(str(write(row, head=head)), numbers=("calls",))


def test_frames_are_read_as_files_are(write: Write) -> None:
    """The same readers, the same grammar."""
    path = write(*ROWS)
    frame = pd.read_csv(path, dtype={"customer_id": str}, parse_dates=["valid_from"])

    pd.testing.assert_frame_equal(
        read_attributes(path).as_of("2024-12-31"), read_attributes(frame).as_of("2024-12-31")
    )


def test_the_fit_with_purchases_is_told(write: Write) -> None:
    """Customers with both, without attributes, without purchases."""
    attributes = read_attributes(write(*ROWS))

    assert Coverage(2, 1, 1) == attributes.coverage(["a", "b", "x"], "2024-12-31")
    assert Coverage(1, 2, 0) == attributes.coverage(["a", "b", "x"], "2024-01-31")


def test_options_by_name() -> None:
    """As the command line gives them."""
    mapping, reading, meaning = of_attributes(
        ["customer_id=Id", "date_order=dmy", "limit=0.1", "fold_case=true", "skip_lines=2"], "a, b"
    )

    assert AttributeMapping("Id", others=("a", "b")) == mapping
    assert Reading(date_order="dmy", skip_lines=2) == reading
    assert (0.1, True) == (meaning.limit, meaning.fold_case)
    with pytest.raises(WrongParameter, match="limit"):
        of_attributes(["limit=much"])


def test_a_base_keeps_attributes_and_what_it_was_told_before(write: Write, tmp_path: Path) -> None:
    """Known ones stay, corrected ones become past, later ones are added; read as of a day."""
    base = CustomerBase(tmp_path / "base")
    first = base.load_attributes(write(*ROWS), loaded_on="2024-04-01")
    again = base.load_attributes(write(*ROWS), loaded_on="2024-04-02")
    done = base.load_attributes(
        write("a,2024-03-15,tv,12.50,no", ROWS[2], "d,2024-05-01,web,1,yes"),
        loaded_on="2024-05-02",
    )
    now, then = read_attributes(base.folder), read_attributes(f"base:{base.folder}@2024-04-30")

    assert (4, True) == (first.added, again.repeated)
    assert (2, 1, 1) == (done.added, done.known, done.superseded)
    assert ("tv", "web") == tuple(x.as_of("2024-03-15").loc["a", "channel"] for x in (now, then))
    assert ["a", "b", "c"] == list(then.as_of("2024-12-31").index)
    pd.testing.assert_frame_equal(
        read_attributes(write(*ROWS)).as_of("2024-12-31"), then.as_of("2024-12-31"),
        check_like=True,
    )  # fmt: skip


def test_a_base_puts_tables_with_other_columns_together(write: Write, tmp_path: Path) -> None:
    """What a table does not tell stays as it was; what it tells to be missing is missing."""
    base = CustomerBase(tmp_path / "base")
    base.load_attributes(write("a,2024-01-01,web", head="customer_id,valid_from,channel"))
    base.load_attributes(
        write("a,2024-01-01,yes", "a,2024-02-01,", head="customer_id,valid_from,consent")
    )
    attributes = read_attributes(base.folder)
    january, march = (attributes.as_of(day).loc["a"] for day in ("2024-01-15", "2024-03-01"))

    assert ("web", "yes") == (january["channel"], january["consent"])
    assert "web" == march["channel"]
    assert pd.isna(march["consent"])


def test_attributes_take_the_pseudonyms_of_their_base(write: Write, tmp_path: Path) -> None:
    """So that they fit the purchases."""
    key = make_key(tmp_path / "base.key")
    base = CustomerBase.create(tmp_path / "base", key_file=tmp_path / "base.key")
    base.load_attributes(write(*ROWS))

    assert key.pseudonym("a") in read_attributes(base.folder).as_of("2024-12-31").index
    assert not any(b"shop," in file.read_bytes() for file in base.folder.iterdir())
