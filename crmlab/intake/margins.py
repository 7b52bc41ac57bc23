"""What was left of what each customer bought, told by the rows of the source themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandas as pd

from crmlab.errors import UntrustedSource, WrongParameter
from crmlab.intake import engines

NEEDS = {
    "column": ("margin",),
    "cost": ("cost",),
    "unit_cost": ("cost", "quantity"),
    "category": ("category",),
}
"""The ways in which a source can tell margins, and the roles that each needs."""

LEFT = {
    "column": "records.margin",
    "cost": "records.amount - records.cost",
    "unit_cost": "records.amount - abs(records.quantity) * CAST(records.cost AS DECIMAL(20, 6))",
    "category": "CAST(records.amount AS DOUBLE) * rates.margin",
}
"""SQL of the money left of what was bought in a row. Returns lower it by their share."""

LOWEST, HIGHEST = -1.0, 1.0
"""Between these a customer's share is taken as it is."""

LIMIT = 0.05
SHARES_AT_MOST, MONEY_AT_LEAST = 1.0, 5.0
"""A column of nothing above the one, where a row is worth more than the other, holds shares."""

CODES = ("margin_unknown", "margin_is_share", "margin_none")
"""The rules that refuse a source's margins."""

OPTION = {"margin": "margin_column"}


class OtherCategories(WrongParameter):
    """Margins by category, of which none is a category of the source."""

    def __init__(self, told: Sequence[str], there: Sequence[str]) -> None:
        self.told = f"it is about {_some(told)}, the categories of the source are {_some(there)}"
        expected = f"margins of the source's categories ({_some(there)})"
        super().__init__("margin", f"a table of {_some(told)}", expected)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return ", ".join(map(repr, names[:5])) + more or "none"


@dataclass(frozen=True)
class Margins:
    """Each customer's margin as a share of net spend, and how far it is known.

    `how` is one of NEEDS. `each` has one share for every customer who bought; `own` of them are
    told by the customer's rows, the others are the `mean` (of all money whose margin is known).
    Of the own, `held` lay outside -1 to 1 and are taken as the nearer of these. Of `rows` bought
    and their `money` less returns, `unknown_rows` and `unknown_money` have no margin that can be
    believed: they are taken to leave what the customer's other rows leave.
    """

    how: str
    mean: float
    own: int
    held: int
    rows: int
    money: Decimal
    unknown_rows: int
    unknown_money: Decimal
    each: pd.Series = field(repr=False, compare=False)

    def as_dict(self) -> dict[str, object]:
        """How far margins are known, in the types of JSON; no customer is in it."""
        return {
            "how": self.how,
            "mean": self.mean,
            "lowest": float(self.each.min()),
            "highest": float(self.each.max()),
            "customers": len(self.each),
            "own": self.own,
            "held": self.held,
            "rows": self.rows,
            "money": str(self.money),
            "unknown_rows": self.unknown_rows,
            "unknown_money": str(self.unknown_money),
        }


def find(
    bench: engines.Bench, source: str, roles: Sequence[str], how: str,
    rates: Mapping[str, float] | None, *, limit: float, reversed_signs: bool,
) -> Margins:  # fmt: skip
    """The margins of the customers of a bench's view `used`.

    `rates` are the shares by category, for how='category'; `reversed_signs`: sales are written
    below 0. Raises WrongParameter for a way that the source cannot tell, and UntrustedSource where
    more than `limit` of the money has no margin, or margins are none that can be believed.
    """
    _refuse_roles(how, roles)
    join = ""
    if how == "category":
        join = f"LEFT JOIN ({_rates(bench, rates or {})}) AS rates USING (category)"
    left = f"-({LEFT[how]})" if reversed_signs and how == "column" else LEFT[how]
    category = "records.category" if "category" in roles else "CAST(NULL AS VARCHAR)"
    parts = {"left": left, "join": join, "category": category}
    bench.lay("margin_lines", engines.fill(engines.statement("margin_lines"), **parts))
    (found,) = bench.ask(engines.statement("margin_account"))
    _refuse_unknown(bench, source, how, found, limit)
    _refuse_unbelievable(source, how, found)
    rows = bench.ask(engines.statement("margin_customers"))
    return _margins(how, found, pd.DataFrame(rows).set_index("customer_id"))


