"""Whatever happens to a base, its kept summary is bit by bit the one from scratch."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.people import UnknownPerson
from crmlab.intake.meaning import Meaning
from crmlab.scale.kept import keep_summary

HEAD = "customer_id,date,amount,transaction_id"
LAX = {"limit": 1, "reason_limit": 1, "accept": ("late_end",)}
MEANT = Meaning(**LAX)  # type: ignore[arg-type]
ENDS = ("2024-03-15", "2024-04-15", "2024-05-31")
QUIET = [f"q{i},2024-0{1 + n}-{1 + i % 28:02d},{i + n}.50,q{i}-{n}"
         for i in range(30) for n in (0, 1)]  # fmt: skip
PEOPLE = st.sampled_from(["a", "b", "c", "q1"])
ROW = st.tuples(
    PEOPLE,
    st.integers(1, 5),
    st.integers(1, 28),
    st.sampled_from(["5", "12.5", "-5", "0", "x"]),
    st.integers(1, 6),
)
DEEDS = st.one_of(
    st.tuples(st.just("load"), st.lists(ROW, min_size=1, max_size=4, unique_by=lambda r: r[-1])),
    st.tuples(st.just("withdraw"), st.integers(1, 3)),
    st.tuples(st.just("object"), PEOPLE),
    st.tuples(st.just("let in"), PEOPLE),
    st.tuples(st.just("block"), PEOPLE),
    st.tuples(st.just("destroy"), PEOPLE),
)


def load(base: CustomerBase, *lines: str) -> None:
    """Load a file of these lines."""
    path = base.folder.parent / "file.csv"
    path.write_text("\n".join((HEAD, *lines)) + "\n")
    base.load(path, meaning=Meaning(limit=1, reason_limit=1))


def do(base: CustomerBase, deed: str, given: object) -> None:
    """One thing that may happen to a base; what cannot happen to it as it is does not."""
    with contextlib.suppress(UnknownPerson):
        if deed == "load":
            load(base, *(f"{who},2024-0{month}-{day:02d},{amount},t{key}"
                         for who, month, day, amount, key in given))  # type: ignore[attr-defined]  # fmt: skip
        elif deed == "withdraw":
            later = [one.load for one in base.loads()[1:] if one.withdrawn_on is None]
            if later:
                base.withdraw(later[-given:][0], reason="wrong")  # type: ignore[operator]
        elif deed == "object":
            base.add_objections([str(given)])
        elif deed == "let in":
            base.withdraw_objections([str(given)])
        elif deed == "block":
            base.block(str(given))
        else:
            base.destroy(str(given))


def look(base: CustomerBase, end: str) -> None:
    """The kept summary is that from scratch, brought up to date or made anew."""
    actual = pd.read_parquet(keep_summary(base.folder, observation_end=end, meaning=MEANT).path)
    expected = crmlab.read_transactions(base.folder, **LAX).summarize(end)  # type: ignore[arg-type]

    pd.testing.assert_frame_equal(
        expected, actual.set_index("customer_id"), check_exact=True, check_dtype=False
    )


@settings(max_examples=6, deadline=None)
@given(
    st.lists(st.tuples(DEEDS, st.booleans(), st.sampled_from(ENDS)), min_size=4, max_size=8),
    st.sampled_from(ENDS),
)
def test_whatever_happens_it_is_the_summary_from_scratch(
    deeds: list[tuple[tuple[str, object], bool, str]], end: str
) -> None:
    """Loads, corrections, returns, withdrawals, objections and erasures, looked at in between."""
    with tempfile.TemporaryDirectory() as folder:
        base = CustomerBase(Path(folder) / "base")
        load(base, *QUIET)
        load(base, "a,2024-02-01,7,t1", "b,2024-02-02,7,t2", "q1,2024-02-03,7,t3")
        look(base, ENDS[0])
        for (deed, given), looked_at, then in deeds:
            do(base, deed, given)
            if looked_at:
                look(base, then)
        look(base, end)
