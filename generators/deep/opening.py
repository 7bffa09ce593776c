"""What a deep generator measures before it trains: noisy counts that give its networks a good start.

Every column alone (which also merges codes too rare to learn, see ``generators.marginals.compression``); the
targets with each other, with each subgroup and with each two of them; every other column with each target.
A small graphical model is fitted to them: it draws the conditions (targets and subgroups) that rows are
generated for, and gives the output heads their first logits, log P(column) and log P(column | target).
Training then has to learn only what columns say about each other beyond that, and a minority's size and base
rate do not depend on it. ``keep_together`` of the schema is AIM's: here it is for the training to find.

Privacy claim: costs ``events(...)``, which the schema and ρ determine; the rest is post-processing. With one
row a unit the counts are discrete Gaussian mechanisms of sensitivity one, otherwise zCDP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from dp_accounting import DpEvent, SelfComposedDpEvent, ZCDpEvent

from generators.marginals.compression import BINS, Compression, compress
from generators.marginals.counting.coded import Clique, cells
from generators.marginals.counting.counter import Counter
from generators.marginals.estimate import Fit, Observation, fit, held_zeros
from generators.marginals.measurement import Ask, Budget, Measurement, total
from generators.marginals.model import GraphicalModel
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.noise import gaussian_sigma
from privacy.records.codec import RecordCodec
from privacy.schema.columns import Categorical, Column
from privacy.schema.schema import Schema

ALONE, CONDITIONS, UNITS = 0.30, 0.35, 0.02
"""Shares of ρ: columns alone, targets and subgroups together, the number of units; the rest for pairs."""
ITERATIONS = 400
FLOOR = 1e-4
"""Probability that goes to a column's own distribution wherever a condition was never seen."""
CROSSED = 20_000
"""Cells of a table over all targets and subgroups beyond which intersections are not measured."""
UNTOLD = 50
MANY = 30_000
"""Cells of a table over all targets beyond which only the first target conditions a column."""


@dataclass(frozen=True)
class Roles:
    """Which columns condition the others, by the schema alone."""

    columns: tuple[str, ...]
    targets: tuple[str, ...]
    subgroups: tuple[str, ...]
    rates: tuple[str, ...]
    """The targets whose rate in every intersection of two subgroups is measured."""

    @classmethod
    def of(cls, schema: Schema) -> Roles:
        targets = dict.fromkeys(c for t in schema.targets for c in t.columns)
        subgroups = dict.fromkeys(s.column for s in schema.subgroups if s.column not in targets)
        columns = schema.modelled
        in_order = sorted(targets, key=columns.index)
        groups = tuple(sorted(subgroups, key=columns.index))
        sizes = [_size(schema.columns[c]) for c in (*in_order, *groups)]
        rates = [t for t in in_order if isinstance(schema.columns[t], Categorical)]
        crossed = len(groups) > 1 and prod(sizes) <= CROSSED
        return cls(columns, tuple(in_order), groups, tuple(rates) if crossed else ())

    @property
    def conditions(self) -> tuple[str, ...]:
        return (*self.targets, *self.subgroups)

    @property
    def joint(self) -> list[Clique]:
        """Targets with each other, and each target with each subgroup or, for its rates, each two of them.

        Subgroups alone where there is no target.
        """
        two: list[Clique] = list(combinations(self.subgroups, 2))
        if not self.targets:
            return two
        crossed = [self.clique(*pair, t) for t in self.rates for pair in two]
        rest = [t for t in self.targets if t not in self.rates]
        single = [self.clique(s, t) for t in rest for s in self.subgroups]
        return [*combinations(self.targets, 2), *crossed, *single]

    @property
    def pairs(self) -> list[Clique]:
        """Every other column with each target."""
        rest = [c for c in self.columns if c not in self.conditions]
        return [self.clique(c, t) for c in rest for t in self.targets]

    def clique(self, *columns: str) -> Clique:
        """These columns in the order of the schema."""
        return tuple(sorted(columns, key=self.columns.index))


def _size(column: Column) -> int:
    """The most codes that a condition may have after merging, as far as the schema tells."""
    if isinstance(column, Categorical):
        return len(column.categories or ()) or UNTOLD
    return BINS


def costs(roles: Roles, rho: float) -> dict[str, tuple[int, float]]:
    """Kind of question → how many, and the ρ of each; adds up to at most ``rho``."""
    numbers = {"alone": len(roles.columns), "joint": len(roles.joint), "pairs": len(roles.pairs)}
    shares = {"alone": ALONE, "joint": CONDITIONS, "pairs": 1 - ALONE - CONDITIONS - UNITS}
    asked = {k: n for k, n in numbers.items() if n}
    weight = sum(shares[k] for k in asked) / (1 - UNITS) / (1 - 1e-9)
    return {k: (n, rho * shares[k] / weight / n) for k, n in asked.items()} | {
        "units": (1, rho * UNITS)
    }


