"""What the schema leaves open about its columns, measured on the train rows under a charge.

Of numbers and dates that is how they lie inside their bins, with spikes and steps (``privacy.histogram``),
and the bins where there are none. Categories are those whose noisy count passes a threshold
(``privacy.partition_selection``); every other text becomes the declared ``other``. Which category determines
which is a table (``privacy.determined``). Where a column has a hierarchy, the codes of its lowest level are
counted first, and the rows of those that are not named are counted with their parents, level by level; what a
row becomes is its code's nearest ancestor that is named.

Privacy claim: ``measure_domain`` is δ-approximate ρ-zCDP; each open column takes an equal share of ρ and δ,
and what only the steps of histories say OF_STEPS shares of ρ. ``domain_event`` names it before the rows are
known, and where a unit is one row draw by draw: it then moves one count of each histogram, or of the
categories, by one, and a category that nobody else has is named with probability δ at most. What is drawn of
steps depends on what was found of starts, so there it is ρ alone.

The levels of a hierarchy take equal parts of their column's ρ and δ and are one mechanism each, one after the
other: which rows are counted at a level follows from the schema and from what was named at those before, never
from another row, so that whatever was named, k rows move the counts of a level by k at most, in L2 too, and
``partition_selection`` holds for it as it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from pydantic import ValidationError

from privacy.accounting.events import ApproximateZCDpEvent, DiscreteGaussianDpEvent
from privacy.determined import measured_table
from privacy.errors import InputError
from privacy.histogram.column import measured, questions
from privacy.histories.schemas import StepSchema, completed_by, start_schema, step_schema
from privacy.histories.tables import one_each, places, start_frame, step_frame
from privacy.ledger.paid import Paid
from privacy.noise import discrete_gaussian, gaussian_sigma
from privacy.partition_selection import threshold
from privacy.records.gaps import change_values, gap_values, only_following
from privacy.schema.codec import band_edges, make_bins
from privacy.schema.columns import CONTROL, MOST_DECLARED, Categorical, Column, Datetime, Numeric
from privacy.schema.hierarchy import FLAT
from privacy.schema.placing import gap_name, plan
from privacy.schema.relations import Determined
from privacy.schema.schema import Schema
from privacy.schema.visits import varying
from privacy.stored.rows import AnyRows, StoredRows, people_at_once

MAX_FOUND = 200
"""Most categories that partition selection may add at a level; the most frequent by noisy count."""

OF_STEPS = 2
"""How far a number moves, or when the next row comes, counts for so many columns: a history is drawn by it over
and over, and what noise adds is a leap."""


def to_measure(schema: Schema) -> tuple[str, ...]:
    """The columns, gaps and tables whose categories, bins, shape or values the schema leaves open, in order."""
    incomplete, following = set(schema.incomplete), only_following(schema)
    columns = (
        name
        for name, column in _all(schema).items()
        if name not in schema.known
        and (name in incomplete or (name not in following and _unshaped(column)))
    )
    return (*columns, *(table.name for table in _tables(schema)))


def _tables(schema: Schema) -> list[Determined]:
    """What one category says of another, where the schema does not know."""
    return [table for table in plan(schema).determined if table.table is None]


def _all(schema: Schema) -> dict[str, Column]:
    """Columns, gaps between them, and changes."""
    return {**schema.columns, **plan(schema).gaps, **schema.changes}


def _unshaped(column: Column) -> bool:
    """Whether bins hold several values of which nobody says how they lie."""
    if not isinstance(column, Numeric | Datetime) or column.shape is not None:
        return False
    if column.kind == "float" or column.bins is None:
        return True
    return bool((np.diff(make_bins(column).edges) > 1).any())


def parts(schema: Schema) -> tuple[Schema, ...]:
    """The tables that a schema's rows are measured as: starts and steps where it has visits.

    Raises InputError where what ties columns cannot be kept from row to row.
    """
    if schema.visits is None:
        return (schema,)
    try:
        return start_schema(schema), step_schema(schema)
    except ValidationError as error:
        told = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise InputError(f"visits: {told}, where a row is drawn given the one before") from None


def portion(schema: Schema) -> float:
    """The part of what a release sets aside for this that it takes: all where bins or categories are open."""
    names = sum(len(names) for _, names in _opened(schema))
    return 1.0 if schema.incomplete else min(1.0, names / len(schema.modelled))


def _opened(schema: Schema) -> list[tuple[Schema, tuple[str, ...]]]:
    """The tables, each with what is to be measured in it: what starts have told is no longer open in steps."""
    found: list[tuple[Schema, tuple[str, ...]]] = []
    for table in parts(schema):
        before = {name for _, names in found for name in names}
        found.append((table, tuple(n for n in to_measure(table) if n not in before)))
    return found


def domain_event(schema: Schema, rho: float, delta: float) -> DpEvent:
    """What ``measure_domain`` with the same arguments is charged as.

    Raises InputError for what it could not carry out, so that nothing is charged for it.
    """
    shares = _shares(schema, rho, delta)
    events = [
        _event(table, names, *share)
        for (table, names), share in zip(_opened(schema), shares, strict=True)
    ]
    return events[0] if len(events) == 1 else ComposedDpEvent(events)


def _shares(schema: Schema, rho: float, delta: float) -> list[tuple[float, float]]:
    """ρ and δ of each table, by what is to be measured in it, times OF_STEPS of the steps."""
    opened = _opened(schema)
    open_ = [
        len(names) * (OF_STEPS if isinstance(table, StepSchema) else 1) for table, names in opened
    ]
    texts = [len(_texts(table, names)) for table, names in opened]
    return [
        (rho * (n / max(1, sum(open_))), delta * (t / max(1, sum(texts))))
        for n, t in zip(open_, texts, strict=True)
    ]


def _event(schema: Schema, names: Sequence[str], rho: float, delta: float) -> DpEvent:
    """Of one table."""
    texts = _texts(schema, names)
    if not names:
        return NoOpDpEvent()
    k, each = schema.max_rows_per_unit, rho / len(names)
    levels = Counter((c.hierarchy or FLAT).levels for c in texts)
    for depth in levels:
        threshold(each / depth, delta / len(texts) / depth, k)
    if k > 1 or isinstance(schema, StepSchema):  # what starts gave shares out its ρ anew
        return ApproximateZCDpEvent(rho, delta) if texts else ZCDpEvent(rho)
    asked = Counter(questions(c) for c in _numeric(schema).values())
    draws = [(each / n, n * columns) for n, columns in sorted(asked.items())]
    draws += [(each / d, d * n) for d, n in sorted(levels.items())]
    draws += [(each, len(tables))] if (tables := _tables(schema)) else []
    once = [SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(r)), n) for r, n in draws]
    return ComposedDpEvent([*once, ApproximateZCDpEvent(0.0, delta)] if texts else once)


def _numeric(schema: Schema) -> dict[str, Numeric | Datetime]:
    """The numbers and dates among what is to be measured."""
    columns = _all(schema)
    return {n: c for n in to_measure(schema) if isinstance(c := columns.get(n), Numeric | Datetime)}


def selects_categories(schema: Schema) -> bool:
    """Whether any category list is open, which takes a share of δ."""
    return any(_texts(table, names) for table, names in _opened(schema))


def _texts(schema: Schema, names: Sequence[str]) -> list[Categorical]:
    """The columns among them whose categories are to be measured."""
    return [c for n in names if isinstance(c := schema.columns.get(n), Categorical)]


def measure_domain(rows: AnyRows, schema: Schema, rho: float, delta: float, paid: Paid) -> Schema:
    """The schema with every open column measured on ``rows`` of train.

    Of histories one row of each unit is measured, and one step, drawn by chance: then a unit is one row, and
    adds no more. Raises PermitError unless ``domain_event`` was paid for.
    """
    paid.covers(domain_event(schema, rho, delta))
    shares = _shares(schema, rho, delta)
    if schema.visits is None:
        return _measured(rows, schema, *shares[0], paid)
    table = start_schema(schema)
    starts = StoredRows.gathered(_rows_of_each(rows, schema), table.columns, rows.room)
    start = _measured(starts, table, *shares[0], paid, varying(schema))
    schema = completed_by(schema, start)
    table = step_schema(schema)
    steps = StoredRows.gathered(_steps_of_each(rows, schema), table.columns, rows.room)
    return completed_by(schema, _measured(steps, table, *shares[1], paid))


def _rows_of_each(rows: AnyRows, schema: Schema) -> Iterator[pd.DataFrame]:
    """Of each unit a row, as the table of starts has it."""
    for frame, units in people_at_once(rows):
        yield start_frame(frame, units, schema, one_each(units))


def _steps_of_each(rows: AnyRows, schema: Schema) -> Iterator[pd.DataFrame]:
    """Of each unit a step."""
    for frame, units in people_at_once(rows):
        later = units[places(units) > 1]
        yield step_frame(frame, units, schema).iloc[one_each(later)]


def _measured(
    rows: AnyRows,
    schema: Schema,
    rho: float,
    delta: float,
    paid: Paid,
    paired: Collection[str] = (),
) -> Schema:
    """One table, complete; ``paired``: columns that are asked for in a row and the next."""
    names = to_measure(schema)
    texts, k = _texts(schema, names), schema.max_rows_per_unit
    found: dict[str, Column] = {}
    columns, fewest = _all(schema), _fewest_decimals(schema)
    for name in (n for n in names if n in columns):
        column = columns[name]
        series = _values(rows, schema, name)
        if isinstance(column, Categorical):
            share = rho / len(names), delta / len(texts), k
            categories = paid.transcript.answer(
                ["categories", name, *share],
                partial(select_categories, series, column, *share),
            )
            found[name] = column.model_copy(update={"categories": tuple(categories)})
        else:
            assert isinstance(column, Numeric | Datetime)
            if name in {s.column for s in schema.subgroups}:  # its groups are those it declares
                column = column.model_copy(update={"spikes": column.spikes or ()})
            ask = paid.transcript.answer
            bands = band_edges(schema, name) if name in schema.columns else ()
            found[name] = measured(
                series, column, rho / len(names), k, ask, bands, fewest, name in paired
            )
    tables = {
        table.name: measured_table(
            pd.DataFrame({n: rows.column(n) for n in (table.by, table.determined)}),
            schema,
            table,
            rho / len(names),
            k,
            paid.transcript.answer,
        )
        for table in _tables(schema)
    }
    return schema.completed(found, tables)


def _values(rows: AnyRows, schema: Schema, name: str) -> pd.Series:
    """What is measured under that name."""
    if name in schema.columns:
        return rows.column(name)
    if name not in schema.changes:
        found = [gap_values(frame, schema, name) for frame in rows.batches()]
    else:
        of = next(n for before, n in schema.alike.items() if gap_name(before, n) == name)
        found = [change_values(frame, schema, of, name) for frame in rows.batches()]
    return pd.concat(found, ignore_index=True)


def _fewest_decimals(schema: Schema) -> int:
    """With fewer, numbers that differ would have no room, or be drawn from other gaps than are measured."""
    tied = plan(schema).relative
    for decimals in range(MOST_DECLARED):
        rounded = {
            n: c.model_copy(update={"decimals": decimals})
            if isinstance(c, Numeric) and c.kind == "float" and c.decimals is None
            else c
            for n, c in schema.columns.items()
        }
        try:
            if plan(schema.model_copy(update={"columns": rounded})).relative == tied:
                return decimals
        except ValueError:
            continue
    return MOST_DECLARED


def map_undeclared(frame: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """The frame with every category outside the complete schema as its nearest ancestor, or ``other``."""
    mapped = {}
    for name in schema.informative:
        column, series = schema.columns[name], frame[name]
        mapped[name] = declared(series, column) if isinstance(column, Categorical) else series
    return pd.DataFrame(mapped)


def declared(series: pd.Series, column: Categorical) -> pd.Series:
    """Each category outside a complete column as its nearest ancestor, or ``other``."""
    assert column.categories is not None
    there = series.notna()
    found: pd.Series = series.where(~there, series.map(column.nearest(series[there].unique())))
    return found


def select_categories(
    series: pd.Series, column: Categorical, rho: float, delta: float, k: int
) -> list[str]:
    """Texts whose noisy count passes the threshold, in alphabetical order, and ``other``.

    Of a hierarchy, level by level: who was not named at one is counted with the parent at its own.
    """
    assert column.other is not None
    hierarchy, named = column.hierarchy or FLAT, {column.other}
    share = rho / hierarchy.levels, delta / hierarchy.levels, k
    no_names = {column.other, *column.missing_values}
    rows = Counter(series.dropna().tolist())
    for level in range(hierarchy.levels):
        here = sorted(t for t in rows if hierarchy.level(t) == level)
        named |= _passing({t: rows[t] for t in here if is_name(t) and t not in no_names}, *share)
        for text in here:
            above = hierarchy.parent(text)
            if text not in named and above is not None:
                rows[above] += rows[text]
    return [*sorted(named - {column.other}), column.other]


def _passing(counts: dict[str, int], rho: float, delta: float, k: int) -> set[str]:
    """The most frequent names by noisy count, of those that reach the threshold."""
    rows = np.fromiter(counts.values(), dtype=np.int64, count=len(counts))
    noisy = dict(zip(counts, discrete_gaussian(rows, rho, k), strict=True))
    least = threshold(rho, delta, k)
    found = [name for name, n in noisy.items() if n >= least]
    return set(sorted(found, key=lambda name: (-noisy[name], name))[:MAX_FOUND])


def is_name(value: object) -> bool:
    """Whether a text could be a category at all: no missing value, no control character."""
    return isinstance(value, str) and CONTROL.search(value) is None
