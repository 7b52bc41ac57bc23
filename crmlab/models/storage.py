"""Fits as JSON: plain numbers and text, with a schema version; never a pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from crmlab.errors import UnreadableSource
from crmlab.models.base import Diagnosis, Fit
from crmlab.models.catalogue import MODELS
from crmlab.models.covariates import from_description

SCHEMA_VERSION = 1


def save_fit(fit: Fit[Any], path: str | PathLike[str]) -> None:
    """Write a fit without its data; the same fit gives the same bytes."""
    content = {"schema_version": SCHEMA_VERSION, **fit.as_dict()}
    Path(path).write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def load_fit(path: str | PathLike[str], *, kinds: Iterable[type[Any]] = ()) -> Fit[Any]:
    """Read a fit back: the same model, covariance and diagnosis; its data are not in the file.

    `kinds` are model classes of your own, which the catalogue does not have.
    Raises UnreadableSource for a file that is not one of ours.
    """
    known = MODELS | {kind.__name__: kind for kind in kinds}
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise UnreadableSource(
                str(path), f"its schema version is {content['schema_version']}",
                f"This crmlab reads version {SCHEMA_VERSION}.",
            )  # fmt: skip
        told: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in content["diagnosis"].items()
        }
        kind = known[content["model"]]
        return Fit(
            from_description(kind, content)
            if "covariates" in content
            else kind(**content["parameters"]),
            np.array(content["log_covariance"], dtype=float),
            float("nan") if content["log_likelihood"] is None else content["log_likelihood"],
            content["customers"],
            content["unit"],
            content["fingerprint"],
            Diagnosis(**told),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"it is not a saved fit ({type(error).__name__}: {error})"
        raise UnreadableSource(str(path), what, "Save one with fit.to_json(path).") from None