def _margins(how: str, found: dict[str, Any], customers: pd.DataFrame) -> Margins:
    mean = float(found["kept"]) / float(found["spent"])
    share = customers["kept"] / customers["spent"].where(customers["spent"] > 0)
    return Margins(
        how=how,
        mean=mean,
        own=int(share.notna().sum()),
        held=int(((share < LOWEST) | (share > HIGHEST)).sum()),
        rows=int(found["rows"]),
        money=round(found["money"], 2),
        unknown_rows=int(found["missing_rows"] + found["above_rows"]),
        unknown_money=round(found["unknown_money"], 2),
        each=share.clip(LOWEST, HIGHEST).fillna(mean).rename("margin"),
    )


def _refuse_roles(how: str, roles: Sequence[str]) -> None:
    if how not in NEEDS:
        raise WrongParameter("margin", how, "a number, or one of " + ", ".join(NEEDS))
    lacking = [role for role in NEEDS[how] if role not in roles]
    if lacking:
        names = " ".join(f"--set {OPTION.get(role, role)}=NAME" for role in lacking)
        expected = f"a source with a column for {' and '.join(lacking)}; name it: {names}"
        found = "told by category" if how == "category" else how
        raise WrongParameter("margin", found, expected)


def _rates(bench: engines.Bench, rates: Mapping[str, float]) -> str:
    """A SELECT of the source's categories and their margins, compared without case and blanks."""
    known = folded(rates)
    rows = bench.ask("SELECT DISTINCT category FROM records WHERE category IS NOT NULL")
    there = sorted(row["category"] for row in rows)
    named = [(name, known[fold(name)]) for name in there if fold(name) in known]
    if not named:
        raise OtherCategories(list(rates), there)
    values = ", ".join(f"({engines.literal(name)}, {rate!r}::DOUBLE)" for name, rate in named)
    return f"SELECT * FROM (VALUES {values}) AS told(category, margin)"


def fold(name: str) -> str:
    """A category's name without case and doubled or outer blanks."""
    return " ".join(name.split()).casefold()


def folded(rates: Mapping[str, float]) -> dict[str, float]:
    """Checked margins by folded category. Raises WrongParameter for one that cannot be."""
    known: dict[str, float] = {}
    for name, rate in rates.items():
        if fold(name) in known:
            raise WrongParameter("margin", f"a table with {name!r} twice", "each category once")
        if not (math.isfinite(rate) and LOWEST <= rate <= HIGHEST):
            expected = "shares of net spend from -1 to 1, such as 0.35"
            raise WrongParameter("margin", f"{rate:g} for category {name!r}", expected)
        known[fold(name)] = float(rate)
    return known


def _refuse_unknown(
    bench: engines.Bench, source: str, how: str, found: dict[str, Any], limit: float
) -> None:
    unknown = found["unknown_money"]
    rows = found["missing_rows"] + found["above_rows"]
    if not found["spent"] > 0 or unknown > Decimal(str(limit)) * found["money"]:
        share = float(unknown / found["money"]) if found["money"] else 1.0
        why = _why_unknown(bench, how, found)
        raise UntrustedSource(
            source,
            "margin_unknown",
            f"the margin of {rows:,} of its {found['rows']:,} rows, with {share:.1%} of the money, "
            f"is not known ({why})",
            (
                "Add these categories to what is given as margin"
                if how == "category"
                else "Complete it"
            )
            + ", give one margin for all, or allow more: "
            f"--set margin_limit={min(share + 0.005, 1):.2f}",
        )


def _why_unknown(bench: engines.Bench, how: str, found: dict[str, Any]) -> str:
    if how == "category":
        lacking = bench.ask(engines.statement("margin_categories"))[:5]
        names = (f"{row['category'] or 'no category'}: {row['rows']:,}" for row in lacking)
        return f"rows by category without a margin: {', '.join(names)}"
    return (
        f"{found['missing_rows']:,} say nothing, {found['above_rows']:,} leave more than was paid"
    )


def _refuse_unbelievable(source: str, how: str, found: dict[str, Any]) -> None:
    each = float(found["money"] / found["rows"])
    if how == "column" and float(found["largest"]) <= SHARES_AT_MOST and each > MONEY_AT_LEAST:
        raise UntrustedSource(
            source,
            "margin_is_share",
            f"its margins are {float(found['largest']):g} at most, though a row is worth "
            f"{each:,.2f}: shares, it seems, and not money",
            "Give the money that is left of a row, or margins by category.",
        )
    mean = float(found["kept"]) / float(found["spent"])
    if not 0 < mean <= 1:
        raise UntrustedSource(
            source,
            "margin_none",
            f"its rows leave {mean:.1%} of what was paid on the whole, so no customer is an "
            "investment",
            "Look at the column, at its sign, and whether costs are those of a row or of a piece "
            "(--set margin=unit_cost).",
        )
