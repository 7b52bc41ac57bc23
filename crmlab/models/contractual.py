"""The model class behind the contractual models; they differ in duration dependence only."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import NotDefined, NotEstimable
from crmlab.models import beta_weibull as formulas
from crmlab.models.base import Fit, fit_of
from crmlab.models.estimates import check_positive, parameters
from crmlab.models.fitting import Evaluation, Optimum, in_logs, maximize
from crmlab.models.histories import check_aligned
from crmlab.models.renewals import Renewals, Totals, read_survivors, read_totals
from crmlab.models.special import Array, Counts, unique_rows

STARTS = ((1.0, 2.0, 1.2), (0.3, 1.0, 0.8), (5.0, 20.0, 1.0))
"""Starting points (alpha, beta, c)."""


@dataclasses.dataclass(frozen=True)
class AbstractContractual(abc.ABC):
    """Contracts that come up for renewal at n = 1, 2, ...: a customer renews, or is seen to leave.

    A customer who has passed n renewals has tenure n, and has been one for n + 1 periods. Numbers
    of renewals may be arrays; anything but whole numbers raises ValueError.
    """

    alpha: float
    beta: float

    label: ClassVar[str]

    def __post_init__(self) -> None:
        check_positive(self)

    @property
    @abc.abstractmethod
    def _parameters(self) -> formulas.Parameters: ...

    @classmethod
    @abc.abstractmethod
    def _of(cls, values: Sequence[float]) -> Self:
        """The model with these parameters; further values are not looked at."""

    @classmethod
    def fit(cls, table: Any) -> Fit[Self]:
        """Maximum-likelihood fit to survivors, of one cohort or of many that share one law.

        Columns tenure (renewals passed: 0, 1, 2, ...), customers (a count of those still there)
        and, for more than one cohort, cohort. Cohorts may be followed for different lengths, from
        a later tenure than 0 on (then given that far) and with gaps: what counts is how many of
        those known at one tenure are there at the next known one. So limited information will
        do, as long as each cohort is known twice: its initial and its last size, its sizes in the
        last two or three periods, or both (compare Fader & Hardie 2007, note on multi-cohort data).
        Raises InvalidCohorts, or NotEstimable where too few tenures are known or all or none left.
        """
        data, customers = read_survivors(table)
        _check_survivors(cls, data)
        return cls._fit_renewals(data, table, customers, None)

    @classmethod
    def _fit_renewals(
        cls, data: Renewals, table: Any, customers: int, start: Array | None
    ) -> Fit[Self]:
        optimum = _maximize(cls, lambda h: formulas.evaluate(h, data), start)
        model = cls._of(optimum.parameters.tolist())
        findings = _findings(model, optimum)
        return fit_of(model, optimum, table, customers, data, findings=findings)

    @classmethod
    def fit_totals(cls, table: Any) -> Fit[Self]:
        """Fit to totals by period, where it is not known to which cohort those who left belonged.

        Columns period (consecutive whole numbers from the first customers on), acquired (new in
        the period) and customers (active in it, the new ones too). Maximises a composite
        likelihood, as if each customer's cohort were drawn by lot: consistent, and with one
        cohort the same as `fit`. The covariance is corrected for it (a sandwich); the
        log-likelihood is the composite one, so compare models by `fit` only.
        Raises InvalidCohorts, or NotEstimable.
        """
        data, customers = read_totals(table)
        _check_totals(cls, data)
        optimum = _maximize(cls, lambda h: formulas.evaluate_totals(h, data), None)
        model = cls._of(optimum.parameters.tolist())
        optimum = _sandwich(optimum, formulas.spread_of_totals(model._parameters, data))
        findings = _findings(model, optimum)
        fit = fit_of(model, optimum, table, customers, data, findings=findings)
        # Without its data a fit is drawn from its covariance, which is right where the composite
        # likelihood's own shape is not.
        return dataclasses.replace(fit, data=None)

    def _refit(self, data: Renewals, rng: np.random.Generator) -> Fit[Self]:
        """The fit to renewals of as many customers drawn from this model (parametric bootstrap)."""
        at_risk = np.round(data.renewed + data.lost).astype(np.int64)
        chance = np.exp(formulas.decline(self._parameters, data.start, data.end))
        renewed = rng.binomial(at_risk, chance).astype(float)
        drawn = data._replace(renewed=renewed, lost=at_risk - renewed)
        _check_survivors(type(self), drawn)
        return self._fit_renewals(drawn, None, int(at_risk.sum()), parameters(self))

    def _total_log_likelihood(self, data: Renewals) -> float:
        return formulas.log_likelihood(self._parameters, data)

    def log_likelihood(self, table: Any) -> float:
        """Log-likelihood of a table of survivors, as `fit` takes it, without its constant."""
        return self._total_log_likelihood(read_survivors(table)[0])

    def survival(self, n: ArrayLike) -> Array:
        """Probability of passing n renewals, n >= 0 (sBG: Fader & Hardie 2007, eq. 6)."""
        tenure = _whole(n, 0)
        return np.exp(self._decline(0 * tenure, tenure))

    def retention_rate(self, n: ArrayLike) -> Array:
        """Probability of renewing at the n-th chance, n >= 1 (sBG: Fader & Hardie 2007, eq. 8)."""
        tenure = _whole(n, 1)
        return np.exp(self._decline(tenure - 1, tenure))

    def pmf(self, n: ArrayLike) -> Array:
        """Probability of leaving at the n-th chance, n >= 1 (sBG: Fader & Hardie 2007, eq. 5)."""
        tenure = _whole(n, 1)
        leaves: Array = -np.expm1(self._decline(tenure - 1, tenure))
        return self.survival(tenure - 1) * leaves

    def expected_survivors(
        self, customers: ArrayLike, n: ArrayLike, *, tenure: ArrayLike = 0
    ) -> Array:
        """Expected number, of customers who have passed `tenure` renewals, to pass n >= 0 more."""
        check_aligned(customers=customers, n=n, tenure=tenure)
        start, more = np.broadcast_arrays(_whole(tenure, 0), _whole(n, 0))
        out: Array = np.asarray(customers, dtype=float) * np.exp(self._decline(start, start + more))
        return out

    def kept_at_renewal(self, n: ArrayLike, *, tenure: ArrayLike = 0) -> Array:
        """Share that keeping all who would leave at the next renewal adds to those n >= 0 later.

        Of customers who have passed `tenure` renewals: that they would leave at the next one, are
        kept, and pass n more by their own chances, which are lower than those of the others.
        """
        start, more = np.broadcast_arrays(_whole(tenure, 0), _whole(n, 0))
        (start_, more_), which, _ = unique_rows(start.ravel(), more.ravel())
        return formulas.kept(self._parameters, start_, more_)[which].reshape(start.shape)

    def _decline(self, start: Array, end: Array) -> Array:
        """ln S(end) / S(start), computed once for each distinct pair."""
        (start_, end_), which, _ = unique_rows(start.ravel(), end.ravel())
        return formulas.decline(self._parameters, start_, end_)[which].reshape(start.shape)

    def expected_lifetime(self) -> float:
        """Expected number of periods as a customer, the first one included.

        Raises NotDefined where it is infinite: too many customers then hardly ever leave.
        """
        return self.discounted_expected_lifetime(0.0)

    def discounted_expected_lifetime(self, rate: float) -> float:
        """Periods of a new customer, the first included, discounted to the beginning of that one.

        Sum over t >= 0 of S(t) (1 + rate)^-t; `rate` a period, for example 0.1 a year
        (Fader & Hardie 2010). Raises NotDefined where it is infinite (only at rate 0).
        """
        return 1 + float(self.discounted_expected_residual_lifetime(rate, renewals=1)) / (1 + rate)

    def discounted_expected_residual_lifetime(self, rate: float, *, renewals: ArrayLike) -> Array:
        """Periods still to come, discounted, just before the n-th renewal is decided.

        n = `renewals` >= 1: n - 1 are passed, and the next period is paid for, if at all, at once.
        Sum over t >= n of S(t) / S(n - 1) (1 + rate)^(n - t), `rate` a period
        (Fader & Hardie 2010). Raises NotDefined where it is infinite (only at rate 0).
        """
        n, h = _whole(renewals, 1), self._parameters
        if not (np.isfinite(rate) and rate >= 0):
            raise ValueError("a discount rate is a number a period, 0 or more")
        if rate == 0 and h.alpha * h.c <= 1:
            raise NotDefined(
                f"The expected lifetime is infinite: {self.label}'s survival falls with tenure "
                f"to the power -{h.alpha * h.c:.3f} only. Give a discount rate above 0."
            )
        passed, which = np.unique(n - 1, return_inverse=True)
        return formulas.life_ahead(h, rate, passed)[which].reshape(n.shape)

    def simulate(self, customers: int, periods: int, *, seed: Any) -> Counts:
        """Renewals passed by each of `customers` new customers at the first `periods` chances.

        A number below `periods` is where that customer left; `periods` itself is one who is
        still there. `seed` is a seed or a NumPy Generator. `survivors` makes a table of them.
        """
        rng, h = np.random.default_rng(seed), self._parameters
        # theta's odds, and its hazard -ln(1 - theta), as logarithms: a float cannot hold them.
        odds = _log_gamma(rng, h.alpha, customers) - _log_gamma(rng, h.beta, customers)
        hazard = np.where(odds < -30, odds, np.log(np.maximum(np.logaddexp(0, odds), 1e-30)))
        threshold = np.log(np.maximum(rng.standard_exponential(customers), 1e-300))
        reach = np.minimum((threshold - hazard) / h.c, np.log(periods + 0.5))
        return np.floor(np.exp(reach)).astype(np.int64)


def survivors(renewals: ArrayLike, periods: int) -> dict[str, Counts]:
    """Table of survivors, as `fit` takes it, of customers followed for `periods` renewals."""
    left = np.bincount(np.asarray(renewals), minlength=periods + 1)
    return {"tenure": np.arange(periods + 1), "customers": left[::-1].cumsum()[::-1]}


def _whole(n: ArrayLike, least: int) -> Array:
    out = np.asarray(n, dtype=float)
    if not (np.isfinite(out) & (out >= least) & (out == np.floor(out))).all():
        raise ValueError(f"a number of renewals is a whole number, {least} or more")
    return out


def _log_gamma(rng: np.random.Generator, shape: float, size: int) -> Array:
    """Logarithms of gamma variates; those of a small shape are below what a float holds."""
    out: Array = np.log(rng.gamma(shape + 1, size=size)) - rng.standard_exponential(size) / shape
    return out


def _maximize(
    cls: type[AbstractContractual],
    evaluate: Callable[[formulas.Parameters], Evaluation],
    start: Array | None,
) -> Optimum:
    """Maximise over the parameters that the model has, from one start or from the usual ones."""
    free = len(dataclasses.fields(cls))

    def objective(values: Array) -> Evaluation:
        value, slope, bend = evaluate(cls._of(values.tolist())._parameters)
        return Evaluation(value, slope[:free], bend[:free, :free])

    starts = [np.array(s[:free]) for s in STARTS] if start is None else [start]
    return maximize(in_logs(objective), starts, np.ones(free), cls.label)


def _sandwich(optimum: Optimum, spread: Array) -> Optimum:
    """The optimum of a composite likelihood, with the curvature that its spread stands for."""
    free = [i for i in range(len(optimum.parameters)) if i not in optimum.at_bound]
    block, values = np.ix_(free, free), optimum.parameters[free]
    curve, bend = optimum.hessian[block], optimum.hessian.copy()
    bend[block] = -curve @ np.linalg.pinv(spread[block] * np.outer(values, values)) @ curve
    return optimum._replace(hessian=bend)


def _findings(model: AbstractContractual, optimum: Optimum) -> tuple[str, ...]:
    """What data that did not settle all parameters lack, in words."""
    open_ended = {*optimum.at_bound, *optimum.loose}
    total = model.alpha + model.beta
    said = (
        (total > 1e3, "No differences between customers: retention does not rise with tenure."),
        (total < 1e-2, "Customers leave at the first chances or hardly ever: none in between."),
        (2 in open_ended, "How one customer's own retention moves with tenure cannot be told."),
    )
    return tuple(text for found, text in said if found and open_ended)


def _check_survivors(cls: type[AbstractContractual], data: Renewals) -> None:
    places, needed = len(data.start), len(dataclasses.fields(cls))
    lost, renewed = data.lost.sum(), data.renewed.sum()
    if places and 0 in (lost, renewed):
        found = f"{'all' if lost else 'none'} of its customers left"
        where = f"at tenures {data.start.min():g} to {data.end.max():g}"
        remedy = "Give a period in which some left and some stayed."
        raise NotEstimable(cls.label, f"{found} {where}", remedy)
    if places < needed:
        found = f"its {needed} parameters need {needed} different pairs of known tenures"
        remedy = "Follow the customers for longer, or add a cohort known at other tenures."
        raise NotEstimable(cls.label, f"{found}, and there are {places}", remedy)


def _check_totals(cls: type[AbstractContractual], data: Totals) -> None:
    periods, needed = len(data.counted), len(dataclasses.fields(cls)) + 1
    if periods < needed:
        found = f"its {needed - 1} parameters need totals of {needed} periods, and there are"
        raise NotEstimable(cls.label, f"{found} {periods}", "Give totals of more periods.")
    if data.counted[:-1].sum() == 0 or data.counted[-1] == 0:
        found = f"nobody {'is' if data.counted[-1] == 0 else 'has'} left after {periods} periods"
        raise NotEstimable(cls.label, found, "Check the columns acquired and customers.")
