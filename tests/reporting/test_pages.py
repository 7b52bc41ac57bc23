"""Pages as values, their HTML, their data and their workbook."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import openpyxl
import pandas as pd
import pytest

import crmlab
from crmlab.customers.fitness import Check, Fitness
from crmlab.customers.intervals import Interval
from crmlab.reporting import (
    document,
    evidence,
    figures,
    keeping,
    method,
    people,
    retention,
    scenarios,
    valuation,
)
from crmlab.reporting.evidence import traffic_light
from crmlab.reporting.groups import hardly_at_risk, where_risk_lies
from crmlab.reporting.language import Language, Quantity, count, money, plain
from crmlab.reporting.pages import (
    WORDS,
    Figure,
    Page,
    Sentence,
    Table,
    Tiles,
    View,
    figures_of,
    plain_value,
    say,
    tables_of,
)
from crmlab.reporting.privacy import told_period, withheld
from crmlab.reporting.workbook import write_workbook

ENGLISH, SPANISH = Language("en", "US", "USD"), Language("es", "ES", "USD")
FIT = Fitness(())
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module", params=[ENGLISH, SPANISH], ids=["en", "es"])
def valuation_pages(
    request: pytest.FixtureRequest,
    study: crmlab.Study,
    retention_study: crmlab.Study,
    backtest: crmlab.Backtest,
) -> list[Page]:
    """All pages of the valuation in one language."""
    words = request.param
    others = crmlab.rolling(study.log, observation_end="1998-06-30")
    return [
        valuation.in_one_page(study, backtest, retention_study, FIT, words, seed=1),
        evidence.what_went_in(study, words),
        evidence.can_it_be_trusted(study, backtest, others, words),
        valuation.who_holds_the_value(study, words),
        valuation.how_history_becomes_value(study, words),
        valuation.a_new_customer(study, words, seed=1),
        scenarios.what_if(study, words, growth=0.1),
        method.assumptions_and_method(
            study, backtest, words, assumed=["margin"], seed=1, terms=valuation.TERMS
        ),
    ]


def test_every_page_of_the_contents_is_there(valuation_pages: list[Page]) -> None:
    """The contents name the pages in their order."""
    assert tuple(p.key for p in valuation_pages) == valuation.PAGES


def test_every_figure_has_its_sentence_words_and_table(valuation_pages: list[Page]) -> None:
    """A title with a number in it, alternative text, and a table."""
    pictures = [b for p in valuation_pages for b in p.blocks if isinstance(b, Figure)]

    assert len(pictures) == 9
    for picture in pictures:
        assert any(c.isdigit() for c in picture.title.words(ENGLISH)), picture.key
        assert len(picture.alt.words(ENGLISH)) > 40
        assert picture.table is not None
        assert picture.svg.startswith("<svg")


def test_the_parts_equal_the_total_everywhere(
    study: crmlab.Study, valuation_pages: list[Page]
) -> None:
    """Deciles, groups and cohorts of the tables add up to equity; the account to what was read."""
    tables = {t.key: t.frame for p in valuation_pages for t in tables_of(p)}

    for key in ("deciles", "groups"):
        body, total = tables[key].iloc[:-1], tables[key].iloc[-1]
        assert round(body["residual_clv"].sum(), 2) == round(study.equity, 2)
        assert total["residual_clv"] == round(study.equity, 2)
        assert body["customers"].sum() == total["customers"] == 23_570
    assert round(tables["cohorts"]["residual_clv"].sum(), 2) == round(study.equity, 2)
    assert tables["other_dates"]["calibration_end"].tolist() == ["1997-12-30", "1998-03-31"]
    assert tables["account"]["money"].iloc[:-1].sum() == tables["account"]["money"].iloc[-1]


def test_every_number_shown_is_in_the_data(valuation_pages: list[Page]) -> None:
    """Sentences, tiles and tables come out at full precision, ready for JSON."""
    data = figures_of(valuation_pages[0])
    said = data["valuation.headline"]

    assert set(data) >= {"tile.equity", "tile.newcomer", "tile.top_tenth", "valuation.headline"}
    assert said["customers"] == 23_570
    assert said["end"] == "1998-06-30"
    assert said["lower"] < said["equity"] < said["upper"]
    json.dumps([figures_of(p) for p in valuation_pages], allow_nan=False)


def test_a_page_shows_at_most_thirteen_rows_of_a_table(valuation_pages: list[Page]) -> None:
    """The rest is in the workbook; the register of assumptions is always whole."""
    for table in (t for p in valuation_pages for t in tables_of(p)):
        assert (
            len(table.shown()) <= (99 if table.key == "register" else 13)
            or table.key == "iso_value"
        )
    tracking = next(t for p in valuation_pages for t in tables_of(p) if t.key == "tracking")
    assert tracking.shown().index[[0, -1]].tolist() == tracking.frame.index[[0, -1]].tolist()


def test_the_register_names_every_assumption(valuation_pages: list[Page]) -> None:
    """Given ones, defaults and the method's own; the default margin is marked as one."""
    register = next(t for t in tables_of(valuation_pages[-1]) if t.key == "register").frame
    origin = register.set_index("assumption")["origin"]

    assert len(register) == 18
    assert origin["register.margin"] == "register.default"
    assert origin["register.discount_rate"] == "register.given"


