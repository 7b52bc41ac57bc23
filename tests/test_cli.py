import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from crmlab.cli import app
from crmlab.runs import catalogue
from crmlab.runs.catalogue import PARAMETERS, Report

HEAVY = ("pandas", "numpy", "scipy", "matplotlib", "duckdb", "papermill", "weasyprint", "pydantic")
STUBS = Path(__file__).with_name("runs") / "notebooks"
Use = Callable[[str], None]


def crmlab(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def one_line(result: Result) -> str:
    """What was said on stderr, if it was one line and nothing else was said."""
    assert "" == result.stdout
    (line,) = result.stderr.splitlines()
    assert line.startswith("crmlab: ")
    return line.removeprefix("crmlab: ")


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Let every report run a stub notebook."""

    def go(stub: str) -> None:
        def find(name: str) -> Report:
            return Report(name, PARAMETERS[name], STUBS / f"{stub}.ipynb")

        monkeypatch.setattr(catalogue, "find", find)

    return go


def test_help_imports_nothing_heavy() -> None:
    """The help answers at once: what is slow to import is imported where it is needed."""
    code = (
        "import sys\nfrom crmlab.cli import app\ntry:\n    app(['--help'])\n"
        f"except SystemExit:\n    sys.exit(', '.join(sys.modules.keys() & {set(HEAVY)}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ("", 0) == (done.stderr, done.returncode)
    assert {"demo", "report", "params", "check"} <= set(done.stdout.split())


def test_the_version_is_the_packages() -> None:
    """crmlab --version answers with name and number."""
    from importlib.metadata import version

    assert f"crmlab {version('crmlab')}\n" == crmlab("--version").stdout


def test_a_published_report_is_told_in_plain_lines(tmp_path: Path, use: Use) -> None:
    """Away from a terminal: the path of the report, the headline, nothing on stderr."""
    use("complete")
    result = crmlab("report", "retention", "--language", "es", "--out", tmp_path)
    page, *figures = result.stdout.splitlines()

    assert (0, "") == (result.exit_code, result.stderr)
    assert (tmp_path / "retention" / "es" / "latest").resolve() == Path(page).parent
    assert ["  Value: 1.10 million"] == figures


def test_the_demo_makes_both_reports_in_both_languages(tmp_path: Path, use: Use) -> None:
    """Four reports, always in the same order, each where it belongs."""
    use("complete")
    result = crmlab("demo", "--out", tmp_path)
    told = [Path(line) for line in result.stdout.splitlines() if line.endswith("report.html")]
    places = [path.relative_to(tmp_path).parts[:2] for path in told]

    assert (0, "") == (result.exit_code, result.stderr)
    assert [(name, language) for name in PARAMETERS for language in ("en", "es")] == places


def test_a_demo_that_fails_names_each_report(tmp_path: Path, use: Use) -> None:
    """Every report that failed has its line, and the exit code is the first one's."""
    use("refuses")
    result = crmlab("demo", "--out", tmp_path)

    assert 4 == result.exit_code
    assert 6 == len(result.stderr.splitlines())
    assert "crmlab: retention (es): BGNBD cannot be estimated" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["valuation"], 2, "The reports are: customer-valuation, retention, strategy-review, "),
        (["retention", "--set", "margn=0.3"], 2, "Did you mean 'margin'"),
        (["retention", "--set", "margin=abc"], 2, "'margin' is 'abc'; expected a number above 0"),
        (["retention", "--set", "margin"], 2, "Write: --set NAME=VALUE"),
        (["retention", "--language", "fr"], 2, "'language' is 'fr'; expected en or es"),
        (["retention", "--params", "none.yaml"], 2, "'none.yaml' cannot be read: no such file"),
        (["retention", "--source", "a.csv"], 2, "'observation_end' is missing"),
        (
            ["retention", "--source", "a.csv", "--set", "observation_end=2026-06-30"],
            3,
            "There is no file 'a.csv'. Did you mean 'b.csv'?",
        ),
    ],
)
def test_a_users_mistake_is_one_line_before_any_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    """What was found, what was expected, and the documented exit code."""
    monkeypatch.chdir(tmp_path)
    Path("b.csv").touch()
    result = crmlab("report", *arguments)

    assert said in one_line(result)
    assert code == result.exit_code
    assert ["b.csv"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("stub", "code", "said"),
    [
        ("refuses", 4, "BGNBD cannot be estimated: no customer bought twice. Give a longer"),
        ("breaks", 70, "Cell [4] of breaks.ipynb failed: ZeroDivisionError: division by zero."),
    ],
)
def test_a_failed_run_is_one_line(
    tmp_path: Path, use: Use, stub: str, code: int, said: str
) -> None:
    """A refusal is told as it was worded; a fault of the report with where its record is."""
    use(stub)
    result = crmlab("report", "retention", "--out", tmp_path)
    line = one_line(result)

    assert code == result.exit_code
    assert line.startswith(said)
    assert (code == 70) == (str(tmp_path / "retention" / "en" / "failed") in line)


