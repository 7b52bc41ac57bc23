"""Small tables given beside the purchases: their columns, their errors, and their fingerprints."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from crmlab.errors import (
    MANY,
    MissingColumn,
    NoUsableRows,
    UnreadableSource,
    UntrustedSource,
    WrongTable,
    near,
)
from crmlab.intake import builtin, columns
from crmlab.intake.loaded import digest

WORDS: dict[str, tuple[str, ...]] = {
    "customer_id": columns.WORDS["customer_id"],
    "category": columns.WORDS["category"],
    "margin": columns.WORDS["margin"],
    "channel": columns.WORDS["channel"],
    "cohort": ("cohorte",),
    "cost": ("coste", "costo", "acquisitioncost", "costeadquisicion", "costedeadquisicion",
             "costecaptacion", "costedecaptacion", "cac"),
    "cost_per_occasion": ("costepercompra", "costeporcompra", "costoporcompra",
                          "costeporocasion", "costoporocasion", "costperpurchase"),
    "cost_per_year": ("costeporano", "costoporano", "costeanual", "costoanual", "annualcost"),
    "valid_from": ("validodesde", "vigentedesde", "desde", "since"),
    "acquisition_cost": ("costeadquisicion", "costoadquisicion", "costedeadquisicion",
                         "costodeadquisicion", "costecaptacion", "costedecaptacion", "cac"),
    "consent": ("consentimiento",),
}  # fmt: skip
"""How columns may be called beside their own names, without case, accents, blanks and signs."""

UNDERSTOOD = {word for name, words in WORDS.items() for word in (columns.bare(name), *words)}

SHOWN: dict[str, str] = {
    "customer_id": "cliente, id cliente", "category": "categoría, familia", "margin": "margen",
    "channel": "canal", "cohort": "cohorte", "cost": "coste, costo",
    "cost_per_occasion": "coste por compra", "cost_per_year": "coste anual",
    "valid_from": "válido desde, desde", "acquisition_cost": "coste de captación",
    "consent": "consentimiento",
}  # fmt: skip
"""What messages tell of them."""

NUMBERS = (
    "Write numbers as 12.50 or 12,50: one decimal sign in the whole column, no percent signs, and "
    "no sign between thousands where it could be the decimal sign."
)
DAYS = "Write days as 2024-12-31."

REASONS = {
    "field_count": ("more or fewer fields than the header",
                    "Quote fields that hold the sign between columns, such as a decimal comma."),
    "control_char": ("control characters", "Write the table anew as plain text."),
    "no_customer": ("no customer", "Write a customer's id in every row."),
    "placeholder_id": ("the id of nobody", "Take rows out that are about no customer."),
    "date_unreadable": ("a day that cannot be read", DAYS),
    "date_out_of_range": ("a day outside 1900 to 2200", DAYS),
    "cost_unreadable": ("a number that cannot be read", NUMBERS),
}  # fmt: skip
"""Why rows cannot be used, in words, and what to do."""

INSTEAD = {
    "decimal": NUMBERS,
    "date_order": DAYS,
    "date_system": DAYS,
    "time_zone": "Write days as 2024-12-31, without a time.",
    "encoding": "Save the table in UTF-8.",
    "delimiter": "Quote numbers with a decimal comma, or put semicolons between the columns.",
    "skip_lines": "Delete the lines before the header.",
    "sheet": "Leave one sheet with data in the workbook, or save that sheet as CSV.",
    "table": "Give a file of one table, such as a CSV.",
    "customer_id": "Look at the column of customers: it is to hold their ids.",
}
"""What to do with a small table where a remedy names an option, which is the purchases' own."""

NAME_COLUMNS = (
    "Name columns that it has: --set attribute_covariates=NAME,... of words, --set "
    "attribute_numbers=NAME,... of numbers."
)
"""What to do where a report on contracts names a column of attributes that is not there."""

OPTION = re.compile(r"--set (\w+)=")


class Origin(NamedTuple):
    """Where a small table was read from; SHA-256 of what was read, None where it is gone."""

    source: str
    fingerprint: str | None

    @classmethod
    def of_file(cls, path: str | None) -> Origin | None:
        """The origin of a file as it is now; None without one."""
        if path is None:
            return None
        try:
            return cls(path, digest(Path(path)))
        except OSError:
            return cls(path, None)


