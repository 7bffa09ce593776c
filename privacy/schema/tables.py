"""Tables that belong together: which files hold which columns of a schema with visits, and how.

The rows of such a schema are visits. One table has a row a unit, one a row a visit, and every other a few rows
for each row of one of these two: diagnoses and measurements of a visit, the death of a person. What those
rows hold are columns of the schema, one for each place that a row may have: "the row with this code, if there
is one" or "the first row, the second". So a set of tables and a table of visits say the same, and all that is
done with rows is done with every table: whatever goes together between any of them is found as ever.

Privacy claim: none; everything in it is public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from privacy.errors import did_you_mean
from privacy.schema.columns import Categorical, Column, Datetime, Identifier, Image, Numeric
from privacy.schema.documents import Frozen

if TYPE_CHECKING:
    from privacy.schema.schema import Condition, Schema

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
"""Of a table, and of its file without the ending."""


class Slot(Frozen):
    """A row that there may be for each row that a table belongs to.

    ``fixed``: what it says in certain columns of its file, by which it is known: ``{concept_id: "201826"}``.
    ``where``: the column of the schema whose second category says that the row is there, whose first that it
    is not.
    ``values``: columns of the file → columns of the schema; without ``where`` the row is there if any
    of them is known.

    Privacy: public; take the kinds of rows from the documentation: one that a single patient has gives them
    away.

    Example::

        - {fixed: {code: E11}, where: diabetes}
        - {fixed: {test: sodium, unit: mmol/L}, values: {value: sodium}}
    """

    fixed: Mapping[str, str] = {}
    where: str | None = None
    values: Mapping[str, str] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the schema that the row is made of."""
        return (*((self.where,) if self.where else ()), *self.values.values())


class Table(Frozen):
    """One table, called as its file is.

    ``of``: the table whose rows it belongs to, by the column that names them; none for that of the units.
    ``key``: the column that names its own rows, new in every release.
    ``rows``: for each row that it belongs to, the rows that there may be, each at most once; without them it
    is the table of visits. Several that are ``fixed`` alike are the first of their kind, the second, …
    ``copies``: columns of the file that repeat what a column of the schema says: ``{start_date: visit_date}``;
    they are written, and not read.

    Privacy: public.

    Example::

        patients: {}
        stays: {of: patients, key: stay_id}
        labs:
          of: stays
          key: lab_id
          rows: [{fixed: {test: sodium}, values: {value: sodium}}]
          copies: {taken: admitted}
    """

    of: str | None = None
    key: str | None = None
    rows: tuple[Slot, ...] = ()
    copies: Mapping[str, str] = {}

    @property
    def fixed(self) -> tuple[str, ...]:
        """The columns of the file by which its rows are known."""
        return tuple(self.rows[0].fixed) if self.rows else ()

    @property
    def values(self) -> dict[str, tuple[str, ...]]:
        """Columns of the file → all columns of the schema that they hold."""
        files = dict.fromkeys(f for slot in self.rows for f in slot.values)
        return {f: tuple(s.values[f] for s in self.rows if f in s.values) for f in files}

    @property
    def held(self) -> tuple[str, ...]:
        """All columns of the schema that its rows are made of."""
        return tuple(n for slot in self.rows for n in slot.columns)


def units_table(tables: Mapping[str, Table]) -> str:
    """The table of units."""
    return next(n for n, t in tables.items() if t.of is None)


def visits_table(tables: Mapping[str, Table]) -> str:
    """The table of visits."""
    return next(n for n, t in tables.items() if t.of is not None and not t.rows)


def linked(schema: Schema, table: str) -> str:
    """The column that names the rows which a table's rows belong to."""
    assert schema.unit is not None
    of = schema.tables[table].of
    key = None if of is None or schema.tables[of].of is None else schema.tables[of].key
    return key or schema.unit


def of_units(schema: Schema) -> tuple[str, ...]:
    """The columns of the table of units."""
    assert schema.visits is not None
    elsewhere = {n for t in schema.tables.values() for n in t.held}
    constant = set(schema.visits.constant) - elsewhere
    return tuple(n for n in schema.columns if n == schema.unit or n in constant)


def of_visits(schema: Schema) -> tuple[str, ...]:
    """The columns of the table of visits."""
    elsewhere = {n for t in schema.tables.values() for n in t.held}
    elsewhere |= set(of_units(schema)) - {schema.unit}
    return tuple(n for n in schema.columns if n not in elsewhere)


