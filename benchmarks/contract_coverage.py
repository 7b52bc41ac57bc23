"""Does the 95 % interval of the value of contracts hold what comes? Simulated, fitted, valued.

Prints a Markdown table: for each true curve, in how many of the repetitions the realised payments
came out inside limits that rest on the curve with the smaller AIC alone, and inside those that
also hold the other one as far as the data do not rule it out.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
import typer

from crmlab.customers.contracts.projection import fit_all
from crmlab.customers.contracts.worth import ContractTerms, contract_equity
from crmlab.intake.contracts import Contracts, read_contracts
from crmlab.models.bdw import BdW
from crmlab.models.contractual import AbstractContractual
from crmlab.models.sbg import SBG

CONTRACTS, WATCHED, YEARS = 2500, 8, 3.0
TRUTHS = (SBG(0.8, 4.0), BdW(0.8, 4.0, 1.3), BdW(0.8, 4.0, 0.75))
TERMS = ContractTerms(1.0, 0.1, YEARS)


def simulated(truth: AbstractContractual, seed: int) -> tuple[Contracts, float]:
    """Monthly contracts that began 1 to 8 renewals ago, and what the running ones then pay."""
    rng = np.random.default_rng(seed)
    count, rate = TERMS.payments("month") or 0, TERMS.rate("month")
    curve = truth.survival(np.arange(WATCHED + count + 1))
    left_at = (rng.random(CONTRACTS)[:, None] < curve).sum(axis=1)
    begun = rng.integers(1, WATCHED + 1, CONTRACTS)
    ended = left_at <= begun
    frame = pd.DataFrame({"tenure": np.minimum(left_at, begun), "ended": ended})
    frame["customer_id"] = [f"c{i}" for i in range(CONTRACTS)]
    paid = np.append(0.0, np.cumsum((1 + rate) ** -np.arange(count, dtype=float)))
    made = np.clip((left_at - begun - 1)[~ended], 0, count)
    return read_contracts(frame, period="month"), float(paid[made].sum())


def repeat(truth: AbstractContractual, seed: int) -> tuple[bool, bool]:
    """Whether what came is inside the limits by one curve, and by both."""
    contracts, brought = simulated(truth, seed)
    fits = sorted(fit_all(contracts).values(), key=lambda fit: fit.aic)
    limits = [
        contract_equity(contracts, fits[0], TERMS, rivals=rivals, seed=seed).total
        for rivals in ([], fits[1:])
    ]
    one, both = (found.lower <= brought <= found.upper for found in limits)
    return one, both


def main() -> None:
    """Run the repetitions and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    n = parser.parse_args().repetitions
    typer.echo(f"{n} repetitions of {CONTRACTS:,} contracts, {YEARS:g} years ahead.\n")
    typer.echo("| true curve | one curve | both curves |\n|---|---|---|")
    for truth in TRUTHS:
        one, both = np.mean([repeat(truth, seed) for seed in range(n)], axis=0)
        typer.echo(f"| {truth} | {one:.3f} | {both:.3f} |")


if __name__ == "__main__":
    main()
