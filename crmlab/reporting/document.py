"""The end of a report: its figures, tables and customers as data beside the pages."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
) -> str:
    """Write the figures, tables, customers and rows set aside into `run_dir`; nothing if it is ''.

    results.json is written last and says "complete": without it the run did not succeed.
    """
    if not run_dir:
        return "Nothing written: run_dir is empty (set it, or run the report with crmlab report)."
    folder = Path(run_dir)
    tables = [table for page in pages for table in tables_of(page)]
    write_workbook(folder / "tables.xlsx", tables, cover.language)
    study.write_customers(folder / "customers.parquet")
    study.log.write_quarantine(
        folder / "quarantine.parquet", observation_end=study.assumptions.observation_end
    )
    results = _results(cover, pages, study, backtest)
    text = json.dumps(results, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / "results.json").write_text(text, encoding="utf-8")
    return f"{len(pages)} pages, {len(tables)} tables, {len(study.customers)} customers"


def _results(
    cover: Cover, pages: Sequence[Page], study: Study, backtest: Backtest | None
) -> dict[str, Any]:
    language = cover.language
    fits = {"purchases": study.purchases.as_dict(), "spend": study.spend.as_dict()}
    if backtest is not None:
        fits["backtest"] = backtest.fit.as_dict()
    given = study.assumptions
    return {
        "schema_version": SCHEMA_VERSION,
        "title": language.text(cover.title),
        "language": language.code,
        "locale": str(language.locale),
        "input": {"source": study.account.source, "fingerprint": study.log.fingerprint},
        "assumptions": {
            "observation_end": given.observation_end,
            "unit": given.unit,
            "margin": given.margin,
            "discount_rate": given.discount_rate,
            "horizon_years": given.horizon_years,
        },
        "totals": _totals(study),
        "headline": _headline(pages),
        "account": study.account.as_dict(),
        "fits": fits,
        "pages": {page.key: figures_of(page) for page in pages},
        "complete": True,
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