def test_data_cannot_become_markup() -> None:
    """A malicious name is text in sentences, tables, titles and alternative texts."""
    table = Table("account", pd.DataFrame({"rows": [EVIL]}), {"rows": "plain"})
    title = say("holders.groups", share=plain(EVIL), customers=plain(EVIL), name=plain(EVIL))
    picture = Figure("x", "<svg/>", title, say("alt.groups", groups=plain(EVIL)), table)
    html = Page("account", (picture, table), ENGLISH)._repr_html_()

    assert "<script>" not in html
    assert html.count("&lt;script&gt;") >= 4


def test_nothing_in_a_workbook_is_a_formula(tmp_path: Path) -> None:
    """=1+1, a link and control characters are written as text; ids keep their digits."""
    names = ["=1+1", "{=1+1}", "http://example.org", "+1", "a\x07b", "00123"]
    table = Table(
        "account",
        pd.DataFrame({"rows": names, "records": range(6)}),
        {"rows": "plain", "records": "count"},
    )
    write_workbook(tmp_path / "t.xlsx", [table], ENGLISH)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["account"]
    cells = [sheet.cell(4 + i, 1) for i in range(6)]

    assert [c.data_type for c in cells] == ["s"] * 6
    assert [c.value for c in cells] == ["=1+1", "{=1+1}", "http://example.org", "+1", "ab", "00123"]
    assert [c.hyperlink for c in cells] == [None] * 6


def test_the_workbook_holds_every_row_at_full_precision(
    valuation_pages: list[Page], tmp_path: Path
) -> None:
    """One sheet a table; the sum of the deciles is the equity to the cent."""
    tables = [t for p in valuation_pages for t in tables_of(p)]
    write_workbook(tmp_path / "t.xlsx", tables, ENGLISH)
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    column = list(next(t for t in tables if t.key == "deciles").kinds).index("residual_clv") + 1
    values = [book["deciles"].cell(r, column).value for r in range(4, 15)]

    places = [
        (t.key, j, kind) for t in tables for j, kind in enumerate(t.every_kind.values(), 1)
        if kind not in ("exact", *WORDS)
    ]  # fmt: skip
    cells = [(kind, book[key].cell(4, j)) for key, j, kind in places]
    numbers = [(kind, cell) for kind, cell in cells if isinstance(cell.value, int | float)]
    formats = {kind: cell.number_format for kind, cell in numbers}

    assert formats["number"] == "#,##0.00"
    assert [kind for kind, form in formats.items() if form == "General"] == []
    assert book.sheetnames == [t.key for t in tables]
    assert book["tracking"].max_row == 3 + 78
    assert round(sum(values[:10]), 2) == round(values[10], 2)


