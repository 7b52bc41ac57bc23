"""A pandas DataFrame as a table of text rows; the frame itself stays as it is."""

from __future__ import annotations

import datetime as dt
import hashlib
import numbers
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab.errors import UnreadableSource
from crmlab.intake import engines, typed
from crmlab.intake.columns import OPTIONS, Columns

NAME = "DataFrame"
"""What messages call a DataFrame."""


def load(connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, columns: Columns) -> str:
    """Read three columns of the frame into source_rows, as text, and return their SHA-256.

    Raises MissingColumn, or UnreadableSource for text that is no Unicode.
    """
    places = columns.locate([str(label) for label in frame.columns], NAME)
    arrays = [_as_arrow(frame.iloc[:, place]) for place in places]
    connection.register("frame", pa.table(arrays, names=list(OPTIONS)))
    typed.load(connection, "frame", {}, (0, 1, 2), NAME)
    connection.unregister("frame")
    return _fingerprint(connection)


def _fingerprint(connection: duckdb.DuckDBPyConnection) -> str:
    parts = engines.fetch_rows(connection, engines.statement("fingerprint"), {})
    return hashlib.sha256("".join(str(part["digest"]) for part in parts).encode()).hexdigest()


def _as_arrow(column: pd.Series) -> pa.Array | pa.ChunkedArray:
    array = None if column.dtype == object else _plain(column)
    if array is not None:
        return array
    try:
        return pa.array([_text(value) for value in column], pa.string())
    except UnicodeEncodeError as error:
        found = f"column '{column.name}' holds text that is no Unicode"
        raise UnreadableSource(NAME, found, "Decode it anew from its source.") from error


def _plain(column: pd.Series) -> pa.Array | pa.ChunkedArray | None:
    """The column in Arrow, if its type is one that SQL writes as pandas would."""
    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowException, TypeError, ValueError):
        return None
    if pa.types.is_timestamp(array.type) and array.type.tz:
        return _plain(column.dt.tz_localize(None))  # the day that its own clock shows
    return array if any(known(array.type) for known in PLAIN_TYPES) else None


PLAIN_TYPES = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_decimal128,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_timestamp,
    pa.types.is_date,
)


def _text(value: Any) -> str | None:
    """One value as text: 12345.0 is '12345'; None, NaN, NA and NaT are missing."""
    if isinstance(value, str):
        return value
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return _plain_decimal(Decimal(str(value)))
    if isinstance(value, Decimal):
        return _plain_decimal(value)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return str(value)


def _plain_decimal(value: Decimal) -> str:
    whole = value.is_finite() and value == value.to_integral_value()
    return format(value.quantize(Decimal(1)) if whole else value, "f")
