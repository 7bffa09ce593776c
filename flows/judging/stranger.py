"""A synthetic table from any tool, brought into the schema as far as it fits, with a score for what does not.

Nothing is silently mended: a value in another spelling is taken for what it says (``flows.judging.spelling``),
values beyond the bounds are clamped, rows with values that the schema does not know are left out, columns that
are absent or cannot be read are judged absent; each is counted and named.

Privacy claim: none needed; synthetic rows are free to read. The scores about them are free of real rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from evaluators.score import Score
from flows.judging.forms import Brought, alike, spelled
from flows.judging.spelling import SPELLING, Bent, respelled
from privacy.errors import InputError
from privacy.people.order import in_order
from privacy.reading.conform import Finding, conform
from privacy.reading.formats.strict import NULL
from privacy.schema.columns import Categorical, Column, Datetime, Identifier, Numeric
from privacy.schema.schema import Csv, Schema

MOST_UNFIT = 0.05
"""A table of which more rows do not fit is not judged as a whole: the score about it fails."""

UNREAD = 0.5
"""A column of whose values more do not fit is judged as if it were absent, so that its rows are not lost."""

MISSING = "undeclared missing value"
DECIMAL_COMMA = re.compile(r"\s*[+-]?\d*,\d+\s*").fullmatch

FREE: dict[str, Any] = {"rows": "none", "visibility": "public", "higher_is_better": False}


@dataclass(frozen=True, eq=False)
class Fitted:
    """``frame``: the rows that fit, canonical under the schema's columns that are there.

    ``unread``: columns that cannot be read, and why in words. ``words``: one line on what was bent.
    """

    frame: pd.DataFrame
    scores: tuple[Score, ...]
    unread: Mapping[str, str]
    words: str


def absent(tables: Sequence[Brought], schema: Schema) -> dict[str, str]:
    """The modelled columns that some synthetic file does not have, and why that is so in words."""
    causes = {}
    for table in tables:
        for name in schema.modelled:
            if name not in table.texts.column_names:
                near = alike(name, table.texts.column_names)
                also = f", but {near!r}; rename it" if near else ""
                causes[name] = f"the synthetic table has no such column{also}"
    return causes


def without(
    schema: Schema, causes: Mapping[str, str], path: Path
) -> tuple[Schema, tuple[Score, ...]]:
    """The schema without these columns and all that needs them, and a failed score for each loss.

    InputError where no column is left of the table at ``path``.
    """
    gone = set(causes)
    if not gone:
        return schema, ()
    if gone >= set(schema.modelled):
        name, cause = next(iter(causes.items()))
        raise InputError(f"{path}: no column can be judged; {name}: {cause}")

    scores = [_failed("input.column", n, f"{n}: {why}") for n, why in causes.items()]
    kept = schema.without(gone)
    left = {t.name for t in kept.targets}
    scores += [
        _failed("input.target", t.name, f"{t.name}: it cannot be predicted without its columns")
        for t in schema.targets
        if t.name not in left
    ]
    return kept, tuple(scores)


def unnamed(tables: Sequence[Brought], schema: Schema) -> tuple[Schema, tuple[Score, ...]]:
    """The schema without its visits, and a failed score, where some file does not say whose its rows are."""
    for name in naming(schema):
        for table in tables:
            if name not in table.texts.column_names:
                near = alike(name, table.texts.column_names)
                also = f", but {near!r}; rename it" if near else ""
                reason = (
                    f"{name}: the synthetic table has no such column{also}, so nothing says which rows of one "
                    f"{schema.unit} belong together, and no histories are judged"
                )
                score = _failed("input.column", name, reason)
                return schema.model_copy(update={"visits": None}), (score,)
    return schema, ()


def unfolded(table: Brought) -> tuple[Score, ...]:
    """Of several tables: rows that point to nothing fail, others that no visit says are told."""
    total = max(1, table.texts.num_rows)
    return tuple(
        _failed("input.keys", note.table, str(note))
        if note.fatal
        else _share(
            "input.unfolded", note.rows, max(total, note.rows), f"{note.table}: rows {note.why}"
        )
        for note in table.unfolded
    )


def naming(schema: Schema) -> tuple[str, ...]:
    """The identifiers that rows need to make histories: whose they are, and where one puts them in order."""
    if schema.visits is None or schema.unit is None:
        return ()
    order = schema.visits.order
    ordered = order is not None and isinstance(schema.columns[order], Identifier)
    return (schema.unit, order) if ordered and order else (schema.unit,)


def _failed(metric: str, detail: str, reason: str) -> Score:
    return Score(metric=metric, detail=detail, status="failed", reason=reason, **FREE)


def fit(table: Brought, schema: Schema) -> Fitted:
    """Bring one synthetic table under a complete schema whose modelled columns it has.

    With visits the frame holds the unit too, and the rows of one stand together, in order.
    """
    total = table.texts.num_rows
    lenient = schema.model_copy(
        update={"columns": {n: _lenient(schema.columns[n]) for n in schema.modelled}}
    )
    texts, taken = {}, []
    for name, column in lenient.columns.items():
        found = _nothing_as_null(table.texts[name].to_pandas().astype(object), column)
        texts[name], bent = respelled(found, name, lenient)
        taken += bent
    rows = pa.table({n: pa.array(t, pa.string()) for n, t in texts.items()})
    frame, findings = conform(rows, lenient)
    taken += [_moved(f, lenient.columns[f.column]) for f in findings if f.action != "refused"]
    scores = [_share(t.metric, t.rows, total, t.column) for t in taken]
    refused = _refused(findings)
    bad, unread = np.zeros(total, dtype=bool), {}
    for name, first in refused.items():
        column = lenient.columns[name]
        missing = texts[name].isin([*column.missing_values, NULL]).to_numpy()
        unfit = frame[name].isna().to_numpy() & ~(missing & (column.missing == "keep"))
        why = f"{name}: {first.problem} {first.value[:40]!r}"
        scores.append(_share("input.unfit", int(unfit.sum()), total, why))
        if unfit.sum() > UNREAD * (unfit | ~missing).sum():
            unread[name] = _why_unread(float(unfit.mean()), first, column, table.form)
        bad |= unfit
    for name in naming(schema):
        found = table.texts[name].to_pandas().astype(object)
        frame[name] = found
        nobody = found.isin([*NOTHING, NULL]).to_numpy()
        if nobody.any():
            scores.append(_share("input.unfit", int(nobody.sum()), total, f"{name}: is missing"))
        bad |= nobody
    return Fitted(
        together(frame[~bad].reset_index(drop=True), schema),
        (*scores, _overall(bad, table.path, refused)),
        unread,
        _in_words(table, taken, bad),
    )


def together(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The rows of each unit next to each other and in order, where the schema has visits; else as they are."""
    if schema.visits is None:
        return frame
    return frame.iloc[in_order(frame, schema, frame[schema.unit].to_numpy())].reset_index(drop=True)


