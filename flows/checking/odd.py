"""What is odd in private rows that fit their schema: names that repeat, columns that say nothing, bins far too
wide; each with what to do about it.

Privacy claim: none; whatever is told here is known from private rows, and stays in the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from flows.checking.checked import Remark
from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.names import NAMES_A_PERSON
from privacy.schema.columns import Categorical, Datetime, Identifier, Image, Numeric
from privacy.schema.numbers import bounds_as_numbers, without_specials
from privacy.schema.schema import Classification, Schema, Survival, Target

MANY = 30
"""Fewer rows show nothing of the kind."""
NEARLY_UNIQUE = 0.5
"""Categories of which there are more than so many of all rows are names."""
MOST_SHOWN = 5
MOST_LINES = 8
"""Of more columns of which the like is to be said names are enough."""
WIDE = 10
"""Bounds so many times as wide as the values."""
ONE_BIN = 0.9
"""So many rows in one of several bins are hardly told apart."""
PRIVATE = "known from private rows, so do not publish it"


def odd_texts(texts: pa.Table, schema: Schema) -> Iterator[Remark]:
    """What shows before values are read: people, rows and columns."""
    yield from _names(texts, schema)
    yield from _equal_rows(texts, schema)
    yield from _short(
        remark
        for name, column in schema.columns.items()
        if not isinstance(column, Identifier | Image)
        for remark in _column(texts[name], name, column)
    )


def odd_values(frame: pd.DataFrame, schema: Schema) -> Iterator[Remark]:
    """What shows in canonical rows: targets with one answer, categories and bounds that nobody has."""
    for target in schema.targets:
        yield from _target(frame, target)
    known = {n: c for n, c in schema.columns.items() if isinstance(c, Categorical)}
    yield from _short(r for n, c in known.items() for r in _unused(frame[n], n, c))
    bounded = {n: c for n, c in schema.columns.items() if isinstance(c, Numeric | Datetime)}
    yield from _short(r for n, c in bounded.items() for r in _width(frame[n], n, c))


def _short(remarks: Iterable[Remark]) -> Iterator[Remark]:
    """The first of many remarks on columns, and which others there are."""
    all_of_them = list(remarks)
    yield from all_of_them[:MOST_LINES]
    if rest := all_of_them[MOST_LINES:]:
        names = ", ".join(dict.fromkeys(r.text.partition(": ")[0] for r in rest))
        yield Remark(rest[0].about, f"the same or alike is to be said of {len(rest)} more: {names}")


def _names(texts: pa.Table, schema: Schema) -> Iterator[Remark]:
    """An identifier that repeats where the schema names no unit."""
    if schema.unit is not None:
        return
    for name, column in schema.columns.items():
        named = isinstance(column, Identifier) or NAMES_A_PERSON(name)
        if not named or isinstance(column, Image):
            continue
        there = texts[name].filter(pc.invert(_missing(texts[name], column.missing_values)))
        rows = there.value_counts().field("counts") if len(there) else pa.array([], pa.int64())
        most = pc.max(rows).as_py() or 0
        if most > 1 and (isinstance(column, Identifier) or len(rows) > MANY):
            yield Remark(
                "unit",
                f"unit: {name} holds one value in up to {most} rows, and the schema names no unit, so each row "
                f"is protected by itself; if it names people: `unit: {name}` and `max_rows_per_unit: {most}`",
            )


def _equal_rows(texts: pa.Table, schema: Schema) -> Iterator[Remark]:
    frame = texts.to_pandas()
    again = frame.duplicated().to_numpy()
    if again.any() and _pairs_by_chance(frame) < 1:
        yield Remark(
            "rows",
            f"rows: {int(again.sum()):,} of {len(frame):,} rows equal an earlier one in every column, "
            f"first row {int(again.argmax()) + 1}; if they came twice by mistake, drop them before a release",
        )


def _pairs_by_chance(frame: pd.DataFrame) -> float:
    """How many pairs of rows would be equal if no column had to do with another."""
    found = len(frame) * (len(frame) - 1) / 2
    for name in frame.columns:
        found *= float((frame[name].value_counts(normalize=True, dropna=False) ** 2).sum())
    return found


def _missing(texts: pa.ChunkedArray, signs: Sequence[str]) -> pa.ChunkedArray:
    return pc.is_in(texts, value_set=pa.array([*signs, NULL], pa.string()))


def _column(
    texts: pa.ChunkedArray, name: str, column: Categorical | Numeric | Datetime
) -> Iterator[Remark]:
    """A column that says nothing, or one answer in several spellings, or another in nearly every row."""
    there = texts.filter(pc.invert(_missing(texts, column.missing_values)))
    distinct = pc.unique(there).to_pylist()
    if len(texts) >= MANY and not distinct:
        yield Remark(
            "columns", f"{name}: no row has a value; delete it from the schema, it only costs"
        )
    elif len(texts) >= MANY and len(distinct) == 1 and len(there) == len(texts):
        yield Remark(
            "columns", f"{name}: every row says the same; delete it from the schema, it only costs"
        )
    if not isinstance(column, Categorical):
        return
    if len(there) >= MANY and len(distinct) > max(MANY, NEARLY_UNIQUE * len(there)):
        yield Remark(
            "columns",
            f"{name}: {len(distinct):,} values in {len(there):,} rows, nearly one each, make no categories; "
            "`kind: identifier`, or delete it, or a `hierarchy:` for codes",
        )
    yield from _labels(distinct, name, column)
    known = {*(column.categories or ()), *column.aliases}
    plain = {_plain(c): c for c in column.categories or ()}
    odd = {t: plain[_plain(t)] for t in distinct if t not in known and _plain(t) in plain}
    if odd:
        more = f" and {len(odd) - MOST_SHOWN} more" if len(odd) > MOST_SHOWN else ""
        shown = ", ".join(f"{t!r}: {c!r}" for t, c in [*odd.items()][:MOST_SHOWN])
        yield Remark(
            "columns",
            f"{name}: differs from a declared category in case or blanks alone; `aliases: {{{shown}}}`{more}, "
            "or `csv: {strip: true}` for blanks",
        )


def _labels(distinct: Sequence[str], name: str, column: Categorical) -> Iterator[Remark]:
    """Labels in rows where a schema has codes, which its description explains: ``1 = Male; 2 = Female``."""
    known = {*(column.categories or ()), *column.aliases}
    told = (part.partition(" = ") for part in re.split(r"; |\. |\? ", column.description))
    codes = {label.strip(): code.strip() for code, _, label in told if code.strip() in known}
    odd = {t: codes[t] for t in distinct if t not in known and t in codes}
    if odd:
        shown = ", ".join(f"{t!r}: {c!r}" for t, c in [*odd.items()][:MOST_SHOWN])
        yield Remark(
            "columns",
            f"{name}: holds labels where the schema has codes; `aliases: {{{shown}}}`, or export codes, or "
            "make the schema with `understudy schema from … --labels`",
        )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _target(frame: pd.DataFrame, target: Target) -> Iterator[Remark]:
    """A target of which all rows have the same answer."""
    column = frame[target.columns[0]]
    known = column[column.notna()]
    if isinstance(target, Classification | Survival):
        wanted = target.positive if isinstance(target, Classification) else target.event_values
        events = int(known.isin(wanted).sum())
        if len(known) and events in (0, len(known)):
            what = "none is" if events == 0 else "all are"
            yield Remark(
                "targets",
                f"targets: of {len(known):,} rows with {target.name} {what} {' or '.join(wanted)}, so nothing "
                "can be predicted; correct the answers that count as the event, or take the target out",
            )
    elif len(known) and known.nunique() == 1:
        yield Remark(
            "targets",
            f"targets: all rows have the same {target.name}, so nothing can be predicted; take the target out",
        )


def _unused(series: pd.Series, name: str, column: Categorical) -> Iterator[Remark]:
    if column.categories is None or column.hierarchy is not None or len(series) < MANY:
        return
    held = set(series.dropna())
    nobody = [c for c in column.categories if c not in held and c != column.other]
    if nobody and held:
        shown = ", ".join(map(repr, nobody[:MOST_SHOWN]))
        more = f" and {len(nobody) - MOST_SHOWN} more" if len(nobody) > MOST_SHOWN else ""
        yield Remark(
            "private",
            f"{name}: nobody has {shown}{more} ({PRIVATE}); leave them declared, unless a document says that "
            "they do not occur",
        )


def _width(series: pd.Series, name: str, column: Numeric | Datetime) -> Iterator[Remark]:
    """Bounds or bins far wider than the values."""
    values = without_specials(series, column)
    values = values[np.isfinite(values)]
    if len(values) < MANY or np.ptp(values) == 0:
        return
    low, high = bounds_as_numbers(column)
    edges = _edges(column, low, high)
    if edges is None:
        if (times := (high - low) / np.ptp(values)) > WIDE:
            yield Remark(
                "private",
                f"{name}: bounds are {times:,.0f} times as wide as the values ({PRIVATE}) and cost accuracy; "
                "narrow them to what is natural or documented, not to what the rows hold",
            )
        return
    rows = np.bincount(np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 2))
    share = rows.max() / len(values)
    if share >= ONE_BIN and len(edges) > 2 and len(np.unique(values)) > MOST_SHOWN:
        yield Remark(
            "private",
            f"{name}: {share:.0%} of the rows lie in one of {len(edges) - 1} bins ({PRIVATE}), so that little "
            "else can depend on it; cut narrower bins at clinical limits, or have them measured (`bins: null`)",
        )


def _edges(column: Numeric | Datetime, low: float, high: float) -> np.ndarray | None:
    """The edges of declared bins; None where they are to be measured."""
    if column.bins is None:
        return None
    if isinstance(column.bins, int):
        return np.linspace(low, high, column.bins + 1)
    if isinstance(column, Datetime):
        stamps = pd.to_datetime(list(column.bins))
        seconds = stamps.to_numpy(dtype="datetime64[s]").astype(np.int64)
        inner = seconds // 86_400 if column.resolution == "day" else seconds
    else:
        inner = np.asarray(column.bins)
    return np.unique([low, *inner.astype(float), high])
