"""The whole analysis of contracts in one value: survival, projection, value, drivers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from os import PathLike
from typing import Any

import pandas as pd

from crmlab.customers.contracts.churn import Churn, churn
from crmlab.customers.contracts.life import average_life
from crmlab.customers.contracts.offers import ContractOffers, contract_offers
from crmlab.customers.contracts.projection import Holdout, fit_all, holdout, project
from crmlab.customers.contracts.survival import (
    Difference,
    Survival,
    kaplan_meier,
    log_rank,
    survival_by,
    told_apart,
)
from crmlab.customers.contracts.watched import constant_retention
from crmlab.customers.contracts.worth import (
    ContractEquity,
    ContractTerms,
    contract_equity,
    residual_by_tenure,
)
from crmlab.errors import NotEstimable, WrongParameter
from crmlab.intake.attributes import Attributes
from crmlab.intake.contracts import Contracts
from crmlab.intake.small_tables import Origin, origins
from crmlab.models.base import Fit

MARGIN = "contract_margin"
"""The column of what a contract leaves a period, made from a column and a share."""

HELD_OUT = 1 / 3
"""Share of the renewals observed that are held out, the last ones."""


@dataclasses.dataclass(frozen=True)
class ContractStudy:
    """What is known of contracts, and what follows; made by `run`, never changed afterwards.

    `curve`: Kaplan-Meier of all, `segments` of each level of `segment`, `large` those with
    customers enough to be compared, `difference` their log-rank test. `fits`: sBG and BdW by
    name, `chosen` the one that values rest on (smaller AIC). `projection` to renewal `horizon`;
    `holdout` where there are renewals enough. `residual`: the
    value of one contract of mean margin by tenure; `life`: average life by method; `offers`: what
    keeping contracts may cost, each `offer_cost` (None: not known). `drivers`: None where no
    covariate was given. `tables`: the small tables beside the contracts, by parameter.
    """

    contracts: Contracts
    given: ContractTerms
    margin_mean: float
    segment: str | None
    curve: Survival
    segments: dict[str, Survival]
    large: tuple[str, ...]
    difference: Difference | None
    fits: dict[str, Fit[Any]]
    chosen: str
    horizon: int
    projection: pd.DataFrame
    holdout: Holdout | None
    equity: ContractEquity
    residual: pd.DataFrame
    life: pd.DataFrame
    offers: ContractOffers
    offer_cost: float | None
    drivers: Churn | None
    tables: Mapping[str, Origin] = dataclasses.field(default_factory=dict)

    @classmethod
    def run(
        cls, contracts: Contracts, *, discount_rate: float, margin: float = 1.0,
        margin_column: str | None = None, horizon_years: float | None = 5.0,
        segment: str | None = None, cut_off: str | None = None,
        offer_cost: float | None = None, attributes: Attributes | None = None, seed: int = 1997,
    ) -> ContractStudy:  # fmt: skip
        """Analyse contracts. Each leaves `margin` a period, or that share of `margin_column`.

        `segment`, a covariate, parts the survival curves and the offers to keep contracts, each of
        which costs `offer_cost`. Drivers are looked for among all the
        covariates and dated `attributes`, as they were on `cut_off` (None: from the begin of each
        contract).
        Raises NotEstimable where nothing can be said of renewals, WrongParameter, or
        UnusableCovariate with a remedy.
        """
        contracts, given = _with_margin(contracts, margin, margin_column, discount_rate,
                                        horizon_years)  # fmt: skip
        curve, fits = kaplan_meier(contracts), fit_all(contracts)
        chosen = min(fits, key=lambda name: fits[name].aic)
        rivals = [fit for name, fit in fits.items() if name != chosen]
        equity = contract_equity(contracts, fits[chosen], given, rivals=rivals, seed=seed)
        mean = float(equity.customers["margin"].mean())
        each = dataclasses.replace(given, margin=mean)
        known = {"attributes": None if attributes is None else attributes.origin}
        last = int(equity.by_tenure.index[-1])
        horizon = curve.last + (given.payments(contracts.period) or curve.last)
        return cls(
            contracts, given, mean, segment, curve,
            survival_by(contracts, segment) if segment else {},
            told_apart(contracts, segment) if segment else (), _difference(contracts, segment),
            fits, chosen, horizon, project(contracts, fits, horizon=horizon, seed=seed),
            _holdout(contracts, curve.last), equity,
            residual_by_tenure(fits[chosen], each, tenures=range(last + 1), seed=seed),
            average_life(contracts, fits, seed=seed),
            contract_offers(contracts, fits[chosen], given, equity.customers, by=segment,
                            cost=offer_cost),
            offer_cost, churn(contracts, cut_off, seed, segment=segment, attributes=attributes),
            origins({**contracts.tables, **known}),
        )  # fmt: skip

    @property
    def fit(self) -> Fit[Any]:
        """The fit that values rest on."""
        return self.fits[self.chosen]

    @property
    def retention(self) -> float:
        """The share of all renewals watched that were passed."""
        return constant_retention(self.contracts)

    @property
    def running(self) -> pd.DataFrame:
        """Each running contract: its tenure, margin, chance of renewing next, and value."""
        by = self.equity.by_tenure["retention_next"]
        table = self.equity.customers
        return table.assign(retention_next=table["tenure"].map(by).to_numpy())

    @property
    def alike_each(self) -> float:
        """What a running contract of mean margin would be worth if all customers were alike."""
        return self.equity.constant_total / len(self.equity.customers)

    def write_customers(self, path: str | PathLike[str]) -> None:
        """Write the running contracts with their values as Parquet."""
        self.running.to_parquet(path, index=False)

    def _repr_html_(self) -> str:
        total = self.equity.total
        return (
            f"<p><b>Contract study</b>: {len(self.equity.customers):,} running contracts, worth "
            f"{total.mean:,.0f} ({total.lower:,.0f} to {total.upper:,.0f}) by {self.chosen}</p>"
        )


def _with_margin(
    contracts: Contracts, margin: float, column: str | None, rate: float, years: float | None
) -> tuple[Contracts, ContractTerms]:
    """The contracts with a column of their margins, and the terms that value them by it."""
    if column is None:
        return contracts, ContractTerms(margin, rate, years)
    if column not in contracts.table or not pd.api.types.is_numeric_dtype(contracts.table[column]):
        expected = "a column of numbers of the contracts"
        raise WrongParameter("margin_column", column, expected)
    table = contracts.table.assign(**{MARGIN: margin * contracts.table[column]})
    return dataclasses.replace(contracts, table=table), ContractTerms(MARGIN, rate, years)


def _difference(contracts: Contracts, segment: str | None) -> Difference | None:
    if segment is None:
        return None
    try:
        return log_rank(contracts, segment)
    except (NotEstimable, WrongParameter):
        return None


def _holdout(contracts: Contracts, last: int) -> Holdout | None:
    """The last third of the renewals against fits on the first ones; None where too few."""
    calibration = last - max(round(HELD_OUT * last), 1)
    if calibration < 2:
        return None
    try:
        return holdout(contracts, calibration)
    except NotEstimable:
        return None
