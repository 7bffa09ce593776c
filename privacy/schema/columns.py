"""The kinds of column that a schema may declare, each with its public domain.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, NaiveDatetime, model_validator

from privacy.errors import did_you_mean
from privacy.schema.documents import Frozen
from privacy.schema.hierarchy import FLAT, Hierarchy
from privacy.schema.times import Written, two_digit_years, zones

CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What no category may hold: control characters, line breaks, halves of characters."""

MAX_CATEGORIES = 10_000
"""A public domain larger than this is an identifier or free text, not a category."""

MAX_WHOLE = 2**53
"""Whole numbers beyond this are not exact in floating point."""


MOST_DECLARED = 12
"""Digits after the point that a float may have."""


class ColumnBase(Frozen):
    """What every column may say.

    ``description``: what it holds, in words that are published with it.
    ``missing``: whether a missing value is refused or kept as a value of its own.
    ``missing_values``: the texts that stand for a missing value in the source.

    Privacy: public.

    Example::

        {description: As told at admission., missing: keep, missing_values: ["", NA, "-9"]}
    """

    description: str = ""
    missing: Literal["refuse", "keep"] = "refuse"
    missing_values: tuple[str, ...] = ("",)


class Rule(Frozen):
    """A public grouping of source texts: what begins with ``prefix``, or numbers in [min, below).

    ``to``: the category that such a text becomes. ``prefix``: what it begins with. ``min``, ``below``: it is a
    number from the one up to, and without, the other.

    Privacy: public.

    Example::

        - {to: circulatory, min: 390, below: 460} # ICD-9 codes 390 to 459.99
        - {to: supplementary, prefix: V}
    """

    to: str
    prefix: str | None = Field(default=None, min_length=1)
    min: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Rule:
        numbers = self.min is not None and self.below is not None
        either = self.min is not None or self.below is not None
        if (self.prefix is not None) == either or numbers != either:
            raise ValueError(
                "give a prefix, or min and below, as `{to: heart, min: 390, below: 460}`"
            )
        if self.min is not None and self.below is not None and not self.min < self.below:
            raise ValueError(
                f"min must lie under below, got {self.min:g} and {self.below:g}; write the lower one as min"
            )
        return self


