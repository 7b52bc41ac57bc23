"""The retention report on contracts: one page to decide on, and what went in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from crmlab.customers.contracts.projection import CONSTANT
from crmlab.customers.contracts.study import ContractStudy
from crmlab.customers.contracts.worth import DRAWS, akaike_weights
from crmlab.reporting.language import (
    Language,
    Quantity,
    count,
    day,
    length,
    money,
    plain,
    rate,
    share,
    term,
    years,
)
from crmlab.reporting.pages import (
    Block,
    Cover,
    Finding,
    Light,
    Page,
    Sentence,
    Table,
    Tile,
    Tiles,
    say,
)

PAGES = ("contracts.answer", "contracts.account", "contracts.survival", "contracts.rates",
         "contracts.value", "contracts.offers", "contracts.drivers", "contracts.trust",
         "contracts.method")  # fmt: skip
LEVELS = {"good": "good", "unsure": "fair", "fair": "fair", "poor": "poor", "nothing": "none"}
CONCENTRATED = 1.2
"""Half of those expected to leave are early ones if they are so much fewer than half of all."""


def cover(study: ContractStudy, language: Language) -> Cover:
    """Title, what it is about, and the contents."""
    source, end = plain(study.contracts.source.rsplit("/", 1)[-1]), study.contracts.observation_end
    if end is None:
        return Cover(
            "contracts.title", say("contracts.about_undated", source=source), PAGES, language
        )
    about = say("contracts.about", source=source, end=day(end))
    return Cover("contracts.title", about, PAGES, language)


def in_one_page(study: ContractStudy, language: Language) -> Page:
    """How many are under contract, how many stay, what that is worth, what to do first."""
    total, running = study.equity.total, len(study.equity.customers)
    table = study.contracts.table
    came = int(study.curve.table["at_risk"].iloc[1:].sum())
    passed = came - study.curve.ended
    blocks: list[Block] = [
        _headline(study),
        rests_on(study),
        *cautions(study),
        *_by_segment(study),
        Tiles((
            Tile("tile.contracts", count(running), say(
                "tile.contracts_note", known=count(len(table)), ended=count(len(table) - running))),
            Tile("tile.retention", rate(study.retention), say(
                "tile.retention_note", passed=count(passed), came=count(came),
                period=term(f"unit.{study.contracts.period}"))),
            Tile("tile.contract_value", money(total.mean), say(
                "tile.contract_value_note", lower=money(total.lower), upper=money(total.upper))),
        )),
        *_price(study),
        _first(study),
        light(study),
    ]  # fmt: skip
    return Page("contracts.answer", tuple(blocks), language)


def _headline(study: ContractStudy) -> Sentence:
    total, end = study.equity.total, study.contracts.observation_end
    given = {
        "running": count(len(study.equity.customers)), "value": money(total.mean),
        "lower": money(total.lower), "upper": money(total.upper),
    }  # fmt: skip
    horizon = study.given.horizon_years
    ahead = term("contracts.to_the_end") if horizon is None else years(horizon)
    if end is None:
        return say("contracts.headline_undated", style="lead", ahead=ahead, **given)
    return say("contracts.headline", style="lead", end=day(end), ahead=ahead, **given)


def rests_on(study: ContractStudy) -> Sentence:
    """What the value rests on, in the line below it; and how much another curve counts."""
    facts = {
        "margin": money(study.margin_mean), "rate": share(study.given.discount_rate),
        "period": term(f"unit.{study.contracts.period}"), "model": plain(study.chosen),
    }  # fmt: skip
    weights = dict(zip(study.fits, akaike_weights(list(study.fits.values())), strict=True))
    del weights[study.chosen]
    other, weight = weights.popitem() if weights else ("", 0.0)
    if round(DRAWS * weight) == 0:  # the data rule the other curve out
        return Sentence("contracts.rests_on", facts, "caveat")
    more = {"other": plain(other), "weight": share(weight)}
    return Sentence("contracts.rests_on_two", facts | more, "caveat")


def cautions(study: ContractStudy) -> list[Sentence]:
    """What in the data or the fit casts doubt on all figures."""
    account, out = study.contracts.account, []
    aside = sum(account.set_aside.values())
    if aside > 0.05 * account.read:
        out.append(say("account.many_set_aside", style="caveat", share=share(aside / account.read)))
    if study.fit.diagnosis.status != "converged":
        out.append(say("account.open_parameters", style="caveat"))
    return out


def _by_segment(study: ContractStudy) -> list[Sentence]:
    """What curves of the segments' own give, and whether inside the range of the one curve."""
    total = study.equity.total
    if not study.offers.difference:
        return []
    parts = total.mean - study.offers.difference
    inside = total.lower <= parts <= total.upper
    key = "contracts.by_segment_inside" if inside else "contracts.by_segment"
    return [say(key, style="caveat", parts=money(parts),
                segment=plain(study.segment))]  # fmt: skip


