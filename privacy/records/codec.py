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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from privacy.records.contradictions import Contradictions
from privacy.records.drawing import Drawing
from privacy.records.following import Code, FollowingCode
from privacy.records.gaps import as_series, gap_between, may_be_absent
from privacy.records.rows import add_up, has_value, leave_out, look_up, repaired
from privacy.schema.codec import Codec, ColumnCode, number_identifiers
from privacy.schema.columns import Categorical, Datetime, Numeric
from privacy.schema.network import Mask
from privacy.schema.placing import Plan, plan
from privacy.schema.schema import Schema, Subgroup

Near = Callable[[str, np.ndarray, pd.Series], pd.Series]
"""A column, its own codes and values drawn by these → values that have the same codes."""


@dataclass(frozen=True)
class RecordCodec:
    """Codes of every modelled column of a complete schema, as generators see them.

    ``people``: by column, how many people have each code, where a model knows: numbers in the first and last
    bin are drawn by it. Raises ValueError where the schema still has bins or categories to be measured.
    """

    schema: Schema
    people: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)
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
        codec = Codec(self.schema)
        drawn = {
            n: code.holding(self.people[n])
            if n in self.people and n not in self.plan.relative
            else code
            for n, code in codec.columns.items()
        }
        object.__setattr__(codec, "columns", drawn)
        return codec

    def _code(self, name: str) -> Code:
        own, schema = self.own.columns[name], self.schema
        tied = self.plan.relative.get(name)
        if tied is not None:
            gap = Codec(Schema(name="gap", columns={tied.gap: self.plan.gaps[tied.gap]}))
            alone = may_be_absent(schema, tied.anchor)
            between = gap.columns[tied.gap]
            if name in self.people:
                between = between.holding(self.people[name])
            return FollowingCode(between, own, 0 if alone else own.n_bins)
        for one in self.plan.sums:
            if one.follows == name:
                alone = any(may_be_absent(schema, n) for n in one.of)
                return FollowingCode(None, own, 0 if alone else own.n_bins)
        for table in self.plan.determined:
            if table.determined == name and name not in self.schema.roles:
                by = schema.columns[table.by]
                assert isinstance(by, Categorical)
                alone = by.missing == "keep" or set(by.categories or ()) > set(table.listed)
                listed = len(own.values) if own.bins is None else own.n_bins
                return FollowingCode(None, own, 0 if alone else listed)
        return own

    @property
    def domain(self) -> dict[str, int]:
        """Column → number of codes, in schema order."""
        return {name: column.size for name, column in self.columns.items()}

    @property
    def ordered(self) -> dict[str, int]:
        """Of columns whose neighbouring codes are alike, how many of the first are in order: bins, but no
        special or missing value after them; ordinal categories.
        """
        bins = {n: c.n_bins for n, c in self.columns.items() if c.n_bins}
        return bins | {n: c.size for n, c in self.columns.items() if c.column.kind == "ordinal"}

    def groups(self, subgroup: Subgroup) -> tuple[np.ndarray, tuple[str, ...]]:
        """Code → group number of a subgroup, and the groups' labels."""
        return self.own.groups(subgroup)

    def sources(self, name: str) -> frozenset[str]:
        """The columns without which a column has no code."""
        if isinstance(self.columns[name], ColumnCode):
            return frozenset()
        if (tied := self.plan.relative.get(name)) is not None:
            return frozenset({tied.anchor})
        sums = [n for one in self.plan.sums if one.follows == name for n in one.of]
        tables = [t.by for t in self.plan.determined if t.determined == name]
        return frozenset((*sums, *tables))

    # to codes

    def encode(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Canonical frame [n rows] → int32 codes [n, modelled columns]."""
        frame = repaired(frame.reset_index(drop=True), self.schema, self.plan)
        return pd.DataFrame({name: self.encode_column(name, frame) for name in self.columns})

    def encode_column(self, name: str, frame: pd.DataFrame) -> np.ndarray:
        """The codes of one column of rows that keep all relations; reads the columns that it follows from."""
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
                there &= frame[table.by].isin(list(table.listed)).to_numpy(dtype=bool)
        return there

    # and back

    def decode(self, codes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
        """Codes → canonical frame in schema order in which all relations hold; identifiers become 1 … n."""
        return self.draw(codes, rng)[0]

    def draw(
        self,
        codes: pd.DataFrame,
        rng: np.random.Generator,
        given: pd.DataFrame | None = None,
        near: Near | None = None,
    ) -> tuple[pd.DataFrame, Mask]:
        """As ``decode``; and which rows are as their codes say, with no two that contradict each other.

        ``given``: columns whose values are known; rows that relations would move them in are not as said.
        ``near``: what else is known of a column's values inside their bins.
        """
        codes = codes.reset_index(drop=True)
        said = {n: codes[n].to_numpy().astype(np.int64) for n in self.columns}
        follows = {
            n: said[n] < c.ways for n, c in self.columns.items() if isinstance(c, FollowingCode)
        }
        own = {n: self._own_codes(n, said[n], rng) for n in self.columns}
        drawn = {n: self.own.columns[n].decode(own[n], rng) for n in self.columns}
        frame = pd.DataFrame(drawn, copy=False)  # copies would lay all columns side by side
        if near is not None:
            for name in self.columns:
                frame[name] = near(name, own[name], frame[name])
        pinned = pd.DataFrame(index=frame.index) if given is None else given.reset_index(drop=True)
        for name in map(str, pinned):
            frame[name] = pinned[name]
        met = self._leave_out(frame)
        for table in self.plan.determined:
            met &= ~Contradictions(self).otherwise(table)[said[table.by], said[table.determined]]
            met &= look_up(frame, self.schema, table, follows.get(table.determined))
        for network in self.plan.networks:
            met &= Drawing(
                self, network, said, own, follows, rng, frozenset(map(str, pinned))
            ).into(frame)
        for one in self.plan.sums:
            met &= add_up(frame, self.schema, one, follows[one.follows])
        for given_name in pinned:
            met &= _same(frame[given_name], pinned[given_name])
        for name in map(str, pinned):
            frame[name] = pinned[name]
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

    @cached_property
    def zeros(self) -> dict[tuple[str, ...], npt.NDArray[np.bool_]]:
        """Columns, in schema order → the cells of their joint codes that never occur, bool."""
        return Contradictions(self).zeros()

    def numeric(self, name: str) -> Numeric | Datetime:
        """The description of a number or date."""
        column = self.schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        return column


def _same(a: pd.Series, b: pd.Series) -> Mask:
    """Where two columns agree, missing values too."""
    absent = a.isna().to_numpy() & b.isna().to_numpy()
    return np.asarray(absent | (a == b).fillna(False).to_numpy(dtype=bool))
