"""MBG/NBD (Batislam, Denizel & Filiztekin 2007; Hoppe & Wagner 2007)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from crmlab.models.beta_geometric_nbd import AbstractBetaGeometricNBD


@dataclasses.dataclass(frozen=True)
class MBGNBD(AbstractBetaGeometricNBD):
    """MBG/NBD: a customer may drop out after each purchase, the first one included."""

    first_coin: ClassVar[int] = 1
    label: ClassVar[str] = "MBG/NBD"
    two_optima: ClassVar[bool] = True
