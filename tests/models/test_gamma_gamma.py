"""Gamma-Gamma: properties, refusals, simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import GammaGamma
from crmlab.errors import NotDefined, NotEstimable
from crmlab.models.estimates import parameters
from crmlab.models.gamma_gamma import _every, _median, _objective


def test_currency_changes_v_and_nothing_else(sample: pd.DataFrame) -> None:
    """Cents instead of dollars: v x 100, p and q as before, means x 100."""
    dollars = GammaGamma.fit(sample)
    cents = GammaGamma.fit(sample.assign(monetary_value=sample["monetary_value"] * 100))

    assert cents.model.v == pytest.approx(100 * dollars.model.v, rel=1e-7)
    assert [cents.model.p, cents.model.q] == pytest.approx(
        [dollars.model.p, dollars.model.q], rel=1e-7
    )


def test_the_gradient_and_hessian_are_those_of_the_likelihood(sample: pd.DataFrame) -> None:
    """Against central differences."""
    some = sample["spend_frequency"] > 0
    x = sample.loc[some, "spend_frequency"].to_numpy(dtype=float)
    z = sample.loc[some, "monetary_value"].to_numpy()
    point = np.array([5.0, 4.0, 12.0])
    evaluate = _objective(x, z)
    here = evaluate(point)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5 * point[i]
        up, down = evaluate(point + step), evaluate(point - step)
        assert here.gradient[i] == pytest.approx((up.value - down.value) / (2 * step[i]), rel=1e-6)
        bend = (up.gradient - down.gradient) / (2 * step[i])
        assert here.hessian[i] == pytest.approx(bend, rel=1e-5)


@given(st.floats(0.2, 50), st.floats(1.01, 50), st.floats(0.1, 1e4), st.floats(0.01, 1e5))
@settings(max_examples=100, deadline=None)
def test_the_mean_moves_from_everybodys_to_ones_own(p: float, q: float, v: float, z: float) -> None:
    """At 0 occasions the population's mean, at very many the customer's own."""
    model = GammaGamma(p, q, v)
    means = model.expected_spend(frequency=[0, 1, 5, 10**12], monetary_value=[np.nan, z, z, z])
    low, high = sorted([model.expected_spend_new(), z])

    assert means[0] == pytest.approx(model.expected_spend_new(), rel=1e-12)
    assert means[3] == pytest.approx(z, rel=1e-6)
    assert (means >= low * (1 - 1e-9)).all()
    assert (means <= high * (1 + 1e-9)).all()


def test_an_infinite_mean_is_refused() -> None:
    """q <= 1: the population's mean is infinite; lifetimes returned -370 here."""
    with pytest.raises(NotDefined, match=r"q is 0\.9"):
        GammaGamma(2.0, 0.9, 10.0).expected_spend(frequency=[0, 3], monetary_value=[0.0, 20.0])


def test_simulated_spend_has_the_formulas_mean() -> None:
    """400,000 draws of two customers; false alarm 7e-6 each."""
    model, n = GammaGamma(6.25, 3.74, 15.44), 400_000
    for x, z in ((0, np.nan), (4, 80.0)):
        who = np.arange(n)
        drawn = model.simulate_spend(
            who, frequency=np.full(n, x), monetary_value=np.full(n, z), seed=x + 1
        )
        truth = float(model.expected_spend(frequency=x, monetary_value=z))
        assert abs(drawn.mean() - truth) < 4.5 * drawn.std() / np.sqrt(n)


def test_what_cannot_be_estimated_is_refused() -> None:
    """One customer, equal means, or a negative mean: each with its reason."""
    table = pd.DataFrame({"frequency": [2, 3, 0], "monetary_value": [10.0, 10.0, np.nan]})

    with pytest.raises(NotEstimable, match="2 customers with a repeat spend, all of the same mean"):
        GammaGamma.fit(table)
    with pytest.raises(NotEstimable, match="1 customers with a repeat spend"):
        GammaGamma.fit(table.iloc[[0, 2]])
    with pytest.raises(NotEstimable, match="1 customers have a mean spend of 0 or less"):
        GammaGamma.fit(table.assign(monetary_value=[10.0, -3.0, np.nan]))


def test_customers_who_always_spend_the_same_are_fitted_at_the_boundary() -> None:
    """Fixed prices: p runs to its limit; q, p v and the log-likelihood are those of the limit."""
    rng = np.random.default_rng(0)
    x = 1 + rng.poisson(2, 300)
    z = rng.choice([9.99, 19.99, 49.99], 300)
    fit = GammaGamma.fit({"frequency": x, "monetary_value": z})

    assert fit.diagnosis.status == "boundary"
    assert fit.diagnosis.at_boundary == ("p",)
    assert fit.model.q == pytest.approx(2.6941, rel=1e-3)
    assert fit.model.p * fit.model.v == pytest.approx(46.629, rel=1e-3)
    assert fit.log_likelihood == pytest.approx(-1209.8429, abs=0.05)


def test_a_count_is_so_many_customers(sample: pd.DataFrame) -> None:
    """Every customer twice by a count gives the fit of the table twice."""
    counted = GammaGamma.fit(sample.assign(count=2))
    doubled = GammaGamma.fit(pd.concat([sample, sample]))

    assert counted.customers == doubled.customers == 2 * 946
    assert counted.log_likelihood == pytest.approx(doubled.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("customers", [700, 60_000])
def test_counted_rows_are_their_customers(customers: int) -> None:
    """Fit, typical spend and sample are those of one row a customer; large bases climb on one."""
    rng = np.random.default_rng(customers)
    x = rng.integers(1, 6, customers).astype(float)
    z = np.round(rng.gamma(6 * x) / (x * rng.gamma(4, 1 / 15, customers)), 0) + 1
    rows = pd.DataFrame({"spend_frequency": x, "monetary_value": z})
    patterns = rows.value_counts(sort=False).reset_index()
    one, many = GammaGamma.fit(rows), GammaGamma.fit(patterns)
    x, z = one.data
    places = many.data[:2]

    assert len(many.data[0]) < len(x) == many.customers == one.customers
    np.testing.assert_allclose(parameters(many.model), parameters(one.model), rtol=1e-7)
    np.testing.assert_allclose(many.covariance, one.covariance, rtol=1e-5)
    assert many.log_likelihood == pytest.approx(one.log_likelihood, rel=1e-12)
    assert many.model._total_log_likelihood(many.data) == pytest.approx(many.log_likelihood)
    assert np.median(z) == _median(places[1], many.data[2])
    for step in (1, 2, 7, 300):
        *some, chosen = _every(step, *many.data)
        assert [list(np.repeat(column, chosen)) for column in some] == [
            list(x[::step]),
            list(z[::step]),
        ]
    assert many.draws(3, seed=1).parameters == pytest.approx(one.draws(3, seed=1).parameters)
