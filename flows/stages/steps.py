"""The stages of a release, free of Prefect: each reads what the one before left in the run's folder.

    fit → choose → sample → judge → measure → decide → bundle

A stage whose result is already there does nothing, so a rerun resumes where the last try stopped; only one that
has something to do imports what it needs for it. Private rows live only inside ``fit``, ``judge`` and
``measure``; what a stage returns or reports is public.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from evaluators.gate import gate
from evaluators.score import Scorecard
from evaluators.verdict import Verdict
from flows.frames.export import write_synthetic
from flows.stages.work import Work
from generators.base import Model, Progress
from generators.registry import load_model
from privacy.files import whole_file
from privacy.schema.codec import number_identifiers

DRAWN = 250_000
"""Rows that are drawn together."""


def fit(work: Work, progress: Progress) -> None:
    """Charge, then train; the model is kept, or all those to choose from."""
    if work.run.fitted:
        work.transcript.clear()  # a kill may have come just before
        return
    from flows.stages import fitting

    fitting.fit(work, progress)


def choose(work: Work) -> None:
    """Keep the candidate that is closest to the people held out; nothing to do where one was fitted."""
    if (work.run / "model").exists():
        return
    from flows.stages import fitting

    fitting.choose(work)


def sample(work: Work) -> None:
    """Draw the synthetic rows; free, and the same for the same seed."""
    if work.synthetic_file.exists():
        return
    model: Model = load_model(work.run / "model")
    public, share = work.schema.public_rows, 1 - work.dataset.split.holdout
    n = work.run.config.rows or (round(public * share) if public else model.rows)
    with whole_file(work.synthetic_file) as file:
        write_synthetic(_drawn(model, n, work.run.config.seed), model.schema, file)


def _drawn(model: Model, n: int, seed: int) -> Iterator[pd.DataFrame]:
    """The rows, some after the other but for pictures; identifiers go on where those before ended."""
    rng, schema = np.random.default_rng(seed), model.schema
    rows = people = 0
    while rows < n:
        frame = model.sample(n if schema.image else min(DRAWN, n - rows), rng)
        units = pd.factorize(frame[schema.unit])[0] if schema.visits and schema.unit else None
        whose = None if units is None else people + units
        yield number_identifiers(frame, schema, rows, whose) if rows else frame
        rows += len(frame)
        people += 0 if units is None else int(units.max()) + 1


def judge(work: Work, progress: Progress, measure: Sequence[str] = ()) -> None:
    """Hold the synthetic rows against the real ones; the scorecard is internal.

    ``measure``: families of metrics, all where there are none.
    """
    if (work.run / "scores").exists():
        return
    from flows.stages import scoring

    scoring.judge(work, progress, measure)


def measure(work: Work, progress: Progress) -> None:
    """Ask the people held out, under their own charge, for figures that may be published."""
    if work.run.config.evaluation is None:
        return
    if (work.run / "charged").exists():
        work.asked.clear()  # a transcript that is gone, or older than was seen, is told here too
        return
    from flows.stages import scoring

    scoring.measure(work, progress)


def charged(work: Work) -> Scorecard:
    """The scores that were charged to the people held out; none where that was not wanted."""
    file = work.run / "charged" / "scores.parquet"
    return Scorecard.read(file) if file.exists() else Scorecard()


def scorecard(work: Work) -> Scorecard:
    """All scores: those that stay in the house, then those that were charged."""
    internal = Scorecard.read(work.run / "scores" / "scores.parquet")
    return Scorecard((*internal, *charged(work)))


def decide(work: Work) -> Verdict:
    """Hold the scorecard against the policy."""
    config = work.run.config
    return gate(scorecard(work), config.load_policy(), config.standing, config.guarantee.guarantee)
