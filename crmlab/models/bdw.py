"""Beta-discrete-Weibull (Fader, Hardie, Liu, Davin & Steenburgh 2018, J. Interactive Mktg 43)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Self

from crmlab.models import beta_weibull as formulas
from crmlab.models.contractual import AbstractContractual


@dataclasses.dataclass(frozen=True)
class BdW(AbstractContractual):
    """BdW: as the sBG, but each customer's own retention may move with tenure too.

    c > 1: a customer grows likelier to leave; c < 1: less likely; c = 1 is the sBG.
    """

    c: float

    label: ClassVar[str] = "BdW"

    @property
    def _parameters(self) -> formulas.Parameters:
        return formulas.Parameters(self.alpha, self.beta, self.c)

    @classmethod
    def _of(cls, values: Sequence[float]) -> Self:
        return cls(values[0], values[1], values[2])
