"""Objections keep people out of every score; an erasure leaves nothing that names them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crmlab.intake.attributes import AttributeMapping, read_attributes
from crmlab.intake.customer_base import store
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.ids import listed_in
from crmlab.intake.customer_base.people import UnknownPerson
from crmlab.intake.log import read_transactions

END = "2024-01-31"
HEAD = "customer_id,date,amount,transaction_id"
ROWS = (
    "carmen-ruiz,2024-01-05,10,t1",
    "carmen-ruiz,2024-01-09,20,t2",
    "b,2024-01-06,30,t3",
    "c,2024-01-07,40,t4",
)


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    """A base with three customers; carmen-ruiz stands in every kind of place."""
    base = CustomerBase(tmp_path / "base")
    faulty = ("carmen-ruiz,2024-01-10,ten,t5", "carmen-ruiz,2024-01-11", "b,2024-01-12")
    load(base, *ROWS, *faulty, loaded_on="2024-02-01")
    load(base, "carmen-ruiz,2024-01-05,15,t1", loaded_on="2024-02-02")
    table = tmp_path / "attributes.csv"
    table.write_text(
        "customer_id,valid_from,channel\ncarmen-ruiz,2024-01-01,web\nb,2024-01-01,shop"
    )
    base.load_attributes(table, loaded_on="2024-02-03")
    return base


def load(base: CustomerBase, *lines: str, loaded_on: str | None = None) -> object:
    """Load a file of these lines."""
    path = base.folder.parent / "orders.csv"
    path.write_text("\n".join((HEAD, *lines)))
    return base.load(path, loaded_on=loaded_on)


def customers(base: CustomerBase, day: str = "") -> set[str]:
    """Those who would be scored."""
    log = read_transactions(f"base:{base.folder}{day}", limit=1, reason_limit=1)
    return set(log.summarize(END).index)


def on_disk(base: CustomerBase, text: str) -> bool:
    """Whether any file of the base holds these letters."""
    return any(text.encode() in file.read_bytes() for file in base.folder.iterdir())


def test_who_objects_is_in_no_score_and_is_counted(base: CustomerBase) -> None:
    """All their rows are set aside for it, faulty ones too; others stay as they are."""
    done = base.add_objections([" carmen-ruiz ", "somebody-else"])
    account = read_transactions(base.folder, limit=1, reason_limit=1).account(END)

    assert (2, 2, 1, 2) == (done.named, done.changed, done.known, done.standing)
    assert {"b", "c"} == customers(base)
    assert (3, 35, 1) == (
        account.set_aside["objected"].records,
        account.set_aside["objected"].money,
        account.set_aside["objected"].customers,
    )


def test_an_objection_holds_for_earlier_states_and_later_rows(base: CustomerBase) -> None:
    """Whoever objects today is not scored in a run as of yesterday either."""
    base.add_objections(["carmen-ruiz", "d"])
    load(base, "d,2024-01-20,5,t9", "carmen-ruiz,2024-01-21,5,t10")

    assert {"b", "c"} == customers(base)
    assert {"b", "c"} == customers(base, "@2024-02-01")


def test_an_objection_can_be_withdrawn(base: CustomerBase) -> None:
    """Then they are scored again; objecting twice is objecting once."""
    base.add_objections(["carmen-ruiz"])
    assert 0 == base.add_objections(["carmen-ruiz"]).changed
    done = base.withdraw_objections(["carmen-ruiz", "b"])

    assert (1, 0) == (done.changed, done.standing)
    assert {"carmen-ruiz", "b", "c"} == customers(base)
    assert 1 == base.add_objections(["carmen-ruiz"]).changed


def test_a_list_of_objections_may_be_empty_and_in_any_dialect(tmp_path: Path) -> None:
    """Only its column of ids is read."""
    path = tmp_path / "objections.csv"
    path.write_text("Cliente;nombre\n007;Ana\n;\n12;Eva\n")
    (tmp_path / "none.csv").write_text("customer_id\n")

    assert ["007", "12"] == listed_in(path, "cliente")
    assert [] == listed_in(tmp_path / "none.csv")


def test_who_is_blocked_is_in_no_run_and_not_shown(base: CustomerBase) -> None:
    """Their rows count, without id and money, for runs as of earlier days too."""
    done = base.block("carmen-ruiz")
    log = read_transactions(base.folder, limit=1, reason_limit=1)
    account = log.account(END)
    log.write_quarantine(base.folder.parent / "aside.parquet", END)
    aside = pd.read_parquet(base.folder.parent / "aside.parquet")
    base.export(base.folder.parent / "out.csv")

    assert ("blocked", 4, 1) == (done.stage, done.rows, done.attributes)
    assert {"b", "c"} == customers(base) == customers(base, "@2024-02-01")
    assert (3, 0, 0) == (
        account.set_aside["blocked"].records,
        account.set_aside["blocked"].money,
        account.set_aside["blocked"].customers,
    )
    assert "carmen-ruiz" not in aside.to_string()
    assert ["b"] == list(read_attributes(base.folder).as_of(END).index)
    lines = (base.folder.parent / "out.csv").read_text()
    assert 3 == lines.count("2024-01")
    assert "carmen" not in lines


def test_destroyed_is_every_byte(base: CustomerBase) -> None:
    """Rows, past, faults, raw lines, attributes: the id is in no file of the base any more."""
    base.add_objections(["carmen-ruiz"])
    assert on_disk(base, "carmen-ruiz")
    base.block("carmen-ruiz")
    assert on_disk(base, "carmen-ruiz")
    done = base.destroy("carmen-ruiz")

    assert ("destroyed", 4, 1) == (done.stage, done.rows, done.attributes)
    assert not on_disk(base, "carmen-ruiz")
    assert not on_disk(base, "carmen")
    assert {"b", "c"} == customers(base)
    assert {"base.duckdb", "lock"} == {file.name for file in base.folder.iterdir()}


def test_an_erasure_leaves_a_record_that_does_not_say_who(base: CustomerBase) -> None:
    """When, how many rows, and a digest that only the base's own secret gives."""
    base.block("carmen-ruiz")
    base.destroy("carmen-ruiz")
    with duckdb.connect(str(base.folder / "base.duckdb"), read_only=True) as connection:
        (record,) = connection.execute("SELECT * FROM erasures").fetchall()
    status = base.status()

    today = dt.date.today()
    assert (today, today, 3, 1, 1) == record[1:]
    assert 64 == len(record[0])
    assert (0, 1) == (status.blocked, status.erased)
    assert "carmen" not in json.dumps(status.as_dict())


