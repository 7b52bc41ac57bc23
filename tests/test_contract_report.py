"""The report on contracts in both languages, run as the scheduler runs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from crmlab.runs.batch import run_all
from crmlab.runs.catalogue import find
from crmlab.runs.run import Published

NAME = "contract-retention"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where the two reports were published."""
    out = tmp_path_factory.mktemp("reports")
    report = find(NAME)
    tasks = [(report, report.parameters.build({"language": x})) for x in ("en", "es")]
    ended = run_all(tasks, out, lambda _place: lambda _done, _of: None)
    for end in ended:
        assert isinstance(end, Published), end
    return {end.language: end.folder for end in ended if isinstance(end, Published)}


def results(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_everything_is_published_and_adds_up(folders: dict[str, Path]) -> None:
    """The files of every report; one value in all, the same in both."""
    values = []
    for folder in folders.values():
        names = {path.name for path in folder.iterdir()}
        told = results(folder)
        customers = pd.read_parquet(folder / "customers.parquet")
        assert names - {"report.pdf"} == {
            "report.html", "report.ipynb", "tables.xlsx", "customers.parquet", "results.json",
            "manifest.json", "quarantine.parquet",
        }  # fmt: skip
        assert (folder.parent / "latest").resolve() == folder.resolve()
        values.append(told["totals"]["residual_value"])
        assert customers["residual_value"].sum() == pytest.approx(values[-1], rel=1e-12)
        assert told["totals"]["customers"] == len(customers) == 440

    assert values[0] == values[1]
    assert results(folders["en"])["pages"].keys() == results(folders["es"])["pages"].keys()


@pytest.mark.parametrize("language", ["en", "es"])
def test_the_page_loads_nothing_and_pictures_have_words(
    folders: dict[str, Path], language: str
) -> None:
    """No script, no remote request; alternative text of some length on every image."""
    html = (folders[language] / "report.html").read_text(encoding="utf-8")
    images = re.findall(r"<img [^>]*>", html)

    assert f'<html lang="{language}">' in html
    assert not re.search(r"<(script|link|iframe|object|embed|video)", html)
    assert set(re.findall(r'(?:src|href)="([a-z]+:)', html)) <= {"data:"}
    assert len(images) == 9
    assert all(len(re.search(r'alt="([^"]*)"', image)[1]) > 40 for image in images)  # type: ignore[index]


def test_the_notebook_s_parameters_are_the_declared_ones() -> None:
    """So that Run All in JupyterLab makes the report that the command makes."""
    report = find(NAME)
    cells = json.loads(report.notebook.read_text(encoding="utf-8"))["cells"]
    (cell,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    found: dict[str, object] = {}
    exec("".join(cell["source"]), {}, found)  # noqa: S102  # it is ours

    declared = report.parameters().resolved().for_notebook()
    assert {**declared, "assumed": [], "run_dir": ""} == found


def test_the_example_is_what_its_maker_writes() -> None:
    """contracts.csv is simulated: the same file, byte for byte."""
    import importlib.util

    folder = Path(__file__).parents[1] / "data" / "examples"
    spec = importlib.util.spec_from_file_location("make_contracts", folder / "make_contracts.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)

    assert maker.text() == (folder / "contracts.csv").read_text(encoding="utf-8")
