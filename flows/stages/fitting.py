"""The stages that train: what runs under the charge, and the choice between candidates.

Privacy claim: nothing is read before its charge, and what is kept of the rows is what the charge covers; a
choice by uncharged figures says so on the label.
"""

from __future__ import annotations

from functools import partial

from flows.stages.run import CANDIDATES, folder_atomically
from flows.stages.telling import read_share
from flows.stages.work import Work
from generators.base import Progress
from generators.marginals.counting.counter import Counter
from generators.marginals.counting.spread import workers_at
from generators.marginals.measurement import Measurement
from generators.selection import Chosen, EachOnce, Several, closeness, measured, tables_of
from privacy.domain import map_undeclared, measure_domain
from privacy.ledger.paid import Paid
from privacy.records.codec import RecordCodec


def fit(work: Work, progress: Progress) -> None:
    """Charge, read, measure what the schema leaves open, train, and keep the model, or those to choose from."""
    work.plan.prepare(progress)
    work.recognise(read_share("fit", "looking whether these people are known"))
    with workers_at(work.run.config.scheduler):
        _fit(work, progress)
    work.transcript.clear()


def _fit(work: Work, progress: Progress) -> None:
    work.charge_evaluation()  # a holdout that cannot pay is found out before train is charged
    if work.plan.choice_rho:
        work.charge_choice()
    permit = work.charge()
    progress("reading", 0.0)
    rows = work.open(permit, read_share("fit", "reading"))
    plan, paid = work.plan, Paid(permit, work.transcript)
    work.transcript.answer(work.files(permit, rows), lambda: "opened")
    schema = measure_domain(rows, plan.schema, plan.domain_rho, plan.domain_delta, paid)
    rows = rows.changed(partial(map_undeclared, schema=schema))
    model = plan.generator.fit(rows, schema, paid, progress)
    kept = CANDIDATES if isinstance(plan.generator, EachOnce) else "model"
    with folder_atomically(work.run / kept) as folder:
        model.save(folder)


def choose(work: Work) -> None:
    """Keep the candidate that is closest to the people held out."""
    models = Several.load(work.run / CANDIDATES).models
    schema = models[0].schema
    if work.plan.choice_rho:
        permit = work.charge_choice()
        rows = work.open(permit)
        work.compared.answer(work.files(permit, rows), lambda: "opened")
        codec, ask = RecordCodec(schema), work.compared.answer
        rows = rows.changed(partial(map_undeclared, schema=schema))
        count = Counter.gathered(codec.domain, map(codec.encode, rows.batches()), rows.room)
        tables = measured(count, codec, work.plan.choice_rho, ask)
    else:
        codec = RecordCodec(schema)
        frame = map_undeclared(work.opened_internally("holdout").frame, schema)
        count = Counter.of(codec.domain, codec.encode(frame))
        tables = [Measurement(c, count(c), 1.0) for c in tables_of(codec)]
    scores = [closeness(model, tables) for model in models]
    best = scores.index(max(scores))
    with folder_atomically(work.run / "model") as folder:
        Chosen(models[best], best).save(folder)
