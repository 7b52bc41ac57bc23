"""Pareto/NBD (Schmittlein, Morrison & Colombo 1987, Management Science 33)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from crmlab.models import pareto as formulas
from crmlab.models.base import NO_DROPOUT
from crmlab.models.covariates import Link
from crmlab.models.derivatives import Derivatives
from crmlab.models.fitting import Evaluation
from crmlab.models.histories import Histories
from crmlab.models.purchase_model import AbstractPurchaseModel
from crmlab.models.simulation import Customers
from crmlab.models.special import Array, Counts


@dataclasses.dataclass(frozen=True)
class ParetoNBD(AbstractPurchaseModel):
    """Pareto/NBD: purchases at a rate ~ Gamma(r, alpha), leaving at a rate ~ Gamma(s, beta).

    A customer may leave at any time. `alpha` and `beta` are in the time unit.
    """

    r: float
    alpha: float | Array
    s: float
    beta: float | Array

    label: ClassVar[str] = "Pareto/NBD"
    links: ClassVar[tuple[Link, ...]] = (
        Link("alpha", "purchase", -1),
        Link("beta", "dropout", -1),
    )

    @classmethod
    def _starts(cls) -> tuple[tuple[float, ...], ...]:
        return ((0.5, 0.3, 0.5, 0.3), (1.0, 1.0, 1.0, 3.0), (0.3, 0.1, 0.3, 0.1))

    @classmethod
    def _scale(cls, span: float) -> Array:
        return np.array([1.0, span, 1.0, span])

    @classmethod
    def _objective(cls, data: Histories) -> Callable[[Array], Evaluation]:
        x, t_x, T, count = data
        return lambda values: formulas.evaluate(formulas.Parameters(*values), x, t_x, T, count)

    def _findings(self, span: float) -> tuple[str, ...]:
        out = ["All customers buy at the same rate."] if self.r > 500 else []
        if np.all(self.s * span / self.beta < 1e-3):
            out.append(NO_DROPOUT)
        elif self.s > 500:
            out.append("All customers leave at the same rate.")
        return tuple(out)

    @property
    def _parameters(self) -> formulas.Parameters:
        return formulas.Parameters(self.r, self.alpha, self.s, self.beta)

    def _log_likelihood(self, x: Counts, t_x: Array, T: Array) -> Array:
        return formulas.log_likelihood(self._parameters, x, t_x, T)

    def _p_alive(self, x: Counts, t_x: Array, T: Array) -> Array:
        return self._distinct(type(self)._p_alive_each, x, t_x, T)

    def _p_alive_each(self, x: Array, t_x: Array, T: Array) -> Array:
        return formulas.p_alive(self._parameters, x.astype(np.int64), t_x, T)

    def _derivatives(self, x: Counts, t_x: Array, T: Array) -> Derivatives:
        return formulas.derivatives(self._parameters, x, t_x, T)

    def _stays_at_first(self) -> float:
        return 1.0

    def _given_alive(self, x: Array, T: Array) -> tuple[Array, Array, float, Array]:
        """Posterior of a customer alive at T: rate ~ Gamma(shape, A), leaving ~ Gamma(s, B)."""
        return self.r + x, self.alpha + T, self.s, self.beta + T

    def _purchases(self, t: Array, x: Array, T: Array) -> Array:
        return formulas.purchases_if_alive(t, *self._given_alive(x, T))

    def _pmf(self, k: Array, t: Array, x: Array, T: Array) -> Array:
        return formulas.pmf_if_alive(k, t, *self._given_alive(x, T))

    def _buys_later(self, after: Array, t: Array, x: Array, T: Array) -> Array:
        return formulas.buys_later_if_alive(after, t, *self._given_alive(x, T))

    def _discounted(self, rate: float, nodes: int | None, t: Array, x: Array, T: Array) -> Array:
        return formulas.discounted_if_alive(rate, t, *self._given_alive(x, T), nodes=nodes)

    def _discounted_life(
        self,
        rate: float,
        nodes: int | None,
        t: Array,
        x: Array,  # noqa: ARG002
        T: Array,
    ) -> Array:
        return formulas.discounted_life_if_alive(rate, t, self.s, self.beta + T, nodes=nodes)

    def _survival(self, t: Array, x: Array, T: Array) -> Array:  # noqa: ARG002
        return formulas.survival_if_alive(t, self.s, self.beta + T)

    def _life(self, t: Array, x: Array, T: Array) -> Array:  # noqa: ARG002
        return formulas.life_if_alive(t, self.s, self.beta + T)

    def _draw(self, rng: np.random.Generator, x: Counts, t_x: Array, T: Array) -> Customers:  # noqa: ARG002
        shape, A, s, B = self._given_alive(x.astype(float), T)
        rate = rng.gamma(shape) / A
        death = rng.standard_exponential(len(rate)) * B / rng.gamma(s, size=len(rate))
        return Customers(np.arange(len(rate)), rate, np.zeros(len(rate)), death)