def test_money_of_a_few_customers_is_told_nowhere(tmp_path: Path) -> None:
    """Nine are too few, ten are not; nor is told what the total less the others would give away.

    What is left out stands summed, so that parts make the total.
    """
    frame = pd.DataFrame({
        "channel": ["web", "shop", "mail", "fair", "Total"], "customers": [9, 12, 0, 10, 31],
        "value": [123.25, 77.5, 0.0, 55.5, 256.25], "share": [0.481, 0.302, 0.0, 0.217, 1.0],
    })  # fmt: skip
    kinds = {"channel": "plain", "customers": "count", "value": "cents", "share": "share"}
    table = Table("won_by_channel", frame, kinds, total=True)
    page = Page("valuation.newcomers", (table,), ENGLISH)
    html = page._repr_html_()
    told = figures_of(page)["table.won_by_channel"]
    write_workbook(tmp_path / "t.xlsx", [table], ENGLISH)
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx")["won_by_channel"]

    assert View(ENGLISH).cells(table)[0] == ["web", "9", "·", "·"]
    assert View(ENGLISH).cells(table)[3] == ["fair", "10", "·", "·"]  # the next smallest
    written = [row[2] for row in View(ENGLISH).cells(table)]
    assert written == ["·", "$77.50", "$0.00", "·", "$256.25"]
    assert "123.25" not in html
    assert "Money of fewer than 10 customers is not shown" in html
    for row in (0, 3):
        assert told[row]["value"] is told[row]["share"] is None
        assert sheet.cell(4 + row, 3).value is sheet.cell(4 + row, 4).value is None
    assert [row["value"] for row in told[1:3]] == [77.5, 0.0]
    left_out = {"value": 178.75, "share": pytest.approx(0.698)}
    assert figures_of(page)["withheld.won_by_channel"] == left_out
    assert View(ENGLISH).together(table) == ["· together", "", "$178.75", "70%"]
    assert [sheet.cell(9, column).value for column in (1, 3)] == ["· together", 178.75]
    account = dataclasses.replace(table, account=True)
    assert "123.25" in Page("account", (account,), ENGLISH)._repr_html_()


@pytest.mark.parametrize(
    ("customers", "expected"),
    [
        ([50, 20, 10], [False, False, False]),
        ([50, 9, 20], [False, True, True]),
        ([50, 9, 1, 0], [False, True, True, False]),
        ([50, 1, 1, 30], [False, True, True, True]),
        ([9], [True]),
    ],
)
def test_what_is_withheld_is_of_ten_customers_and_two_groups(
    customers: list[int], expected: list[bool]
) -> None:
    """So that no difference to a total is the money of a few."""
    assert withheld(pd.Series(customers)).tolist() == expected


@pytest.mark.parametrize(
    ("sizes", "period"),
    [([12] * 12, "month"), ([12] * 11 + [3], "month"), ([5] * 12, "quarter"), ([1] * 12, "year")],
)
def test_cohorts_of_a_few_are_told_by_a_longer_period(sizes: list[int], period: str) -> None:
    """One poor month leaves months be; many make them quarters, or years."""
    months = pd.Series(pd.date_range("2023-01-01", periods=12, freq="MS"))

    assert told_period(months.repeat(sizes), "month") == period


def test_a_warning_stands_after_the_answer_and_a_stop_before_it(
    study: crmlab.Study, retention_study: crmlab.Study
) -> None:
    """Page one begins with the value, unless it must not be used."""
    figures = {"rho": 0.2, "lower": -0.1, "upper": 0.4, "customers": 73.0}
    for severity, first in (("warning", True), ("stop", False)):
        found = Fitness((Check("dependence", severity, figures),))  # type: ignore[arg-type]
        for page in (
            valuation.in_one_page(study, None, None, found, ENGLISH, seed=1),
            retention.in_one_page(retention_study, None, found, ENGLISH, seed=1),
        ):
            said = [b.key if isinstance(b, Sentence) else type(b) for b in page.blocks]
            tell = [k for k in said if str(k).startswith("fitness.dependence")]

            assert (str(said[0]).endswith(".headline")) == first
            assert (said.index(tell[0]) > said.index(Tiles)) == first


