"""Synthetic rows that the schema calls possible.

Privacy claim: post-processing; what is impossible is public.
"""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from privacy.schema.codec import number_identifiers
from privacy.schema.impossible import impossible_rows
from privacy.schema.schema import Schema

REDRAWS = 100
"""How often rows that the schema calls impossible are drawn again before they are left in."""


def draw_possible(draw: Callable[[int], pd.DataFrame], n: int, schema: Schema) -> pd.DataFrame:
    """``n`` rows of ``draw``, impossible ones drawn again, identifiers fresh."""
    frame = draw(n)
    for _ in range(REDRAWS):
        possible = frame[~impossible_rows(frame, schema)]
        if len(possible) == n:
            break
        frame = pd.concat([possible, draw(n - len(possible))], ignore_index=True)
    return number_identifiers(frame, schema)
