"""Customers won by channel: what each channel's own customers are worth against what it costs."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

import pandas as pd

from crmlab.customers.acquired import by_group
from crmlab.customers.study import Study
from crmlab.intake.attribute_table import AttributeMapping
from crmlab.intake.attributes import Attributes, read_attributes

Channels: TypeAlias = Attributes
"""Attributes with the columns channel and acquisition_cost."""


def read_channels(source: str | None) -> Channels | None:
    """Attributes with the columns channel and acquisition_cost, or None without a source.

    A table also has customer_id and valid_from; 'base' is the attributes of the customer base.
    Raises as read_attributes does.
    """
    if source is None:
        return None
    mapping = AttributeMapping(channel="channel", acquisition_cost="acquisition_cost")
    return read_attributes(source, mapping)


def by_channel(study: Study, known: Channels, *, seed: int) -> pd.DataFrame:
    """Value of the customers won by channel against the mean cost of winning one of them.

    Indexed by channel; columns as crmlab.customers.acquired.by_group. Channel and cost are what was
    known at the end of observation; the cost of a channel is the mean over its customers whose cost
    is known.
    """
    end = study.assumptions.observation_end
    told = known.as_of(end).reindex(study.customers.index)[["channel", "acquisition_cost"]]
    cost = told.groupby("channel")["acquisition_cost"].mean().dropna()
    table = cost.rename("cost").reset_index()
    economics = dataclasses.replace(study.economics, acquisition_cost=table if len(table) else None)
    occasions = study.log.occasions(end)
    return by_group(study.base, occasions, economics, told[["channel"]], seed=seed)
