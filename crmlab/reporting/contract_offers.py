"""What keeping contracts at their next renewal may cost, by segment."""

from __future__ import annotations

import pandas as pd

from crmlab.customers.contracts.offers import FITTED_FROM
from crmlab.customers.contracts.study import ContractStudy
from crmlab.reporting.contract_survival import segment_name
from crmlab.reporting.figures import side_bars
from crmlab.reporting.groups import of_many
from crmlab.reporting.language import Language, count, listed, money, plain, term
from crmlab.reporting.pages import Block, Figure, Page, Sentence, Table, say
from crmlab.reporting.privacy import withheld


def offers_page(study: ContractStudy, language: Language) -> Page:
    """Value at risk at the next renewal, the most an offer may cost, and the test to prove it."""
    if not study.offers.table["value_at_risk"].sum() > 0:
        return Page("contracts.offers", (say("contract_offers.nothing"),), language)
    table = study.offers.table
    if study.offers.by is not None:
        table = table.sort_values("value_at_risk", ascending=False)
    names = [_name(study, str(key), language) for key in table.index]
    blocks: list[Block] = [
        _at_risk(study, table, names, language),
        say("contract_offers.most_cost", style="caveat"),
        *_proof(study, table, names),
        *_curves(study, table, names),
    ]
    return Page("contracts.offers", tuple(blocks), language)


def _name(study: ContractStudy, key: str, language: Language) -> str:
    """A segment's name as it is written; a band of renewals passed with a dash."""
    return key.replace("-", "–") if study.offers.by is None else segment_name(key, language)


def _at_risk(
    study: ContractStudy, table: pd.DataFrame, names: list[str], language: Language
) -> Figure:
    place = int(table["value_at_risk"].to_numpy().argmax())
    row = table.iloc[place]
    banded = study.offers.by is None
    key = "contract_offers.headline_bands" if banded else "contract_offers.headline_segments"
    facts = {"segment": plain(names[place]), "risk": money(table["value_at_risk"].sum()),
             "customers": count(row["customers"])}  # fmt: skip
    few = bool(withheld(table["customers"]).iloc[place])
    if not few:
        facts |= {"worst": money(row["value_at_risk"]), "most": money(row["most_cost"])}
    return Figure(
        "contract_offers",
        side_bars(names, of_many(table, "value_at_risk"), language, "money",
                  "figure.value_at_next_bands" if banded else "figure.value_at_next_segments"),
        Sentence("contract_offers.headline_few" if few else key, facts),
        say("alt.offers", segments=count(len(table))),
        _table(study, table, names, language),
    )  # fmt: skip


def _table(
    study: ContractStudy, table: pd.DataFrame, names: list[str], language: Language
) -> Table:
    """Segments, what one fit for all gives more or less, and the total of the report."""
    sums = table[["customers", "residual_value", "leave", "value_at_risk"]].sum()
    rows = [table.reset_index(drop=True).assign(segment=names)]
    if study.offers.difference:
        one = language.text("contract_offers.one_fit")
        rows.append(pd.DataFrame([{"segment": one, "residual_value": study.offers.difference}]))
    total = {**sums, "residual_value": study.equity.total.mean}
    rows.append(pd.DataFrame([{"segment": language.text("word.total"), **total}]))
    frame = pd.concat(rows, ignore_index=True)
    first = "segment" if study.offers.by is not None else "tenure"
    kinds = {first: "plain", "customers": "count", "residual_value": "money",
             "value_at_risk": "money", "most_cost": "cents"}  # fmt: skip
    more = {"value_each": "money", "leave": "number", "renews": "rate"}
    if study.offer_cost is not None:
        kinds |= {"break_even_uplift": "points", "per_arm": "count"}
        more |= {"renews_needed": "rate", "break_even_share": "share"}
    return Table("contract_offers", frame.rename(columns={"segment": first}), kinds, total=True,
                 more=more)  # fmt: skip


def _proof(study: ContractStudy, table: pd.DataFrame, names: list[str]) -> list[Sentence]:
    """How an offer of the given cost could be shown to pay, and where there are enough for it."""
    if study.offer_cost is None:
        return [say("contract_offers.no_cost", style="caveat")]
    cost = money(study.offer_cost)
    said = say("contract_offers.uplift", style="caveat", cost=cost)
    if table["break_even_share"].isna().all():
        return [say("contract_offers.never", cost=cost), said]
    enough = [name for name, fits in zip(names, table["testable"], strict=True) if fits]
    if not enough:
        return [say("contract_offers.untestable"), said]
    return [say("contract_offers.testable", segments=listed(enough)), said]


def _curves(study: ContractStudy, table: pd.DataFrame, names: list[str]) -> list[Sentence]:
    """Whose curve the segments follow, and why the total is that of page one."""
    if study.offers.by is None:
        return [say("contract_offers.by_tenure", style="caveat")]
    out = []
    if table["own_fit"].any():
        total, difference = study.equity.total.mean, study.offers.difference
        too = "contracts.too_much" if difference > 0 else "contracts.too_little"
        out.append(say("contract_offers.own_fits", style="caveat", least=count(FITTED_FROM),
                       total=money(total),
                       parts=money(total - difference), difference=money(abs(difference)),
                       too=term(too)))  # fmt: skip
    rest = [name for name, own in zip(names, table["own_fit"], strict=True) if not own]
    if rest:
        out.append(say("contract_offers.no_own_fit", style="caveat", names=listed(rest)))
    return out
