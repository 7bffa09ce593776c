"""Made-up tables where pairs of columns say nothing, or too little: what a mechanism of pairs cannot see.

xor3 and xor4: a label that is the parity of three or four halves of columns, whose codes all come equally
often, so that no table of fewer columns says anything of it; one label in ten is turned over. Halves are runs
of numbers and arbitrary sets of categories. The other columns hang together in pairs, as in any table.

scm: a structural causal model. Each column is a small random network of all columns before it, cut at quantiles
that follow from the model and not from the rows; the label comes last. Nothing is independent given few.

Structure and rows are drawn from fixed seeds: a table is its name and its number of rows, and is split by the
seed of the comparison as any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from privacy.schema.schema import Schema

Codes = npt.NDArray[np.int64]
SIZES: Mapping[str, int] = {
    "group": 2, "a": 4, "b": 6, "c": 8, "d": 2, "e": 4, "f": 3, "g": 5, "h": 8, "i": 2, "j": 7, "k": 3
}  # fmt: skip
"""Codes of each column but the label."""
NUMBERS = ("a", "b", "e", "g", "h", "j")
"""Columns whose codes are in order."""
PARITY = {3: ("b", "c", "e"), 4: ("a", "b", "d", "e")}
"""Columns that a label is the parity of: numbers and categories, all with an even number of codes."""
TURNED = 0.1
"""Share of labels that are turned over."""
STRUCTURE, ROWS = 2606, 8259
"""Seeds of what a table is, and of its rows."""
HIDDEN, OWN = 8, 0.3
"""Of a column of the causal model: units of its network, and how much of it is noise of its own."""
POSITIVE = 0.3
"""Share of people with the label in the causal model."""
PUBLIC = 200_000
"""Draws that say where the causal model's columns are cut."""


@dataclass(frozen=True)
class MadeUp:
    """A table of so many rows, drawn by ``draw(n)``, and the δ that everybody is asked for."""

    name: str
    draw: Callable[[int], Mapping[str, Codes]]
    rows: int
    delta: float = 1e-6

    @property
    def public(self) -> Schema:
        """Every code is declared; a number is a bin of its own."""
        return Schema.model_validate(
            {
                "name": self.name,
                "description": f"Made up: {self.rows} rows.",
                "source": "none",
                "columns": {c: column(c, size) for c, size in SIZES.items()}
                | {"label": column("label", 2)},
                "targets": [{"task": "classification", "column": "label", "positive": ["1"]}],
                "subgroups": [{"column": "group"}],
            }
        )

    def read(self, folder: Path) -> tuple[pd.DataFrame, npt.NDArray[Any]]:
        """The rows as codes of the schema, each a unit of its own; nothing is read from ``folder``."""
        return pd.DataFrame(self.draw(self.rows)), np.arange(self.rows)


def column(name: str, size: int) -> dict[str, Any]:
    """A column of the schema whose codes are 0 to ``size`` − 1."""
    if name in NUMBERS:
        return {"kind": "integer", "bounds": [0, size - 1], "bins": size}
    return {"kind": "categorical", "categories": [str(i) for i in range(size)]}


def xor(order: int) -> Callable[[int], dict[str, Codes]]:
    """A label that is the parity of the halves of ``order`` columns."""

    def draw(n: int) -> dict[str, Codes]:
        public, rng = np.random.default_rng(STRUCTURE), np.random.default_rng(ROWS)
        found: dict[str, Codes] = {}
        parity = np.zeros(n, dtype=np.int64)
        before = None
        for name, size in SIZES.items():
            lower = np.arange(size) < size // 2
            if name not in NUMBERS:
                lower = public.permutation(lower)
            given = public.dirichlet(np.ones(size), SIZES[before] if before else 1)
            if name in PARITY[order]:
                found[name] = rng.integers(0, size, n)
                parity ^= lower[found[name]]
                continue
            chances = given.cumsum(1)[found[before] if before else np.zeros(n, dtype=int)]
            found[name] = (rng.random((n, 1)) > chances[:, :-1]).sum(1)
            before = name
        return found | {"label": parity ^ (rng.random(n) < TURNED)}

    return draw


def causal(n: int) -> dict[str, Codes]:
    """Rows of the structural causal model."""
    cuts = {
        name: np.quantile(value, cut_at(name))
        for name, value in values(PUBLIC, np.random.default_rng(STRUCTURE + 1)).items()
    }
    drawn = values(n, np.random.default_rng(ROWS))
    return {name: np.searchsorted(cuts[name], value) for name, value in drawn.items()}


def cut_at(name: str) -> npt.NDArray[np.float64]:
    """The quantiles that a column is cut at."""
    size = SIZES.get(name)
    return np.array([1 - POSITIVE]) if size is None else np.arange(1, size) / size


def values(n: int, rng: np.random.Generator) -> dict[str, npt.NDArray[np.float64]]:
    """Every column of the causal model before it is cut."""
    public = np.random.default_rng(STRUCTURE)
    seen = np.zeros((n, 0))
    for _ in (*SIZES, "label"):
        width = seen.shape[1]
        inner = public.normal(0, 1.5 / np.sqrt(max(width, 1)), (width, HIDDEN))
        outer = public.normal(0, 1, HIDDEN)
        value = np.tanh(seen @ inner + public.normal(0, 1, HIDDEN)) @ outer / np.sqrt(HIDDEN)
        new = value * 2 + OWN * rng.normal(0, 1, n) if width else rng.normal(0, 1, n)
        seen = np.column_stack([seen, new])
    return dict(zip((*SIZES, "label"), seen.T, strict=True))


DRAWS: Mapping[str, Callable[[int], Mapping[str, Codes]]] = {
    "xor3": xor(3),
    "xor4": xor(4),
    "scm": causal,
}
LENGTHS = {"10k": 10_000, "100k": 100_000, "1m": 1_000_000}
MADE_UP: Mapping[str, MadeUp] = {
    f"{name}-{length}": MadeUp(f"{name}-{length}", draw, rows)
    for name, draw in DRAWS.items()
    for length, rows in LENGTHS.items()
}
