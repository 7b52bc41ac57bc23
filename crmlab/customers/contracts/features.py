"""Covariates as numbers, each against a stated reference; what no fit can use is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.contracts.snapshot import Snapshot
from crmlab.errors import UnusableCovariate, WrongParameter
from crmlab.intake.findings import Finding
from crmlab.models.special import Array, Counts

FEW = 5
"""Fewer customers of a level who left, or renewals that they passed, say nothing of it."""

MANY_LEVELS = 30
OTHER = "(other)"
INFLATED = 10.0
"""A variance inflation from which an effect can hardly be told from those of the others."""

LIKE_TENURE = 0.8
"""A rank correlation with the tenure from which a number is taken to contain it."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How covariates become columns of numbers.

    `levels`: of each text its levels, the reference first. `pooled`: levels taken together as
    '(other)'. `centre` and `scale` of each number: its mean and standard deviation. `same`:
    columns left out, and the one that holds the same customers. `columns` are those that are kept.
    """

    levels: Mapping[str, tuple[str, ...]]
    pooled: Mapping[str, tuple[str, ...]]
    centre: Mapping[str, float]
    scale: Mapping[str, float]
    same: Mapping[str, str]
    columns: tuple[str, ...]
    findings: tuple[Finding, ...]

    def encode(self, features: pd.DataFrame) -> Array:
        """Customers x columns; numbers as standard deviations from their mean.

        Raises UnusableCovariate for a level that was not there, or a missing value.
        """
        out: Array = _encoded(features, self)[list(self.columns)].to_numpy(dtype=float)
        return out


def recipe_of(
    seen: Snapshot, *, reference: Mapping[str, str] | None = None, rare: str = "refuse",
    accept: Iterable[str] = (),
) -> Recipe:  # fmt: skip
    """Decide how a snapshot's covariates become numbers.

    `reference`: the level of a text that the others are compared with; else its most frequent one.
    `rare`: 'refuse' levels of which fewer than five customers left, or fewer than
    five renewals were passed, or 'pool' them.
    `accept` names numbers to be used though they contain the tenure.
    Raises UnusableCovariate, by name and with a remedy, for missing values, one value only, too
    many or too rare levels, numbers that part those who left from those who stayed, that contain
    the tenure that was still to come, or that the other covariates determine.
    """
    if rare not in ("refuse", "pool"):
        raise WrongParameter("rare", rare, "'refuse' or 'pool'")
    asked = dict(reference or {})
    for name in asked:
        if name not in seen.covariates:
            raise WrongParameter("reference", name, f"one of {', '.join(seen.covariates)}")
    for name in (*seen.covariates, *seen.numbers):
        _refuse_missing(seen, name)
    levels, pooled = {}, {}
    for name in seen.covariates:
        levels[name], pooled[name] = _levels(seen, name, asked.get(name), rare)
    findings = [*seen.findings, *_about_numbers(seen, frozenset(accept))]
    numbers = seen.features[list(seen.numbers)].astype(float)
    recipe = Recipe(
        levels, {k: v for k, v in pooled.items() if v}, numbers.mean().to_dict(),
        numbers.std(ddof=0).to_dict(), {}, (), (),
    )  # fmt: skip
    frame = _encoded(seen.features, recipe)
    if frame.empty:
        raise WrongParameter("covariates", None, "one covariate or more")
    same = _same(frame)
    kept = frame.drop(columns=list(same))
    _refuse_determined(kept)
    for left_out, column in same.items():
        findings.append(Finding("same_customers", {"name": left_out, "other": column}))
    for name, text in pooled.items():
        findings += [Finding("pooled_level", {"name": name, "level": level}) for level in text]
    findings += _inflated(kept)
    return dataclasses.replace(
        recipe, same=same, columns=tuple(kept.columns), findings=tuple(findings)
    )


def _encoded(features: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """All columns: one for each level but the reference, one for each number."""
    columns: dict[str, Any] = {}
    for name, levels in recipe.levels.items():
        values = features[name].astype("str")
        pooled = recipe.pooled.get(name, ())
        values = values.where(~values.isin(pooled), OTHER) if pooled else values
        unseen = ~values.isin(levels)
        if unseen.any():
            first = f"{values[unseen].iloc[0]!r}, customer {_customer(features, unseen)!r}"
            found = f"{int(unseen.sum()):,} customers have a level that was not fitted: {first}"
            raise UnusableCovariate(name, found, f"The levels fitted: {', '.join(levels)}.")
        for level in levels[1:]:
            columns[f"{name}[{level}]"] = (values == level).to_numpy(dtype=float)
    for name, centre in recipe.centre.items():
        values = features[name].astype(float)
        if values.isna().any():
            missing = f"{int(values.isna().sum()):,} customers have no value"
            raise UnusableCovariate(name, missing, "Fill in the values or leave them out.")
        columns[name] = ((values - centre) / recipe.scale[name]).to_numpy()
    return pd.DataFrame(columns, index=features.index)


def _customer(features: pd.DataFrame, which: pd.Series) -> object:
    return features.loc[which.to_numpy(), "customer_id"].iloc[0]


def _refuse_missing(seen: Snapshot, name: str) -> None:
    missing = seen.features[name].isna()
    if not missing.any():
        return
    found = f"{int(missing.sum()):,} of {len(seen):,} customers have no value "
    found += f"(first: {_customer(seen.features, missing)!r})"
    remedy = "Fill in the values or leave the covariate out."
    told = ~missing.to_numpy()
    if told.any() and seen.ended[told].mean() > 0.95 > seen.ended.mean():
        found += ", and nearly all who have one left"
        remedy = "It is written when a customer leaves, so it cannot tell who will: leave it out."
    raise UnusableCovariate(name, found, remedy)


def _levels(
    seen: Snapshot, name: str, reference: str | None, rare: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The levels of a text, the reference first, and those that are pooled."""
    values = seen.features[name].astype("str")
    counts = values.value_counts()
    if len(counts) > max(MANY_LEVELS, 1) and rare == "refuse":
        found = f"it has {len(counts):,} levels for {len(seen):,} customers (such as "
        found += f"{counts.index[0]!r})"
        raise UnusableCovariate(name, found, "Group them first; a name or a code is no covariate.")
    sums = pd.DataFrame({"left": seen.ended, "passed": seen.tenure - seen.entry - seen.ended})
    sums = sums.groupby(values.to_numpy()).sum().assign(customers=counts)
    thin = [str(v) for v in counts.index if sums.loc[v, ["left", "passed"]].min() < FEW]
    if thin and rare == "refuse":
        raise _thin(name, f"with {thin[0]!r}", sums.loc[thin[0]], len(thin))
    kept = [str(v) for v in counts.index if v not in thin]
    if thin:
        pool = sums.loc[thin].sum()
        if pool[["left", "passed"]].min() < FEW:
            raise _thin(name, f"with rare levels ({', '.join(thin[:3])} ...)", pool, 1)
        kept.append(OTHER)
    if len(kept) < 2:
        raise UnusableCovariate(name, "all customers have the same value", "Leave it out.")
    first = reference if reference is not None else kept[0]
    if first not in kept:
        raise WrongParameter("reference", first, f"a level of {name}: {', '.join(kept)}")
    return (first, *(level for level in kept if level != first)), tuple(thin)


