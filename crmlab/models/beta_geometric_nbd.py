"""The model class behind BG/NBD and MBG/NBD; they differ in one coin only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import NotEstimable
from crmlab.models import beta_geometric as formulas
from crmlab.models.base import Fit, Histories, check_history, fit_of, histories
from crmlab.models.fitting import Evaluation, maximize
from crmlab.models.special import Array, Counts, unique_rows

STARTS = ((0.5, 0.3, 1.0, 2.0), (1.0, 1.0, 0.3, 3.0), (0.2, 0.1, 2.0, 2.0))
"""Starting points (r, alpha as a share of the mean T, a, b)."""


class Purchases(NamedTuple):
    """Simulated future purchases: whose (index into the customers asked) and when (time unit)."""

    customer: Counts
    time: Array


@dataclasses.dataclass(frozen=True)
class AbstractBetaGeometricNBD:
    """Purchases at a gamma-distributed rate, dropout by a beta-distributed coin after purchases.

    Times are in one unit throughout, and `alpha` with them. Histories are given as equally long
    arrays or numbers: `frequency` (occasions after the first), `recency` (first to last occasion)
    and `T` (first occasion to the end of observation). Impossible ones raise InvalidHistory.
    """

    r: float
    alpha: float
    a: float
    b: float

    first_coin: ClassVar[int]
    label: ClassVar[str]

    @classmethod
    def fit(cls, table: Any) -> Fit[Self]:
        """Maximum-likelihood fit to a summary or to patterns.

        Columns frequency, recency, T and, for patterns, count.
        Raises InvalidHistory, or NotEstimable where the data hold no repeat buyer.
        """
        found = histories(table)
        if not (found.frequency > 0).any():
            raise NotEstimable(
                cls.label,
                f"none of the {len(found.frequency)} customers bought a second time",
                "Take a longer period, or check the customer column.",
            )
        data = found.patterns()
        span = float(np.average(data.T, weights=data.customers))
        scale = np.array([1.0, span, 1.0, 1.0])
        starts = [scale * np.array(start) for start in STARTS]
        optimum = maximize(cls._objective(data), starts, scale, cls.label)
        model = cls(*(float(v) for v in optimum.parameters))
        return fit_of(model, optimum, table, int(found.customers.sum()), data)

    @classmethod
    def _objective(cls, data: Histories) -> Callable[[Array], Evaluation]:
        x, t_x, T, count = data
        n = x + cls.first_coin
        return lambda values: formulas.evaluate(formulas.Parameters(*values), x, t_x, T, n, count)

    @property
    def _parameters(self) -> formulas.Parameters:
        return formulas.Parameters(self.r, self.alpha, self.a, self.b)

    def log_likelihood(self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Log-likelihood of each ordered purchase history (Fader, Hardie & Lee 2005, eq. 6)."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        return formulas.log_likelihood(self._parameters, x, t_x, span, x + self.first_coin)

    def p_alive(self, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:
        """Probability of not having dropped out by T, given the history."""
        x, t_x, span, _ = check_history(frequency, recency, T)
        return formulas.p_alive(self._parameters, x, t_x, span, x + self.first_coin)

    def expected_purchases(
        self, t: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected occasions in (T, T + t], given the history (Fader et al. 2005, eq. 10)."""
        ahead = self._if_alive(formulas.purchases_if_alive, t, frequency, T)
        return self.p_alive(frequency=frequency, recency=recency, T=T) * ahead

    def det(
        self, rate: float, horizon: ArrayLike, *,
        frequency: ArrayLike, recency: ArrayLike, T: ArrayLike,
        nodes: int | None = None,
    ) -> Array:  # fmt: skip
        """Discounted expected occasions in (T, T + horizon], at a continuous rate per time unit.

        `nodes` of the time integral: fewer are quicker and good to fewer digits.
        """

        def discounted(*arguments: Any) -> Array:
            return formulas.discounted_if_alive(rate, *arguments, nodes=nodes)

        ahead = self._if_alive(discounted, horizon, frequency, T)
        return self.p_alive(frequency=frequency, recency=recency, T=T) * ahead

    def survival_if_alive(self, t: ArrayLike, *, frequency: ArrayLike, T: ArrayLike) -> Array:
        """Probability of staying until T + t of a customer who is alive at T."""
        return self._if_alive(formulas.survival_if_alive, t, frequency, T)

    def expected_life(
        self, horizon: ArrayLike, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike
    ) -> Array:
        """Expected time until dropout, at most `horizon`: a restricted mean."""
        ahead = self._if_alive(formulas.life_if_alive, horizon, frequency, T)
        return self.p_alive(frequency=frequency, recency=recency, T=T) * ahead

    def expected_purchases_new(self, t: ArrayLike) -> Array:
        """Expected repeat occasions of a new customer in (0, t] (Fader et al. 2005, eq. 9)."""
        return self._new(formulas.purchases_if_alive, t)

    def det_new(self, rate: float, horizon: ArrayLike) -> Array:
        """Discounted expected repeat occasions of a new customer in (0, horizon]."""

        def discounted(*arguments: Any) -> Array:
            return formulas.discounted_if_alive(rate, *arguments)

        return self._new(discounted, horizon)

    def _new(self, formula: Callable[..., Array], t: ArrayLike) -> Array:
        stays = self.b / (self.a + self.b) if self.first_coin else 1.0
        return stays * self._if_alive(formula, t, 0, 0)

    def _if_alive(
        self, formula: Callable[..., Array], t: ArrayLike, frequency: ArrayLike, T: ArrayLike
    ) -> Array:
        """A formula of (t, frequency, T), computed once for each distinct row."""
        t, x, span = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (t, frequency, T)))
        if not (t >= 0).all():
            raise ValueError("a time ahead cannot be negative or missing")
        (t_, x_, T_), inverse, _ = unique_rows(t.ravel(), x.ravel(), span.ravel())
        some = t_ > 0
        out = np.zeros_like(t_)
        if some.any():
            x_, T_ = x_[some], T_[some]
            n = x_ + self.first_coin
            out[some] = formula(t_[some], self.r + x_, self.alpha + T_, self.a, self.b + n)
        if formula is formulas.survival_if_alive:
            out[~some] = 1.0
        return out[inverse].reshape(t.shape)

    def simulate_future(
        self, horizon: float, *, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, seed: Any
    ) -> Purchases:
        """One draw of every customer's purchases in (T, T + horizon], times counted from T.

        Draws being alive, then lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n), then the
        purchases one by one with a coin after each. `seed` is a seed or a NumPy Generator.
        """
        rng = np.random.default_rng(seed)
        x, t_x, span, _ = check_history(frequency, recency, T)
        n = x + self.first_coin
        alive = rng.random(x.shape) < formulas.p_alive(self._parameters, x, t_x, span, n)
        who = np.flatnonzero(alive)
        rate = rng.gamma(self.r + x[who]) / (self.alpha + span[who])
        p = rng.beta(self.a, self.b + n[who])
        clock = np.zeros(len(who))
        customers, times = [], []
        while len(who):
            clock = clock + rng.standard_exponential(len(who)) / rate
            bought = clock <= horizon
            who, rate, p, clock = who[bought], rate[bought], p[bought], clock[bought]
            customers.append(who)
            times.append(clock)
            stays = rng.random(len(who)) >= p
            who, rate, p, clock = who[stays], rate[stays], p[stays], clock[stays]
        none: list[Any] = [np.zeros(0)]
        return Purchases(
            np.concatenate(customers or none).astype(np.int64), np.concatenate(times or none)
        )