def there(schema: Schema, slot: Slot) -> tuple[str, str]:
    """What ``where`` says of a row that is not there, and of one that is."""
    column = schema.columns[slot.where or ""]
    assert isinstance(column, Categorical)
    assert column.categories is not None
    absent, present = column.categories
    return absent, present


def merged(columns: Sequence[Column]) -> Column:
    """What one column of a file holds that several columns of a schema come from.

    Raises ValueError where they are not all numbers, all categories or all dates written alike.
    """
    first = columns[0].model_copy(update={"missing": "keep"})
    if len(columns) == 1:
        return first
    if all(isinstance(c, Numeric) for c in columns):
        numbers = [c for c in columns if isinstance(c, Numeric)]
        decimals = [0 if c.kind == "integer" else c.decimals for c in numbers]
        whole = all(c.kind == "integer" for c in numbers)
        return Numeric(
            kind="integer" if whole else "float",
            bounds=(min(c.bounds[0] for c in numbers), max(c.bounds[1] for c in numbers)),
            bins=1,
            decimals=None
            if whole or None in decimals
            else max(d for d in decimals if d is not None),
            missing="keep",
            missing_values=first.missing_values,
        )
    if all(isinstance(c, Categorical) for c in columns):
        left_open = (c for c in columns if isinstance(c, Categorical) and c.categories is None)
        if (found := next(left_open, None)) is not None:
            return found.model_copy(update={"missing": "keep"})
        listed = [c.categories or () for c in columns if isinstance(c, Categorical)]
        names = tuple(dict.fromkeys(n for names in listed for n in names))
        return Categorical(
            kind="categorical",
            categories=names,
            missing="keep",
            missing_values=first.missing_values,
        )
    dates = [c for c in columns if isinstance(c, Datetime)]
    if len(dates) == len(columns) and len({(d.format, d.zone, d.resolution) for d in dates}) == 1:
        bounds = (min(d.bounds[0] for d in dates), max(d.bounds[1] for d in dates))
        return first.model_copy(update={"bounds": bounds, "bins": bounds})
    raise ValueError("are neither all numbers, nor all categories, nor all dates written alike")


def check(schema: Schema) -> None:
    """Raise ValueError for tables that a schema's rows cannot be put into."""
    tables = schema.tables
    if not tables:
        return
    if schema.visits is None or schema.unit is None:
        raise ValueError("tables: they hold the visits of units; say `unit:` and `visits:`")
    _check_tree(tables)
    main = visits_table(tables)
    key = tables[main].key
    if key is not None and (
        not isinstance(schema.columns.get(key), Identifier) or key == schema.unit
    ):
        raise ValueError(
            f"tables: {main}: key {key!r} must be a declared identifier beside the unit"
        )
    if tables[units_table(tables)].key not in (None, schema.unit):
        root = units_table(tables)
        raise ValueError(
            f"tables: {root}: its key is the unit, {schema.unit!r}, not {tables[root].key!r}; leave `key:` out"
        )
    for name, table in tables.items():
        for column in table.held:
            _check_held(schema, f"tables: {name}", column, table.of == units_table(tables))
    for name, table in tables.items():
        if table.of == main and key is None:
            raise ValueError(f"tables: {name}: its rows belong to visits; say {main}'s `key:`")
        if not table.rows and table.copies:
            raise ValueError(
                f"tables: {name}: copies are for tables with `rows:`; leave `copies:` out"
            )
        if table.rows:
            _check_rows(schema, name)
    every = [n for t in tables.values() for n in t.held]
    if twice := sorted({n for n in every if every.count(n) > 1}):
        raise ValueError(f"tables: {twice[0]!r} is held by two rows; take it out of one")


def _check_tree(tables: Mapping[str, Table]) -> None:
    roots = [n for n, t in tables.items() if t.of is None]
    if len(roots) != 1:
        raise ValueError("tables: one of them, that of the units, belongs to no other (no `of:`)")
    if tables[roots[0]].rows:
        raise ValueError(f"tables: {roots[0]}: has one row a unit, hence no `rows:`")
    mains = [n for n, t in tables.items() if t.of is not None and not t.rows]
    if len(mains) != 1 or tables[mains[0]].of != roots[0]:
        raise ValueError(
            f"tables: one of them, that of the visits, is `of: {roots[0]}` and has no `rows:`; all others have"
        )
    for name, table in tables.items():
        if table.of not in (None, roots[0], mains[0]):
            raise ValueError(f"tables: {name}: of is {roots[0]} or {mains[0]}, not {table.of!r}")


