"""What is seen without a model: Kaplan-Meier, retention by tenure, median and mean life."""

from __future__ import annotations

import dataclasses
import math
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.contracts.watched import at_risk, watched
from crmlab.errors import WrongParameter
from crmlab.intake.contracts import Contracts
from crmlab.models.special import Array, Counts

ENOUGH, ENOUGH_LEFT = 20, 5
"""Customers watched in a segment, and of them expected to leave, below which nothing is said."""


class Estimate(NamedTuple):
    """A figure with its confidence limits; a limit that the data do not reach is nan."""

    value: float
    lower: float
    upper: float


@dataclasses.dataclass(frozen=True)
class Survival:
    """Kaplan-Meier estimate of the share still under contract, by renewals passed.

    `table`, by tenure n = 0, 1, ...: at_risk (customers who came up for renewal n, watched), left
    (of them, at it), retention_rate with Wilson limits retention_lower and retention_upper,
    survival with limits lower and upper (on the scale of log(-log S); missing while nobody has
    left, and once nobody is left). `customers` were watched, `ended` of them left. `median`: the
    tenure by which half have left; its limits are those by which the limits of the curve say so
    (nan: not reached). `level` is that of all limits.
    """

    table: pd.DataFrame
    customers: int
    ended: int
    median: Estimate
    level: float

    @property
    def last(self) -> int:
        """The last renewal at which anybody was watched."""
        return int(self.table.index[-1])

    def restricted_mean(self, horizon: int | None = None) -> Estimate:
        """Mean periods as a customer, the first included, of the first `horizon` (None: observed).

        The area under the curve, with Greenwood's variance and normal limits. Raises
        WrongParameter for a horizon beyond what was observed.
        """
        tau = self.last if horizon is None else horizon
        if not 1 <= tau <= self.last:
            raise WrongParameter("horizon", horizon, f"1 to {self.last} periods, as observed")
        area = self.table["survival"].to_numpy()[:tau]
        ahead = np.cumsum(area[::-1])[::-1]  # from tenure n to the horizon
        came, left = (self.table[c].to_numpy(dtype=float)[1:tau] for c in ("at_risk", "left"))
        some = (left > 0) & (left < came)
        terms = ahead[1:][some] ** 2 * left[some] / (came[some] * (came[some] - left[some]))
        half = _normal(self.level) * math.sqrt(terms.sum())
        mean = float(ahead[0])
        return Estimate(mean, max(mean - half, 1.0), min(mean + half, float(tau)))

    def at(self, tenure: int) -> Estimate:
        """The share still under contract after `tenure` renewals."""
        if tenure not in self.table.index:
            raise WrongParameter("tenure", tenure, f"0 to {self.last}, as observed")
        return Estimate(*(float(self.table.loc[tenure, c]) for c in ("survival", "lower", "upper")))


def kaplan_meier(contracts: Contracts, *, level: float = 0.95) -> Survival:
    """Kaplan-Meier of contracts, those still running counted as long as they were watched.

    Raises NotEstimable where no renewal, or one in between, was watched.
    """
    from statsmodels.duration.survfunc import SurvfuncRight  # slow to import

    entry, tenure, ended = watched(contracts)
    counts = at_risk(contracts)
    table = pd.DataFrame(
        {"at_risk": counts.customers, "left": counts.left}, index=pd.Index(counts.n, name="tenure")
    )
    table = table.assign(**_retention(counts.customers, counts.left, level))
    # An entry at n means watched from renewal n + 1 on, as statsmodels has it, too.
    found = SurvfuncRight(tenure, ended, entry=entry) if ended.any() else None
    table = pd.concat([_first_row(len(tenure)), table.assign(**_curve(found, counts.n, level))])
    table.index.name = "tenure"
    return Survival(table, len(tenure), int(ended.sum()), _median(table), level)


def survival_by(contracts: Contracts, by: str, *, level: float = 0.95) -> dict[str, Survival]:
    """Kaplan-Meier of each level of the covariate `by` of which a renewal was watched."""
    groups = contracts.groups(by)
    return {k: kaplan_meier(g, level=level) for k, g in groups.items() if len(watched(g)[0])}


def told_apart(contracts: Contracts, by: str) -> tuple[str, ...]:
    """Levels of the covariate `by` that are large enough to be compared; '' is not known.

    Of them ENOUGH customers were watched, and ENOUGH_LEFT would have left if all were alike.
    """
    counts = at_risk(contracts)
    hazard = np.append(0.0, np.cumsum(counts.left / counts.customers))
    large = []
    for name, group in contracts.groups(by).items():
        entry, tenure, _ = watched(group)
        expected = float((hazard[tenure] - hazard[entry]).sum())
        if len(tenure) >= ENOUGH and expected >= ENOUGH_LEFT:
            large.append(name)
    return tuple(large)


