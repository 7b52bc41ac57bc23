"""A report as values: pages of sentences, tiles, tables and figures, with all they show."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import functools
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from crmlab.reporting.language import Language, Quantity
from crmlab.reporting.privacy import FEW, OF_MONEY, withheld

ROWS_ON_A_PAGE = 13
LEFT = ("term", "plain", "period", "quantity")  # kinds that are set to the left
WORDS = (*LEFT, "short")  # kinds that are written as text everywhere
MONEY = ("money", "cents")


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A text by key, with the quantities in it. `style` is 'text', 'lead' or 'caveat'."""

    key: str
    values: Mapping[str, Quantity] = dataclasses.field(default_factory=dict)
    style: str = "text"

    def words(self, language: Language) -> str:
        """The sentence in a language."""
        return language.text(self.key, **self.values)


def say(key: str, /, *, style: str = "text", **values: Quantity) -> Sentence:
    """A sentence with its quantities."""
    return Sentence(key, values, style)


@dataclasses.dataclass(frozen=True)
class Tile:
    """One number that matters: what it is, its value, and a line of context."""

    label: str
    value: Quantity
    note: Sentence


@dataclasses.dataclass(frozen=True)
class Tiles:
    """The two or three numbers of page one, side by side."""

    tiles: tuple[Tile, ...]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What was found, and the decision that it suggests."""

    found: Sentence
    decision: Sentence


@dataclasses.dataclass(frozen=True)
class Light:
    """How far the model can be trusted: 'good', 'fair', 'poor' or 'none', in words.

    `head`: the light's short words, if not those of its level.
    """

    level: str
    verdict: Sentence
    head: str | None = None


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: `kinds` gives each shown column's way of writing; row labels are the first column.

    `total` marks the last row as a total. The page shows at most `rows` rows; workbook and
    results.json hold all of them, and the columns of `more` beside those of `kinds`. All three
    leave out the money of a few customers. `account`: its rows are those of a source, so that
    money is told however few customers it is of. `public`: columns of money that is the model's,
    and no customer's own.
    """

    key: str
    frame: pd.DataFrame
    kinds: Mapping[str, str]
    total: bool = False
    rows: int = ROWS_ON_A_PAGE
    more: Mapping[str, str] = dataclasses.field(default_factory=dict)
    account: bool = False
    public: tuple[str, ...] = ()

    @property
    def every_kind(self) -> dict[str, str]:
        """All columns that go into the data, on the page or not."""
        return {**self.kinds, **self.more}

    @functools.cached_property
    def withheld(self) -> list[bool]:
        """Rows whose money is not told; a total is, even of a few, as it stands on page one."""
        kinds = self.every_kind
        if self.account or "customers" not in kinds or not set(MONEY) & set(kinds.values()):
            return [False] * len(self.frame)
        customers = self.frame["customers"]
        hidden = withheld(customers.iloc[:-1] if self.total else customers).tolist()
        return [*hidden, False] if self.total else hidden

    def hides(self, row: int, column: str) -> bool:
        """Whether a cell is left out: money of a few customers, or what it could be made of."""
        if not self.withheld[row]:
            return False
        of_money = self.every_kind[column] in MONEY or column in OF_MONEY
        return of_money and column not in self.public

    def told(self, column: str) -> list[Any]:
        """A column's values, missing where they are left out."""
        return [None if self.hides(i, column) else v for i, v in enumerate(self.frame[column])]

    @functools.cached_property
    def together(self) -> dict[str, float]:
        """Sums of what is left out of the rows, by column, so that with them parts make the total.

        Of columns whose total is the sum of its parts; empty where nothing, or all, is left out.
        """
        parts, left_out = self.frame.iloc[:-1], np.array(self.withheld[:-1], dtype=bool)
        if not self.total or not left_out.any() or left_out.all():
            return {}
        first, sums = int(left_out.argmax()), {}
        for name in self.every_kind:
            if self.hides(first, name):
                of_all, whole = parts[name].sum(), self.frame[name].iloc[-1]
                if np.isclose(float(of_all), float(whole), rtol=1e-9):
                    sums[name] = float(parts[name][left_out].sum())
        return sums

    def places(self) -> list[int]:
        """The rows on the page: all, or evenly spaced ones with the first and the last."""
        last = len(self.frame) - 1
        if last < self.rows:
            return list(range(last + 1))
        return [int(place) for place in np.unique(np.linspace(0, last, self.rows).round())]

    def shown(self) -> pd.DataFrame:
        """The rows on the page."""
        return self.frame.iloc[self.places()]


