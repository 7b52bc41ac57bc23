"""What `crmlab check` finds out about a source, and how it tells it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from crmlab.errors import MissingColumn, UnknownParameter, UntrustedSource
from crmlab.intake import log as logs
from crmlab.intake.account import Account, Example
from crmlab.intake.columns import option
from crmlab.intake.dialect import EXCERPT
from crmlab.intake.gate import culprit
from crmlab.reporting.evidence import told
from crmlab.reporting.language import Language
from crmlab.runs.given import gather, locate, read_file
from crmlab.runs.parameters import COLUMNS, MEANING, READING, SourceParameters
from crmlab.runs.report_parameters import ReportParameters

REMEDIES = {
    "field_count": "quote fields that hold the delimiter, or --set delimiter=...",
    "no_customer": "--set customer_id=NAME, if another column says who bought",
    "placeholder_id": "--set keep_ids=ID, if it is a customer",
    "date_unreadable": "--set date=NAME, date_order=... or date_system=...",
    "date_out_of_range": "--set date_system=..., if dates are numbers",
    "amount_unreadable": "--set amount=NAME or decimal=...",
    "duplicate_key": "--set duplicates=keep, if they are purchases of their own",
    "duplicate_row": "--set duplicates=keep, if they are purchases of their own",
    "before_start": "--set start=YYYY-MM-DD",
    "after_end": "--set observation_end=YYYY-MM-DD",
    "return_without_purchase": "--set returns=drop, if returns are not to count",
    "return_dropped": "--set returns=net, if returns are to lower their purchases",
    "zero_amount": "--set zero_amount=occasion, if such days are to count",
}
"""The option that would change what becomes of rows, by reason."""


EXPECTED = {
    "field_count": "as many fields as the header has",
    "control_char": "text without control characters",
    "summary_row": "a purchase and not a total",
    "no_customer": "a customer's id",
    "placeholder_id": "the id of somebody",
    "date_unreadable": "a day in the form of the others",
    "date_out_of_range": "a day from 1900 to 2200",
    "amount_unreadable": "a number in the form of the others",
    "amount_not_finite": "a finite number",
    "duplicate_key": "a transaction on one row",
    "duplicate_row": "no row twice",
    "before_start": "a day from start on",
    "after_end": "a day up to observation_end",
    "return_without_purchase": "an earlier purchase that covers it",
    "return_dropped": "a purchase",
    "net_zero_day": "a day on which more is bought than returned",
    "zero_amount": "an amount other than zero",
}
"""What a row would have to say to be used, by the reason why it is not."""


@dataclass(frozen=True)
class Checked:
    """A source's account, which column plays which role, and what speaks against the source.

    `guessed` is whether the columns were guessed; `assumed_end` whether the last day in the
    source was taken for the end of observation.
    """

    account: Account
    columns: Mapping[str, str]
    guessed: bool
    assumed_end: bool
    refusals: tuple[UntrustedSource, ...]


def check(source: str, settings: Sequence[str], params: Path | None) -> Checked:
    """Read a source, guessing its columns if nobody named them, and give account of it.

    A parameters file may hold those of a report too. Raises what read_transactions raises, but
    for UntrustedSource where an account can be given.
    """
    parameters = _parameters(source, settings, params)
    given = parameters.model_dump()
    options = {name: given[name] for name in (*COLUMNS, *READING, *MEANING)}
    found, guessed = locate(source), False
    try:
        log = logs.examine(found, *logs.declared(options))
    except MissingColumn as error:
        if not error.guess:
            raise
        guessed, options = True, options | error.guess
        log = logs.examine(found, *logs.declared(options))
    end = parameters.observation_end or log.last_date
    return Checked(
        account=log.examined(end),
        columns={option(role): options[option(role)] or role for role in log.roles},
        guessed=guessed,
        assumed_end=parameters.observation_end is None,
        refusals=log.doubts(end),
    )


def _parameters(source: str, settings: Sequence[str], params: Path | None) -> SourceParameters:
    known = [name for name in SourceParameters.model_fields if name != "source"]
    for name in (setting.partition("=")[0].strip() for setting in settings):
        if name not in known:
            raise UnknownParameter(name, known)
    values = read_file(ReportParameters, params) if params else {}
    ours = {k: v for k, v in values.items() if k in known}
    given = gather(SourceParameters, settings=settings)
    return SourceParameters.build(
        {**ours, **given.model_dump(include=given.model_fields_set), "source": source}
    ).resolved()


def as_json(checked: Checked) -> str:
    """What was found out, for programs. It holds no whole row and no customer's id."""
    return json.dumps(
        {
            **checked.account.as_dict(),
            "columns": dict(checked.columns),
            "guessed": checked.guessed,
            "assumed_end": checked.assumed_end,
            "examples": {
                reason: [_example(reason, row, checked.columns) for row in rows]
                for reason, rows in checked.account.examples.items()
                if rows
            },
            "refusals": [_refusal(refusal) for refusal in checked.refusals],
        },
        indent=2,
    )


