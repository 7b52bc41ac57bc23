"""PostgreSQL is read through a named connection, in one read-only transaction; nothing shows the
password."""

import datetime as dt
import logging
import os
import socket
import subprocess
import sys
import tempfile
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from crmlab.errors import (
    AddressAsSource,
    CrmlabError,
    MissingColumn,
    NoUsableRows,
    SourceAway,
    UnknownConnection,
    UnreadableSource,
    WrongConnection,
    WrongParameter,
)
from crmlab.intake import connections, engines
from crmlab.intake.log import read_transactions

PASSWORD = "s3cr3t-of-the-tests"  # noqa: S105  # as in conftest.py
Load = Callable[..., Any]

SCRIPT = """
CREATE TABLE orders (customer_id text, date date, amount numeric(9, 2));
INSERT INTO orders VALUES
    ('007', '2024-01-05', 1.5), (E'a "b",\nc', 'infinity', NULL), ('', NULL, 2);
CREATE SCHEMA other;
CREATE TABLE other."Order lines" (id float8, at timestamptz, paid float8);
INSERT INTO other."Order lines" VALUES
    (7, '2024-01-05 23:30+00', 0.00001), (8, '2024-07-05 22:30+00', 'NaN'), (9, NULL, 1e20),
    (10, '2024-01-05 12:00+00', 12.30);
CREATE ROLE guest LOGIN PASSWORD 'guest';
CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 0;
"""


@pytest.fixture(scope="module")
def shop(postgres: str) -> str:
    """The address of a database with two tables."""
    with psycopg.connect(postgres, autocommit=True) as link:
        link.execute("CREATE DATABASE shop")
    address = postgres.replace("/postgres?", "/shop?")
    with psycopg.connect(address) as link:
        link.execute(SCRIPT)
    return address


