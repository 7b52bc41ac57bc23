"""Does this model fit these customers? Asked before any money is shown."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from crmlab.customers.backtest import TOP_FREQUENCY, Backtest
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.segments import spend_rank_correlation
from crmlab.errors import NotEstimable
from crmlab.models.base import NO_DROPOUT
from crmlab.models.mbg_cnbd import MBGCNBD

Severity = Literal["pass", "warning", "stop"]

DEPENDENT = 0.30  # Spearman's rho of frequency and spend beyond which Gamma-Gamma is not for them
UNEVEN, WRONG_SHAPE = 0.15, 0.40  # error of holdout means by frequency, their total set right
CHANCE = 3.0  # standard errors that a group must be off to count
ENOUGH = 30  # customers of a group
PERIODS = {"week": (7, 7), "fortnight": (14, 14), "month": (28, 31), "quarter": (89, 92),
           "year": (360, 370)}  # fmt: skip
SOME_FIXED, MOST_FIXED = 0.30, 0.50  # of all gaps, as long as one period of the calendar
CLOCKWORK = 0.20  # coefficient of variation of a customer's gaps, below which it is a subscription
FEW_GAPS = 3
HEAVY_TAIL = 2.0  # Gamma-Gamma's q below which the variance between customers is infinite


class Check(NamedTuple):
    """One question: its code, how bad the answer is, and the figures behind it."""

    code: str
    severity: Severity
    figures: dict[str, float]


@dataclasses.dataclass(frozen=True)
class Fitness:
    """All questions asked. `severity` is the worst answer; `findings` are those not passed."""

    checks: tuple[Check, ...]

    @property
    def severity(self) -> Severity:
        """'stop', 'warning' or 'pass'."""
        found = {check.severity for check in self.checks}
        return "stop" if "stop" in found else "warning" if "warning" in found else "pass"

    @property
    def findings(self) -> tuple[Check, ...]:
        """Stops first, then warnings."""
        order: tuple[Severity, ...] = ("stop", "warning")
        return tuple(c for kind in order for c in self.checks if c.severity == kind)

    def table(self) -> pd.DataFrame:
        """One row a figure: code, severity, figure, value."""
        rows = [(c.code, c.severity, name, v) for c in self.checks for name, v in c.figures.items()]
        return pd.DataFrame(rows, columns=["code", "severity", "figure", "value"])


def check_fitness(base: FittedBase, occasions: pd.DataFrame, backtest: Backtest | None) -> Fitness:
    """Ask all questions of a base, the log's occasions, and a test on a holdout (None: no test)."""
    checks = (
        independence(base.summary), holdout(backtest), calibration(backtest), regularity(base),
        contract(occasions), estimate(base), tail(base),
    )  # fmt: skip
    return Fitness(checks)


def independence(summary: pd.DataFrame) -> Check:
    """Is spend an occasion independent of how often customers buy (Spearman's rho)?

    Stop beyond 0.3 either way, where it is not chance; warning where 0.3 cannot be ruled out.
    Figures: rho, lower, upper (95 %), customers.
    """
    rho, lower, upper, n = spend_rank_correlation(summary)
    figures = {"rho": rho, "lower": lower, "upper": upper, "customers": float(n)}
    if abs(rho) > DEPENDENT and lower * upper > 0:
        return Check("dependence", "stop", figures)
    near = max(abs(lower), abs(upper)) > DEPENDENT or not np.isfinite(rho)
    return Check("dependence", "warning" if near else "pass", figures)


def spend_by_frequency(summary: pd.DataFrame) -> pd.DataFrame:
    """Mean spend an occasion of repeat buyers by repeats (1 to 7 or more): does it rise or fall?

    Columns: customers, spend (mean of their means), error (its standard error).
    """
    repeat = summary[summary["spend_frequency"] > 0]
    group = repeat["frequency"].clip(upper=TOP_FREQUENCY)
    grouped = repeat["monetary_value"].groupby(group)
    return pd.DataFrame(
        {"customers": grouped.size(), "spend": grouped.mean(), "error": grouped.sem()}
    )


def holdout(backtest: Backtest | None) -> Check:
    """Is the total of a holdout foretold? By the verdict of the test: 'poor' is a stop.

    Code 'untested' without a test, or where nobody bought. Figures: bias, predicted, actual.
    """
    if backtest is None or backtest.verdict == "nothing":
        return Check("untested", "warning", {})
    severity: dict[str, Severity] = {"good": "pass", "poor": "stop"}
    figures = {
        "bias": backtest.bias, "predicted": backtest.predicted.mean, "actual": backtest.actual
    }  # fmt: skip
    return Check("holdout_bias", severity.get(backtest.verdict, "warning"), figures)


