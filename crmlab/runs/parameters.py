"""The reports' parameters: name, type, unit, default and meaning of each, declared once."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from crmlab.errors import AddressAsSource, MissingParameter, UnknownParameter, WrongParameter
from crmlab.units import Unit

CDNOW = ("cdnow", "cdnow-sample")
"""The built-in sources; any other is the path of a file."""

BASE = re.compile(r"base(:(?P<folder>.+?))?(?P<day>@[0-9-]+)?")
"""How a customer base is named as a source, as crmlab.intake.customer_base.address has it."""

CDNOW_FACTS: dict[str, str] = {
    "zero_amount": "occasion",
    "observation_end": "1998-06-30",
    "calibration_end": "1997-09-30",
    "currency": "USD",
}
"""What is known of the built-in sources and need not be given."""

REGIONS = {"en": "US", "es": "ES"}
"""The region of a language if none is given."""

_MISSING = "the last day on which a purchase could have been seen in the source"


def _check_date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("not YYYY-MM-DD")
    if not 1900 <= datetime.date.fromisoformat(text).year <= 2100:
        raise ValueError("not between 1900 and 2100")
    return text


def _check_text(text: str) -> str:
    text.encode()  # a lone surrogate could be passed on, but in no file be written
    return text


Text = Annotated[str, AfterValidator(_check_text)]
Date = Annotated[str, AfterValidator(_check_date)]


def _declare(default: object, meaning: str, expected: str, unit: str = "", **limits: Any) -> Any:
    extra: JsonDict = {"unit": unit, "expected": expected}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


def _column(meaning: str, needed: bool = False) -> Any:
    default = "" if needed else ", if there is one"
    return _declare(
        None, f"the column with {meaning}. If not given: the one of this name{default}",
        "a column's name", min_length=1,
    )  # fmt: skip


def _cost(meaning: str, default: float | None = 0.0) -> Any:
    return _declare(default, f"what {meaning}", "an amount, 0 or more", "money", ge=0)


COLUMNS = (
    "customer_id", "date", "amount", "quantity", "price", "transaction_id", "product", "category",
    "currency_column", "channel", "campaign", "discount", "cost", "margin_column",
)  # fmt: skip
"""Parameters that name the source's columns."""

READING = (
    "encoding", "delimiter", "decimal", "date_order", "date_system", "skip_lines", "sheet", "table",
    "query", "time_zone",
)  # fmt: skip
"""Parameters that say how the source is written, where it does not show it itself."""

COSTS = ("cost_per_occasion", "cost_per_year", "retention_per_year", "acquisition_cost")
"""Parameters that say what customers cost."""

MEANING = (
    "zero_amount", "returns", "cancelled", "duplicates", "start", "placeholders", "keep_ids",
    "merged_ids",
    "fold_case", "amounts_sign", "vat", "limit", "reason_limit", "accept",
)  # fmt: skip
"""Parameters that say how its rows are understood."""


