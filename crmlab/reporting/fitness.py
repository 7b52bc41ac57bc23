"""Whether the model fits these customers, said before any money is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crmlab.customers.fitness import Fitness
from crmlab.reporting.language import Quantity, count, number, share
from crmlab.reporting.pages import Sentence, say

WRITTEN: dict[str, Callable[[Any], Quantity]] = {
    "bias": share, "error": share, "fixed": share, "customers": count, "predicted": count,
    "actual": count, "days": count, "parameters": count,
}  # fmt: skip
SAID_ELSEWHERE = ("holdout_bias", "untested", "no_dropout", "not_determined", "heavy_tail")
"""Warnings that the traffic light and the cautions tell already."""


def fit_for_money(fitness: Fitness) -> list[Sentence]:
    """A stop in one sentence for each reason, then warnings; nothing where all is well."""
    stops = [check for check in fitness.findings if check.severity == "stop"]
    warnings = [
        check
        for check in fitness.findings
        if check.severity == "warning" and check.code not in SAID_ELSEWHERE
    ]
    head = [say("fitness.stop", style="lead")] if stops else []
    return [
        *head,
        *(_said(check.code, check.figures, "text") for check in stops),
        *(_said(check.code, check.figures, "caveat") for check in warnings),
    ]


def _said(code: str, figures: dict[str, float], style: str) -> Sentence:
    values = {name: _written(name, value) for name, value in figures.items()}
    key = "dependence_open" if code == "dependence" and style == "caveat" else code
    return say(f"fitness.{key}", style=style, **values)


def _written(name: str, value: float) -> Quantity:
    write: Callable[[Any], Quantity] = WRITTEN.get(name, number)
    return write(value)
