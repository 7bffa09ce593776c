"""What a reader sees, on the page: worse columns in words, relations, and what gives rows away."""

from __future__ import annotations

from typing import Any

from evaluators.noticed import given_away
from evaluators.pages.parts.headlines import headlines
from evaluators.pages.parts.reader import beyond_chance, relations, seen
from evaluators.score import Score, Scorecard

REAL: dict[str, Any] = {
    "baseline": 0.01,
    "baseline_name": "real train rows",
    "n": 900,
    "higher_is_better": False,
}


def column(metric: str, detail: str, value: float) -> Score:
    return Score(
        metric=f"column.{metric}", detail=detail, value=value, low=value - 0.1, high=value, **REAL
    )


CARD = Scorecard(
    (
        column("tv_excess", "ward", 0.4),
        column("ks_excess", "age", 0.05),
        column("lost_share", "ward: 3 of 9 categories have no synthetic row", 0.3),
        column("lost_share", "sex", 0.0),
        Score(metric="relation.broken", value=0.2, detail="low <= high", **REAL),
        Score(metric="propensity.auroc", value=0.9, low=0.88, high=0.92, model="boosting", **REAL),
        Score(metric="propensity.gives_away", value=0.8, detail="ward", **REAL),
    )
)


def test_worse_columns_are_said_and_no_others() -> None:
    ((name, text),) = seen(CARD)
    assert name == "people whose category no synthetic row has"
    assert text == "ward: 3 of 9 categories have no synthetic row: 0.300 (real train rows 0.010)"


def test_plots_have_a_line_for_each_column_and_relation() -> None:
    drawn = beyond_chance(CARD)
    assert drawn is not None
    assert [line.label for line in drawn.lines] == [
        "ward (total variation beyond chance)",
        "age (Kolmogorov's distance beyond chance)",
    ]
    found = relations(CARD)
    assert found is not None
    assert found.lines[0].label == "low <= high"
    assert found.lines[0].figures == ("20.0 %", "real rows 1.0 %")
    assert beyond_chance(Scorecard()) is None
    assert relations(Scorecard()) is None


def test_the_headline_names_what_gives_rows_away() -> None:
    (told,) = (h for h in headlines(CARD, None) if "classifier" in h.name)
    assert told.beside == "real train rows 0.010; given away by ward (0.80)"
    together = CARD.filter(lambda s: s.metric != "propensity.gives_away")
    assert given_away(together) == ("given away by no column alone, but by how columns go together")
    assert given_away(Scorecard()) == ""
