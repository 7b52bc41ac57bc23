"""What holds for every purchase model in continuous time."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlab.errors import InvalidHistory
from crmlab.models.checks_shared import SEED, Suite, Table, close, near, need, refused
from crmlab.models.special import Array

CUSTOMERS = 800
HISTORY = ("frequency", "recency", "T")


def histories_of(model: Any, customers: int = CUSTOMERS, seed: int = SEED) -> dict[str, Array]:
    """A base simulated from the model: frequency, recency and T of customers who joined in turn."""
    T = np.linspace(30.0, 60.0, customers)
    return dict(model.simulate(T, seed=seed).summarize(T))


def _asked(table: Table) -> dict[str, Array]:
    """The columns that every question takes."""
    return {name: table[name] for name in HISTORY}


def _total(model: Any, table: Table) -> float:
    """Log-likelihood of a table; a model may look at more than HISTORY, and then says so."""
    columns = getattr(model, "likelihood_columns", HISTORY)
    return float(model.log_likelihood(**{name: table[name] for name in columns}).sum())


def _some(model: Any) -> dict[str, Array]:
    return {name: column[::16] for name, column in _asked(histories_of(model)).items()}


def _one(model: Any, row: int) -> dict[str, Array]:
    return {name: column[row] for name, column in _some(model).items()}


def probabilities_are_probabilities(model: Any) -> None:
    """P(alive) lies in [0, 1], falls with silence, and falls further ahead."""
    asked = _some(model)
    alive = model.p_alive(**asked)
    later = model.p_alive(**{**asked, "T": asked["T"] + 20})
    need((alive >= 0) & (alive <= 1), "P(alive) outside [0, 1]")
    need(later <= alive, "P(alive) rises while a customer is silent")
    need(model.p_alive(**asked, ahead=10.0) <= alive, "P(alive) rises ahead of T")


def expectations_start_at_zero_and_flatten(model: Any) -> None:
    """Expected purchases are 0 at t = 0, grow, and grow ever more slowly."""
    for row in range(0, 50, 7):
        ahead = model.expected_purchases(np.linspace(0, 90, 10), **_one(model, row))
        need(ahead[0] == 0, "not 0 at t = 0")
        need(np.diff(ahead) >= 0, "falls with time")
        need(np.diff(ahead, 2) <= 1e-10 * (1 + ahead[-1]), "not concave")


def counts_have_the_expected_mean(model: Any) -> None:
    """The pmf adds up to 1 and has the expectation as its mean, for known and new customers."""
    k = np.arange(1500)
    for row in (0, 20, 40):
        asked = _one(model, row)
        pmf = model.pmf(k, 26.0, **asked)
        close(pmf.sum(), 1.0, 1e-9, "sum of the pmf")
        close(k @ pmf, model.expected_purchases(26.0, **asked), 1e-8, "mean of the pmf")
    new = model.pmf_new(k, 26.0)
    close(new.sum(), 1.0, 1e-9, "sum of the pmf of a new customer")
    close(k @ new, model.expected_purchases_new(26.0), 1e-8, "mean for a new customer")


def discounting_only_takes_away(model: Any) -> None:
    """At rate 0 the discounted expectation is the plain one; it falls with the rate."""
    asked = _some(model)
    plain = model.expected_purchases(50.0, **asked)
    close(model.det(0.0, 50.0, **asked), plain, 1e-10, "det at rate 0")
    need(model.det(0.01, 50.0, **asked) <= plain, "discounting adds")
    need(model.dert(0.01, **asked) >= model.det(0.01, 50.0, **asked), "longer is less")
    need(model.dert(0.02, **asked) <= model.dert(0.01, **asked), "a higher rate gives more")


def the_parts_of_a_forecast_make_the_whole(model: Any) -> None:
    """Life to the horizon is the integral of survival; purchases follow being alive."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    t = 13 * (nodes + 1)
    asked = _one(model, 20)
    alive = model.p_alive(**asked, ahead=t)
    close(13 * weights @ alive, model.expected_life(26.0, **asked), 1e-9, "restricted life")


