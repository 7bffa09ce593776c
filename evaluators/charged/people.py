"""The people held out as they are asked: one row of each, as codes, slices and cells of the lenses.

Rows come some after the other and are kept as small integers, so that they need not fit into memory.

Privacy claim: none by itself; holds exactly what is asked, which meets noise in ``questions`` and ``distance``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evaluators.charged.lenses import Lens
from evaluators.tables import Dimension, Tables
from privacy.stored.growing import Array, Growing, taken
from privacy.stored.rows import AnyRows

AT_ONCE = 1 << 17
"""People whose rows are looked at together."""


@dataclass(frozen=True, eq=False)
class People:
    """``codes``: by column [n]; ``members``: the number of each one's slice, by dimension; ``cells``: of each
    lens at its three sizes, −1 where there is no outcome. ``room``: as of the rows.
    """

    codes: Mapping[str, Array]
    members: Mapping[str, Array]
    cells: tuple[tuple[Array, ...], ...]
    room: Path | None

    @classmethod
    def of(cls, rows: AnyRows, tables: Tables, lenses: Sequence[Lens]) -> People:
        """The first row of each unit; ``tables`` say how rows are coded and parted."""
        room, codec, kept = rows.room, tables.codec, dict[str, Growing]()

        def keep(name: str, kind: np.dtype, values: np.ndarray) -> None:
            kept.setdefault(name, Growing(kind, room)).append(values)

        narrow = {n: np.min_scalar_type(size - 1) for n, size in codec.domain.items()}
        for frame in first_rows(rows):
            codes = codec.encode(frame)
            for name, kind in narrow.items():
                keep(f"code {name}", kind, codes[name].to_numpy())
            for dimension in tables.dimensions:
                slices = np.min_scalar_type(len(dimension.slices))
                keep(f"slice {dimension.name}", slices, tables.places(codes, dimension))
            for i, lens in enumerate(lenses):
                for order, cells in enumerate(lens.see(frame)):
                    keep(f"cell {i} {order}", np.dtype(np.int32), cells)
        found = taken({name: kept.pop(name).whole() for name in [*kept]}, None, room)
        return cls(
            {n: found[f"code {n}"] for n in narrow},
            {d.name: found[f"slice {d.name}"] for d in tables.dimensions},
            tuple(
                tuple(found[f"cell {i} {order}"] for order in range(len(lens.sizes)))
                for i, lens in enumerate(lenses)
            ),
            room,
        )

    def of_slice(self, dimension: Dimension, number: int) -> Mapping[str, Array]:
        """The codes of the people in a slice."""
        if not dimension.order:
            return self.codes
        return taken({**self.codes}, self.members[dimension.name] == number, self.room)


def first_rows(rows: AnyRows) -> Iterator[pd.DataFrame]:
    """The first row of each unit, so that a unit is counted once; some after the other, of none once none."""
    first = np.flatnonzero(~pd.Series(rows.units).duplicated())
    for start in range(0, max(1, len(first)), AT_ONCE):
        yield rows.take(first[start : start + AT_ONCE])
