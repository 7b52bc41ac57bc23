import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))


def project() -> dict[str, object]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_conda_form_equals_the_project() -> None:
    """environment.yml names the same packages with the same bounds, and the same Python."""
    stated = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    (with_pip,) = [entry["pip"] for entry in stated if isinstance(entry, dict)]
    packages = [line for line in with_pip if not line.startswith("-")]

    assert sorted(project()["dependencies"]) == sorted(packages)
    assert f"python{project()['requires-python']}" in stated
    assert {"-c constraints.txt", "-e ."} == set(with_pip) - set(packages)


def test_every_dependency_is_pinned() -> None:
    """constraints.txt holds a version of every package that the project names."""
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {pin.partition("==")[0] for pin in pins if "==" in pin}
    groups = project()["optional-dependencies"].values()
    named = [*project()["dependencies"], *(name for group in groups for name in group)]

    assert {re.split(r"[<>=\[]", name)[0] for name in named} <= pinned


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_stored_notebooks_hold_no_outputs(path: Path) -> None:
    """A notebook in the repository holds no result, no count and no trace of a run."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]

    assert [] == [cell["outputs"] for cell in code if cell["outputs"]]
    assert {None} == {cell["execution_count"] for cell in code}
    assert "papermill" not in notebook["metadata"]


def test_every_recipe_is_explained() -> None:
    """`make` alone lists what there is to make."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    told = subprocess.run(["make", "-C", str(ROOT)], capture_output=True, text=True, check=True)
    explained = re.findall(r"^ +make ([\w-]+)  +\w", told.stdout, re.MULTILINE)

    assert set(phony.split()) == set(explained)
    assert {"demo", "test", "lab", "lint", "bench", "check-uci", "help", "clean"} == set(explained)


def test_the_python_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pasted literally, in the project's folder."""
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert len(blocks) == 1
    exec(blocks[0], {})  # noqa: S102  # it is ours
