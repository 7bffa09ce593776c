"""Histories drawn row by row: a root, then each row given the root, its place and the row before.

Rows that the schema calls impossible, or whose codes contradict a relation, are drawn again given the same; a
history for which nothing is found ends before, and a unit without any row is left out. What grows with the time
of the order (``ages``) is not drawn but follows from it, once the time of a row is drawn.

Privacy claim: post-processing of a fitted model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from generators.marginals.generator import MarginalModel
from generators.marginals.given import synthesize_given
from generators.marginals.model import GraphicalModel
from generators.rows import RECODED
from privacy.histories.schemas import StepSchema, root_schema, step_schema
from privacy.histories.tables import told
from privacy.records.codec import RecordCodec
from privacy.records.impossible import impossible_rows
from privacy.schema.columns import Datetime, Identifier, Numeric
from privacy.schema.numbers import bounds_as_numbers, plain_numbers, with_numbers
from privacy.schema.schema import Schema
from privacy.schema.visits import ROWS, timed

REDRAWS = 40
"""How often a row is drawn again before its history ends."""
SPARE = 1.05
"""Units beyond those that are expected to be enough."""


@dataclass(frozen=True)
class Walk:
    """What histories are drawn from."""

    schema: Schema
    root: MarginalModel
    model: GraphicalModel
    codec: RecordCodec

    @classmethod
    def of(cls, schema: Schema, root: MarginalModel, model: GraphicalModel) -> Walk:
        return cls(schema, root, model, RecordCodec(step_schema(schema)))

    @property
    def steps(self) -> StepSchema:
        steps = self.codec.schema
        assert isinstance(steps, StepSchema)
        return steps

    @cached_property
    def rows_each(self) -> float:
        """How many rows a unit has on average, by the model."""
        table = self.root.model
        home = next(i for i, c in enumerate(table.tree.cliques) if ROWS in c)
        clique = table.tree.cliques[home]
        others = tuple(i for i, c in enumerate(clique) if c != ROWS)
        shape = [table.compression.domain[c] for c in clique]
        groups = table.marginals[home].reshape(shape).sum(axis=others)
        each = groups[table.compression.groups[ROWS]] * table.compression.within[ROWS]
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
        """The histories of so many roots; "unit" and "place" beside the columns of the schema."""
        roots = self.root.sample(units, rng)
        size = roots[ROWS].to_numpy(dtype=np.int64)
        phase = rng.random(units)
        start: pd.DataFrame | None = None
        before, alive, rows = None, np.arange(units), []
        for place in range(1, int(size.max()) + 1):
            going = size[alive] >= place
            alive = alive[going]
            if not len(alive):
                break
            before = None if before is None else before[going].reset_index(drop=True)
            given = self._given(roots, alive, size, place, before)
            drawn, fine = self._rows(given, before, start, phase, alive, rng)
            alive, before = alive[fine], drawn[fine].reset_index(drop=True)
            if start is None:
                start = before.set_axis(alive)
            rows.append(before.assign(unit=alive, place=place))
        constant = [n for n in root_schema(self.schema).columns if n != ROWS]
        frame = pd.concat(rows, ignore_index=True).sort_values(["unit", "place"], kind="stable")
        own = roots[constant].iloc[frame["unit"]].reset_index(drop=True)
        return frame.reset_index(drop=True).assign(**own)

    def _given(
        self,
        roots: pd.DataFrame,
        alive: np.ndarray,
        size: np.ndarray,
        place: int,
        before: pd.DataFrame | None,
    ) -> pd.DataFrame:
        """What is known of each row before it is drawn."""
        steps = self.steps
        known: dict[str, pd.Series] = told(np.full(len(alive), place), size[alive], self.schema)
        for name in steps.given:
            if name in steps.mirrors:
                known[name] = self._before(steps.mirrors[name], len(alive), before)
            elif name not in known:
                known[name] = roots[name].iloc[alive].reset_index(drop=True)
        return pd.DataFrame(known)[list(steps.given)]

    def _before(self, name: str, n: int, before: pd.DataFrame | None) -> pd.Series:
        if before is not None:
            return before[name].reset_index(drop=True)
        column = self.schema.columns[name]
        if isinstance(column, Datetime):
            return pd.Series(np.full(n, np.datetime64("NaT"), dtype="datetime64[s]"))
        if isinstance(column, Numeric):
            return (
                pd.Series([pd.NA] * n, dtype="Int64")
                if column.kind == "integer"
                else pd.Series(np.full(n, np.nan))
            )
        return pd.Series([None] * n, dtype=object)

    def _rows(
        self,
        given: pd.DataFrame,
        before: pd.DataFrame | None,
        start: pd.DataFrame | None,
        phase: np.ndarray,
        alive: np.ndarray,
        rng: np.random.Generator,
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """A row for each of what is given, and for whom one was found."""
        order, ages = timed(self.schema), self.schema.visits and self.schema.visits.ages
        if start is None or not ages or order is None:
            return self._possible(given, rng)
        when, fine = self._possible(given, rng)
        since = self._number(when, order) - self._number(start.loc[alive], order)
        known = given.assign(**{order: when[order]})
        for name, each in ages.items():
            column = self.schema.columns[name]
            assert isinstance(column, Numeric)
            grown = self._number(start.loc[alive], name) + since / each
            if column.kind == "integer":
                grown = np.floor(grown + phase[alive])
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
        codes = {n: self.codec.encode_column(n, given) for n in given}
        frame, fine = self._draw(given, codes, np.arange(len(given)), rng, True)
        for redraw in range(REDRAWS):
            again = np.flatnonzero(~fine)
            if not len(again):
                break
            more, good = self._draw(given, codes, again, rng, redraw < RECODED)
            kept = again[good]
            if len(kept):
                frame.iloc[kept] = more[good]
                fine[kept] = True
        return frame, fine

    def _draw(
        self,
        given: pd.DataFrame,
        codes: dict[str, np.ndarray],
        rows: np.ndarray,
        rng: np.random.Generator,
        strict: bool,
    ) -> tuple[pd.DataFrame, np.ndarray]:
        known = {n: c[rows] for n, c in codes.items()}
        drawn = synthesize_given(self.model, known, rng)
        here = given.iloc[rows].reset_index(drop=True)
        frame, said = self.codec.draw(pd.DataFrame(known | drawn), rng, here)
        return frame, ~impossible_rows(frame, self.steps) & (said if strict else True)

    def _numbered(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns of the schema, with fresh numbers for units and rows, and places where rows are counted."""
        visits, unit = self.schema.visits, self.schema.unit
        assert visits is not None
        person = pd.Series(pd.factorize(frame["unit"])[0] + 1).astype(str).astype(object)
        row = pd.Series(np.arange(1, len(frame) + 1).astype(str), dtype=object)
        found = {}
        for name, column in self.schema.columns.items():
            if isinstance(column, Identifier):
                found[name] = person if name == unit else row
            elif name in visits.numbered:
                found[name] = pd.Series(frame["place"].to_numpy(), dtype="Int64")
            else:
                found[name] = frame[name]
        return pd.DataFrame(found)