def events(schema: Schema, rho: float) -> list[DpEvent]:
    """What ``measure`` costs, known from the schema."""
    k, found = schema.max_rows_per_unit, []
    for kind, (n, each) in costs(Roles.of(schema), rho).items():
        # one unit moves the number of units by one, and a table of rows by as many rows as it has
        single = k == 1 or kind == "units"
        draw: DpEvent = DiscreteGaussianDpEvent(gaussian_sigma(each)) if single else ZCDpEvent(each)
        found.append(SelfComposedDpEvent(draw, n))
    return found


@dataclass(frozen=True)
class Opening:
    """A graphical model of conditions and of what each column says about them, over merged codes.

    ``tables``: what was measured → its probabilities in the model, or as they were measured where the model
    would have been too large with them.
    ``units``: the noisy number of units, at least 1.
    ``zeros``: pairs of columns → merged codes that the schema says never meet.
    """

    model: GraphicalModel
    tables: Mapping[Clique, npt.NDArray[np.float64]]
    roles: Roles
    units: float
    zeros: Mapping[Clique, npt.NDArray[np.bool_]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """The noisy number of rows."""
        return max(1, round(self.model.total))

    @property
    def compression(self) -> Compression:
        return self.model.compression

    def given(self, column: str, target: str) -> npt.NDArray[np.float64]:
        """P(column | target), [codes of the target, codes of the column]."""
        pair = self.roles.clique(column, target)
        joint = self.tables[pair] if pair[0] == target else self.tables[pair].T
        joint = joint + FLOOR * self.tables[(column,)]
        return np.asarray(joint / joint.sum(1, keepdims=True))


def measure(
    codec: RecordCodec,
    codes: Counter,
    n_units: int,
    rho: float,
    ask: Ask,
    roles: Roles | None = None,
) -> Opening:
    """Ask everything that ``events`` pays for, and fit.

    ``roles``: those that were paid for, where the schema has been completed since.
    """
    schema = codec.schema
    roles = roles or Roles.of(schema)
    price = {kind: each for kind, (_, each) in costs(roles, rho).items()}
    budget = Budget(rho, schema.max_rows_per_unit, ask)
    people = Budget(price["units"], 1, ask)
    crowd = Counter.of({"unit": 1}, {"unit": np.zeros(n_units, dtype=np.uint8)})
    units = float(people.measure(crowd, ("unit",), price["units"]).counts.sum())
    alone = [budget.measure(codes, (c,), price["alone"]) for c in roles.columns]
    impossible: dict[Clique, npt.NDArray[np.bool_]]
    impossible = {c: z for c, z in codec.zeros.items() if len(c) == 2}
    kept = {c for c in roles.conditions if codec.own.columns[c].bins is None}
    kept |= {c for clique in impossible for c in clique if codec.columns[c].size <= UNTOLD}
    compression = compress(codes.domain, alone, whole=kept, ordered=codec.ordered)
    merged = codes.recode(compression.domain, compression.groups)
    joint = [budget.measure(merged, c, price["joint"]) for c in roles.joint]
    pairs = [budget.measure(merged, c, price["pairs"]) for c in roles.pairs]
    n = total([*alone, *joint, *pairs])
    zeros: dict[Clique, npt.NDArray[np.bool_]] = {
        c: _merged_zeros(z, [compression.groups[n] for n in c]) for c, z in impossible.items()
    }
    fitted = _fit(compression, roles, alone, [*joint, *pairs], n, zeros)
    tables = {
        m.clique: _probabilities(
            fitted.project(m.clique) if fitted.tree.holds(m.clique) else m.counts
        )
        for m in (*alone, *joint, *pairs)
    }
    model = GraphicalModel.of(fitted, compression, n)
    return Opening(model, tables, roles, max(1.0, units), zeros)


def _probabilities(table: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Noisy counts or probabilities as probabilities; uniform where nothing is left above zero."""
    positive = np.maximum(table, 0)
    if not positive.any():
        return np.full(table.shape, 1 / table.size)
    return np.asarray(positive / positive.sum())


def _merged_zeros(
    zeros: npt.NDArray[np.bool_], groups: list[npt.NDArray[np.intp]]
) -> npt.NDArray[np.bool_]:
    """Merged codes of two columns that never meet: none of what they stand for does."""
    possible = np.zeros([int(g.max()) + 1 for g in groups], dtype=bool)
    np.logical_or.at(possible, np.ix_(*groups), ~zeros)
    return ~possible


def _fit(
    compression: Compression,
    roles: Roles,
    alone: list[Measurement],
    joint: list[Measurement],
    n: float,
    zeros: Mapping[Clique, npt.NDArray[np.bool_]],
) -> Fit:
    """The model keeps to the zeros that have room in it, whatever noise says of either column alone."""
    seen = [compression.observe(m) for m in alone]
    seen += [Observation.plain(m.clique, m.counts, m.sigma) for m in joint]
    domain = compression.domain
    if roles.targets and cells(domain, roles.targets) * max(domain.values()) > MANY:
        first = roles.targets[0]
        seen = [o for o in seen if len(o.clique) == 1 or first in o.clique]
    root = joint[0].clique if joint else ()
    held = held_zeros(domain, seen, zeros)
    return fit(domain, seen, n, iterations=ITERATIONS, start=held, root=root)
