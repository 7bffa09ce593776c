"""What is public about a data set, written by a person before any private row is read.

A ``Schema`` names every column, its kind and its domain (categories, bounds, bins), what a missing
value looks like, who the privacy unit is, and which columns are targets and subgroups. Everything
in it is assumed public: it is printed on the label, and nothing in it may be copied from the
private rows. What it leaves open (bins, categories) is measured under a charge, see
``privacy.domain``.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    ValidationError,
    field_validator,
    model_validator,
)

from privacy.errors import InputError

T = TypeVar("T", bound=BaseModel)

CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
"""What no category may hold: control characters, line breaks, halves of characters."""

DRAFT_MARK = "# READ FROM PRIVATE ROWS: confirm that this is public"
"""Ends every line of a draft that holds what a person has not yet confirmed."""

MAX_CATEGORIES = 10_000
"""A public domain larger than this is an identifier or free text, not a category."""

MAX_WHOLE = 2**53
"""Whole numbers beyond this are not exact in floating point."""


class Frozen(BaseModel):
    """Base of every public description: immutable, and unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnBase(Frozen):
    """What every column may say.

    ``missing``: whether a missing value is refused or kept as a value of its own.
    ``missing_values``: the texts that stand for a missing value in the source.
    """

    description: str = ""
    missing: Literal["refuse", "keep"] = "refuse"
    missing_values: tuple[str, ...] = ("",)


