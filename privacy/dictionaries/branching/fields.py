"""Fields of a dictionary with what their branching logic says: what ``impossible:`` is made from.

Privacy claim: none; a data dictionary holds no row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from privacy.dictionaries.answers import Row, answers, box
from privacy.dictionaries.branching.comparisons import Asked, failing
from privacy.dictionaries.branching.logic import Comparison, parsed
from privacy.dictionaries.branching.ways import Part, Way, ways
from privacy.dictionaries.field import Field
from privacy.dictionaries.written import any_value


def branched(fields: Sequence[Field], rows: Mapping[str, Row], labels: bool) -> tuple[Field, ...]:
    """Fields with what their branching logic says. ``rows``: by column, the line of the dictionary."""
    columns = {f.name: f for f in fields}
    lines = {row["name"]: row for row in rows.values()}
    return tuple(_branched(f, rows[f.name], columns, lines, labels) for f in fields)


def _branched(
    field: Field,
    row: Row,
    columns: Mapping[str, Field],
    lines: Mapping[str, Row],
    labels: bool,
) -> Field:
    if not row["branching"]:
        return field

    def failing_of(told: Comparison) -> list[Way | None]:
        line = lines.get(told.field)
        name = told.field if told.choice is None else f"{told.field}___{box(told.choice)}"
        of = columns.get(name)
        if line is None or of is None or line is row or of.kind in ("identifier", "left out"):
            return [None]
        beside = line["form"] == row["form"]
        return [*failing(told, Asked(of, answers(line, labels, told.choice), beside))]

    logic = parsed(row["branching"])
    # A calculation is kept where its field is hidden
    if logic is None or row["type"].lower() == "calc" or any_value(field) is None:
        return replace(field, unsaid=row["branching"])
    found, all_said = ways(logic, failing_of)
    unless = tuple({n: condition(p, columns[n]) for n, p in way.items()} for way in found)
    return replace(field, unless=unless, unsaid="" if all_said else row["branching"])


def condition(part: Part, field: Field) -> dict[str, object]:
    """A part of a column's values as ``impossible:`` takes it."""
    found: dict[str, object] = {}
    if part.values is not None and part.values:
        found["values"] = [c for c in field.categories or () if c in part.values]
    elif not part.is_empty and math.isinf(part.low) and math.isinf(part.high):
        found |= any_value(field) or {}
    elif not part.is_empty:
        ends = {"min": part.low, "max": part.high}
        form = int if field.kind == "integer" else float
        found |= {name: form(end) for name, end in ends.items() if math.isfinite(end)}
    return {**found, "missing": True} if part.missing else found
