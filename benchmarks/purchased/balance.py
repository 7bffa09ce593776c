"""Codes drawn by their probabilities so that they come out as these say among rows that share any two values.

Drawn one by one, the codes of a column have the noise of coins in every group of rows, and what is learnt from
the rows has it too. Here each row's draw knows which codes its cells, one for each pair of other columns, have
too many of so far, and leans against them: a self-balancing walk (Alweiss, Liu, Sawhney, arXiv 2006.14009) that
leans harder than theirs, so that nothing piles up, rather than keep the odds of each single row.

Privacy claim: post-processing; the same for the same random numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from generators.marginals.counting.coded import Columns, Domain
from generators.marginals.estimate import Array

LEAN = 1.0
"""How much less likely a code becomes, as a share, for each row that a cell has too many of it, on average."""
STRIDES = 10_000
"""Rows are drawn in about so many groups; those of one do not know of each other."""


def balanced(
    domain: Domain,
    rows: Columns,
    columns: Sequence[str],
    chances: Array,
    rng: np.random.Generator,
) -> npt.NDArray[np.intp]:
    """A code for each row, [n], drawn with ``chances`` [n, codes], in balance over pairs of ``columns``."""
    n, codes = chances.shape
    known = np.stack([np.asarray(rows[c], dtype=np.intp) for c in columns], axis=1)
    sizes = np.array([domain[c] for c in columns])
    one, other = np.array([*combinations_with_replacement(range(len(columns)), 2)]).T
    starts = np.cumsum([0, *sizes[one] * sizes[other]])
    surplus: Array = np.zeros((codes, starts[-1]))
    coded: Array = np.eye(codes)
    drawn = np.zeros(n, dtype=np.intp)
    u, order, stride = rng.random((n,)), rng.permutation(n), max(1, n // STRIDES)
    for start in range(0, n, stride):
        some = order[start : start + stride]
        p, value = chances[some], known[some]
        cells = value[:, one] * sizes[other] + value[:, other] + starts[:-1]
        much = surplus[:, cells].mean(axis=2).T
        less = LEAN * (much - (p * much).sum(axis=1, keepdims=True))
        edges = np.cumsum(np.maximum(p * (1 - less), 0), axis=1)
        drawn[some] = (edges[:, :-1] <= u[some, None] * edges[:, -1:]).sum(axis=1)
        for code, more in enumerate((coded[drawn[some]] - p).T):
            np.add.at(surplus[code], cells.ravel(), np.repeat(more, len(one)))
    return drawn
