"""BG/NBD (Fader, Hardie & Lee 2005, Marketing Science 24)."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from crmlab.models.beta_geometric_nbd import AbstractBetaGeometricNBD


@dataclasses.dataclass(frozen=True)
class BGNBD(AbstractBetaGeometricNBD):
    """BG/NBD: a customer may drop out after each *repeat* purchase.

    By construction every one-time buyer has p_alive = 1: do not build churn lists from it.
    """

    first_coin: ClassVar[int] = 0
    label: ClassVar[str] = "BG/NBD"
