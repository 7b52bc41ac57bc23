"""What went wrong in other packages between the table and the model, each with what is true here.
The issue is named in brackets: LT is lifetimes, CT CLVTools.
"""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import BGNBD
from crmlab.customers import backtest
from crmlab.schema import SCORES, SUMMARY

FALSE_ALARM = 4.5  # standard errors: 7e-6 a comparison


@pytest.fixture
def _without_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the prediction interval, which takes seconds and is not looked at here."""
    monkeypatch.setattr(backtest, "count_interval", lambda *_, **__: None)


@pytest.mark.usefixtures("_without_interval")
def test_a_holdout_of_41_days_is_5_857_weeks(sample_log: crmlab.TransactionLog) -> None:
    """Its length is counted in days and told in the unit of the model [LT 281: 41 weeks]."""
    test = crmlab.Backtest.run(
        sample_log, calibration_end="1997-09-30", observation_end="1997-11-10"
    )
    history = {c: test.customers[c].to_numpy() for c in ("frequency", "recency", "T")}

    assert test.customers["predicted"].to_numpy() == pytest.approx(
        test.fit.model.expected_purchases(41 / 7, **history), rel=1e-14
    )


@pytest.mark.usefixtures("_without_interval")
def test_the_holdout_ends_where_it_is_said_to(sample_log: crmlab.TransactionLog) -> None:
    """Rows after observation_end change nothing [LT 26]."""
    dates = {"calibration_end": "1997-09-30", "observation_end": "1998-02-28"}
    cut = crmlab.read_transactions(sample_log.occasions("1998-02-28"), zero_amount="occasion")
    whole, alone = (crmlab.Backtest.run(log, **dates) for log in (sample_log, cut))

    pd.testing.assert_frame_equal(whole.customers, alone.customers)
    pd.testing.assert_frame_equal(whole.tracking, alone.tracking)


@pytest.mark.usefixtures("_without_interval")
def test_holdout_and_calibration_count_the_same_thing() -> None:
    """Two receipts of one day are one occasion before the calibration's end and after it [LT 322,
    371, 431: per line in one, per day in the other].
    """
    rng = np.random.default_rng(9)
    day = pd.to_timedelta(rng.integers(0, 360, 500), unit="D")
    once = pd.DataFrame(
        {"customer_id": rng.integers(0, 60, 500), "date": pd.Timestamp("2023-01-01") + day,
         "amount": 5.0}
    ).drop_duplicates()  # fmt: skip
    tests = [
        crmlab.Backtest.run(
            crmlab.read_transactions(rows, duplicates="keep"), calibration_end="2023-08-31",
            observation_end="2023-12-31",
        )
        for rows in (once, pd.concat([once, once]))
    ]  # fmt: skip

    pd.testing.assert_frame_equal(tests[0].customers, tests[1].customers)
    assert tests[0].actual == tests[1].actual > 0


def test_tracking_follows_customers_who_start_at_different_dates() -> None:
    """6,000 simulated customers who join over 40 weeks: the expected curve of the model that they
    were drawn from meets the cumulated purchases in every quarter [CT 140].
    """
    rng = np.random.default_rng(3)
    model, n = BGNBD(0.8, 20.0, 0.6, 4.0), 6000
    joined = rng.integers(0, 280, n)
    drawn = model.simulate((363 - joined) / 7, seed=3)
    start = pd.Timestamp("2023-01-01")
    dates = start + pd.to_timedelta(joined, unit="D")
    later = joined[drawn.customer] + np.ceil(drawn.time * 7).astype(int)
    occasions = pd.DataFrame(
        {"customer_id": np.concatenate([np.arange(n), drawn.customer]),
         "date": dates.append(start + pd.to_timedelta(later, unit="D"))}
    )  # fmt: skip
    summary = pd.DataFrame({"first_date": dates}, index=pd.RangeIndex(n, name="customer_id"))
    table = backtest._tracking(
        occasions, summary, SimpleNamespace(model=model), "2023-10-31", "2023-12-30", "week"
    )

    for week in (13, 26, 39, 52):
        known = later < week * 7
        each = np.bincount(drawn.customer[known], minlength=n)
        error = each.std() * np.sqrt(n)
        row = table.loc[week - 1]
        assert row["cumulative_actual"] == each.sum()
        assert abs(row["cumulative_expected"] - each.sum()) < FALSE_ALARM * error
        as_if_all_first = n * float(model.expected_purchases_new(week))
        assert abs(as_if_all_first - each.sum()) > FALSE_ALARM * error


def test_nobody_is_worth_more_than_all_he_is_expected_to_spend(study: crmlab.Study) -> None:
    """residual_clv <= margin x E[purchases to the horizon] x expected_spend, for every customer [LT
    27, 43, 180, 313].
    """
    table, given = study.customers, study.assumptions
    history = {c: table[c].to_numpy() for c in ("frequency", "recency", "T")}
    bought = study.purchases.model.expected_purchases(given.horizon, **history)

    assert (table["residual_clv"] <= given.margin * bought * table["expected_spend"]).all()


def test_a_column_says_what_it_means() -> None:
    """One column is discounted, and says so with its horizon; the plain expectation says 52 weeks
    [CT 166, 204]. Recency is told apart from the days since the last purchase [LT 264, 368].
    """
    meaning = {column.name: column.meaning for column in (*SUMMARY, *SCORES)}
    discounted = {name for name, text in meaning.items() if "discounted" in text}

    assert discounted == {"det", "residual_clv"}
    assert "to the horizon" in meaning["det"]
    assert "next 52 weeks" in meaning["expected_purchases"]
    assert meaning["recency"] == "from the first to the last occasion"
