"""The strategy review: one page to decide on, and what stands behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers import lifecycle, newcomers, segments
from crmlab.customers.backtest import Backtest
from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.customers.fitness import Fitness
from crmlab.customers.scenarios import Scenario, tornado, what_must_be
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.evidence import cautions, traffic_light
from crmlab.reporting.fitness import fit_for_money
from crmlab.reporting.groups import group_names
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    money,
    number,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.method import register, run
from crmlab.reporting.pages import (
    Block,
    Cover,
    Figure,
    Finding,
    Page,
    Sentence,
    Table,
    Tile,
    Tiles,
    say,
)

SWING = 0.10  # of each lever, in the figure


def cover(study: Study, language: Language) -> Cover:
    """Title and what it is about; six pages need no contents."""
    about = say(
        "review.about", source=plain(study.account.source.rsplit("/", 1)[-1]),
        end=day(study.assumptions.observation_end),
    )  # fmt: skip
    return Cover("review.title", about, (), language)


def in_one_page(
    study: Study, change: Bridge | None, backtest: Backtest | None, fitness: Fitness,
    language: Language, *, seed: int,
) -> Page:  # fmt: skip
    """Equity now and then, the largest steps between, and the decisions that they suggest."""
    given, total = study.assumptions, study.equity_interval(seed=seed)
    facts = {
        "customers": count(len(study.customers)), "end": day(given.observation_end),
        "equity": money(total.mean), "lower": money(total.lower), "upper": money(total.upper),
        "years": years(given.horizon_years),
    }  # fmt: skip
    blocks: list[Block] = [
        *fit_for_money(fitness),
        say("review.headline", style="lead", **facts),
        _since(change),
        costs_in_words(study),
        *cautions(study),
        Tiles((
            Tile("tile.equity", money(total.mean), say(
                "tile.equity_note", lower=money(total.lower), upper=money(total.upper))),
            _change_tile(change),
            _newcomer_tile(study, seed),
        )),
        *_decisions(study, change, language),
        traffic_light(backtest),
    ]  # fmt: skip
    return Page("review.answer", tuple(blocks), language)


def _since(change: Bridge | None) -> Sentence:
    if change is None:
        return say("review.first")
    then, now = change.money("opening"), change.money("closing")
    return say(
        "review.since", date=day(change.opening_date), then=money(then),
        gone=money(-change.money("expected_margin")),
        moved=money(sum(change.money(name) for name in EXPERIENCE)), won=money(change.money("won")),
        rest=money(now - then - change.money("expected_margin") - change.money("won")
                   - sum(change.money(name) for name in EXPERIENCE)),
    )  # fmt: skip


def costs_in_words(study: Study) -> Sentence:
    """What the value rests on: margin, rate, and whether costs are taken off."""
    given = study.assumptions
    key = "review.rests_on_net" if study.economics.costs_anything else "review.rests_on"
    return say(key, style="caveat", margin=share(given.margin), rate=share(given.discount_rate),
               model=term(f"model.{type(study.purchases.model).__name__}"))  # fmt: skip


def _change_tile(change: Bridge | None) -> Tile:
    if change is None:
        return Tile("tile.change", plain("–"), say("tile.change_none"))
    then, now = change.money("opening"), change.money("closing")
    relative = (now - then) / then if then else np.nan
    return Tile("tile.change", money(now - then), say(
        "tile.change_note", share=share(relative), date=day(change.opening_date)))  # fmt: skip


def _newcomer_tile(study: Study, seed: int) -> Tile:
    cost = study.assumptions.acquisition_cost
    last = newcomers.value_by_month(study.base, study.economics).iloc[-1]
    if cost is None:
        limits = {"lower": money(last["lower"]), "upper": money(last["upper"])}
        return Tile("tile.newcomer", money(last["value"]), Sentence("tile.newcomer_note", limits))
    found = newcomers.acquisition(study.base, study.economics, cost, seed=seed)
    month = found.pay_back.month
    return Tile("tile.newcomer", money(found.value), say(
        "tile.newcomer_cost", cost=money(cost), ratio=number(found.ratio),
        month=count(month) if np.isfinite(month) else term("word.never")))  # fmt: skip


def _decisions(study: Study, change: Bridge | None, language: Language) -> list[Finding]:
    """What moved most, where value is at risk, and what a point of retention is worth."""
    found = [] if change is None else [_largest_steps(change)]
    return [*found, _at_risk(study, language), _retention_point(study)]


def _largest_steps(change: Bridge) -> Finding:
    steps = change.steps.set_index("step")["money"].reindex([*EXPERIENCE, "won"]).fillna(0.0)
    up, down = steps.idxmax(), steps.idxmin()
    classes = change.experience["customers"]
    return Finding(
        say("finding.steps", up=term(f"step.{up}"), gain=money(max(steps[up], 0.0)),
            down=term(f"step.{down}"), loss=money(max(-steps[down], 0.0)),
            customers=count(classes.get(down, 0))),
        say(f"decision.step_{down if down in ('lost', 'slowed') else 'other'}"),
    )  # fmt: skip


def _at_risk(study: Study, language: Language) -> Finding:
    group, limits = segments.rf_groups(study.customers, study.assumptions.unit)
    table = lifecycle.active_by(study.customers, group)
    top = table["value_at_risk"].idxmax()
    row = table.loc[top]
    return Finding(
        say("finding.risk", name=plain(group_names(limits, language)[str(top)]),
            risk=money(row["value_at_risk"]), customers=count(row["customers"]),
            share=share(row["value_at_risk"] / table["value_at_risk"].sum())),
        say("decision.risk"),
    )  # fmt: skip


def _retention_point(study: Study) -> Finding:
    scenario = Scenario(study.base, study.economics)
    now, better = scenario.equity, scenario.changed("retention_point", 1)
    active = float(study.customers["p_alive"].sum())
    gain = better.equity - now
    return Finding(
        say("finding.point", now=share(scenario.retention), gain=money(gain),
            share=share(gain / now if now else np.nan)),
        say("decision.point", each=money(gain / active if active else np.nan)),
    )  # fmt: skip


def what_if(study: Study, language: Language, *, growth: float) -> Page:
    """Each lever alone: the tornado, and what one would have to believe for equity to grow."""
    scenario = Scenario(study.base, study.economics)
    target = scenario.equity * (1 + growth)
    turned = tornado(scenario)
    swings = _swings(turned, language)
    top = swings.iloc[0]
    blocks: list[Block] = [
        Figure(
            "tornado",
            figures.swings(swings, language),
            say("scenarios.figure", lever=plain(top["name"]), high=money(top["high"]),
                low=money(-top["low"])),
            say("alt.tornado", levers=count(len(swings))),
            _by_lever(turned),
        ),
        say("scenarios.point", style="caveat", now=share(scenario.retention),
            gain=money(turned.loc[turned["lever"] == "retention_point", "difference"].iloc[0])),
        say("scenarios.believe", target=money(target), now=money(scenario.equity)),
        _believe(scenario, target),
        say("scenarios.alone", style="caveat"),
        *_measure_next(study),
    ]  # fmt: skip
    return Page("review.scenarios", tuple(blocks), language)


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


def assumptions(
    study: Study, backtest: Backtest | None, language: Language, *,
    assumed: tuple[str, ...] | list[str] = (), seed: int,
) -> Page:  # fmt: skip
    """The register of assumptions, and the run."""
    blocks = (
        say("review.method"),
        register(study, backtest, language, assumed, seed),
        run(study),
    )
    return Page("method", blocks, language)
