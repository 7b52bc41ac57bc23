"""Writes orders.csv beside this file: simulated orders of a shop that does not exist.

Each client buys at a rate of its own (gamma), may leave after any order (beta) and spends around
a mean of its own (gamma); a few faulty rows are added, as real files have them. The seed is fixed:
the file comes out the same, byte for byte.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
from pathlib import Path

SEED = 2
CLIENTS = 120
START, END = dt.date(2023, 1, 1), dt.date(2024, 6, 30)
LAST_WON = 420
"""Days after START in which the last client is won."""

FAULTS = (
    ("", "2023-05-17", "39.90"),
    ("0031", "2024-02-31", "54.10"),
    ("0044", "2023-11-08", "-24.95"),
    ("0072", "2024-03-12", "n/a"),
    ("0090", "2024-01-15", "0.00"),
)
"""No client; a day that does not exist; a return; no amount; a free sample."""

Row = tuple[str, str, str]


def orders(rng: random.Random, client: str) -> list[Row]:
    """All orders of one client from the day it was won to END."""
    day = START + dt.timedelta(days=rng.randrange(LAST_WON))
    rate, leaves = rng.gammavariate(1.1, 1 / 45), rng.betavariate(1, 3.2)
    spend = 15 + rng.gammavariate(3, 12)
    rows: list[Row] = []
    while day <= END:
        total = spend * rng.lognormvariate(0, 0.35)
        rows.append((client, day.isoformat(), f"{total:.2f}"))
        if rng.random() < 0.03:  # a second order on the same day
            rows.append((client, day.isoformat(), f"{total / 3:.2f}"))
        if rng.random() < leaves:
            break
        day += dt.timedelta(days=1 + int(rng.expovariate(rate)))
    return rows


def text() -> str:
    """The whole file, by day."""
    rng = random.Random(SEED)  # noqa: S311 - simulation, not secrecy
    rows = [row for n in range(CLIENTS) for row in orders(rng, f"{n + 1:04d}")]
    rows = sorted([*rows, *FAULTS], key=lambda row: (row[1], row[0]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("client", "order_date", "total"))
    writer.writerows(rows)
    return out.getvalue()


if __name__ == "__main__":
    (Path(__file__).parent / "orders.csv").write_text(text(), encoding="utf-8", newline="\n")
