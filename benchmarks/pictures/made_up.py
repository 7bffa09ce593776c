"""Three public image sets, made up on the spot, to choose settings with: no real image is looked at.

*strokes*: ten signs of a few curved strokes each, every point of them moved, sheared, turned, thick or thin, as
handwriting is. *clothes*: ten outlines filled with grey, stripes and shadows, some of them hard to tell
apart. 28 × 28 pixels, one channel; classes are equally likely. *spots*: marks on skin, 32 × 32 in colour, of
seven kinds that overlap; two thirds are of one kind and a hundredth of another.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIDE, FINER = 28, 4
SPOT_SIDE = 32
Points = list[tuple[float, float]]

STROKES: tuple[tuple[Points, ...], ...] = (
    ([(0.1, 0.9), (0.5, 0.1), (0.9, 0.9)], [(0.3, 0.6), (0.7, 0.6)]),
    ([(0.8, 0.2), (0.4, 0.1), (0.15, 0.5), (0.4, 0.9), (0.8, 0.8)],),
    ([(0.8, 0.2), (0.4, 0.1), (0.15, 0.5), (0.4, 0.9), (0.8, 0.8), (0.8, 0.5), (0.5, 0.5)],),
    ([(0.2, 0.1), (0.2, 0.9)], [(0.8, 0.1), (0.2, 0.5)], [(0.3, 0.45), (0.8, 0.9)]),
    ([(0.2, 0.1), (0.2, 0.9)], [(0.8, 0.1), (0.8, 0.9)], [(0.2, 0.5), (0.8, 0.5)]),
    ([(0.75, 0.15), (0.3, 0.2), (0.4, 0.45), (0.7, 0.6), (0.65, 0.85), (0.2, 0.85)],),
    ([(0.2, 0.15), (0.8, 0.15)], [(0.8, 0.15), (0.2, 0.85)], [(0.2, 0.85), (0.8, 0.85)]),
    ([(0.2, 0.15), (0.8, 0.15)], [(0.5, 0.15), (0.5, 0.9)]),
    ([(0.2, 0.15), (0.8, 0.15)], [(0.75, 0.15), (0.5, 0.5), (0.45, 0.9)]),
    ([(0.5, 0.1), (0.2, 0.4), (0.5, 0.5), (0.8, 0.3), (0.5, 0.1)], [(0.7, 0.45), (0.5, 0.9)]),
)
"""In the unit square, downwards; each stroke is a curve through its points."""

BODY: Points = [(0.3, 0.15), (0.7, 0.15), (0.7, 0.9), (0.3, 0.9)]
SHORT: Points = [(0.3, 0.15), (0.08, 0.35), (0.18, 0.5), (0.3, 0.38)]
LONG: Points = [(0.3, 0.15), (0.08, 0.8), (0.2, 0.85), (0.3, 0.45)]
SOLE: Points = [(0.08, 0.72), (0.95, 0.72), (0.95, 0.82), (0.08, 0.82)]
CLOTHES: tuple[tuple[Points, ...], ...] = (
    (BODY, SHORT),
    (
        [
            (0.3, 0.1),
            (0.7, 0.1),
            (0.72, 0.95),
            (0.55, 0.95),
            (0.5, 0.35),
            (0.45, 0.95),
            (0.28, 0.95),
        ],
    ),
    (BODY, LONG),
    ([(0.38, 0.1), (0.62, 0.1), (0.58, 0.4), (0.75, 0.95), (0.25, 0.95), (0.42, 0.4)],),
    (BODY, LONG, [(0.49, 0.15), (0.51, 0.15), (0.51, 0.9), (0.49, 0.9)]),
    (
        SOLE,
        [(0.1, 0.72), (0.3, 0.45), (0.38, 0.5), (0.2, 0.72)],
        [(0.5, 0.72), (0.7, 0.4), (0.8, 0.72)],
    ),
    (BODY, SHORT, [(0.45, 0.15), (0.55, 0.15), (0.5, 0.35)]),
    (SOLE, [(0.1, 0.72), (0.1, 0.45), (0.4, 0.5), (0.7, 0.65), (0.95, 0.72)]),
    (
        [(0.1, 0.4), (0.9, 0.4), (0.95, 0.85), (0.05, 0.85)],
        [(0.3, 0.4), (0.4, 0.2), (0.6, 0.2), (0.7, 0.4)],
    ),
    (SOLE, [(0.2, 0.72), (0.2, 0.1), (0.55, 0.1), (0.55, 0.5), (0.95, 0.65), (0.95, 0.72)]),
)
"""Parts, each filled; what lies left of the middle in sleeves is mirrored."""
MIRRORED = (SHORT, LONG)

SPOTS = (
    # how likely, shade of the mark (red, green, blue), ragged, grainy, ringed
    (0.04, (0.80, 0.50, 0.45), 0.25, 0.12, 0.0),
    (0.06, (0.85, 0.60, 0.60), 0.15, 0.06, 0.3),
    (0.11, (0.62, 0.45, 0.35), 0.10, 0.14, 0.0),
    (0.01, (0.70, 0.50, 0.42), 0.08, 0.04, 0.9),
    (0.11, (0.38, 0.27, 0.25), 0.30, 0.10, 0.0),
    (0.65, (0.50, 0.35, 0.28), 0.08, 0.04, 0.0),
    (0.02, (0.62, 0.20, 0.28), 0.12, 0.03, 0.0),
)


def made(kind: str, n: int, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """``n`` images [n, height, width, channels] of that kind (strokes, clothes, spots) and their classes."""
    rng = np.random.default_rng(seed)
    if kind == "spots":
        classes = rng.choice(len(SPOTS), n, p=[likely for likely, *_ in SPOTS])
        return np.stack([_spot(int(c), rng) for c in classes]), classes
    classes = rng.integers(0, 10, n)
    draw = {"strokes": _sign, "clothes": _garment}[kind]
    return np.stack([draw(int(c), rng) for c in classes])[..., None], classes


def _moved(
    points: Points, turn: npt.NDArray[np.float64], jitter: float, rng: np.random.Generator
) -> Points:
    moved = (np.array(points) - 0.5 + rng.normal(0, jitter, (len(points), 2))) @ turn.T
    return [tuple((p + 0.5) * SIDE * FINER) for p in moved]


def _turn(rng: np.random.Generator, most: float, shear: float) -> npt.NDArray[np.float64]:
    a, sizes = rng.normal(0, most), rng.uniform(0.55, 0.85, 2)
    turned = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return turned @ np.array([[1, rng.normal(0, shear)], [0, 1]]) @ np.diag(sizes)


def _sign(label: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    turn, thick = _turn(rng, 0.15, 0.25), int(rng.uniform(1.2, 3.5) * FINER)
    canvas = Image.new("L", (SIDE * FINER, SIDE * FINER))
    pen = ImageDraw.Draw(canvas)
    for stroke in STROKES[label]:
        curve = _curve(_moved(stroke, turn, 0.05, rng))
        pen.line(curve, fill=255, width=thick, joint="curve")
    return np.asarray(
        canvas.filter(ImageFilter.GaussianBlur(2)).resize((SIDE, SIDE), Image.Resampling.BOX)
    )


def _curve(points: Points) -> Points:
    """Through all points, smoothly (Catmull and Rom)."""
    p = np.array([points[0], *points, points[-1]])
    t = np.linspace(0, 1, 8)[:, None]
    parts = [
        0.5
        * (
            2 * b
            + (c - a) * t
            + (2 * a - 5 * b + 4 * c - d) * t**2
            + (3 * b - a - 3 * c + d) * t**3
        )
        for a, b, c, d in zip(p, p[1:], p[2:], p[3:], strict=False)
    ]
    return [tuple(q) for q in np.concatenate(parts)]


def _garment(label: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    turn = _turn(rng, 0.04, 0.03) @ np.diag([1.25, 1.2])
    size, grey = SIDE * FINER, rng.uniform(0.3, 1)
    y, x = np.mgrid[:size, :size] / size
    texture = grey * (1 + rng.normal(0, 0.25) * (x - 0.5) + rng.normal(0, 0.25) * (y - 0.5))
    if rng.random() < 0.4:
        along = x if rng.random() < 0.5 else y
        texture *= 1 - rng.uniform(0, 0.5) * (
            np.sin(along * rng.uniform(10, 60) + rng.uniform(0, 6)) > 0
        )
    texture += 0.06 * np.kron(rng.standard_normal((SIDE, SIDE)), np.ones((FINER, FINER)))
    image = np.zeros((size, size))
    for number, part in enumerate(CLOTHES[label]):
        mask = Image.new("L", (size, size))
        for side in (1, -1) if part in MIRRORED else (1,):
            placed = [(0.5 + side * (a - 0.5), b) for a, b in part]
            ImageDraw.Draw(mask).polygon(_moved(placed, turn, 0.02, rng), fill=255)
        shade = 1.0 if number == 0 or part in MIRRORED else rng.uniform(0.5, 1.1)
        image = np.where(np.asarray(mask) > 0, texture * shade, image)
    small = Image.fromarray((np.clip(image, 0, 1) * 255).astype(np.uint8)).resize(
        (SIDE, SIDE), Image.Resampling.BOX
    )
    return np.asarray(small)


def _spot(label: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    _, shade, ragged, grainy, ringed = SPOTS[label]
    y, x = np.mgrid[:SPOT_SIDE, :SPOT_SIDE] / SPOT_SIDE - 0.5
    y, x = y - rng.normal(0, 0.05), x - rng.normal(0, 0.05)
    angle = np.arctan2(y, x)
    border = rng.uniform(0.15, 0.4) * (
        1 + rng.normal(0, 0.15) * np.cos(2 * (angle - rng.uniform(0, 3)))
    )
    for k in range(3, 8):
        border = border + 0.3 * ragged / k * np.cos(k * angle + rng.uniform(0, 6)) * rng.normal()
    depth = (border - np.hypot(x, y)) / rng.uniform(0.02, 0.08)
    inside = 1 / (1 + np.exp(-np.clip(depth, -30, 30)))
    ring = ringed * np.exp(-(((np.hypot(x, y) / border) - 0.2) ** 2) / 0.05)
    skin = np.array([0.85, 0.65, 0.58]) * rng.normal(1, 0.08) + rng.normal(0, 0.04, 3)
    mark = np.array(shade) * rng.normal(1, 0.2) + rng.normal(0, 0.09, 3)
    grain = np.kron(rng.standard_normal((SPOT_SIDE // 2, SPOT_SIDE // 2)), np.ones((2, 2)))
    weight = np.clip(inside * (1 - ring + grainy * 2 * grain), 0, 1)[..., None]
    image = skin + weight * (mark - skin) + rng.normal(0, 0.02, (SPOT_SIDE, SPOT_SIDE, 1))
    return np.asarray(np.clip(image, 0, 1) * 255, dtype=np.uint8)
