"""The days on which customers bought, each packed with a hash of its customer into one integer.

Sorted, such integers tell what a day and a customer have, far quicker than a table grouped by text
would. That no two customers share a hash is proved for every source, not assumed. Large sources
are gone through in parts, each with whole customers, so that memory does not grow with them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from crmlab.intake import engines

Keys = npt.NDArray[np.uint64]

WIDTH = 64
"""Bits of a packed integer."""

MOST = 6_000_000
"""Rows that are packed at a time."""

SLICE = 1 << 18
"""Keys that are looked at in one go."""

NAMED = "records WHERE customer_id IS NOT NULL"

TRIES = 20
"""Ways of hashing that are tried. One in a hundred fails for millions of customers."""


@dataclass(frozen=True)
class Packing:
    """How a customer and a day are one integer: the days after `first` in the low `bits`.

    The bits above are the hash of the customer's id under `salt`, without its lowest: those say
    which of `parts` (a power of two) a customer is in.
    """

    first: dt.date
    bits: int
    parts: int
    salt: int = 0

    def is_in(self, part: int) -> str:
        """SQL of whether a row's customer is in a part."""
        return f"({self._hash} & {self.parts - 1}) = {part}"

    @property
    def key(self) -> str:
        """SQL of a row's packed customer and day; without a day, as if on the first."""
        day = f"coalesce(date - DATE '{self.first}', 0)"
        return f"(({self._who} << {self.bits}) | CAST({day} AS UBIGINT))"

    @property
    def customer(self) -> str:
        """The column by which a row's customer is known: that of hashes, if they are proved."""
        return "customer_id" if self.salt else "customer"

    def is_customer(self, key: int, part: int) -> str:
        """SQL of whether a row is of the customer of a key."""
        return f"{self.is_in(part)} AND {self._who} = {key >> self.bits}"

    @property
    def _who(self) -> str:
        return f"(({self._hash} >> {self.parts.bit_length() - 1}) & {self._mask})"

    @property
    def _hash(self) -> str:
        # Of an id and a number, the engine only mixes the hashes: what was one would stay one.
        return f"hash(customer_id || '#{self.salt}')" if self.salt else "customer"

    @property
    def _mask(self) -> int:
        return (1 << (WIDTH - self.bits)) - 1

    def customers(self, keys: Keys) -> Keys:
        """The customers of packed integers."""
        return keys >> np.uint64(self.bits)

    def days(self, keys: Keys) -> npt.NDArray[np.int64]:
        """The days of packed integers, counted from `first`."""
        return (keys & self.day_bits).astype(np.int64)

    @property
    def day_bits(self) -> np.uint64:
        """The bits in which the day stands."""
        return np.uint64((1 << self.bits) - 1)


@dataclass(frozen=True)
class CustomerDays:
    """How a source's customers and days are packed, with proof that no customers become one.

    `repeated` are the packed days that stand on more than one row.
    """

    packing: Packing
    customers: int
    repeated: Keys


def find(connection: duckdb.DuckDBPyConnection, customers: int | None = None) -> CustomerDays:
    """Pack the table records; `customers` is how many there are, if that is known."""
    (named,) = engines.fetch_rows(connection, engines.statement("named_rows"), {})
    if customers is None:
        (counted,) = engines.fetch_rows(connection, engines.statement("customers"), {})
        customers = counted["customers"]
    first, last = named["first_date"] or dt.date.min, named["last_date"] or dt.date.min
    bits = max(1, (last - first).days.bit_length())
    number = 1 << (named["rows"] // MOST).bit_length()
    bench = engines.Bench(connection, {})
    for salt in range(TRIES):
        packing = Packing(first, bits, number, salt)
        found, again = 0, [np.empty(0, dtype=np.uint64)]
        for _, keys in slices(bench, packing, NAMED, named["rows"]):
            found += len(starts(packing.customers(keys)))
            again.append(repeated(keys))
        if found == customers:
            return CustomerDays(packing, customers, np.concatenate(again))
    raise RuntimeError(f"no way of hashing tells {customers} customers apart")


def slices(
    bench: engines.Bench, packing: Packing, rows: str, most: int
) -> Iterator[tuple[int, Keys]]:
    """The sorted keys of `rows` (a table and a condition on it), at most `most`, and their part.

    Each slice holds whole customers, and few enough to stay in a processor's cache.
    """
    space = np.empty(most, dtype=np.uint64)
    for part in range(packing.parts):
        sql = f"SELECT {packing.key} AS key FROM {rows} AND {packing.is_in(part)}"
        keys = bench.fill(space, sql)
        keys.sort()
        start = 0
        while start < len(keys):
            last = keys[min(start + SLICE, len(keys)) - 1]
            end = int(np.searchsorted(keys, last | packing.day_bits, side="right"))
            yield part, keys[start:end]
            start = end


def repeated(values: Keys) -> Keys:
    """The values of a sorted array that stand there more than once."""
    again: Keys = values[1:][values[1:] == values[:-1]]
    return again[starts(again)]


def starts(values: Keys) -> npt.NDArray[np.int64]:
    """Where each run of equal values starts."""
    new = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return np.flatnonzero(new)
