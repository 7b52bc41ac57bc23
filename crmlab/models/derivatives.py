"""Slopes and curvatures of each history's log-likelihood, from which every fit is summed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from crmlab.models.fitting import Evaluation
from crmlab.models.special import Array, Counts, weighted_sum

BLOCK = 4096  # rows at a time: what is computed of them stays in the processor's cache


class Derivatives(NamedTuple):
    """Log-likelihood of each of n histories, with its derivatives in the p parameters of that row.

    Shapes (n,), (p, n) and (p, p, n).
    """

    value: Array
    gradient: Array
    hessian: Array

    def total(self, count: Counts) -> Evaluation:
        """The sum over `count` customers a history, who all share their parameters."""
        value, gradient, hessian = (weighted_sum(count, part) for part in self)
        return Evaluation(float(value), gradient, hessian)

    def in_logs(self, parameters: tuple[float | Array, ...]) -> Derivatives:
        """The derivatives in the logarithms of the parameters: numbers, or one for each row."""
        natural = np.stack([np.broadcast_to(p, self.value.shape) for p in parameters])
        slope = natural * self.gradient
        bend = natural[:, None] * natural * self.hessian
        for i in range(len(slope)):
            bend[i, i] += slope[i]
        return Derivatives(self.value, slope, bend)


def slices(n: int) -> Iterator[slice]:
    """n rows, a block at a time."""
    return (slice(i, i + BLOCK) for i in range(0, n, BLOCK))


def added(parts: Iterable[Evaluation]) -> Evaluation:
    """The sum of what was found for each block of rows."""
    values, gradients, hessians = zip(*parts, strict=True)
    return Evaluation(sum(values), np.sum(gradients, axis=0), np.sum(hessians, axis=0))
