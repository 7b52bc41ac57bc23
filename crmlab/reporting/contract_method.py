"""Whether contracts can be projected, and what every figure rests on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.contracts.projection import Holdout
from crmlab.customers.contracts.study import ContractStudy
from crmlab.customers.contracts.worth import akaike_weights
from crmlab.reporting import contract_figures as figures
from crmlab.reporting import document
from crmlab.reporting.contract_survival import model_names
from crmlab.reporting.contracts import light
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    length,
    listed,
    money,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.method import VERSIONS, fingerprints
from crmlab.reporting.pages import Block, Cover, Figure, Glossary, Page, Sentence, Table, say

TERMS = ("tenure", "survival", "retention_rate", "kaplan_meier", "sbg", "bdw", "hazard_ratio",
         "contract_value", "contract_at_risk", "prediction_interval",
         "confidence_interval")  # fmt: skip


def trust_page(study: ContractStudy, language: Language) -> Page:
    """Renewals held out: what the models expected of them, and what happened."""
    held = study.holdout
    blocks: list[Block] = [light(study)]
    if held is not None:
        unit, last = study.contracts.period, held.table.iloc[-1]
        names = {k: v for k, v in model_names(study, language).items() if k in held.table}
        errors = held.errors.reset_index()
        errors["method"] = [names.get(name, name) for name in errors["method"]]
        kinds = {"tenure": "count", "at_risk": "count", "observed": "share", "lower": "share",
                 "upper": "share", **dict.fromkeys(names, "share")}  # fmt: skip
        blocks += [
            Figure(
                "holdout",
                figures.projection(
                    _held_out(study, held), study.curve.last, names, language, unit,
                    held.calibration,
                ),
                say("contracts.holdout", seen=length(held.calibration, unit),
                    last=length(int(held.table.index[-1]), unit), observed=share(last["observed"]),
                    constant=share(last["constant"]), model=plain(next(iter(names))),
                    expected=share(last[next(iter(names))])),
                say("alt.holdout", tenures=count(len(held.table))),
                Table("holdout", held.table.reset_index(), kinds, rows=8),
            ),
            Table("holdout_errors", errors, {"method": "plain", "last_error": "share",
                                             "mean_absolute_error": "points",
                                             "inside_limits": "share"}),
            say("contracts.holdout_note", style="caveat"),
        ]  # fmt: skip
    return Page("contracts.trust", tuple(blocks), language)


def _held_out(study: ContractStudy, held: Holdout) -> pd.DataFrame:
    """What was observed from the first renewal on, and the projections from where they begin."""
    projected = held.table.drop(columns=["at_risk", "observed", "lower", "upper"])
    return study.curve.table[["survival"]].rename(columns={"survival": "observed"}).join(projected)


def method_page(
    study: ContractStudy, language: Language, *, assumed: Sequence[str] = (), seed: int
) -> Page:
    """The register of assumptions, the fitted parameters, glossary, the run."""
    blocks: list[Block] = [
        say("method.intro"),
        register(study, language, assumed, seed),
        _parameters(study),
        say("contracts.intervals", style="caveat"),
        Glossary(TERMS),
        _run(study),
    ]
    return Page("contracts.method", tuple(blocks), language)


def register(study: ContractStudy, language: Language, assumed: Sequence[str], seed: int) -> Table:
    """Every assumption with its value, and whether it was given or is the default."""
    contracts, given = study.contracts, study.given
    end, opened = contracts.observation_end, contracts.opened
    aside = sum(contracts.account.set_aside.values())
    cut_off = None if study.drivers is None else study.drivers.seen.cut_off
    lines: list[tuple[str, Quantity, str | None]] = [
        ("source", plain(contracts.source.rsplit("/", 1)[-1]), "source"),
        ("observation_end", _day(end), "observation_end"),
        ("period", term(f"unit.{contracts.period}"), "period"),
        ("end_is", term(f"contracts.end_is.{contracts.end_is}") if contracts.dated else plain("–"),
         "end_is"),
        ("opened", _day(opened), "opened"),
        ("cut_off", _day(cut_off), "cut_off"),
        ("contract_model", term(f"contracts.why.{study.chosen}"), None),
        ("value_range", plain(_weights(study, language)), None),
        ("contract_margin", money(study.margin_mean), "margin"),
        ("discount_rate", share(given.discount_rate), "discount_rate"),
        ("convention", term("contracts.convention"), None),
        ("horizon", term("contracts.to_the_end") if given.horizon_years is None
         else years(given.horizon_years), "horizon_years"),
        ("offer_cost", money(np.nan if study.offer_cost is None else study.offer_cost),
         "offer_cost"),
        ("currency", plain(language.currency or "–"), "currency"),
        ("set_aside_rows", count(aside), None),
        ("seed", plain(seed), "seed"),
    ]  # fmt: skip
    frame = pd.DataFrame({
        "assumption": [f"register.{name}" for name, _, _ in lines],
        "value": [value for _, value, _ in lines],
        "origin": [_origin(name, assumed) for _, _, name in lines],
    })  # fmt: skip
    kinds = {"assumption": "term", "value": "quantity", "origin": "term"}
    return Table("register", frame, kinds, rows=99)


def _weights(study: ContractStudy, language: Language) -> str:
    """What the range of the value holds, with the weight of each curve."""
    weights = akaike_weights(list(study.fits.values()))
    curves = (
        f"{name} {language.write(share(w))}" for name, w in zip(study.fits, weights, strict=True)
    )
    return language.text("contracts.range_holds", curves=listed(curves))


def _day(value: Any) -> Quantity:
    return plain("–") if value is None else day(value)


def _origin(name: str | None, assumed: Sequence[str]) -> str:
    if name is None:
        return "register.method"
    return "register.default" if name in assumed else "register.given"


def _parameters(study: ContractStudy) -> Table:
    parts = []
    for name, fit in study.fits.items():
        table = fit.summary().reset_index()
        table.insert(0, "model", name)
        parts.append(table.assign(aic=fit.aic))
    kinds = {"parameter": "plain", "model": "plain", "estimate": "exact", "lower_95": "exact",
             "upper_95": "exact", "aic": "number"}  # fmt: skip
    return Table("parameters", pd.concat(parts, ignore_index=True), kinds)


def _run(study: ContractStudy) -> Sentence:
    versions = ", ".join(f"{name} {version(name)}" for name in (*VERSIONS, "statsmodels"))
    return say(
        "contracts.run", style="caveat",
        fingerprint=fingerprints(study.contracts.fingerprint, study.tables),
        versions=plain(f"Python {platform.python_version()}, {versions}"),
    )  # fmt: skip


def publish(run_dir: str, cover: Cover, pages: Sequence[Page], study: ContractStudy) -> str:
    """Write figures, tables, running contracts and rows set aside, as document.publish does."""

    def rows(folder: Path) -> None:
        study.write_customers(folder / "customers.parquet")
        study.contracts.write_quarantine(folder / "quarantine.parquet")

    return document.write(run_dir, cover, pages, rows, lambda: _figures(study))


def _figures(study: ContractStudy) -> dict[str, Any]:
    contracts, total = study.contracts, study.equity.total
    end = contracts.observation_end
    return {
        "input": document.read_from(contracts.source, contracts.fingerprint, study.tables),
        "assumptions": {
            "observation_end": None if end is None else end.isoformat(),
            "period": contracts.period,
            "margin": study.margin_mean,
            "discount_rate": study.given.discount_rate,
            "horizon_years": study.given.horizon_years,
        },
        "totals": {
            "customers": len(study.equity.customers),
            "contracts": len(contracts.table),
            "not_renewed": study.curve.ended,
            "residual_value": float(study.equity.customers["residual_value"].sum()),
            "value_lower": total.lower,
            "value_upper": total.upper,
            "constant_value": study.equity.constant_total,
        },
        "account": contracts.account.as_dict(),
        "fits": {name: fit.as_dict() for name, fit in study.fits.items()},
    }
