"""Several reports, two at a time, in one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from crmlab.runs.catalogue import AnyParameters, Report
from crmlab.runs.render import Printer
from crmlab.runs.run import INTERRUPTED, Published, run_report

if TYPE_CHECKING:
    from crmlab.runs.execute import Progress

Task = tuple[Report, AnyParameters]
_AT_ONCE = 2


class Stopped(BaseException):
    """Raised at the next cell of a report after the batch was interrupted."""

    exit_code = INTERRUPTED


def run_all(
    tasks: Sequence[Task], out: Path, watch: Callable[[int], Progress]
) -> list[Published | Exception]:
    """Run every task, in the order given, and return what became of each: one failing stops none.

    `watch` gives the progress to tell for the task at a place in the list. The notebooks run in
    kernels of their own, so threads are enough to keep two processors busy.
    """
    printer, stop = Printer(), threading.Event()

    def run(place: int, task: Task) -> Published | Exception:
        tell = watch(place)

        def progress(done: int, of: int) -> None:
            if stop.is_set():
                raise Stopped
            tell(done, of)

        try:
            return run_report(*task, out, printer=printer, progress=progress)
        except Exception as error:  # told by the caller, beside the reports that came out
            return error

    with ThreadPoolExecutor(min(_AT_ONCE, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(run, *numbered) for numbered in enumerate(tasks)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
