"""What goes with leaving, and whether it holds for customers that the fit has not seen."""

from __future__ import annotations

import dataclasses

from crmlab.customers.contracts.calibration import Calibration, calibrate
from crmlab.customers.contracts.drivers import Drivers, fit_cox, fit_logit
from crmlab.customers.contracts.features import recipe_of
from crmlab.customers.contracts.snapshot import Snapshot, snapshot
from crmlab.errors import NotEstimable, UnusableCovariate
from crmlab.intake.attributes import Attributes
from crmlab.intake.contracts import Contracts
from crmlab.intake.findings import Finding

HELD = 0.3
"""Share of the customers on whom the logit model is checked."""


@dataclasses.dataclass(frozen=True)
class Churn:
    """Effects of covariates on leaving by Cox's and a logit model, rare levels taken together.

    Either is None where too few left. `calibration`: of a logit model fitted on other customers;
    None where they are too few.
    """

    seen: Snapshot
    cox: Drivers | None
    logit: Drivers | None
    calibration: Calibration | None


def churn(
    contracts: Contracts, cut_off: str | None, seed: int, *, segment: str | None = None,
    attributes: Attributes | None = None,
) -> Churn | None:  # fmt: skip
    """What goes with leaving after `cut_off`; None where there is no covariate.

    Of `attributes` those are taken that held on that day (None: when each contract began). A
    `segment` that is not known of all is told in the findings and left out.
    Raises UnusableCovariate, by name and with a remedy, for a covariate that no fit can use.
    """
    if not contracts.covariates and attributes is None:
        return None
    shot = snapshot(contracts, cut_off=cut_off, attributes=attributes)
    seen = _without_unknown(shot, segment)
    if not (seen.covariates or seen.numbers):
        return None
    recipe = recipe_of(seen, rare="pool")
    found: list[Drivers | None] = []
    for fit in (fit_cox, fit_logit):
        try:
            found.append(fit(seen, recipe))
        except NotEstimable:
            found.append(None)
    return Churn(seen, found[0], found[1], _checked(seen, seed))


def _without_unknown(seen: Snapshot, segment: str | None) -> Snapshot:
    """The snapshot without a covariate that was given to part customers and is not known of all."""
    if segment is None or segment not in seen.covariates:
        return seen
    unknown = int(seen.features[segment].isna().sum())
    if not unknown:
        return seen
    told = Finding("segment_unknown", {"name": segment, "customers": unknown})
    kept = tuple(name for name in seen.covariates if name != segment)
    findings = tuple(f for f in seen.findings if f.figures.get("name") != segment)
    return dataclasses.replace(seen, covariates=kept, findings=(*findings, told))


def _checked(seen: Snapshot, seed: int) -> Calibration | None:
    known, held = seen.split(HELD, seed=seed)
    try:
        return calibrate(fit_logit(known, recipe_of(known, rare="pool")), held)
    except (NotEstimable, UnusableCovariate):  # levels that only a few have, on one side only
        return None
