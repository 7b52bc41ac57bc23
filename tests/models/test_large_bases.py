"""Large bases: starts on a sample, grouping by ranks, and nobody's score depends on the others."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlab import BGCNBD, BGNBD, MBGNBD, GammaGamma, ParetoNBD
from crmlab.errors import WrongParameter
from crmlab.models import beta_geometric_ahead, gamma_gamma, parallel, purchase_model
from crmlab.models.estimates import parameters
from crmlab.models.fitting import Evaluation, in_logs, maximize
from crmlab.models.histories import histories
from crmlab.models.prospects import Ahead
from crmlab.models.special import unique_rows

ALL = 10**9  # no base is as large: every start climbs on all the data


def agrees_with_all_starts(kind: Any, table: Any, module: Any, patch: Any) -> None:
    quick = kind.fit(table)
    patch.setattr(module, "SAMPLE", ALL)
    slow = kind.fit(table)

    assert parameters(quick.model) == pytest.approx(parameters(slow.model), rel=1e-8)
    assert quick.log_likelihood == pytest.approx(slow.log_likelihood, rel=1e-13)
    assert quick.covariance == pytest.approx(slow.covariance, rel=1e-6)
    assert quick.diagnosis.decrement < 1e-12
    assert quick.diagnosis.agreeing_starts == slow.diagnosis.agreeing_starts


@pytest.mark.parametrize(
    "model",
    [BGNBD(0.6, 8.0, 0.9, 2.5), ParetoNBD(0.6, 8.0, 0.7, 10.0)],
    ids=lambda m: m.label,
)
def test_starts_on_a_sample_end_where_all_starts_on_all_the_data_end(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """25,000 customers, every history another one: the same optimum to 1e-8."""
    T = np.linspace(30.0, 60.0, 25_000)
    table = model.simulate(T, seed=4).summarize(T)

    agrees_with_all_starts(type(model), table, purchase_model, monkeypatch)


def test_a_model_with_two_optima_takes_no_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """MBG/NBD: simulated bases were found where a sample hid the better of the two."""
    T = np.linspace(30.0, 60.0, 3000)
    table = MBGNBD(0.6, 8.0, 0.9, 2.5).simulate(T, seed=4).summarize(T)
    fit = MBGNBD.fit(table)
    monkeypatch.setattr(purchase_model, "SAMPLE", 500)

    assert MBGNBD.fit(table).model == fit.model


def test_gamma_gamma_starts_on_a_sample_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """40,000 customers: the same optimum to 1e-8."""
    rng = np.random.default_rng(8)
    x = 1 + rng.poisson(2, 40_000)
    z = rng.gamma(6.25 * x) / (x * rng.gamma(3.74, size=len(x)) / 15.44)
    table = {"frequency": x, "monetary_value": z}

    agrees_with_all_starts(GammaGamma, table, gamma_gamma, monkeypatch)


def test_a_sample_that_decides_nothing_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No dropout: the sample ends at a limit, so all starts climb on all the data as before."""
    rng = np.random.default_rng(5)
    x = rng.poisson(rng.gamma(2.0, 5.0, 25_000)) + 1
    T = np.linspace(39.0, 40.0, len(x))
    table = {"frequency": x, "recency": T - 1e-3, "T": T}
    quick = BGNBD.fit(table)
    monkeypatch.setattr(purchase_model, "SAMPLE", ALL)
    slow = BGNBD.fit(table)

    assert quick.diagnosis == slow.diagnosis
    assert quick.model == slow.model


def hills(heights: tuple[float, float]) -> Any:
    """ln of two normal curves around 0 and 6, of such heights."""

    def objective(theta: Any) -> Evaluation:
        t, (first, second) = float(theta[0]), heights
        parts = np.array([first - t**2 / 2, second - (t - 6) ** 2 / 2])
        share = np.exp(parts - np.logaddexp(*parts))
        slopes = np.array([-t, 6 - t])
        mean = share @ slopes
        bend = share @ (slopes**2 - 1) - mean**2
        return Evaluation(
            1e3 * np.logaddexp(*parts), np.array([1e3 * mean]), np.array([[1e3 * bend]])
        )

    return objective


