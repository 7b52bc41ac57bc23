"""What the reports may be told beside their source: models, economics, words."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from crmlab.errors import MissingParameter, WrongParameter
from crmlab.runs.parameters import Date, SourceParameters, Table, Text, declare
from crmlab.units import Unit

REGIONS = {"en": "US", "es": "ES"}
"""The region of a language if none is given."""

Share = Annotated[float, Field(gt=0, le=1)]
Rates = Annotated[dict[Text, Annotated[float, Field(ge=-1, le=1)]], Field(min_length=1)]
Amount = Annotated[float, Field(ge=0)]

_MISSING = "the last day on which a purchase could have been seen in the source"


def _cost(meaning: str, default: float | None = 0.0) -> Any:
    return declare(default, f"what {meaning}", "an amount, 0 or more", "money", ge=0)


class ReportParameters(SourceParameters):
    """What every report may be told."""

    calibration_end: Date | None = declare(
        None,
        "models are checked on what follows this day. If not given: 1997-09-30 for cdnow, "
        "otherwise the last third of the observed period is held out",
        "a date as YYYY-MM-DD, before observation_end",
        "date",
    )
    unit: Unit = declare(
        "week", "the time unit of the models", "one of day, week, month, year", "time unit"
    )
    margin: Share | Literal["column", "cost", "unit_cost"] | Table | Rates = declare(
        0.30,
        "what is left of a unit of money spent, before the costs of keeping customers: one share "
        "for all; or column (the source's margin_column tells the money left of each row), cost "
        "(its column cost what the goods of a row cost) or unit_cost (what a piece cost); or by "
        "category: a table with columns category and margin, or category: share pairs in the "
        "parameters file. Each customer then has the margin of what they bought",
        "a number above 0 and at most 1, such as 0.35 for 35 %; column, cost or unit_cost; or "
        "margins by category from -1 to 1: the path of a table such as margins.csv, or pairs "
        "in the parameters file",
        "share of net spend",
    )
    margin_limit: float = declare(
        0.05,
        "the share of the money whose margin may be unknown, where the source tells margins: it is "
        "taken to leave what the customer's other purchases leave",
        "a share from 0 to 1",
        "share",
        ge=0,
        le=1,
    )
    cost_per_occasion: float = _cost("serving a customer costs for each purchase occasion")
    cost_per_year: float = _cost("serving an active customer costs a year")
    retention_per_year: float = _cost("is spent a year on keeping an active customer")
    cost_to_serve: Text | None = declare(
        None,
        "a table of what serving single customers costs: columns customer_id and cost_per_occasion "
        "or cost_per_year, or both. Customers without a figure there have that of the parameters "
        "of these names",
        "the path of a table",
        min_length=1,
    )
    acquisition_cost: Amount | Table | None = declare(
        None,
        "what winning a customer costs: one figure, or a table of it with columns channel or "
        "cohort (2024-03, 2024-Q1 or 2024), or both, and cost. If not given: unknown",
        "an amount, 0 or more, or the path of a table such as costs.csv",
        "money",
    )
    discount_rate: float = declare(
        0.15,
        "what money next year is worth less than money now, effective",
        "a number from 0 to 10, such as 0.15",
        "a year",
        ge=0,
        le=10,
    )
    horizon_years: float = declare(
        5.0,
        "how far ahead purchases are counted",
        "a number above 0 and at most 100",
        "years",
        gt=0,
        le=100,
    )
    currency: Text | None = declare(
        None,
        "the currency of the amounts. If not given: USD for cdnow, otherwise no symbol",
        "three capital letters, such as EUR",
        "ISO 4217",
        pattern="^[A-Z]{3}$",
    )
    language: Literal["en", "es"] = declare("en", "the language of the report", "en or es")
    region: Text | None = declare(
        None,
        "how numbers, money and dates are written. If not given: US for en, ES for es",
        "two capital letters, such as ES, MX, US or GB",
        "ISO 3166",
        pattern="^[A-Z]{2}$",
    )
    seed: int = declare(
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
        full = super().resolved().filled({"region": REGIONS[self.language]})
        check_names(full.language, full.region, full.currency)
        if full.observation_end is None:
            raise MissingParameter("observation_end", _MISSING, "2026-06-30")
        if full.calibration_end is None or full.calibration_end < full.observation_end:
            return full
        if self.calibration_end is None:  # cdnow's own day, but an earlier end was given
            return full.model_copy(update={"calibration_end": None})
        expected = f"a date as YYYY-MM-DD, before observation_end ({full.observation_end})"
        raise WrongParameter("calibration_end", full.calibration_end, expected)


def check_names(language: str, region: str | None, currency: str | None) -> None:
    """Refuse, before a kernel starts, a region or a currency that there is not."""
    import babel  # here, so that the list of parameters is shown without it
    import babel.numbers

    try:
        babel.Locale(language, region)
    except babel.UnknownLocaleError:
        expected = f"a region in which {language} is written, such as ES, MX, US or GB"
        raise WrongParameter("region", region, expected) from None
    if currency is not None and not babel.numbers.is_currency(currency):
        raise WrongParameter("currency", currency, "an ISO 4217 code, such as EUR")


TARGET_GROWTH = declare(
    0.10,
    "by how much the value of the base should rise: the report says what one would have to believe "
    "for that",
    "a number above -1 and at most 10",
    "share",
    gt=-1,
    le=10,
)
ATTRIBUTES = declare(
    None,
    "a table that says by which channel customers were won and, if known, what that cost: columns "
    "customer_id, valid_from, channel and, if known, acquisition_cost; or base. If not given: the "
    "channel of the first purchase, where the source has a column channel",
    "the path of a file, or base",
    min_length=1,
)
COHORT_PERIOD = declare(
    "month",
    "customers who first bought in the same period form a cohort",
    "one of week, month, quarter, year",
    "period",
)


class CustomerValuation(ReportParameters):
    """Parameters of the customer-valuation report."""

    attributes: Text | None = ATTRIBUTES
    target_growth: float = TARGET_GROWTH


class Retention(ReportParameters):
    """Parameters of the retention report."""

    cohort_period: Literal["week", "month", "quarter", "year"] = COHORT_PERIOD
    offer_cost: float | None = _cost(
        "an offer to keep one customer costs. If not given: unknown", None
    )


class StrategyReview(Retention):
    """Parameters of the strategy review."""

    opening_date: Date | None = declare(
        None,
        "the valuation to compare with is of this day. If not given: a year before "
        "observation_end, or half of the observed time where that is less",
        "a date as YYYY-MM-DD, before observation_end",
        "date",
    )
    attributes: Text | None = ATTRIBUTES
    target_growth: float = TARGET_GROWTH

    def resolved(self) -> Self:
        """As that of every report; WrongParameter for an opening that is not before the end."""
        full = super().resolved()
        if full.opening_date and not full.opening_date < str(full.observation_end):
            expected = f"a date as YYYY-MM-DD, before observation_end ({full.observation_end})"
            raise WrongParameter("opening_date", full.opening_date, expected)
        return full
