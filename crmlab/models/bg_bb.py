"""BG/BB (Fader, Hardie & Shang 2010, Marketing Science 29): buying at discrete opportunities."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.errors import InvalidHistory, NotEstimable
from crmlab.models import beta_bernoulli as formulas
from crmlab.models.base import Fit, fit_of
from crmlab.models.estimates import check_positive
from crmlab.models.fitting import in_logs, maximize
from crmlab.models.histories import check_aligned
from crmlab.models.special import Array, Counts, unique_rows

STARTS = ((1.0, 1.0, 0.5, 3.0), (0.3, 1.0, 1.0, 10.0), (2.0, 1.0, 0.2, 0.5))
"""Starting points (alpha, beta, gamma, delta)."""


class Opportunities(NamedTuple):
    """Histories over discrete opportunities, one a customer or one a pattern."""

    frequency: Counts
    recency: Counts
    n: Counts
    customers: Counts

    def patterns(self) -> Opportunities:
        """The distinct (frequency, recency, n), each with its number of customers."""
        columns, inverse, _ = unique_rows(self.frequency, self.recency, self.n)
        x, t_x, n = (c.astype(np.int64) for c in columns)
        count = np.bincount(inverse, weights=self.customers).astype(np.int64)
        return Opportunities(x, t_x, n, count)


@dataclasses.dataclass(frozen=True)
class BGBB:
    """BG/BB: at each opportunity first perhaps leave for ever, otherwise buy or not.

    A customer buys at an opportunity with probability p ~ Beta(alpha, beta), and leaves at the
    start of each one with probability theta ~ Beta(gamma, delta). Histories are given as numbers
    or arrays that broadcast: `frequency` (purchases at the `n` opportunities since acquisition,
    which itself does not count), `recency` (the opportunity of the last purchase, 1 to n; 0
    without any) and `n`. Impossible ones raise InvalidHistory. Numbers of opportunities ahead are
    whole; another one raises ValueError. A rate is per period between two opportunities.
    """

    alpha: float
    beta: float
    gamma: float
    delta: float

    label: ClassVar[str] = "BG/BB"

    def __post_init__(self) -> None:
        check_positive(self)

    @classmethod
    def fit(cls, table: Any) -> Fit[BGBB]:
        """Maximum-likelihood fit to a table of customers or of patterns.

        Columns frequency, recency, n and, for patterns, count.
        Raises InvalidHistory, or NotEstimable where nobody bought or n stays below 3.
        """
        found = opportunities(table)
        data = found.patterns()
        _refuse_thin(data)
        starts = [np.array(start) for start in STARTS]
        optimum = maximize(
            in_logs(lambda values: formulas.evaluate(formulas.Parameters(*values), *data)),
            starts, np.ones(4), cls.label,
        )  # fmt: skip
        model = cls(*(float(v) for v in optimum.parameters))
        return fit_of(model, optimum, table, int(data.customers.sum()), data)

    def log_likelihood(self, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike) -> Array:
        """Log-likelihood of each ordered history, without a combinatorial factor."""
        return self._known(formulas.log_likelihood, frequency, recency, n)

    def p_alive(
        self, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike, ahead: ArrayLike = 0
    ) -> Array:
        """Probability of being there at opportunity n + 1 + `ahead`, given the history up to n.

        The paper's convention: with ahead = 0, to be there for the next opportunity, n + 1.
        """
        return self._known(formulas.p_alive, frequency, recency, n, ahead=ahead)

    def expected_purchases(
        self, n_future: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike
    ) -> Array:
        """Expected purchases at the next `n_future` opportunities (Fader et al. 2010, eq. 13).

        `n_future` may be inf; the answer is then inf too where gamma <= 1.
        """
        return self.det(0.0, n_future, frequency=frequency, recency=recency, n=n)

    def expected_purchases_new(self, n: ArrayLike) -> Array:
        """Expected purchases of a new customer at the first `n` opportunities (eq. 7)."""
        return self.expected_purchases(n, frequency=0, recency=0, n=0)

    def pmf(
        self, k: ArrayLike, n_future: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, n: ArrayLike,
    ) -> Array:  # fmt: skip
        """Probability of k purchases at the next `n_future` opportunities, given the history."""
        return self._known(formulas.probability, frequency, recency, n, k=k, n_future=n_future)

    def pmf_new(self, k: ArrayLike, n: ArrayLike) -> Array:
        """Probability of k purchases of a new customer at the first `n` opportunities."""
        return self.pmf(k, n, frequency=0, recency=0, n=0)

    def det(
        self, rate: float, horizon: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, n: ArrayLike,
    ) -> Array:  # fmt: skip
        """Discounted expected purchases at the next `horizon` opportunities.

        Discrete, at `rate` a period: a purchase at opportunity n + j counts (1 + rate)^-j, so the
        next one is already discounted once (as in Fader et al. 2010). `horizon` may be inf.
        """
        if not 0 <= rate < np.inf:
            raise ValueError(f"the rate per period must be a number >= 0; it is {rate}")
        discounted = partial(formulas.purchases, rate)
        return self._known(discounted, frequency, recency, n, horizon=horizon)

    def dert(self, rate: float, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike) -> Array:
        """Discounted expected residual purchases, to infinity; discounting as in `det`."""
        return self.det(rate, np.inf, frequency=frequency, recency=recency, n=n)

    def det_new(self, rate: float, horizon: ArrayLike) -> Array:
        """Discounted expected purchases of a new customer at the first `horizon` opportunities."""
        return self.det(rate, horizon, frequency=0, recency=0, n=0)

    def dert_new(self, rate: float) -> Array:
        """Discounted expected purchases of a new customer, to infinity."""
        return self.det_new(rate, np.inf)

    def expected_life(
        self, horizon: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike
    ) -> Array:
        """Expected number of the next `horizon` opportunities that the customer is there for."""
        return self._known(partial(formulas.life, 0.0), frequency, recency, n, horizon=horizon)

    def expected_remaining_life(
        self, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike
    ) -> Array:
        """Expected number of opportunities that the customer is still there for; inf: gamma <= 1.

        P(alive) (gamma + delta + n) / (gamma - 1).
        """
        return self.expected_life(np.inf, frequency=frequency, recency=recency, n=n)

    def simulate(self, customers: int, n: int, *, seed: Any) -> NDArray[np.bool_]:
        """Whole histories of new customers: who (row) bought at which opportunity (column).

        `seed` is a seed or a NumPy Generator; `summarize` makes a table to fit of the matrix.
        """
        rng = np.random.default_rng(seed)
        zero = np.zeros(customers, dtype=np.int64)
        return formulas.draw(rng, self._parameters, n, zero, zero)

    def simulate_future(
        self, n_future: int, *, frequency: ArrayLike, recency: ArrayLike, n: ArrayLike, seed: Any
    ) -> NDArray[np.bool_]:
        """One draw of who (row) buys at which of the next `n_future` opportunities (column).

        Draws being there at opportunity n + 1, then p and theta given the history and that.
        """
        rng = np.random.default_rng(seed)
        alive = np.atleast_1d(self.p_alive(frequency=frequency, recency=recency, n=n))
        there = np.flatnonzero(rng.random(len(alive)) < alive)
        asked = check_opportunities(frequency, recency, n)
        x, past = (np.atleast_1d(v)[there] for v in (asked.frequency, asked.n))
        out = np.zeros((len(alive), n_future), dtype=bool)
        out[there] = formulas.draw(rng, self._parameters, n_future, x, past, there_at_first=True)
        return out

    @property
    def _parameters(self) -> formulas.Parameters:
        return formulas.Parameters(self.alpha, self.beta, self.gamma, self.delta)

    def _known(
        self, formula: Callable[..., Array],
        frequency: ArrayLike, recency: ArrayLike, n: ArrayLike, **ahead: ArrayLike,
    ) -> Array:  # fmt: skip
        """A formula of (parameters, x, t_x, n, ...), computed once for each distinct row."""
        check_aligned(frequency=frequency, **ahead)
        asked = [_horizon(v) if k == "horizon" else _whole(k, v) for k, v in ahead.items()]
        history = check_opportunities(frequency, recency, n)
        columns = np.broadcast_arrays(*history[:3], *asked)
        rows, inverse, _ = unique_rows(*(c.ravel() for c in columns))
        rows = [r.astype(c.dtype) for r, c in zip(rows, columns, strict=True)]
        out = formula(self._parameters, *rows)
        return out[inverse].reshape(columns[0].shape)


def summarize(bought: NDArray[np.bool_]) -> dict[str, Counts]:
    """frequency, recency and n of histories given as who (row) bought at which opportunity."""
    n = bought.shape[1]
    places = np.arange(1, n + 1)
    return {
        "frequency": bought.sum(axis=1),
        "recency": (bought * places).max(axis=1, initial=0),
        "n": np.full(len(bought), n),
    }


def opportunities(table: Any) -> Opportunities:
    """Checked histories of a table with columns frequency, recency, n and, for patterns, count.

    Raises InvalidHistory naming how many customers are impossible, the first of them, and why.
    """
    columns = ("frequency", "recency", "n", *(["count"] if "count" in table else []))
    check_aligned(**{name: table[name] for name in columns})
    x, t_x, n = (np.asarray(table[c], dtype=float) for c in columns[:3])
    index = getattr(table, "index", None)
    labels = None if index is None or callable(index) else np.asarray(index)
    found = check_opportunities(x, t_x, n, labels)
    if "count" not in table:
        return found
    count = np.broadcast_to(np.asarray(table["count"]), found.n.shape)
    return found._replace(customers=count.astype(np.int64))


def check_opportunities(
    frequency: ArrayLike, recency: ArrayLike, n: ArrayLike, labels: Any = None
) -> Opportunities:
    """Broadcast and check: whole numbers, frequency <= recency <= n, no recency without purchase.

    Raises InvalidHistory.
    """
    check_aligned(frequency=frequency, recency=recency, n=n)
    values = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (frequency, recency, n)))
    x, t_x, past = (v.ravel() for v in values)
    finite = np.isfinite(x) & np.isfinite(t_x) & np.isfinite(past)
    with np.errstate(invalid="ignore"):
        whole = (x % 1 == 0) & (t_x % 1 == 0) & (past % 1 == 0)
        checks = (
            (~finite, "a missing or infinite frequency, recency or n", "Set them aside first."),
            (~whole | (x < 0) | (past < 0), "a frequency, recency or n that is no whole number"
             " >= 0", "BG/BB counts opportunities; for continuous time take BG/NBD."),
            (t_x > past, "a recency above n", "Recency is the opportunity of the last purchase."),
            (x > t_x, "more purchases than opportunities until the last one",
             "At most one purchase an opportunity counts, and the acquisition does not."),
            ((x == 0) & (t_x > 0), "no purchase but a recency above 0",
             "Recency is 0 without a purchase."),
        )  # fmt: skip
    for wrong, what, remedy in checks:
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            name = i if labels is None else labels[i]
            first = f"customer {name}, frequency {x[i]:g}, recency {t_x[i]:g}, n {past[i]:g}"
            raise InvalidHistory(what, int(wrong.sum()), wrong.size, first, remedy)
    frequencies, recencies, lengths = (v.astype(np.int64) for v in values)
    return Opportunities(frequencies, recencies, lengths, np.ones_like(lengths))


def _refuse_thin(data: Opportunities) -> None:
    """Refuse data in which four parameters cannot be told apart, or that hold no purchase."""
    customers = int(data.customers.sum())
    if not data.frequency.any():
        raise NotEstimable(
            BGBB.label, f"none of the {customers} customers bought at any opportunity",
            "Take a longer period, or check the customer column.",
        )  # fmt: skip
    if data.n.max() < 3:
        raise NotEstimable(
            BGBB.label, f"none of the {customers} customers had more than {data.n.max()}"
            " opportunities, and four parameters need three", "Take a longer period.",
        )  # fmt: skip


def _horizon(value: ArrayLike) -> Array:
    out = np.asarray(value, dtype=float)
    finite = np.isfinite(out)
    _whole("horizon", np.where(np.isposinf(out) | finite, np.where(finite, out, 0), np.nan))
    return out


def _whole(name: str, value: ArrayLike) -> Counts:
    out = np.asarray(value, dtype=float)
    wrong = ~((out >= 0) & (out < 2**53) & (np.floor(np.nan_to_num(out)) == out))
    if wrong.any():
        raise ValueError(f"{name} must be whole and >= 0; {out[wrong].flat[0]:g} is not")
    return out.astype(np.int64)
