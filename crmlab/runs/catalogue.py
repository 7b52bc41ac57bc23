"""The reports: name, parameters and notebook of each. A new report is one line here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import crmlab
from crmlab.errors import ParameterError
from crmlab.runs.contract_parameters import ContractRetention
from crmlab.runs.report_parameters import (
    CustomerValuation,
    ReportParameters,
    Retention,
    StrategyReview,
)

AnyParameters = ReportParameters | ContractRetention


class UnknownReport(ParameterError):
    """A report that there is not."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no report '{name}'. The reports are: {', '.join(EVERY)}.")


@dataclass(frozen=True)
class Report:
    """A report: its name, the kind of its parameters, and the notebook that makes it."""

    name: str
    parameters: type[AnyParameters]
    notebook: Path


PARAMETERS: dict[str, type[ReportParameters]] = {
    "customer-valuation": CustomerValuation,
    "retention": Retention,
    "strategy-review": StrategyReview,
}
"""The reports on purchases, which the demo makes on CDNOW."""

EVERY: dict[str, type[AnyParameters]] = {**PARAMETERS, "contract-retention": ContractRetention}
"""All reports."""


def find(name: str) -> Report:
    """The report called `name`; UnknownReport with the names there are otherwise."""
    if name not in EVERY:
        raise UnknownReport(name)
    return Report(name, EVERY[name], notebooks() / f"{name.replace('-', '_')}.ipynb")


def notebooks() -> Path:
    """Where the notebooks are: inside an installed package, or beside it in a checkout."""
    package = Path(crmlab.__file__).parent
    inside = package / "notebooks"
    return inside if inside.is_dir() else package.parent / "notebooks"
