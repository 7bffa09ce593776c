"""Which category goes with which, where the schema says that one determines the other and not how.

Read off one noisy histogram of both: each category takes what most of its rows have, where that is told from
none; what is not told is left out of the table, and so is free.

Privacy claim: one histogram of cells that do not overlap, of which a unit of k rows moves the counts by at most
k in L2; it costs ``rho``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from privacy.histogram.tree import TOLD
from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.schema.columns import Categorical
from privacy.schema.relations import Determined
from privacy.schema.schema import Schema

Ask = Callable[[list[Any], Callable[[], Any]], Any]


def measured_table(
    frame: pd.DataFrame, schema: Schema, relation: Determined, rho: float, k: int, ask: Ask
) -> dict[str, str]:
    """Category of ``by`` → the one that it determines, in a canonical frame."""
    by, found = (_categories(schema, n) for n in (relation.by, relation.determined))
    rows = frame[relation.by], frame[relation.determined]
    draw = partial(
        _counts, (by.get_indexer(pd.Index(rows[0])), found.get_indexer(pd.Index(rows[1])))
    )
    counts = ask(["table", relation.name, rho, k], partial(draw, (len(by), len(found)), rho, k))
    least = TOLD * gaussian_sigma(rho, k)
    most = zip(by, counts, strict=True)
    return {b: found[int(np.argmax(n))] for b, n in most if max(n) >= least}


def _counts(
    places: tuple[np.ndarray, np.ndarray], shape: tuple[int, int], rho: float, k: int
) -> list[list[int]]:
    """Noisy rows [by, determined] that have both."""
    both = (places[0] >= 0) & (places[1] >= 0)
    cell = np.ravel_multi_index((places[0][both], places[1][both]), shape)
    counts = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    noisy: list[list[int]] = discrete_gaussian(counts, rho, k).tolist()
    return noisy


def _categories(schema: Schema, name: str) -> pd.Index:
    column = schema.columns[name]
    assert isinstance(column, Categorical)
    return pd.Index(column.categories or ())
