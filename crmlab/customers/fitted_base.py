"""A customer base with the models fitted to it: what any valuation starts from."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pandas as pd

from crmlab.models.base import Fit
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.special import Array
from crmlab.units import days_per, units_per_year

if TYPE_CHECKING:
    from crmlab.customers.study import Study


@dataclasses.dataclass(frozen=True)
class FittedBase:
    """Histories up to `observation_end` (`summary`, one row a customer) and the models of them.

    `unit` is the time unit of the histories and of the models.
    """

    observation_end: str
    unit: str
    summary: pd.DataFrame = dataclasses.field(repr=False)
    purchases: Fit[Any]
    spend: Fit[GammaGamma]

    @classmethod
    def of(cls, study: Study) -> FittedBase:
        """The base of a study."""
        given = study.assumptions
        return cls(given.observation_end, given.unit, study.customers, study.purchases, study.spend)

    @property
    def history(self) -> dict[str, Array]:
        """The histories by name, as models take them."""
        return {c: self.summary[c].to_numpy() for c in ("frequency", "recency", "T")}

    @property
    def spending(self) -> dict[str, Array]:
        """Repeat spend by name, as Gamma-Gamma takes it."""
        return {
            "frequency": self.summary["spend_frequency"].to_numpy(),
            "monetary_value": self.summary["monetary_value"].to_numpy(),
        }

    @property
    def expected_spend(self) -> Array:
        """Posterior mean spend an occasion, of each customer."""
        return self.spend.model.expected_spend(**self.spending)

    @property
    def year(self) -> float:
        """A year in time units."""
        return units_per_year(self.unit)

    def since(self, earlier: FittedBase) -> float:
        """Time from an earlier valuation date to this one, in time units."""
        days = (pd.Timestamp(self.observation_end) - pd.Timestamp(earlier.observation_end)).days
        return float(days) / days_per(self.unit)

    def with_models_of(self, other: FittedBase) -> FittedBase:
        """The same customers with another base's models."""
        return dataclasses.replace(self, purchases=other.purchases, spend=other.spend)

    def only(self, customers: pd.Index) -> FittedBase:
        """Some of the customers, with the same models."""
        return dataclasses.replace(self, summary=self.summary.loc[customers])
