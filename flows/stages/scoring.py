"""The stages that hold synthetic rows against real ones, with every metric and learner behind them.

Privacy claim: what ``judge`` finds is internal; what ``measure`` finds was charged to the people held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluators.charged.scores import charged_scores
from evaluators.evaluate import FAMILIES, evaluate
from evaluators.score import Scorecard
from evaluators.tables import Tables
from flows.stages.run import NEIGHBOURS, folder_atomically
from flows.stages.work import Work
from generators.base import Model, Progress
from generators.registry import load_model
from privacy.domain import map_undeclared
from privacy.reading.read import file_digest
from privacy.schema.schema import Schema
from privacy.table import Rows

if TYPE_CHECKING:
    from evaluators.images.extractor import Extractor

MORE_DRAWS = 2
"""Further draws of a table's model, to see how much figures move from one to the next."""


def judge(work: Work, progress: Progress, measure: Sequence[str] = ()) -> None:
    """Hold the synthetic rows against the real ones; the scorecard is internal.

    ``measure``: families of metrics, all where there are none.
    """
    synthetic, schema, seed = work.synthetic(), work.completed_schema(), work.run.config.seed
    originals = {p: work.open_internally(p) for p in ("train", "holdout")} | {
        "synthetic": synthetic
    }
    train, holdout, synthetic = (_named(f, schema) for f in originals.values())
    model: Model = load_model(work.run / "model")
    more = [
        _named(model.sample(len(synthetic), np.random.default_rng([seed, 2, i])), schema)
        for i in range(0 if schema.image or measure else MORE_DRAWS)
    ]
    scorecard = evaluate(
        train,
        holdout,
        synthetic,
        schema,
        seed=seed,
        progress=progress,
        extractor=_extractor(work),
        more=more,
        own_fits=False,
        originals=originals,
        not_measured={f: "not asked for" for f in FAMILIES if measure and f not in measure},
    )
    with folder_atomically(work.run / "scores") as folder:
        scorecard.write(folder)
        if schema.image is not None:
            from evaluators.images.neighbours import nearest_grid

            # a picture that cannot be drawn must not decide whether there is a release
            with suppress(Exception):
                grid = nearest_grid(Tables(train, holdout, synthetic, schema, seed))
                (folder / NEIGHBOURS).write_bytes(grid)


def _named(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with each category as the one that is named for it."""
    return frame.assign(**map_undeclared(frame, schema))


def _extractor(work: Work) -> Extractor | None:
    """FID's network, where the config names its file."""
    if work.run.config.inception is None:
        return None
    from evaluators.images.inception import inception

    return inception(work.run.config.inception)


MAX_FRESH = 50_000
"""At most so many fresh rows are drawn to cut bins with, and for what the synthetic rows say of themselves."""


def measure(work: Work, progress: Progress) -> None:
    """Ask the people held out under their charge; the scores may be published."""
    permit = work.charge_evaluation()
    assert permit is not None, "asked for by the config"
    progress("asking the people held out", 0.0)
    rows = work.open(permit)
    tied = [*work.files(permit, rows), file_digest(work.synthetic_file)]
    work.asked.answer(tied, lambda: "opened")
    model: Model = load_model(work.run / "model")
    schema, synthetic, seed = work.completed_schema(), work.synthetic(), work.run.config.seed
    fresh = model.sample(min(len(synthetic), MAX_FRESH), np.random.default_rng([seed, 1]))
    scores = charged_scores(
        Rows(map_undeclared(rows.frame, schema), rows.units),
        synthetic,
        fresh,
        schema,
        work.plan.evaluation_rho,
        permit,
        work.asked,
        seed,
    )
    with folder_atomically(work.run / "charged") as folder:
        Scorecard(tuple(scores)).write(folder)