def test_who_was_erased_does_not_come_back_with_a_later_load(base: CustomerBase) -> None:
    """Their rows are counted and not taken; a raw line that names them loses its text."""
    base.block("carmen-ruiz")
    base.destroy("carmen-ruiz")
    done = load(
        base, "carmen-ruiz,2024-01-25,5,t20", '"carmen-ruiz",2024-01-26', "e,2024-01-25,5,t21"
    )
    account = read_transactions(base.folder, limit=1, reason_limit=1).account(END)

    assert (3, 2, 1) == (done.records, done.added, done.erased)  # type: ignore[attr-defined]
    assert not on_disk(base, "carmen")
    assert {"b", "c", "e"} == customers(base)
    assert 4 == account.set_aside["erased"].records
    assert 3 == account.set_aside["field_count"].records


def test_a_raw_line_without_text_is_still_recognised(base: CustomerBase) -> None:
    """The base holds it once, however often it comes."""
    base.block("carmen-ruiz")
    base.destroy("carmen-ruiz")
    done = load(base, "carmen-ruiz,2024-01-11", "f,2024-01-27,1,t30")

    assert (1, 1) == (done.added, done.known)  # type: ignore[attr-defined]


def test_attributes_of_the_erased_are_not_taken_again(base: CustomerBase, tmp_path: Path) -> None:
    """As their purchases are not."""
    base.block("carmen-ruiz")
    base.destroy("carmen-ruiz")
    table = tmp_path / "more.csv"
    table.write_text("customer_id,valid_from,channel\ncarmen-ruiz,2024-01-02,web\nc,2024-01-01,web")
    done = base.load_attributes(table, mapping=AttributeMapping())

    assert (1, 1) == (done.added, done.erased)
    assert not on_disk(base, "carmen")


def test_destroying_needs_blocking_first(base: CustomerBase) -> None:
    """The law asks for two stages; and nobody is blocked who is not there."""
    with pytest.raises(UnknownPerson, match="Block first"):
        base.destroy("carmen-ruiz")
    with pytest.raises(UnknownPerson, match="nobody of this id"):
        base.block("nobody")
    base.block("carmen-ruiz")
    assert base.block("carmen-ruiz").on == dt.date.today()
    base.destroy("carmen-ruiz")
    with pytest.raises(UnknownPerson):
        base.block("carmen-ruiz")


def test_an_erasure_that_was_cut_short_is_finished(
    base: CustomerBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted is deleted at once; the bytes go with the next writing, or with tidy."""

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    base.block("carmen-ruiz")
    with monkeypatch.context() as patch:
        patch.setattr(store.os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            base.destroy("carmen-ruiz")
    assert base.status().rewrite
    assert {"b", "c"} == customers(base)
    assert "tidy" in base.status().table().to_string()
    base.tidy()

    assert not base.status().rewrite
    assert not on_disk(base, "carmen")
