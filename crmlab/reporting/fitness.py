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
    return [*stops(fitness), *warnings(fitness)]


def stops(fitness: Fitness) -> list[Sentence]:
    """What forbids to decide on the amounts: it stands before the answer."""
    found = [check for check in fitness.findings if check.severity == "stop"]
    head = [say("fitness.stop", style="lead")] if found else []
    return [*head, *(_said(check.code, check.figures, "text") for check in found)]


def warnings(fitness: Fitness) -> list[Sentence]:
    """What the reader should know beside the answer: it stands after it."""
    return [
        _said(check.code, check.figures, "caveat")
        for check in fitness.findings
        if check.severity == "warning" and check.code not in SAID_ELSEWHERE
    ]


def _said(code: str, figures: dict[str, float], style: str) -> Sentence:
    values = {name: _written(name, value) for name, value in figures.items()}
    key = "dependence_open" if code == "dependence" and style == "caveat" else code
    return say(f"fitness.{key}", style=style, **values)


def _written(name: str, value: float) -> Quantity:
    write: Callable[[Any], Quantity] = WRITTEN.get(name, number)
    return write(value)
