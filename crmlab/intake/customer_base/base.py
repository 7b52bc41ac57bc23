"""The customer base as people use it: load, look, export, object, erase."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dict
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import duckdb

from crmlab.errors import WrongParameter
from crmlab.intake import conversion, engines, sources
from crmlab.intake.attribute_table import AttributeMapping, prepare
from crmlab.intake.columns import Mapping
from crmlab.intake.customer_base import (
    export,
    ids,
    incoming,
    loading,
    people,
    status,
    store,
    withdrawing,
)
from crmlab.intake.customer_base.address import FILE, FOLDER, KEPT, Address
from crmlab.intake.customer_base.attribute_loads import take_attributes
from crmlab.intake.customer_base.keys import Key, read_key
from crmlab.intake.customer_base.loading import Load, LoadRefused, Origin
from crmlab.intake.customer_base.rows import SETTLED
from crmlab.intake.customer_base.store import About
from crmlab.intake.loaded import Loaded
from crmlab.intake.meaning import Meaning, plain_day
from crmlab.intake.reading import Reading

Day = str | dt.date | None
KeyFile = str | os.PathLike[str] | None


@dataclass(frozen=True)
class CustomerBase:
    """The base in `folder`: purchases and attributes of customers, and when each was known.

    Every method opens the base, does its work in one transaction, and closes it. All raise NoBase
    (but `create` and `load`), UnreadableBase, or BaseBusy if somebody else works on it.
    """

    folder: Path = FOLDER

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str] = FOLDER,
        *,
        key_file: KeyFile = None,
        plain_ids: bool = False,
    ) -> CustomerBase:
        """Make an empty base; with a `key_file` ids become pseudonyms before they enter it.

        `plain_ids` says that ids may be kept even if they are e-mail addresses or the like.
        Raises LoadRefused if there is a base already, UnusableKey for the key.
        """
        base, path = cls(Path(folder)), Path(key_file) if key_file else None
        key = read_key(path, base.folder) if path else None
        with _engine() as connection, store.attached(connection, base.folder, write=True) as about:
            if about is not None and loading.was_used(connection):
                raise LoadRefused(f"There is a customer base in '{folder}' already.")
            with store.transaction(connection):
                store.create(
                    connection,
                    key_name=key.name if key else None,
                    key_file=str(path.resolve()) if path else None,
                    plain_ids=plain_ids,
                )
        return base

    def load(
        self,
        source: sources.Source,
        *,
        mapping: Mapping | None = None,
        reading: Reading | None = None,
        meaning: Meaning | None = None,
        loaded_on: Day = None,
        key_file: KeyFile = None,
    ) -> Load:
        """Take the purchases of a source that the base does not hold yet; make it if need be.

        `mapping`, `reading` and `meaning` are as for read_transactions; of `meaning`, what is
        about single rows is settled here, the rest whenever the base is read. `loaded_on` is the
        day from which they are known (today). Raises as read_transactions does, and LoadRefused.
        """
        columns = mapping or Mapping()
        options = (reading or Reading(), meaning or Meaning())
        day = _loaded_on(loaded_on)
        with self._to_load(key_file) as (connection, about, key):
            loaded = sources.load(connection, source, columns, options[0])
            origin = _origin(loaded, columns.given(), *options, day)
            earlier = loading.repeated(connection, origin, "rows")
            if earlier is not None:
                return earlier
            _refuse_other_folding(self.folder, connection, about, options[1])
            found = conversion.convert(connection, loaded, *options)
            if key:
                incoming.pseudonymise(connection, key)
            elif not about.plain_ids:
                _refuse_personal(loaded.name, found)
            loading.refuse_faults(connection, loaded.name, options[1])
            roles = incoming.roles_of(connection)
            says = loading.Says(roles, found.currency, loaded.zero_amount)
            unusable = loading.unusable(connection)
            done = loading.take_rows(connection, self.folder, about, origin, says)
            return replace(done, unusable=unusable)

    def load_attributes(
        self,
        source: sources.Source,
        *,
        mapping: AttributeMapping | None = None,
        reading: Reading | None = None,
        meaning: Meaning | None = None,
        loaded_on: Day = None,
        key_file: KeyFile = None,
    ) -> Load:
        """Take what a table tells of customers and from which day; as `load` otherwise."""
        wanted = mapping or AttributeMapping()
        options = (reading or Reading(), meaning or Meaning())
        day = _loaded_on(loaded_on)
        with self._to_load(key_file) as (connection, about, key):
            loaded, _, account = prepare(connection, source, wanted, *options)
            origin = _origin(loaded, asdict(wanted), *options, day)
            earlier = loading.repeated(connection, origin, "attributes")
            if earlier is not None:
                return earlier
            _refuse_other_folding(self.folder, connection, about, options[1])
            if key:
                incoming.replace(connection, key, "attribute_rows", "customer_id")
            return take_attributes(connection, about, origin, account)

    def loads(self) -> list[withdrawing.Listed]:
        """All loads in their order, those that were withdrawn too."""
        with self._open() as (connection, _):
            return withdrawing.listed(connection)

    def withdraw(
        self, load: int | str, *, reason: str, withdrawn_on: Day = None
    ) -> withdrawing.Withdrawal:
        """Take back a wrong load: the base is as if it had never come, and later loads judged so.

        `load` is its number or the first digits of its fingerprint; `withdrawn_on` the day from
        which it is known to be wrong (today): base@DAY before it still shows the load. The same
        file may be loaded again. Raises LoadRefused if there is no such load, WrongParameter.
        """
        day = _loaded_on(withdrawn_on, "withdrawn_on")
        with self._open(write=True) as (connection, _):
            found = withdrawing.find(connection, self.folder, str(load))
            return withdrawing.withdraw(connection, self.folder, found, day, reason)

    def status(self, as_of: Day = None) -> status.Status:
        """What the base holds, and how all that was loaded adds up, as it was known on a day."""
        day = None if as_of is None else plain_day("as_of", as_of)
        with self._open() as (connection, _):
            return status.status(connection, self.folder, day)

    def export(self, path: str | os.PathLike[str], as_of: Day = None) -> export.Export:
        """Write the rows, as they were known on a day, as Parquet or CSV; see export.export."""
        day = None if as_of is None else plain_day("as_of", as_of)
        return export.export(Address(self.folder, day), Path(path))

    def add_objections(
        self,
        named: Iterable[str],
        since: Day = None,
        key_file: KeyFile = None,
    ) -> people.Objections:
        """Keep people out of every score, whether the base knows them already or not."""
        day = _loaded_on(since, "since")
        with self._open(write=True) as (connection, about):
            return people.object_to(connection, self._held(named, about, key_file), day)

    def withdraw_objections(
        self, named: Iterable[str], key_file: KeyFile = None
    ) -> people.Objections:
        """Take people off the list of those who object."""
        with self._open(write=True) as (connection, about):
            names = self._held(named, about, key_file)
            return people.withdraw(connection, names, dt.date.today())

    def block(self, customer_id: str, key_file: KeyFile = None) -> people.Erasure:
        """First stage of an erasure: keep a person out of every run from now on."""
        with self._open(write=True) as (connection, about):
            (name,) = self._held([customer_id], about, key_file)
            (self.folder / KEPT).unlink(missing_ok=True)
            return people.block(connection, self.folder, name, dt.date.today())

    def destroy(self, customer_id: str, key_file: KeyFile = None) -> people.Erasure:
        """Second stage: delete all there is of a blocked person, and leave no byte of the id."""
        with self._open(write=True) as (connection, about):
            (name,) = self._held([customer_id], about, key_file)
            (self.folder / KEPT).unlink(missing_ok=True)
            return people.destroy(connection, self.folder, about, name, dt.date.today())

    def tidy(self) -> None:
        """Finish an erasure that was cut short, as the next load would."""
        with self._open(write=True):
            pass  # whoever opens it to write finishes what was cut short

    @contextlib.contextmanager
    def _open(self, *, write: bool = False) -> Iterator[tuple[duckdb.DuckDBPyConnection, About]]:
        if not (self.folder / FILE).is_file():
            raise store.NoBase(self.folder)
        with _engine() as connection, store.attached(connection, self.folder, write=write) as about:
            if about is None:
                raise store.NoBase(self.folder)
            yield connection, about

    @contextlib.contextmanager
    def _to_load(
        self, key_file: KeyFile
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, About, Key | None]]:
        with _engine() as connection, store.attached(connection, self.folder, write=True) as about:
            if about is None:
                with store.transaction(connection):
                    store.create(connection)
                about = store.read_about(connection, self.folder)
            assert about is not None  # it was made just now
            yield connection, about, ids.key_of(about, self.folder, _path(key_file))

    def _held(self, named: Iterable[str], about: About, key_file: KeyFile) -> list[str]:
        key = ids.key_of(about, self.folder, _path(key_file))
        return ids.held(named, key, fold_case=about.fold_case)


@contextlib.contextmanager
def _engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = engines.connect()
    try:
        yield connection
    finally:
        connection.close()


def _loaded_on(given: Day, name: str = "loaded_on") -> dt.date:
    today = dt.date.today()
    day = today if given is None else plain_day(name, given)
    if day > today:
        raise WrongParameter(name, str(given), f"a day not after today, {today}")
    return day


def _origin(
    loaded: Loaded, chosen: Dict[str, object], reading: Reading, meaning: Meaning, day: dt.date
) -> Origin:
    """A source and how it is read, in words; of a path the file's name only."""
    settled = {name: getattr(meaning, name) for name in SETTLED}
    default = {**asdict(Reading()), **{name: getattr(Meaning(), name) for name in SETTLED}}
    given = {**chosen, **asdict(reading), **settled}
    told = [f"{name}={value}" for name, value in given.items() if value != default.get(name)]
    return Origin(Path(loaded.name).name, loaded.fingerprint, ", ".join(told) or "as it is", day)


