"""A thousand files in shuffled dialects with injected faults: they balance, or are refused."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmlab.errors import CrmlabError
from crmlab.intake.account import Account
from crmlab.intake.columns import Mapping
from crmlab.intake.log import TransactionLog, examine
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

FILES, PARTS = 1000, 4
END = dt.date(2024, 12, 31)
NAMES = ("a", "B", "007", "7", "Muñoz", "O'Neil", 'say "x"', "x;y,z|w")
DATES = {
    "ymd": ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d"),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y"),
    "mdy": ("%m/%d/%Y", "%m/%d/%y"),
}
FAULTS = ("none", "none", "none", "no_customer", "placeholder", "date", "amount", "short", "long")


@dataclass
class Known:
    """What the generator knows of a file that it wrote."""

    records: int = 0
    money: Decimal = Decimal(0)
    reasons: dict[str, int] = field(default_factory=dict)
    days: list[dt.date] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def count(self, reason: str) -> None:
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


@dataclass
class Dialect:
    """How a file is written, and what of it is declared to the reader."""

    delimiter: str
    decimal: str
    grouped: bool
    trimmed: bool
    currency: str
    order: str
    date: str
    time: str
    encoding: str
    quoting: Any
    line_end: str
    header: tuple[str, str, str]
    declared: Reading


def dialects() -> st.SearchStrategy[Dialect]:
    """Any dialect; sometimes what cannot be seen from the file is declared."""

    @st.composite
    def build(draw: st.DrawFn) -> Dialect:
        order = draw(st.sampled_from(sorted(DATES)))
        decimal = draw(st.sampled_from(["point", "comma"]))
        return Dialect(
            delimiter=draw(st.sampled_from([",", ";", "\t", "|"])),
            decimal=decimal,
            grouped=draw(st.booleans()),
            trimmed=draw(st.booleans()),
            currency=draw(st.sampled_from(["", "", "€", " EUR"])),
            order=order,
            date=draw(st.sampled_from(DATES[order])),
            time=draw(st.sampled_from(["", "", " %H:%M", "T%H:%M:%S"])),
            encoding=draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp1252", "utf-16"])),
            quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
            line_end=draw(st.sampled_from(["\n", "\r\n"])),
            header=draw(st.sampled_from([
                ("customer_id", "date", "amount"), (" Customer_ID", "DATE ", "Amount"),
            ])),
            declared=Reading(
                decimal=draw(st.sampled_from([None, decimal])),
                date_order=draw(st.sampled_from([None, order])),
            ),
        )  # fmt: skip

    return build()


def written(amount: Decimal, dialect: Dialect) -> str:
    """An amount as the dialect writes it."""
    text = f"{abs(amount):,.2f}" if dialect.grouped else f"{abs(amount):.2f}"
    if dialect.trimmed:
        text = text.removesuffix(".00")
    if dialect.decimal == "comma":
        text = text.translate(str.maketrans(",.", ".,"))
    sign = "-" if amount < 0 else ""
    return f"{sign}€{text}" if dialect.currency == "€" else f"{sign}{text}{dialect.currency}"


def row(rng: random.Random, dialect: Dialect, known: Known) -> list[str]:
    """One row, with or without a fault; what it holds is added to what is known."""
    day = dt.date(2023, 6, 1) + dt.timedelta(days=rng.randrange(400))
    moment = dt.datetime.combine(day, dt.time(rng.randrange(24), rng.randrange(60)))
    amount = Decimal(rng.choice([rng.randrange(1, 500_000), -rng.randrange(1, 5_000)])) / 100
    name = rng.choice(NAMES)
    fields = [name, moment.strftime(dialect.date + dialect.time), written(amount, dialect)]
    fault = rng.choice(FAULTS)
    known.records += 1
    if fault in ("short", "long"):
        known.count("field_count")
        return fields[:2] if fault == "short" else [*fields, "x"]
    if fault == "no_customer":
        fields[0] = rng.choice(["", "  "])
    elif fault == "placeholder":
        fields[0] = rng.choice(["GUEST", "0", "n/a"])
    elif fault == "date":
        fields[1] = rng.choice(["", "soon", "2024-02-30"])
    elif fault == "amount":
        fields[2] = rng.choice(["", "free", "1.2.3", "--5"])
    known.money += 0 if fault == "amount" else amount
    reasons = {
        "no_customer": "no_customer", "placeholder": "placeholder_id", "date": "date_unreadable",
        "amount": "amount_unreadable",
    }  # fmt: skip
    if fault in reasons:
        known.count(reasons[fault])
    else:
        known.days.append(day)
    if fault not in ("no_customer", "placeholder"):
        known.names.add(name)
    return fields


def file_of(rng: random.Random, rows: int, dialect: Dialect) -> tuple[bytes, Known]:
    """A file in a dialect, and what is known of it."""
    text, known = io.StringIO(), Known()
    writer = csv.writer(
        text,
        delimiter=dialect.delimiter,
        quoting=dialect.quoting,
        lineterminator=dialect.line_end,
    )
    writer.writerow(dialect.header)
    writer.writerows(row(rng, dialect, known) for _ in range(rows))
    return text.getvalue().encode(dialect.encoding), known


def read(content: bytes, reading: Reading) -> tuple[TransactionLog, Account] | CrmlabError:
    """The log and its account, or the refusal; whatever else goes wrong is not caught."""
    meaning = Meaning(duplicates="keep", limit=1.0, reason_limit=1.0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        path.write_bytes(content)
        try:
            log = examine(path, Mapping(), reading, meaning)
            return log, log.examined(END)
        except CrmlabError as error:
            return error


@pytest.mark.parametrize("part", range(PARTS))  # so that several processors share them
def test_a_file_balances_to_row_and_cent_or_is_refused(part: int) -> None:  # noqa: ARG001
    """What is accepted is what the generator wrote; nothing ends in any other way."""
    accepted = []

    @settings(
        max_examples=FILES // PARTS, deadline=None, suppress_health_check=list(HealthCheck),
        database=None,
    )  # fmt: skip
    @given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 25), dialect=dialects())
    def holds(seed: int, rows: int, dialect: Dialect) -> None:
        content, known = file_of(random.Random(seed), rows, dialect)  # noqa: S311
        found = read(content, dialect.declared)
        if isinstance(found, CrmlabError):
            assert found.exit_code == 3
            assert len(str(found).splitlines()) == 1
            return
        accepted.append(known)
        log, account = found
        assert account.balanced
        assert account.read.records == known.records
        assert account.read.money == known.money
        reasons = {reason: account.set_aside[reason].records for reason in known.reasons}
        assert reasons == known.reasons
        assert account.read.customers == len(known.names)
        assert (log.first_date, log.last_date) == (min(known.days), max(known.days))
        occasions = log.occasions(END)
        assert account.used.records == occasions["rows"].sum()
        assert account.used.money == sum(map(_exact, occasions["amount"]), Decimal(0))

    holds()
    assert len(accepted) > FILES // PARTS // 3


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32 - 1),
    dialect=dialects(),
    harm=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4), st.booleans()), min_size=1,
                  max_size=6),
)  # fmt: skip
def test_a_file_with_broken_bytes_balances_or_is_refused(
    seed: int, dialect: Dialect, harm: list[tuple[float, bytes, bool]]
) -> None:
    """Bytes put in or over others anywhere: nobody knows what is meant, and nothing is lost."""
    content, _ = file_of(random.Random(seed), 12, dialect)  # noqa: S311
    for place, added, over in harm:
        at = int(place * len(content))
        content = content[:at] + added + content[at + len(added) * over :]
    found = read(content, dialect.declared)
    if isinstance(found, CrmlabError):
        assert found.exit_code == 3
        return
    log, account = found
    assert account.balanced
    assert account.read.records == log.records


def _exact(amount: float) -> Decimal:
    return Decimal(str(amount))
