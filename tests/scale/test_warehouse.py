"""Statements for a warehouse: through a real PostgreSQL and back, and every dialect's syntax."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
import sqlglot
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.errors import MissingColumn, WrongParameter
from crmlab.scale.valuation import Valued, score_customers
from crmlab.scale.warehouse import STATEMENTS, Log, statement_for

END = ("--observation-end", "2022-01-08")
VALUE = ("--margin", "0.3", "--discount-rate", "0.15")
DIALECTS = ("spark", "postgres", "bigquery", "snowflake", "redshift", "databricks", "trino", "tsql")


def crmlab(*arguments: object) -> str:
    """What a command of crmlab says."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert (0, "") == (done.exit_code, done.stderr)
    return done.stdout


def export(link: psycopg.Connection, sql: str, path: Path) -> Path:
    """The result of a query as CSV, as a warehouse writes it."""
    with (
        path.open("wb") as file,
        link.cursor().copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, HEADER)") as rows,
    ):
        for part in rows:
            file.write(part)
    return path


def load(link: psycopg.Connection, path: Path, name: str) -> None:
    """A CSV of numbers as a table."""
    columns = path.read_text().partition("\n")[0].split(",")
    listed = ", ".join(f'"{c}" DOUBLE PRECISION' for c in columns)
    link.execute(f"CREATE TABLE {name} ({listed})")
    with link.cursor().copy(f"COPY {name} FROM STDIN (FORMAT csv, HEADER)") as rows:
        rows.write(path.read_bytes())


@pytest.fixture
def warehouse(postgres: str, table: pa.Table) -> str:
    """The address of a database that holds the log as the table sales."""
    with psycopg.connect(postgres, autocommit=True) as link:
        link.execute("DROP DATABASE IF EXISTS warehouse")
        link.execute("CREATE DATABASE warehouse")
    address = postgres.replace("/postgres?", "/warehouse?")
    with psycopg.connect(address) as link:
        link.execute('CREATE TABLE sales (customer_id BIGINT, "day" DATE, total NUMERIC(18, 2))')
        with link.cursor().copy("COPY sales FROM STDIN") as rows:
            for row in table.to_pylist():
                rows.write_row(tuple(row.values()))
    return address


def test_a_round_trip_through_postgresql(
    warehouse: str, tmp_path: Path, valued: Valued, read: Callable[[Path], pd.DataFrame]
) -> None:
    """The warehouse summarises and joins, crmlab fits: every column is DuckDB's, to 1e-9."""
    log = ("--table", "sales", "--date", "day", "--amount", "total", "--dialect", "postgres")

    with psycopg.connect(warehouse) as link:
        link.execute("CREATE TABLE summary AS " + crmlab("sql", "summary", *END, *log))
        files = [
            export(link, crmlab("sql", name, *END, *log), tmp_path / f"{name}.csv")
            for name in ("patterns", "spend-patterns")
        ]
        told = crmlab("fit", *files, *END, *VALUE, "--out", tmp_path).splitlines()
        for name in ("pattern_scores", "spend_model"):
            load(link, tmp_path / f"{name}.csv", name)
        scored = export(link, crmlab("sql", "scores", *END, *log), tmp_path / "scores.csv")
        checks = link.execute(crmlab("sql", "checks", *END, *log)).fetchall()
        days = link.execute(crmlab("sql", "days", *END, *log)).fetchall()

    expected = read(valued.customers)
    actual = pd.read_csv(scored).sort_values("customer_id", ignore_index=True)
    assert list(expected) == list(actual)
    for name in expected.columns.drop(["first_date", "last_date"]):
        np.testing.assert_allclose(actual[name], expected[name], rtol=1e-9, err_msg=name)
    for name in ("first_date", "last_date"):
        assert list(expected[name].astype(str)) == list(actual[name])
    assert [str(tmp_path / "pattern_scores.parquet"), str(tmp_path / "pattern_scores.csv")] == told[
        :2
    ]
    assert (valued.account.records, valued.account.after_end) == (checks[0][0], checks[0][8])
    assert (valued.account.returns, 0) == (checks[0][9], days[0][0])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_sound_in_every_dialect(name: str, dialect: str) -> None:
    """Told in a dialect and read back from it, it says the same."""
    asked = {"observation_end": "2024-01-01", "zero_amount": "occasion"}
    ours = statement_for(name, "duckdb", Log(), **asked)
    told = statement_for(name, dialect, Log(), **asked)
    columns = [one.alias_or_name for one in sqlglot.parse_one(ours, read="duckdb").selects]
    back = sqlglot.parse_one(told, read=dialect)

    assert columns == [one.alias_or_name for one in back.selects]
    assert len(list(back.find_all(sqlglot.exp.Mod))) == ours.count("%")
    for remainder in back.find_all(sqlglot.exp.Mod):  # a - a % b became MOD(a - a, b) once
        assert isinstance(remainder.this.unnest(), sqlglot.exp.Column)


def test_what_cannot_be_told_is_said(tmp_path: Path) -> None:
    """An unknown statement, dialect or number of decimals; a file that is not the patterns."""
    with pytest.raises(WrongParameter, match="checks, days, summary"):
        statement_for("sumary", "duckdb", Log(), observation_end="2024-01-01")
    with pytest.raises(WrongParameter, match=r"'dialect' is 'postgre'; expected one of .*postgres"):
        statement_for("patterns", "postgre", Log(), observation_end="2024-01-01")
    with pytest.raises(WrongParameter, match="decimals"):
        statement_for("patterns", "postgres", Log(decimals=7), observation_end="2024-01-01")
    with pytest.raises(WrongParameter, match="sqlite cannot say this"):
        statement_for("summary", "sqlite", Log(), observation_end="2024-01-01")
    file = tmp_path / "other.csv"
    file.write_text("frequency,recency,n\n1,2,3\n")
    result = CliRunner().invoke(app, ["fit", str(file), str(file), *END, *VALUE])
    assert result.exit_code == MissingColumn.exit_code
    assert "has no column 'T'" in result.stderr


def test_a_log_is_scored_from_the_command_line(
    path: Path, tmp_path: Path, valued: Valued, read: Callable[[Path], pd.DataFrame]
) -> None:
    """The same file as from Python, told in plain lines or as JSON."""
    out = tmp_path / "customers.parquet"
    lines = crmlab("score", path, *END, *VALUE, "--out", out).splitlines()
    told = json.loads(crmlab("score", path, *END, *VALUE, "--out", out, "--json"))

    pd.testing.assert_frame_equal(read(valued.customers), read(out), check_exact=True)
    assert str(out) == lines[0]
    assert (
        f"  customers: {valued.totals['customers']:,.0f} in {valued.patterns:,} patterns" in lines
    )
    assert valued.totals == told["totals"]
    assert ("BGNBD", "GammaGamma") == tuple(
        told["fits"][k]["model"] for k in ("purchases", "spend")
    )
    assert valued.account.records == told["account"]["records"]


def test_a_refusal_is_one_line(path: Path, tmp_path: Path) -> None:
    """With the exit code of its kind; nothing is written."""
    out = tmp_path / "customers.parquet"
    result = CliRunner().invoke(
        app, ["score", str(path), *END, *VALUE, "--out", str(out), "--model", "bg-bb"]
    )

    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith("crmlab: Parameter 'model' is 'bg-bb'; expected one of bg-nbd")
    assert not out.exists()


def test_score_customers_is_public() -> None:
    """By its name in the package."""
    import crmlab as package

    assert package.score_customers is score_customers
