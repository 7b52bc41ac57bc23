"""Sums and integrals that the models share, written so that nothing cancels or overflows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

DEPTH = 44.0  # a term exp(-44) = 8e-20 below the largest one is left out
REACH = 700.0  # exp(700) is the largest power that a float holds


def log_rising(shape: float | Array, n: Counts) -> tuple[Array, Array, Array]:
    """ln G(shape + n) / G(shape) for whole n >= 0, and its first two derivatives in `shape`.

    Sums of logarithms, no gammaln, so no cancellation at large `shape`; which is one number, or
    one for each n.
    """
    k = shape + np.arange(n.max(initial=0)) if np.ndim(shape) == 0 else _steps(shape, n)
    return _summed(np.log(k), n, shape), _summed(1 / k, n, shape), _summed(-1 / k**2, n, shape)


def log_survived(a: float | Array, b: float | Array, n: Counts) -> Array:
    """ln B(a, b + n) / B(a, b): a coin of dropout probability Beta(a, b) comes up 'stay' n times.

    Written as -sum of log1p(a / (b + i)), i < n, which stays exact when a and b are huge; they
    are numbers, or arrays with one for each n.
    """
    if np.ndim(b) == 0:
        return _summed(-np.log1p(a / (b + np.arange(n.max(initial=0)))), n, b)
    return _summed(-np.log1p(np.repeat(np.broadcast_to(a, n.shape), n) / _steps(b, n)), n, b)


def _steps(shape: float | Array, n: Counts) -> Array:
    """shape, shape + 1, ..., shape + n - 1 of each row, one row after the other."""
    begin = np.cumsum(n) - n
    out: Array = np.repeat(shape, n) + (np.arange(n.sum()) - np.repeat(begin, n))
    return out


def _summed(terms: Array, n: Counts, shape: float | Array) -> Array:
    """The sum of the first n terms of one common list, or of each row's own n terms."""
    if np.ndim(shape) == 0:
        return np.concatenate(([0.0], np.cumsum(terms)))[n]
    row = np.repeat(np.arange(len(n)), n)
    return np.bincount(row, weights=terms, minlength=len(n)).astype(float)


def weighted_sum(count: Counts, values: Array) -> Array:
    """Sum over the last axis with weights. Not by BLAS: its threads cost more than so small a sum,
    on a busy machine a hundred times, and their number would change the last bit.
    """
    out: Array = np.einsum("n,...n->...", count, values)
    return out


def at_rows(values: float | Array, rows: Counts | slice) -> float | Array:
    """A parameter of some of the rows: the number that it is for all, or theirs."""
    return values if np.ndim(values) == 0 else np.asarray(values)[rows]


def unique_rows(*columns: ArrayLike) -> tuple[list[Array], NDArray[np.intp], Counts]:
    """Distinct rows of equally long columns, the row each entry belongs to, and how often it comes.

    Returns (columns of the distinct rows in lexicographic order, inverse, counts).
    """
    arrays = [np.asarray(c, dtype=float) for c in columns]
    if arrays[0].size == 0:
        return arrays, np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64)
    order = np.lexsort(arrays[::-1])
    ordered = [c[order] for c in arrays]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([c[1:] != c[:-1] for c in ordered], axis=0)
    inverse = np.empty(len(order), dtype=np.intp)
    inverse[order] = np.cumsum(new) - 1
    counts = np.diff(np.append(np.flatnonzero(new), len(order)))
    return [c[new] for c in ordered], inverse, counts


class BetaRule(NamedTuple):
    """Nodes p and weights for E[f(p)], p ~ Beta(a, b): one row for each b."""

    p: Array
    weight: Array

    def mean(self, f: Array) -> Array:
        """Expectation of f, given at the nodes; one value a row."""
        total: Array = np.einsum("ij,ij->i", self.weight, f)
        return total


