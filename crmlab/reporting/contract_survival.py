"""Survival, retention by tenure, life and value of contracts, page by page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.contracts.offers import REST
from crmlab.customers.contracts.projection import CONSTANT
from crmlab.customers.contracts.study import ContractStudy
from crmlab.customers.contracts.survival import ENOUGH, ENOUGH_LEFT, compared
from crmlab.reporting import contract_figures as figures
from crmlab.reporting.language import (
    Language,
    count,
    length,
    listed,
    money,
    number,
    p_value,
    plain,
    rate,
    share,
)
from crmlab.reporting.pages import Block, Figure, Page, Sentence, Table, say

SEGMENTS = 6
"""Curves that a figure can hold; of more segments the largest are drawn."""

FEW_AT_RISK = 30
"""Fewer customers at a renewal tell little of it."""

COMPARED_AT_RISK = 10
"""Segments are compared as far as so many customers of each came."""

SURE = 0.05

LATE = 0.25
"""Share of the renewals, the last ones, that are told together."""


def survival_page(study: ContractStudy, language: Language) -> Page:
    """Kaplan-Meier with numbers at risk, by segment if given, and the projection."""
    blocks: list[Block] = [
        _curve(study, language),
        *_segments(study, language),
        _projection(study, language),
        say("contracts.projection_note", style="caveat", model=plain(study.chosen)),
    ]
    return Page("contracts.survival", tuple(blocks), language)


def _curve(study: ContractStudy, language: Language) -> Figure:
    curve, unit = study.curve, study.contracts.period
    table = curve.table
    enough = table.index[table["at_risk"] >= FEW_AT_RISK]
    at = int(enough[-1]) if len(enough) > 1 else curve.last
    found = curve.at(at)
    median = curve.median.value
    said = {
        "tenure": length(at, unit), "survival": share(found.value), "lower": share(found.lower),
        "upper": share(found.upper), "at_risk": count(table.loc[at, "at_risk"]),
    }  # fmt: skip
    title = say("contracts.curve", style="text", **said)
    if median == median:  # not reached: nan
        title = say("contracts.curve_half", style="text", median=length(median, unit), **said)
    kinds = {"tenure": "count", "at_risk": "count", "left": "count", "survival": "share",
             "lower": "share", "upper": "share"}  # fmt: skip
    return Figure(
        "survival",
        figures.survival({"": table}, [""], language, unit),
        title,
        say("alt.survival", tenure=length(curve.last, unit), customers=count(curve.customers)),
        Table("survival", table.reset_index(), kinds, rows=8),
    )


def segment_name(name: str, language: Language) -> str:
    """A segment as it is written, what is not known and what is small in words."""
    words = {"": "word.unknown", REST: "word.other_segments"}
    return language.text(words[name]) if name in words else name


def _segments(study: ContractStudy, language: Language) -> list[Block]:
    """Survival by segment with its log-rank test; nothing where no segment was named."""
    if study.segment is None:
        return []
    small = _too_small(study, language)
    if len(study.large) < 2 or study.difference is None:
        return [say("contracts.one_segment", style="caveat"), *small]
    curves = {name: study.segments[name] for name in study.large}
    every = compared(curves, at_risk=COMPARED_AT_RISK)
    largest = sorted(curves, key=lambda name: -curves[name].customers)[:SEGMENTS]
    names = [segment_name(name, language) for name in largest]
    unit = study.contracts.period
    return [
        Figure(
            "segments",
            figures.survival({n: curves[n].table for n in largest}, names, language, unit),
            _how_they_differ(study, every, language),
            say("alt.segments", segments=count(len(largest))),
            _segment_table(study, every, language),
        ),
        *small,
        say("contracts.log_rank" if study.difference.p_value < SURE else "contracts.log_rank_no",
            style="caveat", statistic=number(study.difference.statistic),
            degrees=count(study.difference.degrees), p_value=p_value(study.difference.p_value)),
    ]  # fmt: skip


def _too_small(study: ContractStudy, language: Language) -> list[Sentence]:
    """Segments that are too small to be compared, by name."""
    names = [segment_name(n, language) for n in study.segments if n not in study.large]
    if not names:
        return []
    return [say("contracts.small_segments", style="caveat", names=listed(names),
                customers=count(ENOUGH), left=count(ENOUGH_LEFT))]  # fmt: skip


def _how_they_differ(study: ContractStudy, every: pd.DataFrame, language: Language) -> Sentence:
    """Names who stays longest and shortest only where that is shown: the limits lie apart."""
    share_there = every["survival_at_horizon"]
    best, worst = share_there.idxmax(), share_there.idxmin()
    tenure = length(int(every["horizon"].iloc[0]), study.contracts.period)
    most, least = share(share_there[best]), share(share_there[worst])
    sure = study.difference is not None and study.difference.p_value < SURE
    apart = every.loc[best, "survival_lower"] > every.loc[worst, "survival_upper"]
    if not (sure and apart):
        return say("contracts.segments_alike", tenure=tenure, segments=count(len(every)),
                   best_share=most, worst_share=least)  # fmt: skip
    return say("contracts.segments", tenure=tenure, best=plain(segment_name(str(best), language)),
               worst=plain(segment_name(str(worst), language)), best_share=most,
               worst_share=least)  # fmt: skip


def _segment_table(study: ContractStudy, every: pd.DataFrame, language: Language) -> Table:
    """The segments compared, then those too small with their numbers only."""
    small = {n: c for n, c in study.segments.items() if n not in study.large}
    known = pd.DataFrame(
        {"customers": [c.customers for c in small.values()],
         "ended": [c.ended for c in small.values()]}, index=pd.Index(list(small), name="segment"),
    )  # fmt: skip
    frame = pd.concat([every, known]).reset_index() if small else every.reset_index()
    frame["segment"] = [segment_name(str(name), language) for name in frame["segment"]]
    kinds = {"segment": "plain", "customers": "count", "ended": "count",
             "survival_at_horizon": "share", "survival_lower": "share", "survival_upper": "share",
             "restricted_mean": "number"}  # fmt: skip
    more = {"lower": "number", "upper": "number", "median": "number", "horizon": "count"}
    return Table("segments", frame, kinds, more=more)


def model_names(study: ContractStudy, language: Language) -> dict[str, str]:
    """The models' columns and words: the chosen one, the other, constant retention."""
    others = [name for name in study.fits if name != study.chosen]
    return {n: n for n in (study.chosen, *others)} | {CONSTANT: language.text("figure.constant")}


