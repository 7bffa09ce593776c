"""Which of a round's candidates keep AIM's model small.

Privacy claim: a public rule; sees names and sizes of columns, and what was selected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import Clique
from generators.marginals.junction import Fitting


@dataclass
class Room:
    """Says of a candidate, by its place, whether it has room beside what the round has selected.

    ``kin``: equal for candidates of the same columns; ``states``: the model as the round began, and as each
    selection left it. What had no room in one of them has none from then on: a public rule, so that whoever
    found out need not be drawn again.
    """

    cliques: Sequence[Clique]
    kin: npt.NDArray[np.intp]
    states: list[Fitting] = field(default_factory=list)
    left: npt.NDArray[np.bool_] = field(init=False)
    """Which have room, as far as anybody looked."""

    def __post_init__(self) -> None:
        self.left = np.ones(len(self.cliques), dtype=bool)

    def __call__(self, i: int) -> bool:
        if self.left[i] and not all(small(self.cliques[i]) for small in reversed(self.states)):
            self.left[self.kin == self.kin[i]] = False
        return bool(self.left[i])
