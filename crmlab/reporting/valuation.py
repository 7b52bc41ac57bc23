"""The customer-valuation report, page by page: studies in, pages out."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers import newcomers, prospects, segments
from crmlab.customers.backtest import Backtest
from crmlab.customers.fitness import Fitness
from crmlab.customers.study import Study
from crmlab.reporting import figures
from crmlab.reporting.evidence import cautions, traffic_light
from crmlab.reporting.fitness import stops, warnings
from crmlab.reporting.groups import group_names, groups_table, of_many
from crmlab.reporting.holders import equity_tables, with_total
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
from crmlab.reporting.method import costs_in_words, what_is_left
from crmlab.reporting.newcomers import newer_or_older
from crmlab.reporting.pages import (
    Block,
    Cover,
    Data,
    Figure,
    Finding,
    Page,
    Sentence,
    Table,
    Tile,
    Tiles,
    say,
)
from crmlab.reporting.privacy import FEW, can_be_told, told_period, withheld
from crmlab.reporting.winning import by_channel, by_cohort, newcomer_tile, winning
from crmlab.units import days_per

PAGES = ("valuation.answer", "account", "trust", "valuation.holders", "valuation.history",
         "valuation.newcomers", "review.scenarios", "method")  # fmt: skip
TERMS = ("equity", "residual_clv", "margin", "p_alive", "expected_purchases", "expected_spend",
         "prediction_interval", "confidence_interval", "occasion", "holdout", "decile",
         "elasticity")  # fmt: skip


def cover(study: Study, language: Language) -> Cover:
    """Title, what it is about, and the contents."""
    about = say(
        "valuation.about", source=plain(study.account.source.rsplit("/", 1)[-1]),
        end=day(study.assumptions.observation_end),
    )  # fmt: skip
    return Cover("valuation.title", about, PAGES, language)


def in_one_page(
    study: Study, backtest: Backtest | None, other: Study | None, fitness: Fitness,
    language: Language, *, seed: int,
) -> Page:  # fmt: skip
    """The answer first: value with its interval, three findings with their decisions, one light.

    `other` is the same base valued by a second model, named beside the first; None without one.
    """
    customers, given = study.customers, study.assumptions
    total = study.equity_interval(seed=seed)
    top = segments.totals(customers, segments.decile(customers)).iloc[0]
    many = can_be_told(top["customers"], len(customers))
    blocks: list[Block] = [
        *stops(fitness),
        say(
            "valuation.headline", style="lead",
            customers=count(len(customers)), end=day(given.observation_end),
            equity=money(total.mean), lower=money(total.lower), upper=money(total.upper),
            what=what_is_left(study), years=years(given.horizon_years),
        ),
        costs_in_words(study),
        *(() if study.shows_no_dropout else _other_model(other)),
        *cautions(study),
        Tiles((
            Tile("tile.equity", money(total.mean), say(
                "tile.equity_note", lower=money(total.lower), upper=money(total.upper))),
            newcomer_tile(study, seed),
            Tile("tile.top_tenth", share(top["share"]), say(
                "tile.top_tenth_note", each=money(top["value_each"]))) if many
            else Tile("tile.top_tenth", plain("–"), say("tile.top_tenth_few", few=count(FEW))),
        )),
        *warnings(fitness),
        *(_top_tenth(top) if many else []),
        *_findings(study),
        traffic_light(backtest),
    ]  # fmt: skip
    return Page("valuation.answer", tuple(blocks), language)


def _other_model(other: Study | None) -> list[Sentence]:
    """What the base is worth by a second model, so that nobody takes the first for the truth."""
    if other is None:
        return []
    return [say("valuation.other_model", style="caveat", equity=money(other.equity))]


def _top_tenth(top: pd.Series) -> list[Finding]:
    return [
        Finding(
            say("finding.top", share=share(top["share"]), each=money(top["value_each"]),
                customers=count(top["customers"])),
            say("decision.top", customers=count(top["customers"])),
        )
    ]  # fmt: skip


def _findings(study: Study) -> list[Finding]:
    customers = study.customers
    group, limits = segments.rf_groups(customers, study.assumptions.unit)
    table = segments.totals(customers, group)
    out = []
    once = table.reindex([segments.ONE_TIME]).iloc[0]
    if once["customers"] > 0 and can_be_told(once["customers"], len(customers)):
        out.append(Finding(_once(once, len(customers)), say("decision.once")))
    slipping = [name for name in ("R1F3", "R2F3") if name in table.index]
    part = table.loc[slipping].sum()
    # Who slips away is no finding of a model that sees nobody leave.
    if part["customers"] >= prospects.ENOUGH and not study.shows_no_dropout:
        out.append(Finding(
            say("finding.slipping", customers=count(part["customers"]),
                value=money(part["residual_clv"]), spent=money(part["total_value"]),
                days=count(limits.loc[slipping, "recency_low"].min()),
                times=count(limits.loc[slipping, "frequency_low"].min())),
            say("decision.slipping"),
        ))  # fmt: skip
    return out


def _once(once: pd.Series, customers: int) -> Sentence:
    """What one-time buyers hold, or what they cost beyond what they bring."""
    part = share(once["customers"] / customers)
    if once["residual_clv"] < 0:
        return say("finding.once_loss", share=part, loss=money(-once["residual_clv"]),
                   each=money(-once["value_each"]))  # fmt: skip
    return say("finding.once", share=part, value=share(once["share"]),
               each=money(once["value_each"]))  # fmt: skip


def who_holds_the_value(study: Study, language: Language) -> Page:
    """Deciles, the concentration curve, and recency-frequency groups with what to do with each."""
    customers = study.customers
    tenths = segments.totals(customers, segments.decile(customers))
    # No step of the curve may hold the value of a few; tenths lie on it, to agree with the table.
    steps = min(100, max(10, len(customers) // FEW // 10 * 10))
    curve = segments.concentration(customers, points=steps + 1)
    above = curve["value_share"].max() > 1.005  # so that it shows
    fifth = float(np.interp(0.2, curve["customer_share"], curve["value_share"]))
    frame = with_total(tenths.reset_index(drop=True))
    frame.insert(0, "decile", [*tenths.index.astype(str), language.text("word.total")])
    parts = equity_tables(study, language, period=told_period(customers["first_date"], "month"))
    kinds = {
        "decile": "plain", "customers": "count", "total_value": "money", "residual_clv": "cents",
        "value_each": "money", "share": "share",
    }  # fmt: skip
    if withheld(tenths["customers"]).any():
        few = say("holders.few", few=count(FEW), customers=count(len(customers)))
        return Page("valuation.holders", (few, *groups(study, language), *parts), language)
    blocks = (
        Figure(
            "deciles",
            figures.bars(tenths["share"], language, "share", "figure.decile", "figure.value_share"),
            _tenths_title(tenths["share"]),
            say("alt.deciles", top=share(tenths["share"].iloc[0]),
                last=share(tenths["share"].iloc[-1])),
            Table("deciles", frame, kinds, total=True),
        ),
        Figure(
            "concentration",
            figures.concentration(curve, language),
            say("holders.concentration_loss" if above else "holders.concentration",
                fifth=share(fifth)),
            say("alt.concentration", fifth=share(fifth)),
            Table("concentration", curve,
                  {"customer_share": "share", "value_share": "share"}, rows=6),
        ),
        *groups(study, language),
        *parts,
    )  # fmt: skip
    return Page("valuation.holders", blocks, language)


def _tenths_title(shares: pd.Series) -> Sentence:
    """What the top tenth and the lower half hold, or what the lower half takes away."""
    top, rest = float(shares.iloc[0]), float(shares[shares.index > 5].sum())
    key = "holders.deciles_loss" if rest < 0 else "holders.deciles"
    return say(key, top=share(top), rest=share(abs(rest)))


def groups(study: Study, language: Language) -> tuple[Block, ...]:
    """Recency-frequency groups: who they are, what they hold, what to do with them."""
    group, limits = segments.rf_groups(study.customers, study.assumptions.unit)
    table = segments.totals(study.customers, group).sort_values("residual_clv", ascending=False)
    names = group_names(limits, language)
    best = table.index[0]
    named = [names[g] for g in table.index]
    figure = Figure(
        "groups",
        figures.side_bars(named, of_many(table, "residual_clv"), language, "money", "figure.value"),
        _largest_group(table, plain(names[best])),
        say("alt.groups", groups=count(len(table))),
        groups_table("groups", table, names, language, {
            "customers": "count", "residual_clv": "cents", "value_each": "money",
            "share": "share",
        }),
    )  # fmt: skip
    actions = table.assign(
        name=named, action=[f"action.{g}" for g in table.index], residual_clv=table["residual_clv"]
    )
    advice = Table("actions", actions, {"name": "plain", "action": "term"})
    return figure, advice


def _largest_group(table: pd.DataFrame, name: Quantity) -> Sentence:
    """What the most valuable group, the first, holds; not where it is of a few customers."""
    best = table.iloc[0]
    customers = share(best["customers"] / table["customers"].sum())
    if withheld(table["customers"]).iloc[0]:
        return say("holders.groups_few", name=name, customers=customers)
    return say("holders.groups", name=name, customers=customers, share=share(best["share"]))


def how_history_becomes_value(study: Study, language: Language) -> Page:
    """Lines of equal value over recency and frequency, and four customers in words."""
    given, customers = study.assumptions, study.customers
    span = float(np.quantile(customers["T"], 0.5))
    most = max(10, int(customers["frequency"].quantile(0.99)))
    examples = _examples(study, span, most)
    grid = _grid(study, span, most)
    kinds = {
        "mark": "plain", "frequency": "count", "days_ago": "count", "p_alive": "share",
        "expected_purchases": "number", "residual_clv": "money",
    }  # fmt: skip
    rows = examples.iloc[:4]
    two = examples.set_index("mark")
    blocks: list[Block] = [
        say("history.intro"),
        Figure(
            "iso_value",
            figures.iso_value(grid, examples, language, given.unit),
            say("history.figure", b=money(two.loc["B", "residual_clv"]),
                c=money(two.loc["C", "residual_clv"]), times=count(two.loc["B", "frequency"])),
            say("alt.iso_value"),
            Table("examples", examples, kinds),
        ),
        Data(_grid_table(grid)),
        *(
            say("history.example", mark=plain(row.mark), times=count(row.frequency),
                days=count(row.days_ago), purchases=number(row.expected_purchases),
                p_alive=share(row.p_alive), value=money(row.residual_clv))
            for row in rows.itertuples()
        ),
        say("history.caveat", style="caveat"),
    ]  # fmt: skip
    return Page("valuation.history", tuple(blocks), language)


def _value_of(study: Study, frame: pd.DataFrame) -> pd.DataFrame:
    """p_alive, 52-week purchases and value of histories, at the base's mean spend and margin."""
    given, model = study.assumptions, study.purchases.model
    history = {c: frame[c].to_numpy() for c in ("frequency", "recency", "T")}
    det = model.det(given.rate, given.horizon, **history)
    who = newcomers.newcomer(study.base, study.economics)
    value = det * (who.margin * study.spend.model.expected_spend_new() - who.cost)
    if who.upkeep:
        value = value - who.upkeep * model.discounted_life(given.rate, given.horizon, **history)
    return frame.assign(
        p_alive=model.p_alive(**history),
        expected_purchases=model.expected_purchases(given.year_ahead, **history),
        residual_clv=value,
    )


