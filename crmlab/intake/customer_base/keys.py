"""Pseudonyms: customers' ids under a key that is kept outside the base."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from crmlab.errors import ParameterError

BYTES = 32
"""Length of a key, as SHA-256 is long."""

BITS = 80
"""Of a pseudonym: two of 10 million customers share one with probability 4e-11."""


class UnusableKey(ParameterError):
    """A key file that cannot be used."""

    def __init__(self, path: object, found: str, remedy: str) -> None:
        self.path = path
        super().__init__(f"The key file '{path}' cannot be used: {found}. {remedy}")


@dataclass(frozen=True)
class Key:
    """A secret under which ids become pseudonyms; `name` tells it from others, not what it is."""

    secret: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Twelve hexadecimal digits of a hash of the key."""
        return hashlib.sha256(b"crmlab key name\0" + self.secret).hexdigest()[:12]

    def pseudonym(self, customer_id: str) -> str:
        """HMAC-SHA256 of the id (stripped, NFC): the first 80 bits, 16 letters and digits."""
        digest = self._digest(normal(customer_id))
        return base64.b32encode(digest[: BITS // 8]).decode().lower()

    def pseudonyms(self, ids: Iterable[str]) -> list[str]:
        """`pseudonym` of each."""
        return [self.pseudonym(one) for one in ids]

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self.secret, text.encode(), "sha256")


def normal(customer_id: str) -> str:
    """An id as the base knows it: without signs that show nothing, stripped, composed (NFC)."""
    visible = "".join(sign for sign in customer_id if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFC", visible.strip())


def make_key(path: Path) -> Key:
    """Write a new random key to `path`, readable by its owner only.

    Raises UnusableKey if something is there already: a key that is lost cannot be made again.
    """
    key = Key(secrets.token_bytes(BYTES))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Never over an older key: every pseudonym made under it would lose its meaning.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UnusableKey(path, "it is there already", "Keep it, or name another.") from None
    except OSError as error:
        raise UnusableKey(path, _reason(error), "Name a place that can be written.") from None
    with os.fdopen(file, "w", encoding="ascii") as out:
        out.write(key.secret.hex() + "\n")
        out.flush()
        os.fsync(out.fileno())
    return key


def read_key(path: Path, base: Path) -> Key:
    """The key in `path`; `base` is the folder that it must not lie in.

    Raises UnusableKey for a key beside the data, one that others may read, or no key at all.
    """
    refuse_inside(path, base)
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except OSError as error:
        raise UnusableKey(path, _reason(error), "Make one: crmlab base key PATH") from None
    except ValueError:
        found = f"it does not hold {2 * BYTES} hexadecimal digits"
        raise UnusableKey(path, found, "Make one: crmlab base key PATH") from None
    if len(secret) != BYTES:
        found = f"it holds {len(secret)} bytes, not {BYTES}"
        raise UnusableKey(path, found, "Make one: crmlab base key PATH")
    if stat.S_IMODE(mode) & 0o077:
        raise UnusableKey(path, "others may read it", f"Shut it: chmod 600 '{path}'")
    return Key(secret)


def refuse_inside(path: Path, base: Path) -> None:
    """Raise UnusableKey for a key file in the folder of the base, links followed."""
    if path.resolve().is_relative_to(base.resolve()):
        raise UnusableKey(
            path, "it lies in the base itself", "Keep it elsewhere: who has both has the ids."
        )


def _reason(error: OSError) -> str:
    return (error.strerror or "the system refuses it").lower()