class Categorical(ColumnBase):
    """A finite public set of texts; ``categories: null`` asks for DP partition selection.

    A source text that is not a declared category goes through ``aliases`` (exact texts), then
    through ``rules`` (the first that holds), then to its nearest ancestor in ``hierarchy`` that is a
    category, then to ``other``; without ``other`` it is refused.

    ``kind``: ordinal where the listed order means something.
    ``categories``: all that a row may hold, in quotes where YAML would read no text ("1", "no"); null has those
    named that many people share.
    ``other``: the category for whatever is not listed or not found.
    ``aliases``: other texts for a category.
    ``rules``: texts that become one category by how they begin, or as numbers.
    ``hierarchy``: what a code that is not listed, or too rare to be named, falls back to.

    Privacy: public. ``categories``: measured where it is null; list them where the
    documentation does.

    Example::

        sex: {kind: categorical, categories: [F, M], missing: keep, missing_values: ["", NA]}
        stage: {kind: ordinal, categories: [I, II, III, IV], description: At diagnosis.}
        ward: {kind: categorical, categories: null, other: elsewhere}
        main_diagnosis:
          kind: categorical
          categories: [circulatory, supplementary, E10-E14, (other)]
          other: (other)
          aliases: {heart: circulatory}
          rules: [{to: circulatory, min: 390, below: 460}, {to: supplementary, prefix: V}]
          hierarchy: {prefixes: [3], parents: {E10: E10-E14, E11: E10-E14}}
    """

    kind: Literal["categorical", "ordinal"]
    categories: tuple[str, ...] | None
    other: str | None = None
    aliases: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()
    hierarchy: Hierarchy | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Categorical:
        if self.hierarchy is not None:
            self._check_hierarchy(self.hierarchy)
        if self.categories is None:
            if self.kind == "ordinal":
                raise ValueError(
                    "categories: an ordinal column must declare them in order, the lowest first"
                )
            if self.other is None:
                raise ValueError(
                    "undeclared categories need `other:`, what falls below the threshold, as `other: other`"
                )
            if self.aliases or self.rules:
                raise ValueError(
                    "aliases and rules need declared categories to lead to; list them under `categories:`"
                )
            self._check_categories((self.other,))
            return self
        self._check_categories(self.categories)
        if unknown := sorted(set(self.aliases.values()) - set(self.categories)):
            raise ValueError(
                f"aliases lead to undeclared categories {unknown}; add them to `categories:`"
                f"{did_you_mean(unknown[0], self.categories)}"
            )
        if taken := sorted(set(self.aliases) & {*self.categories, *self.missing_values}):
            raise ValueError(
                f"aliases: {taken} already stand for a category or a missing value; take them out"
            )
        if unknown := sorted({r.to for r in self.rules} - set(self.categories)):
            raise ValueError(
                f"rules lead to undeclared categories {unknown}; add them to `categories:`"
                f"{did_you_mean(unknown[0], self.categories)}"
            )
        return self

    def nearest(self, texts: Iterable[str]) -> dict[str, str | None]:
        """By text, itself where it is a category, else its nearest ancestor that is one, else ``other``."""
        known, line = frozenset(self.categories or ()), (self.hierarchy or FLAT).line
        return {t: next((c for c in line(t) if c in known), self.other) for t in texts}

    def stand_ins(self) -> dict[str, tuple[str, ...]]:
        """By category, the codes that synthetic rows say in its place: ``released: child`` of a hierarchy."""
        found: dict[str, tuple[str, ...]] = {}
        if self.hierarchy is not None and self.draws_children:
            unnamed = set(self.hierarchy.leaves) - set(self.categories or ())
            for code, category in self.nearest(sorted(unnamed)).items():
                if category is not None:
                    found[category] = (*found.get(category, ()), code)
        return found

    @property
    def draws_children(self) -> bool:
        """Whether a category may be written as another code, drawn at random."""
        return self.hierarchy is not None and self.hierarchy.released == "child"

    def _check_hierarchy(self, hierarchy: Hierarchy) -> None:
        if self.kind == "ordinal":
            raise ValueError(
                "hierarchy: parents have no place in the order of an ordinal column; declare it categorical"
            )
        names = {*hierarchy.parents, *hierarchy.parents.values()}
        if self.other in names:
            raise ValueError(
                f"hierarchy: every root leads to {self.other!r}; take it out of parents"
            )
        if taken := sorted(names & set(self.missing_values)):
            raise ValueError(
                f"hierarchy: {taken} already stand for a missing value; take them out of `missing_values:`"
            )
        if odd := sorted(n for n in names if CONTROL.search(n)):
            raise ValueError(f"hierarchy: a category is one line of text, got {odd[0]!r}")

    def _check_categories(self, categories: tuple[str, ...]) -> None:
        if not 1 <= len(categories) <= MAX_CATEGORIES:
            raise ValueError(
                f"categories: between 1 and {MAX_CATEGORIES}, got {len(categories)}; list those that are "
                "public, "
                "or `categories: null` with `other:`"
            )
        if odd := [c for c in categories if CONTROL.search(c)]:
            raise ValueError(
                f"categories: one is one line of text, got {odd[0]!r}; take out its signs"
            )
        if len(set(categories)) != len(categories):
            repeated = sorted({c for c in categories if categories.count(c) > 1})
            raise ValueError(f"categories repeat: {', '.join(repeated)}; list each once")
        if self.other is not None and self.other not in categories:
            raise ValueError(
                f"other: {self.other!r} is not among the categories; add it there"
                f"{did_you_mean(self.other, categories)}"
            )
        if overlap := set(categories) & set(self.missing_values):
            raise ValueError(
                f"{sorted(overlap)} stand both for a category and for a missing value; take them out of "
                "`categories:` or of `missing_values:`"
            )


