"""Fits and scores against lifetimes (and PyMC-Marketing, where installed): `make bench-models`.

On the CDNOW sample and on simulated bases of 10 thousand to 1 million customers, all in one run,
so that the ratios hold on any machine. Customers come as rows, as an analyst has them, and as
patterns with counts, as the engine hands them over; lifetimes takes those as `weights`.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib.util
import platform
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import typer
from rich.console import Console

import crmlab
from crmlab import BGNBD, GammaGamma, ParetoNBD
from crmlab.models.histories import histories

with warnings.catch_warnings():  # its import warns
    warnings.simplefilter("ignore")
    import lifetimes

BASES = (10_000, 100_000, 1_000_000)
TRUTH, SPEND = BGNBD(0.243, 4.414, 0.793, 2.426), GammaGamma(6.25, 3.74, 15.44)
YEAR = 52.0
MONTHS, WEEKS_A_MONTH = 60, 4.345  # lifetimes' month
MONTHLY = 0.01
HISTORY = ["frequency", "recency", "T"]
FITS = {"BG/NBD fit": BGNBD, "Pareto/NBD fit": ParetoNBD, "Gamma-Gamma fit": GammaGamma}
FITTERS = {"BG/NBD fit": "BetaGeoFitter", "Pareto/NBD fit": "ParetoNBDFitter"}
LAST = "CLV, 60 months"
TASKS = (*FITS, "52-week expectation", "P(alive)", LAST)
ROWS, PATTERNS = ("crmlab, rows", "lifetimes, rows"), ("crmlab, patterns", "lifetimes, patterns")
PYMC = "PyMC-Marketing"
LONG, SHORT = 20.0, 0.5  # seconds: no further run after so many; quick tasks run as long as this

Calls = dict[str, Callable[[], Any]]
console = Console(stderr=True)


def main(sizes: list[int]) -> None:
    """Measure every base and print one table each."""
    typer.echo(machine())
    pymc = installed("pymc_marketing")
    if not pymc:
        typer.echo("PyMC-Marketing is not installed; it is left out.")
    typer.echo("Seconds, median of 3 runs or more; of one where it takes longer than 20 s. " + NOTE)
    for name, table in bases(sizes):
        patterns = grouped(table)
        contenders = {
            ROWS[0]: ours(table), PATTERNS[0]: ours(patterns),
            ROWS[1]: theirs(table), PATTERNS[1]: theirs(patterns),
        }  # fmt: skip
        if pymc:
            contenders[PYMC] = by_pymc(table)
        typer.echo(f"\n{name}: {len(table):,} customers, {len(patterns):,} patterns\n")
        for line in lines(measured(name, contenders)):
            typer.echo(line)


NOTE = (
    "x: lifetimes' time over crmlab's. Apart: by how much the log-likelihood of lifetimes' fit of "
    "the rows ends below crmlab's, or the relative difference of the totals of a score (lifetimes "
    "discounts at the end of each month, crmlab each purchase when it happens). Scores are at "
    "fixed parameters. Patterns: CLV without the spend, which differs between customers."
)


def machine() -> str:
    """Processor, cores and versions."""
    cores, model = 0, platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cores, model = len(models), models[0].partition(": ")[2]
    packages = ("numpy", "scipy", "lifetimes", "pymc-marketing")
    found = [f"{name} {version(name)}" for name in packages if installed(name.replace("-", "_"))]
    return f"{cores} cores of {model}; Python {platform.python_version()}, {', '.join(found)}."


def installed(module: str) -> bool:
    """Whether a module can be imported here."""
    return importlib.util.find_spec(module) is not None


def bases(sizes: list[int]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The CDNOW sample, then simulated bases."""
    log = crmlab.read_transactions("cdnow-sample")
    table = log.summarize("1997-09-30", unit="week")
    yield "CDNOW sample", pd.DataFrame(table[[*HISTORY, "monetary_value"]]).reset_index(drop=True)
    for n in sizes:
        yield "Simulated", simulated(n)


