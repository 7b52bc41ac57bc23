"""Maximum likelihood by damped Newton steps in the logarithms of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crmlab.errors import NotEstimable
from crmlab.models.special import Array

BOX = 10.0  # a parameter may move by a factor of exp(10) = 22,026 from its natural scale
EDGE = 0.05  # so near the box, in logarithms, a parameter counts as at its limit
STEPS = 200
CONVERGED = 1e-6  # Newton decrement, in units of log-likelihood
AGREEING = 1e-6  # two ends whose log-likelihoods differ by less are one
FLAT = 1e-2  # curvature below which a direction is not identified: its standard error is over e^10
CLEAR = 0.5  # standard error of a log-parameter up to which a sample determines it
LONGEST_STEP = 2.0
ROUNDING = 1e-15  # of a log-likelihood: what its last digits do not tell


class Evaluation(NamedTuple):
    """Log-likelihood with gradient and Hessian, in the parameters or in their logarithms."""

    value: float
    gradient: Array
    hessian: Array


Objective = Callable[[Array], Evaluation]


def in_logs(objective: Objective) -> Objective:
    """The same objective as a function of the parameters' logarithms."""

    def evaluate(theta: Array) -> Evaluation:
        natural = np.exp(theta)
        value, gradient, hessian = objective(natural)
        slope = natural * gradient
        return Evaluation(value, slope, np.outer(natural, natural) * hessian + np.diag(slope))

    return evaluate


class Optimum(NamedTuple):
    """The best point found: natural parameters, derivatives in their logarithms, and how sure.

    `at_bound` are the parameters at the limits of the search, `loose` those along directions in
    which the likelihood does not change (a ridge).
    """

    parameters: Array
    value: float
    gradient: Array
    hessian: Array
    decrement: float
    agreeing_starts: int
    starts: int
    at_bound: tuple[int, ...]

    def _axes(self) -> tuple[list[int], Array, Array]:
        """Free parameters, and the curvatures and directions of the likelihood in them."""
        free = [i for i in range(len(self.parameters)) if i not in self.at_bound]
        curvature, direction = np.linalg.eigh(-self.hessian[np.ix_(free, free)])
        return free, curvature, direction

    @property
    def loose(self) -> tuple[int, ...]:
        """Parameters with a share in a direction that the data do not identify."""
        free, curvature, direction = self._axes()
        shares = np.abs(direction[:, curvature < FLAT]).max(axis=1, initial=0)
        return tuple(i for i, share in zip(free, shares, strict=True) if share > 0.1)

    @property
    def covariance(self) -> Array:
        """Covariance of the log-parameters, along what is free and identified; 0 elsewhere."""
        free, curvature, direction = self._axes()
        variance = np.where(curvature >= FLAT, 1 / np.maximum(curvature, FLAT), 0.0)
        out = np.zeros(self.hessian.shape)
        out[np.ix_(free, free)] = (direction * variance) @ direction.T
        return out


def maximize(
    objective: Objective,
    starts: Sequence[Array],
    scale: Array,
    model: str,
    sample: Objective | None = None,
) -> Optimum:
    """Maximise from several starts inside a box around `scale`; returns the best optimum.

    `objective` is a function of the logarithms; starts and scale are the parameters themselves.
    `sample` is the objective of a part of large data: the starts climb on it, and only where they
    end apart does more than one climb on all the data follow. See docs/decisions/0008.

    Raises NotEstimable when the best point is neither a maximum (Newton decrement of 1e-6 or
    more) nor on a ridge along which nothing more is to be gained.
    """
    begins = [(start, 1) for start in starts] if sample is None else _apart(sample, starts, scale)
    ends = [(_climb(objective, np.log(begin), np.log(scale)), n) for begin, n in begins]
    best = max((end for end, _ in ends), key=lambda end: end.value)
    agreeing = sum(n for end, n in ends if best.value - end.value < AGREEING)
    open_ended = best.loose or best.at_bound
    if not (best.decrement < CONVERGED or (open_ended and best.decrement < FLAT)):
        raise NotEstimable(
            model,
            f"the search did not converge (Newton decrement {best.decrement:.1e} after {STEPS} "
            f"steps from {len(starts)} starts)",
            "Look at the data with: crmlab check SOURCE",
        )
    return best._replace(agreeing_starts=agreeing, starts=len(starts))