def _examples(study: Study, span: float, most: int) -> pd.DataFrame:
    """Four customers known for the median time: often and lately, often but long ago, and so on."""
    often = max(4, round(most * 0.6))
    frame = pd.DataFrame(
        {
            "mark": list("ABCD"),
            "frequency": [2, often, often, 2],
            "recency": [0.2 * span, 0.45 * span, 0.95 * span, 0.95 * span],
            "T": span,
        }
    )
    days = (frame["T"] - frame["recency"]) * days_per(study.assumptions.unit)
    return _value_of(study, frame.assign(days_ago=days))


def _grid(study: Study, span: float, most: int) -> pd.DataFrame:
    recency = np.linspace(span / 60, span, 60)
    frequency = np.arange(1, most + 1)
    cells = pd.DataFrame(
        [(f, t) for t in recency for f in frequency], columns=["frequency", "recency"]
    )
    values = _value_of(study, cells.assign(T=span))
    return values.pivot(index="recency", columns="frequency", values="residual_clv")


def _grid_table(grid: pd.DataFrame) -> Table:
    """The values behind the lines: recency, frequency, value."""
    long = grid.stack().rename("residual_clv").reset_index()
    kinds = {"recency": "number", "frequency": "count", "residual_clv": "money"}
    return Table("iso_value", long, kinds)


