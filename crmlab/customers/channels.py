"""How customers were won: by which channel, in which cohort, at what cost."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from crmlab.customers.acquired import by_group
from crmlab.customers.economics import Economics
from crmlab.errors import WrongParameter
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import Attributes, read_attributes
from crmlab.intake.log import TransactionLog
from crmlab.intake.rate_tables import read_rates

if TYPE_CHECKING:
    from crmlab.customers.study import Study

Channels: TypeAlias = Attributes
"""Attributes with the columns channel and acquisition_cost."""

COHORTS = {
    r"\d{4}-(0[1-9]|1[0-2])": "M",
    r"\d{4}-?Q[1-4]": "Q",
    r"\d{4}": "Y",
}
"""How the cohorts of a table of costs may be written, and the period that each way means."""


def read_channels(source: str | None) -> Channels | None:
    """Attributes with the columns channel and acquisition_cost, or None without a source.

    A table also has customer_id and valid_from; 'base' is the attributes of the customer base.
    Raises as read_attributes does.
    """
    if source is None:
        return None
    mapping = AttributeMapping(channel="channel", acquisition_cost="acquisition_cost")
    return read_attributes(source, mapping)


@dataclasses.dataclass(frozen=True)
class Won:
    """How the customers of a base were won.

    `table`: a row a customer; columns cohort (a period), channel (missing where unknown; no such
    column where nothing tells channels) and acquisition_cost (missing where unknown).
    `channel_from`: 'attributes' or 'first_purchase', None without channels. `cost_from`: 'figure',
    'table' (by channel or cohort, or both) or 'attributes', None where no cost is known. `costs`:
    what Economics takes as the acquisition cost. `mean`: of the customers whose cost is known.
    """

    table: pd.DataFrame = dataclasses.field(repr=False)
    channel_from: str | None
    cost_from: str | None
    costs: float | pd.DataFrame | None = dataclasses.field(repr=False)

    @property
    def mean(self) -> float | None:
        """Mean acquisition cost of the customers for whom it is known; None without any."""
        known = self.table["acquisition_cost"].dropna()
        return float(known.mean()) if len(known) else None

    @property
    def priced(self) -> int:
        """Customers whose acquisition cost is known."""
        return int(self.table["acquisition_cost"].notna().sum())


def won(
    log: TransactionLog, summary: pd.DataFrame, observation_end: str, known: Channels | None,
    cost: float | str | pd.DataFrame | None,
) -> Won:  # fmt: skip
    """How the customers of a summary were won, and what that cost.

    The channel is that of the attributes where they are given, else that of the first purchase
    where the source tells channels. `cost` is a figure for all, a table with columns channel or
    cohort (2024-03, 2024-Q1 or 2024), or both, and cost, or the path of such a table. Without a
    table, the means by channel of the attributes' acquisition_cost go before the figure. Raises
    WrongParameter for a table that is about none of these customers.
    """
    costs = _read_costs(cost) if isinstance(cost, str) else cost
    told = None if known is None else known.as_of(observation_end).reindex(summary.index)
    freq = _period(costs) if isinstance(costs, pd.DataFrame) else "M"
    table = pd.DataFrame({"cohort": summary["first_date"].dt.to_period(freq)}, index=summary.index)
    channel = log.first_channels(observation_end) if told is None else told["channel"]
    if channel is not None:
        table["channel"] = channel.reindex(summary.index)
    origin = None if channel is None else "first_purchase" if told is None else "attributes"
    by = _mean_costs(told) if told is not None and not isinstance(costs, pd.DataFrame) else None
    if by is not None:
        each = _each(by, table)
        figure = np.nan if costs is None else float(costs)
        return Won(table.assign(acquisition_cost=each.fillna(figure)), origin, "attributes", by)
    table["acquisition_cost"] = _each(costs, table)
    kind = "table" if isinstance(costs, pd.DataFrame) else "figure"
    return Won(table, origin, None if costs is None else kind, costs)


def _read_costs(path: str) -> pd.DataFrame:
    return read_rates(path, ("channel", "cohort"), "cost")


def _period(costs: pd.DataFrame) -> str:
    """The period of a table's cohorts, a month without any; they are put as pandas writes them."""
    if "cohort" not in costs:
        return "M"
    texts = costs["cohort"].astype(str).str.strip().str.upper()
    fits = {p: texts.map(lambda text, p=p: bool(re.fullmatch(p, text))) for p in COHORTS}
    usual = max(fits, key=lambda pattern: int(fits[pattern].sum()))
    if not fits[usual].all():
        odd = costs["cohort"][~fits[usual]].iloc[0]
        expected = "cohorts of one kind: months (2024-03), quarters (2024-Q1) or years (2024)"
        raise WrongParameter("acquisition_cost", f"a table with a cohort {odd!r}", expected)
    costs["cohort"] = texts.str.replace("-Q", "Q") if COHORTS[usual] == "Q" else texts
    return COHORTS[usual]


