"""Every metric over one release: real train, real holdout, synthetic → ``Scorecard``.

A metric that fails becomes a score with status "failed" and the type of its error, never a gap in
the list: the gate treats it like insufficient evidence.

Privacy claim: none; a scorecard is internal, save the scores marked public.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any

import pandas as pd

from evaluators import synthcity
from evaluators.attacks.anonymeter import anonymeter
from evaluators.attacks.attribute import attribute
from evaluators.attacks.copies import copied, copies
from evaluators.attacks.dcr import distance_to_closest
from evaluators.attacks.membership import membership
from evaluators.attacks.reconstruction import reconstruction
from evaluators.fidelity.association import association
from evaluators.fidelity.conditional import conditional
from evaluators.fidelity.coverage import support
from evaluators.fidelity.kmarginal import k_marginal_scores
from evaluators.fidelity.propensity import propensity
from evaluators.fidelity.representation import representation
from evaluators.fidelity.sdmetrics import diagnostic, impossible, lost_categories, quality
from evaluators.histories.broken import broken
from evaluators.histories.learning import from_histories, of_patients
from evaluators.histories.scores import histories
from evaluators.histories.two_tables import quality_of_two
from evaluators.images.extractor import Extractor
from evaluators.images.scores import image_fidelity
from evaluators.inference.scores import inference
from evaluators.original.columns import columns
from evaluators.original.relations import relations
from evaluators.pace import left, shares
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.utility.curves import km_distance
from evaluators.utility.draws import draws
from evaluators.utility.estimators import one_thread_for_products
from evaluators.utility.fairness import fairness
from evaluators.utility.predictions import Failure, Prediction, predict_all
from evaluators.utility.rank import rank
from evaluators.utility.scores import utility
from evaluators.utility.truth import truth
from evaluators.words import HISTORIES
from privacy.schema.schema import Schema

Progress = Callable[[str, float], None]
"""Called with the metric that begins and how long the rest will take, and with the share of the work that is
done."""

Metric = Callable[[Tables], list[Score]]


def declared(tables: Tables) -> list[Score]:
    """What the schema asks to be judged: every target with its task, every subgroup, histories; public."""
    targets = [
        Score(metric="declared.target", value=1, target=t.name, detail=t.task, **PUBLIC)
        for t in tables.schema.targets
    ]
    subgroups = [
        Score(metric="declared.subgroup", value=1, slice=g.name, order=1, **PUBLIC)
        for g in tables.schema.subgroups
    ]
    visits = [] if tables.schema.visits is None else [Score(metric=HISTORIES, value=1, **PUBLIC)]
    return targets + subgroups + visits


PUBLIC: dict[str, Any] = {"rows": "none", "visibility": "public"}

ON_TABLES: Mapping[str, Metric] = {
    "declared": declared,
    "representation": representation,
    "impossible": impossible,
    "lost_categories": lost_categories,
    "column": columns,
    "relation": relations,
    "quality": quality,
    "diagnostic": diagnostic,
    "association": association,
    "propensity": propensity,
    "manifold": support,
    "kmarginal.1": partial(k_marginal_scores, k=1),
    "kmarginal.2": partial(k_marginal_scores, k=2),
    "kmarginal.3": partial(k_marginal_scores, k=3),
    "kmarginal.4": partial(k_marginal_scores, k=4),
    "conditional": conditional,
    "image": image_fidelity,
    "histories.broken": broken,
    "histories": histories,
    "quality.tables": quality_of_two,
    "copies": copied,
    "attack.copies": copies,
    "attack.membership": membership,
    "attack.patients": of_patients,
    "attack.attribute": attribute,
    "attack.reconstruction": reconstruction,
    "dcr": distance_to_closest,
    "inference": inference,
    "utility.km_distance": km_distance,
    "utility.rank": rank,
    "histories.learning": from_histories,
}
"""Metrics that compare tables."""

IN_OWN_ENVIRONMENT: Mapping[str, Metric] = {
    "attack.anonymeter": anonymeter,
    "synthcity": synthcity.resemblance,
    "attack.synthcity": synthcity.attacks,
}
"""Metrics on tables that need ``uv`` and, the first time, the package index."""

ON_PREDICTIONS: Mapping[str, Callable[[Tables, list[Prediction | Failure]], list[Score]]] = {
    "utility": utility,
    "utility.draws": draws,
    "fairness": fairness,
    "truth": truth,
}
"""Metrics that judge models trained on both tables."""


FAMILIES = frozenset(n.split(".")[0] for n in (*ON_TABLES, *ON_PREDICTIONS)) | {"learning"}
"""First parts of the names of metrics; "learning" trains the models that utility and fairness judge."""


def evaluate(
    train: pd.DataFrame,
    holdout: pd.DataFrame,
    synthetic: pd.DataFrame,
    schema: Schema,
    seed: int = 0,
    progress: Progress | None = None,
    more: Sequence[pd.DataFrame] = (),
    own_fits: bool = True,
    not_measured: Mapping[str, str] | None = None,
    also: Mapping[str, Metric] | None = None,
    extractor: Extractor | None = None,
    originals: Mapping[str, pd.DataFrame] | None = None,
    whole: Callable[[], Tables] | None = None,
    met: Mapping[str, Mapping[str, frozenset[int]]] | None = None,
) -> Scorecard:
    """Run every metric on canonical frames under a complete schema; the same seed, the same
    scores.

    ``more``: further synthetic tables, for metrics that look at several draws or releases; ``own_fits``:
    whether each comes from a fit of its own, or all are draws of one model.
    ``not_measured``: families of metrics (first part of their name) that mean nothing here, and why.
    ``also``: further metrics by name, such as ``IN_OWN_ENVIRONMENT``.
    ``extractor``: features that images are compared by, else those of a network taught here.
    ``originals``: "train" and "holdout" before categories outside the schema became ``other``, where some did.
    ``whole`` makes tables of the targets and subgroups of more rows, where the frames are of some of them.
    ``met``: by role and column the codes that any row has, where the frames are of some.
    """
    real = originals or {}
    tables = Tables(
        train, holdout, synthetic, schema, seed, tuple(more), own_fits, real, whole, met or {}
    )
    tell = progress or (lambda what, share: None)
    own: dict[str, Metric] = {"image": partial(image_fidelity, extractor=extractor)}
    on_tables = {**ON_TABLES, **own, **(also or {})}
    scores: list[Score] = []
    predictions: list[Prediction | Failure] = []

    def learn(tables: Tables) -> list[Score]:
        predictions.extend(predict_all(tables))
        return []

    later = {n: partial(_with, m, predictions) for n, m in ON_PREDICTIONS.items()}
    metrics = on_tables | {"learning": learn} | later
    without = {n: why for n in metrics if (why := (not_measured or {}).get(n.split(".")[0]))}
    done, begun = shares((n for n in metrics if n not in without), schema), monotonic()
    for name, metric in metrics.items():
        if name in without:
            why = without[name]
            scores.append(Score(metric=name, status="insufficient evidence", reason=why))
        else:
            tell(f"{name}{left(done[name], monotonic() - begun)}", done[name])
            scores += guarded(name, metric, tables)
    tell("done", 1.0)
    return Scorecard(tuple(scores))


def _with(
    metric: Callable[[Tables, list[Prediction | Failure]], list[Score]],
    predictions: list[Prediction | Failure],
    tables: Tables,
) -> list[Score]:
    return metric(tables, predictions)


def guarded(name: str, metric: Metric, tables: Tables) -> list[Score]:
    """The metric's scores, or one failed score with the type of its error, which is safe to
    show."""
    try:
        with one_thread_for_products():
            return metric(tables)
    except Exception as error:  # whatever it is, it becomes a failed score
        return [Score(metric=name, status="failed", reason=type(error).__name__)]
