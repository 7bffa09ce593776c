"""The leaderboard of a sweep: generators side by side at every ε, over seeds, for each data set.

Every figure is the mean over seeds with the lowest and the highest of them, which is a spread and not an
interval. Generators are ordered by utility; worst subgroup, excess gap and likeness stand beside it.

Privacy claim: none; shows internal scores, and says so unless the rows are public.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from evaluators.pages.drawing.charts import Chart, Grid
from evaluators.pages.drawing.page import DASH, environment, loss, number, write_page
from evaluators.pages.parts.headlines import GAP, UTILITY, WORST, headlines
from evaluators.pages.parts.tradeoff import Release, trade_offs

SHOWN = (UTILITY, WORST, GAP, "likeness")
"""Kinds of headlines that have a column."""


@dataclass(frozen=True)
class Cell:
    """A fit that was judged, and how many seconds it took to fit."""

    release: Release
    seconds: float


@dataclass(frozen=True)
class Row:
    """One generator at one ε on one data set; ``figures``: by name, the value for every seed."""

    data_set: str
    epsilon: float
    generator: str
    seeds: tuple[int, ...]
    approved: int
    seconds: tuple[float, ...]
    figures: dict[str, tuple[float, ...]]
    ceilings: dict[str, float]

    @property
    def order(self) -> float:
        """Generators stand by their first figure, which is utility, the best first."""
        first = next(iter(self.figures.values()), ())
        return -fmean(first) if first else float("inf")


@dataclass(frozen=True)
class Board:
    """A data set's part of the page."""

    data_set: str
    table: Grid
    charts: list[Chart]


def rows_of(cells: Sequence[Cell]) -> list[Row]:
    """Cells that differ in their seed only make one row."""
    found: dict[tuple[str, float, str], list[Cell]] = {}
    for cell in cells:
        facts = cell.release.facts
        assert facts.claim is not None
        found.setdefault((facts.data_set, facts.claim.epsilon, facts.generator), []).append(cell)
    rows = []
    for (data_set, epsilon, generator), mine in found.items():
        figures: dict[str, list[float]] = {}
        ceilings: dict[str, list[float]] = {}
        for cell in mine:
            for line in headlines(cell.release.scorecard, cell.release.facts.claim):
                if line.kind in SHOWN and line.score.value is not None:
                    figures.setdefault(line.name, []).append(line.score.value)
                    if line.kind == UTILITY and line.score.baseline is not None:
                        ceilings.setdefault(line.name, []).append(line.score.baseline)
        rows.append(
            Row(
                data_set,
                epsilon,
                generator,
                tuple(c.release.facts.seed or 0 for c in mine),
                sum(c.release.verdict.decision == "approved" for c in mine),
                tuple(c.seconds for c in mine),
                {name: tuple(values) for name, values in figures.items()},
                {name: fmean(values) for name, values in ceilings.items()},
            )
        )
    return sorted(rows, key=lambda r: (r.data_set, r.epsilon, r.order))


def write_leaderboard(
    path: Path, name: str, cells: Sequence[Cell], planned: int, public: bool
) -> list[dict[str, Any]]:
    """Write the page; returns its rows as plain data. ``planned``: cells that the sweep has in all."""
    rows = rows_of(cells)
    data_sets = list(dict.fromkeys(r.data_set for r in rows))
    boards = [
        Board(
            data_set,
            _table([r for r in rows if r.data_set == data_set]),
            trade_offs([c.release for c in cells if c.release.facts.data_set == data_set]),
        )
        for data_set in data_sets
    ]
    write_page(
        path,
        environment(),
        "leaderboard.html.j2",
        {"name": name, "boards": boards, "done": len(cells), "planned": planned, "public": public},
    )
    return [vars(row) for row in rows]


def _table(rows: Sequence[Row]) -> Grid:
    names = list(dict.fromkeys(name for row in rows for name in row.figures))
    head = ("ε", "Generator", *(n[:1].upper() + n[1:] for n in names), "Seconds to fit")
    return Grid(head, tuple(_line(row, names) for row in rows))


def _line(row: Row, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    seeds = f"{len(row.seeds)} seed{'s' if len(row.seeds) > 1 else ''}"
    figures = [_over_seeds(row.figures.get(n, ()), row.ceilings.get(n)) for n in names]
    return (
        (loss(row.epsilon), ""),
        (row.generator, seeds),
        *figures,
        _over_seeds(row.seconds, None),
    )


def _over_seeds(values: Sequence[float], ceiling: float | None) -> tuple[str, str]:
    """The mean, and below it lowest to highest and what real rows reach."""
    if not values:
        return DASH, ""
    spread = f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""
    real = "" if ceiling is None else f"real rows {number(ceiling)}"
    return number(fmean(values)), "; ".join(part for part in (spread, real) if part)
