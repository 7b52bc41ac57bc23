"""How customers were won: by which channel, in which cohort, at what cost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd

from crmlab.customers.acquired import by_group
from crmlab.customers.economics import Economics
from crmlab.errors import WrongTable
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import Attributes, read_small
from crmlab.intake.frames import NAME
from crmlab.intake.log import TransactionLog
from crmlab.intake.rate_tables import WINNING, RateTable, read_rates
from crmlab.intake.small_tables import Origin, strangers

if TYPE_CHECKING:
    from crmlab.customers.study import Study

Channels: TypeAlias = Attributes
"""Attributes with the column channel and, where it is known, acquisition_cost."""

COHORTS = {
    r"\d{4}-(0[1-9]|1[0-2])": "M",
    r"\d{4}-?Q[1-4]": "Q",
    r"\d{4}": "Y",
}
"""How the cohorts of a table of costs may be written, and the period that each way means."""

NO_CHANNELS = (
    "it has costs by channel, and nothing says by which channel each customer was won",
    "Name the column of the purchases that does (--set channel=NAME), give attributes with a "
    "channel, or give costs by cohort alone.",
)
"""What is said of a table by channel where there are none, and what to do."""


def read_channels(source: str | None) -> Channels | None:
    """Attributes with the column channel, or None without a source.

    A table also has customer_id and valid_from, and acquisition_cost where that is known; 'base' is
    the attributes of the customer base. Raises as read_small does, and WrongTable for a cost below
    0.
    """
    if source is None:
        return None
    mapping = AttributeMapping(channel="channel")
    found = read_small("attributes", source, mapping)
    if "acquisition_cost" in found.table:
        below = found.table[found.table["acquisition_cost"] < 0]
        if len(below):
            first = below.iloc[0]
            said = (
                f"{len(below):,} of its {len(found.table):,} rows have an acquisition_cost below 0 "
                f"(first: {first['acquisition_cost']:g}, customer {first['customer_id']!r})"
            )
            raise WrongTable("attributes", source, said, "Write money, 0 or more.")
    return found


@dataclasses.dataclass(frozen=True)
class Won:
    """How the customers of a base were won.

    `table`: a row a customer; columns cohort (a period), channel (missing where unknown; no such
    column where nothing tells channels) and acquisition_cost (missing where unknown).
    `channel_from`: 'attributes' or 'first_purchase', None without channels. `cost_from`: 'figure',
    'table' (by channel or cohort, or both) or 'attributes', None where no cost is known. `costs`:
    what Economics takes as the acquisition cost. `mean`: of the customers whose cost is known.
    `origin`: the table of costs, if there is one.
    """

    table: pd.DataFrame = dataclasses.field(repr=False)
    channel_from: str | None
    cost_from: str | None
    costs: float | pd.DataFrame | None = dataclasses.field(repr=False)
    origin: Origin | None = None

    @property
    def mean(self) -> float | None:
        """Mean acquisition cost of the customers for whom it is known; None without any."""
        known = self.table["acquisition_cost"].dropna()
        return float(known.mean()) if len(known) else None

    @property
    def priced(self) -> int:
        """Customers whose acquisition cost is known."""
        return int(self.table["acquisition_cost"].notna().sum())

    @property
    def cohorts(self) -> tuple[int, int]:
        """Cohorts with a customer whose acquisition cost is known, and all cohorts."""
        known = self.table.loc[self.table["acquisition_cost"].notna(), "cohort"]
        return known.nunique(), self.table["cohort"].nunique()


def won(
    log: TransactionLog, summary: pd.DataFrame, observation_end: str, known: Channels | None,
    cost: float | str | pd.DataFrame | None,
) -> Won:  # fmt: skip
    """How the customers of a summary were won, and what that cost.

    The channel is that of the attributes where they are given, as it was at the first purchase (the
    earliest known where none was known by then), else that of the first purchase where the source
    tells channels. `cost` is a figure for all, a table with columns channel or
    cohort (2024-03, 2024-Q1 or 2024), or both, and cost, or the path of such a table. Without a
    table, the means by channel of the attributes' acquisition_cost go before the figure. Raises
    WrongTable for a table that is about none of these customers.
    """
    read = read_rates(cost, WINNING) if isinstance(cost, str) else None
    costs = cost if read is None else read.rows
    if known is not None:
        _refuse_unknown(known, summary.index, log, observation_end)
    told = None
    if known is not None and "channel" in known.table:  # a base's attributes may have none
        told = _when_won(known, summary["first_date"], observation_end)
    if isinstance(costs, pd.DataFrame):
        costs, freq = _with_cohorts(costs, read)
    else:
        freq = "M"
    table = pd.DataFrame({"cohort": summary["first_date"].dt.to_period(freq)}, index=summary.index)
    channel = log.first_channels(observation_end) if told is None else told["channel"]
    if channel is not None:
        table["channel"] = channel.reindex(summary.index)
    from_where = None if channel is None else "first_purchase" if told is None else "attributes"
    by = _mean_costs(told) if told is not None and not isinstance(costs, pd.DataFrame) else None
    if by is not None:
        each = _each(by, table)
        figure = np.nan if costs is None else float(costs)
        return Won(table.assign(acquisition_cost=each.fillna(figure)), from_where, "attributes", by)
    if isinstance(costs, pd.DataFrame) and "channel" in costs and "channel" not in table:
        raise _wrong(read, *NO_CHANNELS)
    table["acquisition_cost"] = _each(costs, table)
    if not isinstance(costs, pd.DataFrame):
        return Won(table, from_where, None if costs is None else "figure", costs)
    _refuse_strangers(costs, table, read, log.last_date)
    _refuse_misspelt(costs, table, read)
    return Won(table, from_where, "table", costs, None if read is None else read.origin)


def _when_won(known: Channels, first_dates: pd.Series, observation_end: str) -> pd.DataFrame:
    """What was so of each customer on the day of the first purchase, else what was so earliest.

    Of what is known by the end of observation; a customer of whom nothing is has missing values.
    """
    rows = known.table[known.table["valid_from"] <= pd.Timestamp(observation_end)]
    by_then = rows[rows["valid_from"] <= rows["customer_id"].map(first_dates)]
    then, earliest = by_then.groupby("customer_id").tail(1), rows.groupby("customer_id").head(1)
    found = pd.concat([then, earliest]).drop_duplicates("customer_id").set_index("customer_id")
    return found.reindex(first_dates.index)


def _refuse_unknown(
    known: Channels, customers: pd.Index, log: TransactionLog, observation_end: str
) -> None:
    """Attributes of none of the customers; at an earlier day they may not have bought yet."""
    told = known.table["customer_id"]
    if log.ends_by(observation_end) and not told.isin(customers).any():
        raise WrongTable("attributes", known.source, *strangers(told, customers))


def _wrong(read: RateTable | None, found: str, remedy: str) -> WrongTable:
    """The error about a table of costs: a file that was read, or a table of Python's."""
    return WrongTable("acquisition_cost", read.origin.source if read else NAME, found, remedy)


