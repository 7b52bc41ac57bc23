import json
import sys
from pathlib import Path

from crmlab.runs.kernel import ReportKernel, imports, running_kernel


def test_the_imports_of_a_notebook_are_known_before_it_runs(tmp_path: Path) -> None:
    """Modules and the names taken from them are found; what is no plain Python is left alone."""
    sources = [
        "import os.path, json as j\nfrom pathlib import Path",
        "%matplotlib inline\nimport nothing",
        "j.dumps(os.path.join('a', 'b')).strip()",
        "from json import loads",
    ]
    cells = [{"cell_type": "code", "source": source.splitlines(True)} for source in sources]
    text = [{"cell_type": "markdown", "source": ["import nothing"]}]
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text(json.dumps({"cells": text + cells}))

    assert {"os.path": {"join"}, "json": {"dumps", "loads"}, "pathlib": {"Path"}} == imports(
        notebook
    )


def test_a_kernel_ends_with_its_block(tmp_path: Path) -> None:
    """Process and folder are gone when the block is left."""
    notebook = tmp_path / "notebook.ipynb"
    notebook.write_text('{"cells": []}')
    with running_kernel(notebook) as kernel:
        process, folder = kernel.provisioner.process, Path(kernel.connection_file).parent

        assert process.poll() is None
        assert folder.is_dir()
    assert process.poll() is not None
    assert not folder.exists()


def test_the_kernel_is_the_python_that_runs_crmlab() -> None:
    """A kernel called python3 that the user installed is not what a report runs on."""
    assert sys.executable == ReportKernel().kernel_spec.argv[0]
