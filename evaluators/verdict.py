"""What was decided and why, in the words that terminal, report and verdict.json share.

Reasons quote figures on real rows and are internal; ``Verdict.public_summary`` names the decision and
the policy only.

Privacy claim: none; holds what was computed on real rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

Decision = Literal["approved", "veto", "insufficient evidence"]
Outcome = Literal["pass", "veto", "insufficient evidence", "note"]

REFUTED = "claim-refuted"
READABLE = "input."
"""How the metrics begin that say what of a table could not be read; all else follows from it."""

IN_SHORT: dict[Decision, str] = {
    "approved": "Everything that the policy requires was met.",
    "veto": "At least one rule is broken. Nothing may be published.",
    "insufficient evidence": "No rule is broken, but not all that must be judged could be. Nothing may be "
    "published.",
}


@dataclass(frozen=True)
class Reason:
    """Why one rule passed or did not in one slice; ``text`` quotes real-row figures and is internal.

    ``remedy``: what a person can do about a veto.
    """

    rule: str
    metric: str
    slice: str
    value: float | None
    threshold: str
    outcome: Outcome
    text: str
    target: str = ""
    model: str = ""
    order: int = 0
    remedy: str = ""


@dataclass(frozen=True)
class Verdict:
    """The decision and all reasons, the gravest first."""

    policy: str
    decision: Decision
    reasons: tuple[Reason, ...]
    figures: Literal["all", "charged"] = "all"
    noticed: tuple[str, ...] = ()

    @property
    def refuted(self) -> bool:
        """Whether an attack reached more than the claim allows."""
        return any(r.rule == REFUTED for r in self.reasons)

    @property
    def in_short(self) -> str:
        """What the decision means, in a sentence or two."""
        if self.refuted:
            return "The claim is refuted: an attack reaches what it rules out. Nothing may be published."
        if self.decision != "approved":
            return IN_SHORT[self.decision]
        return " ".join([IN_SHORT["approved"], *self._not_claimed()])

    def _not_claimed(self) -> Iterator[str]:
        if groups := [g for g in self.unassessed if "=" in g]:
            yield f"Nothing is claimed about {_listed(groups)}: too few people to assess."
        if between := [g for g in self.unassessed if "=" not in g]:
            yield f"Whether a model treats groups by {_listed(between)} alike could not be told in full."

    @property
    def told(self) -> tuple[str, ...]:
        """What could not be read; then of the gravest outcome a sentence for each rule: its first reason, how
        many more there are, and what may help against a veto."""
        first = [r.text for r in self.reasons if unread(r)]
        of_rule: dict[str, list[Reason]] = {}
        for reason in self.of("veto") or self.of("insufficient evidence"):
            if not unread(reason):
                of_rule.setdefault(reason.rule, []).append(reason)
        return (*first, *(_of_rule(rule, mine) for rule, mine in of_rule.items()))

    def as_dict(self) -> dict[str, Any]:
        """All of it, with what is told first; internal."""
        first = {"decision": self.decision, "in_short": self.in_short, "told": list(self.told)}
        return first | {"unassessed": list(self.unassessed)} | asdict(self)

    @property
    def unassessed(self) -> tuple[str, ...]:
        """The single groups of which something could not be assessed; found on real rows, so internal."""
        return tuple(dict.fromkeys(r.slice for r in self.of("note") if r.order == 1))

    def of(self, outcome: Outcome) -> tuple[Reason, ...]:
        """The reasons with this outcome."""
        return tuple(r for r in self.reasons if r.outcome == outcome)

    def public_summary(self) -> dict[str, Any]:
        """Decision and policy, and how it was reached where that is public: else it would be further bits."""
        summary: dict[str, Any] = {
            "decision": self.decision,
            "policy": self.policy,
            "figures": self.figures,
        }
        if self.figures == "charged":
            summary |= {"reasons": [asdict(r) for r in self.reasons]}
        return summary


def _listed(names: list[str]) -> str:
    """Names of groups, so that two of them are not read as one that is both."""
    return " or ".join(filter(None, ["; ".join(names[:-1]), names[-1]]))


def _of_rule(rule: str, reasons: list[Reason]) -> str:
    """A rule's first reason, how many more there are, and what may help."""
    more = f"; and {len(reasons) - 1} more" if len(reasons) > 1 else ""
    remedies = dict.fromkeys(r.remedy for r in reasons if r.remedy)
    help_ = f". What may help: {next(iter(remedies))}" if remedies else ""
    return f"{reasons[0].text}{more} ({rule}){help_}"


def unread(reason: Reason) -> bool:
    """Whether it says what of a table could not be read, which explains the others."""
    return reason.metric.startswith(READABLE) and reason.outcome == "insufficient evidence"
