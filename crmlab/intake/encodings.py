"""The text of a file as plain UTF-8: seen, declared or proved, never guessed."""

from __future__ import annotations

import codecs
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crmlab.errors import UnreadableSource
from crmlab.intake import engines

CHUNK = 1 << 20

UTF_8 = ("utf-8", "utf8", "utf-8-sig")
"""Names under which a user says: the text is right as it stands."""

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte-order marks and what they say."""

LETTERS = "áéíóúàèìòùâêîôûäëïöüãõñçåæœøßÁÉÍÓÚÀÈÌÒÙÂÊÎÔÛÄËÏÖÜÃÕÑÇÅÆŒØ"
APART = "€£¥¢§©®™°ªº«»¿¡…‘“”\u00a0"
WESTERN_TEXT = frozenset(map(chr, range(128))) | frozenset(LETTERS + APART + "·–—’")
"""What Western European text holds: letters, and signs of which some stand apart from words."""

_WORD = re.compile(f"[a-zA-Z{LETTERS}]+")
_HALF = re.compile("í[\u00a0-\u00bf][\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
"""Half a character of UTF-16 that somebody wrote as UTF-8, read as cp1252."""

_WITHIN_WORD = re.compile(f"[a-zA-Z][{APART}][a-zA-Z]")

BROKEN = "[ÃÂ][\\x{80}-\\x{9F}\\x{A1}-\\x{BA}\\x{BC}-\\x{BF}]|Ã[‘“‰š•€‚ƒ„†‡ˆŠŒŽœžŸ™˜]|â€|â‚¬"
"""UTF-8 that was once read as cp1252, such as Ã± for ñ: a pattern for the engine."""

_BROKEN = re.compile(re.sub(r"\\x\{(..)\}", r"\\x\1", BROKEN))


@dataclass
class Scan:
    """What one reading of all of a text's bytes shows. `bad` is line and byte that is no UTF-8."""

    digest: str = ""
    line_feeds: int = 0
    returns: int = 0
    pairs: int = 0
    open_end: bool = False
    broken: bool = False
    bad: tuple[int, int] | None = None
    tail: str = ""

    @property
    def lines(self) -> int:
        """Physical lines, the last one also without a line end."""
        return self.line_feeds + self.returns - self.pairs + self.open_end

    @property
    def line_ends(self) -> list[str]:
        """The kinds of line end there are."""
        kinds = {
            "LF": self.line_feeds - self.pairs,
            "CRLF": self.pairs,
            "CR": self.returns - self.pairs,
        }
        return [kind for kind, count in kinds.items() if count]


@dataclass(frozen=True)
class Text:
    """A file of plain UTF-8: the source itself or a private copy, and what was found in it."""

    path: Path
    scan: Scan
    digest: str  # of the source's own bytes
    facts: tuple[tuple[str, str], ...] = field(default=())


def plain(path: Path, name: str, declared: str | None, folder: Path) -> Text:
    """The file as UTF-8, read in place if it is that already.

    Without a declaration its mark decides, then UTF-8, then cp1252 if its letters prove it.
    Raises UnreadableSource, with the line, for what is none of them.
    """
    with path.open("rb") as file:
        start = file.read(4)
    encoding = declared or next((said for mark, said in MARKS if start.startswith(mark)), "utf-8")
    if codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        return _transcoded(path, name, encoding, folder)
    scan = examine(path)
    if scan.bad is None:
        return Text(path, scan, scan.digest)
    if declared is None and proves_cp1252(path):
        return _transcoded(path, name, "cp1252", folder)
    line, byte = scan.bad
    raise UnreadableSource(
        name,
        f"line {line} is not UTF-8 text (byte 0x{byte:02x})",
        "Save it in UTF-8 (in Excel: CSV UTF-8), or say how it is written, for example: "
        "--set encoding=cp1252",
    )


