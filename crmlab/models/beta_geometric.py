"""Formulas of the models in which a customer leaves by a coin after a purchase.

While alive, a customer buys at a Poisson rate lambda ~ Gamma(r, alpha). After an occasion the
customer drops out with probability p ~ Beta(a, b). `n` is the number of coins that a customer still
alive has passed: frequency in the BG/NBD (Fader, Hardie & Lee 2005), where the first purchase has
none, and frequency + 1 in the MBG/NBD (Batislam, Denizel & Filiztekin 2007; Hoppe & Wagner 2007).
Given the history and being alive, lambda ~ Gamma(r + x, alpha + T) and p ~ Beta(a, b + n),
independently; every expectation below is a mixture over p of a gamma formula, summed with positive
terms only, so nothing is singular at a = 1 or r = 1. Times are in any one unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, expit, gammaln, xlogy

from crmlab.models.derivatives import BLOCK, Derivatives, Terms, added
from crmlab.models.fitting import Evaluation
from crmlab.models.parallel import in_blocks
from crmlab.models.prospects import Ahead
from crmlab.models.special import (
    Array,
    Counts,
    at_rows,
    beta_mean,
    discounting_rules,
    log_rising,
    log_survived,
    relative_expm1,
    softplus,
    softplus_and_share,
    unique_rows,
)

Rows = NDArray[np.intp]


class Parameters(NamedTuple):
    """Purchase process (r, alpha) and dropout process (a, b); alpha in the data's time unit.

    alpha, a and b may be arrays, with one value for each history.
    """

    r: float
    alpha: float | Array
    a: float | Array
    b: float | Array

    def of(self, rows: Counts | slice) -> Parameters:
        """The parameters of some of the histories."""
        return Parameters(self.r, *(at_rows(value, rows) for value in self[1:]))


def log_odds_dropped(h: Parameters, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """ln of P(dropped out at t_x) / P(alive at T), given the history; -inf where no coin fell."""
    span = np.log1p((T - t_x) / (h.alpha + t_x))
    last_coin = np.log(h.a) - np.log(h.b + np.maximum(n, 1) - 1) + (h.r + x) * span
    return np.where(n > 0, last_coin, -np.inf)


def p_alive(h: Parameters, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """Probability of being alive at T (BG/NBD: Fader, Hardie & Lee 2008 note, eq. 7)."""
    out: Array = expit(-log_odds_dropped(h, x, t_x, T, n))
    return out


def log_likelihood(h: Parameters, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """Log-likelihood of each ordered history (Fader, Hardie & Lee 2005, eq. 6)."""
    purchases = log_rising(h.r, x)[0] - h.r * np.log1p(T / h.alpha) - x * np.log(h.alpha + T)
    log_odds = log_odds_dropped(h, x, t_x, T, n)
    return purchases + log_survived(h.a, h.b, n) + softplus(log_odds)


def objective(
    x: Counts, t_x: Array, T: Array, n: Counts, count: Counts
) -> Callable[[Array], Evaluation]:
    """Log-likelihood of `count` customers a pattern in r, alpha, a, b, with gradient and Hessian.

    Only the last coin's term needs every pattern; the others are added up once for each distinct
    number of purchases and, being linear in x, for each distinct T with its mean x.
    """
    (xs, ns), of_x, _ = unique_rows(x, n)
    (spans,), of_T, _ = unique_rows(T)
    with_x = np.bincount(of_x, weights=count).astype(np.int64)
    with_T = np.bincount(of_T, weights=count).astype(np.int64)
    mean_x = np.bincount(of_T, weights=count * x) / with_T
    numbers = xs.astype(np.int64), ns.astype(np.int64)

    def evaluate(values: Array) -> Evaluation:
        h = Parameters(*values.tolist())

        def coins(rows: slice) -> Evaluation:
            return last_coin(h, x[rows], t_x[rows], T[rows], n[rows]).total(count[rows])

        whole = _numbers(h, *numbers).total(with_x), _exposure(h, mean_x, spans).total(with_T)
        return added((*whole, *in_blocks(coins, len(x), BLOCK)))

    return evaluate


def derivatives(h: Parameters, x: Counts, t_x: Array, T: Array, n: Counts) -> Derivatives:
    """Log-likelihood of each history with its exact derivatives in r, alpha, a, b."""
    return last_coin(h, x, t_x, T, n).plus(_numbers(h, x, n)).plus(_exposure(h, x, T))


def last_coin(h: Parameters, x: Counts, t_x: Array, T: Array, n: Counts) -> Derivatives:
    """The term ln(1 + odds of having dropped out at t_x) of each history."""
    end, last = 1 / (h.alpha + T), 1 / (h.alpha + t_x)
    log_odds = log_odds_dropped(h, x, t_x, T, n)
    value, share = softplus_and_share(log_odds)
    # Where no coin fell the share is 0, and what the other factors are does not matter.
    coin = 1 / (h.b + np.maximum(n, 1) - 1)
    apart = end - last
    slopes = np.empty((4, len(x)))
    slopes[0] = np.log1p((T - t_x) * last)
    slopes[1] = (h.r + x) * apart
    slopes[2] = 1 / h.a
    slopes[3] = -coin
    curves = {
        (0, 1): share * apart,
        (1, 1): -share * slopes[1] * (end + last),
        (2, 2): -share / h.a**2,
        (3, 3): share * coin * coin,
    }
    return Derivatives(value, share * slopes, share * (1 - share), slopes, curves)


def _numbers(h: Parameters, x: Counts, n: Counts) -> Terms:
    """The terms in which only the numbers of purchases and of coins matter."""
    rise, rise_r, rise_rr = log_rising(h.r, x)
    _, rise_b, rise_bb = log_rising(h.b, n)
    _, rise_ab, rise_abab = log_rising(h.a + h.b, n)
    gradient = np.stack([rise_r, np.zeros(len(x)), -rise_ab, rise_b - rise_ab])
    curves = {
        (0, 0): rise_rr, (2, 2): -rise_abab, (2, 3): -rise_abab, (3, 3): rise_bb - rise_abab
    }  # fmt: skip
    return Terms(rise + log_survived(h.a, h.b, n), gradient, curves)


def _exposure(h: Parameters, x: Counts | Array, T: Array) -> Terms:
    """The terms in the time watched; linear in x."""
    r, alpha = h.r, h.alpha
    end = 1 / (alpha + T)
    fall = np.log1p(T / alpha)
    none = np.zeros(len(T))
    gradient = np.stack([-fall, r / alpha - (r + x) * end, none, none])
    curves = {(0, 1): 1 / alpha - end, (1, 1): (r + x) * end**2 - r / alpha**2}
    return Terms(-r * fall - x * np.log(alpha + T), gradient, curves)


def purchases_if_alive(t: Array, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    """Expected purchases in (0, t] of a customer alive at 0, lambda ~ Gamma(s, A), p ~ Beta(a, B).

    E[(1 - exp(-lambda p t)) / p], the quantity behind Fader, Hardie & Lee 2005, eq. 9 and 10.
    """
    a = np.broadcast_to(a, B.shape)
    out = np.full_like(s, np.inf)
    some = np.isfinite(t)
    mean = ~some & (a > 1)
    out[mean] = (a[mean] + B[mean] - 1) / (a[mean] - 1)
    if some.any():
        t, s, A, a, B = t[some], s[some], A[some], a[some], B[some]
        z = t / A

        def purchases(p: Array, rows: Rows) -> Array:
            return _bought(p, s[rows, None], z[rows, None])

        out[some] = beta_mean(purchases, a, B, power=np.ones_like(s), scale=np.maximum(s, 1) * z)
    return out


def _bought(p: Array, s: Array, z: Array) -> Array:
    """Purchases of a customer whose coin is p, in a time of z x A."""
    out: Array = -np.expm1(-s * np.log1p(p * z)) / p
    return out


def pmf_if_alive(k: Array, t: Array, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    """Probability of k purchases in (0, t] of a customer alive at 0 (Fader et al. 2005, eq. 8).

    Either k purchases and k coins that said stay, or at least k and the k-th coin said leave.
    """
    n = k.astype(np.int64)
    z = t / (A + t)
    log_binomial = gammaln(s + k) - gammaln(s) - gammaln(k + 1)
    exactly = np.exp(log_binomial - s * np.log1p(t / A) + xlogy(k, z))
    stayed = np.exp(log_survived(a, B, n))
    left = np.exp(log_survived(a, B, np.maximum(n - 1, 0))) * a / (a + B + np.maximum(k - 1, 0))
    at_least = betainc(np.maximum(k, 1), s, z)
    out: Array = exactly * stayed + np.where(k > 0, at_least * left, 0.0)
    return out


def survival_if_alive(t: Array, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    """Probability that a customer alive at 0 has not dropped out by t: E[exp(-lambda p t)]."""
    z = t / A

    def stays(p: Array, rows: Rows) -> Array:
        return _stayed(p, s[rows, None], z[rows, None])

    return beta_mean(stays, a, B, power=s, scale=z)


def _stayed(p: Array, s: Array, z: Array) -> Array:
    """Probability of a customer whose coin is p to stay for a time of z x A."""
    out: Array = np.exp(-s * np.log1p(p * z))
    return out


def buys_later_if_alive(
    after: Array, t: Array, s: Array, A: Array, a: float | Array, B: Array
) -> Array:
    """Probability of staying for a time `after` and buying in the time t that follows.

    E[exp(-rate p after) (1 - exp(-rate t))]: who bought nothing in t has a rate of Gamma(s, A + t).
    """
    silent = np.exp(-s * np.log1p(t / A)) * survival_if_alive(after, s, A + t, a, B)
    return survival_if_alive(after, s, A, a, B) - silent


def life_if_alive(t: Array, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    """Expected time until dropout, at most t, of a customer alive at 0.

    For t infinite the mean, A / (s - 1) (a + B - 1) / (a - 1), which is infinite unless s and a
    are above 1.
    """
    a = np.broadcast_to(a, B.shape)
    out = np.full_like(s, np.inf)
    mean = np.isinf(t) & (s > 1) & (a > 1)
    out[mean] = A[mean] / (s[mean] - 1) * (a[mean] + B[mean] - 1) / (a[mean] - 1)
    some = np.isfinite(t)
    out[some] = _restricted_life(t[some], s[some], A[some], a[some], B[some])
    return out


def _restricted_life(t: Array, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    if not len(t):
        return t
    z = t / A

    def life(p: Array, rows: Rows) -> Array:
        return _lived(p, s[rows, None], z[rows, None])

    return A * beta_mean(life, a, B, power=np.ones_like(s), scale=np.maximum(s, 1) * z)


def _lived(p: Array, s: Array, z: Array) -> Array:
    """Expected time until dropout of a customer whose coin is p, at most z; in units of A."""
    reach = np.log1p(p * z)
    out: Array = reach / p * relative_expm1((1 - s) * reach)
    return out


def discounted_if_alive(
    rate: float,
    t: Array,
    s: Array,
    A: Array,
    a: float | Array,
    B: Array,
    *,
    nodes: int | None = None,
) -> Array:
    """Discounted expected purchases in (0, t] at a continuous rate, of a customer alive at 0.

    Integral of exp(-rate u) times the purchase intensity at u, (s / A) E[(1 + p u / A)^-(s + 1)].
    Without `nodes`, as many as 11 digits need; fewer are quicker.
    """
    out: Array = _discounted(rate, t, s + 1, A, a, B, nodes) * s / A
    return out


def discounted_life_if_alive(
    rate: float,
    t: Array,
    s: Array,
    A: Array,
    a: float | Array,
    B: Array,
    *,
    nodes: int | None = None,
) -> Array:
    """Discounted expected time until dropout in (0, t], of a customer alive at 0.

    Integral of exp(-rate u) times survival, E[(1 + p u / A)^-s].
    """
    return _discounted(rate, t, s, A, a, B, nodes)


def _discounted(
    rate: float, t: Array, power: Array, A: Array, a: float | Array, B: Array, nodes: int | None
) -> Array:
    """Integral over (0, t] of exp(-rate u) E[(1 + p u / A)^-power]."""
    a, total = np.broadcast_to(a, B.shape), np.empty_like(power)
    for where, u, weight in discounting_rules(rate, t, A / power, nodes):
        z, some = u / A[where, None], power[where]

        def discounted(p: Array, rows: Rows, z: Array = z, some: Array = some,
                       weight: Array = weight) -> Array:  # fmt: skip
            return _fallen(p, some[rows], z[rows], weight[rows])

        total[where] = beta_mean(discounted, a[where], B[where], power=some, scale=z[:, -1])
    return total


def _fallen(p: Array, power: Array, z: Array, weight: Array) -> Array:
    """The integral of (1 + p z)^-power over time of a customer whose coin is p; p (rows, nodes).

    `z` (in units of A) and `weight` are a time rule's, one row each. With power s + 1 these are
    discounted purchases, in units of s / A.
    """
    fallen = np.exp(-power[:, None, None] * np.log1p(p[:, :, None] * z[:, None, :]))
    out: Array = np.einsum("ikj,ij->ik", fallen, weight)
    return out


def prospects_if_alive(ahead: Ahead, s: Array, A: Array, a: float | Array, B: Array) -> Array:
    """What `Ahead` asks of customers alive at 0, in its order along the first axis.

    Purchases and life are taken at the nodes of the discounted purchases' rule: in p they change
    less, so for them it is closer than their own.
    """
    a, out = np.broadcast_to(a, B.shape), np.empty((4, len(s)))
    out[2] = survival_if_alive(np.full_like(s, ahead.quarter), s, A, a, B)
    end = np.full_like(s, ahead.horizon)
    for where, u, weight in discounting_rules(ahead.rate, end, A / (s + 1)):
        part = _Prospects(ahead, s[where], A[where], u, weight)
        power, scale = part.s + 1, ahead.horizon / part.A
        found = beta_mean(part.of, a[where], B[where], power=power, scale=scale)
        out[0, where], out[1, where], out[3, where] = found
    out[1] *= s / A
    out[3] *= A
    return out


class _Prospects(NamedTuple):
    """What is asked of some customers, and a rule for their discounted purchases."""

    ahead: Ahead
    s: Array
    A: Array
    u: Array
    weight: Array

    def of(self, p: Array, rows: Rows) -> Array:
        """Purchases, discounted purchases and life at nodes p of some rows."""
        s, A = self.s[rows, None], self.A[rows, None]
        discounted = _fallen(p, s[:, 0] + 1, self.u[rows] / A, self.weight[rows])
        purchases = _bought(p, s, self.ahead.year / A)
        return np.stack([purchases, discounted, _lived(p, s, self.ahead.horizon / A)])