@pytest.mark.parametrize(
    ("actual", "level", "head"),
    [
        (1000, "good", "The model can be relied on. Tested"),
        (1080, "good", "The model is good for the total, but its ranges are too narrow. Tested"),
        (1200, "fair", "The model can be used with care. Tested"),
    ],
)
def test_the_light_agrees_with_its_words(actual: float, level: str, head: str) -> None:
    """A good total outside its range is called good for the total, and its ranges too narrow."""
    predicted = Interval(1000.0, 960.0, 1040.0, 0.0, 20.0)
    bias, inside = 1000 / actual - 1, actual <= 1040
    verdict = "good" if abs(bias) <= 0.10 else "fair"
    test: Any = SimpleNamespace(
        actual=actual, bias=bias, inside=inside, verdict=verdict, predicted=predicted,
        calibration_end="2024-01-31",
    )  # fmt: skip
    for words in (Language("en"), Language("es")):
        light = traffic_light(test)
        page = Page("trust", (light,), words)._repr_html_()
        shown = " ".join(re.sub("<[^>]+>", "", page).split())
        assert light.level == level
        assert (head in shown) == (words.code == "en")
        narrow = "too narrow" if words.code == "en" else "demasiado estrechos"
        assert shown.count(narrow) == (not inside)


def test_hardly_any_value_at_risk_is_no_finding() -> None:
    """A part of it below a thousandth of the equity has no group worth naming."""
    customers = pd.DataFrame({"residual_clv": [900.0, 100.0], "value_at_risk": [0.5, 0.4]})
    study: Any = SimpleNamespace(customers=customers)

    assert where_risk_lies(study, Language("es")) == []
    more: Any = SimpleNamespace(customers=customers.assign(value_at_risk=0.6))
    assert not hardly_at_risk(more)


def test_groups_that_cost_more_than_they_bring_are_called_so() -> None:
    """Not 'they hold -2.4% of the value'."""
    shares = pd.Series([1.05, 0.0, 0.0, 0.0, 0.0, -0.01, -0.01, -0.01, -0.01, -0.01], range(1, 11))
    once = pd.Series({"customers": 51.0, "residual_clv": -14.5, "value_each": -1.2, "share": -0.02})

    assert "cost $14.50 more than they bring: $1.20 each" in valuation._once(once, 100).words(
        ENGLISH
    )
    assert "the lower half takes 5.0% away" in valuation._tenths_title(shares).words(ENGLISH)


def test_what_chance_explains_is_not_called_furthest_off() -> None:
    """Only groups large enough are judged, and only what is beyond chance is named."""
    table = pd.DataFrame({
        "customers": [47, 5], "actual": [0.49, 3.0], "predicted": [0.53, 1.0],
        "actual_error": [0.1, 0.5],
    })  # fmt: skip
    within = evidence._furthest(table, table.iloc[:1]).words(ENGLISH)
    beyond = evidence._furthest(table.assign(predicted=[0.9, 1.0]), table.iloc[:1].assign(
        predicted=0.9)).words(ENGLISH)  # fmt: skip

    assert "(30 customers or more): 1 of 2" in within
    assert "numbered 0" in beyond


def test_bars_tell_losses_and_leave_out_a_few() -> None:
    """A value below 0 has its bar and its words, a missing one a mark."""
    svg = figures.side_bars(["a", "b", "c"], [5.0, -3.0, np.nan], ENGLISH, "cents", "figure.value")

    assert "$5.00" in svg
    assert "-$3.00" in svg or "−$3.00" in svg
    assert ">·<" in svg


