"""How columns would look under an ε, on made-up people: a bell over the bounds, or equal shares of categories.

What is shown is the first count of each column as AIM makes it (a part of ρ, divided evenly among the columns);
what it measures after that makes columns better. The people are made up, and so is the noise, which is seeded.

Privacy claim: none needed; sees the schema alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluators.pages.drawing.plots import histogram
from generators.marginals.aim import ONE_WAY
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema

OPEN_BINS = 16
"""Bins that are measured from the rows are shown as so many at most."""
SURE = 2.0
"""A bin drowns where fewer people are in it than so many standard errors."""
SHOWN = 24


@dataclass(frozen=True)
class Preview:
    """``bins``: how many. ``measured``: whether the schema leaves them open. ``off``: the standard error of a
    count, in people. ``drowned``: bins whose made-up people are fewer than two of it.
    """

    column: str
    bins: int
    measured: bool
    off: float
    drowned: int
    plot: Markup


def previews(
    schema: Schema, guarantee: Guarantee, people: int, share: float, domain: float
) -> list[Preview]:
    """Of the first columns. ``share``: of people who are trained on; ``domain``: of ρ for what is left open."""
    rho = zcdp_budget(guarantee) * (1 - domain) * ONE_WAY / max(1, len(schema.modelled))
    off = schema.max_rows_per_unit / math.sqrt(2 * rho)
    finest = max(1, min(OPEN_BINS, int(people * share / (SURE * off))))
    rng = np.random.default_rng(0)
    found = []
    for name in list(schema.modelled)[:SHOWN]:
        bins, measured, counts = _made_up(schema, name, people * share, finest)
        noisy = np.maximum(0.0, counts + off * rng.standard_normal(bins))
        drowned = int((counts < SURE * off).sum())
        found.append(Preview(name, bins, measured, off, drowned, histogram(list(noisy))))
    return found


def _made_up(schema: Schema, name: str, people: float, finest: int) -> tuple[int, bool, np.ndarray]:
    """How many bins (``finest`` where they are open), whether they are, and the made-up people in each."""
    column = schema.columns[name]
    if isinstance(column, Categorical):
        bins = len(column.categories or ()) or finest
        return bins, column.categories is None, np.full(bins, people / bins)
    said = getattr(column, "bins", None)
    if isinstance(said, tuple):
        low, high = map(_number, column.bounds)  # type: ignore[union-attr]
        edges = np.unique([low, *map(_number, said), high])
    else:
        edges = np.linspace(0, 1, (said or finest) + 1)
    places = (edges - edges[0]) / (edges[-1] - edges[0])
    below = np.array([math.erf((p - 0.5) * 6 / math.sqrt(2)) for p in places])
    shares = np.diff(below) / (below[-1] - below[0])
    if said is None:
        shares = np.full(finest, 1 / finest)  # measured bins hold about as many people each
    return len(shares), said is None, people * shares


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else value.timestamp()  # type: ignore[attr-defined]
