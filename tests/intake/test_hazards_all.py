"""Every bad input of the catalogue has a test that bears its number."""

import re
from pathlib import Path

import pytest

ROWS = {"a": 18, "b": 20, "c": 30, "d": 9}
"""What rows mean (A), time (B), files (C), ids (D): how many of each are numbered."""

NAMED = re.compile(r"^def test_((?:[abcd][0-9]+_)+)", re.MULTILINE)


@pytest.mark.parametrize("letter", ROWS)
def test_every_numbered_hazard_has_a_test(letter: str):
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    found = {number for names in NAMED.findall(tests) for number in names.strip("_").split("_")}

    assert {f"{letter}{n}" for n in range(1, ROWS[letter] + 1)} == {
        number for number in found if number[0] == letter
    }