@pytest.mark.parametrize("words", [ENGLISH, SPANISH], ids=["en", "es"])
def test_a_short_history_says_what_is_missing(words: Language) -> None:
    """No test possible: the light says so in place of figures; no page falls over."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 40, 160)
    frame = pd.DataFrame({
        "customer_id": ids,
        "date": pd.Timestamp("2024-05-01") + pd.to_timedelta(rng.integers(0, 40, 160), unit="D"),
        "amount": rng.gamma(3, 10, 160).round(2) + 1,
    })  # fmt: skip
    log = crmlab.read_transactions(frame)
    study = crmlab.Study.run(
        log, observation_end="2024-06-10", margin=0.4, discount_rate=0.1, model="mbg-nbd"
    )
    table = crmlab.cohorts(log, observation_end="2024-06-10")

    others = crmlab.rolling(log, observation_end="2024-06-10")

    assert "none" in valuation.in_one_page(study, None, study, FIT, words, seed=1)._repr_html_()
    for page in (
        evidence.can_it_be_trusted(study, None, others, words),
        valuation.who_holds_the_value(study, words),
        valuation.how_history_becomes_value(study, words),
        valuation.a_new_customer(study, words, seed=1),
        retention.in_one_page(study, None, FIT, words, seed=1),
        retention.cohort_page(study, table, words),
        retention.who_is_still_here(study, words),
        retention.life(study, words),
        retention.value_at_risk(study, words),
        keeping.stages_page(study, keeping.stages_of(study), words, offer_cost=None),
        retention.who_slipped_away(study, words),
        retention.can_it_be_trusted(None, words),
        method.assumptions_and_method(study, None, words, seed=1, terms=retention.TERMS),
    ):
        assert page._repr_html_().startswith("<section")
    stages = people.staged(study, keeping.stages_of(study))
    assert stages["stage"].notna().all()
    assert "stage_before" not in stages  # nobody had bought a quarter earlier


def test_figures_are_the_same_bytes_each_time() -> None:
    """No date, no random ids."""
    values = pd.Series([3.0, 2.0, 1.0], index=[1, 2, 3])
    draw = [figures.bars(values, ENGLISH, "count", "figure.decile", "figure.value") for _ in "ab"]

    assert draw[0] == draw[1]
    assert "system-ui" in draw[0]


def test_nothing_is_published_without_a_folder(
    study: crmlab.Study, valuation_pages: list[Page]
) -> None:
    """In JupyterLab run_dir is empty: the last cell says so and writes nothing."""
    cover = valuation.cover(study, ENGLISH)

    assert "Nothing written" in document.publish("", cover, valuation_pages, study)


def test_plain_values_are_what_json_knows() -> None:
    """Missing numbers are null, dates ISO text."""
    assert plain_value(np.float64("nan")) is None
    assert plain_value(pd.NaT) is None
    assert plain_value(np.int64(3)) == 3
    assert plain_value(pd.Timestamp("2024-01-31")) == "2024-01-31"
    assert plain_value((count(2.0), money(3.5))) == [2, 3.5]


@pytest.mark.parametrize("period", ["week", "month", "quarter", "year"])
def test_every_cohort_period_has_its_words(
    log: crmlab.TransactionLog, study: crmlab.Study, period: str
) -> None:
    """Heat map, curves and register come out for each, in Spanish too."""
    table = crmlab.cohorts(log, observation_end="1998-06-30", period=period)
    register = method.assumptions_and_method(
        study, None, SPANISH, seed=1, terms=retention.TERMS, cohort_period=period
    )

    assert retention.cohort_page(study, table, SPANISH)._repr_html_()
    assert register._repr_html_()


def test_numbers_that_ran_away_are_written_short() -> None:
    """An estimate of 1e300 or of nothing breaks no page."""
    for value in (1e300, float("inf"), float("nan"), -1e18):
        for kind in ("count", "number", "exact", "money", "cents"):
            written = ENGLISH.write(Quantity(value, kind))
            assert len(written) < 10
    assert Language("es", "ES", "JPY").write(money(12.35)) == "12\xa0JPY"


def test_dollars_are_no_formula_in_jupyter(valuation_pages: list[Page]) -> None:
    """JupyterLab would set what stands between two dollar signs as mathematics."""
    for page in valuation_pages:
        assert page._repr_html_().startswith('<section class="crmlab mathjax_ignore')