def test_two_maxima_of_the_sample_both_climb_on_all_the_data() -> None:
    """The sample prefers the wrong one of two; both are followed, and the counts are of starts."""
    starts = [np.exp([place]) for place in (-0.5, 0.5, 6.5)]
    found = maximize(hills((0.0, 1.0)), starts, np.ones(1), "hills", hills((1.0, 0.0)))

    assert np.log(found.parameters) == pytest.approx([6.0], abs=1e-6)
    assert (found.agreeing_starts, found.starts) == (1, 3)


def test_no_step_is_halved_for_a_gain_that_does_not_show() -> None:
    """A climb to a limit of the search ends where what is left to gain is below the last digit."""
    rng = np.random.default_rng(1)
    T = rng.uniform(4.0, 104.0, 50_000)
    x = rng.poisson(3, len(T))
    table = {"frequency": x, "recency": np.where(x > 0, T * rng.random(len(T)), 0.0), "T": T}
    evaluate, asked = BGNBD._objective(histories(table).patterns()), []

    def counted(values: Any) -> Evaluation:
        asked.append(values)
        return evaluate(values)

    scale = BGNBD._scale(float(T.mean()))
    start = scale * np.array(BGNBD._starts()[0])
    found = maximize(in_logs(counted), [start], scale, "BG/NBD")

    assert found.at_bound == (3,)
    assert found.decrement < 1e-9
    assert len(asked) < 75


def test_a_sample_is_every_kth_customer() -> None:
    """In proportion to the counts, in the order of the patterns, whatever the order of the rows."""
    table = {"frequency": [3, 0, 1], "recency": [5.0, 0.0, 2.0], "T": 9.0 * np.ones(3)}
    data = histories(table | {"count": [10, 1000, 90]}).patterns()
    sample = data.sample(110)

    assert sample.frequency.tolist() == [0, 1, 3]
    assert sample.customers.tolist() == [100, 9, 1]


values = st.one_of(
    st.integers(-3, 3).map(float), st.sampled_from([0.1, 0.25, 1e17, 38.857142857142854, np.inf])
)


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=60))
@settings(max_examples=200, deadline=None)
def test_grouped_rows_are_those_of_a_sort(rows: list[tuple[float, float, float]]) -> None:
    """Distinct rows, inverse and counts as NumPy's sort by columns gives them."""
    table = np.array(rows)
    columns, inverse, counts = unique_rows(*table.T)
    distinct, where, often = np.unique(table, axis=0, return_inverse=True, return_counts=True)

    assert (np.array(columns).T == distinct).all()
    assert (inverse == where.ravel()).all()
    assert (counts == often).all()


def test_many_columns_of_many_values_do_not_overflow() -> None:
    """Six columns of 20,000 values each: 6e25 combinations are more than a whole number holds."""
    table = np.random.default_rng(3).uniform(size=(20_000, 6)).round(5)
    columns, inverse, _ = unique_rows(*np.repeat(table, 2, axis=0).T)

    assert (np.array(columns)[:, inverse].T == np.repeat(table, 2, axis=0)).all()
    assert (np.array(columns).T == np.unique(table, axis=0)).all()


