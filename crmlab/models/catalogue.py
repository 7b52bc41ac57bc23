"""The models by name: one line each."""

from __future__ import annotations

from crmlab.models.beta_geometric_nbd import AbstractBetaGeometricNBD
from crmlab.models.bg_nbd import BGNBD
from crmlab.models.mbg_nbd import MBGNBD

PURCHASE_MODELS: dict[str, type[AbstractBetaGeometricNBD]] = {
    "bg-nbd": BGNBD,
    "mbg-nbd": MBGNBD,
}
