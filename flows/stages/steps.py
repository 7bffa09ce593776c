"""The stages of a release, free of Prefect: each reads what the one before left in the run's folder.

    fit → choose → sample → judge → measure → decide → bundle

A stage whose result is already there does nothing, so a rerun resumes where the last try stopped. Private
rows live only inside ``fit``, ``judge`` and ``measure``; what a stage returns or reports is public.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from dp_accounting import DpEvent, ZCDpEvent

from evaluators.charged.scores import charged_scores
from evaluators.evaluate import FAMILIES, evaluate
from evaluators.gate import Verdict, gate
from evaluators.images.inception import inception
from evaluators.images.neighbours import nearest_grid
from evaluators.score import Scorecard
from evaluators.tables import Tables
from flows.frames.export import read_synthetic, synthetic_bytes
from flows.stages.plan import Plan
from flows.stages.run import Run, folder_atomically
from generators.base import Model, Progress
from generators.marginals.counting import Counter
from generators.marginals.measurement import Measurement
from generators.registry import load_model
from generators.selection import (
    Chosen,
    EachOnce,
    Several,
    chosen_candidate,
    closeness,
    measured,
    tables_of,
)
from privacy.domain import map_undeclared, measure_domain
from privacy.errors import LedgerError
from privacy.files import write_atomically
from privacy.ledger.charges import Permit
from privacy.ledger.ledger import Ledger
from privacy.ledger.register import Dataset
from privacy.ledger.transcript import Transcript
from privacy.reading.images import stack
from privacy.reading.read import file_digest
from privacy.recognise import recognise
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema
from privacy.table import Partition, PrivateTable, Rows

NEIGHBOURS = "neighbours.png"
"""Synthetic images beside the real ones nearest to them, among the scores: it never leaves the house."""


@dataclass(frozen=True)
class Work:
    """A run with its plan, its ledger and its data set's entry there."""

    run: Run
    plan: Plan
    ledger: Ledger
    dataset: Dataset
    public_rows: bool = False
    """Whether a person declared the rows public, so that nobody's budget is at stake."""

    @classmethod
    def of(cls, run: Run, public_key: bytes | None = None) -> Work:
        """Register the data set (first run) or check it against its entry; reads no row.

        ``public_key``: of public rows, what their split follows from.
        """
        plan, config = Plan.of(run, public_rows=public_key is not None), run.config
        ledger = Ledger(config.ledger)
        dataset = ledger.register(
            plan.schema.name,
            config.lifetime,
            config.holdout,
            plan.schema,
            public_key=public_key,
            same_people_as=config.same_people_as,
            other_people_than=config.other_people_than,
        )
        return cls(run, plan, ledger, dataset, public_key is not None)

    @cached_property
    def transcript(self) -> Transcript:
        return self._transcript("attempt.jsonl", "model", CANDIDATES)

    @cached_property
    def asked(self) -> Transcript:
        """The noised answers of the people held out."""
        return self._transcript("evaluation.jsonl", "charged")

    def _transcript(self, name: str, *results: str) -> Transcript:
        """Raises LedgerError where the file is gone and a result of it is there: that was paid for."""
        there = next((r for r in results if (self.run / r).exists()), None)
        if there is not None and not (self.run / name).exists():
            raise LedgerError(
                f"{self.run / name}: gone, though {there}/ came of it, and a new attempt would be charged for "
                "nothing. Put the file back, or start a new run"
            )
        return Transcript(self.run / name)

    def _charge(
        self, partition: Partition, transcript: Transcript, purpose: str, event: DpEvent
    ) -> Permit:
        """Charge a partition for this attempt; the same attempt is charged once."""
        return self.ledger.charge(
            self.dataset.name,
            partition,
            run=self.run.name,
            attempt=transcript.attempt,
            purpose=purpose,
            event=event,
        )

    def charge_evaluation(self) -> Permit | None:
        """Charge the holdout for figures that may be published; None where none are wanted."""
        if self.run.config.evaluation is None:
            return None
        return self._charge("holdout", self.asked, "evaluate", self.plan.evaluation_event)

    @cached_property
    def compared(self) -> Transcript:
        """The noised answers that candidates are compared on."""
        return self._transcript("choice.jsonl", "model")

    def charge_choice(self) -> Permit:
        """Charge the holdout for choosing between candidates."""
        return self._charge("holdout", self.compared, "choose", ZCDpEvent(self.plan.choice_rho))

    def charge(self) -> Permit:
        """Charge the train partition for the fit; what promises nothing comes this far on public rows only."""
        if self.run.config.non_private:
            return self.ledger.open_public(
                self.dataset.name,
                "train",
                run=self.run.name,
                attempt=self.transcript.attempt,
                purpose="fit",
            )
        return self._charge("train", self.transcript, "fit", self.plan.event)

    def recognise(self) -> None:
        """Look whether the people in the files were charged under another name; before anything is charged."""
        if not self.public_rows:
            recognise(
                self.ledger,
                self.plan.schema,
                self.run.config.data,
                run=self.run.name,
                attempt=self.transcript.attempt,
            )

    def open(self, permit: Permit) -> Rows:
        """The rows of the permit's partition; files that hold people known under another name are refused."""
        partition: Partition = "train" if permit.partition == "train" else "holdout"
        self.recognise()
        return PrivateTable(self.plan.schema, self.run.config.data, partition).open(permit)

    def open_internally(self, partition: Partition, schema: Schema) -> pd.DataFrame:
        """Rows for judging, in the completed schema; nothing computed on them may leave the house."""
        permit = self.ledger.open_internally(
            self.dataset.name,
            partition,
            run=self.run.name,
            attempt=self.transcript.attempt,
            purpose="judge",
        )
        rows = self.open(permit)
        frame = map_undeclared(rows.frame, schema)
        unit = self.plan.schema.unit
        return frame if unit is None else frame.assign(**{unit: rows.units})

    def files(self, permit: Permit, rows: Rows) -> list[str]:
        """A question whose answer ties a transcript to these files: answers are not continued on others."""
        files = "".join(map(file_digest, self.run.config.data))
        if self.plan.schema.image is not None:  # a CSV file only names its pictures
            files += hashlib.sha256(stack(rows.frame[self.plan.schema.image]).tobytes()).hexdigest()
        return ["files", permit.split.digest(files)]

    def completed_schema(self) -> Schema:
        """The schema with what was measured under the charge put in."""
        return load_schema(self.run / "model" / "schema.yaml")

    @property
    def chosen(self) -> int:
        """Which of the config's candidates the model is."""
        return chosen_candidate(self.run / "model") if self.run.config.select else 0

    @property
    def synthetic_file(self) -> Path:
        """Where the synthetic rows are kept; pictures need Parquet."""
        return self.run / ("synthetic.parquet" if self.plan.schema.image else "synthetic.csv")

    def synthetic(self) -> pd.DataFrame:
        """The synthetic rows, checked against the schema as they are read."""
        return read_synthetic(self.synthetic_file, self.completed_schema())


