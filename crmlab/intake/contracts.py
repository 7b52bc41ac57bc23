"""Contracts as they stand on a day: how long each has lasted and whether it has ended."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from crmlab.errors import NoUsableRows, UntrustedSource, WrongParameter
from crmlab.intake import quarantine
from crmlab.intake.contract_table import (
    ContractAccount,
    ContractMapping,
    account_of,
    load,
    observed_day,
    whether_ended,
)
from crmlab.intake.contract_terms import Days, as_days, on_anniversaries, terms
from crmlab.intake.examples import CONTRACTS, contracts
from crmlab.intake.findings import Finding
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import Origin, origins
from crmlab.intake.sources import Source
from crmlab.units import Unit, check_unit

EndIs = Literal["last_day", "first_day_after"]

PROVED, RARE, FEW = 0.5, 0.1, 10
"""Shares of ends on one kind of day, and on the other, that tell which kind an end is; how few
ends tell nothing."""


@dataclasses.dataclass(frozen=True)
class Contracts:
    """Contracts, one row each; made by read_contracts, never changed afterwards.

    `table` has customer_id; start and end where days are known; entry, tenure, ended, running (see
    crmlab.intake.contract_terms.Terms; a tenure counts `period`s); and the `covariates` (text or
    numbers). `observation_end` is the last day observed, None where only tenures are known.
    `not_begun` contracts begin after it and are left out. `aside` has the rows that are not used.
    `tables`: the small tables that were read beside them, by the parameter that named them.
    """

    source: str
    fingerprint: str
    period: Unit
    observation_end: dt.date | None
    end_is: EndIs
    opened: dt.date | None
    covariates: tuple[str, ...]
    account: ContractAccount = dataclasses.field(repr=False)
    not_begun: int
    table: pd.DataFrame = dataclasses.field(repr=False, compare=False)
    aside: pd.DataFrame = dataclasses.field(repr=False, compare=False)
    tables: Mapping[str, Origin] = dataclasses.field(default_factory=dict, compare=False)

    @property
    def dated(self) -> bool:
        """Whether the days of the contracts are known, so that they can be seen as of a day."""
        return self.observation_end is not None

    def as_of(self, day: str | dt.date) -> Contracts:
        """The same contracts as they stood on an earlier `day`: nothing later is in any column.

        Covariates are as the table told them; it is for the caller to know that they were so by
        then. Raises WrongParameter for a later day, or if only tenures are known.
        """
        seen = observed_day("day", day)
        if self.observation_end is None or seen is None:
            raise WrongParameter("day", day, "none: the days of these contracts are not known")
        if seen > np.datetime64(self.observation_end, "D"):
            raise WrongParameter("day", day, f"a day up to {self.observation_end}")
        if self.opened is not None and seen < np.datetime64(self.opened, "D"):
            raise WrongParameter("day", day, f"a day from {self.opened} on, when it was opened")
        begun = self.table[as_days(self.table["start"]) <= seen]
        if self.opened is not None:
            begun = begun[_still_there(begun, np.datetime64(self.opened, "D"), self.end_is)]
        if begun.empty:
            raise NoUsableRows(self.source, len(self.table), {})
        table = _with_terms(begun, seen, self.opened, self.period, self.end_is)
        left_out = self.not_begun + len(self.table) - len(begun)
        return dataclasses.replace(
            self, table=table, observation_end=seen.astype(object), not_begun=left_out
        )

    def up_to(self, tenure: int) -> Contracts:
        """The same contracts, watched for `tenure` renewals at most: later ones are not known."""
        if not isinstance(tenure, int | np.integer) or tenure < 1:
            raise WrongParameter("tenure", tenure, "a number of renewals, 1 or more")
        longer = self.table["tenure"] > tenure
        table = self.table.assign(
            tenure=self.table["tenure"].clip(upper=tenure),
            ended=self.table["ended"] & ~longer,
            running=self.table["running"] | longer,
        )
        if self.dated:
            table["end"] = table["end"].mask(longer)
        return dataclasses.replace(self, table=table)

    def where(self, chosen: pd.Series) -> Contracts:
        """The contracts for which `chosen` (True or False, aligned with the table) is true."""
        return dataclasses.replace(self, table=self.table[chosen.to_numpy(dtype=bool)])

    def groups(self, by: str) -> dict[str, Contracts]:
        """The contracts of each level of the covariate `by`, in the order of the levels.

        Contracts of which it is not known are under ''. Raises WrongParameter for no covariate.
        """
        if by not in self.covariates:
            raise WrongParameter("by", by, f"one of {', '.join(self.covariates) or 'no covariate'}")
        level = self.table[by].astype("str").fillna("")
        return {str(name): self.where(level == name) for name in sorted(level.unique())}

    def write_quarantine(self, path: str | PathLike[str]) -> None:
        """Write the rows that are not used as Parquet: record, line, reason, original text.

        Only the owner may read the file.
        """
        quarantine.write_frame(self.aside, Path(path))

    def _repr_html_(self) -> str:
        ended = int(self.table["ended"].sum())
        until = f" until {self.observation_end}" if self.observation_end else ""
        return (
            f"<p><b>Contracts</b>: {len(self.table):,}{until}, by the {self.period}; "
            f"{ended:,} ended, {int(self.table['running'].sum()):,} running</p>"
        )


def read_contracts(
    source: Source, *, observation_end: str | dt.date | None = None, period: str = "month",
    end_is: EndIs | None = None, opened: str | dt.date | None = None,
    mapping: ContractMapping | None = None, reading: Reading | None = None,
    meaning: Meaning | None = None,
) -> Contracts:  # fmt: skip
    """Read a table with one row a contract, from any source that purchases are read from.

    'contracts-example' is the simulated table that comes with the package.

    `period` (day, week, month, year) is the time between two chances to leave. With days,
    `observation_end` is the last day observed: what ended later is running. `end_is`: whether an
    end is the last day under contract or the first day without; None is: as the anniversaries
    tell, else the last day. `opened`: the first day from which ended contracts are in the source;
    those that ended before are set aside, older ones watched from then on (without it, a source
    that forgot who left early makes customers look loyal). Of `meaning`, what is about ids holds
    here, and `limit`.
    Raises as read_transactions does, and UntrustedSource for contracts told in two ways.
    """
    how, what, roles = reading or Reading(), meaning or Meaning(), mapping or ContractMapping()
    unit = check_unit(period)
    if end_is not in (None, "last_day", "first_day_after"):
        raise WrongParameter("end_is", end_is, "'last_day' or 'first_day_after'")
    place = contracts() if isinstance(source, str) and source == CONTRACTS else source
    loaded, rows, originals = load(place, roles, how, what)
    end, begin = observed_day("observation_end", observation_end), observed_day("opened", opened)
    dated = "ended" not in rows
    _check_days(end, begin, dated)
    covariates = (*roles.covariates, *roles.numbers)
    if dated and end is not None:
        meant, proof = _meaning_of_ends(rows, unit, end_is)
        rows = _dated(rows, end, begin, meant)
        findings: tuple[Finding, ...] = (proof,)
    else:
        rows, meant, findings = _counted(rows), "last_day", ()
    rows = _without_repeats(loaded.name, rows, covariates, dated)
    rows = _first_reason(rows)
    account = account_of(loaded.name, rows, what, (*findings, *_several(rows)))
    table = rows[rows["reason"].isna() & ~rows["repeated"]].reset_index(drop=True)
    opening = None if begin is None else begin.astype(object)
    if end is not None:
        table = _with_terms(table, end, opening, unit, meant)
    kept = ["customer_id", *(["start", "end"] if dated else []),
            "entry", "tenure", "ended", "running", *covariates]  # fmt: skip
    return Contracts(
        loaded.name, loaded.fingerprint, unit, None if end is None else end.astype(object), meant,
        opening, covariates, account, account.set_aside["after_end"], table[kept],
        _not_used(rows, originals), origins({"merged_ids": Origin.of_file(what.merged_ids)}),
    )  # fmt: skip


def _not_used(rows: pd.DataFrame, originals: pd.DataFrame) -> pd.DataFrame:
    """The rows set aside or repeated, each with its reason, as they stand in the source."""
    reason = rows["reason"].mask(rows["repeated"], "repeated")
    why = pd.DataFrame({"record": rows["record"], "reason": reason.astype("str")})
    out = why[reason.notna()].merge(originals, on="record", how="left")
    texts = [name for name in out.columns if name not in ("record", "line")]
    out = out.astype(dict.fromkeys(texts, "str") | {"line": "Int64"})
    return out[["record", "line", "reason", *(n for n in texts if n != "reason")]]


def _check_days(end: np.datetime64 | None, begin: np.datetime64 | None, dated: bool) -> None:
    if dated and end is None:
        expected = "the last day observed, such as 1997-09-30: it is never guessed from the data"
        raise WrongParameter("observation_end", None, expected)
    for name, day in (("observation_end", end), ("opened", begin)):
        if day is not None and not dated:
            raise WrongParameter(name, str(day), "none: tenures are told without their days")
    if begin is not None and end is not None and begin > end:
        raise WrongParameter("opened", str(begin), f"a day up to {end}")


def _meaning_of_ends(
    rows: pd.DataFrame, period: Unit, declared: EndIs | None
) -> tuple[EndIs, Finding]:
    """Contracts that run from anniversary to anniversary tell which day their end is."""
    if declared is not None:
        return declared, Finding("end_declared", {"end_is": declared})
    known = rows[rows["start"].notna() & (rows["end"] >= rows["start"])]
    start, end = as_days(known["start"]), as_days(known["end"])
    last = on_anniversaries(start, end + np.timedelta64(1, "D"), period)
    after = on_anniversaries(start, end, period)
    enough = period != "day" and len(known) >= FEW
    if enough and max(last, after) >= PROVED and min(last, after) <= RARE:
        meant: EndIs = "last_day" if last > after else "first_day_after"
        return meant, Finding("end_proved", {"end_is": meant, "share": max(last, after)})
    return "last_day", Finding("end_assumed", {"end_is": "last_day"})


def _exit_day(rows: pd.DataFrame, end_is: EndIs) -> Days:
    """The first day without a contract, NaT while it has no end."""
    return as_days(rows["end"]) + np.timedelta64(int(end_is == "last_day"), "D")


def _still_there(rows: pd.DataFrame, opened: np.datetime64, end_is: EndIs) -> np.ndarray:
    gone = _exit_day(rows, end_is)
    return np.asarray(np.isnat(gone) | (gone > opened))


def _dated(
    rows: pd.DataFrame, end: np.datetime64, opened: np.datetime64 | None, end_is: EndIs
) -> pd.DataFrame:
    start = as_days(rows["start"])
    flags = {
        "end_unreadable": rows["end_unreadable"].fillna(False).to_numpy(dtype=bool),
        "end_before_start": _exit_day(rows, end_is) <= start,
        "after_end": start > end,
    }
    if opened is not None:
        flags["ended_before_opened"] = ~_still_there(rows, opened, end_is)
    renamed = rows["reason"].replace({"date_unreadable": "start_unreadable"})
    return rows.assign(reason=_reasoned(renamed, flags))


def _counted(rows: pd.DataFrame) -> pd.DataFrame:
    ended = whether_ended(rows["ended"])
    tenure = rows["tenure"]
    flags = {
        "tenure_unreadable": tenure.isna().to_numpy(),
        "tenure_not_whole": ((tenure < 0) | (tenure != tenure.round())).to_numpy(),
        "ended_unreadable": ended.isna().to_numpy(),
        "ended_without_tenure": (ended.fillna(False) & (tenure == 0)).to_numpy(dtype=bool),
    }
    left = ended.fillna(False).to_numpy(dtype=bool)
    whole = tenure.fillna(0).to_numpy().astype(np.int64)
    return rows.drop(columns="tenure_unreadable").assign(
        reason=_reasoned(rows["reason"], flags), entry=np.int64(0), tenure=whole, ended=left,
        running=~left,
    )  # fmt: skip


def _reasoned(reason: pd.Series, flags: dict[str, np.ndarray]) -> pd.Series:
    """The reason there is, or the first flag that is up."""
    out = reason.astype(object)
    for name, flag in flags.items():
        out = out.mask(out.isna() & flag, name)
    return out


def _first_reason(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers that are none come after all else."""
    wrong = rows.filter(regex=r"^number_\d+_unreadable$").any(axis=1).to_numpy(dtype=bool)
    reason = _reasoned(rows["reason"], {"number_unreadable": wrong & ~rows["repeated"].to_numpy()})
    return rows.assign(reason=reason)


