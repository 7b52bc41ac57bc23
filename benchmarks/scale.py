"""Large customer bases in the engine, beside what else there is: `make bench-scale`.

Three tables. One: purchases in Parquet to valued customers in Parquet, of two bases, beside
lifetimes (and PyMC-Marketing where it is installed). Two: a summary in Parquet to scores in
Parquet, beside DuckDB reading the same columns and writing as many. Three: purchases of many sizes,
beside DuckDB's own group-by of the log, and once more in 2 GB; with the seconds of each step.
Every run is a process of its own, so that its peak memory is its own; the sides run in turn, and
medians are shown. Data are simulated into a temporary folder, which is removed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import typer

END, LAST_DAY = "2022-01-08", 19_000  # days from 1970-01-01
MARGIN, RATE = 0.3, 0.15
BLOCK = 1_000_000
MEMORY_GB = 4
PURCHASES_EACH = 2.404  # of the bases that are simulated here

TWO_YEARS, HALF_A_YEAR = (28, 730), (189, 273)
"""Days, at least and at most, that customers are watched: the harder base has more histories."""


TWO_LEVELS = """
CREATE TABLE summary AS
SELECT
    customer_id,
    count(*) - 1 AS frequency,
    min(date) AS first_date,
    max(date) AS last_date,
    arg_min(amount, date) AS first_value,
    sum(amount) AS total_value
FROM (
    SELECT customer_id, date, sum(amount) AS amount
    FROM read_parquet('{source}')
    GROUP BY customer_id, date
    HAVING sum(amount) > 0
) AS occasions
GROUP BY customer_id
"""
"""What anybody would write: occasions are days, customers are counted over occasions."""

COPY = """
COPY (
    SELECT
        customer_id, frequency, recency, "T", spend_frequency, monetary_value,
        recency + 1.5 AS p_alive, recency + 2.5 AS expected_purchases, recency + 3.5 AS det,
        recency + 4.5 AS survival_next_quarter, recency + 5.5 AS expected_life,
        recency + 6.5 AS expected_spend, recency + 7.5 AS residual_clv,
        recency + 8.5 AS value_at_risk
    FROM read_parquet('{source}')
) TO '{out}' (FORMAT parquet)
"""
"""The columns that a score reads, and as many of the same types written."""

DECODE = "SELECT sum(customer_id), max(date), sum(amount) FROM read_parquet('{source}')"
SUMMARY = ("customer_id", "frequency", "recency", "T", "spend_frequency", "monetary_value")


def simulate(
    customers: int, rng: np.random.Generator, first: int, days: tuple[int, int]
) -> list[np.ndarray]:
    """Customer, day and cents of every purchase of BG/NBD buyers with Gamma-Gamma spends.

    Parameters in weeks r .243 alpha 4.414 a .793 b 2.426, p 6.25 q 3.74 v 15.44; watched for a
    number of days between two.
    """
    rate = rng.gamma(0.243, 1 / 4.414, customers) / 7
    leaves = rng.beta(0.793, 2.426, customers)
    watched = rng.integers(days[0], days[1] + 1, customers)
    nu = rng.gamma(3.74, 1 / 15.44, customers)
    who, at = np.arange(customers), np.zeros(customers)
    every, since = [who], [np.zeros(customers, dtype=np.int32)]
    while len(who):
        with np.errstate(divide="ignore", over="ignore"):
            at = at + rng.standard_exponential(len(who)) / rate[who]
        seen = at < watched[who] + 1
        who, at = who[seen], at[seen]
        every.append(who)
        since.append(np.floor(at).astype(np.int32))
        stays = rng.random(len(who)) >= leaves[who]
        who, at = who[stays], at[stays]
    buyer = np.concatenate(every)
    day = LAST_DAY - watched[buyer] + np.concatenate(since)
    cents = np.maximum(1, np.round(100 * rng.gamma(6.25, size=len(buyer)) / nu[buyer]))
    return [buyer + first, day.astype(np.int32), cents.astype(np.int64)]


def write_log(customers: int, path: Path, days: tuple[int, int] = TWO_YEARS) -> int:
    """Have a process write the log of so many customers, so that its memory goes with it."""
    command = [sys.executable, __file__, "--write", str(customers), "--path", str(path)]
    command += ["--watched", *map(str, days)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return int(done.stdout)


def write(customers: int, path: Path, days: tuple[int, int]) -> int:
    """Write the log of so many customers, in the order of its days; return its rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(1997)
    parts = [simulate(min(BLOCK, customers - i), rng, i, days) for i in range(0, customers, BLOCK)]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort((columns[1] - LAST_DAY).astype(np.int16), kind="stable")
    kinds = (pa.int64(), pa.date32(), pa.decimal128(18, 2))
    schema = pa.schema(list(zip(("customer_id", "date", "amount"), kinds, strict=True)))
    with pq.ParquetWriter(path, schema) as writer:
        for i in range(0, len(order), BLOCK):
            who, day, cents = (column[order[i : i + BLOCK]] for column in columns)
            words = np.zeros((len(cents), 2), dtype=np.int64)  # how Arrow keeps a decimal
            words[:, 0] = cents
            money = pa.Array.from_buffers(kinds[2], len(cents), [None, pa.py_buffer(words)])
            rows = [pa.array(who), pa.array(day).cast(kinds[1]), money]
            writer.write_table(pa.table(rows, schema=schema))
    return len(order)


