"""Which groups are too small for their money to be told, by one rule for every page and file."""

from __future__ import annotations

import pandas as pd

from crmlab.customers.cohorts import PERIODS

FEW = 10
"""Of fewer customers, no money is told: it would tell what a person spends."""

OF_MONEY = frozenset({
    "share", "risk_share", "value_share", "ratio", "observed_share", "break_even_uplift",
    "break_even_share", "per_arm",
})  # fmt: skip
"""Columns from which the money beside them could be reckoned back."""


FEW_SMALL = 0.25
"""At most this part of the cohorts may be small, else they are told by a longer period."""


def told_period(first_dates: pd.Series, asked: str) -> str:
    """The period asked for, or the next longer one in which at most a quarter of cohorts is small.

    `first_dates`: first occasion of each customer. A single poor month, or a last one that is not
    over, so leaves months be.
    """
    names = list(PERIODS)
    for period in names[names.index(asked) :]:
        sizes = first_dates.dt.to_period(PERIODS[period]).value_counts()
        if (sizes < FEW).mean() <= FEW_SMALL:
            return period
    return names[-1]


def withheld(customers: pd.Series) -> pd.Series:
    """Whether the money of each group is withheld, given how many customers it has.

    Groups of 1 to 9 are, and as many of the next smallest as it takes for two groups and ten
    customers: the total less the groups that are told would else tell the money of a few.
    """
    numbers = customers.fillna(0).astype(float).reset_index(drop=True)
    hidden = (numbers > 0) & (numbers < FEW)
    for place in numbers[numbers >= FEW].sort_values(kind="stable").index:
        if not hidden.any() or (hidden.sum() > 1 and numbers[hidden].sum() >= FEW):
            break
        hidden[place] = True
    return hidden.set_axis(customers.index)


def can_be_told(customers: float, total: float) -> bool:
    """Whether a part's money can stand beside that of all: neither part nor rest is of a few."""
    return all(number == 0 or number >= FEW for number in (customers, total - customers))