def beta_rule(a: float | Array, b: Array, *, power: Array, scale: Array) -> BetaRule:
    """Trapezoidal rule in logit p for means over p ~ Beta(a, b), one row for each b.

    Made for functions between 1 and (1 + scale p)^-power; `b`, `power` and `scale` are arrays of
    one length, `a` too or one number. The integrand is analytic in a strip around the real line,
    so the error falls exponentially with the step (Trefethen & Weideman 2014).
    Weights are normalised by the rule itself; the tails, where f no longer moves and the weights
    fall as exp(a y) and exp(-b y), are summed in closed form.
    """
    a = np.broadcast_to(a, b.shape)
    left, peak = _support(a, b, power, scale, side=-1)
    right, plain_peak = _support(a, b, np.zeros_like(b), scale, side=1)
    # Beyond these limits f and the other coin's factor are constant to 1e-17.
    left = np.maximum(left, np.minimum(-np.log(1e17 * (1 + a + b + (1 + power) * scale)), peak - 1))
    right = np.minimum(right, np.maximum(np.log(1e17 * (1 + a + b + power)), plain_peak + 1))
    step = np.minimum(_step(a, b, power, scale, peak), _step(a, b, 0 * b, scale, plain_peak))
    m = int(np.ceil(np.max((right - left) / step))) + 1
    y = np.linspace(left, right, m, axis=1)
    log_p, log_q = -np.logaddexp(0, -y), -np.logaddexp(0, y)
    log_weight = a[:, None] * log_p + b[:, None] * log_q
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    width = (right - left) / (m - 1)
    weight[:, 0] /= -np.expm1(-a * width)
    weight[:, -1] /= -np.expm1(-b * width)
    return BetaRule(np.exp(log_p), weight / weight.sum(axis=1, keepdims=True))


def _log_density(y: Array, a: Array, b: Array, power: Array, scale: Array) -> Array:
    """ln of the integrand in y = logit p, without its constant; concave in y."""
    softplus = np.logaddexp(0, y)
    out: Array = a * (y - softplus) - b * softplus - power * np.log1p(scale * np.exp(y - softplus))
    return out


def _slope(y: Array, a: Array, b: Array, power: Array, scale: Array) -> Array:
    p = 1 / (1 + np.exp(-y))
    out: Array = a * (1 - p) - b * p - power * scale * p * (1 - p) / (1 + scale * p)
    return out


def _support(a: Array, b: Array, power: Array, scale: Array, *, side: int) -> tuple[Array, Array]:
    """Where the integrand has fallen by exp(-DEPTH) on one side of its peak, and the peak."""
    low, high = np.full_like(b, -REACH), np.full_like(b, REACH)
    for _ in range(60):
        middle = (low + high) / 2
        rising = _slope(middle, a, b, power, scale) > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    peak = (low + high) / 2
    floor = _log_density(peak, a, b, power, scale) - DEPTH
    inside, outside = peak.copy(), np.full_like(b, REACH * side)
    for _ in range(20):  # to a thousandth: only a limit
        middle = (inside + outside) / 2
        above = _log_density(middle, a, b, power, scale) > floor
        inside, outside = np.where(above, middle, inside), np.where(above, outside, middle)
    return outside, peak


def _step(a: Array, b: Array, power: Array, scale: Array, peak: Array) -> Array:
    """Step of the rule: a fifth, or less where the peak is narrow; the error is below 1e-15."""
    p = 1 / (1 + np.exp(-peak))
    u = scale * p / (1 + scale * p)
    curvature = (a + b) * p * (1 - p) + power * u * (1 - u)
    step: Array = np.minimum(0.2, 0.5 / np.sqrt(curvature))
    return step


def relative_expm1(z: Array) -> Array:
    """(exp(z) - 1) / z, and 1 at z = 0."""
    return np.divide(np.expm1(z), z, out=np.ones_like(z), where=z != 0)


class TimeRule(NamedTuple):
    """Nodes u and weights of an integral over time, one row for each horizon."""

    u: Array
    weight: Array


def discounting_rule(
    rate: float, horizon: Array, unit: Array, nodes: int | None = None
) -> TimeRule:
    """Gauss-Legendre rule for integrals of exp(-rate u) f(u) over (0, horizon).

    For f that changes on the scale `unit` first and by powers of u later: the rule is even in
    ln(1 + u / unit). The horizon may be infinite where rate > 0. Without `nodes`, as many as
    11 digits need for falling powers.
    """
    if rate > 0:
        horizon, unit = np.minimum(horizon, 45 / rate), np.minimum(unit, 1 / rate)
    if not np.isfinite(horizon).all():
        raise ValueError("without discounting the horizon must be finite")
    width = np.log1p(horizon / unit)
    place, weight = gauss_legendre(nodes or int(np.ceil(20 + 4 * width.max(initial=0))))
    u = unit[:, None] * np.expm1(width[:, None] * place)
    return TimeRule(u, width[:, None] * weight * (unit[:, None] + u) * np.exp(-rate * u))


def gauss_legendre(n: int) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Legendre rule on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2
