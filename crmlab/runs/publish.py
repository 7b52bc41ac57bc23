"""Where a run writes, and how it becomes the latest report: all of it or nothing."""

from __future__ import annotations

import contextlib
import datetime
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from crmlab.errors import CrmlabError

MANIFEST = "manifest.json"
RECORD = "report.ipynb"
_PARTIAL = ".partial-"
_DAY = 24 * 3600
_REFUSALS = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EIO,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}


class CannotWrite(CrmlabError):
    """A folder or file that cannot be written."""

    exit_code = 73

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"Cannot write to '{path}': {found}. Make room or give another folder: --out DIR"
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write under `path` into CannotWrite."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise CannotWrite(path, (error.strerror or str(error)).lower()) from error


def new_run_id(started: datetime.datetime, *parts: object) -> str:
    """The time in UTC and eight letters that keep runs of the same second apart."""
    seed = json.dumps([*parts, os.getpid(), time.perf_counter_ns()], default=str)
    return f"{started:%Y%m%dT%H%M%SZ}-{hashlib.sha256(seed.encode()).hexdigest()[:8]}"


def claim(shelf: Path, run_id: str) -> Path:
    """Make the hidden folder that run `run_id` writes to; nobody reads it before it is published.

    `shelf` is the folder of all runs of one report in one language. What a run that died more
    than a day ago has left there is removed.
    """
    with writing(shelf):
        shelf.mkdir(parents=True, exist_ok=True)
        _sweep(shelf)
        partial = shelf / f"{_PARTIAL}{run_id}"
        partial.mkdir()
    return partial


def _sweep(shelf: Path) -> None:
    for folder in shelf.glob(f"{_PARTIAL}*"):
        if time.time() - folder.stat().st_mtime > _DAY and not _alive(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(folder: Path) -> bool:
    """Is the process that is named in the folder's manifest still there?"""
    try:
        pid = int(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["pid"])
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return True


def write_json(path: Path, content: object) -> None:
    """Write JSON so that a reader finds the old file or the new one, never a part of one."""
    text = json.dumps(content, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def outputs(folder: Path) -> dict[str, dict[str, object]]:
    """Size and SHA-256 of every file in `folder` but the manifest."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.name != MANIFEST)
    return {p.name: {"bytes": p.stat().st_size, "sha256": digest(p)} for p in files}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(partial: Path, run_id: str) -> Path:
    """Give the finished folder its name and make it the latest."""
    folder = partial.with_name(run_id)
    with writing(folder):
        for path in partial.iterdir():
            _settle(path)
        partial.rename(folder)
        try:
            _point(folder.with_name("latest"), folder)
        except OSError:
            folder.rename(partial)
            raise
    return folder


def _settle(path: Path) -> None:
    """Wait until the disk holds a file, so that a power cut leaves no name without its content."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def set_aside(partial: Path, run_id: str) -> Path:
    """Move a failed run to failed/, with its record and manifest only; the latest stays."""
    folder = partial.parent / "failed" / run_id
    with writing(folder):
        for path in partial.iterdir():
            if path.name not in (MANIFEST, RECORD):
                _remove(path)
        folder.parent.mkdir(exist_ok=True)
        partial.rename(folder)
    return folder


def _point(latest: Path, folder: Path) -> None:
    """Let `latest` lead to `folder`; a reader finds the old run or the new one."""
    new = latest.with_name(f".latest-{folder.name}")
    try:
        _link(new, folder)
        if latest.is_dir() and not (new.is_symlink() and latest.is_symlink()):
            _swap(new, latest)
        else:
            new.replace(latest)
    except OSError:
        _remove(new)
        raise


def _link(new: Path, folder: Path) -> None:
    try:
        new.symlink_to(folder.name, target_is_directory=True)
    except OSError:  # Windows lets only some users make links
        shutil.copytree(folder, new)


def _swap(new: Path, latest: Path) -> None:
    """Put a folder (or a link) in the place of a folder, which no system does in one step."""
    old = latest.with_name(f".old{new.name}")
    latest.rename(old)
    try:
        new.rename(latest)
    except OSError:
        old.rename(latest)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
