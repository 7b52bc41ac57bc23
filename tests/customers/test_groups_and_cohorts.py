"""Deciles, groups, cohorts, prospects, lifecycle: the parts make the whole."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers import lifecycle, newcomers, prospects, segments


def test_deciles_and_groups_add_up_to_the_total(study: crmlab.Study) -> None:
    """Customers exactly, value to the cent."""
    customers = study.customers
    group, _ = segments.rf_groups(customers, "week")
    for by in (segments.decile(customers), group):
        table = segments.totals(customers, by)
        assert table["customers"].sum() == len(customers)
        assert round(table["residual_clv"].sum(), 2) == round(study.equity, 2)
        assert table["share"].sum() == pytest.approx(1, rel=1e-12)


def test_deciles_are_tenths_in_order_of_value(study: crmlab.Study) -> None:
    """2,357 customers each, and no later tenth is worth more each."""
    table = segments.totals(study.customers, segments.decile(study.customers))

    assert (table["customers"] == 2357).all()
    assert (table["value_each"].diff().dropna() <= 0).all()


def test_concentration_runs_from_nothing_to_everything(study: crmlab.Study) -> None:
    """Concave from (0, 0) to (1, 1); its first tenth is the first decile."""
    curve = segments.concentration(study.customers)
    first = segments.totals(study.customers, segments.decile(study.customers))["share"].iloc[0]

    assert curve.iloc[0].tolist() == [0, 0]
    assert curve.iloc[-1].tolist() == [1, 1]
    assert curve.loc[10, "value_share"] == pytest.approx(first, abs=0.01 / study.equity)
    assert (np.diff(curve["value_share"], 2) <= 1e-12).all()


def test_groups_have_the_limits_that_they_are_named_by(study: crmlab.Study) -> None:
    """Limits of one group do not overlap the next one's; one-time buyers stand apart."""
    group, limits = segments.rf_groups(study.customers, "week")
    repeat = study.customers[study.customers["frequency"] > 0]

    assert (group == segments.ONE_TIME).sum() == (study.customers["frequency"] == 0).sum()
    assert limits.loc["R3F3", "recency_high"] + 1 == limits.loc["R2F3", "recency_low"]
    assert limits.loc["R3F1", "frequency_high"] + 1 == limits.loc["R3F2", "frequency_low"]
    assert set(group[repeat.index].str[:2]) == {"R1", "R2", "R3"}


def test_spend_and_frequency_of_the_sample_are_nearly_independent(
    sample: pd.DataFrame,
) -> None:
    """Spearman from ranks, its interval holds it."""
    rho, low, high, n = segments.spend_rank_correlation(sample)
    some = sample[sample["spend_frequency"] > 0]
    ranks = some[["frequency", "monetary_value"]].rank().to_numpy()

    assert n == 946
    assert rho == pytest.approx(np.corrcoef(ranks.T)[0, 1], rel=1e-12)
    assert low < rho < high


def test_a_cohort_cell_is_shown_only_if_all_of_it_was_observed() -> None:
    """Two customers of one cohort, 70 days: month 1 is whole for both, month 2 for neither."""
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b", "a", "b"],
            "date": ["2024-01-01", "2024-01-11", "2024-01-20", "2024-03-10"],
            "amount": 5.0,
        }
    )
    table = crmlab.cohorts(crmlab.read_transactions(frame), observation_end="2024-03-11")

    assert table.sizes.tolist() == [2]
    assert table.rates.columns.tolist() == [0, 1, 2]
    assert table.rates[0].tolist() == [0.5]  # a bought again on day 19
    assert table.rates[1].tolist() == [0.5]  # b bought on day 59: month 1 is days 31 to 60
    assert table.rates[2].isna().all()
    assert table.partial[2].all()
    assert not table.partial[1].any()


def test_cohort_sizes_are_those_of_the_base(log: crmlab.TransactionLog) -> None:
    """7,846 + 8,476 + 7,248 customers; rates are shares."""
    table = crmlab.cohorts(log, observation_end="1998-06-30")
    shown = table.rates.to_numpy()[np.isfinite(table.rates.to_numpy())]

    assert table.sizes.tolist() == [7846, 8476, 7248]
    assert ((shown >= 0) & (shown <= 1)).all()
    assert not (table.partial & table.rates.notna()).any().any()


