"""The gate: why a row is set aside, what makes a source untrusted, and the account of it all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

import duckdb

from crmlab.errors import NoUsableRows, UntrustedSource
from crmlab.intake import crowd, customer_days, duplicates, engines, flags, refusals, returns
from crmlab.intake.account import Account, Example, Returns, Tally, Understanding
from crmlab.intake.customer_days import Packing
from crmlab.intake.dialect import excerpt
from crmlab.intake.findings import Finding
from crmlab.intake.meaning import Meaning
from crmlab.schema import REASONS

Read = dict[str, Any]
"""What the statement account_read counts, by name."""

EXAMPLES = 5
"""Rows that the account shows of each reason."""


@dataclass(frozen=True)
class Judged:
    """What a source holds, whatever the end of observation.

    `read` counts all rows; `first_date` and `last_date` are of those that can be read; `refusals`
    are what makes it untrusted, `flags` what else its rows give away, `packing` how its customers'
    days are told apart.
    """

    read: Read
    first_date: dt.date
    last_date: dt.date
    refusals: tuple[UntrustedSource, ...]
    flags: tuple[Finding, ...]
    packing: Packing


def judge(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    meaning: Meaning,
    customers: int | None = None,
) -> Judged:
    """Make the tables set_aside and returned from the table records.

    `customers` is how many they name, if that is known. Raises NoUsableRows if not one row has a
    customer, a date and an amount.
    """
    connection.execute("CREATE TABLE set_aside (record BIGINT, reason VARCHAR)")
    (read,) = engines.fetch_rows(connection, engines.statement("account_read"), {})
    days = customer_days.find(connection, customers)
    read["customers"] = days.customers
    found, flags_found = duplicates.judge(connection, source, meaning, read["records"], days)
    returns.judge(connection, meaning)
    if read["first_date"] is None:
        bench = open_bench(connection, dt.date.max, "ignore", None, days.packing)
        raise _no_usable_rows(bench, source, read["records"])
    against = [
        *refusals.signs(source, read),
        *refusals.unique_ids(source, read, meaning),
        *found,
        *refusals.limits(connection, source, read, meaning),
    ]
    if read["free"]:
        flags_found.append(Finding("free_rows", {"rows": read["free"]}))
    return Judged(
        read, read["first_date"], read["last_date"], tuple(against), tuple(flags_found),
        days.packing,
    )  # fmt: skip


def open_bench(
    connection: duckdb.DuckDBPyConnection,
    observation_end: dt.date,
    zero_amount: str,
    start: dt.date | None,
    packing: Packing,
) -> engines.Bench:
    """A bench with the tables aside and used as they stand at an end of observation."""
    bench = engines.Bench(connection, asked(observation_end, zero_amount, start))
    bench.lay("doubtful_days", engines.statement("doubtful_days", "parts"))
    bench.lay("empty_days", engines.statement("empty_days", "parts"))
    bench.lay("aside", engines.fill(engines.statement("aside"), parts=engines.statement("parts")))
    days = {name: f"DATE '{bench.asked[name]}'" for name in ("start", "observation_end")}
    used = engines.statement("used", "parts")
    bench.show("used", engines.fill(used, customer=packing.customer, **days))
    return bench


def asked(observation_end: dt.date, zero_amount: str, start: dt.date | None) -> dict[str, object]:
    """The values that statements over occasions ask for, by name."""
    return {
        "observation_end": observation_end,
        "zero_amount": zero_amount,
        "start": start or dt.date.min,
        "reasons": list(REASONS),
        "limit": EXAMPLES,
    }


def account(
    bench: engines.Bench, source: str, zero_amount: str, understanding: Understanding,
    judged: Judged,
) -> Account:  # fmt: skip
    """The account of the table records, as it stands at the bench's end of observation.

    What was read, used and set aside is counted by statements that do not share a total.
    Raises NoUsableRows if no row is used.
    """
    read = judged.read
    (used,) = bench.ask(engines.statement("account_used"))
    if not used["records"]:
        raise _no_usable_rows(bench, source, read["records"])
    seen = crowd.look(bench, judged.packing, used["records"])
    used["customers"] = seen.customers
    return Account(
        source=source,
        observation_end=cast("dt.date", bench.asked["observation_end"]),
        zero_amount=zero_amount,
        read=tally(read),
        used=tally(used),
        set_aside=_set_aside(bench),
        occasions=seen.occasions,
        first_date=used["first_date"],
        last_date=used["last_date"],
        examples=_examples(bench),
        sales=_money(read["sales"]),
        returns=_money(read["returns"]),
        returned=_returned(bench),
        understanding=understanding,
        flags=(*understanding.flags, *flags.find(bench, seen, used, judged.packing)),
    )


def _set_aside(bench: engines.Bench) -> dict[str, Tally]:
    tallies = dict.fromkeys(REASONS, Tally())
    for row in bench.ask(engines.statement("account_set_aside")):
        tallies[row["reason"]] += tally(row | {"customers": 0})
    for row in bench.ask(engines.statement("account_lost_customers")):
        tallies[row["reason"]] += Tally(customers=row["customers"])
    return tallies


def _returned(bench: engines.Bench) -> Returns:
    (row,) = bench.ask(engines.statement("account_returns"))
    return Returns(
        matched_rows=row["matched_rows"],
        matched=_money(row["matched_money"]),
        unmatched_rows=row["unmatched_rows"],
        unmatched=_money(row["unmatched_money"]),
    )


def _examples(bench: engines.Bench) -> dict[str, list[Example]]:
    examples: dict[str, list[Example]] = {reason: [] for reason in REASONS}
    for row in bench.ask(engines.statement("examples")):
        reason, record, line = (row.pop(name) for name in ("reason", "record", "line"))
        whole = row.pop("text")
        text = row if whole is None else {"text": whole}
        examples[reason].append(Example(record, line, text))
    return examples


def _no_usable_rows(bench: engines.Bench, source: str, records: int) -> NoUsableRows:
    """The refusal, with how many rows each reason took and the first of them."""
    counts = {reason: tally.records for reason, tally in _set_aside(bench).items()}
    first = {
        reason: f"{rows[0].place}: {culprit(reason, rows[0])}"
        for reason, rows in _examples(bench).items()
        if rows
    }
    return NoUsableRows(source, records, counts, first)


def culprit(reason: str, row: Example) -> str:
    """What of a row is to blame, as it stands in the source."""
    if "text" in row.text:
        return excerpt(row.text["text"] or "")
    if reason.startswith("date") or reason in ("after_end", "before_start"):
        roles: tuple[str, ...] = ("date",)
    elif reason in ("no_customer", "placeholder_id"):
        roles = ("customer_id",)
    else:
        roles = ("amount",) if "amount" in row.text else ("quantity", "price")
    said = ((role, row.text.get(role)) for role in roles)
    return ", ".join(
        f"{role.removesuffix('_id')} {text if text is None else excerpt(text)}"
        for role, text in said
    )


def tally(row: Mapping[str, Any]) -> Tally:
    """Rows, money and customers of a counting statement."""
    return Tally(int(row["records"]), _money(row["money"]), row["customers"])


def _money(value: Decimal | int) -> Decimal:
    """The amount with two decimals, or with more if it has more."""
    cents = round(Decimal(value), 2)
    return cents if cents == value else Decimal(value)
