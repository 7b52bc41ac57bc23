"""The family of errors: each is built from the offending values and names the remedy."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar


class CrmlabError(Exception):
    """Anything crmlab refuses to do. `exit_code` is what the command line ends with."""

    exit_code = 70


class ParameterError(CrmlabError):
    """A parameter that cannot be used; refused before any work starts."""

    exit_code = 2


class DataError(CrmlabError):
    """Data that cannot be used; nothing is published."""

    exit_code = 3


class ModelError(CrmlabError):
    """A model that cannot be estimated, or a figure that it does not have."""

    exit_code = 4


class TemporaryError(CrmlabError):
    """Something that stood in the way and may be gone when the run is tried again."""

    exit_code = 75


class UnknownParameter(ParameterError):
    """A parameter that this report does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(
            f"Unknown parameter '{name}'.{_nearest(name, self.known)} "
            f"Known parameters: {', '.join(self.known)}."
        )


class WrongParameter(ParameterError):
    """A parameter whose value is not of the expected type or range."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name, self.value, self.expected = name, value, expected
        super().__init__(f"Parameter '{name}' is {value!r}; expected {expected}.")


class MissingParameter(ParameterError):
    """A parameter that this run cannot do without."""

    def __init__(self, name: str, meaning: str, example: str) -> None:
        self.name = name
        super().__init__(
            f"Parameter '{name}' is missing: {meaning}. Add it, for example: --set {name}={example}"
        )


class UnknownConnection(ParameterError):
    """The name of a database that nothing tells how to reach."""

    def __init__(self, name: str, variable: str, known: Iterable[str]) -> None:
        self.name, self.variable, self.known = name, variable, tuple(known)
        there = f" Known connections: {', '.join(self.known)}." if self.known else ""
        super().__init__(
            f"There is no connection '{name}'.{_nearest(name, self.known)}{there} Say how to reach "
            f"it in the environment variable {variable} or under [connections.{name}] in "
            "crmlab.toml."
        )


class WrongConnection(ParameterError):
    """A connection that is described in a way that cannot be used; never shows its password."""

    def __init__(self, name: str, found: str, remedy: str) -> None:
        self.name = name
        super().__init__(f"Connection '{name}' cannot be used: {found}. {remedy}")


class AddressAsSource(ParameterError):
    """The address of a database in the place of a connection's name; it is not shown."""

    def __init__(self) -> None:
        super().__init__(
            "The source is an address, which may hold a password and would be written to every "
            "report. Give the path of a file, or name a connection instead: put the address into "
            "the environment variable CRMLAB_CONNECTION_SHOP and give postgres:shop as the source."
        )

    @classmethod
    def refuse(cls, source: object) -> None:
        """Raise this error if `source` is such an address, before anything is made of it."""
        if isinstance(source, str) and re.match(cls.PATTERN, source, re.IGNORECASE):
            raise cls

    PATTERN: ClassVar[str] = r"\s*[a-z][a-z0-9+.-]*://|.*\bpassword\s*="


class SourceNotFound(DataError):
    """A source that is not there."""

    def __init__(self, source: str, nearby: Iterable[str] = ()) -> None:
        self.source, self.near = source, near(source, tuple(nearby))
        super().__init__(
            f"There is no file '{source}'.{_nearest(source, tuple(nearby))} "
            "Give the path of a CSV, Excel, Parquet or DuckDB file, postgres:NAME for a database, "
            "or 'cdnow' for the built-in example."
        )


class UnreadableSource(DataError):
    """A source that is there but cannot be read as what it should be."""

    def __init__(self, source: str, found: str, remedy: str) -> None:
        self.source, self.what, self.remedy = source, found, remedy
        super().__init__(f"'{source}' cannot be read: {found}. {remedy}")


class SourceChanged(TemporaryError):
    """A source that somebody wrote to while it was read."""

    def __init__(self, source: str) -> None:
        self.source = source
        super().__init__(
            f"'{source}' was changed while it was read, so its rows cannot be trusted. "
            "Nothing was used; run it again when the file is complete."
        )


class SourceAway(TemporaryError):
    """A source that is known but does not answer now."""

    def __init__(self, source: str, found: str, remedy: str) -> None:
        self.source = source
        super().__init__(f"'{source}' does not answer: {found}. {remedy}")