def simulated(n: int, seed: int = 1) -> pd.DataFrame:
    """Customers of 27 to 39 weeks, in whole days, those of one day merged; spend independent."""
    rng = np.random.default_rng(seed)
    days = rng.integers(189, 274, n)
    drawn = TRUTH.simulate(days / 7, seed=rng)
    key = drawn.customer * 1000 + np.minimum(np.ceil(drawn.time * 7), days[drawn.customer])
    customer, day = np.divmod(np.unique(key.astype(np.int64)), 1000)
    recency = np.zeros(n)
    np.maximum.at(recency, customer, day / 7)
    x = np.bincount(customer, minlength=n)
    rate = rng.gamma(SPEND.q, size=n) / SPEND.v
    mean = rng.gamma(SPEND.p * np.maximum(x, 1)) / (np.maximum(x, 1) * rate)
    money = np.where(x > 0, mean.round(2), np.nan)
    columns = {"frequency": x, "recency": recency, "T": days / 7, "monetary_value": money}
    return pd.DataFrame(columns)


def grouped(table: pd.DataFrame) -> pd.DataFrame:
    """The distinct histories and how many customers have each."""
    found = histories(table).patterns()
    return pd.DataFrame(dict(zip([*HISTORY, "count"], found, strict=True)))


def ours(data: pd.DataFrame) -> Calls:
    """Fits and scores by this package, of rows or of patterns with counts."""
    asked = {name: data[name].to_numpy() for name in HISTORY}
    rate = np.log1p(MONTHLY) / WEEKS_A_MONTH
    fits: Calls = {task: functools.partial(kind.fit, data) for task, kind in FITS.items()}

    def value() -> Any:
        each = TRUTH.det(rate, MONTHS * WEEKS_A_MONTH, **asked)
        if "monetary_value" not in data:
            return each
        x, z = asked["frequency"], data["monetary_value"].to_numpy()
        return each * SPEND.expected_spend(frequency=x, monetary_value=z)

    if "monetary_value" not in data:
        del fits["Gamma-Gamma fit"]
    return fits | {
        "52-week expectation": lambda: TRUTH.expected_purchases(YEAR, **asked),
        "P(alive)": lambda: TRUTH.p_alive(**asked),
        LAST: value,
    }


def theirs(data: pd.DataFrame) -> Calls:
    """The same by lifetimes; patterns as `weights`, and no CLV of patterns."""
    asked = [data[name] for name in HISTORY]
    model, spend = as_lifetimes("BetaGeoFitter", TRUTH), as_lifetimes("GammaGammaFitter", SPEND)
    model.predict = model.conditional_expected_number_of_purchases_up_to_time  # its fit sets it

    def fit(name: str) -> Any:
        return getattr(lifetimes, name)().fit(*asked, weights=data.get("count"))

    calls: Calls = {task: functools.partial(fit, name) for task, name in FITTERS.items()}
    calls |= {
        "52-week expectation": lambda: model.predict(YEAR, *asked),
        "P(alive)": lambda: model.conditional_probability_alive(*asked),
    }
    if "monetary_value" in data:
        money, buyers = data["monetary_value"].fillna(0.0), data[data["frequency"] > 0]
        mean = buyers["frequency"], buyers["monetary_value"]
        calls |= {
            "Gamma-Gamma fit": lambda: lifetimes.GammaGammaFitter().fit(*mean),
            LAST: lambda: spend.customer_lifetime_value(
                model, *asked, money, time=MONTHS, discount_rate=MONTHLY, freq="W"
            ),
        }
    return calls


