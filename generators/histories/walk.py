"""Histories drawn row by row: a start, then each row given what is constant, its place, the row before
and what is remembered of those before it.

Rows that the schema calls impossible, or whose codes contradict a relation, are drawn again given the same; a
history for which nothing is found ends before. What grows with the time
of the order (``ages``) is not drawn but follows from it, once the time of a row is drawn.

Privacy claim: post-processing of a fitted model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from generators.marginals.generator import MarginalModel
from generators.marginals.given import synthesize_given
from generators.marginals.model import GraphicalModel
from generators.rows import put
from privacy.histories.memory import begun, grown, recalled
from privacy.histories.schemas import StepSchema, anchored, step_schema
from privacy.histories.tables import told
from privacy.records.codec import RecordCodec
from privacy.records.following import FollowingCode
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import make_bins, number_identifiers
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import (
    bounds_as_numbers,
    plain_numbers,
    with_numbers,
    without_specials,
)
from privacy.schema.placing import gap_name
from privacy.schema.schema import Schema
from privacy.schema.visits import ROWS, timed

REDRAWS = 12
"""How often a row is drawn again before its history ends."""
BEGUN = 12
"""How often a history is begun that does not get as far as it should; then it is left as long as it is."""
ALIKE = 6
"""So often it is begun with the same first row: were it another at once, whoever died early with many rows
would become somebody who died late."""
MOVES, RARE = 20_000, 0.01
"""Of how many moves of a number a bin's share is told, and below which share of them a move is rare."""
SPARE = 1.05
"""Units beyond those that are expected to be enough."""


