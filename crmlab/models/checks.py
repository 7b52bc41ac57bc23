"""One suite that every purchase model must pass; users can run it on a model of their own.

Each check is a function of a model, and says in its docstring what is true. They use the public
methods only, and data simulated from the model itself.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crmlab.errors import InvalidHistory, NotEstimable
from crmlab.models.base import parameters, with_parameters
from crmlab.models.special import Array

CUSTOMERS = 800
SEED = 11
FALSE_ALARM = 4.5  # standard errors in comparisons with simulation: 7e-6 each


class CheckResult(NamedTuple):
    """What was checked, whether it holds, and if not, what was found."""

    check: str
    passed: bool
    found: str


Check = Callable[[Any], None]


def check_model(model: Any) -> list[CheckResult]:
    """Run every check on a model (an instance with parameters); warnings count as failures."""
    return [_run(check, model) for check in CHECKS]


def _run(check: Check, model: Any) -> CheckResult:
    claim = " ".join((check.__doc__ or check.__name__).split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check(model)
    except Exception as error:  # whatever a user's model does wrong is a finding, not a crash
        return CheckResult(claim, False, f"{type(error).__name__}: {error}")
    return CheckResult(claim, True, "")


def _need(holds: Any, found: str) -> None:
    if not np.all(holds):
        raise AssertionError(found)


def _close(ours: Any, truth: Any, rel: float, what: str) -> None:
    ours, truth = np.asarray(ours, dtype=float), np.asarray(truth, dtype=float)
    gap = np.abs(ours - truth) / np.maximum(np.abs(truth), 1e-300)
    worst = int(np.argmax(gap)) if gap.size else 0
    _need((gap <= rel) | (ours == truth), f"{what}: {ours.flat[worst]} against {truth.flat[worst]}")


def histories_of(model: Any, customers: int = CUSTOMERS, seed: int = SEED) -> dict[str, Array]:
    """A base simulated from the model: frequency, recency, T and log_gaps of customers who joined
    in turn.
    """
    T = np.linspace(30.0, 60.0, customers)
    bought = model.simulate(T, seed=seed)
    return {**bought.summarize(T), "log_gaps": bought.log_gaps(T)}


def _asked(table: dict[str, Array]) -> dict[str, Array]:
    """The columns that every question takes."""
    return {name: table[name] for name in ("frequency", "recency", "T")}


def _some(model: Any) -> dict[str, Array]:
    return {name: column[::16] for name, column in _asked(histories_of(model)).items()}


def probabilities_are_probabilities(model: Any) -> None:
    """P(alive) lies in [0, 1], falls with silence, and falls further ahead."""
    asked = _some(model)
    alive = model.p_alive(**asked)
    later = model.p_alive(**{**asked, "T": asked["T"] + 20})
    _need((alive >= 0) & (alive <= 1), "P(alive) outside [0, 1]")
    _need(later <= alive, "P(alive) rises while a customer is silent")
    _need(model.p_alive(**asked, ahead=10.0) <= alive, "P(alive) rises ahead of T")


def expectations_start_at_zero_and_flatten(model: Any) -> None:
    """Expected purchases are 0 at t = 0, grow, and grow ever more slowly; those of regular buyers,
    who are not due before some time has passed, from one long period to the next.
    """
    step = 10 if getattr(model, "k", 1) == 1 else 200
    for row in range(0, 50, 7):
        asked = {name: column[row] for name, column in _some(model).items()}
        ahead = model.expected_purchases(step * np.arange(10.0), **asked)
        _need(ahead[0] == 0, "not 0 at t = 0")
        _need(np.diff(ahead) >= 0, "falls with time")
        _need(np.diff(ahead, 2) <= 1e-10 * (1 + ahead[-1]), "not concave")


def counts_have_the_expected_mean(model: Any) -> None:
    """The pmf adds up to 1 and has the expectation as its mean, for known and new customers."""
    k = np.arange(1500)
    for row in (0, 20, 40):
        asked = {name: column[row] for name, column in _some(model).items()}
        pmf = model.pmf(k, 26.0, **asked)
        _close(pmf.sum(), 1.0, 1e-9, "sum of the pmf")
        _close(k @ pmf, model.expected_purchases(26.0, **asked), 1e-8, "mean of the pmf")
    new = model.pmf_new(k, 26.0)
    _close(new.sum(), 1.0, 1e-9, "sum of the pmf of a new customer")
    _close(k @ new, model.expected_purchases_new(26.0), 1e-8, "mean for a new customer")


def discounting_only_takes_away(model: Any) -> None:
    """At rate 0 the discounted expectation is the plain one; it falls with the rate."""
    asked = _some(model)
    plain = model.expected_purchases(50.0, **asked)
    _close(model.det(0.0, 50.0, **asked), plain, 1e-10, "det at rate 0")
    _need(model.det(0.01, 50.0, **asked) <= plain, "discounting adds")
    _need(model.dert(0.01, **asked) >= model.det(0.01, 50.0, **asked), "longer is less")
    _need(model.dert(0.02, **asked) <= model.dert(0.01, **asked), "a higher rate gives more")


def the_parts_of_a_forecast_make_the_whole(model: Any) -> None:
    """Life to the horizon is the integral of survival; purchases follow being alive."""
    nodes, weights = np.polynomial.legendre.leggauss(80)
    t = 13 * (nodes + 1)
    asked = {name: column[20] for name, column in _some(model).items()}
    alive = model.p_alive(**asked, ahead=t)
    _close(13 * weights @ alive, model.expected_life(26.0, **asked), 1e-9, "restricted life")


def simulation_agrees_with_formulas(model: Any) -> None:
    """Simulated histories and futures have the formulas' means (false alarm 7e-6 each)."""
    n = 40_000
    T = np.full(n, 26.0)
    bought = np.bincount(model.simulate(T, seed=SEED).customer, minlength=n)
    _near(bought, float(model.expected_purchases_new(26.0)), "purchases of new customers")
    for row in (0, 20, 40):
        asked = {name: column[row] for name, column in _some(model).items()}
        many = {name: np.full(n, value) for name, value in asked.items()}
        future = model.simulate_future(26.0, **many, seed=SEED)
        bought = np.bincount(future.customer, minlength=n)
        _near(bought, float(model.expected_purchases(26.0, **asked)), f"purchases given {asked}")


