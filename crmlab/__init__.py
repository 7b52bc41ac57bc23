"""crmlab: from raw purchases to what each customer is worth and how long each will stay.

The public face. Names are imported when first used, so that `import crmlab` stays quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crmlab.customers.backtest import Backtest, rolling
    from crmlab.customers.cohorts import Cohorts, cohorts
    from crmlab.customers.contracts.attributes import read_contract_attributes
    from crmlab.customers.contracts.drivers import fit_cox, fit_logit
    from crmlab.customers.contracts.projection import fit_contracts
    from crmlab.customers.contracts.study import ContractStudy
    from crmlab.customers.contracts.survival import kaplan_meier
    from crmlab.customers.contracts.worth import ContractTerms, contract_equity
    from crmlab.customers.covariates import covariates
    from crmlab.customers.scenarios import Scenario, Winning, elasticities, tornado, what_must_be
    from crmlab.customers.study import Study
    from crmlab.intake.attribute_table import AttributeMapping
    from crmlab.intake.attributes import Attributes, read_attributes
    from crmlab.intake.columns import Mapping
    from crmlab.intake.contract_table import ContractMapping
    from crmlab.intake.contracts import Contracts, read_contracts
    from crmlab.intake.customer_base.base import CustomerBase
    from crmlab.intake.log import TransactionLog, read_transactions
    from crmlab.intake.meaning import Meaning
    from crmlab.intake.reading import Reading
    from crmlab.models.base import Fit
    from crmlab.models.bdw import BdW
    from crmlab.models.bg_bb import BGBB
    from crmlab.models.bg_cnbd import BGCNBD
    from crmlab.models.bg_nbd import BGNBD
    from crmlab.models.checks import check_model
    from crmlab.models.comparison import likelihood_ratio_test
    from crmlab.models.covariates import Covariates
    from crmlab.models.exchange import from_lifetimes
    from crmlab.models.gamma_gamma import GammaGamma
    from crmlab.models.mbg_cnbd import MBGCNBD
    from crmlab.models.mbg_nbd import MBGNBD
    from crmlab.models.pareto_nbd import ParetoNBD
    from crmlab.models.sbg import SBG
    from crmlab.models.storage import load_fit
    from crmlab.reporting.language import Language
    from crmlab.scale.kept import keep_summary
    from crmlab.scale.valuation import Valued, score_customers

__all__ = [
    "BGBB",
    "BGCNBD",
    "BGNBD",
    "MBGCNBD",
    "MBGNBD",
    "SBG",
    "AttributeMapping",
    "Attributes",
    "Backtest",
    "BdW",
    "Cohorts",
    "ContractMapping",
    "ContractStudy",
    "ContractTerms",
    "Contracts",
    "Covariates",
    "CustomerBase",
    "Fit",
    "GammaGamma",
    "Language",
    "Mapping",
    "Meaning",
    "ParetoNBD",
    "Reading",
    "Scenario",
    "Study",
    "TransactionLog",
    "Valued",
    "Winning",
    "check_model",
    "cohorts",
    "contract_equity",
    "covariates",
    "elasticities",
    "fit_contracts",
    "fit_cox",
    "fit_logit",
    "from_lifetimes",
    "kaplan_meier",
    "keep_summary",
    "likelihood_ratio_test",
    "load_fit",
    "opening_day",
    "read_attributes",
    "read_channels",
    "read_contract_attributes",
    "read_contracts",
    "read_transactions",
    "rolling",
    "score_customers",
    "tornado",
    "what_must_be",
]

_HOMES = {
    "ContractStudy": "crmlab.customers.contracts.study",
    "ContractTerms": "crmlab.customers.contracts.worth",
    "contract_equity": "crmlab.customers.contracts.worth",
    "fit_contracts": "crmlab.customers.contracts.projection",
    "fit_cox": "crmlab.customers.contracts.drivers",
    "fit_logit": "crmlab.customers.contracts.drivers",
    "kaplan_meier": "crmlab.customers.contracts.survival",
    "read_contract_attributes": "crmlab.customers.contracts.attributes",
    "AttributeMapping": "crmlab.intake.attribute_table",
    "Attributes": "crmlab.intake.attributes",
    "ContractMapping": "crmlab.intake.contract_table",
    "Contracts": "crmlab.intake.contracts",
    "CustomerBase": "crmlab.intake.customer_base.base",
    "Mapping": "crmlab.intake.columns",
    "Meaning": "crmlab.intake.meaning",
    "Reading": "crmlab.intake.reading",
    "read_attributes": "crmlab.intake.attributes",
    "read_contracts": "crmlab.intake.contracts",
    "BGBB": "crmlab.models.bg_bb",
    "BGCNBD": "crmlab.models.bg_cnbd",
    "BGNBD": "crmlab.models.bg_nbd",
    "BdW": "crmlab.models.bdw",
    "SBG": "crmlab.models.sbg",
    "keep_summary": "crmlab.scale.kept",
    "likelihood_ratio_test": "crmlab.models.comparison",
    "MBGCNBD": "crmlab.models.mbg_cnbd",
    "MBGNBD": "crmlab.models.mbg_nbd",
    "Backtest": "crmlab.customers.backtest",
    "Cohorts": "crmlab.customers.cohorts",
    "Covariates": "crmlab.models.covariates",
    "Fit": "crmlab.models.base",
    "GammaGamma": "crmlab.models.gamma_gamma",
    "Language": "crmlab.reporting.language",
    "ParetoNBD": "crmlab.models.pareto_nbd",
    "Study": "crmlab.customers.study",
    "TransactionLog": "crmlab.intake.log",
    "check_model": "crmlab.models.checks",
    "cohorts": "crmlab.customers.cohorts",
    "covariates": "crmlab.customers.covariates",
    "from_lifetimes": "crmlab.models.exchange",
    "load_fit": "crmlab.models.storage",
    "read_transactions": "crmlab.intake.log",
    "opening_day": "crmlab.customers.bridge",
    "read_channels": "crmlab.customers.channels",
    "rolling": "crmlab.customers.backtest",
    "score_customers": "crmlab.scale.valuation",
    "Scenario": "crmlab.customers.scenarios",
    "Winning": "crmlab.customers.scenarios",
    "elasticities": "crmlab.customers.scenarios",
    "tornado": "crmlab.customers.scenarios",
    "what_must_be": "crmlab.customers.scenarios",
    "Valued": "crmlab.scale.valuation",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'crmlab' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
