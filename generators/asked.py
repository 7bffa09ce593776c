"""Synthetic rows as somebody asks for them: those that meet conditions, or as many of each category.

A graphical model is conditioned exactly on the codes that may meet what is asked; what a bin that is cut
through, or a deep model, draws beside is left out. Either way rows come as the model has them given what is
asked: none is changed.

Privacy claim: post-processing of a fitted model; costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd

from generators.base import Model
from privacy.errors import InputError
from privacy.records.where import Where, any_of, meets
from privacy.schema.codec import number_identifiers
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema

FEWEST = 1e-4
"""Where a smaller share of what is drawn meets what is asked, drawing is given up."""
FIRST = 20_000
"""So many rows are drawn at least before that is decided."""


@runtime_checkable
class Filling(Protocol):
    """A model that draws what is left of rows of which some columns are known."""

    def filled(
        self, known: pd.DataFrame, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Rows with the values of ``known``, canonical columns [n]; and which of them keep all that the schema
        says of rows, bool [n]."""
        ...


@runtime_checkable
class Conditioned(Protocol):
    """A model that can be narrowed to rows that may meet what is asked."""

    def narrowed(self, asked: Where) -> Model | None:
        """The model given it, as far as its codes tell; None where it holds no such row."""
        ...


def balanced(name: str, schema: Schema) -> list[Where]:
    """What is asked for as many rows of each category of a column."""
    column = schema.columns.get(name)
    if not isinstance(column, Categorical):
        raise InputError(f"--balance {name}: no categorical column of the schema is called so")
    return [{name: any_of(column, [c])} for c in column.categories or ()]


def draw_asked(
    model: Model, n: int, asked: Sequence[Where], rng: np.random.Generator
) -> pd.DataFrame:
    """``n`` rows, in equal parts as each of ``asked`` says; of histories whole ones, so a few more.

    Raises InputError where the model holds no such row, or hardly any.
    """
    parts = np.full(len(asked), n // len(asked)) + (np.arange(len(asked)) < n % len(asked))
    found = [_drawn(model, int(k), one, rng) for k, one in zip(parts, asked, strict=True) if k]
    return _numbered(found, model.schema)


def fill(model: Model, known: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """A row for each of ``known``, with its values of these columns; the others as the model has them given it.

    Raises InputError for a model that cannot, or a row that cannot be completed.
    """
    if model.schema.visits is not None or not isinstance(model, Filling):
        raise InputError(
            "--like: rows are filled by a model of marginals (aim, mst) of a table without visits; for others "
            "--where draws rows that meet conditions"
        )
    found, fine = model.filled(known, rng)
    if not fine.all():
        raise InputError(
            f"--like: row {int(np.argmin(fine)) + 1}: no row with these values keeps what the schema says of "
            "rows; correct it, or leave one of its columns out"
        )
    return found


def _drawn(model: Model, n: int, asked: Where, rng: np.random.Generator) -> pd.DataFrame:
    schema = model.schema
    if schema.visits is not None:
        for name in asked:
            if name not in schema.visits.constant:
                raise InputError(
                    f"--where {name}: changes from row to row of a {schema.unit}; ask for what is constant, "
                    f"{', '.join(schema.visits.constant) or 'and nothing is'}"
                )
    narrow = model.narrowed(asked) if isinstance(model, Conditioned) else model
    found: list[pd.DataFrame] = []
    drawn = kept = 0
    while narrow is not None and kept < n:
        share = (kept + 1) / (drawn + 1)
        batch = narrow.sample(int(min(4 * FIRST, 100 + 1.1 * (n - kept) / share)), rng)
        fine = batch[meets(batch, schema, asked)].reset_index(drop=True)
        drawn, kept = drawn + len(batch), kept + len(fine)
        found.append(fine)
        if drawn >= FIRST and kept < FEWEST * drawn:
            break
    if narrow is None or kept < n:
        said = ", ".join(asked)
        raise InputError(
            f"--where: the model holds hardly any such row, or none; ask for less of {said}"
        )
    return _cut(_numbered(found, schema), n, schema)


def _cut(frame: pd.DataFrame, n: int, schema: Schema) -> pd.DataFrame:
    """The first ``n`` rows, the last history whole."""
    if schema.visits is None:
        return frame.iloc[:n]
    unit = frame[schema.unit].astype(int)
    return frame[unit <= unit.iloc[n - 1]]


def _numbered(parts: Sequence[pd.DataFrame], schema: Schema) -> pd.DataFrame:
    """Rows of several draws with fresh numbers; those of one unit keep one."""
    frame = pd.concat(parts, ignore_index=True)
    if schema.visits is None:
        return number_identifiers(frame, schema)
    of = np.repeat(np.arange(len(parts)), [len(p) for p in parts])
    unit = pd.factorize(pd.MultiIndex.from_arrays([of, frame[schema.unit]]))[0] + 1
    fresh = number_identifiers(frame, schema)
    return fresh.assign(**{str(schema.unit): pd.Series(unit).astype(str).astype(object)})
