"""How long customers stay, by method, and what each method assumes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.contracts.survival import Survival, kaplan_meier
from crmlab.customers.contracts.watched import constant_retention, watched
from crmlab.errors import NotDefined
from crmlab.intake.contracts import Contracts
from crmlab.models.base import Fit
from crmlab.models.special import Array

DRAWS = 200

ASSUMES = {
    "ended": "Mean of those who have left: too short, for the loyal are not in it.",
    "so_far": "Mean of all so far, the period that runs included, as if everyone left at its end: "
    "too short.",
    "median": "The tenure by which half have left (Kaplan-Meier): those who still run leave as "
    "those before them did, new customers as old ones.",
    "restricted_mean": "Area under the curve (Kaplan-Meier) to the horizon, nothing beyond it: "
    "those who still run leave as those before them did, new customers as old ones.",
    "constant": "1 / churn rate: every customer alike, for ever the same rate.",
    "model": "Customers differ as the model says, and it holds beyond the data, without end.",
    "model_restricted": "Customers differ as the model says; periods beyond the horizon are not "
    "counted.",
}
"""What each method of `average_life` assumes, in one sentence."""


def average_life(
    contracts: Contracts, fits: Mapping[str, Fit[Any]], *, horizon: int | None = None,
    level: float = 0.95, seed: int = 1997,
) -> pd.DataFrame:  # fmt: skip
    """Average life of a customer in periods, the first included, one row a method and model.

    Columns method (key of ASSUMES), model, life, lower, upper (confidence limits, where the method
    has them), horizon (None: to the end) and assumes. `horizon` (None: as far as observed) is that
    of the restricted means; where a model's mean is infinite it says so: life is inf.
    """
    curve = kaplan_meier(contracts, level=level)
    _, tenure, ended = watched(contracts)
    tau = curve.last if horizon is None else horizon
    rows: list[dict[str, Any]] = [
        {"method": "ended", "life": tenure[ended == 1].mean() if ended.any() else np.nan},
        {"method": "so_far", "life": _so_far(contracts.table)},
        {"method": "median", **_of(curve.median)},
        {"method": "constant", "life": _inverse(1 - constant_retention(contracts))},
    ]
    if tau <= curve.last:
        rows.append(
            {"method": "restricted_mean", **_of(curve.restricted_mean(tau)), "horizon": tau}
        )
    for name, fit in fits.items():
        limits = _limits(fit, tau, level, seed)
        rows.append({"method": "model", "model": name, "life": _whole_life(fit.model)})
        life = restricted_life(fit.model, np.array([0]), tau)[0]
        rows.append({"method": "model_restricted", "model": name, "life": life, **limits})
        rows[-1]["horizon"] = tau
    columns = ["method", "model", "life", "lower", "upper", "horizon"]
    table = pd.DataFrame(rows).reindex(columns=columns)
    return table.assign(assumes=table["method"].map(ASSUMES))


def remaining_life(
    contracts: Contracts, fits: Mapping[str, Fit[Any]], *, horizon: int, level: float = 0.95
) -> pd.DataFrame:
    """Expected periods still to come in the next `horizon`, by renewals passed.

    One row for each tenure that a running contract has; columns customers (running), observed
    (area under Kaplan-Meier ahead, given survival so far; missing where it was not observed that
    far), and of each fit its name.
    """
    running = contracts.table.loc[contracts.table["running"], "tenure"]
    counts = running.value_counts().sort_index()
    tenures = counts.index.to_numpy()
    curve = kaplan_meier(contracts, level=level)
    table = pd.DataFrame({"customers": counts.to_numpy()}, index=pd.Index(tenures, name="tenure"))
    table["observed"] = [_observed_ahead(curve, int(n), horizon) for n in tenures]
    for name, fit in fits.items():
        table[name] = restricted_life(fit.model, tenures, horizon, paid=False)
    return table


def restricted_life(model: Any, tenure: Array, horizon: int, *, paid: bool = True) -> Array:
    """Expected periods of the next `horizon`, of customers who have passed `tenure` renewals.

    With `paid` the period that has begun is the first of them; without, only those to come count.
    """
    ahead = np.arange(horizon) + (0 if paid else 1)
    start, more = np.broadcast_arrays(np.asarray(tenure)[:, None], ahead[None, :])
    out: Array = model.expected_survivors(np.ones(start.shape), more, tenure=start).sum(axis=1)
    return out


def _observed_ahead(curve: Survival, tenure: int, horizon: int) -> float:
    if tenure + horizon > curve.last or not curve.table.loc[tenure, "survival"] > 0:
        return np.nan
    ahead = curve.table.loc[tenure + 1 : tenure + horizon, "survival"]
    return float(ahead.sum() / curve.table.loc[tenure, "survival"])


def _of(estimate: Any) -> dict[str, float]:
    return {"life": estimate.value, "lower": estimate.lower, "upper": estimate.upper}


def _so_far(table: pd.DataFrame) -> float:
    """Mean periods begun: a tenure counts those that have ended, but for who left at a renewal."""
    return float((table["tenure"] + ~table["ended"].astype(bool)).mean())


def _inverse(churn: float) -> float:
    return 1 / churn if churn > 0 else np.inf


def _whole_life(model: Any) -> float:
    try:
        return float(model.expected_lifetime())
    except NotDefined:
        return np.inf


def _limits(fit: Fit[Any], horizon: int, level: float, seed: int) -> dict[str, float]:
    drawn = fit.draws(DRAWS, seed=seed).parameters
    start = np.array([0])
    lives = [restricted_life(type(fit.model)(*values), start, horizon)[0] for values in drawn]
    lower, upper = np.quantile(lives, [(1 - level) / 2, (1 + level) / 2])
    return {"lower": float(lower), "upper": float(upper)}
