from collections.abc import Callable
from pathlib import Path

import pytest

from crmlab.runs.catalogue import Report
from crmlab.runs.render import Printer
from crmlab.runs.report_parameters import CustomerValuation
from crmlab.runs.run import Published, run_report

NOTEBOOKS = Path(__file__).with_name("notebooks")


def report_of(stub: str) -> Report:
    return Report("customer-valuation", CustomerValuation, NOTEBOOKS / f"{stub}.ipynb")


@pytest.fixture
def report() -> Callable[[str], Report]:
    return report_of


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Published]:
    """Run one of the stub notebooks and publish it under `tmp_path`."""
    printer = Printer()

    def go(stub: str, out: Path = tmp_path, **values: object) -> Published:
        parameters = CustomerValuation.build(values)
        return run_report(
            report_of(stub), parameters, out, printer=printer, progress=lambda _done, _of: None
        )

    return go
