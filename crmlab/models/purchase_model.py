"""What every buy-till-you-die model in continuous time answers, and how it is asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import NotEstimable, WrongParameter
from crmlab.models.base import Fit, fit_of
from crmlab.models.covariate_fit import fit_covariates
from crmlab.models.covariates import CovariateModel, Covariates
from crmlab.models.estimates import fixed, parameters
from crmlab.models.fitting import in_logs, maximize
from crmlab.models.histories import Histories, check_aligned, check_history, histories
from crmlab.models.parallel import in_blocks
from crmlab.models.prospects import Ahead
from crmlab.models.purchase_formulas import PurchaseFormulas
from crmlab.models.simulation import Purchases, walk
from crmlab.models.special import Array, Counts, unique_rows, weighted_sum

SAMPLE = 10_000  # customers on whom the starts climb first where there are many patterns
BLOCK = 4_000  # distinct rows at a time
SCORES = ("p_alive", "expected_purchases", "det", "survival_next_quarter", "expected_life")
ABSENT = 0.01  # a chance of no one-time buyer below which it is asked where they are


@dataclasses.dataclass(frozen=True)
class AbstractPurchaseModel(PurchaseFormulas):
    """A model of customers who buy at random and leave unseen.

    Times are in one unit throughout. Histories are given as equally long arrays or numbers:
    `frequency` (occasions after the first), `recency` (first to last occasion) and `T` (first
    occasion to the end of observation). Impossible ones raise InvalidHistory.
    Every expectation is P(alive at T) times a quantity of (frequency, T) given being alive; the
    latter is computed once for each distinct row.
    """

    @overload
    @classmethod
    def fit(cls, table: Any) -> Fit[Self]: ...

    @overload
    @classmethod
    def fit(cls, table: Any, *, covariates: Covariates) -> Fit[CovariateModel]: ...

    @classmethod
    def fit(cls, table: Any, *, covariates: Covariates | None = None) -> Fit[Any]:
        """Maximum-likelihood fit to a summary or to patterns.

        Columns frequency, recency, T and, for patterns, count. With `covariates` the fit is that
        of a CovariateModel; a purchase process and a dropout process depend on them.
        Raises InvalidHistory, UnusableCovariate, or NotEstimable where nobody bought a second time
        or all customers have one and the same history.
        """
        if covariates is not None:
            return fit_covariates(cls, table, covariates)
        found = histories(table)
        return cls._fit_patterns(found.patterns(), table, None)

    @classmethod
    def _fit_patterns(
        cls, data: Histories, table: Any, start: Array | None, **given: int
    ) -> Fit[Self]:
        """The fit to checked patterns, from one start or from the usual ones.

        `given` are the model's fields that are not estimated, by name.
        """
        _refuse_thin(cls.label, data)
        span = float(np.average(data.T, weights=data.customers))
        scale = cls._scale(span, **given)
        usual = [scale * np.array(place) for place in cls._starts()]
        starts = usual if start is None else [start]
        large = len(starts) > 1 and len(data.T) > 2 * SAMPLE and not cls.two_optima
        sample = in_logs(cls._objective(data.sample(SAMPLE), **given)) if large else None
        optimum = maximize(in_logs(cls._objective(data, **given)), starts, scale, cls.label, sample)
        model = cls(*(float(v) for v in optimum.parameters), **given)
        findings = (*model._findings(span), *model._selection(data))
        return fit_of(model, optimum, table, int(data.customers.sum()), data, findings=findings)

    def _refit(self, data: Histories, rng: np.random.Generator) -> Fit[Self]:
        """The fit to a base like `data` simulated from this model (parametric bootstrap)."""
        seen = self._like(data.T, data.customers, rng)
        given = fixed(self)
        return type(self)._fit_patterns(seen.patterns(), None, parameters(self), **given)

    def _like(self, T: Array, customers: Counts, rng: np.random.Generator) -> Histories:
        """Simulated histories of as many customers, one a row."""
        model = self._of(np.repeat(np.arange(len(T)), customers))
        T = np.repeat(T, customers)
        drawn = model.simulate(T, seed=rng).summarize(T)
        x = drawn["frequency"].astype(np.int64)
        return Histories(x, drawn["recency"], T, np.ones_like(x))

    def _total_log_likelihood(self, data: Histories) -> float:
        """Log-likelihood of all customers of `data`."""
        each = self._log_likelihood(data.frequency, data.recency, data.T)
        return float(weighted_sum(data.customers, each))

    def _selection(self, data: Histories) -> tuple[str, ...]:
        """Whether one-time buyers seem to have been left out: none, where the model expects some.

        Asked only if their absence has, under the fitted model, a chance of less than one in a
        hundred (at most exp(-their expected number)): where everybody buys often it is no surprise.
        """
        if (data.frequency == 0).any():
            return ()
        once = weighted_sum(data.customers, self.pmf_new(0, data.T))
        missing = "Every customer has bought again: were one-time buyers dropped?"
        return (missing,) if once > -np.log(ABSENT) else ()

    def log_likelihood(self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Log-likelihood of each ordered purchase history."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        model, shape, rows = self._rows(x, t_x, span)
        return model._log_likelihood(*rows).reshape(shape)

    def p_alive(
        self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, ahead: ArrayLike = 0.0
    ) -> Array:
        """Probability of not having dropped out by T + `ahead`, given the history up to T."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        model, shape, rows = self._rows(x, t_x, span)
        alive = model._p_alive(*rows).reshape(shape)
        if np.any(np.asarray(ahead) != 0):
            history = {"frequency": frequency, "recency": recency, "T": T}
            return alive * self.survival_if_alive(ahead, **history)
        return alive

    def expected_purchases(
        self, t: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected occasions in (T, T + t], given the history."""
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        return alive * self._if_alive(type(self)._purchases, t, history=(frequency, recency, T))

    def expected_purchases_new(self, t: ArrayLike) -> Array:
        """Expected repeat occasions of a new customer in (0, t]."""
        return self._stays_at_first() * self._if_alive(type(self)._purchases, t)

    def pmf(
        self, k: ArrayLike, t: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Probability of k occasions in (T, T + t], given the history."""
        if_alive = self._if_alive(type(self)._pmf, k, t, history=(frequency, recency, T))
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        out: Array = alive * if_alive + (1 - alive) * (np.asarray(k) == 0)
        return out

    def pmf_new(self, k: ArrayLike, t: ArrayLike) -> Array:
        """Probability of k repeat occasions of a new customer in (0, t]."""
        stays = self._stays_at_first()
        if_stays = self._if_alive(type(self)._pmf, k, t)
        out: Array = stays * if_stays + (1 - stays) * (np.asarray(k) == 0)
        return out

    def buys_later(
        self, after: ArrayLike, t: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
    ) -> Array:  # fmt: skip
        """Probability of an occasion in (T + after, T + after + t], given the history up to T.

        Exact where purchases have no memory; of regular buyers (CNBD) staying for `after` and
        buying in `t` are taken as independent, which is a few per cent high.
        """
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        history = (frequency, recency, T)
        return alive * self._if_alive(type(self)._buys_later, after, t, history=history)

    def det(
        self, rate: float, horizon: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
        nodes: int | None = None,
    ) -> Array:  # fmt: skip
        """Discounted expected occasions in (T, T + horizon], at a continuous rate per time unit.

        `nodes` of the time integral: fewer are quicker and good to fewer digits.
        """
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        discounted = self._discounting(rate, nodes, type(self)._discounted)
        return alive * self._if_alive(discounted, horizon, history=(frequency, recency, T))

    def discounted_life(
        self, rate: float, horizon: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
        nodes: int | None = None,
    ) -> Array:  # fmt: skip
        """Discounted expected active time in (T, T + horizon], in the time unit.

        The integral over u of P(active at T + u) exp(-rate u); the horizon may be infinite where
        the continuous `rate` is above 0. `nodes` as in `det`.
        """
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        lived = self._discounting(rate, nodes, type(self)._discounted_life)
        return alive * self._if_alive(lived, horizon, history=(frequency, recency, T))

    def dert(self, rate: float, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Discounted expected residual occasions, to infinity; `rate` > 0."""
        return self.det(rate, np.inf, frequency=frequency, recency=recency, T=T)

    def det_new(self, rate: float, horizon: ArrayLike) -> Array:
        """Discounted expected repeat occasions of a new customer in (0, horizon]."""
        discounted = self._discounting(rate, None, type(self)._discounted)
        ahead = self._if_alive(discounted, horizon)
        return self._stays_at_first() * ahead

    def survival_if_alive(
        self, t: ArrayLike, *, frequency: ArrayLike, T: ArrayLike, recency: ArrayLike | None = None
    ) -> Array:
        """Probability of staying until T + t of a customer who is alive at T.

        Only models of regular buyers need `recency`, and raise WrongParameter without it.
        """
        # A quadrature's weights add up to 1 but for the last digit; a probability is not above 1.
        stays = self._if_alive(type(self)._survival, t, history=(frequency, recency, T))
        return np.minimum(stays, 1.0)

    def expected_life(
        self, horizon: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected time until dropout, at most `horizon` (restricted mean; inf for the mean)."""
        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        return alive * self._if_alive(type(self)._life, horizon, history=(frequency, recency, T))

    def scores(
        self, ahead: Ahead, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> dict[str, Array]:
        """What a customer base is scored by, at once: much quicker than one by one.

        p_alive; expected_purchases in (T, T + year]; det at the rate and expected_life, both to
        the horizon; survival_next_quarter: survival_if_alive over the quarter. As their own methods
        give them, to 1e-12. Raises WrongParameter for a time that is infinite or below 0.
        """
        for name, value in ahead._asdict().items():
            if not 0 <= value < np.inf:
                raise WrongParameter(name, value, "a finite number of 0 or more")

        def asked(model: Self, x: Array, T: Array) -> Array:
            return model._prospects(ahead, x, T)

        alive = self.p_alive(frequency=frequency, recency=recency, T=T)
        if not alive.size:
            return dict.fromkeys(SCORES, alive)
        purchases, det, stays, life = self._if_alive(asked, history=(frequency, recency, T))
        return {
            "p_alive": alive,
            "expected_purchases": alive * purchases,
            "det": alive * det,
            "survival_next_quarter": np.minimum(stays, 1.0),
            "expected_life": alive * life,
        }

    def simulate(self, T: ArrayLike, *, seed: Any) -> Purchases:
        """Whole histories of new customers watched for `T` (one each), from the first occasion."""
        model, _, (watched,) = self._rows(np.asarray(T, dtype=float))
        rng = np.random.default_rng(seed)
        stays = np.flatnonzero(rng.random(len(watched)) < model._stays_at_first())
        none = np.zeros(len(stays))
        drawn = model._of(stays)._draw(rng, none.astype(np.int64), none, none)
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
        model, _, rows = self._rows(x, t_x, span)
        alive = np.flatnonzero(rng.random(len(rows[0])) < model._p_alive(*rows))
        drawn = model._of(alive)._draw(rng, *(column[alive] for column in rows))
        return walk(rng, drawn._replace(who=alive), horizon)

    @staticmethod
    def _discounting(
        rate: float, nodes: int | None, formula: Callable[..., Array]
    ) -> Callable[..., Array]:
        """A method that discounts, as a formula of time and history at this rate."""
        if not rate >= 0:
            raise ValueError(f"the discount rate per time unit is {rate}; expected 0 or more")

        def discounted(model: Self, t: Array, x: Array, T: Array) -> Array:
            return formula(model, rate, nodes, t, x, T)

        return discounted

    def _if_alive(
        self, formula: Callable[..., Array], *asked: ArrayLike, history: tuple[Any, ...] = (0, 0, 0)
    ) -> Array:
        """A method of the model and arrays (..., x, T) for customers alive at T.

        `history` is x, t_x, T: that of a new customer unless given. t_x tells no more where
        purchases have no memory.
        """
        return self._distinct(formula, *asked, history[0], history[2])

    def _distinct(self, formula: Callable[..., Array], *asked: ArrayLike) -> Array:
        """A method of the model and arrays (..., t, x, T), computed once for each distinct row.

        Customers with parameters of their own differ by these too. Where the method gives several
        values a row, they are along the first axis.
        """
        check_aligned(**dict(zip(("T", "frequency", "t", "k"), asked[::-1], strict=False)))
        arrays = [np.asarray(v, dtype=float) for v in asked]
        if not all((v >= 0).all() for v in arrays):
            raise ValueError("a time or a count asked for is negative or missing")
        model, shape, arrays = self._rows(*arrays)
        varying = model._varying
        rows, inverse, _ = unique_rows(*arrays, *varying.values())

        def found(block: slice) -> Array:
            part = [row[block] for row in rows]
            own = dict(zip(varying, part[len(arrays) :], strict=True))
            some = dataclasses.replace(model, **own) if own else model
            return formula(some, *part[: len(arrays)])

        parts = in_blocks(found, len(rows[0]), BLOCK) or [np.empty(0)]
        values: Array = np.concatenate(parts, axis=-1)
        return values[..., inverse].reshape((*values.shape[:-1], *shape))


def _refuse_thin(label: str, data: Histories) -> None:
    """Refuse data that hold no repeat purchase, or one history only: that tells no rates apart."""
    customers = int(data.customers.sum())
    if not (data.frequency > 0).any():
        raise NotEstimable(
            label, f"none of the {customers} customers bought a second time",
            "Take a longer period, or check the customer column.",
        )  # fmt: skip
    if len(data.T) == 1:
        x, t_x, T = data.frequency[0], data.recency[0], data.T[0]
        alike = f"frequency {x}, recency {t_x:g}, T {T:g}"
        raise NotEstimable(
            label, f"the history of its {customers} customers is one and the same ({alike})",
            "It needs customers who differ; check the customer column and the dates.",
        )  # fmt: skip
