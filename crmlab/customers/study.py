"""The whole flow on one screen: log -> summary -> fits -> scores -> value."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.customers.backtest import Backtest
from crmlab.customers.basis import Basis, basis
from crmlab.customers.bridge import Bridge, bridge
from crmlab.customers.channels import Channels, Won
from crmlab.customers.economics import Economics
from crmlab.customers.fitness import Fitness, check_fitness
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.intervals import Interval
from crmlab.customers.outcomes import equity_interval
from crmlab.customers.scores import Assumptions, score
from crmlab.errors import ModelError, UntrustedSource, WrongParameter
from crmlab.intake import margins
from crmlab.intake.account import Account
from crmlab.intake.log import TransactionLog
from crmlab.models.base import NO_DROPOUT, Fit
from crmlab.models.catalogue import PURCHASE_MODELS
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.units import check_unit, continuous_rate

COSTS = (
    "cost_per_occasion", "cost_per_year", "retention_per_year", "acquisition_cost", "cost_to_serve",
    "margin_limit",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Study:
    """A customer base, its fitted models, and what each customer is worth.

    `customers` has one row a customer: the columns of `schema.SUMMARY` and `schema.SCORES`.
    `economics` are the margins and costs that it is valued with, `basis` says where they are from.
    """

    log: TransactionLog
    assumptions: Assumptions
    account: Account
    purchases: Fit[Any]
    spend: Fit[GammaGamma]
    customers: pd.DataFrame
    economics: Economics
    basis: Basis

    @classmethod
    def run(
        cls,
        log: TransactionLog,
        *,
        observation_end: str,
        margin: float | str | Mapping[str, float],
        discount_rate: float,
        horizon_years: float = 5,
        unit: str = "week",
        model: str = "bg-nbd",
        channels: Channels | None = None,
        **costs: Any,
    ) -> Study:
        """Summarise a log, fit a purchase model and Gamma-Gamma, and value every customer.

        `margin` is a share of net spend; or 'column', 'cost' or 'unit_cost', the column of the
        source that tells it (see crmlab.intake.margins); or shares by category, or the path of a
        table of them (columns category, margin). `discount_rate` is effective a year, `model` a
        name of the catalogue, `channels` are of the customers (read_channels). `costs`, in money:
        cost_per_occasion, cost_per_year, retention_per_year; cost_to_serve, the path of a table by
        customer; acquisition_cost, a figure, or a table by channel and cohort or its path; and
        margin_limit, the share of the money whose margin may be unknown. Raises WrongParameter,
        UntrustedSource, NoUsableRows, or NotEstimable naming what is missing.
        """
        end = str(observation_end)
        _check(unit, model, horizon_years, discount_rate, costs)
        summary = log.summarize(observation_end, unit)
        rests_on = basis(log, summary, end, margin, channels, _known(costs))
        given = rests_on.assumptions(end, unit, discount_rate, horizon_years)
        economics = rests_on.economics(discount_rate, horizon_years)
        purchases = PURCHASE_MODELS[model].fit(summary)
        spend = GammaGamma.fit(summary)
        customers = score(summary, purchases, spend, given, economics)
        account = log.account(observation_end)
        return cls(log, given, account, purchases, spend, customers, economics, rests_on)

    @classmethod
    def where_possible(cls, log: TransactionLog, **given: Any) -> Study | None:
        """As `run`, or None where the model, or margins, cannot be had from this log by then."""
        try:
            return cls.run(log, **given)
        except ModelError:
            return None
        except UntrustedSource as refused:
            if refused.code not in margins.CODES:
                raise
            return None

    @property
    def base(self) -> FittedBase:
        """The histories and the models, as valuations take them."""
        return FittedBase.of(self)

    @property
    def won(self) -> Won:
        """How the customers were won, and what that cost."""
        return self.basis.won

    def change_since(self, earlier: Study | None) -> Bridge | None:
        """The bridge from an earlier valuation to this one; None without one."""
        if earlier is None:
            return None
        return bridge(earlier.base, earlier.economics, self.base, self.economics)

    def fitness(self, backtest: Backtest | None) -> Fitness:
        """Whether the models fit these customers, asked before any money is shown."""
        occasions = self.log.occasions(self.assumptions.observation_end)
        return check_fitness(self.base, occasions, backtest)

    @property
    def equity(self) -> float:
        """Customer equity: the sum of residual_clv over all customers."""
        return float(self.customers["residual_clv"].sum())

    @property
    def shows_no_dropout(self) -> bool:
        """Whether the fitted model sees nobody leave, so that everybody counts as active."""
        return NO_DROPOUT in self.purchases.diagnosis.findings

    def equity_interval(self, level: float = 0.95, seed: int = 1997) -> Interval:
        """Prediction interval of the net margin that the base will really bring, discounted."""
        return equity_interval(self.base, self.economics, level=level, seed=seed)

    def _repr_html_(self) -> str:
        end = self.assumptions.observation_end
        head = f"<p><b>Study</b> of {len(self.customers):,} customers at {end}: "
        return f"{head}equity {self.equity:,.0f}</p>" + self.purchases._repr_html_()


def _known(costs: dict[str, Any]) -> dict[str, Any]:
    """The costs that were given, by name."""
    return {name: cost for name, cost in costs.items() if cost is not None}


def _check(
    unit: str, model: str, horizon_years: float, discount_rate: float, costs: dict[str, Any]
) -> None:
    """Refuse what cannot be before anything is computed."""
    for name in costs:
        if name not in COSTS:
            raise WrongParameter(name, costs[name], "one of the costs " + ", ".join(COSTS))
    if not 0 < horizon_years <= 100:
        raise WrongParameter("horizon_years", horizon_years, "years above 0, at most 100")
    if model not in PURCHASE_MODELS:
        raise WrongParameter("model", model, "one of " + ", ".join(PURCHASE_MODELS))
    continuous_rate(discount_rate, check_unit(unit))  # raises for a wrong rate
