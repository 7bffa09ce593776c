"""Where a release comes from, for its label: who answers for it, how its settings were chosen, who decided.

What the ledger knows of earlier work on the data set is told as numbers; what only a person knows is told in
their words (``about:`` in the release config), or as "not stated".

Privacy claim: none; shows the config, the policy and how often the ledger was asked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from dp_accounting import NoOpDpEvent

from evaluators.policy import Policy
from evaluators.verdict import Verdict
from flows.stages.config import About, RunConfig
from privacy.ledger.charges import Charge

NOT_STATED = "not stated"

DECLARED = "declared public by a sweep"
"""Why a ledger was told of rows that a sweep declares public."""

CELL_NAME = ".cell"
"""How the names of a sweep's runs end."""

POLICY_ALONE = "the policy alone"
A_PERSON = (
    "a person, after the policy; approval.json says which decision of the house's ledger it is, and the name "
    "stays there"
)
AT_HAND = (
    "the files of this folder and, in the house, a report with figures computed on real rows without a "
    "charge"
)


def provenance(about: About, charge: Charge, charges: Sequence[Charge]) -> dict[str, Any]:
    """Who answers for a release and how its settings came about; ``charges``: all of its data set."""
    stated = {k: v or NOT_STATED for k, v in about.model_dump().items()}
    settings = stated.pop("settings_from")
    return stated | {"settings": {"stated": settings} | _before(charge, charges)}


def _before(charge: Charge, charges: Sequence[Charge]) -> dict[str, Any]:
    """What had been done with a data set before a charge, as far as its ledger knows."""
    earlier = [c for c in charges if c.number < charge.number]
    paid = [c for c in earlier if c.partition == "train" and c.dp_event != NoOpDpEvent()]
    judged = {c.run for c in earlier if c.purpose == "judge"}
    # who was told beforehand of groups too small had looked at real people; this run changed nothing for it
    judged |= {c.run for c in earlier if c.purpose == "assess"} - {charge.run}
    found = {
        "earlier_charges": len(paid),
        "earlier_runs": len({c.run for c in paid}),
        "earlier_sweep_cells": len({c.run for c in paid if c.run.endswith(CELL_NAME)}),
        "earlier_runs_judged_without_a_charge": len(judged),
        "declared_public_by_sweeps": len({c.run for c in earlier if c.purpose == DECLARED}),
    }
    return found | {"in_words": _in_words(found)}


def _in_words(found: dict[str, int]) -> str:
    """The numbers of ``_before``, to anybody."""
    if not any(found.values()):
        return "The ledger knows of no earlier charge. It sees nothing of what was done without it."
    charges, runs, cells, judged, public = found.values()
    said = [
        f"{_times(charges, 'earlier charge')} of {_times(runs, 'run')}"
        + (f", {cells} of them cells of a sweep" if cells else "")
    ]
    if judged:
        said.append(f"{_times(judged, 'run')} judged or assessed on real rows without a charge")
    if public:
        said.append(f"{_times(public, 'sweep')} that declared these rows public")
    return f"The ledger knows of {'; of '.join(said)}. It sees nothing of what was done without it."


def _times(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def decided(verdict: Verdict, policy: Policy, config: RunConfig) -> dict[str, Any]:
    """The decision as far as it is public, the digest of the policy, and who had the last word."""
    person = config.approval == "person"
    return verdict.public_summary() | {
        "policy_sha256": policy_digest(policy),
        "decided_by": A_PERSON if person else POLICY_ALONE,
        **({"at_hand": AT_HAND} if person else {}),
    }


def policy_digest(policy: Policy) -> str:
    """SHA-256 of a policy's content, however its file is written."""
    content = json.dumps(policy.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()
