"""The stages that hold synthetic rows against real ones, with every metric and learner behind them.

Privacy claim: what ``judge`` finds is internal; what ``measure`` finds was charged to the people held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluators.charged.scores import charged_scores
from evaluators.evaluate import FAMILIES, evaluate
from evaluators.score import Scorecard
from evaluators.tables import ROLES, Tables
from flows.stages.assessing import JUDGED
from flows.stages.run import NEIGHBOURS, folder_atomically
from flows.stages.work import Work
from generators.base import Model, Progress
from generators.registry import load_model
from privacy.domain import map_undeclared
from privacy.reading.read import file_digest
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows, people_among
from privacy.table import Partition

if TYPE_CHECKING:
    from evaluators.images.extractor import Extractor

MORE_DRAWS = 2
"""Further draws of a table's model, to see how much figures move from one to the next."""


COUNTED = {"train": 1_000_000, "holdout": 500_000, "synthetic": 1_000_000}
"""Rows of which it is counted who is in which group, with which outcome, where there are more."""


def judge(work: Work, progress: Progress, measure: Sequence[str] = ()) -> None:
    """Hold the synthetic rows against the real ones; the scorecard is internal.

    ``measure``: families of metrics, all where there are none.
    """
    schema, seed = work.completed_schema(), work.run.config.seed
    originals: dict[str, pd.DataFrame] = {}
    counted: dict[str, pd.DataFrame] = {}
    partitions: tuple[Partition, ...] = ("train", "holdout")
    for role in partitions:
        rows = work.opened_internally(role, partial(progress, f"reading {role}"))
        originals[role] = _judged(rows, role, schema, seed)
        counted[role] = _counted(rows, role, schema, seed)
        del rows  # what it lies in is gone with it
    originals["synthetic"] = _judged(work.synthetic, "synthetic", schema, seed)
    counted["synthetic"] = _counted(work.synthetic, "synthetic", schema, seed)
    train, holdout, synthetic = (_named(originals[role], schema) for role in ROLES)
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
        whole=_whole(counted, schema, seed),
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


def _judged(rows: AnyRows, role: str, schema: Schema, seed: int) -> pd.DataFrame:
    """Some of the rows, with the numbers of real people in place of their names."""
    linked = schema.visits is not None and role == "synthetic"
    units = pd.factorize(rows.column(schema.unit or ""))[0] if linked else rows.units
    some = people_among(units, JUDGED[role], np.random.default_rng([seed, *role.encode()]))
    frame = rows.take(some)
    if role == "synthetic":
        return frame
    return _of_units(frame[list(schema.informative)], schema, rows.units[some])


def _counted(rows: AnyRows, role: str, schema: Schema, seed: int) -> pd.DataFrame:
    """Targets and subgroups of more rows."""
    rng = np.random.default_rng([seed, *b"counted"])
    some = people_among(rows.units, COUNTED[role], rng)
    frame = pd.DataFrame({n: rows.column(n) for n in schema.roles}, index=range(len(rows)))
    frame = frame.iloc[some].reset_index(drop=True)
    return frame if role == "synthetic" else _of_units(frame, schema, rows.units[some])


def _whole(counted: dict[str, pd.DataFrame], schema: Schema, seed: int) -> Tables | None:
    """Tables of targets and subgroups alone; None where nothing was left out of those that are judged.

    Of image sets and histories the rows that are judged have to do.
    """
    if (
        schema.image
        or schema.visits
        or all(len(frame) <= JUDGED[role] for role, frame in counted.items())
    ):
        return None
    roles = schema.without(set(schema.modelled) - set(schema.roles))
    train, holdout, synthetic = (_named(counted[role], roles) for role in ROLES)
    return Tables(train, holdout, synthetic, roles, seed)


def _of_units(frame: pd.DataFrame, schema: Schema, units: np.ndarray) -> pd.DataFrame:
    return frame if schema.unit is None else frame.assign(**{schema.unit: units})


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
    rows = work.open(permit, partial(progress, "asking the people held out"))
    tied = [*work.files(permit, rows), file_digest(work.synthetic_file)]
    work.asked.answer(tied, lambda: "opened")
    model: Model = load_model(work.run / "model")
    schema, synthetic, seed = work.completed_schema(), work.synthetic.frame, work.run.config.seed
    fresh = model.sample(min(len(synthetic), MAX_FRESH), np.random.default_rng([seed, 1]))
    scores = charged_scores(
        rows.changed(partial(map_undeclared, schema=schema)),
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
