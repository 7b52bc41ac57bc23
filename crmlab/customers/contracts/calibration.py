"""Do predicted chances of leaving come true? On held-out customers, or after a later cut-off."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.customers.contracts.drivers import Drivers, until
from crmlab.customers.contracts.snapshot import Snapshot
from crmlab.errors import NotEstimable, WrongParameter
from crmlab.models.special import Array

GROUPS = 10


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Predicted against what happened, at each renewal that a customer came up for.

    `table`, by tenth of the predicted chance: renewals, predicted and observed share who left,
    with Wilson limits lower and upper. `brier`: mean squared error; `brier_base`: that of the
    observed share for all; `skill`: 1 - brier / brier_base. `ece`: mean distance of predicted
    and observed by tenth. `auc`: chance that one who left was given a higher chance than one who
    stayed. `expected` and `left`: how many should have left, and did. `unknown` renewals are
    beyond those that the fit has seen, and left out.
    """

    table: pd.DataFrame
    brier: float
    brier_base: float
    ece: float
    auc: float
    expected: float
    left: int
    unknown: int

    @property
    def skill(self) -> float:
        """What the prediction gains over the same chance for all: 0 nothing, 1 everything."""
        return 1 - self.brier / self.brier_base


def calibrate(
    drivers: Drivers, seen: Snapshot, *, periods: int | None = None, level: float = 0.95
) -> Calibration:
    """Check a fit on customers, or after a cut-off, that it was not fitted on.

    `periods` after the cut-off (None: all that were watched). Raises UnusableCovariate for a
    customer that the fit cannot read, NotEstimable where none or all left.
    """
    from scipy.stats import rankdata

    seen = until(seen, periods)
    chance, left = _renewals(drivers, seen)
    known = np.isfinite(chance)
    chance, left, unknown = chance[known], left[known], int((~known).sum())
    gone, stayed = int(left.sum()), int((1 - left).sum())
    if not gone or not stayed:
        found = f"{gone:,} left and {stayed:,} renewed"
        raise NotEstimable("Calibration", found, "Hold more customers out.")
    auc = (rankdata(chance)[left == 1].sum() - gone * (gone + 1) / 2) / (gone * stayed)
    table = _tenths(chance, left, level)
    distance = (table["predicted"] - table["observed"]).abs()
    return Calibration(
        table=table,
        brier=float(((chance - left) ** 2).mean()),
        brier_base=float(left.mean() * (1 - left.mean())),
        ece=float(np.average(distance, weights=table["renewals"])),
        auc=float(auc),
        expected=float(chance.sum()),
        left=gone,
        unknown=unknown,
    )


def _renewals(drivers: Drivers, seen: Snapshot) -> tuple[Array, Array]:
    """Predicted chance of leaving and whether it happened, one entry a customer and renewal."""
    came = seen.tenure - seen.entry
    customer = np.repeat(np.arange(len(seen)), came)
    renewal = np.arange(came.sum()) - np.repeat(np.cumsum(came) - came, came)
    renewal += seen.entry[customer] + 1
    left = seen.ended[customer] & (renewal == seen.tenure[customer])
    linear = drivers.linear(seen.features)
    return drivers.chance_at(linear[customer], renewal), left.astype(float)


def _tenths(chance: Array, left: Array, level: float) -> pd.DataFrame:
    """Groups of about as many renewals each, by predicted chance; equal chances stay together."""
    from statsmodels.stats.proportion import proportion_confint  # slow to import

    cuts = np.unique(np.quantile(chance, np.arange(1, GROUPS) / GROUPS))
    group = np.searchsorted(cuts, chance, side="left")
    count = np.bincount(group, minlength=len(cuts) + 1)
    some = count > 0
    gone = np.bincount(group, weights=left, minlength=len(count))[some]
    predicted = np.bincount(group, weights=chance, minlength=len(count))[some] / count[some]
    lower, upper = proportion_confint(gone, count[some], alpha=1 - level, method="wilson")
    table = {"renewals": count[some], "predicted": predicted, "observed": gone / count[some],
             "lower": lower, "upper": upper}  # fmt: skip
    return pd.DataFrame(table, index=pd.RangeIndex(1, some.sum() + 1, name="group"))


def calibrate_horizon(
    drivers: Drivers, seen: Snapshot, *, horizon: int, groups: int = 5, level: float = 0.95
) -> pd.DataFrame:
    """Predicted chance of leaving in `horizon` renewals after the cut-off, against Kaplan-Meier.

    One row a group of customers by predicted chance: customers, predicted, observed (1 - Kaplan-
    Meier of the time since the cut-off, so that those watched for less count as long as they were)
    with limits lower and upper.
    """
    from statsmodels.duration.survfunc import SurvfuncRight  # slow to import

    if horizon < 1 or groups < 1:
        raise WrongParameter("horizon", horizon, "a number of renewals, 1 or more")
    linear = drivers.linear(seen.features)
    stays = np.ones(len(seen))
    for ahead in range(1, horizon + 1):
        stays = stays * (1 - drivers.chance_at(linear, seen.entry + ahead))
    known = np.isfinite(stays)
    order = np.argsort(np.argsort(-stays[known], kind="stable"), kind="stable")
    group = order * groups // known.sum()
    since, ended = (seen.tenure - seen.entry)[known], seen.ended[known]
    rows = []
    for number in range(groups):
        chosen = group == number
        curve = SurvfuncRight(since[chosen], ended[chosen].astype(int))
        rows.append({
            "customers": int(chosen.sum()), "predicted": float(1 - stays[known][chosen].mean()),
            **_left_by(curve, horizon, level),
        })  # fmt: skip
    return pd.DataFrame(rows, index=pd.RangeIndex(1, groups + 1, name="group"))


def _left_by(curve: object, horizon: int, level: float) -> dict[str, float]:
    from statistics import NormalDist

    times = np.asarray(curve.surv_times)  # type: ignore[attr-defined]
    place = int(np.searchsorted(times, horizon, side="right")) - 1
    if place < 0:
        return {"observed": 0.0, "lower": np.nan, "upper": np.nan}
    survival = float(curve.surv_prob[place])  # type: ignore[attr-defined]
    error = float(curve.surv_prob_se[place])  # type: ignore[attr-defined]
    if not 0 < survival < 1:
        return {"observed": 1 - survival, "lower": np.nan, "upper": np.nan}
    half = NormalDist().inv_cdf((1 + level) / 2) * error / abs(survival * np.log(survival))
    low, high = (1 - survival ** np.exp(side * half) for side in (-1, 1))
    return {"observed": 1 - survival, "lower": float(low), "upper": float(high)}
