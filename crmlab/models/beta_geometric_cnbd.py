"""The model class behind BG/CNBD-k and MBG/CNBD-k; they differ in one coin only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import InvalidHistory, NotEstimable, WrongParameter
from crmlab.models import beta_geometric, erlang, erlang_ahead
from crmlab.models.base import Fit
from crmlab.models.beta_geometric import Parameters
from crmlab.models.beta_geometric_nbd import STARTS, lacks
from crmlab.models.derivatives import Derivatives
from crmlab.models.fitting import Evaluation
from crmlab.models.histories import Histories, check_history, histories
from crmlab.models.purchase_model import AbstractPurchaseModel
from crmlab.models.simulation import Customers
from crmlab.models.special import Array, Counts

MOST_REGULAR = 12  # the largest k that is tried: gaps that differ by 29 % of their mean
WITHOUT_GAPS = "The log-likelihood is unknown without the column log_gaps; the estimates hold."


@dataclasses.dataclass(frozen=True)
class AbstractBetaGeometricCNBD(AbstractPurchaseModel):
    """Every k-th event of a Poisson process of rate ~ Gamma(r, alpha) is a purchase; dropout by a
    coin ~ Beta(a, b) after purchases.

    `first_coin` is 1 where the first purchase has a coin too. `alpha` is in the time unit; the
    mean gap of a customer of rate lambda is k / lambda, its coefficient of variation k^(-1/2).
    """

    r: float
    alpha: float
    a: float
    b: float
    k: int = dataclasses.field(metadata={"estimated": False})

    first_coin: ClassVar[int]
    likelihood_columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T", "log_gaps")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "k", _checked(self.k, self.label))

    @classmethod
    def fit(cls, table: Any, k: int | None = None) -> Fit[Self]:  # type: ignore[override]
        """Maximum-likelihood fit to a summary or to patterns, at this k or at the best one.

        Columns frequency, recency, T, log_gaps and, for patterns, count (log_gaps is then the mean
        of a pattern's customers). Without `k`, 1, 2, 3, ... are tried until the likelihood falls,
        at most 12, and the one with the highest is kept; `diagnosis.findings` names them.
        With `k`, log_gaps may be missing: it does not move the estimates, but above k = 1 the
        log-likelihood is nan then. `aic` and `bic` count the four parameters, not k.
        Raises InvalidHistory, or NotEstimable where the data hold no repeat buyer or no log_gaps
        to choose k by.
        """
        found = histories(table)
        gaps = _log_gaps(table, found)
        if k is not None:
            return cls._fit_at(k, table, found, gaps)
        if gaps is None:
            raise NotEstimable(
                cls.label, "k is chosen by the column 'log_gaps', and the table has none",
                "Summarise the purchases with crmlab, which adds it, or give k, such as k=2.",
            )  # fmt: skip
        return cls._fit_best(table, found, gaps)

    @classmethod
    def _fit_at(cls, k: int, table: Any, found: Histories, gaps: Array | None) -> Fit[Self]:
        """The fit at one k, its log-likelihood that of all purchases."""
        fit = cls._fit_patterns(found.patterns(), table, None, k=_checked(k, cls.label))
        if gaps is None and k > 1:
            told = (*fit.diagnosis.findings, WITHOUT_GAPS)
            diagnosis = dataclasses.replace(fit.diagnosis, findings=told)
            return dataclasses.replace(fit, log_likelihood=math.nan, diagnosis=diagnosis)
        spacing = 0.0 if gaps is None else erlang.log_spacing(k, found.frequency, gaps)
        whole = math.fsum(np.ravel(found.customers * spacing))  # the same in any order of the rows
        return dataclasses.replace(fit, log_likelihood=fit.log_likelihood + whole)

    @classmethod
    def _fit_best(cls, table: Any, found: Histories, gaps: Array) -> Fit[Self]:
        """The fit at the k from which the likelihood only falls."""
        best = cls._fit_at(1, table, found, gaps)
        tried = [best.log_likelihood]
        for k in range(2, MOST_REGULAR + 1):
            try:
                fit = cls._fit_at(k, table, found, gaps)
            except NotEstimable:
                break
            tried.append(fit.log_likelihood)
            if fit.log_likelihood <= best.log_likelihood:
                break
            best = fit
        told = (*best.diagnosis.findings, _choice(best.model.k, tried))
        return dataclasses.replace(
            best, diagnosis=dataclasses.replace(best.diagnosis, findings=told)
        )

    @classmethod
    def _starts(cls) -> tuple[tuple[float, ...], ...]:
        return STARTS

    @classmethod
    def _scale(cls, span: float, k: int = 1) -> Array:
        return np.array([1.0, span / k, 1.0, 1.0])

    @classmethod
    def _objective(cls, data: Histories, k: int = 1) -> Callable[[Array], Evaluation]:
        x, t_x, T, count = data
        n = x + cls.first_coin
        if k == 1:
            return beta_geometric.objective(x, t_x, T, n, count)
        return lambda values: erlang.evaluate(Parameters(*values), k, x, t_x, T, n, count)

    def _findings(self, span: float) -> tuple[str, ...]:  # noqa: ARG002
        return lacks(self.r, self.a, self.b)

    @property
    def _parameters(self) -> Parameters:
        return Parameters(self.r, self.alpha, self.a, self.b)

    def log_likelihood(
        self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
        log_gaps: ArrayLike | None = None,
    ) -> Array:  # fmt: skip
        """Log-likelihood of each ordered purchase history.

        Above k = 1 it needs `log_gaps`, the sum of ln(gap) over a customer's gaps; WrongParameter
        without.
        """
        x, t_x, span, _ = check_history(frequency, recency, T)
        if log_gaps is None and self.k > 1:
            raise WrongParameter("log_gaps", None, f"sums of ln(gap), as k = {self.k} needs them")
        gaps = np.asarray(0.0 if log_gaps is None else log_gaps, dtype=float)
        spacing = erlang.log_spacing(self.k, x, gaps)
        out: Array = self._log_likelihood(x, t_x, span) + spacing
        return out

    def _log_likelihood(self, x: Counts, t_x: Array, T: Array) -> Array:
        return erlang.log_likelihood(self._parameters, self.k, x, t_x, T, x + self.first_coin)

    def _p_alive(self, x: Counts, t_x: Array, T: Array) -> Array:
        return erlang.p_alive(self._parameters, self.k, x, t_x, T, x + self.first_coin)

    def _derivatives(self, x: Counts, t_x: Array, T: Array) -> Derivatives:
        return erlang.derivatives(self._parameters, self.k, x, t_x, T, x + self.first_coin)

    def _stays_at_first(self) -> float:
        return self.b / (self.a + self.b) if self.first_coin else 1.0

    def _if_alive(
        self, formula: Callable[..., Array], *asked: ArrayLike, history: tuple[Any, ...] = (0, 0, 0)
    ) -> Array:
        """A mean over the phases, which t_x tells; the formula gives one row a phase."""
        x, t_x, T = history
        if t_x is None:
            raise WrongParameter("recency", None, f"the recency, as {self.label} needs it")
        each = self._distinct(formula, *asked, x, T)
        *_, x, t_x, T = np.broadcast_arrays(*asked, x, t_x, T)
        weight = erlang.phases(self._parameters, self.k, x, np.minimum(t_x, T), T)
        # A mean life may be infinite in a phase that is impossible.
        out: Array = (weight * np.where(weight > 0, each, 0.0)).sum(axis=-weight.ndim)
        return out

    def _given_alive(self, x: Array, T: Array) -> tuple[Array, Array, float, Array, int]:
        """Posterior in phase 0 of a customer alive at T: rate ~ Gamma(s, A), coin ~ Beta(a, B)."""
        events, coins = self.k * x, x + self.first_coin
        return self.r + events, self.alpha + T, self.a, self.b + coins, self.k

    def _purchases(self, t: Array, x: Array, T: Array) -> Array:
        return erlang_ahead.purchases_if_alive(t, *self._given_alive(x, T))

    def _pmf(self, k: Array, t: Array, x: Array, T: Array) -> Array:
        return erlang_ahead.pmf_if_alive(k, t, *self._given_alive(x, T))

    def _buys_later(self, after: Array, t: Array, x: Array, T: Array) -> Array:
        none = self._pmf(np.zeros_like(t), t, x, T)
        return self._survival(after, x, T) * (1 - none)

    def _discounted(self, rate: float, nodes: int | None, t: Array, x: Array, T: Array) -> Array:
        return erlang_ahead.discounted_if_alive(rate, t, *self._given_alive(x, T), nodes=nodes)

    def _discounted_life(
        self, rate: float, nodes: int | None, t: Array, x: Array, T: Array
    ) -> Array:
        given = self._given_alive(x, T)
        return erlang_ahead.discounted_life_if_alive(rate, t, *given, nodes=nodes)

    def _survival(self, t: Array, x: Array, T: Array) -> Array:
        return erlang_ahead.survival_if_alive(t, *self._given_alive(x, T))

    def _life(self, t: Array, x: Array, T: Array) -> Array:
        return erlang_ahead.life_if_alive(t, *self._given_alive(x, T))

    def _draw(self, rng: np.random.Generator, x: Counts, t_x: Array, T: Array) -> Customers:
        phase = np.zeros(len(x), dtype=np.int64)
        if self.k > 1:
            below = np.cumsum(erlang.phases(self._parameters, self.k, x, t_x, T), axis=0)[:-1]
            phase = (rng.random(len(x)) > below).sum(axis=0)
        s, A, a, B, k = self._given_alive(x.astype(float), T)
        rate = rng.gamma(s + phase) / A
        index = np.arange(len(rate))
        return Customers(index, rate, rng.beta(a, B), np.full(len(rate), np.inf), k, phase)


def _checked(k: Any, label: str) -> int:
    """k as an int. Raises WrongParameter for anything but a whole number of 1 or more."""
    if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
        raise WrongParameter("k", k, f"a whole number of 1 or more, as {label} needs it")
    return int(k)


def _log_gaps(table: Any, found: Histories) -> Array | None:
    """The checked column log_gaps of the rows that count; None without it.

    By the inequality of the means it is at most x ln(t_x / x), reached by equal gaps.
    """
    if "log_gaps" not in table:
        return None
    gaps = np.asarray(table["log_gaps"], dtype=float)
    if "count" in table:
        gaps = gaps[np.asarray(table["count"], dtype=float) > 0]
    x, t_x = found.frequency, found.recency
    most = x * np.log(np.where(x > 0, t_x, 1.0) / np.maximum(x, 1))
    wrong = ~np.isfinite(gaps) | (gaps > most + 1e-6 * (1 + x)) | ((x == 0) & (gaps != 0))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        first = f"frequency {x[i]}, recency {t_x[i]:g}, log_gaps {gaps[i]:g}"
        what = "a log_gaps that their frequency and recency do not allow"
        remedy = f"Expected the sum of ln(gap) in the unit of recency, here at most {most[i]:.6g}."
        raise InvalidHistory(what, int(wrong.sum()), len(x), first, remedy)
    return gaps


def _choice(k: int, tried: list[float]) -> str:
    """How k was chosen, in words."""
    values = ", ".join(f"{value:,.1f}" for value in tried)
    told = f"k = {k} fits best of 1 to {len(tried)} (log-likelihoods {values})"
    if k == 1:
        return f"{told}: purchases are not more regular than chance."
    return f"{told}." if k < MOST_REGULAR else f"{told}; larger ones were not tried."
