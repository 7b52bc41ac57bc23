"""Writes erlang.json: BG/CNBD-k and MBG/CNBD-k values to 17 digits by mpmath, from the story alone.

Given lambda, events are Poisson and every k-th is a purchase; lambda is then integrated numerically
over its gamma prior times the likelihood, by the trapezoidal rule in ln(lambda) with 30 digits, and
coins are moments of the beta distribution. Nothing of the package's closed forms is used.
Run by hand (minutes): python tests/data/make_erlang.py
"""

import json
import multiprocessing
from pathlib import Path

import mpmath as mp

mp.mp.dps = 30
NAMES = (
    "first_coin", "r", "alpha", "a", "b", "k", "frequency", "recency", "T", "log_gaps",
    "t", "rate", "m", "log_likelihood", "p_alive", "purchases", "purchases_new", "pmf", "pmf_new",
    "det", "dert", "det_new", "survival", "life",
)  # fmt: skip
CASES = [  # first_coin, k, (r, alpha, a, b), (x, t_x, T), t, rate, m
    (c, h, k, past, t, rate, m)
    for c, k, h, past, t, rate, m in (
        (0, 1, (0.243, 4.414, 0.793, 2.426), (2, 30.43, 38.86), 39.0, 0.0027, 1),
        (0, 2, (0.243, 2.2, 0.793, 2.426), (0, 0.0, 38.86), 39.0, 0.0027, 0),
        (0, 2, (0.243, 2.2, 0.793, 2.426), (2, 30.43, 38.86), 39.0, 0.0027, 1),
        (0, 2, (2.0, 6.0, 1.0, 12.0), (7, 40.0, 52.0), 52.0, 0.003, 4),
        (0, 3, (1.2, 1.5, 0.8, 2.6), (0, 0.0, 30.0), 26.0, 0.003, 0),
        (0, 3, (1.2, 1.5, 0.8, 2.6), (5, 28.0, 30.0), 26.0, 0.003, 3),
        (0, 3, (1.2, 1.5, 0.8, 2.6), (5, 12.0, 30.0), 260.0, 0.03, 0),
        (0, 4, (0.5, 10.0, 0.1, 0.05), (1, 3.0, 50.0), 0.5, 0.003, 1),
        (0, 5, (8.0, 3.0, 0.5, 4.0), (20, 50.0, 51.0), 20.0, 0.01, 12),
        (0, 8, (3.0, 2.0, 1.5, 9.0), (11, 30.0, 32.0), 5.0, 0.003, 2),
        (0, 12, (2.0, 1.0, 0.7, 5.0), (3, 20.0, 26.0), 52.0, 0.003, 6),
        (0, 12, (30.0, 20.0, 2.0, 3.0), (1, 6.0, 9.0), 60.0, 0.05, 4),
        (0, 6, (0.3, 0.2, 0.4, 0.9), (0, 0.0, 0.5), 30.0, 0.003, 5),
        (0, 3, (0.4, 0.05, 5.0, 0.3), (1, 0.2, 0.6), 90.0, 0.003, 1),
        (1, 1, (0.525, 6.183, 0.891, 1.614), (2, 30.43, 38.86), 39.0, 0.0027, 1),
        (1, 2, (0.525, 3.1, 0.891, 1.614), (0, 0.0, 38.86), 39.0, 0.0027, 0),
        (1, 2, (0.525, 3.1, 0.891, 1.614), (0, 0.0, 0.0), 39.0, 0.0027, 2),
        (1, 2, (0.525, 3.1, 0.891, 1.614), (6, 35.0, 38.86), 260.0, 0.0027, 9),
        (1, 3, (1.2, 1.5, 0.8, 2.6), (5, 29.999, 30.0), 26.0, 0.003, 3),
        (1, 3, (1.2, 1.5, 1.0, 2.6), (4, 10.0, 40.0), 0.01, 0.003, 1),
        (1, 3, (0.2, 1.5, 0.05, 20.0), (0, 0.0, 12.0), 100.0, 0.003, 0),
        (1, 4, (15.0, 10.0, 50.0, 300.0), (25, 75.0, 78.0), 52.0, 0.0027, 10),
        (1, 5, (0.9, 0.4, 0.6, 0.02), (2, 3.0, 5.0), 12.0, 0.1, 1),
        (1, 8, (3.0, 2.0, 1.5, 9.0), (0, 0.0, 8.0), 30.0, 0.003, 3),
        (1, 12, (2.0, 1.0, 0.7, 5.0), (9, 26.0, 26.0), 52.0, 0.003, 12),
        (1, 12, (2.0, 1.0, 3.0, 0.5), (2, 4.0, 9.0), 15.0, 0.003, 0),
        (1, 2, (0.5, 1.0, 0.8, 1.2), (1, 1.0, 2.0), 300.0, 0.003, 20),
    )
]


def at_least(mean, size):
    """P(N >= n), n < size, of Poisson N, summed from above: small tails keep their digits."""
    n = size
    term = mp.exp(-mean) * mean**n / mp.factorial(n)
    above, more = term, term
    while more > mp.mpf(10) ** -40 * above or n < mean:
        n += 1
        more = more * mean / n
        above += more
    out = [mp.mpf(0)] * size
    for n in range(size - 1, -1, -1):
        term = term * (n + 1) / mean
        above += term
        out[n] = above
    return out


