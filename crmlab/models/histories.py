"""Purchase histories: checked, with impossible ones refused, and grouped into patterns."""

from __future__ import annotations

from itertools import pairwise, zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import InvalidHistory
from crmlab.models.special import Array, Counts, unique_rows


class Histories(NamedTuple):
    """Purchase histories, one a customer or one a pattern; `customers` share each."""

    frequency: Counts
    recency: Array
    T: Array
    customers: Counts

    def patterns(self) -> Histories:
        """The distinct (frequency, recency, T), each with its number of customers."""
        (x, t_x, T), inverse, _ = unique_rows(self.frequency, self.recency, self.T)
        count = np.bincount(inverse, weights=self.customers).astype(np.int64)
        return Histories(x.astype(np.int64), t_x, T, count)

    def sample(self, size: int) -> Histories:
        """Every k-th customer, `size` of them or a little more, in the order of the patterns."""
        step = max(1, int(self.customers.sum()) // size)
        before = np.concatenate(([0], np.cumsum(self.customers))) + step // 2
        chosen = np.diff(before // step)
        some = chosen > 0
        return Histories(self.frequency[some], self.recency[some], self.T[some], chosen[some])


def histories(table: Any) -> Histories:
    """Checked histories of a table with columns frequency, recency, T and, for patterns, count.

    Raises InvalidHistory naming how many customers are impossible, the first of them, and why.
    """
    columns = ("frequency", "recency", "T", *(["count"] if "count" in table else []))
    check_aligned(**{name: table[name] for name in columns})
    x, t_x, T = (np.asarray(table[c], dtype=float) for c in ("frequency", "recency", "T"))
    count = np.asarray(table["count"], dtype=float) if "count" in table else np.ones(len(x))
    index = getattr(table, "index", None)
    labels = np.arange(len(x)) if index is None or callable(index) else np.asarray(index)
    found = check_history(x, t_x, T, labels)
    uncounted = ~np.isfinite(count) | (count < 0) | (count % 1 != 0)
    _refuse(
        uncounted, labels, (x, t_x, T), "a count that is no whole number >= 0", "Count customers."
    )
    late = (found.frequency > 0) & (found.recency <= 0)
    _refuse(late, labels, (x, t_x, T), "repeat purchases but a recency of 0", "Merge each day.")
    some = count > 0
    counted = count[some].astype(np.int64)
    return Histories(found.frequency[some], found.recency[some], found.T[some], counted)


def check_history(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, labels: Any = None
) -> Histories:
    """Broadcast and check histories: whole frequency >= 0, 0 <= recency <= T, nothing missing.

    A recency above T by rounding alone (1e-9 of T) is taken as T. Raises InvalidHistory.
    """
    check_aligned(frequency=frequency, recency=recency, T=T)
    x, t_x, span = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (frequency, recency, T))
    )
    labels = np.arange(x.size) if labels is None else labels
    values = (x.ravel(), t_x.ravel(), span.ravel())
    finite = np.isfinite(values[0]) & np.isfinite(values[1]) & np.isfinite(values[2])
    with np.errstate(invalid="ignore"):
        checks = (
            (~finite, "a missing or infinite frequency, recency or T", "Set them aside first."),
            ((values[0] < 0) | (values[0] % 1 != 0), "a frequency that is no whole number >= 0",
             "Frequency counts the occasions after the first."),
            ((values[1] < 0) | (values[1] > values[2] * (1 + 1e-9)), "a recency below 0 or above T",
             "Check observation_end."),
            ((values[0] == 0) & (values[1] > 0), "no repeat purchase but a recency above 0",
             "Recency is the time from the first to the last purchase."),
        )  # fmt: skip
    for wrong, what, remedy in checks:
        _refuse(wrong, labels, values, what, remedy)
    return Histories(x.astype(np.int64), np.minimum(t_x, span), span, np.ones(x.shape, np.int64))


def check_aligned(**columns: Any) -> None:
    """Raise InvalidHistory where columns with labels (such as pandas Series) do not have the same.

    Taken by position, as arrays are, they would give one customer another one's history.
    """
    labelled = [(n, c.index) for n, c in columns.items() if not callable(getattr(c, "index", len))]
    for (first, here), (name, there) in pairwise(labelled):
        if here is there or here.equals(there):
            continue
        rows = list(zip_longest(here, there, fillvalue="nothing"))
        apart = [i for i, (one, other) in enumerate(rows) if one != other]
        if apart:
            raise InvalidHistory(
                f"different labels in {first} and {name}", len(apart), len(rows),
                "row {}, {} against {}".format(apart[0], *rows[apart[0]]),
                "Take both from one table, or align them first.",
            )  # fmt: skip


def _refuse(wrong: Any, labels: Any, values: tuple[Any, ...], what: str, remedy: str) -> None:
    if not wrong.any():
        return
    i = int(np.flatnonzero(wrong)[0])
    x, t_x, T = (float(v[i]) for v in values)
    first = f"customer {labels[i]}, frequency {x:g}, recency {t_x:g}, T {T:g}"
    raise InvalidHistory(what, int(wrong.sum()), wrong.size, first, remedy)
