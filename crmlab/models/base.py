"""What every model shares: checked histories, and a fit as a value."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import InvalidHistory, WrongParameter
from crmlab.models.fitting import Optimum
from crmlab.models.special import Array, Counts, unique_rows

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from crmlab.models.draws import Draws

NORMAL_975 = 1.959963984540054  # half-width of a 95 % interval in standard errors


class Histories(NamedTuple):
    """Purchase histories, one a customer or one a pattern; `customers` share each."""

    frequency: Counts
    recency: Array
    T: Array
    customers: Counts

    def patterns(self) -> Histories:
        """The distinct (frequency, recency, T), each with its number of customers."""
        (x, t_x, T), inverse, _ = unique_rows(self.frequency, self.recency, self.T)
        count = np.bincount(inverse, weights=self.customers).astype(np.int64)
        return Histories(x.astype(np.int64), t_x, T, count)


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

    `covariance` is that of the log-parameters; `log_likelihood` is on the data's own scale (nan
    where it is not known);
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
        """Estimate, standard error and 95 % confidence interval (on the log scale) a parameter."""
        import pandas as pd  # a table for people; the only place where a model knows of tables

        estimate = parameters(self.model)
        log_error = np.sqrt(np.diag(self.covariance))
        open_ended = set(self.diagnosis.at_boundary) | set(self.diagnosis.loose)
        log_error[[name in open_ended for name in names(self.model)]] = np.nan
        with np.errstate(over="ignore"):  # a parameter that the data leave open: up to infinity
            factor = np.exp(NORMAL_975 * log_error)
        columns = {
            "estimate": estimate,
            "standard_error": estimate * log_error,
            "lower_95": estimate / factor,
            "upper_95": estimate * factor,
        }
        return pd.DataFrame(columns, index=pd.Index(names(self.model), name="parameter"))

    def draws(self, n: int = 400, *, seed: int) -> Draws:
        """Parameters drawn from what the data leave open; see crmlab.models.draws.

        Raises NotEstimable where neither the likelihood nor a bootstrap gives usable draws.
        """
        from crmlab.models.draws import draw

        return draw(self, n, seed)

    def predict(self, t: float, customers: Any, *, level: float = 0.95, seed: int) -> pd.DataFrame:
        """Purchases of each customer in the next `t`: mean, and prediction limits lower, upper.

        `customers` is a summary (columns frequency, recency, T); its index is kept.
        """
        from crmlab.models.prediction import predict

        return predict(self, t, customers, level, seed)

    def predict_total(
        self, t: float, customers: Any, *, level: float = 0.95, seed: int, by: str | None = None
    ) -> pd.DataFrame:
        """Purchases of all customers, or of each group of column `by`, in the next `t`."""
        from crmlab.models.prediction import predict_total

        return predict_total(self, t, customers, level, seed, by)

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
        estimated = dict(zip(names(self.model), parameters(self.model).tolist(), strict=True))
        return {
            "model": type(self.model).__name__,
            "parameters": estimated | fixed(self.model),
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
            f"<p><b>{type(self.model).__name__}</b>{given} on {self.customers:,} customers{unit}; "
            f"log-likelihood {self.log_likelihood:,.3f}, AIC {self.aic:,.1f}; <b>{told.status}</b> "
            f"(Newton decrement {told.decrement:.0e}, "
            f"{told.agreeing_starts} of {told.starts} starts agree)</p>"
        )
        head += "".join(f"<p>{finding}</p>" for finding in told.findings)
        table: str = self.summary().to_html(float_format=lambda v: f"{v:.5g}")
        return head + table


def names(model: Any) -> list[str]:
    """Names of a model's estimated parameters, in the order of its covariance.

    A field with the metadata `estimated=False`, such as the k of BG/CNBD-k, is none of them.
    """
    return [f.name for f in dataclasses.fields(model) if f.metadata.get("estimated", True)]


def fixed(model: Any) -> dict[str, Any]:
    """A model's fields that are not estimated by climbing the likelihood, by name."""
    known = names(model)
    return {
        f.name: getattr(model, f.name) for f in dataclasses.fields(model) if f.name not in known
    }


