"""Which columns could be predicted, and whom a release could have to serve: examples, as comments.

Privacy claim: none; says again what a draft says of its columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privacy.reading.guesses.lines import quoted
from privacy.reading.guesses.names import AGE, SUBGROUPS, words

MOST_GROUPS = 12
MOST_SHOWN = 5
EVENTS = ("1", "yes", "true", "y", "dead", "died", "ja", "oui", "si", "positive", "event")
"""What the second of two values is called where it is what happened."""
CUTS = (18, 40, 65, 80)
"""Where ages are usually cut."""


@dataclass(frozen=True)
class Role:
    """A column that is modelled: its categories, or its bounds and whether it holds whole numbers."""

    name: str
    categories: tuple[str, ...] | None = None
    bounds: tuple[float, float] | None = None
    whole: bool = False


def roles(columns: Sequence[Role], mark: str = "") -> list[str]:
    """Examples of ``targets:`` and ``subgroups:`` that the columns allow, each ended by a mark."""
    people = [c for c in columns if _tells_people(c)]
    asked = [
        c
        for c in columns
        if c.categories is not None and len(c.categories) == 2 and c not in people
    ]
    lines = ["# targets:  # what is to be predicted, with the answer that counts as the event:"]
    lines += [f"#   - {quoted(_target(c))}{mark}" for c in asked[:MOST_SHOWN]]
    if len(asked) > MOST_SHOWN:
        lines += [f"#   … or another of {len(asked)} columns with two values"]
    if not asked:
        lines += [
            "#   - {task: classification, column: …, positive: [yes]}  # which? No other has two values"
        ]
    lines += [
        "# subgroups:  # whom the release must serve, each by itself; no value is one, unless `missing: refuse`"
    ]
    lines += [f"#   - {quoted(_group(c))}{mark}" for c in people[:MOST_SHOWN]]
    if not people:
        lines += ["#   - {column: …}  # sex, race, or age with bands: [18, 40, 65, 80]"]
    return lines


def _tells_people(column: Role) -> bool:
    name = words(column.name)
    if column.bounds is not None:
        low, high = column.bounds
        return AGE(name) is not None and any(low < cut < high for cut in CUTS)
    return (
        SUBGROUPS(name) is not None
        and column.categories is not None
        and 2 <= len(column.categories) <= MOST_GROUPS
    )


def _target(column: Role) -> dict[str, object]:
    assert column.categories is not None
    event = next((c for c in column.categories if c.lower() in EVENTS), column.categories[-1])
    return {"task": "classification", "column": column.name, "positive": [event]}


def _group(column: Role) -> dict[str, object]:
    if column.bounds is None:
        return {"column": column.name}
    low, high = column.bounds
    edges = [low, *(c for c in CUTS if low < c < high), high]
    return {"column": column.name, "bands": [int(e) if float(e).is_integer() else e for e in edges]}
