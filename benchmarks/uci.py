"""UCI Online Retail through the gate, to the row and the cent: `make check-uci DATA=FOLDER`.

The data are not part of the project. FOLDER holds online_retail.csv.gz: 541,909 lines of invoices
of a shop in the United Kingdom, December 2010 to December 2011, as the UCI repository has them.
What is known of them from others is compared; a difference ends with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from decimal import Decimal
from pathlib import Path

import typer

import crmlab

FILE = "online_retail.csv.gz"
COLUMNS = {
    "customer_id": "CustomerID",
    "date": "InvoiceDate",
    "quantity": "Quantity",
    "price": "UnitPrice",
    "transaction_id": "InvoiceNo",
    "product": "StockCode",
}
END = "2011-12-09"
KNOWN = {
    "rows": 541_909,
    "customers": 4_372,
    "rows without a customer": 135_080,
    "net money of all rows": Decimal("9747747.93"),
    "returns with a customer": 8_905,
}
"""Counted by others from the same file; returns are its rows with a customer below zero."""


def main() -> int:
    """Read the file, compare with what is known, and say what became of the rest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help=f"where {FILE} is")
    path = parser.parse_args().folder / FILE
    account = crmlab.read_transactions(path, **COLUMNS).account(END)
    returned = account.returned
    found = {
        "rows": account.read.records,
        "customers": account.read.customers,
        "rows without a customer": account.set_aside["no_customer"].records,
        "net money of all rows": round(account.read.money, 2),
        "returns with a customer": returned.matched_rows + returned.unmatched_rows,
    }
    for name, value in found.items():
        agrees = "as known" if value == KNOWN[name] else f"KNOWN TO BE {KNOWN[name]:,}"
        typer.echo(f"{name}: {value:,} ({agrees})")
    typer.echo(
        f"returns matched: {returned.matched_rows:,} rows, {returned.matched:,.2f}; "
        f"not matched: {returned.unmatched_rows:,} rows, {returned.unmatched:,.2f}"
    )
    typer.echo(account.table().query("records > 0").to_string())
    return int(found != KNOWN)


if __name__ == "__main__":
    sys.exit(main())
