"""The models by name: one line each."""

from __future__ import annotations

from typing import Any

from crmlab.models.bdw import BdW
from crmlab.models.bg_bb import BGBB
from crmlab.models.bg_cnbd import BGCNBD
from crmlab.models.bg_nbd import BGNBD
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.mbg_cnbd import MBGCNBD
from crmlab.models.mbg_nbd import MBGNBD
from crmlab.models.pareto_nbd import ParetoNBD
from crmlab.models.purchase_model import AbstractPurchaseModel
from crmlab.models.sbg import SBG

PURCHASE_MODELS: dict[str, type[AbstractPurchaseModel]] = {
    "bg-nbd": BGNBD,
    "mbg-nbd": MBGNBD,
    "pareto-nbd": ParetoNBD,
    "bg-cnbd": BGCNBD,
    "mbg-cnbd": MBGCNBD,
}

MODELS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (*PURCHASE_MODELS.values(), GammaGamma, BGBB, SBG, BdW)
}
