"""Before anything is charged: can those who will be held out be assessed at all?

Privacy claim: reads the people held out on a permit that costs nothing. What is found stays in the house;
that a run goes on says of them what its verdict would say, outside the guarantee.
"""

from __future__ import annotations

import pandas as pd

from flows.stages.telling import read_share
from flows.stages.work import Work
from generators.marginals.counting.spread import workers_at
from privacy.errors import DataError, EvidenceError, InputError

HELP = (
    "Nothing was charged. Wider bands, merged categories or a larger `holdout:` would help. To go on all the "
    "same: --accept-unassessed, or a policy with `small_groups: accept`; nothing will be claimed about them"
)
SHOWN = 6

JUDGED = {"train": 100_000, "holdout": 200_000, "synthetic": 100_000}
"""Rows of each table that are judged, of people drawn by the seed where there are more."""


def stop_where_nothing_can_be_approved(work: Work) -> None:
    """Raise InputError where the policy approves no release of such a schema; not of a run charged already."""
    if _begun(work):
        return
    from evaluators.assessable import undeclared  # slow to import

    if why := undeclared(work.run.config.load_policy(), work.schema):
        raise InputError(f"{why}. Nothing was charged")


def stop_where_nobody_counts(work: Work) -> None:
    """Raise InputError where the config's scheduler is not there, or its workers may not hold private rows."""
    if work.run.config.scheduler is not None and not work.run.fitted:
        with workers_at(work.run.config.scheduler):
            pass


def stop_where_nothing_can_be_assessed(work: Work, accepted: bool) -> None:
    """Raise EvidenceError for a table, a target or a group that has too few people held out.

    Not where somebody accepts that, nor where the run was charged already; nor under a policy that decides on
    charged figures, since whether a run goes on would be an answer that was not charged.
    """
    policy = work.run.config.load_policy()
    if accepted or _begun(work) or policy.small_groups == "accept" or policy.figures == "charged":
        return
    from evaluators.assessable import smallest, unassessed

    permit = work.ledger.open_internally(
        work.dataset.name,
        "holdout",
        run=work.run.name,
        attempt=work.transcript.attempt,
        purpose="assess",
    )
    try:
        work.recognise(read_share("prepare", "looking whether these people are known"))
        rows = work.open(permit, read_share("prepare", "looking who can be assessed"))
    except DataError:
        return  # told by the stage that is charged for it
    frame = pd.DataFrame({n: rows.column(n) for n in work.schema.roles}, index=range(len(rows)))
    judged = min(1.0, JUDGED["holdout"] / max(1, len(rows)))
    if found := unassessed(frame, rows.units, work.schema, judged):
        told = "; ".join(map(str, found[:SHOWN]))
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise EvidenceError(
            f"too few people would be held out to assess {told}{more}. {smallest(work.run.config.holdout)}. "
            f"{HELP}"
        )


def _begun(work: Work) -> bool:
    return work.run.fitted or bool(work.transcript.answers)
