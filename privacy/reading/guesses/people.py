"""Who is protected, in the lines of a draft, and how the rows of one person follow one another.

Privacy claim: none, on purpose; see ``privacy.reading.draft``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.numbers import numeric_lines
from privacy.reading.repeats import KEPT, Drafted, Repeats
from privacy.schema.schema import DRAFT_MARK


def is_named(lines: Sequence[str]) -> bool:
    """Whether the lines of a column say that it names somebody or something."""
    return lines[0].split()[1] == "identifier"


def whose_rows(unit: str | None, found: Repeats | None) -> list[str]:
    """Who is protected, for whoever asked."""
    if found is None:
        return []
    if unit is None:
        return [
            f"{found.unit}: its values repeat. Does it name the people? Then draft again with --unit "
            f"{found.unit}: as it is, each row is protected by itself"
        ]
    return [
        f"{unit}: names the people, who have up to {found.most} rows each and are protected with all of them; "
        "without `unit` each row would be protected by itself"
    ]


def protected(unit: str | None, found: Repeats | None, once: str | None = None) -> list[str]:
    """Who is protected, and by how many rows. ``once``: a column that names people, each in one row."""
    if unit is None and found is None and once is not None:
        return [
            f"# unit: {quoted(once)}  # names the people, and nobody has two rows; say it where a later file",
            "#   may hold several of one person, who are then protected together",
        ]
    if unit is None:
        lines = [
            "# unit: the identifier column that names the person, where a person has several rows; without it",
            "#   each row is protected by itself, and what a person's rows say together is not",
        ]
        if found is not None:
            lines += [
                f"# is it {quoted(found.unit)}? then draft again with --unit {quoted(found.unit)}"
            ]
        return lines
    if found is None:  # named, and nobody has two rows
        return [f"unit: {quoted(unit)}", "max_rows_per_unit: 1"]
    lines = [
        "# without `unit` each row would be protected by itself, and what a person's rows say together not",
        f"unit: {quoted(unit)}  # whoever shares a value of it is protected as one  {DRAFT_MARK}",
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
        lines[order] = numeric_lines(texts, numbers, [])
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
