"""Codes of whole records, which generators see: columns that relations tie are coded by what ties them.

As ``Codec``, but a column in order with another has the codes of the gap between them, and a total or what a
table determines a single code, "as it follows". A column's own numbers are codes beside these only where what
it follows from may be missing. ``decode`` draws one column after the other, each inside what its relations
leave, so that every row keeps all of them, whatever the codes; which codes contradict each other is said beside
the rows, and the pairs of them that can be told beforehand are structural zeros.

``encode`` brings a real row that breaks a relation to the nearest that keeps it, by that row alone.

Privacy claim: post-processing of codes; each row by itself. Reads no data of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from privacy.schema.codec import Codec, ColumnCode, number_identifiers
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.impossible import impossible_cells
from privacy.schema.numbers import bounds_as_numbers, with_numbers, without_specials
from privacy.schema.relations.declared import Determined, Equal
from privacy.schema.relations.following import Code, FollowingCode
from privacy.schema.relations.network import Between, Floats, Mask, Network
from privacy.schema.relations.placing import Plan, Relative, Sum, plan
from privacy.schema.schema import Schema, Subgroup

TRIES = 8
"""How often a number is drawn again from its bin before it is drawn anywhere that is allowed."""


@dataclass(frozen=True)
class RecordCodec:
    """Codes of every modelled column of a complete schema, as generators see them.

    Raises ValueError where the schema still has bins or categories to be measured.
    """

    schema: Schema
    columns: Mapping[str, Code] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.schema.incomplete:
            raise ValueError(f"not measured yet: {', '.join(self.schema.incomplete)}")
        columns = {n: self._code(n) for n in self.schema.modelled}
        object.__setattr__(self, "columns", columns)

    @cached_property
    def plan(self) -> Plan:
        return plan(self.schema)

    @cached_property
    def own(self) -> Codec:
        """The columns one by one."""
        return Codec(self.schema)

    @cached_property
    def roles(self) -> set[str]:
        """Columns of targets and subgroups, which keep their own codes."""
        schema = self.schema
        return {c for t in schema.targets for c in t.columns} | {s.column for s in schema.subgroups}

    def _code(self, name: str) -> Code:
        own, schema = self.own.columns[name], self.schema
        tied = self.plan.relative.get(name)
        if tied is not None:
            gap = Codec(Schema(name="gap", columns={tied.gap: self.plan.gaps[tied.gap]}))
            alone = may_be_absent(schema, tied.anchor)
            return FollowingCode(gap.columns[tied.gap], own, 0 if alone else own.n_bins)
        for one in self.plan.sums:
            if one.follows == name:
                alone = any(may_be_absent(schema, n) for n in one.of)
                return FollowingCode(None, own, 0 if alone else own.n_bins)
        for table in self.plan.determined:
            if table.determined == name and name not in self.roles:
                by = schema.columns[table.by]
                assert isinstance(by, Categorical)
                alone = by.missing == "keep" or set(by.categories or ()) > set(table.table)
                listed = len(own.values) if own.bins is None else own.n_bins
                return FollowingCode(None, own, 0 if alone else listed)
        return own

    @property
    def domain(self) -> dict[str, int]:
        """Column → number of codes, in schema order."""
        return {name: column.size for name, column in self.columns.items()}

    def groups(self, subgroup: Subgroup) -> tuple[np.ndarray, tuple[str, ...]]:
        """Code → group number of a subgroup, and the groups' labels."""
        return self.own.groups(subgroup)

    # to codes

    def encode(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Canonical frame [n rows] → int32 codes [n, modelled columns]."""
        frame = repaired(frame.reset_index(drop=True), self.schema, self.plan)
        return pd.DataFrame({name: self._encode(name, frame) for name in self.columns})

    def _encode(self, name: str, frame: pd.DataFrame) -> np.ndarray:
        code, series = self.columns[name], frame[name]
        if isinstance(code, ColumnCode):
            return code.encode(series)
        follows = self._follows(name, frame)
        codes = np.zeros(len(frame), dtype=np.int32)
        if not follows.all():
            alone = code.own.encode(series[~follows])
            codes[~follows] = code.ways + alone - code.skipped
        if code.gap is not None and follows.any():
            tied = self.plan.relative[name]
            apart = gap_between(frame[follows], self.schema, tied, name)
            codes[follows] = code.gap.encode(as_series(apart, self.plan.gaps[tied.gap]))
        return codes

    def _follows(self, name: str, frame: pd.DataFrame) -> Mask:
        """Rows in which the column has a value, and all that it follows from have one too."""
        there = has_value(frame[name], self.schema.columns[name])
        if (tied := self.plan.relative.get(name)) is not None:
            return there & has_value(frame[tied.anchor], self.schema.columns[tied.anchor])
        for one in self.plan.sums:
            if one.follows == name:
                for n in one.of:
                    there &= has_value(frame[n], self.schema.columns[n])
        for table in self.plan.determined:
            if table.determined == name:
                there &= frame[table.by].isin(list(table.table)).to_numpy(dtype=bool)
        return there

    # and back

    def decode(self, codes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Codes → canonical frame in schema order in which all relations hold; identifiers become 1 … n."""
        return self.draw(codes, rng)[0]

    def draw(self, codes: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, Mask]:
        """As ``decode``; and which rows are as their codes say, with no two that contradict each other."""
        codes = codes.reset_index(drop=True)
        said = {n: codes[n].to_numpy().astype(np.int64) for n in self.columns}
        follows = {
            n: said[n] < c.ways for n, c in self.columns.items() if isinstance(c, FollowingCode)
        }
        own = {n: self._own_codes(n, said[n], rng) for n in self.columns}
        frame = pd.DataFrame({n: self.own.columns[n].decode(own[n], rng) for n in self.columns})
        met = self._leave_out(frame)
        for table in self.plan.determined:
            met &= ~self._otherwise(table)[said[table.by], said[table.determined]]
            met &= look_up(frame, self.schema, table, follows.get(table.determined))
        for network in self.plan.networks:
            met &= _Drawing(self, network, said, own, follows, rng).into(frame)
        for one in self.plan.sums:
            met &= add_up(frame, self.schema, one, follows[one.follows])
        return number_identifiers(frame, self.schema), met

    def _own_codes(self, name: str, said: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The column's own codes; any where it follows, to stand there until it does."""
        code = self.columns[name]
        if isinstance(code, ColumnCode):
            return said
        own = code.own_codes(said)
        values = code.own.n_bins or len(code.own.values)
        return np.where(own < 0, rng.integers(0, values, len(own)), own)

    def _leave_out(self, frame: pd.DataFrame) -> Mask:
        """Let the first column of a group say whether all are missing."""
        met = np.ones(len(frame), dtype=bool)
        for group in self.plan.together:
            absent = frame[group.names[0]].isna().to_numpy()
            for name in group.names[1:]:
                met &= absent | ~frame[name].isna().to_numpy()
                absent = absent | frame[name].isna().to_numpy()
            leave_out(frame, group.names, absent)
        return met

    # what never meets

    @cached_property
    def zeros(self) -> dict[tuple[str, ...], npt.NDArray[np.bool_]]:
        """Columns, in schema order → the cells of their joint codes that never occur, bool."""
        found = impossible_cells(self.schema, self.columns)
        for a, b, never in self._contradictions():
            in_turn = list(self.columns).index(a) < list(self.columns).index(b)
            clique, cells = ((a, b), never) if in_turn else ((b, a), never.T)
            if cells.any():
                found[clique] = found.get(clique, np.zeros_like(cells)) | cells
        return found

    def _contradictions(self) -> list[tuple[str, str, Mask]]:
        found = []
        for name, tied in self.plan.relative.items():
            found.append((tied.anchor, name, self._apart(tied, name)))
        for network in self.plan.networks:
            names = [n for n in network.names if n not in self.plan.relative]
            for i, a in enumerate(names):
                for b in names[i + 1 :]:
                    j, k = network.names.index(a), network.names.index(b)
                    if np.isfinite(network.direct[[j + 1, k + 1], [k + 1, j + 1]]).any():
                        found.append((a, b, self._never(a, b, *network.between(j, k))))
        for group in self.plan.together:
            first, *rest = group.names
            for name in rest:
                apart = np.not_equal.outer(self._absent(first), self._absent(name))
                found.append((first, name, apart))
        for table in self.plan.determined:
            found.append((table.by, table.determined, self._otherwise(table)))
        return found

    def _never(self, a: str, b: str, least: float, most: float) -> Mask:
        """Bins of two columns between which no difference is allowed."""
        low_a, high_a = spans(self.own.columns[a])
        low_b, high_b = spans(self.own.columns[b])
        widest = high_b[None, :] - low_a[:, None]
        narrowest = low_b[None, :] - high_a[:, None]
        with np.errstate(invalid="ignore"):
            return np.asarray((widest < least) | (narrowest > most))

    def _apart(self, tied: Relative, name: str) -> Mask:
        """A gap from an anchor that is not there, no gap from one that is, and a gap out of the bounds."""
        code, anchor = self.columns[name], self.columns[tied.anchor]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        there, way = self._has_number(tied.anchor), np.arange(code.size) < code.ways
        never = _both(there, self._has_number(name) & ~way) | _both(~there, way)
        if isinstance(anchor, ColumnCode):
            low, high = bounds_as_numbers(self._numeric(name))
            first, last = spans(anchor)
            least, most = (s[: code.ways] for s in spans(code.gap))
            if tied.sign < 0:
                least, most = -most, -least
            with np.errstate(invalid="ignore"):
                out = (first[:, None] + least > high) | (last[:, None] + most < low)
            never[:, : code.ways] |= out
        return never

    def _otherwise(self, table: Determined) -> Mask:
        """Values that the table does not give."""
        by, code = self.columns[table.by], self.columns[table.determined]
        if isinstance(by, FollowingCode):
            return np.zeros((by.size, code.size), dtype=bool)
        listed = np.array([v in table.table for v in by.labels])
        listed[by.size - by.has_missing :] = False
        if isinstance(code, FollowingCode):
            way = np.arange(code.size) < code.ways
            value = self._has_value(table.determined)
            return _both(listed, value & ~way) | _both(~listed, way)
        never = np.zeros((by.size, code.size), dtype=bool)
        for i in np.flatnonzero(listed):
            given = pd.Series([table_value(table, by.labels[i], code.column)])
            if isinstance(code.column, Numeric):
                given = as_series(given.to_numpy(dtype=float), code.column)
            never[i] = self._has_value(table.determined)
            never[i, code.encode(given)[0]] = False
        return never

    def _numeric(self, name: str) -> Numeric | Datetime:
        column = self.schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        return column

    def _has_number(self, name: str) -> Mask:
        """Codes with which the column has a number."""
        code = self.columns[name]
        if isinstance(code, ColumnCode):
            return np.arange(code.size) < code.n_bins
        return np.arange(code.size) < code.ways + max(0, code.own.n_bins - code.skipped)

    def _has_value(self, name: str) -> Mask:
        """Codes with which the column has a number, or a category."""
        code = self.columns[name]
        if isinstance(code.column, Categorical):
            return ~self._absent(name)
        return self._has_number(name)

    def _absent(self, name: str) -> Mask:
        """Codes with which the column is missing."""
        code = self.columns[name]
        last = np.arange(code.size) == code.size - 1
        return last if code.has_missing else np.zeros(code.size, dtype=bool)


def _both(a: Mask, b: Mask) -> Mask:
    """Pairs of codes of which both are marked."""
    return np.asarray(a[:, None] & b[None, :])


@dataclass(frozen=True)
class _Drawing:
    """The numbers of one network, drawn in turn."""

    codec: RecordCodec
    network: Network
    said: Mapping[str, np.ndarray]
    own: Mapping[str, np.ndarray]
    follows: Mapping[str, Mask]
    rng: np.random.Generator

    def into(self, frame: pd.DataFrame) -> Mask:
        """Put them into the frame, where there is a number; whether they are as the codes say."""
        names, schema = self.network.names, self.codec.schema
        there, first = _numbers(frame, schema, names)
        equal = equal_pairs(frame, self.codec.plan.equal, self.network, there)
        freed = np.zeros_like(there)
        for _, k, mask in equal:
            freed[:, k] |= mask
        also, met = [], np.ones(len(frame), dtype=bool)
        tied = np.zeros_like(there)
        for k, name in enumerate(names):
            use = there[:, k] & ~freed[:, k]
            relative = self.codec.plan.relative.get(name)
            if relative is not None:
                j = names.index(relative.anchor)
                tied[:, k] = use & there[:, j] & self.follows[name]
                met &= ~use | (there[:, j] == self.follows[name])
                also.append(self._gap(name, relative, j, k, tied[:, k]))
                use = use & ~self.follows[name] & ~there[:, j]
            low, high = spans(self.codec.own.columns[name])
            also.append(
                Between(
                    -1,
                    k,
                    np.where(use, low[self.own[name]], np.nan),
                    np.where(use, high[self.own[name]], np.nan),
                )
            )

        def choose(k: int, low: Floats, high: Floats, values: Floats, rows: slice) -> Floats:
            return self._choose(k, low, high, values, rows, first, tied)

        values, kept = self.network.settle(there, choose, also, equal)
        for k, name in enumerate(names):
            column = self.codec._numeric(name)
            frame[name] = with_numbers(frame[name], column, values[:, k], there[:, k])
        return met & kept

    def _gap(self, name: str, relative: Relative, j: int, k: int, use: Mask) -> Between:
        code = self.codec.columns[name]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        low, high = spans(code.gap)
        at = np.where(use, self.said[name], 0)
        least, most = np.where(use, low[at], np.nan), np.where(use, high[at], np.nan)
        return Between(j, k, least, most) if relative.sign > 0 else Between(k, j, least, most)

    def _choose(
        self,
        k: int,
        low: Floats,
        high: Floats,
        values: Floats,
        rows: slice,
        first: Floats,
        tied: Mask,
    ) -> Floats:
        """A number of the code's bin, anywhere allowed where the bin has none that is."""
        name = self.network.names[k]
        column = self.codec._numeric(name)
        at = np.arange(rows.start, rows.stop)
        x = np.where(high <= low, low, first[rows, k])
        by_gap = tied[rows, k]
        redo = np.isfinite(low) & (high > low) & (by_gap | (x < low) | (x > high))
        for _ in range(TRIES):
            if not redo.any():
                break
            gapped, rest = np.flatnonzero(redo & by_gap), np.flatnonzero(redo & ~by_gap)
            if len(gapped):
                x[gapped] = self._from_gap(name, at[gapped], values[gapped])
            if len(rest):
                bins = self.codec.own.columns[name].bins
                assert bins is not None
                x[rest] = bins.draw(self.own[name][at[rest]], self.rng)
            x[redo] = on_grid(x[redo], low[redo], high[redo], column)
            redo &= (x < low) | (x > high)
        x[redo] = anywhere(low[redo], high[redo], column, self.rng)
        return x

    def _from_gap(self, name: str, at: np.ndarray, values: Floats) -> Floats:
        relative, code = self.codec.plan.relative[name], self.codec.columns[name]
        assert isinstance(code, FollowingCode)
        assert code.gap is not None
        assert code.gap.bins is not None
        drawn = code.gap.bins.draw(self.said[name][at], self.rng)
        anchor = values[:, self.network.names.index(relative.anchor)]
        return np.asarray(anchor + relative.sign * drawn)


# rows


def repaired(frame: pd.DataFrame, schema: Schema, how: Plan) -> pd.DataFrame:
    """Every row as near as can be to what it was, with the relations that columns' own codes do not keep."""
    frame = frame.copy()
    for group in how.together:
        absent = frame[list(group.names)].isna().any(axis=1).to_numpy()
        leave_out(frame, group.names, absent)
    for table in how.determined:
        look_up(frame, schema, table, None)
    for network in how.networks:
        there, numbers = _numbers(frame, schema, network.names)

        def nearest(
            k: int, low: Floats, high: Floats, values: Floats, rows: slice, was: Floats = numbers
        ) -> Floats:
            return np.asarray(was[rows, k])

        equal = equal_pairs(frame, how.equal, network, there)
        values, _ = network.settle(there, nearest, (), equal)
        for k, name in enumerate(network.names):
            column = schema.columns[name]
            assert isinstance(column, Numeric | Datetime)
            moved = there[:, k] & (values[:, k] != numbers[:, k])
            frame[name] = with_numbers(frame[name], column, values[:, k], moved)
    return frame


def gap_values(frame: pd.DataFrame, schema: Schema, name: str) -> pd.Series:
    """The gap of that name in every row of a canonical frame that has both columns."""
    how = plan(schema)
    frame = repaired(frame.reset_index(drop=True), schema, how)
    column, tied = next((n, r) for n, r in how.relative.items() if r.gap == name)
    both = has_value(frame[column], schema.columns[column])
    both &= has_value(frame[tied.anchor], schema.columns[tied.anchor])
    found = gap_between(frame[both], schema, tied, column)
    return as_series(found, how.gaps[name]).rename(name)


def gap_between(frame: pd.DataFrame, schema: Schema, tied: Relative, name: str) -> Floats:
    """How far a column is from its anchor, inside the public range."""
    apart = []
    for n in (name, tied.anchor):
        column = schema.columns[n]
        assert isinstance(column, Numeric | Datetime)
        apart.append(without_specials(frame[n], column))
    gap = plan_gap(schema, tied)
    found = tied.sign * (apart[0] - apart[1])
    if gap.decimals is not None:
        found = np.round(found, gap.decimals)
    return np.asarray(np.clip(found, *gap.bounds))


def plan_gap(schema: Schema, tied: Relative) -> Numeric:
    """The gap of a relative column."""
    return plan(schema).gaps[tied.gap]


def as_series(numbers: np.ndarray, column: Numeric | Datetime) -> pd.Series:
    """Numbers as a canonical series."""
    if column.kind == "integer":
        return pd.Series(np.rint(numbers).astype(np.int64), dtype="Int64")
    return pd.Series(numbers, dtype=float)


def may_be_absent(schema: Schema, name: str) -> bool:
    """Whether a row may have no number there."""
    column = schema.columns[name]
    return column.missing == "keep" or bool(isinstance(column, Numeric) and column.special)


def has_value(series: pd.Series, column: object) -> Mask:
    """Rows with a number that is not special, a date or a category."""
    if isinstance(column, Numeric | Datetime):
        return np.asarray(np.isfinite(without_specials(series, column)))
    return np.array(series.notna(), dtype=bool)


def _numbers(frame: pd.DataFrame, schema: Schema, names: tuple[str, ...]) -> tuple[Mask, Floats]:
    """Where there are numbers, and the numbers; [n, names]."""
    found = []
    for name in names:
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        found.append(without_specials(frame[name], column))
    numbers = np.stack(found, axis=1)
    return np.isfinite(numbers), numbers


def leave_out(frame: pd.DataFrame, names: tuple[str, ...], absent: Mask) -> None:
    """Make these columns missing in the rows that are ``absent``."""
    if absent.any():
        for name in names:
            frame[name] = frame[name].mask(pd.Series(absent, index=frame.index))


def equal_pairs(
    frame: pd.DataFrame, equal: tuple[Equal, ...], network: Network, there: Mask
) -> list[tuple[int, int, Mask]]:
    """Numbers of two columns of the network that agree, earlier one first, and the rows in which they do."""
    found = []
    for one in equal:
        if one.equal[0] in network.names:
            j, k = sorted(network.names.index(n) for n in one.equal)
            mask = there[:, j] & there[:, k]
            for name, values in one.when.items():
                mask &= frame[name].isin(list(values)).to_numpy(dtype=bool)
            found.append((j, k, mask))
    return found


def table_value(table: Determined, value: str, column: object) -> object:
    """What the table gives, as the column holds it."""
    given = table.table[value]
    return str(given) if isinstance(column, Categorical) else given


def look_up(frame: pd.DataFrame, schema: Schema, table: Determined, follows: Mask | None) -> Mask:
    """Put in what the table gives; where it gives nothing, whether that was said."""
    name, column = table.determined, schema.columns[table.determined]
    by, there = frame[table.by], has_value(frame[name], column)
    listed = by.isin(list(table.table)).to_numpy(dtype=bool)
    given = by.map({v: table_value(table, v, column) for v in table.table})
    put: Mask = np.logical_and(listed, there)
    if isinstance(column, Categorical):
        frame[name] = frame[name].where(~put, given)
    else:
        assert isinstance(column, Numeric)
        frame[name] = with_numbers(frame[name], column, given.to_numpy(dtype=float), put)
    said = listed if follows is None else follows
    return np.asarray(~there | (said == listed))


def add_up(frame: pd.DataFrame, schema: Schema, one: Sum, follows: Mask) -> Mask:
    """Put in a sum; where it leaves its bounds the others give way. Whether it was to be, and lay inside."""
    names = (one.follows, *one.of)
    there, numbers = _numbers(frame, schema, names)
    both: Mask = np.asarray(there.all(axis=1))
    met: Mask = np.asarray(~there[:, 0] | (both == follows))
    signs = np.array([-1.0, *one.of.values()])
    bounds = []
    for name in names:
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        bounds.append(bounds_as_numbers(column))
    low, high = (np.array(b) for b in zip(*bounds, strict=True))
    values = numbers[both]
    values[:, 0] = np.clip(values[:, 1:] @ signs[1:], low[0], high[0])
    off = values @ signs
    met[np.flatnonzero(both)[np.abs(off) > _slack(values)]] = False
    for k in range(1, len(names)):
        moved = np.clip(values[:, k] - signs[k] * off, low[k], high[k])
        off += signs[k] * (moved - values[:, k])
        values[:, k] = moved
    terms = [c.decimals for n in one.of if isinstance(c := schema.columns[n], Numeric)]
    if None not in terms and isinstance(schema.columns[one.follows], Numeric):
        values[:, 0] = np.round(values[:, 0], max((d for d in terms if d is not None), default=0))
    for k, name in enumerate(names):
        column = schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        whole = np.zeros(len(frame))
        whole[both] = values[:, k]
        frame[name] = with_numbers(frame[name], column, whole, both)
    return met


def _slack(values: np.ndarray) -> np.ndarray:
    """What sums of floats may be off."""
    return np.asarray(1e-9 * np.maximum(1.0, np.abs(values).max(axis=1, initial=0.0)))


# numbers


def spans(code: ColumnCode) -> tuple[Floats, Floats]:
    """Lowest and highest number of each code, NaN for codes that are no numbers."""
    low, high = np.full(code.size, np.nan), np.full(code.size, np.nan)
    if code.bins is not None:
        low[: code.n_bins] = code.bins.edges[:-1]
        high[: code.n_bins] = code.bins.edges[1:] - code.bins.whole
    return low, high


def on_grid(x: Floats, low: Floats, high: Floats, column: Numeric | Datetime) -> Floats:
    """With the column's decimals, where such a number is allowed."""
    if not isinstance(column, Numeric) or column.kind == "integer" or column.decimals is None:
        return x
    rounded = np.round(x, column.decimals)
    return np.where((rounded >= low) & (rounded <= high), rounded, x)


def anywhere(
    low: Floats, high: Floats, column: Numeric | Datetime, rng: np.random.Generator
) -> Floats:
    """A number drawn uniformly."""
    if column.kind == "float":
        return on_grid(rng.uniform(low, high), low, high, column)
    first, last = np.ceil(low - 1e-6).astype(np.int64), np.floor(high + 1e-6).astype(np.int64)
    return rng.integers(first, np.maximum(last, first) + 1).astype(float)
