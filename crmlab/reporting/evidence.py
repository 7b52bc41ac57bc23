"""What went in, and whether the model can be trusted: pages that all reports share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.backtest import TOP_FREQUENCY, Backtest
from crmlab.customers.fitness import DEPENDENT
from crmlab.customers.prospects import ENOUGH
from crmlab.customers.segments import spend_rank_correlation
from crmlab.customers.study import Study
from crmlab.reporting import figures
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    money,
    number,
    plain,
    share,
    term,
)
from crmlab.reporting.pages import Block, Figure, Light, Page, Sentence, Table, say
from crmlab.reporting.privacy import FEW

MANY_SET_ASIDE = 0.05
WITHOUT_MONEY = ("amount_unreadable", "amount_not_finite", "field_count", "control_char")
FIGURES: dict[str, Callable[[Any], Quantity]] = {
    "rows": count, "customers": count, "days": count, "wait": count, "share": share,
    "money": money, "variation": number, "first": day, "last": day,
}  # fmt: skip
BY_CHANCE = 1.959963984540054  # standard errors, 95 %
HEAVY_TAIL = 2.0  # Gamma-Gamma's q at which the variance of spend between customers is infinite


def what_went_in(study: Study, language: Language) -> Page:
    """The account: rows, money and customers, used and set aside by reason."""
    account = study.account
    used = account.used
    blocks: list[Block] = [
        say(
            "account.headline", style="lead",
            records=count(account.read.records), used=count(used.records),
            share=share(used.records / account.read.records), money=money(float(used.money)),
        ),
        say(
            "account.period", first=day(account.first_date), last=day(account.last_date),
            end=day(study.assumptions.observation_end), occasions=count(account.occasions),
        ),
        coverage(study),
        account_table(study),
        *returned(study),
        *cautions(study),
        *(told("flag", flag) for flag in account.flags),
        say("account.balance", style="caveat"),
    ]  # fmt: skip
    if account.zero_amount == "occasion":
        blocks.append(say("account.zero_occasions", style="caveat"))
    return Page("account", tuple(blocks), language)


def coverage(study: Study) -> Sentence:
    """What share of the sales is behind the report, if that can be said at all."""
    account = study.account
    aside = account.set_aside_total
    unread = sum(account.set_aside[reason].records for reason in WITHOUT_MONEY)
    if not aside.records:
        return say("account.all_covered")
    if unread:
        return say("account.covered_unknown", rows=count(aside.records), unread=count(unread))
    sales = account.sales + account.returned.matched
    covered = float(account.used.money / sales) if sales else float("nan")
    return say(
        "account.covered", covered=share(covered), aside=money(float(aside.money)),
        rows=count(aside.records),
    )  # fmt: skip


def cautions(study: Study) -> list[Sentence]:
    """What in the data casts doubt: many rows set aside, heavy spend, a long silence at the end."""
    account = study.account
    out = []
    aside = account.set_aside_total.records / account.read.records
    if aside > MANY_SET_ASIDE:
        out.append(say("account.many_set_aside", style="caveat", share=share(aside)))
    if study.spend.model.q <= HEAVY_TAIL:
        out.append(say("account.heavy_spend", style="caveat"))
    if study.purchases.diagnosis.status != "converged" and not study.shows_no_dropout:
        out.append(say("account.open_parameters", style="caveat"))
    if study.shows_no_dropout:
        out.append(say("account.no_dropout", style="caveat"))
    silence, longest = silences(study)
    if silence > max(7, 3 * longest):
        out.append(
            say("account.silence", style="caveat", days=count(silence), longest=count(longest))
        )
    return out


def returned(study: Study) -> list[Sentence]:
    """What returns take back, and how much of it could be matched."""
    account = study.account
    out = []
    if account.returns:
        matched, unmatched = account.returned.matched, account.returned.unmatched
        rest = account.returns - matched - unmatched
        every = {"returns": money(abs(float(account.returns)))}
        if not unmatched and not rest:
            return [Sentence("account.returns_all", every, "caveat")]
        parts = {"matched": money(abs(float(matched))), "unmatched": money(abs(float(unmatched)))}
        out.append(Sentence("account.returns", every | parts, "caveat"))
        if rest:
            out.append(say("account.returns_rest", style="caveat", rest=money(abs(float(rest)))))
    return out


def told(kind: str, found: Any) -> Sentence:
    """What the intake found, in words: `kind` is 'flag' or 'proof'."""
    style = "caveat" if kind == "flag" else "text"
    values = {name: _figure(name, value) for name, value in found.figures.items()}
    code = found.code
    if code == "giant_customer":  # what one customer spends is not told
        values.pop("share", None)
    if code == "far_off" and float(found.figures["rows"]) < FEW:
        code, values = "far_off_few", {"rows": values["rows"]}
    return say(f"found.{kind}.{code}", style=style, **values)


def _figure(name: str, value: Any) -> Quantity:
    """A figure of a finding as its name says that it is written."""
    if name in ("order", "decimal", "kind"):
        return term(f"found.{name}.{value}")
    write: Callable[[Any], Quantity] = FIGURES.get(name, plain)
    return write(value)


def silences(study: Study) -> tuple[int, int]:
    """Days without any purchase at the end of observation, and the longest such time before."""
    end = pd.Timestamp(study.assumptions.observation_end)
    dates = study.log.occasions(study.assumptions.observation_end)["date"].drop_duplicates()
    longest = dates.sort_values().diff().max()
    return (end - dates.max()).days, 0 if pd.isna(longest) else longest.days - 1


def account_table(study: Study) -> Table:
    """The account as a table; reasons without a row are left out, the total comes last."""
    frame = study.account.table()
    frame = frame[(frame["records"] > 0) | (frame.index == "used")]
    frame = pd.concat([frame.drop("read"), frame.loc[["read"]]])
    frame.insert(0, "rows", [f"account.rows.{name}" for name in frame.index])
    kinds = {"rows": "term", "records": "count", "money": "cents", "customers": "count"}
    return Table("account", frame, kinds, total=True, account=True)


LEVELS = {"good": "good", "unsure": "fair", "fair": "fair", "poor": "poor", "nothing": "poor"}


def traffic_light(backtest: Backtest | None) -> Light:
    """How far the model can be trusted here, with the figures behind it."""
    if backtest is None:
        return Light("none", say("trust.no_holdout"))
    low, high = backtest.predicted.lower, backtest.predicted.upper
    if backtest.verdict == "nothing":
        expected = count(backtest.predicted.mean)
        if backtest.inside:
            return Light("none", say("trust.light.too_short", expected=expected))
        return Light("poor", say("trust.light.nothing", expected=expected))
    key = "inside" if backtest.inside else "outside"
    narrow = backtest.verdict == "good" and not backtest.inside
    head = "narrow" if narrow else None
    return Light(
        LEVELS[backtest.verdict],
        say(
            f"trust.light.{head or backtest.verdict}",
            direction=term(f"word.{'too_few' if backtest.bias < 0 else 'too_many'}"),
            bias=share(abs(backtest.bias)), actual=count(backtest.actual),
            lower=count(low), upper=count(high), key=term(f"trust.{key}"),
            range=term(f"trust.range_{key}"), date=day(backtest.calibration_end),
        ),
        head,
    )  # fmt: skip


def can_it_be_trusted(
    study: Study, backtest: Backtest | None, other_dates: pd.DataFrame, language: Language
) -> Page:
    """Tracking, calibration against holdout, naive rules, independence of spend."""
    if backtest is None or not backtest.actual:
        return Page("trust", (traffic_light(backtest), independence(study)), language)
    return Page(
        "trust",
        (
            traffic_light(backtest),
            _setting(backtest),
            *from_other_dates(other_dates, backtest.calibration_end),
            tracking_figure(backtest, language),
            cumulative_figure(backtest, language),
            say("trust.two_totals", style="caveat"),
            frequency_figure(backtest, language),
            *naive_rules(backtest),
            independence(study),
            *_new_customers(backtest),
        ),
        language,
    )


def from_other_dates(tests: pd.DataFrame, shown: str) -> tuple[Block, ...]:
    """The same test from other dates than `shown`, so that nothing hangs on one of them."""
    tests = tests[tests["calibration_end"] != shown]
    if len(tests) < 2:
        return ()
    kinds = {
        "calibration_end": "short_day", "customers": "count", "predicted": "count",
        "actual": "count", "bias": "share",
    }  # fmt: skip
    return (
        say("trust.other_dates", tests=count(len(tests)), low=share(tests["bias"].min()),
            high=share(tests["bias"].max())),
        Table("other_dates", tests, kinds),
    )  # fmt: skip


def _setting(backtest: Backtest) -> Sentence:
    return say(
        "trust.setting", calibration=day(backtest.calibration_end),
        end=day(backtest.observation_end), customers=count(len(backtest.customers)),
        model=term(f"model.{type(backtest.fit.model).__name__}"),
    )  # fmt: skip


def _split(backtest: Backtest) -> float:
    return float(backtest.tracking.loc[~backtest.tracking["holdout"], "week"].max())


def tracking_figure(backtest: Backtest, language: Language) -> Figure:
    """Repeat purchases by week, as they were and as the model expects them."""
    frame = backtest.tracking
    late = frame[frame["holdout"]]
    error = float((late["expected"] / late["actual"].where(late["actual"] > 0) - 1).abs().median())
    kinds = {"week": "count", "actual": "count", "expected": "number"}
    return Figure(
        "tracking",
        figures.two_lines(frame, language, "actual", "expected", _split(backtest)),
        say("trust.weekly", error=share(error)),
        say("alt.tracking", weeks=count(len(frame)), peak=count(frame["actual"].max())),
        Table("tracking", frame, kinds, rows=5),
    )


def cumulative_figure(backtest: Backtest, language: Language) -> Figure:
    """The same, added up from the first week."""
    frame = backtest.tracking
    late = frame[frame["holdout"]]
    actual, expected = float(late["actual"].sum()), float(late["expected"].sum())
    kinds = {"week": "count", "cumulative_actual": "count", "cumulative_expected": "number"}
    return Figure(
        "cumulative",
        figures.two_lines(
            frame, language, "cumulative_actual", "cumulative_expected", _split(backtest)
        ),
        say(
            "trust.cumulative", weeks=count(len(late)), actual=count(actual),
            expected=count(expected), gap=share(abs(expected / actual - 1) if actual else np.nan),
        ),
        say("alt.cumulative", actual=count(frame["cumulative_actual"].iloc[-1]),
            expected=count(frame["cumulative_expected"].iloc[-1])),
        Table("cumulative", frame, kinds, rows=5),
    )  # fmt: skip


def frequency_figure(backtest: Backtest, language: Language) -> Figure:
    """Holdout purchases a customer by calibration frequency, predicted against actual."""
    table = backtest.by_frequency()
    shown = table.reset_index().rename(columns={"frequency": "repeats"})
    shown["repeats"] = shown["repeats"].map(
        lambda n: language.write(count(n)) + ("+" if n == TOP_FREQUENCY else "")
    )
    large = table[table["customers"] >= ENOUGH]
    kinds = {
        "repeats": "plain", "customers": "count", "actual": "number", "predicted": "number",
        "same_again": "number",
    }  # fmt: skip
    return Figure(
        "by_frequency",
        figures.by_frequency(table, language),
        _furthest(table, large),
        say("alt.by_frequency", groups=count(len(table))),
        Table("by_frequency", shown, kinds, more={"actual_error": "number"}),
    )  # fmt: skip


def _furthest(table: pd.DataFrame, large: pd.DataFrame) -> Sentence:
    """Where the model is furthest off, in standard errors of what happened, if not by chance.

    `large` are the groups of enough customers to judge; all of them are judged where none is.
    """
    judged = large if len(large) else table
    error = judged["actual_error"].where(judged["actual_error"] > 0)
    apart = ((judged["predicted"] - judged["actual"]).abs() / error).fillna(0)
    if len(large) and apart.max() <= BY_CHANCE:
        return say(
            "trust.by_frequency_within", least=count(ENOUGH), groups=count(len(large)),
            all=count(len(table)), top=count(TOP_FREQUENCY),
        )  # fmt: skip
    worst = apart.idxmax()
    return say(
        "trust.by_frequency", repeats=count(worst), top=count(TOP_FREQUENCY),
        predicted=number(table.loc[worst, "predicted"]), actual=number(table.loc[worst, "actual"]),
    )  # fmt: skip


def naive_rules(backtest: Backtest) -> tuple[Sentence, Table]:
    """The model against 'same again' and 'nobody returns'."""
    rules = backtest.rules()
    better = rules["rmse"].idxmin() == "model"
    frame = rules.assign(rule=[f"rule.{name}" for name in rules.index])
    kinds = {"rule": "term", "total": "count", "bias": "share", "mae": "number", "rmse": "number"}
    sentence = say(
        "trust.rules_better" if better else "trust.rules_worse",
        model=share(abs(rules.loc["model", "bias"])),
        same_again=share(abs(rules.loc["same_again", "bias"])),
        actual=count(backtest.actual),
        rmse=number(rules.loc["model", "rmse"]),
        rmse_same=number(rules.loc["same_again", "rmse"]),
        rmse_nobody=number(rules.loc["nobody_returns", "rmse"]),
    )
    return sentence, Table("rules", frame, kinds)


def independence(study: Study) -> Sentence:
    """Whether how often and how much customers spend go together, which the value assumes not."""
    rho, low, high, n = spend_rank_correlation(study.customers)
    key = (
        "trust.independent" if max(abs(low), abs(high)) <= DEPENDENT else "trust.independence_open"
    )
    return say(
        "trust.dependent" if abs(rho) > DEPENDENT else key, style="caveat",
        rho=number(rho), low=number(low), high=number(high), customers=count(n),
    )  # fmt: skip


def _new_customers(backtest: Backtest) -> tuple[Sentence, ...]:
    if not backtest.new_customers:
        return ()
    return (
        say(
            "trust.new_customers", style="caveat", customers=count(backtest.new_customers),
            share=share(backtest.new_revenue_share),
        ),
    )  # fmt: skip
