"""The account of a source: what was read = what is used + what is set aside, to row and cent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, field
from decimal import Decimal

import pandas as pd

from crmlab.errors import AccountDoesNotBalance
from crmlab.intake.findings import Finding


@dataclass(frozen=True)
class Tally:
    """A count of rows, their money (exact, in the source's currency) and their customers."""

    records: int = 0
    money: Decimal = Decimal("0.00")
    customers: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.records + other.records,
            self.money + other.money,
            self.customers + other.customers,
        )

    def as_dict(self) -> dict[str, int | str]:
        """The tally in the types of JSON, money as text."""
        return asdict(self) | {"money": str(self.money)}


@dataclass(frozen=True)
class Example:
    """A row that was set aside, in its source's own words.

    `record` counts the source's records from 1, `line` is its first line in a file. `text` is
    what each role says, by role; of a row that could not be split, its whole text as 'text'.
    """

    record: int
    line: int | None
    text: Mapping[str, str | None]

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"record {self.record}" if self.line is None else f"line {self.line}"


@dataclass(frozen=True)
class Returns:
    """Returns up to the end of observation: rows, and money below zero.

    Matched ones lower the purchases that they take back; the others are set aside.
    """

    matched_rows: int
    matched: Decimal
    unmatched_rows: int
    unmatched: Decimal

    def as_dict(self) -> dict[str, int | str]:
        """The returns in the types of JSON, money as text."""
        return {k: v if isinstance(v, int) else str(v) for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Understanding:
    """How a source was understood, whatever the end of observation.

    `facts` are what the reader found (encoding, delimiter, ...); `proofs` how the order of dates
    and the decimal sign are known; `normalised` counts cells brought into one form, by kind;
    `flags` are what its text gives away; `options` those of the meaning that were not left alone.
    """

    facts: tuple[tuple[str, str], ...] = ()
    proofs: tuple[Finding, ...] = ()
    normalised: Mapping[str, int] = field(default_factory=dict)
    flags: tuple[Finding, ...] = ()
    options: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The understanding in the types of JSON, but for its flags."""
        return {
            "facts": [list(fact) for fact in self.facts],
            "proofs": [proof.as_dict() for proof in self.proofs],
            "normalised": dict(self.normalised),
            "options": dict(self.options),
        }


@dataclass(frozen=True)
class Account:
    """What was read = what is used + what is set aside by reason: rows, money and customers.

    `sales` and `returns` are the positive and the negative amounts read. An amount that cannot be
    read counts as no money. A customer is set aside only if every row is, and then under the
    first of their reasons. `first_date` and `last_date` are of used rows. `flags` are what a
    reader of figures should know. An account that does not balance cannot be made: raises
    AccountDoesNotBalance.
    """

    source: str
    observation_end: dt.date
    zero_amount: str
    read: Tally
    used: Tally
    set_aside: Mapping[str, Tally]
    occasions: int
    first_date: dt.date
    last_date: dt.date
    examples: Mapping[str, list[Example]]
    sales: Decimal
    returns: Decimal
    returned: Returns
    understanding: Understanding
    flags: tuple[Finding, ...]

    def __post_init__(self) -> None:
        if not self.balanced:
            raise AccountDoesNotBalance(self.source, self.read, self.used, self.set_aside_total)

    @property
    def set_aside_total(self) -> Tally:
        """All that is set aside, whatever the reason."""
        return sum(self.set_aside.values(), Tally())

    @property
    def balanced(self) -> bool:
        """Whether rows, money and customers read are those used plus those set aside."""
        whole = self.sales + self.returns == self.read.money
        return whole and self.read == self.used + self.set_aside_total

    def table(self) -> pd.DataFrame:
        """One row each for read, used and every reason; columns records, money, customers."""
        lines = {"read": self.read, "used": self.used, **self.set_aside}
        columns = ["records", "money", "customers"]
        frame = pd.DataFrame([astuple(t) for t in lines.values()], list(lines), columns)
        return frame.astype({"money": float}).rename_axis("rows")

    def as_dict(self) -> dict[str, object]:
        """The account in the types of JSON. It holds no row and no customer's id."""
        return {
            "source": self.source,
            "observation_end": self.observation_end.isoformat(),
            "zero_amount": self.zero_amount,
            "read": self.read.as_dict(),
            "used": self.used.as_dict(),
            "set_aside": {reason: tally.as_dict() for reason, tally in self.set_aside.items()},
            "sales": str(self.sales),
            "returns": str(self.returns),
            "returned": self.returned.as_dict(),
            "occasions": self.occasions,
            "first_date": self.first_date.isoformat(),
            "last_date": self.last_date.isoformat(),
            **self.understanding.as_dict(),
            "flags": [flag.as_dict() for flag in self.flags],
            "balanced": self.balanced,
        }
