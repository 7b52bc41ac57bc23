"""What is found out about a source, as values that a text in any language can phrase."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

Figure = int | float | Decimal | str | dt.date


@dataclass(frozen=True)
class Finding:
    """One thing found: its code, and the figures that its sentence needs, by name.

    A figure is named for its kind: rows, customers and days are counts, share is from 0 to 1,
    money is exact, first and last are days, anything else is told as it is.
    """

    code: str
    figures: Mapping[str, Figure] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The finding in the types of JSON; days and money as text."""
        return {
            "code": self.code,
            **{k: v if isinstance(v, int | float) else str(v) for k, v in self.figures.items()},
        }
