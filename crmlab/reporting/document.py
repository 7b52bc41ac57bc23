"""The end of a report: its figures, tables and customers as data beside the pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crmlab.customers.actions import write_actions
from crmlab.customers.backtest import Backtest
from crmlab.customers.study import Study
from crmlab.reporting.pages import Cover, Page, Tiles, figures_of, plain_value, tables_of
from crmlab.reporting.workbook import write_workbook

SCHEMA_VERSION = 1


def publish(
    run_dir: str,
    cover: Cover,
    pages: Sequence[Page],
    study: Study,
    backtest: Backtest | None = None,
    customers: pd.DataFrame | None = None,
) -> str:
    """Write the figures, tables, customers and rows set aside into `run_dir`; nothing if it is ''.

    `customers` are those of the study unless given, with more columns.

    results.json is written last and says "complete": without it the run did not succeed.
    """

    def rows(folder: Path) -> None:
        people = study.customers if customers is None else customers
        people.reset_index().to_parquet(folder / "customers.parquet", index=False)
        write_actions(study, folder / "actions.parquet")
        study.log.write_quarantine(
            folder / "quarantine.parquet", observation_end=study.assumptions.observation_end
        )

    return write(run_dir, cover, pages, rows, lambda: _figures(study, backtest))


def write(
    run_dir: str,
    cover: Cover,
    pages: Sequence[Page],
    rows: Callable[[Path], None],
    figures: Callable[[], dict[str, Any]],
) -> str:
    """Write tables and pages of any report; `rows` writes what is by customer into the folder.

    `figures` are what results.json holds of the data and fits: input, assumptions, totals,
    account, fits.
    """
    if not run_dir:
        return "Nothing written: run_dir is empty (set it, or run the report with crmlab report)."
    folder = Path(run_dir)
    tables = [table for page in pages for table in tables_of(page)]
    write_workbook(folder / "tables.xlsx", tables, cover.language)
    rows(folder)
    language, found = cover.language, figures()
    results = {
        "schema_version": SCHEMA_VERSION,
        "title": language.text(cover.title),
        "language": language.code,
        "locale": str(language.locale),
        **found,
        "headline": _headline(pages),
        "pages": {page.key: figures_of(page) for page in pages},
        "complete": True,
    }
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "results.json").write_text(text, encoding="utf-8")
    return f"{len(pages)} pages, {len(tables)} tables, {found['totals']['customers']} customers"


def _figures(study: Study, backtest: Backtest | None) -> dict[str, Any]:
    fits = {"purchases": study.purchases.as_dict(), "spend": study.spend.as_dict()}
    if backtest is not None:
        fits["backtest"] = backtest.fit.as_dict()
    given = study.assumptions
    return {
        "input": read_from(study.account.source, study.log.fingerprint, study.basis.tables),
        "assumptions": {
            "observation_end": given.observation_end,
            "unit": given.unit,
            "margin": given.margin,
            "discount_rate": given.discount_rate,
            "horizon_years": given.horizon_years,
            **_basis(study),
        },
        "totals": _totals(study),
        "account": study.account.as_dict(),
        "fits": fits,
    }


def read_from(source: str, fingerprint: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    """What a report was made from: the source, and the tables beside it by their parameters."""
    beside = {name: origin._asdict() for name, origin in tables.items()}
    return {"source": source, "fingerprint": fingerprint, "tables": beside}


def _basis(study: Study) -> dict[str, Any]:
    """Costs, and how far margins and costs are known by customer."""
    given, basis = study.assumptions, study.basis
    served, won = basis.served, basis.won
    return {
        **basis.figures,
        "acquisition_cost": given.acquisition_cost,
        "margins": None if basis.margins is None else basis.margins.as_dict(),
        "cost_to_serve": None if served is None else served.own | {"strangers": served.strangers},
        "won": {
            "channel": won.channel_from,
            "cost": won.cost_from,
            "priced": won.priced,
            "priced_cohorts": won.cohorts[0],
            "cohorts": won.cohorts[1],
        },
    }


def _totals(study: Study) -> dict[str, Any]:
    """Sums over customers.parquet, so that every artefact can be checked against them."""
    customers = study.customers
    sums = ("total_value", "p_alive", "expected_purchases", "residual_clv", "value_at_risk")
    return {
        "customers": len(customers),
        "customer_days": int(customers["frequency"].sum()) + len(customers),
        **{name: plain_value(customers[name].sum()) for name in sums},
    }


def _headline(pages: Sequence[Page]) -> list[dict[str, str]]:
    """The tiles of page one, already in words."""
    language = pages[0].language
    tiles = [tile for block in pages[0].blocks if isinstance(block, Tiles) for tile in block.tiles]
    return [
        {
            "label": language.text(tile.label),
            "text": f"{language.write(tile.value)} ({tile.note.words(language)})",
        }
        for tile in tiles
    ]
