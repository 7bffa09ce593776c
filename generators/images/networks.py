"""The networks: diffusers' U-Net under EDM's preconditioning, for conditions of any number of columns.

Karras et al. (arXiv 2206.00364). The schedulers of diffusers that sample also precondition in training, so that
both sides agree. Sampling does not begin at pure noise but at draws of the moments with noise on them
(truncated diffusion, arXiv 2202.09671): classes and coarse shape are there already, and the network has to say
only what it can learn from few and noisy steps.

Privacy claim: none of their own. No layer mixes images.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
import torch
from diffusers import EDMDPMSolverMultistepScheduler, EDMEulerScheduler, UNet2DModel
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

from generators.images.moments import Basis, Moments

Sampler = Literal["ode", "sde"]
"""Deterministic (DPM-Solver++, second order), or Euler with churn."""

SIGMA_DATA = 0.5
SIGMA_MIN = 0.01
GROUPS = 8
AT_ONCE = 256
"""Images that are drawn together."""
CHURN, CHURN_FROM, CHURN_TO = 10.0, 0.05, 50.0
"""Of the step to the next noise level, as DPDM samples (arXiv 2210.09929)."""


class Conditions(nn.Module):
    """Codes of the condition columns [n, columns] → a vector [n, width]; code ``size`` is: not told."""

    def __init__(self, sizes: list[int], width: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size + 1, width) for size in sizes)
        self.width = width

    def forward(self, codes: Tensor) -> Tensor:
        told = torch.zeros(len(codes), self.width, device=codes.device)
        for i, table in enumerate(self.tables):
            told = told + table(codes[:, i])
        return told


class FromMoments(nn.Module, ABC):
    """A network that images are drawn with, from draws of the moments on, which it keeps."""

    def __init__(self, shape: list[int], sizes: list[int], frequencies: int, cells: int) -> None:
        super().__init__()
        height, width, channels = shape
        self.shape, self.sizes = (channels, height, width), list(sizes)
        self.basis = Basis((height, width, channels), frequencies)
        classes, d = sizes[0] if sizes else 1, self.basis.size
        self.means: Tensor
        self.factors: Tensor
        self.weights: Tensor
        self.register_buffer("means", torch.zeros(cells, d, dtype=torch.float64))
        self.register_buffer("factors", torch.zeros(cells, d, d, dtype=torch.float64))
        self.register_buffer("weights", torch.eye(classes, cells, dtype=torch.float64))

    def begin(self, moments: Moments) -> None:
        """Keep these moments."""
        self.means.copy_(torch.from_numpy(moments.means))
        self.factors.copy_(torch.from_numpy(moments.factors))
        self.weights.copy_(torch.from_numpy(moments.weights))

    def drawn(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of the moments for condition codes, in [−1, 1]."""
        kept = (x.cpu().numpy() for x in (self.means, self.factors, self.weights))
        return Moments(self.basis, *kept).draw(classes_of(codes), generator)

    @torch.no_grad()
    def draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Images for condition codes [n, columns], uint8 [n, channels, height, width].

        All random numbers are ``generator``'s, on the CPU; the network works where it is.
        """
        if not len(codes):
            return torch.zeros(0, *self.shape, dtype=torch.uint8)
        parts = [self._draw(part, generator).cpu() for part in torch.split(codes, AT_ONCE)]
        return ((torch.cat(parts).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)

    @abstractmethod
    def _draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Images in [−1, 1] for a few codes, on the network's device."""