def _price(study: ContractStudy) -> list[Block]:
    """What it costs to think all customers alike; nothing where there is no value to compare."""
    alike, total = study.equity.constant_total, study.equity.total.mean
    if not total > 0:
        return []
    too = "contracts.too_little" if alike < total else "contracts.too_much"
    last = study.equity.by_tenure.index[-1] + 1
    first_rate, last_rate = study.fit.model.retention_rate(np.array([1, last]))
    finding = Finding(
        say("contracts.price", alike=money(alike), share=share(abs(alike / total - 1)),
            too=term(too), rate=rate(study.retention), first=rate(first_rate),
            late=rate(last_rate), late_renewal=count(last)),
        say("contracts.price_decision"),
    )  # fmt: skip
    return [finding, *_doubt(study)]


def _doubt(study: ContractStudy) -> list[Sentence]:
    """Says so where one constant rate came closer to what was held out than the model did."""
    held = study.holdout
    if held is None or study.chosen not in held.fits:
        return []
    error = held.errors["last_error"].abs()
    if not error[CONSTANT] < error[study.chosen]:
        return []
    return [say("contracts.doubt", style="caveat",
                constant=share(error[CONSTANT]), error=share(error[study.chosen]))]  # fmt: skip


def _first(study: ContractStudy) -> Finding:
    """Where those are who are expected to leave at their next renewal."""
    by = study.equity.by_tenure
    leaving = by["customers"] * (1 - by["retention_next"])
    half = int(np.searchsorted(leaving.cumsum(), leaving.sum() / 2))
    told, known = leaving.cumsum().iloc[half], by["customers"].cumsum().iloc[half]
    said = {
        "leaving": count(leaving.sum()), "share": share(told / leaving.sum()),
        "customers": share(known / by["customers"].sum()), "renewals": count(by.index[half]),
    }  # fmt: skip
    early = said["share"].value > CONCENTRATED * said["customers"].value
    key = "early" if early else "even"
    if len(by) == 1:
        found = say("contracts.first_one", leaving=said["leaving"], renewals=said["renewals"])
        return Finding(found, say("contracts.decision_even"))
    return Finding(
        say(f"contracts.first_{key}", style="text", **said), say(f"contracts.decision_{key}")
    )


def light(study: ContractStudy) -> Light:
    """How far the projection can be trusted, by the renewals that were held out."""
    held = study.holdout
    if held is None or study.chosen not in held.fits:
        return Light("none", say("contracts.untested"))
    verdict = held.verdict(study.chosen)
    last = held.table.iloc[-1]
    unit = study.contracts.period
    if verdict == "nothing":
        return Light("none", say("contracts.light_nothing", last=count(held.table.index[-1])))
    return Light(LEVELS[verdict], say(
        f"contracts.light_{verdict}",
        seen=length(held.calibration, unit), last=length(int(held.table.index[-1]), unit),
        expected=share(last[study.chosen]), observed=share(last["observed"]),
        lower=share(last["lower"]), upper=share(last["upper"]),
        error=share(abs(float(held.errors.loc[study.chosen, "last_error"]))),
    ))  # fmt: skip


def what_went_in(study: ContractStudy, language: Language) -> Page:
    """The account, and how tenures and ends were understood."""
    contracts, account = study.contracts, study.contracts.account
    watched, unit = study.curve.customers, term(f"unit.{contracts.period}")
    blocks: list[Block] = [
        _used(study),
        _account_table(study),
        say("account.balance_contracts", style="caveat"),
        say("contracts.tenure_dated" if contracts.dated else "contracts.tenure_told", period=unit),
        *[say(f"contracts.found.{found.code}", style="text", **_figures(found.figures))
          for found in account.findings],
        say("contracts.watched" if watched < len(contracts.table) else "contracts.watched_all",
            watched=count(watched), used=count(len(contracts.table)),
            renewals=count(study.curve.table["at_risk"].iloc[1:].sum()),
            left=count(study.curve.ended), last=count(study.curve.last)),
        _opened(study),
    ]  # fmt: skip
    return Page("contracts.account", tuple(blocks), language)


def _used(study: ContractStudy) -> Sentence:
    account = study.contracts.account
    if account.used == account.read:
        return say("contracts.used_all", style="lead", used=count(account.used))
    return say("contracts.used", style="lead", used=count(account.used), read=count(account.read),
               share=rate(account.used / account.read))  # fmt: skip


def _opened(study: ContractStudy) -> Sentence:
    opened = study.contracts.opened
    if opened is None:
        key = "all_kept" if study.contracts.dated else "all_kept_told"
        return say(f"contracts.{key}", style="caveat")
    return say("contracts.opened", style="caveat", opened=day(opened))


def _figures(figures: Mapping[str, Any]) -> dict[str, Quantity]:
    """A finding's figures as their names say that they are written."""
    write: dict[str, Callable[[Any], Quantity]] = {
        "share": share, "customers": count, "end_is": lambda v: term(f"contracts.end_is.{v}"),
    }  # fmt: skip
    return {name: write[name](value) for name, value in figures.items()}


def _account_table(study: ContractStudy) -> Table:
    """Rows used, repeated and set aside by reason; what was read comes last."""
    account = study.contracts.account
    told = {"used": account.used, "repeated": account.repeated, **account.set_aside}
    rows = [(name, n) for name, n in told.items() if n or name == "used"]
    frame = pd.DataFrame([*rows, ("read", account.read)], columns=["rows", "records"])
    frame["rows"] = "contracts.rows." + frame["rows"]
    return Table("contract_account", frame, {"rows": "term", "records": "count"}, total=True)
