"""BG/CNBD-k (Platzer & Reutterer 2016; Reutterer, Platzer & Schroeder 2021)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from crmlab.models.beta_geometric_cnbd import AbstractBetaGeometricCNBD


@dataclasses.dataclass(frozen=True)
class BGCNBD(AbstractBetaGeometricCNBD):
    """BG/CNBD-k: regular buyers who may drop out after each *repeat* purchase.

    By construction every one-time buyer has p_alive = 1: do not build churn lists from it.
    """

    first_coin: ClassVar[int] = 0
    label: ClassVar[str] = "BG/CNBD-k"
