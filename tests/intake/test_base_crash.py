"""A load that is killed, wherever, leaves the base as it was, or has done all it had to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.log import read_transactions

HEAD = "customer_id,date,amount,transaction_id\n"

MOTHER = """
import contextlib, itertools, json, os, signal, sys
from pathlib import Path
from crmlab.intake import engines
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.loading import LoadRefused
from crmlab.intake.log import read_transactions

base, file, found = CustomerBase(Path(sys.argv[1])), sys.argv[2], Path(sys.argv[3])
connect = engines.connect

class Mortal:
    '''A connection that kills its process before a statement, or within the commit.'''

    def __init__(self, connection, at, within):
        self.connection, self.left, self.within = connection, at, within

    def execute(self, sql, *more):
        if self.within is not None and sql == "COMMIT":
            signal.setitimer(signal.ITIMER_REAL, self.within)
        elif self.within is None and ("base" in sql or sql in ("BEGIN", "COMMIT")):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.connection.execute(sql, *more)

    def __getattr__(self, name):
        return getattr(self.connection, name)

def in_child(do):
    pid = os.fork()
    if pid == 0:
        do()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def load(at, within):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    engines.connect = lambda: Mortal(connect(), at, within)
    if sys.argv[5] == "load":
        base.load(file)
    else:
        with contextlib.suppress(LoadRefused):  # it was withdrawn by one that died later
            base.withdraw(1, reason="wrong")

def look():
    log = read_transactions(base.folder, limit=1, reason_limit=1)
    found.write_text(json.dumps([dict(base.status().balance), log.fingerprint]))

def kill(at, within):
    ended = in_child(lambda: load(at, within))
    state = json.loads(found.read_text()) if in_child(look) == 0 else "unreadable"
    print(json.dumps([at, ended, state]), flush=True)
    return ended

if sys.argv[4] == "statements":
    for at in itertools.count(1):
        if kill(at, None) == 0:
            break
else:
    for microseconds in (1, 200, 500, 1000, 2000, 4000, 8000, 16000):
        kill(microseconds, microseconds / 1e6)
"""


def killed(base: CustomerBase, file: Path, where: str, what: str = "load") -> list[list[object]]:
    """Where each load or withdrawal was killed, how it ended, and the state of the base after."""
    script = [sys.executable, "-c", MOTHER, str(base.folder), str(file)]
    found = base.folder.parent / "found.json"
    done = subprocess.run([*script, str(found), where, what], capture_output=True, text=True)
    assert 0 == done.returncode, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def state(base: CustomerBase) -> list[object]:
    """The account of the base, and the fingerprint of what it says."""
    log = read_transactions(base.folder, limit=1, reason_limit=1)
    return [dict(base.status().balance), log.fingerprint]


def write(path: Path, *rows: str) -> Path:
    """A file of these rows."""
    path.write_text(HEAD + "\n".join(rows) + "\n")
    return path


def test_killed_before_any_statement_the_base_is_as_it_was(tmp_path: Path) -> None:
    """Until the commit nothing has happened, after it everything; then a load lives through."""
    base = CustomerBase(tmp_path / "base")
    base.load(write(tmp_path / "a.csv", "a,2024-01-05,10,t1", "b,2024-01-06,20,t2"))
    second = write(
        tmp_path / "b.csv", "a,2024-01-05,12,t1", "c,2024-01-07,9,t3", "c,2024-01-07,x,t4"
    )
    before = state(base)
    runs = killed(base, second, "statements")
    after = state(base)
    changed = [found == after for _, _, found in runs]

    assert [-9] * (len(runs) - 1) + [0] == [ended for _, ended, _ in runs]
    assert all(found in (before, after) for _, _, found in runs)
    assert len(runs) > 15
    assert sorted(changed) == changed
    assert sum(changed) == 2  # killed after the commit, and not killed
    assert {"read": 5, "live": 4, "superseded": 1} == {k: n for k, n in after[0].items() if n}  # type: ignore[attr-defined]


def test_a_withdrawal_that_is_killed_has_done_nothing_or_all(tmp_path: Path) -> None:
    """Before its commit the base is as it was, with the load; after it, without."""
    base = CustomerBase(tmp_path / "base")
    base.load(write(tmp_path / "a.csv", "a,2024-01-05,12,t1", "b,2024-01-06,20,t2"))
    base.load(write(tmp_path / "b.csv", "a,2024-01-05,10,t1", "b,2024-01-06,20,t2"))
    before = state(base)
    runs = killed(base, tmp_path / "a.csv", "statements", "withdraw")
    after = state(base)

    assert [-9] * (len(runs) - 1) + [0] == [ended for _, ended, _ in runs]
    assert [before] * (len(runs) - 2) + [after] * 2 == [found for _, _, found in runs]
    assert {"read": 2, "live": 2} == {k: n for k, n in after[0].items() if n}  # type: ignore[attr-defined]


def test_killed_within_the_commit_the_base_is_whole(tmp_path: Path) -> None:
    """It has all of the load or nothing of it, and takes it the next time."""
    base = CustomerBase(tmp_path / "base")
    base.load(write(tmp_path / "a.csv", "a,2024-01-05,10,t1"))
    rows = [f"c{n % 500},2024-01-07,{n},t{n + 2}" for n in range(20_000)]
    second = write(tmp_path / "b.csv", *rows)
    before = state(base)
    runs = killed(base, second, "commit")
    done = base.load(second)
    after = state(base)

    assert all(found in (before, after) for _, _, found in runs)
    assert {-14} <= {ended for _, ended, _ in runs} <= {-14, 0}
    assert 20_000 == done.added
    assert 20_001 == after[0]["live"]  # type: ignore[index]


def test_a_first_load_that_is_killed_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    """There is no base then, or an empty one, until a load lives through."""
    base = CustomerBase(tmp_path / "base")
    file = write(tmp_path / "a.csv", "a,2024-01-05,10,t1")
    runs = killed(base, file, "statements")

    assert [-9] * (len(runs) - 1) + [0] == [ended for _, ended, _ in runs]
    assert ["unreadable"] * (len(runs) - 2) == [found for _, _, found in runs][:-2]
    assert 1 == base.status().balance["live"]


FULL = """
import resource, sys
from pathlib import Path
from crmlab.intake.customer_base.base import CustomerBase
from crmlab.intake.customer_base.store import UnwritableBase

base, file = CustomerBase(Path(sys.argv[1])), sys.argv[2]
size = (base.folder / "base.duckdb").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 4096, size + 4096))
try:
    base.load(file)
except UnwritableBase as error:
    sys.exit(error.exit_code)
"""


def test_a_full_disk_leaves_the_base_as_it_was(tmp_path: Path) -> None:
    """The load is refused with a line and exit code 73; it is taken when there is room again."""
    base = CustomerBase(tmp_path / "base")
    base.load(write(tmp_path / "a.csv", "a,2024-01-05,10,t1"))
    rows = [f"c{n}-{n * 7919 % 10007},2024-01-07,{n},t{n + 2}" for n in range(100_000)]
    second = write(tmp_path / "b.csv", *rows)
    before = state(base)
    script = [sys.executable, "-c", FULL, str(base.folder), str(second)]
    done = subprocess.run(script, capture_output=True, text=True)

    assert (73, "") == (done.returncode, done.stderr)
    assert before == state(base)
    assert 100_000 == base.load(second).added
