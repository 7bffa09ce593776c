"""Noisy answers → scores that may be published.

Each figure stands beside the same figure of a fresh draw of the synthetic rows: what they say of themselves.
How far they differ (``.difference``, synthetic − real) is how far the release would mislead whoever trusts it.
Which groups are large enough to judge is decided on the noisy counts, too.

Rows: holdout, under a charge. Visibility: public.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluators.charged.cost import evaluation_event
from evaluators.charged.distance import K, by_chance
from evaluators.charged.intervals import (
    Estimate,
    difference,
    gap,
    pairs_level,
    quotient,
    ratio,
    share,
)
from evaluators.charged.lenses import Lens, lens
from evaluators.charged.people import People
from evaluators.charged.questions import (
    Answers,
    Counted,
    asked,
    counted,
    measure,
)
from evaluators.score import Score, Status
from evaluators.tables import Dimension, Slice, Tables, evidence
from privacy.ledger.charges import Permit
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows, Rows, people_among

PREFIX = "charged"
ITSELF = "the synthetic rows of themselves"
SAMPLE = "as many rows of the synthetic table itself"
PUBLIC: dict[str, Any] = {"rows": "holdout", "charged": True, "visibility": "public"}
DROWNED = "the noise is as large as the group"

TAUGHT = 100_000
"""Synthetic rows that teach the models whose predictions are charged for, where there are more."""

COMPARED = ("tpr", "fpr", "accuracy", "auroc", "calibration_gap", "c_index", "within_one_sd")
"""Figures of which the largest difference between groups is given."""

WORSE_WHEN_HIGH = frozenset({"fpr"})


def charged_scores(
    rows: AnyRows,
    synthetic: AnyRows,
    fresh: pd.DataFrame,
    schema: Schema,
    rho: float,
    permit: Permit,
    transcript: Transcript,
    seed: int = 0,
) -> list[Score]:
    """Ask the people held out, at a cost of ρ-zCDP, and score.

    ``rows``: the holdout; ``synthetic``: what is released, of which TAUGHT rows teach the models that predict,
    and all are compared with; ``fresh``: more rows of the same model. Of histories
    the first row of each unit is looked at, of synthetic ones as of those held out. Raises
    PermitError unless ``permit`` was charged for ``evaluation_event`` and the transcript's attempt.
    """
    permit.covers(evaluation_event(rho), transcript.attempt)
    if schema.visits is not None:  # beside first rows later ones would differ, however faithful
        frame, fresh = (
            f.drop_duplicates(schema.unit, ignore_index=True) for f in (synthetic.frame, fresh)
        )
        synthetic = Rows.of(frame)
    some = people_among(synthetic.units, TAUGHT, np.random.default_rng([seed, *b"taught"]))
    teach = synthetic.take(some)
    tables = Tables(teach, teach[:0], teach, schema, seed)
    lenses = [look for t in schema.targets if (look := lens(tables, fresh, t)) is not None]
    people, drawn = People.of(rows, tables, lenses), People.of(synthetic, tables, ())
    answers = measure(tables, people, drawn, lenses, rho, transcript.answer)
    return scores_of(tables, drawn, fresh, lenses, answers)


def scores_of(
    tables: Tables,
    drawn: People,
    fresh: pd.DataFrame,
    lenses: Sequence[Lens],
    answers: Answers,
) -> list[Score]:
    """Scores of what was answered; free. ``drawn``: the synthetic people; nobody held out is looked at."""
    itself = Tables(tables.synthetic, fresh, tables.synthetic, tables.schema, tables.seed)
    cells = [look.see(fresh) for look in lenses]
    scores: list[Score] = []
    for dimension in asked(tables):
        member = itself.members["holdout", dimension.name]
        scores += _shares(dimension, answers.who[dimension.name], member)
        scores += _distances(tables, drawn, dimension, answers)
        for number, look in enumerate(lenses):
            noisy = answers.seen[number, dimension.name]
            own = counted(member, cells[number][dimension.order], noisy.counts.shape)
            scores += _figures(look, dimension, noisy, Counted(own, 0.0))
    return scores


def _about(dimension: Dimension, piece: Slice, people: float) -> dict[str, Any]:
    n = max(0, round(people))
    return PUBLIC | {"slice": piece.name, "order": dimension.order, "n": n}


def _score(metric: str, estimate: Estimate, status: Status, reason: str, **about: Any) -> Score:
    if status == "ok" and estimate.value is None:
        status, reason = "insufficient evidence", DROWNED
    return Score(
        metric=f"{PREFIX}.{metric}",
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        status=status,
        reason=reason,
        **about,
    )


def _shares(dimension: Dimension, who: Counted, member: np.ndarray) -> list[Score]:
    """Who is there: the share of each group, and synthetic over real share."""
    scores = []
    own = np.bincount(member, minlength=len(dimension.slices)).astype(float)
    for piece in dimension.slices if dimension.order else ():
        mine = np.arange(len(own)) == piece.number
        about = _about(dimension, piece, float(who.counts[piece.number, 0]))
        status, reason = evidence(about["n"])
        found = share(who.counts.ravel(), mine, who.sigma)
        of_synthetic = share(own, mine, 0.0)
        scores.append(
            _score(
                "share",
                found,
                status,
                reason,
                baseline=of_synthetic.value,
                baseline_name=ITSELF,
                **about,
            )
        )
        scores.append(
            _score(
                "representation_ratio",
                ratio(of_synthetic, found),
                status,
                reason,
                baseline=found.value,
                baseline_name="share of the people held out",
                **about,
            )
        )
    return scores


def _distances(
    tables: Tables, drawn: People, dimension: Dimension, answers: Answers
) -> list[Score]:
    """k-marginal scores, 0 to 1000, beside what a sample of the synthetic rows themselves would have."""
    if dimension.name not in answers.apart:
        return []
    apart, who, scores = answers.apart[dimension.name], answers.who[dimension.name], []
    for piece in dimension.slices:
        mass, people = apart.people[piece.number], float(who.counts[piece.number, 0])
        about = _about(dimension, piece, people) | {"detail": f"pairs of columns, k = {K}"}
        status, reason = evidence(about["n"])
        if status == "ok" and mass is None:
            status, reason = "insufficient evidence", "no synthetic row in this group"
        found, chance = Estimate(None, 0.0, 1.0), None
        if status == "ok" and mass is not None:
            sample = by_chance(tables, drawn, dimension, piece.number, about["n"])
            chance = 1000 * (1 - float(sample.mean()))
            found = quotient(mass, people, apart.sigma, who.sigma, float(sample.std(ddof=1)))
        thousand = Estimate(
            None if found.value is None else 1000 * (1 - found.value),
            1000 * (1 - found.high),
            1000 * (1 - found.low),
        )
        scores.append(
            _score(
                f"kmarginal.{K}",
                thousand,
                status,
                reason,
                baseline=chance,
                baseline_name=SAMPLE,
                **about,
            )
        )
    return scores


def _figures(look: Lens, dimension: Dimension, noisy: Counted, own: Counted) -> list[Score]:
    """The figures of one target in every slice of a dimension, and the gaps between its slices."""
    scores, large = [], []
    of_target = {"target": look.target.name, "model": look.model}
    for piece in dimension.slices:
        counts, free = noisy.counts[piece.number], own.counts[piece.number]
        about = _about(dimension, piece, float(counts.sum())) | of_target
        events = look.events(dimension.order, counts)
        rest = None
        if events is not None:
            about["positives"] = max(0, round(events))
            rest = about["n"] - about["positives"]
        status, reason = evidence(about["n"], about.get("positives"), rest)
        if status == "ok" and dimension.order:
            large.append(piece.number)
        found = look.figures(dimension.order, counts, noisy.sigma)
        itself = look.figures(dimension.order, free, own.sigma)
        for (name, label), estimate in found.items():
            beside = itself[name, label]
            mine = dict(about)
            if label:  # a class, as a slice of its own
                mine |= {"slice": f"{look.target.name}={label}", "order": 1}
            shown = {"baseline": beside.value, "baseline_name": ITSELF}
            shown["higher_is_better"] = name not in WORSE_WHEN_HIGH
            scores.append(_score(name, estimate, status, reason, **mine, **shown))
            apart = difference(beside, estimate)
            scores.append(_score(f"{name}.difference", apart, status, reason, **mine, **shown))
    return [*scores, *_gaps(look, dimension, noisy, own, large)]


def _gaps(
    look: Lens, dimension: Dimension, noisy: Counted, own: Counted, large: Sequence[int]
) -> Iterator[Score]:
    """The largest difference between the groups that are large enough, for each figure of ``COMPARED``."""
    if not dimension.order:
        return
    level = pairs_level(len(large))
    of_real = [look.figures(dimension.order, noisy.counts[g], noisy.sigma, level) for g in large]
    of_own = [look.figures(dimension.order, own.counts[g], own.sigma) for g in large]
    left_out = [p.name for p in dimension.slices if p.number not in large]
    about = PUBLIC | {
        "slice": dimension.name,
        "order": dimension.order,
        "target": look.target.name,
        "model": look.model,
        "higher_is_better": False,
        "detail": f"without {', '.join(left_out)}" if left_out else "",
        "baseline_name": ITSELF,
    }
    names = look.figures(dimension.order, noisy.counts[0], noisy.sigma)
    for key in names:
        if key[0] not in COMPARED:
            continue
        found = gap([f[key] for f in of_real])
        status: Status = "ok" if found.value is not None else "insufficient evidence"
        reason = "" if status == "ok" else "fewer than two groups are large enough to compare"
        baseline = gap([f[key] for f in of_own]).value
        yield _score(f"{key[0]}.gap", found, status, reason, baseline=baseline, **about)
