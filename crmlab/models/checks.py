"""One suite for every model of the catalogue, which users can run on a model of their own.

Each check is a function of a model, and says in its docstring what is true. What is checked
depends on what the model is asked with; `checks_shared` has what holds for all of them.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from crmlab.errors import WrongParameter
from crmlab.models import checks_contracts, checks_opportunities, checks_purchases, checks_spend
from crmlab.models.checks_shared import SHARED, Suite

SUITES: dict[tuple[str, ...], Suite] = {
    ("frequency", "recency", "T"): checks_purchases.SUITE,
    ("frequency", "recency", "n"): checks_opportunities.SUITE,
    ("frequency", "monetary_value"): checks_spend.SUITE,
    ("table",): checks_contracts.SUITE,
}
"""The suites by what a model's log_likelihood must be asked with, if not with more."""


class CheckResult(NamedTuple):
    """What was checked, whether it holds, and if not, what was found."""

    check: str
    passed: bool
    found: str


def check_model(model: Any) -> list[CheckResult]:
    """Run every check that is defined for a model (an instance with parameters) of its kind.

    A warning counts as a failure. Raises WrongParameter for what is no model of a known kind.
    """
    suite = _suite(model)
    shared = [_run(check, model, suite) for check in SHARED]
    return shared + [_run(check, model) for check in suite.checks]


def _suite(model: Any) -> Suite:
    likelihood = getattr(model, "log_likelihood", None)
    given = inspect.signature(likelihood).parameters.values() if likelihood else ()
    asked = {p.name for p in given if p.default is p.empty}
    for names, suite in SUITES.items():
        if asked.issuperset(names) and "self" not in asked:
            return suite
    known = " or ".join(f"log_likelihood({', '.join(names)})" for names in SUITES)
    raise WrongParameter("model", model, f"a model with parameters that has {known}")


def _run(check: Callable[..., None], *given: Any) -> CheckResult:
    claim = " ".join((check.__doc__ or check.__name__).split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check(*given)
    except Exception as error:  # whatever a user's model does wrong is a finding, not a crash
        return CheckResult(claim, False, f"{type(error).__name__}: {error}")
    return CheckResult(claim, True, "")
