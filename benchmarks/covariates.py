"""Pareto/NBD with covariates beside the figures that CLVTools prints: `make check-covariates`.

The data (apparelTrans and apparelStaticCov of the R package CLVTools, simulated, GPL-3) are not
part of this project: export both to CSV and give their folder as DATA.
The published fit: purchases up to 104 weeks after the first day, in weeks; Gender and Channel on
both processes; then with one coefficient of Gender for both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import typer

import crmlab
from crmlab import ParetoNBD, likelihood_ratio_test
from crmlab.models import covariate_fit
from crmlab.models.base import Fit
from crmlab.models.covariates import CovariateModel
from crmlab.models.estimates import parameters
from crmlab.models.fitting import Optimum, maximize

FORMULA = "Gender + Channel"
PLAIN = {"log-likelihood": -5848.0978, "r": 1.4490, "alpha": 48.6361, "s": 0.5613, "beta": 46.8844}
COVARIATES = {
    "log-likelihood": -5821.0627, "r": 1.8378, "alpha": 92.9123, "s": 0.5920, "beta": 49.6227,
    "beta:Gender": -0.6430, "beta:Channel": 0.7907, "alpha:Gender": 0.2859, "alpha:Channel": 0.6241,
}  # fmt: skip
CONSTRAINED = {"log-likelihood": -5826.5342, "likelihood ratio": 10.943}


def main(folder: Path) -> None:
    """Fit without covariates, with them, and with Gender in common; print both figures."""
    transactions, statics = (found(folder, name) for name in ("apparelTrans", "apparelStaticCov"))
    log = crmlab.read_transactions(
        pd.read_csv(transactions, dtype={"Id": str}),
        customer_id="Id", date="Date", amount="Price", zero_amount="occasion",
    )  # fmt: skip
    summary = log.summarize(log.first_date + pd.Timedelta(weeks=104), unit="week")
    table = pd.read_csv(statics, dtype={"Id": str}).set_index("Id")
    given = crmlab.covariates(table, purchase=FORMULA, dropout=FORMULA)
    plain = ParetoNBD.fit(summary)
    full = ParetoNBD.fit(summary, covariates=given)
    common = constrained(full)
    typer.echo(f"{len(summary)} customers, T = {summary['T'].max():g} weeks")
    compare("Pareto/NBD", figures(plain), PLAIN)
    compare("with Gender and Channel on both processes", figures(full), COVARIATES)
    ratio = 2 * (full.log_likelihood - common.value)
    ours = {"log-likelihood": common.value, "likelihood ratio": ratio}
    compare("with one coefficient of Gender for both", ours, CONSTRAINED)
    typer.echo(str(likelihood_ratio_test(plain, full)))


def found(folder: Path, name: str) -> Path:
    """The CSV file of a table, plain or compressed."""
    for ending in (".csv", ".csv.gz"):
        if (folder / (name + ending)).exists():
            return folder / (name + ending)
    raise SystemExit(f"There is no {name}.csv or {name}.csv.gz in {folder}.")


def figures(fit: Fit[ParetoNBD] | Fit[CovariateModel]) -> dict[str, float]:
    """Log-likelihood and estimates by name."""
    return {"log-likelihood": fit.log_likelihood, **fit.summary()["estimate"].to_dict()}


def constrained(fit: Fit[CovariateModel]) -> Optimum:
    """The same data with one coefficient of Gender for both processes.

    The likelihood of the fit is asked at coordinates in which this coefficient stands twice.
    """
    linked, _ = covariate_fit.standardized(fit.model, fit.data)
    objective = covariate_fit.objective(fit.model.base, fit.data, linked)
    # Coefficients of alpha come first, those of beta after them; Gender is the first of each.
    twice = np.eye(7)[[0, 1, 2, 3, 4, 5, 4, 6]]

    def shared(theta: np.ndarray) -> covariate_fit.Evaluation:
        value, gradient, hessian = objective(twice @ theta)
        return covariate_fit.Evaluation(value, twice.T @ gradient, twice.T @ hessian @ twice)

    start = np.concatenate([parameters(fit.model.base), np.ones(3)])
    return maximize(shared, [start], start, "Pareto/NBD with Gender in common")


def compare(title: str, ours: dict[str, float], published: dict[str, float]) -> None:
    """A line a figure: ours, theirs, and the difference."""
    typer.echo(f"\n{title:42} {'crmlab':>12} {'published':>12} {'difference':>11}")
    for name, value in published.items():
        typer.echo(f"  {name:40} {ours[name]:12.4f} {value:12.4f} {ours[name] - value:11.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    main(parser.parse_args().folder)
