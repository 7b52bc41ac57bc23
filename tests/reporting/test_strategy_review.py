"""The strategy review: its pages, their sums, and what it says where the data are thin."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab.customers.actions import write_actions
from crmlab.customers.bridge import Bridge
from crmlab.customers.fitness import Check, Fitness
from crmlab.reporting import bridge, keeping, lenses, scenarios, strategy_review
from crmlab.reporting.fitness import fit_for_money
from crmlab.reporting.groups import where_risk_lies
from crmlab.reporting.language import Language, Quantity
from crmlab.reporting.method import register
from crmlab.reporting.pages import Figure, Page, Sentence, figures_of, tables_of
from crmlab.reporting.people import placed

ENGLISH, SPANISH = Language("en", "US", "USD"), Language("es", "ES", "EUR")
COSTS = {"cost_per_occasion": 1.5, "cost_per_year": 6.0, "acquisition_cost": 12.0}
GIVEN = {"margin": 0.3, "discount_rate": 0.15, "model": "mbg-nbd"}
OPENING = "1997-09-30"


@pytest.fixture(scope="module")
def costly(log: crmlab.TransactionLog) -> crmlab.Study:
    """CDNOW with costs."""
    return crmlab.Study.run(log, observation_end="1998-06-30", **GIVEN, **COSTS)


@pytest.fixture(scope="module")
def change(costly: crmlab.Study, log: crmlab.TransactionLog) -> Bridge:
    """The bridge over the last nine months."""
    earlier = crmlab.Study.run(log, observation_end=OPENING, **GIVEN, **COSTS)
    found = costly.change_since(earlier)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def rich(costly: crmlab.Study, change: Bridge) -> list[Page]:
    """All pages, with costs and an earlier valuation, in English."""
    return pages(costly, change, ENGLISH)


@pytest.fixture(scope="module")
def bare(retention_study: crmlab.Study) -> list[Page]:
    """All pages, with neither, in Spanish."""
    return pages(retention_study, None, SPANISH)


def pages(study: crmlab.Study, change: Bridge | None, words: Language) -> list[Page]:
    offer = 1.0 if study.economics.costs_anything else None
    return [
        strategy_review.in_one_page(study, change, None, Fitness(()), words, seed=1),
        lenses.five_lenses(study, OPENING, words, period="month"),
        bridge.what_changed(study, change, words),
        keeping.customers_page(
            study, keeping.stages_of(study), words, period="month", offer_cost=offer, seed=1
        ),
        scenarios.what_if(study, words, growth=0.1),
        strategy_review.assumptions(study, None, words, seed=1),
    ]


def test_every_page_reads_in_both_languages(rich: list[Page], bare: list[Page]) -> None:
    """With costs and without; every figure has its sentence, its words and its data."""
    for page in (*rich, *bare):
        for words in (ENGLISH, SPANISH):
            assert dataclasses.replace(page, language=words)._repr_html_().startswith("<section")
        known = {table.key for table in tables_of(page)}
        for picture in (block for block in page.blocks if isinstance(block, Figure)):
            assert any(sign.isdigit() for sign in picture.title.words(SPANISH)), picture.key
            assert len(picture.alt.words(SPANISH)) > 40
            assert picture.key in known or picture.key == "lens_cohorts"


def test_every_page_tells_the_same_equity(costly: crmlab.Study, rich: list[Page]) -> None:
    """To the cent: the tile, the end of the bridge, the sum over customers, the scenarios' base."""
    made = {page.key: page for page in rich}
    equity = round(costly.equity, 2)
    steps = tables_of(made["review.bridge"])[0].frame
    believe = figures_of(made["review.scenarios"])["scenarios.believe"]

    assert figures_of(made["review.answer"])["tile.equity"] == pytest.approx(equity, abs=0.01)
    assert steps["money"].iloc[-1] == pytest.approx(equity, abs=0.005)
    assert round(steps["money"].iloc[:-1].sum(), 2) == steps["money"].iloc[-1]
    assert believe["now"] == pytest.approx(equity, abs=0.01)
    assert believe["target"] == pytest.approx(1.1 * equity, abs=0.01)


