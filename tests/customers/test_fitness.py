"""Does the model fit? Each question answered with a pass, a warning and a stop."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers import fitness
from crmlab.customers.fitted_base import FittedBase
from crmlab.models.base import NO_DROPOUT
from crmlab.reporting.evidence import traffic_light
from crmlab.reporting.fitness import fit_for_money
from crmlab.reporting.language import Language


@pytest.fixture(scope="module")
def base(study: crmlab.Study) -> FittedBase:
    """All of CDNOW with BG/NBD."""
    return FittedBase.of(study)


def repeaters(n: int, slope: float) -> pd.DataFrame:
    """n repeat buyers whose spend grows with their frequency as told."""
    rng = np.random.default_rng(1)
    x = rng.integers(1, 20, n)
    spend = np.exp(slope * np.log(x) + rng.standard_normal(n))
    return pd.DataFrame({"frequency": x, "spend_frequency": x, "monetary_value": spend})


def words(*checks: fitness.Check) -> list[str]:
    """What a report says of these answers, in English; it must have the words in Spanish, too."""
    told = fit_for_money(fitness.Fitness(checks))
    assert all(sentence.words(Language("es")) for sentence in told)
    return [sentence.words(Language("en")) for sentence in told]


def test_cdnow_passes_but_for_its_total(
    base: FittedBase, log: crmlab.TransactionLog, backtest: crmlab.Backtest
) -> None:
    """The demo: nothing to stop for, all questions answered, figures as a table."""
    found = fitness.check_fitness(base, log.occasions("1998-06-30"), backtest)

    assert found.severity in ("pass", "warning")
    assert [c.code for c in found.checks] == [
        "dependence", "holdout_bias", "calibration", "regular_buyers", "contract", "estimate",
        "heavy_tail",
    ]  # fmt: skip
    assert {c.code for c in found.findings} <= {"holdout_bias", "calibration", "dependence"}
    assert found.table()["value"].notna().all()


@pytest.mark.parametrize(
    ("n", "slope", "severity"),
    [(2000, 0.0, "pass"), (2000, 1.0, "stop"), (2000, -1.0, "stop"), (12, 0.0, "warning")],
)
def test_spend_must_not_depend_on_frequency(n: int, slope: float, severity: str) -> None:
    """Either way beyond 0.3; a handful of customers cannot tell."""
    check = fitness.independence(repeaters(n, slope))

    assert check.severity == severity
    assert len(words(check)) == {"pass": 0, "warning": 1, "stop": 2}[severity]
    assert check.figures["customers"] == n


def test_spend_by_frequency_shows_the_dependence() -> None:
    """Spend that grows with frequency grows from group to group; all repeat buyers are in it."""
    table = fitness.spend_by_frequency(repeaters(2000, 1.0))

    assert table.index.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert table["customers"].sum() == 2000
    assert table.loc[7, "spend"] > 3 * table.loc[1, "spend"]


@pytest.mark.parametrize(
    ("factor", "severity"), [(1.0, "pass"), (1.2, "warning"), (2.0, "stop"), (0.5, "stop")]
)
def test_a_total_that_is_not_foretold_stops(
    backtest: crmlab.Backtest, factor: float, severity: str
) -> None:
    """Predictions set to what happened, and off by a factor."""
    mean = backtest.actual * factor
    predicted = backtest.predicted._replace(mean=mean, lower=mean * 0.97, upper=mean * 1.03)

    check = fitness.holdout(dataclasses.replace(backtest, predicted=predicted))

    assert check.severity == severity
    assert len(words(check)) == {"pass": 0, "warning": 0, "stop": 2}[severity]


@pytest.mark.parametrize(("power", "severity"), [(1.0, "pass"), (0.7, "warning"), (-0.5, "stop")])
def test_frequent_and_rare_buyers_must_be_foretold_alike(
    backtest: crmlab.Backtest, power: float, severity: str
) -> None:
    """Group means bent away from the actual ones; the total does not matter here."""
    group = backtest.customers["frequency"].clip(upper=7)
    mean = backtest.customers["actual"].groupby(group).transform("mean")
    customers = backtest.customers.assign(predicted=3 * mean**power)
    check = fitness.calibration(dataclasses.replace(backtest, customers=customers))

    assert check.severity == severity
    assert len(words(check)) == {"pass": 0, "warning": 1, "stop": 2}[severity]


def test_without_a_test_the_report_says_so(
    base: FittedBase, log: crmlab.TransactionLog, backtest: crmlab.Backtest
) -> None:
    """No holdout, or nobody in it: two answers without figures, and the words for them."""
    nobody = dataclasses.replace(backtest, customers=backtest.customers.assign(actual=0.0))
    soon = dataclasses.replace(nobody, predicted=backtest.predicted._replace(mean=0.4, lower=0.0))
    found = fitness.check_fitness(base, log.occasions("1998-06-30"), None)
    told = [line for line in words(*found.checks) if "could not be tested" in line]

    assert {c.code: c.figures for c in found.checks[1:3]} == {
        "untested": {}, "calibration_untested": {}
    }  # fmt: skip
    assert (traffic_light(nobody).level, traffic_light(soon).level) == ("poor", "none")
    assert "0 purchases were expected" in traffic_light(soon).verdict.words(Language("en"))
    assert (fitness.holdout(nobody), fitness.calibration(nobody)) == found.checks[1:3]
    assert len(told) == 1
    assert found.severity == "warning"


@pytest.mark.parametrize(("k", "severity"), [(1, "pass"), (4, "warning")])
def test_regular_buyers_are_noticed(base: FittedBase, k: int, severity: str) -> None:
    """800 simulated customers; a model that knows k passes."""
    truth, T = crmlab.MBGCNBD(2.0, 8.0 / k, 0.8, 6.0, k=k), np.full(800, 60.0)
    bought = truth.simulate(T, seed=1)
    frame = pd.DataFrame(bought.summarize(T)).assign(log_gaps=bought.log_gaps(T))
    here = dataclasses.replace(base, summary=frame)
    aware = dataclasses.replace(here, purchases=dataclasses.replace(base.purchases, model=truth))

    check = fitness.regularity(here)

    assert check.severity == severity
    assert check.figures["k"] == pytest.approx(k, abs=1)
    assert len(words(check)) == {"pass": 0, "warning": 1}[severity]
    assert fitness.regularity(aware).severity == "pass"


def occasions_of(gaps: Any, customers: int) -> pd.DataFrame:
    """Customers who all come after these gaps in days."""
    days = np.concatenate(([0], np.cumsum(gaps)))
    date = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.tile(days, customers), unit="D")
    who = np.repeat([f"c{i}" for i in range(customers)], len(days))
    return pd.DataFrame({"customer_id": who, "date": date})


@pytest.mark.parametrize(
    ("gaps", "customers", "severity"),
    [
        ([30, 31, 29, 30], 40, "stop"),  # by the month
        ([40, 44, 41, 43], 40, "stop"),  # like clockwork
        ([7, 20, 7, 61, 44], 40, "warning"),  # two of five after a week
        ([5, 60, 11, 33], 40, "pass"),
        ([30, 31, 29, 30], 10, "pass"),  # too few to tell
    ],
)
def test_subscriptions_are_noticed(gaps: list[int], customers: int, severity: str) -> None:
    """By the calendar or by their evenness."""
    check = fitness.contract(occasions_of(gaps, customers))

    assert check.severity == severity
    assert len(words(check)) == {"pass": 0, "warning": 1, "stop": 2}[severity]


def test_what_the_fits_leave_open_is_told(base: FittedBase) -> None:
    """No dropout, parameters not determined, a heavy tail of spend."""

    def told(**changes: Any) -> str:
        diagnosis = dataclasses.replace(base.purchases.diagnosis, **changes)
        fit = dataclasses.replace(base.purchases, diagnosis=diagnosis)
        return fitness.estimate(dataclasses.replace(base, purchases=fit)).code

    heavy = dataclasses.replace(base.spend, model=crmlab.GammaGamma(6.0, 1.5, 15.0))

    assert told() == "estimate"
    assert told(findings=(NO_DROPOUT,)) == "no_dropout"
    assert told(status="not identified", loose=("a", "b")) == "not_determined"
    assert fitness.tail(base).severity == "pass"
    assert fitness.tail(dataclasses.replace(base, spend=heavy)).severity == "warning"


def test_the_worst_answer_counts() -> None:
    """Stops before warnings before passes."""
    checks = tuple(fitness.Check(s, s, {}) for s in ("pass", "warning", "stop"))  # type: ignore[arg-type]

    assert fitness.Fitness(checks).severity == "stop"
    assert [c.code for c in fitness.Fitness(checks).findings] == ["stop", "warning"]
    assert fitness.Fitness(checks[:2]).severity == "warning"
    assert fitness.Fitness(checks[:1]).severity == "pass"
