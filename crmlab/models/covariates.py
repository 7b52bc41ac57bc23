"""What is known of customers beside their purchases, and models that depend on it.

Time-invariant covariates as in Fader & Hardie (2007), "Incorporating time-invariant covariates into
the Pareto/NBD and BG/NBD models": those of the purchase process divide alpha by exp(g'z), so that a
coefficient above 0 means more purchases; those of the dropout process divide beta (Pareto/NBD) by
exp(g'z), or multiply a and b (BG/NBD, MBG/NBD). a and b have coefficients of their own: a common
one would leave the mean of the coin, a / (a + b), where it is and move its spread only. A
coefficient of a above 0 means more dropout, one of b less.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from crmlab.errors import MissingCovariates, UnusableCovariate, WrongParameter
from crmlab.models.base import Fit
from crmlab.models.estimates import Estimates, described, estimates, parameters, with_parameters
from crmlab.models.special import Array, Counts, weighted_sum

if TYPE_CHECKING:
    from crmlab.models.purchase_model import AbstractPurchaseModel


class Link(NamedTuple):
    """A parameter that depends on the covariates of a process: times exp(sign x g'z)."""

    parameter: str
    process: str
    sign: int


class Columns(NamedTuple):
    """Covariates of one process: their names, and one row of numbers a customer."""

    names: tuple[str, ...]
    matrix: Array


@dataclasses.dataclass(frozen=True, eq=False)
class Covariates:
    """Covariates of both processes, one row a customer; make them with `Covariates.of`.

    `customers` are the ids of the rows; without them rows are matched by position. `recipe` says
    how the columns were made from a table (see crmlab.covariates).
    """

    purchase: Columns
    dropout: Columns
    customers: Sequence[Any] | None = None
    recipe: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, *, purchase: Any = None, dropout: Any = None,
        customers: ArrayLike | None = None, recipe: Mapping[str, Any] | None = None,
    ) -> Covariates:  # fmt: skip
        """Covariates given as columns by name ({"age": [...]}) or as a matrix of customers' rows.

        Raises UnusableCovariate for a value that is missing or infinite, and WrongParameter for
        columns of different lengths or ids that come twice.
        """
        found = [_columns(purchase, "purchase"), _columns(dropout, "dropout")]
        ids = None if customers is None else np.asarray(customers).tolist()
        lengths = [len(part.matrix) for part in found if part.names]
        size = len(ids) if ids is not None else lengths[0] if lengths else 0
        for name, part in zip(("purchase", "dropout"), found, strict=True):
            if part.names and len(part.matrix) != size:
                told = f"covariates of {size} customers, as elsewhere"
                raise WrongParameter(name, f"{len(part.matrix)} rows", told)
            _refuse_missing(part, ids)
        if ids is not None and len(set(ids)) < len(ids):
            twice, times = Counter(ids).most_common(1)[0]
            told = f"each customer once; {len(ids) - len(set(ids))} rows are repetitions"
            raise WrongParameter("customers", f"{twice!r} {times} times", told)
        first, second = (
            part if part.names else part._replace(matrix=np.zeros((size, 0))) for part in found
        )
        return cls(first, second, ids, recipe)

    def __len__(self) -> int:
        return len(self.purchase.matrix)

    def take(self, rows: Any) -> Covariates:
        """The covariates of some rows, in the order asked (rows may come more than once)."""
        first, second = (
            Columns(part.names, part.matrix[rows]) for part in (self.purchase, self.dropout)
        )
        return Covariates(first, second, None, self.recipe)

    def for_customers(self, table: Any) -> Covariates:
        """The covariates of the customers of a table, row by row: by id, or else by position.

        Raises MissingCovariates, or WrongParameter where there are no ids and the numbers differ.
        """
        asked = getattr(table, "index", None)
        if self.customers is None or asked is None or callable(asked):
            size = len(np.asarray(table["T"]))
            if len(self) != size:
                expected = f"{size} rows, one for each customer (or ids to match them by)"
                raise WrongParameter("covariates", f"{len(self)} rows", expected)
            return self
        place = {customer: i for i, customer in enumerate(self.customers)}
        ids = np.asarray(asked).tolist()
        absent = [one for one in ids if one not in place]
        if absent:
            example = next(iter(place), None)
            raise MissingCovariates(len(absent), len(ids), absent[0], example)
        return self.take(np.array([place[one] for one in ids], dtype=np.int64))


