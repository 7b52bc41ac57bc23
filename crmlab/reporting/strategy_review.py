"""The strategy review: one page to decide on, and what stands behind it."""

from __future__ import annotations

import numpy as np

from crmlab.customers import lifecycle, segments
from crmlab.customers.backtest import Backtest
from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.customers.fitness import Fitness
from crmlab.customers.scenarios import Scenario
from crmlab.customers.study import Study
from crmlab.errors import NotDefined
from crmlab.reporting.evidence import account_table, cautions, coverage, returned, traffic_light
from crmlab.reporting.fitness import fit_for_money
from crmlab.reporting.groups import group_names
from crmlab.reporting.language import (
    Language,
    count,
    day,
    money,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.method import costs_in_words, register, run
from crmlab.reporting.pages import (
    Block,
    Cover,
    Finding,
    Page,
    Sentence,
    Tile,
    Tiles,
    say,
)
from crmlab.reporting.winning import newcomer_tile


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
            newcomer_tile(study, seed),
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


def _change_tile(change: Bridge | None) -> Tile:
    if change is None:
        return Tile("tile.change", plain("–"), say("tile.change_none"))
    then, now = change.money("opening"), change.money("closing")
    relative = (now - then) / then if then > 0 else np.nan
    return Tile("tile.change", money(now - then), say(
        "tile.change_note", share=share(relative), date=day(change.opening_date)))  # fmt: skip


def _decisions(study: Study, change: Bridge | None, language: Language) -> list[Finding]:
    """What moved most, where value is at risk, and what a point of retention is worth."""
    found = [] if change is None else [_largest_steps(change)]
    return [*found, _at_risk(study, language), *_retention_point(study)]


def _largest_steps(change: Bridge) -> Finding:
    steps = change.steps.set_index("step")["money"].reindex([*EXPERIENCE, "won"]).fillna(0.0)
    up, down = steps.idxmax(), steps.idxmin()
    worst = down if steps[down] < 0 and down in ("lost", "slowed") else "other"
    customers = (change.customers["class"] == down).sum()
    return Finding(
        say("finding.steps", up=term(f"step.{up}"), gain=money(max(steps[up], 0.0)),
            down=term(f"step.{down}"), loss=money(max(-steps[down], 0.0)),
            customers=plain("–") if down == "won" else count(customers)),
        say(f"decision.step_{worst}"),
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


def _retention_point(study: Study) -> list[Finding]:
    scenario = Scenario(study.base, study.economics)
    try:
        gain = scenario.changed("retention_point", 1).equity - scenario.equity
    except NotDefined:  # hardly anybody leaves
        return []
    active = float(study.customers["p_alive"].sum())
    found = say("finding.point", now=share(scenario.retention), gain=money(gain))
    if gain <= 0:
        return [Finding(found, say("decision.no_point"))]
    return [Finding(found, say("decision.point", each=money(gain / active)))]


def assumptions(
    study: Study, backtest: Backtest | None, language: Language, *,
    assumed: tuple[str, ...] | list[str] = (), seed: int,
) -> Page:  # fmt: skip
    """The account of the data, the register of assumptions, and the run."""
    blocks: tuple[Block, ...] = (
        say("review.method"),
        coverage(study),
        *returned(study)[:1],
        account_table(study),
        register(study, backtest, language, assumed, seed),
        run(study),
    )
    return Page("method", blocks, language)
