"""What every model shares: checked histories, and a fit as a value."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.errors import InvalidHistory, WrongParameter
from crmlab.models.fitting import Optimum
from crmlab.models.special import Array, Counts, unique_rows

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from crmlab.models.covariates import Covariates
    from crmlab.models.draws import Draws

NO_DROPOUT = "This data shows no dropout."
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

    def sample(self, size: int) -> Histories:
        """Every k-th customer, `size` of them or a little more, in the order of the patterns."""
        step = max(1, int(self.customers.sum()) // size)
        before = np.concatenate(([0], np.cumsum(self.customers))) + step // 2
        chosen = np.diff(before // step)
        some = chosen > 0
        return Histories(self.frequency[some], self.recency[some], self.T[some], chosen[some])


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

        return draw(self, n, seed)

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


class Estimates(NamedTuple):
    """What of a model is estimated, in the order of its covariance.

    The covariance is that of the logarithms of those that must be `positive`, and of the others as
    they are. `processes` says which process each belongs to, in a model with covariates.
    """

    names: list[str]
    values: Array
    positive: NDArray[np.bool_]
    processes: tuple[str, ...] = ()

    def natural(self, theta: Array) -> Array:
        """Values from coordinates: exp of those that are logarithms."""
        out: Array = np.exp(theta, out=np.array(theta, dtype=float), where=self.positive)
        return out


def names(model: Any) -> list[str]:
    """Names of what is estimated, in the order of the covariance."""
    return estimates(model).names


def field_names(model: Any) -> list[str]:
    """Names of the fields that are estimated: those without metadata={"estimated": False}."""
    fields = dataclasses.fields(model)
    return [field.name for field in fields if field.metadata.get("estimated", True)]


def fixed(model: Any) -> dict[str, Any]:
    """A model's fields that are not estimated by climbing the likelihood, by name."""
    own = field_names(model)
    every = [field.name for field in dataclasses.fields(model)]
    return {name: getattr(model, name) for name in every if name not in own}


@functools.singledispatch
def estimates(model: Any) -> Estimates:
    """What is estimated of a model: its fields, all of them above 0."""
    own = field_names(model)
    values = np.array([getattr(model, name) for name in own], dtype=float)
    return Estimates(own, values, np.ones(len(own), dtype=bool))


@functools.singledispatch
def with_parameters(model: Any, values: ArrayLike) -> Any:
    """The same model with other values of what is estimated."""
    own = field_names(model)
    return dataclasses.replace(model, **dict(zip(own, map(float, np.asarray(values)), strict=True)))


@functools.singledispatch
def described(model: Any) -> dict[str, Any]:
    """A model in plain numbers and text."""
    found = estimates(model)
    values = dict(zip(found.names, found.values.tolist(), strict=True))
    return {"model": type(model).__name__, "parameters": values | fixed(model)}


def title(model: Any) -> str:
    """A model's name for people, which says whether it has covariates."""
    told = described(model)
    return str(told["model"]) + (" with covariates" if "covariates" in told else "")


def check_positive(model: Any) -> None:
    """Raise WrongParameter for a model with a parameter that is not a number above 0."""
    for name in field_names(model):
        values = np.asarray(getattr(model, name))
        wrong = ~(np.isfinite(values) & (values > 0))
        if wrong.any():
            first = values[wrong].tolist()[0]
            raise WrongParameter(name, first, f"a number above 0, as {model.label} needs it")


def parameters(model: Any) -> Array:
    """Values of what is estimated, in the order of the covariance."""
    return estimates(model).values


def coordinates(model: Any) -> Array:
    """What is estimated on the scale of the covariance: logarithms, and coefficients."""
    found = estimates(model)
    out: Array = np.log(found.values, out=found.values.copy(), where=found.positive)
    return out


def at_coordinates(model: Any, theta: Array) -> Any:
    """The same model at other coordinates."""
    return with_parameters(model, estimates(model).natural(theta))


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


def histories(table: Any) -> Histories:
    """Checked histories of a table with columns frequency, recency, T and, for patterns, count.

    Raises InvalidHistory naming how many customers are impossible, the first of them, and why.
    """
    columns = ("frequency", "recency", "T", *(["count"] if "count" in table else []))
    check_aligned(**{name: table[name] for name in columns})
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
    check_aligned(frequency=frequency, recency=recency, T=T)
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


def check_aligned(**columns: Any) -> None:
    """Raise InvalidHistory where columns with labels (such as pandas Series) do not have the same.

    Taken by position, as arrays are, they would give one customer another one's history.
    """
    labelled = [(n, c.index) for n, c in columns.items() if not callable(getattr(c, "index", len))]
    for (first, here), (name, there) in pairwise(labelled):
        if here is there or here.equals(there):
            continue
        rows = list(zip_longest(here, there, fillvalue="nothing"))
        apart = [i for i, (one, other) in enumerate(rows) if one != other]
        if apart:
            raise InvalidHistory(
                f"different labels in {first} and {name}", len(apart), len(rows),
                "row {}, {} against {}".format(apart[0], *rows[apart[0]]),
                "Take both from one table, or align them first.",
            )  # fmt: skip


def _refuse(wrong: Any, labels: Any, values: tuple[Any, ...], what: str, remedy: str) -> None:
    if not wrong.any():
        return
    i = int(np.flatnonzero(wrong)[0])
    x, t_x, T = (float(v[i]) for v in values)
    first = f"customer {labels[i]}, frequency {x:g}, recency {t_x:g}, T {T:g}"
    raise InvalidHistory(what, int(wrong.sum()), wrong.size, first, remedy)
