"""Margins and costs from tables and from the source: what a study makes of them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers import channels, unprofitable, value
from crmlab.customers.scenarios import Scenario, what_must_be
from crmlab.errors import UntrustedSource, WrongTable
from crmlab.reporting import winning as winning_page

END = "2023-12-31"
GIVEN: dict[str, Any] = {"observation_end": END, "discount_rate": 0.1, "model": "mbg-nbd"}
RATES = {"books": 0.2, "toys": 0.5, "fuel": -0.1}


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """600 customers, each with a favourite category, over two years; some won by the web."""
    rng = np.random.default_rng(3)
    rows = []
    for i in range(600):
        day, pace, mean = rng.integers(0, 500), rng.gamma(1.0, 1 / 25), 20 + 60 * rng.random()
        kind, how = list(RATES)[i % 3], ["web", "shop", None][int(rng.integers(0, 3))]
        while day < 730:
            rows.append((f"c{i:03}", day, round(mean * rng.gamma(4.0, 0.25) + 1, 2), kind, how))
            if rng.random() < 0.15:
                break
            day += 1 + int(rng.exponential(1 / pace))
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount", "category", "channel"])
    frame["date"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(frame.pop("day"), unit="D")
    frame["margin"] = (frame["amount"] * frame["category"].map(RATES)).round(2)
    return frame


@pytest.fixture(scope="module")
def shop(lines: pd.DataFrame) -> crmlab.TransactionLog:
    return crmlab.read_transactions(lines)


@pytest.fixture(scope="module")
def plain(shop: crmlab.TransactionLog) -> crmlab.Study:
    """One margin for all."""
    return crmlab.Study.run(shop, margin=0.2, **GIVEN)


@pytest.fixture(scope="module")
def rich(shop: crmlab.TransactionLog) -> crmlab.Study:
    """A margin for each customer."""
    return crmlab.Study.run(shop, margin=RATES, **GIVEN)


def test_each_customer_is_valued_at_their_own_margin(
    plain: crmlab.Study, rich: crmlab.Study, lines: pd.DataFrame
) -> None:
    """The same customers and models; values in proportion to margins, below 0 for losses."""
    kind = lines.groupby("customer_id")["category"].first().reindex(rich.customers.index)
    ratio = rich.customers["residual_clv"] / plain.customers["residual_clv"]

    assert (rich.purchases.model, rich.spend.model) == (plain.purchases.model, plain.spend.model)
    np.testing.assert_allclose(ratio, kind.map(RATES) / 0.2, rtol=1e-9)
    assert rich.assumptions.margin == pytest.approx(lines["margin"].sum() / lines["amount"].sum(),
                                                    abs=1e-4)  # fmt: skip
    assert rich.basis.margins is not None
    assert rich.basis.margins.own == len(rich.customers)


def test_a_table_of_margins_is_the_same_as_pairs(
    shop: crmlab.TransactionLog, rich: crmlab.Study, tmp_path: Path
) -> None:
    """With a decimal comma, in another case; a category twice is refused."""
    path = tmp_path / "margins.csv"
    path.write_text("Category;Margin\nBOOKS;0,2\ntoys;0,5\nFuel;-0,1\n")
    found = crmlab.Study.run(shop, margin=str(path), **GIVEN)

    assert found.equity == rich.equity
    path.write_text("category,margin\nbooks,0.2\nbooks,0.3\n")
    with pytest.raises(WrongTable, match="'books' in line 2 and line 3"):
        crmlab.Study.run(shop, margin=str(path), **GIVEN)
    path.write_text("categoria,margen\nfood,0.2\n")
    with pytest.raises(WrongTable, match="about 'food', the categories of the source are 'books'"):
        crmlab.Study.run(shop, margin=str(path), **GIVEN)


def test_margins_by_column_are_close_to_those_by_category(
    shop: crmlab.TransactionLog, rich: crmlab.Study
) -> None:
    """Cents apart."""
    found = crmlab.Study.run(shop, margin="column", **GIVEN)

    assert found.equity == pytest.approx(rich.equity, rel=1e-3)


def test_the_value_of_those_who_buy_at_a_loss_is_told(rich: crmlab.Study) -> None:
    """They are listed; no cost can be cut to mend it, prices can."""
    valued = value.value_customers(rich.base, rich.economics)
    listed = unprofitable.unprofitable(valued)

    assert len(listed) == 200 - (rich.customers["residual_clv"] == 0).sum()
    assert listed["cost_change"].isna().all()
    np.testing.assert_allclose(listed["price_change"], 0.1, rtol=1e-9)
    limits = rich.equity_interval()
    assert limits.lower < rich.equity < limits.upper


def test_the_margin_to_believe_in_is_that_of_the_register(rich: crmlab.Study) -> None:
    """Now: the mean of all money; needed for 10 % more: 10 % more."""
    table = what_must_be(Scenario(rich.base, rich.economics), 1.1 * rich.equity).set_index("lever")

    assert table.loc["margin", "now"] == pytest.approx(rich.assumptions.margin, abs=1e-9)
    assert table.loc["margin", "needed"] == pytest.approx(1.1 * rich.assumptions.margin)


def test_margins_not_known_then_leave_no_earlier_valuation(lines: pd.DataFrame) -> None:
    """Known from 2023 on only: valued at the end, but not a year before."""
    late = lines.assign(margin=lines["margin"].where(lines["date"] >= "2023-01-01"))
    log = crmlab.read_transactions(late)
    given = {**GIVEN, "margin": "column", "margin_limit": 0.9}

    assert crmlab.Study.where_possible(log, **given) is not None
    assert crmlab.Study.where_possible(log, **{**given, "observation_end": "2022-12-31"}) is None
    with pytest.raises(UntrustedSource, match="--set margin_limit"):
        crmlab.Study.run(log, **{**given, "margin_limit": 0.05})


def test_a_bridge_between_margins_of_each_customer_ends_at_the_closing(
    shop: crmlab.TransactionLog, rich: crmlab.Study
) -> None:
    """Margins as they were known at the opening, to the cent."""
    earlier = crmlab.Study.run(shop, margin=RATES, **{**GIVEN, "observation_end": "2022-12-31"})
    found = rich.change_since(earlier)

    assert found is not None
    between = found.steps["money"].iloc[:-1].sum()
    assert between == pytest.approx(found.money("closing"), abs=0.005)
    assert found.money("closing") == pytest.approx(rich.equity, abs=0.01)


def serving(folder: Path, rows: str, head: str = "customer_id,cost_per_occasion") -> str:
    path = folder / "serving.csv"
    path.write_text(f"{head}\n{rows}\n")
    return str(path)


def test_costs_to_serve_by_customer_go_before_the_single_figure(
    shop: crmlab.TransactionLog, plain: crmlab.Study, tmp_path: Path
) -> None:
    """Two customers with costs of their own, one of them of time; a stranger is counted."""
    head = "customer_id,cost_per_occasion,cost_per_year"
    path = serving(tmp_path, " c001 ,9.5,\nc002,,4\nnobody,1,1", head)
    found = crmlab.Study.run(shop, margin=0.2, cost_to_serve=path, cost_per_occasion=1.0, **GIVEN)
    served, det = found.basis.served, found.customers["det"]
    lost = (plain.customers["residual_clv"] - found.customers["residual_clv"]) / det

    assert served is not None
    assert served.own == {"cost_per_occasion": 1, "cost_per_year": 1}
    assert served.strangers == 1
    assert lost["c001"] == pytest.approx(9.5)
    assert lost["c002"] > 1.0  # of time as well
    assert lost.drop(["c001", "c002"]).to_numpy() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        ("x1,2", "customer_id,cost_per_occasion", "none of its 1 rows .* such as 'x1'"),
        ("c001,-2", "customer_id,cost_per_occasion", "1 of its 1 customers .*'c001' -2"),
        ("c001,much", "customer_id,cost_per_year", "line 2: 'much'"),
        ("c001,1", "customer_id,cost", "'cost_per_occasion' or 'cost_per_year'"),
        ("c001,1", "buyer no,cost_per_year", "no column 'customer_id'.*also understood: cliente"),
        ("c001,1\nc001,2", "customer_id,cost_per_year", "1 customers have rows that say diff"),
        (",1\nc001,2", "customer_id,cost_per_year", "1 with no customer .first: line 2"),
        ("c001,03/04/2023,1", "Cliente,Desde,Coste anual", "Write days as 2024-12-31"),
        (
            "\n".join(["c001,much", *(f"c{n:03d},1" for n in range(2, 42))]),
            "customer_id,cost_per_year",
            "1 of its 41 rows cannot be used",
        ),
    ],
)
def test_costs_to_serve_that_cannot_be_used_are_refused(
    shop: crmlab.TransactionLog, tmp_path: Path, rows: str, head: str, message: str
) -> None:
    """Strangers, costs below 0, no numbers, no columns, two figures of one customer."""
    path = serving(tmp_path, rows, head)

    with pytest.raises(WrongTable, match=f"serving.csv' .cost_to_serve.*{message}") as refused:
        crmlab.Study.run(shop, margin=0.2, cost_to_serve=path, **GIVEN)
    assert "--set" not in str(refused.value)


def test_costs_to_serve_of_later_days_leave_the_single_figure(
    shop: crmlab.TransactionLog, tmp_path: Path
) -> None:
    """An earlier valuation knows none of them, and is none the worse for it."""
    path = serving(tmp_path, "c001,2099-01-01,9", "customer_id,valid_from,cost_per_year")
    found = crmlab.Study.run(shop, margin=0.2, cost_to_serve=path, cost_per_year=1.0, **GIVEN)

    assert found.basis.served is not None
    assert found.basis.served.own["cost_per_year"] == 0
    assert (found.economics.of("cost_per_year", found.customers.index) == 1.0).all()


def winning(folder: Path, text: str) -> str:
    path = folder / "winning.csv"
    path.write_text(text)
    return str(path)


def test_winning_costs_by_channel_and_cohort_reach_their_customers(
    shop: crmlab.TransactionLog, lines: pd.DataFrame, tmp_path: Path
) -> None:
    """By the channel of the first purchase and its quarter; the mean over those who are known."""
    path = winning(tmp_path, "channel,cohort,cost\nWEB,2022-Q1,10\nshop,2022Q1,20\nweb,2022Q2,30\n")
    study = crmlab.Study.run(shop, margin=0.2, acquisition_cost=path, **GIVEN)
    first = lines.sort_values("date", kind="stable").groupby("customer_id")[["date"]].first()
    first["channel"] = lines.groupby("customer_id")["channel"].first()
    key = first["channel"].fillna("-") + first["date"].dt.to_period("Q").astype(str)
    expected = key.map({"web2022Q1": 10.0, "shop2022Q1": 20.0, "web2022Q2": 30.0})
    found = study.won.table["acquisition_cost"]

    pd.testing.assert_series_equal(found, expected.reindex(found.index), check_names=False)
    assert (study.won.channel_from, study.won.cost_from) == ("first_purchase", "table")
    assert study.assumptions.acquisition_cost == pytest.approx(expected.mean())
    table = channels.by_channel(study, seed=1)
    web = expected[first["channel"] == "web"].mean()
    assert table.loc["web", "acquisition_cost"] == pytest.approx(web)
    assert np.isnan(table.loc["unknown", "acquisition_cost"])
    assert np.isnan(table.loc["unknown", "never"])
    by_year = channels.by_cohort(study, "Y", seed=1)
    assert by_year.loc["2022", "acquisition_cost"].item() == pytest.approx(expected.mean())
    assert np.isnan(by_year.loc["2023", "acquisition_cost"].item())
    (caveat,) = winning_page.for_whom_known(study)
    assert caveat.values["known"].value == study.won.priced == expected.notna().sum()
    assert study.won.cohorts == (2, first["date"].dt.to_period("Q").nunique())
    assert study.basis.tables["acquisition_cost"].fingerprint == (
        hashlib.sha256(Path(path).read_bytes()).hexdigest()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("channel,cost\nradio,3\n", "no customer here: it has channel radio; .* shop, web"),
        ("cohort,cost\n2031,3\n", "it has cohort 2031; the customers have cohort 2022, 2023"),
        ("cohort,cost\n2022-Q1,3\n2022-02,4\n", "cohorts of one kind"),
        ("channel,cost\nweb,3\nshopp,4\n", "has its channel 'shopp' .line 3."),
        ("cohort,cost\n2022-02,3\n2022-13,4\n2022-03,4\n", "line 3: '2022-13'"),
    ],
)
def test_winning_costs_that_cannot_be_used_are_refused(
    shop: crmlab.TransactionLog, tmp_path: Path, text: str, message: str
) -> None:
    """Of nobody here, of a year to come, of two kinds of cohort, misspelt, of no month."""
    path = winning(tmp_path, text)

    with pytest.raises(WrongTable, match=f"winning.csv' .acquisition_cost.*{message}"):
        crmlab.Study.run(shop, margin=0.2, acquisition_cost=path, **GIVEN)


def test_costs_of_later_cohorts_are_no_fault_of_an_earlier_valuation(
    shop: crmlab.TransactionLog, tmp_path: Path
) -> None:
    """Nobody of them was won by then, so the cost is not known yet."""
    path = winning(tmp_path, "cohort,cost\n2023,12\n")
    given = {**GIVEN, "observation_end": "2022-12-31"}
    study = crmlab.Study.run(shop, margin=0.2, acquisition_cost=path, **given)

    assert study.assumptions.acquisition_cost is None
    assert study.won.priced == 0
    assert [s.key for s in winning_page.winning(study, seed=1)] == ["winning.none_priced"]


def test_a_customer_is_won_by_the_channel_of_the_first_purchase(
    shop: crmlab.TransactionLog, tmp_path: Path
) -> None:
    """c000 moves after it, c001 is known later only, c002 after the end: by hand."""
    summary = shop.summarize(END)
    first = summary["first_date"]
    day = {who: first[who] + pd.Timedelta(days=days) for who, days in (("c000", 5), ("c001", 3))}
    rows = [
        ("c000", "2021-01-01", "old", 1.0), ("c000", f"{first['c000']:%Y-%m-%d}", "web", 4.0),
        ("c000", f"{day['c000']:%Y-%m-%d}", "tv", 9.0),
        ("c001", f"{day['c001']:%Y-%m-%d}", "web", 6.0), ("c001", "2023-12-30", "tv", 9.0),
        ("c002", "2024-01-01", "tv", 9.0),
    ]  # fmt: skip
    path = tmp_path / "attributes.csv"
    names = ["customer_id", "valid_from", "channel", "acquisition_cost"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    known = crmlab.read_channels(str(path))
    found = channels.won(shop, summary, END, known, None)

    assert found.table.loc[["c000", "c001"], "channel"].tolist() == ["web", "web"]
    assert found.table["channel"].notna().sum() == 2
    assert found.table.loc[["c000", "c001"], "acquisition_cost"].tolist() == [5.0, 5.0]
    assert (found.channel_from, found.cost_from, found.mean) == ("attributes", "attributes", 5.0)


def test_attributes_may_tell_channels_without_their_cost(
    shop: crmlab.TransactionLog, tmp_path: Path
) -> None:
    """The cost then is that of a table by channel, of a figure, or unknown."""
    summary = shop.summarize(END)
    path = tmp_path / "attributes.csv"
    told = pd.DataFrame({"customer_id": summary.index, "valid_from": "2021-01-01"})
    told.assign(channel=np.where(np.arange(len(told)) % 2, "tv", "web")).to_csv(path, index=False)
    known, costs = crmlab.read_channels(str(path)), winning(tmp_path, "channel,cost\ntv,3\nweb,7\n")
    unknown, figure, table = (
        channels.won(shop, summary, END, known, c) for c in (None, 4.0, costs)
    )

    assert unknown.channel_from == figure.channel_from == table.channel_from == "attributes"
    assert (unknown.mean, figure.mean, table.mean) == (None, 4.0, 5.0)
    assert (unknown.cost_from, figure.cost_from, table.cost_from) == (None, "figure", "table")