def test_acquisition_cost_acts_on_customers_to_come(rich: list[Page], bare: list[Page]) -> None:
    """A table of its own where the cost is known, named as a scenario; not in the base's."""
    page = next(p for p in rich if p.key == "review.scenarios")
    tables = {table.key: table.frame.set_index("lever") for table in tables_of(page)}
    told, effect = figures_of(page)["scenarios.with_new"], tables["with_new"]["elasticity"]
    shown = page._repr_html_()

    assert "lever.acquisition_cost" not in tables["tornado"].index
    assert told["customers"] == 23_570
    assert tables["with_new"].loc["lever.acquisition_cost", "change_+10"] < 0
    assert effect["lever.margin"] == pytest.approx(
        1 + effect["lever.acquisition_cost"] + effect["lever.cost_to_serve"]
    )
    assert "Acquisition cost changes nothing for customers already won" in shown
    assert "Gupta, Lehmann and Stuart" in shown
    assert "with_new" not in {table.key for page in bare for table in tables_of(page)}


def test_stages_offers_and_cohorts_hold_every_customer(
    costly: crmlab.Study, rich: list[Page]
) -> None:
    """Flows, offers by stage and cohorts won count the same people and the same value."""
    page = next(p for p in rich if p.key == "review.keeping")
    tables = {table.key: table.frame for table in tables_of(page)}
    flows = tables["flows"].drop(columns="stage_then").iloc[-1]

    assert flows.sum() == 23_570
    assert tables["offers"]["customers"].sum() == 23_570
    assert tables["offers"]["residual_clv"].sum() == pytest.approx(costly.equity)
    assert tables["won"]["customers"].sum() == 23_570
    assert (tables["won"]["net_value"] == tables["won"]["value"] - 12.0).all()


def test_costs_are_said_and_taken_off(
    costly: crmlab.Study, retention_study: crmlab.Study, rich: list[Page], bare: list[Page]
) -> None:
    """With costs the base is worth less, and page one and the register say so."""
    answer, register = rich[0]._repr_html_(), rich[-1]._repr_html_()

    assert costly.equity < retention_study.equity
    assert "what keeping and serving customers costs is taken off" in answer
    assert "$12.00 that winning one costs" in answer
    assert "$6.00" in register
    assert "are expected to cost more than they bring" in rich[4]._repr_html_()
    assert "no se restan costes de conservar ni de servir" in bare[0]._repr_html_()
    assert "No se indicó ningún coste de servir" in bare[4]._repr_html_()


