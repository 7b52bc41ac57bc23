"""What every model shares: a fit, as a value."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from crmlab.models.estimates import coordinates, described, estimates, fixed, names, title
from crmlab.models.fitting import Optimum
from crmlab.models.special import Array, Counts

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from crmlab.models.covariates import Covariates
    from crmlab.models.draws import Draws

NO_DROPOUT = "This data shows no dropout."
NORMAL_975 = 1.959963984540054  # half-width of a 95 % interval in standard errors


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """How far an estimate can be relied on.

    `status` is 'converged', 'boundary' (the data push the parameters `at_boundary` to the limits
    of the search) or 'not identified' (the parameters `loose` can change together and the
    likelihood hardly does). Forecasts hold in all three; in the last two the parameters named mean
    little. `findings` says in words what the data lack. `decrement` is the Newton decrement, in
    units of log-likelihood.
    """

    status: str
    decrement: float
    agreeing_starts: int
    starts: int
    at_boundary: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()


M = TypeVar("M")


@dataclasses.dataclass(frozen=True)
class Fit(Generic[M]):
    """A model estimated from data. Nothing in it changes; a new fit is a new value.

    `covariance` is that of the log-parameters (coefficients of covariates as they are);
    `log_likelihood` is on the data's own scale (nan where it is not known);
    `unit` is the data's time unit (None where unknown); `fingerprint` tells the data apart;
    `data` are the patterns that were fitted (None in a fit that was loaded from a file).
    """

    model: M
    covariance: Array
    log_likelihood: float
    customers: int
    unit: str | None
    fingerprint: str
    diagnosis: Diagnosis
    data: Any = dataclasses.field(default=None, repr=False, compare=False)

    @property
    def aic(self) -> float:
        """Akaike's criterion: 2 x parameters - 2 x log-likelihood."""
        return 2 * len(self.covariance) - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Bayes' (Schwarz's) criterion: parameters x ln(customers) - 2 x log-likelihood."""
        return len(self.covariance) * float(np.log(self.customers)) - 2 * self.log_likelihood

    def summary(self) -> pd.DataFrame:
        """Estimate, standard error and 95 % confidence interval (on the log scale) a parameter.

        Coefficients of covariates are on their own scale; column `process` says what they change.
        """
        import pandas as pd  # a table for people; the only place where a model knows of tables

        found = estimates(self.model)
        error = np.sqrt(np.diag(self.covariance))
        open_ended = set(self.diagnosis.at_boundary) | set(self.diagnosis.loose)
        error[[name in open_ended for name in found.names]] = np.nan
        with np.errstate(over="ignore"):  # a parameter that the data leave open: up to infinity
            limits = [
                found.natural(coordinates(self.model) + side * NORMAL_975 * error)
                for side in (-1, 1)
            ]
        columns = {
            "estimate": found.values,
            "standard_error": np.where(found.positive, found.values * error, error),
            "lower_95": limits[0],
            "upper_95": limits[1],
        }
        table = pd.DataFrame(columns, index=pd.Index(found.names, name="parameter"))
        if found.processes:
            table.insert(0, "process", found.processes)
        return table

    def draws(self, n: int = 400, *, seed: int) -> Draws:
        """Parameters drawn from what the data leave open; see crmlab.models.draws.

        Raises NotEstimable where neither the likelihood nor a bootstrap gives usable draws.
        """
        from crmlab.models.draws import draw

        if (n, seed) not in self._drawn:
            found = draw(self, n, seed)
            found.parameters.setflags(write=False)
            self._drawn[n, seed] = found
        return self._drawn[n, seed]

    @functools.cached_property
    def _drawn(self) -> dict[tuple[int, int], Draws]:
        """What was drawn before: the same again, and a bootstrap of a small base takes seconds."""
        return {}

    def predict(
        self, t: float, customers: Any, *,
        covariates: Covariates | None = None, level: float = 0.95, seed: int,
    ) -> pd.DataFrame:  # fmt: skip
        """Purchases of each customer in the next `t`: mean, and prediction limits lower, upper.

        `customers` is a summary (columns frequency, recency, T); its index is kept. A fit with
        covariates needs theirs.
        """
        from crmlab.models.prediction import predict

        return predict(self, t, customers, covariates, level, seed)

    def predict_total(
        self, t: float, customers: Any, *,
        covariates: Covariates | None = None, level: float = 0.95, seed: int,
        by: str | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """Purchases of all customers, or of each group of column `by`, in the next `t`."""
        from crmlab.models.prediction import predict_total

        return predict_total(self, t, customers, covariates, level, seed, by)

    def to_json(self, path: str | PathLike[str]) -> None:
        """Save as JSON: model, covariance, diagnosis, fingerprint; never the data."""
        from crmlab.models.storage import save_fit

        save_fit(self, path)

    def to_lifetimes(self) -> Any:
        """The same model as a fitted object of the package lifetimes."""
        from crmlab.models.exchange import to_lifetimes

        return to_lifetimes(self)

    def as_dict(self) -> dict[str, Any]:
        """Everything about the fit in plain numbers and text, ready for JSON."""
        return {
            **described(self.model),
            "log_covariance": self.covariance.tolist(),
            "log_likelihood": None if np.isnan(self.log_likelihood) else self.log_likelihood,
            "customers": self.customers,
            "unit": self.unit,
            "fingerprint": self.fingerprint,
            "diagnosis": dataclasses.asdict(self.diagnosis),
        }

    def _repr_html_(self) -> str:
        told = self.diagnosis
        unit = f", time in {self.unit}s" if self.unit else ""
        given = "".join(f", {name} = {value}" for name, value in fixed(self.model).items())
        head = (
            f"<p><b>{title(self.model)}</b>{given} on {self.customers:,} customers{unit}; "
            f"log-likelihood {self.log_likelihood:,.3f}, AIC {self.aic:,.1f}; <b>{told.status}</b> "
            f"(Newton decrement {told.decrement:.0e}, "
            f"{told.agreeing_starts} of {told.starts} starts agree)</p>"
        )
        head += "".join(f"<p>{finding}</p>" for finding in told.findings)
        table: str = self.summary().to_html(float_format=lambda v: f"{v:.5g}")
        return head + table


def slope_steps(fit: Fit[Any]) -> Array:
    """Steps in the coordinates for central differences: a coefficient's in its standard error."""
    errors = np.sqrt(np.diag(fit.covariance))
    return np.where(estimates(fit.model).positive, 1e-4, 1e-2 * errors)


def fit_of(
    model: M,
    optimum: Optimum,
    table: Any,
    customers: int,
    data: tuple[Array | Counts, ...],
    *,
    findings: tuple[str, ...] = (),
) -> Fit[M]:
    """The fit that an optimum found on `table` (grouped into `data`) stands for.

    `findings` says in words what the data lack, such as 'no dropout'.
    """
    at_boundary = tuple(names(model)[i] for i in optimum.at_bound)
    loose = tuple(names(model)[i] for i in optimum.loose)
    diagnosis = Diagnosis(
        "boundary" if at_boundary else "not identified" if loose else "converged",
        optimum.decrement,
        optimum.agreeing_starts,
        optimum.starts,
        at_boundary,
        loose,
        findings,
    )
    digest = hashlib.sha256()
    for column in data:
        digest.update(np.ascontiguousarray(column, dtype=float).tobytes())
    unit = getattr(table, "attrs", {}).get("unit")
    return Fit(
        model,
        optimum.covariance,
        optimum.value,
        customers,
        unit,
        digest.hexdigest(),
        diagnosis,
        data,
    )
