"""Do synthetic images look like real ones, and do they show all that real ones show?

Fréchet and kernel distance, precision, recall, density and coverage against the holdout, for
everyone, for each class of the first target that has classes and for each subgroup. Half of the train
units teach the network whose features are compared; the other half stand beside as the baseline, what
fresh real images reach. So no image that is compared was seen by the network.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from evaluators.extractor import Extractor, first_classes, learned
from evaluators.manifold import coverage, frechet, kid
from evaluators.score import Score
from evaluators.tables import MIN_PEOPLE, Tables, evidence
from privacy.images import stack

MOST = 2_000
"""At most so many images of each kind are compared, drawn by the seed."""

PREFIX = "image"
METRICS = ("frechet", "kid", "precision", "recall", "density", "coverage")
DISTANCES = frozenset({"frechet", "kid"})

Masks = dict[str, np.ndarray]


def image_fidelity(tables: Tables) -> list[Score]:
    """Scores of every slice; none where the schema has no image."""
    if tables.schema.image is None:
        return []
    units = tables.units["train"]
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
            Score(metric=f"{PREFIX}.{m}", status=status, reason=reason, **about)  # type: ignore[arg-type]
            for m in METRICS
        ]
    features = {r: extractor.of(_drawn(tables, r, m, size, name)) for r, m in masks.items()}
    ours, beside = (_figures(features["holdout"], features[r]) for r in ("synthetic", "train"))
    return [
        Score(
            metric=f"{PREFIX}.{m}",
            value=ours[m],
            baseline=beside[m],
            baseline_name="real train images",
            higher_is_better=m not in DISTANCES,
            detail=f"{size:,} images of each kind, {extractor.name}",
            **about,  # type: ignore[arg-type]
        )
        for m in METRICS
    ]


def _figures(real: np.ndarray, fake: np.ndarray) -> dict[str, float]:
    real, fake = real.astype(np.float64), fake.astype(np.float64)
    return {"frechet": frechet(real, fake), "kid": kid(real, fake), **coverage(real, fake)}


def _drawn(tables: Tables, role: str, mask: np.ndarray, size: int, name: str) -> np.ndarray:
    rng = tables.rng(f"images {role} {name}")
    rows = np.sort(rng.choice(np.flatnonzero(mask), size=size, replace=False))
    assert tables.schema.image is not None
    return stack(tables.frame(role)[tables.schema.image].iloc[rows])
