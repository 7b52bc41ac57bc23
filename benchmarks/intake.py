"""Reading and checking a CSV against DuckDB's own reading and casting of it: `make bench-intake`.

Each run is a process of its own, so that its peak memory is its own; the sides run in turn. crmlab
reads every row as text with its line and keeps it, proves dates and decimals, judges every row,
matches returns and gives account. DuckDB reads the same columns as text and casts them: once with
the text kept, as crmlab keeps it, and once in a single statement that forgets it.
Seconds of the clock depend on what else runs; those of the processors, which are told too, hardly.
A second table shows the peak memory of crmlab for files of growing size under one limit.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import typer

LIMIT = 3.0

PURCHASES = """
SELECT
    'C' || lpad(CAST(hash(i) % ($rows // 4) AS VARCHAR), 8, '0') AS customer_id,
    strftime(DATE '2022-01-01' + CAST(i * 730 // $rows AS INTEGER), '%d/%m/%Y') AS date,
    CAST(CAST(1 + hash(i + 1) % 20000 AS DECIMAL(18, 2)) / 100 AS DECIMAL(18, 2)) AS amount
FROM range($rows) AS rows (i)
"""

CAST_PURCHASES = """
SELECT
    customer_id,
    strptime(date, '%d/%m/%Y')::DATE AS date,
    CAST(amount AS DECIMAL(18, 4)) AS amount
"""

# As shops export them: twenty lines of an order under one number, customer and time.
LINES = """
SELECT
    CAST(536365 + i // 20 AS VARCHAR) AS invoice,
    CAST(20000 + hash(i + 2) % 4000 AS VARCHAR) || 'A' AS product,
    'DESCRIPTION OF THE PRODUCT ' || CAST(hash(i + 2) % 4000 AS VARCHAR) AS description,
    1 + hash(i + 3) % 24 AS quantity,
    strftime(
        TIMESTAMP '2022-01-01 08:00:00' + to_seconds(i // 20 * 20 * 63072000 // $rows),
        '%d/%m/%Y %H:%M'
    ) AS date,
    CAST(CAST(1 + hash(i + 1) % 2000 AS DECIMAL(18, 2)) / 100 AS DECIMAL(18, 2)) AS price,
    CAST(10000 + hash(i // 20) % ($rows // 80) AS VARCHAR) AS customer_id,
    'United Kingdom' AS country
FROM range($rows) AS rows (i)
"""

CAST_LINES = """
SELECT
    invoice,
    product,
    description,
    CAST(quantity AS DECIMAL(18, 6)) AS quantity,
    strptime(date, '%d/%m/%Y %H:%M') AS date,
    CAST(price AS DECIMAL(18, 6)) AS price,
    customer_id,
    country
"""

KINDS: dict[str, tuple[str, str, dict[str, str]]] = {
    "purchases, 3 columns": (PURCHASES, CAST_PURCHASES, {}),
    "order lines, 8 columns": (LINES, CAST_LINES, {"transaction_id": "invoice"}),
}
"""Of each kind of file what writes it, what casts it, and the columns that are named."""


READ = "FROM read_csv(?, all_varchar = true, header = true)"


def text_and_cast(path: str, kind: str) -> None:
    """DuckDB's own way: a table of text, and one of what it means."""
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.execute(f"CREATE TABLE texts AS {READ}", [path])
    duckdb.execute(f"CREATE TABLE rows AS {KINDS[kind][1]} FROM texts")


def cast_alone(path: str, kind: str) -> None:
    """DuckDB's own way, in one statement that keeps no text."""
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.execute(f"CREATE TABLE rows AS {KINDS[kind][1]} {READ}", [path])


def with_crmlab(path: str, kind: str) -> None:
    """Read, judge and account for every row."""
    from crmlab.intake.log import read_transactions

    read_transactions(path, duplicates="keep", **KINDS[kind][2]).account("2023-12-31")


SIDES = {"text and cast": text_and_cast, "cast alone": cast_alone, "crmlab": with_crmlab}


def alone(side: str, path: str, kind: str) -> None:
    """Run one side and print its seconds, its processors' seconds and its peak memory in MB."""
    if side == "crmlab":
        import crmlab.intake.log  # noqa: F401  # imports are not what is measured
    begin, worked = time.perf_counter(), time.process_time()
    SIDES[side](path, kind)
    seconds, busy = time.perf_counter() - begin, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    typer.echo(json.dumps([seconds, busy, peak]))


def main(rounds: int, sizes: list[int], growing: list[int], limit: str) -> None:
    """Write files of so many rows, run the sides in turn and print both tables."""
    typer.echo(f"Medians of {rounds} rounds; the limit is {LIMIT:.0f} x of text and cast.\n")
    typer.echo(
        "| file | rows | MB | text and cast, s | cast alone, s | crmlab, s | of text and cast | "
        "of cast alone | of processors' s | DuckDB, MB | crmlab, MB |"
    )
    typer.echo("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        for kind, count in itertools.product(KINDS, sizes):
            written(path, kind, count)
            typer.echo(f"| {kind} | {count:,} | {compared(path, kind, rounds)} |")
        typer.echo(f"\nPeak memory under CRMLAB_MEMORY_LIMIT={limit}, one run each.\n")
        typer.echo("| file | rows | MB | crmlab, s | crmlab, MB |\n|---|---|---|---|---|")
        for kind, count in itertools.product(KINDS, growing):
            written(path, kind, count)
            seconds, _, peak = measured("crmlab", path, kind, CRMLAB_MEMORY_LIMIT=limit)
            size = path.stat().st_size / 1e6
            typer.echo(f"| {kind} | {count:,} | {size:.0f} | {seconds:.2f} | {peak:.0f} |")


def written(path: Path, kind: str, count: int) -> None:
    """Write a file of so many rows."""
    sql = f"COPY ({KINDS[kind][0]}) TO '{path}' (HEADER, DELIMITER ',')"
    duckdb.execute(sql, {"rows": count})


def compared(path: Path, kind: str, rounds: int) -> str:
    """The rest of the table's row for a file: the sides in turn, so many rounds."""
    found: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            found[side].append(measured(side, path, kind))
    (kept, kept_work, kept_peak), (forgotten, _, _), (ours, our_work, our_peak) = (
        [statistics.median(column) for column in zip(*found[side], strict=True)] for side in SIDES
    )
    return (
        f"{path.stat().st_size / 1e6:.0f} | {kept:.2f} | {forgotten:.2f} | {ours:.2f} "
        f"| {ours / kept:.2f} x | {ours / forgotten:.2f} x | {our_work / kept_work:.2f} x "
        f"| {kept_peak:.0f} | {our_peak:.0f}"
    )


def measured(side: str, path: Path, kind: str, **settings: str) -> list[float]:
    """Seconds, processors' seconds and peak MB of one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--path", str(path), "--kind", kind]
    done = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, check=True, env=os.environ | settings
    )
    values: list[float] = json.loads(done.stdout)
    return values


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--growing", type=int, nargs="*", default=[5_000_000, 20_000_000])
    parser.add_argument("--memory-limit", default="400MB")
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--path")
    parser.add_argument("--kind", choices=KINDS)
    asked = parser.parse_args()
    if asked.side:
        alone(asked.side, asked.path, asked.kind)
    else:
        main(asked.rounds, asked.rows, asked.growing, asked.memory_limit)
