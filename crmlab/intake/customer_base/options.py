"""Options by their names, as a command line gives them, turned into what a load takes."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from crmlab.errors import ParameterError, UnknownParameter, WrongParameter
from crmlab.intake import meaning
from crmlab.intake.attribute_table import KNOWN, AttributeMapping
from crmlab.intake.columns import ROLES, Mapping, option
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

ABOUT_IDS = ("fold_case", "placeholders", "keep_ids", "limit")
"""What of Meaning holds for a table of attributes."""


def of_purchases(values: Dict[str, Any]) -> tuple[Mapping, Reading, Meaning]:
    """Mapping, reading and meaning from the names that read_transactions gives their options.

    Others are passed over. Raises WrongParameter for a value that none of them can have.
    """
    columns = {role: values[option(role)] for role in ROLES if option(role) in values}
    return Mapping(**columns), _reading(values), _meaning(values)


def of_attributes(
    settings: Sequence[str], others: str = ""
) -> tuple[AttributeMapping, Reading, Meaning]:
    """The same for a table of attributes, from NAME=VALUE texts; `others` parted by commas.

    Raises UnknownParameter for any other name, WrongParameter for a value.
    """
    known = (*KNOWN, *(field.name for field in fields(Reading)), *ABOUT_IDS)
    values: dict[str, Any] = {}
    for setting in settings:
        name, sign, text = (part.strip() for part in setting.partition("="))
        if not sign:
            raise ParameterError(f"'--set {setting}' has no '='. Write: --set NAME=VALUE")
        if name not in known:
            raise UnknownParameter(name, known)
        values[name] = _typed(name, text)
    columns = {name: values[name] for name in KNOWN if name in values}
    mapping = AttributeMapping(**columns, others=meaning.words("others", others))
    return mapping, _reading(values), _meaning(values)


def _reading(values: Dict[str, Any]) -> Reading:
    names = [field.name for field in fields(Reading)]
    return Reading(**{name: values[name] for name in names if name in values})


def _meaning(values: Dict[str, Any]) -> Meaning:
    names = [field.name for field in fields(Meaning)]
    given = {name: values[name] for name in names if values.get(name) is not None}
    if "start" in given:
        given["start"] = meaning.plain_day("start", given["start"])
    for name in ("placeholders", "keep_ids", "accept"):
        if name in given:
            given[name] = meaning.words(name, given[name])
    return Meaning(**given)


def _typed(name: str, text: str) -> object:
    if name == "skip_lines" and text.isdecimal():
        return int(text)
    if name == "fold_case" and text.casefold() in ("true", "false"):
        return text.casefold() == "true"
    if name == "limit":
        try:
            return float(text)
        except ValueError:
            raise WrongParameter(name, text, "a share from 0 to 1") from None
    return text
