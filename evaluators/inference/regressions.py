"""Regressions of a target on a few public columns, as an analyst would fit them to a table.

Columns are chosen by the schema alone: the subgroups, then the leading columns that may predict the
target. A number is its place between its bounds, an ordinal category its place in the order; other
categories are indicators, those after ``LEVELS`` taken together. Least squares
for a number, logistic for an event, Cox for a time. Variances are sandwiches over units, so that
several rows of a patient are not taken for several patients.

Privacy claim: none; fitted to real rows, internal.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError

from evaluators.features import as_numbers, feature_columns
from evaluators.utility.estimators import NotConvergedError
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Target

COLUMNS = 6
"""So many columns besides the subgroups' at most."""

LEVELS = 5
"""A category column has at most so many indicators; the last of them stands for all that follow."""

STEPS = 50


@dataclass(frozen=True, eq=False)
class Terms:
    """Named regressors of the rows of a table, [rows, terms].

    ``level_of``: the column whose categories, one of which must go, a term is one of; else "".
    """

    names: tuple[str, ...]
    level_of: tuple[str, ...]
    X: np.ndarray


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients and their variances, without the constant."""

    coefficients: np.ndarray
    variances: np.ndarray


def chosen_columns(codec: Codec, target: Target) -> tuple[str, ...]:
    """The columns that a target is regressed on."""
    allowed = feature_columns(codec.schema, target)
    groups = [g.column for g in codec.schema.subgroups if g.column in allowed]
    first = [name for name in allowed if name not in groups]
    return tuple(dict.fromkeys([*groups, *first[:COLUMNS]]))


def terms(frame: pd.DataFrame, codec: Codec, columns: tuple[str, ...]) -> Terms:
    """The regressors of some columns; the same for every table of a schema."""
    blocks = [(*block, name) for name in columns for block in _terms(frame[name], codec, name)]
    X = np.column_stack([np.zeros((len(frame), 0)), *(values for _, values, _ in blocks)])
    nominal = {name for name in columns if _nominal(codec, name)}
    levels = tuple(name if name in nominal else "" for _, _, name in blocks)
    return Terms(tuple(label for label, _, _ in blocks), levels, X)


def _nominal(codec: Codec, name: str) -> bool:
    column = codec.columns[name].column
    return isinstance(column, Categorical) and column.kind != "ordinal"


def _terms(series: pd.Series, codec: Codec, name: str) -> list[tuple[str, np.ndarray]]:
    column = codec.columns[name]
    codes = column.encode(series)
    missing = codes == column.size - 1 if column.has_missing else np.zeros(len(codes), dtype=bool)
    extra = [(f"{name} missing", missing.astype(float))] if column.has_missing else []
    if isinstance(column.column, Categorical):
        number = len(column.values)
        if column.column.kind == "ordinal":
            place = np.where(missing, 0, codes / max(1, number - 1))
            return [(f"{name}, lowest to highest", place), *extra]
        last = min(number, LEVELS + 1) - 1
        found = []
        for level in range(last + 1):
            rest = level == last < number - 1
            inside = (codes >= level) & ~missing if rest else codes == level
            label = f"{name}={column.labels[level]}" + (" and later ones" if rest else "")
            found.append((label, inside.astype(float)))
        return found + extra
    assert column.bins is not None
    in_bin = codes < column.n_bins
    low, high = column.bins.edges[0], column.bins.edges[-1]
    place = np.zeros(len(series))
    place[in_bin] = (as_numbers(series[in_bin], codec, name) - low) / (high - low)
    special = (~in_bin & ~missing).astype(float)
    found = [(f"{name}, lowest to highest", place)]
    if column.values:
        found.append((f"{name} special", special))
    return found + extra


Regression = Callable[[np.ndarray, np.ndarray, np.ndarray], Fit]
"""(X, y, unit numbers) → coefficients and variances."""


def least_squares(X: np.ndarray, y: np.ndarray, unit: np.ndarray) -> Fit:
    """Ordinary least squares."""
    Z = np.column_stack([np.ones(len(X)), X])
    beta, _, rank, _ = np.linalg.lstsq(Z, y, rcond=None)
    return _fit(beta, Z.T @ Z, Z * (y - Z @ beta)[:, None], unit, rank)


def logistic(X: np.ndarray, y: np.ndarray, unit: np.ndarray) -> Fit:
    """Maximum likelihood by Newton's method; NotConvergedError where it has no end.

    People of one kind who never have the event, say, send some coefficients off together until the rows say
    no more of them: their variances are without bound.
    """
    Z = np.column_stack([np.ones(len(X)), X])
    beta, ranks = np.zeros(Z.shape[1]), list[int]()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(Z @ beta, -30, 30)))
        information = (Z * (p * (1 - p))[:, None]).T @ Z
        step, _, rank, _ = np.linalg.lstsq(information, Z.T @ (y - p), rcond=None)
        beta, ranks = beta + step, [*ranks, rank]
        if np.abs(step).max() < 1e-8:
            return _fit(beta, information, Z * (y - p)[:, None], unit, rank, ranks[0] - rank)
        if np.abs(beta).max() > 30:
            break
    raise NotConvergedError


def _fit(
    beta: np.ndarray,
    information: np.ndarray,
    scores: np.ndarray,
    unit: np.ndarray,
    rank: int,
    endless: int = 0,
) -> Fit:
    """Sandwich variances: the scores of a unit's rows are added up before they are squared.

    ``rank``: in how many directions the rows say anything; ``endless``: in how many more they say that a
    coefficient has no end. Those that no row could tell of, as columns follow from each other, add nothing.
    """
    by_unit = np.zeros((unit.max() + 1, scores.shape[1]))
    np.add.at(by_unit, unit, scores)
    values, vectors = np.linalg.eigh(information)
    first = len(values) - rank
    told, lost = vectors[:, first:], vectors[:, first - endless : first]
    moved = by_unit @ (told / values[first:]) @ told.T
    variances = (moved**2).sum(axis=0) + (lost**2).sum(axis=1) / (np.finfo(float).eps * values[-1])
    return Fit(beta[1:], variances[1:])


def cox(X: np.ndarray, y: np.ndarray, unit: np.ndarray) -> Fit:
    """lifelines' Cox model without a penalty."""
    frame = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
    frame["time"], frame["event"], frame["unit"] = y[:, 0], y[:, 1], unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = CoxPHFitter().fit(frame, "time", "event", cluster_col="unit", robust=True)
        except ConvergenceError as error:
            raise NotConvergedError from error
    return Fit(model.params_.to_numpy(), model.standard_errors_.to_numpy() ** 2)


REGRESSIONS: Mapping[str, tuple[str, Regression]] = {
    "classification": ("logistic", logistic),
    "regression": ("least squares", least_squares),
    "survival": ("cox", cox),
}
"""task → name and regression; a target of many classes has none."""
