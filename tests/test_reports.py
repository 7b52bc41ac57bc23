"""Every notebook in both languages, run as the scheduler runs it, and what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pandas as pd
import pytest

from crmlab import schema
from crmlab.customers import stages
from crmlab.runs.batch import run_all
from crmlab.runs.catalogue import PARAMETERS, find
from crmlab.runs.run import Published

ARTEFACTS = {
    "report.html", "report.pdf", "report.ipynb", "tables.xlsx", "customers.parquet",
    "quarantine.parquet", "actions.parquet",
    "results.json", "manifest.json",
}  # fmt: skip
TASKS = [(name, language) for name in PARAMETERS for language in ("en", "es")]


class Made(NamedTuple):
    """A published report and what it is."""

    name: str
    language: str
    folder: Path

    def results(self) -> dict[str, Any]:
        """results.json."""
        return json.loads((self.folder / "results.json").read_text(encoding="utf-8"))

    def html(self) -> str:
        """report.html."""
        return (self.folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Made]:
    """Every report in both languages, made once."""
    out = tmp_path_factory.mktemp("reports")
    tasks = []
    for name, language in TASKS:
        report = find(name)
        tasks.append((report, report.parameters.build({"language": language})))
    ended = run_all(tasks, out, lambda _place: lambda _done, _of: None)
    for end in ended:
        assert isinstance(end, Published), end
    return {
        task: Made(*task, end.folder)
        for task, end in zip(TASKS, ended, strict=True)
        if isinstance(end, Published)
    }


@pytest.fixture(params=TASKS, ids="-".join)
def made(request: pytest.FixtureRequest, published: dict[tuple[str, str], Made]) -> Made:
    """One of them."""
    return published[request.param]


def pango() -> bool:
    """Whether WeasyPrint can print; where everything is required, it must."""
    try:
        import weasyprint  # noqa: F401
    except OSError:
        if os.environ.get("CRMLAB_REQUIRE_ALL"):
            raise
        return False
    return True


def test_everything_is_there_and_latest_points_to_it(made: Made) -> None:
    """Eight files (seven where Pango is missing), and `latest` is this run."""
    expected = ARTEFACTS if pango() else ARTEFACTS - {"report.pdf"}

    assert {p.name for p in made.folder.iterdir()} == expected
    assert (made.folder.parent / "latest").resolve() == made.folder.resolve()


def test_all_artefacts_hold_the_same_totals(made: Made) -> None:
    """results.json, HTML, parquet, xlsx, the account: 23,570 customers, 2,500,315.63 dollars."""
    totals = made.results()["totals"]
    customers = pd.read_parquet(made.folder / "customers.parquet")
    account = made.results()["account"]
    sheet = openpyxl.load_workbook(made.folder / "tables.xlsx")["account"]

    assert totals["customers"] == len(customers) == account["used"]["customers"] == 23_570
    assert totals["customer_days"] == account["occasions"] == 67_591
    assert account["read"]["money"].rstrip("0") == "2500315.63"
    assert round(customers["total_value"].sum(), 2) == 2_500_315.63
    assert sheet.cell(sheet.max_row, 3).value == 2_500_315.63
    written = {"en": ("23,570", "$2,500,315.63"), "es": ("23.570", "2.500.315,63\xa0US$")}
    assert all(f">{total}<" in made.html() for total in written[made.language])
    for name in ("residual_clv", "p_alive", "value_at_risk", "expected_purchases"):
        assert customers[name].sum() == pytest.approx(totals[name], rel=1e-12)


def test_the_valuation_takes_every_customer_apart(made: Made) -> None:
    """Margin, costs, limits, chance of a loss, and the reason in the report's language."""
    customers = pd.read_parquet(made.folder / "customers.parquet")
    added = [column.name for column in schema.VALUES]
    words = {"en": "active with a probability of", "es": "en activo con una probabilidad de"}
    if made.name != "strategy-review":
        assert customers["reason"].str.contains(words[made.language]).all()
    if made.name != "customer-valuation":
        assert not set(added[:-1]) & set(customers.columns)
        assert set(customers["stage"]) == set(stages.STAGES) - {"new"}  # all are older
        assert set(customers["stage_before"]) <= {stages.NOT_YET, *stages.STAGES}
        return

    assert customers.columns[-len(added) :].tolist() == added
    assert customers["expected_margin"].sum() == pytest.approx(
        made.results()["totals"]["residual_clv"]
    )
    assert (customers["lower"] <= customers["upper"]).all()


