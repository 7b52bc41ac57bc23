"""A DataFrame (pandas, Polars, Arrow) as a table of text rows; it stays as it is."""

from __future__ import annotations

import datetime as dt
import numbers
from collections.abc import Mapping as Dict
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, runtime_checkable

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from crmlab.errors import UnreadableSource
from crmlab.intake import typed
from crmlab.intake.columns import Mapping
from crmlab.intake.loaded import Rows

NAME = "DataFrame"
"""What messages call a DataFrame."""


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that hands out its columns in Arrow's way: Polars, Arrow tables and others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule protocol."""


Frame: TypeAlias = "pd.DataFrame | ArrowStream"


def load(
    connection: duckdb.DuckDBPyConnection, frame: Frame, mapping: Mapping, time_zone: str | None
) -> Rows:
    """Read the mapped columns of the frame into source_rows, as text.

    The fingerprint is that of their content, in the frame's order. An instant with a time zone is
    the day in `time_zone`. Raises MissingColumn, or UnreadableSource for instants with a time zone
    if no `time_zone` is given, and for text that is no Unicode.
    """
    table, labels = _narrow(frame, mapping, time_zone)
    places = {role: i for i, role in enumerate(labels)}
    connection.register("frame", table)
    try:
        exact = typed.load(
            connection, "frame", {}, places, NAME, time_zone=time_zone, labels=labels
        )
    finally:
        connection.unregister("frame")
    return Rows(typed.content_digest(connection, list(places)), exact)


def names(frame: Frame) -> list[str]:
    """The names of its columns."""
    if isinstance(frame, pd.DataFrame):
        return [str(label) for label in frame.columns]
    return list(_stream(frame).schema.names)


def _narrow(
    frame: Frame, mapping: Mapping, time_zone: str | None
) -> tuple[pa.Table, Dict[str, str]]:
    """The mapped columns alone, called by their roles, and how the frame itself calls them."""
    if isinstance(frame, pd.DataFrame):
        found = names(frame)
        places = mapping.locate(found, NAME)
        arrays = [_as_arrow(frame.iloc[:, place], time_zone) for place in places.values()]
    else:
        table = _stream(frame).read_all()
        found = table.schema.names
        places = mapping.locate(found, NAME)
        arrays = [_narrowed(table, place) for place in places.values()]
    labels = {role: found[place] for role, place in places.items()}
    return pa.table(arrays, names=list(places)), labels


def _narrowed(table: pa.Table, place: int) -> pa.ChunkedArray:
    """A column as the engine knows it: decimals of 256 bits as those of 128, if they fit."""
    column, kind = table.column(place), table.schema.field(place).type
    typed.refuse_wide({table.schema.names[place]: kind}, NAME)
    wide = pa.types.is_decimal256(kind)
    return column.cast(pa.decimal128(kind.precision, kind.scale)) if wide else column


def _stream(frame: ArrowStream) -> pa.RecordBatchReader:
    if isinstance(frame, pa.RecordBatchReader):
        return frame
    try:
        return pa.RecordBatchReader.from_stream(frame)
    except (pa.ArrowException, TypeError, ValueError) as error:
        found = f"it gives no table in Arrow's way ({str(error)[:160]})"
        raise UnreadableSource(NAME, found, "Give a table of columns.") from error


def _as_arrow(column: pd.Series, time_zone: str | None) -> pa.Array | pa.ChunkedArray:
    array = None if column.dtype == object else _plain(column, time_zone)
    if array is not None:
        return array
    if not time_zone and any(isinstance(v, dt.datetime) and v.tzinfo for v in column):
        raise typed.instants(str(column.name), NAME)
    try:
        return pa.array([_text(value, time_zone) for value in column], pa.string())
    except UnicodeEncodeError as error:
        found = f"column '{column.name}' holds text that is no Unicode"
        raise UnreadableSource(NAME, found, "Decode it anew from its source.") from error


def _plain(column: pd.Series, time_zone: str | None) -> pa.Array | pa.ChunkedArray | None:
    """The column in Arrow, if its type is one that SQL writes as pandas would."""
    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowException, TypeError, ValueError):
        return None
    if pa.types.is_timestamp(array.type) and array.type.tz:
        if not time_zone:
            raise typed.instants(str(column.name), NAME)
        return _plain(column.dt.tz_convert(time_zone).dt.tz_localize(None), None)
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


def _text(value: Any, time_zone: str | None) -> str | None:
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
        return plain_decimal(Decimal(str(value)))
    if isinstance(value, Decimal):
        return plain_decimal(value)
    if isinstance(value, dt.datetime):
        if value.tzinfo and time_zone:
            value = pd.Timestamp(value).tz_convert(time_zone)
        return str(value.replace(tzinfo=None).isoformat(sep=" "))
    return str(value)


def plain_decimal(value: Decimal) -> str:
    """A number without exponent, and without decimals if it is whole: 12345.0 is '12345'."""
    whole = value.to_integral_value() if value.is_finite() else None
    return format(whole if whole == value else value, "f")
