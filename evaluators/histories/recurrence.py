"""How much a person's number says of the same person's numbers in other rows.

For every number that varies, by its rank among the train rows so that a few large values do not decide: the
correlation of a row's value with that of the next row, and of the one after, over all such pairs; and how
much of the variance lies between people rather than within them (ICC of a one-way analysis of variance, for
people with different numbers of rows). Synthetic rows that are strangers have none of it, and people whose
rows are copies of one another have too much.

The figure is the largest absolute difference, of all numbers and of each by itself.

Privacy claim: none; moments of real people, internal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from evaluators.histories.contrast import Distance, Tally
from evaluators.histories.lived import EVERY, Lived, frame_of, lived
from evaluators.histories.states import stepping
from evaluators.tables import MIN_PEOPLE, Tables
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import without_specials

OF = ("one row on", "two rows on", "share of variance between people")
DUST = 1e-9
WIDTH = 6
"""Moments of each of them."""


def recurrence(tables: Tables) -> Iterator[Tally]:
    """The largest difference of all numbers, then of each; none where no number has people enough."""
    moments = {}
    for name in stepping(tables.schema):
        column = tables.schema.columns[name]
        if isinstance(column, Numeric | Datetime):
            known = without_specials(tables.train[name], column)
            known = np.sort(known[np.isfinite(known)])
            if len(known) and known[0] < known[-1]:
                moments[name] = {r: _moments(tables, r, name, column, known) for r in EVERY}
    enough = {n: _enough(of["holdout"]) for n, of in moments.items()}
    names = [n for n in moments if enough[n].any()]
    if not names:
        return
    for of_names, metric in ((names, ""), *(([n], "_of") for n in names)):
        whole = {r: np.concatenate([moments[n][r] for n in of_names], axis=1) for r in EVERY}
        asked = np.stack([enough[n] for n in of_names])
        says = partial(_furthest, of_names, asked)
        yield Tally(f"histories.autocorrelation{metric}", whole, _largest(asked), says)


def _moments(
    tables: Tables, role: str, name: str, column: Numeric | Datetime, known: np.ndarray
) -> np.ndarray:
    """What each person adds of a column, [people, 3 · WIDTH]; ``known``: values of the train rows, sorted."""
    of = lived(tables, role)
    values = without_specials(frame_of(tables, role)[name], column)[of.rows]
    return moments_of(of, ranks(values, known))


def ranks(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The share of ``known`` below each value, with half of those that are equal, less a half; NaN stays."""
    below, up_to = (np.searchsorted(known, values, side) for side in ("left", "right"))
    return np.where(np.isfinite(values), (below + up_to) / (2 * len(known)) - 0.5, np.nan)


def moments_of(of: Lived, x: np.ndarray) -> np.ndarray:
    """The same of numbers in the order of ``of``."""
    blocks = []
    for rows in (1, 2):
        earlier, later = of.apart(rows)
        a, b = x[earlier], x[later]
        both = np.isfinite(a) & np.isfinite(b)
        a, b, person = a[both], b[both], of.person[later][both]
        sums = (np.ones(len(a)), a, b, a * a, b * b, a * b)
        blocks.append(np.column_stack([np.bincount(person, s, of.people) for s in sums]))
    there = np.isfinite(x)
    person, x = of.person[there], x[there]
    n, total, squares = (np.bincount(person, s, of.people) for s in (np.ones(len(x)), x, x * x))
    between = np.divide(total**2, n, out=np.zeros(of.people), where=n > 0)
    blocks.append(np.column_stack([n > 0, n, n**2, total, squares, between]))
    return np.concatenate(blocks, axis=1).astype(float)


def _enough(moments: np.ndarray) -> np.ndarray:
    """Which of OF so many people say something of that a difference can show."""
    several = moments[:, 2 * WIDTH + 1] > 1
    return np.array(
        [
            (moments[:, 0] > 0).sum() >= MIN_PEOPLE,
            (moments[:, WIDTH] > 0).sum() >= MIN_PEOPLE,
            several.sum() >= MIN_PEOPLE,
        ]
    )


def figures(sums: np.ndarray) -> np.ndarray:
    """Sums [..., columns · 3 · WIDTH] → figures [..., columns, 3], NaN where undefined."""
    sums = sums.reshape(*sums.shape[:-1], -1, 3, WIDTH)
    with np.errstate(invalid="ignore", divide="ignore"):
        n, a, b, aa, bb, ab = np.moveaxis(sums[..., :2, :], -1, 0)
        spread = np.sqrt(np.maximum(aa - a * a / n, 0) * np.maximum(bb - b * b / n, 0))
        together = np.where(spread > DUST * n, (ab - a * b / n) / spread, np.nan)
        people, rows, rows2, total, squares, between = np.moveaxis(sums[..., 2, :], -1, 0)
        among = (between - total**2 / rows) / (people - 1)
        within = (squares - between) / (rows - people)
        each = (rows - rows2 / rows) / (people - 1)
        share = np.clip((among - within) / (among + (each - 1) * within), -1, 1)
    return np.concatenate([together, share[..., None]], axis=-1)


def _largest(enough: np.ndarray) -> Distance:
    """The largest difference of the figures in ``enough`` [columns, 3]; one that the other group does not have
    is none."""

    def of(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        apart = np.abs(figures(a) - np.nan_to_num(figures(b)))
        apart = np.where(np.isfinite(apart) & enough, apart, 0.0)
        return np.asarray(apart.max(axis=(-2, -1)))

    return of


def _furthest(names: list[str], enough: np.ndarray, sums: Mapping[str, np.ndarray]) -> str:
    """Where synthetic people are furthest from real ones, in words."""
    real, ours = figures(sums["holdout"]), np.nan_to_num(figures(sums["synthetic"]))
    apart = np.where(enough & np.isfinite(real), np.abs(real - ours), -1)
    column, kind = np.unravel_index(int(apart.argmax()), apart.shape)
    name, what = names[column], OF[kind]
    return f"{name}, {what}: synthetic {ours[column, kind]:.2f}, real {real[column, kind]:.2f}"
