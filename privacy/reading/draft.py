"""A first schema for a table nobody has described yet, read from its private rows.

Privacy claim: none, on purpose. What a draft holds is private until a person has confirmed, value
by value, that it is public knowledge; ``load_schema`` refuses it until then.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from privacy.errors import DataError, InputError
from privacy.reading.arrays import holds_arrays
from privacy.reading.formats.holders import called
from privacy.reading.guessed import (
    DATE,
    MISSING,
    lines_of,
    numeric_lines,
    pointed_texts,
    quoted,
    scale_of,
    times_of,
)
from privacy.reading.numerals import have_commas, have_points
from privacy.reading.read import NULL, SEPARATORS, first_line, is_typed, read_any
from privacy.reading.repeats import KEPT, Drafted, Repeats, repeats
from privacy.reading.ties import ties
from privacy.schema.schema import DRAFT_MARK, Csv

HEADER = f"""\
# THIS DRAFT WAS READ FROM PRIVATE ROWS. DO NOT PUBLISH IT, AND DO NOT RELEASE WITH IT AS IT IS.
#
# A schema may only say what is public. A category, a bound or a missing value that is copied from
# the rows gives people away, and no noise added later takes that back. Go through the columns:
#   * Every line marked "{DRAFT_MARK[2:]}" holds such a copy. Replace it by what
#     the documentation says, or by a natural range, or make sure that it is public; then take the
#     mark away. Do the same with the names of the columns and with the kinds, which are guesses.
#   * Delete what must not be modelled (and set surplus_columns: drop).
#   * Say who is protected (unit), what is to be predicted (targets) and whom the release must
#     serve (subgroups).
# When every value is confirmed, delete the line `draft:`. Until then the schema is refused.
"""


@dataclass(frozen=True)
class Guesses:
    """What each column is: its lines, what ``repeats`` has to know of it, and of dates what texts say."""

    lines: dict[str, list[str]]
    drafted: dict[str, Drafted]
    dates: dict[str, dict[str, dt.datetime]]


def draft_schema(path: Path, form: Csv = Csv(), unit: str | None = None) -> str:  # noqa: B008 (frozen)
    """A schema as YAML, with every value read from private rows marked; see ``HEADER``.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises DataError for a
    file that cannot be read as a table, InputError for one of pictures, or without that column.
    """
    check_tables([path])
    table = read_any(path, form)
    if table.num_rows == 0:
        raise DataError(f"{path}: no rows to draft a schema from")
    if unit is not None and unit not in table.column_names:
        raise InputError(f"{path}: has no column {unit!r}; it has {', '.join(table.column_names)}")
    guesses = guesses_of(table, form)
    found = repeats(table, guesses.drafted, unit)
    whose = unit or (found.unit if found and found.sure else None)
    if whose is not None:
        guesses.lines[whose] = ["    kind: identifier"]
        guesses.lines.update(counting(found, guesses.drafted) if found else {})
    lines = [*head(called(path), form), *protected(whose, found), *described(guesses)]
    lines += tied(table, guesses, whose)
    lines += followed(found) if found and whose else []
    return "\n".join([*lines, ""])


def form_of(path: Path, form: Csv) -> Csv:
    """How a file seems to be written: with another usual separator where by ``form`` it has one column, and
    with decimal commas where some numbers have them and none has a point.
    """
    if is_typed(path):
        return form
    others = (form.model_copy(update={"separator": s}) for s in SEPARATORS)
    best = form if len(first_line(path, form)) > 1 else max(others, key=partial(_columns, path))
    if _columns(path, best) < 2:
        return form
    table = read_any(path, best)
    commas = any(pc.any(have_commas(c)).as_py() for c in table.columns)
    points = any(pc.any(have_points(c)).as_py() for c in table.columns)
    return best.model_copy(update={"decimal": ","}) if commas and not points else best


def _columns(path: Path, form: Csv) -> int:
    """How many columns the first line names."""
    try:
        return len(first_line(path, form))
    except DataError:
        return 0


def check_tables(paths: Iterable[Path]) -> None:
    """Raise InputError for a file of pictures."""
    for path in paths:
        if holds_arrays(path):
            raise InputError(
                f"{path}: a schema with pictures is written by hand, as configs/schemas/mnist.yaml is; only"
                " tables are drafted"
            )


def guesses_of(table: pa.Table, form: Csv = Csv()) -> Guesses:  # noqa: B008 (frozen)
    """Every column by itself."""
    found = Guesses({}, {}, {})
    for name in table.column_names:
        counts = pc.value_counts(table[name])
        texts = pd.Series(counts.field("values").to_pylist(), dtype=object)
        commas = form.decimal == "," or pc.any(have_commas(table[name])).as_py()
        pointed = pointed_texts(texts) if commas else texts
        lines = lines_of(pointed, np.asarray(counts.field("counts")))
        if form.decimal == "." and not pointed.equals(texts):
            lines[0] += (
                "  # decimals after a comma, and elsewhere after a point: write the file in one way"
            )
        if any(line.startswith(DATE) for line in lines):
            found.dates[name] = times_of(texts)
        scale = scale_of(lines, pointed, found.dates.get(name, {}))
        found.lines[name] = lines
        found.drafted[name] = _drafted(lines, dict(zip(texts, scale, strict=True)))
    return found


def head(name: str, form: Csv) -> list[str]:
    """The first lines, for a file that is called so."""
    stem = re.sub(r"[^a-z0-9_-]+", "_", name.lower().split(".")[0]).lstrip("0123456789_-")
    lines = [HEADER, "draft: unconfirmed", f"name: {quoted(stem[:63] or 'draft')}"]
    lines += ["description: ''", "source: ''  # where each value below is published"]
    if written := form.model_dump(exclude_defaults=True):
        lines += [f"csv: {quoted(written)}"]
    return lines


def described(guesses: Guesses, named: Collection[str] = ()) -> list[str]:
    """All columns. ``named``: those that are called by what rows say."""
    lines = ["columns:"]
    for name, column in guesses.lines.items():
        mark = f"  {DRAFT_MARK}" if name in named else ""
        lines += [f"  {quoted(name)}:{mark}", *column]
    return [*lines, "targets: []", "subgroups: []"]


def tied(table: pa.Table, guesses: Guesses, unit: str | None) -> list[str]:
    """Relations that all rows keep, as comments."""
    drafted = guesses.drafted
    modelled = [n for n in guesses.lines if drafted[n].kind != "identifier" and n != unit]
    found = ties(table.select(modelled), guesses.dates, [*MISSING, NULL])
    tied = [f"#  - {quoted(one)}  {DRAFT_MARK}" for one in found]
    return ["# relations:", *tied] if tied else []


def protected(unit: str | None, found: Repeats | None) -> list[str]:
    """Who is protected, and by how many rows."""
    if unit is None:
        lines = [
            "# unit: the identifier column that names the person, where a person has several rows"
        ]
        if found is not None:
            lines += [
                f"# is it {quoted(found.unit)}? then draft again with --unit {quoted(found.unit)}"
            ]
        return lines
    if found is None:  # named, and nobody has two rows
        return [f"unit: {quoted(unit)}", "max_rows_per_unit: 1"]
    lines = [
        f"unit: {quoted(unit)}  # whoever shares a value of it is protected as one  {DRAFT_MARK}"
    ]
    if found.enough < found.most:
        lines += [
            f"# noise grows with max_rows_per_unit; {found.enough} would keep {KEPT:.0%} of the rows  "
            f"{DRAFT_MARK}"
        ]
    return [*lines, f"max_rows_per_unit: {found.most}  {DRAFT_MARK}"]


def counting(found: Repeats, drafted: Mapping[str, Drafted]) -> dict[str, list[str]]:
    """The columns that count or order rows: numbers, though they may have few values.

    What counts rows has a bin for each: nothing of it is measured, as it follows from the rows.
    """
    lines = {}
    order, numbered = found.visits.get("order", found.unit), found.visits.get("numbered", ())
    if drafted[order].kind == "categorical" and order != found.unit:
        texts = pd.Series(list(drafted[order].scale), dtype=object)
        numbers = np.array(list(drafted[order].scale.values()))
        lines[order] = numeric_lines(texts, numbers, [], len(texts))
    for name in numbered:
        lines[name] = [
            "    kind: integer",
            f"    bounds: [1, {found.most}]  {DRAFT_MARK}",
            f"    bins: {found.most}  {DRAFT_MARK}",
            "    out_of_range: clamp",
        ]
    return lines


def followed(found: Repeats) -> list[str]:
    """How the rows of a unit follow one another, as far as the rows show it."""
    lines = [
        f"visits:  # rows of one {found.unit} become a history; without it they are drawn as strangers"
    ]
    if not found.visits:
        lines = [lines[0].replace("visits:", "visits: {}", 1)]
    lines += [f"  {name}: {quoted(value)}  {DRAFT_MARK}" for name, value in found.visits.items()]
    for name, (changing, several) in found.nearly.items():
        lines += [
            f"  # constant but for {changing} of {several} units with several rows: {quoted(name)}; if it is "
            f"listed, the first row's value counts  {DRAFT_MARK}"
        ]
    if "order" not in found.visits:
        lines += [
            "  # order: no column puts the rows of a unit in order, so they stay as they stand"
        ]
    return lines


def _drafted(lines: list[str], scale: dict[str, float]) -> Drafted:
    """What ``repeats`` has to know of a column."""
    kind = lines[0].split()[1]
    gaps = any(line.strip().startswith("missing:") for line in lines)
    return Drafted(kind, {t: x for t, x in scale.items() if np.isfinite(x)}, gaps)