def calibration(backtest: Backtest | None) -> Check:
    """Are frequent and rare buyers foretold alike, their total set right?

    The error is the customers' mean absolute difference of group means (by calibration frequency,
    groups of 30 or more), as a share of the mean. Warning above 15 %, stop above 40 %, if a group
    is off by more than 3 standard errors. Code 'calibration_untested' without a test, or where
    nobody bought. Figures: error, worst (in standard errors).
    """
    if backtest is None or backtest.verdict == "nothing":
        return Check("calibration_untested", "warning", {})
    groups = backtest.by_frequency()
    groups = groups[groups["customers"] >= ENOUGH]
    n, actual = groups["customers"], groups["actual"]
    predicted = groups["predicted"] * (n @ actual) / (n @ groups["predicted"])
    apart = (predicted - actual).abs()
    error = float(n @ apart / (n @ actual)) if n @ actual else float("nan")
    error_of = groups["actual_error"].where(groups["actual_error"] > 0)
    worst = float((apart / error_of).max())
    level: Severity = "stop" if error > WRONG_SHAPE else "warning" if error > UNEVEN else "pass"
    figures = {"error": error, "worst": worst}
    return Check("calibration", level if worst > CHANCE else "pass", figures)


def regularity(base: FittedBase) -> Check:
    """Do customers buy more regularly than at random (Erlang-k gaps) and the model not know it?

    Figures: k (1 is at random; gaps vary by k^-1/2 of their mean), gain (log-likelihood of k above
    that of 1), known_k (the model's own).
    """
    known = float(getattr(base.purchases.model, "k", 1))
    try:
        best, plain = MBGCNBD.fit(base.summary), MBGCNBD.fit(base.summary, k=1)
    except NotEstimable:
        return Check("regular_buyers", "pass", {"known_k": known})
    k, gain = float(best.model.k), best.log_likelihood - plain.log_likelihood
    figures = {"k": k, "gain": gain, "known_k": known}
    return Check("regular_buyers", "warning" if k > 1 and known == 1 else "pass", figures)


def contract(occasions: pd.DataFrame) -> Check:
    """Do purchases come as under a contract: by the calendar, or like clockwork?

    Stop where more than half of all gaps are as long as one period of the calendar (week,
    fortnight, month, quarter or year), or where half the customers with three gaps or more have
    gaps that vary by less than a fifth; warning from 30 % of all gaps.
    Figures: fixed (highest share), days (that period's longest gap), variation (median coefficient
    of variation), customers (with three gaps or more).
    """
    who = occasions["customer_id"].to_numpy()
    days = np.diff(occasions["date"].to_numpy()) / np.timedelta64(1, "D")
    gap = pd.Series(days[who[1:] == who[:-1]], index=who[1:][who[1:] == who[:-1]])
    shares = {last: float(gap.between(first, last).mean()) for first, last in PERIODS.values()}
    last = max(shares, key=lambda days: shares[days])
    grouped = gap.groupby(level=0)
    several = grouped.size() >= FEW_GAPS
    variation = (
        float((grouped.std() / grouped.mean())[several].median()) if several.any() else np.nan
    )
    n = int(several.sum())
    figures = {"fixed": shares[last], "days": float(last), "variation": variation,
               "customers": float(n)}  # fmt: skip
    if n < ENOUGH:
        return Check("contract", "pass", figures)
    if shares[last] > MOST_FIXED or variation < CLOCKWORK:
        return Check("contract", "stop", figures)
    return Check("contract", "warning" if shares[last] > SOME_FIXED else "pass", figures)


def estimate(base: FittedBase) -> Check:
    """Are the parameters determined, and does the model see anybody leave?

    Codes 'no_dropout' and 'not_determined' (warnings), or 'estimate'.
    """
    diagnosis = base.purchases.diagnosis
    if NO_DROPOUT in diagnosis.findings:
        return Check("no_dropout", "warning", {})
    if diagnosis.status != "converged":
        open_ended = len(diagnosis.at_boundary) + len(diagnosis.loose)
        return Check("not_determined", "warning", {"parameters": float(open_ended)})
    return Check("estimate", "pass", {})


def tail(base: FittedBase) -> Check:
    """Is the spread of spend between customers finite (Gamma-Gamma's q above 2)? Figures: q."""
    q = float(base.spend.model.q)
    return Check("heavy_tail", "warning" if q < HEAVY_TAIL else "pass", {"q": q})
