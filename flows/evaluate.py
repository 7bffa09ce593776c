"""The Prefect flow ``evaluate``: somebody's synthetic table against real rows, a verdict and a report out.

A thin shell around ``flows.pipelines.evaluate``. Prefect sees paths, progress and the decision; figures stay
in the folder.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prefect import flow, task
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from flows.judging.judgement import Case
from flows.pipelines import evaluate as line
from flows.pipelines.outcome import Outcome
from flows.release import PRIVATE, progress_of
from flows.stages.places import inside
from privacy.schema.schema import Csv


@flow(name="evaluate", retries=0, persist_result=False, log_prints=False)
def evaluate(
    schema_file: Path,
    real: Annotated[list[Path], Field(min_length=1)],
    synthetic: Annotated[list[Path], Field(min_length=1)],
    out: Path,
    holdout: list[Path] | None = None,
    policy: Path | None = None,
    epsilon: Annotated[float, Field(gt=0)] | None = None,
    delta: Annotated[float, Field(gt=0, lt=1)] | None = None,
    anonymeter: bool = False,
    synthcity: bool = False,
    seed: Annotated[int, Field(ge=0)] = 0,
    csv: Csv | None = None,
) -> State[Outcome]:
    """Judge a synthetic table.

    Args:
        schema_file: what is public about the table, YAML.
        real: the rows that the generator was trained on.
        synthetic: one table, or several releases of the same generator, of which the first is judged.
        out: a new folder for scores, verdict and report; it must stay in the house.
        holdout: rows that the generator has not seen, if there are any.
        policy: what is asked of the table, YAML; the default policy where it is left out.
        epsilon: the ε that whoever made the table claims; with it ``delta``.
        delta: the δ of that claim.
        anonymeter: run its attacks too, in an environment of its own.
        synthcity: run its metrics too, in an environment of its own.
        seed: repeats the evaluation.
        csv: how the synthetic files are written, all of it; left out, they are read as the schema says.
    """
    case = line.case_of(
        schema_file,
        real,
        synthetic,
        holdout,
        policy,
        epsilon,
        delta,
        anonymeter=anonymeter,
        synthcity=synthcity,
        seed=seed,
        csv=csv,
    )
    outcome = judge(case, inside(out))
    return Completed(name=outcome.decision.capitalize(), message=outcome.decision, data=outcome)


@task(**PRIVATE)
def judge(case: Case, out: Path) -> Outcome:
    """Score and decide; everything that is found is written into ``out``."""
    return line.evaluate(case, out, progress_of)