def _near(outcomes: Any, mean: float, what: str) -> None:
    # Rare purchases may all be missing from the draws: their variance is at least the mean.
    error = max(outcomes.std(), np.sqrt(mean)) / np.sqrt(len(outcomes)) + 1e-12
    _need(
        abs(outcomes.mean() - mean) < FALSE_ALARM * error,
        f"{what}: simulated {outcomes.mean():.5f} +- {error:.5f}, formula {mean:.5f}",
    )


def a_fit_is_a_new_value(model: Any) -> None:
    """Fitting changes neither the table nor the model, and twice gives the same bits."""
    table = histories_of(model)
    for column in table.values():
        column.flags.writeable = False
    first, second = type(model).fit(table), type(model).fit(table)
    _need(first.model == second.model, "two fits to the same table differ")
    _need(first.log_likelihood == second.log_likelihood, "two likelihoods differ")
    again = with_parameters(first.model, parameters(first.model))
    total = again.log_likelihood(**{c: table[c] for c in model.likelihood_columns}).sum()
    _close(first.log_likelihood, total, 1e-12, "log-likelihood of the fit")


def order_and_repetition_do_not_matter(model: Any) -> None:
    """Shuffled rows give the same fit; everybody twice gives twice the log-likelihood."""
    table = histories_of(model)
    order = np.random.default_rng(1).permutation(CUSTOMERS)
    once = type(model).fit(table)
    shuffled = type(model).fit({name: column[order] for name, column in table.items()})
    twice = type(model).fit({**table, "count": np.full(CUSTOMERS, 2)})
    _need(shuffled.model == once.model, "the order of the rows matters")
    _close(
        twice.log_likelihood, 2 * once.log_likelihood, 1e-12, "log-likelihood of everybody twice"
    )
    _close(parameters(twice.model), parameters(once.model), 1e-5, "estimate of everybody twice")


def the_time_unit_does_not_matter(model: Any) -> None:
    """Days instead of weeks: the same P(alive), and the likelihood of the same purchases."""
    table = histories_of(model)
    longer = table["frequency"] * np.log(7)
    days = {
        "frequency": table["frequency"],
        "recency": table["recency"] * 7,
        "T": table["T"] * 7,
        "log_gaps": table["log_gaps"] + longer,
    }
    weekly, daily = type(model).fit(table), type(model).fit(days)
    _close(daily.log_likelihood, weekly.log_likelihood - longer.sum(), 1e-10, "log-likelihood")
    gap = daily.model.p_alive(**_asked(days)) - weekly.model.p_alive(**_asked(table))
    _need(np.abs(gap) < 1e-5, "P(alive) depends on the unit")


