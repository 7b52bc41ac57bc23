"""Slopes and curvatures of each history's log-likelihood, from which every fit is summed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from crmlab.models.fitting import Evaluation
from crmlab.models.special import Array, Counts, weighted_sum

BLOCK = 16_384  # rows at a time: what is computed of them stays near the processor


class Terms(NamedTuple):
    """Terms of n log-likelihoods with their derivatives in the p parameters.

    Shapes (n,) and (p, n); a pair of parameters i <= k without a second derivative is not in
    `curves`.
    """

    value: Array
    gradient: Array
    curves: dict[tuple[int, int], Array]

    def total(self, count: Counts) -> Evaluation:
        """The sum over `count` customers a term."""
        p = len(self.gradient)
        hessian = np.zeros((p, p))
        for (i, k), curve in self.curves.items():
            hessian[i, k] = hessian[k, i] = weighted_sum(count, curve)
        value = float(weighted_sum(count, self.value))
        return Evaluation(value, weighted_sum(count, self.gradient), hessian)


class Derivatives(NamedTuple):
    """Log-likelihood of each of n histories, with its derivatives in the p parameters of that row.

    Shapes (n,) and (p, n). The second derivative in parameters i <= k is
    spread x slopes[i] x slopes[k] + curves[i, k], kept apart because the sum of the first over many
    rows is one product of matrices; a pair without a curve is not in `curves`.
    """

    value: Array
    gradient: Array
    spread: Array
    slopes: Array
    curves: dict[tuple[int, int], Array]

    def bend(self, i: int, k: int) -> Array:
        """The second derivative in parameters i <= k of each history."""
        out: Array = self.spread * self.slopes[i] * self.slopes[k] + self.curves.get((i, k), 0.0)
        return out

    def total(self, count: Counts) -> Evaluation:
        """The sum over `count` customers a history, who all share their parameters."""
        hessian = np.einsum("in,kn->ik", self.slopes * (count * self.spread), self.slopes)
        for (i, k), curve in self.curves.items():
            hessian[i, k] += weighted_sum(count, curve)
            hessian[k, i] = hessian[i, k]
        value = float(weighted_sum(count, self.value))
        return Evaluation(value, weighted_sum(count, self.gradient), hessian)

    def plus(self, terms: Terms) -> Derivatives:
        """These and further terms of the same histories."""
        curves = self.curves | {
            pair: self.curves.get(pair, 0.0) + curve for pair, curve in terms.curves.items()
        }
        value, gradient = self.value + terms.value, self.gradient + terms.gradient
        return Derivatives(value, gradient, self.spread, self.slopes, curves)

    def in_logs(self, parameters: tuple[float | Array, ...]) -> Derivatives:
        """The derivatives in the logarithms of the parameters: numbers, or one for each row."""
        natural = np.stack([np.broadcast_to(p, self.value.shape) for p in parameters])
        gradient, slopes = natural * self.gradient, natural * self.slopes
        curves = {(i, k): natural[i] * natural[k] * c for (i, k), c in self.curves.items()}
        for i, own in enumerate(gradient):
            curves[i, i] = curves.get((i, i), 0.0) + own
        return Derivatives(self.value, gradient, self.spread, slopes, curves)


def added(parts: Iterable[Evaluation]) -> Evaluation:
    """The sum of what was found for each block of rows."""
    values, gradients, hessians = zip(*parts, strict=True)
    return Evaluation(sum(values), np.sum(gradients, axis=0), np.sum(hessians, axis=0))
