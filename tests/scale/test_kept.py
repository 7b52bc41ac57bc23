"""A kept summary equals one from scratch after every load, and touches no more than it must."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import crmlab
from crmlab.cli import app
from crmlab.intake.customer_base.address import KEPT
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.store import NoBase
from crmlab.intake.meaning import Meaning
from crmlab.scale import kept
from crmlab.scale.kept import KeptSummary, keep_summary

HEAD = "customer_id,date,amount,transaction_id"
QUIET = Meaning(accept=("late_end",))
Load = Callable[..., None]


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    """A base of 40 customers."""
    return CustomerBase(tmp_path / "base")


@pytest.fixture
def load(base: CustomerBase, tmp_path: Path) -> Load:
    """Load a file of these lines."""

    def _load(*lines: str) -> None:
        path = tmp_path / "orders.csv"
        path.write_text("\n".join((HEAD, *lines)) + "\n")
        base.load(path)

    first = [f"c{i},2024-0{1 + n * (i % 3)}-{1 + i % 28:02d},{i + n}.50,t{i}-{n}"
             for i in range(40) for n in (0, 1)]  # fmt: skip
    _load(*first)
    return _load


def refreshed(base: CustomerBase, end: str, again: int, unit: str = "week") -> KeptSummary:
    """The kept summary: what it would be from scratch, of so many customers summed up again."""
    done = keep_summary(base.folder, observation_end=end, unit=unit, meaning=QUIET)
    actual = pd.read_parquet(done.path).set_index("customer_id")
    source = f"base:{base.folder}"
    expected = crmlab.read_transactions(source, accept="late_end").summarize(end, unit)

    pd.testing.assert_frame_equal(expected, actual, check_exact=True, check_dtype=False)
    assert (len(expected), again) == (done.customers, done.again)
    return done


def test_only_those_touched_are_summed_up_again(base: CustomerBase, load: Load) -> None:
    """New purchases, corrections, returns, late rows, and nothing at all."""
    assert refreshed(base, "2024-05-01", 40).anew
    load("c1,2024-05-20,9,t-a", "new,2024-05-21,9,t-b")
    assert not refreshed(base, "2024-05-31", 2).anew
    refreshed(base, "2024-05-31", 0)
    load("c2,2024-01-03,99,t2-0")  # corrects a purchase
    refreshed(base, "2024-05-31", 1)
    load("c3,2024-05-30,-3.5,r-1", "c4,2024-02-02,5,t-c")  # a return; a purchase that comes late
    refreshed(base, "2024-05-31", 2)
    load("c5,2024-06-15,5,t-d")
    refreshed(base, "2024-05-31", 1)  # not seen yet
    refreshed(base, "2024-06-30", 1)  # seen now, though nothing was loaded
    refreshed(base, "2024-07-31", 0)  # T moves on for everybody all the same


def test_a_withdrawn_load_touches_its_customers(base: CustomerBase, load: Load) -> None:
    """Those whom it corrected, whom it brought, and of whom a later load said the same."""
    load("c1,2024-05-20,9,t-a", "c2,2024-01-03,99,t2-0", "new,2024-05-21,9,t-b")
    load("c1,2024-05-20,9,t-a", "c3,2024-05-22,9,t-c")
    refreshed(base, "2024-05-31", 41)
    base.withdraw(2, reason="of another shop")

    assert not refreshed(base, "2024-05-31", 3).anew
    refreshed(base, "2024-05-31", 0)


@pytest.mark.usefixtures("load")
def test_who_objects_or_is_erased_leaves(base: CustomerBase) -> None:
    """And comes back when the objection is withdrawn."""
    refreshed(base, "2024-05-31", 40)
    base.add_objections(["c1", "c2"])
    refreshed(base, "2024-05-31", 2)
    base.withdraw_objections(["c1"])
    refreshed(base, "2024-05-31", 2)
    base.block("c3")
    assert not (base.folder / KEPT).exists()  # a summary holds the id too
    assert refreshed(base, "2024-05-31", 38).anew
    base.destroy("c3")
    assert not (base.folder / KEPT).exists()
    done = refreshed(base, "2024-05-31", 38)

    assert done.customers == 38


@pytest.mark.usefixtures("load")
def test_another_unit_or_an_earlier_end_is_made_anew(base: CustomerBase) -> None:
    """So is one whose file cannot be read; the file is for its owner alone."""
    done = refreshed(base, "2024-05-31", 40)
    assert refreshed(base, "2024-05-31", 40, unit="day").anew
    assert refreshed(base, "2024-04-30", 40, unit="day").anew
    done.path.write_bytes(b"no Parquet")
    assert refreshed(base, "2024-04-30", 40, unit="day").anew
    assert 0o600 == done.path.stat().st_mode & 0o777


def test_what_is_not_touched_is_not_read_again(
    base: CustomerBase, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows that go through the gate are those of the touched customers."""
    read = []

    def examine(*given: object) -> object:
        log = real(*given)  # type: ignore[arg-type]
        read.append(log.records)
        return log

    real = kept.logs.examine
    monkeypatch.setattr(kept.logs, "examine", examine)
    keep_summary(base.folder, observation_end="2024-05-01", meaning=QUIET)
    load("c7,2024-05-20,9,t-a")
    keep_summary(base.folder, observation_end="2024-05-31", meaning=QUIET)

    assert [80, 3] == read


