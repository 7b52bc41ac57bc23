"""One report from parameters to publication."""

from __future__ import annotations

import contextlib
import datetime
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from crmlab.errors import CrmlabError
from crmlab.runs import manifest, publish
from crmlab.runs.catalogue import AnyParameters, Report
from crmlab.runs.given import locate, with_tables_located
from crmlab.runs.manifest import Outcome, Run
from crmlab.runs.render import Printer, pages, to_html
from crmlab.runs.results import Headline, IncompleteResults, Results, read_results

if TYPE_CHECKING:
    from crmlab.runs.execute import Progress

INTERRUPTED = 130


@dataclass(frozen=True)
class Published:
    """A report that was published."""

    report: str
    language: str
    folder: Path
    headline: tuple[Headline, ...]
    missing: tuple[str, ...]

    @property
    def page(self) -> Path:
        """The report to open."""
        return self.folder / "report.html"

    @property
    def latest(self) -> Path:
        """Where the newest report of this name and language is, today this one."""
        return self.folder.parent / "latest" / "report.html"


def run_report(
    report: Report,
    parameters: AnyParameters,
    out: Path,
    *,
    printer: Printer,
    progress: Progress,
) -> Published:
    """Run `report` and publish it under `out`/<report>/<language>/, or leave all as it was there.

    Raises a CrmlabError; what can be kept of a failed run is then in failed/<run-id>/, and a note
    on the error says where.
    """
    parameters.resolved()
    paths = {"source": locate(parameters.source)}
    located = with_tables_located(parameters).model_copy(update=paths)
    started = datetime.datetime.now(datetime.UTC)
    run_id = publish.new_run_id(started, report.name, parameters.model_dump())
    folder = publish.claim(out / report.name / parameters.language, run_id)
    run = Run(report, parameters, run_id, started, folder)
    try:
        with publish.writing(folder):
            results, missing = _make(run, located, printer, progress)
            manifest.write(run, Outcome("published", 0, results=results, missing=missing))
        final = publish.publish(folder, run_id)
    except BaseException as error:
        _set_aside(run, error)
        raise
    return Published(report.name, parameters.language, final, results.headline, missing)


def _make(
    run: Run, located: AnyParameters, printer: Printer, progress: Progress
) -> tuple[Results, tuple[str, ...]]:
    from crmlab.runs.kernel import running_kernel

    with running_kernel(run.report.notebook) as kernel:
        manifest.write(run, manifest.RUNNING)
        # papermill takes a second to import; the kernel starts meanwhile
        from crmlab.runs.execute import execute

        printer.warm()
        record = run.folder / publish.RECORD
        notebook = execute(run.report.notebook, record, _injected(run, located), kernel, progress)
    results = read_results(run.folder)
    shown = pages(notebook)
    if not shown:
        raise IncompleteResults("The notebook ended without displaying a page.")
    page = to_html(shown, title=results.title, language=results.language)
    (run.folder / "report.html").write_text(page, encoding="utf-8")
    missing = printer.write(page, run.folder / "report.pdf")
    return results, (missing,) if missing else ()


def _injected(run: Run, located: AnyParameters) -> dict[str, object]:
    """The parameters as the notebook gets them: all of them, explicit, as plain JSON values.

    They are `located` with the paths that hold wherever the kernel runs.
    """
    return {
        **located.resolved().for_notebook(),
        "assumed": run.parameters.assumed(),
        "run_dir": str(run.folder.resolve()),
    }


def exit_code(error: BaseException) -> int:
    """What the command line ends with after `error`."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code
    return getattr(error, "exit_code", CrmlabError.exit_code)


def _set_aside(run: Run, error: BaseException) -> None:
    """Keep the record of a failed run, or remove its folder if not even that can be written."""
    status = "failed" if isinstance(error, Exception) else "interrupted"
    said = " ".join(str(error).split())
    message = said if isinstance(error, CrmlabError) else f"{type(error).__name__}: {said}"
    try:
        manifest.write(run, Outcome(status, exit_code(error), message))
        kept = publish.set_aside(run.folder, run.run_id)
    except (OSError, publish.CannotWrite):
        with contextlib.suppress(OSError):
            shutil.rmtree(run.folder)
        return
    error.add_note(f"What there is of the run is kept in {kept}.")
