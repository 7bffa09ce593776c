"""Which rows of a unit with too many are kept: those with the lowest lots.

Privacy claim: a row's lot is a keyed hash of its unit's name and of its place among that unit's rows, so no
other unit changes the choice.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.people.split import Split


def by_lot(units: np.ndarray, names: pd.Series, split: Split, most: int) -> np.ndarray:
    """Whether each row [n] is kept, ``most`` of each unit; ``names``: that of each row's unit."""
    rank = pd.Series(units).groupby(units).cumcount()
    named = names.reset_index(drop=True) + "\0" + rank.astype(str)
    lot = pd.Series(split.uniform(named, salt="bound"))
    return np.asarray(lot.groupby(units).rank(method="first") <= most)