def with_parameters(model: M, values: ArrayLike) -> M:
    """The same model with other values of its estimated parameters, in the order of `names`."""
    new = zip(names(model), np.asarray(values, dtype=float).tolist(), strict=True)
    return dataclasses.replace(model, **dict(new))  # type: ignore[type-var]


def check_positive(model: Any) -> None:
    """Raise WrongParameter for a model with a parameter that is not a number above 0."""
    for name in names(model):
        value = getattr(model, name)
        if not (np.isfinite(value) and value > 0):
            raise WrongParameter(name, value, f"a number above 0, as {model.label} needs it")


def parameters(model: Any) -> Array:
    """Values of a model's parameters, in the order of its covariance."""
    return np.array([getattr(model, name) for name in names(model)])


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


def histories(table: Any) -> Histories:
    """Checked histories of a table with columns frequency, recency, T and, for patterns, count.

    Raises InvalidHistory naming how many customers are impossible, the first of them, and why.
    """
    x, t_x, T = (np.asarray(table[c], dtype=float) for c in ("frequency", "recency", "T"))
    count = np.asarray(table["count"], dtype=float) if "count" in table else np.ones(len(x))
    index = getattr(table, "index", None)
    labels = np.arange(len(x)) if index is None or callable(index) else np.asarray(index)
    found = check_history(x, t_x, T, labels)
    uncounted = ~np.isfinite(count) | (count < 0) | (count % 1 != 0)
    _refuse(
        uncounted, labels, (x, t_x, T), "a count that is no whole number >= 0", "Count customers."
    )
    late = (found.frequency > 0) & (found.recency <= 0)
    _refuse(late, labels, (x, t_x, T), "repeat purchases but a recency of 0", "Merge each day.")
    some = count > 0
    counted = count[some].astype(np.int64)
    return Histories(found.frequency[some], found.recency[some], found.T[some], counted)


def check_history(
    frequency: ArrayLike, recency: ArrayLike, T: ArrayLike, labels: Any = None
) -> Histories:
    """Broadcast and check histories: whole frequency >= 0, 0 <= recency <= T, nothing missing.

    A recency above T by rounding alone (1e-9 of T) is taken as T. Raises InvalidHistory.
    """
    x, t_x, span = np.broadcast_arrays(
        *(np.asarray(v, dtype=float) for v in (frequency, recency, T))
    )
    labels = np.arange(x.size) if labels is None else labels
    values = (x.ravel(), t_x.ravel(), span.ravel())
    finite = np.isfinite(values[0]) & np.isfinite(values[1]) & np.isfinite(values[2])
    with np.errstate(invalid="ignore"):
        checks = (
            (~finite, "a missing or infinite frequency, recency or T", "Set them aside first."),
            ((values[0] < 0) | (values[0] % 1 != 0), "a frequency that is no whole number >= 0",
             "Frequency counts the occasions after the first."),
            ((values[1] < 0) | (values[1] > values[2] * (1 + 1e-9)), "a recency below 0 or above T",
             "Check observation_end."),
            ((values[0] == 0) & (values[1] > 0), "no repeat purchase but a recency above 0",
             "Recency is the time from the first to the last purchase."),
        )  # fmt: skip
    for wrong, what, remedy in checks:
        _refuse(wrong, labels, values, what, remedy)
    return Histories(x.astype(np.int64), np.minimum(t_x, span), span, np.ones(x.shape, np.int64))


def _refuse(wrong: Any, labels: Any, values: tuple[Any, ...], what: str, remedy: str) -> None:
    if not wrong.any():
        return
    i = int(np.flatnonzero(wrong)[0])
    x, t_x, T = (float(v[i]) for v in values)
    first = f"customer {labels[i]}, frequency {x:g}, recency {t_x:g}, T {T:g}"
    raise InvalidHistory(what, int(wrong.sum()), wrong.size, first, remedy)
