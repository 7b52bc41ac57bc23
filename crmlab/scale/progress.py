"""How far a long piece of work is: seconds of each step, and a bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator

PATIENCE = 2.0
"""Seconds without a word before a bar appears."""

OFTEN = 0.2

Share = Callable[[], float]
"""How much of a step is done, from 0 to 100, or below 0 where nobody knows."""


class Steps:
    """The steps of one piece of work and the seconds that each took, in `seconds`."""

    def __init__(self, *, show: bool | None = None) -> None:
        self.seconds: dict[str, float] = {}
        self._show = sys.stderr.isatty() if show is None else show
        self._begin = time.perf_counter()

    @contextlib.contextmanager
    def step(self, name: str, share: Share = lambda: -1.0) -> Iterator[None]:
        """Time what is done inside; steps of one name add up."""
        begin = time.perf_counter()
        with self._bar(name, share) if self._show else contextlib.nullcontext():
            yield
        taken = time.perf_counter() - begin
        self.seconds[name] = self.seconds.get(name, 0.0) + taken

    @contextlib.contextmanager
    def _bar(self, name: str, share: Share) -> Iterator[None]:
        ended = threading.Event()
        thread = threading.Thread(target=self._draw, args=(name, share, ended), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _draw(self, name: str, share: Share, ended: threading.Event) -> None:
        quiet = PATIENCE - (time.perf_counter() - self._begin)
        if ended.wait(max(quiet, 0.0)):
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=None)
            while not ended.wait(OFTEN):
                done = share()
                if done >= 0:
                    bar.update(task, total=100.0, completed=done)