def nobody_else_matters(model: Any) -> None:
    """A customer's scores do not depend on who else is asked, nor on the number type."""
    asked = _some(model)
    every = model.p_alive(**asked)
    alone = [model.p_alive(**{n: c[i] for n, c in asked.items()}) for i in range(len(every))]
    _need(every == np.array(alone, dtype=float), "alone and together differ")
    single = {n: c.astype(np.float32).astype(float) for n, c in asked.items()}
    narrow = {n: c.astype(np.float32) for n, c in asked.items()}
    _need(model.p_alive(**single) == model.p_alive(**narrow), "float32 gives other numbers")


def extremes_are_finite(model: Any) -> None:
    """No purchase and 2,000 of them, a purchase on the last day, a long silence, t = 0."""
    x = np.array([0, 0, 1, 2000, 2000, 3])
    t_x = np.array([0.0, 0.0, 40.0, 4000.0, 1.0, 0.001])
    T = np.array([0.0, 4000.0, 40.0, 4000.0, 4000.0, 4000.0])
    asked = {"frequency": x, "recency": t_x, "T": T}
    equal = x * np.log(np.maximum(t_x, 0.001) / np.maximum(x, 1))
    gaps = {"log_gaps": equal} if "log_gaps" in model.likelihood_columns else {}
    for value in (
        model.log_likelihood(**asked, **gaps), model.p_alive(**asked),
        model.expected_purchases(0.0, **asked), model.expected_purchases(4000.0, **asked),
        model.dert(0.0027, **asked), model.expected_life(260.0, **asked),
        model.pmf(0, 52.0, **asked), model.pmf(2000, 4000.0, **asked),
    ):  # fmt: skip
        _need(np.isfinite(value), f"not finite: {value}")


def impossible_histories_are_refused(model: Any) -> None:
    """Negative, fractional or missing values, and recency above T, are errors that name the row."""
    good = {"frequency": [2.0, 1.0], "recency": [5.0, 3.0], "T": [9.0, 9.0]}
    good["log_gaps"] = [float(np.log(2.0 * 3.0)), float(np.log(3.0))]
    bad = (("frequency", -1.0), ("frequency", 1.5), ("recency", 10.0), ("T", np.nan))
    for name, value in bad:
        table = {**good, name: [good[name][0], value]}
        for use in (type(model).fit, lambda t: model.p_alive(**_asked(t))):
            try:
                use(table)
            except InvalidHistory as error:
                _need("1 of 2" in str(error), f"does not count the offenders: {error}")
            else:
                raise AssertionError(f"{name} = {value} was accepted")


def what_cannot_be_estimated_is_refused(model: Any) -> None:
    """An empty table and one without repeat buyers are refused, not fitted."""
    for n in (0, 1, 25):
        none = np.zeros(n)
        table = {"frequency": none, "recency": none, "T": np.full(n, 9.0), "log_gaps": none}
        try:
            type(model).fit(table)
        except NotEstimable:
            continue
        raise AssertionError(f"a table of {n} one-time buyers was fitted")


def a_fit_survives_its_file(model: Any) -> None:
    """Saved as JSON and loaded, a fit predicts the same to the bit."""
    from crmlab.models.storage import load_fit

    fit, asked = type(model).fit(histories_of(model)), _some(model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.json"
        fit.to_json(path)
        back = load_fit(path)
    _need(back.model == fit.model, "another model came back")
    same = back.model.expected_purchases(52.0, **asked) == fit.model.expected_purchases(
        52.0, **asked
    )
    _need(same, "predictions differ")
    _need(back.covariance == fit.covariance, "another covariance came back")


CHECKS: tuple[Check, ...] = (
    probabilities_are_probabilities,
    expectations_start_at_zero_and_flatten,
    counts_have_the_expected_mean,
    discounting_only_takes_away,
    the_parts_of_a_forecast_make_the_whole,
    simulation_agrees_with_formulas,
    a_fit_is_a_new_value,
    order_and_repetition_do_not_matter,
    the_time_unit_does_not_matter,
    nobody_else_matters,
    extremes_are_finite,
    impossible_histories_are_refused,
    what_cannot_be_estimated_is_refused,
    a_fit_survives_its_file,
)