def test_a_folder_that_cannot_be_written_has_its_exit_code(tmp_path: Path, use: Use) -> None:
    """A file in the place of the output folder ends with 73."""
    use("complete")
    (tmp_path / "file").touch()
    result = crmlab("report", "retention", "--out", tmp_path / "file")

    assert 73 == result.exit_code
    assert "--out DIR" in one_line(result)


def test_a_fault_of_our_own_is_one_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even then no traceback: the kind, the text and the place."""

    def fail(_name: str) -> Report:
        raise KeyError("x")

    monkeypatch.setattr(catalogue, "find", fail)
    result = crmlab("report", "retention")

    assert 70 == result.exit_code
    assert "internal error, please report it: KeyError: 'x' (test_cli.py, line" in one_line(result)


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_parameters_are_listed(name: str) -> None:
    """For people as a table, for programs as JSON, from the same declaration."""
    table, as_json = crmlab("params", name), crmlab("params", name, "--json")
    names = [row["name"] for row in PARAMETERS[name].describe()]

    assert (0, 0) == (table.exit_code, as_json.exit_code)
    assert names == [row["name"] for row in json.loads(as_json.stdout)]
    first_words = [line.split()[0] for line in table.stdout.splitlines() if line[:1].strip()]
    assert ["Name", *names] == first_words


ANY_SHARE = ("--set", "limit=1", "--set", "reason_limit=1")


def test_a_source_is_checked_to_the_row_and_the_cent(tmp_path: Path) -> None:
    """The account says what is used, what is not and why, with examples."""
    source = tmp_path / "orders.csv"
    source.write_text("client,date,amount\na,2026-01-02,3.50\n,2026-01-03,4\nb,soon,5\n")
    result = crmlab("check", source, "--set", "customer_id=client", *ANY_SHARE)
    rows = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines() if line}

    assert 0 == result.exit_code
    assert ["3", "12.50", "2"] == rows["read"]
    assert ["1", "3.50", "1"] == rows["used"]
    assert "Columns: customer_id=client, date=date, amount=amount" in result.stdout
    assert (
        "date_unreadable: expected a day in the form of the others (--set date=NAME, "
        "date_order=... or date_system=...)\n  line 4: date 'soon'\n" in result.stdout
    )
    assert "Numbers have a decimal point: proved by 1 rows, none against." in result.stdout
    assert "No observation_end was given: 2026-01-02, the last day" in result.stdout


def test_five_rows_of_each_reason_are_shown(tmp_path: Path) -> None:
    """Each on a line, and how many more there are."""
    source = tmp_path / "orders.csv"
    wrong = "".join(f"a,2026-01-02,x{i}\n" for i in range(7))
    source.write_text(f"customer_id,date,amount\na,2026-01-02,3.50\n{wrong}")
    told = crmlab("check", source, *ANY_SHARE).stdout

    assert [f"  line {i + 3}: amount 'x{i}'" for i in range(5)] == [
        line for line in told.splitlines() if "amount 'x" in line
    ]
    assert "\n  and 2 more\n" in told


def test_a_guess_of_the_columns_is_used_by_a_check_and_told(tmp_path: Path) -> None:
    """The account is that of the guess, and the line to write is there to copy."""
    source = tmp_path / "orders.csv"
    source.write_text("id cliente;fecha;importe\na;02/01/2026;3,50\nb;13/01/2026;1.004,25\n")
    result = crmlab("check", source)

    assert 0 == result.exit_code
    told = "--set 'customer_id=id cliente' --set date=fecha --set amount=importe"
    assert f"guessed by their names; a report needs them told: {told}" in result.stdout
    assert "1,007.75" in result.stdout
    assert "in the order day, month, year: proved by 1 rows" in result.stdout
    end = ("--set", "observation_end=2026-02-01")
    report = crmlab("report", "retention", "--source", source, *end)
    assert (3, True) == (report.exit_code, told in one_line(report))


def test_a_source_that_is_refused_is_shown_all_the_same(tmp_path: Path) -> None:
    """The account, and then each refusal in a line with its remedy."""
    source = tmp_path / "orders.csv"
    source.write_text("customer_id,date,amount\na,2026-01-02,3.50\na,2026-01-02,3.50\nb,x,1\n")
    result = crmlab("check", source)
    said = result.stderr.splitlines()

    assert 3 == result.exit_code
    assert "\n  line 4: date 'x'\n" in result.stdout
    assert 2 == len(said)
    assert "--set duplicates=keep" in said[0]
    assert "most (1) for date_unreadable (first: line 4: date 'x')" in said[1]
    assert "--set reason_limit=0.34 --set limit=0.34" in said[1]


def test_a_check_can_be_read_by_programs(tmp_path: Path) -> None:
    """The account, the columns and the refusals as JSON, without a row."""
    source = tmp_path / "orders.csv"
    source.write_text("client,date,amount\nana-id,2026-01-02,3.50\nana-id,x,1\n")
    result = crmlab("check", source, "--json")
    told = json.loads(result.stdout)

    assert 3 == result.exit_code
    assert {"customer_id": "client", "date": "date", "amount": "amount"} == told["columns"]
    assert (True, True, "4.50") == (told["guessed"], told["balanced"], told["read"]["money"])
    assert ["date_unreadable"] == [refusal["code"] for refusal in told["refusals"]]
    assert "ana-id" not in result.stdout
    (example,) = told["examples"]["date_unreadable"]
    assert (3, "date", "x") == tuple(example[name] for name in ("line", "column", "found"))
    assert "a day in the form of the others" == example["expected"]
    assert "date_order" in example["remedy"]


def test_a_refusal_without_an_account_can_be_read_by_programs(tmp_path: Path) -> None:
    """Dates that nobody can tell leave nothing to count: the refusal alone, with its code."""
    source = tmp_path / "orders.csv"
    source.write_text("customer_id,date,amount\na,02/01/2026,3.50\nb,03/04/2026,1\n")
    result = crmlab("check", source, "--json")
    told = json.loads(result.stdout)

    assert 3 == result.exit_code
    assert str(source) == told["source"]
    assert ["date_order"] == [refusal["code"] for refusal in told["refusals"]]
    assert f"crmlab: {told['refusals'][0]['message']}\n" == result.stderr


def test_large_money_is_shown_to_the_cent(tmp_path: Path) -> None:
    """Beyond what a floating-point number can hold."""
    source = tmp_path / "orders.csv"
    many = "".join(f"a{n},2026-01-02,90071992547409.93\n" for n in range(1001))
    source.write_text(f"customer_id,date,amount\n{many}")
    rows = [line.split() for line in crmlab("check", source).stdout.splitlines() if line]
    told = {row[0]: row[2] for row in rows if row[0] in ("read", "used")}

    assert dict.fromkeys(("read", "used"), "90,162,064,539,957,339.93") == told


def test_an_example_for_programs_names_no_customer(tmp_path: Path) -> None:
    """Its line and column are told, and what would be right; neither an id nor a whole row."""
    source = tmp_path / "orders.csv"
    source.write_text("client,date,amount\nana,2026-01-02,3.50\nGUEST,2026-01-02,1\nana,1\n")
    told = json.loads(crmlab("check", source, "--json").stdout)["examples"]
    (nobody,), (short,) = told["placeholder_id"], told["field_count"]

    assert (3, "client", None) == tuple(nobody[name] for name in ("line", "column", "found"))
    assert (4, None, None) == tuple(short[name] for name in ("line", "column", "found"))
    assert "as many fields as the header has" == short["expected"]


def test_a_check_reads_the_parameters_of_a_report(tmp_path: Path) -> None:
    """A report's file says how its source is read; what is about the report is passed over."""
    source, params = tmp_path / "orders.csv", tmp_path / "report.yaml"
    source.write_text("client,date,amount\na,01/02/2026,3.50\n")
    params.write_text("customer_id: client\ndate_order: dmy\nmargin: 0.4\nlanguage: es\n")
    result = crmlab("check", source, "--params", params, "--set", "observation_end=2026-03-01")

    assert 0 == result.exit_code
    assert "day, month, year: so it was declared" in result.stdout
    assert "No observation_end" not in result.stdout


