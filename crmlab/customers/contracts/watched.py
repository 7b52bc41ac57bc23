"""Contracts as the arrays that survival analysis takes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from crmlab.errors import NotEstimable
from crmlab.intake.contracts import Contracts
from crmlab.models.special import Counts


class AtRisk(NamedTuple):
    """By renewal n = 1, 2, ...: how many came up for it while they were watched, and who left."""

    n: Counts
    customers: Counts
    left: Counts


def watched(contracts: Contracts) -> tuple[Counts, Counts, Counts]:
    """entry, tenure and 0 or 1 for ended, of contracts that were watched at one renewal or more."""
    table = contracts.table[contracts.table["tenure"] > contracts.table["entry"]]
    entry, tenure, ended = (table[c].to_numpy(dtype=np.int64) for c in ("entry", "tenure", "ended"))
    return entry, tenure, ended


def at_risk(contracts: Contracts) -> AtRisk:
    """How many contracts came up for each renewal and how many of them ended.

    Raises NotEstimable where nobody was watched at a renewal before the last one.
    """
    entry, tenure, ended = watched(contracts)
    if not len(tenure):
        found = "none of its contracts has come up for a renewal yet"
        raise NotEstimable("Survival", found, "Observe for longer, or by a shorter period.")
    last = int(tenure.max())
    there = np.bincount(entry + 1, minlength=last + 2) - np.bincount(tenure + 1, minlength=last + 2)
    customers = np.cumsum(there)[1 : last + 1]
    left = np.bincount(tenure, weights=ended, minlength=last + 1)[1:].astype(np.int64)
    if (customers == 0).any():
        gap = int(np.flatnonzero(customers == 0)[0]) + 1
        found = f"nobody was watched at renewal {gap}, though later ones were"
        remedy = "Give contracts that began after `opened`, too, or do without that option."
        raise NotEstimable("Survival", found, remedy)
    return AtRisk(np.arange(1, last + 1), customers, left)


def constant_retention(contracts: Contracts) -> float:
    """The share of renewals that were passed: retention if it were the same for all, always."""
    found = at_risk(contracts)
    return 1 - float(found.left.sum() / found.customers.sum())