def _duckdb() -> Any:
    """DuckDB with as much memory as crmlab's engine takes, free to order rows as it likes."""
    import duckdb

    settings = {"memory_limit": f"{MEMORY_GB}GB", "preserve_insertion_order": "false"}
    return duckdb.connect(config=settings)


def decode(source: str, out: str) -> dict[str, float]:  # noqa: ARG001
    """Read the three columns and add them up: what nothing can be quicker than."""
    duckdb = _duckdb()
    duckdb.execute(DECODE.format(source=source)).fetchall()
    return {}


def group_by(source: str, out: str) -> dict[str, float]:  # noqa: ARG001
    """DuckDB's own group-by of the log."""
    duckdb = _duckdb()
    duckdb.execute(TWO_LEVELS.format(source=source))
    return {}


def read_and_write(source: str, out: str) -> dict[str, float]:
    """DuckDB reading the columns of a summary and writing as many as customers have."""
    duckdb = _duckdb()
    duckdb.execute(COPY.format(source=source, out=out))
    return {}


def crmlab(source: str, out: str, **options: Any) -> dict[str, float]:
    """The whole flow; the seconds of its steps."""
    from crmlab.scale.valuation import score_customers

    given = {"observation_end": END, "margin": MARGIN, "discount_rate": RATE}
    done = score_customers(source, out, **given, **options)
    return done.seconds


def in_2_gb(source: str, out: str) -> dict[str, float]:
    """The whole flow, most of it on disk."""
    return crmlab(source, out, memory_limit="2GB")


def lifetimes(source: str, out: str) -> dict[str, float]:
    """What its documentation does, step by step."""
    import pandas as pd
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import summary_data_from_transaction_data

    steps = Steps()
    with steps("reading"):
        log = pd.read_parquet(source)
        log["date"] = pd.to_datetime(log["date"])
        log["amount"] = log["amount"].astype(float)
    with steps("summarising"):
        names = ("customer_id", "date", "amount")
        summary = summary_data_from_transaction_data(
            log, *names, observation_period_end=END, freq="D", freq_multiplier=7
        )
        repeat = summary[summary["frequency"] > 0]
    history = [summary[c] for c in ("frequency", "recency", "T")]
    with steps("fitting"):
        buys = BetaGeoFitter().fit(*history)
        spends = GammaGammaFitter().fit(repeat["frequency"], repeat["monetary_value"])
    with steps("scoring"):
        summary["p_alive"] = buys.conditional_probability_alive(*history)
        summary["expected_purchases"] = buys.conditional_expected_number_of_purchases_up_to_time(
            52, *history
        )
        monthly = (1 + RATE) ** (1 / 12) - 1
        summary["clv"] = MARGIN * spends.customer_lifetime_value(
            buys, *history, summary["monetary_value"], time=60, discount_rate=monthly, freq="W"
        )
    with steps("writing"):
        summary.to_parquet(out)
    return steps.seconds


