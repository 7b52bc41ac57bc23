"""The engine sees what it is given, and nothing else."""

from pathlib import Path

import duckdb
import pytest

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
