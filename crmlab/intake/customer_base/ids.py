"""Ids as people give them, turned into what the base holds."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from crmlab.errors import WrongParameter
from crmlab.intake.customer_base.keys import Key, UnusableKey, normal, read_key
from crmlab.intake.customer_base.store import About


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
