"""What if: each lever of the value turned alone, and what one would have to believe."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.scenarios import (
    Scenario,
    elasticities,
    needed,
    tornado,
    what_must_be,
    with_new_customers,
)
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.keeping import costly
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    money,
    plain,
    share,
    signed,
    term,
)
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
            _by_lever("tornado", scenario, turned),
        ),
        _point(scenario, turned),
        say("scenarios.believe", target=money(target), now=money(scenario.equity)),
        _believe(scenario, target),
        *_with_new(study, scenario, growth),
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


def _point(scenario: Scenario, turned: pd.DataFrame) -> Sentence:
    """What retention is here, and what one point more of it brings, if that can be."""
    model = type(scenario.base.purchases.model).__name__
    facts = {"now": share(scenario.retention), "model": term(f"model.{model}")}
    gain = turned.loc[turned["lever"] == "retention_point", "difference"].iloc[0]
    if not np.isfinite(gain):
        return Sentence("scenarios.no_point", facts, "caveat")
    return Sentence("scenarios.point", facts | {"gain": signed(gain)}, "caveat")


def _swings(turned: pd.DataFrame, language: Language) -> pd.DataFrame:
    """Differences by lever, for the larger change less and more."""
    some = turned[np.isclose(turned["change"].abs(), SWING)]
    wide = some.assign(side=np.where(some["change"] < 0, "low", "high")).pivot(
        index="lever", columns="side", values="difference"
    )
    order = wide.abs().max(axis=1).sort_values(ascending=False).index
    names = [language.text(f"lever.{name}") for name in order]
    return wide.loc[order].assign(name=names).reset_index(drop=True)


def _with_new(study: Study, base: Scenario, growth: float) -> tuple[Block, ...]:
    """The levers on the base and a year of new customers, where what winning them costs is known.

    Of the base alone that cost is sunk; nothing is shown where it is nil.
    """
    cost, end = study.assumptions.acquisition_cost, study.assumptions.observation_end
    if not cost:
        return ()
    both, since = with_new_customers(base, cost, end)
    now = both.equity
    target = now + growth * abs(now)
    _, most = needed(both, "acquisition_cost", target)
    believe = say("scenarios.cost_impossible", target=money(target))
    if np.isfinite(most):
        believe = say("scenarios.cost_needed", target=money(target), needed=money(most))
    return (
        say("scenarios.with_new", customers=count(both.winning.a_year if both.winning else 0),
            first=day(since), end=day(end), cost=money(cost), value=money(both.newcomer_value),
            now=money(now)),
        _by_lever("with_new", both, tornado(both)),
        believe,
    )  # fmt: skip


def _by_lever(key: str, scenario: Scenario, turned: pd.DataFrame) -> Table:
    """Difference of value by lever (rows) and change (columns); effect of 1 % better, in %."""
    some = turned[turned["lever"] != "retention_point"]
    wide = some.pivot(index="lever", columns="change", values="difference")
    wide = wide.reindex(some["lever"].drop_duplicates()).dropna(how="all")
    frame = wide.set_axis([f"change_{100 * change:+.0f}" for change in wide], axis=1)
    kinds = {"lever": "term"} | dict.fromkeys(frame.columns, "money") | {"elasticity": "number"}
    names = [f"lever.{name}" for name in frame.index]
    return Table(key, frame.assign(lever=names, elasticity=100 * elasticities(scenario)), kinds)


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
