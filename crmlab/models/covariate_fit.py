"""Maximum likelihood of a purchase model with covariates.

The columns are centred and scaled inside, so that the search and its diagnosis do not depend on a
covariate's unit; estimate and covariance are mapped back, which is linear in the logarithms of the
parameters and the coefficients.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crmlab.errors import NotEstimable, UnusableCovariate, WrongParameter
from crmlab.models.base import Fit, fit_of
from crmlab.models.covariates import (
    Columns,
    CovariateData,
    CovariateModel,
    Covariates,
    shift_of,
)
from crmlab.models.derivatives import BLOCK, Derivatives, added
from crmlab.models.estimates import at_coordinates, coordinates, estimates, parameters
from crmlab.models.fitting import Evaluation, Objective, maximize
from crmlab.models.histories import Histories, histories
from crmlab.models.parallel import in_blocks
from crmlab.models.special import Array, Counts, unique_rows

if TYPE_CHECKING:
    from crmlab.models.purchase_model import AbstractPurchaseModel

DEPENDENT = 1e-6  # share of a column's spread, left by those before it, that counts as nothing


class Linked(NamedTuple):
    """A parameter's place among the parameters, its coefficients' places, and what they multiply.

    `columns` has one row a coefficient: sign x the standardised covariate.
    """

    parameter: int
    places: Counts
    columns: Array


def fit_covariates(
    kind: type[AbstractPurchaseModel], table: Any, covariates: Covariates
) -> Fit[CovariateModel]:
    """Fit to a summary or patterns with the covariates of its rows; see AbstractPurchaseModel.fit.

    Starts from the fit without covariates, among others: it never ends below it.
    """
    if not kind.links:
        raise WrongParameter("covariates", "given", f"none: {kind.label} takes no covariates")
    if not (covariates.purchase.names or covariates.dropout.names):
        raise WrongParameter("covariates", "no column", "at least one covariate")
    found, given = histories(table), covariates.for_customers(table)
    if "count" in table:
        given = given.take(np.asarray(table["count"]) > 0)
    data = patterns(found, given.purchase.matrix, given.dropout.matrix)
    plain = kind._fit_patterns(found.patterns(), table, None).model
    names = (covariates.purchase.names, covariates.dropout.names)
    links = [link for link in kind.links for _ in names[link.process == "dropout"]]
    start = CovariateModel(plain, *names, (0.0,) * len(links), covariates.recipe)
    return _fit(start, data, table, usual=True)


def refit(
    model: CovariateModel, data: CovariateData, rng: np.random.Generator
) -> Fit[CovariateModel]:
    """The fit to a base like `data` simulated from `model`, from its own parameters."""
    own = model._of(data.purchase, data.dropout)
    rows = np.repeat(np.arange(len(data.T)), data.customers)
    seen = own._like(data.T, data.customers, rng)
    return _fit(model, patterns(seen, data.purchase[rows], data.dropout[rows]), None, usual=False)


def patterns(found: Histories, purchase: Array, dropout: Array) -> CovariateData:
    """The distinct histories with covariates, each with its number of customers."""
    x, t_x, T, customers = found
    rows, inverse, _ = unique_rows(x, t_x, T, *purchase.T, *dropout.T)
    count = np.bincount(inverse, weights=customers).astype(np.int64)
    columns = np.array(rows[3:]).reshape(-1, len(rows[0]))
    one, other = columns[: purchase.shape[1]].T, columns[purchase.shape[1] :].T
    return CovariateData(rows[0].astype(np.int64), rows[1], rows[2], count, one, other)


def _fit(
    start: CovariateModel, data: CovariateData, table: Any, *, usual: bool
) -> Fit[CovariateModel]:
    """The fit from a model, and from the usual starts of its kind too."""
    if not (data.frequency > 0).any():
        raise NotEstimable(start.label, "nobody bought a second time", "Take a longer period.")
    kind, size = type(start.base), len(parameters(start.base))
    linked, back = standardized(start, data)
    span = float(np.average(data.T, weights=data.customers))
    scale = kind._scale(span)
    multipliers = np.ones(len(start.coefficients))
    here = np.linalg.solve(back, coordinates(start))
    starts = [np.exp(here)]
    if usual:
        starts += [np.concatenate([scale * np.array(p), multipliers]) for p in kind._starts()]
    optimum = maximize(
        objective(start.base, data, linked),
        starts,
        np.concatenate([scale, multipliers]),
        start.label,
    )
    typical = _named(start.base, optimum.parameters[:size])
    model = _on_own_scale(start, back @ np.log(optimum.parameters))
    fit = fit_of(
        model, optimum, table, int(data.customers.sum()), data, findings=typical._findings(span)
    )
    return dataclasses.replace(fit, covariance=back @ fit.covariance @ back.T)


def _on_own_scale(model: CovariateModel, theta: Array) -> CovariateModel:
    """The model at coordinates on the covariates' own scale."""
    try:
        with np.errstate(over="ignore"):
            found: CovariateModel = at_coordinates(model, theta)
    except WrongParameter as error:
        raise NotEstimable(
            model.label,
            f"{error.name} of a customer whose covariates are all 0 is too far out for a number",
            "Centre the covariates: subtract a typical value, such as 2020 from a year.",
        ) from None
    return found


