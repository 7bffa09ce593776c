"""The pipeline of a judgement: somebody's synthetic table against real rows, a verdict and a report out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flows.judging import judgement
from flows.judging.judgement import Case
from flows.pipelines.outcome import Outcome
from flows.stages.config import DEFAULT_POLICY
from flows.stages.places import inside
from flows.stages.telling import Heard, heard, told_publicly
from privacy.accounting.guarantee import Guarantee
from privacy.schema.schema import Csv


def case_of(
    schema_file: Path,
    real: Sequence[Path],
    synthetic: Sequence[Path],
    holdout: Sequence[Path] | None = None,
    policy: Path | None = None,
    epsilon: float | None = None,
    delta: float | None = None,
    anonymeter: bool = False,
    synthcity: bool = False,
    seed: int = 0,
    csv: Csv | None = None,
) -> Case:
    """What is judged, as a person names it. Raises InputError for a claim that is none."""
    return Case(
        inside(schema_file),
        tuple(map(inside, real)),
        tuple(map(inside, synthetic)),
        tuple(map(inside, holdout or ())),
        DEFAULT_POLICY if policy is None else inside(policy),
        None if epsilon is None or delta is None else Guarantee(epsilon, delta),
        anonymeter,
        synthcity,
        seed,
        csv,
    )


def evaluate(case: Case, out: Path, heard: Heard = heard) -> Outcome:
    """Score and decide; everything that is found is written into ``out``."""
    with told_publicly(out.with_suffix(".error.txt"), "judge"), heard("judge") as progress:
        return Outcome(judgement.judge(case, out, progress).decision, out)
