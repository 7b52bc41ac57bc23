"""Five lenses on a customer base: one figure and one sentence each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from crmlab.customers import lenses
from crmlab.customers.cohorts import PERIODS
from crmlab.customers.study import Study
from crmlab.reporting import review_figures as figures
from crmlab.reporting.language import Language, Quantity, count, day, length, money, share
from crmlab.reporting.pages import Block, Data, Figure, Page, Sentence, Table, say
from crmlab.reporting.privacy import FEW, can_be_told, withheld

AGES = 24


def five_lenses(study: Study, opening_date: str, language: Language, *, period: str) -> Page:
    """How customers differ, change, develop and compare, and what it makes of the firm's sales.

    The periods are from `opening_date` to the end of observation, and as long before it; `period`
    (month, quarter, year) is that of cohorts and of sales.
    """
    closing = study.assumptions.observation_end
    occasions = study.log.occasions(closing)
    after = lenses.period_before(opening_date, closing)
    period = _told_period(occasions, period)
    life = lenses.development(occasions, closing, period)
    life = life[life["customers"] >= FEW]
    blocks: list[Block] = [
        say("lenses.periods", style="caveat", before=day(_day_after(after)),
            opening=day(opening_date), after=day(_day_after(opening_date)), closing=day(closing)),
        *_differences(lenses.differences(occasions, opening_date, closing), language),
        *(
            _changes(lenses.changes(occasions, after, opening_date, closing), language)
            if pd.Timestamp(after) + pd.Timedelta(days=1) >= occasions["date"].min()
            else (say("lenses.no_before"),)
        ),
        *(_cohorts(life, language) if len(life) else (say("lenses.too_young"),)),
        *_sales(lenses.sales(occasions, period), closing, language),
    ]  # fmt: skip
    return Page("review.lenses", tuple(blocks), language)


def _day_after(day_before: str) -> pd.Timestamp:
    return pd.Timestamp(day_before) + pd.Timedelta(days=1)


def _told_period(occasions: pd.DataFrame, period: str) -> str:
    """The period asked for, or the next longer one in which not just a few customers were new."""
    first = occasions.groupby("customer_id")["date"].min()
    names = list(PERIODS)
    for longer in names[names.index(period) :]:
        if (first.dt.to_period(PERIODS[longer]).value_counts() >= FEW).all():
            return longer
    return names[-1]


def _differences(table: pd.DataFrame, language: Language) -> tuple[Block, ...]:
    if table.empty:
        return (say("lenses.nobody"),)
    if withheld(table["customers"]).any():
        return _halves(table)
    top, rest = float(table["share"].iloc[0]), float(table["share"][table.index > 5].sum())
    kinds = {
        "tenth": "count", "customers": "count", "amount": "money", "share": "share",
        "occasions_each": "number",
    }  # fmt: skip
    return (
        Figure(
            "lens_differences",
            figures.tenths(table["share"], language),
            say("lenses.differences", customers=count(table["customers"].sum()), top=share(top),
                rest=share(rest)),
            say("alt.lens_differences", top=share(top), last=share(table["share"].iloc[-1])),
            None,
        ),
        Data(Table("lens_differences", table.reset_index(), kinds)),
    )  # fmt: skip


def _halves(table: pd.DataFrame) -> tuple[Sentence]:
    """Of customers too few for tenths: what the upper half of them bought."""
    people, upper = table["customers"].sum(), table[table.index <= 5]
    if not can_be_told(upper["customers"].sum(), people):
        return (say("lenses.few", customers=count(people)),)
    return (say("lenses.halves", customers=count(people), upper=share(upper["share"].sum())),)


def _changes(table: pd.DataFrame, language: Language) -> tuple[Block, ...]:
    shown = table[(table["customers"] > 0) & (table.index != "same")]
    names = [language.text(f"change.{name}") for name in shown.index]
    lost = float(table.loc[["left", "less"], "change"].sum())
    gained = float(table.loc[["more", "came_back", "new"], "change"].sum())
    few = withheld(table["customers"])
    amounts = shown["change"].where(~few[shown.index])
    frame = table.reset_index().assign(name=[f"change.{name}" for name in table.index])
    facts: dict[str, Quantity] = {
        "before": money(table["before"].sum()), "now": money(table["now"].sum()),
        "left": count(table.loc["left", "customers"]),
    }  # fmt: skip
    title = Sentence("lenses.changes_few", facts)
    if not few.any():
        both = {"lost": money(-lost), "gained": money(gained)}
        came = table.loc[["came_back", "new"], "customers"].sum()
        key = "lenses.changes" if came else "lenses.changes_none_new"
        title = Sentence(key, facts | both)
    kinds = {"name": "term", "customers": "count", "before": "money", "now": "money",
             "change": "money"}  # fmt: skip
    figure = Figure(
        "lens_changes",
        figures.gains_and_losses(names, amounts.tolist(), language),
        title,
        say("alt.lens_changes", kinds=count(len(names))),
        None,
    )  # fmt: skip
    return figure, Data(Table("lens_changes", frame, kinds))


def _cohorts(life: pd.DataFrame, language: Language) -> tuple[Block, ...]:
    """One cohort's life, and all of them at equal age."""
    names = {cohort: language.write(Quantity(cohort, "period")) for cohort in life["cohort"]}
    lives = {
        cohort: part.set_index("age").loc[: AGES - 1] for cohort, part in life.groupby("cohort")
    }
    first, last = min(lives), max(lives)
    one = lives[first]
    common = int(min(part.index[-1] for part in lives.values()))
    at = {cohort: float(part.loc[common, "cumulative_each"]) for cohort, part in lives.items()}
    frame = life.assign(cohort=life["cohort"])
    kinds = {
        "cohort": "period", "age": "count", "customers": "count", "active": "share",
        "amount_each": "cents", "cumulative_each": "cents",
    }  # fmt: skip
    late, begun = one["amount_each"].iloc[-3:].mean(), one["amount_each"].iloc[0]
    lines = [(names[cohort], part["cumulative_each"]) for cohort, part in lives.items()]
    blocks: list[Block] = [
        Figure(
            "lens_life",
            figures.one_life(one.index.to_series(), one["amount_each"], language),
            say("lenses.life", cohort=Quantity(first, "period"), first=money(begun),
                customers=count(one["customers"].iloc[0]), late=money(late),
                active=share(one["active"].iloc[-1])),
            say("alt.lens_life", first=money(begun), late=money(late)),
            None,
        ),
        Data(Table("lens_life", frame, kinds)),
    ]  # fmt: skip
    if len(lives) > 1:
        blocks.insert(1, Figure(
            "lens_cohorts",
            figures.cohort_lines(lines, language, "figure.cumulative_each"),
            say("lenses.cohorts", first=Quantity(first, "period"), last=Quantity(last, "period"),
                age=length(float(common + 1), "month"), then=money(at[first]), now=money(at[last])),
            say("alt.lens_cohorts", cohorts=count(len(lives))),
            None,
        ))  # fmt: skip
    return tuple(blocks)


def _sales(table: pd.DataFrame, closing: str, language: Language) -> tuple[Block, ...]:
    few = withheld(table["new_customers"])
    if few.any():  # even by year
        return (say("lenses.sales_few", total=money(table["amount"].sum())),)
    names = [language.write(Quantity(period, "period")) for period in table.index]
    total = float(table["amount"].sum())
    new = float(table["amount_new"].sum() / total) if total else np.nan
    kinds = {
        "period": "period", "customers": "count", "new_customers": "count",
        "amount_new": "cents", "amount_known": "cents", "amount": "cents",
    }  # fmt: skip
    whole = table[[period.end_time.normalize() <= pd.Timestamp(closing) for period in table.index]]
    last = (whole if len(whole) else table).iloc[-1]
    figure = Figure(
        "lens_sales",
        figures.stacked_sales(table, names, language),
        say("lenses.sales", total=money(total), new=share(new),
            last=Quantity(last.name, "period"), amount=money(last["amount"]),
            known=share(last["amount_known"] / last["amount"] if last["amount"] else np.nan)),
        say("alt.lens_sales", periods=count(len(table))),
        None,
    )  # fmt: skip
    return figure, Data(Table("lens_sales", table.reset_index(), kinds))
