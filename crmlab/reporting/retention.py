"""The retention report, page by page: studies in, pages out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers import lifecycle
from crmlab.customers.average_life import average_life
from crmlab.customers.backtest import Backtest
from crmlab.customers.cohorts import PERIODS, Cohorts
from crmlab.customers.fitness import Fitness
from crmlab.customers.intervals import active_interval
from crmlab.customers.prospects import ENOUGH
from crmlab.customers.study import Study
from crmlab.reporting import figures, retention_figures
from crmlab.reporting.evidence import cautions, frequency_figure, tracking_figure, traffic_light
from crmlab.reporting.fitness import stops, warnings
from crmlab.reporting.groups import (
    groups_table,
    of_many,
    risk_by_group,
    risk_part,
    where_risk_lies,
)
from crmlab.reporting.language import (
    Language,
    Quantity,
    age,
    count,
    day,
    money,
    number,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.newcomers import newer_or_older
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
from crmlab.reporting.privacy import FEW, told_period, withheld

PAGES = ("retention.answer", "account", "retention.cohorts", "retention.here", "retention.life",
         "retention.risk", "retention.stages", "retention.slipped", "retention.trust",
         "method")  # fmt: skip
TERMS = ("p_alive", "expected_active", "repeat_rate", "cohort", "age", "remaining_life",
         "value_at_risk", "residual_clv", "rhythm", "prediction_interval",
         "confidence_interval", "occasion")  # fmt: skip
FIGURE_AGES, FIGURE_COHORTS = 24, 24
SHOWN_AGES = {f"age_{age}" for age in (0, 1, 2, 3, 6, 9, 12, 18)}


def cover(study: Study, language: Language) -> Cover:
    """Title, what it is about, and the contents."""
    about = say(
        "retention.about", source=plain(study.account.source.rsplit("/", 1)[-1]),
        end=day(study.assumptions.observation_end),
    )  # fmt: skip
    return Cover("retention.title", about, PAGES, language)


def in_one_page(
    study: Study, backtest: Backtest | None, fitness: Fitness, language: Language, *, seed: int
) -> Page:
    """How many are still active, what is at risk, do newer cohorts differ, what to do first."""
    customers, given = study.customers, study.assumptions
    limits = active_interval(customers, study.purchases, 0.95, seed)
    lower, upper = limits.lower, limits.upper
    value, risk = study.equity, float(customers["value_at_risk"].sum())
    active = float(customers["p_alive"].sum())
    blocks: list[Block] = [
        *stops(fitness),
        say(
            "retention.headline", style="lead", customers=count(len(customers)),
            end=day(given.observation_end), active=count(active), lower=count(lower),
            upper=count(upper), share=share(active / len(customers)),
        ),
        say("retention.rests_on", style="caveat"),
        *cautions(study),
        Tiles((
            Tile("tile.active", count(active), say(
                "tile.active_note", lower=count(lower), upper=count(upper))),
            Tile("tile.risk", share(risk / value if value else np.nan), say(
                "tile.risk_note", risk=money(risk), value=money(value))),
            Tile("tile.once", share((customers["frequency"] == 0).mean()), say(
                "tile.once_note", customers=count((customers["frequency"] == 0).sum()))),
        )),
        *warnings(fitness),
        Finding(*newer_or_older(study)),
        *where_risk_lies(study, language),
        traffic_light(backtest),
    ]  # fmt: skip
    return Page("retention.answer", tuple(blocks), language)


def cohort_period(study: Study, asked: str) -> str:
    """The period of the cohorts: that asked for, or a longer one where too many would be small."""
    return told_period(study.customers["first_date"], asked)


def cohort_page(
    study: Study, cohorts: Cohorts, language: Language, *, asked: str | None = None
) -> Page:
    """Repeat rates by cohort and age, curves at equal age, and mix against behaviour.

    `asked`: the period asked for, to say so where that of `cohorts` is a longer one.
    """
    if not cohorts.rates.notna().any().any():
        return Page("retention.cohorts", (say("cohorts.too_young"),), language)
    names = [language.write(Quantity(c, "period")) for c in cohorts.rates.index]
    rates = cohorts.rates.iloc[:, :FIGURE_AGES]
    frame = rates.copy()
    frame.columns = [f"age_{a}" for a in frame.columns]
    frame.insert(0, "cohort", names)
    frame.insert(1, "customers", cohorts.sizes.to_numpy())
    ages = {name: "share" for name in frame if name.startswith("age_")}
    shown = {name: ages[name] for name in ages if name in SHOWN_AGES}
    kinds = {"cohort": "plain", "customers": "count", **shown}
    first, late = _ages(cohorts)
    blocks: list[Block] = [
        Figure(
            "heat_map",
            retention_figures.heat_map(
                rates.tail(FIGURE_COHORTS), cohorts.partial, names[-FIGURE_COHORTS:], language,
                cohorts.age_unit,
            ),
            say("cohorts.heat_map", first=share(first[1]), late=share(late[1]),
                first_age=age(first[0], cohorts.age_unit),
                late_age=age(late[0], cohorts.age_unit)),
            say("alt.heat_map", cohorts=count(len(names))),
            Table("heat_map", frame, kinds, rows=12, more=ages),
        ),
        say("cohorts.hatched", style="caveat"),
        *_longer(cohorts, asked),
        newer_or_older(study)[0],
        Figure(
            "curves",
            retention_figures.curves(rates, names, language, cohorts.age_unit),
            _curves_title(cohorts),
            say("alt.curves", cohorts=count(len(names))),
            None,
        ),
        say("cohorts.mix", style="caveat"),
    ]  # fmt: skip
    return Page("retention.cohorts", tuple(blocks), language)


def _longer(cohorts: Cohorts, asked: str | None) -> list[Sentence]:
    """Why cohorts are not by the period asked for, where they are not."""
    period = next(n for n, c in PERIODS.items() if c == cohorts.rates.index.freqstr[0])
    if asked in (None, period):
        return []
    return [say("cohorts.longer", style="caveat", period=term(f"unit.{period}"),
                asked=term(f"unit.{asked}"), few=count(FEW))]  # fmt: skip


def _curves_title(cohorts: Cohorts) -> Sentence:
    """How far apart the cohorts are at the oldest age that they share."""
    ages = cohorts.common_ages()
    lines = count(min(len(retention_figures.SHADES), len(cohorts.rates)))
    if not ages:
        return say("cohorts.curves_young", lines=lines)
    rates = cohorts.rates[ages[-1]].dropna()
    return say(
        "cohorts.curves", age=age(ages[-1], cohorts.age_unit), low=share(rates.min()),
        high=share(rates.max()), lines=lines,
    )  # fmt: skip


def _ages(cohorts: Cohorts) -> tuple[tuple[int, float], tuple[int, float]]:
    """First and last age observed for every whole cohort, with the repeat rate over them all."""
    whole = cohorts.rates.dropna(how="all")
    ages = cohorts.common_ages() or list(whole.columns[:1])
    out = []
    for at in (ages[0], ages[-1]):
        known = whole[at].dropna()
        out.append((int(at), float(np.average(known, weights=cohorts.sizes[known.index]))))
    return out[0], out[1]


def who_is_still_here(study: Study, language: Language) -> Page:
    """Distribution of p_alive, expected active by cohort, and silence against each own rhythm."""
    customers = study.customers
    bands = lifecycle.alive_distribution(customers)
    period = told_period(customers["first_date"], "month")
    cohort = customers["first_date"].dt.to_period(PERIODS[period]).rename("cohort")
    by_cohort = lifecycle.active_by(customers, cohort).reset_index()
    rhythm = lifecycle.rhythm(customers, study.assumptions.unit)
    by_rhythm = lifecycle.active_by(customers, rhythm).reset_index()
    by_rhythm["rhythm"] = "rhythm." + by_rhythm["rhythm"].astype(str)
    sure = float((customers["p_alive"] >= 0.8).mean())
    gone = float((customers["p_alive"] <= 0.2).mean())
    kinds = {
        "customers": "count", "expected_active": "count", "active_share": "share",
        "residual_clv": "money",
    }  # fmt: skip
    overdue = by_rhythm[by_rhythm["rhythm"] == "rhythm.over-4"]
    blocks: list[Block] = [
        Figure(
            "alive",
            retention_figures.distribution(bands, language),
            say("here.alive", sure=share(sure), gone=share(gone)),
            say("alt.alive", sure=share(sure), gone=share(gone)),
            Table("alive", bands, {"lower": "share", "upper": "share", "customers": "count",
                                   "expected_active": "count", "residual_clv": "money"}),
        ),
        say("here.once", style="caveat"),
        Table("active_by_cohort", by_cohort, {"cohort": "period", **kinds}, rows=5),
        say("here.rhythm", customers=count(overdue["customers"].sum()),
            active=count(overdue["expected_active"].sum())),
        Table("rhythm", by_rhythm, {"rhythm": "term", **kinds}),
    ]  # fmt: skip
    return Page("retention.here", tuple(blocks), language)


def life(study: Study, language: Language) -> Page:
    """Expected remaining life by group, and the average life of a new customer."""
    given, model = study.assumptions, study.purchases.model
    table, names = risk_by_group(study, language)
    horizon = given.horizon_years
    new = model.expected_life(given.horizon, frequency=0, recency=0.0, T=0.0)
    mean_infinite = model.a <= 1 or model.r <= 1
    years_each = table.assign(life_each=table["life_each"] * horizon / given.horizon).sort_values(
        "life_each", ascending=False
    )
    kinds = {"customers": "count", "active_share": "share", "life_each": "number"}
    best = years_each["life_each"].idxmax()
    figure = Figure(
        "life",
        figures.side_bars(
            [names[str(g)] for g in years_each.index], years_each["life_each"].tolist(), language,
            "number", "figure.life",
        ),
        say("life.figure", name=plain(names[str(best)]),
            life=number(years_each.loc[best, "life_each"]), horizon=years(horizon)),
        say("alt.life", groups=count(len(table))),
        groups_table("life", years_each, names, language, kinds),
    )  # fmt: skip
    blocks: list[Block] = [
        figure,
        say("life.new", life=number(float(new) * horizon / given.horizon), horizon=years(horizon)),
        say("life.infinite" if mean_infinite else "life.restricted", style="caveat",
            horizon=years(horizon)),
        *_by_method(study),
    ]  # fmt: skip
    return Page("retention.life", tuple(blocks), language)


def _by_method(study: Study) -> tuple[Block, ...]:
    """Average life by method, each with what it assumes."""
    table = average_life(study.base, study.assumptions.horizon_years)
    frame = table.reset_index(drop=True).assign(
        method=[f"life_method.{name}" for name in table.index],
        assumes=[f"assumes.{name}" for name in table["assumes"]],
    )
    kinds = {"method": "term", "years": "number", "assumes": "term"}
    return say("life.methods"), Table("average_life", frame, kinds)


def value_at_risk(study: Study, language: Language) -> Page:
    """Value that is lost within the next quarter if nothing is done, by group."""
    table, names = risk_by_group(study, language)
    table = table.sort_values("value_at_risk", ascending=False)
    who = plain(names[str(table.index[0])])
    kinds = {
        "customers": "count", "expected_active": "count", "residual_clv": "cents",
        "value_at_risk": "cents", "risk_share": "share",
    }  # fmt: skip
    total = float(table["value_at_risk"].sum())
    title = say("risk.figure", risk=money(total), name=who,
                share=share(risk_part(table, table.index[0])))  # fmt: skip
    if withheld(table["customers"]).iloc[0]:
        title = say("risk.figure_few", risk=money(total), name=who)
    blocks: list[Block] = [
        Figure(
            "risk",
            figures.side_bars(
                [names[str(g)] for g in table.index], of_many(table, "value_at_risk"), language,
                "money", "figure.value_at_risk",
            ),
            title,
            say("alt.risk", groups=count(len(table))),
            groups_table("risk", table, names, language, kinds),
        ),
        say("risk.limit", style="caveat"),
    ]  # fmt: skip
    return Page("retention.risk", tuple(blocks), language)


def who_slipped_away(study: Study, language: Language) -> Page:
    """Active customers a quarter ago against now, by what they had bought by then."""
    before = lifecycle.previous_end(study.assumptions.observation_end)
    if before < study.account.first_date.isoformat():
        return Page("retention.slipped", (say("slipped.too_young"),), language)
    since = lifecycle.since_last_quarter(study)
    flows = lifecycle.flows(since)
    then, now = float(flows["active_then"].sum()), float(flows["active_now"].sum())
    frame = flows.reset_index()
    frame["frequency_then"] = frame["frequency_then"].astype(str).str.replace("-", "–")
    total = frame.drop(columns="frequency_then").sum()
    last = pd.DataFrame([{"frequency_then": language.text("word.total"), **total.to_dict()}])
    frame = pd.concat([frame, last], ignore_index=True)
    kinds = {
        "frequency_then": "plain", "customers": "count", "active_then": "count",
        "bought": "count", "active_now": "count", "slipped": "count", "slipped_share": "share",
    }  # fmt: skip
    frame["slipped_share"] = frame["slipped"] / frame["active_then"]
    blocks: list[Block] = [
        say("slipped.headline", then=count(then), now=count(now), slipped=count(then - now),
            share=share((then - now) / then if then else np.nan),
            date=day(before)),
        *_fastest(flows),
        Table("slipped", frame, kinds, total=True),
        *([say("slipped.minus", style="caveat")] if (frame["slipped"] < 0).any() else []),
        say("slipped.caveat", style="caveat"),
    ]  # fmt: skip
    return Page("retention.slipped", tuple(blocks), language)


def _fastest(flows: pd.DataFrame) -> list[Block]:
    """Who leaves fastest, among groups with enough active customers to say so."""
    rates = (flows["slipped"] / flows["active_then"])[flows["active_then"] >= ENOUGH]
    if len(rates) < 2:
        return []
    worst = rates.idxmax()
    return [
        say("slipped.who", repeats=plain(str(worst).replace("-", "–")), share=share(rates[worst]),
            least=share(rates.min()))
    ]  # fmt: skip


def can_it_be_trusted(backtest: Backtest | None, language: Language) -> Page:
    """The light, tracking, and calibration by frequency."""
    blocks: tuple[Block, ...] = (traffic_light(backtest),)
    if backtest is not None and backtest.actual:
        blocks += (tracking_figure(backtest, language), frequency_figure(backtest, language))
    return Page("retention.trust", blocks, language)