def _projection(study: ContractStudy, language: Language) -> Figure:
    table, last, unit = study.projection, study.curve.last, study.contracts.period
    end = table.iloc[-1]
    kinds = {"tenure": "count", "observed": "share", study.chosen: "share", "model_lower": "share",
             "model_upper": "share"}  # fmt: skip
    renamed = {f"{study.chosen}_lower": "model_lower", f"{study.chosen}_upper": "model_upper"}
    others = [name for name in study.fits if name != study.chosen]
    frame = table.rename(columns=renamed).reset_index()
    return Figure(
        "projection",
        figures.projection(table, last, model_names(study, language), language, unit),
        say("contracts.projection", model=plain(study.chosen),
            tenure=length(study.horizon, unit), survival=share(end[study.chosen]),
            lower=share(end[f"{study.chosen}_lower"]), upper=share(end[f"{study.chosen}_upper"]),
            constant=share(end[CONSTANT]), last=length(last, unit)),
        say("alt.projection", last=length(last, unit), tenure=length(study.horizon, unit)),
        Table("projection", frame, {**kinds, **dict.fromkeys([*others, CONSTANT], "share")},
              rows=9),
    )  # fmt: skip


def rates_page(study: ContractStudy, language: Language) -> Page:
    """Retention rate at each renewal with Wilson's limits, against the models."""
    unit = study.contracts.period
    table = study.curve.table.iloc[1:]
    n = table.index.to_numpy(dtype=float)
    lines = {name: fit.model.retention_rate(n) for name, fit in study.fits.items()}
    table = table.assign(**lines, **{CONSTANT: study.retention})
    first, late = table.iloc[0], table.iloc[-max(round(LATE * len(table)), 1) :]
    passed, expected = (np.average(late[c], weights=late["at_risk"])
                        for c in ("retention_rate", study.chosen))  # fmt: skip
    kinds = {"renewal": "count", "at_risk": "count", "left": "count", "retention_rate": "rate",
             "retention_lower": "rate", "retention_upper": "rate",
             **dict.fromkeys(lines, "rate")}  # fmt: skip
    blocks: list[Block] = [
        Figure(
            "rates",
            figures.retention(table, model_names(study, language), language, unit),
            say("contracts.rates", first=rate(first["retention_rate"]), late=rate(passed),
                renewal=count(late.index[0]), model_first=rate(first[study.chosen]),
                model_late=rate(expected), model=plain(study.chosen),
                constant=rate(study.retention)),
            say("alt.rates", renewals=count(len(table))),
            Table("rates", table.rename_axis("renewal").reset_index(), kinds, rows=12),
        ),
        _why_it_rises(study),
        say("contracts.wilson", style="caveat"),
    ]  # fmt: skip
    return Page("contracts.rates", tuple(blocks), language)


