"""Covariates by formula: columns, levels, customers' ids, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import crmlab
from crmlab import BGNBD, Covariates, ParetoNBD
from crmlab.errors import MissingCovariates, UnusableCovariate, WrongParameter

CUSTOMERS = 900


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """What a company knows of its customers, in no order of theirs."""
    rng = np.random.default_rng(4)
    known = {
        "channel": rng.choice(["web", "shop", "phone"], CUSTOMERS),
        "age": rng.integers(18, 80, CUSTOMERS),
        "member": rng.random(CUSTOMERS) < 0.5,
        "class": pd.Categorical(
            rng.choice(["low", "high"], CUSTOMERS), categories=["low", "high", "unused"]
        ),
    }
    index = pd.Index([f"c{i}" for i in rng.permutation(CUSTOMERS)], name="customer_id")
    return pd.DataFrame(known, index=index)


@pytest.fixture(scope="module")
def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Histories in which the web buys more and the old leave later; sorted by customer."""
    alpha = 10 * np.exp(-0.8 * (table["channel"] == "web"))
    beta = 12 * np.exp(0.02 * (table["age"] - 40))
    model = ParetoNBD(0.9, alpha.to_numpy(), 0.8, beta.to_numpy())
    T = np.linspace(30, 60, CUSTOMERS)
    frame = pd.DataFrame(model.simulate(T, seed=6).summarize(T), index=table.index)
    frame.attrs["unit"] = "week"
    return frame.sort_index()


@pytest.fixture(scope="module")
def fit(table: pd.DataFrame, summary: pd.DataFrame) -> Any:
    given = crmlab.covariates(table, purchase="channel + member", dropout="log(age)")
    return ParetoNBD.fit(summary, covariates=given)


def test_columns_of_a_formula(table: pd.DataFrame) -> None:
    """A column for each level but the first; numbers, functions and interactions as they are."""
    given = crmlab.covariates(
        table, purchase="channel + age + class:age + member", dropout="log(age) + {age / 10}"
    )

    assert given.purchase.names == (
        "channel[shop]", "channel[web]", "age", "member", "class[high]:age",
    )  # fmt: skip
    assert given.dropout.names == ("log(age)", "age / 10")
    assert (given.purchase.matrix[:, 1] == (table["channel"] == "web")).all()
    assert (given.purchase.matrix[:, 4] == table["age"] * (table["class"] == "high")).all()
    assert (given.dropout.matrix[:, 0] == np.log(table["age"])).all()
    assert crmlab.covariates(table, purchase="age").dropout.names == ()


def test_a_formula_is_a_matrix_made_by_hand(
    fit: Any, table: pd.DataFrame, summary: pd.DataFrame
) -> None:
    """The same columns by hand, in the order of the summary, give the same fit; effects found."""
    rows = table.loc[summary.index]
    purchase = {level: rows["channel"] == level for level in ("shop", "web")}
    by_hand = Covariates.of(
        purchase={**purchase, "member": rows["member"]}, dropout={"log(age)": np.log(rows["age"])}
    )
    other = ParetoNBD.fit(summary, covariates=by_hand)
    effects = fit.summary()

    assert other.model.coefficients == fit.model.coefficients
    assert other.log_likelihood == fit.log_likelihood
    assert effects.loc["alpha:channel[web]", "lower_95"] > 0.4
    assert effects.loc["beta:log(age)", "upper_95"] < 0
    assert (
        abs(effects.loc["alpha:member", "estimate"])
        < 4 * effects.loc["alpha:member", "standard_error"]
    )
    assert fit.unit == "week"


def test_one_customer_is_asked_as_all_are(
    fit: Any, table: pd.DataFrame, summary: pd.DataFrame
) -> None:
    """A table of one row has the columns of all; order and company do not matter, to the bit."""
    columns = ["frequency", "recency", "T"]

    def answers(customers: pd.DataFrame, known: pd.DataFrame) -> Any:
        model = fit.model.for_customers(customers, crmlab.covariates(known, like=fit))
        asked = {name: customers[name].to_numpy() for name in columns}
        return np.array([model.p_alive(**asked), model.expected_purchases(52.0, **asked)])

    every = answers(summary, table)
    backwards = answers(summary[::-1], table)
    one = answers(summary.iloc[[17]], table.loc[[summary.index[17]]])

    assert (backwards == every[:, ::-1]).all()
    assert (one[:, 0] == every[:, 17]).all()


def test_new_customers_are_asked_by_what_is_known_of_them(fit: Any) -> None:
    """Levels and formulas are the fit's, whatever the new table holds."""
    new = pd.DataFrame(
        {"age": [30.0, 30.0], "member": [True, True], "channel": ["web", "phone"]}, index=["x", "y"]
    )
    model = fit.model.of(crmlab.covariates(new, like=fit))
    web, phone = model.expected_purchases_new(52.0)

    assert web / phone == pytest.approx(np.exp(fit.model.coefficients[1]), rel=1e-12)


