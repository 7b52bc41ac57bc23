"""A load that is withdrawn is as if it had never come, and is still there in what was known."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab.errors import WrongParameter
from crmlab.intake.attributes import read_attributes
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.loading import Load, LoadRefused
from crmlab.intake.log import read_transactions
from crmlab.intake.meaning import Meaning

PLAIN = "customer_id,date,amount"
KEYED = "customer_id,date,amount,transaction_id"
LAX = Meaning(limit=1, reason_limit=1)
LATER = "2024-06-01"
Write = Callable[..., Path]
Take = Callable[..., Load]


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    """A base that is not there yet."""
    return CustomerBase(tmp_path / "base")


@pytest.fixture
def take(base: CustomerBase, write: Write) -> Take:
    """Load a file of these lines."""

    def _take(*lines: str, head: str = KEYED, on: str = "2024-02-01") -> Load:
        return base.load(write("\n".join((head, *lines))), meaning=LAX, loaded_on=on)

    return _take


def amounts(base: CustomerBase, as_of: str | None = None) -> list[float]:
    """The amounts in the base, as they were known."""
    path = base.folder.parent / "export.parquet"
    base.export(path, as_of)
    return [float(amount) for amount in pd.read_parquet(path)["amount"]]


def counts(base: CustomerBase) -> dict[str, int]:
    """The parts of the balance that are not zero."""
    return {name: n for name, n in base.status().balance.items() if n}


def test_rows_known_through_the_load_come_back(base: CustomerBase, take: Take) -> None:
    """The later load brought them too; they are its own now, where they stood in its file."""
    take("a,2024-01-05,10,t1", "b,2024-01-06,20,t2")
    take("b,2024-01-06,20,t2", "c,2024-01-07,30,t3")
    done = base.withdraw(1, reason="of another shop", withdrawn_on=LATER)
    (first, second) = base.loads()

    assert (2, 3, 2, 1) == (done.records, done.before, done.after, done.judged_again)
    assert [20, 30] == amounts(base)
    assert (2, 0) == (second.added, second.known)
    assert ("of another shop", dt.date(2024, 6, 1)) == (first.reason, first.withdrawn_on)
    assert {"read": 2, "live": 2} == counts(base)


def test_corrections_of_the_load_are_undone(base: CustomerBase, take: Take) -> None:
    """And what it had corrected is corrected by the next that does."""
    take("a,2024-01-05,10,t1", "b,2024-01-05,10,t2")
    take("a,2024-01-05,99,t1", "b,2024-01-05,99,t2")
    take("b,2024-01-05,11,t2")
    base.withdraw(2, reason="wrong prices", withdrawn_on=LATER)

    assert [10, 11] == amounts(base)
    assert {"read": 3, "live": 2, "superseded": 1} == counts(base)


def test_before_the_withdrawal_it_still_shows(base: CustomerBase, take: Take) -> None:
    """Exports, status and figures of a day before are what they were."""
    take("a,2024-01-05,10,t1", on="2024-02-01")
    take("a,2024-01-05,99,t1", "b,2024-01-06,5,t2", on="2024-03-01")
    take("b,2024-01-06,5,t2", on="2024-04-01")
    before = [base.status(f"2024-0{month}-15") for month in (2, 3, 4)]
    base.withdraw(2, reason="wrong file", withdrawn_on="2024-05-01")

    assert [10] == amounts(base, "2024-02-15")
    assert [99, 5] == amounts(base, "2024-04-30")
    assert [10, 5] == amounts(base, "2024-05-01") == amounts(base)
    assert before == [base.status(f"2024-0{month}-15") for month in (2, 3, 4)]


def test_a_withdrawn_file_may_be_loaded_again(base: CustomerBase, take: Take) -> None:
    """It is a new load; withdrawing by its content finds the one that stands."""
    rows = "a,2024-01-05,10,t1"
    take(rows)
    print_of = base.loads()[0].fingerprint
    base.withdraw(print_of[:8], reason="too early", withdrawn_on=LATER)
    assert 0 == base.status().loads
    done = take(rows, on=LATER)

    assert (2, 1, False) == (done.load, done.added, done.repeated)
    assert 2 == base.withdraw(print_of, reason="again", withdrawn_on=LATER).load


def test_a_base_withdrawn_whole_takes_other_columns(base: CustomerBase, take: Take) -> None:
    """The first load settled columns, currency and what 'a' and 'A' are; it settles nothing now."""
    take("a,2024-01-05,10 USD,t1", on="2024-02-01")
    base.withdraw(1, reason="wrong columns", withdrawn_on="2024-03-01")
    take("A,2024-01-05,10 EUR", "b,2024-01-06,7 EUR", head=PLAIN, on="2024-03-02")
    then, now = (base.folder.parent / name for name in ("then.parquet", "now.parquet"))
    base.export(then, "2024-02-15")
    base.export(now)

    assert ["t1"] == list(pd.read_parquet(then)["transaction_id"])
    assert "transaction_id" not in pd.read_parquet(now)
    assert 17 == read_transactions(base.folder).money
    assert 10 == read_transactions(f"base:{base.folder}@2024-02-15").money


def test_attributes_are_withdrawn_too(base: CustomerBase, write: Write) -> None:
    """What was told otherwise holds again; what came twice stays."""
    head = "customer_id,valid_from,channel"
    for text, day in (
        ("a,2024-01-01,web\nb,2024-01-01,shop", "2024-02-01"),
        ("a,2024-01-01,mail\nc,2024-01-01,web", "2024-03-01"),
        ("c,2024-01-01,web", "2024-04-01"),
    ):
        base.load_attributes(write(f"{head}\n{text}\n"), loaded_on=day)
    done = base.withdraw(2, reason="of a test system", withdrawn_on="2024-05-01")

    assert (3, 3, 1) == (done.before, done.after, done.judged_again)
    assert told(base, None) == {"a": "web", "b": "shop", "c": "web"}
    assert told(base, "2024-04-01") == {"a": "mail", "b": "shop", "c": "web"}
    assert told(base, "2024-02-01") == {"a": "web", "b": "shop"}


def told(base: CustomerBase, as_of: str | None) -> dict[str, str]:
    """The channel of each customer, as it was known."""
    source = f"base:{base.folder}" + (f"@{as_of}" if as_of else "")
    table = read_attributes(source).as_of(LATER)
    return dict(table["channel"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load": 9}, "no load '9'"),
        ({"load": "abcdef0"}, "crmlab base loads"),
        ({"load": 1}, "withdrawn on 2024-06-01 already"),
    ],
)
def test_only_a_load_that_stands_can_be_withdrawn(
    base: CustomerBase, take: Take, options: dict[str, int], message: str
) -> None:
    """It says which there are."""
    take("a,2024-01-05,10,t1")
    take("a,2024-01-06,10,t2")
    base.withdraw(1, reason="wrong", withdrawn_on=LATER)

    with pytest.raises(LoadRefused, match=message):
        base.withdraw(reason="wrong", **options)  # type: ignore[arg-type]


def test_a_withdrawal_has_a_day_and_a_reason(base: CustomerBase, take: Take) -> None:
    """The past cannot be withdrawn from, nor loaded into; and why is part of the record."""
    take("a,2024-01-05,10,t1")
    take("b,2024-01-05,10,t2")

    with pytest.raises(WrongParameter, match="not before that of the last load"):
        base.withdraw(1, reason="wrong", withdrawn_on="2024-01-31")
    with pytest.raises(WrongParameter, match="in words"):
        base.withdraw(1, reason=" ", withdrawn_on=LATER)
    with pytest.raises(WrongParameter, match="not after today"):
        base.withdraw(1, reason="wrong", withdrawn_on=dt.date.today() + dt.timedelta(1))
    assert 2 == base.status().loads
    base.withdraw(1, reason="wrong", withdrawn_on=LATER)
    with pytest.raises(WrongParameter, match="load or withdrawal, 2024-06-01"):
        take("c,2024-01-05,10,t3", on="2024-05-31")


def test_an_erasure_reaches_what_was_withdrawn(base: CustomerBase, take: Take) -> None:
    """Blocked and destroyed there too, also somebody of whom there is nothing else."""
    take("carmen,2024-01-05,10,t1", "b,2024-01-05,7,t2")
    take("carmen,2024-01-05,10,t1", "b,2024-01-06,8,t3")
    base.withdraw(1, reason="wrong", withdrawn_on=LATER)
    base.withdraw(2, reason="wrong", withdrawn_on=LATER)
    take("b,2024-01-06,8,t3", on=LATER)
    base.block("carmen")
    base.destroy("carmen")

    assert b"carmen" not in (base.folder / "base.duckdb").read_bytes()
    assert [7, 8] == amounts(base, "2024-05-31")
    assert {"read": 4, "live": 2, "known": 1, "destroyed": 1} == {
        name: n for name, n in base.status("2024-05-31").balance.items() if n
    }


def test_what_was_destroyed_goes_with_its_load(base: CustomerBase, take: Take) -> None:
    """Nothing is left of it to judge again; the account balances all the same."""
    take("a,2024-01-05,10,t1", "b,2024-01-05,5,t2")
    take("a,2024-01-05,12,t1", "b,2024-01-05,5,t2", "b,2024-01-08,9,t4")
    take("a,2024-01-05,12,t1", "b,2024-01-08,9,t4")
    base.block("a")
    base.destroy("a")
    assert {"read": 7, "live": 2, "known": 3, "destroyed": 2} == counts(base)
    base.withdraw(2, reason="wrong", withdrawn_on=LATER)

    assert {"read": 4, "live": 2, "known": 1, "destroyed": 1} == counts(base)
    assert [5, 9] == amounts(base)


def test_the_account_is_in_money_too(base: CustomerBase, take: Take) -> None:
    """To the cent, and at any day; gross less returns is net."""
    take("a,2024-01-05,10.10,t1", "b,2024-01-06,-3.05,t2", ",2024-01-06,7.07,t3", on="2024-02-01")
    take("a,2024-01-05,11.11,t1", "b,2024-01-06,-3.05,t2", "b,2024-01-07,x,t5", on="2024-03-01")
    now, then = base.status(), base.status("2024-02-15")
    written = json.loads(json.dumps(now.as_dict()))

    assert ("14.12", "10.10") == (str(then.money["read"]), str(then.gross))
    assert ("-3.05", "8.06") == (str(now.returns), str(now.net))
    assert {"no_customer": "7.07", "amount_unreadable": "0.00"} == written["set_aside_money"]
    assert {
        "read": "22.18", "live": "15.13", "superseded": "10.10", "known": "-3.05",
        "refused": "0.00", "destroyed": "0.00",
    } == written["money"]  # fmt: skip
    assert (3, 2, 0) == (then.balance["read"], then.usable, then.balance["superseded"])
    assert "8.06" == str(now.table().loc["    can be used", "money"])


Files = list[list[str]]
ROW = st.tuples(
    st.sampled_from("abc"),
    st.integers(1, 3),
    st.sampled_from(["5", "12.5", "x"]),
    st.sampled_from(["t1", "t2", "t3", ""]),
)


def lines(rows: Sequence[tuple[str, int, str, str]], keyed: bool) -> list[str]:
    """Lines of a file; of a key only the first row, for two would be refused."""
    if not keyed:
        return [f"{who},2024-01-0{day},{amount}" for who, day, amount, _ in rows]
    taken: dict[str, str] = {}
    written = []
    for who, day, amount, key in rows:
        line = f"{who},2024-01-0{day},{amount},{key}"
        if not key or taken.setdefault(key, line) == line:
            written.append(line)
    return written


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, Files, int]:
    """A head, files that differ, and which of them is to be withdrawn."""
    keyed = draw(st.booleans())
    rows = st.lists(ROW, min_size=1, max_size=5)
    files = draw(st.lists(rows.map(lambda r: lines(r, keyed)), min_size=2, max_size=5,
                          unique_by=tuple))  # fmt: skip
    return KEYED if keyed else PLAIN, files, draw(st.integers(0, len(files) - 1))


def loaded(folder: Path, head: str, files: Files) -> CustomerBase:
    """A base that took these files, a day each."""
    base, path = CustomerBase(folder / "base"), folder / "file.csv"
    folder.mkdir()
    for number, rows in enumerate(files, 1):
        path.write_text("\n".join((head, *rows)) + "\n")
        base.load(path, meaning=LAX, loaded_on=f"2024-02-0{number}")
    return base


def tables(base: CustomerBase) -> dict[str, list[tuple[object, ...]]]:
    """The whole of the base's judgement, its loads counted from 1."""
    wanted = {
        "rows": "rows.* EXCLUDE (again_from, known_from, known_until) FROM base.rows",
        "known": "* FROM base.known",
        "loads": "* EXCLUDE (again_from, loaded_on) FROM base.loads",
    }
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{base.folder / 'base.duckdb'}' AS base (READ_ONLY)")
        sql = "SELECT load, dense_rank() OVER (ORDER BY load) FROM base.loads"
        number = dict(connection.execute(sql).fetchall())
        found = {}
        for name, select in wanted.items():
            result = connection.execute(f"SELECT {select}")
            names = [column[0] for column in result.description]
            numbered = [name in ("load", "ended_by", "of_load") for name in names]
            found[name] = sorted(
                (tuple(number.get(value, value) if is_load else value
                       for value, is_load in zip(row, numbered, strict=True))
                 for row in result.fetchall()),
                key=repr,
            )  # fmt: skip
    return found


