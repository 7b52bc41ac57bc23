"""How every command answers on a terminal: its lines and tables, its progress, how it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from crmlab.errors import CrmlabError

if TYPE_CHECKING:
    from rich.table import Table

TERMINATED = 143
WIDE = 160


@contextlib.contextmanager
def answering() -> Iterator[None]:
    """End the command as documented: one line and an exit code for whatever goes wrong."""
    gc.set_threshold(100_000, 20, 100)  # collecting more often takes a tenth of a report's time
    try:
        with _terminable():
            yield
    except KeyboardInterrupt:
        say("interrupted; nothing was published")
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


def refuse(failures: Sequence[tuple[str, Exception]]) -> None:
    """Say what became of the reports that failed, and end with the first one's exit code."""
    codes = [_refuse_one(f"{name}: " if name else "", error) for name, error in failures]
    if codes:
        raise typer.Exit(codes[0])


def _refuse_one(prefix: str, error: Exception) -> int:
    if not isinstance(error, CrmlabError):
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        say(f"{prefix}internal error, please report it: {what}")
        return CrmlabError.exit_code
    notes = getattr(error, "__notes__", []) if error.exit_code == CrmlabError.exit_code else []
    say(prefix + " ".join([str(error), *notes]))
    return error.exit_code


def say(text: str) -> None:
    """One line on stderr, however long."""
    typer.echo("crmlab: " + " ".join(text.split()), err=True)


@contextlib.contextmanager
def progress(names: list[str]) -> Iterator[Callable[[int], Callable[[int, int], None]]]:
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


@contextlib.contextmanager
def working(on: str) -> Iterator[None]:
    """Show on a terminal what is being done, and for how long; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(on, total=None)
        yield


def table(*heads: str) -> Table:
    """An empty table with these heads, whose cells are folded and never cut."""
    from rich.table import Table

    made = Table(*heads, box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in made.columns:
        column.overflow = "fold"
    return made


def show(made: Table) -> None:
    """Print a table: as wide as the terminal, and elsewhere as wide as a page."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    console.print(made)
