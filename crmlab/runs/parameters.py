"""The reports' parameters: name, type, unit, default and meaning of each, declared once."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.config import JsonDict

from crmlab.errors import AddressAsSource, UnknownParameter, WrongParameter

CDNOW = ("cdnow", "cdnow-sample")
"""The built-in sources; any other is the path of a file."""

EXAMPLE = "contracts-example"
"""Simulated contracts that come with the package, as crmlab.intake.examples has them."""

BASE = re.compile(r"base(:(?P<folder>.+?))?(?P<day>@[0-9-]+)?")
"""How a customer base is named as a source, as crmlab.intake.customer_base.address has it."""

CDNOW_FACTS: dict[str, str] = {
    "zero_amount": "occasion",
    "observation_end": "1998-06-30",
    "calibration_end": "1997-09-30",
    "currency": "USD",
}
"""What is known of the built-in sources and need not be given."""


def _check_date(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError("not YYYY-MM-DD")
    if not 1900 <= datetime.date.fromisoformat(text).year <= 2100:
        raise ValueError("not between 1900 and 2100")
    return text


def _check_text(text: str) -> str:
    text.encode()  # a lone surrogate could be passed on, but in no file be written
    return text


def _check_table(text: str) -> str:
    if not re.fullmatch(r".*[^/\\.]\.[A-Za-z]\w*", text, re.DOTALL):  # 0,3 or 30 % is no file
        raise ValueError("not the path of a file")
    return _check_text(text)


Text = Annotated[str, AfterValidator(_check_text)]
Table = Annotated[str, AfterValidator(_check_table)]
"""The path of a file with a suffix, where a number or a word could stand as well."""
Date = Annotated[str, AfterValidator(_check_date)]


def declare(default: object, meaning: str, expected: str, unit: str = "", **limits: Any) -> Any:
    """A parameter's default, meaning, what it may be, unit, and limits that pydantic checks."""
    extra: JsonDict = {"unit": unit, "expected": expected}
    return Field(default, description=meaning, json_schema_extra=extra, **limits)


def _column(meaning: str, needed: bool = False) -> Any:
    default = "" if needed else ", if there is one"
    return declare(
        None, f"the column with {meaning}. If not given: the one of this name{default}",
        "a column's name", min_length=1,
    )  # fmt: skip


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

COSTS = (
    "cost_per_occasion", "cost_per_year", "retention_per_year", "acquisition_cost", "cost_to_serve",
    "margin_limit",
)  # fmt: skip
"""Parameters that say what customers cost, and how far margins must be known."""

MEANING = (
    "zero_amount", "returns", "cancelled", "duplicates", "start", "placeholders", "keep_ids",
    "merged_ids",
    "fold_case", "amounts_sign", "vat", "limit", "reason_limit", "accept",
)  # fmt: skip
"""Parameters that say how its rows are understood."""