def _why_it_rises(study: ContractStudy) -> Sentence:
    model = study.fits[study.chosen].model
    c = float(getattr(model, "c", 1.0))
    key = "own_same" if study.chosen == "sBG" else "own_rises" if c > 1 else "own_falls"
    return say(f"contracts.{key}", c=number(c))


def value_page(study: ContractStudy, language: Language) -> Page:
    """Residual value by tenure against all alike, and average life by method."""
    blocks: list[Block] = [
        _residual(study, language),
        say(
            "contracts.value_note",
            style="caveat",
            model=plain(study.chosen),
            total=money(study.equity.total.mean),
        ),
        say("contracts.life", horizon=length(study.curve.last, study.contracts.period)),
        _life(study, language),
        *_infinite(study),
    ]
    return Page("contracts.value", tuple(blocks), language)


def _residual(study: ContractStudy, language: Language) -> Figure:
    unit, each = study.contracts.period, study.residual
    by = study.equity.by_tenure
    frame = by[["customers", "retention_next", "periods", "value"]].join(
        each[["value", "lower", "upper"]].rename(columns={"value": "value_each"})
    )
    total = {"tenure": language.text("word.total"), "customers": by["customers"].sum(),
             "value": by["value"].sum()}  # fmt: skip
    frame = frame.reset_index()
    frame["tenure"] = [language.write(count(n)) for n in frame["tenure"]]
    frame = pd.concat([frame, pd.DataFrame([total])], ignore_index=True)
    kinds = {"tenure": "plain", "customers": "count", "retention_next": "rate",
             "periods": "number", "value_each": "money", "lower": "money", "upper": "money",
             "value": "money"}  # fmt: skip
    return Figure(
        "residual",
        figures.residual(each, study.alike_each, language, unit),
        say("contracts.residual", new=money(each["value"].iloc[0]),
            late=money(each["value"].iloc[-1]), tenure=length(int(each.index[-1]), unit),
            alike=money(study.alike_each)),
        say("alt.residual", first=money(each["value"].iloc[0]), last=money(each["value"].iloc[-1])),
        Table("residual", frame, kinds, total=True, rows=5,
              public=("value_each", "lower", "upper")),
    )  # fmt: skip


def _life(study: ContractStudy, language: Language) -> Table:
    frame = study.life.copy()
    frame["assumes"] = "contract_assumes." + frame["method"]
    names = [language.text(f"contract_life.{name}") for name in frame["method"]]
    models = frame["model"].fillna("")
    frame["method"] = [f"{n} ({m})" if m else n for n, m in zip(names, models, strict=True)]
    kinds = {"method": "plain", f"life_{study.contracts.period}": "number", "lower": "number",
             "upper": "number", "assumes": "term"}  # fmt: skip
    frame = frame.rename(columns={"life": f"life_{study.contracts.period}"})
    return Table("contract_life", frame, kinds, more={"horizon": "count"})


def _infinite(study: ContractStudy) -> list[Sentence]:
    """Says so where a model's mean life has no end."""
    endless = study.life[(study.life["method"] == "model") & (study.life["life"] == float("inf"))]
    names = listed(endless["model"])
    return [say("contracts.endless", style="caveat", models=names)] if len(endless) else []
