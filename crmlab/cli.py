"""The command line. Whatever is slow to import is imported inside the command that needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmlab import cli_scale
from crmlab.cli_base import base
from crmlab.errors import UntrustedSource
from crmlab.terminal import answering, progress, refuse, say, show, table

if TYPE_CHECKING:
    from crmlab.runs.run import Published

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Customer value and retention: from purchases to reports that a meeting can decide on.",
)

app.add_typer(base, name="base")
base.command("summarize")(cli_scale.keep)
app.command()(cli_scale.score)
app.command("sql")(cli_scale.print_statement)
app.command()(cli_scale.fit)

Name = Annotated[
    str, typer.Argument(help="customer-valuation, retention, contract-retention or strategy-review")
]
Out = Annotated[Path, typer.Option(help="the folder that reports are written to")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="a parameter; repeatable")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"crmlab {version('crmlab')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[  # noqa: ARG001  # its callback answers
        bool, typer.Option("--version", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a report that is published is a success, even if
            stream.reconfigure(errors="replace")  # the terminal cannot write its figures


@app.command()
def demo(out: Out = Path("reports")) -> None:
    """Make all reports on purchases, in English and in Spanish, on the built-in CDNOW data."""
    with answering():
        from crmlab.runs.batch import run_all
        from crmlab.runs.catalogue import PARAMETERS, find

        reports = [find(name) for name in PARAMETERS]
        tasks = [(r, r.parameters.build({"language": x})) for r in reports for x in ("en", "es")]
        names = [f"{report.name} ({parameters.language})" for report, parameters in tasks]
        with progress(names) as watch:
            ended = run_all(tasks, out, watch)
        _close([one for one in ended if not isinstance(one, Exception)])
        refuse(
            [(n, one) for n, one in zip(names, ended, strict=True) if isinstance(one, Exception)]
        )


@app.command()
def report(
    name: Name,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="a CSV, Excel, Parquet or DuckDB file, postgres:NAME, base, or cdnow",
        ),
    ] = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="parameters as YAML or JSON")
    ] = None,
    settings: Settings = None,
    language: Annotated[str | None, typer.Option(metavar="en|es")] = None,
    out: Out = Path("reports"),
) -> None:
    """Make one report and publish it under DIR/NAME/LANGUAGE/latest."""
    with answering():
        from crmlab.runs.catalogue import find
        from crmlab.runs.given import gather
        from crmlab.runs.render import Printer
        from crmlab.runs.run import run_report

        found = find(name)
        options = {"source": source, "language": language}
        given = gather(found.parameters, file=params, settings=settings or (), options=options)
        with progress([name]) as watch:
            done = run_report(found, given, out, printer=Printer(), progress=watch(0))
        _close([done])


@app.command("params")
def list_parameters(
    name: Name, as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False
) -> None:
    """List the parameters of a report: name, type, unit, default and meaning."""
    with answering():
        from crmlab.runs.catalogue import find

        rows = find(name).parameters.describe()
        if as_json:
            import json

            typer.echo(json.dumps(rows, indent=2))
            return
        listed = table(*(key.capitalize() for key in rows[0]))
        for row in rows:
            listed.add_row(*("none" if value is None else str(value) for value in row.values()))
        show(listed)


@app.command()
def check(
    source: Annotated[str, typer.Argument(help="a file, postgres:NAME, base, or cdnow")],
    settings: Settings = None,
    params: Annotated[
        Path | None, typer.Option(metavar="FILE", help="parameters as YAML or JSON")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Read a source and give account of it: what would be used, what set aside and why.

    --set takes the parameters that say where the purchases are, how they are read and what they
    mean: see crmlab params customer-valuation.
    """
    with answering():
        from crmlab import cli_check

        try:
            checked = cli_check.check(source, settings or (), params)
        except UntrustedSource as refusal:
            if as_json:
                typer.echo(cli_check.refusal_as_json(source, refusal))
            raise
        if as_json:
            typer.echo(cli_check.as_json(checked))
        else:
            for part in cli_check.show(checked):
                typer.echo(part) if isinstance(part, str) else show(part)
        refuse([("", refusal) for refusal in checked.refusals])


def _close(done: Sequence[Published]) -> None:
    """Say where the reports are and the figures that matter: a table, or plain lines."""
    for line in dict.fromkeys(line for one in done for line in one.missing):
        say(line)
    if sys.stdout.isatty():
        _close_with_table(done)
        return
    for one in done:
        figures = [f"  {figure.label}: {figure.text}" for figure in one.headline]
        typer.echo("\n".join([str(one.page), *figures]))


def _close_with_table(done: Sequence[Published]) -> None:
    made = table("Report", "Where it is, and the figures that matter")
    for one in done:
        figures = (f"{figure.label}: {figure.text}" for figure in one.headline)
        made.add_row(f"{one.report} ({one.language})", "\n".join([str(one.latest), *figures]))
    if done:
        show(made)
