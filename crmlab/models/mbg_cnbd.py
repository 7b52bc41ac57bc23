"""MBG/CNBD-k (Platzer & Reutterer 2016; Reutterer, Platzer & Schroeder 2021)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from crmlab.models.beta_geometric_cnbd import AbstractBetaGeometricCNBD


@dataclasses.dataclass(frozen=True)
class MBGCNBD(AbstractBetaGeometricCNBD):
    """MBG/CNBD-k: regular buyers who may drop out after each purchase, the first one included."""

    first_coin: ClassVar[int] = 1
    label: ClassVar[str] = "MBG/CNBD-k"
