"""Formulas of BG/CNBD-k and MBG/CNBD-k about the past: likelihood and P(alive).

While alive, a customer buys at every k-th event of a Poisson process of rate lambda ~ Gamma(r,
alpha), so that the gaps between purchases are Erlang-k: the larger k, the more regular. Dropout is
that of crmlab.models.beta_geometric, by a coin p ~ Beta(a, b) after a purchase, and `n` again the
number of coins that a customer still alive has passed (Platzer & Reutterer 2016, Marketing Science
35; Reutterer, Platzer & Schroeder 2021, IJRM 38). With s = r + k x and z = (T - t_x) / (alpha + T),
a customer alive at T has had no k-th event since t_x with probability

    (1 - z)^s x sum over j < k of G(s + j) / (G(s) j!) z^j,

whose j-th term belongs to j events since t_x: the customer's phase. Given phase and being alive,
lambda ~ Gamma(s + j, alpha + T). All sums have positive terms only; k = 1 is the BG/NBD.
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
from scipy.special import expit

from crmlab.models import beta_geometric
from crmlab.models.beta_geometric import Parameters
from crmlab.models.derivatives import Derivatives
from crmlab.models.fitting import Evaluation
from crmlab.models.special import Array, Counts, log_rising, log_survived


def phase_terms(h: Parameters, k: int, x: Counts, t_x: Array, T: Array) -> Array:
    """The terms G(s + j) / (G(s) j!) z^j, one row for each phase j < k; the first is 1."""
    s, z = h.r + k * x, (T - t_x) / (h.alpha + T)
    terms = np.ones((k, *np.shape(z)))
    for j in range(1, k):
        terms[j] = terms[j - 1] * z * (s + j - 1) / j
    return terms


def phases(h: Parameters, k: int, x: Counts, t_x: Array, T: Array) -> Array:
    """Probability of each phase j < k (rows) of a customer alive at T."""
    terms = phase_terms(h, k, x, t_x, T)
    out: Array = terms / terms.sum(axis=0)
    return out


def log_odds_dropped(h: Parameters, k: int, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """ln of P(dropped out at t_x) / P(alive at T), given the history; -inf where no coin fell."""
    silent = np.log(phase_terms(h, k, x, t_x, T).sum(axis=0))
    out: Array = beta_geometric.log_odds_dropped(h, k * x, t_x, T, n) - silent
    return out


def p_alive(h: Parameters, k: int, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """Probability of being alive at T (Reutterer et al. 2021; for k = 1 as beta_geometric)."""
    out: Array = expit(-log_odds_dropped(h, k, x, t_x, T, n))
    return out


def log_likelihood(h: Parameters, k: int, x: Counts, t_x: Array, T: Array, n: Counts) -> Array:
    """Log-likelihood of each ordered history, without the factor that only the gaps decide.

    That factor is the product of gap^(k - 1) / (k - 1)! over the gaps; see `log_spacing`.
    """
    events = k * x
    silent = np.log(phase_terms(h, k, x, t_x, T).sum(axis=0))
    purchases = log_rising(h.r, events)[0] - h.r * np.log1p(T / h.alpha)
    odds = log_odds_dropped(h, k, x, t_x, T, n)
    out: Array = (
        purchases - events * np.log(h.alpha + T) + silent
        + log_survived(h.a, h.b, n) + np.logaddexp(0, odds)
    )  # fmt: skip
    return out


def log_spacing(k: int, x: Counts, log_gaps: Array) -> Array:
    """ln of the product of gap^(k - 1) / (k - 1)!, from the sum of ln(gap); 0 for k = 1."""
    out: Array = (k - 1) * log_gaps - x * np.log(np.arange(1, k)).sum()
    return out


def evaluate(
    h: Parameters, k: int, x: Counts, t_x: Array, T: Array, n: Counts, count: Counts
) -> Evaluation:
    """Log-likelihood of `count` customers a pattern, with its exact gradient and Hessian."""
    return derivatives(h, k, x, t_x, T, n).total(count)


def derivatives(h: Parameters, k: int, x: Counts, t_x: Array, T: Array, n: Counts) -> Derivatives:
    """Log-likelihood of each history with its exact derivatives in r, alpha, a, b.

    Those of beta_geometric for k x events, and what changes by `silent` = ln of the phases' sum:
    from ln(1 + odds) to ln(exp(silent) + odds), odds = P(dropped) / P(alive) for k = 1.
    """
    plain = beta_geometric.derivatives(h, k * x, t_x, T, n)
    odds, odds_slope, odds_bend = _odds(h, k * x, t_x, T, n)
    silent_slope, silent_bend = _silence(h, k, x, t_x, T)
    share = expit(log_odds_dropped(h, k, x, t_x, T, n))
    plain_share = expit(odds)
    apart = odds_slope - silent_slope
    slope = (share - plain_share) * odds_slope + (1 - share) * silent_slope
    bend = (share - plain_share) * odds_bend + (1 - share) * silent_bend
    bend += share * (1 - share) * apart[:, None] * apart
    bend -= plain_share * (1 - plain_share) * odds_slope[:, None] * odds_slope
    value = log_likelihood(h, k, x, t_x, T, n)
    curves = {
        (i, j): plain.curves.get((i, j), 0.0) + bend[i, j]
        for i, j in combinations_with_replacement(range(4), 2)
    }
    return plain._replace(value=value, gradient=plain.gradient + slope, curves=curves)


def _odds(
    h: Parameters, events: Counts, t_x: Array, T: Array, n: Counts
) -> tuple[Array, Array, Array]:
    """beta_geometric's log-odds of having dropped out, their gradient and Hessian."""
    end, last = 1 / (h.alpha + T), 1 / (h.alpha + t_x)
    s = h.r + events
    coin = np.where(n > 0, 1 / (h.b + np.maximum(n, 1) - 1), 0.0)
    dropped = np.where(n > 0, 1.0, 0.0)
    slope = np.array([np.log1p((T - t_x) * last), s * (end - last), dropped / h.a, -coin])
    bend = np.zeros((4, 4, len(T)))
    bend[0, 1] = bend[1, 0] = end - last
    bend[1, 1] = s * (last**2 - end**2)
    bend[2, 2], bend[3, 3] = -dropped / h.a**2, coin**2
    return beta_geometric.log_odds_dropped(h, events, t_x, T, n), slope, bend


def _silence(h: Parameters, k: int, x: Counts, t_x: Array, T: Array) -> tuple[Array, Array]:
    """Gradient and Hessian of ln of the phases' sum; means and variances over the phases."""
    weight, j = phases(h, k, x, t_x, T), np.arange(k)[:, None]
    step = 1 / (h.r + k * x + j)
    rise = np.cumsum(step, axis=0) - step  # of ln G(s + j) / G(s) in s
    turn = step**2 - np.cumsum(step**2, axis=0)
    mean_rise, mean_j = (weight * rise).sum(axis=0), (weight * j).sum(axis=0)
    end = 1 / (h.alpha + T)
    slope, bend = np.zeros((4, len(T))), np.zeros((4, 4, len(T)))
    slope[0], slope[1] = mean_rise, -end * mean_j
    bend[0, 0] = (weight * (turn + (rise - mean_rise) ** 2)).sum(axis=0)
    bend[0, 1] = bend[1, 0] = -end * (weight * rise * (j - mean_j)).sum(axis=0)
    bend[1, 1] = end**2 * (weight * (j + (j - mean_j) ** 2)).sum(axis=0)
    return slope, bend