def test_a_check_of_cdnow_needs_nothing() -> None:
    """The built-in source has its own end of observation, and all its rows are used."""
    result = crmlab("check", "cdnow")

    assert 0 == result.exit_code
    assert ["69,659", "2,500,315.63", "23,570"] == [
        cell for line in result.stdout.splitlines() if "used" in line for cell in line.split()[1:]
    ]
    assert "No observation_end" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["other.csv"], 3, "has no column 'customer_id'. Its columns: who, date, amount"),
        (["empty.csv"], 3, "has no rows that can be used"),
        (["odrers.csv"], 3, "Did you mean 'orders.csv'"),
        (["orders.csv", "--set", "margin=0.3"], 2, "Known parameters: customer_id, date, amount"),
        (["orders.csv", "--set", "source=x"], 2, "Unknown parameter 'source'"),
        (["orders.csv", "--set", "observation_end=soon"], 2, "expected a date as YYYY-MM-DD"),
    ],
)
def test_a_source_that_cannot_be_used_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, said: str
) -> None:
    """The gate's refusals come through as they are, with the documented exit code."""
    monkeypatch.chdir(tmp_path)
    Path("orders.csv").write_text("client,date,amount\na,2026-01-02,3.50\n")
    Path("other.csv").write_text("who,date,amount\na,2026-01-02,3.50\n")
    Path("empty.csv").touch()
    result = crmlab("check", *arguments)

    assert said in one_line(result)
    assert code == result.exit_code
