"""Gamma-Gamma model of spend per occasion (Fader & Hardie 2013 note; Colombo & Jiang 1999)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, polygamma, psi

from crmlab.errors import InvalidHistory, NotDefined, NotEstimable
from crmlab.models.base import Fit, fit_of
from crmlab.models.estimates import check_positive
from crmlab.models.fitting import Evaluation, in_logs, maximize
from crmlab.models.histories import check_aligned
from crmlab.models.special import Array, Counts, unique_rows, weighted_sum

SAMPLE = 10_000  # customers on whom the starts climb first where there are many


@dataclasses.dataclass(frozen=True)
class GammaGamma:
    """Spend on an occasion ~ Gamma(p, nu), nu ~ Gamma(q, v) between customers.

    `v` is in money; independent of how often a customer buys. `frequency` here is the number of
    occasions that `monetary_value`, their mean, is taken over.
    """

    p: float
    q: float
    v: float

    label: ClassVar[str] = "Gamma-Gamma"

    def __post_init__(self) -> None:
        check_positive(self)

    @classmethod
    def fit(cls, table: Any) -> Fit[GammaGamma]:
        """Maximum-likelihood fit to the customers of a summary who have a repeat spend.

        Columns monetary_value and spend_frequency (or, without it, frequency), and count for
        rows that stand for several customers.
        Raises InvalidHistory for a number of occasions that is none, and NotEstimable with fewer
        than two such customers, or where all spend the same.
        """
        name = "spend_frequency" if "spend_frequency" in table else "frequency"
        columns = (name, "monetary_value", *(["count"] if "count" in table else []))
        check_aligned(**{column: table[column] for column in columns})
        x, z = (np.asarray(table[c], dtype=float) for c in columns[:2])
        _refuse_occasions(x, z)
        count = np.asarray(table["count"]).astype(np.int64) if "count" in table else None
        some = np.flatnonzero((x > 0) & np.isfinite(z) & (1 if count is None else count > 0))
        some = some[_order(x[some], z[some])]  # so that the last bit knows no order of rows
        x, z, count = x[some], z[some], None if count is None else count[some]
        if (z <= 0).any():
            raise NotEstimable(
                cls.label, f"{_total(count, z <= 0):.0f} customers have a mean spend of 0 or less",
                "Set returns and free purchases aside; do not shift the amounts.",
            )  # fmt: skip
        if len(z) < 2 or np.ptp(z) <= 1e-9 * z.max():
            customers = _customers(z, count)
            raise NotEstimable(
                cls.label, f"{customers} customers with a repeat spend, all of the same mean",
                "It needs repeat buyers who differ in what they spend.",
            )  # fmt: skip
        return cls._fit_data(x, z, table, None, count)

    @classmethod
    def _fit_data(
        cls, x: Array, z: Array, table: Any, start: Array | None, count: Counts | None = None
    ) -> Fit[GammaGamma]:
        """The fit to mean spends z over x occasions, of one customer each or of `count`."""
        typical = _median(z, count)  # an extreme amount must not move the search
        scale = np.array([1.0, 1.0, typical])
        usual = [scale * s for s in ((1.0, 2.0, 1.0), (5.0, 4.0, 0.5), (0.5, 8.0, 1.0))]
        starts = usual if start is None else [start]
        customers = _customers(z, count)
        step = customers // SAMPLE
        large = len(starts) > 1 and step > 1
        sample = in_logs(_objective(*_every(step, x, z, count))) if large else None
        optimum = maximize(in_logs(_objective(x, z, count)), starts, scale, cls.label, sample)
        model = cls(*(float(v) for v in optimum.parameters))
        findings = ("A customer always spends the same.",) if model.p > 5000 else ()
        data = (x, z) if count is None else (x, z, count)
        return fit_of(model, optimum, table, customers, data, findings=findings)

    def _refit(self, data: Any, rng: np.random.Generator) -> Fit[GammaGamma]:
        """The fit to customers like those of `data`, simulated from this model."""
        x, z = _each(data)
        nu = rng.gamma(self.q, size=len(x)) / self.v
        drawn = rng.gamma(self.p * x) / (x * nu)
        start = np.array([self.p, self.q, self.v])
        return self._fit_data(x, np.maximum(drawn, 1e-12 * z), None, start)

    def _total_log_likelihood(self, data: Any) -> float:
        x, z = _each(data)
        return float(self.log_likelihood(frequency=x, monetary_value=z).sum())

    def log_likelihood(self, *, frequency: ArrayLike, monetary_value: ArrayLike) -> Array:
        """Log-likelihood of each mean spend over x > 0 occasions (Fader & Hardie 2013, eq. 1a).

        Raises InvalidHistory, as `expected_spend` does.
        """
        x, z = check_spend(frequency, monetary_value)
        return _log_likelihood((self.p, self.q, self.v), x, z)

    def expected_spend(self, *, frequency: ArrayLike, monetary_value: ArrayLike) -> Array:
        """Posterior mean spend an occasion (Fader & Hardie 2013, eq. 5); the mean for frequency 0.

        `monetary_value` is not looked at where frequency is 0. Raises NotDefined where q <= 1
        makes the population's mean infinite, and InvalidHistory for a number of occasions that is
        none, or a mean spend of theirs that is missing or not above 0.
        """
        self.expected_spend_new()
        x, z = check_spend(frequency, monetary_value)
        out: Array = self.p * (self.v + x * z) / (self.p * x + self.q - 1)
        return out

    def expected_spend_new(self) -> float:
        """Mean spend an occasion of a customer not yet known: p v / (q - 1)."""
        if self.q <= 1:
            raise NotDefined(
                f"The mean spend is infinite: Gamma-Gamma's q is {self.q:.3f}, not above 1. "
                "Look for a few extreme amounts, or report medians."
            )
        return self.p * self.v / (self.q - 1)

    def simulate_spend(
        self, customer: Any, *, frequency: ArrayLike, monetary_value: ArrayLike, seed: Any
    ) -> Array:
        """One spend for each future occasion; `customer` indexes the histories, once an occasion.

        nu ~ Gamma(q + p x, v + x z) a customer, then spend ~ Gamma(p, nu) an occasion.
        """
        rng = np.random.default_rng(seed)
        x, z = check_spend(frequency, monetary_value)
        nu = rng.gamma(self.q + self.p * x) / (self.v + x * z)
        out: Array = rng.gamma(self.p, size=len(customer)) / nu[customer]
        return out


def check_spend(frequency: ArrayLike, monetary_value: ArrayLike) -> tuple[Array, Array]:
    """Occasions and their mean spend, as arrays of one shape; the spend is 0 without an occasion.

    Raises InvalidHistory naming how many customers are impossible, the first of them, and why.
    """
    check_aligned(frequency=frequency, monetary_value=monetary_value)
    x, told = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (frequency, monetary_value))
    )
    _refuse_occasions(x, told)
    z = np.where(x > 0, told, 0.0)
    with np.errstate(invalid="ignore"):
        wrong = (x > 0) & ~((z > 0) & (z < np.inf))
    _refuse(
        wrong, x, told, "a mean spend that is missing, infinite or not above 0",
        "Set returns and free purchases aside; do not shift the amounts.",
    )  # fmt: skip
    return x, z


def _refuse_occasions(x: Array, z: Array) -> None:
    with np.errstate(invalid="ignore"):
        wrong = ~((x >= 0) & (x < np.inf) & (np.floor(x) == x))
    _refuse(
        wrong, x, z, "a frequency that is no whole number >= 0",
        "Frequency counts the occasions that the mean spend is taken over.",
    )  # fmt: skip


def _refuse(wrong: Any, x: Array, z: Array, what: str, remedy: str) -> None:
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        first = f"row {i}, frequency {x.flat[i]:g}, mean spend {z.flat[i]:g}"
        raise InvalidHistory(what, int(wrong.sum()), wrong.size, first, remedy)


def _order(x: Array, z: Array) -> NDArray[np.intp]:
    """Places by x, then by z: two sorts of one column, many times as quick as one of two."""
    by_z = np.argsort(z)
    narrow = x.astype(np.min_scalar_type(int(x.max(initial=0))))  # a short key is sorted by radix
    out: NDArray[np.intp] = by_z[np.argsort(narrow[by_z], kind="stable")]
    return out


def _log_likelihood(parameters: Any, x: Array, z: Array) -> Array:
    p, q, v = parameters
    x, z = np.broadcast_arrays(x, z)
    (distinct,), inverse, _ = unique_rows(x.ravel())
    constant = -betaln(p * distinct, q)
    spread = -p * x * np.log1p(v / (x * z)) - q * np.log1p(x * z / v) - np.log(z)
    out: Array = constant[inverse].reshape(x.shape) + spread
    return out


def _customers(z: Array, count: Counts | None) -> int:
    return len(z) if count is None else int(count.sum())


def _total(count: Counts | None, values: Any) -> float:
    """The sum over customers of what rows have that stand for one each or for `count`."""
    return float(values.sum() if count is None else weighted_sum(count, values))


def _median(z: Array, count: Counts | None) -> float:
    if count is None:
        return float(np.median(z))
    order = np.argsort(z, kind="stable")
    upto = np.cumsum(count[order])
    middle = ((upto[-1] - 1) // 2, upto[-1] // 2)
    return float(z[order][np.searchsorted(upto, middle, side="right")].mean())


def _every(
    step: int, x: Array, z: Array, count: Counts | None
) -> tuple[Array, Array, Counts | None]:
    """Every `step`-th customer."""
    if count is None:
        return x[::step], z[::step], None
    upto = np.cumsum(count)
    chosen = -(-upto // step) + (-(upto - count) // step)  # multiples of step among them
    some = chosen > 0
    return x[some], z[some], chosen[some]


def _each(data: Any) -> tuple[Array, Array]:
    """One row a customer."""
    x, z, *count = data
    return (np.repeat(x, *count), np.repeat(z, *count)) if count else (x, z)


class _Spend(NamedTuple):
    """What the likelihood needs of the data at every parameter; `distinct` x have `customers`.

    Rows stand for one customer or for `each`; `x` is multiplied by it.
    """

    x: Array
    total: Array
    log_total: float
    log_mean: float
    distinct: Array
    customers: Counts
    each: Counts | None


def _objective(x: Array, z: Array, count: Counts | None = None) -> Callable[[Array], Evaluation]:
    """Log-likelihood, gradient and Hessian of mean spends z over x occasions."""
    (u,), inverse, customers = unique_rows(x)
    if count is not None:
        customers = np.bincount(inverse, weights=count).astype(np.int64)
    log_x = float(customers @ np.log(u))
    log_mean = _total(count, np.log(z))
    weighted = x if count is None else x * count
    data = _Spend(weighted, x * z, log_x + log_mean, log_mean, u, customers, count)
    return lambda values: _evaluate(values, data)


def _evaluate(parameters: Array, data: _Spend) -> Evaluation:
    """With ln(1 + x z / v) as ln(1 + v / (x z)) + ln(x z) - ln v: one logarithm a customer."""
    p, q, v = parameters
    x, total, log_total, log_mean, u, count, each = data
    n = int(count.sum())
    away = np.log1p(v / total)
    end = 1 / (v + total)
    square = end * end
    away_sum, end_sum, square_sum = (_total(each, column) for column in (away, end, square))
    away_x, end_x, square_x = (weighted_sum(x, column) for column in (away, end, square))
    from_v = away_sum + log_total - n * np.log(v)
    value = -(count @ betaln(p * u, q)) - p * away_x - q * from_v - log_mean
    grown = psi(p * u + q)
    slope = [
        count @ (u * (grown - psi(p * u))) - away_x,
        count @ (grown - psi(q)) - from_v,
        n * q / v - p * end_x - q * end_sum,
    ]
    both = polygamma(1, p * u + q)
    pq, pv, qv = count @ (u * both), -end_x, n / v - end_sum
    bend = [
        [count @ (u**2 * (both - polygamma(1, p * u))), pq, pv],
        [pq, count @ (both - polygamma(1, q)), qv],
        [pv, qv, -n * q / v**2 + p * square_x + q * square_sum],
    ]
    return Evaluation(float(value), np.array(slope), np.array(bend))
