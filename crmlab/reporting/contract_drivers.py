"""What goes with leaving: effects, whether they last, and whether predictions come true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crmlab.customers.contracts.calibration import Calibration
from crmlab.customers.contracts.churn import Churn
from crmlab.customers.contracts.study import ContractStudy
from crmlab.reporting import contract_figures as figures
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    listed,
    number,
    p_value,
    plain,
    points,
    share,
)
from crmlab.reporting.pages import Block, Data, Figure, Page, Sentence, Table, say

SIGNIFICANT = 0.05
STRONGER = {
    "cox": ("drivers.more_cox", "drivers.less_cox"),
    "logit": ("drivers.more_logit", "drivers.less_logit"),
}
"""How an effect above and below 1 is told, by what its ratio is of."""


def drivers_page(study: ContractStudy, language: Language) -> Page:
    """Effects of covariates by Cox and logit, proportionality, calibration, cautions."""
    found = study.drivers
    if found is None:
        return Page("contracts.drivers", (say("drivers.none"),), language)
    fits = {k: f for k, f in (("cox", found.cox), ("logit", found.logit)) if f is not None}
    if not fits:
        return Page("contracts.drivers", (say("drivers.few"),), language)
    blocks: list[Block] = [
        _forest({k: f.effects for k, f in fits.items()}, language),
        say("drivers.how", style="caveat"),
        *_proportional(found),
        *_notes(found),
        _since(found),
        *_dated(study, found),
        *_calibration(found.calibration, language),
        say("drivers.caution", style="caveat"),
    ]
    return Page("contracts.drivers", tuple(blocks), language)


def _forest(fits: dict[str, pd.DataFrame], language: Language) -> Figure:
    effects = next(iter(fits.values()))
    names = [_name(row) for _, row in effects.iterrows()]
    frame = effects[["customers", "left"]].copy()
    frame.insert(0, "effect", names)
    kinds = {"effect": "plain", "customers": "count", "left": "count"}
    for kind, table in fits.items():
        columns = {"ratio": kind, "lower": f"{kind}_lower", "upper": f"{kind}_upper"}
        frame = frame.join(table[list(columns)].rename(columns=columns))
        kinds |= dict.fromkeys(columns.values(), "number")
    return Figure(
        "drivers",
        figures.forest(names, fits, language),
        _strongest(effects, next(iter(fits))),
        say("alt.drivers", effects=count(len(names))),
        Table("drivers", frame, kinds, rows=24),
    )  # fmt: skip


def _name(row: pd.Series) -> str:
    return f"{row['covariate']}: {row['level']} / {row['reference']}" if row["level"] else (
        f"{row['covariate']} (+1)")  # fmt: skip


def _strongest(effects: pd.DataFrame, kind: str) -> Sentence:
    """The effect of a level furthest from none among those that chance does not explain.

    `kind` is 'cox' (its ratios are of rates) or 'logit' (of odds).
    """
    # The largest of many is looked for, so chance has to be ruled out for all of them (Bonferroni).
    sure = effects[(effects["p_value"] < 0.05 / len(effects)) & (effects["level"] != "")]
    if sure.empty:
        return say("drivers.no_effect", effects=count(len(effects)))
    away = sure["ratio"].where(sure["ratio"] > 1, 1 / sure["ratio"])
    row = sure.loc[away.idxmax()]
    return say(STRONGER[kind][int(row["ratio"] < 1)], covariate=plain(row["covariate"]),
               level=plain(row["level"]), reference=plain(row["reference"]),
               ratio=number(row["ratio"]), lower=number(row["lower"]),
               upper=number(row["upper"]))  # fmt: skip


def _proportional(found: Churn) -> list[Block]:
    """Whether the effects hold at any tenure; the table is on the page only if they do not."""
    if found.cox is None or found.cox.proportional is None:
        return []
    tests = found.cox.proportional
    p = p_value(tests.loc["(all)", "p_value"])
    effects = found.cox.effects
    names = dict(zip(found.cox.recipe.columns, [_name(row) for _, row in effects.iterrows()],
                     strict=True))  # fmt: skip
    frame = tests.drop(index="(all)").rename(index=names).rename_axis("effect").reset_index()
    kinds = {"effect": "plain", "ratio_early": "number", "ratio_late": "number",
             "p_value": "p_value"}  # fmt: skip
    table = Table("proportional", frame, kinds, rows=24, more={"statistic": "number"})
    if tests.loc["(all)", "p_value"] >= SIGNIFICANT:
        return [say("drivers.proportional", p_value=p), Data(table)]
    return [say("drivers.not_proportional", p_value=p), table]


def _notes(found: Churn) -> list[Sentence]:
    """What was noticed of the covariates: collinear, pooled, the same customers."""
    fit = found.cox or found.logit
    findings = () if fit is None else fit.findings
    noted = [f for f in findings if f.code not in ("not_proportional", "undated_covariate")]
    out = [say(f"drivers.found.{f.code}", style="caveat", **_figures(f.figures)) for f in noted]
    undated = [str(f.figures["name"]) for f in findings if f.code == "undated_covariate"]
    if undated:
        out.append(say("drivers.undated", style="caveat", names=listed(undated)))
    return out


def _figures(figures: Mapping[str, Any]) -> dict[str, Quantity]:
    write: dict[str, Any] = {"inflation": number, "customers": count}
    return {k: write.get(k, plain)(v) for k, v in figures.items()}


def _since(found: Churn) -> Sentence:
    customers = count(len(found.seen))
    if found.seen.cut_off is None:
        return say("drivers.from_begin", style="caveat", customers=customers)
    return say("drivers.from_cut_off", style="caveat", customers=customers,
               cut_off=day(found.seen.cut_off))  # fmt: skip


def _dated(study: ContractStudy, found: Churn) -> list[Sentence]:
    """Covariates that are known by day."""
    names = [n for n in (*found.seen.covariates, *found.seen.numbers)
             if n not in study.contracts.covariates]  # fmt: skip
    key = "drivers.dated_from_begin" if found.seen.cut_off is None else "drivers.dated"
    return [say(key, style="caveat", names=listed(names))] if names else []


def _calibration(found: Calibration | None, language: Language) -> list[Block]:
    if found is None:
        return [say("drivers.unchecked", style="caveat")]
    key = "drivers.calibration" if found.skill > 0 else "drivers.calibration_poor"
    kinds = {"tenth": "count", "renewals": "count", "predicted": "share", "observed": "share",
             "lower": "share", "upper": "share"}  # fmt: skip
    return [
        Figure(
            "calibration",
            figures.calibration(found.table, language),
            say(key, expected=count(found.expected), left=count(found.left)),
            say("alt.calibration", groups=count(len(found.table))),
            None,
        ),
        Data(Table("calibration", found.table.rename_axis("tenth").reset_index(), kinds)),
        say("drivers.skill" if found.skill > 0 else "drivers.no_skill", style="caveat",
            ece=points(found.ece), auc=share(found.auc), skill=share(abs(max(found.skill, -9.99))),
            brier=Quantity(found.brier, "exact"),
            brier_base=Quantity(found.brier_base, "exact")),
    ]  # fmt: skip
