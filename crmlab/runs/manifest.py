"""What a run leaves on record: what it was asked, what it ran on, what came out."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

import crmlab
from crmlab.runs import publish
from crmlab.runs.catalogue import AnyParameters, Report
from crmlab.runs.given import table_paths
from crmlab.runs.results import Results

SCHEMA_VERSION = 1
PACKAGES = (
    "crmlab",
    "numpy",
    "scipy",
    "pandas",
    "duckdb",
    "matplotlib",
    "papermill",
    "weasyprint",
)


@dataclass(frozen=True)
class Run:
    """One run of one report: what was asked, when, and where it writes."""

    report: Report
    parameters: AnyParameters
    run_id: str
    started: datetime.datetime
    folder: Path


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: str
    exit_code: int | None = None
    message: str = ""
    results: Results | None = None
    missing: tuple[str, ...] = ()


RUNNING = Outcome("running")


def write(run: Run, outcome: Outcome) -> None:
    """Write the manifest into the run's folder, atomically; the last file of a run."""
    publish.write_json(run.folder / publish.MANIFEST, compose(run, outcome))


def compose(run: Run, outcome: Outcome) -> dict[str, object]:
    """The manifest as a mapping."""
    ended = None if outcome is RUNNING else _stamp(datetime.datetime.now(datetime.UTC))
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run.run_id,
        "status": outcome.status,
        "exit_code": outcome.exit_code,
        "message": outcome.message,
        "started": _stamp(run.started),
        "ended": ended,
        "pid": os.getpid(),
        "report": run.report.name,
        "language": run.parameters.language,
        "parameters": run.parameters.resolved().model_dump(),
        "assumed": run.parameters.assumed(),
        "seed": run.parameters.seed,
        **_found(run, outcome),
        "missing": list(outcome.missing),
        "versions": versions(),
        "git": revision(Path(crmlab.__file__).parent.parent),
        "notebook": {"name": run.report.notebook.name, "sha256": _digest(run.report.notebook)},
        "outputs": publish.outputs(run.folder) if ended else {},
    }


def _found(run: Run, outcome: Outcome) -> dict[str, object]:
    """What the notebook says of the data and the models, or what is known without it.

    The source and the tables beside it are called as they were given.
    """
    source: dict[str, object] = {"source": run.parameters.source}
    given = table_paths(run.parameters)
    if outcome.results is None:
        tables = {
            name: {"source": path, "sha256": _digest_of(path)} for name, path in given.items()
        }
        read = {**source, "sha256": _digest_of(run.parameters.source), "tables": tables}
        return {"input": read, "account": None, "fits": None}
    results = outcome.results
    told = results.input.get("tables")
    beside = told if isinstance(told, dict) else {}
    tables = {
        name: {**origin, "source": given.get(name, origin["source"])}
        for name, origin in beside.items()
    }
    read = {**results.input, **source, "tables": tables}
    return {"input": read, "account": results.account, "fits": results.fits}


@functools.cache
def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that the figures depend on."""
    return {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


@functools.cache
def revision(checkout: Path) -> dict[str, object] | None:
    """The git revision of a checkout and whether files differ from it; None outside of one."""
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "HEAD")
    changes = _git(checkout, "status", "--porcelain")
    return None if commit is None else {"revision": commit, "dirty": bool(changes)}


def _git(checkout: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _digest_of(given: str) -> str | None:
    try:
        return _digest(Path(given).expanduser())
    except RuntimeError:  # no such home
        return None


def _digest(path: Path) -> str | None:
    try:
        return publish.digest(path)
    except OSError:
        return None


def _stamp(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
