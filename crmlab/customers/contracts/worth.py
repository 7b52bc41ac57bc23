"""What contracts are still worth, by tenure, and what it costs to think all customers alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from crmlab.customers.contracts.watched import constant_retention
from crmlab.customers.intervals import Interval, drawn_interval, interval, is_clear, parameter_sd
from crmlab.errors import NotEstimable, UnusableCovariate, WrongParameter
from crmlab.intake.contracts import Contracts
from crmlab.models.base import Fit
from crmlab.models.contractual import AbstractContractual
from crmlab.models.special import Array, Counts
from crmlab.units import continuous_rate, units_per_year

DRAWS = 200
NEGLIGIBLE = 1e-10
"""A discounted tail shorter than this share of a period is not looked at when chance is added."""


@dataclasses.dataclass(frozen=True)
class ContractTerms:
    """What the value of a contract rests on beside the data.

    `margin` a period and contract: a figure, or the name of a covariate that holds it, already
    less the cost to serve. `discount_rate` is effective, a year, 0 or more. `horizon_years`: as
    far as value is counted, None is to the end. Raises WrongParameter for a rate below 0.
    """

    margin: float | str
    discount_rate: float
    horizon_years: float | None = None

    def __post_init__(self) -> None:
        continuous_rate(self.discount_rate, "year")  # raises for a rate below 0

    def rate(self, period: str) -> float:
        """The discount rate a period."""
        return float(np.expm1(continuous_rate(self.discount_rate, period)))

    def payments(self, period: str) -> int | None:
        """How many payments lie within the horizon: at 0, 1, ... periods from now."""
        if self.horizon_years is None:
            return None
        if not self.horizon_years > 0:
            raise WrongParameter("horizon_years", self.horizon_years, "years, more than 0")
        return int(np.ceil(self.horizon_years * units_per_year(period) - 1e-9))


def expected_payments(
    model: AbstractContractual, rate: float, renewals: Counts, payments: int | None = None
) -> Array:
    """Discounted periods still to come just before renewal n, of the next `payments` (None: all).

    Sum over j >= 0 of S(n + j) / S(n - 1) (1 + rate)^-j, n in `renewals` >= 1: the next period is
    paid for, if at all, at once (Fader & Hardie 2010). Raises NotDefined where it is infinite.
    """
    if payments is None:
        return model.discounted_expected_residual_lifetime(rate, renewals=renewals)
    chance = _stays(model, renewals, payments)
    return np.asarray(chance @ (1 + rate) ** -np.arange(payments, dtype=float))


def _stays(model: AbstractContractual, renewals: Counts, payments: int) -> Array:
    """Probability that payment j = 0, 1, ... is made (renewals x payments)."""
    more = np.arange(1, payments + 1)
    grid = np.broadcast_arrays(renewals[:, None] - 1, more[None, :])
    return model.expected_survivors(np.ones(grid[0].shape), grid[1], tenure=grid[0])


def kept_payments(
    model: AbstractContractual, rate: float, renewals: Counts, payments: int | None = None
) -> Array:
    """Discounted periods that keeping all who would leave at renewal n brings, a customer who
    comes up for it, of the next `payments` (None: all).

    Once kept they go on as they would: they leave more easily than the others.
    """
    count = payments or _enough(rate)
    ahead = np.arange(count)
    gained = model.kept_at_renewal(ahead[None, :], tenure=renewals[:, None] - 1)
    return np.asarray(gained @ (1 + rate) ** -ahead.astype(float))


def constant_payments(retention: float, rate: float) -> float:
    """The same where every customer stays at each renewal with probability `retention`."""
    if not 0 <= retention <= 1 or retention >= 1 + rate:
        raise WrongParameter("retention", retention, "a probability below 1 + the discount rate")
    return retention * (1 + rate) / (1 + rate - retention)


def price_of_alike(
    model: AbstractContractual, retention: float, *, rate: float, margin: float = 1.0,
    renewals: Sequence[int] = (1, 2, 5),
) -> pd.DataFrame:  # fmt: skip
    """Residual value just before some renewals: with differences between customers, and without.

    Columns value (`margin` x discounted periods to come), constant (all stay with probability
    `retention`), difference (value less constant) and share (difference / value). `rate` a period.
    """
    n = np.asarray(renewals)
    value = margin * expected_payments(model, rate, n)
    constant = margin * constant_payments(retention, rate)
    table = pd.DataFrame({"value": value, "constant": constant}, index=pd.Index(n, name="renewal"))
    return table.assign(difference=table["value"] - constant, share=1 - constant / table["value"])


def residual_by_tenure(
    fit: Fit[Any], given: ContractTerms, *, tenures: Sequence[int], level: float = 0.95,
    seed: int = 1997,
) -> pd.DataFrame:  # fmt: skip
    """What one contract is still worth just before its next renewal, by renewals passed.

    Columns retention_next (probability of passing that renewal), periods (discounted ones to
    come), value (`margin` times them) and its confidence limits lower and upper (what the
    parameters leave open). Raises WrongParameter for a margin that is no figure.
    """
    if isinstance(given.margin, str) or fit.unit is None:
        found = given.margin if fit.unit else "a fit without its unit of time"
        raise WrongParameter("margin", found, "one figure, and a fit made by fit_contracts")
    rate, payments = given.rate(fit.unit), given.payments(fit.unit)
    renewals = np.asarray(tenures, dtype=np.int64) + 1
    drawn = fit.draws(DRAWS, seed=seed).parameters
    models = [type(fit.model)(*values) for values in drawn]
    spread = np.array([expected_payments(model, rate, renewals, payments) for model in models])
    limits = np.quantile(given.margin * spread, [(1 - level) / 2, (1 + level) / 2], axis=0)
    periods = expected_payments(fit.model, rate, renewals, payments)
    columns = {
        "retention_next": fit.model.retention_rate(renewals), "periods": periods,
        "value": given.margin * periods, "lower": limits[0], "upper": limits[1],
    }  # fmt: skip
    return pd.DataFrame(columns, index=pd.Index(renewals - 1, name="tenure"))


@dataclasses.dataclass(frozen=True)
class ContractEquity:
    """What the running contracts are still worth.

    `customers`: of each running contract its customer_id, tenure, margin and residual_value.
    `by_tenure`: customers, retention_next (probability of passing the next renewal), periods
    (discounted ones to come), value and constant_value (as if all were alike). `total`: with its
    prediction interval (parameters, curve and chance); `constant_total`: as if all were alike.
    """

    customers: pd.DataFrame
    by_tenure: pd.DataFrame
    total: Interval
    constant_total: float


def contract_equity(
    contracts: Contracts, fit: Fit[Any], given: ContractTerms, *, rivals: Sequence[Fit[Any]] = (),
    level: float = 0.95, seed: int = 1997,
) -> ContractEquity:  # fmt: skip
    """Value of the running contracts, each just before its next renewal.

    The period that runs has been paid for and is not in it. `rivals` are fits of other curves to
    the same contracts: as far as the data do not rule them out, the limits of the total hold what
    it would be by them. Raises NotEstimable where none runs.
    """
    rate, payments = given.rate(contracts.period), given.payments(contracts.period)
    running = contracts.table[contracts.table["running"]]
    if running.empty:
        raise NotEstimable("The value of contracts", "none is running", "Give running ones, too.")
    margin = _margins(running, given.margin)
    tenures, which = np.unique(running["tenure"].to_numpy(), return_inverse=True)
    periods = expected_payments(fit.model, rate, tenures + 1, payments)
    customers = running[["customer_id", "tenure"]].assign(
        margin=margin, residual_value=margin * periods[which]
    )
    worth = np.bincount(which, weights=margin)
    alike = _constant(constant_retention(contracts), rate, payments)
    by_tenure = pd.DataFrame(
        {
            "customers": np.bincount(which),
            "retention_next": fit.model.retention_rate(tenures + 1),
            "periods": periods,
            "value": worth * periods,
            "constant_value": worth * alike,
        },
        index=pd.Index(tenures, name="tenure"),
    )
    squares = np.bincount(which, weights=margin**2)
    chance = np.sqrt(squares @ _variances(fit.model, rate, tenures + 1, payments))

    def total(model: Any) -> float:
        return float(worth @ expected_payments(model, rate, tenures + 1, payments))

    make = _signed_interval if (margin <= 0).any() else _interval
    limits = make([fit, *rivals], total, float(chance), level, seed)
    return ContractEquity(customers, by_tenure, limits, float(worth.sum() * alike))


def _margins(running: pd.DataFrame, margin: float | str) -> Array:
    if not isinstance(margin, str):
        return np.full(len(running), float(margin))
    if margin not in running or not pd.api.types.is_numeric_dtype(running[margin]):
        raise WrongParameter("margin", margin, "a figure, or the name of a covariate of numbers")
    missing = running[running[margin].isna()]
    if len(missing):
        found = f"{len(missing):,} running contracts have none (first: customer "
        found += f"{missing.iloc[0]['customer_id']!r})"
        raise UnusableCovariate(margin, found, "Fill them in; a contract without margin has 0.")
    out: Array = running[margin].to_numpy(dtype=float)
    return out


def _constant(retention: float, rate: float, payments: int | None) -> float:
    if payments is None:
        return constant_payments(retention, rate)
    ahead = np.arange(payments, dtype=float)
    return float((retention ** (ahead + 1) * (1 + rate) ** -ahead).sum())


def _variances(
    model: AbstractContractual, rate: float, renewals: Counts, payments: int | None
) -> Array:
    """Variance of one contract's realised discounted payments, by renewal.

    Who makes k payments in all has a_k = sum of (1 + rate)^-j, j < k. By parts, E[a^2] is the sum
    of P(payment j is made) (a_{j+1}^2 - a_j^2).
    """
    count = payments or _enough(rate)
    chance = _stays(model, renewals, count)
    annuity = np.append(0.0, np.cumsum((1 + rate) ** -np.arange(count, dtype=float)))
    mean = chance @ np.diff(annuity)
    out: Array = np.maximum(chance @ np.diff(annuity**2) - mean**2, 0.0)
    return out


def _enough(rate: float) -> int:
    """Payments after which the rest is negligible."""
    if rate <= 0:
        remedy = "a rate above 0, or a horizon: chance is added up to where nothing counts"
        raise WrongParameter("discount_rate", rate, remedy)
    return int(np.ceil(np.log(NEGLIGIBLE * rate / (1 + rate)) / -np.log1p(rate)))


Fits: TypeAlias = Sequence[Fit[Any]]
"""The fit that values rest on, and its rivals."""


def _interval(fits: Fits, total: Any, chance: float, level: float, seed: int) -> Interval:
    fit, draws = fits[0], _draws_of(fits)
    mean = total(fit.model)
    if is_clear(fit) and draws[0] == sum(draws):
        return interval(mean, float(parameter_sd(fit, total)), chance, level)
    totals = _drawn(fits, draws, total, seed)
    return drawn_interval(mean, totals, chance, level, np.random.default_rng([seed, 5]))


def _signed_interval(fits: Fits, total: Any, chance: float, level: float, seed: int) -> Interval:
    """The same of a total that may be below zero: on its own scale, cut nowhere."""
    totals = _drawn(fits, _draws_of(fits), total, seed)
    outcomes = totals + chance * np.random.default_rng([seed, 5]).standard_normal(len(totals))
    lower, upper = np.quantile(outcomes, [(1 - level) / 2, (1 + level) / 2])
    return Interval(total(fits[0].model), float(lower), float(upper), float(totals.std()), chance)


def akaike_weights(fits: Fits) -> Array:
    """The weight of each fit to the same data, a share of 1: exp(-AIC / 2) over the sum of all.

    Burnham & Anderson 2002, section 2.9.
    """
    aic = np.array([fit.aic for fit in fits])
    weight = np.exp((aic.min() - aic) / 2)
    return np.asarray(weight / weight.sum())


def _draws_of(fits: Fits) -> list[int]:
    """How many draws each fit has a right to by its weight; one of hardly any weight has none."""
    return [int(n) for n in np.rint(DRAWS * akaike_weights(fits))]


def _drawn(fits: Fits, draws: Sequence[int], total: Any, seed: int) -> Array:
    """The total by curves drawn from what the data leave open: parameters, and which curve."""
    return np.array(
        [
            total(type(fit.model)(*values))
            for fit, n in zip(fits, draws, strict=True)
            if n
            for values in _some(fit.draws(DRAWS, seed=seed).parameters, n)
        ]
    )


def _some(parameters: Array, n: int) -> Array:
    """`n` of the draws, evenly from all: the whole lot has been drawn for other limits too."""
    chosen: Array = parameters[np.linspace(0, len(parameters) - 1, n).round().astype(int)]
    return chosen
