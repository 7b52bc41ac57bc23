"""Words and numbers in two languages and several regions."""

from __future__ import annotations

import re
import string
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from crmlab.errors import WrongParameter
from crmlab.reporting import language as words
from crmlab.reporting.language import LANGUAGES, Language, texts


def placeholders(text: str) -> set[str]:
    """Names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys() -> None:
    """No text is missing in one of them."""
    assert set(texts("en")) == set(texts("es"))


@pytest.mark.parametrize("code", LANGUAGES)
def test_no_key_is_in_two_files(code: str) -> None:
    """The texts about contracts add to the others and replace none."""
    folder = Path(words.__file__).parent / "text"
    keys = [
        key for file in (f"{code}.toml", f"{code}_contracts.toml")
        for key, _ in words._flat(tomllib.loads((folder / file).read_text(encoding="utf-8")))
    ]  # fmt: skip

    assert len(keys) == len(set(keys)) == len(texts(code))


@pytest.mark.parametrize("key", sorted(texts("en")))
def test_a_text_has_the_same_placeholders_in_both(key: str) -> None:
    """A number that one language shows, the other shows."""
    assert placeholders(texts("en")[key]) == placeholders(texts("es")[key])


def test_no_text_stands_twice_in_the_wrong_language() -> None:
    """Long texts differ between the languages: none was left untranslated."""
    same = [k for k, v in texts("en").items() if v == texts("es")[k] and len(v) > 25]

    assert same == []


WRITTEN = [
    (words.count(23570), "23,570", "23.570"),
    (words.share(0.384), "38%", "38\xa0%"),
    (words.share(0.0667), "6.7%", "6,7\xa0%"),
    (words.share(0.0), "0%", "0\xa0%"),
    (words.rate(0.95813), "95.8%", "95,8\xa0%"),
    (words.p_value(0.01234), "=\xa00.0123", "=\xa00,0123"),
    (words.p_value(1e-9), "<\xa00.0001", "<\xa00,0001"),
    (words.share(-0.143), "-14%", "-14\xa0%"),
    (words.number(1.226), "1.23", "1,23"),
    (words.number(12.26), "12.3", "12,3"),
    (words.money(719815.05), "$720,000", "720.000\xa0US$"),
    (words.money(1100606), "$1.1 million", "1,1 millones de US$"),
    (words.money(48.826), "$48.83", "48,83\xa0US$"),
    (words.money(0.004), "$0.00", "0,00\xa0US$"),
    (words.money(0.0), "$0.00", "0,00\xa0US$"),
    (words.money(-1234.5), "-$1,230", "-1.230\xa0US$"),
    (words.signed(122177.4), "+$122,000", "+122.000\xa0US$"),
    (words.signed(-65146.19), "-$65,100", "-65.100\xa0US$"),
    (words.Quantity(50.0, "whole_money"), "$50", "50\xa0US$"),
    (words.Quantity(2e6, "whole_money"), "$2 million", "2 millones de US$"),
    (words.Quantity(0.02, "whole_share"), "2%", "2\xa0%"),
    (words.points(0.0074), "0.7", "0,7"),
    (words.listed(["sBG", "BdW"]), "sBG and BdW", "sBG y BdW"),
    (words.listed(["plan"]), "plan", "plan"),
    (words.Quantity(2500315.63, "cents"), "$2,500,315.63", "2.500.315,63\xa0US$"),
    (words.day("1998-06-30"), "June 30, 1998", "30 de junio de 1998"),
    (words.years(5), "5 years", "5 años"),
    (words.age(14, "month"), "14 to 15 months", "de 14 a 15 meses"),
    (words.years(1), "1 year", "1 año"),
    (words.length(22.41, "week"), "22.4 weeks", "22,4 semanas"),
    (words.Quantity(pd.Period("1997-01", "M"), "period"), "Jan 1997", "ene 1997"),
    (words.Quantity(float("nan"), "money"), "–", "–"),
    (words.Quantity(None, "count"), "–", "–"),
]


@pytest.mark.parametrize(("quantity", "english", "spanish"), WRITTEN)
def test_numbers_are_written_as_the_language_does(
    quantity: words.Quantity, english: str, spanish: str
) -> None:
    """Counts, shares, money, dates, ages; missing ones as a dash."""
    assert Language("en", currency="USD").write(quantity) == english
    assert Language("es", currency="USD").write(quantity) == spanish


def test_regions_of_one_language_differ() -> None:
    """Mexico writes a decimal point, Spain a comma; Britain the day before the month."""
    assert Language("es", "MX", "MXN").write(words.money(48.826)) == "$48.83"
    assert Language("es", "ES", "EUR").write(words.money(48.826)) == "48,83\xa0€"
    assert Language("en", "GB", "GBP").write(words.money(48.826)) == "£48.83"
    assert Language("en", "GB").write(words.day("1998-06-30")) == "30 June 1998"


def test_an_unknown_language_or_region_is_refused() -> None:
    """Before any page is written."""
    with pytest.raises(WrongParameter, match="Parameter 'region' is 'ZZ'"):
        Language("en", "ZZ")
    with pytest.raises(WrongParameter, match="expected en or es"):
        Language("fr")


def test_without_a_currency_there_is_no_symbol() -> None:
    """A sign that nobody gave would be a wrong figure."""
    bare = Language("en")

    assert bare.write(words.money(48.826)) == "48.83"
    assert bare.write(words.money(1100606)) == "1.1 million"
    assert bare.write(words.Quantity(12.5, "cents")) == "12.50"


def test_data_in_a_sentence_is_not_a_template() -> None:
    """Braces in a source's name stay braces."""
    said = Language("en").text(
        "valuation.about", source=words.plain("{x}.csv"), end=words.day("2024-01-31")
    )

    assert "{x}.csv" in said


@pytest.mark.parametrize("code", LANGUAGES)
def test_texts_hold_no_markup(code: str) -> None:
    """Sentences are words; what they look like is the page's business."""
    assert not [k for k, v in texts(code).items() if re.search(r"<[a-z/]", v)]


def test_every_text_is_asked_for() -> None:
    """Keys that no code names are leftovers."""
    package = Path(words.__file__).parents[1]
    source = "".join(
        p.read_text(encoding="utf-8")
        for p in package.rglob("*")
        if p.suffix in (".py", ".j2") and "text" not in p.parts
    )
    leftovers = [
        key for key in texts("en")
        if not any(part in source for part in (f'"{key}"', f'"{key.rsplit(".", 1)[-1]}"'))
        and not key.startswith(("glossary.", "page.", "column.", "table.", "light.", "register.",
                                "action.", "group.", "unit.", "age.", "model", "account.rows.",
                                "found.",
                                "zero_amount.", "rule.", "rhythm.", "trust.light.", "newer.",
                                "decision.newer_", "decision.step_",
                                "contracts.first_", "contracts.decision_", "contracts.light_",
                                "contracts.own_", "contracts.found.", "contracts.end_is.",
                                "contracts.rows.", "contracts.why.", "contract_life.",
                                "contract_assumes.", "drivers.found.", "trust.range_", "figure.",
                                    "word.too_"))
    ]  # fmt: skip

    assert leftovers == []
