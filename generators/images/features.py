"""What an image is known by: its scattering, as one vector of norm 1.

The maps of each order and scale are brought to mean 0 and variance 1 within the image, so that faint second
moduli say as much as the image itself, and the whole to norm 1: a sum over people has sensitivity 1 whatever
they hold.

Privacy claim: none of its own. Every image is transformed by itself, and no statistic of others enters.
People's are seen in float64: rounding depends on how many images stand beside one, and where that is flat,
float32's would be brought to the size of a vector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generators.images.scattering import Scattering

FAINT = 1e-3
"""Added to the deviation of maps: an empty image has none."""
LEAST = 1.0
"""The norm that a vector is divided by at least; where maps are not faint theirs is larger."""
KEPT = 1 - 1e-3
"""The norm of a vector, which rounding leaves below 1."""


@dataclass(frozen=True)
class Features:
    """Of images [height, width, channels]."""

    scattering: Scattering

    @property
    def size(self) -> int:
        """d."""
        rows, columns = self.scattering.size
        return self.scattering.shape[2] * self.scattering.paths * rows * columns

    @property
    def bands(self) -> npt.NDArray[np.intp]:
        """The path of each of the d numbers, [d]."""
        rows, columns = self.scattering.size
        of_channel = np.repeat(np.arange(self.scattering.paths), rows * columns)
        return np.tile(of_channel, self.scattering.shape[2])

    def __call__(self, images: Tensor) -> Tensor:
        """Pixels in [−1, 1], [n, channels, height, width] → [n, d]."""
        maps = self.scattering((images + 1) / 2)
        angles = self.scattering.angles
        groups = torch.split(maps, [1, angles, angles, angles**2], dim=2)
        whole = torch.cat([_level(group) for group in groups], 2).flatten(1)
        vectors: Tensor = KEPT * whole / whole.norm(dim=1, keepdim=True).clamp(min=LEAST)
        return vectors

    @torch.no_grad()
    def of_bytes(self, pixels: Tensor, at_once: int = 1024) -> Tensor:
        """Bytes [n, channels, height, width] → [n, d], float64."""
        parts = torch.split(pixels, at_once)
        return torch.cat([self(part.double() / 127.5 - 1) for part in parts])


def _level(maps: Tensor) -> Tensor:
    """Mean 0 and variance 1 over channels, paths and places of each image."""
    apart = maps - maps.mean((1, 2, 3, 4), keepdim=True)
    # the root of nothing has no gradient
    return apart / (apart.square().mean((1, 2, 3, 4), keepdim=True) + FAINT**2).sqrt()