def _with_cohorts(costs: pd.DataFrame, read: RateTable | None) -> tuple[pd.DataFrame, str]:
    """The costs with cohorts as pandas writes them, and their period; a month without any."""
    if "cohort" not in costs:
        return costs, "M"
    texts = costs["cohort"].astype(str).str.strip().str.upper()
    fits = {p: texts.map(lambda text, p=p: bool(re.fullmatch(p, text))) for p in COHORTS}
    usual = max(fits, key=lambda pattern: int(fits[pattern].sum()))
    odd = costs[~fits[usual]]
    if len(odd):
        place = f"{odd['place'].iloc[0]}: " if "place" in odd else ""
        found = (
            f"{len(odd):,} of its {len(costs):,} rows have a cohort that is not written as the "
            f"others (first: {place}{odd['cohort'].iloc[0]!r})"
        )
        remedy = (
            "Write cohorts of one kind, in a spreadsheet as text: months (2024-03), quarters "
            "(2024-Q1) or years (2024)."
        )
        raise _wrong(read, found, remedy)
    plain = texts.str.replace("-Q", "Q") if COHORTS[usual] == "Q" else texts
    return costs.assign(cohort=plain), COHORTS[usual]


def _mean_costs(told: pd.DataFrame) -> pd.DataFrame | None:
    """Mean cost by channel over the customers whose cost is known; None without any."""
    if "acquisition_cost" not in told:
        return None
    mean = told.groupby("channel")["acquisition_cost"].mean().dropna()
    return mean.rename("cost").reset_index() if len(mean) else None


def _each(costs: Any, table: pd.DataFrame) -> pd.Series:
    """What winning each customer cost; missing where the costs do not tell."""
    return Economics(1.0, 0.0, acquisition_cost=costs).acquisition_cost_of(table)


def _refuse_strangers(
    costs: pd.DataFrame, table: pd.DataFrame, read: RateTable | None, last: dt.date
) -> None:
    """A table that is about none of the customers, unless it is about some who came later."""
    if table["acquisition_cost"].notna().any() or _later(costs, table, last):
        return
    keys = [key for key in ("channel", "cohort") if key in costs]
    found = "; ".join(f"{key} {_some(costs[key])}" for key in keys)
    there = "; ".join(f"{key} {_some(table[key])}" for key in keys)
    what = f"it is about no customer here: it has {found}; the customers have {there}"
    raise _wrong(read, what, f"Give costs by the {' and '.join(keys)} of these customers.")


def _refuse_misspelt(costs: pd.DataFrame, table: pd.DataFrame, read: RateTable | None) -> None:
    """A channel of the table that is nobody's, while another has no cost, is taken for a slip."""
    if "channel" not in costs or "channel" not in table:
        return
    there = table["channel"].dropna().astype(str)
    named = costs["channel"].astype(str)
    nobodys = costs[~_bare(named).isin(_bare(there))]
    without = there[~_bare(there).isin(_bare(named))]
    if len(nobodys) and len(without):
        first = nobodys.iloc[0]
        place = f" ({first['place']})" if "place" in first else ""
        found = (
            f"no customer has its channel {first['channel']!r}{place}, and it has no cost of "
            f"{_some(without)}, by which {len(without):,} customers were won"
        )
        raise _wrong(read, found, "Write the channels as the customers have them.")


def _bare(names: pd.Series) -> pd.Series:
    return names.str.strip().str.casefold()


def _later(costs: pd.DataFrame, table: pd.DataFrame, last: dt.date) -> bool:
    """Whether the costs are of cohorts that are known but yet to come, at an earlier valuation."""
    if "cohort" not in costs:
        return False
    newest = table["cohort"].max()
    return bool(str(newest) < costs["cohort"].min() <= str(pd.Period(last, newest.freq)))


def _some(values: pd.Series) -> str:
    """The first five of a column and the last, in its own order."""
    names = sorted(str(value) for value in values.dropna().unique())
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])}, ..., {names[-1]}"


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
