"""What every buy-till-you-die model in continuous time answers, and how it is asked."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import NotEstimable
from crmlab.models.base import (
    Fit,
    Histories,
    check_history,
    check_positive,
    fit_of,
    histories,
)
from crmlab.models.fitting import Evaluation, in_logs, maximize
from crmlab.models.simulation import Customers, Purchases, walk
from crmlab.models.special import Array, Counts, unique_rows, weighted_sum

SAMPLE = 10_000  # customers on whom the starts climb first where there are many patterns
BLOCK = 20_000  # distinct rows at a time: some 300 MB of quadrature nodes


@dataclasses.dataclass(frozen=True)
class AbstractPurchaseModel(abc.ABC):
    """A model of customers who buy at random and leave unseen.

    Times are in one unit throughout. Histories are given as equally long arrays or numbers:
    `frequency` (occasions after the first), `recency` (first to last occasion) and `T` (first
    occasion to the end of observation). Impossible ones raise InvalidHistory.
    Every expectation is P(alive at T) times a quantity of (frequency, T) given being alive; the
    latter is computed once for each distinct row.
    """

    label: ClassVar[str]
    two_optima: ClassVar[bool] = False
    """Whether the likelihood can have a second maximum, which a sample of the data may lack."""

    def __post_init__(self) -> None:
        check_positive(self)

    @classmethod
    def fit(cls, table: Any) -> Fit[Self]:
        """Maximum-likelihood fit to a summary or to patterns.

        Columns frequency, recency, T and, for patterns, count.
        Raises InvalidHistory, or NotEstimable where the data hold no repeat buyer.
        """
        found = histories(table)
        return cls._fit_patterns(found.patterns(), table, None)

    @classmethod
    def _fit_patterns(cls, data: Histories, table: Any, start: Array | None) -> Fit[Self]:
        """The fit to checked patterns, from one start or from the usual ones."""
        if not (data.frequency > 0).any():
            raise NotEstimable(
                cls.label,
                f"none of the {int(data.customers.sum())} customers bought a second time",
                "Take a longer period, or check the customer column.",
            )
        span = float(np.average(data.T, weights=data.customers))
        scale = cls._scale(span)
        usual = [scale * np.array(place) for place in cls._starts()]
        starts = usual if start is None else [start]
        large = len(starts) > 1 and len(data.T) > 2 * SAMPLE and not cls.two_optima
        sample = in_logs(cls._objective(data.sample(SAMPLE))) if large else None
        optimum = maximize(in_logs(cls._objective(data)), starts, scale, cls.label, sample)
        model = cls(*(float(v) for v in optimum.parameters))
        findings = model._findings(span)
        return fit_of(model, optimum, table, int(data.customers.sum()), data, findings=findings)

    def _refit(self, data: Histories, rng: np.random.Generator) -> Fit[Self]:
        """The fit to a base like `data` simulated from this model (parametric bootstrap)."""
        T = np.repeat(data.T, data.customers)
        drawn = self.simulate(T, seed=rng).summarize(T)
        seen = Histories(
            drawn["frequency"].astype(np.int64), drawn["recency"], T, np.ones_like(T, int)
        )
        start = np.array([getattr(self, f.name) for f in dataclasses.fields(self)])
        return type(self)._fit_patterns(seen.patterns(), None, start)

    def _total_log_likelihood(self, data: Histories) -> float:
        """Log-likelihood of all customers of `data`."""
        each = self._log_likelihood(data.frequency, data.recency, data.T)
        return float(weighted_sum(data.customers, each))

    @abc.abstractmethod
    def _findings(self, span: float) -> tuple[str, ...]:
        """What data that gave these parameters lack, in words; `span` is the mean T."""

    def log_likelihood(self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Log-likelihood of each ordered purchase history."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        return self._log_likelihood(x, t_x, span)

    def p_alive(
        self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, ahead: ArrayLike = 0.0
    ) -> Array:
        """Probability of not having dropped out by T + `ahead`, given the history up to T."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        alive = self._p_alive(x, t_x, span)
        if np.any(np.asarray(ahead) != 0):
            return alive * self.survival_if_alive(ahead, frequency=frequency, T=T)
        return alive

    def expected_purchases(
        self, t: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected occasions in (T, T + t], given the history."""
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        return alive * self._distinct(self._purchases, t, frequency, T)

    def expected_purchases_new(self, t: ArrayLike) -> Array:
        """Expected repeat occasions of a new customer in (0, t]."""
        return self._stays_at_first() * self._distinct(self._purchases, t, 0, 0)

    def pmf(
        self, k: ArrayLike, t: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Probability of k occasions in (T, T + t], given the history."""
        if_alive = self._distinct(self._pmf, k, t, frequency, T)
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        out: Array = alive * if_alive + (1 - alive) * (np.asarray(k) == 0)
        return out

    def pmf_new(self, k: ArrayLike, t: ArrayLike) -> Array:
        """Probability of k repeat occasions of a new customer in (0, t]."""
        stays = self._stays_at_first()
        if_stays = self._distinct(self._pmf, k, t, 0, 0)
        out: Array = stays * if_stays + (1 - stays) * (np.asarray(k) == 0)
        return out

    def det(
        self, rate: float, horizon: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
        nodes: int | None = None,
    ) -> Array:  # fmt: skip
        """Discounted expected occasions in (T, T + horizon], at a continuous rate per time unit.

        `nodes` of the time integral: fewer are quicker and good to fewer digits.
        """
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        return alive * self._distinct(self._discounting(rate, nodes), horizon, frequency, T)

    def dert(self, rate: float, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Discounted expected residual occasions, to infinity; `rate` > 0."""
        return self.det(rate, np.inf, frequency=frequency, recency=recency, T=T)

    def det_new(self, rate: float, horizon: ArrayLike) -> Array:
        """Discounted expected repeat occasions of a new customer in (0, horizon]."""
        ahead = self._distinct(self._discounting(rate, None), horizon, 0, 0)
        return self._stays_at_first() * ahead

    def survival_if_alive(self, t: ArrayLike, *, frequency: ArrayLike, T: ArrayLike) -> Array:
        """Probability of staying until T + t of a customer who is alive at T."""
        return self._distinct(self._survival, t, frequency, T)

    def expected_life(
        self, horizon: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected time until dropout, at most `horizon` (restricted mean; inf for the mean)."""
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        return alive * self._distinct(self._life, horizon, frequency, T)

    def simulate(self, T: ArrayLike, *, seed: Any) -> Purchases:
        """Whole histories of new customers watched for `T` (one each), from the first occasion."""
        watched = np.atleast_1d(np.asarray(T, dtype=float))
        rng = np.random.default_rng(seed)
        stays = np.flatnonzero(rng.random(len(watched)) < self._stays_at_first())
        none = np.zeros(len(stays))
        drawn = self._draw(rng, none.astype(np.int64), none, none)
        return walk(rng, drawn._replace(who=stays), watched[stays])

    def simulate_future(
        self, horizon: float, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, seed: Any
    ) -> Purchases:
        """One draw of every customer's purchases in (T, T + horizon], times counted from T.

        First whether the customer is alive, then rate and dropout given the history, then the
        purchases one by one. `seed` is a seed or a NumPy Generator.
        """
        rng = np.random.default_rng(seed)
        x, t_x, span, _ = check_history(frequency, recency, T)
        x, t_x, span = np.atleast_1d(x), np.atleast_1d(t_x), np.atleast_1d(span)
        alive = np.flatnonzero(rng.random(x.shape) < self._p_alive(x, t_x, span))
        drawn = self._draw(rng, x[alive], t_x[alive], span[alive])
        return walk(rng, drawn._replace(who=alive), horizon)

    def _discounting(self, rate: float, nodes: int | None) -> Callable[..., Array]:
        if not rate >= 0:
            raise ValueError(f"the discount rate per time unit is {rate}; expected 0 or more")

        def discounted(t: Array, x: Array, T: Array) -> Array:
            return self._discounted(rate, nodes, t, x, T)

        return discounted

    def _distinct(self, formula: Callable[..., Array], *asked: ArrayLike) -> Array:
        """A formula of arrays (..., t, x, T), computed once for each distinct row."""
        arrays = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in asked))
        if not all((v >= 0).all() for v in arrays):
            raise ValueError("a time or a count asked for is negative or missing")
        rows, inverse, _ = unique_rows(*(v.ravel() for v in arrays))
        values = np.empty(len(rows[0]))
        for i in range(0, len(values), BLOCK):
            part = slice(i, i + BLOCK)
            values[part] = formula(*(row[part] for row in rows))
        return values[inverse].reshape(arrays[0].shape)

    @classmethod
    @abc.abstractmethod
    def _starts(cls) -> tuple[tuple[float, ...], ...]:
        """Starting points of the search, in units of the scale."""

    @classmethod
    @abc.abstractmethod
    def _scale(cls, span: float) -> Array:
        """Natural size of each parameter where customers are watched for `span`."""

    @classmethod
    @abc.abstractmethod
    def _objective(cls, data: Histories) -> Callable[[Array], Evaluation]:
        """Log-likelihood, gradient and Hessian of patterns, as a function of the parameters."""

    @abc.abstractmethod
    def _log_likelihood(self, x: Counts, t_x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _p_alive(self, x: Counts, t_x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _stays_at_first(self) -> float:
        """Probability that a new customer does not leave right after the first occasion."""

    @abc.abstractmethod
    def _purchases(self, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _pmf(self, k: Array, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _discounted(
        self, rate: float, nodes: int | None, t: Array, x: Array, T: Array
    ) -> Array: ...

    @abc.abstractmethod
    def _survival(self, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _life(self, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _draw(self, rng: np.random.Generator, x: Counts, t_x: Array, T: Array) -> Customers:
        """Rate and dropout of customers who are alive at T, given their histories."""
