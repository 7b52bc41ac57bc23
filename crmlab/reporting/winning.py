"""What a new customer is worth, against what winning one costs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from crmlab.customers import channels, newcomers
from crmlab.customers.cohorts import PERIODS
from crmlab.customers.study import Study
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    money,
    number,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.pages import Block, Sentence, Table, Tile, say

ENOUGH = 30  # customers of a cohort, to be judged


def newcomer_tile(study: Study, seed: int) -> Tile:
    """The value of a new customer, against the cost of winning one where that is known."""
    cost = study.assumptions.acquisition_cost
    last = newcomers.value_by_month(study.base, study.economics).iloc[-1]
    if cost is None:
        limits = {"lower": money(last["lower"]), "upper": money(last["upper"])}
        return Tile("tile.newcomer", money(last["value"]), Sentence("tile.newcomer_note", limits))
    found = newcomers.acquisition(study.base, study.economics, cost, seed=seed)
    month, part = found.pay_back.month, _known_part(study.won)
    facts = {
        "cost": money(cost), "ratio": number(found.ratio),
        "month": count(month) if np.isfinite(month) else term("word.never"),
    }  # fmt: skip
    key = "tile.newcomer_cost" if part is None else "tile.newcomer_cost_part"
    note = Sentence(key, facts if part is None else facts | {"share": share(part)})
    return Tile("tile.newcomer", money(found.value), note)


def winning(study: Study, *, seed: int) -> tuple[Block, ...]:
    """A new customer against the cost of winning one, where it is known."""
    base, given, cost = study.base, study.economics, study.assumptions.acquisition_cost
    months = newcomers.value_by_month(base, given)
    last = months.iloc[-1]
    facts: dict[str, Quantity] = {
        "value": money(last["value"]), "lower": money(last["lower"]), "upper": money(last["upper"]),
        "years": years(study.assumptions.horizon_years),
    }  # fmt: skip
    if cost is None and study.won.cost_from is not None:
        return (say("winning.none_priced", style="caveat"),)
    if cost is None:
        return (Sentence("winning.most", facts),)
    found = newcomers.acquisition(base, given, cost, seed=seed)
    return (
        Sentence("winning.ratio", facts | {
            "cost": money(cost), "ratio": number(found.ratio), "never": share(found.never)}),
        pay_back(found.pay_back),
        *for_whom_known(study),
    )  # fmt: skip


def _known_part(how: channels.Won) -> float | None:
    """The share of customers whose cost of winning is known, None where it is of all."""
    return None if how.priced == len(how.table) else how.priced / len(how.table)


def for_whom_known(study: Study) -> tuple[Sentence, ...]:
    """Of how many customers and cohorts the cost of winning them is known, where not of all."""
    part = _known_part(study.won)
    if part is None:
        return ()
    cohorts, every = study.won.cohorts
    return (
        say("winning.priced", style="caveat", known=count(study.won.priced), share=share(part),
            all=count(len(study.won.table)), cohorts=count(cohorts), every=count(every)),
    )  # fmt: skip


def by_cohort(study: Study, language: Language, *, period: str, seed: int) -> tuple[Block, ...]:
    """Customers won by cohort, where the cost of winning one is known."""
    if study.assumptions.acquisition_cost is None:
        return ()
    table = _cohorts_won(study, language, period, seed)
    return table, say("winning.cohorts", style="caveat")


def pay_back(found: newcomers.PayBack) -> Sentence:
    """When a new customer pays back, with its interval."""
    if math.isinf(found.month):
        return say("winning.never")
    if found.month == 0:
        return say("winning.at_once")
    if found.earliest == found.latest:
        return say("winning.pay_back_sure", month=count(found.month))
    facts = {"month": count(found.month), "earliest": count(found.earliest)}
    if math.isinf(found.latest):
        return Sentence("winning.pay_back_open", facts)
    return Sentence("winning.pay_back", facts | {"latest": count(found.latest)})


def by_channel(study: Study, language: Language, *, seed: int) -> tuple[Block, ...]:
    """Customers won by channel, where their channels are known."""
    if study.won.channel_from is None:
        return ()
    table = channels.by_channel(study, seed=seed)
    named = table[table["customers"] >= ENOUGH]
    if named.empty:
        return (say("winning.no_channel", least=count(ENOUGH)),)
    priced = named["net_value"].drop("unknown", errors="ignore").dropna()
    if len(priced) < 2:
        return (_won("won_by_channel", named, "channel", language),)
    best, worst = priced.idxmax(), priced.idxmin()
    return (
        say("winning.channels", best=plain(best), value=money(named.loc[best, "net_value"]),
            worst=plain(worst), least=money(named.loc[worst, "net_value"])),
        _won("won_by_channel", named, "channel", language),
    )  # fmt: skip


def _cohorts_won(study: Study, language: Language, period: str, seed: int) -> Table:
    table = channels.by_cohort(study, PERIODS[period], seed=seed)
    return _won("won", table[table["customers"] >= ENOUGH], "cohort", language)


def _won(key: str, table: pd.DataFrame, by: str, language: Language) -> Table:
    frame = table.reset_index()
    if by == "channel":
        unknown = language.text("word.unknown")
        frame[by] = frame[by].astype(object).replace("unknown", unknown)
    limits = frame[["pay_back_month", "pay_back_lower", "pay_back_upper"]]
    frame["pay_back"] = [plain(_month(row, language)) for row in limits.to_numpy().tolist()]
    kinds = {
        by: "period" if by == "cohort" else "plain",
        "customers": "count", "value": "cents", "observed_share": "share",
        "net_value": "cents", "ratio": "number", "pay_back": "short", "never": "share",
    }  # fmt: skip
    more = {
        "error": "cents",
        "acquisition_cost": "cents",
        "pay_back_month": "count",
        "pay_back_lower": "count",
        "pay_back_upper": "count",
    }
    return Table(key, frame, kinds, rows=6, more=more)


def _month(limits: Sequence[float], language: Language) -> str:
    """The month of pay-back with its interval, such as 13 (12–14)."""

    month, lower, upper = limits

    def written(value: float) -> str:
        return "∞" if math.isinf(value) else language.write(count(value))

    if math.isnan(lower):
        return written(month)
    return f"{written(month)} ({written(lower)}–{written(upper)})"