def test_a_base_in_its_first_weeks_is_told_what_cannot_be_said() -> None:
    """No earlier valuation, no stages, no cohort of a month: sentences in their place."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({
        "customer_id": rng.integers(0, 60, 200).astype(str),
        "date": pd.Timestamp("2024-05-20") + pd.to_timedelta(rng.integers(0, 24, 200), "D"),
        "amount": rng.gamma(3, 10, 200).round(2) + 1,
    })  # fmt: skip
    log = crmlab.read_transactions(frame)
    study = crmlab.Study.run(log, observation_end="2024-06-12", **GIVEN)
    opening = crmlab.opening_day(log.first_date, "2024-06-12")
    five = lenses.five_lenses(study, opening, ENGLISH, period="month")
    kept = keeping.customers_page(
        study, keeping.stages_of(study), ENGLISH, period="month", offer_cost=None, seed=1
    )

    changed = bridge.what_changed(study, None, ENGLISH)
    assert "too short for an earlier valuation" in changed._repr_html_()
    assert "No cohort has been observed for a whole month" in five._repr_html_()
    assert "Nobody was a customer yet a quarter ago" in kept._repr_html_()


def test_a_model_that_does_not_fit_stops_the_reader_first(retention_study: crmlab.Study) -> None:
    """A stop stands before the money, with its reason; a warning beside it."""
    figures = {"rho": 0.61, "lower": 0.55, "upper": 0.66, "customers": 900.0}
    fitness = Fitness((
        Check("dependence", "stop", figures),
        Check("regular_buyers", "warning", {"k": 3.0, "gain": 40.0, "known_k": 1.0}),
    ))  # fmt: skip
    told = [sentence.words(ENGLISH) for sentence in fit_for_money(fitness)]
    page = strategy_review.in_one_page(retention_study, None, None, fitness, ENGLISH, seed=1)

    assert told[0].startswith("Do not decide on the amounts in this report")
    assert "rank correlation of how often and how much is 0.61" in told[1]
    assert "k = 3" in told[2]
    assert page.blocks[0].words(ENGLISH) == told[0]
    assert fit_for_money(Fitness(())) == []


def test_every_finding_of_fitness_has_words(
    retention_study: crmlab.Study, backtest: crmlab.Backtest
) -> None:
    """Whatever a check finds can be said with its figures."""
    checks = retention_study.fitness(backtest).checks
    asked = [check for check in checks if check.code != "estimate"]  # which only ever passes

    assert len(checks) == 7
    for severity in ("stop", "warning"):
        worse = Fitness(tuple(check._replace(severity=severity) for check in asked))
        for sentence in fit_for_money(worse):
            assert "{" not in sentence.words(SPANISH)


def test_the_opening_is_a_year_or_half_of_the_time() -> None:
    """Or what was asked, if it lies before the end."""
    assert crmlab.opening_day("2019-01-01", "2024-06-30") == "2023-07-01"
    assert crmlab.opening_day("1997-01-01", "1998-06-30") == "1997-09-30"
    assert crmlab.opening_day("2019-01-01", "2024-06-30", "2024-03-31") == "2024-03-31"
    with pytest.raises(crmlab.errors.WrongParameter, match="expected a date before 2024-06-30"):
        crmlab.opening_day("2019-01-01", "2024-06-30", "2024-07-01")


def test_an_unknown_cost_is_refused(log: crmlab.TransactionLog) -> None:
    """By name."""
    with pytest.raises(crmlab.errors.WrongParameter, match="cost_of_love"):
        crmlab.Study.run(log, observation_end="1998-06-30", **GIVEN, cost_of_love=1.0)


def test_costs_enter_the_value_of_each_customer(costly: crmlab.Study) -> None:
    """Margin less occasions and active time, as the economics' own account of it."""
    from crmlab.customers.value import value_customers

    table = value_customers(costly.base, costly.economics)

    np.testing.assert_allclose(costly.customers["residual_clv"], table["residual_clv"], rtol=1e-12)
    plain = dataclasses.replace(costly.economics, cost_per_year=0.0, cost_per_occasion=0.0)
    assert value_customers(costly.base, plain)["residual_clv"].sum() > costly.equity


def test_channels_stand_against_their_own_cost(
    costly: crmlab.Study, log: crmlab.TransactionLog, tmp_path: Path
) -> None:
    """Every customer is in one channel; a cost of a channel is the mean of its customers'."""
    customers = costly.customers.index
    channel = np.where(np.arange(len(customers)) % 3 == 0, "friends", "search").astype(object)
    channel[:50] = ""
    cost = np.where(channel == "friends", 2.0, np.where(channel == "search", 20.0, np.nan))
    path = tmp_path / "channels.csv"
    pd.DataFrame({
        "customer_id": customers, "valid_from": "1997-01-01", "channel": channel,
        "acquisition_cost": cost,
    }).to_csv(path, index=False)  # fmt: skip
    known = crmlab.read_channels(str(path))
    study = crmlab.Study.run(log, observation_end="1998-06-30", channels=known, **GIVEN, **COSTS)
    page = keeping.customers_page(
        study, keeping.stages_of(study), SPANISH, period="month", offer_cost=None, seed=1
    )
    table = next(t for t in tables_of(page) if t.key == "won_by_channel").frame.set_index("channel")

    assert table["customers"].to_dict() == {"(no se sabe)": 50, "friends": 7840, "search": 15_680}
    assert table.loc["friends", "acquisition_cost"] == 2.0
    assert table.loc["search", "acquisition_cost"] == 20.0
    assert "won" in {t.key for t in tables_of(page)}  # in the data, not on the page
    assert "captados, por cohorte" not in page._repr_html_()
    assert "un cliente captado por friends vale" in page._repr_html_()
    assert crmlab.read_channels(None) is None
    lines = register(study, None, SPANISH, ["acquisition_cost"], 1).frame.set_index("assumption")
    assert lines.loc["register.acquisition_cost", "origin"] == "register.attributes"

    told = next(t for t in tables_of(page) if t.key == "equity_by_channel").frame
    people = placed(study)
    sums = people.groupby(people["channel"].fillna("(no se sabe)"))["residual_clv"].sum()
    value = {row.channel.value: row.residual_clv for row in told.itertuples()}
    assert all(abs(value[name] - sums[name]) < 0.01 for name in sums.index)
    assert round(sum(value[name] for name in sums.index), 2) == value["Total"]
    assert value["Total"] == round(people["residual_clv"].sum(), 2)
    assert "Valor por canal" not in page._repr_html_()


