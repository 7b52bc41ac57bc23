"""However the rows came, day by day, late or all at once: the base ends bit-equal."""

from __future__ import annotations

import datetime as dt
import random
from pathlib import Path

import pytest

from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.log import TransactionLog, read_transactions
from crmlab.intake.meaning import Meaning

FIRST = dt.date(2023, 1, 1)
DAYS = 365
END = "2023-12-31"
HEAD = "customer_id,date,amount"


def a_day(number: int, draw: random.Random) -> list[str]:
    """A day's rows: purchases, returns, free rows, and what cannot be read."""
    day = FIRST + dt.timedelta(number)
    rows = [
        f"{draw.randrange(60):03d},{day},{draw.choice((5, 12.5, 20, 0, -5))}"
        for _ in range(draw.randrange(1, 6))
    ]
    rows += draw.choices((f"0{day.day},{day},n/a", f",{day},3", f"{day}", rows[0]), k=1)
    return rows


@pytest.fixture(scope="module")
def days() -> list[list[str]]:
    """A year of them."""
    draw = random.Random(20230101)  # noqa: S311  # drawing test data
    return [a_day(number, draw) for number in range(DAYS)]


@pytest.fixture(scope="module")
def whole(days: list[list[str]], tmp_path_factory: pytest.TempPathFactory) -> CustomerBase:
    """A base of one load."""
    folder = tmp_path_factory.mktemp("whole")
    return loaded(CustomerBase(folder / "base"), [[row for day in days for row in day]])


def loaded(base: CustomerBase, files: list[list[str]]) -> CustomerBase:
    """The base with one load for each of the files."""
    path = base.folder.parent / "day.csv"
    for rows in files:
        path.write_text("\n".join((HEAD, *rows)) + "\n")
        base.load(path, meaning=Meaning(limit=1, reason_limit=1))
    return base


def exported(base: CustomerBase, ending: str) -> bytes:
    """The bytes of an export."""
    path = base.folder.parent / f"out{ending}"
    base.export(path)
    return path.read_bytes()


def read(base: CustomerBase) -> TransactionLog:
    """The base as a source, however much of it cannot be used."""
    return read_transactions(base.folder, limit=1, reason_limit=1, duplicates="keep")


def assert_equal(base: CustomerBase, whole: CustomerBase) -> None:
    """Bit by bit: exports, fingerprints, accounts and summaries."""
    ours, theirs = read(base), read(whole)
    here, there = ours.account(END), theirs.account(END)

    assert exported(whole, ".parquet") == exported(base, ".parquet")
    assert exported(whole, ".csv") == exported(base, ".csv")
    assert theirs.fingerprint == ours.fingerprint
    assert there.table().equals(here.table())
    assert (there.returned, there.flags) == (here.returned, here.flags)
    assert theirs.summarize(END).equals(ours.summarize(END))


def test_365_daily_loads_are_one_load_of_the_whole(
    days: list[list[str]], whole: CustomerBase, tmp_path: Path
) -> None:
    """Every day a file of its own."""
    base = loaded(CustomerBase(tmp_path / "base"), days)

    assert DAYS == base.status().loads
    assert_equal(base, whole)


def test_late_and_overlapping_files_are_too(
    days: list[list[str]], whole: CustomerBase, tmp_path: Path
) -> None:
    """Weeks in any order, each with the days around it that others bring as well."""
    weeks = [[row for day in days[i : i + 10] for row in day] for i in range(0, DAYS, 7)]
    random.Random(7).shuffle(weeks)  # noqa: S311  # an order, no secret
    base = loaded(CustomerBase(tmp_path / "base"), weeks)
    balance = base.status().balance

    assert balance["live"] == sum(map(len, days))
    assert balance["known"] == sum(map(len, weeks)) - balance["live"]
    assert_equal(base, whole)
