"""How a source writes its days, numbers and ids: declared, proved from its rows, or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from crmlab.errors import UntrustedSource
from crmlab.intake import engines
from crmlab.intake.findings import Finding
from crmlab.intake.reading import Reading

ORDERS = {"dmy": "day before month", "mdy": "month before day"}
SERIALS = (
    (5, "excel", "an Excel day number"),
    (10, "epoch-s", "seconds since 1970"),
    (13, "epoch-ms", "milliseconds since 1970"),
    (16, "epoch-us", "microseconds since 1970"),
)
"""Whole digits of a number that stands for a day, and what it is likely to count."""


@dataclass(frozen=True)
class DayForm:
    """The one form in which a source's days are read, and the order of their parts.

    `instants` is whether they tell how far their clock is ahead of UTC, `timed` whether any row
    seems to tell a time of day.
    """

    form: str
    order: str
    timed: bool
    instants: bool
    proof: Finding
    rows_of_two_digit_years: int = 0
    midnights: int = 0


@dataclass(frozen=True)
class NumberForm:
    """The decimal sign of a source's numbers, with how it was told, and what was normalised."""

    decimal: str
    proof: Finding
    signs: int
    grouped: int
    currencies: tuple[str, ...]


@dataclass(frozen=True)
class IdForm:
    """Whether ids are whole numbers written with .0, and how many rows were cleaned."""

    as_whole: bool
    cleaned: int
    whole: int
    personal: tuple[Finding, ...] = ()


def days(
    connection: duckdb.DuckDBPyConnection, source: str, reading: Reading, exact: bool
) -> DayForm:
    """Decide how the table day_texts is to be read.

    The most frequent form that can be read is the source's; other rows are set aside. Raises
    UntrustedSource for numbers in the place of dates, for an order of day and month that is
    neither declared nor proved, and for instants without a time zone.
    """
    forms = engines.fetch_rows(connection, engines.statement("day_forms"), {})
    (times,) = engines.fetch_rows(connection, engines.statement("time_forms"), {})
    _refuse_numbers(source, reading, forms)
    known = [form for form in forms if _is_known(form["form"], reading)]
    chosen: dict[str, Any] = known[0] if known else {"form": "ymd", "rows": 0, "two_digit_years": 0}
    order, proof = _order(source, reading, chosen, exact)
    instants = 2 * times["instants"] > chosen["rows"]
    counted = str(reading.date_system).startswith("epoch") and chosen["form"] == "number"
    if (instants or counted) and reading.time_zone is None:
        raise _no_time_zone(source, times["example"] or chosen["example"])
    return DayForm(
        form=chosen["form"],
        order=order,
        timed=times["texts"] > 0,
        instants=instants,
        proof=proof,
        rows_of_two_digit_years=chosen["two_digit_years"],
        midnights=times["rows"] * (times["midnights"] == times["rows"]),
    )


def _is_known(form: str, reading: Reading) -> bool:
    if form == "number":
        return reading.date_system is not None
    return form not in ("empty", "other")


def _refuse_numbers(source: str, reading: Reading, forms: Sequence[dict[str, Any]]) -> None:
    """Numbers are no dates unless it is said what they count."""
    rows = {form["form"]: form["rows"] for form in forms}
    numbers = rows.get("number", 0)
    if reading.date_system is not None or 2 * numbers <= sum(rows.values()) - rows.get("empty", 0):
        return
    (example,) = (form["example"] for form in forms if form["form"] == "number")
    digits = len(example.lstrip("+-").replace(",", ".").partition(".")[0])
    likely = [(system, words) for n, system, words in SERIALS if n == digits]
    system, words = likely[0] if likely else ("excel", "a day number")
    raise UntrustedSource(
        source,
        "date_system",
        f"{numbers:,} rows have a number in the place of a date, such as {example}: "
        f"perhaps {words}",
        f"If so: --set date_system={system}. Otherwise name the column of dates: --set date=NAME",
    )


def _order(
    source: str, reading: Reading, chosen: dict[str, Any], exact: bool
) -> tuple[str, Finding]:
    """The order of day, month and year in a form, and how it is known."""
    form, rows = chosen["form"], chosen["rows"]
    if form == "number":
        system = str(reading.date_system)
        return "ymd", Finding("dates_counted", {"system": system, "rows": rows})
    if exact:
        return "ymd", Finding("dates_typed", {"rows": rows})
    if form in ("ymd", "d name y", "name d y"):
        code = "dates_by_name" if "name" in form else "dates_year_first"
        return "ymd" if form == "ymd" else "dmy", Finding(code, {"rows": rows})
    if reading.date_order is not None:
        order = reading.date_order
        return order, Finding("date_order_declared", {"order": order, "rows": rows})
    proved = {"dmy": chosen["only_dmy"], "mdy": chosen["only_mdy"]}
    if sum(n > 0 for n in proved.values()) != 1:
        raise _undecided_order(source, chosen, proved)
    order = max(proved, key=lambda name: proved[name])
    return order, Finding("date_order_proved", {"order": order, "rows": proved[order]})


def _undecided_order(
    source: str, chosen: dict[str, Any], proved: dict[str, int]
) -> UntrustedSource:
    choose = "Say which: --set date_order=dmy (31/12/2024) or --set date_order=mdy (12/31/2024)"
    if any(proved.values()):
        found = (
            f"its dates contradict each other: {proved['dmy']:,} can only be read with the day "
            f"before the month (first: {chosen['dmy_example']}), {proved['mdy']:,} only with the "
            f"month before the day (first: {chosen['mdy_example']})"
        )
    else:
        found = (
            f"whether its dates begin with the day or the month cannot be told: of "
            f"{chosen['rows']:,} like {chosen['example']} not one has a day above 12"
        )
    return UntrustedSource(source, "date_order", found, choose)


