import ast
import json
from pathlib import Path

import pytest

from crmlab.errors import MissingParameter, UnknownParameter, WrongParameter
from crmlab.runs.catalogue import PARAMETERS, find
from crmlab.runs.contract_parameters import ContractRetention
from crmlab.runs.report_parameters import CustomerValuation, Retention


def assigned(notebook: Path) -> dict[str, object]:
    """Names and values in the cell tagged `parameters`."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    (cell,) = [c for c in cells if "parameters" in c["metadata"].get("tags", [])]
    body = ast.parse("".join(cell["source"])).body
    assert all(isinstance(node, (ast.Assign, ast.AnnAssign)) for node in body)
    pairs = [(n.target if isinstance(n, ast.AnnAssign) else n.targets[0], n.value) for n in body]
    return {target.id: ast.literal_eval(value) for target, value in pairs}


@pytest.mark.parametrize("name", PARAMETERS)
def test_notebook_parameters_equal_the_declared_ones(name: str) -> None:
    """A report's notebook has the declared parameters as the demo runs them, and the runner's two.

    So that Run All in JupyterLab makes the report that the command makes.
    """
    declared = PARAMETERS[name]().resolved().for_notebook()
    in_notebook = assigned(find(name).notebook)

    assert {**declared, "assumed": [], "run_dir": ""} == in_notebook
    assert "run_dir" == list(in_notebook)[-1]


def test_the_defaults_are_those_of_the_demo() -> None:
    """Without a word, CDNOW is valued at 1998-06-30 and validated on 1997-09-30."""
    full = CustomerValuation().resolved()

    assert (0.30, 0.15, 5.0) == (full.margin, full.discount_rate, full.horizon_years)
    assert ("1998-06-30", "1997-09-30") == (full.observation_end, full.calibration_end)
    assert ("occasion", "USD", "US", "week") == (
        full.zero_amount,
        full.currency,
        full.region,
        full.unit,
    )


def test_another_source_takes_nothing_from_cdnow() -> None:
    """What is known of CDNOW is not assumed of a file."""
    given = {"source": "orders.csv", "observation_end": "2026-06-30", "language": "es"}
    full = Retention.build(given).resolved()

    assert ("ignore", None, None, "ES") == (
        full.zero_amount,
        full.calibration_end,
        full.currency,
        full.region,
    )


def test_the_end_of_observation_is_never_assumed_for_a_file() -> None:
    """A file's last day is not its end of observation: that must be said."""
    with pytest.raises(MissingParameter, match=r"--set observation_end=") as refused:
        CustomerValuation(source="orders.csv").resolved()

    assert 2 == refused.value.exit_code


def test_what_was_not_given_is_assumed() -> None:
    """Given and assumed parameters together are all of them, whatever the values."""
    parameters = Retention.build({"margin": 0.30, "language": "en"})

    assert "margin" not in parameters.assumed()
    assert "observation_end" in parameters.assumed()
    assert set(Retention.model_fields) == {"margin", "language", *parameters.assumed()}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("margin", 0.0),
        ("margin", 1.01),
        ("margin", True),
        ("margin", "0.3"),
        ("margin", float("nan")),
        ("discount_rate", -0.5),
        ("discount_rate", float("inf")),
        ("horizon_years", 0.0),
        ("horizon_years", 101.0),
        ("seed", 1.0),
        ("seed", -1),
        ("unit", "fortnight"),
        ("zero_amount", "yes"),
        ("language", "fr"),
        ("region", "Spain"),
        ("region", False),
        ("currency", "euro"),
        ("currency", "€"),
        ("observation_end", "30/06/1998"),
        ("observation_end", "19980630"),
        ("observation_end", "1998-02-30"),
        ("observation_end", "1998-06-30T00:00"),
        ("source", ""),
        ("customer_id", 7),
        ("customer_id", "\ud800"),
        ("cohort_period", "day"),
    ],
)
def test_a_wrong_value_is_refused_with_what_was_expected(name: str, value: object) -> None:
    """The refusal names the parameter, the value and what it may be."""
    with pytest.raises(WrongParameter) as refused:
        Retention.build({name: value})

    assert (name, Retention.expected(name)) == (refused.value.name, refused.value.expected)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    """A misspelt name is not passed on to the notebook, which would ignore it."""
    with pytest.raises(UnknownParameter, match="Did you mean 'margin'"):
        CustomerValuation.build({"margn": 0.2})


@pytest.mark.parametrize("name", ["run_dir", "assumed", "cohort_period", "__class__"])
def test_only_what_a_report_declares_can_be_set(name: str) -> None:
    """What the runner sets itself, and other reports' parameters, cannot be given."""
    with pytest.raises(UnknownParameter):
        CustomerValuation.build({name: "x"})


def test_calibration_ends_before_observation() -> None:
    """A day given for calibration_end lies before observation_end."""
    with pytest.raises(WrongParameter, match=r"before observation_end \(1997-06-30\)"):
        CustomerValuation(calibration_end="1997-06-30", observation_end="1997-06-30").resolved()


def test_an_earlier_end_than_cdnows_own_calibration_holds_out_the_last_third() -> None:
    """Only a day that the user gave is held against him."""
    full = CustomerValuation(observation_end="1997-06-30").resolved()

    assert full.calibration_end is None


def test_a_huge_value_makes_a_short_message() -> None:
    """The refusal stays one line that can be read."""
    with pytest.raises(WrongParameter) as refused:
        CustomerValuation.build({"currency": "x" * 10_000})

    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_says_what_it_means(name: str) -> None:
    """Name, type, unit, default and meaning are there for every parameter."""
    for row in PARAMETERS[name].describe():
        assert row["type"]
        assert row["meaning"]
        assert {"name", "type", "unit", "default", "meaning"} == set(row)


@pytest.mark.parametrize(("name", "value"), [("region", "ZZ"), ("currency", "ABC")])
def test_names_that_do_not_exist_are_refused_before_a_kernel_starts(name: str, value: str) -> None:
    """A region without the language, and three letters that are no currency."""
    with pytest.raises(WrongParameter, match=f"Parameter '{name}' is '{value}'"):
        CustomerValuation.build({name: value}).resolved()


def test_a_share_of_what_a_contract_pays_is_no_more_than_1() -> None:
    """60 for 60 % would make every contract worth a hundred times too much."""
    given = {"source": "contracts.csv", "observation_end": "2024-06-30", "margin_column": "fee"}

    assert ContractRetention.build({**given, "margin": 0.6}).resolved().margin == 0.6
    with pytest.raises(WrongParameter, match=r"'margin' is 60\.0; expected a share"):
        ContractRetention.build({**given, "margin": 60}).resolved()
