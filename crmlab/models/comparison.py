"""Which of two fits to keep: is the larger model's gain more than chance?"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from scipy.special import chdtrc

from crmlab.errors import WrongParameter
from crmlab.models.base import Fit
from crmlab.models.estimates import title

ROUNDING = 1e-6  # two optima may differ by this much of log-likelihood and be the same


class LikelihoodRatio(NamedTuple):
    """Twice the gain in log-likelihood, the parameters it took, and its p value.

    `p_value` is the chance of at least this gain if the smaller model is true.
    """

    statistic: float
    degrees: int
    p_value: float


def likelihood_ratio_test(simple_fit: Fit[Any], full_fit: Fit[Any]) -> LikelihoodRatio:
    """Test whether a model fits better than one that it contains, both fitted to the same data.

    For example SBG against BdW (does a customer's own retention move with tenure?), or a model
    without covariates against the same with them. The p value is that of chi-square with as many
    degrees of freedom as there are further parameters: for large samples, and too large (so, too
    careful) where the smaller model lies at the limit of a parameter of the larger one.
    Raises WrongParameter where the fits cannot be compared.
    """
    degrees = len(full_fit.covariance) - len(simple_fit.covariance)
    gain = full_fit.log_likelihood - simple_fit.log_likelihood
    small, large = (title(fit.model) for fit in (simple_fit, full_fit))
    if full_fit.customers != simple_fit.customers or full_fit.unit != simple_fit.unit:
        found = f"{large} on {full_fit.customers} customers (time unit: {full_fit.unit})"
        expected = f"a fit to the data of {small}: {simple_fit.customers} ({simple_fit.unit})"
        raise WrongParameter("full_fit", found, expected)
    if math.isnan(gain):
        found = (
            f"a pair with log-likelihoods {simple_fit.log_likelihood}, {full_fit.log_likelihood}"
        )
        raise WrongParameter("full_fit", found, "fits whose log-likelihoods are known")
    if degrees < 1:
        raise WrongParameter("full_fit", large, f"a model with more parameters than {small}")
    if gain < -ROUNDING:
        expected = f"a model that contains {small}; this one fits worse by {-gain:.3g}"
        raise WrongParameter("full_fit", large, expected)
    statistic = 2 * max(gain, 0.0)
    return LikelihoodRatio(statistic, degrees, float(chdtrc(degrees, statistic)))