def refuse_builtin(parameter: str, source: object) -> None:
    """Raise WrongTable for the name of a built-in example in the place of a table."""
    if isinstance(source, str) and source in builtin.FILES:
        found = "it is the built-in example of purchases"
        raise WrongTable(parameter, source, found, "Give the path of a table.")


def origins(tables: Mapping[str, Origin | None]) -> dict[str, Origin]:
    """Those of the tables that were given, by the parameter that named them."""
    return {name: origin for name, origin in tables.items() if origin is not None}


def find(name: str, found: Sequence[str], source: str, *, by_words: bool = False) -> int | None:
    """Where the column called `name` is, None if nowhere.

    By its name, else without case and outer spaces, else (`by_words`) by any of its WORDS. Raises
    UnreadableSource if two columns match.
    """
    matches = [i for i, column in enumerate(found) if column == name] or [
        i for i, column in enumerate(found) if column.strip().casefold() == name.strip().casefold()
    ]
    if not matches and by_words:
        known = {columns.bare(name), *WORDS.get(name, ())}
        matches = [i for i, column in enumerate(found) if columns.bare(column) in known]
    if len(matches) > 1:
        names = ", ".join(repr(found[i]) for i in matches)
        said = f"more than one column could be '{name}': {names}"
        raise UnreadableSource(source, said, f"Call the right one '{name}', and no other so.")
    return matches[0] if matches else None


@contextlib.contextmanager
def given_as(parameter: str, wanted: str) -> Iterator[None]:
    """Turn what reading any source raises into errors about the table given as `parameter`.

    The remedies of a source name options, which are those of the purchases: a small table has
    none, and is corrected itself. `wanted` names its columns. Raises WrongTable.
    """
    try:
        yield
    except MissingColumn as error:
        raise WrongTable(parameter, error.source, *_missing(error)) from None
    except NoUsableRows as error:
        raise WrongTable(parameter, error.source, *_unusable(error, wanted)) from None
    except (UntrustedSource, UnreadableSource) as error:
        remedy = error.remedy.partition(" Or allow more:")[0]
        option = OPTION.search(remedy)
        remedy = INSTEAD.get(option[1], "Correct the table.") if option else remedy
        raise WrongTable(parameter, error.source, error.what, remedy) from None


def _missing(error: MissingColumn) -> tuple[str, str]:
    wanted = error.column.split(" or ")
    names = " or ".join(f"'{name}'" for name in wanted)
    there = ", ".join(map(repr, error.found[:MANY])) or "none"
    found = f"its header has no column {names}, only {there}"
    if error.option == "others":
        return found, NAME_COLUMNS
    free = tuple(name for name in error.found if columns.bare(name) not in UNDERSTOOD)
    alike = [one for name in wanted for one in near(name, free)]
    right = f"the right column of this table, perhaps {alike[0]!r}," if alike else (
        "the right column of this table")  # fmt: skip
    also = "; ".join(SHOWN[name] for name in wanted if name in SHOWN)
    return found, f"Rename {right} to {names}" + (f" (also understood: {also})." if also else ".")


def _unusable(error: NoUsableRows, columns: str) -> tuple[str, str]:
    if not error.records:
        return "it holds no rows", f"Give it a header with {columns}, and rows under it."
    return told(error.records, error.reasons, error.first)


def told(records: int, reasons: Mapping[str, int], first: Mapping[str, str]) -> tuple[str, str]:
    """Rows that cannot be used, by reason with the first of each, and what to do."""
    some = {reason: rows for reason, rows in reasons.items() if rows}
    parts = (f"{rows:,} with {REASONS[code][0]} ({first[code]})" for code, rows in some.items())
    worst = max(some, key=lambda reason: some[reason])
    found = f"{sum(some.values()):,} of its {records:,} rows cannot be used: {'; '.join(parts)}"
    return found, REASONS[worst][1]


def strangers(told: Sequence[str], customers: Sequence[str]) -> tuple[str, str]:
    """What is said of a table that is about none of the customers, and what to do."""
    found = (
        f"none of its {len(told):,} rows is about a customer who bought: it has ids such as "
        f"{told[0]!r}, the purchases such as {customers[0]!r}"
    )
    return found, "Write the ids as the purchases have them."
