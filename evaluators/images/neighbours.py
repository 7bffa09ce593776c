"""Nearest images: distances for the membership attack, and a picture for the custodian's eyes.

Privacy claim: none; the picture shows real train images and must never leave the house.
"""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from evaluators.images.extractor import PIXELS
from evaluators.tables import Tables
from evaluators.utility.estimators import one_thread
from privacy.reading.images import encode, stack

LINES = 12
"""Half of the lines show the synthetic images nearest to any train image, half show random ones."""

SHOWN = 6
"""So many train images stand in a line, the nearest first."""

MOST = 10_000
"""So many synthetic images are looked through, drawn by the seed."""

GAP = 4
HEIGHT = 48
"""Smaller images are enlarged by a whole factor to at least this height."""


def nearest(points: np.ndarray, among: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance to, and row number of, the k nearest of ``among``, [points, k] each."""
    search = NearestNeighbors(n_neighbors=min(k, len(among)), algorithm="brute").fit(among)
    distance, rows = one_thread(search.kneighbors, points)
    return distance, rows


def nearest_grid(tables: Tables) -> bytes:
    """A PNG file: in each line a synthetic image, then the nearest train images in pixels.

    The upper lines are the synthetic images that come nearest to any train image, the lower ones
    are drawn at random.
    """
    image = tables.schema.image
    if image is None or tables.synthetic.empty or tables.train.empty:
        raise ValueError("a grid needs synthetic and train images")
    rng = tables.rng("grid")
    rows = rng.permutation(len(tables.synthetic))[:MOST]
    synthetic, train = stack(tables.synthetic[image].iloc[rows]), stack(tables.train[image])
    distance, neighbours = nearest(PIXELS.of(synthetic), PIXELS.of(train), SHOWN)
    by_distance = np.argsort(distance[:, 0], kind="stable")
    near, rest = np.split(by_distance, [LINES // 2])
    lines = [*near, *np.sort(rest)[: LINES - len(near)]]  # rows stand in random order
    return encode(np.concatenate([_line(synthetic[i], train[neighbours[i]]) for i in lines]))


def _line(synthetic: np.ndarray, train: np.ndarray) -> np.ndarray:
    """One line of the grid, white between the images and twice so beside the synthetic one."""
    factor = -(-HEIGHT // synthetic.shape[0])
    tiles = []
    for i, picture in enumerate((synthetic, *train)):
        tile = picture.repeat(factor, axis=0).repeat(factor, axis=1)
        right = 4 * GAP if i == 0 else GAP
        tiles.append(np.pad(tile, ((0, GAP), (0, right), (0, 0)), constant_values=255))
    return np.concatenate(tiles, axis=1)