PARTS = {
    "customer-valuation": {"deciles": "decile", "groups": "group", "equity_by_cohort": "cohort"},
    "retention": {"risk": "group", "active_by_cohort": "cohort"},
    "strategy-review": {"equity_by_cohort": "cohort"},
}
"""Tables whose values make the equity, and the column of customers.parquet that tells the part."""


def test_the_parts_make_the_equity_to_the_cent_everywhere(made: Made) -> None:
    """In results.json, HTML and workbook; the sums of customers.parquet are within a cent."""
    customers = pd.read_parquet(made.folder / "customers.parquet")
    pages, text = made.results()["pages"], made.html()
    book = openpyxl.load_workbook(made.folder / "tables.xlsx")
    equity = round(customers["residual_clv"].sum(), 2)
    for key, by in PARTS[made.name].items():
        rows = next(page[f"table.{key}"] for page in pages.values() if f"table.{key}" in page)
        column = "group_key" if by == "group" else by
        told = {str(row[column]): row["residual_clv"] for row in rows}
        parts = customers.groupby(customers[by].astype(str))["residual_clv"].sum()
        sheet = [[cell.value for cell in row] for row in book[key].iter_rows(min_row=4)]

        assert round(sum(told[name] for name in parts.index), 2) == equity
        assert all(abs(told[name] - parts[name]) < 0.01 for name in parts.index)
        assert [told[name] for name in parts.index] == [round(told[n], 2) for n in parts.index]
        assert all(any(value == row for row in rows_of(sheet)) for value in told.values())
        if key in ("deciles", "groups", "equity_by_cohort", "risk"):
            assert list(told.values())[-1] == equity
            assert made.name == "strategy-review" or written(equity, made.language) in text


def rows_of(sheet: list[list[Any]]) -> list[Any]:
    """The cells of a sheet in one list."""
    return [cell for row in sheet for cell in row]


def written(money: float, language: str) -> str:
    """Dollars and cents as a page of a language writes them."""
    english = f"{money:,.2f}"
    return f"${english}" if language == "en" else f"{english.translate({44: '.', 46: ','})}\xa0US$"


def test_the_parts_of_the_workbook_are_the_total(made: Made) -> None:
    """The groups' values add up to the equity of results.json, to the cent."""
    key, english, spanish, name = {
        "customer-valuation": ("groups", "Value", "Valor", "residual_clv"),
        "retention": ("risk", "At risk", "En riesgo", "value_at_risk"),
        "strategy-review": ("bridge", "Money", "Dinero", "residual_clv"),
    }[made.name]
    column = english if made.language == "en" else spanish
    sheet = openpyxl.load_workbook(made.folder / "tables.xlsx")[key]
    heads = [cell.value for cell in sheet[3]]
    values = [row[heads.index(column)].value for row in sheet.iter_rows(min_row=4)]

    assert round(sum(values[:-1]), 2) == round(values[-1], 2)
    total = made.results()["totals"][name]
    assert round(values[-1], 2) == round(total, 2)


def test_both_languages_show_the_same_figures(published: dict[tuple[str, str], Made]) -> None:
    """Every number of the pages, at full precision."""
    for name in PARAMETERS:
        english, spanish = (published[name, x].results()["pages"] for x in ("en", "es"))
        assert list(english) == list(spanish)
        for page in english:
            assert numbers(english[page]) == numbers(spanish[page])


def numbers(value: Any) -> Any:
    """A nest of figures without its words."""
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [numbers(v) for v in value]
    return None if isinstance(value, str) else value


def test_the_page_is_one_file_that_loads_nothing(made: Made) -> None:
    """A content-security policy, images as data only, no script, the right language."""
    html = made.html()

    assert f'<html lang="{made.language}">' in html
    assert "default-src 'none'" in html
    assert not re.search(r"<(script|link|iframe|object|embed|video)", html)
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', html)) <= {"data:"}
    assert not re.search(r"url\(|@import", html)