def _mean_costs(told: pd.DataFrame) -> pd.DataFrame | None:
    """Mean cost by channel over the customers whose cost is known; None without any."""
    mean = told.groupby("channel")["acquisition_cost"].mean().dropna()
    return mean.rename("cost").reset_index() if len(mean) else None


def _each(costs: Any, table: pd.DataFrame) -> pd.Series:
    """What winning each customer cost; missing where the costs do not tell."""
    money = Economics(1.0, 0.0, acquisition_cost=costs)
    each = money.acquisition_cost_of(table)
    if isinstance(costs, pd.DataFrame) and each.isna().all() and not _later(costs, table):
        keys = [key for key in ("channel", "cohort") if key in costs]
        found = "; ".join(f"{key} {', '.join(_some(costs[key]))}" for key in keys)
        there = "; ".join(f"{key} {', '.join(_some(table[key]))}" for key in keys)
        expected = f"costs of the customers' own ({there})"
        raise WrongParameter("acquisition_cost", f"a table of {found}", expected)
    if isinstance(costs, pd.DataFrame):
        _refuse_misspelt(costs, table)
    return each


def _refuse_misspelt(costs: pd.DataFrame, table: pd.DataFrame) -> None:
    """A channel of the table that is nobody's, while another has no cost, is taken for a slip."""
    if "channel" not in costs or "channel" not in table:
        return
    named = set(costs["channel"].dropna().astype(str))
    there = table["channel"].dropna().astype(str)
    nobodys, without = sorted(named - set(there)), there[~there.isin(named)]
    if nobodys and len(without):
        found = (
            f"a table with the channel {nobodys[0]!r}, which no customer has, and without "
            f"{without.iloc[0]!r} and other channels of {len(without):,} customers"
        )
        raise WrongParameter("acquisition_cost", found, "the customers' own channels")


def _later(costs: pd.DataFrame, table: pd.DataFrame) -> bool:
    """Whether the costs are all of cohorts yet to come, as they are at an earlier valuation."""
    return "cohort" in costs and costs["cohort"].min() > str(table["cohort"].max())


def _some(values: pd.Series) -> list[str]:
    return [str(value) for value in values.dropna().drop_duplicates().head(5)]


def by_channel(study: Study, *, seed: int) -> pd.DataFrame:
    """Value of the customers won by channel against the mean cost of winning one of them.

    Indexed by channel; columns as crmlab.customers.acquired.by_group.
    """
    return _by(study, study.won.table[["channel"]], seed)


def by_cohort(study: Study, period: str, *, seed: int) -> pd.DataFrame:
    """The same by cohort; `period` as pandas calls it."""
    first = study.customers["first_date"].dt.to_period(period).rename("cohort")
    return _by(study, first.to_frame(), seed)


def _by(study: Study, groups: pd.DataFrame, seed: int) -> pd.DataFrame:
    occasions = study.log.occasions(study.assumptions.observation_end)
    cost = study.won.table["acquisition_cost"]
    return by_group(study.base, occasions, study.economics, groups, seed=seed, cost=cost)