class Rule(Frozen):
    """A public grouping of source texts: what begins with ``prefix``, or numbers in [min, below).

    ``{to: circulatory, min: 390, below: 460}`` sends ICD-9 codes 390 to 459.99 to one category,
    ``{to: supplementary, prefix: V}`` those that begin with a V.
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
            raise ValueError("give a prefix, or min and below")
        if self.min is not None and self.below is not None and not self.min < self.below:
            raise ValueError(f"min must lie under below, got {self.min} and {self.below}")
        return self


class Categorical(ColumnBase):
    """A finite public set of texts; ``categories: null`` asks for DP partition selection.

    A source text that is not a declared category goes through ``aliases`` (exact texts), then
    through ``rules`` (the first that holds), then to ``other``; without ``other`` it is refused.
    """

    kind: Literal["categorical", "ordinal"]
    categories: tuple[str, ...] | None
    other: str | None = None
    aliases: Mapping[str, str] = {}
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Categorical:
        if self.categories is None:
            if self.kind == "ordinal":
                raise ValueError("an ordinal column must declare its categories in order")
            if self.other is None:
                raise ValueError(
                    "undeclared categories need `other`: what falls below the threshold"
                )
            if self.aliases or self.rules:
                raise ValueError("aliases and rules need declared categories to lead to")
            return self
        if not 1 <= len(self.categories) <= MAX_CATEGORIES:
            raise ValueError(
                f"between 1 and {MAX_CATEGORIES} categories, got {len(self.categories)}"
            )
        if odd := [c for c in self.categories if CONTROL.search(c)]:
            raise ValueError(f"a category is one line of text, got {odd[0]!r}")
        if len(set(self.categories)) != len(self.categories):
            repeated = sorted({c for c in self.categories if self.categories.count(c) > 1})
            raise ValueError(f"categories repeat: {', '.join(repeated)}")
        if self.other is not None and self.other not in self.categories:
            raise ValueError(f"other: {self.other!r} is not among the categories")
        if overlap := set(self.categories) & set(self.missing_values):
            raise ValueError(f"{sorted(overlap)} stand both for a category and for a missing value")
        if unknown := sorted(set(self.aliases.values()) - set(self.categories)):
            raise ValueError(f"aliases lead to undeclared categories {unknown}")
        if taken := sorted(set(self.aliases) & {*self.categories, *self.missing_values}):
            raise ValueError(f"aliases: {taken} already stand for a category or a missing value")
        if unknown := sorted({r.to for r in self.rules} - set(self.categories)):
            raise ValueError(f"rules lead to undeclared categories {unknown}")
        return self


class Numeric(ColumnBase):
    """Integers or floats inside public bounds, cut into public bins.

    ``bins``: a number of equal-width bins, or increasing edges, or null for DP quantiles. Bins are
    [edge, next edge), the last one closed; the bounds are the outer edges whether listed or not.
    ``special``: texts, or numbers outside the bounds, that are values of their own beside the bins
    (not applicable, top code).
    """

    kind: Literal["integer", "float"]
    bounds: tuple[float, float]
    bins: Annotated[int, Field(ge=1, le=4096)] | tuple[float, ...] | None = None
    special: tuple[int | float | str, ...] = ()
    out_of_range: Literal["refuse", "clamp"] = "refuse"
    decimals: Annotated[int, Field(ge=0, le=12)] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Numeric:
        _check_bounds(*self.bounds)
        low, high = self.bounds
        if self.kind == "integer":
            if low != int(low) or high != int(high):
                raise ValueError(f"bounds of an integer column must be whole, got {self.bounds}")
            if max(abs(low), abs(high)) > MAX_WHOLE:
                raise ValueError(
                    f"bounds of an integer column stay within ±2^53, got {self.bounds}"
                )
            if self.decimals is not None:
                raise ValueError("decimals belong to float columns")
        if isinstance(self.bins, tuple):
            _check_edges(self.bins, low, high)
        if isinstance(self.bins, int) and self.kind == "integer" and self.bins > high - low + 1:
            raise ValueError(f"{self.bins} bins for {int(high - low + 1)} whole numbers")
        self._check_special()
        return self

    def _check_special(self) -> None:
        texts = {str(s) for s in self.special}
        if len(texts) != len(self.special):
            raise ValueError(f"special values repeat: {self.special}")
        if overlap := texts & set(self.missing_values):
            raise ValueError(f"{sorted(overlap)} stand both for a special and for a missing value")
        for value in self.special:
            if isinstance(value, str):
                continue
            if not abs(value) < 1e300 or (self.kind == "integer" and value != int(value)):
                raise ValueError(f"special: {value} is not a finite number of kind {self.kind}")
            if self.bounds[0] <= value <= self.bounds[1]:
                raise ValueError(f"special: {value} lies inside the bounds; give it a bin instead")


class Datetime(ColumnBase):
    """Dates or times inside public bounds; ``format`` as in strptime, ISO 8601 by default."""

    kind: Literal["datetime"]
    bounds: tuple[NaiveDatetime, NaiveDatetime]
    bins: Annotated[int, Field(ge=1, le=4096)] | tuple[NaiveDatetime, ...] | None = None
    format: str | None = None
    resolution: Literal["day", "second"] = "day"
    out_of_range: Literal["refuse", "clamp"] = "refuse"

    @model_validator(mode="after")
    def _consistent(self) -> Datetime:
        low, high = self.bounds
        _check_bounds(low, high)
        if low < dt.datetime(1678, 1, 1) or high > dt.datetime(2262, 1, 1):
            raise ValueError(f"bounds must lie between 1678 and 2262, got {low} and {high}")
        if isinstance(self.bins, tuple):
            _check_edges(self.bins, low, high)
        unit = dt.timedelta(days=1) if self.resolution == "day" else dt.timedelta(seconds=1)
        if isinstance(self.bins, int) and self.bins > (high - low) // unit + 1:
            raise ValueError(f"{self.bins} bins for {(high - low) // unit + 1} {self.resolution}s")
        return self


class Identifier(ColumnBase):
    """Names a person or record: never modelled, replaced by fresh synthetic numbers."""

    kind: Literal["identifier"]


Column = Annotated[Categorical | Numeric | Datetime | Identifier, Field(discriminator="kind")]


class TargetBase(Frozen):
    """What every target may say.

    ``without``: columns that give the answer away (an outcome of the same stay, the same quantity
    in another unit); they are published, and never used to predict this target.
    """

    without: tuple[str, ...] = ()


class Classification(TargetBase):
    """A yes/no question: is ``column`` one of ``positive``?"""

    task: Literal["classification"]
    column: str
    positive: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


class Regression(TargetBase):
    """Predict the number in ``column``."""

    task: Literal["regression"]
    column: str

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


class Survival(TargetBase):
    """Time to event: ``event`` equals one of ``event_values`` where it was observed."""

    task: Literal["survival"]
    time: str
    event: str
    event_values: tuple[str, ...] = ("1",)

    @property
    def name(self) -> str:
        return self.event

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.event, self.time)


Target = Annotated[Classification | Regression | Survival, Field(discriminator="task")]


class Subgroup(Frozen):
    """People that the release must serve: the values of a column, or bands of a numeric one.

    ``bands``: increasing edges; a band is [edge, next edge), the last one closed at the upper
    bound. Bins never cut through a band: the codec adds the band edges to the bin edges.
    """

    column: str
    name: str = ""
    bands: tuple[float, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name") and "column" in data:
            return {**data, "name": data["column"]}
        return data


class Condition(Frozen):
    """One side of an impossible combination: listed values, or a closed range of numbers."""

    values: tuple[str, ...] | None = None
    min: float | None = None
    max: float | None = None
    missing: bool = False

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if self.values is None and self.min is None and self.max is None and not self.missing:
            raise ValueError("give values, min, max or missing: true")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min must not exceed max, got {self.min} and {self.max}")
        return self


class Csv(Frozen):
    """How the text file is written; a file without a header lists its columns in schema order.

    ``strip``: blanks around a value are no part of it.
    ``newlines``: a quoted value may run over several lines; otherwise a stray quote is refused before
    it swallows the rows after it.
    ``comment``: a line that begins with it, and is no row by its number of values, is passed over.
    """

    separator: str = Field(default=",", pattern=r'^[^"\r\n]$')
    encoding: str = "utf-8"
    header: bool = True
    strip: bool = False
    newlines: bool = False
    comment: str | None = Field(default=None, min_length=1)

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except (LookupError, UnicodeError) as error:
            raise ValueError("not a known text encoding") from error
        return encoding


class Schema(Frozen):
    """The public domain of one data set.

    ``unit``: the column that names whoever is protected, or null where a row is a unit.
    ``max_rows_per_unit``: how many of a unit's rows count (k); sensitivity follows from it.
    ``public_rows``: the row count, only where it is public knowledge.
    ``impossible``: structural zeros; each maps columns to conditions that never hold together.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    description: str = ""
    source: str = ""
    unit: str | None = None
    max_rows_per_unit: int = Field(default=1, ge=1, le=1000)
    public_rows: int | None = Field(default=None, ge=1)
    surplus_columns: Literal["refuse", "drop"] = "refuse"
    csv: Csv = Csv()
    columns: dict[str, Column] = Field(min_length=1)
    targets: tuple[Target, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    impossible: tuple[dict[str, Condition], ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Schema:
        if self.unit is not None and not isinstance(self.columns.get(self.unit), Identifier):
            raise ValueError(f"unit: {self.unit!r} must be a declared column of kind identifier")
        if self.unit is not None and self.columns[self.unit].missing == "keep":
            raise ValueError(
                f"unit: {self.unit!r} keeps missing values, so some rows belong to nobody"
            )
        if self.unit is None and self.max_rows_per_unit != 1:
            raise ValueError("max_rows_per_unit needs a unit column")
        if not self.modelled:
            raise ValueError("every column is an identifier: nothing to model")
        for target in self.targets:
            self._check_target(target)
        if len({t.name for t in self.targets}) != len(self.targets):
            raise ValueError("two targets have the same name")
        for subgroup in self.subgroups:
            self._check_subgroup(subgroup)
        if len({s.name for s in self.subgroups}) != len(self.subgroups):
            raise ValueError("two subgroups have the same name")
        for zero in self.impossible:
            for column, condition in zero.items():
                self._check_condition(column, condition)
        return self

    def _modelled_column(self, name: str, where: str) -> Categorical | Numeric | Datetime:
        column = self.columns.get(name)
        if column is None or isinstance(column, Identifier):
            raise ValueError(f"{where}: {name!r} is not a declared, modelled column")
        return column

    def _check_target(self, target: Target) -> None:
        columns = [self._modelled_column(name, "targets") for name in target.columns]
        for name in target.without:
            self._modelled_column(name, f"targets: {target.name!r} without")
            if name in target.columns:
                raise ValueError(f"targets: {name!r} cannot be predicted without itself")
        if isinstance(target, Classification):
            self._check_values(target.column, columns[0], target.positive)
        elif isinstance(target, Survival):
            self._check_values(target.event, columns[0], target.event_values)
            if not isinstance(columns[1], Numeric):
                raise ValueError(f"targets: time {target.time!r} must be integer or float")
        elif not isinstance(columns[0], Numeric):
            raise ValueError(f"targets: {target.column!r} must be integer or float")

    @staticmethod
    def _check_values(name: str, column: Any, values: tuple[str, ...]) -> None:
        if not isinstance(column, Categorical):
            raise ValueError(f"targets: {name!r} must be categorical or ordinal")
        if column.categories is None:
            raise ValueError(f"targets: {name!r} must declare its categories")
        if unknown := sorted(set(values) - set(column.categories)):
            raise ValueError(f"targets: {unknown} are not categories of {name!r}")

    def _check_subgroup(self, subgroup: Subgroup) -> None:
        column = self._modelled_column(subgroup.column, "subgroups")
        if isinstance(column, Categorical):
            if subgroup.bands is not None:
                raise ValueError(f"subgroups: {subgroup.name!r} has bands but is not numeric")
            return
        if not isinstance(column, Numeric) or subgroup.bands is None:
            raise ValueError(f"subgroups: {subgroup.name!r} needs a categorical column, or bands")
        _check_edges(subgroup.bands, *column.bounds)
        if column.kind == "integer" and any(e != int(e) for e in subgroup.bands):
            raise ValueError(f"subgroups: bands of {column.kind} {subgroup.column!r} must be whole")

    def _check_condition(self, name: str, condition: Condition) -> None:
        column = self._modelled_column(name, "impossible")
        values = set(condition.values or ())
        known: set[str] = set()
        if isinstance(column, Categorical):
            known = set(column.categories or ())
        elif isinstance(column, Numeric):
            known = {str(s) for s in column.special}
        if unknown := sorted(values - known):
            raise ValueError(f"impossible: {unknown} are not declared values of {name!r}")
        if condition.missing and column.missing != "keep":
            raise ValueError(f"impossible: {name!r} is never missing")
        if (condition.min, condition.max) != (None, None) and not isinstance(column, Numeric):
            raise ValueError(f"impossible: a range on {name!r}, which is not numeric")

    @property
    def modelled(self) -> tuple[str, ...]:
        """The columns that carry information, in order: all but the identifiers."""
        return tuple(n for n, c in self.columns.items() if not isinstance(c, Identifier))

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The columns whose bins or categories are to be measured under a charge."""
        return tuple(
            name
            for name, c in self.columns.items()
            if (isinstance(c, Categorical) and c.categories is None)
            or (isinstance(c, Numeric | Datetime) and c.bins is None)
        )

    def completed(self, found: Mapping[str, Column]) -> Schema:
        """This schema with the columns in ``found`` put in place of the incomplete ones."""
        return Schema.model_validate(
            self.model_dump()
            | {"columns": {n: (found.get(n) or c).model_dump() for n, c in self.columns.items()}}
        )

    def to_yaml(self) -> str:
        """The schema as YAML that ``load_schema`` reads back to an equal value."""
        text: str = yaml.safe_dump(
            self.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True
        )
        return text


def load_schema(path: str | Path) -> Schema:
    """Read a schema from YAML; every error is one line that names file, place and value."""
    data = _mapping(Path(path))
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if "draft" in data or any(line.endswith(DRAFT_MARK) for line in lines):
        raise InputError(
            f"{path}: this draft holds values read from private rows; confirm that each is public,"
            " then delete its mark and the line `draft:`"
        )
    return _validated(Path(path), data, Schema)


def load_yaml(path: str | Path, model: type[T]) -> T:
    """Read ``path`` as YAML into ``model``; errors become one ``InputError`` line."""
    return _validated(Path(path), _mapping(Path(path)), model)


def _mapping(path: Path) -> dict[Any, Any]:
    try:
        data = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 (a SafeLoader)
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: not UTF-8 text: byte {error.start + 1} cannot be read"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise InputError(f"{path}: not valid YAML: nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise InputError(f"{path}: expected a mapping, found {type(data).__name__}")
    return data


def _validated(path: Path, data: dict[Any, Any], model: type[T]) -> T:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {_first(error)}") from error


class _UniqueKeys(yaml.SafeLoader):
    """YAML lets a key repeat and keeps the last; a schema that says a thing twice is refused."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [str(k.value) for k, _ in node.value if isinstance(k, yaml.ScalarNode)]
        for key in sorted(keys):
            if keys.count(key) > 1:
                raise yaml.YAMLError(f"the key {key!r} stands twice{node.start_mark}")
        return super().construct_mapping(node, deep)


def _first(error: ValidationError) -> str:
    problems = error.errors(include_url=False)
    first = problems[0]
    where = ".".join(str(part) for part in first["loc"]) or "top level"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    advice = ": put it in quotes" if first["type"] == "string_type" else ""
    value = "" if isinstance(first["input"], dict) else f" (found {str(first['input'])[:60]!r})"
    message = " ".join(first["msg"].removeprefix("Value error, ").split())
    return f"{where}: {message}{advice}{value}{more}"


def _check_bounds(low: Any, high: Any) -> None:
    if not low < high:
        raise ValueError(f"bounds must increase, got {low} and {high}")
    if isinstance(low, float) and not (abs(low) < 1e300 and abs(high) < 1e300):
        raise ValueError(f"bounds must be finite, got {low} and {high}")


def _check_edges(edges: tuple[Any, ...], low: Any, high: Any) -> None:
    if len(edges) < 2 or any(a >= b for a, b in pairwise(edges)):
        raise ValueError(f"edges must increase, got {edges}")
    if edges[0] < low or edges[-1] > high:
        raise ValueError(f"edges {edges[0]} to {edges[-1]} leave the bounds {low} to {high}")
