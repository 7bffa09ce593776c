"""Distance to the closest record, which many tools report: shown because people ask for it.

How many synthetic rows are nearer to a train row than to any of as many people held out (half, where nothing is
copied), and how far the closest record is. No evidence of privacy: most leaks that attacks find leave these
figures as they are (Yao et al. 2025, "The DCR Delusion"), and no rule may read them.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from evaluators.attacks.people import HELD_OUT, unmeasured
from evaluators.attacks.points import Space
from evaluators.images.neighbours import nearest
from evaluators.resampling import bootstrap_weights, interval
from evaluators.score import Score
from evaluators.tables import Tables, evidence

PREFIX = "dcr"
REMARK = "no evidence of privacy"
MOST = 4_000
"""So many synthetic rows at most ask for their closest record, of MAX_REAL real ones at most."""

MAX_REAL = 20_000


def distance_to_closest(tables: Tables) -> list[Score]:
    """Share of synthetic rows nearer to train, and quantiles of the distance to train and holdout."""
    if tables.schema.image is not None:
        return []
    fewest = min(
        tables.people(r, np.ones(len(tables.frame(r)), bool)) for r in ("train", "holdout")
    )
    status, reason = evidence(fewest)
    if status != "ok" or tables.synthetic.empty:
        return [unmeasured(PREFIX, reason or "no synthetic row", REMARK)]
    space, rng = tables.once(Space.of), tables.rng("dcr")
    size = min(MAX_REAL, len(tables.train), len(tables.holdout))
    rows = {
        role: rng.permutation(len(tables.frame(role)))[:most]
        for role, most in (("synthetic", MOST), ("train", size), ("holdout", size))
    }
    place = {role: space.project(space.points(role, r)).place for role, r in rows.items()}
    to_train, to_holdout = (
        nearest(place["synthetic"], place[r], 1)[0][:, 0] for r in ("train", "holdout")
    )
    nearer = (to_train < to_holdout) + (to_train == to_holdout) / 2
    weights = bootstrap_weights(np.arange(len(nearer)), rng)
    share = (weights @ nearer) / weights.sum(axis=1)
    low, high = interval(share)
    about: dict[str, Any] = {
        "rows": "train and holdout",
        "n": 2 * size,
        "positives": size,
        "baseline_name": HELD_OUT,
        "detail": REMARK,
    }
    return [
        Score(
            metric=f"{PREFIX}.share_nearer_train",
            value=share[0],
            low=low,
            high=high,
            baseline=0.5,
            higher_is_better=False,
            **about,
        ),
        *(
            Score(
                metric=f"{PREFIX}.{name}",
                value=float(np.quantile(to_train, q)),
                baseline=float(np.quantile(to_holdout, q)),
                **about,
            )
            for name, q in (("lowest_5_percent", 0.05), ("median", 0.5))
        ),
    ]