def lifetimes_on_patterns(source: str, out: str) -> dict[str, float]:
    """lifetimes, fitted to the same patterns with `weights=`, scoring them; DuckDB does the rest.

    The patterns, the spends and the join are taken from crmlab's statements; of the value, the
    discounted purchases alone, since lifetimes has no other way to part them from the spend.
    """
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    from crmlab.scale import patterns, valuation

    steps = Steps()

    def fit(grouped: Any, spent: Any, model: str) -> Any:  # noqa: ARG001
        found = grouped.to_pandas()
        history = [found[c] for c in ("frequency", "recency", "T")]
        buys = BetaGeoFitter().fit(*history, weights=found["count"])
        each = spent.to_pandas()
        money = [each["spend_frequency"], each["monetary_value"]]
        spends = GammaGammaFitter().fit(*money, weights=each["count"])
        return buys, spends, history

    def score(grouped: Any, fits: Any, given: Any) -> Any:  # noqa: ARG001
        import pandas as pd
        import pyarrow as pa

        buys, spends, history = fits
        months = given.horizon_years * 12
        monthly = (1 + RATE) ** (1 / 12) - 1
        alive = buys.conditional_probability_alive(*history)
        ahead = buys.conditional_expected_number_of_purchases_up_to_time
        weeks = np.arange(1, months + 1) * 365.25 / 12 / 7
        total = np.array([ahead(week, *history) for week in weeks])
        each = np.diff(total, axis=0, prepend=0)
        det = (each / (1 + monthly) ** np.arange(1, months + 1)[:, None]).sum(axis=0)
        table = pd.concat(history, axis=1).assign(
            p_alive=np.asarray(alive), expected_purchases=np.asarray(ahead(52, *history)), det=det,
            survival_next_quarter=0.0, expected_life=0.0,
        )  # fmt: skip
        p, q, v = (float(spends.params_[name]) for name in ("p", "q", "v"))
        one_row = {"p": [p], "q": [q], "v": [v], "margin": [MARGIN]}
        return pa.Table.from_pandas(table, preserve_index=False), pa.table(one_row)

    patterns.fit, patterns.score = fit, score
    with steps("all"):
        done = valuation.score_customers(
            source, out, observation_end=END, margin=MARGIN, discount_rate=RATE
        )
    return done.seconds


def pymc_marketing(source: str, out: str) -> dict[str, float]:
    """The same steps, its models fitted by MAP."""
    import pandas as pd
    from pymc_marketing import clv

    steps = Steps()
    with steps("reading"):
        log = pd.read_parquet(source)
        log["amount"] = log["amount"].astype(float)
    with steps("summarising"):
        summary = clv.utils.rfm_summary(
            log, "customer_id", "date", "amount", observation_period_end=END, time_unit="D",
            time_scaler=7,
        )  # fmt: skip
        repeat = summary[summary["frequency"] > 0]
    with steps("fitting"):
        buys = clv.BetaGeoModel(data=summary)
        buys.fit(method="map")
        spends = clv.GammaGammaModel(data=repeat)
        spends.fit(method="map")
    with steps("scoring"):
        alive = buys.expected_probability_alive(data=summary)
        ahead = buys.expected_purchases(data=summary, future_t=52)
        monthly = (1 + RATE) ** (1 / 12) - 1
        value = spends.expected_customer_lifetime_value(
            transaction_model=buys, data=summary, future_t=60, discount_rate=monthly, time_unit="W"
        )
        for name, found in (("p_alive", alive), ("expected_purchases", ahead), ("clv", value)):
            summary[name] = np.asarray(found).mean(axis=(0, 1))
    with steps("writing"):
        summary.to_parquet(out)
    return steps.seconds


