"""Can the model be trusted? Fit on the early part, predict the late part, compare."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.intervals import Interval, count_interval
from crmlab.errors import NotEstimable, NoUsableRows, WrongParameter
from crmlab.intake.log import TransactionLog
from crmlab.models.base import Fit
from crmlab.models.catalogue import PURCHASE_MODELS
from crmlab.units import days_per

GOOD_BIAS, FAIR_BIAS = 0.10, 0.25
ORIGINS = (1 / 2, 2 / 3, 5 / 6)  # shares of the observed period after which the test is repeated
TOP_FREQUENCY = 7  # customers with as many repeats or more are taken together, as in the papers


@dataclasses.dataclass(frozen=True)
class Backtest:
    """A model fitted up to `calibration_end` against what happened until `observation_end`.

    `customers`: one row a customer known at calibration_end, with frequency, recency, T, predicted
    and actual occasions in the holdout, and the naive 'same again' (x / T x holdout).
    `tracking`: repeat occasions by week of all of them, actual and expected, also cumulated.
    """

    calibration_end: str
    observation_end: str
    fit: Fit[Any]
    customers: pd.DataFrame
    tracking: pd.DataFrame
    predicted: Interval
    new_customers: int
    new_revenue_share: float

    @classmethod
    def run(
        cls, log: TransactionLog, *, calibration_end: str, observation_end: str,
        unit: str = "week", model: str = "bg-nbd", seed: int = 1997,
    ) -> Backtest:  # fmt: skip
        """Fit on the log up to calibration_end and predict the days after it."""
        holdout_days = (pd.Timestamp(observation_end) - pd.Timestamp(calibration_end)).days
        if holdout_days < 1:
            raise WrongParameter(
                "calibration_end", calibration_end, f"a date before {observation_end}"
            )
        horizon = holdout_days / days_per(unit)
        summary = log.summarize(calibration_end, unit)
        fit = PURCHASE_MODELS[model].fit(summary)
        x, t_x, T = (summary[c].to_numpy() for c in ("frequency", "recency", "T"))
        occasions = log.occasions(observation_end)
        later = occasions[occasions["date"] > pd.Timestamp(calibration_end)]
        bought = later.groupby("customer_id")["amount"].agg(["size", "sum"])
        known = bought.reindex(summary.index)
        same_again = np.divide(x * horizon, T, out=np.zeros_like(T), where=T > 0)
        customers = summary[["frequency", "recency", "T"]].assign(
            predicted=fit.model.expected_purchases(horizon, frequency=x, recency=t_x, T=T),
            actual=known["size"].fillna(0.0),
            same_again=same_again,
        )
        revenue = float(bought["sum"].sum())
        return cls(
            str(calibration_end),
            str(observation_end),
            fit,
            customers,
            _tracking(occasions, summary, fit, calibration_end, observation_end, unit),
            count_interval(summary, fit, horizon, seed=seed),
            len(bought) - int(known["size"].count()),
            1 - float(known["sum"].sum()) / revenue if revenue else 0.0,
        )

    @classmethod
    def where_possible(
        cls, log: TransactionLog, *, calibration_end: str | None, observation_end: str,
        unit: str = "week", model: str = "bg-nbd", seed: int = 1997,
    ) -> Backtest | None:  # fmt: skip
        """As `run`, or None where the early part is too thin for the model.

        Without a calibration_end, the last third of the observed period is held out.
        """
        end = calibration_end or _part_way(log.first_date.isoformat(), observation_end, 2 / 3)
        try:
            return cls.run(
                log, calibration_end=end, observation_end=observation_end, unit=unit, model=model,
                seed=seed,
            )  # fmt: skip
        except (NotEstimable, NoUsableRows):
            return None

    @property
    def actual(self) -> float:
        """Occasions of the known customers in the holdout."""
        return float(self.customers["actual"].sum())

    @property
    def bias(self) -> float:
        """Predicted over actual occasions, less one."""
        return self.predicted.mean / self.actual - 1 if self.actual else float("nan")

    @property
    def inside(self) -> bool:
        """Whether what happened lies inside the prediction interval."""
        return self.predicted.lower <= self.actual <= self.predicted.upper

    @property
    def verdict(self) -> str:
        """How far the total can be trusted.

        'good' where it is within 10 %; 'unsure' where it is further off, but by no more than
        chance allows; 'fair' within 25 %; else 'poor'; 'nothing' where nobody bought.
        """
        if not self.actual:
            return "nothing"
        if abs(self.bias) <= GOOD_BIAS:
            return "good"
        if self.inside:
            return "unsure"
        return "fair" if abs(self.bias) <= FAIR_BIAS else "poor"

    def by_frequency(self) -> pd.DataFrame:
        """Mean actual and predicted holdout occasions by calibration frequency (0 to 7 or more)."""
        group = self.customers["frequency"].clip(upper=TOP_FREQUENCY)
        grouped = self.customers.groupby(group)
        table = grouped[["actual", "predicted", "same_again"]].mean()
        table.insert(0, "customers", grouped.size())
        table["actual_error"] = grouped["actual"].std() / np.sqrt(table["customers"])
        return table

    def rules(self) -> pd.DataFrame:
        """The model against two naive rules: total, bias, and error a customer (MAE, RMSE)."""
        actual = self.customers["actual"]
        columns = {
            "model": self.customers["predicted"],
            "same_again": self.customers["same_again"],
            "nobody_returns": 0 * actual,
        }
        rows = {
            name: {
                "total": float(guess.sum()),
                "bias": float(guess.sum() / actual.sum() - 1) if actual.sum() else np.nan,
                "mae": float((guess - actual).abs().mean()),
                "rmse": float(np.sqrt(((guess - actual) ** 2).mean())),
            }
            for name, guess in columns.items()
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("rule")


def _part_way(start: str, end: str, share: float) -> str:
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    return str((first + (last - first) * share).date())


def rolling(
    log: TransactionLog, *, observation_end: str, unit: str = "week", model: str = "bg-nbd"
) -> pd.DataFrame:
    """The same test from other dates: half, two thirds and five sixths of the observed period.

    One row a date at which the model can be fitted. Columns: calibration_end, customers,
    predicted, actual, bias.
    """
    occasions = log.occasions(observation_end)
    rows = []
    for share in ORIGINS:
        end = _part_way(log.first_date.isoformat(), observation_end, share)
        try:
            summary = log.summarize(end, unit)
            fit = PURCHASE_MODELS[model].fit(summary)
        except (NotEstimable, NoUsableRows):
            continue
        horizon = (pd.Timestamp(observation_end) - pd.Timestamp(end)).days / days_per(unit)
        history = {c: summary[c].to_numpy() for c in ("frequency", "recency", "T")}
        predicted = float(fit.model.expected_purchases(horizon, **history).sum())
        later = occasions[occasions["date"] > pd.Timestamp(end)].groupby("customer_id").size()
        actual = float(later.reindex(summary.index).sum())
        if actual:
            rows.append((end, len(summary), predicted, actual, predicted / actual - 1))
    columns = ["calibration_end", "customers", "predicted", "actual", "bias"]
    return pd.DataFrame(rows, columns=columns)


def _tracking(
    occasions: pd.DataFrame, summary: pd.DataFrame, fit: Fit[Any],
    calibration_end: str, observation_end: str, unit: str,
) -> pd.DataFrame:  # fmt: skip
    """Repeat occasions by week since the first day, of the customers of the summary.

    Expected: for each day since a customer's first, the model's increment for a new customer.
    """
    start = summary["first_date"].min()
    days = (pd.Timestamp(observation_end) - start).days
    repeats = occasions.merge(
        summary["first_date"].rename("first"), left_on="customer_id", right_index=True
    ).query("date > first")
    actual = np.bincount((repeats["date"] - start).dt.days, minlength=days + 1)
    joined = np.bincount((summary["first_date"] - start).dt.days, minlength=days + 1)
    ages = np.arange(days + 1) / days_per(unit)
    each_day = np.diff(fit.model.expected_purchases_new(ages), prepend=0.0)
    expected = np.convolve(joined, each_day)[: days + 1]
    weeks = (days + 1) // 7  # a last week that is not whole would look like a drop
    frame = pd.DataFrame(
        {
            "week": np.arange(1, weeks + 1),
            "actual": actual[: weeks * 7].reshape(weeks, 7).sum(axis=1).astype(float),
            "expected": expected[: weeks * 7].reshape(weeks, 7).sum(axis=1),
        }
    )
    ends = start + pd.to_timedelta(frame["week"] * 7 - 1, unit="D")
    return frame.assign(
        cumulative_actual=frame["actual"].cumsum(),
        cumulative_expected=frame["expected"].cumsum(),
        holdout=ends > pd.Timestamp(calibration_end),
    )
