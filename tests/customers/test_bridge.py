"""The bridge between two valuations: it closes to the cent, and each step is what it says."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import crmlab
from crmlab.customers import bridge as bridges
from crmlab.customers import equity, value
from crmlab.customers.economics import Economics
from crmlab.customers.fitted_base import FittedBase
from crmlab.customers.rhythms import overdue, own_gap
from crmlab.errors import WrongParameter
from crmlab.models.base import Diagnosis, Fit

SPEND = crmlab.GammaGamma(6.0, 4.0, 15.0)


def fit_of(model: Any) -> Fit[Any]:
    """A fit as if it had been estimated: only its model matters to a value."""
    size = len(dataclasses.fields(model))
    known = Diagnosis("converged", 0.0, 1, 1)
    return Fit(model, np.zeros((size, size)), 0.0, 1, "week", "", known)


def base_of(
    model: Any, bought: Any, joined: np.ndarray, end: float, day: str, spend: Any = SPEND
) -> FittedBase:
    """Customers who joined before week `end`, as they look then, each with a spend."""
    some = np.flatnonzero(joined < end)
    watched = np.where(joined < end, end - joined, -1.0)
    seen = bought.summarize(watched)
    frame = pd.DataFrame({name: column[some] for name, column in seen.items()})
    frame["frequency"] = frame["frequency"].astype(int)
    frame.index = pd.Index([f"c{i}" for i in some], name="customer_id")
    frame["spend_frequency"] = frame["frequency"]
    frame["monetary_value"] = (30.0 + some % 17) * np.where(frame["frequency"] > 0, 1.0, np.nan)
    return FittedBase(day, "week", frame, fit_of(model), fit_of(spend))


def two_dates(
    truth: Any, other: Any, n: int, seed: int, weeks: float = 13.0
) -> tuple[FittedBase, FittedBase]:
    """A simulated base at week 60, and `weeks` later, when a fifth more have joined."""
    rng = np.random.default_rng(seed)
    joined = rng.uniform(0, 60 + weeks, n)
    joined[: n * 4 // 5] *= 60 / (60 + weeks)
    bought = truth.simulate(np.full(n, 60.0 + weeks), seed=rng)
    later = pd.Timestamp("2024-01-01") + pd.Timedelta(days=round(7 * weeks))
    return (
        base_of(truth, bought, joined, 60.0, "2024-01-01"),
        base_of(
            other, bought, joined, 60.0 + weeks, str(later.date()), crmlab.GammaGamma(5, 5, 20)
        ),
    )


MODELS = st.one_of(
    st.builds(
        crmlab.BGNBD, *[st.floats(0.3, 3)], st.floats(3, 20), st.floats(0.3, 3), st.floats(1, 5)
    ),
    st.builds(
        crmlab.MBGNBD, st.floats(0.3, 3), st.floats(3, 20), st.floats(0.3, 3), st.floats(1, 5)
    ),
    st.builds(
        crmlab.ParetoNBD, st.floats(0.3, 3), st.floats(3, 20), st.floats(0.3, 3), st.floats(5, 50)
    ),
)
ECONOMICS = st.builds(
    Economics, st.floats(0.05, 1), st.floats(0.01, 0.5), st.floats(0.1, 10) | st.just(math.inf),
    cost_per_occasion=st.floats(0, 20), cost_per_year=st.floats(0, 50) | st.just(0.0),
    retention_per_year=st.floats(0, 10),
)  # fmt: skip


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    truth=MODELS, other=MODELS, before=ECONOMICS, after=ECONOMICS, seed=st.integers(0, 2**31),
    days=st.integers(1, 800),
)  # fmt: skip
def test_a_bridge_closes_to_the_cent(
    truth: Any, other: Any, before: Economics, after: Economics, seed: int, days: int
) -> None:
    """Whatever the models, assumptions and dates; both ends are the equities of the two bases."""
    opening, closing = two_dates(truth, other, 60, seed, weeks=days / 7)
    found = bridges.bridge(opening, before, closing, after)

    assert found.remainder == 0
    assert found.money("opening") == equity.equity(value.net_values(opening, before))
    assert found.money("closing") == equity.equity(value.net_values(closing, after))
    assert found.experience["customers"].sum() == len(opening.summary)
    in_cents = (found.experience["money"] * 100).round().sum()
    assert in_cents == sum(round(found.money(name) * 100) for name in bridges.EXPERIENCE)


@pytest.mark.parametrize(
    "model",
    [
        crmlab.BGNBD(0.6, 8.0, 0.9, 2.5),
        crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5),
        crmlab.ParetoNBD(0.55, 10.6, 0.6, 11.7),
        crmlab.MBGCNBD(1.5, 3.0, 0.8, 4.0, k=3),
    ],
    ids=lambda m: type(m).__name__,
)
def test_what_is_expected_is_what_comes_on_average(model: Any) -> None:
    """60,000 customers with one history live on for half a year: experience is 0 but for chance.

    So opening + unwinding - expected margin + moved horizon is the mean value half a year later.
    """
    n, passed = 60_000, 26.0
    then = {"frequency": np.full(n, 2), "recency": np.full(n, 30.0), "T": np.full(n, 38.0)}
    lived = model.simulate_future(passed, **then, seed=4)
    bought = np.bincount(lived.customer, minlength=n)
    last = np.zeros(n)
    np.maximum.at(last, lived.customer, lived.time)
    now = {
        "frequency": then["frequency"] + bought,
        "recency": np.where(bought > 0, 38.0 + last, 30.0), "T": then["T"] + passed,
    }  # fmt: skip
    given_ = Economics(0.3, 0.15, 2.0, cost_per_occasion=1.0, cost_per_year=2.0)
    bases = []
    for day, seen in (("2024-01-01", then), ("2024-07-01", now)):
        frame = pd.DataFrame(seen).assign(spend_frequency=2, monetary_value=30.0)
        bases.append(FittedBase(day, "week", frame, fit_of(model), fit_of(SPEND)))
    found = bridges.bridge(bases[0], given_, bases[1], given_)
    experience = found.experience["money"].sum()
    spread = found.customers["value"].std() * np.sqrt(n)

    assert abs(experience) < 4.5 * spread
    assert spread < 0.02 * found.money("opening")
    assert found.money("won") == found.money("new_parameters") == 0
    assert abs(bought.mean() - found.customers["expected_purchases"].mean()) < 4.5 * np.std(
        bought
    ) / np.sqrt(n)


def test_expected_margin_is_what_would_be_booked() -> None:
    """Undiscounted: expected purchases x (margin x spend - cost) - cost of the time active."""
    opening, closing = two_dates(
        crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5), crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5), 300, 1
    )
    given_ = Economics(0.3, 0.15, 2.0, cost_per_occasion=1.0, cost_per_year=2.0)
    found = bridges.bridge(opening, given_, closing, given_)
    model, history = opening.purchases.model, opening.history
    booked = model.expected_purchases(13.0, **history) @ (0.3 * opening.expected_spend - 1.0)
    booked -= model.expected_life(13.0, **history).sum() * 2.0 * 7 / 365.25

    assert -found.money("expected_margin") == pytest.approx(booked, abs=0.006)
    assert 0 < found.money("unwinding") < found.money("opening") * (1.15**0.25 - 1)
    assert found.money("horizon_moved") > 0


def test_without_end_and_discount_nothing_unwinds_or_moves() -> None:
    """An endless horizon takes in nothing new; only what changed has a step."""
    model = crmlab.ParetoNBD(0.55, 10.6, 3.0, 30.0)
    opening, closing = two_dates(model, model, 200, 2)
    endless = Economics(0.3, 0.15, math.inf)
    found = bridges.bridge(opening, endless, closing.with_models_of(opening), endless)
    plain = bridges.bridge(opening, Economics(0.3, 0.0), closing, Economics(0.25, 0.0, 4.0))

    assert found.money("horizon_moved") == pytest.approx(0, abs=0.011)
    assert found.steps["step"].tolist() == [
        "opening", "unwinding", "expected_margin", "horizon_moved", *bridges.EXPERIENCE, "won",
        "new_parameters", "closing",
    ]  # fmt: skip
    assert plain.money("unwinding") == 0
    assert plain.steps["step"].tolist()[-3:] == ["margin", "horizon_years", "closing"]


def test_assumptions_come_one_by_one_in_their_order() -> None:
    """Each is the difference that it makes on top of those before it."""
    model = crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5)
    opening, closing = two_dates(model, model, 200, 3)
    before, after = Economics(0.3, 0.15), Economics(0.35, 0.10, 4.0, cost_per_occasion=0.5)
    found = bridges.bridge(opening, before, closing, after)
    level, given_ = float(value.net_values(closing, before).sum()), before

    assert found.steps["step"].tolist()[-5:-1] == [
        "margin", "cost_per_occasion", "discount_rate", "horizon_years"
    ]  # fmt: skip
    for name in found.steps["step"].tolist()[-5:-1]:
        given_ = dataclasses.replace(given_, **{name: getattr(after, name)})
        there = float(value.net_values(closing, given_).sum())
        assert found.money(name) == pytest.approx(there - level, abs=0.011)
        level = there


def test_customers_fall_into_the_class_of_what_they_did() -> None:
    """Lost ones bought nothing, who came back had been silent, and money has the class's sign."""
    model = crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5)
    opening, closing = two_dates(model, model, 3000, 5)
    found = bridges.bridge(opening, Economics(0.3, 0.15), closing, Economics(0.3, 0.15))
    table, each = found.experience, found.customers

    assert (table["customers"] > 0).all()
    assert table.loc["lost", "purchases"] == 0
    assert table["money"].to_dict() == {
        name: pytest.approx(row["value"] - row["expected"], abs=0.03)
        for name, row in table.iterrows()
    }
    assert table.loc[["lost", "slowed"], "money"].max() < 0
    assert table.loc[["bought_more", "came_back"], "money"].min() > 0
    back = each.index[each["class"] == "came_back"]
    assert (overdue(opening.summary)[back] > 2).all()
    assert (each.loc[back, "purchases"] > 0).all()


