from collections.abc import Callable
from pathlib import Path

import pytest

from crmlab.runs.batch import run_all
from crmlab.runs.catalogue import Report
from crmlab.runs.execute import NotebookRefused
from crmlab.runs.report_parameters import CustomerValuation
from crmlab.runs.run import Published


def test_one_report_failing_stops_none(tmp_path: Path, report: Callable[[str], Report]) -> None:
    """Reports come back in the order asked for, each with its own end."""
    stubs = ("refuses", "complete", "complete")
    languages = ("en", "en", "es")
    tasks = [
        (report(stub), CustomerValuation.build({"language": language}))
        for stub, language in zip(stubs, languages, strict=True)
    ]
    told: list[tuple[int, int, int]] = []
    ended = run_all(tasks, tmp_path, lambda place: lambda done, of: told.append((place, done, of)))

    assert [NotebookRefused, Published, Published] == [type(one) for one in ended]
    assert ["en", "es"] == [one.language for one in ended if isinstance(one, Published)]
    assert {(1, 5, 5), (2, 5, 5)} <= set(told)


def test_an_interrupted_batch_stops_its_reports(
    tmp_path: Path, report: Callable[[str], Report]
) -> None:
    """After Ctrl-C no further cell is run, and what was half done is kept as interrupted."""

    def interrupt(_place: int) -> Callable[[int, int], None]:
        def progress(_done: int, _of: int) -> None:
            raise KeyboardInterrupt

        return progress

    tasks = [(report("complete"), CustomerValuation()) for _ in range(2)]
    with pytest.raises(KeyboardInterrupt):
        run_all(tasks, tmp_path, interrupt)

    assert not list(tmp_path.rglob("latest"))
    assert not list(tmp_path.rglob(".partial-*"))