class Coin:
    """Moments of 1 - p, p ~ Beta(a, B)."""

    def __init__(self, a, b):
        self.a, self.b, self.stays = a, b, [mp.mpf(1)]

    def stay(self, m):
        while len(self.stays) <= m:
            i = len(self.stays) - 1
            self.stays.append(self.stays[i] * (self.b + i) / (self.a + self.b + i))
        return self.stays[m]


def ahead(lam, j, k, coin, t, rate, m):
    """Purchases, pmf(m), det, dert, survival, life of an alive customer, given lambda and phase."""
    if t == 0:
        return [mp.mpf(0)] * 6
    top = lam * t + rate * t
    purchases = max(m + 1, int(top + 14 * mp.sqrt(top) + 40) // k + 2)
    plain = at_least(lam * t, (purchases + 1) * k + 1)
    paid = at_least(top, (purchases + 1) * k + 1)
    share = lam / (lam + rate)
    bought = det = mp.mpf(0)
    life = t
    for i in range(1, purchases + 1):
        n = i * k - j
        bought += coin.stay(i - 1) * plain[n]
        det += coin.stay(i - 1) * share**n * paid[n]
        waited = t * plain[n] - n / lam * plain[n + 1]
        life -= (coin.stay(i - 1) - coin.stay(i)) * waited
    dert = share ** (k - j) * mp.hyp2f1(1, coin.b, coin.a + coin.b, share**k)
    survival = 1 - sum(
        (coin.stay(i - 1) - coin.stay(i)) * plain[i * k - j] for i in range(1, purchases + 1)
    )
    here = plain[m * k - j] if m else mp.mpf(1)
    pmf = coin.stay(m) * (here - plain[(m + 1) * k - j])
    if m:
        pmf += (coin.stay(m - 1) - coin.stay(m)) * here
    return [bought, pmf, det, dert, survival, life]


def mixed(h, k, x, t_x, T, coin, t, rate, m):
    """Evidence of the purchases, of being alive too, and the means over lambda and phase."""
    r, alpha = h[:2]
    s, u = r + k * x, T - t_x
    evidence = lived = mp.mpf(0)
    means = [mp.mpf(0)] * 6
    w = mp.log((s + 14 * mp.sqrt(s) + 90) / (alpha + t_x))
    # P(N >= n) as a function of ln(lambda) is as steep as sqrt(n).
    step = min(mp.mpf(1) / 5, mp.mpf(1) / 2 / mp.sqrt(s + max(m + 1, 8) * k))
    # the left tail falls as exp(s w)
    while True:
        lam = mp.exp(w)
        density = mp.exp(s * w - lam * (alpha + t_x)) * step
        evidence += density
        weights = [mp.exp(-lam * u) * (lam * u) ** j / mp.factorial(j) for j in range(k)]
        alive = density * sum(weights)
        lived += alive
        if alive > mp.mpf(10) ** -20 * lived:
            for j in range(k):
                if weights[j]:
                    values = ahead(lam, j, k, coin, t, rate, m)
                    means = [
                        mean + density * weights[j] * v
                        for mean, v in zip(means, values, strict=True)
                    ]
        elif density < mp.mpf(10) ** -20 * evidence and lam < 1:
            break
        w -= step
    return evidence, lived, [mean / lived for mean in means]


def values(case):
    first_coin, h, k, past, t, rate, m = case
    h, t, rate = [mp.mpf(v) for v in h], mp.mpf(t), mp.mpf(rate)
    x, t_x, T = past[0], mp.mpf(past[1]), mp.mpf(past[2])
    r, alpha, a, b = h
    n = x + first_coin
    log_gaps = float(x * mp.log(t_x / x) - mp.mpf(x - 1) / 7) if x else 0.0  # gaps not quite equal
    evidence, lived, known = mixed(h, k, x, t_x, T, Coin(a, b + n), t, rate, m)
    stay, last = mp.beta(a, b + n) / mp.beta(a, b), mp.mpf(0)
    if n:
        last = mp.beta(a + 1, b + n - 1) / mp.beta(a, b)
    level = r * mp.log(alpha) - mp.loggamma(r)
    spacing = (k - 1) * mp.mpf(log_gaps) - x * mp.log(mp.factorial(k - 1))
    log_likelihood = level + spacing + mp.log(stay * lived + last * evidence)
    alive = stay * lived / (stay * lived + last * evidence)
    here = b / (a + b) if first_coin else mp.mpf(1)
    _, _, new = mixed(h, k, 0, mp.mpf(0), mp.mpf(0), Coin(a, b + first_coin), t, rate, m)
    none = mp.mpf(1) if m == 0 else mp.mpf(0)
    found = [
        log_likelihood, alive, alive * known[0], here * new[0],
        alive * known[1] + (1 - alive) * none, here * new[1] + (1 - here) * none,
        alive * known[2], alive * known[3], here * new[2], known[4], alive * known[5],
    ]  # fmt: skip
    asked = [first_coin, *map(float, h), k, *past, log_gaps, float(t), float(rate), m]
    return dict(zip(NAMES, [*asked, *map(float, found)], strict=True))


def main():
    with multiprocessing.Pool() as pool:
        rows = pool.map(values, CASES, chunksize=1)
    text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
    Path(__file__).with_name("erlang.json").write_text(text)


if __name__ == "__main__":
    main()
