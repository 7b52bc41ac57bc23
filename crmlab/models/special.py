"""Sums and integrals that the models share, written so that nothing cancels or overflows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Array = NDArray[np.float64]
Counts = NDArray[np.int64]

DEPTH = 32.0  # a term exp(-32) = 1e-14 below the largest one is left out
GAP = 0.5  # in logit p, between where f may still move and where the line bends
LEAST = -200.0  # ln p: nothing that is averaged still changes below
STEP = 0.7  # of the rule in logit p, in standard deviations of a narrow peak
NODES_AT_ONCE = 8192  # they fit into the processor's cache
MOST_KEYS = 2**62


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


def weighted_sum(count: Counts | Array, values: Array) -> Array:
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

    Returns (columns of the distinct rows in lexicographic order, inverse, counts). The columns'
    ranks make one whole number a row, because those are grouped more quickly than rows.
    """
    arrays = [np.asarray(c, dtype=float) for c in columns]
    if arrays[0].size == 0:
        return arrays, np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.int64)
    key, size = np.zeros(len(arrays[0]), dtype=np.int64), 1
    for column in arrays:
        rank, ranks = _ranked(column)
        if size * ranks > MOST_KEYS:
            key, counts = _grouped(key, size)
            size = len(counts)
        key, size = key * ranks + rank, size * ranks
    inverse, counts = _grouped(key, size)
    where = np.empty(len(counts), dtype=np.intp)
    where[inverse] = np.arange(len(inverse))
    return [c[where] for c in arrays], inverse, counts


def _ranked(values: Array) -> tuple[Counts, int]:
    """Whole numbers from 0 in the order of `values`, and a number that none of them reaches."""
    low, high = values.min(), values.max()
    few = bool(np.isfinite([low, high]).all()) and high - low < len(values)
    if few and (values == np.floor(values)).all():
        return (values - low).astype(np.int64), int(high - low) + 1
    distinct, rank = np.unique(values, return_inverse=True)
    return rank, len(distinct)


def _grouped(key: Counts, size: int) -> tuple[NDArray[np.intp], Counts]:
    """The rank of each key, 0 to size - 1, among those that occur, and how often each occurs."""
    if size > 4 * len(key):
        _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
        return inverse, counts
    counts = np.bincount(key, minlength=size)
    occurs = counts > 0
    return (np.cumsum(occurs) - 1)[key], counts[occurs]


