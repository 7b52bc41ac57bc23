"""The report on contracts: its pages, their sums, and what it says where the data are thin."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

import crmlab
from crmlab.errors import MissingParameter, WrongParameter, WrongTable
from crmlab.reporting import (
    contract_drivers,
    contract_method,
    contract_offers,
    contract_survival,
    contracts,
)
from crmlab.reporting.language import Language, share
from crmlab.reporting.pages import Figure, Page, figures_of, tables_of
from crmlab.runs.contract_parameters import ContractRetention

ENGLISH, SPANISH = Language("en", "US", "EUR"), Language("es", "ES", "EUR")
GIVEN = {"discount_rate": 0.15, "seed": 1997}


def pages(study: crmlab.ContractStudy, words: Language) -> list[Page]:
    return [
        contracts.in_one_page(study, words),
        contracts.what_went_in(study, words),
        contract_survival.survival_page(study, words),
        contract_survival.rates_page(study, words),
        contract_survival.value_page(study, words),
        contract_offers.offers_page(study, words),
        contract_drivers.drivers_page(study, words),
        contract_method.trust_page(study, words),
        contract_method.method_page(study, words, seed=1997),
    ]


def told(tenure: list[int], ended: list[bool], **covariates: object) -> crmlab.Contracts:
    """Contracts known by their tenures."""
    frame = pd.DataFrame({"tenure": tenure, "ended": ended, **covariates})
    frame["customer_id"] = [f"c{i}" for i in range(len(frame))]
    mapping = crmlab.ContractMapping(covariates=tuple(covariates))
    return crmlab.read_contracts(frame, mapping=mapping, period="year")


@pytest.fixture(scope="module")
def rich() -> crmlab.ContractStudy:
    """The example, with segments, drivers and a margin of each contract."""
    known = crmlab.read_contracts(
        "contracts-example", observation_end="2024-06-30",
        mapping=crmlab.ContractMapping(
            customer_id="member", covariates=("plan", "channel"), numbers=("fee",)
        ),
    )  # fmt: skip
    return crmlab.ContractStudy.run(
        known, margin=0.6, margin_column="fee", segment="plan", offer_cost=2.0, **GIVEN
    )


@pytest.fixture(scope="module")
def thin() -> crmlab.ContractStudy:
    """Thirty contracts over two years: no covariate, nothing to hold out."""
    return crmlab.ContractStudy.run(
        told([1] * 10 + [2] * 20, [True] * 10 + [True] * 4 + [False] * 16), margin=100.0, **GIVEN
    )


def test_every_page_reads_in_both_languages(
    rich: crmlab.ContractStudy, thin: crmlab.ContractStudy
) -> None:
    """Rich data and thin; every figure has its sentence with a number, its words and its table."""
    for study in (rich, thin):
        for page in pages(study, ENGLISH):
            for words in (ENGLISH, SPANISH):
                html = dataclasses.replace(page, language=words)._repr_html_()
                assert html.startswith("<section")
                assert "{" not in html.split("base64")[0]
            known = {table.key for table in tables_of(page)}
            for picture in (block for block in page.blocks if isinstance(block, Figure)):
                assert any(sign.isdigit() for sign in picture.title.words(SPANISH)), picture.key
                assert len(picture.alt.words(SPANISH)) > 40
                assert picture.key in known


def test_every_artefact_tells_the_same_value(rich: crmlab.ContractStudy, tmp_path: Path) -> None:
    """Tile, table by tenure, workbook, parquet and results.json, to the cent."""
    made = pages(rich, ENGLISH)
    contract_method.publish(str(tmp_path), contracts.cover(rich, ENGLISH), made, rich)
    results = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    customers = pd.read_parquet(tmp_path / "customers.parquet")
    sheet = openpyxl.load_workbook(tmp_path / "tables.xlsx")["residual"]
    values = [row[-1].value for row in sheet.iter_rows(min_row=4)]
    total = round(rich.equity.total.mean, 2)
    offers = openpyxl.load_workbook(tmp_path / "tables.xlsx")["contract_offers"]
    parts = [row[2].value for row in offers.iter_rows(min_row=4)]
    by_segment = results["pages"]["contracts.offers"]["table.contract_offers"]

    assert results["totals"]["residual_value"] == pytest.approx(total, abs=0.005)
    assert customers["residual_value"].sum() == pytest.approx(total, abs=0.005)
    assert results["pages"]["contracts.answer"]["tile.contract_value"] == pytest.approx(
        total, abs=0.005
    )
    residual = next(t for p in made for t in tables_of(p) if t.key == "residual")
    *values, together = values
    few = [residual.hides(row, "value") for row in range(len(values))]
    assert [value is None for value in values] == few
    assert few.count(True) > 1
    told = [value for value in values[:-1] if value is not None]
    assert round(sum(told) + together, 2) == round(values[-1], 2) == total
    assert sum(residual.frame["customers"][few]) >= 10
    assert (round(sum(parts[:-1]), 2), round(parts[-1], 2)) == (total, total)
    assert [row["residual_value"] for row in by_segment] == pytest.approx(parts, rel=1e-12)
    assert len(customers) == results["totals"]["customers"] == 440
    assert results["account"]["used"] == results["totals"]["contracts"] == 900
    assert results["complete"]


def test_page_one_tells_the_price_of_ignoring_differences(rich: crmlab.ContractStudy) -> None:
    """The same contracts under one rate for all, as the arithmetic of it has them."""
    said = figures_of(pages(rich, ENGLISH)[0])["contracts.price"]
    monthly = 1.15 ** (1 / 12)
    ahead = sum(rich.retention ** (j + 1) / monthly**j for j in range(60))
    margins = 0.6 * rich.contracts.table.loc[rich.contracts.table["running"], "fee"]

    assert said["alike"] == pytest.approx(margins.sum() * ahead, rel=1e-9)
    assert said["share"] == pytest.approx(1 - said["alike"] / rich.equity.total.mean)
    assert said["alike"] < rich.equity.total.lower


def test_the_effects_that_the_example_was_made_with_are_found(rich: crmlab.ContractStudy) -> None:
    """Friends' channel 0.6 to 1.25, shop 1.0 to 1.25: inside the limits shown."""
    table = next(
        t for t in tables_of(contract_drivers.drivers_page(rich, ENGLISH)) if t.key == "drivers"
    )
    effects = table.frame.set_index("effect")

    for name, truth in (("channel: friend / web", 0.48), ("channel: shop / web", 0.8)):
        assert effects.loc[name, "cox_lower"] * 0.9 < truth < effects.loc[name, "cox_upper"]
    assert "not what causes it" in contract_drivers.drivers_page(rich, ENGLISH)._repr_html_()


