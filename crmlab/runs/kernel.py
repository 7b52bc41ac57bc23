"""One kernel for one run: its own folder, no history, nothing of the user's own settings."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync

_LONGEST_SOCKET = 90
_PARSING = threading.Lock()
"""CPython 3.11 counts the depth of all threads' parsing as one, and fails where two meet."""


class ReportKernel(AsyncKernelManager):
    """A kernel on the Python that runs crmlab, whatever kernels the user has installed."""

    connected: AsyncKernelClient | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        """How the kernel is started."""
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python")

    def client(self, **settings: Any) -> AsyncKernelClient:  # type: ignore[override]  # as its base
        """Connect to the kernel, and remember the connection to close it at the end."""
        self.connected = super().client(**settings)
        return self.connected

    def end(self) -> None:
        """Kill the kernel at once: what it had to write is written, its folder goes with it."""
        if self.connected is not None:
            self.connected.stop_channels()
        process = getattr(self.provisioner, "process", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        run_sync(self.cleanup_resources)()


@contextmanager
def running_kernel(notebook: Path) -> Iterator[ReportKernel]:
    """A kernel that is starting, and that ends with the block.

    It runs in a temporary folder of its own, so that no file of the user's can be imported by
    accident, keeps no history (a parameter must not end up in the user's), and imports what
    `notebook` imports while this process is still importing papermill.
    """
    with tempfile.TemporaryDirectory(prefix="crmlab-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        kernel = ReportKernel(
            kernel_name="python3", connection_file=str(folder / "kernel.json"), **_transport(folder)
        )
        try:
            with (folder / "kernel.log").open("wb") as log:
                run_sync(kernel.start_kernel)(
                    extra_arguments=_arguments(notebook),
                    cwd=name,
                    env=_environment(folder),
                    stdout=log,
                    stderr=log,
                )
            yield kernel
        finally:
            kernel.end()
            _close_loop(ensure_event_loop())


def _close_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Close the loop that jupyter_core opened for this thread, and what is still waiting in it."""
    waiting = asyncio.all_tasks(loop)
    for task in waiting:
        task.cancel()
    if waiting:
        loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
    loop.close()


def _transport(folder: Path) -> dict[str, str]:
    """Sockets in the run's own folder, which no other user can reach, where that is possible."""
    if sys.platform == "win32" or len(str(folder)) > _LONGEST_SOCKET:
        return {}
    return {"transport": "ipc", "ip": str(folder / "socket")}


def _arguments(notebook: Path) -> list[str]:
    # Importing so leaves no name in the notebook, and is quicker without the garbage collector.
    lines = [f"__import__({m!r}, fromlist={sorted(n)!r})" for m, n in imports(notebook).items()]
    lines = ["__import__('gc').disable()", *lines, "__import__('gc').enable()"]
    return ["--HistoryManager.enabled=False", f"--IPKernelApp.exec_lines={json.dumps(lines)}"]


def _environment(folder: Path) -> dict[str, str]:
    own = {"IPYTHONDIR": str(folder), "TMPDIR": str(folder), "MPLBACKEND": "agg"}
    # One thread: more gain nothing here, wait for each other on a busy machine, and change the
    # last bit of sums.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {**threads, **os.environ, **own}


def imports(notebook: Path) -> dict[str, set[str]]:
    """The modules that the cells of `notebook` import, and the names they take from each.

    A name counts as taken if it is imported from the module or written after its name and a dot.
    """
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    nodes = [node for source in sources for node in _nodes(source)]
    modules: dict[str, set[str]] = {}
    known: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                modules.setdefault(alias.name, set())
                known[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.setdefault(node.module, set()).update(alias.name for alias in node.names)
    for node in nodes:
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in known:
            modules[known[ast.unparse(node.value)]].add(node.attr)
    return modules


def _nodes(source: str) -> list[ast.AST]:
    try:
        with _PARSING:
            return list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a cell with a magic command; the kernel will say what is wrong, if it is
        return []
