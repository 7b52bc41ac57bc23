"""One row a customer: history, scores of the fitted models, and value."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from crmlab.customers.economics import Economics
from crmlab.models.base import Fit
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.purchase_model import AbstractPurchaseModel
from crmlab.units import continuous_rate, days_per, units_per_year

WEEKS_AHEAD = 52
QUARTERS_A_YEAR = 4


@dataclasses.dataclass(frozen=True)
class Assumptions:
    """What the value of a customer rests on beside the data.

    `margin` is a share of net spend, `discount_rate` an effective annual rate. Costs are in money:
    of an occasion, of a year in which a customer is active (to serve and to retain), and of winning
    a customer (None: not known). Where customers have margins or costs of their own, margin and
    acquisition cost are the means of all, and the costs to serve those of customers without: what
    is computed with is then Study.economics. `rate`, `horizon`, `year_ahead` (52 weeks) and
    `quarter` are per time unit, or in time units.
    """

    observation_end: str
    unit: str
    margin: float
    discount_rate: float
    horizon_years: float
    cost_per_occasion: float = 0.0
    cost_per_year: float = 0.0
    retention_per_year: float = 0.0
    acquisition_cost: float | None = None

    @property
    def economics(self) -> Economics:
        """The same without dates and units, as valuations take it."""
        return Economics(
            margin=self.margin,
            discount_rate=self.discount_rate,
            horizon_years=self.horizon_years,
            cost_per_occasion=self.cost_per_occasion,
            cost_per_year=self.cost_per_year,
            retention_per_year=self.retention_per_year,
            acquisition_cost=self.acquisition_cost,
        )

    @property
    def rate(self) -> float:
        """Continuous discount rate per time unit."""
        return continuous_rate(self.discount_rate, self.unit)

    @property
    def horizon(self) -> float:
        """Horizon in time units."""
        return self.horizon_years * units_per_year(self.unit)

    @property
    def year_ahead(self) -> float:
        """52 weeks in time units."""
        return WEEKS_AHEAD * 7 / days_per(self.unit)

    @property
    def quarter(self) -> float:
        """A quarter of a year in time units."""
        return units_per_year(self.unit) / QUARTERS_A_YEAR


def score(
    summary: pd.DataFrame,
    purchases: Fit[AbstractPurchaseModel],
    spend: Fit[GammaGamma],
    given: Assumptions,
    economics: Economics | None = None,
) -> pd.DataFrame:
    """A summary with the columns of `schema.SCORES` beside it; same index, same order.

    `economics` may have margins and costs by customer; without it they are those of `given`.
    """
    money = economics or given.economics
    model, index = purchases.model, summary.index
    history = {c: summary[c].to_numpy() for c in ("frequency", "recency", "T")}
    det = model.det(given.rate, given.horizon, **history)
    stays = model.survival_if_alive(given.quarter, **history)
    each = spend.model.expected_spend(
        frequency=summary["spend_frequency"].to_numpy(),
        monetary_value=summary["monetary_value"].to_numpy(),
    )
    value = (money.of("margin", index) * each - money.of("cost_per_occasion", index)) * det
    if money.costs_time:
        upkeep = money.of("cost_per_year", index) + money.retention_per_year
        life = model.discounted_life(given.rate, given.horizon, **history)
        value = value - upkeep / units_per_year(given.unit) * life
    return summary.assign(
        p_alive=model.p_alive(**history),
        expected_purchases=model.expected_purchases(given.year_ahead, **history),
        det=det,
        survival_next_quarter=stays,
        expected_life=model.expected_life(given.horizon, **history),
        expected_spend=each,
        residual_clv=value,
        value_at_risk=np.maximum(value, 0.0) * (1 - stays),
    )
