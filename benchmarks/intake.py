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

WRITE = """
COPY (
    SELECT
        'C' || lpad(CAST(hash(i) % ($rows // 4) AS VARCHAR), 8, '0') AS customer_id,
        strftime(DATE '2022-01-01' + CAST(i * 730 // $rows AS INTEGER), '%d/%m/%Y') AS date,
        CAST(CAST(1 + hash(i + 1) % 20000 AS DECIMAL(18, 2)) / 100 AS DECIMAL(18, 2)) AS amount
    FROM range($rows) AS rows (i)
) TO '{path}' (HEADER, DELIMITER ',')
"""

CAST = """
CREATE TABLE rows AS
SELECT
    customer_id,
    strptime(date, '%d/%m/%Y')::DATE AS date,
    CAST(amount AS DECIMAL(18, 4)) AS amount
FROM read_csv(?, all_varchar = true, header = true)
"""


def with_duckdb(path: str) -> None:
    """DuckDB's own way: text, cast, kept."""
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.execute(CAST, [path])


def with_crmlab(path: str) -> None:
    """Read, judge and account for every row."""
    from crmlab.intake.log import read_transactions

    read_transactions(path).account("2023-12-31")


SIDES = {"duckdb": with_duckdb, "crmlab": with_crmlab}


def alone(side: str, path: str) -> None:
    """Run one side and print its seconds, its processors' seconds and its peak memory in MB."""
    if side == "crmlab":
        import crmlab.intake.log  # noqa: F401  # imports are not what is measured
    begin, worked = time.perf_counter(), time.process_time()
    SIDES[side](path)
    seconds, busy = time.perf_counter() - begin, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    typer.echo(json.dumps([seconds, busy, peak]))


def main(rounds: int, sizes: list[int]) -> None:
    """Write files of so many rows, run both sides in turn and print the table."""
    typer.echo(f"Medians of {rounds} rounds; the limit is {LIMIT:.0f} x.\n")
    typer.echo(
        "| rows | file, MB | DuckDB, s | crmlab, s | ratio | ratio of processors' s "
        "| DuckDB, MB | crmlab, MB |"
    )
    typer.echo("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for rows in sizes:
            path = Path(folder) / f"{rows}.csv"
            duckdb.execute(WRITE.replace("{path}", str(path)), {"rows": rows})
            found: dict[str, list[list[float]]] = {side: [] for side in SIDES}
            for _ in range(rounds):
                for side in SIDES:
                    found[side].append(measured(side, path))
            (ours, our_work, our_peak), (theirs, their_work, their_peak) = (
                [statistics.median(column) for column in zip(*found[side], strict=True)]
                for side in ("crmlab", "duckdb")
            )
            size = path.stat().st_size / 1e6
            typer.echo(
                f"| {rows:,} | {size:.0f} | {theirs:.2f} | {ours:.2f} | {ours / theirs:.2f} x "
                f"| {our_work / their_work:.2f} x | {their_peak:.0f} | {our_peak:.0f} |"
            )
            path.unlink()


def measured(side: str, path: Path) -> list[float]:
    """Seconds, processors' seconds and peak MB of one side in a process of its own."""
    command = [sys.executable, __file__, "--side", side, "--path", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    values: list[float] = json.loads(done.stdout)
    return values


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--path")
    asked = parser.parse_args()
    if asked.side:
        alone(asked.side, asked.path)
    else:
        main(asked.rounds, asked.rows)
