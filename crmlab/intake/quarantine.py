"""The rows that are set aside, as a file: their original text, where they stood, and why."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow.parquet as pq

from crmlab.intake import engines
from crmlab.intake.engines import Bench

OWNER_ONLY = 0o600


def write(bench: Bench, path: Path) -> None:
    """Write them to a Parquet file that only its owner may read, batch by batch.

    Columns: record, line, reason, text (of a record that could not be split) and every role of
    the source in its original text.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, OWNER_ONLY)
        batches = bench.stream(engines.statement("quarantine"))
        with pq.ParquetWriter(file, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)
