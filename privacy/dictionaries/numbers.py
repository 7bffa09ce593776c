"""The bounds of a number: what a document says, else what is natural by the name, else wide ones.

Privacy claim: none; what stands in for an open bound is the same for every table.
"""

from __future__ import annotations

import math

from privacy.dictionaries.field import Field
from privacy.reading.guesses.names import natural

WIDE = 1_000_000
"""A bound that stands in for one that no document says."""


def bounds_of(field: Field) -> tuple[float, float, str]:
    """The bounds of a number, and what is to be asked of them."""
    low, high = (
        b if isinstance(b, int | float) and math.isfinite(b) else None
        for b in (field.low, field.high)
    )
    if field.kind == "integer":
        low, high = (None if b is None else r(b) for b, r in ((low, math.ceil), (high, math.floor)))
    if low is not None and high is not None and low < high:
        return low, high, ""
    both = low is not None and high is not None
    if (known := natural(field.name, field.description.split(".")[0])) and not both:
        low, high = known[0] if low is None else low, known[1] if high is None else high
        if low < high:
            return low, high, "a natural range, by the name: the document does not say. Is it so?"
    if both or low is None:
        low = min(-WIDE, -WIDE if high is None or both else high - WIDE)
    if both or high is None:
        high = max(WIDE, low + WIDE)
    return low, high, "bounds? The document does not say what is natural; wide ones cost accuracy"