def a_new_customer(study: Study, language: Language, *, seed: int) -> Page:
    """Expected cumulative margin of a new customer by month, and by cohort."""
    months = newcomers.value_by_month(study.base, study.economics)
    cost = study.assumptions.acquisition_cost
    period = told_period(study.customers["first_date"], "month")
    cohort = prospects.by_cohort(study, period=period)
    first, last = months.iloc[0], months.iloc[-1]
    kinds = {"month": "count", "value": "money", "lower": "money", "upper": "money"}
    blocks: list[Block] = [
        Figure(
            "newcomer",
            figures.band(months, language, cost),
            say("newcomers.figure", value=money(last["value"]), lower=money(last["lower"]),
                upper=money(last["upper"]), years=years(study.assumptions.horizon_years),
                first=money(first["value"]), what=what_is_left(study)),
            say("alt.newcomer", first=money(first["value"]), value=money(last["value"])),
            Table("newcomer", months, kinds, rows=7),
        ),
        *against_cost(study, language, seed, period),
        *by_channel(study, language, seed=seed),
        *cohort_table(study, cohort),
    ]  # fmt: skip
    return Page("valuation.newcomers", tuple(blocks), language)


def against_cost(study: Study, language: Language, seed: int, period: str) -> tuple[Block, ...]:
    """Value against cost and pay-back, where the cost of winning a customer is known."""
    if study.assumptions.acquisition_cost is None:
        key = "newcomers.no_cost" if study.won.cost_from is None else "winning.none_priced"
        return (say(key, style="caveat"),)
    cohorts = by_cohort(study, language, period=period, seed=seed)
    return (*winning(study, seed=seed), *cohorts)


def cohort_table(study: Study, cohort: pd.DataFrame) -> tuple[Block, ...]:
    """How the customers won in each month or quarter began; whether the newest differ."""
    kinds = {
        "cohort": "period", "customers": "count", "first_value": "money",
        "early_repeats": "number", "value_each": "money", "residual_clv": "money",
    }  # fmt: skip
    table = Table("cohorts", cohort.reset_index(), kinds, rows=12, more={"early_error": "number"})
    return newer_or_older(study)[0], table