def _refused(findings: Sequence[Finding]) -> dict[str, Finding]:
    """By column the way in which most of its rows do not fit."""
    found: dict[str, Finding] = {}
    for f in findings:
        if f.action == "refused" and (f.column not in found or f.rows > found[f.column].rows):
            found[f.column] = f
    return found


def _lenient(column: Column) -> Column:
    """The column with numbers and dates beyond its bounds clamped."""
    if isinstance(column, Numeric | Datetime):
        return column.model_copy(update={"out_of_range": "clamp"})
    return column


def _moved(finding: Finding, column: Column) -> Bent:
    """What the schema itself makes of values that it does not hold."""
    if finding.action == "local":
        return Bent(SPELLING, finding.column, finding.rows, finding.value, "its local time")
    if finding.action == "clamped":
        return Bent(
            "input.clamped", finding.column, finding.rows, finding.value, "the nearest bound"
        )
    other = repr(column.other) if isinstance(column, Categorical) else ""
    return Bent("input.mapped", finding.column, finding.rows, finding.value, other)


def _why_unread(share: float, first: Finding, column: Column, form: Csv) -> str:
    """Why a column is judged as if it were absent, and what would help."""
    if first.problem == MISSING:
        return f"{_percent(share)} of rows hold no value, and the schema lets none be missing"
    if isinstance(column, Categorical):
        known = ", ".join(map(repr, (column.categories or ())[:3]))
        remedy = f"it knows {known}{' …' if len(column.categories or ()) > 3 else ''}"
        if not first.value.isascii() and form.encoding != "utf-8":
            remedy += f"; where the file is UTF-8, say {spelled(form.model_copy(update={'encoding': 'utf-8'}))}"
    elif isinstance(column, Datetime):
        remedy = f"write dates as {column.written.text(column.bounds[0])}"
    else:
        remedy = "write plain numbers, as 1234.5"
        if DECIMAL_COMMA(first.value) and form.decimal == ".":
            comma = spelled(form.model_copy(update={"decimal": ","}))
            remedy += f", or where the comma stands before decimals, say {comma}"
    return (
        f"{_percent(share)} of rows hold values the schema does not know, first {first.value[:40]!r};"
        f" {remedy}"
    )


def _percent(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


def _in_words(table: Brought, taken: Sequence[Bent], bad: np.ndarray) -> str:
    """One line: how the file was read, what was taken for what, and what was left out; "" for nothing."""
    total = len(bad)
    said = [f"{b.column} {b.text[:20]!r} as {b.taken_for} ({_rows(b.rows, total)})" for b in taken]
    parts = [table.written(), f"taken: {', '.join(said)}" if said else ""]
    parts.append(f"left out: {_rows(int(bad.sum()), total)}" if bad.any() else "")
    return "; ".join(p for p in parts if p)


def _rows(rows: int, total: int) -> str:
    return "all rows" if rows == total else f"{rows:,} of {total:,} rows"


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


def _share(metric: str, rows: int, total: int, detail: str) -> Score:
    return Score(metric=metric, value=rows / total, detail=detail, **FREE)


def _overall(bad: np.ndarray, path: Path, refused: Mapping[str, Finding]) -> Score:
    share = float(bad.mean()) if len(bad) else 0.0
    if share > MOST_UNFIT:
        worst = max(refused.values(), key=lambda f: f.rows)
        reason = (
            f"{_percent(share)} of the synthetic rows hold values that the schema does not know, most of them"
            f" in {worst.column}, first {worst.value[:40]!r}"
        )
        return _failed("input.unfit_rows", path.name, reason)
    return Score(metric="input.unfit_rows", value=share, detail=path.name, **FREE)
