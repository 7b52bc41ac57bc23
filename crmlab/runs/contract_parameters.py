"""What the report on contracts may be told: where they are, what they leave, words."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from crmlab.errors import MissingParameter, WrongParameter
from crmlab.runs.parameters import (
    EXAMPLE,
    READING,
    Date,
    Declared,
    SourceParameters,
    Text,
    declare,
)
from crmlab.runs.report_parameters import REGIONS, ReportParameters, check_names
from crmlab.units import Unit

COLUMNS = ("customer_id", "start", "end", "tenure", "ended", "covariates", "numbers")
DATED = ("attributes", "attribute_covariates", "attribute_numbers")
MEANING = ("placeholders", "keep_ids", "merged_ids", "fold_case", "limit")
LISTS = {"columns": ("covariates", "numbers"), "meaning": ("placeholders", "keep_ids")}
"""Parameters that hold several words with commas, by the group in which a notebook gets them."""

EXAMPLE_FACTS: dict[str, Any] = {
    "customer_id": "member",
    "covariates": "plan, channel",
    "numbers": "fee",
    "observation_end": "2024-06-30",
    "margin_column": "fee",
    "margin": 0.6,
    "segment": "plan",
    "offer_cost": 2.0,
    "currency": "EUR",
}
"""What is known of the simulated contracts and need not be given."""


def _same(name: str, kind: type[Declared] = SourceParameters) -> Any:
    """A parameter as another set has it."""
    return kind.model_fields[name]


def _named(meaning: str) -> Any:
    return declare(None, f"the column with {meaning}", "a column's name", min_length=1)


class ContractRetention(Declared):
    """Parameters of the retention report on contracts."""

    groups: ClassVar = {
        "columns": COLUMNS, "reading": READING, "meaning": MEANING, "dated": DATED,
    }  # fmt: skip

    source: Text = declare(
        EXAMPLE,
        "the contracts, one row each: the path of a CSV, Excel, Parquet or DuckDB file, "
        "postgres:NAME for a named connection, or contracts-example for the built-in example",
        "the path of a file, postgres:NAME or contracts-example",
        min_length=1,
    )
    customer_id: Text | None = _named("the customer. If not given: the one of this name")
    start: Text | None = _named("the day on which the contract began")
    end: Text | None = _named("the day on which it ended, empty while it runs")
    tenure: Text | None = _named(
        "the periods under contract, the one in which it ended included; instead of start and end"
    )
    ended: Text | None = _named("whether it has ended, yes or no; goes with tenure")
    covariates: Text = declare(
        "",
        "columns of words that may go with leaving, known before the customer left",
        "names of columns, with commas",
    )
    numbers: Text = declare("", "the same of numbers", "names of columns, with commas")
    segment: Text | None = _named(
        "the groups by which survival and offers are told; it is taken as a covariate, too"
    )
    encoding: Text | None = _same("encoding")
    delimiter: Text | None = _same("delimiter")
    decimal: Literal["point", "comma"] | None = _same("decimal")
    date_order: Literal["ymd", "dmy", "mdy"] | None = _same("date_order")
    date_system: Literal["excel", "excel-1904", "epoch-s", "epoch-ms", "epoch-us"] | None = _same(
        "date_system"
    )
    skip_lines: int | None = _same("skip_lines")
    sheet: Text | None = _same("sheet")
    table: Text | None = _same("table")
    query: Text | None = _same("query")
    time_zone: Text | None = _same("time_zone")
    placeholders: Text = _same("placeholders")
    keep_ids: Text = _same("keep_ids")
    merged_ids: Text | None = _same("merged_ids")
    fold_case: bool = _same("fold_case")
    limit: float = declare(
        0.05, "the share of rows that may be unusable for faults", "a share from 0 to 1", "share",
        ge=0, le=1,
    )  # fmt: skip
    observation_end: Date | None = declare(
        None,
        "the last day on which an end could have been seen; never guessed. Not with tenures",
        "a date as YYYY-MM-DD",
        "date",
    )
    period: Unit = declare(
        "month", "the time between two renewals", "one of day, week, month, year", "time unit"
    )
    end_is: Literal["last_day", "first_day_after"] | None = declare(
        None,
        "what the end of a contract is: its last day, or the first day without. If not given: as "
        "the anniversaries tell, otherwise the last day",
        "last_day or first_day_after",
    )
    opened: Date | None = declare(
        None,
        "the first day from which ended contracts are in the source, where older ones were deleted",
        "a date as YYYY-MM-DD",
        "date",
    )
    cut_off: Date | None = declare(
        None,
        "what goes with leaving is looked at after this day, among contracts that ran on it. If "
        "not given: from the begin of each contract",
        "a date as YYYY-MM-DD, before observation_end",
        "date",
    )
    attributes: Text | None = declare(
        None,
        "a table of what is known of customers by day, as further covariates: columns customer_id, "
        "valid_from and those named below. Each row holds from its day on: what came after "
        "cut_off (or, without it, after the begin of a contract) is not looked at",
        "the path of a file",
        min_length=1,
    )
    attribute_covariates: Text = declare(
        "", "columns of words of that table", "names of columns, with commas"
    )
    attribute_numbers: Text = declare(
        "", "columns of numbers of that table", "names of columns, with commas"
    )
    margin: float | None = declare(
        None,
        "what a contract leaves a period after variable costs: an amount, or with margin_column "
        "the share of it that is left. If not given: must be, but for the example",
        "a number above 0, such as 12.50 (money), or 0.35 (of margin_column)",
        "money a period, or share",
        gt=0,
    )
    margin_column: Text | None = _named(
        "what each contract pays a period; it is taken as a covariate, too"
    )
    discount_rate: float = _same("discount_rate", ReportParameters)
    horizon_years: float = declare(
        5.0, "how far ahead payments are counted", "a number above 0 and at most 100", "years",
        gt=0, le=100,
    )  # fmt: skip
    offer_cost: float | None = declare(
        None,
        "what an offer to keep one contract at its next renewal costs. If not given: unknown",
        "an amount above 0",
        "money",
        gt=0,
    )
    currency: Text | None = declare(
        None,
        "the currency of the margin. If not given: EUR for the example, otherwise no symbol",
        "three capital letters, such as EUR",
        "ISO 4217",
        pattern="^[A-Z]{3}$",
    )
    language: Literal["en", "es"] = _same("language", ReportParameters)
    region: Text | None = _same("region", ReportParameters)
    seed: int = _same("seed", ReportParameters)

    def resolved(self) -> Self:
        """The same with what follows from source and language filled in.

        Raises MissingParameter without observation_end (unless tenures are told) or margin, and
        WrongParameter for a cut-off that is not before the end.
        """
        full = self.filled({"region": REGIONS[self.language]})
        if self.source == EXAMPLE:
            full = full.model_copy(update={
                name: fact for name, fact in EXAMPLE_FACTS.items()
                if name not in self.model_fields_set
            })  # fmt: skip
        check_names(full.language, full.region, full.currency)
        if full.margin is None:
            missing = "what a contract leaves a period (or, with margin_column, the share of it)"
            raise MissingParameter("margin", missing, "12.50")
        if full.margin_column is not None and full.margin > 1:
            share = "a share of margin_column, above 0 and at most 1, such as 0.35"
            raise WrongParameter("margin", full.margin, share)
        if full.observation_end is None and full.tenure is None and full.ended is None:
            missing = "the last day on which an end could have been seen in the source"
            raise MissingParameter("observation_end", missing, "2026-06-30")
        if full.cut_off and full.observation_end and full.cut_off >= full.observation_end:
            expected = f"a date as YYYY-MM-DD, before observation_end ({full.observation_end})"
            raise WrongParameter("cut_off", full.cut_off, expected)
        named = _words(full.attribute_covariates) + _words(full.attribute_numbers)
        if full.attributes and not named:
            expected = "given with attribute_covariates or attribute_numbers: which columns to take"
            raise WrongParameter("attributes", full.attributes, expected)
        if named and not full.attributes:
            raise MissingParameter("attributes", "the table that these columns are in", "crm.csv")
        return full

    def for_notebook(self) -> dict[str, object]:
        """As that of every report; columns that other parameters name are read as covariates."""
        values: dict[str, Any] = super().for_notebook()
        for group, names in LISTS.items():
            given = {name: _words(getattr(self, name)) for name in names}
            values[group] |= {name: words for name, words in given.items() if words}
        values["dated"] = self._dated()
        for name, column in (("covariates", self.segment), ("numbers", self.margin_column)):
            known = values["columns"].get(name, [])
            if column is not None and column not in known:
                values["columns"][name] = [*known, column]
        return values

    def _dated(self) -> dict[str, object]:
        """Where dated attributes are, and which of them are covariates; empty without a table."""
        if self.attributes is None:
            return {}
        named = {"covariates": self.attribute_covariates, "numbers": self.attribute_numbers}
        return {"source": self.attributes} | {k: _words(v) for k, v in named.items() if v}


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