def simulation_agrees_with_formulas(model: Any) -> None:
    """Simulated histories and futures have the formulas' means (false alarm 7e-6 each)."""
    n = 40_000
    T = np.full(n, 26.0)
    bought = np.bincount(model.simulate(T, seed=SEED).customer, minlength=n)
    mean = float(model.expected_purchases_new(26.0))
    near(bought, mean, "purchases of new customers", least=np.sqrt(mean))
    for row in (0, 20, 40):
        asked = _one(model, row)
        many = {name: np.full(n, value) for name, value in asked.items()}
        future = model.simulate_future(26.0, **many, seed=SEED)
        bought = np.bincount(future.customer, minlength=n)
        mean = float(model.expected_purchases(26.0, **asked))
        # Rare purchases may all be missing from the draws; their variance is about their mean.
        near(bought, mean, f"purchases given {asked}", least=np.sqrt(mean))


def the_time_unit_does_not_matter(model: Any) -> None:
    """Days instead of weeks: the same P(alive), and the likelihood of the same purchases."""
    table = histories_of(model)
    days = {**table, "recency": table["recency"] * 7, "T": table["T"] * 7}
    weekly, daily = type(model).fit(table), type(model).fit(days)
    shift = table["frequency"].sum() * np.log(7)
    close(daily.log_likelihood, weekly.log_likelihood - shift, 1e-10, "log-likelihood")
    need(
        np.abs(daily.model.p_alive(**_asked(days)) - weekly.model.p_alive(**_asked(table))) < 1e-5,
        "P(alive) depends on the unit",
    )


def narrow_numbers_are_numbers(model: Any) -> None:
    """A float32 has the scores of the same number in float64."""
    asked = _some(model)
    single = {n: c.astype(np.float32).astype(float) for n, c in asked.items()}
    narrow = {n: c.astype(np.float32) for n, c in asked.items()}
    need(model.p_alive(**single) == model.p_alive(**narrow), "float32 gives other numbers")


def extremes_are_finite(model: Any) -> None:
    """No purchase and 2,000 of them, a purchase on the last day, a long silence, t = 0."""
    x = np.array([0, 0, 1, 2000, 2000, 3])
    t_x = np.array([0.0, 0.0, 40.0, 4000.0, 1.0, 0.001])
    T = np.array([0.0, 4000.0, 40.0, 4000.0, 4000.0, 4000.0])
    asked = {"frequency": x, "recency": t_x, "T": T}
    for value in (
        model.log_likelihood(**asked), model.p_alive(**asked),
        model.expected_purchases(0.0, **asked), model.expected_purchases(4000.0, **asked),
        model.dert(0.0027, **asked), model.expected_life(260.0, **asked),
        model.pmf(0, 52.0, **asked), model.pmf(2000, 4000.0, **asked),
    ):  # fmt: skip
        need(np.isfinite(value), f"not finite: {value}")


def impossible_histories_have_no_score(model: Any) -> None:
    """What cannot be fitted is not scored either, and the row is named."""
    for table in IMPOSSIBLE:
        told = refused(lambda t: model.p_alive(**_asked(t)), table, InvalidHistory)
        need("1 of 2" in told, f"does not count the offenders: {told}")


def _with(name: str, value: float) -> Table:
    good = {"frequency": [2.0, 1.0], "recency": [5.0, 3.0], "T": [9.0, 9.0]}
    return {
        n: np.array([column[0], value if n == name else column[1]]) for n, column in good.items()
    }


def _alike(customers: int, frequency: float, recency: float) -> Table:
    table = {"frequency": frequency, "recency": recency, "T": 9.0}
    return {name: np.full(customers, value) for name, value in table.items()}


IMPOSSIBLE = tuple(
    _with(*change)
    for change in (
        ("frequency", -1.0), ("frequency", 1.5), ("recency", 10.0), ("recency", -1.0),
        ("T", np.nan), ("frequency", 0.0),
    )
)  # fmt: skip

SUITE = Suite(
    table=histories_of,
    twice=lambda table: {**table, "count": np.full(len(table["T"]), 2)},
    scores=lambda model, table: model.expected_purchases(52.0, **_asked(table)),
    total=_total,
    impossible=IMPOSSIBLE,
    # Nobody, one-time buyers only, one repeat buyer, and customers who are all alike.
    thin=(_alike(0, 0, 0), _alike(1, 0, 0), _alike(25, 0, 0), _alike(1, 3, 5), _alike(25, 3, 9)),
    checks=(
        probabilities_are_probabilities,
        expectations_start_at_zero_and_flatten,
        counts_have_the_expected_mean,
        discounting_only_takes_away,
        the_parts_of_a_forecast_make_the_whole,
        simulation_agrees_with_formulas,
        the_time_unit_does_not_matter,
        narrow_numbers_are_numbers,
        extremes_are_finite,
        impossible_histories_have_no_score,
    ),
)
