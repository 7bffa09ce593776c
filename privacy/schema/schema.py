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
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, NaiveDatetime, field_validator, model_validator

from privacy.errors import InputError, did_you_mean
from privacy.schema.columns import (
    Categorical,
    Column,
    Datetime,
    Identifier,
    Image,
    Numeric,
    check_edges,
    listed,
)
from privacy.schema.documents import Frozen, read_mapping, validated
from privacy.schema.placing import plan
from privacy.schema.relations import Determined, Relation, without
from privacy.schema.tables import Name, Table
from privacy.schema.tables import check as check_tables
from privacy.schema.visits import Visits

DRAFT_MARK = "# READ FROM PRIVATE ROWS: confirm that this is public"
"""Ends every line of a draft that holds what a person has not yet confirmed."""


class TargetBase(Frozen):
    """What every target may say.

    ``without``: columns that give the answer away (an outcome of the same stay, the same quantity
    in another unit); they are published, and never used to predict this target.

    Privacy: public; AIM spends a part of its budget on the target's rate in every subgroup.
    """

    without: tuple[str, ...] = ()


class OneColumn(TargetBase):
    """A target that is one column.

    ``column``: the column that is predicted.
    """

    column: str

    @property
    def name(self) -> str:
        return self.column

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


class Classification(OneColumn):
    """A yes/no question: is ``column`` one of ``positive``?

    ``task``: which question is asked. ``positive``: the categories that count as yes, in a list.

    Example::

        {task: classification, column: readmitted, positive: ["yes"], without: [days_to_readmission]}
    """

    task: Literal["classification"]
    positive: tuple[str, ...]


class Multiclass(OneColumn):
    """Which of its categories does ``column`` hold?

    ``task``: which question is asked.

    Example::

        {task: multiclass, column: stage, without: [stage_code]}
    """

    task: Literal["multiclass"]


class Regression(OneColumn):
    """Predict the number in ``column``.

    ``task``: which question is asked.

    Example::

        {task: regression, column: nights, without: [cost]}
    """

    task: Literal["regression"]


class Survival(TargetBase):
    """Time to event: ``event`` equals one of ``event_values`` where it was observed.

    ``task``: which question is asked. ``time``: the column that holds how long somebody was followed.
    ``event``: the column that says whether it happened. ``event_values``: the categories that say that it did.

    Example::

        {task: survival, time: months, event: died, event_values: ["1"], without: [cause_of_death]}
    """

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


Target = Annotated[Classification | Multiclass | Regression | Survival, Field(discriminator="task")]


