"""Small tables written by hand: margins by category, costs by channel and cohort."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlab.errors import WrongTable
from crmlab.intake.rate_tables import MARGINS, WINNING, Kind, read_rates


def write(folder: Path, text: str | bytes, name: str = "rates.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("head", ["note;Cost; Channel ", "nota;Coste;Canal", "x;CAC;CANAL"])
def test_numbers_and_columns_are_read_as_they_are_written(tmp_path: Path, head: str) -> None:
    """A decimal comma, a currency sign, any order, English or Spanish names, others left alone."""
    found = read_rates(write(tmp_path, f"{head}\nx;12,50 €;web\ny;7,00; shop \n"), WINNING)

    told = {"channel": ["web", "shop"], "cost": [12.5, 7.0], "place": ["line 2", "line 3"]}
    assert found.rows.to_dict("list") == told
    assert len(str(found.origin.fingerprint)) == 64


MISTAKES: list[tuple[Kind, str | bytes, str, str]] = [
    (WINNING, "channel,price\nweb,1\n", "no column 'cost', only 'channel', 'price'", "coste"),
    (WINNING, "place,cost\nweb,1\n", "no column 'channel' or 'cohort'", "canal; cohorte"),
    (MARGINS, "categry,margin\na,.2\n", "no column 'category'", "perhaps 'categry', to 'category'"),
    (MARGINS, "category,Margen,margin%\na,1,2\n", "more than one column", "the right one"),
    (MARGINS, "", "it holds no rows", "a header with category and margin"),
    (WINNING, "cohort,cost\n", "it holds no rows", "a header with channel or cohort and cost"),
    (MARGINS, "category;margin\na;35%\nb;20 %\n", "2 rows have no number .*line 2: '35%'", "0.35"),
    (MARGINS, "category,margin\na,.3\nb,35\n", "first: line 2: '.3'", "0.35 for 35 %"),
    (MARGINS, "category,margin\na,35\nb,0.2\n", "outside -1 to 1 .*line 2: 'a' 35", "0.35 for"),
    (MARGINS, "category,margin\na,NaN\nb,1e400\n", "2 rows have no number .*'NaN'", "0.35"),
    (MARGINS, "category;margin\na;0.2\nb;0,3\n", "contradict each other", "one decimal sign"),
    (MARGINS, "category,margin\na,0,2\nb,0,3\n", "3 fields, but its header has 2", "semicolons"),
    (MARGINS, "category,margin\na,0.2\nb,0,3\n", "1 row has more or fewer .*line 3", "Quote"),
    (WINNING, "channel;cost\na;1.500\nb;2.500\n", "decimals or thousands", "one decimal sign"),
    (WINNING, "channel,cost\nshop,2\nweb,much\n", "1 row has no number .*line 3: 'much'", "12.50"),
    (WINNING, "channel,cost\nshop,2\nweb,\n", "1 row has no number .*line 3: nothing", "12.50"),
    (WINNING, "channel,cost\nshop,2\n,3.5\n", "1 row has no channel .*line 3", "a channel in"),
    (WINNING, "channel,cost\nweb,2\nshop,-4\n", "below 0 .*line 3: 'shop' -4", "0 or more"),
    (WINNING, "channel,cost\nweb,2\nWEB ,4\n", "1 of its rows repeats .*line 2 and line 3", "one"),
    (WINNING, "channel;cost\nweb;2 €\nshop;$4\n", "2 currencies", "one currency"),
    (WINNING, "Costs\n\nchannel,cost\nweb,2\n", "not in line 1 but in line 3", "Delete the lines"),
    (WINNING, "channel,cost\nweb,2\n".encode("utf-16-le"), "UTF-16 without", "Save .* UTF-8"),
    (WINNING, b"\x89PNG\r\n\x1a\n" + bytes(99), "an image", "Give a CSV"),
]


@pytest.mark.parametrize(("kind", "text", "found", "remedy"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_its_remedy(
    tmp_path: Path, kind: Kind, text: str | bytes, found: str, remedy: str
) -> None:
    """What the table is given as, what was found where, what to change in it: no other option."""
    path = write(tmp_path, text)

    with pytest.raises(WrongTable, match=f"rates.csv' .{kind.parameter}. .*{found}") as refused:
        read_rates(path, kind)
    assert refused.match(remedy)
    assert "--set" not in str(refused.value)
    assert len(str(refused.value)) < 400 + len(str(path))
