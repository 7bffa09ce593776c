"""Whether the rows of one unit belong together in a release, for the label, the cards and the terminal.

A schema without ``visits:`` draws every row as a stranger, whatever its unit column looks like. Whoever
opens the file must be told, and so must whoever is about to pay for it.

Privacy claim: none; says what the schema says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from privacy.schema.schema import Schema
from privacy.schema.visits import Visits

SIZES: dict[str, Callable[[np.ndarray], Any]] = {
    "fewest": np.min,
    "median": np.median,
    "most": np.max,
}

REMEDY = "To link them, declare `visits:` in the schema (docs/visits.md)"
"""What whoever makes a release can do."""


def units_in(frame: pd.DataFrame, schema: Schema) -> int:
    """How many units there are in synthetic rows; an unlinked row is one."""
    return len(frame) if schema.visits is None else int(frame[schema.unit].nunique())


def told_histories(schema: Schema, frame: pd.DataFrame) -> dict[str, Any] | None:
    """For the label: whether rows are linked, and that in words; None where a unit has one row at most.

    ``frame``: the synthetic rows, of which it is told how many a unit has.
    """
    if schema.visits is not None:
        sizes = rows_of_units(frame, schema)
        numbers = {k: float(f(sizes)) for k, f in SIZES.items()} if len(sizes) else {}
        said = f"{_linked(schema, schema.visits)} {_sizes(schema, len(sizes), numbers)}".strip()
        return {"linked": True, "in_words": said, "rows_of_a_unit": numbers}
    said = unlinked(schema)
    return {"linked": False, "in_words": said} if said else None


def rows_of_units(frame: pd.DataFrame, schema: Schema) -> np.ndarray:
    """How many synthetic rows each unit has, [units], of a schema with visits."""
    return frame.groupby(schema.unit, sort=False).size().to_numpy()


def _sizes(schema: Schema, units: int, numbers: dict[str, float]) -> str:
    if not numbers:
        return ""
    return (
        f"{units:,} synthetic {schema.unit}s have {numbers['fewest']:.0f} to {numbers['most']:.0f} rows each, "
        f"half of them {numbers['median']:g} or fewer."
    )


def unlinked(schema: Schema) -> str:
    """That the rows of a unit are not linked, in words; "" where they are, or where a unit has one row."""
    if schema.visits is not None or schema.max_rows_per_unit == 1:
        return ""
    unit = schema.unit
    return (
        f"The rows of one {unit} are not linked: each synthetic row is drawn by itself and has a {unit} number "
        f"of its own. No synthetic {unit} has a second row, and what ties the rows of a real one (their "
        "number, their order, what stays the same, what follows what) is neither kept nor judged."
    )


def unjudged(schema: Schema) -> str:
    """That nobody looked whether rows make histories, in words; "" where that was done, or there are none."""
    if not unlinked(schema):
        return ""
    return (
        f"The rows of one {schema.unit} were judged one by one: the schema declares no `visits:`, so whether "
        f"the rows of a synthetic {schema.unit} make a history was not looked at."
    )


def _linked(schema: Schema, visits: Visits) -> str:
    unit = schema.unit
    order = f"by {visits.order}" if visits.order else "as they stand"
    return (
        f"Rows that share a value of {unit} are one synthetic {unit}, and stand together in order: {order}. "
        + " ".join(f"{text}." for text in _kept(visits))
    ).rstrip()


def _kept(visits: Visits) -> Iterator[str]:
    """What every synthetic unit keeps, a phrase each."""
    lists = {
        "The same in all of them": visits.constant,
        "Counted 1, 2, 3, …": visits.numbered,
        "Never falling": visits.never_falls,
        "Always rising": visits.rises,
        "Growing with time": tuple(visits.ages),
    }
    for says, names in lists.items():
        if names:
            yield f"{says}: {', '.join(names)}"
    for name, values in visits.ends.items():
        yield f"Followed by no row: {name} {' or '.join(values)}"
    if visits.remembers:
        each = ", ".join(f"{n} ({m})" for n, m in visits.remembers.items())
        yield f"Drawn by all rows before and not by the last alone: {each}"


def identifier_values(schema: Schema, name: str) -> str:
    """What an identifier of synthetic rows holds, in words."""
    if name != schema.unit:
        return "fresh numbers, which point to nobody"
    if schema.visits is not None:
        return (
            f"fresh numbers, one for each synthetic {schema.unit}; all rows of one share it, and it points to "
            "nobody"
        )
    if schema.max_rows_per_unit > 1:
        return (
            f"a fresh number in each row, so no two rows are of one {schema.unit}; it points to "
            "nobody"
        )
    return "fresh numbers, which point to nobody"
