"""Do the rows of a synthetic person follow one another as a real person's do?

Every figure of ``tallies`` and ``recurrence`` beside the same of train people, who are fresh people too: as
it is, and beyond what two groups of the same people differ by (``_excess``). For everyone, and for each
subgroup with enough people; a person belongs to the groups of the first row. ``detail`` says what the figure
would be were rows dealt to people at random.

Rows: holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from evaluators.histories.contrast import Contrast, Draws, Tally, contrast, contributes, said
from evaluators.histories.lived import EVERY, SHUFFLED, slice_of
from evaluators.histories.recurrence import recurrence
from evaluators.histories.tallies import by_column, tallies
from evaluators.score import Score
from evaluators.tables import Tables, evidence

STEPS = "histories.transitions"
NEEDS = {
    STEPS: "no column varies from row to row",
    "histories.first_last": "no column varies from row to row",
    "histories.gaps": "the schema names no time that rows are in order by",
    "histories.autocorrelation": "no number varies from row to row in enough people",
}
"""Figures that some tables cannot have, and why."""

MIN_HISTORIES = 20
"""Fewer synthetic people with what a figure is about say nothing."""


def histories(tables: Tables) -> list[Score]:
    """Every figure of everyone and of every subgroup; nothing where the schema has no visits."""
    if tables.schema.visits is None:
        return []
    if min(len(tables.holdout), len(tables.synthetic), len(tables.train)) == 0:
        reason = "a table has no rows"
        about: dict[str, Any] = {"status": "insufficient evidence", "reason": reason}
        return [
            Score(metric=f"histories.{m}", higher_is_better=False, **about)
            for m in ("rows", "rows_excess")
        ]
    of_numbers = list(recurrence(tables))
    every = [*tallies(tables), *of_numbers[:1]]
    scores = [
        Score(
            metric=f"{metric}_excess",
            higher_is_better=False,
            status="insufficient evidence",
            reason=reason,
        )
        for metric, reason in NEEDS.items()
        if metric not in {t.metric for t in every}
    ]
    for about, kept in _slices(tables):
        # the same people are drawn for every figure, so that figures can be compared
        draws = Draws.of(kept, tables.rng(f"histories {about['slice']}"))
        of_columns = (*by_column(tables), *of_numbers[1:]) if about["order"] == 0 else ()
        scores += [s for t in (*every, *of_columns) for s in _scores(t, kept, draws, about)]
    return scores


def _slices(tables: Tables) -> Iterator[tuple[dict[str, Any], dict[str, np.ndarray]]]:
    """What a slice is called, and by role who is in it."""
    for dimension in tables.dimensions:
        if dimension.order < 2:
            of = {r: slice_of(tables, r, dimension) for r in EVERY if r != SHUFFLED}
            of[SHUFFLED] = of["train"]
            for piece in dimension.slices:
                about = {"slice": piece.name, "order": piece.order}
                yield about, {role: number == piece.number for role, number in of.items()}


def _scores(
    tally: Tally, kept: Mapping[str, np.ndarray], draws: Draws, about: Mapping[str, Any]
) -> list[Score]:
    """The figure as it is, and beyond chance."""
    people = {
        r: int(contributes(tally.of[r][kept[r]]).sum()) for r in ("holdout", "train", "synthetic")
    }
    about = {
        "n": people["holdout"],
        "baseline_name": "real train people",
        "higher_is_better": False,
        "detail": said(tally, kept),
        **about,
    }
    status, reason = evidence(min(people["holdout"], people["train"]))
    if status == "ok" and people["synthetic"] < MIN_HISTORIES:
        status = "insufficient evidence"
        reason = f"{people['synthetic']} synthetic people have what it is about, fewer than {MIN_HISTORIES}"
    found = None
    if status == "ok":
        found = contrast(tally, kept, draws)
        if found is None:
            status, reason = "insufficient evidence", "the figure is undefined"
    if found is None:
        return [
            Score(metric=f"{tally.metric}{end}", status=status, reason=reason, **about)
            for end in ("", "_excess")
        ]
    about["detail"] = _detail(found)
    away = found.strangers if tally.metric == STEPS else None
    return [
        *([_strangers(away, about)] if away else []),
        Score(
            metric=tally.metric,
            value=found.value,
            low=found.low,
            high=found.high,
            baseline=found.baseline,
            **about,
        ),
        Score(
            metric=f"{tally.metric}_excess",
            value=found.excess,
            low=found.excess_low,
            high=found.excess_high,
            baseline=found.excess_baseline,
            **about,
        ),
    ]


def _strangers(away: tuple[float, float, float], about: Mapping[str, Any]) -> Score:
    value, low, high = away
    without = {k: v for k, v in about.items() if k != "baseline_name"}
    return Score(metric="histories.strangers", value=value, low=low, high=high, **without)


def _detail(found: Contrast) -> str:
    dealt = f"{found.shuffled:.3f} were rows dealt to people at random"
    return "; ".join(t for t in (found.says, dealt if np.isfinite(found.shuffled) else "") if t)
