"""Columns are found by their names; a guess is told, and never acted upon."""

import pytest

from crmlab.errors import MissingColumn, UnreadableSource, WrongParameter
from crmlab.intake.columns import ROLES, WORDS, Mapping, guess

UCI = [
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
    "Country",
]  # fmt: skip


def test_an_exact_name_wins_over_one_that_differs_by_case():
    found = ["Date", "date", "amount", "customer_id"]

    assert Mapping().locate(found, "x.csv") == {"customer_id": 3, "date": 1, "amount": 2}


def test_a_name_matches_without_case_and_outer_spaces_if_none_matches_exactly():
    places = Mapping().locate([" Customer_ID ", "DATE", "Amount"], "x.csv")

    assert places == {"customer_id": 0, "date": 1, "amount": 2}


def test_a_missing_column_names_the_nearest_and_the_option():
    with pytest.raises(MissingColumn) as caught:
        Mapping(amount="totla").locate(["customer_id", "date", "total"], "x.csv")

    assert "Did you mean 'total'?" in str(caught.value)
    assert "--set amount=NAME" in str(caught.value)


def test_columns_that_nobody_named_are_told_as_a_guess_with_the_line_to_write():
    with pytest.raises(MissingColumn) as caught:
        Mapping(date="fecha").locate(["Id Cliente", "fecha", "importe", "product"], "x.csv")

    assert caught.value.guess == {"customer_id": "Id Cliente", "date": "fecha", "amount": "importe"}
    assert str(caught.value).endswith(
        "Guessed by their names: --set 'customer_id=Id Cliente' --set date=fecha "
        "--set amount=importe"
    )


def test_a_role_that_was_not_given_is_the_column_of_its_own_name():
    found = ["customer_id", "date", "amount", "product", "currency", "note"]

    roles = list(Mapping().locate(found, "x.csv"))

    assert roles == ["customer_id", "date", "amount", "product", "currency"]


def test_a_column_given_to_one_role_is_not_taken_for_another():
    found = ["customer_id", "date", "amount", "cost"]

    assert "cost" not in Mapping(amount="cost").locate(found, "x.csv")


def test_quantity_and_price_stand_for_the_amount():
    found = ["customer_id", "date", "quantity", "price"]

    assert Mapping().locate(found, "x.csv")["price"] == 3
    with pytest.raises(MissingColumn, match="no column 'price'"):
        Mapping(quantity="n").locate(["customer_id", "date", "n"], "x.csv")
    with pytest.raises(MissingColumn, match="no column 'amount'"):
        Mapping().locate(["customer_id", "date", "price"], "x.csv")


@pytest.mark.parametrize(
    "found", [["date", "date", "amount", "customer_id"], ["Date", "DATE", "amount", "customer_id"]]
)
def test_c19_two_columns_that_match_are_refused(found: list[str]):
    with pytest.raises(UnreadableSource, match="more than one column could be 'date'"):
        Mapping().locate(found, "x.csv")


def test_two_columns_that_nobody_needs_may_be_called_alike():
    found = ["customer_id", "date", "amount", "cost", "cost"]

    assert len(Mapping().locate(found, "x.csv")) == 3


def test_one_column_cannot_serve_two_options():
    with pytest.raises(WrongParameter, match="'amount' is 'date'"):
        Mapping(date="date", amount="date")


@pytest.mark.parametrize("name", ["", "  ", 3])
def test_a_name_is_text(name: object):
    with pytest.raises(WrongParameter, match="customer_id"):
        Mapping(customer_id=name)  # type: ignore[arg-type]


def test_the_option_of_a_role_is_no_other_option_of_a_report():
    with pytest.raises(WrongParameter, match="'currency_column' is ''"):
        Mapping(currency="")


@pytest.mark.parametrize(
    ("found", "guessed"),
    [
        (
            UCI,
            {
                "customer_id": "CustomerID", "date": "InvoiceDate", "quantity": "Quantity",
                "price": "UnitPrice", "transaction_id": "InvoiceNo", "product": "StockCode",
            },
        ),
        (
            ["id_cliente", "fecha", "importe"],
            {"customer_id": "id_cliente", "date": "fecha", "amount": "importe"},
        ),
        (
            ["Nº factura", "CLIENTE", "Fecha compra", "Cantidad", "Precio", "Total", "Divisa"],
            {
                "customer_id": "CLIENTE", "date": "Fecha compra", "amount": "Total",
                "transaction_id": "Nº factura", "currency": "Divisa",
            },
        ),
        (
            ["client", "order_date", "total", "artículo", "canal", "campaña", "descuento", "coste",
             "margen", "categoría"],
            {
                "customer_id": "client", "date": "order_date", "amount": "total",
                "product": "artículo", "category": "categoría", "channel": "canal",
                "campaign": "campaña", "discount": "descuento", "cost": "coste",
                "margin": "margen",
            },
        ),
        (["client", "Client", "date", "amount"], {}),
        (["who", "date", "amount"], {}),
        ([], {}),
    ],
)  # fmt: skip
def test_columns_are_guessed_by_their_names(found: list[str], guessed: dict[str, str]):
    assert guess(found) == guessed


def test_what_was_given_is_not_guessed():
    found = ["client", "buyer", "date", "total"]

    assert guess(found, {"customer_id": "buyer"})["customer_id"] == "buyer"


def test_every_role_has_its_words():
    assert tuple(WORDS) == ROLES
