"""What a buy-till-you-die model in continuous time has to supply: formulas and parameters."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np

from crmlab.errors import WrongParameter
from crmlab.models.covariates import Link
from crmlab.models.derivatives import Derivatives
from crmlab.models.estimates import check_positive
from crmlab.models.fitting import Evaluation
from crmlab.models.histories import Histories
from crmlab.models.prospects import Ahead
from crmlab.models.simulation import Customers
from crmlab.models.special import Array, Counts


@dataclasses.dataclass(frozen=True)
class PurchaseFormulas(abc.ABC):
    """Parameters, and formulas of checked rows: counts x, times t_x, T and t, all equally long.

    Those without t_x hold for customers who are alive at T. Parameters named in `links` may be
    arrays, with one value for each customer asked for: that is how covariates enter (see
    crmlab.models.covariates).
    """

    label: ClassVar[str]
    links: ClassVar[tuple[Link, ...]] = ()
    likelihood_columns: ClassVar[tuple[str, ...]] = ("frequency", "recency", "T")
    two_optima: ClassVar[bool] = False
    """Whether the likelihood can have a second maximum, which a sample of the data may lack."""

    def __post_init__(self) -> None:
        may_vary = [link.parameter for link in self.links]
        for name, value in self._varying.items():
            if name not in may_vary:
                told = f"one number; of {self.label} only {may_vary} may differ between customers"
                raise WrongParameter(name, f"{value.size} values", told)
        check_positive(self)

    @property
    def _varying(self) -> dict[str, Array]:
        """The parameters that are not one number for all customers, by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: np.asarray(value) for name, value in values.items() if np.ndim(value)}

    def _of(self, rows: Counts) -> Self:
        """The model of some of the customers."""
        own = {name: value[rows] for name, value in self._varying.items()}
        return dataclasses.replace(self, **own) if own else self

    def _rows(self, *asked: Any) -> tuple[Self, tuple[int, ...], list[Any]]:
        """The model and what is asked of it as rows, one beside the other, and the shape asked.

        Raises WrongParameter where the model's customers are not as many as those asked for.
        """
        varying = self._varying
        try:
            every = np.broadcast_arrays(*asked, *varying.values())
        except ValueError:
            name, value = next(iter(varying.items()), ("T", asked[-1]))
            found = f"{value.size} values"
            shapes = " and ".join(str(np.shape(column)) for column in asked)
            raise WrongParameter(name, found, f"one for each customer asked: {shapes}") from None
        flat = [column.ravel() for column in every]
        own = dict(zip(varying, flat[len(asked) :], strict=True))
        model = dataclasses.replace(self, **own) if own else self
        return model, every[0].shape, flat[: len(asked)]

    @abc.abstractmethod
    def _findings(self, span: float) -> tuple[str, ...]:
        """What data that gave these parameters lack, in words; `span` is the mean T."""

    @classmethod
    @abc.abstractmethod
    def _starts(cls) -> tuple[tuple[float, ...], ...]:
        """Starting points of the search, in units of the scale."""

    @classmethod
    @abc.abstractmethod
    def _scale(cls, span: float) -> Array:
        """Natural size of each parameter where customers are watched for `span`."""

    @classmethod
    @abc.abstractmethod
    def _objective(cls, data: Histories) -> Callable[[Array], Evaluation]:
        """Log-likelihood, gradient and Hessian of patterns, as a function of the parameters."""

    @abc.abstractmethod
    def _log_likelihood(self, x: Counts, t_x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _p_alive(self, x: Counts, t_x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _derivatives(self, x: Counts, t_x: Array, T: Array) -> Derivatives:
        """Log-likelihood of each history with its derivatives in the parameters."""

    @abc.abstractmethod
    def _stays_at_first(self) -> float | Array:
        """Probability that a new customer does not leave right after the first occasion."""

    @abc.abstractmethod
    def _purchases(self, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _pmf(self, k: Array, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _buys_later(self, after: Array, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _discounted(
        self, rate: float, nodes: int | None, t: Array, x: Array, T: Array
    ) -> Array: ...

    @abc.abstractmethod
    def _discounted_life(
        self, rate: float, nodes: int | None, t: Array, x: Array, T: Array
    ) -> Array: ...

    @abc.abstractmethod
    def _survival(self, t: Array, x: Array, T: Array) -> Array: ...

    @abc.abstractmethod
    def _life(self, t: Array, x: Array, T: Array) -> Array: ...

    def _prospects(self, ahead: Ahead, x: Array, T: Array) -> Array:
        """What `ahead` asks of customers alive at T, along the first axis."""
        year, quarter, end = (
            np.full_like(T, t) for t in (ahead.year, ahead.quarter, ahead.horizon)
        )
        purchases, stays = self._purchases(year, x, T), self._survival(quarter, x, T)
        discounted = self._discounted(ahead.rate, None, end, x, T)
        return np.stack([purchases, discounted, stays, self._life(end, x, T)])

    @abc.abstractmethod
    def _draw(self, rng: np.random.Generator, x: Counts, t_x: Array, T: Array) -> Customers:
        """Rate and dropout of customers who are alive at T, given their histories."""