def _thin(name: str, which: str, sums: pd.Series, levels: int) -> UnusableCovariate:
    found = f"of {sums['customers']:,} customers {which}, {sums['left']:,} left, and they passed "
    found += f"{sums['passed']:,} renewals" + (f"; {levels - 1} more are like it" * (levels > 1))
    remedy = "Take rare levels together (rare='pool') or leave the covariate out."
    if sums["customers"] > 4 * FEW:
        remedy = f"Is it only written when a customer leaves? Then leave it out. {remedy}"
    return UnusableCovariate(name, f"{found}: too few to tell an effect", remedy)


def _about_numbers(seen: Snapshot, accept: frozenset[str]) -> list[Finding]:
    """Refuse numbers that part or contain the outcome; name those that move with the past."""
    findings = []
    for name in seen.numbers:
        values = seen.features[name].to_numpy(dtype=float)
        if not np.isfinite(values).all() or values.min() == values.max():
            found = "it is infinite somewhere" if not np.isfinite(values).all() else "all are equal"
            raise UnusableCovariate(name, found, "Leave it out.")
        left, stayed = values[seen.ended], values[~seen.ended]
        parted = (
            len(left) and len(stayed) and (left.min() > stayed.max() or left.max() < stayed.min())
        )
        if parted:
            found = "it parts those who left from those who stayed without one exception"
            raise UnusableCovariate(
                name, found, "It was known only afterwards, or the outcome is in it: leave it out."
            )
        others = {other: seen.features[other] for other in seen.numbers if other != name}
        ahead = contains(values, seen.tenure, others)
        if ahead and seen.cut_off is not None and contains(values, seen.entry, others):
            findings.append(Finding("moves_with_tenure", {"name": name}))
        elif ahead and name in accept:
            findings.append(Finding("contains_tenure", {"name": name}))
        elif ahead:
            remedy = f"Leave it out, or divide it by the tenure; to use it as it is: accept={name}"
            raise UnusableCovariate(name, f"it contains the tenure itself ({ahead})", remedy)
    return findings


