import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from papermill.translators import translate_parameters

from crmlab.errors import (
    AddressAsSource,
    ParameterError,
    SourceNotFound,
    UnknownParameter,
    UnreadableSource,
    WrongParameter,
)
from crmlab.runs.given import (
    UnreadableParameters,
    gather,
    locate,
    read_file,
    with_tables_located,
)
from crmlab.runs.report_parameters import CustomerValuation


def write(folder: Path, text: str, name: str = "params.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def from_file(folder: Path, text: str, name: str = "params.yaml") -> CustomerValuation:
    return gather(CustomerValuation, file=write(folder, text, name))


# "none", in any case, stands for no value.
TEXTS = st.text(min_size=1).filter(lambda text: text.strip().casefold() != "none")


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
def test_any_text_survives_the_command_line_and_the_injection(text: str) -> None:
    """A column's name reaches the notebook as it was given, quotes, code and all."""
    parameters = gather(CustomerValuation, settings=[f"customer_id={text}"])
    names: dict[str, object] = {}
    code = translate_parameters("python3", "python", parameters.for_notebook(), "Parameters")
    exec(code, names)  # noqa: S102  # it is what the kernel does

    assert {"customer_id": text} == names["columns"]


@settings(deadline=None)
@given(margin=st.floats(0, 1, exclude_min=True), seed=st.integers(0, 2**32 - 1))
def test_numbers_survive_the_command_line(margin: float, seed: int) -> None:
    """A number is read back to the last digit."""
    parameters = gather(CustomerValuation, settings=[f"margin={margin!r}", f"seed={seed}"])

    assert (margin, seed) == (parameters.margin, parameters.seed)


@settings(max_examples=100, deadline=None)
@given(text=TEXTS, margin=st.floats(0.001, 1))
def test_files_say_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, text: str, margin: float
) -> None:
    """YAML and JSON give the same values as the program that wrote them had."""
    folder = tmp_path_factory.mktemp("files")
    values = {"customer_id": text, "margin": margin}
    as_yaml = from_file(folder, yaml.safe_dump(values))
    as_json = from_file(folder, json.dumps(values), "params.json")

    assert (text, margin) == (as_yaml.customer_id, as_yaml.margin)
    assert (text, margin) == (as_json.customer_id, as_json.margin)


def test_each_way_overrides_the_one_before(tmp_path: Path) -> None:
    """Options override settings, settings override the file."""
    file = write(tmp_path, "margin: 0.1\nlanguage: en\nseed: 7\n")
    parameters = gather(
        CustomerValuation,
        file=file,
        settings=["margin=0.2", "language=en"],
        options={"language": "es", "source": None},
    )

    assert (0.2, "es", 7) == (parameters.margin, parameters.language, parameters.seed)
    assert "source" in parameters.assumed()


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("region: NO", "region", "NO"),
        ("observation_end: 1997-09-30", "observation_end", "1997-09-30"),
        ("customer_id: 007", "customer_id", "007"),
        ("customer_id: 12:30:00", "customer_id", "12:30:00"),
        ("customer_id: yes", "customer_id", "yes"),
        ("discount_rate: 1e-1", "discount_rate", 0.1),
        ("margin: 1", "margin", 1.0),
        ("currency:", "currency", None),
        ("currency: ~", "currency", None),
        ("currency: none", "currency", None),
    ],
)
def test_yaml_means_what_it_says(tmp_path: Path, line: str, name: str, value: object) -> None:
    """Norway is no falsehood, a date no object, and 007 no seven."""
    assert value == getattr(from_file(tmp_path, line), name)


@pytest.mark.parametrize(
    "line",
    [
        "margin: 0,3",
        "margin: 1_0",
        "margin: .nan",
        "margin: .inf",
        "margin: １",
        "margin: 30 %",
        "margin: [0.3]",
        "margin: {a: 2}",
        "margin: {a: much}",
        "margin: {}",
        "margin: !!python/object/apply:os.system ['true']",
        "seed: 0x10",
        "seed: 1.0",
        "seed: 99999999999999999999999",
        "observation_end: 1997-09-30 12:00:00",
        "region: no",
    ],
)
def test_a_mistyped_value_in_a_file_is_refused(tmp_path: Path, line: str) -> None:
    """What does not read as the type is refused, not guessed at."""
    with pytest.raises(WrongParameter):
        from_file(tmp_path, line)


