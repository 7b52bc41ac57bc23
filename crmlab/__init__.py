"""crmlab: from raw purchases to what each customer is worth and how long each will stay.

The public face. Names are imported when first used, so that `import crmlab` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmlab.customers.backtest import Backtest, rolling
    from crmlab.customers.cohorts import Cohorts, cohorts
    from crmlab.customers.study import Study
    from crmlab.intake.log import TransactionLog, read_transactions
    from crmlab.models.base import Fit
    from crmlab.models.bg_nbd import BGNBD
    from crmlab.models.gamma_gamma import GammaGamma
    from crmlab.models.mbg_nbd import MBGNBD
    from crmlab.reporting.language import Language

__all__ = [
    "BGNBD",
    "MBGNBD",
    "Backtest",
    "Cohorts",
    "Fit",
    "GammaGamma",
    "Language",
    "Study",
    "TransactionLog",
    "cohorts",
    "read_transactions",
    "rolling",
]

_HOMES = {
    "BGNBD": "crmlab.models.bg_nbd",
    "MBGNBD": "crmlab.models.mbg_nbd",
    "Backtest": "crmlab.customers.backtest",
    "Cohorts": "crmlab.customers.cohorts",
    "Fit": "crmlab.models.base",
    "GammaGamma": "crmlab.models.gamma_gamma",
    "Language": "crmlab.reporting.language",
    "Study": "crmlab.customers.study",
    "TransactionLog": "crmlab.intake.log",
    "cohorts": "crmlab.customers.cohorts",
    "read_transactions": "crmlab.intake.log",
    "rolling": "crmlab.customers.backtest",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'crmlab' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