def blocks(nodes: Counts, most: int) -> Iterator[tuple[NDArray[np.intp], int]]:
    """Rows that need the same number of nodes, at most `most` nodes at a time, and that number.

    A row's number depends on itself alone, so its result does not depend on who else is asked.
    """
    for n in np.flatnonzero(np.bincount(nodes)):
        rows = np.flatnonzero(nodes == n)
        length = max(1, most // int(n))
        for i in range(0, len(rows), length):
            yield rows[i : i + length], int(n)


def beta_mean(
    f: Callable[[Array, NDArray[np.intp]], Array],
    a: float | Array,
    b: Array,
    *,
    power: Array,
    scale: Array,
) -> Array:
    """E[f(p)], p ~ Beta(a, b), one for each b; `f(p, rows)` takes the nodes of some rows.

    Where f gives several values a node, they are along its first axes, and the means too.

    By the trapezoidal rule on a line that bends towards logit p (see _Line). Made for functions
    between 1 and (1 + scale p)^-power; `b`, `power` and `scale` are arrays of one length, `a` too
    or one number. The integrand is analytic in a strip around the line, so the error falls
    exponentially with the step (Trefethen & Weideman 2014).

    Against the rule in logit p itself with a step of 0.2 and limits of 1e-18, at 100,000 random
    points (a and b 1e-4 to 1e4, powers 1e-3 to 1e4, scales 1e-7 to 1e7): worst relative error
    1.1e-12; where a and b are above 0.1, powers to 500 and scales to 1,000: 4e-13.
    """
    a = np.broadcast_to(a, b.shape)
    line, step = _line(a, b, power, scale)
    nodes = 8 * np.ceil((line.right - line.left) / step / 8).astype(np.int64)
    out = np.empty(b.shape)
    for rows, n in blocks(nodes, NODES_AT_ONCE):
        p, weight = _beta_nodes(a[rows], b[rows], line.of(rows), n)
        mean = np.einsum("ij,...ij->...i", weight, f(p, rows))
        if mean.ndim > out.ndim:
            out = np.empty((*mean.shape[:-1], len(b)))
        out[..., rows] = mean
    return out


class _Line(NamedTuple):
    """The line of v on which a rule's nodes are even, one row each: its ends, and where it bends.

    y = logit p = v - exp(bend_left - v) + exp(v - bend_right): y = v between the bends, and beyond
    them the tails exp(a y) and exp(-b y), however slowly they fall, are soon passed.
    """

    left: Array
    right: Array
    bend_left: Array
    bend_right: Array

    def of(self, rows: NDArray[np.intp]) -> _Line:
        return _Line(*(column[rows, None] for column in self))


def _beta_nodes(a: Array, b: Array, line: _Line, n: int) -> tuple[Array, Array]:
    """Nodes p and weights of the rule with `n` steps, normalised by the rule itself."""
    v = line.left + (line.right - line.left) / n * np.arange(n + 1)
    below, above = np.exp(line.bend_left - v), np.exp(v - line.bend_right)
    y = v - below + above
    larger = np.log1p(np.exp(-np.abs(y)))  # -ln of the larger of p and 1 - p
    log_p = np.minimum(y, 0) - larger
    log_weight = a[:, None] * log_p - b[:, None] * (np.maximum(y, 0) + larger)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True)) * (1 + below + above)
    return np.exp(np.maximum(log_p, LEAST)), weight / weight.sum(axis=1, keepdims=True)


def _line(a: Array, b: Array, power: Array, scale: Array) -> tuple[_Line, Array]:
    """The line of each row's rule, and its longest step."""
    none = np.zeros_like(b)
    peak, plain_peak = _peak(a, b, power, scale), np.log(a / b)
    first = _edge(a, b, power, scale, peak, side=-1)
    last = _edge(a, b, none, scale, plain_peak, side=1)
    # Beyond the bends f and the other coin's factor hardly move.
    bend_left = np.minimum(peak, -np.log(1 + a + b + (1 + power) * scale)) - GAP
    bend_right = np.maximum(plain_peak, np.log(1 + a + b + power)) + GAP
    left = np.maximum(first, bend_left) - np.log1p(np.maximum(bend_left - first, 0))
    right = np.minimum(last, bend_right) + np.log1p(np.maximum(last - bend_right, 0))
    steps = _step(a, b, power, scale, peak), _step(a, b, none, scale, plain_peak)
    return _Line(left, right, bend_left, bend_right), np.minimum(*steps)


def _peak(a: Array, b: Array, power: Array, scale: Array) -> Array:
    """Logit of the p at which p^a (1 - p)^b (1 + scale p)^-power is largest: a quadratic's root."""
    square, linear = scale * (power - a - b), scale * (a - power) - a - b
    root = np.sqrt(linear**2 - 4 * square * a)
    below = linear <= 0
    p = np.divide(2 * a, root - linear, out=np.ones_like(b), where=below)
    p = np.divide(-linear - root, 2 * square, out=p, where=~below)
    p = np.clip(p, np.finfo(float).tiny, 1 - 1e-16)
    out: Array = np.log(p) - np.log1p(-p)
    return out


def _log_density(y: Array, a: Array, b: Array, power: Array, scale: Array) -> Array:
    """ln of the integrand in y = logit p, without its constant; concave in y."""
    log_p, log_q = -softplus(-y), -softplus(y)
    out: Array = a * log_p + b * log_q - power * np.log1p(scale * np.exp(log_p))
    return out


