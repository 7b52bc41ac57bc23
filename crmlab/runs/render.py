"""One HTML page and one PDF from the pages that a notebook displayed."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

PANGO = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
"""The Debian packages that WeasyPrint cannot do without."""

NO_PANGO = (
    "report.pdf is missing: WeasyPrint cannot load Pango. "
    f"On Debian or Ubuntu, install it with: apt-get install {PANGO}"
)


def pages(notebook: Any) -> list[str]:
    """The HTML that the cells tagged `page` of an executed notebook displayed, in order.

    It is taken as it is: reporting has escaped what came from the data. What other cells display
    is for whoever runs the notebook by hand, and stays in the record.
    """
    cells = (cell for cell in notebook.cells if "page" in cell.metadata.get("tags", ()))
    outputs = (output for cell in cells for output in cell.get("outputs", ()))
    shown = (o.data for o in outputs if o.output_type in ("display_data", "execute_result"))
    return ["".join(data["text/html"]) for data in shown if "text/html" in data]


def to_html(fragments: Iterable[str], *, title: str, language: str) -> str:
    """One page that loads nothing and runs no script, whatever is in `fragments`."""
    import jinja2

    template = Path(__file__).with_name("report.html.j2").read_text(encoding="utf-8")
    page = jinja2.Environment(autoescape=True).from_string(template)
    return page.render(pages=fragments, title=title, language=language)


class Printer:
    """WeasyPrint in a thread of its own.

    It is loaded while the notebook still runs in its kernel: loading takes half a second, and
    this process has nothing else to do.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="printer")
        self._loaded: Future[ModuleType | None] | None = None

    def warm(self) -> None:
        """Start loading, unless that was done before."""
        self._loaded = self._loaded or self._thread.submit(_load)

    def write(self, page: str, path: Path) -> str | None:
        """Print `page` to `path`; if that cannot be done, return what is missing in one line."""
        self.warm()
        return self._thread.submit(self._write, page, path).result()

    def _write(self, page: str, path: Path) -> str | None:
        weasyprint = self._loaded.result() if self._loaded else None
        if weasyprint is None:
            return NO_PANGO
        _print(weasyprint, page, path)
        return None


def _load() -> ModuleType | None:
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # without Pango it prints a page of help
            weasyprint = importlib.import_module("weasyprint")
    except (ImportError, OSError):
        return None
    _print(weasyprint, "<!doctype html><title>.</title><p>1", io.BytesIO())  # fonts are found once
    return weasyprint


def _print(weasyprint: ModuleType, page: str, target: Path | io.BytesIO) -> None:
    """Write a tagged PDF. Nothing but what `page` carries itself (data: addresses) is fetched."""
    fetcher = weasyprint.URLFetcher(allowed_protocols=("data",))
    document = weasyprint.HTML(string=page, url_fetcher=fetcher)
    document.write_pdf(target, pdf_variant="pdf/ua-1", pdf_tags=True)