class Steps:
    """Seconds of the steps of another package's flow."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin


SIDES: dict[str, Callable[[str, str], dict[str, float]]] = {
    "reading alone": decode,
    "DuckDB's group-by": group_by,
    "DuckDB reads and writes": read_and_write,
    "crmlab": crmlab,
    "crmlab in 2 GB": in_2_gb,
    "lifetimes": lifetimes,
    "lifetimes on patterns": lifetimes_on_patterns,
    "PyMC-Marketing, MAP": pymc_marketing,
}
PACKAGES = {"lifetimes": "lifetimes", "lifetimes on patterns": "lifetimes"}
PACKAGES["PyMC-Marketing, MAP"] = "pymc_marketing"


def alone(side: str, source: str, out: str) -> None:
    """Run one side and print its seconds, peak memory in MB, and the seconds of its steps."""
    if side in PACKAGES:
        __import__(PACKAGES[side])  # imports are not what is measured
    if side.startswith(("crmlab", "lifetimes on")):
        import crmlab.scale.valuation  # noqa: F401
    begin = time.perf_counter()
    steps = SIDES[side](source, out)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    typer.echo(json.dumps([seconds, peak, steps]))


Found = dict[str, list[tuple[float, float, dict[str, float]]]]


def measured(sides: list[str], source: Path, rounds: int, pymc: str | None = None) -> Found:
    """So many rounds of all sides in turn: seconds, MB and steps of each."""
    found: Found = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            out = source.with_suffix(".out")
            python = pymc if pymc and side.startswith("PyMC") else sys.executable
            command = [python, "-P", "-W", "ignore", __file__, "--side", side]
            command += ["--path", str(source), "--to", str(out)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
            if done.returncode:
                sys.exit(f"{side}: {done.stderr[-1500:]}")
            seconds, peak, steps = json.loads(done.stdout.splitlines()[-1])
            found[side].append((seconds, peak, steps))
            out.unlink(missing_ok=True)
    return found


def middle(found: Found, side: str) -> tuple[float, float]:
    """Median seconds and MB of a side."""
    return (
        statistics.median(one[0] for one in found[side]),
        statistics.median(one[1] for one in found[side]),
    )


def steps_of(found: Found, side: str) -> dict[str, float]:
    """Median seconds of each step of a side."""
    names = found[side][0][2]
    return {name: statistics.median(one[2][name] for one in found[side]) for name in names}


def show(title: str, found: Found, against: str) -> None:
    """A table of sides, with how many times the seconds of `against` each takes."""
    base = middle(found, against)[0]
    typer.echo(f"\n## {title}\n")
    typer.echo(f"| side | s | x {against} | peak, GB | steps, s |\n|---|---:|---:|---:|---|")
    for side in found:
        seconds, peak = middle(found, side)
        steps = ", ".join(f"{name} {s:.2f}" for name, s in steps_of(found, side).items())
        typer.echo(
            f"| {side} | {seconds:.2f} | {seconds / base:.2f} | {peak / 1024:.2f} | {steps} |"
        )


BOUND = {
    "checking": "reading the columns",
    "summarising": "memory: 2 hash tables, of customer-days and of customers",
    "grouping": "memory: a hash table of patterns, one of spends",
    "fitting": "the processors: logarithms a pattern and an evaluation",
    "scoring": "the processors: a quadrature for each distinct (x, T)",
    "writing": "memory and processor: a join, and encoding the columns",
    "adding up": "reading what was written",
}


def show_steps(found: Found) -> None:
    """The steps of crmlab, what bounds each, and its distance from reading the columns alone."""
    floor = middle(found, "reading alone")[0]
    typer.echo("\n| step | s | x reading the columns alone | bound by |\n|---|---:|---:|---|")
    for name, seconds in steps_of(found, "crmlab").items():
        if name in BOUND:
            typer.echo(f"| {name} | {seconds:.2f} | {seconds / floor:.1f} | {BOUND[name]} |")


def first(
    folder: Path, customers: int, rounds: int, peers: list[str], pymc: str | None = None
) -> None:
    """Purchases to valued customers, beside other packages, on two bases."""
    log = folder / "first.parquet"
    elsewhere = [side for side in peers if pymc and side.startswith("PyMC")]
    there = [side for side in peers if side in elsewhere or util.find_spec(PACKAGES[side])]
    for days in (TWO_YEARS, HALF_A_YEAR):
        rows = write_log(customers, log, days)
        found = measured(["crmlab", *there], log, rounds, pymc)
        base = f"{customers:,} customers watched {days[0]} to {days[1]} days, {rows:,} purchases"
        show(f"{base}: log to valued customers", found, "crmlab")
        log.unlink()
    for side in set(peers) - set(there):
        typer.echo(f"\n{side}: not installed.")


def second(folder: Path, customers: int, rounds: int) -> None:
    """A summary to scores, beside DuckDB reading and writing as much."""
    import duckdb

    log, full, summary = (folder / f"{name}.parquet" for name in ("log", "full", "second"))
    write_log(customers, log)
    command = [sys.executable, "-P", __file__, "--side", "crmlab", "--path", str(log)]
    subprocess.run([*command, "--to", str(full)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    log.unlink()
    listed = ", ".join(f'"{name}"' for name in SUMMARY)
    duckdb.sql("SET enable_progress_bar = false")
    duckdb.execute(f"COPY (SELECT {listed} FROM '{full}') TO '{summary}'")
    full.unlink()
    found = measured(["DuckDB reads and writes", "crmlab"], summary, rounds)
    show(f"{customers:,} customers: summary to scores", found, "DuckDB reads and writes")
    summary.unlink()


def third(folder: Path, sizes: list[int], rounds: int) -> None:
    """Purchases of many sizes: the whole flow beside DuckDB's own group-by."""
    told = []
    for purchases in sizes:
        log = folder / "third.parquet"
        rows = write_log(round(purchases / PURCHASES_EACH), log)
        largest = purchases == max(sizes)
        sides = ["reading alone", "DuckDB's group-by", "crmlab"]
        found = measured([*sides, "crmlab in 2 GB"] if largest else sides, log, rounds)
        told.append((rows, *(middle(found, side)[0] for side in sides), middle(found, "crmlab")[1]))
        if largest:
            customers = round(purchases / PURCHASES_EACH)
            show(f"{rows:,} purchases of {customers:,} customers", found, "DuckDB's group-by")
            show_steps(found)
        log.unlink()
    typer.echo("\n## Time against size\n")
    heads = ("purchases", "reading alone, s", "DuckDB's group-by, s", "crmlab, s", "x group-by")
    typer.echo("| " + " | ".join((*heads, "crmlab, s a million", "peak, GB")) + " |")
    typer.echo("|---:" * 7 + "|")
    for rows, floor, group, ours, peak in told:
        each = ours / rows * 1e6
        typer.echo(
            f"| {rows:,} | {floor:.2f} | {group:.2f} | {ours:.2f} | {ours / group:.2f} "
            f"| {each:.3f} | {peak / 1024:.2f} |"
        )