def _slope(y: Array, a: Array, b: Array, power: Array, scale: Array) -> Array:
    p, q = expit(y), expit(-y)
    out: Array = a * q - b * p - power * scale * p * q / (1 + scale * p)
    return out


def _edge(a: Array, b: Array, power: Array, scale: Array, peak: Array, *, side: int) -> Array:
    """A place on one side of the peak where the integrand has fallen by exp(-DEPTH) or more.

    Newton's method from outside, where a concave function's tangents stay below it: every step
    is closer, and none too close.
    """
    floor = _log_density(peak, a, b, power, scale) - DEPTH
    y = floor / a if side < 0 else -floor / b
    for _ in range(6):
        gap = floor - _log_density(y, a, b, power, scale)
        y = np.where(gap > 0, y + gap / _slope(y, a, b, power, scale), y)
    return y


def _step(a: Array, b: Array, power: Array, scale: Array, peak: Array) -> Array:
    """Step of the rule.

    Near a peak like p^a exp(-b p) the error is |G(a + 2 pi i / step)| / G(a): below 1e-12 with this
    step for every a.
    """
    p = expit(peak)
    u = scale * p / (1 + scale * p)
    curvature = (a + b) * p * (1 - p) + power * u * (1 - u)
    step: Array = STEP / np.sqrt(4.5 + curvature)
    return step


def softplus(y: Array) -> Array:
    """ln(1 + exp(y)), three times as quick as NumPy's logaddexp; 0 at -inf."""
    out: Array = np.maximum(y, 0) + np.log1p(np.exp(-np.abs(y)))
    return out


def softplus_and_share(y: Array) -> tuple[Array, Array]:
    """ln(1 + exp(y)) and exp(y) / (1 + exp(y)), from one exponential."""
    small = np.exp(-np.abs(y))
    share = np.where(y > 0, 1.0, small) / (1 + small)
    return np.maximum(y, 0) + np.log1p(small), share


def relative_expm1(z: Array) -> Array:
    """(exp(z) - 1) / z, and 1 at z = 0."""
    return np.divide(np.expm1(z), z, out=np.ones_like(z), where=z != 0)


class TimeRule(NamedTuple):
    """Nodes u and weights of an integral over time, one row for each of `rows`' horizons."""

    rows: NDArray[np.intp]
    u: Array
    weight: Array


def discounting_rules(
    rate: float, horizon: Array, unit: Array, nodes: int | Array | None = None
) -> Iterator[TimeRule]:
    """Gauss-Legendre rules for integrals of exp(-rate u) f(u) over (0, horizon), some rows each.

    For f that changes on the scale `unit` first and by powers of u later: the rule is even in
    ln(1 + u / unit). The horizon may be infinite where rate > 0. Without `nodes`, as many as
    falling powers need: at most 6e-13 away from 100 nodes or more, at 560,000 random points.
    """
    if rate > 0:
        horizon, unit = np.minimum(horizon, 45 / rate), np.minimum(unit, 1 / rate)
    if not np.isfinite(horizon).all():
        raise ValueError("without discounting the horizon must be finite")
    width = np.log1p(horizon / unit)
    needed = 8 + 4 * np.ceil(width) if nodes is None else np.full(width.shape, nodes)
    for rows, n in blocks(needed.astype(np.int64), NODES_AT_ONCE):
        wide, start = width[rows, None], unit[rows, None]
        place, weight = gauss_legendre(n)
        u = start * np.expm1(wide * place)
        yield TimeRule(rows, u, wide * weight * (start + u) * np.exp(-rate * u))


@functools.cache
def gauss_legendre(n: int) -> tuple[Array, Array]:
    """Nodes and weights of the Gauss-Legendre rule on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(n)
    return (x + 1) / 2, w / 2
