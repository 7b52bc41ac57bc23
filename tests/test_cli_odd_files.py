"""`crmlab check` on what is no table, or an odd one: a line that helps, and never a traceback."""

from __future__ import annotations

import os
import socket
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from crmlab.cli import app

HEAD = "customer_id,date,amount\n"
ROWS = "a,2024-01-05,10\nb,2024-01-06,5\n"
Make = Callable[[Path], object]


def check(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def archive(*names: str, secret: bool = False) -> Make:
    """Writes a zip archive of these files, which may say that it has a password."""

    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as file:
            for name in names:
                file.writestr(name, HEAD + ROWS)
        data = bytearray(path.read_bytes())
        data[6] |= secret
        data[data.find(b"PK\x01\x02") + 8] |= secret
        path.write_bytes(data)

    return make


def text(content: str, encoding: str = "utf-8") -> Make:
    """Writes a text."""
    return lambda path: path.write_bytes(content.encode(encoding, "surrogatepass"))


def listen(path: Path) -> None:
    """Leaves a socket, from its own folder for the sake of a short name."""
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


def workbook(path: Path) -> None:
    """Writes formulas that were never computed, and cells that were merged."""
    book = openpyxl.Workbook()
    for row in (HEAD.strip().split(","), ["a", "=TODAY()", "=1+2"], ["b", "2024-01-05", 1], [1, 2]):
        book.active.append(row)  # type: ignore[union-attr]
    book.active.merge_cells("A2:A4")  # type: ignore[union-attr]
    book.save(path)


WIDE = ",".join(f"c{n}" for n in range(10_000))


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("a.csv", Path.mkdir, "it is a folder"),
        ("a.csv", os.mkfifo, "it is not a file"),
        ("a.csv", listen, "it is not a file"),
        ("a.csv", lambda path: path.symlink_to(path.name), "There is no file"),
        ("a.zip", archive("a.csv", "b.csv"), "it is a zip archive of 2 files (a.csv, b.csv)"),
        ("a.zip", archive("a.csv", secret=True), "it has a password"),
        ("a.xlsx", workbook, "date_unreadable"),
        ("a.csv", text(f"{HEAD}a,2024-01-05,{'9' * 10_000_000}\n"), "line 2 is longer than"),
        ("a.csv", text(f"{HEAD}a\ud800,2024-01-05,1\n"), "line 2 is not UTF-8"),
        ("a.csv", text(HEAD + ROWS, "utf-16-le"), "--set encoding=utf-16-le"),
        ("a.csv", text("\0" * 10_000), "--set encoding=utf-16"),
        ("a.csv", text(f"{WIDE}\n"), "and 9,960 more"),
        ("a.csv", text("date," + HEAD + ROWS), "more than one column could be 'date'"),
        ("a.csv", text(HEAD), "has no rows that can be used"),
        ("a.csv", text(""), "has no rows that can be used"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, make: Make, said: str
) -> None:
    """The file, what was found, and what to do; exit code 3."""
    monkeypatch.chdir(tmp_path)
    make(Path(name))
    result = check(name)
    (line,) = result.stderr.splitlines()

    assert 3 == result.exit_code
    assert said in line
    assert name in line
    assert len(line) < 1_000


@pytest.mark.parametrize(
    "content",
    [
        f"{WIDE},{HEAD}" + ",".join("1" * 10_000) + ",a,2024-01-05,10\n",
        "customer_id,date,amount\r\na,2024-01-05,4\nb,2024-01-06,5\rc,2024-01-07,1\r\n",
        f"{HEAD}[bold]a[/bold],2024-01-05,5\n\x1b[31mb,2024-01-06,5\n[/],2024-01-07,5\n",
    ],
    ids=["ten thousand columns", "lines that end in three ways", "signs of terminals"],
)
def test_what_is_odd_but_clear_is_read(tmp_path: Path, content: str) -> None:
    """Ten of money, whatever stands around it; no sign reaches the terminal as a command."""
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode())
    result = check(path, "--set", "limit=1", "--set", "reason_limit=1")

    assert 0 == result.exit_code
    assert "10.00" in result.stdout
    assert "\x1b" not in result.output
