"""Repeat rates of cohorts at equal age, with what could not yet be observed left out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.intake.log import TransactionLog
from crmlab.units import days_per

PERIODS = {"week": "W", "month": "M", "quarter": "Q", "year": "Y"}
AGE_UNITS = {"week": "week", "month": "month", "quarter": "month", "year": "year"}


@dataclasses.dataclass(frozen=True)
class Cohorts:
    """Cohorts by the period of the first occasion, followed by age (periods since it).

    `sizes`: customers by cohort. `rates`: cohort x age (0, 1, 2, ...), the share of the cohort
    with at least one occasion, after the first, in that period of its life; missing where the
    period was not observed for the whole cohort. `partial`: True where it was observed for some of
    the cohort only. `age_unit`: what one step of age is.
    """

    sizes: pd.Series
    rates: pd.DataFrame
    partial: pd.DataFrame
    age_unit: str

    def common_ages(self) -> list[int]:
        """Ages observed for all of every cohort that has any complete period."""
        whole = self.rates.dropna(how="all")
        return [int(age) for age in whole.columns if len(whole) and whole[age].notna().all()]


def cohorts(log: TransactionLog, *, observation_end: str, period: str = "month") -> Cohorts:
    """Cohort table of a log; `period` is week, month, quarter (aged in months) or year."""
    age_unit = AGE_UNITS[period]
    occasions = log.occasions(observation_end)
    first = occasions.groupby("customer_id")["date"].min()
    cohort = first.dt.to_period(PERIODS[period]).rename("cohort")
    sizes = cohort.value_counts().sort_index()
    begun = first.reindex(occasions["customer_id"]).to_numpy()
    days = (occasions["date"].to_numpy() - begun) / np.timedelta64(1, "D")
    age = np.floor(days / days_per(age_unit)).astype(int)
    bought = pd.DataFrame(
        {
            "cohort": cohort.reindex(occasions["customer_id"]).to_numpy(),
            "customer_id": occasions["customer_id"].to_numpy(),
            "age": age,
        }
    )[days > 0].drop_duplicates()
    end = pd.Timestamp(observation_end)
    span_max = (end - first).dt.days.groupby(cohort).max()
    span_min = (end - first).dt.days.groupby(cohort).min()
    ages = np.arange(0, int(np.floor(span_max.max() / days_per(age_unit))) + 1)
    active = bought.groupby(["cohort", "age"]).size().unstack(fill_value=0)
    active = active.reindex(index=sizes.index, columns=ages, fill_value=0)
    # Age k lasts from day k x length to the day before (k + 1) x length; all must be observed.
    last_day = np.ceil((ages + 1) * days_per(age_unit)) - 1
    first_day = np.ceil(ages * days_per(age_unit))
    whole = last_day[None, :] <= span_min.reindex(sizes.index).to_numpy()[:, None]
    begun_by_some = first_day[None, :] <= span_max.reindex(sizes.index).to_numpy()[:, None]
    closed = np.array([p.end_time.normalize() <= end for p in sizes.index])
    rates = active.div(sizes, axis=0).where(whole & closed[:, None])
    partial = pd.DataFrame(
        begun_by_some & rates.isna().to_numpy(), index=rates.index, columns=rates.columns
    )
    return Cohorts(sizes, rates, partial, age_unit)
