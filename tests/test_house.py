"""The plan of the house, enforced: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "crmlab"
GROUND = {"errors", "units", "schema"}
MAY_IMPORT = {
    "errors": set(),
    "units": {"errors"},
    "schema": {"errors", "units"},
    "intake": GROUND,
    "models": {"errors"},
    "customers": GROUND | {"intake", "models"},
    "scale": GROUND | {"intake", "models", "customers"},
    "reporting": GROUND | {"customers"},
    "runs": GROUND,
}
MODELS_OUTSIDE = {"numpy", "scipy"} | set(sys.stdlib_module_names)


FOR_PEOPLE = {
    ("base", "summary"),
    ("prediction", "predict"),
    ("prediction", "predict_total"),
    ("exchange", "to_lifetimes"),
}


def wing(path: Path) -> str:
    """The wing or ground module that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(tree: ast.AST) -> Iterator[str]:
    """Every module that a tree imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


FILES = sorted(p for p in PACKAGE.rglob("*.py") if wing(p) in MAY_IMPORT)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_wing_imports_only_what_lies_below_it(path: Path) -> None:
    """Arrows point down the plan; none goes back up and none to the side."""
    home = wing(path)
    ours = {
        m.split(".")[1] for m in imported(ast.parse(path.read_text())) if m.startswith("crmlab.")
    }

    assert ours - {home} <= MAY_IMPORT[home]


@pytest.mark.parametrize("path", [p for p in FILES if wing(p) == "models"], ids=lambda p: p.stem)
def test_models_need_numpy_and_scipy_only(path: Path) -> None:
    """Others only inside the functions that make tables for people or objects of lifetimes."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (path.stem, node.name) in FOR_PEOPLE:
            node.body = []
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    outside = {m.split(".")[0] for m in imported(tree)} - {"crmlab"}

    assert outside <= MODELS_OUTSIDE


def test_the_imports_make_no_circle() -> None:
    """Every module can be imported first, alone."""
    modules = [
        ".".join(("crmlab", *p.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
            ".__init__"
        )
        for p in sorted(PACKAGE.rglob("*.py"))
    ]
    code = (
        "import sys, importlib\n"
        f"for name in {modules!r}:\n"
        "    for loaded in [m for m in sys.modules if m.split('.')[0] == 'crmlab']:\n"
        "        del sys.modules[loaded]\n"
        "    importlib.import_module(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_importing_crmlab_is_cheap() -> None:
    """`import crmlab` loads nothing heavy until a name is used."""
    code = (
        "import crmlab, sys; print([m for m in ('pandas', 'numpy', 'duckdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_no_drawer_and_no_print() -> None:
    """No utils, helpers, common or manager; nothing prints but the command line."""
    names = {p.stem for p in PACKAGE.rglob("*.py")}

    assert not names & {"utils", "util", "helpers", "common", "misc", "manager"}


def test_every_public_name_is_there() -> None:
    """What the package says it has, it has."""
    import crmlab

    assert all(getattr(crmlab, name) is not None for name in crmlab.__all__)
    with pytest.raises(AttributeError, match="no attribute 'BGNDB'"):
        _ = crmlab.BGNDB  # type: ignore[attr-defined]
