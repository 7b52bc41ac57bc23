"""Each customer's value with its reason in a line: for the file of customers, never for a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers import stages
from crmlab.customers.places import places
from crmlab.customers.rhythms import days_since_last
from crmlab.customers.study import Study
from crmlab.customers.valued import valued_customers
from crmlab.reporting.language import Language, Quantity, count, length, money, number, share
from crmlab.reporting.privacy import told_period
from crmlab.units import days_per


def each_customer(study: Study, language: Language, *, seed: int) -> pd.DataFrame:
    """One row a customer: history, scores, where they belong, and values (see crmlab.schema)."""
    table = valued_customers(study, seed=seed)
    first = placed(study)
    values = [name for name in table.columns if name not in first.columns]
    return first.join(table[values]).assign(reason=in_a_line(table, language))


def placed(study: Study, period: str = "month") -> pd.DataFrame:
    """The customers of a study and where they belong (schema.PLACES), cohorts as text.

    Cohorts are by `period`, or by the longer one by which reports tell them.
    """
    told = told_period(study.customers["first_date"], period)
    where = places(study, told)
    return study.customers.join(where.assign(cohort=where["cohort"].astype(str)))


def staged(study: Study, known: pd.DataFrame | None, period: str = "month") -> pd.DataFrame:
    """As `placed`, with the stage of each customer now and a quarter ago (schema.STAGES).

    `known` as crmlab.customers.stages.stages; None where nobody had bought a quarter ago.
    """
    table = placed(study, period)
    if known is None:
        return table.assign(stage=stages.basic_stage(study.customers).astype(str))
    text = known.reindex(table.index).astype(str)
    return table.assign(stage=text["now"], stage_before=text["then"])


def with_reason(table: pd.DataFrame, unit: str, language: Language) -> pd.DataFrame:
    """Customers with the reason of their value in a line; `unit` is that of their histories."""
    repeat = table["frequency"].where(table["frequency"] > 0)
    facts = table.assign(
        days_since_last=days_since_last(table, unit),
        mean_gap_days=table["recency"] * days_per(unit) / repeat,
    )
    return table.assign(reason=in_a_line(facts, language))


def in_a_line(table: pd.DataFrame, language: Language) -> list[str]:
    """Why each customer is worth what they are: how often, how lately, how much, and the model."""
    times = table["frequency"] + 1
    facts = {
        "times": _written(times, count, language),
        "last": _written(table["last_date"].dt.date, _short_day, language),
        "days": _written(table["days_since_last"], _days, language),
        "gap": _written(table["mean_gap_days"].round(), _days, language),
        "spend": _written((table["total_value"] / times).round(2), money, language),
        "active": _written(table["p_alive"].round(2), share, language),
        "purchases": _written(table["expected_purchases"].round(2), number, language),
    }
    once = language.template("reason.once"), language.template("reason.often")
    loss = language.template("reason.loss")
    rows = zip(*facts.values(), strict=True)
    lines = [
        once[often].format(**dict(zip(facts, row, strict=True)))
        for often, row in zip((times > 1).astype(int), rows, strict=True)
    ]
    bad = (table["residual_clv"] < 0).to_numpy()
    return [line + loss if worse else line for line, worse in zip(lines, bad, strict=True)]


def _days(value: Any) -> Quantity:
    return length(value, "day")


def _short_day(value: Any) -> Quantity:
    return Quantity(value, "short_day")


def _written(values: pd.Series, kind: Callable[[Any], Quantity], language: Language) -> Any:
    """Values as the language writes them; each distinct one is written once."""
    places, distinct = pd.factorize(values)
    texts = np.array([*(language.write(kind(value)) for value in distinct), "–"], dtype=object)
    return texts[places]