def by_pymc(table: pd.DataFrame) -> Calls:
    """The same by PyMC-Marketing: maximum a posteriori with its own priors, compilation included.

    Its scores are at its own estimates of BG/NBD and Gamma-Gamma, made before the clock starts.
    """
    from pymc_marketing import clv

    data = table.assign(customer_id=np.arange(len(table)), monetary_value=table.monetary_value)
    buyers = data[data["frequency"] > 0]
    data = data.fillna({"monetary_value": 0.0})
    kinds = {
        "BG/NBD fit": clv.BetaGeoModel, "Pareto/NBD fit": clv.ParetoNBDModel,
        "Gamma-Gamma fit": clv.GammaGammaModel,
    }  # fmt: skip

    def fit(task: str) -> Any:
        model = kinds[task](data=buyers if task == "Gamma-Gamma fit" else data)
        model.fit(method="map", progressbar=False)
        return model

    with console.status(f"{PYMC}: estimates for its scores"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, spend = fit("BG/NBD fit"), fit("Gamma-Gamma fit")
    calls: Calls = {task: functools.partial(fit, task) for task in kinds}
    return calls | {
        "52-week expectation": lambda: model.expected_purchases(data, future_t=int(YEAR)),
        "P(alive)": lambda: model.expected_probability_alive(data),
        LAST: lambda: spend.expected_customer_lifetime_value(
            model, data, future_t=MONTHS, discount_rate=MONTHLY, time_unit="W"
        ),
    }


def as_lifetimes(name: str, model: Any) -> Any:
    """A lifetimes object with a model's parameters."""
    fitter = getattr(lifetimes, name)()
    fitter.params_ = pd.Series(dataclasses.asdict(model))
    return fitter


def measured(base: str, contenders: dict[str, Calls]) -> dict[str, dict[str, tuple[float, Any]]]:
    """Seconds and result of each task, by contender."""
    found: dict[str, dict[str, tuple[float, Any]]] = {task: {} for task in TASKS}
    for task in TASKS:
        for who, calls in contenders.items():
            if task in calls:
                with console.status(f"{base}: {task}, {who}"):
                    found[task][who] = timed(calls[task])
    return found


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Median seconds of three runs (of one long one, of more quick ones), and what came out."""
    taken: list[float] = []
    while sum(taken) < (LONG if len(taken) < 3 else SHORT):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            out = call()
            taken.append(time.perf_counter() - start)
    return statistics.median(taken), out


def lines(found: dict[str, dict[str, tuple[float, Any]]]) -> Iterator[str]:
    """A Markdown table: seconds, ratios, and how far the results lie apart."""
    others = [PYMC] if any(PYMC in row for row in found.values()) else []
    head = ["task", *ROWS, "x", *PATTERNS, "x", *others, "apart"]
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "---:|" * (len(head) - 1)
    for task, row in found.items():
        cells = [task]
        for pair in (ROWS, PATTERNS):
            seconds = [row[who][0] if who in row else None for who in pair]
            cells += [shown(value) for value in seconds]
            cells.append(ratio(*seconds))
        cells += [shown(row[who][0] if who in row else None) for who in others]
        cells.append(apart(*(row[who][1] for who in ROWS)))
        yield "| " + " | ".join(cells) + " |"


def ratio(ours: float | None, theirs: float | None) -> str:
    """How many times as long the other takes, in two digits."""
    return f"{float(f'{theirs / ours:.2g}'):,g}" if ours and theirs else ""


def shown(seconds: float | None) -> str:
    """Two significant digits or more, never a zero."""
    if seconds is None:
        return ""
    digits = 4 if seconds < 0.01 else 3 if seconds < 1 else 1
    return f"{seconds:.{digits}f}"


def apart(a: Any, b: Any) -> str:
    """How far lifetimes' log-likelihood ends below ours, or the totals of a score differ."""
    if hasattr(a, "model"):
        other = type(a.model)(**{name: float(value) for name, value in b.params_.items()})
        return f"{a.log_likelihood - other._total_log_likelihood(a.data):.1e} below"
    return f"{abs(float(np.sum(a)) / float(np.sum(b)) - 1):.0e}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(BASES))
    main(parser.parse_args().sizes)