def refusal_as_json(source: str, refusal: UntrustedSource) -> str:
    """A source of which no account can be given, for programs: the refusal as `as_json` has it."""
    return json.dumps({"source": source, "refusals": [_refusal(refusal)]}, indent=2)


def _refusal(refusal: UntrustedSource) -> dict[str, str]:
    return {"code": refusal.code, "message": str(refusal)}


def _example(reason: str, row: Example, columns: Mapping[str, str]) -> dict[str, object]:
    """Where a row that is set aside stands, what it says where, and what would be right."""
    role = blamed(reason, row)
    return {
        "record": row.record,
        "line": row.line,
        "column": columns.get(option(role), role) if role else None,
        "found": _shown(row.text.get(role)) if role not in (None, "customer_id") else None,
        "expected": EXPECTED.get(reason),
        "remedy": REMEDIES.get(reason),
    }


def _shown(text: str | None) -> str | None:
    return text and text[:EXCERPT]


def blamed(reason: str, row: Example) -> str | None:
    """The role of the field for which a row is set aside, None if it is the whole row."""
    if "text" in row.text:
        return None
    if reason.startswith("date") or reason in ("after_end", "before_start"):
        return "date"
    if reason in ("no_customer", "placeholder_id"):
        return "customer_id"
    return "amount" if "amount" in row.text else "price"


def show(checked: Checked) -> Iterator[str | Table]:
    """What was found out, for people, part by part."""
    yield _columns(checked)
    yield _table(checked.account)
    yield "\n".join(_understanding(checked.account))
    yield from _examples(checked.account)
    if checked.assumed_end:
        yield (
            f"No observation_end was given: {checked.account.observation_end}, the last day in "
            "the source, was taken for it. A report needs it: --set observation_end=YYYY-MM-DD"
        )


def _columns(checked: Checked) -> str:
    pairs = [f"{option}={name}" for option, name in checked.columns.items()]
    if not checked.guessed:
        return f"Columns: {', '.join(pairs)}"
    named = [pair for pair in pairs if len(set(pair.split("=", 1))) > 1]
    settings = " ".join(shlex.join(["--set", pair]) for pair in named)
    return f"Columns, guessed by their names; a report needs them told: {settings}"


def _table(account: Account) -> Table:
    lines = {"read": account.read, "used": account.used, **account.set_aside}
    table = Table("", "Rows", "Money", "Customers", box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, part in lines.items():
        if part.records or name in ("read", "used"):
            shown = (f"{part.records:,}", f"{part.money:,.2f}", f"{part.customers:,}")
            table.add_row(name, *shown)
    return table


def _understanding(account: Account) -> Iterator[str]:
    language, found = Language("en"), account.understanding
    returned = account.returned
    yield (
        f"Sales {account.sales:,.2f}, returns {account.returns:,.2f}: matched "
        f"{returned.matched_rows:,} rows ({returned.matched:,.2f}), not matched "
        f"{returned.unmatched_rows:,} rows ({returned.unmatched:,.2f}). "
        f"Used, net: {account.used.money:,.2f} in {account.occasions:,} occasions."
    )
    if found.facts:
        yield "Read as: " + ", ".join(f"{name} {value}" for name, value in found.facts)
    for proof in found.proofs:
        yield told("proof", proof).words(language)
    for kind, cells in found.normalised.items():
        yield f"Normalised: {cells:,} {language.text(f'found.normalised.{kind}')}"
    for flag in account.flags:
        yield told("flag", flag).words(language)


def _examples(account: Account) -> Iterator[str]:
    """A block for each reason: what was expected, what would change it, the first rows."""
    for reason, rows in account.examples.items():
        if rows:
            more = account.set_aside[reason].records - len(rows)
            expected = f": expected {EXPECTED[reason]}" if reason in EXPECTED else ""
            remedy = f" ({REMEDIES[reason]})" if reason in REMEDIES else ""
            lines = [f"  {row.place}: {culprit(reason, row)}" for row in rows]
            lines += [f"  and {more:,} more"] if more > 0 else []
            yield "\n".join([f"{reason}{expected}{remedy}", *lines])
