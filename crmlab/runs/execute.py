"""Run a notebook in a kernel with papermill, and say in one line what went wrong if it did.

Importing this module imports papermill, which takes a second: import it where it is used.
"""

from __future__ import annotations

import html
import importlib
import logging
from collections.abc import Callable
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from crmlab.errors import CrmlabError
from crmlab.runs.kernel import ReportKernel

Progress = Callable[[int, int], None]
"""Called with the number of cells done and of all cells."""

_MARK = "papermill-error-cell-tag"

_WITH_ERRORS = (
    "crmlab.intake.customer_base.keys",
    "crmlab.intake.customer_base.loading",
    "crmlab.intake.customer_base.people",
    "crmlab.intake.customer_base.store",
    "crmlab.intake.margins",
    "crmlab.models.renewals",
    "crmlab.runs.catalogue",
    "crmlab.runs.given",
    "crmlab.runs.publish",
    "crmlab.runs.results",
    "crmlab.scale.failures",
)
"""Modules that add to the family of errors; imported only once a cell has failed."""

logging.getLogger("papermill").addHandler(logging.NullHandler())  # what it says is said by us


class NotebookFailed(CrmlabError):
    """A notebook that stopped for a reason of its own: a fault of the report, not of the data."""


class NotebookRefused(CrmlabError):
    """A refusal (an error of the family of CrmlabError) that was raised inside the notebook."""

    def __init__(self, kind: type[CrmlabError], message: str) -> None:
        self.kind, self.exit_code = kind, kind.exit_code
        super().__init__(message)


class _Watch:
    """Keeps hold of the notebook while it runs, so that a half-run one can be kept."""

    def __init__(self, progress: Progress) -> None:
        self.notebook: nbformat.NotebookNode | None = None
        self.progress = progress

    def start(self, notebook: nbformat.NotebookNode) -> None:
        self.notebook = notebook

    def cell(self, cell: nbformat.NotebookNode, cell_index: int) -> None:  # noqa: ARG002
        if self.notebook is not None:
            self.progress(cell_index, len(self.notebook.cells))


def execute(
    notebook: Path,
    record: Path,
    parameters: dict[str, object],
    kernel: ReportKernel,
    progress: Progress,
) -> nbformat.NotebookNode:
    """Run `notebook` with `parameters` in `kernel`; write it, as far as it came, to `record`.

    Raises NotebookRefused for a CrmlabError raised in a cell and NotebookFailed for anything else
    that kept a cell from running to its end.
    """
    watch = _Watch(progress)
    try:
        done = _run(notebook, record, parameters, kernel, watch)
    except PapermillExecutionError as error:  # papermill has marked the cell and written the record
        raise _explain(notebook, error) from None
    except BaseException as error:
        _keep(watch.notebook, record, _one_line(f"{type(error).__name__}: {error}"))
        if isinstance(error, DeadKernelError):
            raise NotebookFailed(_dead(notebook)) from None
        raise
    _check_complete(notebook, record, done)
    progress(len(done.cells), len(done.cells))
    return done


def _run(
    notebook: Path,
    record: Path,
    parameters: dict[str, object],
    kernel: ReportKernel,
    watch: _Watch,
) -> nbformat.NotebookNode:
    done: nbformat.NotebookNode = papermill.execute_notebook(
        _literal(notebook),
        _literal(record),
        parameters=parameters,
        kernel_name="python3",
        language="python",
        progress_bar=False,
        request_save_on_cell_execute=False,
        km=kernel,
        on_notebook_start=watch.start,
        on_cell_start=watch.cell,
    )
    return done


def _literal(path: Path) -> str:
    """A path as papermill must be given it: it formats paths with the parameters."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _explain(notebook: Path, error: PapermillExecutionError) -> CrmlabError:
    message = _one_line(error.evalue)
    kind = refusals().get(error.ename)
    if kind is not None:
        return NotebookRefused(kind, message)
    failure = f"{error.ename}: {message}" if message else error.ename
    return NotebookFailed(f"Cell [{error.exec_count}] of {notebook.name} failed: {failure}.")


def refusals() -> dict[str, type[CrmlabError]]:
    """The whole family of CrmlabError by name, wherever it is defined: a kernel tells no more."""
    for module in _WITH_ERRORS:
        importlib.import_module(module)
    kinds = [CrmlabError]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    return {kind.__name__: kind for kind in kinds}


def _check_complete(notebook: Path, record: Path, done: nbformat.NotebookNode) -> None:
    """Refuse a notebook that ended early: papermill takes sys.exit(0) in a cell for success."""
    cells = [c for c in done.cells if c.cell_type == "code" and c.source.strip()]
    ended = [o.ename for c in cells for o in c.outputs if o.output_type == "error"]
    left = sum(c.execution_count is None for c in cells)
    if not ended and not left:
        return
    message = (
        f"{notebook.name} ended early{' with ' + ended[0] if ended else ''}: "
        f"{left} of {len(cells)} cells did not run."
    )
    _keep(done, record, message)
    raise NotebookFailed(message)


def _dead(notebook: Path) -> str:
    return (
        f"The kernel that ran {notebook.name} died, most often for want of memory. "
        "Close other programs or give the run a smaller source."
    )


def _keep(done: nbformat.NotebookNode | None, record: Path, message: str) -> None:
    """Write a notebook that did not run to its end, with the reason on top."""
    if done is None:
        return
    mark = nbformat.v4.new_markdown_cell(  # type: ignore[no-untyped-call]
        f"**This run failed.** {html.escape(message)}"
    )
    mark.metadata["tags"] = [_MARK]
    done.cells.insert(0, mark)
    nbformat.write(done, record)  # type: ignore[no-untyped-call]


def _one_line(text: str) -> str:
    return " ".join(text.split())
