"""The stages that hold synthetic rows against real ones, with every metric and learner behind them.

Privacy claim: what ``judge`` finds is internal; what ``measure`` finds was charged to the people held out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from evaluators.charged.scores import charged_scores
from evaluators.evaluate import FAMILIES, evaluate
from evaluators.fidelity.representation import REAL
from evaluators.score import Score, Scorecard
from evaluators.tables import ROLES, Tables
from flows.stages.assessing import JUDGED
from flows.stages.run import NEIGHBOURS, folder_atomically
from flows.stages.telling import read_share
from flows.stages.work import Work
from generators.base import Model, Progress
from generators.registry import load_model
from privacy.domain import declared, map_undeclared
from privacy.reading.read import file_digest
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
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
    looked: dict[str, _Looked] = {}
    partitions: tuple[Partition, ...] = ("train", "holdout")
    for role in partitions:
        rows = work.opened_internally(role, read_share("judge", f"reading {role}"))
        looked[role] = _Looked.at(rows, role, schema, seed)
        del rows  # what it lies in is gone with it
    looked["synthetic"] = _Looked.at(work.synthetic, "synthetic", schema, seed)
    originals = {role: seen.judged for role, seen in looked.items()}
    train, holdout, synthetic = (_named(originals[role], schema) for role in ROLES)
    some = any(seen.sampled for seen in looked.values()) and not (schema.image or schema.visits)
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
        whole=partial(_whole, looked, schema, seed) if some else None,
        met={role: _met(seen.values, schema) for role, seen in looked.items()} if some else None,
        not_measured={f: "not asked for" for f in FAMILIES if measure and f not in measure},
    )
    scorecard = Scorecard(tuple(_with_sample(score, looked) for score in scorecard))
    with folder_atomically(work.run / "scores") as folder:
        scorecard.write(folder)
        if schema.image is not None:
            from evaluators.images.neighbours import nearest_grid

            # a picture that cannot be drawn must not decide whether there is a release
            with suppress(Exception):
                grid = nearest_grid(Tables(train, holdout, synthetic, schema, seed))
                (folder / NEIGHBOURS).write_bytes(grid)


@dataclass(frozen=True)
class _Looked:
    """What is looked at of a table: some rows, targets and subgroups of more, and the distinct values of all.

    Of image sets and histories the rows that are judged have to do.
    """

    judged: pd.DataFrame
    counted: AnyRows
    values: dict[str, pd.Series]
    rows: int

    @classmethod
    def at(cls, rows: AnyRows, role: str, schema: Schema, seed: int) -> _Looked:
        judged = _judged(rows, role, schema, seed)
        rng = np.random.default_rng([seed, *b"counted"])
        counted = rows.some(people_among(rows.units, COUNTED[role], rng), schema.roles)
        values = {n: rows.values(n) for n in Codec(schema).columns}
        return cls(judged, counted, values, len(rows))

    @property
    def sampled(self) -> bool:
        """Whether there are more rows than are judged."""
        return len(self.judged) < self.rows


def _judged(rows: AnyRows, role: str, schema: Schema, seed: int) -> pd.DataFrame:
    """Some of the rows, with the numbers of real people in place of their names."""
    linked = schema.visits is not None and role == "synthetic"
    units = pd.factorize(rows.column(schema.unit or ""))[0] if linked else rows.units
    some = people_among(units, JUDGED[role], np.random.default_rng([seed, *role.encode()]))
    frame = rows.take(some)
    if role == "synthetic":
        return frame
    return _of_units(frame[list(schema.informative)], schema, rows.units[some])


def _whole(looked: Mapping[str, _Looked], schema: Schema, seed: int) -> Tables:
    """Tables of targets and subgroups alone."""
    roles = schema.without(set(schema.modelled) - set(schema.roles))

    def frame(role: str) -> pd.DataFrame:
        counted = looked[role].counted
        named = _named(counted.frame, roles)
        return named if role == "synthetic" else _of_units(named, schema, counted.units)

    train, holdout, synthetic = map(frame, ROLES)
    return Tables(train, holdout, synthetic, roles, seed)


def _met(values: Mapping[str, pd.Series], schema: Schema) -> dict[str, frozenset[int]]:
    """Of each column the codes of its values."""
    found = {}
    for name, code in Codec(schema).columns.items():
        column, series = schema.columns[name], values[name]
        named = declared(series, column) if isinstance(column, Categorical) else series
        found[name] = frozenset(code.encode(named).tolist())
    return found


OF_COUNTED = ("lost_group", "representation_ratio", *(f"{name}.difference" for name in REAL))
OF_ALL = ("lost_categories",)
"""Figures of the rows that are counted, and of all rows."""

SAID = {"train": "in train", "holdout": "held out", "synthetic": "synthetic"}


def _with_sample(score: Score, looked: Mapping[str, _Looked]) -> Score:
    """The score with how many rows it is of, where there are more; what is public tells of no real row."""
    if score.metric in OF_ALL:
        return score
    real = ("train", "holdout") if score.rows == "train and holdout" else (score.rows,)
    parts = []
    for role in ("synthetic", *real):
        if (seen := looked.get(role)) is None:
            continue
        rows = len(seen.counted if score.metric in OF_COUNTED else seen.judged)
        if rows < seen.rows:
            parts.append(f"{rows:,} of {seen.rows:,} rows {SAID[role]}")
    return replace(score, sample=", ".join(parts))


def _of_units(frame: pd.DataFrame, schema: Schema, units: np.ndarray) -> pd.DataFrame:
    return frame if schema.unit is None else frame.assign(**{schema.unit: units})


def _named(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with each category as the one that is named for it; what stays as it is lies in memory once."""
    named = map_undeclared(frame, schema)
    changed = {n: named[n] for n in named if not named[n].equals(frame[n])}
    return pd.DataFrame({n: changed.get(n, frame[n]) for n in frame}, copy=False)


def _extractor(work: Work) -> Extractor | None:
    """FID's network, where the config names its file."""
    if work.run.config.inception is None:
        return None
    from evaluators.images.inception import inception

    return inception(work.run.config.inception)


MAX_FRESH = 50_000
"""At most so many fresh rows are drawn to cut bins with, and for what the synthetic rows say of themselves."""


def measure(work: Work, progress: Progress) -> None:
    """Ask all people held out under their charge; the scores may be published."""
    permit = work.charge_evaluation()
    assert permit is not None, "asked for by the config"
    progress("asking the people held out", 0.0)
    rows = work.open(permit, read_share("measure", "asking the people held out"))
    tied = [*work.files(permit, rows), file_digest(work.synthetic_file)]
    work.asked.answer(tied, lambda: "opened")
    model: Model = load_model(work.run / "model")
    schema, seed = work.completed_schema(), work.run.config.seed
    synthetic = work.synthetic
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