def exported(base: CustomerBase, as_of: str | None = None) -> bytes:
    """The bytes of an export."""
    path = base.folder.parent / "out.parquet"
    base.export(path, as_of)
    return path.read_bytes()


@settings(max_examples=10, deadline=None)
@given(histories(), st.booleans())
def test_a_withdrawn_load_is_as_if_it_had_never_come(
    history: tuple[str, Files, int], last_comes_after: bool
) -> None:
    """Every table bit by bit: rows, what was known, what corrected what, and each load's counts."""
    head, files, wrong = history
    late = files.pop() if last_comes_after and wrong < len(files) - 1 and len(files) > 2 else None
    with tempfile.TemporaryDirectory() as folder:
        base = loaded(Path(folder) / "a", head, files)
        days = [f"2024-02-0{number}" for number in range(1, len(files) + 1)]
        before = [(exported(base, day), base.status(day)) for day in days]
        base.withdraw(wrong + 1, reason="wrong", withdrawn_on="2024-03-01")
        if late is not None:
            path = Path(folder) / "late.csv"
            path.write_text("\n".join((head, *late)) + "\n")
            base.load(path.rename(Path(folder) / "a" / "file.csv"), meaning=LAX,
                      loaded_on="2024-03-01")  # fmt: skip
        rest = [rows for number, rows in enumerate(files) if number != wrong]
        other = loaded(Path(folder) / "b", head, [*rest, late] if late is not None else rest)

        assert tables(other) == tables(base)
        assert exported(other) == exported(base)
        assert other.status().money == base.status().money
        assert before == [(exported(base, day), base.status(day)) for day in days]