def examine(path: Path) -> Scan:
    """Read a file once: fingerprint, line ends, whether it is UTF-8, traces of broken text."""
    scan, digest = Scan(), hashlib.sha256()
    decoder, last = codecs.getincrementaldecoder("utf-8")(), b""
    # Hashing lets other threads run, so that it costs no time beside the counting.
    with path.open("rb") as file, ThreadPoolExecutor(1) as aside:
        while chunk := file.read(CHUNK):
            hashed = aside.submit(digest.update, chunk)
            _decode(scan, decoder, chunk)
            _count(scan, last, chunk)
            last = chunk[-1:]
            hashed.result()
    _decode(scan, decoder, b"", final=True)
    scan.digest, scan.open_end = digest.hexdigest(), last not in (b"", b"\n", b"\r")
    return scan


def _count(scan: Scan, last: bytes, chunk: bytes) -> None:
    """Add a chunk's line ends; `last` is the byte before it."""
    scan.line_feeds += occurrences(chunk, b"\n")
    scan.pairs += last + chunk[:1] == b"\r\n"
    if b"\r" in chunk:
        scan.returns += occurrences(chunk, b"\r")
        scan.pairs += chunk.count(b"\r\n")


def occurrences(chunk: bytes, sign: bytes) -> int:
    """How often a sign stands in a chunk."""
    if len(sign) > 1:
        return chunk.count(sign)
    # Where a byte is frequent, far quicker than bytes.count.
    return int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == sign[0]))


def _decode(
    scan: Scan, decoder: codecs.IncrementalDecoder, chunk: bytes, final: bool = False
) -> None:
    if scan.bad or (chunk.isascii() and not decoder.getstate()[0] and not final):
        scan.tail = ""
        return
    try:
        text = decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line = 1 + scan.line_feeds + (before.count(b"\n") or before.count(b"\r"))
        scan.bad = line + (0 if scan.line_feeds else scan.returns), error.object[error.start]
        return
    if not scan.broken:
        scan.broken = bool(_BROKEN.search(scan.tail + text))
    scan.tail = (scan.tail + text)[-2:]


def proves_cp1252(path: Path) -> bool:
    """Do all bytes beyond ASCII make Western European words and signs when read as cp1252?

    In a word at most half of the letters lie beyond ASCII, as in Íñigo; so Cyrillic or Greek, of
    which cp1252 makes Èâàí, proves nothing, nor does a sign within a word, as in Mu¤oz.
    """
    proofs = 0
    decoder = codecs.getincrementaldecoder("cp1252")()
    with path.open("rb") as file:
        while lines := file.readlines(CHUNK):
            try:
                text = "".join(decoder.decode(line) for line in lines if not line.isascii())
            except UnicodeDecodeError:
                return False
            if not WESTERN_TEXT.issuperset(text) or _WITHIN_WORD.search(text) or _HALF.search(text):
                return False
            words = [word for word in _WORD.findall(text) if not word.isascii()]
            if any(len(word) > 1 and 2 * _beyond(word) > len(word) for word in words):
                return False
            proofs += sum(len(word) > 1 for word in words)
    return proofs > 0


def _beyond(word: str) -> int:
    return sum(not letter.isascii() for letter in word)


def _transcoded(path: Path, name: str, encoding: str, folder: Path) -> Text:
    """A private copy in UTF-8."""
    copy = folder / "text.csv"
    digest, decoder, lines = hashlib.sha256(), codecs.getincrementaldecoder(encoding)(), 1
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        out = stack.enter_context(
            open(copy, "x", encoding="utf-8", newline="", opener=engines.private)
        )
        while True:
            chunk = file.read(CHUNK)
            digest.update(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                raise _not_written_so(name, encoding, lines, error) from None
            out.write(text)
            lines += text.count("\n")
            if not chunk:
                break
    return Text(copy, examine(copy), digest.hexdigest(), (("encoding", encoding),))


def _not_written_so(name: str, encoding: str, lines: int, error: UnicodeError) -> UnreadableSource:
    found = f"it is not written in {encoding}"
    if isinstance(error, UnicodeDecodeError):
        line = lines + error.object.count(b"\n", 0, error.start)
        found += f" (line {line}, byte 0x{error.object[error.start]:02x})"
    return UnreadableSource(name, found, "Save it in UTF-8, or say how it is written.")
