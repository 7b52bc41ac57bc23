import datetime
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmlab.runs import publish, run
from crmlab.runs.catalogue import Report
from crmlab.runs.publish import CannotWrite, claim, new_run_id, set_aside
from crmlab.runs.render import Printer
from crmlab.runs.report_parameters import CustomerValuation
from crmlab.runs.results import Results
from crmlab.runs.run import run_report

NOW = datetime.datetime(2026, 11, 21, 19, 45, tzinfo=datetime.UTC)
FILES = ("report.html", "results.json")


def finished(shelf: Path, run_id: str, text: str = "") -> Path:
    folder = claim(shelf, run_id)
    for name in FILES:
        (folder / name).write_text(text or run_id)
    return folder


def test_a_run_id_tells_the_time_and_differs_within_a_second() -> None:
    """Two runs of the same second and parameters have names of their own."""
    first, second = new_run_id(NOW, "retention"), new_run_id(NOW, "retention")

    assert "20261121T194500Z-" == first[:17]
    assert 25 == len(first)
    assert first != second


def test_latest_moves_from_run_to_run(tmp_path: Path) -> None:
    """After each publication latest is that run, and nothing else is left beside the runs."""
    for run_id in ("one", "two"):
        publish.publish(finished(tmp_path, run_id), run_id)

        assert run_id == (tmp_path / "latest" / "report.html").read_text()
    assert {"one", "two", "latest"} == {path.name for path in tmp_path.iterdir()}
    assert "two" == os.readlink(tmp_path / "latest")


def test_where_links_cannot_be_made_latest_is_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the right to make links, latest still holds the newest run's files."""

    def refuse(*_arguments: object, **_settings: object) -> None:
        raise OSError(errno.EPERM, "no right to make links")

    publish.publish(finished(tmp_path, "linked"), "linked")
    monkeypatch.setattr(Path, "symlink_to", refuse)
    for run_id in ("one", "two"):
        publish.publish(finished(tmp_path, run_id), run_id)

        assert run_id == (tmp_path / "latest" / "report.html").read_text()
    monkeypatch.undo()
    publish.publish(finished(tmp_path, "three"), "three")

    assert "three" == os.readlink(tmp_path / "latest")
    names = {path.name for path in tmp_path.iterdir()}
    assert {"linked", "one", "two", "three", "latest"} == names


def test_a_failed_run_keeps_its_record_only(tmp_path: Path) -> None:
    """Half-made tables of customers are not kept."""
    folder = finished(tmp_path, "one")
    for name in ("manifest.json", "report.ipynb", "customers.parquet"):
        (folder / name).touch()
    (folder / "spill").mkdir()
    kept = set_aside(folder, "one")

    assert tmp_path / "failed" / "one" == kept
    assert {"manifest.json", "report.ipynb"} == {path.name for path in kept.iterdir()}


def test_what_dead_runs_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    """Only folders older than a day whose process is gone are removed."""
    pids = {"dead": 2**22 + 1, "alive": os.getpid(), "young": 2**22 + 1}
    for run_id, pid in pids.items():
        folder = claim(tmp_path, run_id)
        (folder / "manifest.json").write_text(json.dumps({"pid": pid}))
        if run_id != "young":
            os.utime(folder, (0, 0))
    claim(tmp_path, "new")

    names = {path.name for path in tmp_path.iterdir()}
    assert {".partial-alive", ".partial-young", ".partial-new"} == names


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    """The refusal names the folder, the reason and the option that helps."""
    (tmp_path / "file").touch()
    with pytest.raises(CannotWrite, match=r"file/en': not a directory.*--out DIR"):
        claim(tmp_path / "file" / "en", "one")


class Fault:
    """Makes the n-th call of the file system fail, and says whether it came to that."""

    def __init__(self, patch: pytest.MonkeyPatch, number: int) -> None:
        self.left = number
        for name in ("mkdir", "open", "rename", "replace", "symlink_to", "write_text"):
            patch.setattr(Path, name, self.counted(getattr(Path, name)))

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(path: Path, *arguments: object, **settings: object) -> object:
            self.left -= "notebooks" not in path.parts
            if self.left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(path, *arguments, **settings)

        return counting


def test_a_full_disk_at_any_moment_leaves_the_old_report_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, report: Callable[[str], Report]
) -> None:
    """Every call of the file system is made to fail in turn, until a run meets no fault."""
    results = Results.model_validate(
        {"complete": True, "title": "", "language": "en", "headline": []}
        | {"input": {}, "account": {}, "fits": {}}
    )

    def make(current: Any, *_rest: object) -> tuple[Results, tuple[str, ...]]:
        for name in FILES:
            (current.folder / name).write_text(current.run_id)
        return results, ()

    monkeypatch.setattr(run, "_make", make)
    shelf, latest = tmp_path / "customer-valuation" / "en", ""
    for number in range(1, 100):
        with monkeypatch.context() as patch:
            fault = Fault(patch, number)
            try:
                done = run_report(
                    report("complete"),
                    CustomerValuation(),
                    tmp_path,
                    printer=Printer(),
                    progress=lambda _done, _of: None,
                )
            except CannotWrite:
                assert fault.left <= 0
            else:
                latest = done.folder.name
        if latest:
            assert [latest] * 2 == [(shelf / "latest" / name).read_text() for name in FILES]
            manifest = json.loads((shelf / "latest" / "manifest.json").read_text())
            assert "published" == manifest["status"]
        assert not list(shelf.glob(".*")) if shelf.exists() else True
        if fault.left > 0:
            break
    assert 5 < number < 99
    assert latest
