"""The strategy review: one page to decide on, and what stands behind it."""

from __future__ import annotations

import numpy as np

from crmlab.customers.backtest import Backtest
from crmlab.customers.bridge import EXPERIENCE, Bridge
from crmlab.customers.fitness import Fitness
from crmlab.customers.scenarios import Scenario
from crmlab.customers.study import Study
from crmlab.errors import NotDefined
from crmlab.reporting.bridge import of_few, told_steps, won_since
from crmlab.reporting.evidence import account_table, cautions, coverage, returned, traffic_light
from crmlab.reporting.fitness import stops, warnings
from crmlab.reporting.groups import hardly_at_risk, where_risk_lies
from crmlab.reporting.keeping import risk_by_stage, stages_of
from crmlab.reporting.language import (
    Language,
    count,
    day,
    money,
    plain,
    share,
    signed,
    term,
    years,
)
from crmlab.reporting.method import costs_in_words, register, run, what_is_left
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
    won = 0 if change is None else won_since(study, change)
    facts = {
        "customers": count(len(study.customers)), "end": day(given.observation_end),
        "equity": money(total.mean), "lower": money(total.lower), "upper": money(total.upper),
        "years": years(given.horizon_years), "what": what_is_left(study),
    }  # fmt: skip
    blocks: list[Block] = [
        *stops(fitness),
        say("review.headline", style="lead", **facts),
        _since(change, won),
        costs_in_words(study),
        *_other_model(study),
        *cautions(study),
        Tiles((
            Tile("tile.equity", money(total.mean), say(
                "tile.equity_note", lower=money(total.lower), upper=money(total.upper))),
            _change_tile(change),
            newcomer_tile(study, seed),
        )),
        *warnings(fitness),
        *_decisions(study, change, won, language),
        traffic_light(backtest),
    ]  # fmt: skip
    return Page("review.answer", tuple(blocks), language)


def _other_model(study: Study) -> list[Sentence]:
    """Why the value is not that of the valuation, whose model lets no one-time buyer leave."""
    name = type(study.purchases.model).__name__
    if not name.startswith("MBG") or study.shows_no_dropout:
        return []
    return [say("review.other_model", style="caveat", model=term(f"model.{name}"))]


def _since(change: Bridge | None, won: int) -> Sentence:
    if change is None:
        return say("review.first")
    then, now = change.money("opening"), change.money("closing")
    moved, came = sum(change.money(name) for name in EXPERIENCE), change.money("won")
    gone, fitted = change.money("expected_margin"), change.money("new_parameters")
    facts = {
        "date": day(change.opening_date), "then": money(then), "gone": signed(gone),
        "parameters": signed(fitted), "rest": signed(now - then - gone - fitted - came - moved),
    }  # fmt: skip
    if "won" in of_few(change, won):
        return Sentence("review.since_few", facts | {"moved": signed(moved + came)})
    if not won:
        return Sentence("review.since_nobody", facts | {"moved": signed(moved)})
    return Sentence("review.since", facts | {"moved": signed(moved), "won": signed(came)})


def _change_tile(change: Bridge | None) -> Tile:
    if change is None:
        return Tile("tile.change", plain("–"), say("tile.change_none"))
    then, now = change.money("opening"), change.money("closing")
    relative = (now - then) / then if then > 0 else np.nan
    return Tile("tile.change", money(now - then), say(
        "tile.change_note", share=share(relative), date=day(change.opening_date)))  # fmt: skip


def _decisions(study: Study, change: Bridge | None, won: int, language: Language) -> list[Finding]:
    """What moved most, where value is at risk, and what a point of retention is worth."""
    found = [] if change is None else [_largest_steps(change, won)]
    return [*found, *_risk(study, language), *_retention_point(study)]


def _risk(study: Study, language: Language) -> list[Finding]:
    """The stage with the most value at risk, as on the page about keeping; else the group."""
    known = stages_of(study)
    if known is None or hardly_at_risk(study):
        return where_risk_lies(study, language)
    return [risk_by_stage(study, known)]


def _largest_steps(change: Bridge, won: int) -> Finding:
    told = told_steps(change, won).set_index("step")["money"]
    steps = told[told.index.isin([*EXPERIENCE, "won", "others"])]
    up, down = steps.idxmax(), steps.idxmin()
    worst = down if steps[down] < 0 and down in ("lost", "slowed") else "other"
    facts = {
        "up": term(f"who.{up}"), "gain": money(max(steps[up], 0.0)),
        "down": term(f"who.{down}"), "loss": money(max(-steps[down], 0.0)),
    }  # fmt: skip
    decision = say(f"decision.step_{worst}")
    customers = change.experience["customers"]
    if down not in customers:
        return Finding(Sentence("finding.steps_others", facts), decision)
    return Finding(
        Sentence("finding.steps", facts | {"customers": count(customers[down])}), decision
    )


def _retention_point(study: Study) -> list[Finding]:
    scenario = Scenario(study.base, study.economics)
    try:
        gain = scenario.changed("retention_point", 1).equity - scenario.equity
    except NotDefined:  # hardly anybody leaves
        return []
    active = float(study.customers["p_alive"].sum())
    found = say("finding.point", now=share(scenario.retention), gain=signed(gain))
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