class MissingColumn(DataError):
    """A column that the source does not have. `guess` names one for every option, if it can."""

    def __init__(
        self,
        source: str,
        option: str,
        column: str,
        found: Iterable[str],
        guess: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.source, self.option, self.column = source, option, column
        self.found, self.guess = tuple(found), dict(guess)
        settings = " ".join(shlex.join(["--set", f"{k}={v}"]) for k, v in guess.items())
        nearest = "" if guess else _nearest(column, self.found)
        remedy = (
            f"Guessed by their names: {settings}"
            if guess
            else f"Name the right one: --set {option}=NAME"
        )
        super().__init__(
            f"'{source}' has no column '{column}'.{nearest} Its columns: {_some(self.found)}. "
            f"{remedy}"
        )


class NoUsableRows(DataError):
    """A source with no row that could be used."""

    def __init__(
        self,
        source: str,
        records: int,
        reasons: Mapping[str, int],
        first: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.source, self.records, self.reasons, self.first = source, records, reasons, first
        why = "; ".join(f"{reason}: {n}, {first[reason]}" for reason, n in reasons.items() if n)
        worst = max(reasons, key=lambda reason: reasons[reason], default="")
        remedy = self.REMEDIES.get(worst, "")
        told = f"Set aside: {why}. {remedy}" if why else "It holds no purchase."
        super().__init__(f"'{source}' has no rows that can be used ({records} records). {told}")

    REMEDIES: ClassVar[dict[str, str]] = {
        "no_customer": "Name the column that says who bought: --set customer_id=NAME",
        "placeholder_id": "If one of these ids is a customer: --set keep_ids=ID",
        "date_unreadable": "A date is expected as 2024-12-31, 20241231 or 31/12/2024, with or "
        "without a time; dates written as numbers need --set date_system",
        "date_out_of_range": "Dates are expected from 1900 to 2200.",
        "amount_unreadable": "An amount is expected as 1234.56 or 1.234,56, with or without a "
        "currency sign.",
        "before_start": "Look at start: the purchases lie before it.",
        "after_end": "Look at observation_end: the purchases lie after it.",
        "return_without_purchase": "Returns are expected as negative amounts, purchases above 0.",
        "zero_amount": "Purchases are expected as amounts above 0.",
    }


class UntrustedSource(DataError):
    """A source that can be read but not trusted. `code` names the rule that refuses it."""

    def __init__(self, source: str, code: str, found: str, remedy: str) -> None:
        self.source, self.code, self.what, self.remedy = source, code, found, remedy
        super().__init__(f"'{source}' is refused: {found}. {remedy}")


class WrongTable(DataError):
    """A small table beside the source that cannot be used, by the `parameter` that names it."""

    def __init__(self, parameter: str, source: str, found: str, remedy: str) -> None:
        self.parameter, self.source, self.what, self.remedy = parameter, source, found, remedy
        super().__init__(f"The table '{source}' ({parameter}) cannot be used: {found}. {remedy}")


class InvalidHistory(DataError):
    """Customer histories that no purchase model can have produced."""

    def __init__(self, what: str, count: int, total: int, first: str, remedy: str) -> None:
        self.count, self.total = count, total
        super().__init__(f"{count} of {total} customers have {what} (first: {first}). {remedy}")


class UnusableCovariate(DataError):
    """A covariate that no model can use, or that cannot be had from this table."""

    def __init__(self, name: str, found: str, remedy: str) -> None:
        self.name, self.found = name, found
        super().__init__(f"Covariate '{name}' cannot be used: {found}. {remedy}")


class MissingCovariates(DataError):
    """Customers for whom there are no covariates."""

    def __init__(self, count: int, total: int, first: object, example: object) -> None:
        self.count, self.total, self.first = count, total, first
        super().__init__(
            f"{count} of {total} customers have no covariates (first: {first!r}; the covariates "
            f"are those of customers such as {example!r}). Index their table by the same customer "
            "ids as the summary, with a row for each customer."
        )


class NotEstimable(ModelError):
    """Data from which this model cannot be estimated."""

    def __init__(self, model: str, found: str, remedy: str) -> None:
        self.model, self.found = model, found
        super().__init__(f"{model} cannot be estimated: {found}. {remedy}")


class NotDefined(ModelError):
    """A figure that is infinite or undefined at these parameters."""


class AccountDoesNotBalance(CrmlabError):
    """Rows, money or customers that were read but are neither used nor set aside: our fault."""

    def __init__(self, source: str, read: object, used: object, set_aside: object) -> None:
        self.source, self.read, self.used, self.set_aside = source, read, used, set_aside
        super().__init__(
            f"The account of '{source}' does not balance: read {read}, used {used}, "
            f"set aside {set_aside}. Do not use its figures; report this as an error in crmlab."
        )


MANY, LONG = 40, 60
"""Names that a message lists, and signs that it shows of each."""


def _some(names: tuple[str, ...]) -> str:
    """The first names, and how many there are beside them."""
    shown = [name if len(name) <= LONG else name[:LONG] + "..." for name in names[:MANY]]
    more = f" and {len(names) - MANY:,} more" if len(names) > MANY else ""
    return (", ".join(shown) or "none") + more


def _nearest(name: str, known: tuple[str, ...]) -> str:
    names = near(name, known)
    return f" Did you mean {' or '.join(repr(n) for n in names)}?" if names else ""


def near(name: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """The names that may have been meant: the same without case, else the most alike."""
    alike = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    folded = [k for k in known if k.casefold() == name.strip().casefold()]
    return tuple(dict.fromkeys(folded + alike))
