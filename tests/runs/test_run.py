import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest

from crmlab.errors import CrmlabError, NotEstimable, SourceNotFound
from crmlab.runs.execute import NotebookFailed, NotebookRefused
from crmlab.runs.publish import CannotWrite
from crmlab.runs.results import IncompleteResults
from crmlab.runs.run import Published

ARTEFACTS = {
    "report.html",
    "report.pdf",
    "report.ipynb",
    "tables.xlsx",
    "customers.parquet",
    "results.json",
    "manifest.json",
}
DRIVER = """
import sys
from pathlib import Path
from crmlab.runs import catalogue
from crmlab.runs.report_parameters import CustomerValuation
stub = Path(sys.argv.pop())
catalogue.find = lambda name: catalogue.Report(name, CustomerValuation, stub)
from crmlab.cli import app
app()
"""
Run = Callable[..., Published]


def shelf(out: Path) -> Path:
    return out / "customer-valuation" / "en"


def manifest(folder: Path) -> dict[str, object]:
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


def failed(out: Path) -> Path:
    (folder,) = (shelf(out) / "failed").iterdir()
    return folder


def command(stub: str, out: Path, **settings: object) -> "subprocess.Popen[str]":
    """`crmlab report` on a stub notebook, in a process of its own."""
    notebook = Path(__file__).with_name("notebooks") / f"{stub}.ipynb"
    arguments = ["report", "customer-valuation", "--out", str(out), str(notebook)]
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )


def test_a_run_publishes_every_artefact_and_moves_latest(run: Run, tmp_path: Path) -> None:
    """The folder of the run holds all that was promised, and latest leads to it."""
    done = run("complete", margin=0.2)

    assert {path.name for path in done.folder.iterdir()} >= ARTEFACTS
    assert done.folder == (shelf(tmp_path) / "latest").resolve()
    assert [("Value", "1.10 million")] == [(h.label, h.text) for h in done.headline]
    assert {done.folder.name, "latest"} == {path.name for path in shelf(tmp_path).iterdir()}


def test_the_notebook_gets_every_parameter_resolved(run: Run) -> None:
    """Values reach the kernel as given, and the names that were not given with them."""
    name = 'it\'s "the" customer\\n{x} ñ\n'
    done = run("complete", margin=0.2, customer_id=name)
    given = json.loads((done.folder / "results.json").read_text())["given"]
    record = nbformat.read(done.folder / "report.ipynb", as_version=4)

    assert (name, 0.2, 1997) == (given["columns"]["customer_id"], given["margin"], given["seed"])
    assert {"source", "seed"} <= set(given["assumed"])
    assert not {"margin", "customer_id"} & set(given["assumed"])
    assert "1998-06-30" == record.metadata.papermill.parameters["observation_end"]


def test_a_refusal_in_a_cell_is_one_line_with_its_own_exit_code(run: Run, tmp_path: Path) -> None:
    """An error of crmlab.errors comes through as it was worded, and the record is kept."""
    with pytest.raises(NotebookRefused, match=r"^BGNBD cannot be estimated: no customer") as error:
        run("refuses")

    kept = failed(tmp_path)
    record = (kept / "report.ipynb").read_text(encoding="utf-8")
    assert (NotEstimable, 4) == (error.value.kind, error.value.exit_code)
    assert "\n" not in str(error.value)
    assert {"report.ipynb", "manifest.json"} == {path.name for path in kept.iterdir()}
    assert "An Exception was encountered at" in record
    assert ("failed", 4, str(error.value)) == tuple(
        manifest(kept)[key] for key in ("status", "exit_code", "message")
    )


@pytest.mark.parametrize(
    ("stub", "kind", "message"),
    [
        ("breaks", NotebookFailed, r"Cell \[4\] of breaks.ipynb failed: ZeroDivisionError"),
        ("exits", NotebookFailed, "ended early with SystemExit: 1 of 5 cells did not run"),
        ("dies", NotebookFailed, "kernel that ran dies.ipynb died"),
        ("writes_nothing", IncompleteResults, "without writing results.json, tables.xlsx"),
        ("shows_nothing", IncompleteResults, "without displaying a page"),
        ("incomplete", IncompleteResults, "results.json that is not complete: complete"),
    ],
)
def test_a_notebook_that_does_not_finish_publishes_nothing(
    run: Run, tmp_path: Path, stub: str, kind: type[CrmlabError], message: str
) -> None:
    """Whatever ends a notebook early, the latest report is the one before."""
    good = run("complete")
    with pytest.raises(kind, match=message) as error:
        run(stub)

    kept = failed(tmp_path)
    assert good.folder == (shelf(tmp_path) / "latest").resolve()
    assert 70 == error.value.exit_code == manifest(kept)["exit_code"]
    assert [f"What there is of the run is kept in {kept}."] == error.value.__notes__
    assert {"report.ipynb", "manifest.json"} == {path.name for path in kept.iterdir()}
    assert {"failed", "latest", good.folder.name} == {p.name for p in shelf(tmp_path).iterdir()}


