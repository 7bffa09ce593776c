"""Rows of merged codes as tensors: one-hot with a hole where a code is unknown, and a softmax for each column.

Privacy claim: post-processing of public sizes; a row's tensor depends on that row only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot


@dataclass(frozen=True)
class Layout:
    """Where each column's codes stand in a row of width ``width``."""

    sizes: Mapping[str, int]
    starts: Tensor = field(init=False, repr=False)
    owner: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sizes = torch.tensor(list(self.sizes.values()))
        object.__setattr__(self, "starts", torch.cumsum(sizes, 0) - sizes)
        object.__setattr__(self, "owner", torch.repeat_interleave(sizes))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.sizes)

    @property
    def width(self) -> int:
        return sum(self.sizes.values())

    @property
    def widest(self) -> int:
        """The most codes of a column; also the code that stands for "not known"."""
        return max(self.sizes.values())

    def place(self, *columns: str) -> list[int]:
        """The numbers of these columns."""
        return [self.columns.index(c) for c in columns]

    def slices(self) -> dict[str, slice]:
        """Where each column stands."""
        edges = [*self.starts.tolist(), self.width]
        return {c: slice(a, b) for c, (a, b) in zip(self.sizes, pairwise(edges), strict=True)}

    def to_codes(self, codes: Mapping[str, np.ndarray]) -> Tensor:
        """Columns of codes → int64 [n, columns]."""
        return torch.from_numpy(np.stack([np.asarray(codes[c], np.int64) for c in self.sizes], 1))

    def one_hot(self, codes: Tensor) -> Tensor:
        """Codes [n, columns] → [n, width]; a column that is not known is all zeros."""
        known = codes < self.widest
        place = torch.where(known, codes + self.starts.to(codes.device), 0)
        rows = torch.zeros(len(codes), self.width, device=codes.device)
        return rows.scatter_add(1, place, known.float())

    def cross_entropy(self, logits: Tensor, codes: Tensor) -> Tensor:
        """−log softmax of the true code of each column; logits [n, width] → [n, columns]."""
        return self._log_sums(logits) - logits.gather(1, codes + self.starts.to(codes.device))

    def log_softmax(self, logits: Tensor) -> Tensor:
        """Column by column; [n, width]."""
        return logits - self._log_sums(logits)[:, self.owner.to(logits.device)]

    def padded(self, logits: Tensor) -> Tensor:
        """[n, width] → [n, columns, widest], −∞ where a column has no such code."""
        n, device = len(logits), logits.device
        out = torch.full((n, len(self.sizes), self.widest), -torch.inf, device=device)
        within = torch.arange(self.width, device=device) - self.starts.to(device)[self.owner]
        out[:, self.owner.to(device), within] = logits.float()
        return out

    def _log_sums(self, logits: Tensor) -> Tensor:
        """log Σ exp over each column; [n, columns]."""
        logits, owner = logits.float(), self.owner.to(logits.device)
        top = logits.new_full((len(logits), len(self.sizes)), -torch.inf)
        top = top.scatter_reduce(1, owner.expand_as(logits), logits.detach(), "amax")
        sums = (logits - top[:, owner]).exp() @ one_hot(owner).float()
        return sums.log() + top
