"""Covariates of customers from a table, by formulas such as 'Gender + Channel'."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from formulaic import Formula, SimpleFormula
from formulaic.errors import FormulaicError

from crmlab.errors import UnusableCovariate, WrongParameter
from crmlab.models.base import Fit
from crmlab.models.covariates import CovariateModel, Covariates

FUNCTIONS = {name: getattr(np, name) for name in ("log", "log1p", "log2", "log10", "exp", "sqrt")}
ALLOWED = (
    ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp,
    ast.operator, ast.unaryop,
)  # fmt: skip


def covariates(
    table: pd.DataFrame, *, purchase: str = "", dropout: str = "",
    like: Fit[CovariateModel] | CovariateModel | None = None,
) -> Covariates:  # fmt: skip
    """Covariates of both processes from a table with one row a customer, indexed by customer id.

    `purchase` and `dropout` are formulas over its columns: 'Gender + log(Age) + Gender:Channel'.
    Text and categories become a column for each level but the first (of text, in alphabetical
    order; of a category, in its own). With `like`, a fit or its model, the formulas and levels of
    that fit are used instead, so that the model can be asked about the customers of this table.
    Raises UnusableCovariate for a column that is absent, has missing values, or has a level that
    the fit has not seen, and WrongParameter for what is no formula.
    """
    table = table.rename(columns=str)
    recipe = _recipe_of(like) if like is not None else _recipe(table, purchase, dropout)
    frame = _encoded(table, recipe)
    columns = {p: _columns(frame, recipe[p], p) for p in ("purchase", "dropout")}
    return Covariates.of(**columns, customers=table.index, recipe=recipe)


def _recipe_of(like: Fit[CovariateModel] | CovariateModel) -> Mapping[str, Any]:
    model = like.model if isinstance(like, Fit) else like
    if not isinstance(model, CovariateModel) or model.recipe is None:
        expected = "a fit with covariates that were made by formulas"
        raise WrongParameter("like", type(model).__name__, expected)
    return model.recipe


def _recipe(table: pd.DataFrame, purchase: str, dropout: str) -> dict[str, Any]:
    """The formulas, and the levels of each column that they name: None for a column of numbers."""
    named: set[str] = set()
    for process, formula in (("purchase", purchase), ("dropout", dropout)):
        named |= _named(_parsed(formula, process), process)
    _refuse_absent(table, named)
    levels = {name: _levels(table[name]) for name in sorted(named)}
    return {"purchase": purchase, "dropout": dropout, "levels": levels}


def _parsed(formula: str, process: str) -> SimpleFormula:
    """A formula that is safe to evaluate, and whose columns depend on nothing but their own row.

    A fit may come from a file of somebody else's, and formulas hold Python expressions: only
    arithmetic and a few functions are let through.
    """
    example = "a formula such as 'Gender + log(Age)', of columns of the table"
    try:
        parsed = Formula(formula or "1")
    except (FormulaicError, SyntaxError):
        raise WrongParameter(process, formula, example) from None
    if not isinstance(parsed, SimpleFormula):
        raise WrongParameter(process, formula, example + ", with one side only")
    if "1" not in [str(term) for term in parsed]:
        raise WrongParameter(process, formula, "a formula with its constant: without 0 or -1")
    _named(parsed, process)
    return parsed


def _named(formula: SimpleFormula, process: str) -> set[str]:
    """The columns that a formula names. Raises WrongParameter for more than a few functions."""
    out: set[str] = set()
    for factor in {factor for term in formula for factor in term.factors}:
        found = {factor.expr} if factor.eval_method.value == "lookup" else _plain(factor.expr)
        if found is None:
            known = ", ".join(FUNCTIONS)
            told = f"columns, arithmetic and {known} only; compute it in the table first"
            raise WrongParameter(process, factor.expr, told)
        out |= found
    return out


def _plain(factor: str) -> set[str] | None:
    """The columns in arithmetic with known functions; None for any other expression."""
    try:
        nodes = list(ast.walk(ast.parse(factor, mode="eval")))
    except SyntaxError:
        return None
    called = [node.func for node in nodes if isinstance(node, ast.Call)]
    known = all(isinstance(f, ast.Name) and f.id in {*FUNCTIONS, "I"} for f in called)
    if not known or not all(isinstance(node, ALLOWED) for node in nodes):
        return None
    return {node.id for node in nodes if isinstance(node, ast.Name) and node not in called}


def _refuse_absent(table: pd.DataFrame, named: set[str]) -> None:
    present = [str(name) for name in table.columns]
    for name in sorted(named - set(present)):
        near = difflib.get_close_matches(name, present, n=1, cutoff=0.5)
        meant = f"Did you mean '{near[0]}'? " if near else ""
        remedy = f"{meant}The table's columns: {', '.join(present)}."
        raise UnusableCovariate(name, "the table has no such column", remedy)


def _levels(column: pd.Series) -> list[Any] | None:
    """The levels of text or categories, the reference first; None for numbers and yes-or-no."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        seen = set(column.dropna())
        return [level for level in column.cat.categories.tolist() if level in seen]
    if pd.api.types.is_numeric_dtype(column):
        return None
    if pd.api.types.is_string_dtype(column) or column.dtype == object:
        return sorted(column.dropna().astype(str).unique().tolist())
    remedy = "Make a number or a category of it, such as the days since a date."
    raise UnusableCovariate(str(column.name), f"it holds {column.dtype}", remedy)