def fit(work: Work, progress: Progress) -> None:
    """Charge, read, measure what the schema leaves open, train, and keep the model."""
    kept = work.run / (CANDIDATES if isinstance(work.plan.generator, EachOnce) else "model")
    if kept.exists():
        work.transcript.clear()  # a kill may have come just before
        return
    work.plan.prepare(progress)
    work.recognise()
    work.charge_evaluation()  # a holdout that cannot pay is found out before train is charged
    if work.plan.choice_rho:
        work.charge_choice()
    permit = work.charge()
    progress("reading", 0.0)
    rows = work.open(permit)
    plan = work.plan
    work.transcript.answer(work.files(permit, rows), lambda: "opened")
    schema = measure_domain(
        rows.frame, plan.schema, plan.domain_rho, plan.domain_delta, permit, work.transcript
    )
    mapped = Rows(map_undeclared(rows.frame, schema), rows.units)
    model = plan.generator.fit(mapped, schema, permit, work.transcript, progress)
    with folder_atomically(kept) as folder:
        model.save(folder)
    work.transcript.clear()


CANDIDATES = "candidates"
"""The models to choose from, each fitted once under the charge."""


def choose(work: Work) -> None:
    """Keep the candidate that is closest to the people held out; nothing to do where one was fitted."""
    if (work.run / "model").exists():
        return
    models = Several.load(work.run / CANDIDATES).models
    schema = models[0].schema
    if work.plan.choice_rho:
        permit = work.charge_choice()
        rows = work.open(permit)
        work.compared.answer(work.files(permit, rows), lambda: "opened")
        codec, ask = Codec(schema), work.compared.answer
        count = Counter.of(codec.domain, codec.encode(map_undeclared(rows.frame, schema)))
        tables = measured(count, codec, work.plan.choice_rho, ask)
    else:
        codec = Codec(schema)
        frame = work.open_internally("holdout", schema)
        count = Counter.of(codec.domain, codec.encode(frame))
        tables = [Measurement(c, count(c), 1.0) for c in tables_of(codec)]
    scores = [closeness(model, tables) for model in models]
    best = scores.index(max(scores))
    with folder_atomically(work.run / "model") as folder:
        Chosen(models[best], best).save(folder)


