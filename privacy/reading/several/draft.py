"""A first schema for several files that belong together, read from their private rows.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from privacy.errors import InputError
from privacy.reading.draft import Draft, check_tables, described, guesses_of, head, tied
from privacy.reading.formats.strict import NULL
from privacy.reading.guesses.categories import listing
from privacy.reading.guesses.column import MOST_NUMBER_CATEGORIES, kind_of
from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.missing import kept
from privacy.reading.guesses.numbers import are_numbers, numeric_lines
from privacy.reading.guesses.people import counting, followed, protected
from privacy.reading.numerals import numbers_in
from privacy.reading.repeats import Repeats, repeats
from privacy.reading.several.kinds import ABSENT
from privacy.reading.several.proposal import FLAG, Proposal, proposed
from privacy.schema.schema import DRAFT_MARK, Csv
from privacy.schema.tables import Slot, Table

NAMES = ["    kind: identifier"]
TELLS = ["    kind: categorical", f"    categories: {quoted([*FLAG])}  # it is not there, it is"]


def draft_of_several(
    paths: Sequence[Path],
    form: Csv = Csv(),  # noqa: B008 (frozen)
    unit: str | None = None,
) -> Draft:
    """A schema for files of units, of their visits and of what belongs to either.

    ``unit``: the column that names whoever is protected; guessed where it is left out. Raises InputError for
    files that do not belong together, DataError for what is in them.
    """
    check_tables(paths)
    several = proposed(paths, form, unit)
    guesses = guesses_of(several.rows)
    lines = guesses.lines
    lines |= {n: _like(several.rows, [n], n) for n in several.units}
    for table in several.tables.values():
        for names in table.values.values():
            lines |= {n: _like(several.rows, names, n, missing=True) for n in names}
    lines |= dict.fromkeys(several.flags, TELLS)
    lines |= {n: NAMES for n in (several.unit, several.key) if n is not None}
    own = several.rows.select([several.unit, *several.visits])
    found = repeats(own, {n: guesses.drafted[n] for n in own.column_names}, several.unit)
    if found is None:
        raise InputError(
            f"{paths[0]}: nobody has two visits; join the files into one, with a row for each, and draft that"
        )
    lines |= counting(found, guesses.drafted)
    text = [*head(several.root, form), *protected(several.unit, found)]
    if several.left_out:
        text += ["surplus_columns: drop  # these of the files are in no column:"]
        text += [f"#   {n}: {', '.join(map(quoted, c))}" for n, c in several.left_out.items()]
    held = {n for t in several.tables.values() for n in t.held}
    text += [*described(guesses, held), *_impossible(several, lines)]
    text += tied(several.rows, guesses, several.unit)
    text += [*_visits(found, several), *_tables(several, paths)]
    told = tuple(f"{name}: {said}" for name, said in guesses.told.items() if name not in held)
    return Draft("\n".join([*text, ""]), told)


def _like(rows: pa.Table, names: Sequence[str], name: str, missing: bool = False) -> list[str]:
    """The lines of a column, of the kind that all columns are which are from one column of a file.

    ``missing``: whether it may be, though no row shows it.
    """
    texts = {n: pd.Series(pc.unique(rows[n]).to_pylist(), dtype=object) for n in names}
    every = pd.concat(list(texts.values())).drop_duplicates()
    lines = kind_of(every[~every.isin(ABSENT)])
    own = texts[name][~texts[name].isin(ABSENT)].reset_index(drop=True)
    finite = are_numbers(numbers_in(own))
    numeric = lines[0].split()[1] in ("integer", "float")
    few = max(map(len, texts.values())) <= MOST_NUMBER_CATEGORIES  # doses, of each drug
    if "    categories:" in lines or (numeric and few):
        lines = listing(own)
    elif numeric and finite.any():
        numbers = numbers_in(own[finite])
        if len(numbers) == 1:  # bounds increase, and those of another drug say nothing of this one
            numbers = np.append(numbers, numbers + 1)
        lines = numeric_lines(own[finite], numbers, sorted(own[~finite]))
    signs = sorted(t for t in texts[name] if t in ABSENT and t != NULL)
    gaps = missing or bool(texts[name].isin(ABSENT).any())
    return [*lines, *kept(signs or [""])] if gaps else lines


def _impossible(several: Proposal, lines: Mapping[str, list[str]]) -> list[str]:
    """What a row that is not there cannot say."""
    zeros = [
        {slot.where: {"values": [FLAG[0]]}, name: _all_of(lines[name])}
        for table in several.tables.values()
        for slot in table.rows
        if slot.where is not None
        for name in slot.values.values()
    ]
    if not zeros:
        return []
    title = "impossible:  # whoever changes lower bounds or categories of these columns changes it here, too"
    return [title, *(f"  - {quoted(zero)}  {DRAFT_MARK}" for zero in zeros)]


def _all_of(lines: list[str]) -> dict[str, Any]:
    """Every value of a column, as a condition: what is at least the lower bound, where it has bounds."""
    said = yaml.safe_load("\n".join(lines))
    if "categories" in said:
        return {"values": said["categories"]}
    return {"min": said["bounds"][0]}


def _visits(found: Repeats, several: Proposal) -> list[str]:
    """How visits follow one another; a column of the units' file is constant, whatever the rows show."""
    visits = dict(found.visits)
    own = visits.pop("constant", [])
    order = {"order": visits.pop("order")} if "order" in visits else {}
    constant = [*several.constant, *(own if several.plain else [])]
    said = {**order, **({"constant": constant} if constant else {}), **visits}
    lines = followed(replace(found, visits=said, nearly=found.nearly if several.plain else {}))
    if own and not several.plain:
        lines += [
            f"  # never changes within a {several.unit}: {', '.join(map(quoted, own))}; in the file of "
            f"{several.root} every synthetic one would keep it  {DRAFT_MARK}"
        ]
    return lines


def _tables(several: Proposal, paths: Sequence[Path]) -> list[str]:
    """What each file holds."""
    if several.plain:
        given = " ".join(f"--data {path.name}" for path in paths)
        return [f"# check and release it with both files ({given}), or with one that joins them"]
    lines = ["tables:  # each is called as its file; what belongs to what is a guess"]
    for name, table in several.tables.items():
        lines += [f"  # {line}  {DRAFT_MARK}" for line in several.told.get(name, ())]
        lines += [f"  {quoted(name)}:", *_said(table)] if table.of else [f"  {quoted(name)}: {{}}"]
    return lines


def _said(table: Table) -> Iterator[str]:
    for what, value in (("of", table.of), ("key", table.key), ("copies", dict(table.copies))):
        if value:
            yield f"    {what}: {quoted(value)}  {DRAFT_MARK}"
    if table.rows:
        yield "    rows:"
        yield from (f"      - {quoted(_row(slot))}  {DRAFT_MARK}" for slot in table.rows)


def _row(slot: Slot) -> dict[str, Any]:
    found = {"fixed": dict(slot.fixed), "where": slot.where, "values": dict(slot.values)}
    return {k: v for k, v in found.items() if v}
