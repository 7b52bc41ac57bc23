"""ln of B(a, z + d) / B(a, z) for real d >= 0, exact however large or small a, z and d are.

It is the log-probability that a customer whose coin of leaving is Beta(a, z) passes d of them, with
d no whole number in the beta-discrete-Weibull. Differences of log-gammas cancel. Here the ratio is
minus the sum over k = 0, 1, ... of f(z + k), f(w) = ln[(1 + a/w) (1 + d/w) / (1 + (a + d)/w)], all
of one sign; after some terms the remainder is Euler and Maclaurin's (DLMF 2.10.1), its terms again
in forms that do not cancel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import bernoulli, factorial, polygamma

from crmlab.models.special import Array

SHIFT = np.arange(12.0)  # terms added one by one; the next eight of the remainder reach 1e-17
ORDERS = np.arange(1, 17, 2)
COEFFICIENTS = bernoulli(16)[2::2] / factorial(ORDERS + 1)
FACTORIALS = factorial(np.arange(32))

Family = Callable[[Array, Any], Array]
"""The m-th derivative of f at w, m >= -1; -1 is the antiderivative that vanishes at infinity."""


def log_beta_ratio(a: Any, z: Any, d: Any) -> Array:
    """ln B(a, z + d) / B(a, z), arrays of one shape; a, z > 0, d >= 0. Never above 0."""
    return _summed(_crossed(a, d), z, 0)


def log_beta_ratio_slopes(a: Any, z: Any, d: Any) -> tuple[Array, Array, Array]:
    """The log-ratio, its gradient (first axis: a, z, d) and its Hessian (first two axes)."""
    crossed, by_d, by_a = _crossed(a, d), _single(d), _single(a)
    slope = np.array([-_summed(by_d, z + a, 1), _summed(crossed, z, 1), -_summed(by_a, z + d, 1)])
    aa, dd = -_summed(by_d, z + a, 2), -_summed(by_a, z + d, 2)
    zz, ad = _summed(crossed, z, 2), -polygamma(1, z + a + d)
    bend = np.array([[aa, aa, ad], [aa, zz, dd], [ad, dd, dd]])
    return _summed(crossed, z, 0), slope, bend


def _summed(family: Family, w: Any, order: int) -> Array:
    """Minus the sum over k >= 0 of the derivative of that order at w + k."""
    w = np.asarray(w, dtype=float)
    across = (-1, *(1 for _ in w.shape))
    near = family(w + SHIFT.reshape(across), order).sum(axis=0)
    w = w + len(SHIFT)
    far = family(w, (ORDERS + order).reshape(across)) * COEFFICIENTS.reshape(across)
    out: Array = family(w, order - 1) - family(w, order) / 2 + far.sum(axis=0) - near
    return out


def _crossed(a: Any, d: Any) -> Family:
    """f(w) = ln(w + a) + ln(w + d) - ln(w) - ln(w + a + d), second difference of a logarithm."""

    def derivative(w: Array, m: Any) -> Array:
        u, v = a / w, d / w
        gap: Array = np.log1p(u / (1 + u + v) * v)
        out: Array
        if np.all(m == 0):
            return gap
        if np.all(m == -1):
            out = w * gap - a * np.log1p(d / (w + a)) - d * np.log1p(a / (w + d))
            return out
        x, y = -m * np.log1p(u), -m * np.log1p(v)
        difference = np.expm1(x) * np.expm1(y) + np.exp(x + y) * np.expm1(m * gap)
        out = -_power(w, m) * difference
        return out

    return derivative


def _single(d: Any) -> Family:
    """f(w) = ln(w + d) - ln(w)."""

    def derivative(w: Array, m: Any) -> Array:
        gap = np.log1p(d / w)
        out: Array = gap if np.all(m == 0) else _power(w, m) * np.expm1(-m * gap)
        return out

    return derivative


def _power(w: Array, m: Any) -> Array:
    """The m-th derivative of ln w, m >= 1."""
    sign = 1.0 - 2.0 * ((np.asarray(m) - 1) % 2)
    out: Array = sign * FACTORIALS[np.asarray(m) - 1] * w ** -np.asarray(m, dtype=float)
    return out
