"""Every score in tables, each once, under the first heading that claims it.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from evaluators.pages.drawing.views import Table, table
from evaluators.pages.parts.sections import RATE_METRICS
from evaluators.score import Score


def _starts(*prefixes: str) -> Callable[[Score], bool]:
    return lambda s: s.metric.startswith(prefixes)


GROUPS: tuple[tuple[str, Callable[[Score], bool]], ...] = (
    ("Failed", lambda s: s.status == "failed"),
    ("Charged to the people held out", _starts("charged.")),
    ("Histories", _starts("histories.")),
    ("Utility", _starts("utility.")),
    ("Inference", _starts("inference.")),
    ("Excess gaps", lambda s: s.metric.endswith(".excess_gap")),
    ("Fairness by subgroup", lambda s: s.metric.startswith("fairness.") and s.order == 1),
    ("Fairness by pair of subgroups", _starts("fairness.")),
    ("Outcomes that go with their features", _starts("truth.")),
    ("Base rates", _starts(*RATE_METRICS)),
    ("Representation and lost groups", _starts("representation_ratio", "lost_group")),
    ("Images", _starts("image.")),
    ("Attacks", _starts("attack.")),
    ("Distance to the closest record: no evidence of privacy", _starts("dcr.")),
    ("k-marginal", _starts("kmarginal")),
    ("Columns on their original values", _starts("column.")),
    ("Relations that real rows keep", _starts("relation.")),
    ("Associations", _starts("association.")),
    ("Telling synthetic from real, and support", _starts("propensity.", "manifold.")),
    ("SDMetrics and categories", _starts("quality", "diagnostic", "lost_")),
    ("Other", lambda s: True),
)


def all_tables(card: Iterable[Score]) -> list[Table]:
    """All scores, worst first within each metric."""
    rest, tables = list(card), []
    for title, claims in GROUPS:
        mine = [s for s in rest if claims(s)]
        rest = [s for s in rest if not claims(s)]
        if mine:
            tables.append(table(title, mine))
    return tables
