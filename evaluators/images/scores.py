"""Do synthetic images look like real ones, and do they show all that real ones show?

Fréchet and kernel distance, precision, recall, density and coverage against the holdout, for
everyone, for each class of the first target that has classes and for each subgroup. Half of the train
units teach the network whose features are compared; the other half stand beside as the baseline, what
fresh real images reach. So no image that is compared was seen by the network. Where Inception's weights
are at hand its features are compared instead, and nobody teaches.

Intervals are 95 %, over real units and synthetic images drawn again, for the figure that so many
images give on average: what it owes to their number is in it, as in the baseline. For distances
near 0 they are too wide, for shares next to 0 or 1 too narrow.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from evaluators.fidelity.manifold import coverage, frechet, kid
from evaluators.images.extractor import Extractor, first_classes, learned
from evaluators.resampling import bootstrap_weights, interval, normal_interval
from evaluators.score import Score
from evaluators.tables import MIN_PEOPLE, Tables, evidence
from privacy.reading.images import stack

MOST = 2_000
"""At most so many images of each kind are compared, drawn by the seed."""

PREFIX = "image"
METRICS = {
    "frechet": (0, np.inf),
    "kid": (-np.inf, np.inf),
    "precision": (0, 1),
    "recall": (0, 1),
    "density": (0, np.inf),
    "coverage": (0, 1),
}
"""What is computed, and what values it can have."""
DISTANCES = frozenset({"frechet", "kid"})

FRECHET_REPLICATES = 50
"""They cost a decomposition each; the deviation is known to a tenth."""

Masks = dict[str, np.ndarray]


def image_fidelity(tables: Tables, extractor: Extractor | None = None) -> list[Score]:
    """Scores of every slice; none where the schema has no image."""
    if tables.schema.image is None:
        return []
    units = tables.units["train"]
    taught = np.zeros(len(units), dtype=bool)
    if extractor is None:
        taught = (tables.rng("image halves").random(int(units.max(initial=0)) + 1) < 0.5)[units]
        extractor = learned(tables, "train", np.flatnonzero(taught))
    scores: list[Score] = []
    for name, order, masks in _slices(tables):
        masks["train"] = masks["train"] & ~taught
        scores += _slice(tables, extractor, name, order, masks)
    return scores


def _slices(tables: Tables) -> Iterator[tuple[str, int, Masks]]:
    """Everyone, each subgroup and each class: name, order, and the rows of each role."""
    roles = ("train", "holdout", "synthetic")
    for dimension in tables.dimensions:
        if dimension.order < 2:
            for piece, masks in tables.masks(dimension, *roles):
                yield piece.name, piece.order, dict(zip(roles, masks, strict=True))
    target = first_classes(tables)
    if target is None or target.column in {g.column for g in tables.schema.subgroups}:
        return
    for number, label in enumerate(tables.codec.columns[target.column].labels):
        of = {role: tables.codes[role][target.column].to_numpy() == number for role in roles}
        if any(mask.any() for mask in of.values()):
            yield f"{target.name}={label}", 1, of


def _slice(
    tables: Tables, extractor: Extractor, name: str, order: int, masks: Masks
) -> list[Score]:
    people = tables.people("holdout", masks["holdout"])
    about = {"slice": name, "order": order, "n": people}
    status, reason = evidence(people)
    size = min(MOST, *(int(mask.sum()) for mask in masks.values()))
    if status == "ok" and size < MIN_PEOPLE:
        fewest = min(masks, key=lambda role: int(masks[role].sum()))
        reason = f"{size} {fewest} images to compare, fewer than {MIN_PEOPLE}"
        status = "insufficient evidence"
    if status != "ok":
        return [
            Score(metric=_name(m, extractor), status=status, reason=reason, **about)  # type: ignore[arg-type]
            for m in METRICS
        ]
    rows = {r: _drawn(tables, r, m, size, name) for r, m in masks.items()}
    points = {r: extractor.of(_images(tables, r, rows[r])).astype(np.float64) for r in rows}
    units = np.unique(tables.units["holdout"][rows["holdout"]], return_inverse=True)[1]
    once = np.ones((1, size))
    ours = replicates(
        points["holdout"],
        points["synthetic"],
        bootstrap_weights(units, tables.rng(f"image units {name}")),
        bootstrap_weights(np.arange(size), tables.rng(f"image draws {name}")),
    )
    spread = {m: ends(m, figures) for m, figures in ours.items()}
    beside = replicates(points["holdout"], points["train"], once, once)
    return [
        Score(
            metric=_name(m, extractor),
            value=ours[m][0],
            low=spread[m][0],
            high=spread[m][1],
            baseline=beside[m][0],
            baseline_name="real train images",
            higher_is_better=m not in DISTANCES,
            detail=f"{size:,} images of each kind, {extractor.name}",
            **about,  # type: ignore[arg-type]
        )
        for m in METRICS
    ]


def _name(metric: str, extractor: Extractor) -> str:
    return f"{PREFIX}.{extractor.distance if metric == 'frechet' else metric}"


def replicates(
    real: np.ndarray, fake: np.ndarray, U: np.ndarray, V: np.ndarray
) -> dict[str, np.ndarray]:
    """Every figure under each row of weights, the first row being all ones."""
    some = list(zip(U, V, strict=True))[: 1 + FRECHET_REPLICATES]
    with threadpool_limits(1):  # many small matrices: threads wait for each other
        return {
            "frechet": np.array([frechet(real, fake, u, v) for u, v in some]),
            "kid": kid(real, fake, U, V),
        } | {name: found.replicates(U, V) for name, found in coverage(real, fake).items()}


def ends(metric: str, figures: np.ndarray) -> tuple[float, float]:
    """The interval of replicates, inside what the figure can be."""
    low, high = normal_interval(figures) if metric == "frechet" else interval(figures)
    assert low is not None
    assert high is not None
    least, most = METRICS[metric]
    return max(low, least), min(high, most)


def _drawn(tables: Tables, role: str, mask: np.ndarray, size: int, name: str) -> np.ndarray:
    rng = tables.rng(f"images {role} {name}")
    return np.sort(rng.choice(np.flatnonzero(mask), size=size, replace=False))


def _images(tables: Tables, role: str, rows: np.ndarray) -> np.ndarray:
    assert tables.schema.image is not None
    return stack(tables.frame(role)[tables.schema.image].iloc[rows])
