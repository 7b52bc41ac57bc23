import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from papermill.exceptions import PapermillExecutionError

import crmlab
from crmlab.runs.execute import _WITH_ERRORS, _explain, refusals

PACKAGE = Path(crmlab.__file__).parent
CLASS = re.compile(r"^class (\w+)\((\w+)\):", re.MULTILINE)


def derived() -> Iterator[tuple[str, str, str]]:
    """Every class of the package that has one base: its module, its name, its base's."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(("crmlab", *path.relative_to(PACKAGE).with_suffix("").parts))
        for name, base in CLASS.findall(path.read_text(encoding="utf-8")):
            yield module, name, base


def test_every_refusal_is_known_by_name() -> None:
    """Each error of the family, wherever it is defined, keeps its exit code out of the kernel."""
    known = refusals()
    ours = [(module, name) for module, name, base in derived() if base in known]

    assert {name for _, name in ours} <= set(known)
    assert {module for module, _ in ours} == {"crmlab.errors", "crmlab.runs.execute", *_WITH_ERRORS}
    assert {2, 3, 4, 70, 73, 75} == {kind.exit_code for kind in known.values()}


@pytest.mark.parametrize(("name", "code"), [("NothingYet", 3), ("BaseBusy", 75), ("KeyError", 70)])
def test_a_refusal_keeps_its_words_and_its_exit_code(name: str, code: int) -> None:
    """Those of the base as those of crmlab.errors; what is no refusal is a fault of the report."""
    failed = PapermillExecutionError(5, 4, "", name, "'base@2020-01-01'\nholds nothing", [])
    told = _explain(Path("report.ipynb"), failed)
    fault = f"Cell [4] of report.ipynb failed: {name}: 'base@2020-01-01' holds nothing."

    assert told.exit_code == code
    assert str(told) == (fault if code == 70 else "'base@2020-01-01' holds nothing")
