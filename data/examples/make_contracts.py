"""Writes contracts.csv beside this file: simulated contracts of a gym that does not exist.

Each member may leave at every renewal, with a chance of its own (beta) that the plan, the channel
and the fee raise or lower; nobody's chance changes with time. Those who easily leave do so first,
which is why those who stay look ever more loyal. A few faulty rows are added, as real files have
them. The seed is fixed: the file comes out the same, byte for byte.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from pathlib import Path

SEED = 11
MEMBERS = 900
FIRST, END = dt.date(2021, 1, 1), dt.date(2024, 6, 30)

LEAVES = {"basic": 1.3, "plus": 0.7, "web": 1.25, "shop": 1.0, "friend": 0.6}
"""By how much plan and channel raise (above 1) or lower the chance of leaving."""

FEES = {"basic": 20, "plus": 35}

FAULTS = (
    ("", "2023-02-01", "", "basic", "web", "20"),
    ("m0031x", "2023-02-30", "", "basic", "web", "20"),
    ("m0044x", "2023-05-04", "2023-04-01", "plus", "shop", "35"),
)
"""No member; a day that does not exist; an end before the start."""

Row = tuple[str, str, str, str, str, str]


def renewal(start: dt.date, months: int) -> dt.date:
    """The day on which the month number `months` + 1 of a contract begins (days 1 to 28 only)."""
    month = start.month - 1 + months
    return dt.date(start.year + month // 12, month % 12 + 1, start.day)


def contract(rng: random.Random, member: str) -> Row:
    """One contract, as it is known at END: an end, if there is one, is its last day."""
    month = rng.randrange(42)
    start = renewal(FIRST.replace(day=1 + rng.randrange(28)), month)
    plan = rng.choices(("basic", "plus"), (0.6, 0.4))[0]
    channel = rng.choices(("web", "shop", "friend"), (0.5, 0.3, 0.2))[0]
    fee = FEES[plan] + rng.choice((-4, 0, 4))
    dear = 1.0 + 0.02 * (fee - FEES[plan])
    leaves = min(rng.betavariate(0.8, 10) * LEAVES[plan] * LEAVES[channel] * dear, 0.95)
    end, passed = "", 0
    while renewal(start, passed + 1) <= END + dt.timedelta(days=1):
        if rng.random() < leaves:
            end = (renewal(start, passed + 1) - dt.timedelta(days=1)).isoformat()
            break
        passed += 1
    return member, start.isoformat(), end, plan, channel, str(fee)


def text() -> str:
    """The whole file, by member."""
    rng = random.Random(SEED)  # noqa: S311 - simulation, not secrecy
    rows = [contract(rng, f"m{n + 1:04d}") for n in range(MEMBERS)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("member", "start", "end", "plan", "channel", "fee"))
    writer.writerows([*rows, *FAULTS])
    return out.getvalue()


if __name__ == "__main__":
    (Path(__file__).parent / "contracts.csv").write_text(text(), encoding="utf-8", newline="\n")