class Subgroup(Frozen):
    """People that the release must serve: the values of a column, or bands of a numeric one.

    ``column``: the column by which people are grouped.
    ``name``: how the groups are called, the column's name where it is left out.
    ``bands``: increasing edges; a band is [edge, next edge), the last one closed at the upper
    bound. Bins never cut through a band: the codec adds the band edges to the bin edges.
    ``public_sizes``: how many units a group has, only where that is public knowledge; for forecasts, and for
    what AIM spends on the rates of its groups.

    Privacy: public; AIM spends a part of its budget on rates in these groups. ``public_sizes``: public; counts
    of your rows are not, unless they were published.

    Example::

        - {column: sex, public_sizes: {F: 4350, M: 3524}}
        - {column: age, name: age group, bands: [18, 65, 75, 110]}
    """

    column: str
    name: str = ""
    bands: tuple[float, ...] | None = None
    public_sizes: dict[str, Annotated[int, Field(ge=0)]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and not data.get("name") and "column" in data:
            return {**data, "name": data["column"]}
        return data


class Condition(Frozen):
    """One side of an impossible combination: listed values, or a closed range of numbers or dates.

    ``values``: categories, or special values of a number. ``min``, ``max``: from the one to the other, both
    included. ``missing``: a value that is not there.

    Privacy: public.

    Example::

        pregnant: {values: ["yes"]}
        age: {min: 60, max: 110}
        death_date: {missing: true}
    """

    values: tuple[str, ...] | None = None
    min: float | NaiveDatetime | None = None
    max: float | NaiveDatetime | None = None
    missing: bool = False

    @model_validator(mode="after")
    def _one(self) -> Condition:
        if self.values is None and self.min is None and self.max is None and not self.missing:
            raise ValueError(
                'give values, min, max or missing: true, as `{values: ["M"]}` or `{min: 0, max: 12}`'
            )
        if self.min is None or self.max is None:
            return self
        if isinstance(self.min, dt.datetime) != isinstance(self.max, dt.datetime):
            raise ValueError(
                f"min and max: one is a date, got {listed((self.min, self.max))}; give two dates or two numbers"
            )
        if self.min > self.max:  # type: ignore[operator]
            raise ValueError(
                f"min must not exceed max, got {listed((self.min, self.max))}; write the lower one as min"
            )
        return self

    @property
    def edges(self) -> tuple[float | dt.datetime, ...]:
        """What is given of min and max."""
        return tuple(e for e in (self.min, self.max) if e is not None)


class Csv(Frozen):
    """How the text file is written; a file without a header lists its columns in schema order.

    ``separator``: the sign between values; "\\t" in double quotes is a tab.
    ``encoding``: how letters are written, by Python's name for it.
    ``decimal``: the sign before the decimals of a number, in integer and float columns; where it is a comma,
    a number with a point is refused, since it may stand for thousands.
    ``header``: whether the first line names the columns.
    ``strip``: whether blanks around a value are left out.
    ``newlines``: whether a quoted value may run over several lines; otherwise a stray quote is refused before
    it swallows the rows after it.
    ``comment``: a line that begins with it, and is no row by its number of values, is passed over.

    Privacy: public; it says nothing of a row.

    Example::

        separator: ;
        encoding: latin-1
        decimal: ","
        header: true
        strip: true
        newlines: true
        comment: "#"
    """

    separator: str = Field(default=",", pattern=r'^[^"\r\n]$')
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
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
            raise ValueError(
                f"{encoding!r} is not a known text encoding; name one as utf-8, latin-1 or cp1252"
            ) from error
        return encoding


SOME = 8
"""Known names that an error lists."""


def _twice(names: Iterable[str]) -> str:
    """The first name that stands there twice; "" where none does."""
    every = list(names)
    return next((n for n in every if every.count(n) > 1), "")


def _some(names: Collection[str]) -> str:
    """A few of them."""
    few = list(names)[:SOME]
    return ", ".join(few) + (", …" if len(names) > SOME else "")


class Schema(Frozen):
    """The public domain of one data set.

    ``name``: what the data set is called; the ledger keeps its budget under it.
    ``description``: what it is. ``source``: where each value below is published.
    ``unit``: the column that names whoever is protected, or null where a row is a unit.
    ``max_rows_per_unit``: how many of a unit's rows count (k); sensitivity follows from it.
    ``public_rows``: the row count, only where it is public knowledge.
    ``surplus_columns``: what happens to columns of the file that are not declared here.
    ``csv``: how a CSV file is written.
    ``columns``: every column by name, its kind and its domain.
    ``targets``: what models are trained to predict, so that synthetic rows are judged by it.
    ``subgroups``: whom the release must serve.
    ``keep_together``: pairs and triples of columns that matter together; AIM measures them before it looks for
    others.
    ``impossible``: structural zeros; each maps columns to conditions that never hold together.
    ``relations``: what columns have to do with each other; every synthetic row keeps it.
    ``gaps``: what the difference of two columns that are tied by an order looks like, by its name ``b - a``;
    measured under a charge where a relation leaves its bins open.
    ``npz``: the arrays of an .npz file that a column consists of, one after the other; a column that is not
    listed is the array of its own name.
    ``visits``: how the rows of a unit follow one another; without it they are drawn as strangers.
    ``tables``: the files that rows with visits are put together from, and are published as.

    Privacy: public. ``name``: budget; people have one budget, whatever name they are given later.
    ``unit``: budget; whoever it names is protected with all their rows, and without it a single row is.
    ``max_rows_per_unit``: budget; noise grows with it, and rows beyond it are not used.
    ``public_rows``: public; the count of your rows is private unless it was published.
    ``gaps``: measured where it is left out.
    ``keep_together``: public; what is named here is measured first, for up to half of AIM's selections.

    Example::

        name: admissions
        description: Admissions to a district hospital, 2023 and 2024.
        source: The hospital's data dictionary, version 3.
        unit: patient
        max_rows_per_unit: 4
        public_rows: 40000
        surplus_columns: drop
        csv: {separator: ;, decimal: ","}
        columns:
          patient: {kind: identifier}
          admitted: {kind: datetime, bounds: [2023-01-01, 2024-12-31], bins: 8}
          discharged: {kind: datetime, bounds: [2023-01-01, 2025-12-31], bins: 12}
          sex: {kind: categorical, categories: [F, M]}
          age: {kind: integer, bounds: [18, 110], bins: [18, 40, 65, 110], out_of_range: clamp}
          pregnant: {kind: categorical, categories: ["no", "yes"]}
          readmitted: {kind: categorical, categories: ["no", "yes"]}
        targets: [{task: classification, column: readmitted, positive: ["yes"]}]
        subgroups: [{column: sex}, {column: age, bands: [18, 65, 110]}]
        keep_together: [[age, readmitted]]
        impossible: [{pregnant: {values: ["yes"]}, age: {min: 60}}]
        relations: [{order: [admitted, discharged]}]
        gaps: {discharged - admitted: {kind: integer, bounds: [0, 1095], bins: [0, 1, 3, 7, 14, 1095]}}
        visits: {order: admitted, constant: [sex], ages: {age: 365.25}}
        tables: {patients: {}, stays: {of: patients}}
        ---
        name: scans
        npz: {scan: [train_images, test_images], finding: [train_labels, test_labels]}
        columns:
          scan: {kind: image, height: 28, width: 28}
          finding: {kind: categorical, categories: ["0", "1"]}
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")
    description: str = ""
    source: str = ""
    unit: str | None = None
    max_rows_per_unit: int = Field(default=1, ge=1, le=1000)
    public_rows: int | None = Field(default=None, ge=1)
    surplus_columns: Literal["refuse", "drop"] = "refuse"
    csv: Csv = Csv()
    npz: Mapping[str, tuple[str, ...]] = {}
    columns: dict[str, Column] = Field(min_length=1)
    targets: tuple[Target, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    keep_together: tuple[tuple[str, ...], ...] = ()
    impossible: tuple[dict[str, Condition], ...] = ()
    relations: tuple[Relation, ...] = ()
    gaps: Mapping[str, Numeric] = {}
    visits: Visits | None = None
    tables: Mapping[Name, Table] = {}

    @field_validator("npz", mode="before", json_schema_input_type=dict[str, str | tuple[str, ...]])
    @classmethod
    def _one_or_many(cls, npz: Any) -> Any:
        if not isinstance(npz, dict):
            return npz
        return {k: (v,) if isinstance(v, str) else v for k, v in npz.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Schema:
        if self.unit is not None and not isinstance(self.columns.get(self.unit), Identifier):
            kind = getattr(self.columns.get(self.unit), "kind", "not declared")
            near = did_you_mean(self.unit, self.columns) if kind == "not declared" else ""
            declare = f"; declare `{self.unit}: {{kind: identifier}}` under `columns:`"
            raise ValueError(
                f"unit: {self.unit!r} must be a declared column of kind identifier, and is "
                f"{kind}{near or declare}"
            )
        if self.unit is not None and self.columns[self.unit].missing == "keep":
            raise ValueError(
                f"unit: {self.unit!r} keeps missing values, so some rows belong to nobody; take out its "
                "`missing: keep`"
            )
        if self.unit is None and self.max_rows_per_unit != 1:
            raise ValueError(
                f"max_rows_per_unit: {self.max_rows_per_unit} rows of whom? name the column that says so, "
                "as `unit: "
                "patient_id`"
            )
        if not self.modelled:
            raise ValueError(
                "columns: none but identifiers and images, so there is nothing to model; declare another, as "
                "`age: {kind: integer, bounds: [0, 120]}`"
            )
        if sum(isinstance(c, Image) for c in self.columns.values()) > 1:
            images = [n for n, c in self.columns.items() if isinstance(c, Image)]
            raise ValueError(f"columns: {images} are images, and an image set has one; keep one")
        if unknown := sorted(set(self.npz) - set(self.columns)):
            near = did_you_mean(unknown[0], self.columns)
            raise ValueError(
                f"npz: {unknown[0]!r} is not a declared column; declare it under `columns:`{near}"
            )
        self._check_decimals()
        for target in self.targets:
            self._check_target(target)
        if twice := _twice(t.name for t in self.targets):
            raise ValueError(f"targets: {twice!r} has the same name as another; leave one out")
        for subgroup in self.subgroups:
            self._check_subgroup(subgroup)
        if twice := _twice(s.name for s in self.subgroups):
            raise ValueError(
                f"subgroups: {twice!r} has the same name as another; leave one out, or give it a `name:`"
            )
        for together in self.keep_together:
            self._check_together(together)
        for zero in self.impossible:
            for column, condition in zero.items():
                self._check_condition(column, condition)
        tied = plan(self).gaps
        if clash := sorted(set(tied) & set(self.columns)):
            raise ValueError(
                f"relations: the gap {clash[0]!r} is called as a column is; give the column another name"
            )
        if unknown := sorted(set(self.gaps) - set(tied)):
            known = f"; gaps are {', '.join(tied)}" if tied else "; say an order under `relations:`"
            raise ValueError(
                f"gaps: no relation has {unknown[0]!r}{did_you_mean(unknown[0], tied) or known}"
            )
        if self.visits is not None:
            self.visits.check(self)
        check_tables(self)
        return self

    def _check_decimals(self) -> None:
        """A special value that is a number is one however a file writes its decimals."""
        for name, column in self.columns.items():
            if not isinstance(column, Numeric) or self.csv.decimal == ".":
                continue
            for value in column.special:
                if isinstance(value, str) and re.fullmatch(r"[+-]?\d*[.,]\d*", value):
                    raise ValueError(
                        f"columns.{name}: special: {value!r} is a number with decimals; write it as one, "
                        "unquoted"
                    )

    def _modelled_column(self, name: str, where: str) -> Categorical | Numeric | Datetime:
        column = self.columns.get(name)
        if column is None or isinstance(column, Identifier | Image):
            told = f"{where}: {name!r} is not a declared, modelled column"
            if column is not None:
                raise ValueError(f"{told} but an {column.kind}; name another")
            near = did_you_mean(name, self.modelled) or "; declare it under `columns:`"
            raise ValueError(f"{told}{near}")
        return column

    def _check_target(self, target: Target) -> None:
        columns = [self._modelled_column(name, "targets") for name in target.columns]
        for name in target.without:
            self._modelled_column(name, f"targets: {target.name!r} without")
            if name in target.columns:
                raise ValueError(
                    f"targets: {name!r} cannot be predicted without itself; take it out of its `without:`"
                )
        if isinstance(target, Classification):
            self._check_values(target.column, columns[0], target.positive)
        elif isinstance(target, Multiclass):
            self._check_values(target.column, columns[0], ())
        elif isinstance(target, Survival):
            self._check_values(target.event, columns[0], target.event_values)
            if not isinstance(columns[1], Numeric):
                raise ValueError(
                    f"targets: time {target.time!r} must be integer or float, and is {columns[1].kind}; "
                    "name the "
                    "column that counts days or months"
                )
        elif not isinstance(columns[0], Numeric):
            raise ValueError(
                f"targets: {target.column!r} must be integer or float for a regression, and is "
                f"{columns[0].kind}; "
                "take classification or multiclass"
            )

    @staticmethod
    def _check_values(name: str, column: Any, values: tuple[str, ...]) -> None:
        if not isinstance(column, Categorical):
            raise ValueError(
                f"targets: {name!r} must be categorical or ordinal, and is {column.kind}; declare it so, or "
                "take "
                "`task: regression`"
            )
        if column.categories is None:
            raise ValueError(
                f"targets: {name!r} must declare its categories; list them under `columns.{name}.categories`"
            )
        if unknown := sorted(set(values) - set(column.categories)):
            raise ValueError(
                f"targets: {unknown} are not categories of {name!r}, which are {_some(column.categories)}"
                f"{did_you_mean(unknown[0], column.categories)}"
            )
        if column.hierarchy is not None and column.hierarchy.released == "child":
            raise ValueError(
                f"targets: {name!r} is drawn (released: child), which predicts nothing; take `released: parent`"
            )

    def _check_subgroup(self, subgroup: Subgroup) -> None:
        column = self._modelled_column(subgroup.column, "subgroups")
        if isinstance(column, Categorical):
            if subgroup.bands is not None:
                raise ValueError(
                    f"subgroups: {subgroup.name!r} has bands but is not numeric; take its `bands:` out"
                )
            return
        if not isinstance(column, Numeric) or subgroup.bands is None:
            raise ValueError(
                f"subgroups: {subgroup.name!r} needs a categorical column, or bands of a numeric one, as "
                "`bands: [18, 65, "
                f"90]`; {subgroup.column!r} is {column.kind}"
            )
        what = f"subgroups: the bands of {subgroup.name!r}, column {subgroup.column!r},"
        check_edges(what, subgroup.bands, *column.bounds)
        if column.kind == "integer" and any(e != int(e) for e in subgroup.bands):
            raise ValueError(
                f"{what} must be whole, as the column is, got {listed(subgroup.bands)}; round them"
            )
        if column.decimals is not None and any(
            e != round(e, column.decimals) for e in subgroup.bands
        ):
            raise ValueError(
                f"{what} have more than its {column.decimals} decimals, got {listed(subgroup.bands)}; round "
                "them"
            )

    def _check_together(self, columns: tuple[str, ...]) -> None:
        for name in columns:
            self._modelled_column(name, "keep_together")
        if not 2 <= len(set(columns)) == len(columns) <= 3:
            raise ValueError(
                f"keep_together: {list(columns)} must be two or three different columns; write one list for "
                "each group"
            )
        if sum(set(columns) == set(other) for other in self.keep_together) > 1:
            raise ValueError(f"keep_together: {list(columns)} stands there twice; take one out")

    def _check_condition(self, name: str, condition: Condition) -> None:
        column = self._modelled_column(name, "impossible")
        values = set(condition.values or ())
        known: set[str] = set()
        if isinstance(column, Categorical):
            known = set(column.categories or ())
            if column.hierarchy is not None and column.draws_children:  # what its rows say
                known = set(column.hierarchy.leaves)
        elif isinstance(column, Numeric):
            known = {str(s) for s in column.special}
        if unknown := sorted(values - known):
            near = did_you_mean(unknown[0], known)
            raise ValueError(
                f"impossible: {unknown} are not declared values of {name!r}; a missing one is `missing: "
                f"true`{near}"
            )
        if condition.missing and column.missing != "keep":
            raise ValueError(
                f"impossible: {name!r} is never missing; take `missing: true` out, or give it `missing: keep`"
            )
        if condition.edges and isinstance(column, Categorical):
            raise ValueError(
                f"impossible: a range on {name!r}, which is not numeric and no date; list its `values:`"
            )
        dates = isinstance(column, Datetime)
        if any(isinstance(e, dt.datetime) != dates for e in condition.edges):
            raise ValueError(
                f"impossible: give the range of {name!r} in {'dates' if dates else 'numbers'}, got "
                f"{listed(condition.edges)}"
            )

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns of targets and subgroups: they condition everything else, and keep their own codes."""
        targets = (c for t in self.targets for c in t.columns)
        return tuple(dict.fromkeys((*targets, *(s.column for s in self.subgroups))))

    @property
    def alike(self) -> Mapping[str, str]:
        """Columns that look like another, whose values lie as that one's do."""
        return {}

    @property
    def changes(self) -> Mapping[str, Numeric]:
        """How far numbers are from those of another column that they do not follow from, by the gap's name."""
        return {}

    @property
    def known(self) -> frozenset[str]:
        """Columns that are described elsewhere, so that nothing of them is measured here."""
        return frozenset()

    @property
    def modelled(self) -> tuple[str, ...]:
        """The columns that have codes, in order: all but identifiers and the image."""
        coded = (n for n, c in self.columns.items() if not isinstance(c, Identifier | Image))
        return tuple(coded)

    @property
    def image(self) -> str | None:
        """The name of the image column; None for a table without one."""
        return next((n for n, c in self.columns.items() if isinstance(c, Image)), None)

    @property
    def informative(self) -> tuple[str, ...]:
        """The columns that a canonical frame holds, in order: all but the identifiers."""
        return tuple(n for n, c in self.columns.items() if not isinstance(c, Identifier))

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The columns, gaps and tables whose bins, categories or values are to be measured under a charge."""
        how = plan(self)
        columns = (
            name
            for name, c in [*self.columns.items(), *how.gaps.items()]
            if (isinstance(c, Categorical) and c.categories is None)
            or (isinstance(c, Numeric | Datetime) and c.bins is None)
        )
        return (*columns, *(table.name for table in how.determined if table.table is None))

    def without(self, names: Collection[str]) -> Schema:
        """This schema without these columns and all that needs them: targets, subgroups, impossible rows.

        A part of the columns makes no tables.
        """
        gone = set(names)
        kept = self.model_dump() | {"tables": {}}
        kept["columns"] = {n: c for n, c in kept["columns"].items() if n not in gone}
        kept["targets"] = [
            d | {"without": [n for n in d["without"] if n not in gone]}
            for t, d in zip(self.targets, kept["targets"], strict=True)
            if not gone & set(t.columns)
        ]
        kept["subgroups"] = [d for d in kept["subgroups"] if d["column"] not in gone]
        kept["keep_together"] = [c for c in kept["keep_together"] if not gone & set(c)]
        kept["impossible"] = [c for c in kept["impossible"] if not gone & set(c)]
        kept["relations"] = [r.model_dump() for r in without(self.relations, gone)]
        kept["visits"] = self.visits and self.visits.without(gone)
        known = plan(Schema.model_validate(kept | {"gaps": {}})).gaps
        kept["gaps"] = {n: g for n, g in kept["gaps"].items() if n in known}
        return Schema.model_validate(kept)

    def completed(
        self,
        found: Mapping[str, Column],
        tables: Mapping[str, Mapping[str, int | float | str]] | None = None,
    ) -> Schema:
        """This schema with the columns, gaps and ``tables`` that were found in place of the incomplete ones."""
        others = {n: c for n, c in found.items() if n not in self.columns}
        gaps = {**self.gaps, **{n: c for n, c in others.items() if n not in self.changes}}
        columns = {n: found.get(n) or c for n, c in self.columns.items()}
        for name, of in self.alike.items():
            columns[name] = columns[of].model_copy(update={"missing": columns[name].missing})
        parts = {"columns": columns, "gaps": gaps}
        if self.changes:
            parts["moves"] = {n: others.get(n) or c for n, c in self.changes.items()}
        plain = {k: {n: c.model_dump() for n, c in v.items()} for k, v in parts.items()}
        known = tables or {}
        relations = [
            r.model_copy(update={"table": known.get(r.name, r.table)})
            if isinstance(r, Determined)
            else r
            for r in self.relations
        ]
        return type(self).model_validate(
            self.model_dump() | plain | {"relations": [r.model_dump() for r in relations]}
        )

    def to_yaml(self) -> str:
        """The schema as YAML that ``load_schema`` reads back to an equal value."""
        text: str = yaml.safe_dump(
            self.model_dump(mode="json", exclude_defaults=True),
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=None,  # a list of numbers on a line
            width=110,
        )
        return text


def load_schema(path: str | Path) -> Schema:
    """Read a schema from YAML; every error is one line that names file, place and value."""
    data = read_mapping(Path(path), Schema)
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    if "draft" in data or any(line.endswith(DRAFT_MARK) for line in lines):
        raise InputError(
            f"{path}: this draft holds values read from private rows; confirm that each is public,"
            " then delete its mark and the line `draft:`"
        )
    return validated(Path(path), data, Schema)
