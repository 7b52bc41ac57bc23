"""One kernel for one run: its own folder, no history, nothing of the user's own settings."""

from __future__ import annotations

import ast
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

_LONGEST_SOCKET = 90


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


def _transport(folder: Path) -> dict[str, str]:
    """Sockets in the run's own folder, which no other user can reach, where that is possible."""
    if sys.platform == "win32" or len(str(folder)) > _LONGEST_SOCKET:
        return {}
    return {"transport": "ipc", "ip": str(folder / "socket")}


def _arguments(notebook: Path) -> list[str]:
    lines = [f"import {module}" for module in imported_modules(notebook)]
    return ["--HistoryManager.enabled=False", f"--IPKernelApp.exec_lines={json.dumps(lines)}"]


def _environment(folder: Path) -> dict[str, str]:
    own = {"IPYTHONDIR": str(folder), "TMPDIR": str(folder), "MPLBACKEND": "agg"}
    return {**os.environ, **own}


def imported_modules(notebook: Path) -> list[str]:
    """The modules that the code cells of `notebook` import at their top level."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    names: dict[str, None] = {}
    for source in sources:
        for node in _statements(source):
            if isinstance(node, ast.Import):
                names.update(dict.fromkeys(alias.name for alias in node.names))
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names[node.module] = None
    return list(names)


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:  # a cell with a magic command; the kernel will say what is wrong, if it is
        return []
