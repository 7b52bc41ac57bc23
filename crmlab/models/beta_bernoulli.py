"""Formulas of the BG/BB model (Fader, Hardie & Shang 2010): discrete opportunities to buy.

At the start of each opportunity a customer who is still there leaves with probability
theta ~ Beta(gamma, delta), and otherwise buys at it with probability p ~ Beta(alpha, beta).
Given x purchases in n opportunities and being there at opportunity n + 1, p ~ Beta(alpha + x,
beta + n - x) and theta ~ Beta(gamma, delta + n + 1), independently. Everything below is a sum of
positive terms over the last opportunity that the customer saw, each term a product of whole-number
steps: no gamma function, so nothing cancels at large parameters, and nothing is singular, at
gamma = 1 either. A new customer is the history (0, 0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.models.fitting import Evaluation
from crmlab.models.special import Array, Counts, beta_mean, log_rising, log_survived, unique_rows

BLOCK = 2**18  # entries of the largest matrix that is made at once
LONGEST = 2.0**22  # opportunities ahead that are added one by one
SLOWEST = 1e-8  # rate a period for which the continued fraction is short enough
Reals = NDArray[np.floating[Any]]
SURE = 1 - 2.0**-53  # the last probability below one


class Parameters(NamedTuple):
    """Purchase coin p ~ Beta(alpha, beta) and dropout coin theta ~ Beta(gamma, delta)."""

    alpha: float
    beta: float
    gamma: float
    delta: float


class Terms(NamedTuple):
    """One row a history, one column i for each opportunity that may have been the last one seen.

    `left`: ln P(the i-th is the last one seen); in a row's last column, ln P(all are seen); beyond
    it, -inf. `silent`: ln P(what was bought at those seen), given how many were.
    """

    left: Array
    silent: Array

    def log_sum(self) -> Array:
        """ln of the sum over the row, to full relative precision also where it is near 0."""
        total = self.left + self.silent
        top = total.max(axis=1)
        plain: Array = top + np.log(_cumulated(np.exp(total - top[:, None]))[:, -1])
        # The probabilities in `left` sum to one, so where `silent` <= 0 the rest is 1 - sum.
        rest = _cumulated(np.exp(self.left) * -np.expm1(np.minimum(self.silent, 0)))[:, -1]
        near_one = (rest < 0.5) & (self.silent <= 0).all(axis=1)
        return np.where(near_one, np.log1p(-np.where(near_one, rest, 0)), plain)


def log_stayed(a: Reals, b: Reals, n: Counts) -> Array:
    """ln B(a, b + n) / B(a, b), row by row: a coin of Beta(a, b) comes up 'stay' n times."""
    out = np.zeros(len(n))
    for rows in _blocks(n):
        i = np.arange(n[rows].max())
        steps = _cumulated(np.log1p(a[rows, None] / (b[rows, None] + i)))
        out[rows] = -steps[np.arange(len(rows)), n[rows]]
    return out


def last_seen(h: Parameters, x: Counts, t_x: Counts, n: Counts) -> Terms:
    """Terms of the history after its last purchase, given that the customer was there at t_x."""
    after = (h.alpha + x, h.beta + (t_x - x), h.delta + t_x)
    return _terms(*after, h.gamma, n - t_x, np.zeros_like(x))


def log_likelihood(h: Parameters, x: Counts, t_x: Counts, n: Counts) -> Array:
    """Log-likelihood of each ordered history: a sum of negative terms, so no digit is lost."""
    until = (
        log_survived(h.beta, h.alpha, x)
        + log_stayed(h.alpha + x, np.full(len(x), h.beta), t_x - x)
        + log_survived(h.gamma, h.delta, t_x)
    )
    return until + log_silence(h, x, t_x, n)


def log_silence(h: Parameters, x: Counts, t_x: Counts, n: Counts) -> Array:
    """ln P(no purchase in (t_x, n]), given x purchases until t_x, the last of them at t_x."""
    out = np.zeros(len(x))
    for rows in _blocks(n - t_x + 1):
        out[rows] = last_seen(h, x[rows], t_x[rows], n[rows]).log_sum()
    return out


def p_alive(h: Parameters, x: Counts, t_x: Counts, n: Counts, ahead: Counts) -> Array:
    """P(there at opportunity n + 1 + ahead), given the history up to opportunity n."""
    gap = n - t_x
    silent = log_stayed(h.alpha + x, h.beta + (t_x - x), gap)
    there = log_stayed(np.full(len(x), h.gamma), h.delta + t_x, gap + 1 + ahead)
    out: Array = np.exp(silent + there - log_silence(h, x, t_x, n))
    return out


def probability(
    h: Parameters, x: Counts, t_x: Counts, n: Counts, k: Counts, ahead: Counts
) -> Array:
    """P(k purchases in the opportunities n + 1 ... n + ahead), given the history."""
    out = np.zeros(len(x))
    none, some = k == 0, (k > 0) & (k <= ahead)
    before = (x[none], t_x[none])
    longer = log_silence(h, *before, n[none] + ahead[none])
    out[none] = np.exp(longer - log_silence(h, *before, n[none]))
    x, t_x, n, k, ahead = (v[some] for v in (x, t_x, n, k, ahead))
    out[some] = p_alive(h, x, t_x, n, np.zeros_like(n)) * _probability(h, x, n, k, ahead)
    return out


def _probability(h: Parameters, x: Counts, n: Counts, k: Counts, ahead: Counts) -> Array:
    """P(k > 0 purchases in `ahead` opportunities), given being there at the first of them."""
    a, b, d = h.alpha + x, h.beta + (n - x), h.delta + (n + 1)
    all_bought = log_stayed(b, a, k) + log_stayed(np.full(len(k), h.gamma), d, k - 1)
    out = np.zeros(len(k))
    for rows in _blocks(ahead - k + 1):
        after = ((a + k)[rows], b[rows], (d + (k - 1))[rows])
        terms = _terms(*after, h.gamma, (ahead - k)[rows], k[rows])
        out[rows] = np.exp(all_bought[rows] + terms.log_sum())
    return out


def _terms(bought: Reals, not_bought: Reals, stayed: Reals, gamma: float, *more: Counts) -> Terms:
    """Terms for `gap` further opportunities without a purchase.

    p ~ Beta(bought, not_bought) and theta ~ Beta(gamma, stayed) before them; among the silent
    opportunities, `ways` purchases of before may also have come in another order.
    """
    gap, ways = (v[:, None] for v in more)
    i = np.arange(gap.max(initial=0) + 1)
    silent = np.log1p(bought[:, None] / (not_bought[:, None] + i))
    if ways.any():  # the binomial coefficient (i + ways over i), step by step
        silent -= np.log1p(ways / (1 + i))
    there = np.log1p(gamma / (stayed[:, None] + i))
    leaves = np.where(i < gap, -np.log1p((stayed[:, None] + i) / gamma), 0.0)
    beyond = np.where(i > gap, -np.inf, 0.0)
    stays = -_cumulated(there)[:, :-1]
    return Terms(stays + leaves + beyond, -_cumulated(silent)[:, :-1])


def _cumulated(steps: Array) -> Array:
    """0 and the sums of the first 1, 2, ... entries of each row.

    One by one, so that no bit of a row depends on how long the others are.
    """
    out = np.zeros((len(steps), steps.shape[1] + 1))
    np.cumsum(steps, axis=1, out=out[:, 1:])
    return out


def _blocks(length: Counts, matrices: int = 1) -> Iterator[NDArray[np.intp]]:
    """Rows with something to do, in groups of like length, small enough for padded matrices."""
    order = np.argsort(-length, kind="stable")
    order = order[: np.count_nonzero(length)]
    start = 0
    while start < len(order):
        fitting = BLOCK // (matrices * int(length[order[start]]))
        rows = order[start : start + max(1, fitting)]
        start += len(rows)
        yield rows


def life(rate: float, h: Parameters, x: Counts, t_x: Counts, n: Counts, ahead: Array) -> Array:
    """Expected number of the next `ahead` opportunities that a customer sees, discounted."""
    (past, reach), inverse, _ = unique_rows(n, ahead)
    seen = opportunities_if_alive(rate, reach, h.gamma, h.delta + 1 + past)[inverse]
    alive = p_alive(h, x, t_x, n, np.zeros_like(n))
    # A P(alive) that underflows is still not zero: an infinite life stays infinite.
    return np.multiply(alive, seen, out=seen.copy(), where=np.isfinite(seen))


def opportunities_if_alive(rate: float, ahead: Array, gamma: float, stayed: Array) -> Array:
    """Expected number of the next `ahead` opportunities that a customer sees, discounted.

    Sum over j = 1 ... ahead of P(there at the j-th) (1 + rate)^-j, of a customer who is there at
    the first; theta ~ Beta(gamma, stayed). `ahead` may be infinite; without discounting the sum is
    then (gamma + stayed - 1) / (gamma - 1), or infinite for gamma <= 1.
    """
    if rate > 0:  # what lies beyond adds less than exp(-45) of the sum
        ahead = np.where(ahead > (45 - np.log(rate)) / np.log1p(rate), np.inf, ahead)
    out = np.full_like(ahead, np.inf)
    endless = np.isinf(ahead)
    if rate > 0:
        out[endless] = _endless(rate, gamma, stayed[endless])
    elif gamma > 1:
        out[endless] = (gamma - 1 + stayed[endless]) / (gamma - 1)
    for some, formula in ((ahead <= LONGEST, _one_by_one), (ahead > LONGEST, _by_quadrature)):
        asked = some & ~endless
        out[asked] = formula(rate, ahead[asked], gamma, stayed[asked])
    return out


def _one_by_one(rate: float, ahead: Array, gamma: float, stayed: Array) -> Array:
    out, last = np.zeros(len(ahead)), ahead.astype(np.int64)
    for rows in _blocks(last):
        coins = np.log1p(gamma / (stayed[rows, None] + np.arange(last[rows].max())))
        there = np.exp(-_cumulated(coins + np.log1p(rate))[:, :-1])
        out[rows] = _cumulated(there)[np.arange(len(rows)), last[rows]] / (1 + rate)
    return out


def _endless(rate: float, gamma: float, stayed: Array) -> Array:
    """E[1 / (rate + theta)] = 2F1(1, gamma; gamma + stayed; -1 / rate) / rate.

    Gauss's continued fraction, from its end: all of it positive.
    """
    if rate < SLOWEST:
        return _by_quadrature(rate, np.full_like(stayed, np.inf), gamma, stayed)
    w, c = 1 / rate, gamma + stayed
    value = np.ones_like(stayed)
    for m in range(int(20 + 9 * np.sqrt(1 + w)), 0, -1):
        odd = (gamma + m) / (c + 2 * m) * (c + m - 1) / (c + 2 * m - 1)
        even = m / (c + 2 * m - 1) * (stayed + m - 1) / (c + 2 * m - 2)
        value = 1 + even * w / (1 + odd * w / value)
    return w / (1 + gamma / c * w / value)


def _by_quadrature(rate: float, ahead: Array, gamma: float, stayed: Array) -> Array:
    """E[(1 - ((1 - theta) / (1 + rate))^ahead) / (rate + theta)], theta ~ Beta(gamma, stayed)."""
    if not len(ahead):
        return np.zeros(0)
    limit = -np.expm1(-ahead * np.log1p(rate)) / rate if rate > 0 else ahead

    def periods(p: Array, rows: NDArray[np.intp]) -> Array:
        stays = np.log1p(-np.minimum(p, SURE)) - np.log1p(rate)
        out: Array = -np.expm1(ahead[rows, None] * stays) / (rate + p)
        return out

    return beta_mean(periods, gamma, stayed, power=np.ones_like(ahead), scale=limit)


def purchases(rate: float, h: Parameters, x: Counts, t_x: Counts, n: Counts, ahead: Array) -> Array:
    """Expected purchases at the next `ahead` opportunities, discounted."""
    return (h.alpha + x) / (h.alpha + h.beta + n) * life(rate, h, x, t_x, n, ahead)


def draw(
    rng: np.random.Generator, h: Parameters, ahead: int, x: Counts, n: Counts,
    *, there_at_first: bool = False,
) -> NDArray[np.bool_]:  # fmt: skip
    """Purchases (row: customer, column: opportunity) of those there at n, or at n + 1."""
    known = int(there_at_first)
    p = rng.beta(h.alpha + x, h.beta + (n - x))
    theta = rng.beta(h.gamma, h.delta + (n + known))
    coins = np.arange(1 - known, ahead + 1 - known)  # the dropout coins up to each opportunity
    hazard = -np.log1p(-np.minimum(theta, SURE))
    there = hazard[:, None] * coins <= rng.standard_exponential(len(x))[:, None]
    bought: NDArray[np.bool_] = there & (rng.random((len(x), ahead)) < p[:, None])
    return bought


def evaluate(h: Parameters, x: Counts, t_x: Counts, n: Counts, count: Counts) -> Evaluation:
    """Log-likelihood of `count` customers a pattern, with its exact gradient and Hessian."""
    slope, bend = np.zeros(4), np.zeros((4, 4))
    for rows in _blocks(n - t_x + 1, matrices=8):
        part = _derivatives(h, x[rows], t_x[rows], n[rows], count[rows])
        slope += part[0]
        bend += part[1]
    return Evaluation(float(count @ log_likelihood(h, x, t_x, n)), slope, bend)


def _derivatives(
    h: Parameters, x: Counts, t_x: Counts, n: Counts, count: Counts
) -> tuple[Array, Array]:
    """Gradient and Hessian of ln sum exp(l_i): means and covariances of the terms' own slopes."""
    terms = last_seen(h, x, t_x, n)
    share = np.exp(terms.left + terms.silent)
    share /= share.sum(axis=1, keepdims=True)
    seen = np.minimum(t_x[:, None] + np.arange(share.shape[1]), n[:, None])
    slopes, curves = _of_terms(h, x[:, None], seen, (seen < n[:, None]).astype(np.int64))
    mean = np.einsum("ptk,tk->pt", slopes, share)
    apart = slopes - mean[:, :, None]
    weight = count[:, None] * share
    bend = (apart * weight).reshape(4, -1) @ apart.reshape(4, -1).T
    for (i, j), curve in curves.items():
        bend[i, j] += np.sum(weight * curve)
        bend[j, i] = bend[i, j]
    return mean @ count, bend


def _of_terms(
    h: Parameters, x: Counts, seen: Counts, left: Counts
) -> tuple[Array, dict[tuple[int, int], Array]]:
    """First and second derivatives of each ln term; `left` is 1 where the customer has left."""
    _, bought, bought2 = log_rising(h.alpha, x)
    _, missed, missed2 = log_rising(h.beta, seen - x)
    _, offered, offered2 = log_rising(h.alpha + h.beta, seen)
    _, stayed, stayed2 = log_rising(h.delta, seen)
    _, thrown, thrown2 = log_rising(h.gamma + h.delta, seen + left)
    slopes = [bought - offered, missed - offered, left / h.gamma - thrown, stayed - thrown]
    return np.array(slopes), {
        (0, 0): bought2 - offered2,
        (0, 1): -offered2,
        (1, 1): missed2 - offered2,
        (2, 2): -left / h.gamma**2 - thrown2,
        (2, 3): -thrown2,
        (3, 3): stayed2 - thrown2,
    }
