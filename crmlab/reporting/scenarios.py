"""What if: each lever of the value turned alone, and what one would have to believe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.scenarios import Scenario, tornado, what_must_be
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.keeping import costly
from crmlab.reporting.language import Language, Quantity, count, money, plain, share, signed, term
from crmlab.reporting.pages import Block, Figure, Page, Sentence, Table, say

SWING = 0.10  # of each lever, in the figure


def what_if(study: Study, language: Language, *, growth: float) -> Page:
    """Each lever alone: the tornado, and what one would have to believe for equity to grow."""
    scenario = Scenario(study.base, study.economics)
    target = scenario.equity + growth * abs(scenario.equity)
    turned = tornado(scenario)
    swings = _swings(turned, language)
    blocks: list[Block] = [
        Figure(
            "tornado",
            figures.swings(swings, language),
            _what_matters(swings.iloc[0]),
            say("alt.tornado", levers=count(len(swings))),
            _by_lever(turned),
        ),
        say("scenarios.point", style="caveat", now=share(scenario.retention),
            model=term(f"model.{type(study.purchases.model).__name__}"),
            gain=signed(turned.loc[turned["lever"] == "retention_point", "difference"].iloc[0])),
        say("scenarios.believe", target=money(target), now=money(scenario.equity)),
        _believe(scenario, target),
        say("scenarios.alone", style="caveat"),
        *costly(study),
        *_measure_next(study),
    ]  # fmt: skip
    return Page("review.scenarios", tuple(blocks), language)


def _what_matters(top: pd.Series) -> Sentence:
    """The widest lever; where more of it cannot be, what less of it takes."""
    facts = {"lever": plain(top["name"]), "low": signed(top["low"]), "high": signed(top["high"])}
    if not np.isfinite(top["high"]):
        return Sentence("scenarios.figure_down", {name: facts[name] for name in ("lever", "low")})
    return Sentence("scenarios.figure", facts)


def _swings(turned: pd.DataFrame, language: Language) -> pd.DataFrame:
    """Differences by lever, for the larger change less and more."""
    some = turned[np.isclose(turned["change"].abs(), SWING)]
    wide = some.assign(side=np.where(some["change"] < 0, "low", "high")).pivot(
        index="lever", columns="side", values="difference"
    )
    order = wide.abs().max(axis=1).sort_values(ascending=False).index
    names = [language.text(f"lever.{name}") for name in order]
    return wide.loc[order].assign(name=names).reset_index(drop=True)


def _by_lever(turned: pd.DataFrame) -> Table:
    """Difference of equity by lever (rows) and change (columns)."""
    some = turned[turned["lever"] != "retention_point"]
    wide = some.pivot(index="lever", columns="change", values="difference")
    wide = wide.reindex(some["lever"].drop_duplicates())
    frame = wide.set_axis([f"change_{100 * change:+.0f}" for change in wide], axis=1)
    kinds = {"lever": "term"} | dict.fromkeys(frame.columns, "money")
    return Table("tornado", frame.assign(lever=[f"lever.{name}" for name in frame.index]), kinds)


def _believe(scenario: Scenario, target: float) -> Table:
    table = what_must_be(scenario, target)

    def told(lever: str, value: float) -> Quantity:
        if not np.isfinite(value):
            return term("word.impossible")
        return money(value) if lever == "acquisition_cost" else share(value)

    frame = pd.DataFrame(
        {
            "lever": [f"lever.{name}" for name in table["lever"]],
            "now": [told(*pair) for pair in zip(table["lever"], table["now"], strict=True)],
            "needed": [told(*pair) for pair in zip(table["lever"], table["needed"], strict=True)],
        }
    )
    return Table("believe", frame, {"lever": "term", "now": "quantity", "needed": "quantity"})


def _measure_next(study: Study) -> list[Sentence]:
    """What is not known and would change decisions."""
    missing = []
    if study.assumptions.acquisition_cost is None:
        missing.append(say("next.acquisition_cost"))
    if not study.economics.costs_anything:
        missing.append(say("next.cost_to_serve"))
    return [*missing, say("next.test")]
