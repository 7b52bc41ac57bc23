"""Fixtures that several tests share: the published data, read once."""

from __future__ import annotations

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
