"""Formulas of contracts that come up for renewal: a customer's leaving is seen.

At each opportunity n = 1, 2, ... a customer renews or leaves. One customer survives n of them with
probability (1 - theta)^(n^c), theta ~ Beta(alpha, beta) between customers: c = 1 is the
shifted-beta-geometric (Fader & Hardie 2007), any c the beta-discrete-Weibull (Fader, Hardie, Liu,
Davin & Steenburgh 2018). Hence S(n) = B(alpha, beta + n^c) / B(alpha, beta). Everything below is
made of ratios S(m) / S(n), and those of `beta_ratio`, so that nothing cancels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crmlab.models.beta_ratio import log_beta_ratio, log_beta_ratio_slopes
from crmlab.models.fitting import Evaluation
from crmlab.models.renewals import Renewals, Totals
from crmlab.models.special import Array, gauss_legendre

LONGEST = 300.0  # beyond exp(300), S falls as n^(-alpha c) to the last digit
HEAD = 1000  # terms of an infinite sum that are added one by one
GONE = 45.0  # exp(-45) = 3e-20
FARTHEST = 690.0  # exp(690) periods are as many as a float can hold


class Parameters(NamedTuple):
    """Leaving between customers (alpha, beta) and duration dependence within one (c)."""

    alpha: float
    beta: float
    c: float


def decline(h: Parameters, start: Array, end: Array) -> Array:
    """ln S(end) / S(start), end >= start >= 0 (any real numbers, of one shape)."""
    begun, more, excess = _clock(h.c, start, end)
    return log_beta_ratio(h.alpha, h.beta + begun, more) - h.alpha * excess


def _clock(c: float, start: Array, end: Array) -> tuple[Array, Array, Array]:
    """start^c and end^c - start^c, both cut at exp(LONGEST), and what was cut, as a logarithm."""
    some = start > 0
    log_start, log_end = (c * np.log(np.where(n > 0, n, 1.0)) for n in (start, end))
    excess = np.maximum(log_end, LONGEST) - np.maximum(log_start, LONGEST)
    log_start, log_end = np.minimum(log_start, LONGEST), np.minimum(log_end, LONGEST)
    begun, whole = np.where(some, np.exp(log_start), 0.0), np.where(end > 0, np.exp(log_end), 0.0)
    step = c * np.log1p(np.where(some, (end - start) / np.where(some, start, 1.0), 0.0))
    longer = begun * np.expm1(np.minimum(step, LONGEST - log_start))
    more = np.where(some, longer, whole)
    return begun, more, excess


def kept(h: Parameters, passed: Array, more: Array) -> Array:
    """P(leave at renewal `passed` + 1, and if kept there pass `more` further ones | `passed`).

    The mean over theta given `passed` of (1 - theta)^((k + more)^c - k^c), k = passed + 1, less
    S(k + more) / S(passed): with the renewal passed for sure, less with its own chance.
    """
    after = passed + 1
    begun = _clock(h.c, passed, after)[0]
    _, further, excess = _clock(h.c, after, after + more)
    sure = log_beta_ratio(h.alpha, h.beta + begun, further) - h.alpha * excess
    return np.asarray(np.exp(sure) - np.exp(decline(h, passed, after + more)))


def decline_slopes(h: Parameters, start: Array, end: Array) -> tuple[Array, Array, Array]:
    """`decline`, its gradient (first axis: alpha, beta, c) and Hessian (first two axes)."""
    begun, more, excess = _clock(h.c, start, end)
    value, inner, curve = log_beta_ratio_slopes(h.alpha, h.beta + begun, more)
    logs = [np.log(np.maximum(n, 1.0)) for n in (start, end)]
    free = [log * (h.c * log < LONGEST) for log in logs]
    cut = (logs[1] - free[1]) - (logs[0] - free[0])
    # The arguments (alpha, beta + start^c, end^c - start^c) by (alpha, beta, c).
    by_c = begun * free[0], (begun + more) * free[1] - begun * free[0]
    by_cc = begun * free[0] ** 2, (begun + more) * free[1] ** 2 - begun * free[0] ** 2
    chain = np.zeros((3, 3, *value.shape))
    chain[0, 0] = chain[1, 1] = 1.0
    chain[1, 2], chain[2, 2] = by_c
    slope = np.einsum("ki...,k...->i...", chain, inner)
    bend = np.einsum("ki...,lj...,kl...->ij...", chain, chain, curve)
    bend[2, 2] += inner[1] * by_cc[0] + inner[2] * by_cc[1]
    slope[0] -= excess
    slope[2] -= h.alpha * cut
    bend[0, 2] -= cut
    bend[2, 0] -= cut
    return value - h.alpha * excess, slope, bend


def log_likelihood(h: Parameters, data: Renewals) -> float:
    """Log-likelihood of who renewed and who left, given who was there at each start."""
    fall = decline(h, data.start, data.end)
    return float(data.renewed @ fall + data.lost @ np.log(-np.expm1(fall)))


def evaluate(h: Parameters, data: Renewals) -> Evaluation:
    """The log-likelihood with its exact gradient and Hessian in (alpha, beta, c)."""
    fall, slope, bend = decline_slopes(h, data.start, data.end)
    left, odds = -np.expm1(fall), np.exp(fall) / -np.expm1(fall)
    first = data.renewed - data.lost * odds
    second = -data.lost * odds / left
    value = float(data.renewed @ fall + data.lost @ np.log(left))
    curved = np.einsum("in,jn,n->ij", slope, slope, second)
    return Evaluation(value, slope @ first, bend @ first + curved)


class Cells(NamedTuple):
    """Where an acquired customer can be counted: lost after period 1, 2, ..., or still there.

    ln of each cell's share of all customers acquired, its gradient (first axis) and Hessian (first
    two axes); `by_cohort` holds the share of each cell (second axis) in each cohort (first axis).
    """

    log_share: Array
    slope: Array
    bend: Array
    by_cohort: Array


def cells(h: Parameters, acquired: Array) -> Cells:
    """Shares of the cells when `acquired` customers began in each of consecutive periods."""
    log_p, slope, bend = _fates(h, len(acquired))
    # Which of these fates (last axis of the above) cohort i has in cell j.
    i, j = np.indices((len(acquired), len(acquired)))
    last = len(acquired) - 1
    fate = np.where(j < last, j - i, 2 * last - i)
    size = np.log(np.maximum(acquired, 1.0))[:, None]
    terms = np.where((j >= i) & (acquired[:, None] > 0), size + log_p[fate], -np.inf)
    peak = terms.max(axis=0)
    total = np.exp(terms - peak).sum(axis=0)
    weight = np.exp(terms - peak) / total
    mean = np.einsum("kij,ij->kj", slope[:, fate], weight)
    second = bend + np.einsum("kn,ln->kln", slope, slope)
    curve = np.einsum("klij,ij->klj", second[:, :, fate], weight)
    curve -= np.einsum("kj,lj->klj", mean, mean)
    by_cohort = np.where(j >= i, np.exp(log_p[fate]), 0.0)
    return Cells(peak + np.log(total / acquired.sum()), mean, curve, by_cohort)


def _fates(h: Parameters, periods: int) -> tuple[Array, Array, Array]:
    """ln P(leaves at n = 1 ... periods - 1), then ln S(0 ... periods - 1); and derivatives."""
    tenure = np.arange(periods, dtype=float)
    stays, stays_slope, stays_bend = decline_slopes(h, np.zeros(periods), tenure)
    fall, slope, bend = decline_slopes(h, tenure[:-1], tenure[1:])
    left, odds = -np.expm1(fall), np.exp(fall) / -np.expm1(fall)
    curved = np.einsum("in,jn->ijn", slope, slope) * odds / left
    return (
        np.append(stays[:-1] + np.log(left), stays),
        np.append(stays_slope[:, :-1] - odds * slope, stays_slope, axis=1),
        np.append(stays_bend[..., :-1] - odds * bend - curved, stays_bend, axis=2),
    )


def evaluate_totals(h: Parameters, data: Totals) -> Evaluation:
    """Composite log-likelihood of totals, as if each customer's cohort were drawn by lot.

    Its maximum is consistent and, with one cohort, the likelihood's own; its curvature
    overstates the spread of totals of known cohorts, see `spread_of_totals`.
    """
    found, count = cells(h, data.acquired), data.counted
    return Evaluation(float(count @ found.log_share), found.slope @ count, found.bend @ count)


def spread_of_totals(h: Parameters, data: Totals) -> Array:
    """Covariance of the gradient of `evaluate_totals` when the size of each cohort is known."""
    found = cells(h, data.acquired)
    within = np.einsum("kj,ij->ki", found.slope, found.by_cohort)
    count = data.acquired @ found.by_cohort
    out: Array = np.einsum("kj,lj,j->kl", found.slope, found.slope, count)
    out -= np.einsum("ki,li,i->kl", within, within, data.acquired)
    return out


def life_ahead(h: Parameters, rate: float, passed: Array) -> Array:
    """Sum over t > passed of S(t) / S(passed) (1 + rate)^(passed + 1 - t).

    For c = 1 a 2F1 (Fader & Hardie 2010). Here for any c: the first thousand terms one by one, the
    rest by Euler and Maclaurin: an integral, half the next term and a twelfth of its slope. What
    is left out is below 1e-14 of the sum, at any rate.
    """
    force, out = float(np.log1p(rate)), np.zeros(len(passed))
    terms = HEAD if force * HEAD < GONE else int(np.ceil(GONE / force)) + 1
    ahead = np.arange(1.0, terms + 2)
    for i, n in enumerate(passed):
        term = np.exp(decline(h, np.full_like(ahead, n), n + ahead) - force * (ahead - 1))
        out[i] = term[:-1].sum()
        if terms == HEAD and term[-1] > 0:
            slope = _log_slope(h, n + ahead[-1]) - force
            out[i] += _tail(h, force, float(n)) + term[-1] * (0.5 - slope / 12)
    return out


def _log_slope(h: Parameters, t: float) -> float:
    """Derivative of ln S(t) in t, for t >= 1."""
    log_coins = h.c * float(np.log(t))
    if log_coins > LONGEST:
        return -h.alpha * h.c / t
    coins = np.exp(log_coins)
    return float(log_beta_ratio_slopes(h.alpha, h.beta, coins)[1][2] * coins) * h.c / t


def _tail(h: Parameters, force: float, passed: float) -> float:
    """Integral of the terms HEAD + 1 and more ahead, by Gauss-Legendre in the log of how far.

    Without discounting, beyond the point where S is a power of t, that power's own integral.
    """
    begin = float(np.log(HEAD + 1))
    if force > 0:
        end = float(np.log(HEAD + 1 + GONE / force))
    else:
        flat = float(np.log(1e17 * (1 + h.alpha) * (1 + h.alpha + h.beta))) / h.c
        end = min(max(begin, flat, float(np.log1p(passed)) + 45), FARTHEST)
    panels = 1 + int((end - begin) * min(max(1.0, h.c), 5.0))
    edges, (place, weights) = np.linspace(begin, end, panels + 1), gauss_legendre(16)
    far = (edges[:-1, None] + np.diff(edges)[:, None] * place).ravel()
    weight = (np.diff(edges)[:, None] * weights).ravel()
    ahead = np.exp(np.append(far, end))
    log_term = decline(h, np.full_like(ahead, passed), passed + ahead) - force * (ahead - 1)
    total = float(weight @ np.exp(log_term[:-1] + far))
    if force == 0:
        total += float(np.exp(log_term[-1] + end)) / (h.alpha * h.c - 1)
    return total