def machine() -> str:
    """What all this ran on, and what else ran there."""
    names = ("numpy", "scipy", "duckdb", "pandas", "lifetimes")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    model = next((x.partition(": ")[2] for x in lines if x.startswith("model name")), "unknown")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GB; Python {platform.python_version()}, "
        f"{versions}. Load average at this moment (1, 5, 15 minutes): {load}."
    )


def main(asked: argparse.Namespace) -> None:
    """Print the tables that are wanted."""
    typer.echo(f"{machine()}\nMedians of {asked.rounds} rounds.")
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        if 1 in asked.tables:
            first(Path(folder), asked.customers, asked.rounds, asked.peers, asked.pymc)
        if 2 in asked.tables:
            second(Path(folder), asked.summary, asked.rounds)
        if 3 in asked.tables:
            third(Path(folder), asked.purchases, asked.rounds)
    typer.echo(f"\n{machine()}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tables", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--customers", type=int, default=1_000_000, help="of table 1")
    parser.add_argument("--summary", type=int, default=10_000_000, help="customers of table 2")
    parser.add_argument(
        "--purchases", type=int, nargs="*", default=[1_000_000, 5_000_000, 20_000_000, 50_000_000]
    )
    parser.add_argument("--peers", nargs="*", default=list(PACKAGES), choices=PACKAGES)
    parser.add_argument("--folder", help="a disk with room; the system's unless given")
    parser.add_argument("--pymc", help="another Python, in which PyMC-Marketing is installed")
    parser.add_argument("--write", type=int)
    parser.add_argument("--watched", type=int, nargs=2, default=TWO_YEARS)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--path")
    parser.add_argument("--to")
    given = parser.parse_args()
    if given.write:
        typer.echo(write(given.write, Path(given.path), given.watched))
    elif given.side:
        alone(given.side, given.path, given.to)
    else:
        main(given)
