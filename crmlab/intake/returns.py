"""Returns and the purchases that they take back.

The rule. A return of a customer (of a product, at a price, where the source tells them) is matched
to that customer's latest earlier purchases, the last first, and only if what is left of them covers
it wholly. It then lowers those purchases on their own days. A purchase on the day of a return is
earlier than it; of several returns on one day the smallest comes first. What a return does depends
on earlier rows alone, so that a summary at any day is what it would have been on that day.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from crmlab.intake import engines
from crmlab.intake.meaning import Meaning

TEN_THOUSANDTHS = 10_000
"""Money is matched in whole units of the fourth decimal."""


class Taken(NamedTuple):
    """Part of a return: what it takes from one purchase, the record `sale`, on its day `sold`.

    `rows` is 1 in the first part of a return and 0 in the others, so that they add up to rows.
    """

    record: int
    customer_id: str
    sold: int
    seen: int
    money: int
    rows: int
    sale: int


def judge(connection: duckdb.DuckDBPyConnection, meaning: Meaning) -> None:
    """Make the table returned, of what matched returns take; add the other returns to set_aside."""
    taken = [] if meaning.returns == "drop" else match(*_rows(connection))
    columns = list(zip(*taken, strict=True)) or [()] * len(Taken._fields)
    types = (pa.int64(), pa.string(), pa.int32(), pa.int32(), pa.int64(), pa.int64(), pa.int64())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]
    connection.register("taken", pa.table(arrays, names=list(Taken._fields)))
    known = "product IS NOT NULL" if "product" in _roles(connection) else "false"
    sql = engines.fill(engines.statement("returned"), known=known)
    connection.execute(sql, {"scale": TEN_THOUSANDTHS})
    connection.unregister("taken")
    reason = "return_dropped" if meaning.returns == "drop" else "return_without_purchase"
    connection.execute(engines.statement("returns_left"), {"reason": reason})


def _rows(connection: duckdb.DuckDBPyConnection) -> list[npt.NDArray[Any]]:
    """Rows of every customer (and product and price) that returned something, in order."""
    more = {"product": "upper(product)", "price": "abs(price)"}
    roles = _roles(connection)
    keys = ["customer_id", *(sql for role, sql in more.items() if role in roles)]
    sql = engines.fill(engines.statement("rows_around_returns"), keys=", ".join(keys))
    columns = connection.execute(sql, {"scale": TEN_THOUSANDTHS}).fetchnumpy()
    return [columns[name] for name in ("key", "record", "customer_id", "day", "money")]


def _roles(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for name, *_ in connection.execute("DESCRIBE records").fetchall()}


def match(
    keys: npt.NDArray[np.int64],
    records: npt.NDArray[np.int64],
    customers: npt.NDArray[np.object_],
    days: npt.NDArray[np.int64],
    money: npt.NDArray[np.int64],
) -> list[Taken]:
    """What each return takes from which purchase; those that are not covered are not in the list.

    The rows come key by key, in order of time, on one day purchases before returns.
    """
    taken: list[Taken] = []
    stack: list[tuple[int, int, int]] = []
    left, current = 0, None
    rows = zip(
        keys.tolist(), records.tolist(), customers.tolist(), days.tolist(), money.tolist(),
        strict=True,
    )  # fmt: skip
    for key, record, customer_id, day, amount in rows:
        if key != current:
            stack, left, current = [], 0, key
        if amount >= 0:
            stack.append((record, day, amount))
            left += amount
        elif left >= -amount:
            left += amount
            parts = _take(stack, -amount)
            taken += [
                Taken(record, customer_id, sold, day, -part, int(n == 0), sale)
                for n, (sale, sold, part) in enumerate(parts)
            ]
    return taken


def _take(stack: list[tuple[int, int, int]], wanted: int) -> list[tuple[int, int, int]]:
    """Take money off the top of a stack of records, days and amounts; what was taken of each."""
    parts = []
    while wanted:
        sale, sold, amount = stack.pop()
        part = min(amount, wanted)
        if amount > part:
            stack.append((sale, sold, amount - part))
        parts.append((sale, sold, part))
        wanted -= part
    return parts
