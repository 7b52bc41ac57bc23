"""Shifted-beta-geometric (Fader & Hardie 2007, Journal of Interactive Marketing 21)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import ClassVar, Self

from crmlab.models import beta_weibull as formulas
from crmlab.models.contractual import AbstractContractual


@dataclasses.dataclass(frozen=True)
class SBG(AbstractContractual):
    """sBG: each customer leaves at every renewal with his own probability, Beta(alpha, beta).

    Retention rises with tenure only because those who leave easily leave first.
    """

    label: ClassVar[str] = "sBG"

    @property
    def _parameters(self) -> formulas.Parameters:
        return formulas.Parameters(self.alpha, self.beta, 1.0)

    @classmethod
    def _of(cls, values: Sequence[float]) -> Self:
        return cls(values[0], values[1])