@dataclass(frozen=True)
class Walk:
    """What histories are drawn from."""

    schema: Schema
    start: MarginalModel
    model: GraphicalModel
    codec: RecordCodec

    @classmethod
    def of(cls, schema: Schema, start: MarginalModel, model: GraphicalModel) -> Walk:
        return cls(schema, start, model, RecordCodec(step_schema(schema)))

    @property
    def steps(self) -> StepSchema:
        steps = self.codec.schema
        assert isinstance(steps, StepSchema)
        return steps

    @cached_property
    def rows_each(self) -> float:
        """How many rows a unit has on average, by the model."""
        each = self.start.model.alone(ROWS)
        return float((each * np.arange(1, len(each) + 1)).sum() / each.sum())

    def histories(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """Histories until there are ``n`` rows, the last one whole; rows unit by unit, in order."""
        found: list[pd.DataFrame] = []
        units = rows = 0
        while rows < n:
            more = max(1, round(SPARE * (n - rows) / self.rows_each))
            batch = self._batch(more, rng)
            batch["unit"] += units
            units += more
            rows += len(batch)
            found.append(batch)
        frame = pd.concat(found, ignore_index=True)
        last = frame["unit"].iloc[n - 1]
        frame = frame[frame["unit"] <= last].reset_index(drop=True)
        return self._numbered(frame)

    def _batch(self, units: int, rng: np.random.Generator) -> pd.DataFrame:
        """The histories of so many units; "unit" and "place" beside the columns of the schema.

        One that ends before its rows are all drawn is begun again, in the end with another first row of the
        same categories, since it may have begun where there was no room for as many.
        """
        starts = self.start.sample(units, rng)
        left, done = np.arange(units), []
        for again in range(BEGUN):
            drawn = self._walked(starts, left, rng)
            size = starts[ROWS].to_numpy(dtype=np.int64)
            reached = np.bincount(drawn["unit"], minlength=units)[left]
            short = left[reached < size[left]]
            done.append(drawn if again == BEGUN - 1 else drawn[~drawn["unit"].isin(short)])
            left = short
            if not len(left):
                break
            if again + 1 >= ALIKE:
                others = self.start.again(starts.iloc[left].reset_index(drop=True), rng, ROWS)
                starts = put(starts, left, others)
        frame = pd.concat(done, ignore_index=True)
        return frame.sort_values(["unit", "place"], kind="stable").reset_index(drop=True)

    def _walked(
        self, starts: pd.DataFrame, alive: np.ndarray, rng: np.random.Generator
    ) -> pd.DataFrame:
        """The histories of some of the starts, as far as they come."""
        size, phase = starts[ROWS].to_numpy(dtype=np.int64), rng.random(len(starts))
        before = starts.iloc[alive].reset_index(drop=True)
        kept = begun(before, self.schema)
        rows = [before.assign(unit=alive, place=1)]
        for place in range(2, int(size[alive].max()) + 1):
            going = size[alive] >= place
            alive = alive[going]
            before, kept = (f[going].reset_index(drop=True) for f in (before, kept))
            if not len(alive):
                break
            start = starts.iloc[alive].reset_index(drop=True)
            given = self._given(start, size[alive], place, before, kept)
            drawn, fine = self._rows(given, start, phase[alive], rng)
            alive = alive[fine]
            constant = start[list(self.constant)]
            drawn = drawn.assign(**constant)[fine].reset_index(drop=True)
            before = drawn.astype({n: before[n].dtype for n in self.schema.modelled if n in drawn})
            kept = grown(kept[fine].reset_index(drop=True), before, self.schema)
            rows.append(before.assign(unit=alive, place=place))
        return pd.concat(rows, ignore_index=True)

    @property
    def constant(self) -> tuple[str, ...]:
        assert self.schema.visits is not None
        return self.schema.visits.constant

    def _given(
        self,
        start: pd.DataFrame,
        size: np.ndarray,
        place: int,
        before: pd.DataFrame,
        kept: pd.DataFrame,
    ) -> pd.DataFrame:
        """What is known of each row before it is drawn."""
        steps = self.steps
        known: dict[str, pd.Series] = told(np.full(len(size), place), size, steps)
        known |= recalled(kept, self.schema)
        for name in steps.given:
            if name not in known:
                of = steps.mirrors.get(name)
                known[name] = start[name] if of is None else before[of]
        return pd.DataFrame(known)[list(steps.given)]

    def _rows(
        self, given: pd.DataFrame, start: pd.DataFrame, phase: np.ndarray, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """A row for each of what is given, and for whom one was found."""
        order, ages = timed(self.schema), self.schema.visits and self.schema.visits.ages
        if not ages or order is None:
            return self._possible(given, rng)
        when, fine = self._possible(given, rng)
        since = self._number(when, order) - self._number(start, order)
        known = given.assign(**{order: when[order]})
        for name, each in ages.items():
            column = self.schema.columns[name]
            assert isinstance(column, Numeric)
            grown = self._number(start, name) + since / each
            if column.kind == "integer":
                grown = np.floor(grown + phase)
            grown = np.clip(grown, *bounds_as_numbers(column))
            everywhere = np.ones(len(when), dtype=bool)
            known[name] = with_numbers(when[name], column, grown, everywhere)
        drawn, also = self._possible(known, rng)
        return drawn, fine & also

    def _number(self, frame: pd.DataFrame, name: str) -> np.ndarray:
        column = self.schema.columns[name]
        assert isinstance(column, Numeric | Datetime)
        return plain_numbers(frame[name], column)

    def _possible(
        self, given: pd.DataFrame, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Rows drawn again until they are as they may be, and which of them came to be."""
        codes = {n: self.codec.encode_column(n, given) for n in map(str, given)}
        frame, fine = self._draw(given, codes, np.arange(len(given)), rng, False)
        for redraw in range(REDRAWS):
            again = np.flatnonzero(~fine)
            if not len(again):
                break
            more, good = self._draw(given, codes, again, rng, redraw >= REDRAWS // 2)
            kept = again[good]
            if len(kept):
                frame = put(frame, kept, more[good])
                fine[kept] = True
        return frame, fine

    def _draw(
        self,
        given: pd.DataFrame,
        codes: dict[str, np.ndarray],
        rows: np.ndarray,
        rng: np.random.Generator,
        leaps: bool,
    ) -> tuple[pd.DataFrame, np.ndarray]:
        known = {n: c[rows] for n, c in codes.items()}
        drawn = synthesize_given(self.model, known, rng)
        here = given.iloc[rows].reset_index(drop=True)

        leapt = self._leapt(drawn, len(rows), rng)

        def near(name: str, own: np.ndarray, values: pd.Series) -> pd.Series:
            if name not in self.moves:
                return values
            values, far = self._moved(name, here[self.anchors[name]], own, values, rng)
            leapt[far] = True
            return values

        frame, said = self.codec.draw(pd.DataFrame(known | drawn), rng, here, near)
        said &= leaps | ~leapt
        return frame, ~impossible_rows(frame, self.steps) & said

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Of each column that is drawn, the given one that its numbers move from."""
        return {name: before for name, (before, *_) in anchored(self.schema).items()}

    @cached_property
    def moves(self) -> dict[str, np.ndarray]:
        """Of each column that moves by what was measured, many moves in order; the same for every walk."""
        rng, found = np.random.default_rng(0), {}
        for name, before in self.anchors.items():
            if (change := self.steps.changes.get(gap_name(before, name))) is not None:
                bins = make_bins(change.model_copy(update={"bins": 1, "spikes": ()}))
                found[name] = np.sort(bins.draw(np.zeros(MOVES, dtype=np.int64), rng))
        return found

    @cached_property
    def steps_apart(self) -> dict[str, np.ndarray]:
        """Of each column that follows from the row before by a gap, what share of gaps has each of its
        codes."""
        rng, found = np.random.default_rng(0), {}
        for name, tied in self.codec.plan.relative.items():
            code, gap = self.codec.columns[name], self.codec.plan.gaps[tied.gap]
            if tied.anchor == self.anchors.get(name) and gap.shape is not None:
                assert isinstance(code, FollowingCode)
                assert code.gap is not None
                assert code.gap.bins is not None
                whole = make_bins(gap.model_copy(update={"bins": 1, "spikes": ()}))
                drawn = code.gap.bins.locate(whole.draw(np.zeros(MOVES, dtype=np.int64), rng))
                found[name] = np.bincount(drawn, minlength=code.ways) / MOVES
        return found

    def _leapt(
        self, drawn: Mapping[str, np.ndarray], n: int, rng: np.random.Generator
    ) -> np.ndarray:
        """Rows whose drawn gap is as rare as noise; as in ``_moved``."""
        leapt = np.zeros(n, dtype=bool)
        for name, shares in self.steps_apart.items():
            if name in drawn:
                use = np.flatnonzero(drawn[name] < len(shares))
                leapt[use] |= rng.random(len(use)) * RARE >= shares[drawn[name][use]]
        return leapt

    def _moved(
        self,
        name: str,
        before: pd.Series,
        own: np.ndarray,
        values: pd.Series,
        rng: np.random.Generator,
    ) -> tuple[pd.Series, np.ndarray]:
        """Numbers in their drawn bins, as far from those before as numbers move; and who leapt.

        Whether so rare a move was drawn because it happens, or because the model keeps some of its noise, the
        moves know better: it stays with the probability that they give it, over ``RARE``.
        """
        column, code, moves = (
            self.schema.columns[name],
            self.codec.own.columns[name],
            self.moves[name],
        )
        assert isinstance(column, Numeric)
        assert code.bins is not None
        last = without_specials(before, column)
        use = np.flatnonzero(np.isfinite(last) & (own < code.n_bins))
        low = code.bins.edges[own[use]] - last[use]
        high = code.bins.edges[own[use] + 1] - last[use]
        first, stop = np.searchsorted(moves, low), np.searchsorted(moves, high)
        inside = stop - first
        leapt = np.zeros(len(values), dtype=bool)
        leapt[use] = rng.random(len(use)) * RARE * MOVES >= inside
        some = inside > 0
        chosen = first[some] + (rng.random(some.sum()) * inside[some]).astype(np.int64)
        near = last[use[some]] + moves[chosen]
        if column.decimals is not None:
            near = np.round(near, column.decimals)
        fits = code.bins.locate(near) == own[use[some]]
        fits &= (near >= column.bounds[0]) & (near <= column.bounds[1])
        rows = use[some][fits]
        moved, found = np.full(len(values), np.nan), np.zeros(len(values), dtype=bool)
        moved[rows], found[rows] = near[fits], True
        return with_numbers(values, column, moved, found), leapt

    def _numbered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns of the schema, with fresh numbers for units and rows, and places where rows are
        counted."""
        assert self.schema.visits is not None
        place = pd.Series(frame["place"].to_numpy(), dtype="Int64")
        frame = frame.assign(**dict.fromkeys(self.schema.visits.numbered, place))
        return number_identifiers(frame, self.schema, units=pd.factorize(frame["unit"])[0])