class ImageDenoiser(FromMoments):
    """Noisy images, their noise and conditions → what the U-Net says, in EDM's terms F.

    ``patch``: so many pixels a side are folded into channels, which makes the U-Net's work that much smaller.
    """

    def __init__(
        self,
        shape: list[int],
        sizes: list[int],
        widths: list[int],
        layers: int,
        patch: int,
        guidance: float,
        sampler: Sampler,
        sampling_steps: int,
        start: float,
        frequencies: int,
        cells: int,
    ) -> None:
        super().__init__(shape, sizes, frequencies, cells)
        self.about = {
            "shape": list(shape),
            "sizes": list(sizes),
            "widths": list(widths),
            "layers": layers,
            "patch": patch,
            "guidance": guidance,
            "sampler": sampler,
            "sampling_steps": sampling_steps,
            "start": start,
            "frequencies": frequencies,
            "cells": cells,
        }
        height, width, channels = shape
        self.patch = patch
        self.guidance, self.sampler, self.sampling_steps = guidance, sampler, sampling_steps
        self.start = start
        self.multiple: int = patch * 2 ** (len(widths) - 1)
        plain, last = len(widths) - 1, ("AttnDownBlock2D", "AttnUpBlock2D")
        self.unet = UNet2DModel(
            sample_size=(self._up(height) // patch, self._up(width) // patch),
            in_channels=channels * patch**2,
            out_channels=channels * patch**2,
            layers_per_block=layers,
            block_out_channels=tuple(widths),
            norm_num_groups=GROUPS,
            attention_head_dim=widths[-1],
            down_block_types=("DownBlock2D",) * plain + (last[0],),
            up_block_types=(last[1],) + ("UpBlock2D",) * plain,
            class_embed_type="identity",
        )
        nn.init.zeros_(self.unet.conv_out.weight)
        self.conditions = Conditions(sizes, 4 * widths[0])

    def _up(self, length: int) -> int:
        return -(-length // self.multiple) * self.multiple

    def describe(self) -> dict[str, Any]:
        """The arguments from which the same module is built again."""
        return self.about

    def forward(self, x: Tensor, level: Tensor, codes: Tensor) -> Tensor:
        """Scaled images [n, channels, height, width] and scaled noise levels [n] → F of the same shape."""
        _, height, width = self.shape
        whole = pad(x, (0, self._up(width) - width, 0, self._up(height) - height))
        told = self.conditions(codes)
        out = self.unet(pixel_unshuffle(whole, self.patch), level, class_labels=told).sample
        f: Tensor = pixel_shuffle(out, self.patch)[:, :, :height, :width]
        return f

    def _draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        kind = EDMDPMSolverMultistepScheduler if self.sampler == "ode" else EDMEulerScheduler
        scheduler = kind(sigma_min=SIGMA_MIN, sigma_max=self.start, sigma_data=SIGMA_DATA)
        scheduler.set_timesteps(self.sampling_steps)
        churn = (
            {}
            if self.sampler == "ode"
            else {
                "s_churn": CHURN,
                "s_tmin": CHURN_FROM,
                "s_tmax": CHURN_TO,
            }
        )
        x = self.drawn(codes, generator)
        x = (x + self.start * torch.randn(x.shape, generator=generator)).to(self.means.device)
        codes = codes.to(x.device)
        for t in scheduler.timesteps:
            level = t.to(x.device).expand(len(x))
            told = self._guided(scheduler.scale_model_input(x, t), level, codes)
            x = scheduler.step(told, t, x, generator=generator, **churn).prev_sample
        return x

    def _guided(self, x: Tensor, level: Tensor, codes: Tensor) -> Tensor:
        """Classifier-free guidance (arXiv 2207.12598): (1 + w) · told − w · untold."""
        told: Tensor = self(x, level, codes)
        if not self.guidance:
            return told
        untold: Tensor = self(x, level, untold_codes(codes, self.sizes))
        return (1 + self.guidance) * told - self.guidance * untold


def untold_codes(codes: Tensor, sizes: list[int]) -> Tensor:
    """The codes that tell nothing, in the shape of ``codes``."""
    return torch.tensor(sizes, device=codes.device).expand_as(codes)


def classes_of(codes: Tensor) -> np.ndarray:
    """The class that moments go by: the first condition, or one for all."""
    if not codes.shape[1]:
        return np.zeros(len(codes), dtype=np.int64)
    return codes[:, 0].cpu().numpy()


PRECONDITION = EDMEulerScheduler(sigma_data=SIGMA_DATA)
"""For training: scales inputs, noise levels and outputs as the samplers do."""
