"""The encoding of a text is seen, declared or proved; what is none of these is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crmlab.errors import UnreadableSource
from crmlab.intake import encodings

HEADER = "customer_id,date,amount\n"
ROW = "Muñoz,2024-01-05,10\n"
Write = Callable[..., Path]
Load = Callable[..., Any]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"])
def test_c5_c6_c7_the_same_text_in_any_of_these_encodings(write: Write, load: Load, encoding: str):
    tables = load(write((HEADER + ROW).encode(encoding)))

    assert tables.rows == [(1, 2, "Muñoz", "2024-01-05", "10")]
    assert tables.facts.get("encoding", "utf-8-sig").startswith(encoding[:5])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "cp1252", "mac_roman", "cp850"])
def test_a_declared_encoding_is_taken(write: Write, load: Load, encoding: str):
    tables = load(write((HEADER + ROW).encode(encoding)), encoding=encoding)

    assert tables.texts == [("Muñoz", "2024-01-05", "10")]
    assert tables.facts["encoding"] == encoding


def test_c6_utf16_without_its_mark_is_told_how_to_say_so(write: Write, load: Load):
    for encoding in ("utf-16-le", "utf-16-be"):
        with pytest.raises(UnreadableSource, match=f"--set encoding={encoding}"):
            load(write((HEADER + ROW).encode(encoding)))


@pytest.mark.parametrize("text", ["Íñigo", "créée", "Muñoz; € 5", "O’Brien Peña", "1ª Núñez"])
def test_c7_western_words_prove_cp1252(write: Write, load: Load, text: str):
    assert load(write(f'{HEADER}"{text}",1,2\n'.encode("cp1252"))).texts == [(text, "1", "2")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Иван", "cp1251"),
        ("Γιάννης", "cp1253"),
        ("Łukasz", "cp1250"),
        ("Muñoz García", "cp850"),
        ("Muñoz García", "mac_roman"),
        ("£5", "cp1252"),
    ],
)
def test_c7_what_does_not_prove_cp1252_is_refused_with_its_line(
    write: Write, load: Load, text: str, encoding: str
):
    path = write(f"{HEADER}a,1,2\n{text},1,2\n".encode(encoding))

    with pytest.raises(UnreadableSource, match=r"line 3 is not UTF-8 text \(byte 0x"):
        load(path)


def test_c7_a_byte_that_cp1252_has_not_is_refused(write: Write, load: Load):
    content = HEADER.encode() + b"Mu\xf1oz,1,2\n\x81,1,2\n"

    with pytest.raises(UnreadableSource, match="line 2 is not UTF-8"):
        load(write(content))
    with pytest.raises(UnreadableSource, match=r"not written in cp1252 \(line 3, byte 0x81\)"):
        load(write(content), encoding="cp1252")


def test_bytes_are_looked_at_also_in_a_column_that_is_not_used(write: Write, load: Load):
    content = b"customer_id,date,amount,name\na,2024-01-05,10,x\nb,2024-01-05,10,\xff\xfe\xfd\n"

    with pytest.raises(UnreadableSource, match=r"line 3 is not UTF-8 text \(byte 0xff\)"):
        load(write(content))


def test_declared_utf8_is_not_taken_for_anything_else(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="line 2 is not UTF-8"):
        load(write((HEADER + ROW).encode("cp1252")), encoding="utf-8")


@pytest.mark.parametrize("text", ["MuÃ±oz", "LÃ³pez", "Â£5", "Lâ€™Oréal"])
def test_c7_text_decoded_wrongly_before_is_refused(write: Write, load: Load, text: str):
    path = write(f"{HEADER}a,1,2\n{text},1,2\n")

    with pytest.raises(UnreadableSource, match=f"1 rows hold text .* line 3: '{text}"):
        load(path)
    assert load(path, encoding="utf-8").texts[1][0] == text


def test_c7_utf8_declared_as_cp1252_is_refused(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="probably not written in cp1252: leave out"):
        load(write(HEADER + ROW), encoding="cp1252")


def test_text_decoded_wrongly_in_a_column_that_is_not_used_does_not_matter(
    write: Write, load: Load
):
    tables = load(write("customer_id,date,amount,name\na,1,2,MuÃ±oz\n"))

    assert tables.texts == [("a", "1", "2")]


@pytest.mark.parametrize("text", ["MAÇÃ", "IRMÃ »", "Ângela", "Ávila", "Ñuñoa"])
def test_real_words_are_not_taken_for_text_decoded_wrongly(write: Write, load: Load, text: str):
    assert load(write(f"{HEADER}{text},1,2\n")).texts == [(text, "1", "2")]


def test_a_character_cut_off_at_the_end_is_refused(write: Write, load: Load):
    with pytest.raises(UnreadableSource, match="line 2 is not UTF-8"):
        load(write(HEADER.encode() + b"a,2024-01-05,10,\xc3"))


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_what_crosses_two_chunks_is_seen_whole(
    write: Write, monkeypatch: pytest.MonkeyPatch, size: int
):
    path = write("ñ,1\r\nÃ±,2\r\nx".encode())
    monkeypatch.setattr(encodings, "CHUNK", size)

    scan = encodings.examine(path)

    assert (scan.bad, scan.lines, scan.line_ends, scan.broken) == (None, 3, ["CRLF"], True)
