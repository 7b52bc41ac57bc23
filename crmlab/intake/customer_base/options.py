"""Options of a table of attributes by their names, as a command line gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from crmlab.errors import ParameterError, UnknownParameter, WrongParameter
from crmlab.intake import meaning
from crmlab.intake.attribute_table import KNOWN, AttributeMapping
from crmlab.intake.log import declared
from crmlab.intake.meaning import Meaning
from crmlab.intake.reading import Reading

ABOUT_IDS = ("fold_case", "placeholders", "keep_ids", "limit")
"""What of Meaning holds for a table of attributes."""


def of_attributes(
    settings: Sequence[str], others: str = ""
) -> tuple[AttributeMapping, Reading, Meaning]:
    """Mapping, reading and meaning from NAME=VALUE texts; `others` are parted by commas.

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
    _, reading, meant = declared({name: v for name, v in values.items() if name not in KNOWN})
    return mapping, reading, meant


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