def test_a_table_by_customer_need_not_know_the_future() -> None:
    """Costs by customer of date 0 lack the customers won; those of date 1 stand in."""
    model = crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5)
    opening, closing = two_dates(model, model, 100, 6)
    before = Economics(0.3, 0.15, cost_per_occasion=pd.Series(1.0, index=opening.summary.index))
    after = Economics(0.3, 0.15, cost_per_occasion=1.0)
    found = bridges.bridge(opening, before, closing.with_models_of(opening), after)

    assert "cost_per_occasion" not in found.steps["step"].tolist()
    assert found.remainder == 0


def test_dates_in_the_wrong_order_are_refused() -> None:
    """And bases in different units."""
    model = crmlab.MBGNBD(0.6, 8.0, 0.9, 2.5)
    opening, closing = two_dates(model, model, 50, 7)
    given_ = Economics(0.3, 0.15)

    with pytest.raises(WrongParameter, match="a date after the opening's, 2024-04-01"):
        bridges.bridge(closing, given_, opening, given_)
    with pytest.raises(WrongParameter, match="expected week, as at the opening"):
        bridges.bridge(opening, given_, dataclasses.replace(closing, unit="day"), given_)


def test_the_own_gap_leans_on_the_base() -> None:
    """Three customers: 4 gaps of 2, one of 6, none; typical is 4."""
    summary = pd.DataFrame({"frequency": [4, 1, 0], "recency": [8.0, 6.0, 0.0], "T": 10.0})

    assert own_gap(summary).tolist() == [(8 + 4) / 5, (6 + 4) / 2, 4.0]
    assert overdue(summary).tolist() == [2 / 2.4, 4 / 5, 2.5]
    assert own_gap(summary.assign(frequency=0)).isna().all()


def test_cdnow_from_march_to_june_1998(log: crmlab.TransactionLog, retention_study: Any) -> None:
    """The published data, refitted at both dates: closes, and no step is absurd."""
    then = crmlab.Study.run(
        log, observation_end="1998-03-31", margin=0.3, discount_rate=0.15, model="mbg-nbd"
    )
    given_ = Economics(0.3, 0.15)
    found = bridges.bridge(FittedBase.of(then), given_, FittedBase.of(retention_study), given_)

    assert found.remainder == 0
    assert found.money("won") == 0  # all of CDNOW's customers began in the first quarter of 1997
    assert found.money("opening") == pytest.approx(then.equity, abs=0.01)
    assert found.money("closing") == pytest.approx(retention_study.equity, abs=0.01)
    assert abs(found.experience["money"].sum()) < 0.1 * found.money("opening")
