"""Writes hard_cases.parquet and hard_cases.json: twelve bases that break fitters, and their optima.

Run by hand (an hour on a busy machine): python tests/data/make_hard_cases.py FOLDER_OF_CSV_FILES

An optimum is looked for without crmlab's optimiser: by SciPy's L-BFGS-B from 12 random starts in
the same limits of the search, and from the best of their ends by Nelder and Mead's method, which
knows the value only. The value at its end is then summed by mpmath, row by row in 30 digits, from
the textbook formula (BG/NBD, MBG/NBD) or by quadrature over the time of leaving (Pareto/NBD).
"""

import json
import sys
from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
from scipy.optimize import minimize

from crmlab.models.bg_nbd import BGNBD
from crmlab.models.fitting import BOX
from crmlab.models.histories import histories
from crmlab.models.mbg_nbd import MBGNBD
from crmlab.models.pareto_nbd import ParetoNBD

mp.mp.dps = 30
HERE = Path(__file__).parent
REFUSED = (6, 7, 8, 9, 10)
STARTS = 12


def tables(folder):
    """The twelve tables, as patterns. Case 11 came rounded to whole days: 11 customers have a
    repeat on the first day; the table keeps them, the search goes without that repeat.
    """
    for number in range(1, 13):
        table = pd.read_csv(Path(folder) / f"case_{number:02d}.csv")
        count = table.groupby(["frequency", "recency", "T"]).size().rename("count").reset_index()
        yield number, count.astype({"frequency": "int16", "count": "int16"})


def search(kind, data):
    """Best log-parameters of random starts, by two optimisers of SciPy's."""
    scale = np.log(kind._scale(float(np.average(data.T, weights=data.customers))))
    objective, n = kind._objective(data), int(data.customers.sum())
    rng = np.random.default_rng(12)

    def both(theta):
        value, slope, _ = objective(np.exp(theta))
        return -value / n, -slope * np.exp(theta) / n

    bounds = list(zip(scale - BOX, scale + BOX, strict=True))
    with np.errstate(all="ignore"):
        ends = [
            minimize(both, scale + rng.uniform(-4, 4, 4), jac=True, bounds=bounds,
                     method="L-BFGS-B", options={"maxiter": 2000, "ftol": 1e-15, "gtol": 1e-10})
            for _ in range(STARTS)
        ]  # fmt: skip
        best = min(ends, key=lambda end: end.fun)
        best = minimize(lambda v: both(v)[0], best.x, bounds=bounds, method="Nelder-Mead",
                        options={"xatol": 1e-9, "fatol": 1e-16, "maxiter": 3000})  # fmt: skip
    return np.exp(best.x)


def bg(h, x, t_x, T, n):
    """ln L of the textbook (Fader, Hardie & Lee 2005, eq. 6); n coins have fallen."""
    r, alpha, a, b = h
    first = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha)
    coins = mp.loggamma(b + n) - mp.loggamma(b) + mp.loggamma(a + b) - mp.loggamma(a + b + n)
    stayed = (alpha + T) ** -(r + x)
    left = a / (b + n - 1) * (alpha + t_x) ** -(r + x) if n else 0
    return first + coins + mp.log(stayed + left)


def pareto(h, x, t_x, T, n):  # noqa: ARG001
    """ln L by quadrature over the time of leaving."""
    r, alpha, s, beta = h
    first = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + s * mp.log(beta)
    A, B = alpha + t_x, beta + t_x
    cuts, c = [mp.mpf(0)], 1 / ((r + x) / A + (s + 1) / B)
    while cuts[-1] < T - t_x:
        cuts.append(min(T - t_x, (cuts[-1] or c / 4) * 2))
    share = mp.quad(lambda u: (1 + u / A) ** -(r + x) * (1 + u / B) ** -(s + 1), cuts)
    stayed = (alpha + T) ** -(r + x) * (beta + T) ** -s
    return first + mp.log(stayed + s * A ** -(r + x) * B ** -(s + 1) * share)


def total(kind, h, data):
    """The log-likelihood of all customers, in 30 digits."""
    h = [mp.mpf(float(v)) for v in h]
    one = pareto if kind is ParetoNBD else bg
    return mp.fsum(
        int(w) * one(h, int(x), mp.mpf(float(t)), mp.mpf(float(T)), int(x) + (kind is MBGNBD))
        for x, t, T, w in zip(*data, strict=True)
    )


def main():
    parts, optima = [], []
    for number, table in tables(sys.argv[1]):
        parts.append(table.assign(case=np.int8(number)))
        if number in REFUSED:
            continue
        early = (table["frequency"] > 0) & (table["recency"] == 0)
        merged = table.assign(frequency=table["frequency"].where(~early, table["frequency"] - 1))
        data = histories(merged).patterns()
        for kind in (BGNBD, MBGNBD, ParetoNBD):
            h = search(kind, data)
            value = mp.nstr(total(kind, h, data), 18)
            optima.append(
                {
                    "case": number,
                    "model": kind.__name__,
                    "parameters": h.tolist(),
                    "log_likelihood": float(value),
                }
            )
            print(optima[-1], kind.fit(merged).log_likelihood, flush=True)  # noqa: T201
    whole = pd.concat(parts, ignore_index=True)
    whole.to_parquet(HERE / "hard_cases.parquet", compression="zstd", compression_level=19)
    text = ",\n".join(json.dumps(row) for row in optima)
    (HERE / "hard_cases.json").write_text("[\n" + text + "\n]\n")


if __name__ == "__main__":
    main()