def _check_rows(schema: Schema, name: str) -> None:
    table, where = schema.tables[name], f"tables: {name}"
    visits = schema.visits
    assert visits is not None
    units = table.of == units_table(schema.tables)
    if any(set(slot.fixed) != set(table.fixed) for slot in table.rows):
        raise ValueError(
            f"{where}: all rows are known by the same columns, `fixed:`, and one is by others; name the same"
        )
    files = [*table.fixed, *table.values, *table.copies, linked(schema, name)]
    files += [table.key] if table.key else []
    if twice := sorted({f for f in files if files.count(f) > 1}):
        raise ValueError(f"{where}: its column {twice[0]!r} is said to be two things; name it once")
    own = {*of_units(schema), *(() if units else of_visits(schema))}
    if unknown := sorted(set(table.copies.values()) - own):
        raise ValueError(
            f"{where}: copies: {unknown[0]!r} is no column of what it belongs to"
            f"{did_you_mean(unknown[0], own) or '; name one of these'}"
        )
    for slot in table.rows:
        if not slot.columns:
            raise ValueError(f"{where}: a row is there by `where:` or by `values:`; say one")
        if slot.where is not None:
            _check_flag(schema, where, slot)
    for file, names in table.values.items():
        try:
            merged([schema.columns[n] for n in names])
        except ValueError as error:
            raise ValueError(f"{where}: the columns that {file} holds {error}") from None


def _check_held(schema: Schema, where: str, name: str, units: bool) -> None:
    visits, column = schema.visits, schema.columns.get(name)
    assert visits is not None
    if column is None or isinstance(column, Identifier | Image):
        near = did_you_mean(name, schema.modelled) or "; declare it under `columns:`"
        raise ValueError(f"{where}: {name!r} is not a declared column that is modelled{near}")
    if name == visits.order or name in (*visits.numbered, *visits.ages):
        raise ValueError(f"{where}: {name!r} is of the visit itself; take it out")
    if units != (name in visits.constant):
        said = "must be" if units else "cannot be"
        raise ValueError(f"{where}: {name!r} {said} in `visits: constant:`, by what it belongs to")


def _check_flag(schema: Schema, where: str, slot: Slot) -> None:
    assert slot.where is not None
    flag = schema.columns[slot.where]
    if not isinstance(flag, Categorical) or len(flag.categories or ()) != 2:
        raise ValueError(
            f'{where}: {slot.where!r} must have two categories: not there, there, as `categories: ["no", '
            '"yes"]`'
        )
    if flag.missing == "keep":
        raise ValueError(
            f"{where}: {slot.where!r} says whether a row is there, so it is never missing"
        )
    absent, _ = there(schema, slot)
    for name in slot.values.values():
        if not any(
            _rules_out(schema, zero, slot.where, absent, name) for zero in schema.impossible
        ):
            raise ValueError(
                f"{where}: {name!r} is known only where {slot.where!r} is; say so under `impossible:`, "
                f"{{{slot.where}: {{values: [{absent!r}]}}, {name}: {_all_of(schema.columns[name])}}}"
            )


def _rules_out(
    schema: Schema, zero: Mapping[str, Condition], flag: str, absent: str, name: str
) -> bool:
    """Whether a structural zero keeps the column from being known where the flag says the row is not there."""
    if set(zero) != {flag, name} or absent not in (zero[flag].values or ()):
        return False
    known, column = zero[name], schema.columns[name]
    if isinstance(column, Categorical):
        return set(column.categories or ()) <= set(known.values or ())
    assert isinstance(column, Numeric | Datetime)
    low = known.min is None or known.min <= column.bounds[0]  # type: ignore[operator]
    high = known.max is None or known.max >= column.bounds[1]  # type: ignore[operator]
    return low and high and bool(known.edges)


def _all_of(column: Column) -> str:
    """Every value of a column as a condition is written."""
    if isinstance(column, Categorical):
        return f"{{values: [{', '.join(map(repr, column.categories or ()))}]}}"
    assert isinstance(column, Numeric | Datetime)
    low = column.bounds[0].date() if isinstance(column, Datetime) else f"{column.bounds[0]:g}"
    return f"{{min: {low}}}"


def slots(table: Table) -> Iterator[tuple[Mapping[str, str], tuple[Slot, ...]]]:
    """The rows of a table, those that are fixed alike together."""
    kinds = {tuple(slot.fixed[f] for f in table.fixed): slot.fixed for slot in table.rows}
    for kind, fixed in kinds.items():
        yield fixed, tuple(s for s in table.rows if tuple(s.fixed[f] for f in table.fixed) == kind)
