"""The command line of large bases: `crmlab score`, `crmlab sql` and `crmlab fit`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmlab.terminal import answering

if TYPE_CHECKING:
    from crmlab.scale.patterns import Fits
    from crmlab.scale.valuation import Valued

End = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="the last day observed")]
Unit = Annotated[str, typer.Option(metavar="day|week|month|year")]
Zero = Annotated[str, typer.Option(metavar="ignore|occasion", help="what a day of no money is")]
Column = Annotated[str, typer.Option(metavar="COLUMN")]
Margin = Annotated[float, typer.Option(help="share of net spend left after variable cost")]
Rate = Annotated[float, typer.Option(help="effective annual discount rate")]
Years = Annotated[float, typer.Option(help="how far ahead value is counted")]
Model = Annotated[str, typer.Option(metavar="bg-nbd|mbg-nbd|pareto-nbd")]
Json = Annotated[bool, typer.Option("--json", help="for programs")]


def score(
    source: Annotated[
        str, typer.Argument(help="a clean, typed log or a summary (Parquet, CSV), or base")
    ],
    observation_end: End,
    margin: Margin,
    discount_rate: Rate,
    out: Annotated[Path, typer.Option(metavar="PATH")] = Path("customers.parquet"),
    horizon_years: Years = 5,
    unit: Unit = "week",
    model: Model = "bg-nbd",
    customer_id: Column = "customer_id",
    date: Column = "date",
    amount: Column = "amount",
    zero_amount: Zero = "ignore",
    engine: Annotated[str, typer.Option(metavar="duckdb|spark")] = "duckdb",
    memory_limit: Annotated[
        str | None, typer.Option(metavar="SIZE", help="of DuckDB, such as 4GB; then it spills")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="of DuckDB; all unless given")] = None,
    as_json: Json = False,
) -> None:
    """Value every customer of a large log inside an engine, and write them as Parquet.

    The log is taken as it is, with the types that its columns have; rows that cannot be used are
    counted and refused. Files that have to be looked at first: crmlab check, crmlab report.
    """
    with answering():
        from crmlab.scale.valuation import score_customers

        done = score_customers(
            source, out,
            observation_end=observation_end, margin=margin, discount_rate=discount_rate,
            horizon_years=horizon_years, unit=unit, model=model, customer_id=customer_id,
            date=date, amount=amount, zero_amount=zero_amount, engine=engine,
            memory_limit=memory_limit, threads=threads,
        )  # fmt: skip
        typer.echo(_as_json(done) if as_json else "\n".join(_told(done)))


def print_statement(
    name: Annotated[
        str, typer.Argument(help="checks, days, summary, patterns, spend-patterns or scores")
    ],
    observation_end: End,
    dialect: Annotated[
        str, typer.Option(metavar="NAME", help="postgres, bigquery, snowflake, spark, ...")
    ] = "duckdb",
    table: Annotated[str, typer.Option(metavar="TABLE", help="that holds the log")] = "orders",
    customer_id: Column = "customer_id",
    date: Column = "date",
    amount: Column = "amount",
    decimals: Annotated[int, typer.Option(help="decimals of an amount, 0 to 4")] = 2,
    unit: Unit = "week",
    zero_amount: Zero = "ignore",
) -> None:
    """Print a statement for a warehouse that does the heavy part itself.

    checks and days tell whether the log can be used. Keep the result of summary as a table
    summary; export those of patterns and spend-patterns as Parquet or CSV and give them to crmlab
    fit; load what it writes as tables pattern_scores and spend_model; run scores.
    """
    with answering():
        from crmlab.scale.warehouse import Log, statement_for

        typer.echo(
            statement_for(
                name, dialect, Log(table, customer_id, date, amount, decimals),
                observation_end=observation_end, unit=unit, zero_amount=zero_amount,
            )
        )  # fmt: skip


def fit(
    patterns: Annotated[Path, typer.Argument(help="what the statement patterns found")],
    spend_patterns: Annotated[Path, typer.Argument(help="what spend-patterns found")],
    observation_end: End,
    margin: Margin,
    discount_rate: Rate,
    out: Annotated[Path, typer.Option(metavar="DIR")] = Path(),
    horizon_years: Years = 5,
    unit: Unit = "week",
    model: Model = "bg-nbd",
    as_json: Json = False,
) -> None:
    """Fit both models to patterns that a warehouse found, and write what it needs to score."""
    with answering():
        from crmlab.customers.scores import Assumptions
        from crmlab.scale.warehouse import fit_files

        given = Assumptions(observation_end, unit, margin, discount_rate, horizon_years)
        fits, written = fit_files(patterns, spend_patterns, out, given, model)
        lines = [*(str(path) for path in written), *_fits(fits)]
        typer.echo(json.dumps(_fits_as_dict(fits)) if as_json else "\n".join(lines))


def keep(
    observation_end: End,
    unit: Unit = "week",
    folder: Annotated[
        Path, typer.Option("--base", metavar="FOLDER", help="where the base is", show_default=True)
    ] = Path("data/base"),
    as_json: Json = False,
) -> None:
    """Keep the base's summary up to date: only customers touched since are summed up again.

    crmlab score takes the file that it writes.
    """
    with answering():
        from crmlab.scale.kept import keep_summary

        done = keep_summary(folder, observation_end=observation_end, unit=unit)
        how = "all of them summed up" if done.anew else f"{done.again:,} summed up again"
        told = f"{done.path}: {done.customers:,} customers, {how}"
        typer.echo(json.dumps(vars(done), default=str) if as_json else told)


def _told(done: Valued) -> list[str]:
    totals, rows = done.totals, done.account
    left_out = f", {rows.after_end:,} after the end left out" if rows.after_end else ""
    returns = f", {rows.returns:,} returns netted" if rows.returns else ""
    return [
        str(done.customers),
        f"  rows: {rows.records:,} read{left_out}{returns}",
        f"  customers: {totals['customers']:,.0f} in {done.patterns:,} patterns",
        f"  active: {totals['active']:,.0f} expected",
        f"  purchases in 52 weeks: {totals['expected_purchases']:,.0f} expected",
        f"  customer equity: {totals['residual_clv']:,.2f} in "
        f"{done.assumptions.horizon_years:g} years",
        *_fits(done.fits),
        "  seconds: " + ", ".join(f"{k} {v:.2f}" for k, v in done.seconds.items()),
    ]


def _fits(fits: Fits) -> list[str]:
    return [f"  {one.model}: {one.diagnosis.status}" for one in (fits.purchases, fits.spend)]


def _fits_as_dict(fits: Fits) -> dict[str, object]:
    return {"purchases": fits.purchases.as_dict(), "spend": fits.spend.as_dict()}


def _as_json(done: Valued) -> str:
    told = {
        "customers": str(done.customers),
        "totals": done.totals,
        "patterns": done.patterns,
        "account": vars(done.account),
        "assumptions": vars(done.assumptions),
        "fits": _fits_as_dict(done.fits),
        "seconds": done.seconds,
    }
    return json.dumps(told, indent=2, default=str)
