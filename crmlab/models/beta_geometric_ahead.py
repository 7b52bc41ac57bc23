"""Formulas of the models with a coin after a purchase about the future of a customer who is alive.

Given the history and being alive, lambda ~ Gamma(s, A) and p ~ Beta(a, B), independently, with
s = r + x, A = alpha + T and B = b + n (see beta_geometric). Every expectation is a mixture over p
of a gamma formula, summed with positive terms only, so nothing is singular at a = 1 or r = 1.
Times are in any one unit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln, xlogy

from crmlab.models.prospects import Ahead
from crmlab.models.special import (
    Array,
    beta_mean,
    discounting_rules,
    log_survived,
    relative_expm1,
)

Rows = NDArray[np.intp]


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
