"""A contact sheet of synthetic pictures: a strip for every class in every subgroup.

Pictures are taken in the order they were drawn, none is picked by its looks.

Privacy claim: post-processing of synthetic rows; no other row is seen.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from privacy.reading.images import encode, stack
from privacy.schema.codec import Codec
from privacy.schema.schema import Classification, Multiclass, Schema

ACROSS = 8
MOST_STRIPS = 24
SIDE = 64
"""Small pictures are enlarged, and large ones thinned out, by a whole number to about so many pixels."""
GAP = 4
LEAST_PITCH = 40
"""Room for a label and its number of rows beside pictures that are wide and low."""


@dataclass(frozen=True)
class Sheet:
    """One PNG file as a data URI, its size on the page, and a label and number of rows for each strip.

    ``left_out``: strips beyond ``MOST_STRIPS``.
    """

    uri: str
    width: int
    height: int
    strips: tuple[tuple[str, int], ...]
    left_out: int

    @property
    def pitch(self) -> float:
        """From one strip to the next, in pixels."""
        return self.height / len(self.strips)

    @property
    def alt(self) -> str:
        """What a person hears who cannot see the pictures."""
        labels = "; ".join(label for label, _ in self.strips)
        return f"Synthetic pictures, a strip of at most {ACROSS} for each of: {labels}"


def contact_sheet(schema: Schema, synthetic: pd.DataFrame) -> Sheet | None:
    """The sheet of an image set; None for a table, or where no row was drawn.

    Strips are the classes of the first target that has classes, by the groups of the first other subgroup.
    """
    if schema.image is None or synthetic.empty:
        return None
    strips = _strips(schema, synthetic)
    shown = strips[:MOST_STRIPS]
    pixels = [stack(synthetic[schema.image].iloc[rows[:ACROSS]]) for _, rows in shown]
    sheet = np.concatenate([_strip(p) for p in pixels])
    return Sheet(
        uri="data:image/png;base64," + b64encode(encode(sheet)).decode(),
        width=sheet.shape[1],
        height=sheet.shape[0],
        strips=tuple((label, len(rows)) for label, rows in shown),
        left_out=len(strips) - len(shown),
    )


def _strips(schema: Schema, synthetic: pd.DataFrame) -> list[tuple[str, np.ndarray]]:
    """Label and rows of every combination that has rows."""
    codec = Codec(schema)
    codes = codec.encode(synthetic)
    keys = []
    classes = [t.column for t in schema.targets if isinstance(t, Classification | Multiclass)]
    for name in classes[:1]:
        keys.append((codes[name].to_numpy(), [f"{name} {v}" for v in codec.columns[name].labels]))
    for subgroup in [s for s in schema.subgroups if s.column not in classes[:1]][:1]:
        number, labels = codec.groups(subgroup)
        keys.append((number[codes[subgroup.column]], [f"{subgroup.name} {v}" for v in labels]))
    strips = []
    for group in product(*(range(len(labels)) for _, labels in keys)):
        mine = np.ones(len(synthetic), dtype=bool)
        for (found, _), g in zip(keys, group, strict=True):
            mine &= found == g
        rows = np.flatnonzero(mine)
        label = ", ".join(labels[g] for (_, labels), g in zip(keys, group, strict=True))
        if len(rows):
            strips.append((label or "all rows", rows))
    return strips


def _strip(pixels: np.ndarray) -> np.ndarray:
    """At most ``ACROSS`` pictures side by side on white, with a gap below and to the right of each."""
    longest = max(pixels.shape[1:3])
    thin, large = -(-longest // SIDE), max(1, SIDE // longest)
    scaled = pixels[:, ::thin, ::thin].repeat(large, axis=1).repeat(large, axis=2)
    _, height, width, channels = scaled.shape
    pitch = max(height + GAP, LEAST_PITCH)
    strip = np.full((pitch, ACROSS * (width + GAP), channels), 255, dtype=np.uint8)
    for i, picture in enumerate(scaled):
        left = i * (width + GAP)
        strip[:height, left : left + width] = picture
    return strip