@pytest.mark.usefixtures("load")
def test_a_kept_summary_can_be_scored(base: CustomerBase, tmp_path: Path) -> None:
    """It is a summary like any other."""
    done = keep_summary(base.folder, observation_end="2024-05-31", meaning=QUIET)
    valued = crmlab.score_customers(
        done.path, tmp_path / "c.parquet", observation_end="2024-05-31", margin=0.3,
        discount_rate=0.15, model="pareto-nbd",
    )  # fmt: skip

    assert 40 == valued.totals["customers"]


def test_a_base_is_scored_through_its_kept_summary(
    base: CustomerBase, load: Load, tmp_path: Path
) -> None:
    """As it is now, and as it was known; a withdrawn load is judged away there too."""
    given = {"observation_end": "2024-05-31", "margin": 0.3, "discount_rate": 0.15,
             "model": "pareto-nbd"}  # fmt: skip
    today, source = f"{pd.Timestamp.today():%Y-%m-%d}", f"base:{base.folder}"
    refreshed(base, "2024-05-31", 40)
    load("c1,2024-05-20,9,t-a", "new,2024-05-21,9,t-b")
    out = tmp_path / "c.parquet"
    now = crmlab.score_customers(source, out, **given)  # type: ignore[arg-type]
    then = crmlab.score_customers(f"{source}@{today}", out, **given)  # type: ignore[arg-type]
    again = keep_summary(base.folder, observation_end="2024-05-31")
    base.withdraw(2, reason="of another shop")
    rest = crmlab.score_customers(source, out, **given)  # type: ignore[arg-type]

    assert (41, 0, False) == (now.totals["customers"], again.again, again.anew)
    assert now.totals == then.totals
    assert 40 == rest.totals["customers"]


@pytest.mark.usefixtures("load")
def test_a_base_made_anew_is_summed_up_anew(base: CustomerBase, tmp_path: Path) -> None:
    """A summary that was kept of another base in the same place says nothing."""
    refreshed(base, "2024-05-31", 40)
    (base.folder / "base.duckdb").unlink()
    for day in (1, 2, 3):
        path = tmp_path / "other.csv"
        path.write_text(f"{HEAD}\nz,2024-05-0{day},{day},z{day}\n")
        base.load(path)

    assert refreshed(base, "2024-05-31", 1).anew


def test_there_must_be_a_base(tmp_path: Path) -> None:
    """None is made."""
    with pytest.raises(NoBase):
        keep_summary(tmp_path / "none", observation_end="2024-05-31")


@pytest.mark.usefixtures("load")
def test_a_summary_is_kept_from_the_command_line(base: CustomerBase) -> None:
    """The second time says how many were touched."""
    command = ["base", "summarize", "--base", str(base.folder), "--observation-end", "2024-04-01"]
    first, second = (CliRunner().invoke(app, command) for _ in range(2))

    assert f"{base.folder / KEPT}: 40 customers, all of them summed up\n" == first.stdout
    assert f"{base.folder / KEPT}: 40 customers, 0 summed up again\n" == second.stdout
