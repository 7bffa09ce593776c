"""Synthetic rows that the schema calls possible.

Privacy claim: post-processing; what is impossible is public.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from privacy.schema.codec import number_identifiers
from privacy.schema.impossible import impossible_rows
from privacy.schema.records import RecordCodec
from privacy.schema.schema import Schema

REDRAWS = 100
"""How often rows that the schema calls impossible are drawn again before they are left in."""


Drawn = tuple[pd.DataFrame, np.ndarray]
"""Rows, and which of them are possible and as their codes say."""


def draw_possible(draw: Callable[[int], Drawn], n: int, schema: Schema) -> pd.DataFrame:
    """``n`` rows of ``draw``, impossible ones drawn again, identifiers fresh.

    So are rows whose codes contradict a relation; those that are left in keep it all the same.
    """
    frame, possible = draw(n)
    for _ in range(REDRAWS):
        if possible.all():
            break
        kept = frame[possible]
        more, fine = draw(n - len(kept))
        frame = pd.concat([kept, more], ignore_index=True)
        possible = np.concatenate([np.ones(len(kept), dtype=bool), fine])
    return number_identifiers(frame, schema)


def decoded(codes: pd.DataFrame, codec: RecordCodec, rng: np.random.Generator) -> Drawn:
    """Rows of these codes."""
    frame, met = codec.draw(codes, rng)
    return frame, met & ~impossible_rows(frame, codec.schema)
