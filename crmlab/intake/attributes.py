"""What is known of customers beside their purchases, and from which day it was so."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from crmlab.intake import engines, sources
from crmlab.intake.attribute_table import AttributeAccount, AttributeMapping, prepare
from crmlab.intake.customer_base import attribute_loads, store
from crmlab.intake.customer_base.address import Address, address_of
from crmlab.intake.meaning import Meaning, plain_day
from crmlab.intake.reading import Reading
from crmlab.intake.small_tables import Origin, given_as, refuse_builtin


@dataclass(frozen=True)
class Coverage:
    """How attributes and purchases fit: customers with both, and those known to one side only."""

    both: int
    without_attributes: int
    without_purchases: int


@dataclass(frozen=True)
class Attributes:
    """Attributes of customers and the day from which each was so; made by read_attributes.

    `names` are the attributes. What is not known is missing; acquisition_cost is money.
    """

    source: str
    fingerprint: str
    names: tuple[str, ...]
    account: AttributeAccount
    table: pd.DataFrame = field(repr=False, compare=False)

    @property
    def origin(self) -> Origin:
        """Where they were read from."""
        return Origin(self.source, self.fingerprint)

    def as_of(self, date: str | dt.date) -> pd.DataFrame:
        """One row a customer, by customer_id: what was so on `date`, and from when (`valid_from`).

        What is valid from a later day is never in it. Raises WrongParameter for no date.
        """
        day = plain_day("date", date)
        known = self.table[self.table["valid_from"] <= pd.Timestamp(day)]
        return known.groupby("customer_id", sort=True).tail(1).set_index("customer_id").copy()

    def coverage(self, customers: Iterable[str], date: str | dt.date) -> Coverage:
        """How the attributes known on `date` cover these customers, such as a summary's index."""
        bought, told = set(customers), set(self.as_of(date).index)
        return Coverage(len(bought & told), len(bought - told), len(told - bought))

    def _repr_html_(self) -> str:
        customers = self.table["customer_id"].nunique()
        return f"<p><b>Attributes</b> of {customers:,} customers: {', '.join(self.names)}</p>"


def read_attributes(
    source: sources.Source,
    mapping: AttributeMapping | None = None,
    reading: Reading | None = None,
    meaning: Meaning | None = None,
) -> Attributes:
    """Read customer attributes from any source that purchases are read from, a base too.

    From a base nobody comes who was blocked or erased. Of `meaning`, what is about ids holds here
    too, and `limit`. Raises as read_transactions does, and UntrustedSource if a customer has two
    rows of one day that say different things.
    """
    address = address_of(source)
    if address is not None:
        return _of_base(address)
    connection = engines.connect()
    try:
        wanted = mapping or AttributeMapping()
        loaded, names, account = prepare(connection, source, wanted, reading, meaning)
        table = connection.execute(engines.statement("attribute_table")).df()
    finally:
        connection.close()
    return Attributes(
        loaded.name, loaded.fingerprint, names, account, unfolded(table, names, wanted.numbers)
    )


def read_small(
    parameter: str, source: str, mapping: AttributeMapping, meaning: Meaning | None = None
) -> Attributes:
    """Read the attributes that are given as `parameter`, whose columns have their words too.

    Raises as read_attributes does of a base, and WrongTable for all that is wrong with a table.
    """
    refuse_builtin(parameter, source)
    wanted = replace(mapping, by_words=True)
    if address_of(source) is not None:
        return read_attributes(source, wanted, meaning=meaning)
    with given_as(parameter, ", ".join(mapping.columns)):
        return read_attributes(source, wanted, meaning=meaning)


def _of_base(address: Address) -> Attributes:
    connection = engines.connect()
    try:
        with store.attached(connection, address.folder):
            table, names = attribute_loads.attributes_known(connection, address.as_of)
            fingerprint = attribute_loads.fingerprint(connection, address.as_of)
            if table.empty:
                first = store.first_load(connection, "attributes")
                raise store.NothingYet(address, "attributes", first)
    finally:
        connection.close()
    account = AttributeAccount(str(address), len(table), len(table), 0, {})
    return Attributes(str(address), fingerprint, names, account, unfolded(table, names))


def unfolded(
    table: pd.DataFrame, names: Sequence[str], numbers: Sequence[str] = ()
) -> pd.DataFrame:
    """A table whose column facts holds dicts, with one column for each of the names instead.

    acquisition_cost and those of `numbers` hold numbers.
    """
    facts = [dict(one) for one in table.pop("facts")]
    for name in names:
        values = pd.Series([one.get(name) for one in facts], index=table.index, dtype="str")
        table[name] = values.astype("float64") if name in ("acquisition_cost", *numbers) else values
    return table
