"""Synthetic rows that the schema calls possible.

Privacy claim: post-processing; what is impossible is public.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from privacy.records.impossible import impossible_rows
from privacy.schema.codec import number_identifiers
from privacy.schema.schema import Schema

REDRAWS = 100
"""How often rows that the schema calls impossible are drawn again before they are left in."""

RECODED = 20
"""How often rows whose codes contradict a relation are; then they are taken as they are, which keeps it."""

Drawn = tuple[pd.DataFrame, np.ndarray]
"""Rows, and which of them are as their codes say."""


def draw_possible(draw: Callable[[int], Drawn], n: int, schema: Schema) -> pd.DataFrame:
    """``n`` rows of ``draw``, impossible ones drawn again, identifiers fresh."""
    frame, said = draw(n)
    for redraw in range(REDRAWS):
        good = ~impossible_rows(frame, schema) & (said | (redraw >= RECODED))
        if good.all():
            break
        more, fine = draw(n - int(good.sum()))
        frame = pd.concat([frame[good], more], ignore_index=True)
        said = np.concatenate([said[good], fine])
    return number_identifiers(frame, schema)


def put(frame: pd.DataFrame, rows: np.ndarray, others: pd.DataFrame) -> pd.DataFrame:
    """The frame with other rows in place of these positions."""
    place = np.arange(len(frame))
    place[rows] = len(frame) + np.arange(len(rows))
    return pd.concat([frame, others], ignore_index=True).iloc[place].reset_index(drop=True)