def _without_repeats(
    source: str, rows: pd.DataFrame, covariates: tuple[str, ...], dated: bool
) -> pd.DataFrame:
    """Mark rows that say what an earlier one said. Raises UntrustedSource if they contradict it."""
    key = ["customer_id", "start"] if dated else ["customer_id"]
    told = [*key, *(["end"] if dated else ["tenure", "ended"]), *covariates]
    fine = rows[rows["reason"].isna()]
    repeated = fine.duplicated(told)
    twice = fine[~repeated & fine[~repeated].duplicated(key).reindex(fine.index, fill_value=False)]
    if len(twice):
        first = twice.iloc[0]["customer_id"]
        what = "start on one day" if dated else "one customer"
        raise UntrustedSource(
            source,
            "contracts_contradict",
            f"{len(twice):,} rows tell a contract that another row tells differently ({what}; "
            f"first: customer {first!r})",
            "Leave one row a contract; give each contract of a customer an id of its own.",
        )
    return rows.assign(repeated=repeated.reindex(rows.index, fill_value=False))


def _several(rows: pd.DataFrame) -> tuple[Finding, ...]:
    """Customers with several contracts: what is one decision may be counted as many."""
    used = rows[rows["reason"].isna() & ~rows["repeated"]]
    counts = used["customer_id"].value_counts()
    several = int((counts > 1).sum())
    return (Finding("several_contracts", {"customers": several}),) if several else ()


def _with_terms(
    table: pd.DataFrame, end: np.datetime64, opened: dt.date | None, period: Unit, end_is: EndIs
) -> pd.DataFrame:
    """The contracts as they stand at the end of day `end`; an end after it is not told."""
    after = end + np.timedelta64(1, "D")
    start, gone = as_days(table["start"]), _exit_day(table, end_is)
    since = None if opened is None else np.datetime64(opened, "D")
    found = terms(start, gone, np.full(len(start), after), _all(since, len(start)), period)
    told = table["end"].mask(found.running)
    return table.assign(end=told, **found._asdict())


def _all(day: np.datetime64 | None, length: int) -> Days | None:
    return None if day is None else np.full(length, day)
