"""From the text of a source to typed records: each column by a closed grammar, in one way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from crmlab.intake import engines, forms, merged_ids, moments
from crmlab.intake.findings import Finding
from crmlab.intake.forms import DayForm, IdForm, NumberForm
from crmlab.intake.loaded import Loaded
from crmlab.intake.meaning import PLACEHOLDERS, TOTALS, Meaning
from crmlab.intake.moments import Moments
from crmlab.intake.reading import Reading

NUMBERS = ("amount", "quantity", "price", "discount", "cost", "margin")
TEXTS = ("transaction_id", "product", "category", "currency", "channel", "campaign")
DIGITS = {"amount": "18, 4"}
"""Digits that a column of numbers is carried with, if not 18 of which 6 are decimals."""

JOIN_NUMBERS = (
    "LEFT JOIN (SELECT * FROM {0}_values WHERE NOT plain) AS {0}_values "
    "ON source_rows.{0} = {0}_values.text"
)

CLEAN_TEXT = (
    "CASE WHEN regexp_full_match({0}, '[!-~]([ -~]*[!-~])?') THEN {0} "
    "ELSE nullif(nfc_normalize(stripped(visible({0}))), '') END"
)
"""Most text is plain: only what is not goes the long way."""


@dataclass(frozen=True)
class Conversion:
    """How the text of a source was understood.

    `proofs` tell how the order of dates and the decimal sign are known; `normalised` counts the
    cells that were brought into one form, by kind; `flags` tell what the text itself gives away;
    `customers` is how many there are, where every id is a customer's own.
    """

    proofs: tuple[Finding, ...]
    normalised: Mapping[str, int]
    flags: tuple[Finding, ...]
    currency: str | None
    customers: int | None = None


def convert(
    connection: duckdb.DuckDBPyConnection, loaded: Loaded, reading: Reading, meaning: Meaning
) -> Conversion:
    """Make the table records of source_rows and source_faults: the same rows in their types.

    Columns: record, customer_id, date, seconds (of the day, if told), amount (exact, to four
    decimals), reason (why a row cannot be used, or NULL), and every other role of the source.
    Raises UntrustedSource where text can be read in two ways and nothing decides.
    """
    connection.execute(engines.statement("grammar"))
    roles = _roles(connection)
    moment = moments.read(connection, loaded, reading)
    number = _numbers(connection, loaded, reading, [role for role in NUMBERS if role in roles])
    ids = _ids(connection, loaded.name, meaning)
    if "currency" in roles:
        rows = engines.fetch_rows(connection, engines.statement("currencies"), {})
        forms.refuse_currencies(loaded.name, [row["currency"] for row in rows])
    _records(connection, roles, moment, meaning)
    connection.execute(engines.statement("total_texts"), {"totals": list(TOTALS)})
    connection.execute(engines.statement("totals"))
    connection.execute(engines.statement("totals_named"))
    rounded = _rounded(connection, roles)
    merged = merged_ids.tell(connection, meaning.merged_ids)
    customers = connection.execute(engines.statement("plain_customers")).fetchall()[0][0]
    for role in roles:
        if role in NUMBERS:
            connection.execute(f"DROP TABLE {role}_texts; DROP TABLE {role}_values")
    moments.forget(connection, moment)
    connection.execute(
        "DROP TABLE id_texts; DROP TABLE ids; DROP TABLE id_map; DROP TABLE totals; "
        "DROP TABLE total_texts"
    )
    return Conversion(
        proofs=(moment.form.proof, number.proof),
        normalised=_normalised(moment.form, number, ids),
        flags=(*ids.personal, *merged, *rounded, *_midnight(moment.form)),
        currency=number.currencies[0] if number.currencies else None,
        customers=customers,
    )


def _roles(connection: duckdb.DuckDBPyConnection) -> list[str]:
    described = connection.execute("DESCRIBE source_rows").fetchall()
    return [name for name, *_ in described if name not in ("record", "line")]


def _numbers(
    connection: duckdb.DuckDBPyConnection, loaded: Loaded, reading: Reading, roles: list[str]
) -> NumberForm:
    for role in roles:
        connection.execute(engines.fill(engines.statement("number_texts"), role=role))
    number = forms.numbers(connection, loaded.name, reading, roles, loaded.exact_roles)
    for role in roles:
        decimal = "point" if role in loaded.exact_roles else number.decimal
        digits = DIGITS.get(role, "18, 6")
        sql = engines.fill(engines.statement("numbers"), role=role, digits=digits)
        connection.execute(sql, {"decimal": decimal})
    return number


def _ids(connection: duckdb.DuckDBPyConnection, source: str, meaning: Meaning) -> IdForm:
    asked = {
        "fold_case": meaning.fold_case,
        "keep_ids": list(meaning.keep_ids),
        "placeholders": [*PLACEHOLDERS, *meaning.placeholders],
        "totals": list(TOTALS),
        "each": meaning.fold_case or meaning.merged_ids is not None,
    }
    merged_ids.load(connection, meaning.merged_ids)
    connection.execute(engines.statement("id_texts"), asked)
    form = forms.ids(connection, source)
    connection.execute(engines.statement("ids"), {"as_whole": form.as_whole})
    return form


def _records(
    connection: duckdb.DuckDBPyConnection,
    roles: list[str],
    moment: Moments,
    meaning: Meaning,
) -> None:
    numbers = [role for role in NUMBERS if role in roles]
    others = [role for role in (*NUMBERS[1:], *TEXTS) if role in roles]
    told = {role: _other(role) for role in others}
    if "amount" in roles:
        told["written"] = _number("amount")
    joins = [*moment.joins, *(JOIN_NUMBERS.format(role) for role in numbers)]
    sql = engines.fill(
        engines.statement("records"),
        date=moment.date,
        day_reason=moment.reason,
        seconds=moment.seconds,
        amount=_amount(roles, meaning),
        amount_reason=_amount_reason(roles),
        others="".join(f", {sql} AS {name}" for name, sql in told.items()),
        names="".join(f", {role}" for role in others),
        joins="\n    ".join(joins),
    )
    connection.execute(sql)


def _amount(roles: list[str], meaning: Meaning) -> str:
    """SQL of a row's money: exact before it is carried with four decimals."""
    money = "written" if "amount" in roles else "product(quantity, price)"
    if meaning.amounts_sign == "reversed":
        money = f"-({money})"
    if meaning.cancelled is None or "transaction_id" not in roles:
        return money
    cancelled = f"starts_with(transaction_id, {engines.literal(meaning.cancelled)})"
    return f"CASE WHEN {cancelled} THEN -abs({money}) ELSE {money} END"


