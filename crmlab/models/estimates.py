"""What of a model is estimated: its names, its values, and the scale that its covariance is on."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crmlab.errors import WrongParameter
from crmlab.models.special import Array


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
