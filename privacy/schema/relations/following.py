"""Codes of a column that follows from others: from its anchor by a gap, from parts, from a table.

Privacy claim: none; codes follow from the schema.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from privacy.schema.codec import ColumnCode
from privacy.schema.columns import Categorical, Datetime, Numeric


@dataclass(frozen=True)
class FollowingCode:
    """Codes of a column that follows from others: how, then its own codes where it may not follow.

    ``gap``: codes of the gap to its anchor; None where there is one way only. ``own``: its codes when alone, of
    which the first ``skipped`` are left out.
    """

    gap: ColumnCode | None
    own: ColumnCode
    skipped: int

    @property
    def column(self) -> Categorical | Numeric | Datetime:
        return self.own.column

    @property
    def ways(self) -> int:
        """How many codes say how it follows."""
        return 1 if self.gap is None else self.gap.n_bins

    @property
    def n_bins(self) -> int:
        return 0 if self.gap is None else self.gap.n_bins

    @property
    def size(self) -> int:
        return self.ways + self.own.size - self.skipped

    @property
    def has_missing(self) -> bool:
        return self.own.has_missing

    @property
    def labels(self) -> tuple[str, ...]:
        """What a person reads for each code."""
        ways = ("as it follows",) if self.gap is None else self.gap.labels[: self.ways]
        return (*ways, *self.own.labels[self.skipped :])

    def own_codes(self, codes: np.ndarray) -> np.ndarray:
        """The column's own codes where it has some, −1 where it follows."""
        return np.where(codes < self.ways, -1, codes - self.ways + self.skipped)


Code = ColumnCode | FollowingCode