class Declared(BaseModel):
    """What all parameters can do: be built from what was given, told, and passed on."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    groups: ClassVar[dict[str, tuple[str, ...]]] = {}

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
        """All parameters as a notebook gets them, those of `groups` in groups.

        Of a group, only what was given is in it: `columns`, `reading` and `meaning` are options
        of crmlab.read_transactions, `costs` of crmlab.Study.run.
        """
        values = self.model_dump()
        fields = type(self).model_fields
        groups: dict[str, object] = {"source": values.pop("source")}
        for group, names in self.groups.items():
            given = {name: values.pop(name) for name in names if name in fields}
            groups[group] = {k: v for k, v in given.items() if v != fields[k].default}
        return groups | values

    def assumed(self) -> list[str]:
        """Names of the parameters that were left at their defaults."""
        return [name for name in type(self).model_fields if name not in self.model_fields_set]

    def filled(self, facts: dict[str, str]) -> Self:
        """The same with what is known where nothing was given."""
        known = {k: v for k, v in facts.items() if getattr(self, k, "") is None}
        return self.model_copy(update=known)


class SourceParameters(Declared):
    """Where the purchases are, how they are read and what they mean."""

    groups: ClassVar = {"columns": COLUMNS, "reading": READING, "meaning": MEANING, "costs": COSTS}

    source: Text = declare(
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
    cost: Text | None = _column("what the goods cost: all of the row, or a piece (see margin)")
    margin_column: Text | None = _column("the money that the row left (see margin)")
    encoding: Text | None = declare(
        None,
        "the encoding of a text file. If not given: seen from its bytes",
        "an encoding, such as utf-8 or cp1252",
    )
    delimiter: Text | None = declare(
        None,
        "what parts the columns of a text file. If not given: seen from its header",
        "comma, semicolon, tab, bar, or the sign itself",
    )
    decimal: Literal["point", "comma"] | None = declare(
        None, "the decimal sign of numbers. If not given: proved from them", "point or comma"
    )
    date_order: Literal["ymd", "dmy", "mdy"] | None = declare(
        None,
        "the order of day, month and year in dates. If not given: proved from them",
        "ymd, dmy or mdy",
    )
    date_system: Literal["excel", "excel-1904", "epoch-s", "epoch-ms", "epoch-us"] | None = declare(
        None,
        "what numbers in the place of dates count: days of Excel, or seconds since 1970",
        "one of excel, excel-1904, epoch-s, epoch-ms, epoch-us",
    )
    skip_lines: int | None = declare(
        None, "lines of a text file or sheet before its header", "a whole number", "lines", ge=0
    )
    sheet: Text | None = declare(
        None, "the sheet of a workbook. If not given: its only one", "a sheet's name"
    )
    table: Text | None = declare(None, "the table of a database", "a table's name")
    query: Text | None = declare(None, "what to ask a database, instead of a table", "one SELECT")
    time_zone: Text | None = declare(
        None,
        "in which time zone the business keeps its days; needed if dates are instants",
        "a time zone, such as Europe/Madrid",
    )
    zero_amount: Literal["occasion", "ignore"] | None = declare(
        None,
        "is a day whose purchases cost nothing an occasion? "
        "If not given: occasion for cdnow, ignore otherwise",
        "occasion or ignore",
    )
    returns: Literal["net", "drop"] = declare(
        "net",
        "net: returns lower the earlier purchases that they take back, and without such are set "
        "aside; drop: all are set aside",
        "net or drop",
    )
    cancelled: Text | None = declare(
        None,
        "how the transaction ids of cancellations start; their amounts count as returns",
        "a word, such as C",
        min_length=1,
    )
    duplicates: Literal["keep", "drop"] | None = declare(
        None,
        "rows that say just what another says: purchases of their own, or mistakes? "
        "If not given: kept, unless they are more than 1 %",
        "keep or drop",
    )
    start: Date | None = declare(
        None, "the first day; earlier rows are set aside", "a date as YYYY-MM-DD", "date"
    )
    placeholders: Text = declare(
        "", "further ids that mean nobody, beside GUEST, 0, N/A and the like", "ids, with commas"
    )
    keep_ids: Text = declare(
        "", "ids that do mean a customer, though they look like such", "ids, with commas"
    )
    merged_ids: Text | None = declare(
        None,
        "customers who have several ids: a CSV file with a heading, an id and the id that its "
        "customer keeps in each line",
        "the path of a CSV file",
        min_length=1,
    )
    fold_case: bool = declare(False, "are ids that differ by case one customer?", "true or false")
    amounts_sign: Literal["as_written", "reversed"] = declare(
        "as_written", "reversed if sales are written as negative amounts", "as_written or reversed"
    )
    vat: Literal["included", "excluded"] | None = declare(
        None,
        "whether amounts hold value added tax; told in the report, never computed with",
        "included or excluded",
    )
    limit: float = declare(
        0.05,
        "the share of rows, or of their money, that may be unusable for faults",
        "a share from 0 to 1",
        "share",
        ge=0,
        le=1,
    )
    reason_limit: float = declare(
        0.02, "the same for any one fault", "a share from 0 to 1", "share", ge=0, le=1
    )
    accept: Text = declare(
        "",
        "refusals to overrule after a look: late_end (nobody bought lately), unique_ids (customers "
        "hardly ever come back)",
        "late_end, unique_ids, or both",
    )
    observation_end: Date | None = declare(
        None,
        "the last day on which a purchase could have been seen; "
        "may be left out for cdnow only (1998-06-30)",
        "a date as YYYY-MM-DD",
        "date",
    )

    def resolved(self) -> Self:
        """The same with what follows from the source filled in, so that every run is explicit."""
        if BASE.fullmatch(self.source):  # a base knows what its free days are
            return self
        facts = CDNOW_FACTS if self.source in CDNOW else {"zero_amount": "ignore"}
        return self.filled(facts)


def _extra(kind: type[Declared], name: str) -> dict[str, str]:
    extra = kind.model_fields[name].json_schema_extra
    return {k: str(v) for k, v in extra.items()} if isinstance(extra, dict) else {}


def _brief(value: object) -> object:
    """A value short enough for a message of one line."""
    if isinstance(value, (dict, list)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    return value[:60] + "..." if isinstance(value, str) and len(value) > 60 else value