def test_thin_data_are_told_what_cannot_be_said(thin: crmlab.ContractStudy) -> None:
    """No test of the projection, no drivers, no segment: sentences in their place."""
    answer, _, survival, _, _, _, drivers, trust, _ = pages(thin, ENGLISH)

    assert "The model was not tested." in answer._repr_html_()
    assert "too few renewals to hold any out" in trust._repr_html_()
    assert "No covariate was given" in drivers._repr_html_()
    assert "segments" not in {table.key for table in tables_of(survival)}


def test_too_few_who_left_tell_no_driver() -> None:
    """A covariate with too few departures for its effects is answered by a sentence."""
    ended = ([True] * 6 + [False] * 9) * 2
    plan = ["a"] * 15 + ["b"] * 15
    tier = ["xyz"[i // 3 % 3] for i in range(30)]
    known = told([1, 2, 3] * 10, ended, plan=plan, tier=tier, half=["p", "q"] * 15)
    page = contract_drivers.drivers_page(
        crmlab.ContractStudy.run(known, margin=1.0, **GIVEN), ENGLISH
    )

    assert "Too few customers left to tell effects apart" in page._repr_html_()


def test_a_constant_rate_that_does_better_is_told(rich: crmlab.ContractStudy) -> None:
    """Where the held-out renewals favour one rate for all, page one says so."""
    assert "contracts.doubt" not in figures_of(contracts.in_one_page(rich, ENGLISH))
    held = rich.holdout
    assert held is not None
    errors = held.errors.copy()
    errors.loc["constant", "last_error"] = 0.001
    turned = dataclasses.replace(rich, holdout=dataclasses.replace(held, errors=errors))

    assert "contracts.doubt" in figures_of(contracts.in_one_page(turned, ENGLISH))


def test_parameters_name_the_columns_once() -> None:
    """Segment and margin column are read as covariates; the end and the margin must be given."""
    given = {"source": "a.csv", "observation_end": "2024-06-30", "margin": 0.5, "segment": "plan",
             "covariates": "plan, town", "margin_column": "price"}  # fmt: skip
    columns = ContractRetention.build(given).resolved().for_notebook()["columns"]

    assert columns == {"covariates": ["plan", "town"], "numbers": ["price"]}
    with pytest.raises(MissingParameter, match="--set margin="):
        ContractRetention.build({"source": "a.csv", "observation_end": "2024-06-30"}).resolved()
    with pytest.raises(MissingParameter, match="--set observation_end="):
        ContractRetention.build({"source": "a.csv", "margin": 1.0}).resolved()
    with pytest.raises(WrongParameter, match="before observation_end"):
        ContractRetention.build(given | {"cut_off": "2024-06-30"}).resolved()
    crm = {"attributes": "crm.csv", "attribute_covariates": "use, tier"}
    dated = ContractRetention.build(given | crm).resolved().for_notebook()["dated"]
    assert dated == {"source": "crm.csv", "covariates": ["use", "tier"]}
    with pytest.raises(WrongParameter, match="which columns to take"):
        ContractRetention.build(given | {"attributes": "crm.csv"}).resolved()
    with pytest.raises(MissingParameter, match="--set attributes="):
        ContractRetention.build(given | {"attribute_numbers": "calls"}).resolved()


def test_a_margin_column_must_hold_numbers(rich: crmlab.ContractStudy) -> None:
    """By name."""
    with pytest.raises(WrongParameter, match="margin_column"):
        crmlab.ContractStudy.run(rich.contracts, margin_column="plan", **GIVEN)


def test_offers_are_told_by_segment_and_by_tenure(
    rich: crmlab.ContractStudy, thin: crmlab.ContractStudy
) -> None:
    """With a cost its break-even and test; without a cost or a segment, a sentence instead."""
    made = contract_offers.offers_page(rich, ENGLISH)
    (table,) = tables_of(made)
    frame = table.frame.set_index("segment")
    thinly = contract_offers.offers_page(thin, ENGLISH)._repr_html_()

    assert frame.loc["plus", "break_even_share"] == pytest.approx(
        2.0 / frame.loc["plus", "most_cost"]
    )
    assert ["customers", "leave"] == [
        name for name in ("customers", "leave", "most_cost")
        if frame[name].iloc[:-1].sum() == pytest.approx(frame[name].iloc[-1])
    ]  # fmt: skip
    assert "enough to prove such an offer" in made._repr_html_()
    assert "What an offer costs was not given" in thinly
    assert "No segment was named" in thinly


def test_segments_are_named_only_where_they_differ(rich: crmlab.ContractStudy) -> None:
    """Plans differ; segments by lot do not, and one too small or without a name is told so."""
    assert "contracts.segments" in figures_of(contract_survival.survival_page(rich, ENGLISH))
    table = rich.contracts.table
    lot = pd.Series([("a", "b")[i % 2] for i in range(len(table))], dtype="str")
    lot[:6], lot[6:300] = "few", None
    known = dataclasses.replace(rich.contracts, table=table.assign(plan=lot))
    study = crmlab.ContractStudy.run(known, margin=1.0, segment="plan", **GIVEN)
    page = contract_survival.survival_page(study, ENGLISH)
    html = page._repr_html_()

    assert "contracts.segments_alike" in figures_of(page)
    assert "Too few to compare" in html
    assert "(not known)" in html
    assert study.large == ("", "a", "b")
    assert study.difference is not None
    assert study.difference.degrees == 2
    said = figures_of(contract_drivers.drivers_page(study, ENGLISH))
    assert said["drivers.found.segment_unknown"] == {"name": "plan", "customers": 290}  # watched


def test_attributes_by_day_are_drivers(rich: crmlab.ContractStudy, tmp_path: Path) -> None:
    """Taken as they were at the cut-off; a number that is none, or a name not there, is refused."""
    members = rich.contracts.table["customer_id"]
    rows = [f"{m},2020-01-01,{'low' if i % 3 else 'high'},{i % 7}.5" for i, m in enumerate(members)]
    path = tmp_path / "crm.csv"
    path.write_text("\n".join(["customer_id,valid_from,use,calls", *rows, ""]))
    known = crmlab.read_contract_attributes(str(path), covariates=("use",), numbers=("calls",))
    study = crmlab.ContractStudy.run(
        dataclasses.replace(rich.contracts),
        margin=1.0,
        cut_off="2023-06-30",
        attributes=known,
        **GIVEN,
    )
    page = contract_drivers.drivers_page(study, SPANISH)
    said = figures_of(page)

    assert study.tables["attributes"].fingerprint == hashlib.sha256(path.read_bytes()).hexdigest()
    assert study.tables["attributes"].source == str(path)
    assert said["drivers.dated"] == {"names": ["use", "calls"]}
    assert said["drivers.undated"] == {"names": ["plan", "channel", "fee"]}
    effects = next(t for t in tables_of(page) if t.key == "drivers").frame["effect"]
    assert {"use: high / low", "calls (+1)"} <= set(effects)
    with pytest.raises(WrongTable, match="'high', customer"):
        crmlab.read_contract_attributes(str(path), numbers=("use",))
    with pytest.raises(WrongTable, match="no column 'town', only"):
        crmlab.read_contract_attributes(str(path), covariates=("town",))


def test_a_ratio_of_odds_is_called_so(rich: crmlab.ContractStudy) -> None:
    """Where only the logit model could be fitted."""
    assert rich.drivers is not None
    only = dataclasses.replace(rich, drivers=dataclasses.replace(rich.drivers, cox=None))
    html = contract_drivers.drivers_page(only, ENGLISH)._repr_html_()

    assert "times the odds of leaving" in html
    assert "times the rate" not in html


def test_a_prediction_that_is_worse_than_none_is_told_so(rich: crmlab.ContractStudy) -> None:
    """No gain is called a gain."""
    assert rich.drivers is not None
    assert rich.drivers.calibration is not None
    poor = dataclasses.replace(rich.drivers.calibration, brier=0.05, brier_base=0.04)
    turned = dataclasses.replace(rich, drivers=dataclasses.replace(rich.drivers, calibration=poor))
    html = contract_drivers.drivers_page(turned, ENGLISH)._repr_html_()

    assert "25% more, so do not rank" in html
    assert "a gain of" not in html


def test_the_range_says_how_much_the_other_curve_counts(rich: crmlab.ContractStudy) -> None:
    """By Akaike's weights on page one and in the register; a curve ruled out is not on page one."""
    other, gap = next(f for n, f in rich.fits.items() if n != rich.chosen), 20.0
    weight = 1 / (1 + np.exp((other.aic - rich.fit.aic) / 2))
    said = contracts.rests_on(rich)
    worse = dataclasses.replace(other, log_likelihood=other.log_likelihood - gap)
    ruled_out = dataclasses.replace(rich, fits={rich.chosen: rich.fit, "other": worse})
    register = contract_method.register(rich, ENGLISH, (), 1).frame.set_index("assumption")["value"]

    assert said.key == "contracts.rests_on_two"
    assert said.values["weight"].value == pytest.approx(weight)
    assert ENGLISH.write(share(weight)) in ENGLISH.write(register["register.value_range"])
    assert contracts.rests_on(ruled_out).key == "contracts.rests_on"


def test_contracts_without_value_have_a_report(rich: crmlab.ContractStudy) -> None:
    """Margins below and at zero: every page reads, and nothing is divided by what is not there."""
    for fee in (-rich.contracts.table["fee"], 0.0 * rich.contracts.table["fee"]):
        table = rich.contracts.table.assign(fee=fee)
        known = dataclasses.replace(rich.contracts, table=table, covariates=("plan", "channel"))
        study = crmlab.ContractStudy.run(known, margin_column="fee", **GIVEN)
        for words in (ENGLISH, SPANISH):
            html = "".join(page._repr_html_() for page in pages(study, words))
            assert "nan" not in html.split("base64")[0]
        assert "No value is at risk" in "".join(p._repr_html_() for p in pages(study, ENGLISH))
        assert "contracts.price" not in figures_of(contracts.in_one_page(study, ENGLISH))


def test_a_value_that_segments_contradict_is_told_on_page_one(rich: crmlab.ContractStudy) -> None:
    """Only where curves of their own lead outside the range."""
    assert "contracts.by_segment" not in figures_of(contracts.in_one_page(rich, ENGLISH))
    width = rich.equity.total.mean - rich.equity.total.lower
    offers = dataclasses.replace(rich.offers, difference=1.1 * width)
    said = figures_of(contracts.in_one_page(dataclasses.replace(rich, offers=offers), ENGLISH))

    assert said["contracts.by_segment"]["parts"] == pytest.approx(
        rich.equity.total.mean - 1.1 * width
    )