def contains(values: Array, tenure: Counts, others: Mapping[str, pd.Series]) -> str:
    """Whether a number grows with the tenure, or is a tenure times another: in words, or ''."""
    if np.ptp(tenure) == 0:
        return ""
    for name, other in others.items():
        product = tenure * other.to_numpy(dtype=float)
        size = float(np.abs(values).mean())
        if size > 0 and np.median(np.abs(values - product)) < 0.05 * size:
            return f"tenure x {name}"
    rank = float(pd.Series(values).rank().corr(pd.Series(tenure).rank()))
    return f"rank correlation {rank:.2f}" if rank > LIKE_TENURE else ""


def _same(frame: pd.DataFrame) -> dict[str, str]:
    """Columns that hold the same customers as an earlier one, or just the other customers."""
    kept: dict[bytes, str] = {}
    same: dict[str, str] = {}
    for name in frame.columns:
        column = np.round(frame[name].to_numpy(), 9) + 0.0
        if column.tobytes() in kept:
            same[str(name)] = kept[column.tobytes()]
        else:
            kept[column.tobytes()] = str(name)
            if set(np.unique(column)) == {0.0, 1.0}:
                kept[(1.0 - column).tobytes()] = str(name)
    return same


def _refuse_determined(frame: pd.DataFrame) -> None:
    """Refuse the first column that a constant and the columns before it add up to."""
    matrix = np.column_stack((np.ones(len(frame)), frame.to_numpy()))
    norm = np.linalg.norm(matrix, axis=0)
    rank = np.linalg.matrix_rank(matrix / norm, tol=1e-8 * np.sqrt(len(frame)))
    if rank == matrix.shape[1]:
        return
    for i in range(1, matrix.shape[1]):
        before = matrix[:, :i]
        weights, *_ = np.linalg.lstsq(before, matrix[:, i], rcond=None)
        if np.linalg.norm(matrix[:, i] - before @ weights) < 1e-6 * norm[i]:
            used = [frame.columns[j - 1] for j in range(1, i) if abs(weights[j]) > 1e-6]
            found = f"others determine it: {', '.join(map(str, used))}"
            name = str(frame.columns[i - 1])
            raise UnusableCovariate(name, found, "Leave one of them out.")


def _inflated(frame: pd.DataFrame) -> list[Finding]:
    """Columns whose effect can hardly be told from those of the others."""
    if frame.shape[1] < 2:
        return []
    inverse = np.linalg.inv(np.corrcoef(frame.to_numpy(), rowvar=False))
    return [
        Finding("collinear", {"name": str(name), "inflation": float(value)})
        for name, value in zip(frame.columns, np.diag(inverse), strict=True)
        if value > INFLATED
    ]
