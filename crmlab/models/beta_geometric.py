"""Formulas of the models in which a customer leaves by a coin after a purchase.

While alive, a customer buys at a Poisson rate lambda ~ Gamma(r, alpha). After an occasion the
customer drops out with probability p ~ Beta(a, b). `n` is the number of coins that a customer still
alive has passed: frequency in the BG/NBD (Fader, Hardie & Lee 2005), where the first purchase has
none, and frequency + 1 in the MBG/NBD (Batislam, Denizel & Filiztekin 2007; Hoppe & Wagner 2007).
What lies ahead of a customer who is alive is in beta_geometric_ahead. Times are in any one unit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from crmlab.models.derivatives import BLOCK, Derivatives, Terms, added
from crmlab.models.fitting import Evaluation
from crmlab.models.parallel import in_blocks
from crmlab.models.special import (
    Array,
    Counts,
    at_rows,
    log_rising,
    log_survived,
    softplus,
    softplus_and_share,
    unique_rows,
)


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
