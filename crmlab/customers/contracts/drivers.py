"""What goes with leaving: a Cox model and a logit model of leaving at the next renewal."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.contracts.features import OTHER, Recipe
from crmlab.customers.contracts.snapshot import Snapshot
from crmlab.errors import NotEstimable
from crmlab.intake.findings import Finding
from crmlab.models.special import Array, Counts

NORMAL_975 = 1.959963984540054
BANDS = 5
"""Bands of tenure in which the logit model lets the chance of leaving be as it is."""

FAR = 12.0
"""A coefficient, in standard deviations or of a level, beyond which no finite one exists."""

SIGNIFICANT = 0.05

NEWTON_STEPS = 100
"""Steps in which the hazard at one renewal is found; from below, each brings it nearer."""

PER_COLUMN = 5
"""Fewer of those who left, a column, are too few to tell effects apart."""


@dataclasses.dataclass(frozen=True)
class Drivers:
    """Effects of covariates on leaving; `kind` is 'cox' (hazard ratios) or 'logit' (odds ratios).

    `effects`, one row a level or number: covariate, level, reference, ratio with 95 % confidence
    limits lower and upper, p_value, and customers and left (of that level). The ratio of a number
    is that of one unit more. They tell what goes with leaving, not what causes it.
    `baseline`: hazard by renewal n of a customer at the references and means ('cox'), or
    log-odds by the tenure from which on they hold ('logit').
    `proportional` ('cox' only): see proportional_hazards.
    """

    kind: str
    effects: pd.DataFrame
    recipe: Recipe
    coefficients: Array
    covariance: Array
    baseline: pd.Series
    customers: int
    left: int
    findings: tuple[Finding, ...]
    proportional: pd.DataFrame | None = None

    def chance(self, features: pd.DataFrame, renewal: Counts) -> Array:
        """Probability of leaving at renewal n >= 1 of customers who came up for it.

        Beyond the renewals that were seen the last one holds ('logit'), or nothing is known: nan.
        """
        linear = self.recipe.encode(features) @ self.coefficients
        return self.chance_at(linear, renewal)

    def chance_at(self, linear: Array, renewal: Counts) -> Array:
        """The same, by the linear predictor of the covariates."""
        if self.kind == "logit":
            place = np.searchsorted(self.baseline.index.to_numpy(), renewal, side="right") - 1
            return np.asarray(1 / (1 + np.exp(-linear - self.baseline.to_numpy()[place])))
        hazard = self.baseline.reindex(renewal).to_numpy()
        return np.asarray(-np.expm1(-hazard * np.exp(linear)))

    def linear(self, features: pd.DataFrame) -> Array:
        """The linear predictor of the covariates: log-hazard or log-odds against the baseline."""
        out: Array = self.recipe.encode(features) @ self.coefficients
        return out


def fit_cox(seen: Snapshot, recipe: Recipe) -> Drivers:
    """Cox's model of the hazard of leaving by tenure (ties after Efron; delayed entry).

    Raises NotEstimable where too few left, or no finite estimate exists.
    """
    from statsmodels.duration.hazard_regression import PHReg  # slow to import

    x = recipe.encode(seen.features)
    _refuse_few(seen, recipe, "Cox's model")
    model = PHReg(
        seen.tenure.astype(float), x, status=seen.ended.astype(int),
        entry=seen.entry + 0.5, ties="efron",  # watched after entry, not at it
    )  # fmt: skip
    found = _carefully(lambda: model.fit(disp=0), "Cox's model")
    beta, covariance = np.asarray(found.params), np.asarray(found.cov_params())
    _refuse_far(recipe, beta, covariance, "Cox's model")
    hazard, residuals = _risk_sets(seen, x, beta)
    effects = _effects(seen, recipe, beta, covariance)
    proportional = proportional_hazards(recipe, beta, covariance, residuals)
    findings = (*recipe.findings, *_not_proportional(proportional))
    return Drivers(
        "cox", effects, recipe, beta, covariance, hazard, len(seen), int(seen.ended.sum()),
        findings, proportional,
    )  # fmt: skip


def _risk_sets(seen: Snapshot, x: Array, beta: Array) -> tuple[pd.Series, pd.DataFrame]:
    """The hazard at each renewal, and the sum of Schoenfeld residuals at it.

    The residuals' table has the columns left, then one a covariate, by renewal.
    """
    weight = np.exp(x @ beta)
    hazards, rows = {}, {}
    for n in range(int(seen.entry.min()) + 1, int(seen.tenure.max()) + 1):
        there = (seen.entry < n) & (seen.tenure >= n)
        if not there.any():
            continue
        gone = there & seen.ended & (seen.tenure == n)
        total = weight[there].sum()
        hazards[n] = _hazard(weight[there], int(gone.sum()))
        if gone.any():
            mean = weight[there] @ x[there] / total
            rows[n] = [float(gone.sum()), *(x[gone].sum(axis=0) - gone.sum() * mean)]
    residuals = pd.DataFrame.from_dict(rows, orient="index")
    return pd.Series(hazards, name="hazard"), residuals


def _hazard(weight: Array, left: int) -> float:
    """The baseline hazard at which as many are expected to leave at a renewal as did.

    Sum of 1 - exp(-hazard x weight) = left. Where many leave at once Breslow's left / sum of
    weights, the first step of the search, expects too few.
    """
    if left == len(weight):
        return np.inf
    hazard = 0.0
    for _ in range(NEWTON_STEPS):
        stays = np.exp(-hazard * weight)
        step = (left - len(weight) + stays.sum()) / (weight @ stays)
        hazard += step
        if abs(step) <= 1e-12 * hazard:
            break
    return float(hazard)


def proportional_hazards(
    recipe: Recipe, beta: Array, covariance: Array, residuals: pd.DataFrame
) -> pd.DataFrame:
    """Whether effects change with tenure: a test a column and one of all, by scaled residuals.

    Grambsch & Therneau 1994, against the rank of the tenure at leaving. Columns statistic, p_value,
    and the hazard ratio among the first and the last quarter of those who left (ratio_early,
    ratio_late; of a number, of one standard deviation more): with many customers small changes
    are significant, so look at these.
    """
    from scipy.special import chdtrc

    left, total = residuals[0].to_numpy(), residuals[0].sum()
    sums = residuals.drop(columns=0).to_numpy()
    rank = (np.cumsum(left) - (left - 1) / 2) / total
    away = rank - (left @ rank) / total
    spread = float(left @ away**2)
    score = away @ sums
    slope = total * covariance @ score / spread
    each = slope**2 * spread / (total * np.diag(covariance))
    whole = total * score @ covariance @ score / spread
    early, late = (np.exp(beta + slope * (place - 0.5)) for place in (0.125, 0.875))
    rows = pd.DataFrame(
        {"statistic": each, "p_value": chdtrc(1, each), "ratio_early": early, "ratio_late": late},
        index=list(recipe.columns),
    )
    rows.loc["(all)", ["statistic", "p_value"]] = [whole, chdtrc(len(beta), whole)]
    return rows.rename_axis("column")


def _not_proportional(table: pd.DataFrame) -> tuple[Finding, ...]:
    """The columns whose effect changes with tenure, told where all together do."""
    if table.loc["(all)", "p_value"] >= SIGNIFICANT:
        return ()
    each = table.drop(index="(all)")
    changed = each[each["p_value"] < SIGNIFICANT / len(each)]
    return tuple(
        Finding("not_proportional", {"name": str(name), "early": float(row["ratio_early"]),
                                     "late": float(row["ratio_late"])})
        for name, row in changed.iterrows()
    )  # fmt: skip


def fit_logit(seen: Snapshot, recipe: Recipe, *, periods: int | None = None) -> Drivers:
    """Logit model of leaving at the next renewal, of the first `periods` after the cut-off.

    Each customer counts at every renewal that he came up for, up to the one at which he left
    (None: all that were watched; 1: only the next one after the cut-off). The log-odds may differ
    between bands of tenure. Raises NotEstimable as fit_cox does.
    """
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    seen = until(seen, periods)
    _refuse_few(seen, recipe, "The logit model")
    x = recipe.encode(seen.features)
    begins = _bands(seen)
    rows, band, came, left = _exposures(seen, begins)
    dummies = (band[:, None] == np.arange(len(begins))).astype(float)
    matrix = np.column_stack((x[rows], dummies))
    counts = np.column_stack((left, came - left))
    found = _carefully(lambda: GLM(counts, matrix, family=Binomial()).fit(), "The logit model")
    width = x.shape[1]
    beta, covariance = np.asarray(found.params), np.asarray(found.cov_params())
    _refuse_far(recipe, beta[:width], covariance[:width, :width], "The logit model")
    baseline = pd.Series(beta[width:], index=begins, name="log_odds")
    effects = _effects(seen, recipe, beta[:width], covariance[:width, :width])
    return Drivers(
        "logit", effects, recipe, beta[:width], covariance[:width, :width], baseline, len(seen),
        int(seen.ended.sum()), recipe.findings,
    )  # fmt: skip


def until(seen: Snapshot, periods: int | None) -> Snapshot:
    """The snapshot watched for `periods` renewals after the cut-off only (None: as it is)."""
    if periods is None:
        return seen
    last = np.minimum(seen.tenure, seen.entry + periods)
    return dataclasses.replace(seen, tenure=last, ended=seen.ended & (seen.tenure == last))


def _bands(seen: Snapshot) -> Counts:
    """First renewals of bands of tenure, in each of which about as many left."""
    gone = seen.tenure[seen.ended]
    cuts = np.quantile(gone, np.arange(1, BANDS) / BANDS, method="higher") + 1
    begins = np.unique(np.concatenate(([1], cuts))).astype(np.int64)
    left = np.bincount(np.searchsorted(begins, gone, side="right") - 1, minlength=len(begins))
    kept: Counts = begins[(left >= PER_COLUMN) | (np.arange(len(begins)) == 0)]
    return kept


def _exposures(seen: Snapshot, begins: Counts) -> tuple[Counts, Counts, Array, Array]:
    """Customers x bands in which they came up for renewal: row, band, how often, if they left."""
    ends = np.append(begins[1:] - 1, np.iinfo(np.int64).max)
    first = np.maximum(seen.entry[:, None] + 1, begins[None, :])
    last = np.minimum(seen.tenure[:, None], ends[None, :])
    came = np.maximum(last - first + 1, 0)
    left = (came > 0) & seen.ended[:, None] & (last == seen.tenure[:, None])
    rows, band = np.nonzero(came)
    return rows, band, came[rows, band].astype(float), left[rows, band].astype(float)


def _effects(seen: Snapshot, recipe: Recipe, beta: Array, covariance: Array) -> pd.DataFrame:
    from scipy.special import ndtr

    error = np.sqrt(np.diag(covariance))
    step = np.array([recipe.scale.get(name, 1.0) for name in recipe.columns])
    half = NORMAL_975 * error
    found = {
        "ratio": np.exp(beta / step),
        "lower": np.exp((beta - half) / step),
        "upper": np.exp((beta + half) / step),
        "p_value": 2 * ndtr(-np.abs(beta / error)),
    }
    labels = pd.DataFrame([_label(seen, recipe, name) for name in recipe.columns])
    counts = labels[["customers", "left"]]
    return pd.concat(
        [labels[["covariate", "level", "reference"]], pd.DataFrame(found), counts], axis=1
    )


def _label(seen: Snapshot, recipe: Recipe, column: str) -> dict[str, Any]:
    """What a column stands for, and how many customers have it."""
    texts = [(name, level) for name, levels in recipe.levels.items() for level in levels[1:]]
    labels = {f"{name}[{level}]": (name, level) for name, level in texts}
    name, level = labels.get(column, (column, ""))
    has = np.ones(len(seen), dtype=bool)
    if level:
        values, pooled = seen.features[name].astype("str"), recipe.pooled.get(name, ())
        has = (values.isin(pooled) if level == OTHER else values == level).to_numpy()
    return {
        "covariate": name,
        "level": level,
        "reference": recipe.levels[name][0] if level else "",
        "customers": int(has.sum()),
        "left": int(seen.ended[has].sum()),
    }


def _refuse_few(seen: Snapshot, recipe: Recipe, name: str) -> None:
    left = int(seen.ended.sum())
    passed = int((seen.tenure - seen.entry).sum()) - left
    needed = PER_COLUMN * len(recipe.columns)
    if min(left, passed) < needed:
        found = (
            f"{left:,} left and {passed:,} renewals were passed, for {len(recipe.columns)} effects"
        )
        remedy = f"Take fewer covariates, or a longer time: {needed} of each are the least."
        raise NotEstimable(name, found, remedy)


def _carefully(fit: Callable[[], Any], name: str) -> Any:
    """Run a fit; what statsmodels warns of or fails at is a refusal."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("error")
            return fit()
    except (Warning, np.linalg.LinAlgError, ValueError, FloatingPointError) as error:
        found = f"no finite estimate was found ({str(error).splitlines()[0][:120]})"
        raise NotEstimable(name, found, "Take fewer covariates or pool rare levels.") from error


def _refuse_far(recipe: Recipe, beta: Array, covariance: Array, name: str) -> None:
    bad = ~np.isfinite(beta) | (np.abs(beta) > FAR) | ~(np.diag(covariance) > 0)
    if bad.any():
        column = recipe.columns[int(np.flatnonzero(bad)[0])]
        found = f"'{column}' parts those who left from those who stayed"
        raise NotEstimable(name, found, "Leave it out, or pool its rare levels.")
