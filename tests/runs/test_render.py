import http.server
import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pypdf
import pytest

from crmlab.runs.render import Printer, pages, to_html

PAGE = "<section><h1>Käufer &amp; Wert</h1><p>text</p></section>"


@pytest.fixture(scope="module")
def printer() -> Printer:
    ready = Printer()
    missing = ready.write(to_html([PAGE], title="t", language="en"), Path(os.devnull))
    if missing and "CRMLAB_REQUIRE_ALL" not in os.environ:
        pytest.skip(missing)
    assert missing is None
    return ready


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server that notes what it is asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()
        thread.join()


def test_the_page_holds_what_was_displayed_in_order() -> None:
    """Only text/html outputs of cells tagged `page` come into the report, as they are."""
    output = nbformat.v4.new_output
    html, plain = {"text/html": "<p>1</p>", "text/plain": "x"}, {"text/plain": "not shown"}
    first = [output("execute_result", html), output("stream", text="not shown")]
    second = [output("display_data", plain), output("display_data", {"text/html": "<p>2</p>"})]
    page = {"tags": ["page"]}
    cells = [
        nbformat.v4.new_markdown_cell("not shown", metadata=page),
        *(nbformat.v4.new_code_cell(outputs=o, metadata=page) for o in (first, [], second)),
        nbformat.v4.new_code_cell(outputs=[output("display_data", {"text/html": "not shown"})]),
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)

    assert ["<p>1</p>", "<p>2</p>"] == pages(notebook)


def test_the_page_is_a_document_that_loads_nothing() -> None:
    """Language, title and content-security policy are set; a title is never markup."""
    page = to_html([PAGE], title="<script>1</script>", language="es")

    assert page.startswith('<!doctype html>\n<html lang="es">')
    assert "<title>&lt;script&gt;1&lt;/script&gt;</title>" in page
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'" in page
    assert PAGE in page


def test_the_pdf_is_tagged_and_says_its_language_and_title(
    printer: Printer, tmp_path: Path
) -> None:
    """A screen reader finds structure, language and title."""
    assert printer.write(to_html([PAGE], title="Wert", language="es"), tmp_path / "r.pdf") is None
    with (tmp_path / "r.pdf").open("rb") as file:
        pdf = pypdf.PdfReader(file)
        root = pdf.trailer["/Root"]

        assert (True, "es") == (root["/MarkInfo"]["/Marked"], root["/Lang"])
        assert "/StructTreeRoot" in root
        assert "Wert" == pdf.metadata.title
        assert "Käufer & Wert" in pdf.pages[0].extract_text()


def test_the_printer_asks_no_one(
    printer: Printer, tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    """Neither the network nor a local file is read, whatever the page refers to."""
    address, asked = server
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg"><text y="9">hidden</text></svg>')
    page = (
        f'<img src="{address}/a.png"><link rel="stylesheet" href="{address}/a.css">'
        f'<style>@import "{address}/b.css"; p {{ background: url({address}/c.png) }}</style>'
        f'<img src="{secret.as_uri()}"><p>text</p>'
    )
    printer.write(to_html([page], title="t", language="en"), tmp_path / "r.pdf")
    with (tmp_path / "r.pdf").open("rb") as file:
        text = pypdf.PdfReader(file).pages[0].extract_text()

    assert [] == asked
    assert ("text", False) == (text.strip(), "hidden" in text)


def test_the_printer_is_loaded_once(printer: Printer) -> None:
    """Warming a printer again starts nothing."""
    loaded = printer._loaded
    printer.warm()

    assert loaded is printer._loaded
    assert importlib.util.find_spec("weasyprint") is not None
