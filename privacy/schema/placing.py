"""Which columns are drawn relative to which, so that a relation holds by construction: by the schema alone.

Of two numbers in order one keeps its own codes and the other gets those of the gap between them, so that the
gap's distribution is measured itself. Targets and subgroups keep their own codes, since these condition
everything else; of the rest the one in the narrowest bounds does, and a column whose bounds are much narrower
than the gap could be, or of a relation that says so, is drawn from its own bins, inside what the relation
allows. A column that is tied to several is drawn from itself in the row before, else from the narrowest gap. A
total follows from its parts; where it is a target or subgroup, a part that is neither is what the others leave.

Privacy claim: none; reads no data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from privacy.errors import did_you_mean
from privacy.schema.columns import Categorical, Column, Datetime, Numeric
from privacy.schema.network import Network
from privacy.schema.numbers import bounds_as_numbers
from privacy.schema.relations import (
    Determined,
    Equal,
    Gap,
    MissingTogether,
    Order,
    Relation,
    Total,
    neighbours,
)

if TYPE_CHECKING:
    from privacy.schema.schema import Schema

TIMES = (60.0, 300.0, 900.0, 1800.0, 3600.0, 86_400.0)
"""Seconds that lie between times: whole minutes, quarters of an hour, hours, days."""

WIDER = 1.25
"""By how much a gap may extend over more than a column's own bounds and still say more of it than these: of two
dates in order, whose bounds are a few days apart, the gap extends over a few days more than either."""

FINE = 1e-9
"""By how much of its range a float without decimals is less than another, where it has to be."""


@dataclass(frozen=True)
class Relative:
    """A column is its anchor plus (sign 1) or minus (−1) the gap."""

    anchor: str
    sign: int
    gap: str


@dataclass(frozen=True)
class Sum:
    """``follows`` = Σ sign · column over ``of``."""

    follows: str
    of: Mapping[str, int]
    relation: Total


@dataclass(frozen=True)
class Plan:
    """``networks``: numbers in order, each in the order of drawing. ``relative``: who is drawn from a gap.

    ``gaps``: name → what the difference looks like. ``determined``: in an order in which each can be looked up.
    """

    networks: tuple[Network, ...]
    relative: Mapping[str, Relative]
    gaps: Mapping[str, Numeric]
    sums: tuple[Sum, ...]
    determined: tuple[Determined, ...]
    equal: tuple[Equal, ...]
    together: tuple[MissingTogether, ...]

    @property
    def follows(self) -> set[str]:
        """Columns without codes of their own numbers: totals and what tables determine."""
        return {s.follows for s in self.sums} | {d.determined for d in self.determined}


def gap_name(a: str, b: str) -> str:
    """How the gap from ``a`` to ``b`` is called."""
    return f"{b} - {a}"


def plan(schema: Schema) -> Plan:
    """Raises ValueError, in words for whoever wrote the schema, where the relations cannot be kept."""
    relations = schema.relations
    for relation in relations:
        _check(relation, schema)
    _check_places(relations)
    roles = schema.roles
    networks, relative, gaps = _networks(schema, roles)
    return Plan(
        tuple(networks),
        relative,
        gaps,
        tuple(_sum(r, schema, roles) for r in relations if isinstance(r, Total)),
        tuple(_in_turn([r for r in relations if isinstance(r, Determined)])),
        tuple(r for r in relations if isinstance(r, Equal)),
        tuple(r for r in relations if isinstance(r, MissingTogether)),
    )


# what may be declared


def _check(relation: Relation, schema: Schema) -> None:
    for name in relation.names:
        if name not in schema.modelled:
            near = did_you_mean(name, schema.modelled)
            remedy = near or f"; name other columns, or leave {relation.says!r} out"
            raise ValueError(f"relations: {name!r} is not a declared, modelled column{remedy}")
    if not isinstance(relation, Equal | Determined) and len(set(relation.names)) < len(
        relation.names
    ):
        raise ValueError(f"relations: a column stands twice in {relation.says!r}; name each once")
    _check_written(relation, schema)
    if isinstance(relation, Order):
        _check_alike(relation.order, schema)
    elif isinstance(relation, Equal):
        if relation.equal[0] == relation.equal[1]:
            raise ValueError(
                f"relations: {relation.equal[0]!r} always equals itself; name two columns"
            )
        _check_alike(relation.equal, schema)
        for name, values in relation.when.items():
            _check_values(name, schema.columns[name], values)
    elif isinstance(relation, Determined):
        _check_table(relation, schema)
    elif isinstance(relation, Total):
        _check_total(relation, schema)
    else:
        for name in relation.names:
            if schema.columns[name].missing != "keep":
                raise ValueError(
                    f"relations: missing_together: {name!r} is never missing; give it `missing: keep`"
                )


def _unit(column: Column, name: str) -> str:
    """What a number counts: numbers of two columns are compared only where this is the same."""
    if isinstance(column, Datetime):
        return f"a date by the {column.resolution}"
    if isinstance(column, Numeric):
        return "a whole number" if column.kind == "integer" else "a number with decimals"
    raise ValueError(
        f"relations: {name!r} is {column.kind}, which cannot be more or less; give numbers or dates"
    )


def _check_alike(names: tuple[str, ...], schema: Schema) -> None:
    first = _unit(schema.columns[names[0]], names[0])
    for name in names[1:]:
        if (unit := _unit(schema.columns[name], name)) != first:
            advice = "of one kind"
            if isinstance(schema.columns[name], Datetime) and first.startswith("a date"):
                advice = "by the day (`resolution: day`), or leave the relation out"
            raise ValueError(
                f"relations: {names[0]!r} is {first} and {name!r} {unit}; declare both {advice}"
            )


def _check_written(relation: Relation, schema: Schema) -> None:
    """What a format leaves out is gone once rows are written, and a relation that rests on it with it."""
    names = relation.equal if isinstance(relation, Equal) else relation.names
    written = {n: c.written for n in names if isinstance(c := schema.columns[n], Datetime)}
    order = relation if isinstance(relation, Order) and relation.gap is None else None
    by_equal_formats = not order.strict if order else isinstance(relation, Equal)
    if by_equal_formats and len(set(written.values())) == 1:
        return
    for name in written:
        if written[name].is_coarse and not (order and name == names[0]):
            raise ValueError(
                f"relations: {relation.says!r}: {written[name].format!r} does not write all of {name!r}; leave"
                f" the relation out, or give {name!r} another format or resolution"
            )


def _check_values(name: str, column: Column, values: tuple[str, ...]) -> None:
    if not isinstance(column, Categorical) or column.categories is None:
        raise ValueError(
            f"relations: {name!r} must be categorical, with its categories declared; it is {column.kind}"
        )
    if unknown := sorted(set(values) - set(column.categories)):
        near = did_you_mean(unknown[0], column.categories) or "; name some of them"
        raise ValueError(f"relations: {unknown} are not categories of {name!r}{near}")


def _check_table(relation: Determined, schema: Schema) -> None:
    name, column = relation.determined, schema.columns[relation.determined]
    if name == relation.by:
        raise ValueError(f"relations: {name!r} cannot determine itself; name another as `by:`")
    _check_values(relation.by, schema.columns[relation.by], tuple(relation.listed))
    if isinstance(column, Categorical):
        _check_values(name, column, tuple(str(v) for v in relation.listed.values()))
        return
    if relation.table is None:
        raise ValueError(
            f"relations: {name!r} is no category; give the table that determines it, as `table: "
            f"{{low: 1, high: 2}}`"
        )
    if isinstance(column, Datetime):
        raise ValueError(f"relations: {name!r} is a date; a table gives numbers and categories")
    assert isinstance(column, Numeric)
    low, high = column.bounds
    for key, value in relation.listed.items():
        if not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(
                f"relations: {name!r} cannot be {value!r}, as the table has it for {key!r}; its bounds are "
                f"{low:g} and "
                f"{high:g}"
            )
        if column.kind == "integer" and value != int(value):
            raise ValueError(
                f"relations: {name!r} is whole; the table has {value} for {key!r}; declare it `kind: float`"
            )


def _check_total(relation: Total, schema: Schema) -> None:
    units = {n: _unit(schema.columns[n], n) for n in relation.names}
    dates = [n for n in relation.names if isinstance(schema.columns[n], Datetime)]
    two = len(dates) == 2 and relation.total in dates
    if dates and not (two and units[dates[0]] == units[dates[1]]):
        raise ValueError(
            f"relations: {relation.says!r}: a date is the sum of one date, by the same unit, and numbers"
        )
    whole = [n for n in relation.names if schema.columns[n].kind != "float"]
    if whole and len(whole) < len(relation.names):
        raise ValueError(
            f"relations: {relation.says!r}: whole numbers and numbers with decimals; declare all of one kind"
        )
    bounds = {n: _bounds(schema.columns[n]) for n in relation.names}
    least = sum(bounds[n][0] for n in relation.parts)
    most = sum(bounds[n][1] for n in relation.parts)
    if least > bounds[relation.total][1] or most < bounds[relation.total][0]:
        raise ValueError(
            f"relations: {relation.says!r} cannot hold within the bounds: the parts sum to {least:g} to "
            f"{most:g}; widen "
            f"those of {relation.total!r}, or leave the relation out"
        )


def _check_places(relations: tuple[Relation, ...]) -> None:
    """A number follows from one relation only, or nothing could keep them all."""
    placed: dict[str, str] = {}
    for relation in relations:
        own: tuple[str, ...] = ()
        if isinstance(relation, Total):
            own = relation.names
        elif isinstance(relation, Determined):
            own = (relation.determined,)
        for name in own:
            if name in placed:
                raise ValueError(
                    f"relations: {name!r} already follows from {placed[name]!r}; leave {relation.says!r} out"
                )
            placed[name] = relation.says
    grouped: set[str] = set()
    for relation in relations:
        if isinstance(relation, Order | Equal):
            for name in relation.order if isinstance(relation, Order) else relation.equal:
                if name in placed:
                    raise ValueError(
                        f"relations: {name!r} already follows from {placed[name]!r};"
                        f" leave {relation.says!r} out"
                    )
        if isinstance(relation, MissingTogether):
            if twice := sorted(grouped & set(relation.names)):
                raise ValueError(
                    f"relations: {twice[0]!r} stands in two groups that are missing together; write one group"
                )
            grouped |= set(relation.names)


def _in_turn(tables: list[Determined]) -> Iterator[Determined]:
    left = {t.determined: t for t in tables}
    while left:
        ready = [t for t in left.values() if t.by not in left]
        if not ready:
            raise ValueError(
                f"relations: {' and '.join(left)} determine each other in a circle; leave one out"
            )
        for one in ready:
            yield left.pop(one.determined)


# who follows whom


def _bounds(column: Column) -> tuple[float, float]:
    assert isinstance(column, Numeric | Datetime)
    return bounds_as_numbers(column)


def _sum(relation: Total, schema: Schema, roles: Sequence[str]) -> Sum:
    if relation.total not in roles:
        return Sum(relation.total, dict.fromkeys(relation.parts, 1), relation)
    free = [p for p in relation.parts if p not in roles]
    numbers = [p for p in free if isinstance(schema.columns[p], Numeric)] or free
    if not numbers:
        raise ValueError(
            f"relations: {relation.says!r}: one of them must be neither a target's column nor a subgroup's"
        )
    rest = numbers[-1]
    others = {p: -1 for p in relation.parts if p != rest}
    return Sum(rest, {relation.total: 1, **others}, relation)


def _networks(
    schema: Schema, roles: Sequence[str]
) -> tuple[list[Network], dict[str, Relative], dict[str, Numeric]]:
    orders = [r for r in schema.relations if isinstance(r, Order)]
    equals = [r for r in schema.relations if isinstance(r, Equal)]
    networks: list[Network] = []
    relative: dict[str, Relative] = {}
    gaps: dict[str, Numeric] = {}
    for names in _connected([*(o.order for o in orders), *(e.equal for e in equals)]):
        mine = [o for o in orders if o.order[0] in names]
        network = _network(names, mine, schema)
        same = [e.equal for e in equals if e.equal[0] in names]
        place = {n: i for i, n in enumerate(names)}
        if not network.holds_with([(place[a], place[b]) for a, b in same]):
            raise ValueError(
                "relations: these cannot hold together within the bounds:"
                f" {'; '.join(r.says for r in schema.relations if set(r.names) & set(names))}; widen these, or"
                " leave one out"
            )
        pairs = {p: o.gap for o in mine if o.drawn == "gap" for p in neighbours(o)}
        in_turn = []
        for name, found in _placed(names, pairs, network, schema, roles):
            in_turn.append(name)
            if found is not None:
                relative[name], gap = found
                gaps[found[0].gap] = gap
        networks.append(_network(in_turn, mine, schema))
    return networks, relative, gaps


def _connected(groups: list[tuple[str, ...]]) -> list[list[str]]:
    """Columns that are tied to each other, in the order of being named."""
    parts: list[list[str]] = []
    for group in groups:
        met = [p for p in parts if set(p) & set(group)]
        joined = list(dict.fromkeys([n for p in met for n in p] + list(group)))
        parts = [p for p in parts if p not in met] + [joined]
    return parts


def _network(names: list[str], orders: list[Order], schema: Schema) -> Network:
    place = {n: i for i, n in enumerate(names)}
    differences = []
    for order in orders:
        gap = order.gap or Gap()
        # every two of a chain, so that it holds where one between them is missing
        for i, j in combinations(range(len(order.order)), 2):
            a, b = order.order[i], order.order[j]
            least = max(gap.min or 0.0, (j - i) * _step(schema.columns[b], order.strict))
            most = float("inf") if gap.max is None else gap.max
            differences.append((place[a], place[b], least, most))
    return Network.of(names, [_bounds(schema.columns[n]) for n in names], differences)


def _step(column: Column, strict: bool) -> float:
    """The least difference between different numbers of a column; 0 where they may be equal."""
    if not strict:
        return 0.0
    if column.kind != "float":
        return 1.0
    assert isinstance(column, Numeric)
    return _finest(column.bounds) if column.decimals is None else 10.0**-column.decimals


def _finest(bounds: tuple[float, float]) -> float:
    """The least difference of floats whose decimals are not known."""
    low, high = bounds
    return max((high - low) * FINE, 8 * float(np.spacing(max(abs(low), abs(high)))))


def _placed(
    names: list[str],
    pairs: Mapping[tuple[str, str], Gap | None],
    network: Network,
    schema: Schema,
    roles: Sequence[str],
) -> Iterator[tuple[str, tuple[Relative, Numeric] | None]]:
    """Columns in the order of drawing, with the gap that each is drawn from."""
    width = {n: _bounds(schema.columns[n])[1] - _bounds(schema.columns[n])[0] for n in names}
    done = [n for n in roles if n in names]
    left = [n for n in names if n not in roles]
    yield from ((n, None) for n in done)
    while left:
        possible = (
            (name, one)
            for name in left
            for (a, b) in pairs
            if name in (a, b) and (a if name == b else b) in done
            if (one := _gap(name, a, b, pairs[a, b], network, schema, width[name])) is not None
        )
        found = min(
            possible,
            key=lambda f: (
                schema.alike.get(f[1][0].anchor) != f[0],
                _reach(f[1][0], f[0], network),
            ),
            default=None,
        )
        name = min(left, key=lambda n: width[n]) if found is None else found[0]
        yield name, None if found is None else found[1]
        done.append(name)
        left.remove(name)


def _reach(relative: Relative, name: str, network: Network) -> float:
    """Over how much the gap that a column may be drawn from extends: the narrowest says most."""
    at, anchor = network.names.index(name), network.names.index(relative.anchor)
    low, high = network.between(anchor, at) if relative.sign > 0 else network.between(at, anchor)
    return high - low


def _gap(
    name: str,
    a: str,
    b: str,
    gap: Gap | None,
    network: Network,
    schema: Schema,
    width: float,
) -> tuple[Relative, Numeric] | None:
    """How ``name`` is drawn from the gap between a and b; None where its own bins say more."""
    low, high = network.between(network.names.index(a), network.names.index(b))
    if not low < high or (gap is None and high - low > WIDER * width):
        return None
    whole = schema.columns[name].kind != "float"
    known = schema.gaps.get(gap_name(a, b))
    if known is None:
        known = Numeric(
            kind="integer" if whole else "float",
            bounds=(low, high),
            bins=gap.bins if gap is not None else None,
            decimals=None if whole else _decimals(schema.columns[a], schema.columns[b]),
            heaped_at=TIMES if _in_seconds(schema.columns[a]) else None,
        )
    # decimals that were found since may have made the least gap larger, or finer than was thought
    elif (
        known.bounds[0] > low + (0 if whole else _finest(_bounds(schema.columns[b])))
        or known.bounds[1] < high
        or (known.kind == "integer") != whole
    ):
        kind = "integer" if whole else "float"
        raise ValueError(
            f"gaps: {gap_name(a, b)!r} lies between {low:g} and {high:g} by the bounds and relations, and was "
            f"given {known.bounds[0]:g} to {known.bounds[1]:g}; write `kind: {kind}, bounds: [{low:g}, "
            f"{high:g}]`"
        )
    if name == b:
        return Relative(a, 1, gap_name(a, b)), known
    return Relative(b, -1, gap_name(a, b)), known


def _in_seconds(column: Column) -> bool:
    return isinstance(column, Datetime) and column.resolution == "second"


def _decimals(*columns: Column) -> int | None:
    found = [c.decimals for c in columns if isinstance(c, Numeric)]
    return None if None in found else max(d for d in found if d is not None)
