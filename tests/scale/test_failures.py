"""What breaks in DuckDB: one clear error each, nothing half-written, earlier results untouched."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crmlab.errors import AccountDoesNotBalance, UnreadableSource
from crmlab.scale import valuation
from crmlab.scale.duck import Duck
from crmlab.scale.failures import CannotWrite, OutOfMemory, SpillFull
from crmlab.scale.output import whole
from crmlab.scale.progress import Steps
from crmlab.scale.valuation import score_customers

MANY = """
    SELECT
        customer_id + 10000 * copy AS customer_id,
        date,
        amount
    FROM '{path}', range(300) AS copies (copy)
    ORDER BY hash(customer_id, date)
"""
RUN = """
import resource, sys
from crmlab.cli import app
from crmlab.scale import progress
progress.PATIENCE = 0.0
if sys.argv[1] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
app(sys.argv[2:])
"""


@pytest.fixture(scope="module")
def many(path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 450,000 customers: those of the small one, many times over."""
    place = tmp_path_factory.mktemp("many") / "many.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({MANY.format(path=path)}) TO '{place}'")
    return place


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where an earlier run left something."""
    path = tmp_path / "customers.parquet"
    path.write_text("earlier")
    return path


@pytest.fixture
def untouched(out: Path) -> Callable[[], bool]:
    """Whether the earlier result is as it was, and nothing else lies beside it."""

    def _untouched() -> bool:
        return out.read_text() == "earlier" and [out] == list(out.parent.iterdir())

    return _untouched


def command(source: Path, out: Path, *more: str, most_bytes: int = 0) -> list[str]:
    """The command line, in a process that may write files of at most so many bytes."""
    given = ("--observation-end", "2022-01-08", "--margin", "0.3", "--discount-rate", "0.15")
    asked = ["score", str(source), *given, "--out", str(out), *more]
    return [sys.executable, "-c", RUN, str(most_bytes), *asked]


def ended(*arguments: Any, **options: Any) -> tuple[int, str]:
    """How a command ends, and the one line that it says."""
    done = subprocess.run(command(*arguments, **options), capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    return done.returncode, line


def test_a_disk_that_takes_no_more_spill(
    many: Path, out: Path, untouched: Callable[[], bool]
) -> None:
    """The system refuses to let the engine's files grow; the error names folder and remedy."""
    code, line = ended(many, out, "--memory-limit", "60MB", most_bytes=8_000_000)

    assert 75 == code
    assert re.match(r"crmlab: There is no room left to spill to in '/\S+' \(file too large\)", line)
    assert "--memory-limit" in line
    assert untouched()


