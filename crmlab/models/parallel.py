"""Many rows, a block at a time, on every processor: NumPy computes without Python's lock."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

FEW = 4  # blocks that are done before threads would have started
MOST_THREADS = 8

R = TypeVar("R")


def in_blocks(work: Callable[[slice], R], rows: int, size: int) -> list[R]:
    """What `work` makes of each block of `size` rows, in their order.

    Which rows make a block depends on no number of processors, so neither does a sum over blocks.
    """
    blocks = [slice(i, i + size) for i in range(0, rows, size)]
    threads = min(_processors(), MOST_THREADS)
    if len(blocks) <= FEW or threads == 1:
        return [work(block) for block in blocks]
    # A context each, for it holds what numpy.errstate was told and serves one thread at a time.
    tasks = [(contextvars.copy_context(), block) for block in blocks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda task: task[0].run(work, task[1]), tasks))


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
