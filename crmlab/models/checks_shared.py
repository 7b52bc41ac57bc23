"""What holds for every model, whatever it is a model of; and how a check says what it found.

Each check is a function of a model and of the suite of its kind, which knows how to simulate a
table from it. They use the public methods only, and say in their docstring what is true.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from crmlab.errors import InvalidHistory, NotEstimable, WrongParameter
from crmlab.models.estimates import names, parameters
from crmlab.models.special import Array

SEED = 11
FALSE_ALARM = 4.5  # standard errors in comparisons with simulation: 7e-6 each

Table = Mapping[str, Array]
Check = Callable[[Any], None]


class Suite(NamedTuple):
    """How the models of one kind are checked.

    `table` simulates data from a model, as its fit takes them; `twice` is such a table with
    everybody in it twice. `scores` are predictions for the rows of a table, `total` its
    log-likelihood. Each table of `impossible` has one impossible row; those of `thin` do not
    settle the parameters. `checks` are those that only this kind has.
    """

    table: Callable[[Any], Table]
    twice: Callable[[Table], Table]
    scores: Callable[[Any, Table], Array]
    total: Callable[[Any, Table], float]
    impossible: tuple[Table, ...]
    thin: tuple[Table, ...]
    checks: tuple[Check, ...]


def need(holds: Any, found: str) -> None:
    """Raise AssertionError, saying what was found, unless all of `holds` is true."""
    if not np.all(holds):
        raise AssertionError(found)


def close(ours: Any, truth: Any, rel: float, what: str) -> None:
    """Raise AssertionError with the worst pair unless all agree to `rel`."""
    ours, truth = np.broadcast_arrays(np.asarray(ours, float), np.asarray(truth, float))
    gap = np.abs(ours - truth) / np.maximum(np.abs(truth), 1e-300)
    worst = int(np.argmax(gap)) if gap.size else 0
    need((gap <= rel) | (ours == truth), f"{what}: {ours.flat[worst]} against {truth.flat[worst]}")


def near(outcomes: Any, mean: float, what: str, least: float = 0.0) -> None:
    """Raise AssertionError unless simulated outcomes have this mean, up to chance.

    Their standard deviation is known to be at least `least`.
    """
    error = max(outcomes.std(), least) / np.sqrt(len(outcomes))
    need(
        abs(outcomes.mean() - mean) <= FALSE_ALARM * error,
        f"{what}: simulated {outcomes.mean():.5f} +- {error:.5f}, formula {mean:.5f}",
    )


def refused(use: Callable[[Any], Any], given: Any, error: type[Exception]) -> str:
    """The message with which `use` refuses what is given; AssertionError where it does not."""
    try:
        use(given)
    except error as refusal:
        return str(refusal)
    raise AssertionError(f"{given} was accepted")


def rows(table: Table, which: Any) -> Table:
    """Some rows of a table, in the order given."""
    return {name: column[which] for name, column in table.items()}


def a_fit_is_a_new_value(model: Any, suite: Suite) -> None:
    """Fitting changes neither the table nor the model, and twice gives the same bits."""
    table = suite.table(model)
    for column in table.values():
        column.flags.writeable = False
    first, second = type(model).fit(table), type(model).fit(table)
    need(first.model == second.model, "two fits to the same table differ")
    need(first.log_likelihood == second.log_likelihood, "two likelihoods differ")
    close(first.log_likelihood, suite.total(first.model, table), 1e-12, "log-likelihood of the fit")


def order_and_repetition_do_not_matter(model: Any, suite: Suite) -> None:
    """Shuffled rows give the same fit; everybody twice gives the same estimate, twice the
    log-likelihood and half the variance.
    """
    table = suite.table(model)
    size = len(next(iter(table.values())))
    order = np.random.default_rng(1).permutation(size)
    once, shuffled = type(model).fit(table), type(model).fit(rows(table, order))
    twice = type(model).fit(suite.twice(table))
    need(shuffled.model == once.model, "the order of the rows matters")
    need(twice.customers == 2 * once.customers, "everybody twice are not twice as many")
    close(twice.log_likelihood, 2 * once.log_likelihood, 1e-12, "log-likelihood of everybody twice")
    close(parameters(twice.model), parameters(once.model), 1e-5, "estimate of everybody twice")
    if once.diagnosis.status == "converged":
        close(2 * twice.covariance, once.covariance, 1e-4, "variance of everybody twice")


def nobody_else_matters(model: Any, suite: Suite) -> None:
    """A row's scores do not depend on which other rows are asked for, nor on their order; beyond
    rounding (1e-13), as an integral may take more nodes for another row's sake.
    """
    table = suite.table(model)
    size = len(next(iter(table.values())))
    some = np.arange(0, size, max(1, size // 50))
    every = suite.scores(model, rows(table, some))
    alone = [suite.scores(model, rows(table, [i]))[0] for i in some]
    backwards = suite.scores(model, rows(table, some[::-1]))[::-1]
    close(alone, every, 1e-13, "alone and together")
    need(every == backwards, "the order matters")


def a_fit_survives_its_file(model: Any, suite: Suite) -> None:
    """Saved as JSON and loaded, a fit predicts the same to the bit."""
    from crmlab.models.storage import load_fit

    table = suite.table(model)
    fit = type(model).fit(table)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.json"
        fit.to_json(path)
        back = load_fit(path, kinds=[type(model)])
    need(back.model == fit.model, "another model came back")
    need(suite.scores(back.model, table) == suite.scores(fit.model, table), "predictions differ")
    need(back.covariance == fit.covariance, "another covariance came back")
    need(back.diagnosis == fit.diagnosis, "another diagnosis came back")


def impossible_rows_are_refused(model: Any, suite: Suite) -> None:
    """Impossible rows are refused with their number and the first of them, never fitted."""
    for table in suite.impossible:
        told = refused(type(model).fit, table, InvalidHistory)
        size = len(next(iter(table.values())))
        need(f"1 of {size}" in told and "first:" in told, f"does not name the offender: {told}")


def what_cannot_be_estimated_is_refused(model: Any, suite: Suite) -> None:
    """Tables that do not settle the parameters, the empty one among them, are not fitted."""
    for table in suite.thin:
        told = refused(type(model).fit, table, NotEstimable)
        need(model.label in told, f"does not name the model: {told}")


def impossible_parameters_are_refused(model: Any, suite: Suite) -> None:  # noqa: ARG001
    """A parameter that is no finite number is refused by its name."""
    for name in names(model):
        for value in (np.nan, np.inf):
            told = refused(
                lambda change: dataclasses.replace(model, **change), {name: value}, WrongParameter
            )
            need(f"'{name}'" in told, f"does not name the parameter: {told}")


SHARED: Iterable[Callable[[Any, Suite], None]] = (
    a_fit_is_a_new_value,
    order_and_repetition_do_not_matter,
    nobody_else_matters,
    a_fit_survives_its_file,
    impossible_rows_are_refused,
    what_cannot_be_estimated_is_refused,
    impossible_parameters_are_refused,
)