def test_a_limit_to_the_spill(
    many: Path,
    out: Path,
    untouched: Callable[[], bool],
    given: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DuckDB's own limit is told like a full disk."""

    class Tight(Duck):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            self._set("max_temp_directory_size", "5MB")

    monkeypatch.setattr(valuation, "Duck", Tight)
    with pytest.raises(SpillFull, match=r"spill to .*60|57"):
        score_customers(many, out, memory_limit="60MB", **given)
    assert untouched()


def test_no_memory_at_all(
    path: Path, out: Path, untouched: Callable[[], bool], given: dict[str, Any]
) -> None:
    """What spilling cannot help."""
    with pytest.raises(OutOfMemory, match=r"of memory are not enough.*--memory-limit"):
        score_customers(path, out, memory_limit="1MB", **given)
    assert untouched()


def test_a_disk_that_takes_no_more_customers(
    many: Path, out: Path, untouched: Callable[[], bool]
) -> None:
    """Earlier results stay until the new ones are there as a whole."""
    code, line = ended(many, out, most_bytes=1_000_000)

    assert 73 == code
    assert f"crmlab: Cannot write '{out}': file too large. Make room or" in line
    assert untouched()


def test_a_folder_that_is_not_there(path: Path, tmp_path: Path, given: dict[str, Any]) -> None:
    """It is not made."""
    with pytest.raises(CannotWrite, match="its folder is not there"):
        score_customers(path, tmp_path / "none" / "customers.parquet", **given)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_parquet_file_cut_short(
    path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    out: Path,
    untouched: Callable[[], bool],
    given: dict[str, Any],
    share: float,
) -> None:
    """Wherever it was cut."""
    short = tmp_path_factory.mktemp("short") / "short.parquet"
    content = path.read_bytes()
    short.write_bytes(content[: int(share * len(content))])

    with pytest.raises(UnreadableSource, match=r"short\.parquet' cannot be read.*cut short"):
        score_customers(short, out, **given)
    assert untouched()


def test_a_parquet_file_with_damaged_pages(
    path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    out: Path,
    untouched: Callable[[], bool],
    given: dict[str, Any],
) -> None:
    """Its footer is whole, so that it is noticed only while the rows are read."""
    broken = tmp_path_factory.mktemp("broken") / "broken.parquet"
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    broken.write_bytes(content)

    with pytest.raises(UnreadableSource, match=r"broken\.parquet' cannot be read: DuckDB says"):
        score_customers(broken, out, **given)
    assert untouched()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(
    many: Path, out: Path, untouched: Callable[[], bool], tmp_path: Path, stop: signal.Signals
) -> None:
    """Ctrl-C, or a polite request to end, in the middle of it: the engine's folder goes too."""
    spill = tmp_path / "spill"
    spill.mkdir()
    environment = os.environ | {"TMPDIR": str(spill)}
    asked = command(many, out, "--threads", "1")
    running = subprocess.Popen(
        asked, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment
    )
    while not list(spill.iterdir()):
        time.sleep(0.01)
    time.sleep(0.1)
    running.send_signal(stop)
    _, told = running.communicate(timeout=60)

    assert running.returncode in (130, 143)
    assert "Traceback" not in told
    assert [] == list(spill.iterdir())
    spill.rmdir()
    assert untouched()


def test_the_spill_is_private_and_leaves_with_the_run(many: Path, out: Path, given: Any) -> None:
    """It was used, and it is gone."""
    folders = []

    class Watched(Duck):
        def lay(self, name: str, sql: str) -> None:
            super().lay(name, sql)
            folders.append((self._folder, self._folder.stat().st_mode & 0o777))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(valuation, "Duck", Watched)
        score_customers(many, out, memory_limit="100MB", **given)

    ((folder, mode),) = folders
    assert 0o700 == mode
    assert not folder.exists()


def test_a_customer_without_a_score_is_noticed(
    path: Path, out: Path, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the join to lose anybody, the account would not balance."""

    def lose(*arguments: Any) -> Any:
        scores, spend_model = real(*arguments)
        return scores.slice(1), spend_model

    real = valuation.patterns.score
    monkeypatch.setattr(valuation.patterns, "score", lose)
    with pytest.raises(AccountDoesNotBalance):
        score_customers(path, out, **given)


def test_a_bar_only_on_a_terminal(many: Path, out: Path) -> None:
    """Elsewhere nothing is said."""
    terminal, end = pty.openpty()
    shown = subprocess.Popen(command(many, out), stdout=subprocess.DEVNULL, stderr=end)
    os.close(end)
    told = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
        while part := os.read(terminal, 4096):
            told += part
    os.close(terminal)
    quiet = subprocess.run(command(many, out), capture_output=True)

    assert (0, 0) == (shown.wait(), quiet.returncode)
    assert b"summarising" in told
    assert b"" == quiet.stderr


def test_steps_of_one_name_add_up() -> None:
    """Seconds of each step, in their order."""
    steps = Steps(show=False)
    for name in ("reading", "writing", "reading"):
        with steps.step(name):
            time.sleep(0.01)

    assert ["reading", "writing"] == list(steps.seconds)
    assert steps.seconds["reading"] >= 0.02


def test_a_folder_takes_the_place_of_a_folder(tmp_path: Path) -> None:
    """As Spark writes them; what fails leaves the earlier one."""
    place = tmp_path / "customers.parquet"
    for content in ("one", "two"):
        with whole(place) as partial:
            partial.mkdir()
            (partial / "part-0").write_text(content)
    with pytest.raises(CannotWrite, match="no such file"), whole(place) as partial:
        (partial / "part-0").write_text("no folder was made")

    assert "two" == (place / "part-0").read_text()
    assert [place] == list(tmp_path.iterdir())
