"""Judge anybody's synthetic table or image set: real rows, a schema, synthetic rows → scores, verdict, report.

Free of Prefect. No ledger and no charge: whatever is written is internal and must stay in the house.

Privacy claim: none; real rows are read without a charge, for the custodian's own eyes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from evaluators.evaluate import IN_OWN_ENVIRONMENT, Metric, evaluate
from evaluators.gate import gate
from evaluators.pages.parts.facts import Claim, Facts
from evaluators.pages.report import write_report
from evaluators.policy import load_policy
from evaluators.score import Score, Scorecard
from evaluators.verdict import Verdict
from flows.judging.counted import counted
from flows.judging.forms import bring_all, releases
from flows.judging.stranger import Fitted, absent, fit, together, unfolded, unnamed, without
from flows.label.histories import unjudged
from flows.stages.config import DEFAULT_POLICY
from flows.stages.run import folder_atomically
from generators.base import Progress
from privacy.accounting.guarantee import Guarantee
from privacy.errors import DataError, InputError
from privacy.reading.conform import conform
from privacy.reading.folded import files_of
from privacy.reading.formats.digest import source_digest
from privacy.reading.source import read_source
from privacy.schema.columns import Categorical, Column, Datetime, Numeric
from privacy.schema.numbers import bounds_as_numbers, number_to_date, numbers
from privacy.schema.schema import Csv, Schema, load_schema

NO_HOLDOUT = (
    "no people were held out: what a generator has seen shows only beside people it has not seen"
)
NEEDS_HOLDOUT = ("attack", "dcr")
"""Families of metrics that mean nothing without people whom the generator has not seen."""

SHARE = 0.3
"""Of the real units stand in for a holdout where none is given."""

OPEN_BINS = 20


@dataclass(frozen=True)
class Case:
    """What is judged. ``real``: rows the generator was trained on; ``holdout``: rows it never saw, if any.

    ``synthetic``: one table, or several, each from a fit of its own of the same generator; the first is
    judged, the others say how much releases differ. ``claim``: the (ε, δ) that whoever made it claims.
    ``csv``: how the synthetic files are written, where that is not as the schema says.
    ``anonymeter``, ``synthcity``: whether its metrics are run too, in an environment that the first run builds
    from the package index.
    """

    schema: Path
    real: tuple[Path, ...]
    synthetic: tuple[Path, ...]
    holdout: tuple[Path, ...] = ()
    policy: Path = DEFAULT_POLICY
    claim: Guarantee | None = None
    anonymeter: bool = False
    synthcity: bool = False
    seed: int = 0
    csv: Csv | None = None

    @property
    def also(self) -> dict[str, Metric]:
        """What is run beside the usual metrics."""
        asked = [w for w in ("anonymeter", "synthcity") if getattr(self, w)]
        return {n: m for n, m in IN_OWN_ENVIRONMENT.items() if n.split(".")[-1] in asked}


@dataclass(frozen=True, eq=False)
class Material:
    """All tables under one complete schema, and what was found on the way there.

    ``reading``: one line on how the synthetic files were read and what had to be bent.
    """

    schema: Schema
    train: pd.DataFrame
    holdout: pd.DataFrame
    synthetic: tuple[pd.DataFrame, ...]
    found: tuple[Score, ...]
    reading: str = ""


def prepare(case: Case) -> Material:
    """Read everything. Raises InputError or DataError for what cannot be judged at all."""
    if not case.synthetic:
        raise InputError("synthetic: no file is given")
    declared = load_schema(case.schema)
    real, held = (files_of(paths, declared) for paths in (case.real, case.holdout))
    train = _real(real, declared)
    if held:
        holdout = _real(held, declared)
        _check_apart(real, held, declared, train, holdout)
    else:
        train, holdout = _parted(train, declared, case.seed)
    schema = _closed(declared, pd.concat([train, holdout], ignore_index=True))
    if schema.image is not None:
        written = schema.model_copy(update={"csv": case.csv or schema.csv})
        tables = tuple(_real((path,), written) for path in case.synthetic)
        return Material(schema, train, holdout, tables, ())
    made = releases(case.synthetic, schema)
    brought = [bring_all(files, schema, case.csv) for files in made]
    schema, lost = without(schema, absent(brought, schema), case.synthetic[0])
    schema, nobody = unnamed(brought, schema)
    fitted = [fit(table, schema) for table in brought]
    causes = {n: why for f in fitted for n, why in f.unread.items()}
    schema, unread = without(schema, causes, case.synthetic[0])
    if unread:
        fitted = [fit(table, schema) for table in brought]
    rows = counted(train, holdout, tuple(f.frame for f in fitted), schema)
    found = (*unread, *lost, *nobody, *unfolded(brought[0]), *fitted[0].scores, *rows.scores)
    train, holdout = together(rows.train, schema), together(rows.holdout, schema)
    told = "; ".join(t for t in (_told([files[0] for files in made], fitted), rows.words) if t)
    return Material(schema, train, holdout, rows.synthetic, found, told)


def _check_apart(
    real: Sequence[Path],
    held: Sequence[Path],
    schema: Schema,
    train: pd.DataFrame,
    holdout: pd.DataFrame,
) -> None:
    """Raise InputError where people held out were trained on: no leak would show beside them."""
    known = {source_digest(path) for path in real}
    for path in held:
        if source_digest(path) in known:
            raise InputError(f"{path}: is given as --real too; people held out were not trained on")
    if schema.unit is not None:
        rows = [pd.util.hash_pandas_object(f.astype(str), index=False) for f in (holdout, train)]
        if rows[0].isin(rows[1]).any():
            raise InputError(
                f"{held[0]}: some rows of one {schema.unit} are in --real too; people held out were "
                "not trained on"
            )


def _told(paths: Sequence[Path], fitted: Sequence[Fitted]) -> str:
    """What was bent in each file, which is named where there are several."""
    if len(paths) == 1:
        return fitted[0].words
    return "; ".join(f"{p.name}: {f.words}" for p, f in zip(paths, fitted, strict=True) if f.words)


def judge(case: Case, out: Path, progress: Progress) -> Verdict:
    """Score, decide, and write scores, verdict and report into the folder ``out``."""
    if out.exists():
        raise InputError(f"{out}: exists already; name another folder with --out")
    policy = load_policy(case.policy)
    progress("reading", 0.0)
    material = prepare(case)
    scores = evaluate(
        material.train,
        material.holdout,
        material.synthetic[0],
        material.schema,
        seed=case.seed,
        progress=progress,
        more=material.synthetic[1:],
        also=case.also,
        not_measured={} if case.holdout else dict.fromkeys(NEEDS_HOLDOUT, NO_HOLDOUT),
    )
    scorecard = Scorecard((*material.found, *scores))
    verdict = gate(scorecard, policy, claim=case.claim)
    with folder_atomically(out) as folder:
        scorecard.write(folder)
        text = json.dumps(verdict.as_dict(), indent=2, ensure_ascii=False)
        (folder / "verdict.json").write_text(text, encoding="utf-8")
        facts = _facts(case, material)
        facts.write(folder / "facts.json")
        write_report(folder / "report.html", scorecard, verdict, facts)
    return verdict


def _facts(case: Case, material: Material) -> Facts:
    """What the report says of the table: nothing is known but its name and what is claimed."""
    unit = material.schema.unit or "row"
    claim = None if case.claim is None else Claim(case.claim.epsilon, case.claim.delta, unit)
    rows = len(material.synthetic[0])
    name = case.synthetic[0].name
    return Facts(
        name,
        material.schema.name,
        synthetic_rows=rows,
        claim=claim,
        reading=material.reading,
        histories=unjudged(load_schema(case.schema)),
    )


def _real(paths: tuple[Path, ...], schema: Schema) -> pd.DataFrame:
    """Canonical rows with the unit's name; DataError for the first that does not fit."""
    source = read_source(paths, schema)
    conformed, findings = conform(source.texts, schema)
    if refused := [f for f in findings if f.action == "refused"]:
        raise DataError(f"{paths[0]}: {refused[0]}")
    return source.frame(conformed, schema, np.ones(len(conformed), dtype=bool))


