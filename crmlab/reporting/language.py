"""Words and numbers as a language and a region write them."""

from __future__ import annotations

import dataclasses
import datetime
import functools
import math
import re
import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Any, NamedTuple

import babel.dates
import babel.lists
import babel.numbers
import babel.units
from babel import Locale, UnknownLocaleError

from crmlab.errors import WrongParameter

LANGUAGES = ("en", "es")
TOO_LARGE = 1e15  # beyond this a number says only that something ran away
HOME = {"en": "US", "es": "ES"}


class Quantity(NamedTuple):
    """A value at full precision and the way to write it."""

    value: Any
    kind: str


def count(value: float) -> Quantity:
    """A whole number of things."""
    return Quantity(float(value), "count")


def number(value: float) -> Quantity:
    """A number with one or two decimals that matter."""
    return Quantity(float(value), "number")


def share(value: float) -> Quantity:
    """A share, written in per cent."""
    return Quantity(float(value), "share")


def rate(value: float) -> Quantity:
    """A share of which tenths of a per cent matter, such as a retention rate."""
    return Quantity(float(value), "rate")


def points(value: float) -> Quantity:
    """A difference of two shares, in percentage points; the word stands beside it."""
    return Quantity(float(value), "points")


def p_value(value: float) -> Quantity:
    """The p-value of a test with its sign: = 0.0123, or < 0.0001."""
    return Quantity(float(value), "p_value")


def money(value: float) -> Quantity:
    """An amount, rounded as people say it."""
    return Quantity(float(value), "money")


def signed(value: float) -> Quantity:
    """An amount that something changes, rounded as people say it, a gain with its plus."""
    return Quantity(float(value), "signed")


def day(value: Any) -> Quantity:
    """A calendar day."""
    return Quantity(datetime.date.fromisoformat(str(value)[:10]), "day")


def years(value: float) -> Quantity:
    """A length of time in years."""
    return Quantity(float(value), "years")


def age(periods: float, unit: str) -> Quantity:
    """A period of a customer's life, such as 14 to 15 months."""
    return Quantity((int(periods), unit), "age")


def length(value: float, unit: str) -> Quantity:
    """A length of time in a unit."""
    return Quantity((float(value), unit), "length")


def term(key: str) -> Quantity:
    """A translated word or phrase, by its key."""
    return Quantity(key, "term")


def listed(names: Iterable[object]) -> Quantity:
    """Names that are the same in every language, with the language's 'and' before the last."""
    return Quantity(tuple(str(name) for name in names), "listed")


def plain(value: object) -> Quantity:
    """Text that is the same in every language."""
    return Quantity(str(value), "plain")


@functools.cache
def texts(code: str) -> dict[str, str]:
    """All texts of a language by dotted key; those about contracts have a file of their own."""
    folder = resources.files("crmlab.reporting") / "text"
    files = (folder / f"{code}.toml", folder / f"{code}_contracts.toml")
    tables = (tomllib.loads(file.read_text(encoding="utf-8")) for file in files)
    return {key: _unbroken(text) for table in tables for key, text in _flat(table)}


def _unbroken(text: str) -> str:
    """A text in which no line ends between a number and its per cent sign."""
    return re.sub(r"(?<=[\d}]) %", "\N{NO-BREAK SPACE}%", text)


