"""A made-up image set: noisy shapes, one for each class, of people of two sexes."""

from __future__ import annotations

import numpy as np
import pandas as pd

from privacy.reading.images import unstack
from privacy.schema.schema import Schema

SIDE = 12
CLASSES = ("across", "down", "square")


def schema(channels: int = 1, subgroups: bool = True) -> Schema:
    """A schema of images and their labels; with the sexes too where there are subgroups."""
    columns: dict[str, object] = {
        "scan": {"kind": "image", "height": SIDE, "width": SIDE, "channels": channels},
        "shape": {"kind": "categorical", "categories": CLASSES},
    }
    given: dict[str, object] = {
        "name": "shapes",
        "columns": columns,
        "targets": [{"task": "multiclass", "column": "shape"}],
    }
    if subgroups:
        columns["sex"] = {"kind": "categorical", "categories": ["F", "M"]}
        given["subgroups"] = [{"column": "sex"}]
    return Schema.model_validate(given)


SCHEMA = schema()


def images(classes: np.ndarray, rng: np.random.Generator, channels: int = 1) -> np.ndarray:
    """A shape for each class number at a random place, uint8 [n, side, side, channels]."""
    light = rng.normal(60, 25, (len(classes), SIDE, SIDE, channels))
    for picture, number, (y, x) in zip(
        light, classes, rng.integers(2, SIDE - 3, (len(classes), 2)), strict=True
    ):
        place = ((y, slice(1, -1)), (slice(1, -1), x), (slice(y - 1, y + 2), slice(x - 1, x + 2)))
        picture[place[number]] += rng.normal(90, 25)
    return np.clip(light, 0, 255).astype(np.uint8)


def people(n: int, seed: int, channels: int = 1) -> pd.DataFrame:
    """n fresh people as a canonical frame of ``SCHEMA``."""
    rng = np.random.default_rng(seed)
    numbers = rng.choice(3, n, p=[0.4, 0.4, 0.2])
    return pd.DataFrame(
        {
            "scan": unstack(images(numbers, rng, channels)),
            "shape": np.array(CLASSES, dtype=object)[numbers],
            "sex": rng.choice(["F", "M"], n),
        }
    )