def _columns(given: Any, process: str) -> Columns:
    """Names and matrix of what is given for one process: nothing, named columns, or a matrix."""
    if given is None:
        return Columns((), np.zeros((0, 0)))
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        named = {str(name): np.asarray(given[name], dtype=float) for name in given}
        if not named:
            return Columns((), np.zeros((0, 0)))
        return Columns(tuple(named), np.column_stack(list(named.values())))
    matrix = np.asarray(given, dtype=float)
    if matrix.ndim != 2:
        expected = "columns by name, or a matrix with one row a customer"
        raise WrongParameter(process, f"an array of {matrix.ndim} dimensions", expected)
    return Columns(tuple(f"z{i + 1}" for i in range(matrix.shape[1])), matrix)


def _refuse_missing(part: Columns, ids: Sequence[Any] | None) -> None:
    for name, column in zip(part.names, part.matrix.T, strict=True):
        absent = np.flatnonzero(~np.isfinite(column))
        if len(absent):
            first = ids[absent[0]] if ids is not None else int(absent[0])
            found = (
                f"{len(absent)} of {len(column)} customers have no finite value (first: {first!r})"
            )
            raise UnusableCovariate(name, found, "Fill in the values or leave the customers out.")


class CovariateData(NamedTuple):
    """Distinct histories with their covariates, and the customers who share each."""

    frequency: Counts
    recency: Array
    T: Array
    customers: Counts
    purchase: Array
    dropout: Array


@dataclasses.dataclass(frozen=True)
class CovariateModel:
    """A purchase model whose parameters depend on covariates; a value.

    `base` is the model of a customer whose covariates are all 0, `purchase` and `dropout` are the
    names of the covariates, `coefficients` one for each of `coefficient_names`. It answers nothing
    itself: `of(covariates)` is the model of customers with these covariates, an ordinary one.
    """

    base: AbstractPurchaseModel
    purchase: tuple[str, ...]
    dropout: tuple[str, ...]
    coefficients: tuple[float, ...]
    recipe: Mapping[str, Any] | None = dataclasses.field(default=None, repr=False, hash=False)

    @property
    def label(self) -> str:
        """The model's name."""
        return f"{self.base.label} with covariates"

    @property
    def coefficient_names(self) -> list[str]:
        """'alpha:age' is the coefficient of age in alpha."""
        return [
            f"{link.parameter}:{name}"
            for link in self.base.links
            for name in getattr(self, link.process)
        ]

    def of(self, covariates: Covariates) -> Any:
        """The model of customers with these covariates: ask it about them in the same order.

        Raises WrongParameter where they are not the covariates that were fitted.
        """
        for process in ("purchase", "dropout"):
            found, expected = getattr(covariates, process).names, getattr(self, process)
            if found != expected:
                told = f"{list(expected)}, as fitted, in this order"
                raise WrongParameter(f"covariates of the {process} process", list(found), told)
        return self._of(covariates.purchase.matrix, covariates.dropout.matrix)

    def for_customers(self, table: Any, covariates: Covariates) -> Any:
        """The model of a table's customers, whose covariates are looked up by customer id."""
        return self.of(covariates.for_customers(table))

    def _of(self, purchase: Array, dropout: Array) -> Any:
        matrix = {"purchase": purchase, "dropout": dropout}
        own = {}
        for link, coefficients in self._linked():
            if len(coefficients):
                shift = link.sign * shift_of(matrix[link.process], coefficients)
                with np.errstate(over="ignore"):  # refused by the model, which names the parameter
                    own[link.parameter] = getattr(self.base, link.parameter) * np.exp(shift)
        return dataclasses.replace(self.base, **own)

    def _linked(self) -> Iterator[tuple[Link, tuple[float, ...]]]:
        begin = 0
        for link in self.base.links:
            end = begin + len(getattr(self, link.process))
            yield link, self.coefficients[begin:end]
            begin = end

    def _total_log_likelihood(self, data: CovariateData) -> float:
        """Log-likelihood of all customers of `data`."""
        model = self._of(data.purchase, data.dropout)
        each = model._log_likelihood(data.frequency, data.recency, data.T)
        return float(weighted_sum(data.customers, each))

    def _refit(self, data: CovariateData, rng: np.random.Generator) -> Fit[CovariateModel]:
        """The fit to a base like `data` simulated from this model (parametric bootstrap)."""
        from crmlab.models.covariate_fit import refit

        return refit(self, data, rng)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and hasattr(type(self.base), name):
            told = "has covariates; ask the model of the customers meant"
            raise AttributeError(f"{self.label} {told}: model.of(covariates).{name}(...)")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


