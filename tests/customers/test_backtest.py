"""The test of the model on purchases that it had not seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.errors import WrongParameter

# Fader & Hardie's holdout figures by calibration frequency 0 ... 6, 7+ (BTYD walkthrough).
CUSTOMERS = [1411, 439, 214, 100, 62, 38, 29, 64]
ACTUAL = [0.2367116, 0.6970387, 1.392523, 1.560000, 2.532258, 2.947368, 3.862069, 6.359375]
PREDICTED = [0.2250893, 0.5231364, 1.044126, 1.520256, 2.163824, 2.653789, 3.503957, 6.157036]


@pytest.fixture(scope="module")
def published(sample_log: crmlab.TransactionLog) -> crmlab.Backtest:
    """The papers' test: the sample, 39 weeks and 39 weeks."""
    return crmlab.Backtest.run(
        sample_log, calibration_end="1997-09-30", observation_end="1998-06-30"
    )


def test_the_published_holdout_table(published: crmlab.Backtest) -> None:
    """Customers, actual and BG/NBD's predicted purchases by frequency."""
    table = published.by_frequency()

    assert table["customers"].tolist() == CUSTOMERS
    assert table["actual"].tolist() == pytest.approx(ACTUAL, abs=1e-6)
    assert table["predicted"].tolist() == pytest.approx(PREDICTED, abs=2e-3)


def test_the_published_totals(published: crmlab.Backtest) -> None:
    """1,882 purchases happened; MAE and RMSE as measured for BG/NBD and two rules."""
    rules = published.rules()

    assert published.actual == 1882
    assert published.bias == pytest.approx(-0.121, abs=5e-4)
    assert rules["mae"].tolist() == pytest.approx([0.7855, 1.0237, 0.7985], abs=2e-4)
    assert rules["rmse"].tolist() == pytest.approx([1.608, 2.212, 2.206], abs=2e-3)
    assert rules.loc["same_again", "bias"] == pytest.approx(0.557, abs=5e-4)


def test_tracking_counts_every_repeat_once(published: crmlab.Backtest) -> None:
    """Actual repeats by week add up to calibration and holdout repeats (lifetimes #152, #280)."""
    table = published.tracking
    repeats = published.customers["frequency"].sum() + published.actual

    assert len(table) == 78
    assert table["actual"].sum() == repeats
    assert table["cumulative_actual"].iloc[-1] == repeats
    assert (table["cumulative_expected"].diff().dropna() > 0).all()
    assert int((~table["holdout"]).sum()) == 39


def test_expected_tracking_is_the_models_expectation(published: crmlab.Backtest) -> None:
    """Cumulated to the last day: the sum over customers of E[X(their time)]."""
    customers, model = published.customers, published.fit.model
    days = 78 * 7 - 1 - (272 - customers["T"] * 7).round()

    assert published.tracking["cumulative_expected"].iloc[-1] == pytest.approx(
        model.expected_purchases_new(days.to_numpy() / 7).sum(), rel=1e-10
    )


def test_later_rows_change_nothing_in_calibration(sample_log: crmlab.TransactionLog) -> None:
    """Time travel: the calibration of a log cut at its end is bit for bit the same."""
    cut = sample_log.occasions("1997-09-30")
    alone = crmlab.read_transactions(cut, zero_amount="occasion").summarize("1997-09-30")
    whole = sample_log.summarize("1997-09-30")

    pd.testing.assert_frame_equal(alone, whole)


def test_new_customers_of_the_holdout_are_counted() -> None:
    """They are outside the forecast; how many and their share of the money are said."""
    rng = np.random.default_rng(2)
    who = 1 + np.concatenate([np.arange(60), rng.integers(0, 60, 340)])
    day = np.concatenate([rng.integers(0, 200, 60), rng.integers(0, 360, 340)])
    date = pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D")
    old = pd.DataFrame({"customer_id": who, "date": date, "amount": 10.0})
    new = pd.DataFrame(
        {"customer_id": ["n1", "n2"], "date": pd.Timestamp("2023-11-11"), "amount": 35.0}
    )
    log = crmlab.read_transactions(pd.concat([old, new]), duplicates="keep")
    test = crmlab.Backtest.run(
        log, calibration_end="2023-09-30", observation_end="2023-12-31", model="mbg-nbd"
    )
    late = old[old["date"] > "2023-09-30"]
    known = len(late.drop_duplicates()) + late.duplicated().sum()

    assert test.new_customers == 2
    assert test.new_revenue_share == pytest.approx(70 / (10 * known + 70))


def test_a_verdict_follows_the_bias(published: crmlab.Backtest) -> None:
    """12 % too few is 'fair'."""
    assert published.verdict == "fair"
    assert published.predicted.lower < published.predicted.mean < published.predicted.upper


def test_a_calibration_without_repeats_gives_no_test() -> None:
    """The report then says so in place of the figures."""
    frame = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 1, 2],
            "date": ["2024-01-01"] * 3 + ["2024-11-01"] * 2,
            "amount": [5.0, 6, 7, 8, 9],
        }
    )
    log = crmlab.read_transactions(frame)

    assert (
        crmlab.Backtest.where_possible(log, calibration_end=None, observation_end="2024-12-31")
        is None
    )


def test_a_calibration_after_the_end_is_refused(sample_log: crmlab.TransactionLog) -> None:
    """With the end in the message."""
    with pytest.raises(WrongParameter, match="a date before 1998-06-30"):
        crmlab.Backtest.run(sample_log, calibration_end="1998-06-30", observation_end="1998-06-30")


def test_a_test_without_purchases_is_a_bad_sign_not_no_test() -> None:
    """Nobody bought after the calibration: the verdict is 'nothing', which the light calls poor."""
    rng = np.random.default_rng(3)
    day = pd.to_timedelta(rng.integers(0, 200, 300), unit="D")
    frame = pd.DataFrame(
        {"customer_id": rng.integers(0, 60, 300), "date": pd.Timestamp("2023-01-01") + day,
         "amount": 5.0}
    )  # fmt: skip
    test = crmlab.Backtest.run(
        crmlab.read_transactions(frame, duplicates="keep", accept="late_end"),
        calibration_end="2023-08-01", observation_end="2024-06-30",
    )  # fmt: skip

    assert test.verdict == "nothing"
    assert np.isnan(test.bias)


def test_other_dates_repeat_the_test(sample_log: crmlab.TransactionLog) -> None:
    """Three origins, later ones with more customers known or as many; each with its own bias."""
    table = crmlab.rolling(sample_log, observation_end="1998-06-30")

    assert len(table) == 3
    assert table["bias"].tolist() == pytest.approx(
        (table["predicted"] / table["actual"] - 1).tolist()
    )
    assert table["actual"].is_monotonic_decreasing
