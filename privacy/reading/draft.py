"""A first schema for a table nobody has described yet, read from its private rows.

Privacy claim: none, on purpose. What a draft holds is private until a person has confirmed, value
by value, that it is public knowledge; ``load_schema`` refuses it until then.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from privacy.errors import DataError, InputError
from privacy.reading.arrays import holds_arrays
from privacy.reading.formats.holders import called
from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.column import guess, pointed_texts, scale_of, times_of
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.missing import MISSING
from privacy.reading.guesses.names import NAMES_A_PERSON
from privacy.reading.guesses.people import counting, followed, is_named, protected, whose_rows
from privacy.reading.guesses.roles import Role, roles
from privacy.reading.guesses.ties import ties
from privacy.reading.guesses.times import DATE
from privacy.reading.numerals import have_commas
from privacy.reading.read import read_any
from privacy.reading.repeats import LEAST, Drafted, repeats
from privacy.schema.schema import DRAFT_MARK, Csv

MOST_TOLD = 3
"""Columns of which an error tells."""

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
class Draft:
    """``text``: a schema as YAML, with every private value marked. ``told``: lines for whoever asked for it."""

    text: str
    told: tuple[str, ...] = ()


@dataclass(frozen=True)
class Guesses:
    """What each column is: its lines, what ``repeats`` has to know of it, and of dates what texts say.

    ``told``: what a person should know of a column at once. ``left_out``: why a column is better dropped.
    """

    lines: dict[str, list[str]]
    drafted: dict[str, Drafted]
    dates: dict[str, dict[str, dt.datetime]]
    told: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def draft_schema(path: Path, form: Csv = Csv(), unit: str | None = None) -> Draft:  # noqa: B008 (frozen)
    """A schema with every value read from private rows marked; see ``HEADER``.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises DataError for a
    file that cannot be read as a table, InputError for one of pictures, without that column, or of
    which nothing can be modelled.
    """
    check_tables([path])
    table = read_any(path, form, told="--{}".format)
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
    _refuse_without_values(path, guesses)
    dropped = _dropped(guesses, whose)
    named = (n for n in guesses.lines if NAMES_A_PERSON(n) and is_named(guesses.lines[n]))
    once = next(named, None)
    lines = [*head(called(path), form), *protected(whose, found, once), *_surplus(dropped)]
    for name in dropped:
        del guesses.lines[name]
    lines += described(guesses)
    lines += tied(table, guesses, whose)
    lines += followed(found) if found and whose and (found.visits or found.several >= LEAST) else []
    told = [f"{name}: {said}" for name, said in guesses.told.items() if name not in dropped]
    told = [f"{name}: left out, {why}" for name, why in dropped.items()] + told
    return Draft("\n".join([*lines, ""]), (*whose_rows(whose, found), *told))


def _refuse_without_values(path: Path, guesses: Guesses) -> None:
    """Raise InputError for a table of which nothing could be modelled."""
    if all(map(is_named, guesses.lines.values())):
        why = {n: guesses.told.get(n, "nearly every row has its own value") for n in guesses.lines}
        told = "; ".join(f"{name}: {said}" for name, said in [*why.items()][:MOST_TOLD])
        raise InputError(f"{path}: no column of it can be modelled: {told}")


def _dropped(guesses: Guesses, unit: str | None) -> dict[str, str]:
    """Columns that are left out, and why; none where nothing would be left to model."""
    dropped = {n: why for n, why in guesses.left_out.items() if n != unit}
    rest = [n for n in guesses.lines if n not in dropped and n != unit]
    modelled = any(not is_named(guesses.lines[n]) for n in rest)
    return dropped if modelled else {}


def _surplus(dropped: Mapping[str, str]) -> list[str]:
    if not dropped:
        return []
    lines = ["surplus_columns: drop  # left out, since nothing can be learnt from them or may be:"]
    return [*lines, *(f"#   {quoted(name)}: {why}" for name, why in dropped.items())]


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
        mixed = form.decimal == "." and not pointed.equals(texts)
        guessed = guess(name, pointed, np.asarray(counts.field("counts")), mixed)
        lines = guessed.lines
        if any(line.startswith(DATE) for line in lines):
            found.dates[name] = times_of(texts)
        scale = scale_of(lines, pointed, found.dates.get(name, {}))
        found.lines[name] = lines
        found.drafted[name] = _drafted(lines, dict(zip(texts, scale, strict=True)))
        found.told.update({name: guessed.told} if guessed.told else {})
        found.left_out.update({name: guessed.left_out} if guessed.left_out else {})
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
    return [*lines, *roles([*_roles(guesses)], f"  {DRAFT_MARK}")]


def _roles(guesses: Guesses) -> Iterable[Role]:
    """What the lines say of categories and bounds."""
    for name, lines in guesses.lines.items():
        said = yaml.safe_load("\n".join(lines))
        categories = said.get("categories")
        if categories is not None:
            yield Role(name, tuple(categories))
        elif said["kind"] in ("integer", "float"):
            low, high = said["bounds"]
            yield Role(name, bounds=(low, high), whole=said["kind"] == "integer")


def tied(table: pa.Table, guesses: Guesses, unit: str | None) -> list[str]:
    """Relations that all rows keep, as comments."""
    drafted = guesses.drafted
    modelled = [n for n in guesses.lines if drafted[n].kind != "identifier" and n != unit]
    numbers = {n: drafted[n].scale for n in modelled if drafted[n].kind in ("integer", "float")}
    dates = {n: times for n, times in guesses.dates.items() if n in modelled}
    found = ties(table.select(modelled), dates, numbers, [*MISSING, NULL])
    tied = [f"#  - {quoted(one)}  {DRAFT_MARK}" for one in found]
    return ["# relations:", *tied] if tied else []


def _drafted(lines: list[str], scale: dict[str, float]) -> Drafted:
    """What ``repeats`` has to know of a column."""
    kind = lines[0].split()[1]
    gaps = any(line.strip().startswith("missing:") for line in lines)
    return Drafted(kind, {t: x for t, x in scale.items() if np.isfinite(x)}, gaps)
