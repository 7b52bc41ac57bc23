"""Who was under contract on a day, what was known of them then, and what became of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib

import numpy as np
import pandas as pd

from crmlab.errors import NotEstimable, WrongParameter, WrongTable
from crmlab.intake.attributes import Attributes
from crmlab.intake.contracts import Contracts
from crmlab.intake.findings import Finding
from crmlab.models.renewals import Flags
from crmlab.models.special import Array, Counts


@dataclasses.dataclass(frozen=True)
class Snapshot:
    """Contracts that ran at a cut-off, one row each: features until it, outcome after it.

    `features`: customer_id and the covariates, text or numbers, as known at the cut-off. `entry`:
    renewals passed by then; renewals entry + 1, ..., tenure were watched afterwards, all but the
    last were passed, and the last was not where `ended`. `cut_off` None: contracts are watched
    from their begin, and the covariates are taken as known from then on.
    """

    features: pd.DataFrame
    covariates: tuple[str, ...]
    numbers: tuple[str, ...]
    entry: Counts
    tenure: Counts
    ended: Flags
    cut_off: dt.date | None
    period: str
    findings: tuple[Finding, ...]

    def __len__(self) -> int:
        return len(self.features)

    def where(self, chosen: Flags) -> Snapshot:
        """The contracts that are chosen."""
        return dataclasses.replace(
            self, features=self.features[chosen], entry=self.entry[chosen],
            tenure=self.tenure[chosen], ended=self.ended[chosen],
        )  # fmt: skip

    def split(self, share: float = 0.3, *, seed: int) -> tuple[Snapshot, Snapshot]:
        """Those to fit on, and a random `share` of the customers that is held out.

        A customer is on one side with all of his contracts, and stays there if others come or go.
        """
        if not 0 < share < 1:
            raise WrongParameter("share", share, "a share between 0 and 1")
        held = _lot(self.features["customer_id"], seed) < share
        return self.where(~held), self.where(held)


def snapshot(
    contracts: Contracts, *, cut_off: str | dt.date | None = None,
    attributes: Attributes | None = None, covariates: tuple[str, ...] | None = None,
    numbers: tuple[str, ...] | None = None,
) -> Snapshot:  # fmt: skip
    """Features of the contracts that ran on `cut_off`, that day included, and what came after.

    Features are the covariates of the table of contracts (which have no days: they are named in
    the findings), and the `attributes` that held on that day; `covariates` and `numbers` choose
    among both. Nothing later reaches a feature. Without a cut-off, which is all that tenures
    without days allow, contracts are watched from their begin, and attributes are those of that
    day.
    Raises WrongParameter, WrongTable, or NotEstimable where nobody is left to watch.
    """
    begun = contracts if cut_off is None else contracts.as_of(cut_off)
    table = begun.table if cut_off is None else begun.table[begun.table["running"]]
    later = contracts.table.loc[table.index]
    entry = table["entry" if cut_off is None else "tenure"].to_numpy(dtype=np.int64)
    tenure, ended = later["tenure"].to_numpy(dtype=np.int64), later["ended"].to_numpy(dtype=bool)
    watched = tenure > entry
    if not watched.any():
        found = "no contract was watched at a renewal after the cut-off"
        raise NotEstimable("What drives churn", found, "Take an earlier cut-off.")
    known = table[watched]
    day = None if cut_off is None else begun.observation_end
    dated = _joined(known, attributes, day)
    features = known[["customer_id", *contracts.covariates]].join(dated)
    texts, amounts = _chosen(features, covariates, numbers)
    undated = [name for name in (*texts, *amounts) if name in contracts.covariates]
    findings = tuple(Finding("undated_covariate", {"name": name}) for name in undated)
    return Snapshot(
        features[["customer_id", *texts, *amounts]].reset_index(drop=True), texts, amounts,
        entry[watched], tenure[watched], ended[watched], day, contracts.period, findings,
    )  # fmt: skip


def _joined(
    known: pd.DataFrame, attributes: Attributes | None, day: dt.date | None
) -> pd.DataFrame:
    """The attributes that held on `day` (None: at the start of each contract), by contract."""
    if attributes is None:
        return pd.DataFrame(index=known.index)
    if "start" not in known:
        raise WrongParameter("attributes", attributes.source, "none: the contracts have no days")
    asked = known[["customer_id"]].assign(
        place=np.arange(len(known)),
        asked=known["start"] if day is None else pd.Timestamp(day),
    )
    told = attributes.table.sort_values("valid_from", kind="stable")
    held = pd.merge_asof(
        asked.astype({"asked": told["valid_from"].dtype}).sort_values("asked", kind="stable"),
        told, left_on="asked", right_on="valid_from", by="customer_id",
    ).sort_values("place")  # fmt: skip
    unknown = held["valid_from"].isna().to_numpy()
    if unknown.any():
        first = known.loc[unknown, "customer_id"].iloc[0]
        example = told["customer_id"].iloc[0]
        when = "when they began" if day is None else f"on {day}"
        raise WrongTable(
            "attributes", attributes.source,
            f"{unknown.sum():,} of {len(known):,} contracts watched have no row of it that held "
            f"{when} (first: customer {first!r}; it is about customers such as {example!r})",
            "Give each of these customers a row with valid_from on that day or before.",
        )  # fmt: skip
    return held[list(attributes.names)].set_index(known.index)


def _chosen(
    features: pd.DataFrame, covariates: tuple[str, ...] | None, numbers: tuple[str, ...] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The covariates of text and of numbers: as chosen, or all that there are."""
    found = [str(name) for name in features.columns if name != "customer_id"]
    numeric = [name for name in found if pd.api.types.is_numeric_dtype(features[name])]
    texts = tuple(n for n in found if n not in numeric) if covariates is None else covariates
    amounts = tuple(numeric) if numbers is None else numbers
    if covariates is not None and numbers is None:
        amounts = ()
    if numbers is not None and covariates is None:
        texts = ()
    for name in (*texts, *amounts):
        if name not in found:
            raise WrongParameter("covariates", name, f"one of {', '.join(found)}")
    for name in amounts:
        if name not in numeric:
            raise WrongParameter("numbers", name, "a column that was read as numbers")
    return texts, amounts


def _lot(customers: pd.Series, seed: int) -> Array:
    """A number in [0, 1) that each customer draws for himself, whoever else is there."""

    def draw(customer: object) -> float:
        digest = hashlib.sha256(f"{seed}:{customer}".encode()).digest()
        return int.from_bytes(digest[:7], "big") / 2**56

    names, which = np.unique(customers.astype(str).to_numpy(), return_inverse=True)
    drawn: Array = np.array([draw(name) for name in names])[which]
    return drawn
