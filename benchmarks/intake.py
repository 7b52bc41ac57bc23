"""Reading and checking a CSV against DuckDB's own reading and casting of it: `make bench-intake`.

Each run is a process of its own, so that its peak memory is its own; the sides run in turn. crmlab
reads every row as text with its line, proves dates and decimals, judges every row, matches
returns and gives account; DuckDB reads the same columns as text, casts them and keeps the table.
Seconds of the clock depend on what else runs; those of the processors, which are told too, hardly.
"""

from __future__ import annotations

import argparse
import json
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


def with_duckdb(path: str, kind: str) -> None:
    """DuckDB's own way: text, cast, kept."""
    duckdb.sql("SET enable_progress_bar = false")
    read = "FROM read_csv(?, all_varchar = true, header = true)"
    duckdb.execute(f"CREATE TABLE rows AS {KINDS[kind][1]} {read}", [path])


def with_crmlab(path: str, kind: str) -> None:
    """Read, judge and account for every row."""
    from crmlab.intake.log import read_transactions

    read_transactions(path, duplicates="keep", **KINDS[kind][2]).account("2023-12-31")


SIDES = {"duckdb": with_duckdb, "crmlab": with_crmlab}


def alone(side: str, path: str, kind: str) -> None:
    """Run one side and print its seconds, its processors' seconds and its peak memory in MB."""
    if side == "crmlab":
        import crmlab.intake.log  # noqa: F401  # imports are not what is measured
    begin, worked = time.perf_counter(), time.process_time()
    SIDES[side](path, kind)
    seconds, busy = time.perf_counter() - begin, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    typer.echo(json.dumps([seconds, busy, peak]))


def main(rounds: int, sizes: list[int]) -> None:
    """Write files of so many rows, run both sides in turn and print the table."""
    typer.echo(f"Medians of {rounds} rounds; the limit is {LIMIT:.0f} x.\n")
    typer.echo(
        "| file | rows | MB | DuckDB, s | crmlab, s | ratio | ratio of processors' s "
        "| DuckDB, MB | crmlab, MB |"
    )
    typer.echo("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for kind, (write, _, _) in KINDS.items():
            for count in sizes:
                path = Path(folder) / "file.csv"
                sql = f"COPY ({write}) TO '{path}' (HEADER, DELIMITER ',')"
                duckdb.execute(sql, {"rows": count})
                typer.echo(f"| {kind} | {count:,} | {compared(path, kind, rounds)} |")


def compared(path: Path, kind: str, rounds: int) -> str:
    """The rest of the table's row for a file: both sides in turn, so many rounds."""
    found: dict[str, list[list[float]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side in SIDES:
            found[side].append(measured(side, path, kind))
    (ours, our_work, our_peak), (theirs, their_work, their_peak) = (
        [statistics.median(column) for column in zip(*found[side], strict=True)]
        for side in ("crmlab", "duckdb")
    )
    return (
        f"{path.stat().st_size / 1e6:.0f} | {theirs:.2f} | {ours:.2f} | {ours / theirs:.2f} x "
        f"| {our_work / their_work:.2f} x | {their_peak:.0f} | {our_peak:.0f}"
    )


def measured(side: str, path: Path, kind: str) -> list[float]:
    """Seconds, processors' seconds and peak MB of one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--path", str(path), "--kind", kind]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    values: list[float] = json.loads(done.stdout)
    return values


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--path")
    parser.add_argument("--kind", choices=KINDS)
    asked = parser.parse_args()
    if asked.side:
        alone(asked.side, asked.path, asked.kind)
    else:
        main(asked.rounds, asked.rows)
