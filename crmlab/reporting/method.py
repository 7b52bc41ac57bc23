"""Assumptions and method: the register, the parameters in words, the glossary, the run."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.customers.backtest import Backtest
from crmlab.customers.study import Study
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    length,
    money,
    plain,
    share,
    term,
    years,
)
from crmlab.reporting.pages import Block, Glossary, Page, Sentence, Table, say

FROM_ATTRIBUTES = "from attributes"
VERSIONS = ("crmlab", "numpy", "scipy", "pandas", "duckdb", "matplotlib")


def assumptions_and_method(
    study: Study,
    backtest: Backtest | None,
    language: Language,
    *,
    assumed: Sequence[str] = (),
    seed: int,
    terms: tuple[str, ...],
    cohort_period: str | None = None,
) -> Page:
    """The register of assumptions, the fitted parameters and what they mean, glossary, versions."""
    blocks: list[Block] = [
        say("method.intro"),
        register(study, backtest, language, assumed, seed, cohort_period),
        *in_words(study),
        parameter_table(study),
        say("method.intervals", style="caveat"),
        Glossary(terms),
        run(study),
    ]
    return Page("method", tuple(blocks), language)


def register(  # what the report rests on, all of it
    study: Study,
    backtest: Backtest | None,
    language: Language,
    assumed: Sequence[str],
    seed: int,
    cohort_period: str | None = None,
) -> Table:
    """Every assumption with its value, and whether it was given or is the default."""
    given, account = study.assumptions, study.account
    aside = account.set_aside_total
    model = type(study.purchases.model).__name__
    lines: list[tuple[str, Quantity, str | None]] = [
        ("source", plain(account.source.rsplit("/", 1)[-1]), "source"),
        ("observation_end", day(given.observation_end), "observation_end"),
        (
            "calibration_end",
            day(backtest.calibration_end) if backtest else plain("–"),
            "calibration_end",
        ),
        ("unit", term(f"unit.{given.unit}"), "unit"),
        ("model", term(f"model_why.{model}"), None),
        *economics_lines(study, language),
        ("discount_rate", share(given.discount_rate), "discount_rate"),
        ("convention", term("register.continuous"), None),
        ("horizon", years(given.horizon_years), "horizon_years"),
        ("currency", plain(language.currency or "–"), "currency"),
        ("set_aside", Quantity((count(aside.records), money(float(aside.money))), "pair"), None),
        ("zero_amount", term(f"zero_amount.{account.zero_amount}"), "zero_amount"),
        ("without_model", count(0), None),
        ("seed", plain(seed), "seed"),
    ]
    if cohort_period is not None:
        lines.append(("cohort_period", term(f"unit.{cohort_period}"), "cohort_period"))
    frame = pd.DataFrame(
        {
            "assumption": [f"register.{name}" for name, _, _ in lines],
            "value": [value for _, value, _ in lines],
            "origin": [_origin(name, assumed) for _, _, name in lines],
        }
    )
    kinds = {"assumption": "term", "value": "quantity", "origin": "term"}
    return Table("register", frame, kinds, rows=99)


def economics_lines(study: Study, language: Language) -> list[tuple[str, Quantity, str | None]]:
    """Margins and costs, and where they come from: name, value, parameter."""
    given, basis = study.assumptions, study.basis
    return [
        ("margin", _margin(study, language), "margin"),
        *_margins_known(study, language),
        ("cost_per_occasion", _cost(given.cost_per_occasion), "cost_per_occasion"),
        ("cost_per_year", _cost(given.cost_per_year), "cost_per_year"),
        *([] if basis.served is None else [_served(study, language)]),
        ("retention_per_year", _cost(given.retention_per_year), "retention_per_year"),
        (
            "acquisition_cost",
            _acquisition(study, language),
            _from(basis.won.cost_from, "acquisition_cost"),
        ),
        *(
            []
            if basis.won.channel_from is None
            else [
                (
                    "channel",
                    term(f"register.channel_{basis.won.channel_from}"),
                    _from(basis.won.channel_from, "attributes"),
                )
            ]
        ),
    ]


def _margin(study: Study, language: Language) -> Quantity:
    found = study.basis.margins
    if found is None:
        return share(study.assumptions.margin)
    return plain(language.text(
        f"register.margin_by_{found.how}", mean=share(found.mean),
        lowest=share(found.each.min()), highest=share(found.each.max())))  # fmt: skip


def _margins_known(study: Study, language: Language) -> list[tuple[str, Quantity, str | None]]:
    """How far margins are known, and what is taken for the others."""
    found = study.basis.margins
    if found is None:
        return []
    rest = len(found.each) - found.own
    words = [
        language.text(
            "register.margin_own",
            own=count(found.own),
            all=count(len(found.each)),
            rest=count(rest),
        )
    ]
    if found.unknown_rows:
        unknown = float(found.unknown_money)
        words.append(
            language.text(
                "register.margin_unknown",
                rows=count(found.unknown_rows),
                money=money(unknown),
                share=share(unknown / float(found.money)),
            )
        )
    if found.held:
        words.append(language.text("register.margin_held", customers=count(found.held)))
    return [("margin_known", plain(" ".join(words)), "margin_limit")]  # fmt: skip


def _served(study: Study, language: Language) -> tuple[str, Quantity, str | None]:
    served = study.basis.served
    assert served is not None
    words = language.text(
        "register.served", occasion=count(served.own["cost_per_occasion"]),
        year=count(served.own["cost_per_year"]), all=count(len(study.customers)),
        strangers=count(served.strangers))  # fmt: skip
    return "cost_to_serve", plain(words), "cost_to_serve"


def _acquisition(study: Study, language: Language) -> Quantity:
    won, mean = study.won, study.assumptions.acquisition_cost
    if mean is None and won.cost_from is not None:
        return term("register.acquisition_none")
    if mean is None or won.cost_from == "figure":
        return _cost(mean)
    return plain(language.text(
        f"register.acquisition_{won.cost_from}", mean=money(mean), known=count(won.priced),
        all=count(len(won.table))))  # fmt: skip


def _cost(value: float | None) -> Quantity:
    return money(value) if value else term("register.none_given")


def _from(where: str | None, parameter: str) -> str:
    """Where a line comes from: the attributes if they tell it, else its parameter."""
    return FROM_ATTRIBUTES if where == "attributes" else parameter


def _origin(name: str | None, assumed: Sequence[str]) -> str:
    if name is None:
        return "register.method"
    if name == FROM_ATTRIBUTES:
        return "register.attributes"
    return "register.default" if name in assumed else "register.given"


def parameter_table(study: Study) -> Table:
    """Parameters of both models with their 95 % confidence intervals."""
    parts = []
    for fit in (study.purchases, study.spend):
        table = fit.summary().reset_index()
        table.insert(0, "model", f"model.{type(fit.model).__name__}")
        parts.append(table)
    kinds = {
        "parameter": "plain", "model": "term", "estimate": "exact", "lower_95": "exact",
        "upper_95": "exact",
    }  # fmt: skip
    return Table("parameters", pd.concat(parts, ignore_index=True), kinds)


def in_words(study: Study) -> list[Sentence]:
    """What the parameters say: how often customers buy, how fast they leave, what they spend."""
    model: Any = study.purchases.model
    unit = study.assumptions.unit
    out = [
        say("method.rate", rate=length(getattr(model, "k", 1) * model.alpha / model.r, unit)),
        say("method.dropout", share=share(model.a / (model.a + model.b))),
        say("method.spend", spend=money(study.spend.model.expected_spend_new())),
    ]
    if k := getattr(model, "k", 0):
        key = "method.regular" if k > 1 else "method.by_chance"
        out.insert(1, say(key, spread=share(k**-0.5), k=count(k)))
    boundary = (*study.purchases.diagnosis.at_boundary, *study.spend.diagnosis.at_boundary)
    if boundary:
        out.append(say("method.boundary", style="caveat", names=plain(", ".join(boundary))))
    return out


def fingerprints(source: str, tables: Mapping[str, Any]) -> Quantity:
    """The first digits of the fingerprints of the source and of the tables beside it, by name."""
    known = ((Path(table.source).name, table.fingerprint or "–") for table in tables.values())
    return plain("…; ".join([source[:16], *(f"{name} {digits[:16]}" for name, digits in known)]))


def run(study: Study) -> Sentence:
    """Fingerprint of the input, versions, and where the same figures lie as data."""
    versions = ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    return say(
        "method.run", style="caveat",
        fingerprint=fingerprints(study.log.fingerprint, study.basis.tables),
        versions=plain(f"Python {platform.python_version()}, {versions}"),
    )  # fmt: skip


def what_is_left(study: Study) -> Quantity:
    """The word for what customers bring: net margin where costs are taken off, else margin."""
    return term("word.net_margin" if study.economics.costs_anything else "word.margin")


def costs_in_words(study: Study) -> Sentence:
    """What the value rests on: margin, rate, and whether costs are taken off."""
    given = study.assumptions
    key = "review.rests_on_net" if study.economics.costs_anything else "review.rests_on"
    return say(key, style="caveat", margin=share(given.margin), rate=share(given.discount_rate))
