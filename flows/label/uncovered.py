"""What a guarantee does not cover, for the label: the claim it rests on, decisions, choices, and what never is.

Privacy claim: none; says where the others end.
"""

from __future__ import annotations

from evaluators.policy import Policy
from evaluators.verdict import Verdict
from flows.stages.config import RunConfig
from flows.stages.plan import uncharged_choice

UNVERIFIED = (
    "The guarantee itself. It is what the makers of the generator claim of it; nobody here has verified it, "
    "and audits of such claims have found more lost than claimed."
)
ALLOWED = "The policy lets it out all the same (`unverified: allow`)."

UNCHARGED_DECISION = (
    "The decision to publish. It was made on figures computed on real rows of train and holdout without a "
    "charge, and is outside the guarantee: that this release exists says that those figures passed the policy."
)
UNASKED = "People held out have no other protection than that nothing else of them was used."
LAST_WORD = (
    "The last word on publishing. The policy decided on charged figures alone, but then a person did, who had "
    "a report with figures computed on real rows of train and holdout without a charge at hand: that this "
    "release exists may say something of those figures."
)

UNCHARGED_CHOICE = (
    "Which candidate was kept. It was chosen by looking at the people held out without a charge, and is "
    "outside the guarantee: that it is this one says something of them that nobody bounded."
)
UNCHARGED_SETTINGS = (
    "How generator, ε and settings were chosen. Earlier runs on this data set had been judged on real rows "
    "without a charge, and whoever chose may have seen the figures."
)

ROWS = (
    "The schema names no unit column, so each row is a unit: a person whose row was edited between two "
    "releases is two units."
)

ALWAYS = (
    "How long the computation took, and errors met on the way, are not protected; both stay in the house.",
    "A ledger knows what was charged in it. The same people charged in another ledger are charged again.",
    "The guarantee bounds what one unit adds. What is true of a whole group of people can be learned from "
    "the synthetic rows, as it could be without any one of them.",
    "The schema is taken to be public. A bound or category that was copied from the private rows is not "
    "protected.",
)


def not_covered(
    config: RunConfig, policy: Policy, verdict: Verdict, judged_before: bool
) -> list[str]:
    """All of it, the gravest first; ``judged_before``: earlier runs were, on uncharged figures."""
    return [
        *_claim(config, policy),
        *_decision(config, verdict),
        *([UNCHARGED_CHOICE] if uncharged_choice(config) else []),
        *([UNCHARGED_SETTINGS] if judged_before else []),
        *([ROWS] if config.load_schema().unit is None else []),
        *ALWAYS,
    ]


def _claim(config: RunConfig, policy: Policy) -> list[str]:
    """That the guarantee is somebody else's word, where it is."""
    if not config.unverified:
        return []
    return [f"{UNVERIFIED} {ALLOWED}" if policy.unverified == "allow" else UNVERIFIED]


def _decision(config: RunConfig, verdict: Verdict) -> list[str]:
    """What the decision leaves uncovered: nothing where a policy made it alone, on charged figures."""
    if verdict.figures == "charged":
        return [LAST_WORD] if config.approval == "person" else []
    asked = config.evaluation is not None
    return [UNCHARGED_DECISION if asked else f"{UNCHARGED_DECISION} {UNASKED}"]
