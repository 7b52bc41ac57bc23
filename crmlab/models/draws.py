"""Parameters drawn from what the data leave open.

A Laplace approximation on the log scale, corrected by Pareto-smoothed importance sampling (Vehtari,
Simpson, Gelman, Yao & Gabry 2024, with the generalised Pareto estimate of Zhang & Stephens 2009);
where that is poor (k-hat above 0.7) or the base is small, a parametric bootstrap.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from crmlab.errors import NotEstimable
from crmlab.models.estimates import at_coordinates, coordinates, estimates, parameters
from crmlab.models.special import Array

SMALL_BASE = 2000
GOOD_K = 0.7
PROPOSALS = 1000


class Draws(NamedTuple):
    """Drawn parameters (draws x parameters), how they were drawn, and the k-hat of the correction.

    `method` is 'psis' or 'bootstrap', or 'laplace' for a fit without its data. `k_hat` is nan where
    no importance weights were computed; below 0.5 they are good, below 0.7 usable.
    """

    parameters: Array
    method: str
    k_hat: float


def draw(fit: Any, n: int, seed: int) -> Draws:
    """`n` draws of a fit's parameters; the same seed gives the same draws."""
    rng = np.random.default_rng(seed)
    if fit.data is None:
        return Draws(_natural(fit, _laplace(fit, n, rng)), "laplace", float("nan"))
    if fit.customers < SMALL_BASE or fit.diagnosis.status != "converged":
        return Draws(_bootstrap(fit, n, rng), "bootstrap", float("nan"))
    proposals = _laplace(fit, max(n, PROPOSALS), rng)
    log_ratio = _log_likelihoods(fit, proposals) - _log_normal(fit, proposals)
    weights, k_hat = smoothed_weights(log_ratio)
    if not k_hat < GOOD_K:
        return Draws(_bootstrap(fit, n, rng), "bootstrap", k_hat)
    chosen = rng.choice(len(weights), size=n, p=weights)
    return Draws(_natural(fit, proposals[chosen]), "psis", k_hat)


def _natural(fit: Any, theta: Array) -> Array:
    found = estimates(fit.model)
    return np.array([found.natural(row) for row in theta])


def _laplace(fit: Any, n: int, rng: np.random.Generator) -> Array:
    """Draws of the coordinates from the normal approximation at the estimate."""
    centre = coordinates(fit.model)
    variance, direction = np.linalg.eigh(fit.covariance)
    root = direction * np.sqrt(np.maximum(variance, 0))
    out: Array = centre + rng.standard_normal((n, len(centre))) @ root.T
    return out


def _log_normal(fit: Any, theta: Array) -> Array:
    """Log-density of the approximation, up to a constant."""
    away = theta - coordinates(fit.model)
    out: Array = -0.5 * np.einsum("ni,ij,nj->n", away, np.linalg.pinv(fit.covariance), away)
    return out


def _log_likelihoods(fit: Any, theta: Array) -> Array:
    models = (at_coordinates(fit.model, row) for row in theta)
    return np.array([model._total_log_likelihood(fit.data) for model in models])


def _bootstrap(fit: Any, n: int, rng: np.random.Generator) -> Array:
    """Estimates from `n` bases simulated like the one at hand; those that fail are drawn again."""
    out: list[Array] = []
    failures = 0
    while len(out) < n:
        try:
            out.append(parameters(fit.model._refit(fit.data, rng).model))
        except NotEstimable as error:
            failures += 1
            if failures > n:
                raise NotEstimable(
                    fit.model.label,
                    f"{failures} of {failures + len(out)} bases simulated from the fit could not "
                    "be fitted again",
                    "The base is too small for an interval; take a longer period.",
                ) from error
    return np.array(out)


def smoothed_weights(log_ratio: Array) -> tuple[Array, float]:
    """Importance weights that add up to 1, their largest ones smoothed, and the k-hat of the tail.

    The largest min(0.2 n, 3 sqrt(n)) are replaced by expected order statistics of a generalised
    Pareto distribution fitted to them, and none exceeds the largest raw weight.
    """
    weight = np.exp(log_ratio - log_ratio.max())
    size = int(min(0.2 * len(weight), 3 * np.sqrt(len(weight))))
    order = np.argsort(weight)
    tail, cut = order[-size:], weight[order[-size - 1]]
    k, scale = _generalised_pareto(weight[tail] - cut)
    if np.isfinite(k):
        place = (np.arange(size) + 0.5) / size
        stretched = -np.log1p(-place) if abs(k) < 1e-9 else np.expm1(-k * np.log1p(-place)) / k
        weight[tail] = np.minimum(cut + scale * stretched, 1.0)
    return weight / weight.sum(), k


def _generalised_pareto(excess: Array) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution of sorted excesses.

    Zhang & Stephens 2009, with the weak prior that pulls the shape towards 0.5 (ten observations).
    """
    n = len(excess)
    if n < 5 or not excess[-1] > 1e-12 * (1 + excess[0]):
        return float("-inf"), 0.0  # all weights are equal: nothing to smooth
    grid = np.arange(1, 30 + int(np.sqrt(n)) + 1)
    quartile = excess[max(int(n / 4 + 0.5) - 1, 0)]
    if quartile <= 0:
        return float("inf"), 0.0
    theta = 1 / excess[-1] + (1 - np.sqrt(len(grid) / (grid - 0.5))) / (3 * quartile)
    k = np.log1p(-theta[:, None] * excess).mean(axis=1)
    profile = n * (np.log(-theta / k) - k - 1)
    share = 1 / np.exp(profile - profile[:, None]).sum(axis=1)
    best = float(theta @ share)
    shape = float(np.log1p(-best * excess).mean())
    scale = -shape / best
    return (shape * n + 0.5 * 10) / (n + 10), scale