def _refuse_other_folding(
    folder: Path, connection: duckdb.DuckDBPyConnection, about: About, meaning: Meaning
) -> None:
    """If 'a' and 'A' are one customer in one load, they are so in all."""
    if about.fold_case == meaning.fold_case:
        return
    if loading.is_used(connection):
        told = str(about.fold_case).lower()
        raise LoadRefused(
            f"The base in '{folder}' was made with fold_case={told}. Load this file likewise: "
            f"--set fold_case={told}"
        )
    connection.execute("UPDATE base.about SET fold_case = $fold", {"fold": meaning.fold_case})


def _path(given: KeyFile) -> Path | None:
    return None if given is None else Path(given)


def _refuse_personal(source: str, found: conversion.Conversion) -> None:
    """Ids that say who somebody is do not enter a base unless somebody decided so."""
    for finding in found.flags:
        if finding.code == "personal_ids":
            kinds = {"emails": "e-mail addresses", "national_ids": "national identity numbers"}
            kind = kinds.get(str(finding.figures["kind"]), "telephone numbers")
            raise LoadRefused(
                f"'{source}' has {finding.figures['customers']:,} customer ids that are {kind}. "
                "Keep pseudonyms instead: crmlab base key PATH, then crmlab base init --key-file "
                "PATH. Or decide to keep them: crmlab base init --plain-ids"
            )
