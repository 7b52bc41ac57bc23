"""The rows that are set aside, as a file: their original text, where they stood, and why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from crmlab.intake import engines
from crmlab.intake.engines import Bench

OWNER_ONLY = 0o600


def write(bench: Bench, path: Path) -> None:
    """Write them to a Parquet file that only its owner may read, batch by batch.

    Columns: record, line, reason, text (of a record that could not be split) and every role of
    the source in its original text.
    """
    batches = bench.stream(engines.statement("quarantine"))
    _write(path, batches.schema, batches)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table of them to such a file."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    _write(path, table.schema, table.to_batches())


def _write(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, OWNER_ONLY)
        with pq.ParquetWriter(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
