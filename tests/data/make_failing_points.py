"""Writes failing_points.json: points at which lifetimes gives NaN, infinity or a wrong number, each
with its value by mpmath. Run by hand (a minute): python tests/data/make_failing_points.py

`integrals`: Pareto/NBD's integral over the time of leaving, in logarithms. `scores`: P(alive) and
conditional expectation of BG/NBD and Pareto/NBD. `likelihoods`: Pareto/NBD's log-likelihood. The
lists begin with those that were found failing or suspected; a few of ours lie beside them.
"""

import json
from pathlib import Path

import mpmath as mp
from make_sweep import bg, pareto

mp.mp.dps = 50
HERE = Path(__file__).parent

INTEGRALS = [  # r, alpha, s, beta, x, t_x, T
    (1.5797202022166206, 0.33018344072922046, 0.977348218624419, 30.252092070111434,
     276, 1.5527192294714502, 1.974476105768889),
    (6.086812888491083, 7.833445448488496, 0.09524891386390857, 2243.643164848939,
     614, 20.22486054440349, 21.222952308705683),
    (1.7576160311770912, 0.6971315342462493, 1.2830941788597234, 18.44007256723099,
     934, 4.419640719918175, 4.450158582035472),
    (2.407607337796515, 4.439779371618968, 0.03548918111930104, 77.37123710715566,
     583, 9.114268453334576, 23.160730519411782),
    (12.496459906684532, 0.49039445247948166, 6.973366033280728, 77.26007699823651,
     464, 10.454407970591431, 12.274370303140325),
    (0.1414634270597791, 0.11626187992934582, 13.370089183572333, 530.8027194874071,
     579, 1.797818084673352, 2.2304074456521086),
    (0.07162883477807751, 2.927354623237172, 0.38502399282643834, 1732.7189951487576,
     557, 386.62618565783026, 405.9735431276835),
    (0.18011214542577061, 0.2532908491611677, 0.10875512932183526, 398.90235110447713,
     254, 0.7867432140125203, 1.0719917779369028),
    (5.996466057048041, 0.16058564235102754, 3.331646285788775, 2614.929560839475,
     568, 12.491826802359308, 22.730961703566702),
]  # fmt: skip
FIRST, SECOND = (0.243, 4.414, 0.793, 2.426), (0.553, 10.578, 0.606, 11.669)  # CDNOW
HISTORIES = [  # x, t_x, T, t
    (300, 38.0, 38.86, 52.0), (1000, 38.0, 38.86, 52.0), (2000, 3600.0, 3650.0, 365.0),
    (1500, 10.0, 38.86, 52.0), (0, 0.0, 38.86, 52.0), (0, 0.0, 0.0, 52.0), (2, 30.0, 38.0, 1e5),
]  # fmt: skip
SINGULAR = [  # model, parameters, x, t_x, T, t: a = 1, s = 1, alpha = beta, exactly and nearly
    ("BGNBD", (0.243, 4.414, 1.0, 2.426), 2, 30.43, 38.86, 39.0),
    ("BGNBD", (0.243, 4.414, 1.0 + 1e-12, 2.426), 2, 30.43, 38.86, 39.0),
    ("BGNBD", (0.243, 4.414, 1.0 - 1e-12, 2.426), 2, 30.43, 38.86, 39.0),
    ("BGNBD", (0.243, 4.414, 1.0, 2.426), 0, 0.0, 38.86, 39.0),
    ("ParetoNBD", (0.553, 10.578, 1.0, 11.669), 2, 30.43, 38.86, 39.0),
    ("ParetoNBD", (0.553, 10.578, 1.0 + 1e-12, 11.669), 2, 30.43, 38.86, 39.0),
    ("ParetoNBD", (0.553, 10.578, 1.0 - 1e-12, 11.669), 0, 0.0, 38.86, 39.0),
]
LIKELIHOODS = [  # parameters, x, t_x, T
    ((0.55, 10.6, 0.6, 11.7), 1000, 30.0, 39.0),
    ((0.55, 0.3, 0.6, 500.0), 300, 30.0, 39.0),
    ((0.55, 0.1, 1.2, 2000.0), 60, 1.0, 39.0),
    ((0.55, 1e6, 0.6, 1.0), 5, 30.0, 39.0),
    ((0.55, 10.0, 0.6, 10.0), 5, 39.0, 39.0),
    ((0.55, 10.0, 0.6, 1e6), 5, 30.0, 39.0),
    ((20.0, 10.0, 15.0, 1000.0), 500, 100.0, 3650.0),
]


def log_integral(r, alpha, s, beta, x, t_x, T):
    """ln of the integral from t_x to T of (alpha + y)^-(r + x) (beta + y)^-(s + 1) dy."""
    r, alpha, s, beta, t_x, T = map(mp.mpf, (r, alpha, s, beta, t_x, T))
    start = (alpha + t_x) ** -(r + x) * (beta + t_x) ** -(s + 1)
    c = 1 / ((r + x) / (alpha + t_x) + (s + 1) / (beta + t_x))
    cuts = [mp.mpf(0)]
    while cuts[-1] < T - t_x:
        cuts.append(min(T - t_x, (cuts[-1] or c / 4) * 2))
    share = mp.quad(
        lambda u: (alpha + t_x + u) ** -(r + x) * (beta + t_x + u) ** -(s + 1) / start, cuts
    )
    return float(mp.log(share) + mp.log(start))


def point(model, parameters, x, t_x, T, t):
    value = (bg if model == "BGNBD" else pareto)(parameters, x, t_x, T, t)
    history = {"frequency": x, "recency": t_x, "T": T, "t": t}
    scores = dict(zip(("log_likelihood", "p_alive", "expected"), value, strict=True))
    return {"model": model, "parameters": parameters, **history, **scores}


def main():
    names = ("r", "alpha", "s", "beta", "x", "t_x", "T")
    out = {
        "integrals": [
            {**dict(zip(names, row, strict=True)), "log_integral": log_integral(*row)}
            for row in INTEGRALS
        ],
        "scores": [
            point(model, parameters, *history)
            for history in HISTORIES
            for model, parameters in (("BGNBD", FIRST), ("ParetoNBD", SECOND))
        ] + [point(*row) for row in SINGULAR],
        "likelihoods": [point("ParetoNBD", p, *history, 0.0) for p, *history in LIKELIHOODS],
    }  # fmt: skip
    text = ",\n".join(
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in found) + "\n]"
        for name, found in out.items()
    )
    (HERE / "failing_points.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
