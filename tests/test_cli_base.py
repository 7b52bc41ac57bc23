"""`crmlab base`: what each command says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.errors import SourceNotFound, UnreadableSource
from crmlab.intake.customer_base import address
from crmlab.runs import given
from crmlab.runs.report_parameters import ReportParameters

HEAD = "customer_id,date,amount\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def base(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["base", *map(str, arguments)])


def orders(name: str, *rows: str) -> str:
    Path(name).write_text(HEAD + "\n".join(rows) + "\n")
    return name


def refusal(result: Result) -> tuple[int, str]:
    """The exit code, and the one line on stderr."""
    (line,) = result.stderr.splitlines()
    assert "" == result.stdout
    return result.exit_code, line.removeprefix("crmlab: ")


def test_files_are_loaded_in_order_and_told() -> None:
    """One line a file: what was new, known, corrected; the same again changes nothing."""
    first = orders("1.csv", "a,2024-01-05,10", "b,2024-01-06,ten")
    second = orders("2.csv", "b,2024-01-06,ten", "c,2024-01-07,5")
    lines = base("load", first, second, first).stdout.splitlines()

    assert [
        "1.csv: load 1, 2 rows: 2 new; of them 1 cannot be used: 1 for amount_unreadable "
        "(first: line 3: amount 'ten')",
        "2.csv: load 2, 2 rows: 1 new, 1 known already; of them 1 cannot be used: 1 for "
        "amount_unreadable (first: line 2: amount 'ten')",
        "1.csv: already in the base (load 1); nothing was changed",
    ] == lines
    assert Path("data/base/base.duckdb").is_file()


def test_a_refused_file_leaves_those_before_it() -> None:
    """Each file is taken whole or not at all; the exit code is that of the refusal."""
    bad = orders("bad.csv", *[f"a,2024-01-05,x{n}" for n in range(30)])
    result = base("load", orders("1.csv", "a,2024-01-05,10"), bad)

    assert (3, 1) == (result.exit_code, len(result.stdout.splitlines()))
    assert "30 rows" in result.stderr
    assert 1 == json.loads(base("status", "--json").stdout)["balance"]["read"]


def test_options_of_a_source_are_those_of_check() -> None:
    """Columns, reading and meaning by --set or from a file; days, folder and JSON by options."""
    Path("es.csv").write_text("Cliente;Fecha;Importe\n7;05/01/2024;1.234,50\n")
    Path("how.yaml").write_text("customer_id: Cliente\ndate: Fecha\namount: Importe\n")
    result = base(
        "load", "es.csv", "--params", "how.yaml", "--set", "date_order=dmy", "--base", "other",
        "--loaded-on", "2024-02-01", "--json",
    )  # fmt: skip
    base("export", "out.parquet", "--base", "other", "--as-of", "2024-02-01")
    base("export", "before.csv", "--base", "other", "--as-of", "2024-01-31")

    assert (1, "2024-02-01") == tuple(json.loads(result.stdout)[k] for k in ("added", "loaded_on"))
    assert [1234.5] == [float(x) for x in pd.read_parquet("out.parquet")["amount"]]
    assert 1 == len(Path("before.csv").read_text().splitlines())


def test_attributes_are_loaded_too() -> None:
    """With their own columns; faulty rows are told."""
    Path("crm.csv").write_text(
        "Id,valid_from,channel,region\na,2024-01-01,web,x\nb,2024-01-01,web,y\nb,never,web,y\n"
    )
    told = base(
        "load", "crm.csv", "--attributes", "--others", "region", "--set", "customer_id=Id",
        "--set", "limit=0.5",
    )  # fmt: skip

    assert "crm.csv: load 1, 3 rows: 2 new, 1 set aside\n" == told.stdout
    assert 2 == json.loads(base("status", "--json").stdout)["attributes"]


def test_the_status_is_a_table() -> None:
    """For people."""
    base("load", orders("1.csv", "a,2024-01-05,10", "b,2024-01-06,ten"))
    lines = [" ".join(line.split()) for line in base("status").stdout.splitlines()]

    assert "rows read 2 10.00" in lines
    assert "set aside: amount_unreadable 1 0.00" in lines
    assert "customers 2" in lines


def test_a_wrong_load_is_found_and_withdrawn() -> None:
    """By its number, with a reason; status tells the days before and after."""
    base("load", orders("1.csv", "a,2024-01-05,10"), "--loaded-on", "2024-02-01")
    base("load", orders("2.csv", "a,2024-01-05,10", "b,2024-01-06,5"), "--loaded-on", "2024-03-01")
    day = ("--withdrawn-on", "2024-04-01")
    told = base("withdraw", "1", "--reason", "a test file", *day)
    listed = json.loads(base("loads", "--json").stdout)
    then = json.loads(base("status", "--as-of", "2024-02-15", "--json").stdout)
    again = base("withdraw", "1", "--reason", "once more")
    shown = base("loads").stdout
    whole = base("withdraw", "2", "--reason", "all of it", *day, "--json")

    assert told.stdout == (
        "load 1 (1.csv, 1 rows) withdrawn: the base had 2 rows, it has 2, "
        "1 later loads judged again\n"
    )
    assert [("2024-04-01", "a test file"), (None, None)] == [
        (one["withdrawn_on"], one["reason"]) for one in listed
    ]
    assert "a test file" in " ".join(shown.split())
    assert ("2024-02-15", 1, "10.00") == (then["as_of"], then["loads"], then["net"])
    assert (3, "Load 1 was withdrawn on 2024-04-01 already.") == refusal(again)
    assert (2, 0) == tuple(json.loads(whole.stdout)[k] for k in ("before", "after"))


def test_pseudonyms_objections_and_erasure_from_the_command_line(here: Path) -> None:
    """Key, base, load, object, withdraw, block, destroy: each with its line, no id in any."""
    rows = ["ana@example.org,2024-01-05,10", "b,2024-01-06,5"]
    key = here / "keys" / "base.key"
    base("load", orders("1.csv", *rows))
    assert "key" in base("key", key).stdout
    assert "pseudonyms" in base("init", "--key-file", key).stdout
    base("load", orders("1.csv", *rows))
    Path("objections.csv").write_text("customer_id\nana@example.org\nzoe\n")
    told = [
        base("object", "--file", "objections.csv"),
        base("object", "--id", "zoe", "--withdraw"),
        base("erase", "--id", "ana@example.org"),
        base("erase", "--id", "ana@example.org", "--destroy"),
        base("load", orders("2.csv", *rows, "c,2024-01-07,5")),
        base("tidy"),
    ]

    assert [0] * len(told) == [result.exit_code for result in told]
    said = "".join(result.stdout for result in told)
    assert "2 named, 1 of them with purchases here; 2 objections added, 2 stand now" in said
    assert "1 objections withdrawn, 1 stand now" in said
    assert "destroyed on" in said
    assert "1 of people who were erased, not taken" in said
    assert "ana" not in said


def test_what_cannot_be_done_is_one_line_with_its_code() -> None:
    """No traceback for anybody's mistake."""
    base("load", orders("1.csv", "a,2024-01-05,10"))

    assert (3, True) == told(base("status", "--base", "none"), "no customer base in 'none'")
    assert (3, True) == told(base("load", "2.csv"), "no file '2.csv'")
    assert (3, True) == told(base("erase", "--id", "z"), "nobody of this id")
    assert (3, True) == told(base("init"), "already")
    assert (2, True) == told(base("load", "1.csv", "--set", "foo=1"), "Unknown parameter 'foo'")
    assert (2, True) == told(base("load", "1.csv", "--loaded-on", "soon"), "'loaded_on'")
    assert (2, True) == told(base("export", "x.pdf"), "cannot be written")
    assert (2, True) == told(base("key", "data/base"), "cannot be used")
    assert (2, True) == told(base("init", "--base", "b2", "--key-file", "k"), "crmlab base key")


