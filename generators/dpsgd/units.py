"""The rows of each unit, and Poisson samples of units.

A unit with several rows counts once: its loss is the mean over its rows, so its gradient is clipped once. A
sample may be padded to a public size; how large it is shows in how long a step takes only.

Privacy claim: ``poisson`` takes every unit with probability q by itself, by a generator that nobody can
repeat; batches that are shuffled and cut are not Poisson samples (arXiv 2403.17673) and are not offered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Units:
    """``rows`` [R, …], unit by unit; unit u has rows start[u] … start[u+1]−1, at most ``most``.

    ``groups``: each unit's group, for clipping by group; all 0 where there is none.
    """

    rows: Mapping[str, Tensor]
    start: Tensor
    most: int
    groups: Tensor

    @classmethod
    def of(
        cls,
        rows: Mapping[str, Tensor],
        units: np.ndarray,
        most: int,
        groups: np.ndarray | None = None,
    ) -> Units:
        """Sort rows by the number of their unit; ``groups`` [R] counts by a unit's first row.

        Raises ValueError where a unit has more than ``most`` rows: sensitivity would be wrong.
        """
        order = np.argsort(units, kind="stable")
        counts = np.unique(units, return_counts=True)[1]
        if counts.size and counts.max() > most:
            raise ValueError(f"most: a unit has {counts.max()} rows, more than {most}")
        start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        if groups is None:
            by_unit = np.zeros(len(counts), dtype=np.int64)
        else:
            by_unit = np.asarray(groups, dtype=np.int64)[order][start[:-1]]
        device = next(iter(rows.values())).device
        if (np.diff(order) != 1).any():  # rows that lie unit by unit already may lie in a file
            place = torch.from_numpy(order).to(device)
            rows = {name: values[place] for name, values in rows.items()}
        return cls(
            rows,
            torch.from_numpy(start).to(device),
            most,
            torch.from_numpy(by_unit).to(device),
        )

    def __len__(self) -> int:
        return len(self.start) - 1

    def shard(self, rank: int, world: int) -> Units:
        """Every ``world``-th unit, beginning with ``rank``: shards are disjoint."""
        mine = torch.arange(rank, len(self), world, device=self.start.device)
        counts = (self.start[1:] - self.start[:-1])[mine]
        start = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        own = torch.repeat_interleave(torch.arange(len(mine), device=mine.device), counts)
        place = self.start[mine][own] + torch.arange(len(own), device=mine.device) - start[own]
        rows = {name: values[place] for name, values in self.rows.items()}
        return Units(rows, start, self.most, self.groups[mine])

    def poisson(self, q: float, generator: torch.Generator) -> Tensor:
        """The numbers of the units that a coin of probability q chose, each by itself."""
        # float64: a coin of 24 bits would miss small rates by more than rounding
        coins = torch.rand(
            len(self), generator=generator, device=self.start.device, dtype=torch.float64
        )
        return torch.nonzero(coins < q).flatten()

    def gather(self, chosen: Tensor, pad_to: int, draws: int) -> tuple[dict[str, Tensor], Tensor]:
        """Rows [pad_to · most · draws, …] and weights [pad_to, most · draws] of chosen units.

        A unit's weights add up to 1, those of padding to 0.
        """
        if not len(self.groups):
            raise ValueError("gather: no units")
        units = torch.zeros(pad_to, dtype=torch.int64, device=self.start.device)
        units[: len(chosen)] = chosen
        first, counts = self.start[units], self.start[units + 1] - self.start[units]
        position = torch.arange(self.most, device=units.device)
        present = position[None] < counts[:, None]
        present[len(chosen) :] = False
        place = first[:, None] + torch.where(present, position[None], 0)
        weights = present / (counts[:, None] * draws).float()
        place, weights = (t.repeat_interleave(draws, dim=1) for t in (place, weights))
        return {name: values[place.flatten()] for name, values in self.rows.items()}, weights
