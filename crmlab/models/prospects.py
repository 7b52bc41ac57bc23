"""What is asked of a customer base's future, all at once."""

from __future__ import annotations

from typing import NamedTuple


class Ahead(NamedTuple):
    """Purchases within a `year`, purchases to the `horizon` discounted at `rate`, probability of
    staying a `quarter`, and expected life to the horizon; in this order where they are answered.

    Times are in the data's time unit and finite, `rate` is continuous per time unit.
    """

    year: float
    quarter: float
    rate: float
    horizon: float