def told(result: Result, words: str) -> tuple[int, bool]:
    code, line = refusal(result)
    return code, words in line


def test_a_base_is_found_before_a_report_starts(here: Path) -> None:
    """Its place is made absolute, for a kernel that runs elsewhere; or its absence is told."""
    with pytest.raises(UnreadableSource, match="crmlab base load FILE"):
        given.locate("base")
    base("load", orders("1.csv", "a,2024-01-05,10"))

    assert f"base:{here}/data/base" == given.locate("base") == given.locate("data/base")
    assert f"base:{here}/data/base@2024-06-30" == given.locate("base:data/base@2024-06-30")
    assert (str(address.FOLDER), address.FILE) == (given._FOLDER, given._FILE)
    with pytest.raises(SourceNotFound):
        given.locate("bases")


def test_what_a_free_day_is_a_base_knows_itself() -> None:
    """A report does not say it in its stead."""
    facts = {"observation_end": "2024-01-31"}

    assert None is ReportParameters.build({"source": "base", **facts}).resolved().zero_amount
    assert "ignore" == ReportParameters.build({"source": "x.csv", **facts}).resolved().zero_amount


def test_check_gives_account_of_a_base() -> None:
    """As of any other source."""
    base("load", orders("1.csv", "a,2024-01-05,10", "b,2024-01-06,5", "b,2024-01-09,5"))
    base("object", "--id", "a")
    result = CliRunner().invoke(app, ["check", "base", "--json"])
    account = json.loads(result.stdout)

    assert 0 == result.exit_code
    assert (2, 1) == (account["used"]["records"], account["set_aside"]["objected"]["records"])
