"""What draws of the moments become: images whose features are those of real ones, and which read as their
class.

A small network changes draws (as refiners do, arXiv 1612.07828), beginning at the identity. It is trained for
free by matching noisy means (``matching``). It is not told the class: what it could add for one class alone
would bring the means near and be all that a network learns which is trained on the images. Beside it the
teacher is kept: where an image that was drawn for one class reads as another, it goes to a row of that class,
so that images near a border help whoever learns from them and a row's class stays what the table says. Made
images are not quite real ones, so it reads them with the bias that gives each class its share of them. Where it
reads images of a class hardly better than by chance, they stay what they were drawn for: a class of few people
is lost in its noise.

Privacy claim: none of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, one_hot, pad, pixel_shuffle, pixel_unshuffle, silu

from generators.images.coordinates import Coordinates
from generators.images.features import Features
from generators.images.networks import AT_ONCE, FromMoments, classes_of
from generators.images.scattering import Scattering
from generators.images.teacher import Teacher

PATCH = 2
"""Pixels a side that the network works on as one."""
LAYERS = 4
ROUNDS = 6
"""How often images are drawn for rows that have none yet which reads as their class."""
SETTLED = 100
"""Rounds in which biases are found."""
TOLD_APART = 0.5
"""How far from chance (0) to certain (1) a class has to be read for its images to go to other classes' rows.

Two classes that look alike come half of the way.
"""
RARE = 1e-6
"""Images at least that are taken to read as a class."""


class Refiner(FromMoments):
    """Draws of the moments, noise and classes → images: what it adds begins at nothing."""

    def __init__(
        self,
        shape: list[int],
        sizes: list[int],
        width: int,
        frequencies: int,
        cells: int,
        angles: int,
        components: int,
    ) -> None:
        super().__init__(shape, sizes, frequencies, cells)
        self.about = {
            "shape": list(shape),
            "sizes": list(sizes),
            "width": width,
            "frequencies": frequencies,
            "cells": cells,
            "angles": angles,
            "components": components,
        }
        height, wide, channels = shape
        inside = PATCH**2 * channels
        self.margins = (0, -wide % PATCH, 0, -height % PATCH)
        self.into = nn.Conv2d(2 * inside, width, 3, padding=1)
        self.inner = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(LAYERS))
        self.out = nn.Conv2d(width, inside, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]
        self.features = Features(Scattering((height, wide, channels), angles))
        self.centre: Tensor
        self.directions: Tensor
        self.register_buffer("centre", torch.zeros(self.features.size))
        self.register_buffer("directions", torch.zeros(self.features.size, components))
        self.teacher = Teacher(components + 1, sizes[0] if sizes else 1)
        self.bias: Tensor
        self.apart: Tensor
        self.register_buffer("bias", torch.zeros(self.teacher.classes))
        self.register_buffer("apart", torch.ones(self.teacher.classes, dtype=torch.bool))

    def describe(self) -> dict[str, Any]:
        """The arguments from which the same module is built again."""
        return self.about

    def look(self, coordinates: Coordinates) -> None:
        """Keep these coordinates, in which the teacher reads."""
        self.centre.copy_(coordinates.centre)
        self.directions.copy_(coordinates.directions)

    @property
    def coordinates(self) -> Coordinates:
        """In which the teacher reads."""
        return Coordinates(self.centre, self.directions)

    def forward(self, drawn: Tensor, noise: Tensor) -> Tensor:
        """[n, channels, height, width] each → images in [−1, 1]."""
        given = pixel_unshuffle(pad(torch.cat([drawn, noise], 1), self.margins), PATCH)
        h = self.into(given)
        for layer in self.inner:
            h = h + silu(layer(silu(h)))
        added = pixel_shuffle(self.out(silu(h)), PATCH)[..., : drawn.shape[2], : drawn.shape[3]]
        images: Tensor = (drawn + smooth(added)).clamp(-1, 1)
        return images

    def read(self, images: Tensor) -> Tensor:
        """Logits [n, classes] of images in [−1, 1]."""
        logits: Tensor = self.teacher(self.coordinates(self.features(images)))
        return logits

    @torch.no_grad()
    def draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        """Images that read as their class; where none was found, as they were drawn for it."""
        wanted, left = torch.from_numpy(classes_of(codes)), torch.arange(len(codes))
        images = torch.zeros(len(codes), *self.shape, dtype=torch.uint8)
        spare = [images[:0]] * self.teacher.classes
        for _ in range(ROUNDS):
            if not len(left):
                break
            made = images[left] = super().draw(codes[left], generator)
            label, still = self.labels(made, wanted[left]), []
            for c, before in enumerate(spare):
                rows, found = left[wanted[left] == c], torch.cat([before, made[label == c]])
                n = min(len(rows), len(found))
                images[rows[:n]], spare[c] = found[:n], found[n:]
                still.append(rows[n:])
            left = torch.cat(still)
        return images

    @torch.no_grad()
    def settle(self, codes: Tensor, generator: torch.Generator) -> None:
        """Find the bias at which images for ``codes`` read as each class as often as they are made for it.

        And, without those that it reads by chance, which classes it tells apart.
        """
        read = self.logits(super().draw(codes, generator))
        made = one_hot(torch.from_numpy(classes_of(codes)), self.teacher.classes).float()
        self.apart.fill_(True)
        self.bias.zero_()
        while self.apart.sum() > 1:
            apart = self.apart.cpu()
            mine = made[:, apart].any(1)
            kept, of = read[mine][:, apart], made[mine][:, apart]
            share = of.sum(0).clamp(min=0.5)
            bias = torch.zeros_like(share)
            for _ in range(SETTLED):
                bias += (share / (kept + bias).softmax(1).sum(0).clamp(min=RARE)).log()
            self.bias.zero_()[self.apart] = bias.to(self.bias)
            right = one_hot((kept + bias).argmax(1), len(bias)) * of
            chance = share / share.sum()
            told = (right.sum(0) / share - chance) / (1 - chance)
            if told.min() >= TOLD_APART:
                break
            self.apart[self.apart.nonzero()[told.argmin()]] = False

    def labels(self, images: Tensor, classes: Tensor) -> Tensor:
        """The class of each made image [n, channels, height, width], in bytes: what it reads as.

        Where it was made for one of the ``classes`` that are not told apart, that one.
        """
        read = (self.logits(images) + self.bias.cpu()).where(self.apart.cpu(), -torch.inf)
        return torch.where(self.apart.cpu()[classes], read.argmax(1), classes)

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """What the teacher says of images in bytes, [n, classes]."""
        device = self.means.device
        parts = [self.read(p.to(device).float() / 127.5 - 1) for p in torch.split(images, AT_ONCE)]
        return torch.cat(parts).cpu()

    def _draw(self, codes: Tensor, generator: torch.Generator) -> Tensor:
        drawn = self.drawn(codes, generator)
        noise = torch.randn(drawn.shape, generator=generator)
        images: Tensor = self(drawn.to(self.means.device), noise.to(self.means.device))
        return images


def smooth(x: Tensor) -> Tensor:
    """A binomial filter over 3 × 3 pixels: features hardly mind the grid that ``pixel_shuffle`` leaves."""
    wide = pad(x, (1, 1, 1, 1), mode="replicate")
    return avg_pool2d(avg_pool2d(wide, 2, 1), 2, 1)
