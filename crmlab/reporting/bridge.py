"""From the last valuation to this one: the bridge, and what customers did."""

from __future__ import annotations

import pandas as pd

from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.language import (
    Language,
    day,
    money,
    signed,
)
from crmlab.reporting.pages import Block, Figure, Page, Sentence, Table, say
from crmlab.reporting.privacy import FEW, withheld


def what_changed(study: Study, change: Bridge | None, language: Language) -> Page:
    """The bridge between the valuations, and what customers did against what was expected."""
    if change is None:
        return Page("review.bridge", (say("bridge.none"),), language)
    return Page("review.bridge", _bridge(change, won_since(study, change), language), language)


def won_since(study: Study, change: Bridge) -> int:
    """How many customers were won between the valuations."""
    return len(study.customers) - len(change.customers)


def of_few(change: Bridge, won: int) -> list[str]:
    """Steps of customers whose money is told together only, as it would be that of a few."""
    customers = change.experience["customers"]
    hidden = withheld(customers)
    alone = 0 < won < FEW or 0 < customers[hidden].sum() < FEW or hidden.sum() == 1
    if alone:
        hidden = withheld(pd.concat([customers, pd.Series({"won": won})]))
    return list(hidden.index[hidden])


def told_steps(change: Bridge, won: int) -> pd.DataFrame:
    """The steps, those of a few customers as one named others: they still add up to the cent."""
    few = change.steps["step"].isin(of_few(change, won))
    if not few.any():
        return change.steps
    steps = change.steps.copy()
    first = few.idxmax()
    steps.loc[first, ["step", "money"]] = ["others", round(steps.loc[few, "money"].sum(), 2)]
    few[first] = False
    return steps[~few].reset_index(drop=True)


def _title(change: Bridge, won: int) -> Sentence:
    experience = sum(change.money(name) for name in EXPERIENCE)
    facts = {
        "opening": money(change.money("opening")), "closing": money(change.money("closing")),
        "then": day(change.opening_date), "now": day(change.closing_date),
        "parameters": signed(change.money("new_parameters")),
    }  # fmt: skip
    if "won" in of_few(change, won):
        both = signed(experience + change.money("won"))
        return Sentence("bridge.figure_few", facts | {"both": both})
    if not won:
        return Sentence("bridge.figure_nobody", facts | {"experience": signed(experience)})
    more = {"experience": signed(experience), "won": signed(change.money("won"))}
    return Sentence("bridge.figure", facts | more)


def _bridge(change: Bridge, won: int, language: Language) -> tuple[Block, ...]:
    steps = told_steps(change, won)
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
            _title(change, won),
            say("alt.bridge", opening=money(opening), closing=money(closing)),
            Table("bridge", frame, {"item": "term", "money": "cents"}, total=True, rows=20),
        ),
        say("bridge.how", style="caveat"),
        Table("experience", experience, kinds),
    )  # fmt: skip
