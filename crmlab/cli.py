"""The command line. Whatever is slow to import is imported inside the command that needs it."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from crmlab.cli_base import base
from crmlab.errors import CrmlabError

if TYPE_CHECKING:
    from rich.table import Table

    from crmlab.runs.run import Published

TERMINATED = 143
WIDE = 160

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer value and retention: from purchases to reports that a meeting can decide on.",
)

app.add_typer(base, name="base")

Name = Annotated[
    str, typer.Argument(help="customer-valuation, retention, contract-retention or strategy-review")
]
Out = Annotated[Path, typer.Option(help="the folder that reports are written to")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="a parameter; repeatable")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"crmlab {version('crmlab')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[  # noqa: ARG001  # its callback answers
        bool, typer.Option("--version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a report that is published is a success, even if
            stream.reconfigure(errors="replace")  # the terminal cannot write its figures


@app.command()
def demo(out: Out = Path("reports")) -> None:
    """Make all reports on purchases, in English and in Spanish, on the built-in CDNOW data."""
    with _answering():
        from crmlab.runs.batch import run_all
        from crmlab.runs.catalogue import PARAMETERS, find

        reports = [find(name) for name in PARAMETERS]
        tasks = [(r, r.parameters.build({"language": x})) for r in reports for x in ("en", "es")]
        names = [f"{report.name} ({parameters.language})" for report, parameters in tasks]
        with _progress(names) as watch:
            ended = run_all(tasks, out, watch)
        _close([one for one in ended if not isinstance(one, Exception)])
        _refuse(
            [(n, one) for n, one in zip(names, ended, strict=True) if isinstance(one, Exception)]
        )


@app.command()
def report(
    name: Name,
    source: Annotated[
        str | None, typer.Option(metavar="PATH", help="a CSV or Parquet file, or cdnow")
    ] = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="parameters as YAML or JSON")
    ] = None,
    settings: Settings = None,
    language: Annotated[str | None, typer.Option(metavar="en|es")] = None,
    out: Out = Path("reports"),
) -> None:
    """Make one report and publish it under DIR/NAME/LANGUAGE/latest."""
    with _answering():
        from crmlab.runs.catalogue import find
        from crmlab.runs.given import gather
        from crmlab.runs.render import Printer
        from crmlab.runs.run import run_report

        found = find(name)
        options = {"source": source, "language": language}
        given = gather(found.parameters, file=params, settings=settings or (), options=options)
        with _progress([name]) as watch:
            done = run_report(found, given, out, printer=Printer(), progress=watch(0))
        _close([done])


@app.command("params")
def list_parameters(
    name: Name, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False
) -> None:
    """List the parameters of a report: name, type, unit, default and meaning."""
    with _answering():
        from crmlab.runs.catalogue import find

        rows = find(name).parameters.describe()
        if as_json:
            import json

            typer.echo(json.dumps(rows, indent=2))
            return
        table = _table(*(key.capitalize() for key in rows[0]))
        for row in rows:
            table.add_row(*("none" if value is None else str(value) for value in row.values()))
        _show(table)


@app.command()
def check(
    source: Annotated[str, typer.Argument(help="a file, postgres:NAME, or cdnow")],
    settings: Settings = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="parameters as YAML or JSON")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Read a source and give account of it: what would be used, what set aside and why.

    --set takes the parameters that say where the purchases are, how they are read and what they
    mean: see crmlab params customer-valuation.
    """
    with _answering():
        from crmlab import cli_check

        checked = cli_check.check(source, settings or (), params)
        if as_json:
            typer.echo(cli_check.as_json(checked))
        else:
            for part in cli_check.show(checked):
                typer.echo(part) if isinstance(part, str) else _show(part)
        _refuse([("", refusal) for refusal in checked.refusals])


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    """End the command as documented: one line and an exit code for whatever goes wrong."""
    gc.set_threshold(100_000, 20, 100)  # collecting more often takes a tenth of a report's time
    try:
        with _terminable():
            yield
    except KeyboardInterrupt:
        _say("interrupted; nothing was published")
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except BrokenPipeError:  # whoever read our lines has seen enough; the report is published
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        raise typer.Exit(_refuse_one("", error)) from None


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let a polite request to end (SIGTERM) tidy up as Ctrl-C does."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse(failures: Sequence[tuple[str, Exception]]) -> None:
    """Say what became of the reports that failed, and end with the first one's exit code."""
    codes = [_refuse_one(f"{name}: " if name else "", error) for name, error in failures]
    if codes:
        raise typer.Exit(codes[0])


def _refuse_one(prefix: str, error: Exception) -> int:
    if not isinstance(error, CrmlabError):
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        _say(f"{prefix}internal error, please report it: {what}")
        return CrmlabError.exit_code
    notes = getattr(error, "__notes__", []) if error.exit_code == CrmlabError.exit_code else []
    _say(prefix + " ".join([str(error), *notes]))
    return error.exit_code


def _say(text: str) -> None:
    """One line on stderr, however long."""
    typer.echo("crmlab: " + " ".join(text.split()), err=True)


@contextlib.contextmanager
def _progress(names: list[str]) -> Iterator[Callable[[int], Callable[[int, int], None]]]:
    """Bars that move by notebook cell, on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield lambda _place: lambda _done, _of: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TextColumn("cells"), console=console, transient=True) as bar:
        tasks = [bar.add_task(name, total=None) for name in names]
        yield lambda place: lambda done, of: bar.update(tasks[place], completed=done, total=of)


def _close(done: Sequence[Published]) -> None:
    """Say where the reports are and the figures that matter: a table, or plain lines."""
    for line in dict.fromkeys(line for one in done for line in one.missing):
        _say(line)
    if sys.stdout.isatty():
        _close_with_table(done)
        return
    for one in done:
        figures = [f"  {figure.label}: {figure.text}" for figure in one.headline]
        typer.echo("\n".join([str(one.page), *figures]))


def _close_with_table(done: Sequence[Published]) -> None:
    table = _table("Report", "Where it is, and the figures that matter")
    for one in done:
        figures = (f"{figure.label}: {figure.text}" for figure in one.headline)
        table.add_row(f"{one.report} ({one.language})", "\n".join([str(one.latest), *figures]))
    if done:
        _show(table)


def _table(*heads: str) -> Table:
    from rich.table import Table

    table = Table(*heads, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in table.columns:
        column.overflow = "fold"
    return table


def _show(table: Table) -> None:
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(table)
