"""Random schemas whose columns are tied by relations that can hold."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from privacy.schema.schema import Schema

COLORS = ("red", "green", "blue")


@st.composite
def numbers(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """A number or date between overlapping bounds, so that most orders can hold."""
    low, high = draw(st.integers(0, 20)), draw(st.integers(30, 60))
    column: dict[str, Any] = {
        "kind": kind,
        "missing": draw(st.sampled_from(["keep", "refuse"])),
        "bins": draw(st.integers(1, 6)),
        "bounds": [low, high],
    }
    if kind == "datetime":
        first = dt.datetime(2020, 1, 1)
        column["bounds"] = [(first + dt.timedelta(days=d)).isoformat() for d in (low, high)]
        return column
    if kind == "float":
        column["decimals"] = draw(st.sampled_from([None, 1, 2]))
    return column | {"special": draw(st.sampled_from([[], ["N"], [99]]))}


@st.composite
def tied_schemas(draw: st.DrawFn) -> Schema:
    """Two to four numbers of one kind in orders, three that add up, categories; roles here and there."""
    kind = draw(st.sampled_from(["integer", "float", "datetime"]))
    names = "abcd"[: draw(st.integers(2, 4))]
    columns = {n: draw(numbers(kind)) for n in names}
    if kind == "float" and draw(st.booleans()):
        columns = {n: c | {"decimals": 1} for n, c in columns.items()}
    colors = {"kind": "categorical", "categories": list(COLORS), "missing": "keep"}
    columns |= {"color": colors, "shade": dict(colors), "rank": draw(numbers("integer"))}
    columns |= {n: draw(numbers("integer")) for n in ("x", "y")}
    columns["z"] = {"kind": "integer", "bounds": [0, draw(st.integers(40, 130))], "bins": 5}
    relations = draw(st.permutations([*draw(orders(names)), *draw(others(names, columns))]))
    tied = {
        "name": "t",
        "columns": columns,
        "relations": relations,
        "subgroups": [{"column": n} for n in draw(st.sets(st.sampled_from(["color", "shade"])))],
        "targets": [
            {"task": "regression", "column": n}
            for n in sorted(draw(st.sets(st.sampled_from([*names, "x", "z", "rank"]), max_size=3)))
            if kind != "datetime" or n not in names
        ],
    }
    return Schema.model_validate(tied)


@st.composite
def orders(draw: st.DrawFn, names: str) -> list[dict[str, Any]]:
    chain = draw(st.permutations(list(names)))
    if draw(st.booleans()):
        return [{"order": chain, "strict": draw(st.booleans())}]
    found: list[dict[str, Any]] = []
    for a, b in pairwise(chain):
        one: dict[str, Any] = {"order": [a, b], "strict": draw(st.booleans())}
        if draw(st.booleans()):
            one["gap"] = {"min": draw(st.integers(0, 2)), "max": draw(st.integers(8, 40))}
            one["gap"]["bins"] = draw(st.integers(1, 5))
        found.append(one)
    if len(chain) > 2 and draw(st.booleans()):
        found.append({"order": [chain[0], chain[-1]]})
    return found


@st.composite
def others(draw: st.DrawFn, names: str, columns: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if draw(st.booleans()):
        found.append({"total": "z", "parts": ["x", "y"]})
    if draw(st.booleans()):
        values = draw(st.dictionaries(st.sampled_from(COLORS), st.integers(25, 28), min_size=1))
        found.append({"determined": "rank", "by": "color", "table": values})
    if draw(st.booleans()):
        found.append(
            {"determined": "shade", "by": "color", "table": {"red": "blue", "blue": "red"}}
        )
    absent = [n for n, c in columns.items() if c.get("missing") == "keep" and n != "color"]
    if len(absent) > 1 and draw(st.booleans()):
        found.append({"missing_together": absent[: draw(st.integers(2, len(absent)))]})
    return found
