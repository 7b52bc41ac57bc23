"""The shared suite on every model of the catalogue, and that it finds what is wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import (
    BGBB,
    BGCNBD,
    BGNBD,
    MBGCNBD,
    MBGNBD,
    SBG,
    BdW,
    GammaGamma,
    ParetoNBD,
)  # fmt: skip
from crmlab.errors import WrongParameter
from crmlab.models.catalogue import MODELS, PURCHASE_MODELS
from crmlab.models.checks import check_model
from crmlab.models.checks_purchases import histories_of
from crmlab.models.checks_shared import SHARED

TYPICAL = {
    "bg-cnbd": BGCNBD(0.243, 1.471, 0.793, 2.426, k=3),
    "mbg-cnbd": MBGCNBD(0.525, 3.092, 0.891, 1.614, k=2),
    "bg-nbd": BGNBD(0.243, 4.414, 0.793, 2.426),
    "mbg-nbd": MBGNBD(0.525, 6.183, 0.891, 1.614),
    "pareto-nbd": ParetoNBD(0.553, 10.578, 0.606, 11.669),
}
OTHERS = {
    "GammaGamma": GammaGamma(6.25, 3.74, 15.44),
    "BGBB": BGBB(1.204, 0.75, 0.657, 2.783),
    "SBG": SBG(0.668, 3.806),
    "BdW": BdW(0.259, 1.723, 1.584),
}
EXAMPLES = {type(model).__name__: model for model in TYPICAL.values()} | OTHERS
"""A model of each class of the catalogue, at published parameters."""


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_of_the_catalogue_passes(name: str) -> None:
    """All checks of its kind, none skipped; a model without an example here fails."""
    results = check_model(EXAMPLES[name])

    assert [r for r in results if not r.passed] == []
    assert len(results) >= len(SHARED) + 5
    assert len({r.check for r in results}) == len(results)


def test_the_suite_finds_a_wrong_expectation() -> None:
    """A model whose forecasts are 5 % too high fails the checks that must see it."""

    @dataclasses.dataclass(frozen=True)
    class Hopeful(BGNBD):
        def _purchases(self, t: Any, x: Any, T: Any) -> Any:
            return 1.05 * super()._purchases(t, x, T)

    failed = {r.check for r in check_model(Hopeful(0.243, 4.414, 0.793, 2.426)) if not r.passed}

    assert any("pmf" in check for check in failed)
    assert any("Simulated histories" in check for check in failed)
    assert not any("JSON" in check for check in failed)  # a model of one's own can be loaded


def failures(model: Any) -> str:
    """The claims that a model fails, in one text."""
    return " ".join(r.check + r.found for r in check_model(model) if not r.passed)


def test_the_suite_finds_faults_in_models_of_every_kind() -> None:
    """Too high, moved by the order of rows, said of the wrong row, or accepted though impossible:
    each fault is found by the check that is there for it.
    """

    class Generous(GammaGamma):
        def expected_spend(self, **seen: Any) -> Any:
            return 1.05 * super().expected_spend(**seen)

    class Neighbourly(BGBB):
        def expected_purchases(self, n_future: Any, **history: Any) -> Any:
            found = super().expected_purchases(n_future, **history)
            return found + 1e-6 * found.mean()

    class Loyal(SBG):
        def survival(self, n: Any) -> Any:
            return super().survival(n) ** 0.99

    class Careless(MBGNBD):
        @classmethod
        def fit(cls, table: Any) -> Any:
            return super().fit({**table, "frequency": np.abs(table["frequency"])})

    assert "everybody" in failures(Generous(6.25, 3.74, 15.44))
    assert "alone and together" in failures(Neighbourly(1.204, 0.75, 0.657, 2.783))
    assert "product of the retention rates" in failures(Loyal(0.668, 3.806))
    assert "was accepted" in failures(Careless(0.525, 6.183, 0.891, 1.614))


def test_what_is_no_model_is_refused_with_what_is_expected() -> None:
    """A class without parameters, or something else altogether."""
    for wrong in (BGNBD, 5, "bg-nbd"):
        with pytest.raises(WrongParameter, match=r"expected a model with parameters that has"):
            check_model(wrong)


@pytest.mark.parametrize("name", sorted(PURCHASE_MODELS))
@pytest.mark.parametrize("dtype", ["float32", "Int64", "int32", "Float64", "double[pyarrow]"])
def test_number_types_do_not_matter(name: str, dtype: str) -> None:
    """Nullable, narrow and Arrow-backed columns give the fit of plain ones."""
    table = pd.DataFrame(histories_of(TYPICAL[name], customers=200))
    plain = type(TYPICAL[name]).fit(table)
    frequency = table["frequency"].astype(dtype)
    other = type(TYPICAL[name]).fit(table.assign(frequency=frequency))

    assert other.model == plain.model


def test_the_face_has_the_family() -> None:
    """The names that the documentation uses."""
    for name in ("BGNBD", "MBGNBD", "ParetoNBD", "check_model", "load_fit", "from_lifetimes"):
        assert callable(getattr(crmlab, name))


def test_a_base_without_dropout_says_so() -> None:
    """Case 04 of the hard cases in small: an NBD without dropout."""
    rng = np.random.default_rng(4)
    rate = rng.gamma(0.5, 1 / 5.0, 1500)
    x = rng.poisson(rate * 40)
    recency = np.where(x > 0, 40 * rng.random(1500) ** (1 / np.maximum(x, 1)), 0.0)
    table = {"frequency": x, "recency": recency, "T": np.full(1500, 40.0)}
    for kind in (BGNBD, MBGNBD, ParetoNBD):
        fit = kind.fit(table)
        if fit.diagnosis.status == "boundary":
            assert "This data shows no dropout." in fit.diagnosis.findings
            errors = fit.summary()["standard_error"]
            assert errors[list(fit.diagnosis.at_boundary)].isna().all()
            break
    else:
        pytest.fail("no model saw that nobody drops out")


def test_equal_buyers_are_not_identified() -> None:
    """Everybody alike: the likelihood has a ridge, and the diagnosis names its parameters."""
    T = np.full(1500, 40.0)
    rng = np.random.default_rng(8)
    x = rng.poisson(4.0, 1500)
    recency = np.where(x > 0, 40 * rng.random(1500) ** (1 / np.maximum(x, 1)), 0.0)
    fit = BGNBD.fit({"frequency": x, "recency": recency, "T": T})

    assert fit.diagnosis.status in ("boundary", "not identified")
    assert {"r", "alpha"} & (set(fit.diagnosis.at_boundary) | set(fit.diagnosis.loose))
    assert "All customers buy at the same rate." in fit.diagnosis.findings
