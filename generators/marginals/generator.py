"""AIM and MST as generators, and the model they leave.

Both measure marginals of the schema's codes with discrete Gaussian noise and fit a graphical model; see
``aim`` and ``mst`` for the mechanisms.

Privacy claim: ``fit`` costs what ``event()`` names. Where a unit is one row that is the schedule of its draws,
whose loss distributions compose; with several rows a unit, or where sizes that the schedule goes by are yet to
be measured, it is ρ-zCDP. The number of rows is private and only its noisy estimate leaves. ``sample`` is
post-processing.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from dp_accounting import ComposedDpEvent, DpEvent, ZCDpEvent
from safetensors.numpy import load_file, save_file

from generators.base import Progress
from generators.marginals import aim, mst
from generators.marginals.counting.coded import Clique
from generators.marginals.counting.counter import Counter
from generators.marginals.given import conditioned, synthesize_given
from generators.marginals.measurement import Ask, Measurement, Step, price
from generators.marginals.model import GraphicalModel, Result, synthesize
from generators.marginals.rates import declared
from generators.marginals.workload import workload
from generators.rows import RECODED, REDRAWS, Drawn, draw_possible, put
from privacy.accounting.calibration import calibrate
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.ledger.paid import Paid
from privacy.noise import OPENDP
from privacy.records.codec import RecordCodec
from privacy.records.impossible import impossible_rows, may_hold
from privacy.records.where import Where
from privacy.schema.codec import ColumnCode, number_identifiers
from privacy.schema.columns import Categorical, Column
from privacy.schema.placing import plan
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import AnyRows

MOST_GAINED = 2.0
"""More than a schedule ever allows beyond the ρ of zCDP."""

TOLERANCE = 1e-4
"""How closely ρ is found; σ is half as far off."""


@dataclass(frozen=True)
class MarginalModel:
    """A fitted graphical model, the noisy marginals behind it, and the charge that paid for them."""

    schema: Schema
    model: GraphicalModel
    measurements: tuple[Measurement, ...]
    charge: str

    @property
    def rows(self) -> int:
        """The noisy estimate of the number of train rows."""
        return max(1, round(self.model.total))

    @cached_property
    def _codec(self) -> RecordCodec:
        """Draws numbers of an outermost bin by how many people the model has there."""
        plain = RecordCodec(self.schema)
        people = {n: self.model.alone(n) for n, code in plain.columns.items() if code.n_bins}
        return RecordCodec(self.schema, people)

    def sample(self, n: int, rng: np.random.Generator) -> pd.DataFrame:
        """``n`` rows as a canonical frame; the same for the same generator state.

        Of rows whose codes contradict a relation the numbers are drawn again, given their categories: rows with
        an event have more numbers that may contradict each other, and would be thrown away more often.
        """
        codec = self._codec
        fixed = [c for c, code in codec.columns.items() if code.n_bins == 0]

        def draw(more: int) -> Drawn:
            codes = pd.DataFrame(synthesize(self.model, more, rng))
            frame, said = codec.draw(codes, rng)
            for _ in range(RECODED if 0 < len(fixed) < len(codec.columns) else 0):
                bad = np.flatnonzero(~said)
                if not len(bad):
                    break
                given = {c: codes[c].to_numpy()[bad] for c in fixed}
                again = pd.DataFrame({**given, **synthesize_given(self.model, given, rng)})
                others, fine = codec.draw(again, rng)
                frame = put(frame, bad[fine], others[fine])
                said[bad[fine]] = True
            return frame, said

        return draw_possible(draw, n, self.schema)

    def narrowed(self, asked: Where) -> MarginalModel | None:
        """The model given what its codes tell of what is asked; exact but for bins that are cut through."""
        codec = RecordCodec(self.schema)
        allowed = {n: may_hold(codec.columns[n], c) for n, c in asked.items() if n in codec.columns}
        model = conditioned(self.model, allowed)
        return None if model is None else replace(self, model=model)

    def again(self, rows: pd.DataFrame, rng: np.random.Generator, also: str = "") -> pd.DataFrame:
        """Rows with the categories of these, and their values of the column ``also``, drawn anew; of a complete
        table without identifiers.
        """
        codec = RecordCodec(self.schema)
        kept = [c for c, code in codec.columns.items() if code.n_bins == 0 or c == also]
        given = {c: codec.encode_column(c, rows) for c in kept}
        codes = pd.DataFrame({**given, **synthesize_given(self.model, given, rng)})
        frame, said = codec.draw(codes, rng, rows[kept])
        left = ~said | impossible_rows(frame, self.schema)
        return put(frame, np.flatnonzero(left), rows[left])

    def filled(
        self, known: pd.DataFrame, rng: np.random.Generator
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Rows with these values, the rest drawn given their codes; and which keep all that the schema says.

        Raises InputError for a column that is drawn from another that is not known.
        """
        codec = self._codec
        for name in known.columns:
            if lacking := sorted(codec.sources(name) - set(known.columns)):
                raise InputError(
                    f"--like: {name!r} is drawn from {', '.join(lacking)}; give that too, or leave it out"
                )
        given = {n: codec.encode_column(n, known) for n in known.columns}

        def draw(rows: np.ndarray) -> Drawn:
            some = {n: codes[rows] for n, codes in given.items()}
            codes = pd.DataFrame({**synthesize_given(self.model, some, rng), **some})
            frame, said = codec.draw(codes, rng, known.iloc[rows])
            return frame, said & ~impossible_rows(frame, self.schema)

        frame, fine = draw(np.arange(len(known)))
        for _ in range(REDRAWS):
            bad = np.flatnonzero(~fine)
            if not len(bad):
                break
            others, now = draw(bad)
            frame = put(frame, bad[now], others[now])
            fine[bad[now]] = True
        return number_identifiers(frame, self.schema), fine

    def save(self, folder: Path) -> None:
        """schema.yaml, model.json and arrays.safetensors."""
        (folder / "schema.yaml").write_text(self.schema.to_yaml(), encoding="utf-8")
        self.save_tables(folder)

    def save_tables(self, folder: Path) -> None:
        """All but the schema."""
        structure, arrays = self.model.to_plain()
        described = []
        for i, m in enumerate(self.measurements):
            arrays[f"measured.{i}"] = m.counts
            groups = m.groups and [g.tolist() for g in m.groups]
            described.append({"clique": list(m.clique), "sigma": m.sigma, "groups": groups})
        content = {
            "kind": "marginals",
            "charge": self.charge,
            "structure": structure,
            "measurements": described,
        }
        (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")
        save_file(
            {k: np.ascontiguousarray(v) for k, v in arrays.items()}, folder / "arrays.safetensors"
        )

    @classmethod
    def load(cls, folder: Path) -> MarginalModel:
        """The model that ``save`` wrote."""
        return cls.load_tables(folder, load_schema(folder / "schema.yaml"))

    @classmethod
    def load_tables(cls, folder: Path, schema: Schema) -> MarginalModel:
        """The model that ``save_tables`` wrote, of that schema."""
        content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        arrays = load_file(folder / "arrays.safetensors")
        measurements = tuple(
            Measurement(
                tuple(m["clique"]),
                arrays.pop(f"measured.{i}"),
                m["sigma"],
                m.get("groups") and tuple(np.array(g, dtype=np.intp) for g in m["groups"]),
            )
            for i, m in enumerate(content["measurements"])
        )
        model = GraphicalModel.from_plain(content["structure"], arrays)
        return cls(schema, model, measurements, content["charge"])


@dataclass(frozen=True)
class Marginals(ABC):
    """What AIM and MST share; ``rho`` and ``steps`` are set by ``calibrate`` and by ``as_zcdp``.

    ``steps``: the draws that are charged one by one; None where ρ is charged for all of them.
    """

    rho: float | None = field(default=None, metadata={"calibrated": True})
    steps: tuple[Step, ...] | None = field(default=None, metadata={"calibrated": True})

    def calibrate(self, guarantee: Guarantee, schema: Schema, beside: DpEvent) -> Self:
        """The generator with the largest ρ that, composed with ``beside``, costs ``guarantee``."""

        def beside_it(event: DpEvent) -> DpEvent:
            return ComposedDpEvent([beside, event])

        least = calibrate(guarantee, lambda rho: beside_it(ZCDpEvent(rho)), 1e-10, 1e4)
        if schema.max_rows_per_unit > 1 or self.schedule(schema, least) is None:
            return self.as_zcdp(least)

        def event(rho: float) -> DpEvent:
            return beside_it(price(self.schedule(schema, rho) or ()))

        # as RDP has it the schedule costs what ρ-zCDP does, so that ``least`` is safe
        rho = calibrate(guarantee, event, least * (1 - 1e-9), MOST_GAINED * least, TOLERANCE)
        return replace(self, rho=rho, steps=self.schedule(schema, rho))

    def as_zcdp(self, rho: float) -> Self:
        """The generator priced as ρ-zCDP as a whole."""
        return replace(self, rho=rho, steps=None)

    def event(self) -> DpEvent:
        """Its steps, or ρ-zCDP; known without data."""
        rho = self.calibrated_rho
        return ZCDpEvent(rho) if self.steps is None else price(self.steps)

    @property
    def calibrated_rho(self) -> float:
        if self.rho is None:
            raise ValueError("calibrate first")
        return self.rho

    def fit(self, rows: AnyRows, schema: Schema, paid: Paid, progress: Progress) -> MarginalModel:
        """Measure and fit; ``rows`` are canonical and ``schema`` complete."""
        paid.covers(self.event())
        codec = RecordCodec(schema)
        count = Counter.gathered(codec.domain, map(codec.encode, rows.batches()), rows.room)
        result = self.run(count, codec, paid.transcript.answer, partial(progress, "measuring"))
        return MarginalModel(schema, result.model, result.measurements, paid.charge)

    def randomness(self) -> str:
        """Integer noise only."""
        return OPENDP

    @abstractmethod
    def schedule(self, schema: Schema, rho: float) -> tuple[Step, ...] | None:
        """The draws at that ρ; None where they are not known before the schema is complete."""

    @abstractmethod
    def run(
        self, count: Counter, codec: RecordCodec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        """The mechanism on counted codes."""


@dataclass(frozen=True)
class Aim(Marginals):
    """AIM (arXiv 2201.12677): marginals are chosen one after another where the model is worst.

    ``megabytes``: the largest graphical model; larger is more faithful and slower.

    Privacy: nothing.
    """

    megabytes: float = aim.MEGABYTES

    def schedule(self, schema: Schema, rho: float) -> tuple[Step, ...] | None:
        """Rates have shares by their groups, which categories to be measured do not have yet."""
        codec = RecordCodec(_emptied(schema))
        rates = declared(codec)
        texts = {c for c in schema.incomplete if isinstance(schema.columns.get(c), Categorical)}
        if texts & {c for r in rates for c in r.clique}:
            return None
        weights, keep = [r.weight for r in rates], len(schema.keep_together)
        return aim.schedule(len(codec.domain), weights, rho, keep)

    def run(
        self, count: Counter, codec: RecordCodec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        return self.run_weighed(
            count, codec, ask, progress, self.calibrated_rho, codec.schema.max_rows_per_unit
        )

    def run_weighed(
        self,
        count: Counter,
        codec: RecordCodec,
        ask: Ask,
        progress: Callable[[float], None],
        rho: float,
        sensitivity: int,
        beside: Sequence[Measurement] = (),
    ) -> Result:
        """The mechanism with that much ρ, of units whose rows weigh ``sensitivity`` together.

        ``beside``: what is known of some marginals already.
        """
        keep, known = _together(codec), codec.schema.known
        wanted = workload(codec.domain, *_roles(codec.schema), keep)
        targets = _roles(codec.schema)[0]
        if known:  # what is given makes a table twice as wide: triples would take most of the time
            wanted, targets = {r: w for r, w in wanted.items() if len(r) == 2}, set()
        return aim.aim(
            count,
            wanted,
            rho,
            sensitivity=sensitivity,
            rates=[r for r in declared(codec) if not known.issuperset(r.clique)],
            keep=keep,
            targets=targets,
            ordered=codec.ordered,
            zeros=codec.zeros,
            mirrors=_mirrors(codec),
            beside=beside,
            numbers={c: code.n_bins for c, code in codec.columns.items()},
            megabytes=self.megabytes,
            ask=ask,
            steps=self.steps,
            progress=progress,
        )


@dataclass(frozen=True)
class Mst(Marginals):
    """MST (arXiv 2108.04978): a tree of pairs, chosen once; faster and less faithful than AIM.

    ``keep_together`` of the schema is AIM's: here what is kept is what the tree finds.
    """

    def schedule(self, schema: Schema, rho: float) -> tuple[Step, ...]:
        """By the number of columns alone."""
        return mst.schedule(len(schema.modelled), rho)

    def run(
        self, count: Counter, codec: RecordCodec, ask: Ask, progress: Callable[[float], None]
    ) -> Result:
        return mst.mst(
            count,
            self.calibrated_rho,
            sensitivity=codec.schema.max_rows_per_unit,
            ordered=codec.ordered,
            zeros=codec.zeros,
            ask=ask,
            steps=self.steps,
            progress=progress,
        )


def _roles(schema: Schema) -> tuple[set[str], set[str]]:
    """Target columns and subgroup columns."""
    return {c for t in schema.targets for c in t.columns}, {s.column for s in schema.subgroups}


def _together(codec: RecordCodec) -> list[Clique]:
    """The cliques that the schema says to keep together, in the order of the domain."""
    return [tuple(c for c in codec.domain if c in r) for r in codec.schema.keep_together]


def _emptied(schema: Schema) -> Schema:
    """The schema as if nothing had been found where it is open: other columns' sizes do not depend on it."""
    how, incomplete = plan(schema), set(schema.incomplete)
    found: dict[str, Column] = {}
    for name, column in {**schema.columns, **how.gaps}.items():
        if name in incomplete:
            nothing = (
                {"categories": (column.other,)} if isinstance(column, Categorical) else {"bins": 1}
            )
            found[name] = column.model_copy(update=nothing)
    return schema.completed(found, {t.name: {} for t in how.determined if t.table is None})


def _mirrors(codec: RecordCodec) -> dict[str, str]:
    """Columns of the row before that have the codes of the column itself: no gap, no bands of a subgroup."""
    return {
        before: name
        for before, name in codec.schema.alike.items()
        if isinstance(codec.columns[name], ColumnCode)
        and codec.columns[name].labels == codec.columns[before].labels
    }
