"""From the last valuation to this one: the bridge, and what winning customers brings."""

from __future__ import annotations

import math

import pandas as pd

from crmlab.customers import acquired, newcomers
from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.customers.cohorts import PERIODS
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    money,
    number,
    plain,
    share,
    years,
)
from crmlab.reporting.pages import Block, Figure, Page, Sentence, Table, say

ENOUGH = 30  # customers of a cohort, to be judged


def what_changed(change: Bridge | None, language: Language) -> Page:
    """The bridge between the valuations, and what customers did against what was expected."""
    return Page("review.bridge", _bridge(change, language), language)


def _bridge(change: Bridge | None, language: Language) -> tuple[Block, ...]:
    if change is None:
        return (say("bridge.none"),)
    steps = change.steps
    shown = steps[(steps["money"] != 0) | steps["step"].isin(["opening", "closing"])]
    names = [language.text(f"step.{name}") for name in shown["step"]]
    opening, closing = change.money("opening"), change.money("closing")
    frame = steps.assign(item=[f"step.{name}" for name in steps["step"]])
    experience = change.experience.reset_index().assign(
        class_of=[f"step.{name}" for name in change.experience.index]
    )
    experience["expected"] = experience["expected_purchases"]
    kinds = {
        "class_of": "term", "customers": "count", "expected": "count", "purchases": "count",
        "money": "cents",
    }  # fmt: skip
    return (
        Figure(
            "bridge",
            figures.waterfall(names, shown["money"].tolist(), language),
            say("bridge.figure", opening=money(opening), closing=money(closing),
                then=day(change.opening_date), now=day(change.closing_date),
                experience=money(sum(change.money(name) for name in EXPERIENCE)),
                won=money(change.money("won"))),
            say("alt.bridge", opening=money(opening), closing=money(closing)),
            Table("bridge", frame, {"item": "term", "money": "cents"}, total=True, rows=20),
        ),
        say("bridge.how", style="caveat"),
        Table("experience", experience, kinds),
    )  # fmt: skip


def winning(study: Study, language: Language, *, period: str, seed: int) -> tuple[Block, ...]:
    """A new customer, and the cohorts won, against the cost of winning one, where it is known."""
    base, given, cost = study.base, study.economics, study.assumptions.acquisition_cost
    months = newcomers.value_by_month(base, given)
    last = months.iloc[-1]
    facts: dict[str, Quantity] = {
        "value": money(last["value"]), "lower": money(last["lower"]), "upper": money(last["upper"]),
        "years": years(study.assumptions.horizon_years),
    }  # fmt: skip
    if cost is None:
        return (Sentence("winning.most", facts),)
    found = newcomers.acquisition(base, given, cost, seed=seed)
    return (
        Sentence("winning.ratio", facts | {
            "cost": money(cost), "ratio": number(found.ratio), "never": share(found.never)}),
        pay_back(found.pay_back),
        _cohorts_won(study, language, period, seed),
        say("winning.cohorts", style="caveat"),
    )  # fmt: skip


def pay_back(found: newcomers.PayBack) -> Sentence:
    """When a new customer pays back, with its interval."""
    if math.isinf(found.month):
        return say("winning.never")
    if found.month == 0:
        return say("winning.at_once")
    latest = "winning.pay_back" if math.isfinite(found.latest) else "winning.pay_back_open"
    return say(latest, month=count(found.month), earliest=count(found.earliest),
               latest=count(found.latest if math.isfinite(found.latest) else 0))  # fmt: skip


def _cohorts_won(study: Study, language: Language, period: str, seed: int) -> Table:
    first = study.customers["first_date"].dt.to_period(PERIODS[period]).rename("cohort")
    table = acquired.by_group(
        study.base, study.log.occasions(study.assumptions.observation_end), study.economics,
        first.to_frame(), seed=seed,
    )  # fmt: skip
    frame = table[table["customers"] >= ENOUGH].reset_index()
    month = frame["pay_back_month"]
    frame["pay_back"] = [
        plain("–" if pd.isna(m) else "∞" if math.isinf(m) else language.write(count(m)))
        for m in month
    ]
    kinds = {
        "cohort": "period", "customers": "count", "value": "cents", "observed_share": "share",
        "net_value": "cents", "ratio": "number", "pay_back": "quantity", "never": "share",
    }  # fmt: skip
    more = {"error": "cents", "acquisition_cost": "cents", "pay_back_month": "count"}
    return Table("won", frame, kinds, rows=8, more=more)
