"""A file or a folder that is there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from crmlab.scale.failures import CannotWrite


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to, which becomes `path` at the end if nothing goes wrong.

    Whatever happens, nothing half-written is left and what was there before is untouched until
    then. Raises CannotWrite.
    """
    partial = path.with_name(f".{path.name}.partial-{secrets.token_hex(4)}")
    if not path.parent.is_dir():
        raise CannotWrite(path, "its folder is not there")
    try:
        yield partial
        _replace(partial, path)
    except OSError as error:
        raise CannotWrite(path, (error.strerror or str(error)).lower()) from None
    finally:
        _remove(partial)


def _replace(partial: Path, path: Path) -> None:
    _keep(partial)
    if not path.is_dir():
        os.replace(partial, path)
        return
    earlier = partial.with_suffix(".earlier")
    os.replace(path, earlier)  # a folder cannot take the place of one that is not empty
    try:
        os.replace(partial, path)
    except OSError:
        os.replace(earlier, path)
        raise
    shutil.rmtree(earlier)


def _keep(partial: Path) -> None:
    """Have the system write a file to its disk: a full one must tell before the old file goes."""
    if partial.is_file():
        with partial.open("rb+") as file:
            os.fsync(file.fileno())


def _remove(partial: Path) -> None:
    if partial.is_dir():
        shutil.rmtree(partial, ignore_errors=True)
    partial.unlink(missing_ok=True)
