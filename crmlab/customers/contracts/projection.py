"""Beyond the data: sBG and BdW fitted to contracts, projected, and checked on held-out tenures."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from crmlab.customers.backtest import FAIR_BIAS, GOOD_BIAS
from crmlab.customers.contracts.survival import kaplan_meier
from crmlab.customers.contracts.watched import at_risk, constant_retention
from crmlab.errors import NotEstimable, WrongParameter
from crmlab.intake.contracts import Contracts
from crmlab.models.base import Fit
from crmlab.models.bdw import BdW
from crmlab.models.contractual import AbstractContractual
from crmlab.models.sbg import SBG
from crmlab.models.special import Array

M = TypeVar("M", bound=AbstractContractual)
DRAWS = 200
CONSTANT = "constant"
"""The rival: the same retention for all customers, always."""


def renewal_table(contracts: Contracts) -> pd.DataFrame:
    """Contracts as the contractual models take them: a cohort for each renewal.

    Of the customers who came up for renewal n (tenure n - 1), so many passed it (tenure n). The
    likelihood is that of the contracts themselves, those still running included.
    """
    found = at_risk(contracts)
    return pd.DataFrame(
        {
            "cohort": np.repeat(found.n, 2),
            "tenure": np.column_stack((found.n - 1, found.n)).ravel(),
            "customers": np.column_stack((found.customers, found.customers - found.left)).ravel(),
        }
    )


def fit_contracts(contracts: Contracts, model: type[M]) -> Fit[M]:
    """Maximum-likelihood fit of SBG or BdW to contracts, running ones censored.

    Raises NotEstimable where all or none left, or too few renewals were watched.
    """
    table = renewal_table(contracts)
    table.attrs = {"unit": contracts.period}
    watched = int((contracts.table["tenure"] > contracts.table["entry"]).sum())
    return dataclasses.replace(model.fit(table), customers=watched)


def fit_all(contracts: Contracts) -> dict[str, Fit[Any]]:
    """The fits of sBG and BdW by their names; one that cannot be estimated is left out.

    Raises NotEstimable where neither can.
    """
    fits: dict[str, Fit[Any]] = {}
    refusal: NotEstimable | None = None
    for model in (SBG, BdW):
        try:
            fits[model.label] = fit_contracts(contracts, model)
        except NotEstimable as error:
            refusal = refusal or error
    if not fits and refusal is not None:
        raise refusal
    return fits


def project(
    contracts: Contracts, fits: Mapping[str, Fit[Any]], *, horizon: int, level: float = 0.95,
    seed: int = 1997,
) -> pd.DataFrame:  # fmt: skip
    """Survival by tenure 0 ... `horizon`: observed, by each fit with limits, by constant retention.

    Columns observed, observed_lower, observed_upper (missing beyond the data); of each fit its
    name, name_lower, name_upper (confidence limits: what the parameters leave open); constant.
    """
    if horizon < 1:
        raise WrongParameter("horizon", horizon, "a number of renewals, 1 or more")
    n = np.arange(horizon + 1, dtype=float)
    columns = {"survival": "observed", "lower": "observed_lower", "upper": "observed_upper"}
    seen = kaplan_meier(contracts, level=level).table[list(columns)].rename(columns=columns)
    out = seen.reindex(pd.RangeIndex(horizon + 1, name="tenure"))
    for name, fit in fits.items():
        lower, upper = _limits(fit, n, level, seed)
        survival = fit.model.survival(n)
        out = out.assign(**{name: survival, f"{name}_lower": lower, f"{name}_upper": upper})
    return out.assign(**{CONSTANT: constant_retention(contracts) ** n})


def _limits(fit: Fit[Any], n: Array, level: float, seed: int) -> tuple[Array, Array]:
    """Limits of survival by renewals passed, from drawn parameters."""
    drawn = fit.draws(DRAWS, seed=seed).parameters
    curves = np.array([type(fit.model)(*values).survival(n) for values in drawn])
    lower, upper = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return lower, upper


@dataclasses.dataclass(frozen=True)
class Holdout:
    """Fits on the first `calibration` renewals against what was seen at later ones.

    `table`, by tenure beyond them: observed survival with limits, and that of each fit and of
    constant retention. `errors`, by method: at the last tenure held out (relative, where anybody
    was left), mean absolute (in survival) over all, and the share of tenures at which the
    projection lies inside the observed limits.
    """

    calibration: int
    fits: Mapping[str, Fit[Any]]
    table: pd.DataFrame
    errors: pd.DataFrame

    def verdict(self, method: str) -> str:
        """How far a projection can be trusted, by its relative error at the last tenure.

        'good' within 10 %; 'unsure' where it is further off, but inside the observed limits; 'fair'
        within 25 %; else 'poor'; 'nothing' where nobody was left to project.
        """
        error, last = abs(float(self.errors.loc[method, "last_error"])), self.table.iloc[-1]
        if np.isnan(error):
            return "nothing"
        if error <= GOOD_BIAS:
            return "good"
        if last["lower"] <= last[method] <= last["upper"]:
            return "unsure"
        return "fair" if error <= FAIR_BIAS else "poor"


def holdout(contracts: Contracts, calibration: int, *, level: float = 0.95) -> Holdout:
    """Fit on renewals 1 ... `calibration`, project the later ones, compare.

    Nothing that happened at later renewals reaches the fits. Raises WrongParameter where none is
    left to compare with, NotEstimable where no model can be fitted.
    """
    seen = kaplan_meier(contracts, level=level)
    if not 2 <= calibration < seen.last:
        raise WrongParameter("calibration", calibration, f"2 to {seen.last - 1} renewals")
    early = contracts.up_to(calibration)
    fits = fit_all(early)
    table = seen.table.loc[calibration + 1 :, ["at_risk", "survival", "lower", "upper"]]
    table = table.rename(columns={"survival": "observed"})
    n = table.index.to_numpy()
    methods = {name: fit.model.survival(n) for name, fit in fits.items()}
    methods[CONSTANT] = constant_retention(early) ** n
    errors = {name: _errors(survival, table) for name, survival in methods.items()}
    return Holdout(
        calibration, fits, table.assign(**methods),
        pd.DataFrame.from_dict(errors, orient="index").rename_axis("method"),
    )  # fmt: skip


def _errors(survival: Array, table: pd.DataFrame) -> dict[str, float]:
    observed = table["observed"].to_numpy()
    last = survival[-1] / observed[-1] - 1 if observed[-1] > 0 else np.nan
    inside = (survival >= table["lower"]) & (survival <= table["upper"])
    return {
        "last_error": float(last),
        "mean_absolute_error": float(np.abs(survival - observed).mean()),
        "inside_limits": float(inside.mean()),
    }
