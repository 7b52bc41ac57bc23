"""Which of a source's columns play which role: who bought, when, for how much, and what."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping as Dict
from collections.abc import Sequence
from dataclasses import dataclass, fields

from crmlab.errors import MissingColumn, UnreadableSource, WrongParameter

SUFFIXED = {"currency": "currency_column", "margin": "margin_column"}
"""Roles whose own name is another option of a report already."""


@dataclass(frozen=True)
class Mapping:
    """The names of the source's columns, by role, as the user gave them.

    A role that was not given is the column of the role's own name, if there is one. Needed are
    customer_id, date, and amount or else quantity and price.
    Raises WrongParameter for a name that is not text, or given twice.
    """

    customer_id: str | None = None
    date: str | None = None
    amount: str | None = None
    quantity: str | None = None
    price: str | None = None
    transaction_id: str | None = None
    product: str | None = None
    category: str | None = None
    currency: str | None = None
    channel: str | None = None
    campaign: str | None = None
    discount: str | None = None
    cost: str | None = None
    margin: str | None = None

    def __post_init__(self) -> None:
        names: list[object] = []
        for role, name in self.given().items():
            if not isinstance(name, str) or not name.strip():
                raise WrongParameter(option(role), name, "the name of a column")
            if name in names:
                raise WrongParameter(option(role), name, "a column that no other option names")
            names.append(name)

    def given(self) -> dict[str, str]:
        """The roles that were given, in their order, and their columns."""
        return {role: getattr(self, role) for role in ROLES if getattr(self, role) is not None}

    def locate(self, found: Sequence[str], source: str) -> dict[str, int]:
        """The roles that this source has, in their order, and their positions in `found`.

        A name matches exactly, or, if none does, without regard to case and outer spaces.
        Raises MissingColumn with the guess there is, or UnreadableSource if two columns match.
        """
        places: dict[str, int] = {}
        taken = {i for name in self.given().values() for i in _matches(name, found)}
        for role in ROLES:
            name = getattr(self, role)
            matches = _matches(name or role, found)
            if len(matches) > 1 and (name or role in NEEDED):
                raise _ambiguous(role, name or role, [found[i] for i in matches], source)
            if name and not matches:
                raise self._missing(role, found, source)
            if len(matches) == 1 and (name or matches[0] not in taken):
                places[role] = matches[0]
        for role in _lacking(places, self.given()):
            raise self._missing(role, found, source)
        return places

    def _missing(self, role: str, found: Sequence[str], source: str) -> MissingColumn:
        name = getattr(self, role)
        guessed = {} if name else guess(found, self.given())
        settings = {option(r): column for r, column in guessed.items() if column != r}
        return MissingColumn(source, option(role), name or role, found, settings)


NEEDED = ("customer_id", "date", "amount")
"""Roles that a source has, unless quantity and price stand for the amount."""

ROLES = tuple(field.name for field in fields(Mapping))

WORDS: Dict[str, tuple[str, ...]] = {
    "customer_id": (
        "customerid", "idcliente", "clienteid", "clientid", "codcliente", "codigocliente",
        "numcliente", "numerocliente", "ncliente", "nocliente", "customernumber",
        "customerno", "customercode", "customer", "cliente", "client", "idcustomer",
        "idclient", "idsocio", "socio", "memberid", "member", "userid", "user", "usuario",
        "idusuario", "buyerid", "buyer", "comprador", "contactid", "accountid", "cuenta",
        "donorid", "donante", "shopper", "shopperid",
    ),
    "date": (
        "date", "fecha", "fechacompra", "fechapedido", "fechafactura", "fechaventa",
        "fechaoperacion", "fechatransaccion", "invoicedate", "orderdate", "purchasedate",
        "transactiondate", "saledate", "salesdate", "bookingdate", "datetime",
        "timestamp", "fechahora", "createdat", "dia", "day",
    ),
    "amount": (
        "amount", "importe", "importetotal", "total", "totalamount", "totalprice",
        "lineamount", "linetotal", "importelinea", "importeneto", "netamount", "sales",
        "salesamount", "ventas", "venta", "revenue", "ingresos", "value", "valor",
        "spend", "gasto", "dollarvalue", "ordertotal", "ordervalue", "monto", "turnover",
        "importeeur", "totaleur", "amounteur",
    ),
    "quantity": (
        "quantity", "cantidad", "qty", "units", "unidades", "uds", "cant",
    ),
    "price": (
        "price", "precio", "unitprice", "preciounitario", "preciounidad", "priceeach",
        "pvp",
    ),
    "transaction_id": (
        "transactionid", "invoiceno", "invoice", "invoiceid", "invoicenumber", "factura",
        "numfactura", "numerofactura", "nfactura", "nofactura", "idfactura", "orderid",
        "order", "orderno", "ordernumber", "pedido", "idpedido", "numpedido",
        "numeropedido", "npedido", "nopedido", "ticket", "idticket", "receipt",
        "receiptid", "transaction", "transaccion", "idtransaccion",
    ),
    "product": (
        "product", "producto", "productid", "idproducto", "stockcode", "sku", "articulo",
        "idarticulo", "codarticulo", "codigoarticulo", "item", "itemid", "referencia",
        "ref", "ean", "productcode",
    ),
    "category": (
        "category", "categoria", "familia", "department", "departamento", "seccion",
    ),
    "currency": (
        "currency", "currencycode", "divisa", "moneda", "currencycolumn",
    ),
    "channel": (
        "channel", "canal", "saleschannel", "canalventa",
    ),
    "campaign": (
        "campaign", "campana", "campaignid", "idcampana", "promocion", "promotion",
    ),
    "discount": (
        "discount", "descuento", "dto", "discountamount",
    ),
    "cost": (
        "cost", "coste", "costo", "unitcost", "costeunitario", "cogs",
    ),
    "margin": (
        "margin", "margen", "margincolumn", "grossmargin", "margenbruto",
    ),
}  # fmt: skip
"""How columns are called in English and Spanish, in folded form, the likeliest first."""


def option(role: str) -> str:
    """What the option is called that names the column of this role."""
    return SUFFIXED.get(role, role)


def guess(found: Sequence[str], given: Dict[str, str] | None = None) -> dict[str, str]:
    """The likeliest column of each role by its name, beside those that are `given`.

    Names are compared without case, accents, spaces and signs. Quantity and price are left out
    where there is an amount. Empty if a needed role stays open or two columns are equally likely.
    """
    chosen = {role: name for role, name in (given or {}).items() if name in found}
    for role in ROLES:
        if role in chosen or (role in ("quantity", "price") and "amount" in chosen):
            continue
        names = _likeliest(role, [name for name in found if name not in chosen.values()])
        if len(names) > 1:
            return {}
        chosen |= dict.fromkeys([role], names[0]) if names else {}
    return {} if _lacking(chosen, {}) else {r: chosen[r] for r in ROLES if r in chosen}


def _likeliest(role: str, names: Sequence[str]) -> list[str]:
    folded = [bare(name) for name in names]
    for word in WORDS[role]:
        matches = [name for name, bare in zip(names, folded, strict=True) if bare == word]
        if matches:
            return matches
    return []


def _lacking(roles: Dict[str, object], given: Dict[str, str]) -> list[str]:
    """Needed roles that are not among `roles`, of which the user `given` some."""
    lines = ("quantity", "price")
    as_lines = any(role in given for role in lines) or all(role in roles for role in lines)
    money = lines if as_lines and "amount" not in roles else ("amount",)
    return [role for role in ("customer_id", "date", *money) if role not in roles]


def _matches(name: str, found: Sequence[str]) -> list[int]:
    exact = [i for i, column in enumerate(found) if column == name]
    return exact or [i for i, column in enumerate(found) if _folded(column) == _folded(name)]


def _ambiguous(role: str, name: str, names: Sequence[str], source: str) -> UnreadableSource:
    return UnreadableSource(
        source,
        f"more than one column could be '{name}': {', '.join(map(repr, names))}",
        f"Rename one of them, or name the right one exactly: --set {option(role)}=NAME",
    )


def _folded(name: str) -> str:
    return name.strip().casefold()


def bare(name: str) -> str:
    """Letters and digits of a name, without case and accents: Año-1 is ano1."""
    apart = unicodedata.normalize("NFKD", name.casefold())
    return "".join(sign for sign in apart if sign.isalnum())


@dataclass(frozen=True)
class Columns:  # until the readers take a Mapping
    """The names of the three columns in the source."""

    customer_id: str = "customer_id"
    date: str = "date"
    amount: str = "amount"

    def locate(self, found: Sequence[str], source: str) -> tuple[int, int, int]:
        """Their positions."""
        places = Mapping(self.customer_id, self.date, self.amount).locate(found, source)
        return places["customer_id"], places["date"], places["amount"]


OPTIONS = ("customer_id", "date", "amount")
