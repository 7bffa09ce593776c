"""Private rows held against a schema before a release: what it would refuse, clamp or map, and what is odd.

Privacy claim: none; what it finds quotes private rows and stays in the house.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from evaluators.assessable import Unassessed, smallest, unassessed
from evaluators.original.unsaid import unsaid_orders
from evaluators.tables import MIN_EVENTS, MIN_PEOPLE
from flows.checking.checked import Checked, Remark
from flows.checking.odd import MOST_SHOWN, odd_texts, odd_values
from flows.frames.visits import remarks, unkept
from flows.label.histories import REMEDY, unlinked
from flows.label.small_groups import SURE
from privacy.people.order import first_rows
from privacy.reading.conform import Finding, conform
from privacy.reading.folded import by_table
from privacy.reading.source import Source, read_source, read_tables
from privacy.records.broken import breaks
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import MISSING
from privacy.schema.schema import Schema

MANY = 0.1
"""A relation that a larger share of real rows breaks is probably none."""


def check(schema: Schema, files: Sequence[Path], holdout: float = 0.2) -> Checked:
    """What the schema makes of the rows of all files.

    ``holdout``: the share of people that a release holds out. Raises InputError for a file that is not there,
    DataError for one that cannot be read as a table of the schema.
    """
    source = _read(files, schema)
    source.check_pictures(schema)
    conformed, findings = conform(source.texts, schema)
    told = [*_hints(findings), *_units(source.texts, schema), *_unfolded(source)]
    told += odd_texts(source.texts, schema)
    refused = any(f.action == "refused" for f in findings) or any(n.fatal for n in source.unfolded)
    if not refused:
        frame = source.frame(conformed, schema, np.ones(len(conformed), dtype=bool))
        told += odd_values(frame, schema)
        told += [*_relations(frame, schema), *_visits(frame, schema), *_impossible(frame, schema)]
        told += _people(frame, schema, holdout)
    return Checked(source.texts.num_rows, tuple(findings), tuple(told), refused)


def _read(files: Sequence[Path], schema: Schema) -> Source:
    """All rows; of tables that belong together, whatever they leave unsaid."""
    tables = by_table(files, schema)
    return read_tables(tables, schema) if tables else read_source(tuple(files), schema)


def _hints(findings: Sequence[Finding]) -> Iterator[Remark]:
    """What would help, of columns alike in one line."""
    by_hint: dict[str, list[str]] = {}
    for finding in findings:
        if finding.hint:
            by_hint.setdefault(finding.hint, []).append(finding.column)
    for hint, columns in by_hint.items():
        more = f" and {len(columns) - MOST_SHOWN} more" if len(columns) > MOST_SHOWN else ""
        yield Remark("value", f"{', '.join(columns[:MOST_SHOWN])}{more}: {hint}")


def _units(texts: pa.Table, schema: Schema) -> Iterator[Remark]:
    if schema.unit is None:
        return
    most, rows = schema.max_rows_per_unit, texts[schema.unit].value_counts().field("counts")
    dropped = sum(max(0, n - most) for n in rows.to_pylist())
    yield Remark(
        "unit",
        f"{len(rows)} units; max_rows_per_unit is {most}: {dropped} of their rows will not be used",
    )
    if said := unlinked(schema):
        yield Remark("unlinked", f"{said} {REMEDY}.")


def _unfolded(source: Source) -> Iterator[Remark]:
    for note in source.unfolded:
        refused = "; a release refuses such files" if note.fatal else ""
        yield Remark("tables", f"tables: {note}{refused}")


def _relations(frame: pd.DataFrame, schema: Schema) -> Iterator[Remark]:
    for relation in schema.relations:
        _, broken = breaks(frame, schema, relation)
        if not broken.any():
            continue
        many = (
            "that is many: the relation is not one of these data, or counts otherwise (seconds where"
            " dates have times); correct it or leave it out before a release"
        )
        yield Remark(
            "relations",
            f"relations: {int(broken.sum())} of {len(frame)} rows break {relation.says!r}, first row"
            f" {int(broken.argmax()) + 1}; a release repairs each by itself, and no synthetic row breaks it",
            (many,) if broken.mean() > MANY else (),
        )
    for low, high, strict in unsaid_orders(frame, schema):
        order = f"{{order: [{low}, {high}]{', strict: true' if strict else ''}}}"
        yield Remark(
            "relations",
            f"relations: nearly all rows keep {low} {'<' if strict else '≤'} {high}, which the schema does "
            "not say and a release is judged by; where it is so by nature, add to `relations:`  - "
            f"{order}",
        )


def _visits(frame: pd.DataFrame, schema: Schema) -> Iterator[Remark]:
    for line in (*unkept(frame, schema), *remarks(frame, schema)):
        yield Remark("visits", f"visits: {line}")


def _impossible(frame: pd.DataFrame, schema: Schema) -> Iterator[Remark]:
    rows = impossible_rows(frame, schema)
    if rows.any():
        yield Remark(
            "impossible",
            f"impossible: {int(rows.sum())} of {len(frame)} rows meet a combination that the schema"
            f" rules out, first row {int(rows.argmax()) + 1}",
        )


def _people(frame: pd.DataFrame, schema: Schema, holdout: float) -> Iterator[Remark]:
    """Whom too few people would stand behind, of those who are held out."""
    units = np.arange(len(frame)) if schema.unit is None else pd.factorize(frame[schema.unit])[0]
    counted = first_rows(frame, schema, units)
    rows, whose = frame[counted].reset_index(drop=True), units[counted]
    small = unassessed(rows, whose, schema, holdout)
    if small:
        yield Remark(
            "people",
            f"with {holdout:g} of the people held out, too few would be there to assess these; a release asks "
            "for --accept-unassessed, or take wider bands, merged categories, or a larger `holdout:`",
            (*map(str, small), *_without_value(small)),
        )
        if holdout > 0:
            yield Remark("people", f"{smallest(holdout)}.")
    told = {(u.group, u.target) for u in small}
    scarce = unassessed(rows, whose, schema, holdout / SURE)
    if left := [u.name for u in scarce if (u.group, u.target) not in told]:
        yield Remark(
            "people",
            f"the card goes by synthetic rows, whose counts are noisy, and claims nothing of a group under "
            f"{SURE * MIN_PEOPLE} people held out, {SURE * MIN_EVENTS} with the outcome and as many without; "
            f"by these rows nothing of {', '.join(left)}",
        )


def _without_value(small: Sequence[Unassessed]) -> Iterator[str]:
    """What to do about a group of people without a value of which there is hardly anybody."""
    empty = [u.group.partition("=")[0] for u in small if u.group.endswith(f"={MISSING}")]
    if names := ", ".join(dict.fromkeys(empty)):
        yield f"where everybody has a value of {names}: `missing: refuse`, and there is no group without one"
