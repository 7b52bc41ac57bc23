"""Which of a source's columns are the customer, the day and the amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from crmlab.errors import MissingColumn, UnreadableSource, WrongParameter


@dataclass(frozen=True)
class Columns:
    """The names of the three columns in the source, as the user gave them.

    Raises WrongParameter for a name that is not text, or given twice.
    """

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str = "amount"

    def __post_init__(self) -> None:
        names: list[object] = []
        for option, name in zip(OPTIONS, astuple(self), strict=True):
            if not isinstance(name, str) or not name.strip():
                raise WrongParameter(option, name, "the name of a column")
            if name in names:
                raise WrongParameter(option, name, "a column that no other option names")
            names.append(name)

    def locate(self, found: Sequence[str], source: str) -> tuple[int, int, int]:
        """Positions of customer_id, date and amount among the columns `found`.

        A name matches exactly, or, if none does, without regard to case and outer spaces.
        Raises MissingColumn, or UnreadableSource if two columns match.
        """
        customer_id, date, amount = (
            _position(option, name, found, source)
            for option, name in zip(OPTIONS, astuple(self), strict=True)
        )
        return customer_id, date, amount


OPTIONS = tuple(field.name for field in fields(Columns))


def _position(option: str, name: str, found: Sequence[str], source: str) -> int:
    exact = [i for i, column in enumerate(found) if column == name]
    matches = exact or [i for i, column in enumerate(found) if _folded(column) == _folded(name)]
    if not matches:
        raise MissingColumn(source, option, name, found)
    if len(matches) > 1:
        names = ", ".join(repr(found[i]) for i in matches)
        raise UnreadableSource(
            source,
            f"more than one column could be '{name}': {names}",
            "Rename one of them, or name the right one exactly.",
        )
    return matches[0]


def _folded(name: str) -> str:
    return name.strip().casefold()
