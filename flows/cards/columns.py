"""What the columns of a synthetic table look like: a small distribution each.

Privacy claim: post-processing of synthetic rows; no other row is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup

from evaluators.pages.drawing.page import percent
from evaluators.pages.drawing.plots import histogram, meter
from flows.label.histories import identifier_values, rows_of_units
from privacy.schema.codec import Codec, ColumnCode
from privacy.schema.columns import Categorical, Column, Identifier, Image
from privacy.schema.hierarchy import Hierarchy
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows

MAX_BARS = 32
"""Neighbouring bins are joined until a histogram has at most so many bars."""

MAX_VALUES = 6
"""So many categories get a bar of their own (twice as many where they have an order)."""


@dataclass(frozen=True)
class Tile:
    """One column: its name, what it is, and its bars.

    ``holds``: of an identifier, what its numbers stand for.
    ``values``: categories, special values and missing ones, each with a bar and its share in words.
    """

    name: str
    kind: str
    roles: str
    description: str
    holds: str = ""
    picture: Markup | None = None
    ends: tuple[str, str] = ("", "")
    values: tuple[tuple[str, Markup, str], ...] = ()


def tiles(schema: Schema, synthetic: AnyRows) -> list[Tile]:
    """A tile for every column, in schema order; identifiers and pictures have no distribution."""
    columns = Codec(schema).columns
    counts = {name: np.zeros(code.size, dtype=np.int64) for name, code in columns.items()}
    for frame in synthetic.batches():
        for name, code in columns.items():
            counts[name] += np.bincount(code.encode(frame[name]), minlength=code.size)
    return [_tile(schema, name, columns.get(name), counts.get(name)) for name in schema.columns]


def sizes(schema: Schema, synthetic: pd.DataFrame) -> Tile | None:
    """How many rows a unit has, from one to as many as it may; None where rows are not linked."""
    if schema.visits is None or synthetic.empty:
        return None
    rows = np.bincount(rows_of_units(synthetic, schema), minlength=schema.max_rows_per_unit + 1)[1:]
    return Tile(
        f"Rows of one {schema.unit}",
        f"{int(rows.sum()):,} synthetic {schema.unit}s",
        "",
        "",
        picture=histogram(_joined(rows / rows.sum()).tolist()),
        ends=("1", str(len(rows))),
    )


def _tile(schema: Schema, name: str, code: ColumnCode | None, counts: np.ndarray | None) -> Tile:
    column = schema.columns[name]
    about = (name, _kind(column), roles(schema, name), " ".join(column.description.split()))
    if code is None or counts is None:
        held = identifier_values(schema, name) if isinstance(column, Identifier) else ""
        return Tile(*about, holds=held)
    shares = counts / max(1, counts.sum())
    if isinstance(column, Categorical):
        return Tile(*about, values=_categories(code, shares))
    listed = [(code.labels[i], float(shares[i])) for i in range(code.n_bins, code.size)]
    low, high = code.labels[0].split(" to ")[0], code.labels[code.n_bins - 1].split(" to ")[-1]
    return Tile(
        *about,
        picture=histogram(_joined(shares[: code.n_bins]).tolist()),
        ends=(low, high),
        values=tuple(_bar(label, share) for label, share in listed),
    )


def _kind(column: Column) -> str:
    """What the column is, in words."""
    if isinstance(column, Image):
        colours = "grey" if column.channels == 1 else "RGB"
        return f"image · {column.width} × {column.height} pixels, {colours}"
    if isinstance(column, Categorical) and column.hierarchy is not None:
        return f"{column.kind} · {fallen_back(column.hierarchy)}"
    return column.kind


def fallen_back(hierarchy: Hierarchy) -> str:
    """What became of codes that are not named, in words."""
    if hierarchy.released == "child":
        return "rare codes are drawn at random among those of their parent"
    return "rare codes stand as their parent"


def roles(schema: Schema, name: str) -> str:
    """What the schema uses the column for, in words."""
    found = ["unit"] if schema.unit == name else []
    found += ["target" for t in schema.targets if name in t.columns]
    found += ["subgroup" for s in schema.subgroups if s.column == name]
    return ", ".join(dict.fromkeys(found))


def _joined(shares: np.ndarray) -> np.ndarray:
    """Shares of at most MAX_BARS runs of neighbouring bins."""
    width = -(-len(shares) // MAX_BARS)
    return np.asarray(np.add.reduceat(shares, np.arange(0, len(shares), width)))


def _categories(code: ColumnCode, shares: np.ndarray) -> tuple[tuple[str, Markup, str], ...]:
    """The most frequent categories (all, where a few are ordered), then the rest as one."""
    in_order = code.column.kind == "ordinal" and code.size <= 2 * MAX_VALUES
    kept = np.arange(code.size) if in_order else np.argsort(-shares, kind="stable")[:MAX_VALUES]
    if code.size - len(kept) == 1:
        kept = np.argsort(-shares, kind="stable")
    rows = [_bar(code.labels[i], float(shares[i])) for i in kept]
    if rest := code.size - len(kept):
        rows.append(_bar(f"{rest} others", max(0.0, float(1 - shares[kept].sum()))))
    return tuple(rows)


def _bar(label: str, share: float) -> tuple[str, Markup, str]:
    return label, meter([(share, "fill")], height=10), percent(share)
