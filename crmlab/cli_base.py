"""The command line of the customer base; mounted in crmlab.cli as `crmlab base`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmlab.terminal import answering, show, table, working

if TYPE_CHECKING:
    from crmlab.intake.customer_base.base import CustomerBase
    from crmlab.intake.customer_base.loading import Load

base = typer.Typer(
    no_args_is_help=True, help="The customer base: daily loads, what they hold, who is in it."
)

Folder = Annotated[
    Path, typer.Option("--base", metavar="FOLDER", help="where the base is", show_default=True)
]
Key = Annotated[
    Path | None, typer.Option("--key-file", metavar="PATH", help="the key of its pseudonyms")
]
Json = Annotated[bool, typer.Option("--json", help="for programs")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="a parameter; repeatable")
]
Parameters = Annotated[
    Path | None, typer.Option("--params", metavar="FILE", help="parameters as YAML or JSON")
]
Day = Annotated[str | None, typer.Option(metavar="YYYY-MM-DD")]
Ids = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help="a customer; repeatable")]
HERE = Path("data/base")


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[CustomerBase]:
    """The base in a folder, for a command that answers as all do."""
    with answering():
        from crmlab.intake.customer_base.base import CustomerBase

        yield CustomerBase(folder)


@base.command("key")
def make_key(path: Annotated[Path, typer.Argument(help="a new file, outside the base")]) -> None:
    """Make a key for pseudonyms. Keep it: without it nobody can tell who a pseudonym is."""
    with answering():
        from crmlab.intake.customer_base import keys

        typer.echo(f"{path}: key {keys.make_key(path).name}")


@base.command()
def init(
    folder: Folder = HERE,
    key_file: Key = None,
    plain_ids: Annotated[
        bool, typer.Option("--plain-ids", help="keep ids even if they are e-mail addresses")
    ] = False,
) -> None:
    """Make an empty base; with --key-file, ids become pseudonyms before they enter it."""
    with answering():
        from crmlab.intake.customer_base.base import CustomerBase

        CustomerBase.create(folder, key_file=key_file, plain_ids=plain_ids)
        ids = "as pseudonyms" if key_file else "as they are in the files"
        typer.echo(f"{folder}: an empty base; it will hold ids {ids}")


@base.command()
def load(
    files: Annotated[list[str], typer.Argument(help="one or more; taken in this order")],
    settings: Settings = None,
    params: Parameters = None,
    loaded_on: Day = None,
    attributes: Annotated[
        bool, typer.Option("--attributes", help="they are tables of customer attributes")
    ] = False,
    others: Annotated[
        str, typer.Option(metavar="NAMES", help="further attributes, parted by commas")
    ] = "",
    folder: Folder = HERE,
    key_file: Key = None,
    as_json: Json = False,
) -> None:
    """Take what the files hold and the base does not: each whole, or not at all."""
    with _store(folder) as store:
        when = {"loaded_on": loaded_on, "key_file": key_file}
        for number, file in enumerate(files, 1):
            with working(f"{file} ({number} of {len(files)})"):
                done = _load(store, file, settings or [], params, attributes, others, when)
            typer.echo(json.dumps(done.as_dict()) if as_json else _told(done, file))


def _load(
    store: CustomerBase,
    file: str,
    settings: list[str],
    params: Path | None,
    attributes: bool,
    others: str,
    when: dict[str, Any],
) -> Load:
    from crmlab.intake.customer_base import options
    from crmlab.intake.log import declared
    from crmlab.runs.given import gather, locate
    from crmlab.runs.parameters import SourceParameters

    source = locate(file)
    if attributes:
        columns, reading, meaning = options.of_attributes(settings, others)
        return store.load_attributes(
            source, mapping=columns, reading=reading, meaning=meaning, **when
        )
    given = gather(SourceParameters, file=params, settings=settings)
    mapping, reading, meaning = declared(given.model_dump())
    return store.load(source, mapping=mapping, reading=reading, meaning=meaning, **when)


def _told(done: Load, file: str) -> str:
    if done.repeated:
        return f"{file}: already in the base (load {done.load}); nothing was changed"
    parts = {
        "new": done.added,
        "known already": done.known,
        "earlier rows corrected": done.superseded,
        "of people who were erased, not taken": done.erased,
        "set aside": done.set_aside,
    }
    shown = [f"{n:,} {words}" for words, n in parts.items() if n or words == "new"]
    whole = f"{file}: load {done.load}, {done.records:,} rows: {', '.join(shown)}"
    each = [f"{one.rows:,} for {one.reason} (first: {one.first})" for one in done.unusable]
    number = sum(one.rows for one in done.unusable)
    return f"{whole}; of them {number:,} cannot be used: {', '.join(each)}" if each else whole


@base.command()
def status(as_of: Day = None, folder: Folder = HERE, as_json: Json = False) -> None:
    """Show what the base holds, or held on a day, and how all that was loaded adds up."""
    with _store(folder) as store:
        found = store.status(as_of)
        if as_json:
            typer.echo(json.dumps(found.as_dict(), indent=2))
            return
        shown = table("", "", "money")
        for fact in found.table().itertuples():
            shown.add_row(str(fact.Index), _shown(fact.value), _shown(fact.money))
        show(shown)


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)


@base.command()
def loads(folder: Folder = HERE, as_json: Json = False) -> None:
    """List the loads: number, content, what each did, and which were withdrawn."""
    with _store(folder) as store:
        found = store.loads()
        if as_json:
            typer.echo(json.dumps([one.as_dict() for one in found], indent=2))
            return
        shown = table("load", "of", "on", "file", "content", "rows", "new", "known", "withdrawn")
        for one in found:
            ended = f"{one.withdrawn_on}: {one.reason}" if one.withdrawn_on else ""
            numbers = (_shown(n) for n in (one.records, one.added, one.known))
            about = (str(one.load), one.kind, str(one.loaded_on), one.source, one.fingerprint[:12])
            shown.add_row(*about, *numbers, ended)
        show(shown)


@base.command()
def withdraw(
    number: Annotated[
        str, typer.Argument(metavar="LOAD", help="its number, or its content's first 8 digits")
    ],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why; it is kept")],
    withdrawn_on: Day = None,
    folder: Folder = HERE,
    as_json: Json = False,
) -> None:
    """Take back a wrong load: as if it had never come; before that day it still shows."""
    with _store(folder) as store:
        with working(f"withdrawing load {number}"):
            done = store.withdraw(number, reason=reason, withdrawn_on=withdrawn_on)
        if as_json:
            typer.echo(json.dumps(done.as_dict()))
            return
        again = f", {done.judged_again:,} later loads judged again" if done.judged_again else ""
        typer.echo(
            f"load {done.load} ({done.source}, {done.records:,} rows) withdrawn: the base had "
            f"{done.before:,} rows, it has {done.after:,}{again}"
        )


@base.command()
def export(
    path: Annotated[Path, typer.Argument(help="the file to write: .parquet or .csv")],
    as_of: Day = None,
    folder: Folder = HERE,
) -> None:
    """Write the rows of the base, as they are known now or were known on a day."""
    with _store(folder) as store:
        with working(f"writing {path}"):
            done = store.export(path, as_of)
        typer.echo(f"{done.path}: {done.rows:,} rows")


@base.command("object")
def add_objections(
    ids: Ids = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="a list with their ids")
    ] = None,
    column: Annotated[
        str, typer.Option("--column", metavar="NAME", help="its column of ids")
    ] = "customer_id",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="they no longer object")] = False,
    since: Day = None,
    folder: Folder = HERE,
    key_file: Key = None,
    as_json: Json = False,
) -> None:
    """Keep people who object out of every score, or let them in again."""
    with _store(folder) as store:
        from crmlab.intake.customer_base.ids import listed_in
        from crmlab.runs.given import locate

        named = [*(ids or []), *(listed_in(locate(file), column) if file else [])]
        if withdraw:
            done = store.withdraw_objections(named, key_file=key_file)
        else:
            done = store.add_objections(named, since, key_file=key_file)
        if as_json:
            typer.echo(json.dumps(vars(done)))
            return
        verb = "withdrawn" if withdraw else "added"
        typer.echo(
            f"{done.named:,} named, {done.known:,} of them with purchases here; "
            f"{done.changed:,} objections {verb}, {done.standing:,} stand now"
        )


@base.command()
def erase(
    customer_id: Annotated[str, typer.Option("--id", metavar="ID", help="as in the files")],
    destroy: Annotated[
        bool, typer.Option("--destroy", help="the second stage: delete, for good")
    ] = False,
    folder: Folder = HERE,
    key_file: Key = None,
    as_json: Json = False,
) -> None:
    """Block a person: in no run from now on. Then, with --destroy, delete all there is of them."""
    with _store(folder) as store:
        done = (store.destroy if destroy else store.block)(customer_id, key_file=key_file)
        if as_json:
            typer.echo(json.dumps(done.as_dict()))
            return
        what = f"{done.rows:,} rows of purchases and {done.attributes:,} of attributes"
        typer.echo(f"{done.stage} on {done.on}: {what}")


@base.command()
def tidy(folder: Folder = HERE) -> None:
    """Finish an erasure that was cut short: write the file anew without what was deleted."""
    with _store(folder) as store:
        store.tidy()
        typer.echo(f"{folder}: written anew")