class SourceParameters(BaseModel):
    """Where the purchases are, how they are read and what they mean."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    source: Text = _declare(
        CDNOW[0],
        "the purchases: the path of a CSV, Excel, Parquet or DuckDB file, postgres:NAME for a "
        "named connection, base for the customer base (base@2024-06-30: as it was known then; "
        "base:FOLDER: another than data/base), or cdnow for the built-in example",
        "the path of a file, postgres:NAME, base or cdnow",
        min_length=1,
    )
    customer_id: Text | None = _column("who bought", needed=True)
    date: Text | None = _column("the day of the purchase", needed=True)
    amount: Text | None = _column("the money paid; or else give quantity and price", needed=True)
    quantity: Text | None = _column("the number of pieces, in lines of orders")
    price: Text | None = _column("the price of a piece, in lines of orders")
    transaction_id: Text | None = _column("the number of the order, invoice or receipt")
    product: Text | None = _column("what was bought")
    category: Text | None = _column("the kind of product")
    currency_column: Text | None = _column("the currency, which must be one for all rows")
    channel: Text | None = _column("the channel of the sale")
    campaign: Text | None = _column("the campaign behind the sale")
    discount: Text | None = _column("the discount")
    cost: Text | None = _column("what the goods cost")
    margin_column: Text | None = _column("what the sale left")
    encoding: Text | None = _declare(
        None,
        "the encoding of a text file. If not given: seen from its bytes",
        "an encoding, such as utf-8 or cp1252",
    )
    delimiter: Text | None = _declare(
        None,
        "what parts the columns of a text file. If not given: seen from its header",
        "comma, semicolon, tab, bar, or the sign itself",
    )
    decimal: Literal["point", "comma"] | None = _declare(
        None, "the decimal sign of numbers. If not given: proved from them", "point or comma"
    )
    date_order: Literal["ymd", "dmy", "mdy"] | None = _declare(
        None,
        "the order of day, month and year in dates. If not given: proved from them",
        "ymd, dmy or mdy",
    )
    date_system: Literal["excel", "excel-1904", "epoch-s", "epoch-ms", "epoch-us"] | None = (
        _declare(
            None,
            "what numbers in the place of dates count: days of Excel, or seconds since 1970",
            "one of excel, excel-1904, epoch-s, epoch-ms, epoch-us",
        )
    )
    skip_lines: int | None = _declare(
        None, "lines of a text file or sheet before its header", "a whole number", "lines", ge=0
    )
    sheet: Text | None = _declare(
        None, "the sheet of a workbook. If not given: its only one", "a sheet's name"
    )
    table: Text | None = _declare(None, "the table of a database", "a table's name")
    query: Text | None = _declare(None, "what to ask a database, instead of a table", "one SELECT")
    time_zone: Text | None = _declare(
        None,
        "in which time zone the business keeps its days; needed if dates are instants",
        "a time zone, such as Europe/Madrid",
    )
    zero_amount: Literal["occasion", "ignore"] | None = _declare(
        None,
        "is a day whose purchases cost nothing an occasion? "
        "If not given: occasion for cdnow, ignore otherwise",
        "occasion or ignore",
    )
    returns: Literal["net", "drop"] = _declare(
        "net",
        "net: returns lower the earlier purchases that they take back, and without such are set "
        "aside; drop: all are set aside",
        "net or drop",
    )
    cancelled: Text | None = _declare(
        None,
        "how the transaction ids of cancellations start; their amounts count as returns",
        "a word, such as C",
        min_length=1,
    )
    duplicates: Literal["keep", "drop"] | None = _declare(
        None,
        "rows that say just what another says: purchases of their own, or mistakes? "
        "If not given: kept, unless they are more than 1 %",
        "keep or drop",
    )
    start: Date | None = _declare(
        None, "the first day; earlier rows are set aside", "a date as YYYY-MM-DD", "date"
    )
    placeholders: Text = _declare(
        "", "further ids that mean nobody, beside GUEST, 0, N/A and the like", "ids, with commas"
    )
    keep_ids: Text = _declare(
        "", "ids that do mean a customer, though they look like such", "ids, with commas"
    )
    merged_ids: Text | None = _declare(
        None,
        "customers who have several ids: a CSV file with a heading, an id and the id that its "
        "customer keeps in each line",
        "the path of a CSV file",
        min_length=1,
    )
    fold_case: bool = _declare(False, "are ids that differ by case one customer?", "true or false")
    amounts_sign: Literal["as_written", "reversed"] = _declare(
        "as_written", "reversed if sales are written as negative amounts", "as_written or reversed"
    )
    vat: Literal["included", "excluded"] | None = _declare(
        None,
        "whether amounts hold value added tax; told in the report, never computed with",
        "included or excluded",
    )
    limit: float = _declare(
        0.05,
        "the share of rows, or of their money, that may be unusable for faults",
        "a share from 0 to 1",
        "share",
        ge=0,
        le=1,
    )
    reason_limit: float = _declare(
        0.02, "the same for any one fault", "a share from 0 to 1", "share", ge=0, le=1
    )
    accept: Text = _declare(
        "",
        "refusals to overrule after a look: late_end (nobody bought lately), unique_ids (customers "
        "hardly ever come back)",
        "late_end, unique_ids, or both",
    )
    observation_end: Date | None = _declare(
        None,
        "the last day on which a purchase could have been seen; "
        "may be left out for cdnow only (1998-06-30)",
        "a date as YYYY-MM-DD",
        "date",
    )

    @classmethod
    def build(cls, values: dict[str, object]) -> Self:
        """Check `values` and make the parameters; UnknownParameter or WrongParameter otherwise."""
        AddressAsSource.refuse(values.get("source"))
        for name in values:
            if name not in cls.model_fields:
                raise UnknownParameter(name, cls.model_fields)
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise WrongParameter(name, _brief(values[name]), cls.expected(name)) from None

    @classmethod
    def expected(cls, name: str) -> str:
        """What parameter `name` may be, in words."""
        return _extra(cls, name)["expected"]

    @classmethod
    def describe(cls) -> list[dict[str, object]]:
        """Name, type, unit, default and meaning of every parameter, in order."""
        return [
            {
                "name": name,
                "type": cls.expected(name),
                "unit": _extra(cls, name)["unit"],
                "default": field.default,
                "meaning": field.description,
            }
            for name, field in cls.model_fields.items()
        ]

    def for_notebook(self) -> dict[str, object]:
        """All parameters as a notebook gets them: those of the source and the costs in groups.

        Of a group, only what was given is in it: `columns`, `reading` and `meaning` are options
        of crmlab.read_transactions, `costs` of crmlab.Study.run.
        """
        values = self.model_dump()
        groups: dict[str, object] = {"source": values.pop("source")}
        every = {"columns": COLUMNS, "reading": READING, "meaning": MEANING, "costs": COSTS}
        fields = type(self).model_fields
        for group, names in every.items():
            given = {name: values.pop(name) for name in names if name in fields}
            groups[group] = {k: v for k, v in given.items() if v != fields[k].default}
        return groups | values

    def assumed(self) -> list[str]:
        """Names of the parameters that were left at their defaults."""
        return [name for name in type(self).model_fields if name not in self.model_fields_set]

    def resolved(self) -> Self:
        """The same with what follows from the source filled in, so that every run is explicit."""
        if BASE.fullmatch(self.source):  # a base knows what its free days are
            return self
        facts = CDNOW_FACTS if self.source in CDNOW else {"zero_amount": "ignore"}
        return self._filled(facts)

    def _filled(self, facts: dict[str, str]) -> Self:
        known = {k: v for k, v in facts.items() if getattr(self, k, "") is None}
        return self.model_copy(update=known)


class ReportParameters(SourceParameters):
    """What every report may be told."""

    calibration_end: Date | None = _declare(
        None,
        "models are checked on what follows this day. If not given: 1997-09-30 for cdnow, "
        "otherwise the last third of the observed period is held out",
        "a date as YYYY-MM-DD, before observation_end",
        "date",
    )
    unit: Unit = _declare(
        "week", "the time unit of the models", "one of day, week, month, year", "time unit"
    )
    margin: float = _declare(
        0.30,
        "what is left of a unit of money spent, before the costs of keeping customers",
        "a number above 0 and at most 1, such as 0.35",
        "share of net spend",
        gt=0,
        le=1,
    )
    cost_per_occasion: float = _cost("serving a customer costs for each purchase occasion")
    cost_per_year: float = _cost("serving an active customer costs a year")
    retention_per_year: float = _cost("is spent a year on keeping an active customer")
    acquisition_cost: float | None = _cost("winning a customer costs. If not given: unknown", None)
    discount_rate: float = _declare(
        0.15,
        "what money next year is worth less than money now, effective",
        "a number above -1 and at most 10",
        "a year",
        gt=-1,
        le=10,
    )
    horizon_years: float = _declare(
        5.0,
        "how far ahead purchases are counted",
        "a number above 0 and at most 100",
        "years",
        gt=0,
        le=100,
    )
    currency: Text | None = _declare(
        None,
        "the currency of the amounts. If not given: USD for cdnow, otherwise no symbol",
        "three capital letters, such as EUR",
        "ISO 4217",
        pattern="^[A-Z]{3}$",
    )
    language: Literal["en", "es"] = _declare("en", "the language of the report", "en or es")
    region: Text | None = _declare(
        None,
        "how numbers, money and dates are written. If not given: US for en, ES for es",
        "two capital letters, such as ES, MX, US or GB",
        "ISO 3166",
        pattern="^[A-Z]{2}$",
    )
    seed: int = _declare(
        1997,
        "where random draws start; the same seed gives the same report",
        "a whole number from 0 to 4294967295",
        ge=0,
        le=2**32 - 1,
    )

    def resolved(self) -> Self:
        """The same with what follows from source and language filled in.

        Raises MissingParameter without an observation_end, except for cdnow, and WrongParameter
        if calibration_end is not before it.
        """
        full = super().resolved()._filled({"region": REGIONS[self.language]})
        full._check_names()
        if full.observation_end is None:
            raise MissingParameter("observation_end", _MISSING, "2026-06-30")
        if full.calibration_end is None or full.calibration_end < full.observation_end:
            return full
        if self.calibration_end is None:  # cdnow's own day, but an earlier end was given
            return full.model_copy(update={"calibration_end": None})
        expected = f"a date as YYYY-MM-DD, before observation_end ({full.observation_end})"
        raise WrongParameter("calibration_end", full.calibration_end, expected)

    def _check_names(self) -> None:
        """Refuse, before a kernel starts, a region or a currency that there is not."""
        import babel  # here, so that the list of parameters is shown without it
        import babel.numbers

        try:
            babel.Locale(self.language, self.region)
        except babel.UnknownLocaleError:
            expected = f"a region in which {self.language} is written, such as ES, MX, US or GB"
            raise WrongParameter("region", self.region, expected) from None
        if self.currency is not None and not babel.numbers.is_currency(self.currency):
            raise WrongParameter("currency", self.currency, "an ISO 4217 code, such as EUR")


class CustomerValuation(ReportParameters):
    """Parameters of the customer-valuation report."""


COHORT_PERIOD = _declare(
    "month",
    "customers who first bought in the same period form a cohort",
    "one of week, month, quarter, year",
    "period",
)


class Retention(ReportParameters):
    """Parameters of the retention report."""

    cohort_period: Literal["week", "month", "quarter", "year"] = COHORT_PERIOD
    offer_cost: float | None = _cost(
        "an offer to keep one customer costs. If not given: unknown", None
    )


class StrategyReview(Retention):
    """Parameters of the strategy review."""

    opening_date: Date | None = _declare(
        None,
        "the valuation to compare with is of this day. If not given: a year before "
        "observation_end, or half of the observed time where that is less",
        "a date as YYYY-MM-DD, before observation_end",
        "date",
    )
    target_growth: float = _declare(
        0.10,
        "by how much the value of the base should rise: the report says what one would have to "
        "believe for that",
        "a number above -1 and at most 10",
        "share",
        gt=-1,
        le=10,
    )


def _extra(kind: type[SourceParameters], name: str) -> dict[str, str]:
    extra = kind.model_fields[name].json_schema_extra
    return {k: str(v) for k, v in extra.items()} if isinstance(extra, dict) else {}


def _brief(value: object) -> object:
    """A value short enough for a message of one line."""
    if isinstance(value, (dict, list)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    return value[:60] + "..." if isinstance(value, str) and len(value) > 60 else value