def test_newer_customers_are_compared_beyond_chance(study: crmlab.Study) -> None:
    """The first and last cohort by early repeats, against 1.96 standard errors of a difference."""
    compared = prospects.compare_cohorts(study)
    table = prospects.by_cohort(study)
    gap = table["early_repeats"].iloc[-1] - table["early_repeats"].iloc[0]
    error = np.hypot(table["early_error"].iloc[0], table["early_error"].iloc[-1])

    assert compared is not None
    assert compared.verdict == ("same" if abs(gap) <= 1.96 * error else "worse")
    assert str(compared.first_name) == "1997-01"


def test_small_or_single_cohorts_are_not_compared(sample_log: crmlab.TransactionLog) -> None:
    """No comparison is better than one of a cohort with itself, or of five people."""
    cut = sample_log.occasions("1997-01-31")
    rows = cut[cut["date"] <= "1997-01-31"]
    alone = crmlab.Study.run(
        crmlab.read_transactions(rows, zero_amount="occasion", accept="late_end"),
        observation_end="1997-06-30", margin=0.3, discount_rate=0.1,
    )  # fmt: skip

    assert prospects.compare_cohorts(alone) is None


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
def test_every_period_makes_cohorts(log: crmlab.TransactionLog, period: str) -> None:
    """Their sizes always add up to the customers."""
    table = crmlab.cohorts(log, observation_end="1998-06-30", period=period)

    assert table.sizes.sum() == 23_570


def test_a_new_customers_value_starts_with_the_first_purchase(study: crmlab.Study) -> None:
    """Month 0 is the margin of the mean first spend; later months only add; limits hold it."""
    table = newcomers.value_by_month(study.base, study.economics)
    first = 0.3 * study.customers["first_value"].mean()

    assert len(table) == 61
    assert table["value"].iloc[0] == pytest.approx(first)
    assert (table["value"].diff().dropna() > 0).all()
    assert (table["lower"] <= table["value"]).all()
    assert (table["value"] <= table["upper"]).all()


def test_cohorts_of_new_customers_add_up(study: crmlab.Study) -> None:
    """Value by cohort is the equity; early repeats by hand for January."""
    table = prospects.by_cohort(study)
    occasions = study.log.occasions("1998-06-30").set_index("customer_id")
    first = study.customers["first_date"]
    january = first[first < "1997-02-01"]
    rows = occasions.loc[occasions.index.isin(january.index)]
    age = (rows["date"] - january.reindex(rows.index)).dt.days

    assert round(table["residual_clv"].sum(), 2) == round(study.equity, 2)
    assert table["early_repeats"].iloc[0] == pytest.approx(((age > 0) & (age <= 91)).sum() / 7846)


def test_bands_of_p_alive_hold_everybody(retention_study: crmlab.Study) -> None:
    """Customers, expected active ones and value add up over the bands."""
    customers = retention_study.customers
    bands = lifecycle.alive_distribution(customers)

    assert bands["customers"].sum() == len(customers)
    assert bands["expected_active"].sum() == pytest.approx(customers["p_alive"].sum())
    assert bands["residual_clv"].sum() == pytest.approx(retention_study.equity)


def test_one_time_buyers_are_not_taken_for_active(
    study: crmlab.Study, retention_study: crmlab.Study
) -> None:
    """BG/NBD gives them all p_alive = 1; the retention report's MBG/NBD does not."""
    once = study.customers["frequency"] == 0

    assert (study.customers.loc[once, "p_alive"] == 1).all()
    assert (retention_study.customers.loc[once, "p_alive"] < 0.5).all()


def test_rhythm_compares_silence_with_the_own_gap(retention_study: crmlab.Study) -> None:
    """By hand for one customer; everybody has a band."""
    customers = retention_study.customers
    band = lifecycle.rhythm(customers, "week")
    row = customers[customers["frequency"] == 3].iloc[0]
    ratio = (row["T"] - row["recency"]) / (row["recency"] / 3)
    expected = "to-1" if ratio <= 1 else "1-2" if ratio <= 2 else "2-4" if ratio <= 4 else "over-4"

    assert band[row.name] == expected
    assert band.notna().all()
    assert (band[customers["frequency"] == 0] == "one-time").all()


def test_who_slipped_away_since_last_quarter(retention_study: crmlab.Study) -> None:
    """Those who bought in the quarter gained, all others lost; the table adds up."""
    since = lifecycle.since_last_quarter(retention_study)
    flows = lifecycle.flows(since)

    assert lifecycle.previous_end("1998-06-30") == "1998-03-31"
    assert (since.loc[~since["bought"], "slipped"] >= 0).all()
    assert since.loc[since["bought"], "slipped"].sum() < 0
    assert (flows["active_then"] - flows["active_now"]).tolist() == pytest.approx(
        flows["slipped"].tolist()
    )
    assert flows["customers"].sum() == 23_570
