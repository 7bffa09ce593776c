"""Membership attack on image sets: was a person's image trained on? The nearer a synthetic one, the
likelier.

The attacker holds the release and an image, and measures the distance to the nearest synthetic image,
in pixels and in features that a network learned from the *synthetic* labels: an attacker has these,
and they prefer neither train nor holdout. AUROC of train against holdout, and the true positive rate
at 1 % false positives, which finds the few who are copied.

What the attack finds is a leak; that it finds none is no evidence of privacy (distances to the closest
record miss most leaks, Yao et al. 2025), and no rule should read it so.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

import numpy as np

from evaluators.attacks.claims import MEMBERSHIP, STRONGEST
from evaluators.attacks.people import METRICS, Figures, strongest, unmeasured
from evaluators.images.extractor import PIXELS, Extractor, learned
from evaluators.images.neighbours import nearest
from evaluators.resampling import bootstrap_weights, interval
from evaluators.score import Score
from evaluators.tables import Tables, evidence
from privacy.reading.images import stack

PREFIX = "attack.membership.nearest"
MOST = 2_000
"""At most so many images of train and of holdout are attacked, drawn by the seed."""

MAX_SYNTHETIC = 50_000
"""The attacker looks through at most so many synthetic images."""


def membership(tables: Tables) -> list[Score]:
    """AUROC and TPR at 1 % FPR in pixels and in features; none where the schema has no image."""
    if tables.schema.image is None:
        return []
    rows = {role: _rows(tables, role, MOST) for role in ("train", "holdout")}
    units = {role: tables.units[role][rows[role]] for role in rows}
    fewest = min(len(np.unique(u)) for u in units.values())
    status, reason = evidence(fewest)
    if status != "ok" or tables.synthetic.empty:
        reason = reason or "no synthetic image"
        return [unmeasured(m, reason) for m in (PREFIX, f"{MEMBERSHIP}.{STRONGEST}")]
    member = np.repeat([1.0, 0.0], [len(rows["train"]), len(rows["holdout"])])
    apart = units["holdout"] + int(units["train"].max()) + 1
    unit = np.unique(np.concatenate([units["train"], apart]), return_inverse=True)[1]
    W = bootstrap_weights(unit, tables.rng("membership"))
    images = np.concatenate([_images(tables, role, rows[role]) for role in rows])
    synthetic = _rows(tables, "synthetic", MAX_SYNTHETIC)
    features = learned(tables, "synthetic", synthetic)
    extractors = {e.name: e for e in (PIXELS, features)}.values()
    released = _images(tables, "synthetic", synthetic)
    found = {e.name: _attack(e, images, released, member, W) for e in extractors}
    scores = [s for name, figures in found.items() for s in _scores(name, figures, member)]
    return scores + strongest(found, scores)


def _attack(
    extractor: Extractor,
    images: np.ndarray,
    released: np.ndarray,
    member: np.ndarray,
    W: np.ndarray,
) -> Figures:
    distance, _ = nearest(extractor.of(images), extractor.of(released), 1)
    return {suffix: of(W, member, -distance[:, 0]) for suffix, of in METRICS.items()}


def _scores(name: str, figures: Figures, member: np.ndarray) -> list[Score]:
    scores = []
    for (suffix, values), chance in zip(figures.items(), (0.5, 0.01), strict=True):
        low, high = interval(values)
        scores.append(
            Score(
                metric=f"{PREFIX}{suffix}",
                value=values[0],
                low=low,
                high=high,
                baseline=chance,
                baseline_name="a guess",
                rows="train and holdout",
                n=len(member),
                positives=int(member.sum()),
                higher_is_better=False,
                detail=name,
            )
        )
    return scores


def _rows(tables: Tables, role: str, most: int) -> np.ndarray:
    n = len(tables.frame(role))
    if n <= most:
        return np.arange(n)
    return np.sort(tables.rng(f"membership {role}").choice(n, size=most, replace=False))


def _images(tables: Tables, role: str, rows: np.ndarray) -> np.ndarray:
    assert tables.schema.image is not None
    return stack(tables.frame(role)[tables.schema.image].iloc[rows])