def _flat(table: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for name, value in table.items():
        if isinstance(value, dict):
            out += _flat(value, f"{prefix}{name}.")
        else:
            out.append((prefix + name, value))
    return out


@dataclasses.dataclass(frozen=True)
class Language:
    """A language, a region for numbers and dates, and the data's currency (None: no symbol)."""

    code: str = "en"
    region: str | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        if self.code not in LANGUAGES:
            raise WrongParameter("language", self.code, " or ".join(LANGUAGES))
        try:
            _ = self.locale
        except UnknownLocaleError:
            expected = f"a region in which {self.code} is written, such as {HOME[self.code]}"
            raise WrongParameter("region", self.region, expected) from None
        if self.currency is not None and not babel.numbers.is_currency(self.currency):
            raise WrongParameter("currency", self.currency, "an ISO 4217 code, such as EUR")

    @property
    def locale(self) -> Locale:
        """The locale in which numbers and dates are written."""
        return Locale(self.code, self.region or HOME[self.code])

    def text(self, key: str, /, **values: Quantity) -> str:
        """The text of a key, its placeholders filled with written quantities."""
        return texts(self.code)[key].format(**{n: self.write(q) for n, q in values.items()})

    def template(self, key: str) -> str:
        """The text of a key with its placeholders open, for a list that fills it many times."""
        return texts(self.code)[key]

    def write(self, quantity: Quantity) -> str:
        """A quantity as people of this language and region write it; missing ones as a dash."""
        value, kind = quantity
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return "–"
        if isinstance(value, float) and abs(value) >= TOO_LARGE and kind not in ("share", "rate"):
            return f"{value:.1e}"
        return getattr(self, f"_{kind}")(value)  # type: ignore[no-any-return]

    def _count(self, value: float) -> str:
        return str(babel.numbers.format_decimal(round(value), "#,##0", locale=self.locale))

    def _number(self, value: float) -> str:
        pattern = "#,##0" if abs(value) >= 100 else "#,##0.0" if abs(value) >= 10 else "#,##0.00"
        return str(babel.numbers.format_decimal(value, pattern, locale=self.locale))

    def _exact(self, value: float) -> str:
        rounded = float(f"{value:.5g}")
        return str(babel.numbers.format_decimal(rounded, "#,##0.######", locale=self.locale))

    def _share(self, value: float) -> str:
        pattern = self.locale.percent_formats[None].pattern
        if value != 0 and abs(value) < 0.0995:
            pattern = pattern.replace("##0", "##0.0")
        return str(babel.numbers.format_percent(value, pattern, locale=self.locale))

    def _whole_share(self, value: float) -> str:
        return str(babel.numbers.format_percent(value, locale=self.locale))

    def _points(self, value: float) -> str:
        return str(babel.numbers.format_decimal(100 * value, "#,##0.0", locale=self.locale))

    def _rate(self, value: float) -> str:
        pattern = self.locale.percent_formats[None].pattern.replace("##0", "##0.0")
        return str(babel.numbers.format_percent(value, pattern, locale=self.locale))

    def _p_value(self, value: float) -> str:
        sign, shown = ("<", 1e-4) if value < 1e-4 else ("=", value)
        number = babel.numbers.format_decimal(shown, "0.####", locale=self.locale)
        return f"{sign}\N{NO-BREAK SPACE}{number}"

    def _money(self, value: float) -> str:
        size = abs(value)
        if size >= 1e6:
            return self._millions(value)
        whole = self.currency is not None and not babel.numbers.get_currency_precision(
            self.currency
        )
        digits = 0 if size >= 100 or whole else 2
        rounded = round(value, 2 - math.floor(math.log10(size))) if size >= 1000 else value
        return self._amount(rounded, digits)

    def _signed(self, value: float) -> str:
        return ("+" if value > 0 else "") + self._money(value)

    def _whole_money(self, value: float) -> str:
        return self._millions(value) if abs(value) >= 1e6 else self._amount(value, 0)

    def _cents(self, value: float) -> str:
        return self._amount(value, 2)

    def _amount(self, value: float, digits: int) -> str:
        decimals = "." + "0" * digits if digits else ""
        if self.currency is None:
            return str(babel.numbers.format_decimal(value, "#,##0" + decimals, locale=self.locale))
        pattern = self.locale.currency_formats["standard"].pattern.replace("0.00", "0" + decimals)
        return str(
            babel.numbers.format_currency(
                value, self.currency, pattern, locale=self.locale, currency_digits=False
            )
        )

    def _millions(self, value: float) -> str:
        written = babel.numbers.format_compact_decimal(
            value, format_type="long", fraction_digits=2, locale=self.locale
        )
        if self.currency is None:
            return str(written)
        symbol = babel.numbers.get_currency_symbol(self.currency, self.locale)
        return texts(self.code)["money.large"].format(number=written, symbol=symbol)

    def _day(self, value: datetime.date) -> str:
        return str(babel.dates.format_date(value, "long", locale=self.locale))

    def _short_day(self, value: Any) -> str:
        date = datetime.date.fromisoformat(str(value)[:10])
        return str(babel.dates.format_date(date, "medium", locale=self.locale))

    def _period(self, value: Any) -> str:
        """A cohort's period: month and year, quarter, year, or the week's first day."""
        patterns = {"M": "MMM y", "Q": "QQQ y", "Y": "y", "W": "d MMM y"}
        pattern = patterns[value.freqstr[0]]
        return str(babel.dates.format_date(value.start_time.date(), pattern, locale=self.locale))

    def _term(self, key: str) -> str:
        return texts(self.code)[key]

    def _listed(self, value: tuple[str, ...]) -> str:
        return str(babel.lists.format_list(value, style="standard", locale=self.locale))

    def _plain(self, value: str) -> str:
        return value

    def _years(self, value: float) -> str:
        return self._length((value, "year"))

    def _length(self, value: tuple[float, str]) -> str:
        amount, unit = value
        rounded = round(amount, 1 if amount >= 10 else 2)
        return str(babel.units.format_unit(rounded, f"duration-{unit}", locale=self.locale))

    def _pair(self, value: tuple[Quantity, Quantity]) -> str:
        return texts(self.code)["word.rows_and_money"].format(*(self.write(v) for v in value))

    def _age(self, value: tuple[int, str]) -> str:
        periods, unit = value
        words = texts(self.code)[f"age.{unit}"]
        return words.format(age=self._count(periods), next=self._count(periods + 1))

    def _quantity(self, value: Quantity) -> str:
        return self.write(value)

    def _short(self, value: Quantity) -> str:
        return self.write(value)
