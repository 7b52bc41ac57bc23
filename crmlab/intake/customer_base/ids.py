"""Ids as people give them, turned into what the base holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from crmlab.errors import MissingColumn, NoUsableRows, WrongParameter
from crmlab.intake import engines, sources
from crmlab.intake.columns import Mapping
from crmlab.intake.customer_base.keys import Key, UnusableKey, normal, read_key
from crmlab.intake.customer_base.store import About
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import find


def key_of(about: About, folder: Path, key_file: Path | None) -> Key | None:
    """The key of a base whose ids are pseudonyms, None of any other.

    It is read from `key_file`, or where it was when the base was made. Raises UnusableKey for
    another key than that of the base, or for any where there is none.
    """
    if not about.pseudonymous:
        if key_file is not None:
            remedy = f"Leave it out, or make a new base: crmlab base init --key-file '{key_file}'"
            raise UnusableKey(key_file, "this base holds ids as they are in the files", remedy)
        return None
    path = key_file or Path(about.key_file or "")
    key = read_key(path, folder)
    if key.name != about.key_name:
        remedy = "Name the file of that key: --key-file PATH"
        raise UnusableKey(path, f"it is key {key.name}, this base has {about.key_name}", remedy)
    return key


def held(ids: Iterable[str], key: Key | None, *, fold_case: bool) -> list[str]:
    """What the base calls these people. Raises WrongParameter for an id of blanks."""
    names = []
    for one in ids:
        clean = normal(one).lower() if fold_case else normal(one)
        if not clean:
            raise WrongParameter("id", one, "an id as it stands in the files")
        names.append(key.pseudonym(clean) if key else clean)
    return names


@dataclass(frozen=True)
class OneColumn:
    """A mapping of customers' ids alone: no other column of a list is read."""

    customer_id: str | None = None

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """Where the column is. Raises MissingColumn, or UnreadableSource if two match."""
        place = find(self.customer_id or "customer_id", found, source)
        if place is None:
            raise MissingColumn(source, "customer_id", self.customer_id or "customer_id", found)
        return {"customer_id": place}


def listed_in(
    source: sources.Source, column: str | None = None, reading: Reading | None = None
) -> list[str]:
    """The ids in a list of people, which may be empty; any source that purchases are read from."""
    connection = engines.connect()
    try:
        # A reader asks a mapping for places only, whatever it maps.
        mapping = cast(Mapping, OneColumn(column))
        sources.load(connection, source, mapping, reading or Reading())
        found = connection.execute("SELECT customer_id FROM source_rows ORDER BY record").fetchall()
    except NoUsableRows:
        return []
    finally:
        connection.close()
    return [text for (text,) in found if text is not None and normal(text)]
