"""Do 95 % prediction intervals hold 95 % of what happens? Simulated bases, refitted and foretold.

Prints a Markdown table: for each model and kind of shop, in how many of the repetitions the total,
a tenth of the customers and a single customer came out inside their limits. Ends with an error if
a share of totals or tenths is outside the band that 1,000 repetitions allow.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import typer

from crmlab import BGNBD, MBGNBD, ParetoNBD
from crmlab.models import prediction

LEVEL = 0.95
BAND = 0.93, 0.97
CUSTOMERS = 2500
DRAWS = 200
GROUPS = 10
SINGLES = 50

REGIMES: dict[str, dict[str, Any]] = {
    "BG/NBD": {
        "grocery": BGNBD(2.0, 6.0, 0.8, 12.0),
        "fashion": BGNBD(0.5, 10.0, 0.9, 2.5),
        "one-off": BGNBD(0.15, 12.0, 1.2, 2.0),
    },
    "MBG/NBD": {
        "grocery": MBGNBD(2.0, 6.0, 0.8, 12.0),
        "fashion": MBGNBD(0.6, 8.0, 0.9, 2.5),
        "one-off": MBGNBD(0.25, 10.0, 1.2, 2.0),
    },
    "Pareto/NBD": {
        "grocery": ParetoNBD(2.0, 6.0, 0.7, 30.0),
        "fashion": ParetoNBD(0.55, 10.0, 0.6, 12.0),
        "one-off": ParetoNBD(0.2, 12.0, 0.6, 10.0),
    },
}


class Task(NamedTuple):
    """One simulated base: which model, which kind of shop, which seed."""

    model: str
    regime: str
    seed: int


class Outcome(NamedTuple):
    """Shares of the total (0 or 1), of the tenths and of single customers inside their limits."""

    total: float
    tenths: float
    singles: float


def repeat(task: Task) -> Outcome:
    """Simulate a base and its future, fit the base, and compare the future with its limits."""
    truth = REGIMES[task.model][task.regime]
    T = np.rint(np.linspace(26 * 7, 52 * 7, CUSTOMERS)) / 7  # weeks, joined on whole days
    ahead = 52.0
    whole = truth.simulate(T + ahead, seed=task.seed)
    table = whole.summarize(T)
    late = whole.time > T[whole.customer]
    actual = np.bincount(whole.customer[late], minlength=CUSTOMERS)
    fit = type(truth).fit(table)
    drawn = fit.draws(DRAWS, seed=task.seed).parameters
    rng = np.random.default_rng([task.seed, 2])
    group = np.arange(CUSTOMERS) % GROUPS
    asked, _ = prediction._asked(fit, table, None)
    sums = prediction._totals(fit, drawn, ahead, asked, group, rng)
    some = np.linspace(0, CUSTOMERS - 1, SINGLES).astype(int)
    futures = prediction._futures(fit, drawn, ahead, asked.take(some), rng)
    return Outcome(
        _inside(actual.sum(keepdims=True), sums.sum(axis=1, keepdims=True)),
        _inside(np.bincount(group, weights=actual), sums),
        _inside(actual[some], futures),
    )


def _inside(actual: Any, outcomes: Any) -> float:
    lower, upper = prediction._limits(outcomes, LEVEL)
    return float(((lower <= actual) & (actual <= upper)).mean())


def main() -> None:
    """Run the repetitions on all cores and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=1000)
    parser.add_argument("--model", choices=REGIMES, action="append")
    asked = parser.parse_args()
    models = asked.model or list(REGIMES)
    typer.echo(f"{asked.repetitions} repetitions of {CUSTOMERS:,} customers; 52 weeks ahead.\n")
    typer.echo("| model | kind of shop | total | a tenth | one customer |")
    typer.echo("|---|---|---|---|---|")
    outside = []
    with ProcessPoolExecutor() as pool:
        for model in models:
            for regime in REGIMES[model]:
                tasks = [Task(model, regime, seed) for seed in range(asked.repetitions)]
                shares = np.mean(list(pool.map(repeat, tasks, chunksize=5)), axis=0)
                typer.echo(
                    f"| {model} | {regime} | " + " | ".join(f"{s:.3f}" for s in shares) + " |"
                )
                if not all(BAND[0] <= share <= BAND[1] for share in shares[:2]):
                    outside.append(f"{model}, {regime}")
    if outside:
        sys.exit(f"outside [{BAND[0]}, {BAND[1]}]: " + "; ".join(outside))


if __name__ == "__main__":
    main()
