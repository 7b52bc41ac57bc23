"""A table or SELECT of a DuckDB file is read without writing to it."""

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from crmlab.errors import MissingColumn, SourceAway, UnreadableSource

Load = Callable[..., Any]
ORDERS = "SELECT '007' AS customer_id, DATE '2024-01-05' AS date, 1.50 AS amount"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A file with one table."""
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        connection.execute(f"CREATE TABLE orders AS {ORDERS}")
    return tmp_path / "shop.duckdb"


@pytest.fixture
def two(one: Path) -> Path:
    """A file with two tables, one in another schema."""
    with duckdb.connect(one) as connection:
        connection.execute("CREATE SCHEMA old")
        connection.execute(
            f"CREATE TABLE old.orders AS SELECT * REPLACE (2 AS amount) FROM ({ORDERS})"
        )
    return one


def test_the_only_table_needs_no_name(one: Path, load: Load):
    before = hashlib.sha256(one.read_bytes()).digest()

    tables = load(one)

    assert tables.rows == [(1, None, "007", "2024-01-05", "1.50")]
    assert tables.found.exact_roles == {"date", "amount"}
    assert tables.facts == {"table": "orders"}
    assert hashlib.sha256(one.read_bytes()).digest() == before


def test_it_is_known_by_its_content_and_not_by_its_name(one: Path, load: Load):
    assert load(one.rename(one.with_name("orders.csv"))).texts[0][0] == "007"


@pytest.mark.parametrize("name", ["memory.db", 'my shop\'s "2024".duckdb'])
def test_a_file_of_any_name_is_read(one: Path, load: Load, name: str):
    path = one.rename(one.with_name(name))

    assert load(path, query="SELECT * FROM orders").texts[0][0] == "007"


def test_one_of_several_tables_must_be_named(two: Path, load: Load):
    with pytest.raises(UnreadableSource, match=r"several tables: orders, old.orders"):
        load(two)
    assert load(two, table="orders").texts[0][2] == "1.50"
    assert load(two, table="main.orders").texts[0][2] == "1.50"
    assert load(two, table="old.orders").texts[0][2] == "2"
    with pytest.raises(UnreadableSource, match=r"no table 'orders; DROP', only orders, old.orders"):
        load(two, table="orders; DROP")


def test_a_select_is_read(two: Path, load: Load):
    query = "SELECT o.* FROM old.orders AS o JOIN shop.main.orders USING (customer_id) -- joined"

    assert load(two, query=query).texts == [("007", "2024-01-05", "2")]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("DROP TABLE orders", "its query is not one SELECT"),
        ("SELECT 1; SELECT 2", "its query is not one SELECT"),
        ("COPY orders TO 'x.csv'", "its query is not one SELECT"),
        ("SELEKT 1", "DuckDB says: Parser Error"),
        ("SELECT * FROM nowhere", "DuckDB says: Catalog Error"),
        ("SELECT * FROM read_text('/etc/hostname')", "DuckDB says: Permission Error"),
    ],
)
def test_only_a_select_of_this_file_is_run(one: Path, load: Load, query: str, told: str):
    with pytest.raises(UnreadableSource, match=told):
        load(one, query=query)


def test_a_missing_column_is_told(one: Path, load: Load):
    with pytest.raises(MissingColumn, match="no column 'total'"):
        load(one, amount="total")


def test_the_fingerprint_is_that_of_the_content(two: Path, load: Load):
    first = load(two, table="orders").found.fingerprint

    assert first == load(two, query="FROM orders").found.fingerprint
    assert first != load(two, table="old.orders").found.fingerprint


def test_a_file_that_another_program_writes_to_can_be_tried_again(one: Path, load: Load):
    code = f"import duckdb; held = duckdb.connect({str(one)!r}); print('held', flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SourceAway, match="another program or session has it open") as caught:
            load(one)
        other.communicate(b"\n")

    assert caught.value.exit_code == 75
    assert load(one).texts[0][0] == "007"


def test_c16_a_file_cut_short_is_refused(one: Path, load: Load):
    one.write_bytes(one.read_bytes()[:5000])

    with pytest.raises(UnreadableSource, match="its DuckDB file is damaged"):
        load(one)


def test_a_file_without_tables_is_told(tmp_path: Path, load: Load):
    duckdb.connect(tmp_path / "empty.duckdb").close()

    with pytest.raises(UnreadableSource, match="it holds no table"):
        load(tmp_path / "empty.duckdb")
