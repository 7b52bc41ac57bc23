"""Pseudonyms: the standard construction, under a key that is kept apart."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path

import pytest

from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.keys import Key, UnusableKey, make_key, normal, read_key
from crmlab.intake.customer_base.loading import LoadRefused
from crmlab.intake.log import read_transactions

ROWS = "customer_id,date,amount\n{0},2024-01-05,10\n {0} ,2024-01-09,5\nb,2024-01-09,5\n"
FAULTY = ROWS + "{0},2024-01-10,ten\n{0},2024-01-11\n"


def test_a_pseudonym_is_the_first_80_bits_of_hmac_sha256() -> None:
    """Computed anew from RFC 2104's definition, in base32 without padding."""
    key = Key(bytes(range(32)))
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key.secret.ljust(64, b"\0")) + "José".encode())
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key.secret.ljust(64, b"\0")) + inner.digest())
    expected = base64.b32encode(outer.digest()[:10]).decode().lower()

    assert expected == key.pseudonym("José")
    assert 16 == len(expected)


def test_ids_that_are_the_same_have_one_pseudonym() -> None:
    """Outer blanks, composed letters and signs that show nothing make no difference; case does."""
    key = Key(b"k" * 32)

    assert len({key.pseudonym(one) for one in ("José", " Jose\u0301\u00a0", "Jos\u200bé")}) == 1
    assert key.pseudonym("José") != key.pseudonym("josé")
    assert "José" == normal("\tJose\u0301 ")


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    """32 random bytes in a file of mode 0600; a second key never replaces it."""
    path = tmp_path / "keys" / "base.key"
    key = make_key(path)

    assert 0o600 == path.stat().st_mode & 0o777
    assert key == read_key(path, tmp_path / "base")
    assert key.name not in path.read_text()
    assert make_key(tmp_path / "other.key").secret != key.secret
    with pytest.raises(UnusableKey, match="there already"):
        make_key(path)


def test_keys_that_are_refused(tmp_path: Path) -> None:
    """In the base itself, open to others, too short, no key, or not there."""
    base = tmp_path / "base"
    base.mkdir()
    key = tmp_path / "base.key"
    make_key(key)
    (base / "link.key").symlink_to(key)
    make_key(base / "inside.key")
    (tmp_path / "link.key").symlink_to(base / "inside.key")

    for inside in (base / "inside.key", tmp_path / "link.key", base / ".." / "base" / "x"):
        with pytest.raises(UnusableKey, match="in the base itself"):
            read_key(inside, base)
    for text, found in (("00" * 8, "8 bytes"), ("secret", "hexadecimal"), ("", "0 bytes")):
        key.write_text(text)
        with pytest.raises(UnusableKey, match=found):
            read_key(key, base)
    key.chmod(0o640)
    key.write_text("00" * 32)
    with pytest.raises(UnusableKey, match="chmod 600"):
        read_key(key, base)
    with pytest.raises(UnusableKey, match="crmlab base key"):
        read_key(tmp_path / "none.key", base)


@pytest.fixture
def base(tmp_path: Path) -> CustomerBase:
    """An empty base whose ids will be pseudonyms."""
    make_key(tmp_path / "base.key")
    return CustomerBase.create(tmp_path / "base", key_file=tmp_path / "base.key")


def test_no_id_enters_a_base_of_pseudonyms(base: CustomerBase, tmp_path: Path) -> None:
    """Neither rows nor raw lines hold one; they are recognised when they come again."""
    path = tmp_path / "orders.csv"
    path.write_text(FAULTY.format("carmen@example.org"))
    base.load(path)
    path.write_text(FAULTY.format("carmen@example.org") + "c,2024-01-12,1\n")
    again = base.load(path)
    base.export(tmp_path / "out.csv")
    kept = b"".join(file.read_bytes() for file in base.folder.iterdir())
    key = read_key(tmp_path / "base.key", base.folder)
    summary = read_transactions(base.folder, limit=1, reason_limit=1).summarize("2024-01-31")

    assert (1, 5) == (again.added, again.known)
    assert b"carmen" not in kept
    assert "carmen" not in (tmp_path / "out.csv").read_text()
    assert {key.pseudonym(one) for one in ("carmen@example.org", "b", "c")} == set(summary.index)
    assert 1 == summary.loc[key.pseudonym("carmen@example.org"), "frequency"]


def test_a_base_of_pseudonyms_takes_no_other_key(base: CustomerBase, tmp_path: Path) -> None:
    """Under another key every customer would be somebody new."""
    path = tmp_path / "orders.csv"
    path.write_text(ROWS.format("a"))
    make_key(tmp_path / "other.key")

    with pytest.raises(UnusableKey, match=r"it is key .*, this base has"):
        base.load(path, key_file=tmp_path / "other.key")
    (tmp_path / "base.key").rename(tmp_path / "moved.key")
    with pytest.raises(UnusableKey, match="no such file"):
        base.load(path)
    assert 3 == base.load(path, key_file=tmp_path / "moved.key").added


def test_a_key_for_a_base_of_plain_ids_is_refused(tmp_path: Path) -> None:
    """Half the ids would be pseudonyms."""
    make_key(tmp_path / "base.key")
    (tmp_path / "orders.csv").write_text(ROWS.format("a"))
    base = CustomerBase(tmp_path / "base")
    base.load(tmp_path / "orders.csv")

    with pytest.raises(UnusableKey, match="ids as they are"):
        base.load(tmp_path / "orders.csv", key_file=tmp_path / "base.key")
    with pytest.raises(LoadRefused, match="already"):
        CustomerBase.create(tmp_path / "base", key_file=tmp_path / "base.key")


def test_ids_that_say_who_somebody_is_need_a_decision(tmp_path: Path) -> None:
    """E-mail addresses enter a base as pseudonyms, or because somebody said so."""
    path = tmp_path / "orders.csv"
    path.write_text(ROWS.format("carmen@example.org"))
    base = CustomerBase(tmp_path / "base")

    with pytest.raises(LoadRefused, match=r"1 customer ids that are e-mail addresses.*--key-file"):
        base.load(path)
    CustomerBase.create(tmp_path / "base", plain_ids=True)
    assert 3 == base.load(path).added


def test_the_digest_of_pythons_hmac_is_the_same() -> None:
    """The library's own way to the same value."""
    key = Key(b"x" * 32)
    digest = hmac.new(key.secret, b"a", hashlib.sha256).digest()

    assert base64.b32encode(digest[:10]).decode().lower() == key.pseudonym("a")