@pytest.mark.parametrize(
    ("text", "name", "found"),
    [
        ("margin: 0.3\nmargin: 0.4\n", "p.yaml", "'margin' is given more than once"),
        ("- margin\n", "p.yaml", "does not hold names and values"),
        ("margin: [0.3\n", "p.yaml", "line 2"),
        ("{a: 1}: 2\n", "p.yaml", "does not hold names and values"),
        ('{"margin": 0.3, "margin": 0.4}', "p.json", "'margin' is given more than once"),
        ('["margin"]', "p.json", "does not hold names and values"),
        ('{"margin": 0.3', "p.json", "line 1"),
        ("[" * 100_000, "p.json", "nested too deeply"),
        ("#" * 1_000_001, "p.yaml", "larger than a parameters file"),
    ],
)
def test_a_file_that_is_none_of_parameters_is_refused(
    tmp_path: Path, text: str, name: str, found: str
) -> None:
    """The refusal names the file and what was found in it."""
    with pytest.raises(UnreadableParameters, match=found) as refused:
        from_file(tmp_path, text, name)

    assert 2 == refused.value.exit_code


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and a picture give one line each."""
    picture = tmp_path / "picture.yaml"
    picture.write_bytes(b"\x89PNG\xff")
    for path, found in [
        (tmp_path / "none.yaml", "no such file"),
        (tmp_path, "is a directory"),
        (picture, "not text in UTF-8"),
    ]:
        with pytest.raises(UnreadableParameters, match=found):
            read_file(CustomerValuation, path)


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    """A file of comments only is as good as none."""
    assert {} == read_file(CustomerValuation, write(tmp_path, "# nothing yet\n"))


def test_a_setting_without_a_sign_says_how_to_write_it() -> None:
    """--set margin is answered with --set NAME=VALUE."""
    with pytest.raises(ParameterError, match="Write: --set NAME=VALUE"):
        gather(CustomerValuation, settings=["margin"])


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    """--set margn=0.2 is answered with margin."""
    with pytest.raises(UnknownParameter, match="'margin'"):
        gather(CustomerValuation, settings=["margn=0.2"])


def test_a_value_may_hold_the_sign_itself() -> None:
    """Only the first = parts name and value."""
    assert "a=b" == gather(CustomerValuation, settings=["customer_id=a=b"]).customer_id


def test_a_source_is_found_wherever_the_kernel_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path becomes absolute; cdnow stays what it is."""
    write(tmp_path, "a,b", "orders.csv")
    monkeypatch.chdir(tmp_path)

    assert str((tmp_path / "orders.csv").resolve()) == locate("orders.csv")
    assert "cdnow" == locate("cdnow")


@pytest.mark.parametrize(
    "source", ["odrers.csv", "x" * 5000, "a\0b", "nowhere/orders.csv", "~nouser/a.csv"]
)
def test_a_source_that_is_not_there_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """The refusal comes before any work and has the exit code of wrong data."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceNotFound) as refused:
        locate(source)

    assert 3 == refused.value.exit_code


def test_a_missing_source_is_answered_with_the_nearest_file(tmp_path: Path) -> None:
    """A typing error in a path is answered with the path that was meant."""
    write(tmp_path, "a,b", "orders.csv")
    with pytest.raises(SourceNotFound, match=r"Did you mean '.*orders\.csv'"):
        locate(str(tmp_path / "odrers.csv"))


def test_the_built_in_data_are_known_by_small_letters() -> None:
    """CDNOW is answered with the name that was meant; a file of that name would be a file."""
    with pytest.raises(SourceNotFound, match="Did you mean 'cdnow'"):
        locate("CDNOW")


def test_an_address_with_its_password_is_refused_and_not_shown() -> None:
    """Nothing is written of a source that may hold a secret."""
    with pytest.raises(AddressAsSource) as refused:
        gather(CustomerValuation, options={"source": "postgresql://u:s3cr3t@h/db"})

    assert 2 == refused.value.exit_code
    assert "s3cr3t" not in str(refused.value)


def test_a_folder_is_no_source(tmp_path: Path) -> None:
    """A folder is answered with the request for a file."""
    with pytest.raises(UnreadableSource, match="it is a folder"):
        locate(str(tmp_path))


def test_margins_by_category_stand_in_the_file_as_pairs(tmp_path: Path) -> None:
    """In YAML and in JSON; a category twice is refused."""
    yaml = from_file(tmp_path, "margin:\n  books: 0.2\n  toys: -0.05\n  007: .5")

    assert yaml.margin == {"books": 0.2, "toys": -0.05, "007": 0.5}
    path = tmp_path / "p.json"
    path.write_text('{"margin": {"books": 0.2, "toys": 0}}')
    assert gather(CustomerValuation, file=path).margin == {"books": 0.2, "toys": 0.0}
    with pytest.raises(ParameterError, match="'books' is given more than once"):
        from_file(tmp_path, "margin:\n  books: 0.2\n  books: 0.3")


@pytest.mark.parametrize("name", ["margin", "acquisition_cost", "cost_to_serve"])
def test_tables_are_found_wherever_the_notebook_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A path beside the caller becomes absolute; one that leads nowhere is refused."""
    monkeypatch.chdir(tmp_path)
    Path("rates.csv").write_text("x,y\n")
    found = with_tables_located(gather(CustomerValuation, settings=[f"{name}=rates.csv"]))

    assert getattr(found, name) == str((tmp_path / "rates.csv").resolve())
    near = rf"'{name}' is .*rate\.csv, of which there is no file .did you mean 'rates\.csv'"
    with pytest.raises(WrongParameter, match=near):
        with_tables_located(gather(CustomerValuation, settings=[f"{name}=rate.csv"]))
    Path("folder.d").mkdir()
    with pytest.raises(WrongParameter, match=rf"'{name}' is 'folder\.d: it is a folder'"):
        with_tables_located(gather(CustomerValuation, settings=[f"{name}=folder.d"]))


@pytest.mark.parametrize("word", ["column", "cost", "unit_cost"])
def test_a_word_for_the_margin_is_no_path(word: str) -> None:
    """It says which column of the source tells margins."""
    given = gather(CustomerValuation, settings=[f"margin={word}"])

    assert with_tables_located(given).margin == word
