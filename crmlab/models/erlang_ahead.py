"""Formulas of BG/CNBD-k and MBG/CNBD-k about the future of a customer who is alive.

A customer in phase j (j events since the last purchase) with lambda ~ Gamma(s + j, A) has N events
in (0, t], N negative binomial, and has bought F = floor((N + j) / k) times, if every coin said
stay. With q = 1 - p the probability of staying, p ~ Beta(a, B), survival is E[q^F] and the expected
purchases are E[1 + q + ... + q^(F - 1)].
Both are summed over F where the sum is short: positive terms only. Where it is long, E[q^F] is
taken in closed form by the k-th roots v of q, from E[v^N] = (1 + (1 - v) t / A)^-(s + j), and
averaged over p; but where q is small, roots would cancel, and the sum over F is short again.
Every function returns k rows, one a phase; the columns are the customers. Times are in any unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, xlogy

from crmlab.models.special import Array, Counts, beta_mean, discounting_rules, log_survived

LONGEST = 4096  # events; beyond, the closed form is quicker than the sum
CELLS = 1_000_000  # numbers in memory at a time: events x customers
DEPTH = 44.0  # a tail of exp(-44) = 8e-20 is left out
SMALL = 1 / 64  # q below which it is summed over F
UNDERFLOW = -600.0  # ln of a probability from which products are still safe
FEW = 10  # purchases after which SMALL^F is below 1e-17


def pmf_if_alive(m: Array, t: Array, s: Array, A: Array, a: float, B: Array, k: int) -> Array:
    """Probability of m purchases in (0, t]: m of them and m coins that said stay, or at least m
    and the m-th coin said leave.
    """
    stays = _stays(a, B, int(m.max(initial=0)) + 1)
    row, n = np.arange(len(m)), m.astype(np.int64)
    stayed = stays[row, n]
    left = stays[row, np.maximum(n - 1, 0)] * a / (a + B + np.maximum(m - 1, 0))
    out = np.empty((k, len(m)))
    for j in range(k):
        exactly = _between(np.maximum(m * k - j, 0), m * k + k - j, s + j, t / A)
        at_least = betainc(np.maximum(m * k - j, 1), s + j, t / (A + t))
        out[j] = exactly * stayed + np.where(m > 0, at_least * left, 0.0)
    return out


def _between(first: Array, end: Array, s: Array, y: Array) -> Array:
    """Probability of first, first + 1, ..., end - 1 negative binomial events."""
    z = y / (1 + y)
    log_binomial = gammaln(s + first) - gammaln(s) - gammaln(first + 1)
    term = np.exp(log_binomial - s * np.log1p(y) + xlogy(first, z))
    total = term.copy()
    for i in range(1, int((end - first).max(initial=0))):
        n = first + i
        term = term * z * (s + n - 1) / n
        total += np.where(n < end, term, 0.0)
    out: Array = total
    return out


def purchases_if_alive(t: Array, s: Array, A: Array, a: float, B: Array, k: int) -> Array:
    """Expected purchases in (0, t], E[(1 - q^F) / p]; for t infinite (a + B - 1) / (a - 1)."""
    out = np.full((k, len(t)), np.inf)
    if a > 1:
        out[:] = (a + B - 1) / (a - 1)
    some = np.isfinite(t)
    y, s, B = t[some] / A[some], s[some], B[some]

    def counted(stays: Array) -> Array:
        return np.cumsum(stays, axis=1) - stays

    def by_roots(p: Array, log_main: Array, rest: Array) -> Array:
        return -np.expm1(log_main) / p - rest

    out[:, some] = _mean(counted, by_roots, y, s, a, B, k, power=np.ones_like(s), scale=s * y)
    return out


def survival_if_alive(t: Array, s: Array, A: Array, a: float, B: Array, k: int) -> Array:
    """Probability of not having dropped out by t: E[q^F]."""

    def as_it_is(stays: Array) -> Array:
        return stays

    def by_roots(p: Array, log_main: Array, rest: Array) -> Array:
        return np.exp(log_main) + p * rest

    y = t / A
    return _mean(as_it_is, by_roots, y, s, a, B, k, power=s, scale=y)


def life_if_alive(t: Array, s: Array, A: Array, a: float, B: Array, k: int) -> Array:
    """Expected time until dropout, at most t: the integral of survival.

    For t infinite the mean, (k (a + B - 1) / (a - 1) - j) A / (s + j - 1) in phase j, which is
    infinite unless s + j and a are above 1.
    """
    out = np.full((k, len(t)), np.inf)
    for j in range(k):
        mean = np.isinf(t) & (s + j > 1) & (a > 1)
        events = k * (a + B[mean] - 1) / (a - 1) - j
        out[j, mean] = events * A[mean] / (s[mean] + j - 1)
    some = np.isfinite(t)
    out[:, some] = _integral(survival_if_alive, 0.0, None, t[some], s[some], A[some], a, B[some], k)
    return out


def discounted_if_alive(
    rate: float, t: Array, s: Array, A: Array, a: float, B: Array, k: int,
    *, nodes: int | None = None,
) -> Array:  # fmt: skip
    """Discounted expected purchases in (0, t] at a continuous rate.

    By parts, from the expected purchases E(u): exp(-rate t) E(t) + rate x the integral of
    exp(-rate u) E(u), all positive.
    """
    if rate == 0:
        return purchases_if_alive(t, s, A, a, B, k)
    end = np.minimum(t, 45 / rate)
    total = np.exp(-rate * end) * purchases_if_alive(end, s, A, a, B, k)
    total += rate * _integral(purchases_if_alive, rate, nodes, end, s, A, a, B, k)
    return total


def discounted_life_if_alive(
    rate: float, t: Array, s: Array, A: Array, a: float, B: Array, k: int,
    *, nodes: int | None = None,
) -> Array:  # fmt: skip
    """Discounted expected time until dropout in (0, t]: the integral of exp(-rate u) survival(u).

    Undiscounted and to infinity the mean, as `life_if_alive` has it.
    """
    if rate == 0 and nodes is None:
        return life_if_alive(t, s, A, a, B, k)
    end = np.minimum(t, 45 / rate) if rate else t
    return _integral(survival_if_alive, rate, nodes, end, s, A, a, B, k)


def _integral(
    formula: Callable[..., Array], rate: float, nodes: int | None, t: Array, s: Array, A: Array,
    a: float, B: Array, k: int,
) -> Array:  # fmt: skip
    """Integral of exp(-rate u) formula(u) over (0, t)."""
    unit = A / (s + 1)
    needed = np.ceil(20 + (4 + 0.75 * k) * np.log1p(t / unit)) if nodes is None else nodes
    total = np.zeros((k, len(t)))
    for rows, u, weight in discounting_rules(rate, t, unit, needed):
        for moment, share in zip(u.T, weight.T, strict=True):
            total[:, rows] += share * formula(moment, s[rows], A[rows], a, B[rows], k)
    return total


def _mean(
    counted: Callable[[Array], Array], by_roots: Callable[[Array, Array, Array], Array],
    y: Array, s: Array, a: float, B: Array, k: int, *, power: Array, scale: Array,
) -> Array:  # fmt: skip
    """A mean over N and p, in the way that suits each customer; y = t / A.

    `counted` makes the values at F = 0, 1, ... from the means of q^F; `by_roots` the value given p
    from the main root's term and the others'; `power` and `scale` are those of beta_mean.
    """
    out = np.empty((k, len(y)))
    for events, rows in _alike(_events_needed(s + k, y, k)):
        if events > LONGEST:
            few, out[:, rows] = _at_length(
                by_roots, y[rows], s[rows], a, B[rows], k, power=power[rows], scale=scale[rows]
            )
            stays = few.T
        else:
            stays = _stays(a, B[rows], events // k + 2)
        bought = _bought(s[rows], y[rows], k, stays.shape[1] - 1)
        summed = np.einsum("im,kim->ki", counted(stays), bought)
        out[:, rows] = out[:, rows] + summed if events > LONGEST else summed
    return out


def _at_length(
    by_roots: Callable[[Array, Array, Array], Array],
    y: Array, s: Array, a: float, B: Array, k: int, *, power: Array, scale: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """E[q^m; q < SMALL], m = 0 ... FEW (rows), and the mean of `by_roots` where q is not small."""

    def f(p: Array, rows: NDArray[np.intp]) -> Array:
        small, capped = 1 - p < SMALL, np.minimum(p, 1 - SMALL)
        powers = np.where(small, 1 - p, 0.0) ** np.arange(FEW + 1)[:, None, None]
        powers[0] = small
        given = by_roots(capped, *_roots(capped, s[rows, None], y[rows, None], k))
        return np.concatenate([powers, np.where(small, 0.0, given)])

    found = beta_mean(f, a, B, power=power, scale=scale)
    return found[: FEW + 1], found[FEW + 1 :]


def _stays(a: float, B: Array, size: int) -> Array:
    """E[q^m], p ~ Beta(a, B), for m = 0 ... size - 1 (columns) and each B (rows)."""
    distinct, inverse = np.unique(B, return_inverse=True)
    m = np.arange(size)
    table = [np.exp(log_survived(a, float(value), m)) for value in distinct]
    return np.array(table).reshape(-1, size)[inverse]


def _events_needed(s: Array, y: Array, k: int) -> Counts:
    """How many events hold all but exp(-DEPTH) of what comes after the first k; rounded up to a
    power of two, and 2 LONGEST for all that is longer than LONGEST.

    By the Chernoff bound of the negative binomial distribution.
    """
    mean = np.maximum(s * y, 1e-300)

    def depth(n: Array) -> Array:
        """Minus ln of the bound of P(N >= n)."""
        out: Array = n * np.log(n / mean) - (n + s) * np.log((n + s) / (mean + s))
        return out

    begin = np.maximum(mean, 2.0 * k)
    floor = depth(begin) + DEPTH
    size = np.full(y.shape, 2 * LONGEST)
    for power in range(int(np.log2(LONGEST)), 4, -1):
        enough = (begin < 2**power) & (depth(np.maximum(begin, 2.0**power)) >= floor)
        size[enough] = 2**power
    return size


def _alike(size: Counts) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Customers who need as many events, as many at a time as memory holds."""
    for value in np.unique(size):
        rows = np.flatnonzero(size == value)
        step = max(1, CELLS // int(value))
        for i in range(0, len(rows), step):
            yield int(value), rows[i : i + step]


def _bought(s: Array, y: Array, k: int, size: int) -> Array:
    """P(F = 0), ..., P(F = size - 1) and P(F >= size): k phases x customers x (size + 1)."""
    z = y / (1 + y)
    events, step = _events(s, y, size * k), s[:, None] + np.arange(size * k)
    scale = np.ones_like(s)
    out = np.empty((k, len(y), size + 1))
    for j in range(k):
        first = np.concatenate(([0], np.arange(k - j, size * k - j, k)))
        sums = np.add.reduceat(events[:, : size * k - j], first, axis=1)
        out[j, :, :size] = scale[:, None] * sums
        out[j, :, size] = betainc(size * k - j, s + j, z)
        events *= step  # to the distribution with s + j + 1, but for a factor
        step += 1
        scale = scale / ((s + j) * (1 + y))
    return out


def _events(s: Array, y: Array, size: int) -> Array:
    """Probability of n = 0 ... size - 1 negative binomial events (columns); customers in rows."""
    n = np.arange(size)
    begin = -s * np.log1p(y)
    ratio = np.ones((len(y), size))
    np.divide(s[:, None] + n[:-1], n[1:], out=ratio[:, 1:])
    ratio[:, 1:] *= (y / (1 + y))[:, None]
    if begin.min(initial=0) > UNDERFLOW:
        ratio[:, 0] = np.exp(begin)
        return np.cumprod(ratio, axis=1, out=ratio)
    with np.errstate(divide="ignore"):  # at y = 0 there is no event: exp(-inf)
        log_ratio = np.log(ratio, out=ratio)
    log_ratio[:, 0] = begin
    return np.exp(np.cumsum(log_ratio, axis=1, out=log_ratio), out=log_ratio)


def _roots(p: Array, s: Array, y: Array, k: int) -> tuple[Array, Array]:
    """E[q^F] given p is exp(main) + p x rest: main from the real root of q, rest from the others.

    E[q^F] = p / (k q) x sum over v^k = q of v^(j + 1) / (1 - v) (1 + y (1 - v))^-(s + j).
    """
    h, phase = -np.log1p(-p), np.arange(k)[:, None, None]
    reach = np.log1p(-y * np.expm1(-h / k))
    factor = (k - 1) * h / (2 * k) + _log_sinhc(h / 2) - _log_sinhc(h / (2 * k))
    main = factor - phase * h / k - (s + phase) * reach
    rest = np.zeros_like(main)
    for i in range(1, k // 2 + 1):
        v = np.exp(-h / k) * np.exp(2j * np.pi * i / k)
        away = np.log1p(y * (1 - v))
        term = v / (1 - v) * np.exp(-s * away)
        for j in range(k):
            rest[j] += (1 if 2 * i == k else 2) * term.real
            term = term * v * np.exp(-away)
    out: Array = rest / (k * (1 - p))
    return main, out


def _log_sinhc(x: Array) -> Array:
    """ln(sinh(x) / x) for 0 <= x <= 3, to full precision near 0."""
    term, total = x**2 / 6, x**2 / 6
    for n in range(2, 16):
        term = term * x**2 / (2 * n * (2 * n + 1))
        total = total + term
    out: Array = np.log1p(total)
    return out
