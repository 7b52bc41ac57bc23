"""Fit and score on patterns: all that leaves the engine, whatever the number of customers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from crmlab.customers.scores import Assumptions
from crmlab.errors import WrongParameter
from crmlab.models.base import Fit
from crmlab.models.catalogue import PURCHASE_MODELS
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.prospects import Ahead
from crmlab.models.purchase_model import AbstractPurchaseModel

HISTORY = ("frequency", "recency", "T")
WITH_GAPS = (
    "one of regular buyers also needs every gap between purchases, which is not summed up here: "
    "value such a base with crmlab report"
)
Columns = dict[str, Any]


@dataclass(frozen=True)
class Fits:
    """The two models that a base was valued with."""

    purchases: Fit[AbstractPurchaseModel]
    spend: Fit[GammaGamma]


def models_on_patterns() -> list[str]:
    """Names of the purchase models that need no more of a customer than the pattern."""
    return [n for n, kind in PURCHASE_MODELS.items() if kind.likelihood_columns == HISTORY]


def check(model: str, given: Assumptions) -> None:
    """Refuse assumptions and models that cannot be used. Raises WrongParameter."""
    if not 0 < given.margin <= 1:
        raise WrongParameter("margin", given.margin, "a share of net spend above 0, at most 1")
    if not 0 < given.horizon_years <= 100:
        raise WrongParameter("horizon_years", given.horizon_years, "years above 0, at most 100")
    if model not in models_on_patterns():
        allowed = "one of " + ", ".join(models_on_patterns())
        regular = model in PURCHASE_MODELS
        raise WrongParameter("model", model, f"{allowed} ({WITH_GAPS})" if regular else allowed)
    _ = given.rate, given.horizon  # raises for a wrong rate or unit


def fit(patterns: pa.Table, spend_patterns: pa.Table, model: str) -> Fits:
    """Both models, fitted to patterns and spend patterns (as their statements give them).

    Each puts rows into one order first, so that no engine and no number of threads changes a bit.
    The two fits know nothing of each other and run at the same time.
    Raises NotEstimable or InvalidHistory.
    """
    with ThreadPoolExecutor(1) as pool:
        money = _columns(spend_patterns, "spend_frequency", "monetary_value")
        spending = pool.submit(GammaGamma.fit, money)
        purchases = PURCHASE_MODELS[model].fit(_columns(patterns, *HISTORY))
    spend = spending.result()
    spend.model.expected_spend_new()  # raises where the mean spend is infinite
    return Fits(purchases, spend)


def score(patterns: pa.Table, fits: Fits, given: Assumptions) -> tuple[pa.Table, pa.Table]:
    """The scores of each pattern, and the one row of Gamma-Gamma's parameters and the margin."""
    history = {name: patterns[name].to_numpy() for name in HISTORY}
    model = fits.purchases.model
    ahead = Ahead(given.year_ahead, given.quarter, given.rate, given.horizon)
    scores = model.scores(ahead, **history)
    spend = fits.spend.model
    one_row = {"p": [spend.p], "q": [spend.q], "v": [spend.v], "margin": [float(given.margin)]}
    return pa.table(history | scores), pa.table(one_row)


def _columns(table: pa.Table, *names: str) -> Columns:
    return {name: table[name].to_numpy() for name in (*names, "count")}
