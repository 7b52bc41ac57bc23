"""A base as a source of purchases: its rows as the gate takes those of any file."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, cast

import duckdb

from crmlab.errors import WrongParameter
from crmlab.intake import engines
from crmlab.intake.columns import Mapping, option
from crmlab.intake.conversion import Conversion
from crmlab.intake.customer_base import snapshot
from crmlab.intake.customer_base.address import Address
from crmlab.intake.customer_base.store import About, columns_of
from crmlab.intake.loaded import Loaded
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

SETTLED = ("cancelled", "placeholders", "keep_ids", "merged_ids", "fold_case", "amounts_sign")
"""Options of Meaning that are about single rows, and settled when they are loaded."""


def read_base(
    connection: duckdb.DuckDBPyConnection,
    address: Address,
    mapping: Mapping,
    reading: Reading,
    meaning: Meaning,
) -> tuple[Loaded, Conversion]:
    """Make source_rows, source_faults and records of a base, as if all files were read at once.

    Raises NoBase, UnreadableBase, BaseBusy, NothingYet, or WrongParameter for an option that was
    settled when the rows were loaded.
    """
    _refuse_settled(address, mapping, reading, meaning)
    about = snapshot.take(connection, address, must_hold=True)
    kinds = dict(columns_of(connection, "snapshot"))
    texts = [_text(role, kinds.get(role)) for role in about.roles]
    sql = engines.fill(engines.statement("base_as_source"), texts=",\n    ".join(texts))
    connection.execute(sql)
    loaded = Loaded(
        name=str(address),
        fingerprint=snapshot.fingerprint(connection),
        zero_amount=cast(Literal["occasion", "ignore"], about.zero_amount),
        exact_roles=frozenset(about.roles),
        facts=_facts(about, address),
    )
    return loaded, Conversion(proofs=(), normalised={}, flags=(), currency=about.currency)


def _text(role: str, kind: str | None) -> str:
    """SQL of a role as it was written, or would be: 12.5 and not 12.5000."""
    column = engines.quote(role)
    text = f"CAST({column} AS VARCHAR)" if kind else "CAST(NULL AS VARCHAR)"
    if kind and kind.startswith("DECIMAL"):
        text = f"regexp_replace({text}, '\\.?0+$', '')"
    return f"coalesce(original[{engines.literal(role)}], {text}) AS {column}"


def _facts(about: About, address: Address) -> tuple[tuple[str, str], ...]:
    ids = ("ids", f"pseudonyms (key {about.key_name})") if about.pseudonymous else None
    as_of = ("as of", str(address.as_of)) if address.as_of else None
    return tuple(fact for fact in (ids, as_of) if fact)


def _refuse_settled(address: Address, mapping: Mapping, reading: Reading, meaning: Meaning) -> None:
    for role, name in mapping.given().items():
        if name != role:
            raise WrongParameter(option(role), name, f"'{role}', its name in {address}")
    given: list[tuple[str, Any, Any]] = [
        *((f.name, getattr(reading, f.name), f.default) for f in fields(reading)),
        *((name, getattr(meaning, name), getattr(Meaning(), name)) for name in SETTLED),
    ]
    for name, value, usual in given:
        if value != usual:
            expected = f"nothing: {address} settled it when its rows were loaded"
            raise WrongParameter(name, value, expected)
