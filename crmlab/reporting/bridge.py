"""From the last valuation to this one: the bridge, and what customers did."""

from __future__ import annotations

from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.reporting import review_figures as figures
from crmlab.reporting.language import (
    Language,
    day,
    money,
)
from crmlab.reporting.pages import Block, Figure, Page, Table, say


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
