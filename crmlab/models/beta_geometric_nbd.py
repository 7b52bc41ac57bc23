"""The model class behind BG/NBD and MBG/NBD; they differ in one coin only."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from crmlab.models import beta_geometric, beta_geometric_ahead
from crmlab.models.base import NO_DROPOUT
from crmlab.models.covariates import Link
from crmlab.models.derivatives import Derivatives
from crmlab.models.fitting import Evaluation
from crmlab.models.histories import Histories
from crmlab.models.prospects import Ahead
from crmlab.models.purchase_model import AbstractPurchaseModel
from crmlab.models.simulation import Customers
from crmlab.models.special import Array, Counts

# The last two lie where MBG/NBD can have a second, better optimum: a and b below 1.
STARTS = (
    (0.5, 0.3, 1.0, 2.0),
    (1.0, 1.0, 0.3, 3.0),
    (0.2, 0.1, 2.0, 2.0),
    (0.6, 0.3, 0.3, 0.4),
    (2.0, 2.0, 0.5, 0.3),
)


def lacks(r: float, a: float | Array, b: float | Array) -> tuple[str, ...]:
    """What data that gave these parameters lack, in words."""
    out = ["All customers buy at the same rate."] if r > 500 else []
    if np.all(a / (a + b) < 1e-3):
        out.append(NO_DROPOUT)
    elif np.all(a + b > 1e3):
        out.append("All customers drop out with the same probability.")
    elif np.all(a + b < 1e-2):
        out.append("Customers drop out at their first chance or hardly ever: none in between.")
    return tuple(out)


@dataclasses.dataclass(frozen=True)
class AbstractBetaGeometricNBD(AbstractPurchaseModel):
    """Purchases at a rate ~ Gamma(r, alpha), dropout by a coin ~ Beta(a, b) after purchases.

    `first_coin` is 1 where the first purchase has a coin too. `alpha` is in the time unit.
    """

    r: float
    alpha: float | Array
    a: float | Array
    b: float | Array

    first_coin: ClassVar[int]
    links: ClassVar[tuple[Link, ...]] = (
        Link("alpha", "purchase", -1),
        Link("a", "dropout", 1),
        Link("b", "dropout", 1),
    )

    @classmethod
    def _starts(cls) -> tuple[tuple[float, ...], ...]:
        return STARTS

    @classmethod
    def _scale(cls, span: float) -> Array:
        return np.array([1.0, span, 1.0, 1.0])

    @classmethod
    def _objective(cls, data: Histories) -> Callable[[Array], Evaluation]:
        x, t_x, T, count = data
        return beta_geometric.objective(x, t_x, T, x + cls.first_coin, count)

    def _findings(self, span: float) -> tuple[str, ...]:  # noqa: ARG002
        return lacks(self.r, self.a, self.b)

    @property
    def _parameters(self) -> beta_geometric.Parameters:
        return beta_geometric.Parameters(self.r, self.alpha, self.a, self.b)

    def _log_likelihood(self, x: Counts, t_x: Array, T: Array) -> Array:
        return beta_geometric.log_likelihood(self._parameters, x, t_x, T, x + self.first_coin)

    def _p_alive(self, x: Counts, t_x: Array, T: Array) -> Array:
        return beta_geometric.p_alive(self._parameters, x, t_x, T, x + self.first_coin)

    def _derivatives(self, x: Counts, t_x: Array, T: Array) -> Derivatives:
        return beta_geometric.derivatives(self._parameters, x, t_x, T, x + self.first_coin)

    def _stays_at_first(self) -> float | Array:
        return self.b / (self.a + self.b) if self.first_coin else 1.0

    def _given_alive(self, x: Array, T: Array) -> tuple[Array, Array, float | Array, Array]:
        """Posterior of a customer alive at T: rate ~ Gamma(s, A), coin ~ Beta(a, B)."""
        return self.r + x, self.alpha + T, self.a, self.b + x + self.first_coin

    def _purchases(self, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.purchases_if_alive(t, *self._given_alive(x, T))

    def _pmf(self, k: Array, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.pmf_if_alive(k, t, *self._given_alive(x, T))

    def _buys_later(self, after: Array, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.buys_later_if_alive(after, t, *self._given_alive(x, T))

    def _discounted(self, rate: float, nodes: int | None, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.discounted_if_alive(
            rate, t, *self._given_alive(x, T), nodes=nodes
        )

    def _discounted_life(
        self, rate: float, nodes: int | None, t: Array, x: Array, T: Array
    ) -> Array:
        return beta_geometric_ahead.discounted_life_if_alive(
            rate, t, *self._given_alive(x, T), nodes=nodes
        )

    def _survival(self, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.survival_if_alive(t, *self._given_alive(x, T))

    def _life(self, t: Array, x: Array, T: Array) -> Array:
        return beta_geometric_ahead.life_if_alive(t, *self._given_alive(x, T))

    def _prospects(self, ahead: Ahead, x: Array, T: Array) -> Array:
        s, A, a, B = self._given_alive(x, T)
        return beta_geometric_ahead.prospects_if_alive(ahead, s, A, a, B)

    def _draw(self, rng: np.random.Generator, x: Counts, t_x: Array, T: Array) -> Customers:  # noqa: ARG002
        s, A, a, B = self._given_alive(x.astype(float), T)
        rate = rng.gamma(s) / A
        index = np.arange(len(rate))
        return Customers(index, rate, rng.beta(a, B), np.full(len(rate), np.inf))
