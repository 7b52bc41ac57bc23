"""The engine sees what it is given, and nothing else."""

import gc
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from crmlab.errors import WrongParameter
from crmlab.intake import engines


def test_statements_can_stand_on_others():
    sql = engines.statement("occasion_table", "occasions")

    assert sql.startswith("WITH occasions AS (")
    assert sql.endswith("ORDER BY customer_id, date")


def test_a_quoted_name_is_a_name_whatever_it_holds():
    connection = engines.connect()
    name = 'x"; DROP TABLE t; --'

    described = connection.execute(f"SELECT 1 AS {engines.quote(name)}").description

    assert described[0][0] == name


def test_a_python_variable_is_no_table():
    connection, secret = engines.connect(), [1]

    with pytest.raises(duckdb.CatalogException):
        connection.execute("SELECT * FROM secret")
    assert secret == [1]


def test_a_sealed_engine_reads_no_file(tmp_path: Path):
    connection = engines.connect()
    (tmp_path / "a.csv").write_text("a\n1\n")
    engines.seal(connection)

    with pytest.raises(duckdb.PermissionException):
        connection.execute("SELECT * FROM read_csv($path)", {"path": str(tmp_path / "a.csv")})


def test_every_parameter_a_statement_names_is_taken_and_no_other():
    rows = engines.fetch_rows(engines.connect(), "SELECT $a AS a", {"a": 1, "b": 2})

    assert rows == [{"a": 1}]


def test_the_engine_speaks_utc_wherever_it_runs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "America/Santiago")
    connection = engines.connect()

    rows = engines.fetch_rows(connection, "SELECT current_setting('TimeZone') AS zone", {})

    assert rows == [{"zone": "UTC"}]


def test_the_engine_has_a_private_folder_that_goes_with_it():
    connection = engines.connect()
    folder = engines.folder(connection)

    assert folder.stat().st_mode & 0o777 == 0o700
    with engines.scratch(connection) as inside:
        (inside / "text").write_text("x")
    assert list(folder.iterdir()) == []
    connection.close()
    del connection
    gc.collect()
    assert not folder.exists()


def test_tables_larger_than_the_limit_go_to_the_private_folder(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(engines.MEMORY, "50MB")
    connection = engines.connect()

    connection.execute("CREATE TABLE t AS SELECT md5(range::VARCHAR) AS x FROM range(2_000_000)")

    assert sum(file.stat().st_size for file in engines.folder(connection).rglob("*")) > 10 << 20
    assert connection.execute("SELECT count(DISTINCT x) FROM t").fetchall() == [(2_000_000,)]


def test_memory_is_limited_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(engines.MEMORY, raising=False)
    default = engines.connect().execute("SELECT current_setting('memory_limit')").fetchall()

    assert engines._bytes(default[0][0]) <= engines.MOST_MEMORY
    monkeypatch.setenv(engines.MEMORY, "a lot")
    with pytest.raises(WrongParameter, match="'CRMLAB_MEMORY_LIMIT' is 'a lot'"):
        engines.connect()


def test_nothing_is_left_behind_when_a_run_ends_in_an_error(tmp_path: Path):
    code = (
        "from crmlab.intake.log import read_transactions\n"
        "read_transactions('cdnow-sample').connection.execute('no SQL')"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)

    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    code = (
        "import os, signal; from crmlab.intake import engines; c = engines.connect(); "
        "(engines.folder(c) / 'rows').write_text('x'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], env=os.environ | {"TMPDIR": str(tmp_path)})
    (left,) = tmp_path.iterdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    in_use = engines.connect()
    assert left.exists()  # it could have been made just now
    monkeypatch.setattr(engines, "JUST_MADE", 0.0)
    other = engines.connect()

    assert not left.exists()
    assert engines.folder(in_use).exists()
    assert engines.folder(other).exists()


def test_threads_may_ask_one_engine_at_once():
    connection = engines.connect()
    connection.execute("CREATE TABLE t AS FROM range(100_000)")
    with ThreadPoolExecutor(4) as threads:
        asked = [
            threads.submit(
                engines.fetch_rows, connection, "SELECT sum(range + $n) AS s FROM t", {"n": n}
            )
            for n in range(20)
        ]

    assert [a.result()[0]["s"] for a in asked] == [4_999_950_000 + 100_000 * n for n in range(20)]