def test_people_are_listed_in_a_file_of_their_own(
    costly: crmlab.Study, rich: list[Page], tmp_path: Path
) -> None:
    """Whom to win back and who costs too much, with reasons, for the owner's eyes."""
    path = tmp_path / "actions.parquet"
    write_actions(costly, path)
    listed = pd.read_parquet(path)
    bad = listed[listed["list"] == "unprofitable"]

    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bad) == (costly.customers["residual_clv"] < 0).sum()
    assert bad["p_negative"].between(0, 1).all()
    assert (bad["p_negative"] > 0).mean() > 0.9  # most have left already, and then cost nothing
    assert bad["days_since_last"].notna().all()
    assert (listed["list"] == "win_back").sum() == 1000
    shown = [table.frame for page in rich for table in tables_of(page)]
    assert not any("customer_id" in frame for frame in shown)


@pytest.fixture(scope="module")
def small() -> tuple[crmlab.Study, Bridge]:
    """The 120 customers of the example shop, whose best group is of eight."""
    names = {"customer_id": "client", "date": "order_date", "amount": "total"}
    log = crmlab.read_transactions("data/examples/orders.csv", **names)
    now, then = (
        crmlab.Study.run(log, observation_end=end, **GIVEN) for end in ("2024-06-30", "2023-10-03")
    )
    change = now.change_since(then)
    assert change is not None
    return now, change


def test_page_one_tells_no_money_of_a_few(small: tuple[crmlab.Study, Bridge]) -> None:
    """The group with the most at risk is named without its money, classes of a few together."""
    study, change = small
    page = strategy_review.in_one_page(study, change, None, Fitness(()), ENGLISH, seed=1)
    said = figures_of(page)
    won = bridge.won_since(study, change)
    steps = bridge.told_steps(change, won)
    few = bridge.of_few(change, won)

    (riskiest,) = where_risk_lies(study, ENGLISH)
    assert riskiest.found.key == "finding.risk_few"
    assert said["finding.risk_stage"]["customers"] == 16
    assert few == ["slowed", "bought_more", "came_back"]
    assert change.experience.loc[few, "customers"].between(1, 9).all()
    assert not set(few) & set(steps["step"])
    assert round(steps["money"].iloc[:-1].sum(), 2) == steps["money"].iloc[-1]
    html = page._repr_html_() + bridge.what_changed(study, change, ENGLISH)._repr_html_()
    for name in few:
        assert ENGLISH.write(Quantity(abs(change.money(name)), "cents")) not in html


def test_risk_by_stage_is_that_of_the_page_about_keeping(
    small: tuple[crmlab.Study, Bridge],
) -> None:
    """Page one names the stage and the money of the table; of a stage of a few the stage only."""
    study, _ = small
    known = keeping.stages_of(study)
    assert known is not None
    shown = keeping.offers_by_stage(study, known, cost=None)[0]
    told = keeping.risk_by_stage(study, known).found
    loyal = study.customers.loc[known["now"] == "loyal", "residual_clv"]
    others = known.index.isin(loyal.nsmallest(8).index)
    few = keeping.risk_by_stage(study, known.assign(now=known["now"].mask(others, "lost"))).found

    assert isinstance(shown, Sentence)
    assert {told.values[name] for name in ("stage", "customers", "risk")} <= set(
        shown.values.values()
    )
    assert few.key == "finding.risk_stage_few"
    assert few.values["customers"].value == 8
    assert "risk" not in few.values


def test_small_classes_and_few_won_are_told_together(small: tuple[crmlab.Study, Bridge]) -> None:
    """One class of a few alone, or a few customers won, would be the total less the others."""
    _, change = small
    alone = change.experience.assign(customers=[54, 9, 0, 40, 30])
    one = dataclasses.replace(change, experience=alone)

    assert bridge.of_few(one, 20) == ["slowed", "came_back"]
    assert bridge.of_few(one, 3) == ["slowed", "won"]
    assert bridge.of_few(dataclasses.replace(change, experience=alone.iloc[:1]), 20) == []