@dataclasses.dataclass(frozen=True)
class Data:
    """A table behind a figure that is too large for the page: in the workbook and results only."""

    table: Table


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture, the sentence that it supports, what it shows in words, and its table."""

    key: str
    svg: str
    title: Sentence
    alt: Sentence
    table: Table | None


@dataclasses.dataclass(frozen=True)
class Glossary:
    """Terms of the report and what they mean, by key."""

    terms: tuple[str, ...]


Block = Sentence | Tiles | Finding | Light | Table | Data | Figure | Glossary


@dataclasses.dataclass(frozen=True)
class Page:
    """One page of a report: its key in the texts, its blocks, and the language it is read in."""

    key: str
    blocks: tuple[Block, ...]
    language: Language

    def _repr_html_(self) -> str:
        return _template("page.html.j2").render(page=self, view=View(self.language))


@dataclasses.dataclass(frozen=True)
class Cover:
    """Title, the one line under it, the contents, and the style of the whole report."""

    title: str
    about: Sentence
    contents: tuple[str, ...]
    language: Language

    def _repr_html_(self) -> str:
        style = (resources.files("crmlab.reporting") / "report.css").read_text(encoding="utf-8")
        return _template("cover.html.j2").render(cover=self, view=View(self.language), style=style)


@dataclasses.dataclass(frozen=True)
class View:
    """What the templates ask for: texts, written values, and pictures as data."""

    language: Language

    def text(self, key: str) -> str:
        """A text without placeholders."""
        return self.language.text(key)

    def kind(self, block: Block) -> str:
        """The name of the macro for a block."""
        return type(block).__name__.lower()

    def words(self, sentence: Sentence) -> str:
        """A sentence in the report's language."""
        return sentence.words(self.language)

    def write(self, quantity: Quantity) -> str:
        """A quantity in the report's language."""
        return self.language.write(quantity)

    def heads(self, table: Table) -> list[str]:
        """Column heads."""
        return [column_head(name, self.language) for name in table.kinds]

    def wordy(self, table: Table) -> list[bool]:
        """Which columns hold words, to be set to the left."""
        return [kind in LEFT for kind in table.kinds.values()]

    def cells(self, table: Table) -> list[list[str]]:
        """Written cells of the shown rows; money of a few customers is a mark instead."""
        return [
            [
                self.text("word.few") if table.hides(place, name)
                else self._cell(table.frame[name].iloc[place], kind)
                for name, kind in table.kinds.items()
            ]
            for place in table.places()
        ]  # fmt: skip

    def _cell(self, value: Any, kind: str) -> str:
        return self.language.write(Quantity(_known(value), kind))

    def hides(self, table: Table) -> bool:
        """Whether a table's page leaves out money of a few customers."""
        return any(table.hides(i, name) for i in table.places() for name in table.kinds)

    def together(self, table: Table) -> list[str]:
        """The line of what is left out of the rows, summed; empty where there is none."""
        sums = table.together
        written = [
            self.write(Quantity(sums[name], kind)) if name in sums else ""
            for name, kind in table.kinds.items()
        ]
        return [self.text("word.together"), *written[1:]] if any(written) else []

    def few(self) -> str:
        """Why money is not shown, and of how many customers it would be."""
        return self.language.text("word.few_why", few=Quantity(float(FEW), "count"))

    def source(self, figure: Figure) -> str:
        """A figure as the address of an image that holds it."""
        return "data:image/svg+xml;base64," + base64.b64encode(figure.svg.encode()).decode()


def _known(value: Any) -> Any:
    return None if value is pd.NaT or value is None else value


@functools.cache
def _template(name: str) -> jinja2.Template:
    loader = jinja2.PackageLoader("crmlab.reporting", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    return environment.get_template(name)


def column_head(name: str, language: Language) -> str:
    """A column's head; those of ages are their numbers."""
    return name.removeprefix("age_") if name.startswith("age_") else language.text(f"column.{name}")


def figures_of(page: Page) -> dict[str, Any]:
    """Every number that a page shows, at full precision: by sentence, tile and table."""
    out: dict[str, Any] = {}
    for block in page.blocks:
        for sentence in _sentences(block):
            if sentence.values:
                said = {n: plain_value(q.value) for n, q in sentence.values.items()}
                key = sentence.key
                while key in out:  # the same sentence, said again of something else
                    key += "+"
                out[key] = said
        if isinstance(block, Tiles):
            out.update({tile.label: plain_value(tile.value.value) for tile in block.tiles})
    for table in tables_of(page):
        names = list(table.every_kind)
        rows = zip(*(table.told(name) for name in names), strict=True)
        out[f"table.{table.key}"] = [
            dict(zip(names, map(plain_value, row), strict=True)) for row in rows
        ]
        if table.together:
            out[f"withheld.{table.key}"] = table.together
    return out


def tables_of(page: Page) -> list[Table]:
    """The page's tables, those under figures included."""
    found = [b.table if isinstance(b, Figure | Data) else b for b in page.blocks]
    return [t for t in found if isinstance(t, Table)]


def _sentences(block: Block) -> Sequence[Sentence]:
    if isinstance(block, Sentence):
        return [block]
    if isinstance(block, Finding):
        return [block.found, block.decision]
    if isinstance(block, Light):
        return [block.verdict]
    if isinstance(block, Figure):
        return [block.title, block.alt]
    if isinstance(block, Tiles):
        return [tile.note for tile in block.tiles]
    return []


def plain_value(value: Any) -> Any:
    """A value as JSON knows it: numbers, text, ISO dates; None where it is missing."""
    if isinstance(value, (np.generic,)):
        value = value.item()
    if value is None or value is pd.NaT or (isinstance(value, float) and not np.isfinite(value)):
        return None
    if isinstance(value, (int, float, str, bool)):
        return value
    if isinstance(value, Quantity):
        return plain_value(value.value)
    if isinstance(value, tuple):
        return [plain_value(part.value if isinstance(part, Quantity) else part) for part in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()[:10]
    return str(value)