def test_every_picture_has_its_words(made: Made) -> None:
    """Alternative text of some length on every image."""
    images = re.findall(r"<img [^>]*>", made.html())

    assert len(images) >= 7
    assert all(len(re.search(r'alt="([^"]*)"', image)[1]) > 40 for image in images)  # type: ignore[index]


def test_no_person_is_on_a_page(made: Made) -> None:
    """Reports hold groups; single customers are in customers.parquet only."""
    ids = pd.read_parquet(made.folder / "customers.parquet", columns=["customer_id"])["customer_id"]
    cells = set(re.findall(r">(\d{5})<", made.html()))

    assert not cells & set(ids)


def test_the_record_is_an_executed_notebook(made: Made) -> None:
    """Every code cell ran; the parameters of the run are in it."""
    notebook = json.loads((made.folder / "report.ipynb").read_text(encoding="utf-8"))
    cells = [c for c in notebook["cells"] if c["cell_type"] == "code"]

    assert all(cell["execution_count"] for cell in cells)
    assert notebook["metadata"]["papermill"]["parameters"]["language"] == made.language


def test_the_pdf_has_pages_and_words(made: Made) -> None:
    """A4, tagged, titled, in its language."""
    if not pango():
        assert "Pango" in json.loads((made.folder / "manifest.json").read_text())["missing"][0]
        return
    import pypdf

    pdf = pypdf.PdfReader(made.folder / "report.pdf")
    least, most = (5, 6) if made.name == "strategy-review" else (8, 14)
    assert least <= len(pdf.pages) <= most
    assert pdf.trailer["/Root"]["/Lang"] == made.language
    assert pdf.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert "23" in pdf.pages[0].extract_text()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium; where everything is required, its absence is a failure."""
    from playwright.sync_api import sync_playwright

    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        if os.environ.get("CRMLAB_REQUIRE_ALL"):
            pytest.fail("no Chromium on this machine, and everything is required")
        pytest.skip("no Chromium on this machine: the pages were not opened in a browser")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390], ids=["desktop", "phone"])
def test_a_browser_finds_nothing_wrong(made: Made, browser: Any, width: int) -> None:
    """No accessibility violation (axe-core), no request, no error, no sideways scrolling."""
    from axe_playwright_python.sync_playwright import Axe

    context = browser.new_context(viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda r: asked.append(r.url))
    page.on("console", lambda m: said.append(m.text))
    page.on("pageerror", lambda e: said.append(str(e)))
    page.goto((made.folder / "report.html").as_uri())
    found = Axe().run(page).response["violations"]
    overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    context.close()

    assert [(v["id"], len(v["nodes"]), v["nodes"][0]["html"][:120]) for v in found] == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert said == []
    assert overflow <= 0


BAD_FILES = {
    "no repeat buyer": (
        "client,day,total\n" + "".join(f"c{i},2024-01-05,{i + 1}\n" for i in range(30)),
        4,
    ),
    "an empty file": ("", 3),
    "a header alone": ("client,day,total\n", 3),
    "a missing column": ("customer,day,total\nc1,2024-01-05,3\n", 3),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_what_cannot_be_reported_is_one_line_and_leaves_latest_alone(
    case: str, published: dict[tuple[str, str], Made], tmp_path: Path
) -> None:
    """The exit code of the contract, one line with a remedy, and yesterday's report as it was."""
    import subprocess
    import sys

    text, code = BAD_FILES[case]
    source = tmp_path / "orders.csv"
    source.write_text(text)
    good = published["customer-valuation", "en"].folder
    latest = good.parent / "latest"
    before = latest.resolve()
    done = subprocess.run(
        [sys.executable, "-c", "from crmlab.cli import app; app()", "report", "customer-valuation",
         "--source", str(source), "--out", str(good.parents[2]), "--set", "customer_id=client",
         "--set", "date=day", "--set", "amount=total", "--set", "observation_end=2024-12-31"],
        capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert latest.resolve() == before
