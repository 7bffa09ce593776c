"""The groups of which a release claims nothing, by what its synthetic rows say of their size.

Which groups were too small to be assessed was found on real rows and stays in the house. That a group is
small can be read off the synthetic rows by anybody, so whoever is small there is named: those of whom fewer
people, or fewer with or without an event, are to be expected among people held out than twice what an
assessment needs.

Privacy claim: post-processing of synthetic rows; free.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evaluators.assessable import unassessed
from evaluators.tables import MIN_EVENTS, MIN_PEOPLE
from flows.label.histories import units_in
from privacy.schema.schema import Schema

SURE = 2
"""So many times what an assessment needs must be expected, or nothing is claimed: a count is noisy."""

IN_WORDS = (
    "Nothing is claimed about these groups: by the synthetic rows, fewer than "
    f"{SURE * MIN_PEOPLE} people, or {SURE * MIN_EVENTS} with or without the outcome, are to be expected "
    "of them among those held out. Nothing is claimed where two groups meet."
)
NONE = "By the synthetic rows no group is too small to be assessed. Nothing is claimed where two groups meet."


def not_assessed(frame: pd.DataFrame, schema: Schema, held_out: float) -> dict[str, Any]:
    """The groups by name, and what that means; ``held_out``: people expected there, from public figures."""
    units = np.arange(len(frame))
    if schema.visits is not None:
        units = pd.factorize(frame[schema.unit])[0]
    per_unit = held_out / max(1, units_in(frame, schema)) / SURE
    groups = [u.name for u in unassessed(frame, units, schema, per_unit)]
    return {"groups": groups, "in_words": IN_WORDS if groups else NONE}
