"""Who: ids that programs have changed, that look alike, or that are none (hazards D)."""

import unicodedata
from collections.abc import Callable

import pandas as pd
import pytest

import crmlab
from crmlab.errors import ModelError, UntrustedSource
from crmlab.intake.account import Account
from crmlab.intake.log import TransactionLog

Rows = Callable[..., TransactionLog]
END = "2024-12-31"


def flags(account: Account) -> dict[str, dict[str, object]]:
    return {flag.code: dict(flag.figures) for flag in account.flags}


def ids(log: TransactionLog) -> list[str]:
    return list(log.summarize(END).index)


def refused(code: str) -> "pytest.RaisesExc[UntrustedSource]":
    return pytest.raises(UntrustedSource, check=lambda error: error.code == code)


def test_d1_leading_zeros_stay(rows: Rows):
    assert ids(rows("00123,2024-01-05,10", "123,2024-01-05,10")) == ["00123", "123"]


def test_d2_ids_that_all_became_floats_are_whole_again_and_counted(rows: Rows):
    log = rows("12345.0,2024-01-05,10", "7.0,2024-01-05,10", ",2024-01-05,10", "NA,2024-01-05,1")

    assert ids(log) == ["12345", "7"]
    assert log.understanding.normalised["ids_without_decimals"] == 2


def test_d2_ids_of_which_some_became_floats_are_refused(rows: Rows):
    with refused("ids_mixed") as caught:
        rows("12345.0,2024-01-05,10", "12345,2024-01-06,10")

    assert "1 of 2 customer ids end in .0 (such as 12345.0), others do not (such as 12345)" in str(
        caught.value
    )


def test_d3_ids_that_a_spreadsheet_rounded_are_refused(rows: Rows):
    with refused(
        "ids_rounded",
    ) as caught:
        rows("1.23457E+17,2024-01-05,10", "x,2024-01-05,10")

    assert "has rounded 1 customer ids (first: 1.23457E+17)" in str(caught.value)


def test_d3_long_ids_stay_apart(rows: Rows):
    long = ["12345678901234567", "12345678901234568", "12345678901234567890"]

    assert len(ids(rows(*(f"{name},2024-01-05,10" for name in long)))) == 3


def test_d4_words_of_programs_are_text_or_mean_nobody(rows: Rows):
    kept, nobody = ["TRUE", "1e5", "inf"], ["NA", "None", "null", "nan"]
    log = rows(*(f"{name},2024-01-05,{n + 1}" for n, name in enumerate([*kept, *nobody])))

    assert ids(log) == sorted(kept)
    assert log.account(END).set_aside["placeholder_id"].records == 4


@pytest.mark.parametrize(
    "text", [" a", "a ", "\u00a0a", "a\u202f", "\ufeffa", "a\u200b", "\u00ada"]
)
def test_d5_blanks_and_invisible_signs_make_no_customer(rows: Rows, text: str):
    log = rows("a,2024-01-05,10", f'"{text}",2024-01-06,10')

    assert ids(log) == ["a"]
    assert log.understanding.normalised["ids_cleaned"] == 1


def test_d5_case_makes_a_customer_unless_it_is_said(rows: Rows):
    lines = ("Ana,2024-01-05,10", "ANA,2024-01-06,10", "aña,2024-01-06,10", "AÑA,2024-01-06,11")

    assert len(ids(rows(*lines))) == 4
    assert ids(rows(*lines, fold_case=True)) == ["ana", "aña"]


def test_d6_accents_in_two_forms_are_one_customer(rows: Rows):
    composed, apart = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    log = rows(f"{composed},2024-01-05,10", f"{apart},2024-01-06,10")

    assert composed != apart
    assert ids(log) == [composed]
    assert log.understanding.normalised["ids_cleaned"] == 1


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (("ana@example.org", "b", "c"), "emails"),
        (("12345678Z", "X1234567L", "a"), "national_ids"),
        (("+34 600 123 456", "600123457", "a"), "phones"),
    ],
)
def test_d7_ids_that_tell_who_a_person_is_are_told(rows: Rows, texts: tuple[str, ...], kind: str):
    account = rows(*(f"{text},2024-01-05,{n + 1}" for n, text in enumerate(texts))).account(END)

    assert flags(account)["personal_ids"]["kind"] == kind
    assert not any(text in str(account.as_dict()) for text in texts[:1])


def test_d7_plain_numbers_are_no_telephones(rows: Rows):
    account = rows(*(f"{n}12345678,2024-01-05,{n + 1}" for n in (1, 2, 3, 4, 5))).account(END)

    assert "personal_ids" not in flags(account)


def test_d8_ids_that_hardly_ever_repeat_are_numbers_of_orders(rows: Rows):
    lines = [f"order-{n},2024-01-{1 + n % 28:02d},{n + 1}" for n in range(1001)]
    with refused("unique_ids") as caught:
        rows(*lines)

    assert "its 1,001 rows have 1,001 customer ids" in str(caught.value)
    assert rows(*lines, accept="unique_ids").customers == 1001
    assert rows(*lines[:1000]).customers == 1000
    again = [f"order-{n},2024-02-01,{n + 1}" for n in range(11)]
    assert rows(*lines, *again).customers == 1001


def test_d8_ids_that_are_amounts_are_refused(rows: Rows):
    with refused("ids_are_amounts") as caught:
        rows("12.50,2024-01-05,10", "7.25,2024-01-06,10", "3.00,2024-01-06,10")

    assert "such as 12.50" in str(caught.value) or "such as 7.25" in str(caught.value)


def test_d9_a_base_without_repeaters_is_not_estimable(rows: Rows):
    log = rows(*(f"c{n},2024-01-{1 + n:02d},{n + 1}" for n in range(20)))
    with pytest.raises(ModelError, match="cannot be estimated"):
        crmlab.Study.run(log, observation_end="2024-03-01", margin=0.3, discount_rate=0.1)


def test_d9_one_customer_is_no_base():
    frame = pd.DataFrame(
        {"customer_id": "a", "date": ["2024-01-05", "2024-02-05"], "amount": [1, 2]}
    )
    with pytest.raises(ModelError, match="cannot be estimated"):
        crmlab.Study.run(
            crmlab.read_transactions(frame), observation_end="2024-03-01", margin=0.3,
            discount_rate=0.1,
        )  # fmt: skip
