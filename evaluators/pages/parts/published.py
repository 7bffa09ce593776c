"""Charged figures, which may be published, beside the internal ones that must not be.

Privacy claim: the table as a whole is internal; its column of charged figures is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from evaluators.charged.scores import ITSELF, SAMPLE
from evaluators.pages.drawing.charts import Grid
from evaluators.pages.drawing.page import DASH, number
from evaluators.pages.drawing.views import people, spread
from evaluators.pages.parts.sections import best_learner
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words

PREFIX = "charged."
FREE = (ITSELF, SAMPLE)
"""Names of baselines that are figures of the synthetic rows."""
MOST = 120
"""At most so many figures are listed; scores.parquet holds all."""


def charged(card: Scorecard) -> Grid | None:
    """Every charged figure of everyone and of the subgroups; None where nothing was charged for."""
    found = card.filter(
        lambda s: (
            s.metric.startswith(PREFIX) and not s.metric.endswith(".difference") and s.order < 2
        )
    )
    usable = [s for s in found if s.status == "ok"]
    if not len(found):
        return None
    internal: dict[tuple[str, str, str], list[Score]] = {}
    for score in card.filter(lambda s: s.rows == "holdout" and not s.charged):
        internal.setdefault((score.metric, score.slice, score.target), []).append(score)
    best = {t: best_learner(card, t) for t in {s.target for s in usable}}
    rows = tuple(_row(s, internal, best[s.target]) for s in usable[:MOST])
    head = ("Figure", "May be published", "Synthetic rows say", "Internal, without noise")
    return Grid(head, rows, left_out=max(0, len(usable) - MOST))


Internal = Mapping[tuple[str, str, str], Sequence[Score]]
"""Uncharged scores by metric, slice and target."""


def _row(score: Score, internal: Internal, best: str) -> tuple[tuple[str, str], ...]:
    name = metric_words(score.metric.removeprefix(PREFIX))
    title = f"{name} for {score.target}" if score.target else name
    return (
        (title, " · ".join(part for part in (score.slice, people(score)) if part)),
        (number(score.value), spread(score)),
        (number(score.baseline) if score.baseline_name in FREE else DASH, ""),
        _beside(score, internal, best),
    )


def _beside(score: Score, internal: Internal, best: str) -> tuple[str, str]:
    """The same figure on the same people without noise, where it was computed."""
    name = score.metric.removeprefix(PREFIX)
    about = score.slice, score.target
    if name == "base_rate":
        rates = internal.get(("base_rate.difference", *about), ())
        return (number(rates[0].baseline) if rates else DASH), ""
    families = (name, f"utility.{name}", f"fairness.{name}")
    found = [s for m in families for s in internal.get((m, *about), ()) if s.status == "ok"]
    wanted = (score.model, best, "")
    found.sort(key=lambda s: wanted.index(s.model) if s.model in wanted else len(wanted))
    if not found:
        return DASH, ""
    learner = found[0].model.replace("_", " ")
    return number(found[0].value), " · ".join(p for p in (spread(found[0]), learner) if p)
