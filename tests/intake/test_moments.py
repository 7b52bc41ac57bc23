"""A date is the same whether each text is read once or every row by itself."""

from collections.abc import Callable

import pytest

from crmlab.intake import moments
from crmlab.intake.log import TransactionLog

Rows = Callable[..., TransactionLog]


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["2024-01-05", "2024-01-06", "no day", ""], {}),
        (["31/12/2023", "05/01/2024", "5/1/2024 ", "2024-01-05"], {}),
        (["31/12/2023 8:26", "05/01/2024 10:30 pm", "05/01/2024", "05/01/2024 26:00"], {}),
        (["2024-01-05T23:30:00Z", "2024-01-06T00:30:00+02:00"], {"time_zone": "Europe/Madrid"}),
        (["45000", "45000.75", "2024-01-05"], {"date_system": "excel"}),
    ],
    ids=["days", "one form", "times", "instants", "numbers"],
)
def test_many_texts_are_read_as_few(
    rows: Rows, monkeypatch: pytest.MonkeyPatch, texts: list[str], options: dict[str, str]
):
    lines = [f"c{n},{text},{10 + n}" for n, text in enumerate(texts)]
    options = {"limit": 1.0, "reason_limit": 1.0, **options}
    few = rows(*lines, **options)
    monkeypatch.setattr(moments, "FEW", 0)
    many = rows(*lines, **options)
    asked = "SELECT record, date, seconds, reason FROM records ORDER BY record"
    found = [log.connection.cursor().execute(asked).fetchall() for log in (few, many)]
    assert found[0] == found[1]
    assert few.account("2024-12-31") == many.account("2024-12-31")
