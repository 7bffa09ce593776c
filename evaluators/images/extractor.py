"""Features in which images are compared, under a name that says where they come from.

The field's Fréchet distance is taken on Inception's features, whose weights we do not ship
(``evaluators.images.inception`` reads them): ours come
from a small network trained on labels of the images at hand, so no figure on them is called FID or
compared across data sets. Each feature is scaled by the images the network was trained on.

Privacy claim: none; a network trained on real images, and what it says of them, is internal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from evaluators.features import image_of, outcome
from evaluators.tables import Tables
from privacy.schema.schema import Classification, Multiclass

MAX_IMAGES = 10_000
"""A network for features is trained on at most so many images."""

SHOWN = 30_000
"""And sees so many: it need not be the best of classifiers."""

PIXEL_SIDE = 32
"""Pixels are compared at this resolution at most."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """``name``: what the features are, for people; ``of``: images uint8 [n, h, w, c] → [n, d].

    ``distance``: the name of the Fréchet distance between such features.
    """

    name: str
    of: Callable[[np.ndarray], np.ndarray]
    distance: str = "frechet"


def _pixels(images: np.ndarray) -> np.ndarray:
    from evaluators.utility.convolution import shrunk

    small = shrunk(images, PIXEL_SIDE)
    return small.reshape(len(small), -1).astype(np.float32) / 255


PIXELS = Extractor("pixels", _pixels)


def first_classes(tables: Tables) -> Classification | Multiclass | None:
    """The first target that has classes."""
    found = (t for t in tables.schema.targets if isinstance(t, Classification | Multiclass))
    return next(found, None)


def learned(tables: Tables, role: str, rows: np.ndarray) -> Extractor:
    """Features of a network trained on the labels of these rows; pixels where there are no two
    classes to tell."""
    target = first_classes(tables)
    if target is None:
        return PIXELS
    frame = tables.frame(role)
    y, known = outcome(frame, tables.codec, target)
    rows = rows[known[rows]]
    if len(rows) > MAX_IMAGES:
        drawn = tables.rng(f"extractor {role}").choice(len(rows), MAX_IMAGES, replace=False)
        rows = rows[np.sort(drawn)]
    if len(np.unique(y[rows])) < 2:
        return PIXELS
    from evaluators.utility.convolution import train

    images = image_of(frame.iloc[rows], tables.codec, target)
    trained = train(images, y[rows], tables.seed, SHOWN)
    seen = trained.features(images)
    centre, scale = seen.mean(axis=0), seen.std(axis=0)
    scale[scale == 0] = 1

    def features(images: np.ndarray) -> np.ndarray:
        return np.asarray((trained.features(images) - centre) / scale)

    name = f"features of a small network trained on {target.name} of {len(rows):,} {role} images"
    return Extractor(name, features)