def test_a_fit_from_a_file_knows_its_formulas(
    fit: Any, table: pd.DataFrame, tmp_path: Path
) -> None:
    """Loaded, it makes the same columns of a table and gives the same predictions."""
    fit.to_json(tmp_path / "fit.json")
    back = crmlab.load_fit(tmp_path / "fit.json")
    first, second = (crmlab.covariates(table.iloc[:9], like=one) for one in (fit, back.model))

    assert back.model == fit.model
    assert (first.purchase.matrix == second.purchase.matrix).all()
    assert (fit.model.of(first).alpha == back.model.of(second).alpha).all()


def test_predictions_take_the_table_in_any_order(
    fit: Any, table: pd.DataFrame, summary: pd.DataFrame, tmp_path: Path
) -> None:
    """Prediction limits of some customers, and totals by a column, of a loaded fit."""
    fit.to_json(tmp_path / "fit.json")
    back = crmlab.load_fit(tmp_path / "fit.json")
    given = crmlab.covariates(table, like=fit)
    some = summary.iloc[:60].join(table["channel"])
    one = back.predict(26.0, some, covariates=given, seed=1)
    totals = back.predict_total(26.0, some, covariates=given, seed=1, by="channel")
    model = fit.model.for_customers(some, given)
    mean = model.expected_purchases(
        26.0, **{name: some[name].to_numpy() for name in ("frequency", "recency", "T")}
    )

    assert one.index.tolist() == some.index.tolist()
    assert one["mean"].to_numpy() == pytest.approx(mean, rel=1e-13)
    assert (one["lower"] <= one["mean"]).all()
    assert totals.loc["web", "mean"] == pytest.approx(mean[some["channel"] == "web"].sum())
    assert ((totals["lower"] < totals["mean"]) & (totals["mean"] < totals["upper"])).all()


def test_customers_without_covariates_are_named(table: pd.DataFrame, summary: pd.DataFrame) -> None:
    """How many, the first, and what the ids of the covariates look like."""
    few = crmlab.covariates(table.drop(index=["c1", "c5"]), purchase="age")
    other = crmlab.covariates(table.reset_index(drop=True), purchase="age")

    with pytest.raises(MissingCovariates, match=r"2 of 900 customers .* \(first: 'c1'"):
        BGNBD.fit(summary, covariates=few)
    with pytest.raises(MissingCovariates, match=r"900 of 900 .*first: 'c0'; .* such as 0\)"):
        BGNBD.fit(summary, covariates=other)
    with pytest.raises(WrongParameter, match="'c1' 2 times"):
        crmlab.covariates(pd.concat([table, table.loc[["c1"]]]), purchase="age")


@pytest.mark.parametrize(
    ("formula", "error", "found"),
    [
        ("chanel", UnusableCovariate, "no such column. Did you mean 'channel'.*: channel, age"),
        ("age +* member", WrongParameter, "expected a formula such as"),
        ("age ~ member", WrongParameter, "one side only"),
        ("age + 0", WrongParameter, "without 0 or -1"),
        ("scale(age)", WrongParameter, "compute it in the table first"),
        ("{age.mean()}", WrongParameter, "compute it in the table first"),
        ("{__import__('os').getcwd()}", WrongParameter, "purchase"),
        ("log(channel)", WrongParameter, "numbers from every term"),
        ("joined", UnusableCovariate, "it holds datetime64"),
        ("income", UnusableCovariate, r"2 of 900 customers have no value \(first: 'c"),
        ("log(balance)", UnusableCovariate, r"'log\(balance\)' .* 1 of 900 .* no finite value"),
    ],
)
def test_what_is_no_formula_of_the_table_is_refused(
    table: pd.DataFrame, formula: str, error: type[Exception], found: str
) -> None:
    """Unknown columns, missing values, and anything that could be a program."""
    more = table.assign(
        joined=pd.Timestamp("2026-01-31"),
        income=np.where(np.arange(CUSTOMERS) % 500 == 7, np.nan, 1.0),
        balance=np.arange(CUSTOMERS),
    )
    with pytest.raises(error, match=found):
        crmlab.covariates(more, purchase=formula)


def test_another_table_must_hold_the_same(fit: Any, table: pd.DataFrame) -> None:
    """An unseen level and its first customer; text for a number; an absent column; another fit."""
    first = table.iloc[:3].astype({"channel": object})
    first.iloc[1, 0] = "fax"

    with pytest.raises(UnusableCovariate, match=rf"1 of 3 .*'fax'.*'{first.index[1]}'.*'phone'"):
        crmlab.covariates(first, like=fit)
    with pytest.raises(UnusableCovariate, match=r"'age' .* held numbers"):
        crmlab.covariates(table.assign(age="old"), like=fit)
    with pytest.raises(UnusableCovariate, match=r"'member' .*no such column"):
        crmlab.covariates(table.drop(columns="member"), like=fit)
    with pytest.raises(WrongParameter, match="a fit with covariates that were made by formulas"):
        crmlab.covariates(table, like=fit.model.base)


def test_a_constant_or_a_sum_of_others_is_refused(
    table: pd.DataFrame, summary: pd.DataFrame
) -> None:
    """By name, when the model is fitted."""
    more = table.assign(one=1, months=12 * table["age"])
    for formula, name in (("age + one", "one"), ("age + months", "months")):
        with pytest.raises(UnusableCovariate, match=f"'{name}'"):
            BGNBD.fit(summary, covariates=crmlab.covariates(more, purchase=formula))