def _no_time_zone(source: str, example: str) -> UntrustedSource:
    return UntrustedSource(
        source,
        "time_zone",
        f"its dates are instants, such as {example}, and their day depends on where one stands",
        "Say in which time zone the business keeps its days: --set time_zone=Europe/Madrid",
    )


def numbers(
    connection: duckdb.DuckDBPyConnection, source: str, reading: Reading, roles: Iterable[str],
    exact: frozenset[str],
) -> NumberForm:  # fmt: skip
    """Decide how the tables <role>_texts are to be read; one decimal sign holds for all of them.

    Raises UntrustedSource if the sign is neither declared nor proved, or currencies differ.
    """
    found = {
        role: engines.fetch_rows(
            connection, engines.fill(engines.statement("number_forms"), role=role), {}
        )[0]
        for role in roles
    }
    written = [forms for role, forms in found.items() if role not in exact]
    decimal, proof = _decimal(source, reading, written)
    currencies = sorted({name for forms in found.values() for name in forms["currencies"] or ()})
    refuse_currencies(source, currencies)
    return NumberForm(
        decimal=decimal,
        proof=proof,
        signs=sum(forms["signs"] for forms in found.values()),
        grouped=sum(forms["grouped"] for forms in written),
        currencies=tuple(currencies),
    )


def _decimal(
    source: str, reading: Reading, written: Sequence[dict[str, Any]]
) -> tuple[str, Finding]:
    if reading.decimal is not None and written:
        return reading.decimal, Finding("decimal_declared", {"decimal": reading.decimal})
    if not written:
        return "point", Finding("decimal_typed", {})
    point, comma = (sum(forms[f"only_{name}"] for forms in written) for name in ("point", "comma"))
    either = sum(forms["either"] for forms in written)
    if point and comma:
        found = (
            f"its numbers contradict each other: {point:,} can only have a decimal point (first: "
            f"{_example(written, 'point')}), {comma:,} only a decimal comma (first: "
            f"{_example(written, 'comma')})"
        )
        raise _undecided_decimal(source, found)
    if point or comma:
        decimal = "point" if point else "comma"
        return decimal, Finding("decimal_proved", {"decimal": decimal, "rows": point or comma})
    if either:
        raise _undecided_decimal(
            source,
            f"whether {_example(written, 'either')} has decimals or thousands cannot be told; "
            f"{either:,} numbers are like it, and none decides",
        )
    return "point", Finding("decimal_none", {})


def _example(written: Sequence[dict[str, Any]], kind: str) -> str:
    return str(next(f[f"{kind}_example"] for f in written if f[f"{kind}_example"] is not None))


def _undecided_decimal(source: str, found: str) -> UntrustedSource:
    choose = "Say which sign parts the decimals: --set decimal=point or --set decimal=comma"
    return UntrustedSource(source, "decimal", found, choose)


def refuse_currencies(source: str, currencies: Sequence[str]) -> None:
    """Refuse amounts in several currencies: their sum means nothing."""
    if len(currencies) > 1:
        shown = ", ".join(currencies[:5]) + (", ..." if len(currencies) > 5 else "")
        raise UntrustedSource(
            source,
            "currencies",
            f"its amounts are in {len(currencies)} currencies ({shown})",
            "Turn them into one currency first, or give one file a currency.",
        )


def ids(connection: duckdb.DuckDBPyConnection, source: str) -> IdForm:
    """Decide how the table id_texts is to be read.

    Raises UntrustedSource for ids that a program has spoiled, or that are amounts.
    """
    (found,) = engines.fetch_rows(connection, engines.statement("id_forms"), {})
    if found["powers"]:
        raise UntrustedSource(
            source,
            "ids_rounded",
            f"a spreadsheet has rounded {found['powers']:,} customer ids "
            f"(first: {found['power_example']}); what they were is lost",
            "Export them anew, with the column formatted as text.",
        )
    if 2 * found["fractions"] > found["rows"]:
        raise UntrustedSource(
            source,
            "ids_are_amounts",
            f"{found['fractions']:,} customer ids are numbers with decimals, as amounts are "
            f"(such as {found['other_example']})",
            "Name the column that says who bought: --set customer_id=NAME",
        )
    if 0 < found["floats"] < found["rows"]:
        raise UntrustedSource(
            source,
            "ids_mixed",
            f"{found['floats']:,} of {found['rows']:,} customer ids end in .0 (such as "
            f"{found['float_example']}), others do not (such as {found['other_example']}): the "
            "same customer may be there twice",
            "Export them anew, with the column formatted as text.",
        )
    personal = _personal(connection, found)
    return IdForm(bool(found["floats"]), found["cleaned"], found["floats"], personal)


def _personal(connection: duckdb.DuckDBPyConnection, found: dict[str, Any]) -> tuple[Finding, ...]:
    """Ids by which a person can be found outside: e-mail, national identity number, telephone."""
    kinds = {"emails": 0.01, "national_ids": 0.5, "phones": 0.5}
    if not any(found[kind] for kind in kinds):
        return ()
    ((ids,),) = connection.execute(engines.statement("distinct_ids")).fetchall()
    return tuple(
        Finding("personal_ids", {"kind": kind, "customers": found[kind]})
        for kind, least in kinds.items()
        if found[kind] and found[kind] >= least * ids
    )
