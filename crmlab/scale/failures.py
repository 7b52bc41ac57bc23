"""What can stand in the way of an engine, each with its remedy."""

from __future__ import annotations

from pathlib import Path

from crmlab.errors import CrmlabError, ParameterError, TemporaryError

UNREADABLE = (
    "A Parquet file may be cut short: write it again. A CSV may hold what does not fit the types "
    "declared: crmlab check FILE"
)
"""What may have happened to a file that an engine cannot read."""


class SpillFull(TemporaryError):
    """No room on the disk that the engine spills to."""

    def __init__(self, folder: Path, memory: str, found: str) -> None:
        super().__init__(
            f"There is no room left to spill to in '{folder}' ({found}), and {memory} of memory "
            "are not enough alone. Make room there, point TMPDIR to a larger disk, or give more "
            "memory: --memory-limit 8GB. Nothing was written."
        )


class OutOfMemory(TemporaryError):
    """A step that does not fit into the memory it may take."""

    def __init__(self, memory: str, found: str) -> None:
        super().__init__(
            f"{memory} of memory are not enough ({found}). Give more: --memory-limit 8GB. "
            "Nothing was written."
        )


class CannotWrite(CrmlabError):
    """A file that cannot be written."""

    exit_code = 73

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"Cannot write '{path}': {found}. Make room or give another path: --out PATH. "
            "What was there before is untouched."
        )


class NoJava(ParameterError):
    """Spark without a Java to run on."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Spark needs Java 17 or newer: {found}. Install it (on Debian: apt-get install "
            "openjdk-17-jre-headless) or set JAVA_HOME; or leave Spark out: --engine duckdb"
        )


class NotInstalled(ParameterError):
    """An engine whose package is not there."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is not installed. Install it: pip install 'crmlab[{extra}]'")


class EngineLost(TemporaryError):
    """A cluster that stopped working in the middle."""

    def __init__(self, found: str) -> None:
        super().__init__(
            f"Spark stopped working: {found}. Nothing was written; look at the cluster and run it "
            "again."
        )