def _named(base: Any, values: Any) -> Any:
    """The model with these values of its parameters: numbers, or arrays with one for each row."""
    natural = [value if np.ndim(value) else float(value) for value in values]
    return dataclasses.replace(base, **dict(zip(estimates(base).names, natural, strict=True)))


def standardized(model: CovariateModel, data: CovariateData) -> tuple[list[Linked], Array]:
    """Where standardised covariates enter, and the map from their coordinates to the raw ones."""
    names = estimates(model.base).names
    scaled = {
        process: _scaled(Columns(getattr(model, process), getattr(data, process)), data.customers)
        for process in ("purchase", "dropout")
    }
    back = np.eye(len(names) + len(model.coefficients))
    linked, begin = [], len(names)
    for link in model.base.links:
        columns, centre, spread = scaled[link.process]
        places = np.arange(begin, begin + len(spread))
        begin += len(spread)
        place = names.index(link.parameter)
        back[place, places] = -link.sign * centre / spread
        back[places, places] = 1 / spread
        linked.append(Linked(place, places, link.sign * columns))
    return linked, back


def _scaled(part: Columns, count: Counts) -> tuple[Array, Array, Array]:
    """Standardised covariates, one row a covariate, their means and standard deviations.

    Raises UnusableCovariate for a column that is constant or a sum of others.
    """
    if not part.names:
        return np.zeros((0, len(count))), np.zeros(0), np.zeros(0)
    centre = np.average(part.matrix, axis=0, weights=count)
    away = part.matrix - centre
    spread = np.sqrt(np.average(away**2, axis=0, weights=count))
    for name, column in zip(part.names, part.matrix.T, strict=True):
        if np.ptp(column) <= 1e-12 * np.abs(column).max():
            found = f"all customers have the same value, {column[0]:g}"
            raise UnusableCovariate(name, found, "Leave it out: there is nothing to compare.")
    columns = away / spread
    left = np.abs(np.diag(np.linalg.qr(columns * np.sqrt(count / count.sum())[:, None], "r")))
    for i in np.flatnonzero(left < DEPENDENT):
        found = f"it follows from the other covariates, {', '.join(part.names[:i])}"
        raise UnusableCovariate(part.names[i], found, "Leave one of them out.")
    return np.ascontiguousarray(columns.T), centre, spread


def objective(base: AbstractPurchaseModel, data: CovariateData, linked: list[Linked]) -> Objective:
    """Log-likelihood in the logarithms of the parameters and the coefficients, with derivatives."""
    size = len(parameters(base))
    count = len(data.T)

    def evaluate(theta: Array) -> Evaluation:
        with np.errstate(over="ignore", under="ignore"):
            values: list[Any] = np.exp(theta[:size]).tolist()
            for item in linked:
                if len(item.places):
                    shift = shift_of(item.columns.T, theta[item.places])
                    values[item.parameter] = values[item.parameter] * np.exp(shift)
        if not all(np.all(np.isfinite(v) & (np.asarray(v) > 0)) for v in values):
            return Evaluation(-np.inf, 0 * theta, np.zeros((len(theta), len(theta))))
        blocks = in_blocks(partial(_block, base, data, linked, values), count, BLOCK)
        return added(blocks)

    return evaluate


def _block(
    base: AbstractPurchaseModel, data: CovariateData, linked: list[Linked], values: list[Any],
    rows: slice,
) -> Evaluation:  # fmt: skip
    """The part of the objective that some rows give."""
    x, t_x, T = data.frequency[rows], data.recency[rows], data.T[rows]
    own = tuple(value if np.ndim(value) == 0 else value[rows] for value in values)
    found = _named(base, own)._derivatives(x, t_x, T).in_logs(own)
    every = np.ones((1, len(x)))
    design = [(np.array([i]), every) for i in range(len(values))]
    for item in linked:
        places = np.concatenate([[item.parameter], item.places])
        design[item.parameter] = (places, np.vstack([every, item.columns[:, rows]]))
    return _pulled_back(found, data.customers[rows], design)


def _pulled_back(
    found: Derivatives, count: Counts, design: list[tuple[Counts, Array]]
) -> Evaluation:
    """Derivatives in the coordinates: each parameter's places among them, and what enters there."""
    total = sum(len(places) for places, _ in design)
    gradient, hessian = np.zeros(total), np.zeros((total, total))
    for i, (here, columns) in enumerate(design):
        gradient[here] = np.einsum("qn,n->q", columns, count * found.gradient[i])
        for k in range(i, len(design)):
            there, others = design[k]
            bend = columns * (count * found.bend(i, k))
            block = np.einsum("qn,rn->qr", bend, others)
            hessian[np.ix_(here, there)] = block
            hessian[np.ix_(there, here)] = block.T
    return Evaluation(float(np.einsum("n,n->", count, found.value)), gradient, hessian)