def _amount_reason(roles: list[str]) -> str:
    if "amount" in roles:
        return "amount_values.reason"
    return "coalesce(quantity_values.reason, price_values.reason)"


def _other(role: str) -> str:
    return _number(role) if role in NUMBERS else CLEAN_TEXT.format(f"source_rows.{role}")


def _number(role: str) -> str:
    digits = DIGITS.get(role, "18, 6")
    direct = f"TRY_CAST(source_rows.{role} AS DECIMAL({digits}))"
    return f"CASE WHEN {role}_values.text IS NULL THEN {direct} ELSE {role}_values.value END"


def _rounded(connection: duckdb.DuckDBPyConnection, roles: list[str]) -> tuple[Finding, ...]:
    """Amounts with more than four decimals, and what rounding them moved in all."""
    name = "rounded_amounts" if "amount" in roles else "rounded_products"
    (found,) = engines.fetch_rows(connection, engines.statement(name), {})
    if not found["rows"]:
        return ()
    return (Finding("rounded", {"rows": found["rows"], "money": found["money"]}),)


def _midnight(day: DayForm) -> tuple[Finding, ...]:
    return (Finding("all_midnight", {"rows": day.midnights}),) if day.midnights else ()


def _normalised(day: DayForm, number: NumberForm, ids: IdForm) -> dict[str, int]:
    counts = {
        "ids_cleaned": ids.cleaned,
        "ids_without_decimals": ids.whole,
        "amount_signs": number.signs,
        "amount_thousands": number.grouped,
        "years_of_two_digits": day.rows_of_two_digit_years,
    }
    return {kind: n for kind, n in counts.items() if n}
