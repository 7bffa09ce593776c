"""Random public schemas, for the properties that every schema must have."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from privacy.schema.schema import Schema

settings.register_profile(
    "understudy",
    deadline=None,  # machines that run tests are busy
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("understudy")

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\0"), min_size=1, max_size=8
)


@st.composite
def categorical(draw: st.DrawFn) -> dict[str, Any]:
    categories = draw(st.lists(TEXT, min_size=1, max_size=6, unique=True))
    column = {
        "kind": draw(st.sampled_from(["categorical", "ordinal"])),
        "categories": categories,
        "missing": draw(st.sampled_from(["keep", "refuse"])),
    }
    if column["kind"] == "categorical" and len(categories) > 1:
        column["hierarchy"] = draw(st.none() | hierarchy(categories[-1]))
    return column | ({"other": categories[0]} if draw(st.booleans()) else {})


def hierarchy(parent: str) -> st.SearchStrategy[dict[str, Any]]:
    """Prefixes, or two codes under a category that says one of them in its place."""
    prefixes = st.lists(st.integers(1, 6), min_size=1, unique=True)
    beginnings = prefixes.map(lambda lengths: {"prefixes": sorted(lengths, reverse=True)})
    return beginnings | st.just(
        {"parents": {f"{parent}.1": parent, f"{parent}.2": parent}, "released": "child"}
    )


@st.composite
def integer(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(-1000, 1000))
    high = low + draw(st.integers(1, 200))
    inside = st.lists(st.integers(low, high), min_size=2, max_size=6, unique=True).map(sorted)
    return {
        "kind": "integer",
        "bounds": [low, high],
        "bins": draw(st.integers(1, min(high - low + 1, 30)) | inside),
        "special": draw(st.sampled_from([[], ["N"], [high + 1], ["N", low - 1]])),
        "missing": draw(st.sampled_from(["keep", "refuse"])),
        "out_of_range": draw(st.sampled_from(["clamp", "refuse"])),
    }


@st.composite
def real(draw: st.DrawFn) -> dict[str, Any]:
    places = draw(st.integers(0, 3))
    low = draw(st.integers(-1000, 1000))
    high = low + draw(st.integers(1, 2000))
    scale = 10**places
    inside = st.lists(st.integers(low, high), min_size=2, max_size=6, unique=True).map(
        lambda edges: [edge / scale for edge in sorted(edges)]
    )
    bins = draw(st.integers(1, 30) | inside)
    return {
        "kind": "float",
        "bounds": [low / scale, high / scale],
        "bins": bins,
        "special": draw(st.sampled_from([[], ["N"], [high / scale + 1]])),
        "decimals": draw(st.sampled_from([None, places + 2 if isinstance(bins, int) else places])),
        "missing": draw(st.sampled_from(["keep", "refuse"])),
        "out_of_range": draw(st.sampled_from(["clamp", "refuse"])),
    }


@st.composite
def date(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2100, 1, 1)))
    low = low.replace(hour=0, minute=0, second=0, microsecond=0)
    high = low + dt.timedelta(days=draw(st.integers(1, 3000)))
    return {
        "kind": "datetime",
        "bounds": [low.isoformat(), high.isoformat()],
        "bins": draw(st.integers(1, 2)),
        "resolution": draw(st.sampled_from(["day", "second"])),
        "missing": draw(st.sampled_from(["keep", "refuse"])),
        "out_of_range": draw(st.sampled_from(["clamp", "refuse"])),
    }


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """A schema of one to four columns, with bands through the first numeric one."""
    columns = draw(
        st.dictionaries(TEXT, categorical() | integer() | real() | date(), min_size=1, max_size=4)
    )
    subgroups: list[dict[str, Any]] = []
    for name, column in columns.items():
        if column["kind"] in ("categorical", "ordinal"):
            subgroups.append({"column": name})
        if column["kind"] == "integer":
            low, high = column["bounds"]
            edges = draw(st.lists(st.integers(low, high), min_size=2, max_size=4, unique=True))
            subgroups.append({"column": name, "bands": sorted(edges)})
    return Schema.model_validate({"name": "t", "columns": columns, "subgroups": subgroups})
