"""A synthetic table from any tool, brought into the schema as far as it fits, with a score for what does not.

Nothing is silently mended: whole numbers written with decimals are rounded, values beyond the bounds are
clamped, rows with values that the schema does not know are left out, columns that are absent are judged absent;
each is counted and named.

Privacy claim: none needed; synthetic rows are free to read. The scores about them are free of real rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from evaluators.score import Score
from privacy.errors import InputError
from privacy.reading.conform import conform
from privacy.reading.numerals import numbers_in
from privacy.reading.read import NULL, read_any
from privacy.schema.columns import MAX_WHOLE, Categorical, Column, Datetime, Numeric
from privacy.schema.schema import Condition, Csv, Schema, Target

MOST_UNFIT = 0.05
"""A table of which more rows do not fit is not judged as a whole: the score about it fails."""

FREE: dict[str, Any] = {"rows": "none", "visibility": "public", "higher_is_better": False}


@dataclass(frozen=True, eq=False)
class Fitted:
    """``frame``: the rows that fit, canonical under the schema's columns that are there."""

    frame: pd.DataFrame
    scores: tuple[Score, ...]


def absent(paths: Sequence[Path], schema: Schema) -> tuple[str, ...]:
    """The modelled columns that no synthetic file has; InputError where a file has none of them."""
    missing: dict[str, None] = {}
    for path in paths:
        names = read_any(path, Csv()).column_names
        gone = [n for n in schema.modelled if n not in names]
        if len(gone) == len(schema.modelled):
            raise InputError(f"{path}: has no column of the schema; give the right file")
        missing |= dict.fromkeys(gone)
    return tuple(missing)


def without(schema: Schema, names: Sequence[str]) -> tuple[Schema, tuple[Score, ...]]:
    """The schema without these columns and all that needs them, and a failed score for each loss."""
    gone = set(names)
    if not gone:
        return schema, ()

    def lost(target: Target) -> bool:
        return bool(gone & set(target.columns))

    def about(condition: dict[str, Condition]) -> bool:
        return bool(gone & set(condition))

    scores = [_failed("input.column", n, "the synthetic table has no such column") for n in names]
    scores += [
        _failed("input.target", t.name, "its columns are not in the synthetic table")
        for t in schema.targets
        if lost(t)
    ]
    left = {n: c.model_dump() for n, c in schema.columns.items() if n not in gone}
    kept = schema.model_dump() | {
        "columns": left,
        "targets": [
            t.model_dump() | {"without": [n for n in t.without if n not in gone]}
            for t in schema.targets
            if not lost(t)
        ],
        "subgroups": [s.model_dump() for s in schema.subgroups if s.column not in gone],
        "impossible": [
            {n: c.model_dump() for n, c in condition.items()}
            for condition in schema.impossible
            if not about(condition)
        ],
    }
    return Schema.model_validate(kept), tuple(scores)


def _failed(metric: str, detail: str, reason: str) -> Score:
    return Score(metric=metric, detail=detail, status="failed", reason=reason, **FREE)


def fit(path: Path, schema: Schema) -> Fitted:
    """Read one synthetic table under a complete schema whose modelled columns it has."""
    table = read_any(path, Csv())
    texts, columns, scores = {}, {}, []
    for name in schema.modelled:
        column = schema.columns[name]
        texts[name] = _nothing_as_null(table[name].to_pandas().astype(object), column)
        if isinstance(column, Numeric | Datetime):
            column = column.model_copy(update={"out_of_range": "clamp"})
        if isinstance(column, Numeric) and column.kind == "integer":
            texts[name], rounded = _whole(texts[name])
            scores += _counted("input.rounded", rounded, len(rounded), name)
        columns[name] = column
    lenient = schema.model_copy(update={"columns": columns})
    rows = pa.table({n: pa.array(t, pa.string()) for n, t in texts.items()})
    frame, findings = conform(rows, lenient)
    bad = np.zeros(len(frame), dtype=bool)
    for name, column in columns.items():
        missing = texts[name].isin([*column.missing_values, NULL]).to_numpy()
        unfit = frame[name].isna().to_numpy() & ~(missing & (column.missing == "keep"))
        said = [f for f in findings if f.column == name and f.action == "refused"]
        first = f": {said[0].problem} {said[0].value[:40]!r}" if said else ""
        scores += _counted("input.unfit", unfit, len(bad), f"{name}{first}")
        beyond = sum(f.rows for f in findings if f.column == name and f.action == "clamped")
        scores += _counted("input.clamped", np.ones(beyond, dtype=bool), len(bad), name)
        bad |= unfit
    return Fitted(frame[~bad].reset_index(drop=True), (*scores, _overall(bad, path)))


NOTHING = ("", "nan", "NaN", "None", "NaT", "<NA>", "null", "NULL")
"""How tools write a value that is not there."""


def _nothing_as_null(texts: pd.Series, column: Column) -> pd.Series:
    """Texts that stand for nothing as the null of our texts, where the schema does not give them a meaning."""
    known = set(column.missing_values)
    if isinstance(column, Categorical):
        known |= {*(column.categories or ()), *column.aliases}
    if isinstance(column, Numeric):
        known |= {str(v) for v in column.special}
    nothing = texts.isin([n for n in NOTHING if n not in known])
    return texts.where(~nothing, NULL)


def _whole(texts: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """Numbers with a fraction rounded, and which they were."""
    number = numbers_in(texts)
    off = np.isfinite(number) & (number != np.round(number)) & (np.abs(number) < MAX_WHOLE)
    whole = pd.Series(np.where(off, np.round(np.where(off, number, 0)), 0).astype(np.int64))
    return texts.where(~off, whole.astype(str)), off


def _counted(metric: str, rows: np.ndarray, total: int, detail: str) -> list[Score]:
    """The share of rows as a score, where there are any."""
    if not rows.any():
        return []
    return [Score(metric=metric, value=rows.sum() / total, detail=detail, **FREE)]


def _overall(bad: np.ndarray, path: Path) -> Score:
    share = float(bad.mean()) if len(bad) else 0.0
    if share > MOST_UNFIT:
        reason = f"{share:.1%} of the synthetic rows hold values that the schema does not know"
        return _failed("input.unfit_rows", path.name, reason)
    return Score(metric="input.unfit_rows", value=share, detail=path.name, **FREE)