@pytest.mark.parametrize("stub", ["exits", "dies"])
def test_the_record_of_a_failed_run_says_so_on_top(run: Run, tmp_path: Path, stub: str) -> None:
    """Whoever opens the half-run notebook sees first that it failed, and why."""
    with pytest.raises(NotebookFailed):
        run(stub)
    record = nbformat.read(failed(tmp_path) / "report.ipynb", as_version=4)

    assert record.cells[0].source.startswith("**This run failed.**")


def test_a_source_that_is_not_there_leaves_no_trace(run: Run, tmp_path: Path) -> None:
    """What can be refused before a kernel starts makes no folder."""
    with pytest.raises(SourceNotFound):
        run("complete", source="none.csv", observation_end="2026-06-30")

    assert [] == list(tmp_path.iterdir())


def test_an_output_folder_that_cannot_be_made_has_its_own_exit_code(
    run: Run, tmp_path: Path
) -> None:
    """A file in the way is said before an hour of work, not after."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match="not a directory") as error:
        run("complete", out=tmp_path / "file")

    assert 73 == error.value.exit_code


def test_two_runs_at_once_are_both_published(run: Run, tmp_path: Path) -> None:
    """Runs of the same report do not write over each other; one of them is the latest."""
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda seed: run("complete", seed=seed), [1, 2])

    assert first.folder != second.folder
    assert (shelf(tmp_path) / "latest").resolve() in (first.folder, second.folder)
    for done in (first, second):
        assert {path.name for path in done.folder.iterdir()} >= ARTEFACTS


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_kept_as_such(tmp_path: Path, number: int, code: int) -> None:
    """Ctrl-C and a polite kill end with their own code; no kernel and no latest is left."""
    with command("waits", tmp_path) as process:
        until = time.monotonic() + 30
        while not list(shelf(tmp_path).glob(".partial-*/waiting")):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)

    kept = manifest(failed(tmp_path))
    assert code == process.returncode
    assert "Traceback" not in said
    assert ("interrupted", code) == (kept["status"], kept["exit_code"])
    assert not (shelf(tmp_path) / "latest").exists()


def test_without_pango_the_report_comes_out_without_its_pdf(tmp_path: Path) -> None:
    """One line on stderr and in the manifest says what to install; the exit code is 0."""
    stub = str(Path(__file__).with_name("no_pango"))
    with command("complete", tmp_path, env={**os.environ, "PYTHONPATH": stub}) as process:
        _, said = process.communicate(timeout=30)

    latest = shelf(tmp_path) / "latest"
    assert 0 == process.returncode
    assert 1 == len(said.splitlines())
    assert "apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in said
    assert [said.removeprefix("crmlab: ").strip()] == manifest(latest)["missing"]
    assert ARTEFACTS - {"report.pdf"} == {path.name for path in latest.iterdir()}


def test_a_terminal_that_cannot_write_the_figures_is_no_failure(tmp_path: Path) -> None:
    """Money in Spanish has signs that not every console knows; the report is published still."""
    with command("speaks", tmp_path, env={**os.environ, "PYTHONIOENCODING": "latin-1"}) as process:
        told, said = process.communicate(timeout=30)

    assert (0, "") == (process.returncode, said)
    assert "Value: 1,10?M?" in told


def test_a_reader_who_has_seen_enough_is_no_failure(tmp_path: Path) -> None:
    """`crmlab report ... | head -0` publishes as it would otherwise."""
    with command("complete", tmp_path) as process:
        process.stdout.close()
        said = process.stderr.read()

    assert (0, "") == (process.returncode, said)
    assert (shelf(tmp_path) / "latest" / "report.html").exists()


def test_a_run_leaves_nothing_in_the_users_home(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No history, no profile: a parameter stays in the run's own folder."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    run("complete", out=tmp_path / "out")

    assert [] == [path for path in home.rglob("*") if path.is_file()]


def test_the_kernel_imports_nothing_from_the_users_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A json.py that happens to lie where crmlab is started does no harm."""
    (tmp_path / "json.py").write_text("raise RuntimeError")
    monkeypatch.chdir(tmp_path)

    assert run("complete", out=Path("out {seed}")).page.exists()
