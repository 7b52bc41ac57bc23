"""Survival, retention by tenure, life and value of contracts, page by page."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers.contracts.projection import CONSTANT
from crmlab.customers.contracts.study import ContractStudy
from crmlab.customers.contracts.survival import compared
from crmlab.reporting import contract_figures as figures
from crmlab.reporting.language import (
    Language,
    count,
    length,
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

LATE = 0.25
"""Share of the renewals, the last ones, that are told together."""


def survival_page(study: ContractStudy, language: Language) -> Page:
    """Kaplan-Meier with numbers at risk, by segment if given, and the projection."""
    blocks: list[Block] = [
        _curve(study, language),
        *_segments(study, language),
        _projection(study, language),
        say("contracts.projection_note", style="caveat"),
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


def _segments(study: ContractStudy, language: Language) -> list[Block]:
    """Survival by segment with its log-rank test; nothing where no segment was named."""
    if study.segment is None:
        return []
    if len(study.segments) < 2 or study.difference is None:
        return [say("contracts.one_segment", style="caveat")]
    every = compared(study.segments)
    largest = sorted(study.segments, key=lambda name: -study.segments[name].customers)[:SEGMENTS]
    names = [name or language.text("word.unknown") for name in largest]
    frame = every.reset_index()
    frame["segment"] = frame["segment"].replace({"": language.text("word.unknown")})
    best, worst = every["restricted_mean"].idxmax(), every["restricted_mean"].idxmin()
    unit = study.contracts.period
    kinds = {"segment": "plain", "customers": "count", "ended": "count",
             "survival_at_horizon": "share", "restricted_mean": "number", "lower": "number",
             "upper": "number"}  # fmt: skip
    return [
        Figure(
            "segments",
            figures.survival({n: study.segments[n].table for n in largest}, names, language, unit),
            say("contracts.segments", tenure=length(int(every["horizon"].iloc[0]), unit),
                best=plain(best), best_share=share(every.loc[best, "survival_at_horizon"]),
                worst=plain(worst), worst_share=share(every.loc[worst, "survival_at_horizon"])),
            say("alt.segments", segments=count(len(largest))),
            Table("segments", frame, kinds, more={"median": "number", "horizon": "count"}),
        ),
        say("contracts.log_rank" if study.difference.p_value < 0.05 else "contracts.log_rank_no",
            style="caveat", statistic=number(study.difference.statistic),
            degrees=count(study.difference.degrees), p_value=p_value(study.difference.p_value)),
    ]  # fmt: skip


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
            Table("rates", table.rename_axis("renewal").reset_index(), kinds),
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
        say("contracts.value_note", style="caveat", total=money(study.equity.total.mean)),
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
        Table("residual", frame, kinds, total=True, rows=5),
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
    names = ", ".join(endless["model"])
    return [say("contracts.endless", style="caveat", models=plain(names))] if names else []