def _encoded(table: pd.DataFrame, recipe: Mapping[str, Any]) -> pd.DataFrame:
    """The columns that the formulas name: numbers, and categories with the recipe's levels."""
    _refuse_absent(table, set(recipe["levels"]))
    frame = pd.DataFrame(index=table.index)
    for name, levels in recipe["levels"].items():
        column = table[name]
        if column.isna().any():
            first = column.index[column.isna()][0]
            found = f"{column.isna().sum()} of {len(column)} customers have no value"
            remedy = "Fill in the values or leave the customers out."
            raise UnusableCovariate(name, f"{found} (first: {first!r})", remedy)
        frame[name] = _number(column) if levels is None else _category(column, levels)
    return frame


def _number(column: pd.Series) -> pd.Series:
    if not pd.api.types.is_numeric_dtype(column):
        found = f"it holds {column.dtype} here and held numbers where the model was fitted"
        raise UnusableCovariate(str(column.name), found, "Convert it with pandas.to_numeric.")
    return column.astype(float)


def _category(column: pd.Series, levels: list[Any]) -> pd.Series:
    values = column.astype(str) if all(isinstance(level, str) for level in levels) else column
    unseen = ~values.isin(levels)
    if unseen.any():
        first = f"{values[unseen].iloc[0]!r}, first of customer {column.index[unseen][0]!r}"
        found = f"{unseen.sum()} of {len(column)} customers have a level not fitted: {first}"
        known = ", ".join(repr(level) for level in levels)
        raise UnusableCovariate(str(column.name), found, f"The levels fitted: {known}.")
    return values.astype(pd.CategoricalDtype(levels))


def _columns(frame: pd.DataFrame, formula: str, process: str) -> dict[str, pd.Series]:
    """The columns of a formula's model matrix, without the constant."""
    parsed = _parsed(formula, process)
    if not _named(parsed, process):
        return {}
    try:
        # What is infinite is refused by name afterwards.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            matrix = parsed.get_model_matrix(frame, context=FUNCTIONS, na_action="ignore")
    except FormulaicError as error:
        what = str(error.__cause__ or error)
        raise WrongParameter(process, formula, f"numbers from every term: {what}") from None
    found = pd.DataFrame(matrix).drop(columns="Intercept").astype(float)
    return {str(name).replace("[T.", "["): found[name] for name in found.columns}