def _parted(frame: pd.DataFrame, schema: Schema, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two parts without a unit in common, by a coin for each unit."""
    unit = np.arange(len(frame)) if schema.unit is None else pd.factorize(frame[schema.unit])[0]
    rng = np.random.default_rng(seed)
    held = (rng.random(int(unit.max()) + 1) < SHARE)[unit]
    return tuple(frame[m].reset_index(drop=True) for m in (~held, held))  # type: ignore[return-value]


def _closed(schema: Schema, real: pd.DataFrame) -> Schema:
    """The schema with its open bins and categories taken from the real rows: fit for the house only."""
    found: Mapping[str, Column] = {
        n: _column(schema.columns[n], real[n]) for n in schema.incomplete if n in real
    }
    return schema.completed(found)


def _column(column: Column, values: pd.Series) -> Column:
    if isinstance(column, Categorical):
        names = sorted({*values.dropna(), *([column.other] if column.other else [])})
        return column.model_copy(update={"categories": tuple(names)})
    assert isinstance(column, Numeric | Datetime)
    special = column.special if isinstance(column, Numeric) else ()
    plain = numbers(values[values.notna() & ~values.isin(special)], column)
    low, high = bounds_as_numbers(column)
    shares = np.arange(1, OPEN_BINS) / OPEN_BINS
    inner = np.unique(np.quantile(plain, shares)) if len(plain) else np.zeros(0)
    edges = [low, *(float(e) for e in inner if low < e < high), high]
    if isinstance(column, Datetime):
        return column.model_copy(
            update={"bins": tuple(number_to_date(e, column.resolution) for e in edges)}
        )
    return column.model_validate(column.model_dump() | {"bins": tuple(edges)})
