"""How rows are understood: returns, free rows, duplicates, ids that mean nobody, limits."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields

from crmlab.errors import WrongParameter

PLACEHOLDERS = (
    "-1", "-", "--", "---", "?", "#n/a", "#n/d", "n/a", "n/d", "na", "n.a.",
    "nd", "none", "null", "nil", "nan", "nat", "undefined", "unknown", "not available",
    "anonymous", "anonymous customer", "guest", "guest customer", "walk-in", "walk in",
    "walk-in customer", "cash customer", "cash sale", "no customer", "no client", "default",
    "default customer", "final consumer", "test", "test customer", "prueba", "anonimo",
    "cliente anonimo", "invitado", "desconocido", "cliente desconocido", "consumidor final",
    "cliente final", "cliente contado", "clientes contado", "contado", "venta contado",
    "cliente varios", "clientes varios", "varios", "sin cliente", "sin identificar",
    "sin asignar", "no identificado", "publico general", "publico en general", "mostrador",
    "cliente mostrador", "generico", "cliente generico", "no aplica",
)  # fmt: skip
"""Ids that mean nobody, without case and accents; an id of zeros alone is one too."""

TOTALS = (
    "total", "totals", "subtotal", "subtotals", "sub-total", "sub total", "sum", "grand total",
    "overall total", "totales", "subtotales", "suma", "suma total", "total general", "gran total",
)  # fmt: skip
"""Words that a line of totals has in the place of a customer or a day."""

ACCEPTABLE = ("late_end", "unique_ids")
"""Refusals of a whole source that a person who looked can overrule."""


@dataclass(frozen=True)
class Meaning:
    """What the user declares about the rows.

    zero_amount: is a day whose purchases cost nothing an occasion? None: as the source is known
    to count. returns: 'net' takes a return from the customer's earlier purchases, 'drop' sets it
    aside. cancelled: prefix of the transaction ids of cancellations. duplicates: what becomes of
    a row that equals an earlier one; None: kept if they are few. start: first day. placeholders:
    further ids that mean nobody; keep_ids: ids that do mean somebody, though they look like such.
    merged_ids: a CSV file of ids and the ids that their customers keep.
    fold_case: 'a' and 'A' are one customer. amounts_sign: 'reversed' if sales are negative. vat:
    whether amounts include it; told, never computed with. limit and reason_limit: the share of
    rows, or of money, set aside as faulty that makes the source untrusted, in all and for one
    reason. accept: refusals to overrule. Raises WrongParameter.
    """

    zero_amount: str | None = None
    returns: str = "net"
    cancelled: str | None = None
    duplicates: str | None = None
    start: dt.date | None = None
    placeholders: tuple[str, ...] = ()
    keep_ids: tuple[str, ...] = ()
    merged_ids: str | None = None
    fold_case: bool = False
    amounts_sign: str = "as_written"
    vat: str | None = None
    limit: float = 0.05
    reason_limit: float = 0.02
    accept: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                words = " or ".join(repr(choice) for choice in choices if choice is not None)
                raise WrongParameter(name, getattr(self, name), words)
        for name in ("limit", "reason_limit"):
            _check_share(name, getattr(self, name))
        for name in self.accept:
            if name not in ACCEPTABLE:
                raise WrongParameter("accept", name, f"one of {', '.join(ACCEPTABLE)}")
        if not isinstance(self.fold_case, bool):
            raise WrongParameter("fold_case", self.fold_case, "true or false")
        if self.cancelled is not None and not _is_word(self.cancelled):
            raise WrongParameter("cancelled", self.cancelled, "how such transaction ids start")


_CHOICES: dict[str, tuple[str | None, ...]] = {
    "zero_amount": (None, "occasion", "ignore"),
    "returns": ("net", "drop"),
    "duplicates": (None, "keep", "drop"),
    "amounts_sign": ("as_written", "reversed"),
    "vat": (None, "included", "excluded"),
}

OPTIONS = tuple(field.name for field in fields(Meaning))


def words(name: str, given: str | Iterable[str] | None) -> tuple[str, ...]:
    """A list of words: given as one text, they are parted by commas. Raises WrongParameter."""
    parts = given.split(",") if isinstance(given, str) else list(given or ())
    if not all(isinstance(part, str) for part in parts):
        raise WrongParameter(name, given, "words parted by commas")
    return tuple(part.strip() for part in parts if part.strip())


def plain_day(name: str, value: object) -> dt.date:
    """A day given as a date or as YYYY-MM-DD. Raises WrongParameter for anything else."""
    if isinstance(value, dt.date) and value == value:  # NaT is not itself
        return value.date() if isinstance(value, dt.datetime) else value
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
        with contextlib.suppress(ValueError):  # such as 1997-02-30
            return dt.date.fromisoformat(value)
    raise WrongParameter(name, value, "a date such as 1997-09-30")


def _check_share(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and 0 <= value <= 1):  # type: ignore[operator]
        raise WrongParameter(name, value, "a share from 0 to 1")


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
