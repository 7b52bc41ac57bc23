"""Where a study's margins and costs come from: one figure for all, or the data themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.customers.channels import Channels, Won, won
from crmlab.customers.economics import Economics
from crmlab.customers.scores import Assumptions
from crmlab.customers.serving import COLUMNS, Served, serving_costs
from crmlab.errors import WrongParameter
from crmlab.intake.log import TransactionLog
from crmlab.intake.margins import LIMIT, NEEDS, Margins, OtherCategories
from crmlab.intake.rate_tables import MARGINS, read_rates
from crmlab.intake.small_tables import Origin, origins


@dataclasses.dataclass(frozen=True)
class Basis:
    """What the economics of a study rest on.

    `margin` and `figures` (costs to serve and retain) are single figures: of all customers, or of
    those without one of their own. `margins` and `served` are set where the data tell them by
    customer. `won`: how customers were won, at what cost. `tables`: the small tables that were
    read beside the purchases, by the parameter that named them.
    """

    margin: float
    figures: Mapping[str, float]
    won: Won
    margins: Margins | None = None
    served: Served | None = None
    tables: Mapping[str, Origin] = dataclasses.field(default_factory=dict)

    def economics(self, discount_rate: float, horizon_years: float) -> Economics:
        """The margins and costs that customers are valued with."""
        costs: dict[str, Any] = dict(self.figures)
        if self.served is not None:
            costs |= {name: getattr(self.served, name) for name in COLUMNS}
        margin = self.margin if self.margins is None else self.margins.each
        return Economics(
            margin, discount_rate, horizon_years, acquisition_cost=self.won.costs, **costs
        )

    def assumptions(
        self, observation_end: str, unit: str, discount_rate: float, horizon_years: float
    ) -> Assumptions:
        """The same as figures for a register."""
        return Assumptions(
            observation_end, unit, self.margin, discount_rate, horizon_years,
            acquisition_cost=self.won.mean, **self.figures,
        )  # fmt: skip


def basis(
    log: TransactionLog, summary: pd.DataFrame, observation_end: str,
    margin: float | str | Mapping[str, float], channels: Channels | None, costs: dict[str, Any],
) -> Basis:  # fmt: skip
    """What was given, and what the data tell, of margins and costs.

    Parameters as crmlab.Study.run. Raises as Economics, and as whatever reads the tables.
    """
    names = (*COLUMNS, "retention_per_year")
    figures = {name: costs.get(name, 0.0) for name in names}
    margins, told = _margins(log, observation_end, margin, costs.get("margin_limit", LIMIT))
    share = margin if margins is None else margins.mean
    Economics(share, 0.0, **figures)  # raises for what cannot be
    how = won(log, summary, observation_end, channels, costs.get("acquisition_cost"))
    served = None
    if "cost_to_serve" in costs:
        single = {name: figures[name] for name in COLUMNS}
        table = costs["cost_to_serve"]
        served = serving_costs(
            table, summary.index, observation_end, single, log.meaning,
            complete=log.ends_by(observation_end),
        )  # fmt: skip
    tables = origins({
        "margin": told,
        "acquisition_cost": how.origin,
        "cost_to_serve": None if served is None else served.origin,
        "attributes": None if channels is None else channels.origin,
        "merged_ids": Origin.of_file(log.meaning.merged_ids),
    })  # fmt: skip
    return Basis(float(share), figures, how, margins, served, tables)  # type: ignore[arg-type]


def _margins(
    log: TransactionLog, end: str, margin: float | str | Mapping[str, float], limit: float
) -> tuple[Margins | None, Origin | None]:
    """Margins by customer, where the source is to tell them, and the table that they are from."""
    if isinstance(margin, Mapping):
        return log.margins(end, "category", margin, limit=limit), None
    if not isinstance(margin, str):
        return None, None
    if margin in NEEDS and margin != "category":
        return log.margins(end, margin, limit=limit), None
    if margin == "category":
        expected = "margins by category: a mapping in the parameters file, or the path of a table"
        raise WrongParameter("margin", margin, expected)
    table = read_rates(margin, MARGINS)
    rates = dict(zip(table.rows["category"], table.rows["margin"], strict=True))
    try:
        return log.margins(end, "category", rates, limit=limit), table.origin
    except OtherCategories as error:
        remedy = "Write the categories as the purchases have them."
        raise table.wrong(error.told, remedy) from None