def shift_of(matrix: Array, coefficients: Sequence[float] | Array) -> Array:
    """g'z of each row; column by column, so that a row's value depends on nothing but that row."""
    out = np.zeros(len(matrix))
    for column, coefficient in zip(matrix.T, coefficients, strict=True):
        out += coefficient * column
    return out


def covariates_of(model: Any, table: Any, covariates: Covariates | None) -> Covariates | None:
    """The covariates of a table's customers where the model has any.

    Raises WrongParameter where they are needed and not given, or given and not needed.
    """
    if isinstance(model, CovariateModel) != (covariates is not None):
        needs = "the covariates of the customers asked" if covariates is None else "none"
        raise WrongParameter("covariates", "given" if covariates else None, f"{needs}, as fitted")
    return None if covariates is None else covariates.for_customers(table)


@estimates.register
def _(model: CovariateModel) -> Estimates:
    own = estimates(model.base)
    count = len(model.coefficients)
    of_purchase = (
        "r",
        *(link.parameter for link in model.base.links if link.process == "purchase"),
    )
    every = [*own.names, *model.coefficient_names]
    return Estimates(
        every,
        np.concatenate([own.values, model.coefficients]),
        np.concatenate([own.positive, np.zeros(count, dtype=bool)]),
        tuple("purchase" if n.split(":")[0] in of_purchase else "dropout" for n in every),
    )


@with_parameters.register
def _(model: CovariateModel, values: ArrayLike) -> CovariateModel:
    size = len(parameters(model.base))
    natural = np.asarray(values, dtype=float)
    base = with_parameters(model.base, natural[:size])
    return dataclasses.replace(model, base=base, coefficients=tuple(natural[size:].tolist()))


@described.register
def _(model: CovariateModel) -> dict[str, Any]:
    found = estimates(model)
    return {
        **described(model.base),
        "parameters": dict(zip(found.names, found.values.tolist(), strict=True)),
        "covariates": {
            "purchase": list(model.purchase),
            "dropout": list(model.dropout),
            "recipe": model.recipe,
        },
    }


def from_description(
    base: Callable[..., AbstractPurchaseModel], told: dict[str, Any]
) -> CovariateModel:
    """The model that `described` told of; `base` makes the model at z = 0 from its parameters."""
    names = told["covariates"]
    own = {name: value for name, value in told["parameters"].items() if ":" not in name}
    size = len(own)
    coefficients = tuple(list(told["parameters"].values())[size:])
    return CovariateModel(
        base(**own),
        tuple(names["purchase"]),
        tuple(names["dropout"]),
        coefficients,
        names["recipe"],
    )
