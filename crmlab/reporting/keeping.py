"""Keeping and serving customers: stages and flows, what an offer may cost, who costs too much."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers import offers, stages, unprofitable, value
from crmlab.customers.actions import LISTED
from crmlab.customers.study import Study
from crmlab.customers.winback import win_back
from crmlab.errors import NoUsableRows
from crmlab.reporting.flows import with_figure
from crmlab.reporting.groups import hardly_at_risk
from crmlab.reporting.holders import equity_tables
from crmlab.reporting.language import Language, Quantity, count, day, money, share, term
from crmlab.reporting.pages import Block, Data, Finding, Page, Sentence, Table, say
from crmlab.reporting.privacy import FEW, can_be_told, told_period, withheld
from crmlab.reporting.winning import by_channel, by_cohort, winning


def customers_page(
    study: Study, known: pd.DataFrame | None, language: Language, *,
    period: str, offer_cost: float | None, seed: int,
) -> Page:  # fmt: skip
    """Winning and keeping: newcomers, stages and their flows, and what an offer may cost.

    `known` as `stages_of` gives it. Value by cohort and channel is in the data only.
    """
    told = told_period(study.customers["first_date"], period)
    blocks: tuple[Block, ...] = (
        *winning(study, seed=seed),
        *_won(study, language, period, seed),
        *stages_and_flows(study, known),
        *offers_by_stage(study, known, cost=offer_cost),
        *(Data(table) for table in equity_tables(study, language, period=told)),
    )
    return Page("review.keeping", blocks, language)


def _won(study: Study, language: Language, period: str, seed: int) -> tuple[Block, ...]:
    """Customers won by channel, those by cohort then in the data only; else by cohort."""
    channels = by_channel(study, language, seed=seed)
    cohorts = by_cohort(study, language, period=period, seed=seed)
    if not channels:
        return cohorts
    return *channels, *(Data(block) for block in cohorts if isinstance(block, Table))


def stages_page(
    study: Study, known: pd.DataFrame | None, language: Language, *, offer_cost: float | None
) -> Page:
    """Stages and their flows, what an offer may cost, and whom to win back.

    `known` as `stages_of` gives it.
    """
    blocks: tuple[Block, ...] = (
        *with_figure(stages_and_flows(study, known), language),
        *offers_by_stage(study, known, cost=offer_cost),
        *worth_winning_back(study, offer_cost),
    )
    return Page("retention.stages", blocks, language)


def worth_winning_back(study: Study, cost: float | None) -> tuple[Block, ...]:
    """Those by whose return most would be gained; the list itself is in actions.parquet."""
    table = win_back(study.base, study.customers["residual_clv"], cost=cost or 0.0).head(LISTED)
    if table.empty:
        return (say("win_back.nobody"),)
    if len(table) < FEW:
        return (say("win_back.few", customers=count(len(table))),)
    return (
        say("win_back.headline", customers=count(len(table)),
            stake=money(table["at_stake"].sum())),
        say("win_back.caution", style="caveat"),
    )  # fmt: skip


def stages_of(study: Study) -> pd.DataFrame | None:
    """Stage of each customer a quarter ago and now; None where nobody had bought by then."""
    given = study.assumptions
    try:
        return stages.stages(study.log, given.observation_end, unit=given.unit)
    except NoUsableRows:
        return None


def stages_and_flows(study: Study, known: pd.DataFrame | None) -> tuple[Block, ...]:
    """Customers by stage a quarter ago (rows) and now (columns)."""
    if known is None:
        return (say("stages.too_young"),)
    table = stages.flows(known)
    now = known["now"].value_counts()
    some = [name for name in stages.STAGES if table[name].sum()]
    rows = table[table.sum(axis=1) > 0][some]
    frame = rows.reset_index(drop=True)
    frame.columns = [f"stage_{name}" for name in frame.columns]
    frame.insert(0, "stage_then", [f"stage.{name}" for name in rows.index])
    total = {"stage_then": "word.total"} | {f"stage_{name}": rows[name].sum() for name in some}
    frame = pd.concat([frame, pd.DataFrame([total])], ignore_index=True)
    kinds = {"stage_then": "term"} | {f"stage_{name}": "count" for name in some}
    before = stages.period_before(study.assumptions.observation_end)
    slipped = _flow(table, ("developing", "loyal"), ("slowing", "at_risk", "lost"))
    return (
        say("stages.headline", date=day(before), loyal=count(now.get("loyal", 0)),
            slipped=count(slipped), lost=count(_flow(table, _not("lost"), ("lost",))),
            back=count(now.get("reactivated", 0))),
        Table("flows", frame, kinds, total=True),
        say("stages.rules", style="caveat", loyal=count(stages.LOYAL_FROM),
            slowing=Quantity(stages.SLOWING, "exact"), at_risk=Quantity(stages.AT_RISK, "exact"),
            lost=Quantity(stages.LOST, "exact")),
    )  # fmt: skip


def _not(stage: str) -> tuple[str, ...]:
    return tuple(name for name in stages.STAGES if name != stage)


def _flow(table: pd.DataFrame, then: tuple[str, ...], now: tuple[str, ...]) -> float:
    return float(table.loc[list(then), list(now)].to_numpy().sum())


def offers_by_stage(
    study: Study, known: pd.DataFrame | None, *, cost: float | None
) -> tuple[Block, ...]:
    """What there is to keep in each stage, and the most that an offer may cost."""
    if known is None:
        return ()
    table = offers.offers(
        study.base, study.economics, study.customers["residual_clv"], known["now"], cost=cost
    )
    frame = table.reset_index(drop=True).assign(stage=[f"stage.{name}" for name in table.index])
    kinds = {
        "stage": "term", "customers": "count", "residual_clv": "money", "value_at_risk": "money",
        "most_cost": "cents",
    }  # fmt: skip
    if cost is not None:
        kinds |= {"break_even_uplift": "points", "per_arm": "count"}
    more = {name: "share" for name in ("buys", "buys_needed", "break_even_share") if name in frame}
    worst = table["value_at_risk"].idxmax()
    who: dict[str, Quantity] = {
        "stage": term(f"stage.{worst}"), "customers": count(table.loc[worst, "customers"]),
    }  # fmt: skip
    words = Sentence("offers.headline_few", who)
    if hardly_at_risk(study):
        words = say("offers.nothing", risk=money(table["value_at_risk"].sum()))
    elif not withheld(table["customers"])[worst]:
        words = Sentence("offers.headline", who | {
            "risk": money(table.loc[worst, "value_at_risk"]),
            "most": money(table.loc[worst, "most_cost"])})  # fmt: skip
    caveat = "offers.no_cost" if cost is None else "offers.uplift"
    given = {} if cost is None else {"cost": money(cost)}
    return words, Table("offers", frame, kinds, more=more), say(caveat, style="caveat", **given)


def risk_by_stage(study: Study, known: pd.DataFrame) -> Finding:
    """The stage with the most value at risk; its money only where it is not that of a few."""
    table = offers.offers(
        study.base, study.economics, study.customers["residual_clv"], known["now"]
    )
    top, total = table["value_at_risk"].idxmax(), table["value_at_risk"].sum()
    facts: dict[str, Quantity] = {
        "total": money(total), "stage": term(f"stage.{top}"),
        "customers": count(table.loc[top, "customers"]),
    }  # fmt: skip
    if withheld(table["customers"])[top]:
        return Finding(Sentence("finding.risk_stage_few", facts), say("decision.risk"))
    risk = table.loc[top, "value_at_risk"]
    more = {"risk": money(risk), "share": share(risk / total if total else np.nan)}
    return Finding(Sentence("finding.risk_stage", facts | more), say("decision.risk"))


def costly(study: Study) -> tuple[Block, ...]:
    """Who is expected to cost more than they bring, and what would mend it."""
    if not study.economics.may_lose:
        return (say("unprofitable.no_costs", style="caveat"),)
    valued = value.value_customers(study.base, study.economics)
    listed = unprofitable.unprofitable(valued)
    found = unprofitable.summary_of(listed, valued)
    if not len(listed):
        return (say("unprofitable.nobody"),)
    if not can_be_told(found["customers"], len(valued)):
        few = say("unprofitable.few", customers=count(found["customers"]))
        return few, say("unprofitable.caution", style="caveat")
    facts: dict[str, Quantity] = {
        "customers": count(found["customers"]), "share": share(found["share"]),
        "loss": money(-found["loss"]), "mended": money(found["equity_if_mended"]),
        "price": share(found["price_change"]),
    }  # fmt: skip
    headline = Sentence("unprofitable.by_price", facts)
    if not np.isfinite(found["price_change"]):
        headline = Sentence("unprofitable.unmended", facts)
    elif np.isfinite(found["cost_change"]):
        cost = {"cost": share(-found["cost_change"])}
        headline = Sentence("unprofitable.headline", facts | cost)
    return headline, say("unprofitable.caution", style="caveat")