def sample(work: Work) -> None:
    """Draw the synthetic rows; free, and the same for the same seed."""
    if work.synthetic_file.exists():
        return
    model: Model = load_model(work.run / "model")
    public, share = work.plan.schema.public_rows, 1 - work.dataset.split.holdout
    n = work.run.config.rows or (round(public * share) if public else model.rows)
    frame = model.sample(n, np.random.default_rng(work.run.config.seed))
    write_atomically(work.synthetic_file, synthetic_bytes(frame, model.schema))


MORE_DRAWS = 2
"""Further draws of a table's model, to see how much figures move from one to the next."""


def judge(work: Work, progress: Progress, measure: Sequence[str] = ()) -> None:
    """Hold the synthetic rows against the real ones; the scorecard is internal.

    ``measure``: families of metrics, all where there are none.
    """
    if (work.run / "scores").exists():
        return
    synthetic, schema, seed = work.synthetic(), work.completed_schema(), work.run.config.seed
    train, holdout = (work.open_internally(p, schema) for p in ("train", "holdout"))
    model: Model = load_model(work.run / "model")
    more = [
        model.sample(len(synthetic), np.random.default_rng([seed, 2, i]))
        for i in range(0 if schema.image or measure else MORE_DRAWS)
    ]
    path = work.run.config.inception
    scorecard = evaluate(
        train,
        holdout,
        synthetic,
        schema,
        seed=seed,
        progress=progress,
        extractor=None if path is None else inception(path),
        more=more,
        own_fits=False,
        not_measured={f: "not asked for" for f in FAMILIES if measure and f not in measure},
    )
    with folder_atomically(work.run / "scores") as folder:
        scorecard.write(folder)
        # a picture that cannot be drawn must not decide whether there is a release
        with suppress(Exception):
            if schema.image is not None:
                grid = nearest_grid(Tables(train, holdout, synthetic, schema, seed))
                (folder / NEIGHBOURS).write_bytes(grid)


MAX_FRESH = 50_000
"""At most so many fresh rows are drawn to cut bins with, and for what the synthetic rows say of themselves."""


def measure(work: Work, progress: Progress) -> None:
    """Ask the people held out under their charge; the scores may be published."""
    permit = work.charge_evaluation()
    if permit is None or (work.run / "charged").exists():
        return
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
    return gate(scorecard(work), config.load_policy(), config.standing)
