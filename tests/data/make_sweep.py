"""Writes sweep.json: BG/NBD and Pareto/NBD values to 17 digits by mpmath, over the ranges where
others fail. Run by hand (minutes): python tests/data/make_sweep.py
"""

import itertools
import json
from pathlib import Path

import mpmath as mp

mp.mp.dps = 50
X = (0, 1, 2, 10, 100, 500, 2000)
SILENCE = (0.0, 1e-9, 0.3, 0.999)  # share of T after the last purchase
SPANS = (0.5, 39.0, 400.0, 4000.0)
AHEAD = (0.0, 1.0, 52.0, 1000.0)
BG = ((0.243, 4.414, 0.793, 2.426), (0.5, 10.0, 1.0, 2.0), (2.0, 20.0, 1.0 + 1e-12, 18.0),
      (0.01, 0.5, 0.02, 0.03), (30.0, 400.0, 50.0, 1.5))  # fmt: skip
PARETO = ((0.553, 10.578, 0.606, 11.669), (0.5, 10.0, 1.0, 10.0), (2.0, 20.0, 1.0, 2000.0),
          (0.05, 0.5, 0.03, 0.5), (30.0, 400.0, 8.0, 1.5))  # fmt: skip


def bg(p, x, t_x, T, t):
    r, al, a, b = map(mp.mpf, p)
    x_, t_x, T, t = mp.mpf(x), mp.mpf(t_x), mp.mpf(T), mp.mpf(t)
    first = mp.loggamma(r + x_) - mp.loggamma(r) + r * mp.log(al)
    stay = mp.log(mp.beta(a, b + x_) / mp.beta(a, b)) - (r + x_) * mp.log(al + T)
    odds = mp.mpf(0)
    if x:
        odds = a / (b + x_ - 1) * ((al + T) / (al + t_x)) ** (r + x_)
    alive = 1 / (1 + odds)
    s, A, B = r + x_, al + T, b + x_
    if t == 0:
        return float(first + stay + mp.log1p(odds)), float(alive), 0.0
    if a == 1:
        e = mp.mpf(10) ** -20  # the textbook form's limit, by its mean on both sides
        textbook = (closed(a - e, B, s, A, t) + closed(a + e, B, s, A, t)) / 2
    else:
        textbook = closed(a, B, s, A, t)
    return float(first + stay + mp.log1p(odds)), float(alive), float(alive * textbook)


def closed(a, B, s, A, t):
    with mp.workdps(90):
        tail = mp.hyp2f1(s, B, a + B - 1, t / (A + t), maxterms=10**6)
        return (a + B - 1) / (a - 1) * (1 - (A / (A + t)) ** s * tail)


def pareto(p, x, t_x, T, t):
    r, al, s, be = map(mp.mpf, p)
    x_, t_x, T, t = mp.mpf(x), mp.mpf(t_x), mp.mpf(T), mp.mpf(t)
    f = lambda y: (al + y) ** -(r + x_) * (be + y) ** -(s + 1)  # noqa: E731
    died = mp.mpf(0)
    if T > t_x:
        c = 1 / ((r + x_) / (al + t_x) + (s + 1) / (be + t_x))
        cuts = [mp.mpf(0)]
        while cuts[-1] < T - t_x and len(cuts) < 60:
            cuts.append(min(T - t_x, (cuts[-1] or c / 4) * 2))
        # relative to its start: mp.quad stops at an absolute error, and the integral is tiny
        died = s * f(t_x) * mp.quad(lambda u: f(t_x + u) / f(t_x), cuts)
    lived = (al + T) ** -(r + x_) * (be + T) ** -s
    level = mp.loggamma(r + x_) - mp.loggamma(r) + r * mp.log(al) + s * mp.log(be)
    alive = lived / (lived + died)
    life = (be + T) * mp.log1p(t / (be + T)) if s == 1 else (
        (be + T) / (s - 1) * (1 - ((be + T) / (be + T + t)) ** (s - 1))
    )  # fmt: skip
    ahead = (r + x_) / (al + T) * life
    return float(level + mp.log(lived + died)), float(alive), float(alive * ahead)


def main():
    out = {"bg_nbd": [], "pareto_nbd": []}
    grid = itertools.product(X, SILENCE, SPANS)
    for i, (x, silence, T) in enumerate(grid):
        t_x = 0.0 if x == 0 else T * (1 - silence)
        if x == 0 and silence:
            continue
        for j, p in enumerate(BG):
            t = AHEAD[(i + j) % 4]
            out["bg_nbd"].append([*p, x, t_x, T, t, *bg(p, x, t_x, T, t)])
        for j, p in enumerate(PARETO):
            t = AHEAD[(i + j) % 4]
            out["pareto_nbd"].append([*p, x, t_x, T, t, *pareto(p, x, t_x, T, t)])
        print(i, flush=True)  # noqa: T201
    text = ",\n".join(
        f'"{name}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]"
        for name, rows in out.items()
    )
    Path(__file__).with_name("sweep.json").write_text("{\n" + text + "\n}\n")


if __name__ == "__main__":
    main()
