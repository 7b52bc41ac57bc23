"""Wall time of a report against papermill on a notebook of one empty cell: `make bench`.

All are run in turn, so that a machine that slows down slows all of them, and the medians
are compared. A report may take at most three times as long as the empty notebook.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import typer

REPORTS = ("customer-valuation", "retention", "strategy-review", "contract-retention")
LIMIT = 3.0
EMPTY = {
    "cells": [
        {
            "cell_type": "code",
            "id": "empty",
            "metadata": {},
            "source": [],
            "outputs": [],
            "execution_count": None,
        }
    ],
    "metadata": {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    },
    "nbformat": 4,
    "nbformat_minor": 5,
}


def main(rounds: int) -> None:
    """Measure everything `rounds` times in turn and print the medians."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        commands = commands_in(folder)
        times: dict[str, list[float]] = {what: [] for what in commands}
        for _ in range(rounds):
            for what, command in commands.items():
                times[what].append(seconds(command))
    medians = {what: statistics.median(values) for what, values in times.items()}
    base = medians["papermill"]
    for what, median in medians.items():
        spread = f"{min(times[what]):.2f} to {max(times[what]):.2f}"
        typer.echo(f"{what:20} {median:6.2f} s  ({spread})  {median / base:5.2f} x papermill")
    typer.echo(f"The limit is {LIMIT:.0f} x; median of {rounds} rounds.")


def commands_in(folder: Path) -> dict[str, list[str]]:
    """The command lines to measure; all of them write into `folder`."""
    empty = folder / "empty.ipynb"
    empty.write_text(json.dumps(EMPTY), encoding="utf-8")
    papermill = ["-m", "papermill", str(empty), str(folder / "out.ipynb")]
    crmlab = ["-c", "from crmlab.cli import app; app()", "report"]
    runs = {"papermill": papermill}
    runs |= {report: [*crmlab, report, "--out", str(folder / "reports")] for report in REPORTS}
    return {what: [sys.executable, *arguments] for what, arguments in runs.items()}


def seconds(command: list[str]) -> float:
    """Wall time of a command that must succeed."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True)  # noqa: S603
    taken = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(done.stderr.strip())
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    main(max(3, parser.parse_args().rounds))