@pytest.fixture(autouse=True)
def named(shop: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The database is called shop; no settings file of this machine is seen."""
    monkeypatch.setenv("CRMLAB_CONNECTION_SHOP", shop)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def settings(tmp_path: Path, text: str, name: str = "crmlab.toml", mode: int = 0o600) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_cdnow_through_postgresql_equals_cdnow_as_it_is_built_in(
    shop: str,
):
    builtin = read_transactions("cdnow")
    with psycopg.connect(shop) as link:
        link.execute("CREATE SCHEMA cd; CREATE TABLE cd.now (id text, day date, spent numeric)")
        occasions = builtin.connection.execute(
            "SELECT customer_id, date, amount FROM source_rows ORDER BY record"
        ).fetchall()
        with link.cursor().copy("COPY cd.now FROM STDIN") as copy:
            for row in occasions:
                copy.write_row(row)

    log = read_transactions(
        "postgres:shop",
        table="cd.now",
        customer_id="id",
        date="day",
        amount="spent",
        zero_amount="occasion",
        duplicates="keep",
    )

    assert (log.records, log.customers, str(log.money)) == (69_659, 23_570, "2500315.63")
    assert log.summarize("1998-06-30").equals(builtin.summarize("1998-06-30"))
    assert log.last_date == dt.date(1998, 6, 30)


def test_a_table_is_read_as_exact_text(load: Load):
    tables = load("postgres:shop", table="orders")

    assert tables.rows == [
        (1, None, "007", "2024-01-05", "1.50"),
        (2, None, 'a "b",\nc', "infinity", None),
        (3, None, None, None, "2.00"),
    ]
    assert tables.found.exact_roles == {"date", "amount"}
    assert tables.facts == {"table": "public.orders"}
    assert tables.found.fingerprint == load("postgres:shop", table="orders").found.fingerprint


ROLES = {"customer_id": "id", "date": "at", "amount": "paid"}


def test_b11_instants_become_days_of_the_time_zone_and_floats_plain_numbers(load: Load):
    lines = "other.Order lines"

    with pytest.raises(UnreadableSource, match="'at' holds instants with a time zone"):
        load("postgres:shop", table=lines, **ROLES)
    tables = load("postgres:shop", table=lines, time_zone="Europe/Madrid", **ROLES)

    assert tables.texts == [
        ("7", "2024-01-06 00:30:00", "0.00001"),
        ("8", "2024-07-06 00:30:00", "NaN"),
        ("9", None, "100000000000000000000"),
        ("10", "2024-01-05 13:00:00", "12.3"),
    ]
    assert tables.found.exact_roles == {"customer_id", "date", "amount"}


def test_d3_ids_that_a_float_cannot_hold_are_refused(load: Load):
    query = 'SELECT id + 0.5 AS id, at::date AS at, paid FROM other."Order lines"'

    with pytest.raises(UnreadableSource, match="'id' holds 4 identifiers as floating-point"):
        load("postgres:shop", query=query, **ROLES)


def test_one_of_several_tables_must_be_named(load: Load):
    with pytest.raises(UnreadableSource, match=r"several tables: .*public.orders"):
        load("postgres:shop")
    with pytest.raises(UnreadableSource, match="no table 'orders; DROP TABLE orders', only"):
        load("postgres:shop", table="orders; DROP TABLE orders")
    with pytest.raises(WrongParameter, match="'sheet' is 'x'; expected none for a database"):
        load("postgres:shop", sheet="x")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM orders WHERE amount > 1;",
        "SELECT * FROM orders -- all of it",
        "WITH o AS (SELECT * FROM orders) SELECT * FROM o",
        "SELECT '{x} %s' AS note, * FROM orders",
        "TABLE orders",
    ],
)
def test_a_select_is_read(load: Load, query: str):
    assert load("postgres:shop", query=query).texts[0] == ("007", "2024-01-05", "1.50")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("DELETE FROM orders", "its query is not one SELECT"),
        ("DELETE FROM orders RETURNING *", "its query is not one SELECT"),
        ("WITH d AS (DELETE FROM orders RETURNING *) TABLE d", "its query is not one SELECT"),
        ("EXPLAIN SELECT 1", "its query is not one SELECT"),
        ("COPY orders TO '/tmp/x'", "its query is not one SELECT"),
        ("SELECT 1; DROP TABLE orders", "PostgreSQL says: cannot insert multiple commands"),
        ("SELECT 1) AS x) TO STDOUT; DROP TABLE orders; --", "PostgreSQL says: syntax error"),
        ("SELEKT 1", "PostgreSQL says: syntax error"),
        ("SELECT * FROM nowhere", 'PostgreSQL says: relation "nowhere" does not exist'),
        (
            "SELECT set_config('transaction_read_only', 'off', false), * FROM orders",
            "PostgreSQL says: transaction read-write mode must be set before any query",
        ),
        ("SELECT 1 / 0 AS customer_id, date, amount FROM orders", "says: division by zero"),
    ],
)
def test_only_one_select_is_run_and_nothing_is_written(
    load: Load, shop: str, query: str, told: str
):
    with pytest.raises(UnreadableSource, match=told) as caught:
        load("postgres:shop", query=query)

    assert "\n" not in str(caught.value)
    with psycopg.connect(shop) as link:
        assert link.execute("SELECT count(*) FROM orders").fetchone() == (3,)


def test_a_missing_column_and_no_rows_are_told(load: Load):
    with pytest.raises(MissingColumn, match="no column 'total'"):
        load("postgres:shop", table="orders", amount="total")
    with pytest.raises(NoUsableRows):
        load("postgres:shop", query="SELECT * FROM orders WHERE false")


def test_a_query_that_takes_too_long_is_given_up(load: Load, shop: str, tmp_path: Path):
    settings(tmp_path, f'[connections.slow]\nurl = "{shop}"\nstatement_timeout = 0.2\n')

    with pytest.raises(SourceAway, match=r"given up after 0.2 s.*statement_timeout") as caught:
        load("postgres:slow", query="SELECT pg_sleep(20), * FROM orders")
    assert caught.value.exit_code == 75


def test_an_address_may_have_its_own_timeout(
    load: Load, shop: str, monkeypatch: pytest.MonkeyPatch
):
    options = quote("-c statement_timeout=150")
    monkeypatch.setenv("CRMLAB_CONNECTION_QUICK", f"{shop}&options={options}")

    with pytest.raises(SourceAway, match="given up after its statement_timeout"):
        load("postgres:quick", query="SELECT pg_sleep(20), * FROM orders")


def test_a_database_that_is_away_can_be_tried_again(load: Load, monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    away = f"host=127.0.0.1 port={port} dbname=x user=me password={PASSWORD}"
    monkeypatch.setenv("CRMLAB_CONNECTION_AWAY", away)

    with pytest.raises(SourceAway, match=rf"port {port} failed: Connection refused") as caught:
        load("postgres:away")
    assert caught.value.exit_code == 75


@pytest.mark.parametrize(
    ("user", "database", "found", "code"),
    [
        ("guest:wrong", "shop", "password authentication failed", 3),
        ("guest", "shop", "no password supplied", 3),
        ("nobody:guest", "shop", "password authentication failed", 3),
        ("guest:guest", "ship", 'database "ship" does not exist', 3),
        ("crowd:crowd", "shop", "too many connections", 75),
    ],
)
def test_who_is_turned_away_need_not_try_again(
    load: Load, shop: str, monkeypatch: pytest.MonkeyPatch, user: str, database: str, found: str,
    code: int,
):  # fmt: skip
    """A wrong password, user or database stays wrong; a full server may have room later."""
    address = shop.replace(f"postgres:{PASSWORD}", user).replace("/shop?", f"/{database}?")
    monkeypatch.setenv("CRMLAB_CONNECTION_GUEST", address)

    with pytest.raises(UnreadableSource if code == 3 else SourceAway, match=found) as caught:
        load("postgres:guest")
    assert caught.value.exit_code == code
    assert ":wrong" not in str(caught.value)


def test_what_a_user_may_not_read_is_told(load: Load, shop: str, monkeypatch: pytest.MonkeyPatch):
    guest = shop.replace(f"postgres:{PASSWORD}", "guest:guest")
    monkeypatch.setenv("CRMLAB_CONNECTION_GUEST", guest)

    with pytest.raises(UnreadableSource, match="it holds no table"):
        load("postgres:guest")
    with pytest.raises(UnreadableSource, match="permission denied for table orders"):
        load("postgres:guest", query="TABLE orders")


def test_an_unknown_connection_is_told_with_those_there_are(load: Load, tmp_path: Path):
    settings(tmp_path, '[connections.ship]\nhost = "x"\n')

    with pytest.raises(
        UnknownConnection, match=r"'sip'. Did you mean 'ship'\?.*CRMLAB_CONNECTION_SI"
    ):
        load("postgres:sip")
    with pytest.raises(WrongConnection, match="'a b' cannot be used: that is no name"):
        load("postgres:a b")


def test_the_environment_goes_before_the_files_and_here_before_home(tmp_path: Path):
    home = "config/crmlab/connections.toml"
    settings(tmp_path, '[connections.a]\nhost = "home"\n[connections.b]\nhost = "home"\n', home)
    settings(tmp_path, '[connections.a]\nhost = "here"\n[connections.shop]\nhost = "here"\n')

    assert connections.find("a").parameters == {"host": "here"}
    assert connections.find("b").parameters == {"host": "home"}
    assert connections.find("shop").parameters["dbname"] == "shop"


def test_a_settings_file_may_name_a_variable_for_the_password(
    load: Load, shop: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = shop.rpartition("=")[2]
    text = f'host = "{folder}"\nuser = "postgres"\ndbname = "shop"\npassword_env = "SHOP_SECRET"\n'
    settings(tmp_path, f"[connections.my-shop]\n{text}", mode=0o644)

    with pytest.raises(WrongConnection, match="SHOP_SECRET, which should hold its password, is"):
        load("postgres:my-shop")
    monkeypatch.setenv("SHOP_SECRET", PASSWORD)
    assert len(load("postgres:my-shop", table="orders").rows) == 3


@pytest.mark.parametrize(
    "line", [f'password = "{PASSWORD}"', f'url = "postgresql://u:{PASSWORD}@h"']
)
def test_a_file_with_a_password_that_others_may_read_is_refused(
    load: Load, tmp_path: Path, line: str
):
    settings(tmp_path, f"[connections.open]\n{line}\n", mode=0o640)

    with pytest.raises(WrongConnection, match=r"others may read it.*chmod 600") as caught:
        load("postgres:open")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"[connections.x]\npassword = {PASSWORD}\n", "'crmlab.toml' is not TOML"),
        ("connections = 3\n", "'connections' in 'crmlab.toml' is no table"),
        ("[connections]\nx = 3\n", r"\[connections.x\] in 'crmlab.toml' is no table"),
        (f'[connections.x]\npasword = "{PASSWORD}"\n', "has 'pasword'. It may have url, host"),
        (f'[connections.x]\nurl = "{PASSWORD} junk"\n', "is not an address"),
        ('[connections.x]\nstatement_timeout = "soon"\n', "statement_timeout in .* is 'soon'"),
        ("[connections.x]\nstatement_timeout = 0\n", "statement_timeout in .* is 0"),
    ],
)
def test_settings_that_cannot_be_are_refused_without_showing_them(
    load: Load, tmp_path: Path, text: str, told: str
):
    settings(tmp_path, text)

    with pytest.raises(WrongConnection, match=told) as caught:
        load("postgres:x")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "source",
    [
        f"postgresql://postgres:{PASSWORD}@db/shop",
        f"postgres://postgres:{PASSWORD}@db/shop",
        f"host=db password = {PASSWORD}",
        f"postgres:host=db password={PASSWORD}",
    ],
)
def test_an_address_in_the_place_of_a_name_is_refused_and_not_shown(load: Load, source: str):
    with pytest.raises(AddressAsSource, match="name a connection instead") as caught:
        load(source)
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


FAILING: list[dict[str, str]] = [
    {"source": "postgres:shop"},
    {"source": "postgres:shop", "table": "nowhere"},
    {"source": "postgres:shop", "query": "SELEKT"},
    {"source": "postgres:shop", "query": "SELECT 1/0 AS customer_id, date, amount FROM orders"},
    {"source": "postgres:shop", "table": "orders", "amount": "total"},
    {"source": "postgres:wrong", "table": "orders"},
    {"source": "postgres:broken", "table": "orders"},
    {"source": "postgres:nowhere"},
]


@pytest.mark.parametrize("options", FAILING)
def test_the_password_is_in_no_message_log_or_traceback(
    load: Load,
    shop: str,
    options: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("CRMLAB_CONNECTION_WRONG", shop.replace("postgres:s3", "nobody:s3"))
    monkeypatch.setenv("CRMLAB_CONNECTION_BROKEN", f"{PASSWORD} {shop}")
    options = dict(options)

    with pytest.raises(CrmlabError) as caught:
        load(options.pop("source"), **options)

    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(caught.value)
    assert PASSWORD not in shown + "".join(capfd.readouterr())
    assert "\n" not in str(caught.value)


def test_the_password_is_in_nothing_that_is_kept(load: Load):
    tables = load("postgres:shop", table="orders")

    assert PASSWORD not in repr(tables.found) + repr(connections.find("shop"))


def test_a_message_of_the_server_is_cleaned():
    known = connections.Connection("x", {"password": PASSWORD})

    assert known.clean(f"bad {PASSWORD} here\nand there") == "bad *** here"


def test_nothing_is_left_on_the_disk(tmp_path: Path):
    code = (
        "from crmlab.intake.log import read_transactions\n"
        "read_transactions('postgres:shop', table='orders')"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)

    assert b"crmlab.errors" in done.stderr  # its rows are too few to be trusted
    assert list(tmp_path.iterdir()) == []


def test_rows_go_through_a_private_file(load: Load, monkeypatch: pytest.MonkeyPatch):
    seen = []
    statement = engines.statement

    def look(name: str, *using: str) -> str:
        if name == "csv":
            (path,) = Path(tempfile.gettempdir()).glob("crmlab-*/*/copy.csv")
            seen.append((path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777))
        return statement(name, *using)

    monkeypatch.setattr(engines, "statement", look)
    load("postgres:shop", table="orders")

    assert seen == [(0o600, 0o700)]


def test_the_password_is_in_nothing_that_a_report_leaves(shop: str, tmp_path: Path):
    """Neither in a report that is published nor in what a failing one leaves behind."""
    sample = read_transactions("cdnow-sample").connection.execute(
        "SELECT customer_id, date, amount FROM source_rows"
    )
    with psycopg.connect(shop) as link:
        link.execute("CREATE TABLE sample (customer_id text, date date, amount numeric)")
        with link.cursor().copy("COPY sample FROM STDIN") as copy:
            for row in sample.fetchall():
                copy.write_row(row)
    settings = {"observation_end": "1998-06-30", "duplicates": "keep", "zero_amount": "occasion"}

    done = [
        report(tmp_path / table, "postgres:shop", settings | {"table": table})
        for table in ("sample", "nowhere")
    ]

    assert [result.returncode for result in done] == [0, 3], done[0].stderr
    for result in done:
        assert PASSWORD not in result.stdout + result.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".html") for path in written)
    for content in (content for path in written for content in contents(path)):
        assert PASSWORD.encode() not in content


def contents(path: Path) -> list[bytes]:
    """What a file holds, also inside a workbook."""
    if not zipfile.is_zipfile(path):
        return [path.read_bytes()]
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


def report(out: Path, source: str, settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    given = [f"--set={name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-c", "from crmlab.cli import app; app()", "report"]
    arguments = ["customer-valuation", "--source", source, "--out", str(out), *given]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
