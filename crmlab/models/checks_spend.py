"""What holds for every model of spend per occasion."""

from __future__ import annotations

from typing import Any

import numpy as np

from crmlab.errors import InvalidHistory
from crmlab.models.checks_shared import SEED, Suite, Table, close, near, need, refused
from crmlab.models.special import Array

CUSTOMERS = 800


def spend_of(model: Any) -> dict[str, Array]:
    """Mean spends simulated from the model: customers with 1 to 9 occasions, and their mean."""
    x = 1 + np.arange(CUSTOMERS) % 9
    none = np.zeros(CUSTOMERS)
    customer = np.repeat(np.arange(CUSTOMERS), x)
    each = model.simulate_spend(customer, frequency=none, monetary_value=none, seed=SEED)
    mean = np.bincount(customer, weights=each) / x
    return {"frequency": x.astype(float), "monetary_value": mean}


def means_move_from_everybodys_to_ones_own(model: Any) -> None:
    """Expected spend lies between everybody's mean and one's own, nearer to it with every purchase;
    at no purchase it is everybody's, whatever the mean spend is said to be.
    """
    x = np.array([0, 1, 2, 5, 50, 10**9])
    everybody = float(model.expected_spend_new())
    for own in (everybody / 3, everybody * 3):
        told = np.where(x > 0, own, np.nan)
        means = model.expected_spend(frequency=x, monetary_value=told)
        need(means[0] == everybody, f"without a purchase {means[0]}, everybody {everybody}")
        need(np.diff(np.abs(means - own)) < 0, "more purchases lead away from the own mean")
        close(means[-1], own, 1e-6, "after a thousand million purchases")


def the_currency_does_not_matter(model: Any) -> None:
    """Cents instead of dollars: a hundred times the expected spend, the same likelihood."""
    table = spend_of(model)
    cents = {**table, "monetary_value": 100 * table["monetary_value"]}
    first, second = type(model).fit(table), type(model).fit(cents)
    close(
        second.model.expected_spend(**cents), 100 * first.model.expected_spend(**table), 1e-6,
        "expected spend in cents",
    )  # fmt: skip
    shift = CUSTOMERS * np.log(100)
    close(second.log_likelihood, first.log_likelihood - shift, 1e-10, "log-likelihood in cents")


def the_likelihood_is_a_density(model: Any) -> None:
    """Over all mean spends it integrates to one, for few occasions and for many."""
    step = 0.02
    z = float(model.expected_spend_new()) * np.exp(np.arange(-60.0, 60.0, step))
    for x in (1, 4, 60):
        density = np.exp(model.log_likelihood(frequency=x, monetary_value=z))
        close(step * (density * z).sum(), 1.0, 1e-8, f"integral over {x} occasions")


def simulation_agrees_with_formulas(model: Any) -> None:
    """Simulated spends have the formula's mean (false alarm 7e-6 each)."""
    n = 100_000
    for x, z in ((0, np.nan), (4, 3 * float(model.expected_spend_new()))):
        known = {"frequency": np.full(n, x), "monetary_value": np.full(n, z)}
        spent = model.simulate_spend(np.arange(n), **known, seed=SEED + x)
        mean = float(model.expected_spend(frequency=x, monetary_value=z))
        near(spent, mean, f"spend after {x} occasions")


def extremes_are_finite(model: Any) -> None:
    """A cent and a thousand million, once and 100,000 times."""
    asked = {
        "frequency": np.array([1, 1, 100_000, 100_000]),
        "monetary_value": np.array([0.01, 1e9, 0.01, 1e9]),
    }
    need(np.isfinite(model.expected_spend(**asked)), "expected spend is not finite")
    need(np.isfinite(model.log_likelihood(**asked)), "log-likelihood is not finite")


def impossible_spends_have_no_score(model: Any) -> None:
    """What cannot be fitted is not scored either, and neither is a spend below 0 or missing."""
    spends = tuple(_with("monetary_value", value) for value in (-5.0, 0.0, np.nan, np.inf))
    for table in SUITE.impossible + spends:
        told = refused(lambda t: model.expected_spend(**t), table, InvalidHistory)
        need("1 of 3" in told, f"does not count the offenders: {told}")


def _with(name: str, value: float) -> Table:
    good = {"frequency": [2.0, 1.0, 4.0], "monetary_value": [5.0, 3.0, 9.0]}
    return {
        n: np.array([*column[:2], value if n == name else column[2]]) for n, column in good.items()
    }


def _spends(*means: float) -> Table:
    return {"frequency": np.full(len(means), 2.0), "monetary_value": np.array(means)}


SUITE = Suite(
    table=spend_of,
    twice=lambda table: {**table, "count": np.full(len(table["frequency"]), 2)},
    scores=lambda model, table: model.expected_spend(**table),
    total=lambda model, table: float(model.log_likelihood(**table).sum()),
    impossible=tuple(_with("frequency", value) for value in (-1.0, 1.5, np.nan, np.inf)),
    # Nobody, one customer, and customers who are all alike.
    thin=(_spends(), _spends(7.0), _spends(7.0, 7.0, 7.0)),
    checks=(
        means_move_from_everybodys_to_ones_own,
        the_currency_does_not_matter,
        the_likelihood_is_a_density,
        simulation_agrees_with_formulas,
        extremes_are_finite,
        impossible_spends_have_no_score,
    ),
)