def test_few_nodes_are_as_good_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,000 random points over 8 orders of magnitude: within 1e-12 of a rule with finer steps."""
    rng = np.random.default_rng(21)
    t, s, A, a, B = 10 ** rng.uniform([-2, -4, -2, -4, -4], [4, 4, 4, 4, 4], (3000, 5)).T

    def means() -> Any:
        asked = (t, s, A, a, B)
        life = beta_geometric_ahead.life_if_alive(*asked)
        return np.array([beta_geometric_ahead.purchases_if_alive(*asked), life])

    few = means()
    for name, value in (("STEP", 0.25), ("DEPTH", 60.0), ("GAP", 6.0)):
        monkeypatch.setattr(f"crmlab.models.special.{name}", value)

    assert few == pytest.approx(means(), rel=1e-12, abs=0)


@pytest.mark.parametrize("kind", [BGNBD, MBGNBD, ParetoNBD], ids=lambda k: k.label)
def test_the_corners_of_the_search_overflow_nowhere(kind: Any) -> None:
    """Every parameter a factor of 22,026 from its natural size: finite, and without a warning."""
    scale = kind._scale(45.0)
    T = np.linspace(30.0, 60.0, 40)
    table = BGNBD(0.6, 8.0, 0.9, 2.5).simulate(T, seed=4).summarize(T)
    evaluate = kind._objective(histories(table).patterns())
    for corner in product((-10.0, 10.0), repeat=4):
        point = scale * np.exp(corner)
        found = evaluate(point)
        scores = kind(*point).det(0.003, 260.0, **table)

        assert all(np.isfinite(part).all() for part in (*found, scores))


AHEAD = Ahead(year=52.0, quarter=13.0, rate=0.003, horizon=260.0)


@pytest.mark.parametrize(
    "model",
    [
        BGNBD(0.3, 5.0, 0.8, 2.4), MBGNBD(2.0, 9.0, 0.02, 0.05), ParetoNBD(0.6, 8.0, 0.7, 10.0),
        BGCNBD(0.9, 3.0, 0.8, 2.4, 3),
    ],
    ids=lambda m: m.label,
)  # fmt: skip
def test_all_scores_at_once_are_those_one_by_one(model: Any) -> None:
    """To 1e-12, with a rule of their own or a common one."""
    T = np.linspace(1.0, 90.0, 400)
    history = {k: v for k, v in model.simulate(T, seed=4).summarize(T).items() if k != "log_gaps"}
    found = model.scores(AHEAD, **history)
    year, quarter, rate, horizon = AHEAD
    stays = model.survival_if_alive(quarter, **history)

    assert (found["p_alive"] == model.p_alive(**history)).all()
    assert (found["survival_next_quarter"] == stays).all()
    for name, expected in {
        "expected_purchases": model.expected_purchases(year, **history),
        "det": model.det(rate, horizon, **history),
        "expected_life": model.expected_life(horizon, **history),
    }.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, err_msg=name)


def test_scores_to_no_end_are_refused() -> None:
    """One by one they may be asked for; all at once share a finite horizon."""
    with pytest.raises(WrongParameter, match="'horizon' is inf"):
        BGNBD(0.3, 5.0, 0.8, 2.4).scores(
            AHEAD._replace(horizon=np.inf), frequency=1, recency=2.0, T=9.0
        )


def test_the_number_of_processors_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a fit to 150,000 patterns nor of their scores."""
    model = BGNBD(0.6, 8.0, 0.9, 2.5)
    T = np.random.default_rng(3).uniform(20.0, 80.0, 150_000)
    table = model.simulate(T, seed=4).summarize(T)
    fits, scores = [], []
    for processors in (1, 3):
        monkeypatch.setattr(parallel, "_processors", lambda n=processors: n)
        fits.append(BGNBD.fit(table).as_dict())
        some = {name: column[:30_000] for name, column in table.items()}
        scores.append(np.stack(list(model.scores(AHEAD, **some).values())))

    assert fits[0] == fits[1]
    assert (scores[0] == scores[1]).all()


def test_blocks_keep_their_order_and_what_numpy_was_told() -> None:
    """Threads know of numpy.errstate only what they are told."""

    def work(rows: slice) -> float:
        return rows.start + float(np.log(np.zeros(1))[0] == -np.inf)

    with np.errstate(divide="ignore"):
        found = parallel.in_blocks(work, 1000, 10)

    assert found == [10 * i + 1 for i in range(100)]
