"""Fits to and from the package lifetimes, whose parameters mean the same."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from crmlab.errors import WrongParameter
from crmlab.models.base import Diagnosis, Fit
from crmlab.models.bg_nbd import BGNBD
from crmlab.models.estimates import names, parameters
from crmlab.models.gamma_gamma import GammaGamma
from crmlab.models.mbg_nbd import MBGNBD
from crmlab.models.pareto_nbd import ParetoNBD

PAIRS: dict[str, type[Any]] = {
    "BetaGeoFitter": BGNBD,
    "ModifiedBetaGeoFitter": MBGNBD,
    "ParetoNBDFitter": ParetoNBD,
    "GammaGammaFitter": GammaGamma,
}


def from_lifetimes(fitter: Any) -> Fit[Any]:
    """The model of a fitted lifetimes object. Its log-likelihood is not taken over: lifetimes
    gives a mean or a sum over rescaled data; covariance and customers are unknown too (nan, 0).

    Raises WrongParameter for a class that has no counterpart here or that was not fitted.
    """
    kind = PAIRS.get(type(fitter).__name__)
    found = getattr(fitter, "params_", None)
    if kind is None or found is None:
        expected = "a fitted " + ", ".join(PAIRS)
        raise WrongParameter("fitter", type(fitter).__name__, expected)
    model = kind(**{name: float(value) for name, value in dict(found).items()})
    size = len(names(model))
    told = Diagnosis("from lifetimes", float("nan"), 0, 0)
    covariance = np.full((size, size), np.nan)
    return Fit(model, covariance, float("nan"), 0, None, "", told)


def to_lifetimes(fit: Fit[Any]) -> Any:
    """A lifetimes object with the fit's parameters. Raises WrongParameter without a counterpart."""
    name = next((n for n, kind in PAIRS.items() if isinstance(fit.model, kind)), None)
    if name is None:
        raise WrongParameter("model", type(fit.model).__name__, "one that lifetimes has")
    with warnings.catch_warnings():  # its import warns, and sets an option of pandas for everybody
        warnings.simplefilter("ignore")
        import lifetimes
        import pandas as pd
    fitter = getattr(lifetimes, name)()
    fitter.params_ = pd.Series(parameters(fit.model), index=names(fit.model))
    return fitter