Step = float | Literal["month", "year"]
"""What people round to: a number, in seconds for times; first days for dates."""


class Shape(Frozen):
    """How numbers lie inside their bins: measured under the domain's charge, or public knowledge.

    ``edges``: increasing numbers (days or seconds since 1970 for dates).
    ``weights``: what lies between them, on any scale.
    ``steps``: of which steps values are multiples, and what share is of each.

    Privacy: public.

    Example::

        {edges: [18, 40, 65, 110], weights: [0.2, 0.5, 0.3], steps: [[1, 0.8], [5, 0.2]]}
    """

    edges: tuple[float, ...] = Field(min_length=2)
    weights: tuple[Annotated[float, Field(ge=0)], ...]
    steps: tuple[tuple[Step, Annotated[float, Field(gt=0, le=1)]], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Shape:
        if any(a >= b for a, b in pairwise(self.edges)):
            raise ValueError(
                f"edges of a shape must increase, got {listed(self.edges)}; list the lowest first"
            )
        if len(self.weights) != len(self.edges) - 1:
            raise ValueError(
                f"{len(self.edges)} edges need {len(self.edges) - 1} weights, one between each two, got "
                f"{len(self.weights)}"
            )
        if any(isinstance(step, float) and not step > 0 for step, _ in self.steps):
            raise ValueError(
                "steps are numbers above 0, as `steps: [[5, 0.2]]`, every 5 in a fifth of rows"
            )
        return self


class Numeric(ColumnBase):
    """Integers or floats inside public bounds, cut into public bins.

    ``kind``: integer for whole numbers, float for others.
    ``bounds``: the least and the largest value that there can be, by nature or by the documentation.
    ``bins``: a number of equal-width bins, or increasing edges, or null for DP quantiles. Bins are
    [edge, next edge), the last one closed; the bounds are the outer edges whether listed or not.
    ``special``: texts, or numbers outside the bounds, that are values of their own beside the bins
    (not applicable, top code).
    ``out_of_range``: whether a value beyond the bounds is refused or brought to the nearer one.
    ``spikes``: values inside the bounds that many rows hold (no costs: 0), each a bin of its own; null has them
    found.
    ``heaped_at``: steps that values are rounded to ([5, 10]); null has them found.
    ``decimals``: digits after the point of a float, to which what is read is rounded; null has them found.
    ``shape``: how numbers lie inside their bins; null where it is measured.

    Privacy: public. ``bins``, ``spikes``, ``heaped_at``, ``decimals``, ``shape``: measured where it is null.

    Example::

        age: {kind: integer, bounds: [18, 110], bins: [18, 40, 65, 110], out_of_range: clamp}
        dose: {kind: float, bounds: [0, 200], bins: 20, decimals: 1, heaped_at: [2.5, 5], special: [refused]}
        nights: {kind: integer, bounds: [0, 365], bins: 10, spikes: [0], shape: {edges: [0, 365], weights: [1]}}
    """

    kind: Literal["integer", "float"]
    bounds: tuple[float, float]
    bins: Annotated[int, Field(ge=1, le=4096)] | tuple[float, ...] | None = None
    special: tuple[int | float | str, ...] = ()
    out_of_range: Literal["refuse", "clamp"] = "refuse"
    decimals: Annotated[int, Field(ge=0, le=MOST_DECLARED)] | None = None
    spikes: tuple[float, ...] | None = None
    heaped_at: tuple[Annotated[float, Field(gt=0)], ...] | None = None
    shape: Shape | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Numeric:
        check_bounds(*self.bounds)
        check_heaps(self)
        low, high = self.bounds
        if self.kind == "integer":
            if low != int(low) or high != int(high):
                raise ValueError(
                    f"bounds of an integer column must be whole, got {listed(self.bounds)}; or declare "
                    "`kind: float`"
                )
            if max(abs(low), abs(high)) > MAX_WHOLE:
                raise ValueError(
                    f"bounds of an integer column stay within ±2^53, got {listed(self.bounds)}; is it an "
                    "identifier?"
                )
            if self.decimals is not None:
                raise ValueError(
                    f"decimals belong to float columns, got {self.decimals}; take them out, or declare "
                    "`kind: float`"
                )
        if isinstance(self.bins, tuple):
            check_edges("bins", self.bins, low, high)
        if self.kind == "float":
            self._check_room(MOST_DECLARED if self.decimals is None else self.decimals)
        if isinstance(self.bins, int) and self.kind == "integer" and self.bins > high - low + 1:
            raise ValueError(
                f"{self.bins} bins for {int(high - low + 1)} whole numbers; take {int(high - low + 1)} or fewer"
            )
        if self.kind == "integer" and any(s != int(s) for s in self.spikes or ()):
            raise ValueError(
                f"spikes of an integer column must be whole, got {listed(self.spikes or ())}; or declare "
                "`kind: float`"
            )
        if self.spikes and self.kind == "float" and self.decimals is None:
            raise ValueError(
                f"spikes of a float column, {listed(self.spikes)}, need its decimals, as `decimals: 2`"
            )
        self._check_special()
        return self

    def _check_room(self, decimals: int) -> None:
        """Every bin holds a number with so many decimals."""
        (low, high), scale = self.bounds, 10.0**decimals
        if max(abs(low), abs(high)) * scale > MAX_WHOLE:  # floats cannot have so many
            return
        if isinstance(self.bins, int):
            edges = [low + (high - low) * i / self.bins for i in range(self.bins + 1)]
        else:
            edges = sorted({low, high, *(self.bins or ())})
        first = [math.ceil(round(edge * scale, 6)) for edge in edges]
        first[-1] = math.floor(round(high * scale, 6)) + 1
        for a, b, edge in zip(first, first[1:], edges, strict=False):
            if a >= b:
                raise ValueError(
                    f"decimals: no number with {decimals} lies in the bin from {edge:g}; take fewer bins, "
                    "or more decimals"
                )

    def _check_special(self) -> None:
        texts = {str(s) for s in self.special}
        if len(texts) != len(self.special):
            raise ValueError(f"special values repeat: {listed(self.special)}; list each once")
        if overlap := texts & set(self.missing_values):
            raise ValueError(
                f"{sorted(overlap)} stand both for a special and for a missing value; take them out of "
                "`special:` "
                "or of `missing_values:`"
            )
        for value in self.special:
            if isinstance(value, str):
                continue
            if not abs(value) < 1e300 or (self.kind == "integer" and value != int(value)):
                raise ValueError(
                    f"special: {value} is not a finite number of kind {self.kind}; quote it as text"
                )
            if value != float(value) or (self.kind == "integer" and abs(value) > MAX_WHOLE):
                raise ValueError(
                    f"special: {value} is not exact in floating point; quote it as text"
                )
            if self.bounds[0] <= value <= self.bounds[1]:
                raise ValueError(f"special: {value} lies inside the bounds; give it a bin instead")


class Datetime(ColumnBase):
    """Dates or times inside public bounds, which are local times, as the values are.

    ``kind``: datetime, for dates and for times.
    ``bounds``: the first and the last date that there can be.
    ``bins``: as of numbers, with dates as edges.
    ``format``: as in strptime; ISO 8601 by default.
    ``resolution``: whether the time of day counts.
    ``zone``: the time zone whose clocks the times were read from (America/Chicago); an offset in a text is
    turned into its time, and times are written with its offset. Without one, an offset is left out.
    ``pivot``: a year; two-digit years (%y) are the latest that are not after it.
    ``out_of_range``: whether a date beyond the bounds is refused or brought to the nearer one.
    ``spikes``, ``shape``: as of numbers. ``heaped_at``: month and year for first days, seconds for times.

    Privacy: public. ``bins``, ``spikes``, ``heaped_at``, ``shape``: measured where it is null.

    Example::

        admitted: {kind: datetime, format: "%d.%m.%Y", bounds: [2023-01-01, 2024-12-31], bins: 8}
        born: {kind: datetime, format: "%d/%m/%y", pivot: 2024, bounds: [1925-01-01, 2024-12-31]}
        seen:
          kind: datetime
          resolution: second
          zone: America/Chicago
          heaped_at: [60, 3600]
          bounds: [2023-01-01T00:00:00, 2024-12-31T23:59:59]
          bins: [2023-01-01T00:00:00, 2024-01-01T00:00:00, 2024-12-31T23:59:59]
          out_of_range: clamp
          spikes: [2023-01-01T00:00:00]
          shape: {edges: [1672531200, 1735689599], weights: [1]}
    """

    kind: Literal["datetime"]
    bounds: tuple[NaiveDatetime, NaiveDatetime]
    bins: Annotated[int, Field(ge=1, le=4096)] | tuple[NaiveDatetime, ...] | None = None
    format: str | None = None
    resolution: Literal["day", "second"] = "day"
    zone: str | None = None
    pivot: int | None = None
    out_of_range: Literal["refuse", "clamp"] = "refuse"
    spikes: tuple[NaiveDatetime, ...] | None = None
    heaped_at: tuple[Step, ...] | None = None
    shape: Shape | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Datetime:
        low, high = self.bounds
        check_bounds(low, high)
        check_heaps(self)
        by_name = {isinstance(step, str) for step in self.heaped_at or ()}
        if by_name and by_name != {self.resolution == "day"}:
            raise ValueError(
                f"heaped_at: dates are heaped at month or year, times at numbers of seconds, got "
                f"{listed(self.heaped_at or ())} with `resolution: {self.resolution}`"
            )
        if low < dt.datetime(1678, 1, 1) or high > dt.datetime(2262, 1, 1):
            raise ValueError(
                f"bounds must lie between 1678 and 2262, got {low:%Y-%m-%d} and {high:%Y-%m-%d}; an unknown "
                "date is a "
                "missing value (`missing_values:`)"
            )
        if isinstance(self.bins, tuple):
            check_edges("bins", self.bins, low, high)
        unit = dt.timedelta(days=1) if self.resolution == "day" else dt.timedelta(seconds=1)
        if isinstance(self.bins, int) and self.bins > (high - low) // unit + 1:
            most = (high - low) // unit + 1
            raise ValueError(
                f"{self.bins} bins for {most} {self.resolution}s; take {most} or fewer"
            )
        self._check_written()
        return self

    @property
    def written(self) -> Written:
        """How its times are written."""
        return Written(self.format, self.resolution, self.zone, self.pivot)

    def _check_written(self) -> None:
        """Every time inside the bounds can be written, and then lies inside them."""
        low, high = self.bounds
        if self.zone is not None and self.zone not in zones():
            raise ValueError(
                f"zone: {self.zone!r} is no time zone; name one as America/Chicago"
                f"{did_you_mean(self.zone, zones())}"
            )
        if two_digit_years(self.format) != (self.pivot is not None):
            raise ValueError(
                "pivot: only two-digit years (%y in the format) have one"
                if self.pivot is not None
                else "format: two-digit years need a pivot, the latest year that they may stand for"
                " (pivot: 2026)"
            )
        if self.pivot is not None and not self.pivot - 100 < low.year <= high.year <= self.pivot:
            raise ValueError(
                f"bounds: two-digit years under pivot {self.pivot} are {self.pivot - 99} to {self.pivot}"
            )
        first = self.written.floor(low)
        again = self.written.again(first)
        if again is None:
            raise ValueError(
                f"format: {self.format!r} cannot be read back as it is written; it needs day, month and "
                "year, as "
                '"%d.%m.%Y"'
            )
        if again < first:
            raise ValueError(f"bounds: by its format the lower one is {again}; write that")
        if self.written.overruns(high):
            raise ValueError(
                f"bounds: the clocks of {self.zone} go forward at the upper one, {high}; take a later hour"
            )


class Identifier(ColumnBase):
    """Names a person or record: never modelled, replaced by fresh synthetic numbers.

    ``kind``: identifier.

    Privacy: public. ``kind``: house; its values are read to know whose row it is, and never leave.

    Example::

        patient: {kind: identifier}
    """

    kind: Literal["identifier"]


class Image(ColumnBase):
    """A picture of public size, 8 bits a channel: grey (1) or RGB (3). Never missing.

    ``kind``: image.
    ``height``, ``width``: in pixels; every picture has this size. ``channels``: 1 for grey, 3 for RGB.

    Privacy: public.

    Example::

        scan: {kind: image, height: 28, width: 28, channels: 1}
    """

    kind: Literal["image"]
    height: int = Field(ge=1, le=4096)
    width: int = Field(ge=1, le=4096)
    channels: Literal[1, 3] = 1

    @model_validator(mode="after")
    def _never_missing(self) -> Image:
        if self.missing == "keep":
            raise ValueError(
                "an image cannot be missing: drop the row, or declare none of its kind"
            )
        return self

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.height, self.width, self.channels


Column = Annotated[
    Categorical | Numeric | Datetime | Identifier | Image, Field(discriminator="kind")
]


def check_heaps(column: Numeric | Datetime) -> None:
    """Spikes lie inside the bounds, and steps go upwards."""
    low, high = column.bounds
    spikes: tuple[Any, ...] = column.spikes or ()
    if outside := [s for s in spikes if not low <= s <= high]:
        raise ValueError(
            f"spikes: {outside[0]:g} lies outside the bounds {low:g} to {high:g}; make it `special:`"
            if isinstance(column, Numeric)
            else f"spikes: {outside[0]} lies outside the bounds {low} to {high}; widen them"
        )
    if len(set(spikes)) != len(spikes):
        raise ValueError(f"spikes repeat: {listed(spikes)}; list each once")
    steps = [s for s in column.heaped_at or () if not isinstance(s, str)]
    if any(fine >= coarse for fine, coarse in pairwise(steps)):
        raise ValueError(f"heaped_at: list steps upwards, each once, got {steps}")


def check_bounds(low: Any, high: Any) -> None:
    """Raise ValueError for bounds that are none."""
    if not low < high:
        raise ValueError(
            f"bounds must increase, got {listed((low, high))}; write the lower one first"
        )
    if isinstance(low, float) and not (abs(low) < 1e300 and abs(high) < 1e300):
        raise ValueError(f"bounds must be finite, got {listed((low, high))}")


def check_edges(what: str, edges: tuple[Any, ...], low: Any, high: Any) -> None:
    """Raise ValueError for edges that are none, or lie outside the bounds; ``what``: they are of."""
    if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
        raise ValueError(
            f"{what} must increase, got {listed(edges)}; list two edges or more, the lowest first"
        )
    if edges[0] < low or edges[-1] > high:
        raise ValueError(
            f"{what} {listed((edges[0], edges[-1]))} leave the bounds {listed((low, high))}; widen the "
            "column's "
            "`bounds:`, or begin and end with them"
        )


def listed(values: Iterable[Any]) -> str:
    """Numbers and dates as a person writes them: ``[0, 99.5]``, ``[2020-01-31, 2021-01-31]``."""
    return f"[{', '.join(map(_plain, values))}]"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    midnight = isinstance(value, dt.datetime) and value.time() == dt.time()
    return str(value.date() if midnight else value)
