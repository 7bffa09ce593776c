"""What an (ε, δ) guarantee allows any membership attack at most, whoever runs it and whatever they know.

The formulas are those of ``privacy.accounting.risk``, at one pair of ε and δ. A member is the unit that is
added or removed; for train people beside people held out the bound holds on average where units are
independent of each other (Humphries et al. 2023). Between the bound and what an attack finds lies room for
stronger attacks, not evidence that there are none.

Privacy claim: none; arithmetic on public parameters.
"""

from __future__ import annotations

import numpy as np

from evaluators.score import Score
from privacy.accounting.risk import FPR, most_advantage, most_tpr

MEMBERSHIP = "attack.membership"
STRONGEST = "strongest"
"""The best of several membership attacks, with an interval that holds for all of them."""

PER_PERSON = ("attack.attribute", "attack.reconstruction", "attack.linkability")
"""Attacks whose rate is a chance to be right about one person."""

WHO_IS_MET = ("attack.copies.exact", "attack.copies.near")
"""Shares of members among people whom a release gives away; the guarantee bounds how far it lifts the odds."""


def most_auroc(epsilon: float, delta: float) -> float:
    """The largest area under an ROC curve: that under ``most_tpr``, by its two straight pieces."""
    bend = (1 - delta) / (1 + np.exp(epsilon))  # where both bounds meet
    top = 1 - bend
    full = 1 - delta
    return float(bend * (delta + top) / 2 + (full - bend) * (top + 1) / 2 + delta)


def allowed(score: Score, epsilon: float, delta: float) -> float | None:
    """What the guarantee allows the figure of an attack to be at most; None where it says nothing of it.

    Where the attacker is right about people held out at some rate, the guarantee allows a rate for train people
    as it allows true positives at that rate of false ones.
    """
    if score.metric.endswith("tpr_at_1_percent_fpr"):
        return float(most_tpr(FPR, epsilon, delta))
    if score.metric.startswith(MEMBERSHIP):
        return most_auroc(epsilon, delta)
    if score.metric in WHO_IS_MET and score.baseline is not None:
        member, stranger = np.exp(epsilon) * score.baseline, 1 - score.baseline
        return float(min(1.0, member / (member + stranger) + delta))
    if score.metric in PER_PERSON and score.baseline is not None:
        return float(most_tpr(score.baseline, epsilon, delta))
    if score.metric.endswith(".leak"):
        return float(most_advantage(epsilon, delta))
    return None