def compared(curves: dict[str, Survival], *, at_risk: int = 1) -> pd.DataFrame:
    """One row a segment: customers, ended, median, and the mean life to a horizon common to all.

    Columns restricted_mean, lower, upper, horizon (periods); and the share still under contract
    there with limits: survival_at_horizon, survival_lower, survival_upper. The horizon is the last
    renewal to which `at_risk` customers of each came, the first one at least.
    """
    reached = (c.table.index[c.table["at_risk"] >= at_risk].max() for c in curves.values())
    horizon = max(int(min(reached)), 1)
    rows = {}
    for name, curve in curves.items():
        mean, there = curve.restricted_mean(horizon), curve.at(horizon)
        rows[name] = {
            "customers": curve.customers, "ended": curve.ended, "median": curve.median.value,
            "restricted_mean": mean.value, "lower": mean.lower, "upper": mean.upper,
            "horizon": horizon, "survival_at_horizon": there.value,
            "survival_lower": there.lower, "survival_upper": there.upper,
        }  # fmt: skip
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("segment")


class Difference(NamedTuple):
    """A log-rank test: is the difference between segments more than chance?"""

    statistic: float
    degrees: int
    p_value: float


def log_rank(contracts: Contracts, by: str) -> Difference:
    """Log-rank test of equal survival in the segments of the covariate `by`.

    Segments too small to be compared (see `told_apart`) are not in it. Raises WrongParameter where
    fewer than two are left.
    """
    from statsmodels.duration.survfunc import survdiff  # slow to import

    large = told_apart(contracts, by)
    if len(large) < 2:
        expected = f"a covariate of which two levels have {ENOUGH} customers or more each"
        raise WrongParameter("by", by, expected)
    seen = contracts.table["tenure"] > contracts.table["entry"]
    levels = contracts.table[by].astype("str").fillna("")
    chosen = contracts.where(seen & levels.isin(large))
    entry, tenure, ended = watched(chosen)
    codes = np.unique(levels[chosen.table.index].to_numpy(), return_inverse=True)[1]
    late = {"entry": entry} if entry.any() else {}
    statistic, p_value = survdiff(tenure, ended, codes, **late)
    return Difference(float(statistic), len(large) - 1, float(p_value))


def _retention(came: Counts, left: Counts, level: float) -> dict[str, Array]:
    from statsmodels.stats.proportion import proportion_confint  # slow to import

    lower, upper = proportion_confint(came - left, came, alpha=1 - level, method="wilson")
    rate = 1 - left / came
    return {"retention_rate": rate, "retention_lower": lower, "retention_upper": upper}


def _first_row(customers: int) -> pd.DataFrame:
    """Tenure 0: everybody is there, and nobody has come up for renewal."""
    return pd.DataFrame(
        {"at_risk": customers, "left": 0, "survival": 1.0, "lower": 1.0, "upper": 1.0}, index=[0]
    )


def _curve(found: Any, n: Counts, level: float) -> dict[str, Array]:
    """Survival and its limits at every renewal n, between the ones at which somebody left."""
    if found is None:
        return {
            "survival": np.ones(len(n)),
            **dict.fromkeys(("lower", "upper"), np.full(len(n), np.nan)),
        }
    place = np.searchsorted(found.surv_times, n, side="right")
    survival = np.append(1.0, found.surv_prob)[place]
    error = np.append(np.nan, found.surv_prob_se)[place]
    with np.errstate(all="ignore"):
        log_log = np.log(-np.log(survival))
        half = _normal(level) * error / np.abs(survival * np.log(survival))
    inside = (survival > 0) & (survival < 1)
    limits = [np.where(inside, np.exp(-np.exp(log_log + s * half)), np.nan) for s in (1, -1)]
    return {"survival": survival, "lower": limits[0], "upper": limits[1]}


def _median(table: pd.DataFrame) -> Estimate:
    """The first tenure at which the curve, and each of its limits, is at a half or below."""
    columns = (table[c].to_numpy() <= 0.5 + 1e-9 for c in ("survival", "lower", "upper"))
    return Estimate(
        *(float(table.index[low.argmax()]) if low.any() else math.nan for low in columns)
    )


def _normal(level: float) -> float:
    if not 0 < level < 1:
        raise WrongParameter("level", level, "a share between 0 and 1")
    return NormalDist().inv_cdf((1 + level) / 2)