def _apart(sample: Objective, starts: Sequence[Array], scale: Array) -> list[tuple[Array, int]]:
    """The different maxima of the sample that the starts lead to, and how many starts to each.

    A start that leads to no clear maximum (a limit, a ridge, a parameter that the sample hardly
    determines) is handed back as it is: all the data may then have a maximum that the sample hides.
    """
    found: list[Optimum] = []
    unclear: list[tuple[Array, int]] = []
    for start in starts:
        end = _climb(sample, np.log(start), np.log(scale))
        error = np.sqrt(np.diag(end.covariance).max())
        if end.at_bound or end.loose or error > CLEAR or not end.decrement < CONVERGED:
            unclear.append((start, 1))
            continue
        same = (i for i, other in enumerate(found) if abs(other.value - end.value) < AGREEING)
        i = next(same, len(found))
        seen = found[i].starts if i < len(found) else 0
        found[i : i + 1] = [end._replace(starts=seen + 1)]
    return [(end.parameters, end.starts) for end in found] + unclear


def _climb(objective: Objective, theta: Array, centre: Array) -> Optimum:
    low, high = centre - BOX, centre + BOX
    here = objective(theta)
    for _ in range(STEPS):
        free = _free(theta, here.gradient, low, high)
        step, decrement = _newton_step(here, free)
        if decrement < 1e-14:
            break
        there, moved = _search_line(objective, theta, step, here, low, high)
        if there is None:
            break
        theta, here = moved, there
    free = _free(theta, here.gradient, low, high)
    decrement = _newton_step(here, free)[1]
    edge = ((theta <= low + EDGE) & (here.gradient <= 0)) | (
        (theta >= high - EDGE) & (here.gradient >= 0)
    )
    bound = tuple(int(i) for i in np.flatnonzero(edge))
    return Optimum(np.exp(theta), here.value, here.gradient, here.hessian, decrement, 0, 0, bound)


def _free(theta: Array, gradient: Array, low: Array, high: Array) -> NDArray[np.bool_]:
    out: NDArray[np.bool_] = ~(
        ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
    )
    return out


def _newton_step(here: Evaluation, free: NDArray[np.bool_]) -> tuple[Array, float]:
    """Ascent step with every curvature made negative, and the decrement g' H^-1 g."""
    step = np.zeros_like(here.gradient)
    if not free.any():
        return step, 0.0
    values, vectors = np.linalg.eigh(-here.hessian[np.ix_(free, free)])
    slope = vectors.T @ here.gradient[free]
    floor = 1e-12 * max(1.0, float(np.abs(values).max()))
    along = slope / np.maximum(np.abs(values), floor)
    step[free] = vectors @ along
    return step, float(slope @ along)


def _search_line(
    objective: Objective, theta: Array, step: Array, here: Evaluation, low: Array, high: Array
) -> tuple[Evaluation | None, Array]:
    """Halve the step until the likelihood grows; None when it does not any more."""
    length = min(1.0, LONGEST_STEP / float(np.abs(step).max()))
    for _ in range(40):
        moved = np.clip(theta + length * step, low, high)
        there = objective(moved)
        gain = there.value - here.value
        if np.isfinite(there.value) and gain > 1e-4 * float(here.gradient @ (moved - theta)):
            return there, moved
        # At the last digits the likelihood cannot grow measurably, but the slope still can shrink.
        if abs(gain) <= 1e-13 * abs(here.value) and (
            np.abs(there.gradient).max() < 0.5 * np.abs(here.gradient).max()
        ):
            return there, moved
        if length * (here.gradient @ step) < ROUNDING * abs(here.value):
            break  # so small a gain does not show among the digits, and that of less still less
        length /= 2
    return None, theta
