"""Scorecard × policy → verdict: approved, veto or insufficient evidence, each with its reasons.

A veto beats insufficient evidence, which beats approval. A figure that a rule needs and that is
absent, failed or computed on too few people is never a pass. Reasons quote figures on real rows and
are internal;
``Verdict.public_summary`` names the decision and the policy only.

Privacy claim: a policy that decides on charged figures sees nothing else, so its verdict is free; of any other,
which rules held is computed on real rows without a charge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from evaluators.score import MAIN, RealRows, Score, Scorecard
from privacy.schema.documents import Frozen, load_yaml

Decision = Literal["approved", "veto", "insufficient evidence"]
Outcome = Literal["pass", "veto", "insufficient evidence", "note"]
Standing = Literal["proved", "claimed", "none", "unseen"]
"""What stands behind a guarantee: our proof, somebody else's word, or nothing, since ε is ∞."""

EVERY_METRIC_RAN = "every-metric-ran"
VERIFIED = "verified-guarantee"
SEVERITY: tuple[Outcome, ...] = ("veto", "insufficient evidence", "note", "pass")
ORDERS = {"all": 0, "groups": 1, "pairs": 2}


class Limits(Frozen):
    """The closed range in which a figure is good; ``rows``: only figures on these real rows."""

    metric: str
    rows: RealRows | None = None
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _some(self) -> Limits:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least or at_most")
        return self

    def hold(self, number: float) -> bool:
        """Whether the number lies in the range."""
        return not self.below(number) and not self.above(number)

    def below(self, number: float) -> bool:
        return self.at_least is not None and number < self.at_least

    def above(self, number: float) -> bool:
        return self.at_most is not None and number > self.at_most

    def described(self) -> str:
        """The figure and its range in words."""
        on = f" on {self.rows} rows" if self.rows else ""
        return f"{self.metric}{on} is {self}"

    def __str__(self) -> str:
        if self.at_most is None:
            return f"at least {self.at_least:g}"
        if self.at_least is None:
            return f"at most {self.at_most:g}"
        return f"between {self.at_least:g} and {self.at_most:g}"


class Rule(Limits):
    """One thing that a release must satisfy, in every slice of the kinds listed.

    ``task``: the rule is for targets of this task and needs a figure for each of them.
    ``alternative``: another figure of the same slice, target, learner and detail that will do
    as well.
    ``learner``: "best" judges by the learner that does best on everyone when trained on real rows, so that
    a weak one, or one of many, does not decide on a small group.
    ``pass_needs``, ``veto_needs``: the value alone, or the whole interval, inside or outside the
    limits; what is neither passed nor vetoed is undecided.
    ``on_insufficient``: what a group too small to judge, and an undecided figure, mean:
    "insufficient" withholds approval, "note" lists the group as not assessed.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    description: str = ""
    slices: tuple[Literal["all", "groups", "pairs"], ...] = Field(min_length=1)
    task: Literal["classification", "multiclass", "regression", "survival"] | None = None
    alternative: Limits | None = None
    learner: Literal["every", "best"] = "every"
    pass_needs: Literal["value", "interval"] = "value"  # noqa: S105 (no password)
    veto_needs: Literal["value", "interval"] = "value"
    on_insufficient: Literal["insufficient", "note"] = "insufficient"


class Policy(Frozen):
    """What a custodian asks of a release. Rule names may repeat (one purpose, several metrics).

    ``figures``: "charged" decides on public scores alone, those that were charged or need no real row, so that
    the decision is covered by the guarantee too. ``unverified``: whether a release may leave the house whose
    guarantee is somebody else's claim that nobody here has verified.
    """

    name: str
    description: str = ""
    figures: Literal["all", "charged"] = "all"
    unverified: Literal["veto", "allow"] = "veto"
    rules: tuple[Rule, ...] = Field(min_length=1)
    on_failed: Literal["insufficient", "note"] = "insufficient"


def load_policy(path: str | Path) -> Policy:
    """Read a policy from YAML; unknown keys are refused, errors are one line."""
    return load_yaml(path, Policy)


@dataclass(frozen=True)
class Reason:
    """Why one rule passed or did not in one slice; ``text`` quotes real-row figures and is
    internal."""

    rule: str
    metric: str
    slice: str
    value: float | None
    threshold: str
    outcome: Outcome
    text: str
    target: str = ""
    model: str = ""


@dataclass(frozen=True)
class Verdict:
    """The decision and all reasons, the gravest first."""

    policy: str
    decision: Decision
    reasons: tuple[Reason, ...]
    figures: Literal["all", "charged"] = "all"

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


def gate(scorecard: Scorecard, policy: Policy, standing: Standing = "unseen") -> Verdict:
    """Hold every score that the policy may see, and the guarantee's standing, against every rule.

    ``unseen``: a table that somebody brought; only its rows are judged, and the verdict says so.
    """
    if policy.figures == "charged":
        scorecard = scorecard.filter(visibility="public")
    reasons = [] if standing == "proved" else [_guarantee(policy, standing)]
    reasons += [reason for rule in policy.rules for reason in _apply(scorecard, rule)]
    reasons += [_failure(score, policy) for score in scorecard if score.status == "failed"]
    reasons.sort(key=lambda r: SEVERITY.index(r.outcome))
    found = {r.outcome for r in reasons}
    decision: Decision = "insufficient evidence"
    if "veto" in found:
        decision = "veto"
    elif "pass" in found and "insufficient evidence" not in found:
        decision = "approved"
    return Verdict(policy.name, decision, tuple(reasons), policy.figures)


def _apply(scorecard: Scorecard, rule: Rule) -> Iterator[Reason]:
    """A reason for every score that the rule is about, and for every one that should be there."""
    orders = {ORDERS[s] for s in rule.slices}
    targets = _targets(scorecard, rule)
    scores = [
        s
        for s in scorecard
        if s.metric == rule.metric
        and s.order in orders
        and s.status != "failed"
        and (rule.rows is None or s.rows == rule.rows)
        and (targets is None or s.target in targets)
    ]
    if rule.learner == "best":
        best = {target: _best(scorecard, target, rule) for target in targets or ()}
        scores = [s for s in scores if s.model == best.get(s.target, s.model)]
    for score in scores:
        yield _judge(score, rule, scorecard)
    declared = len(scorecard.filter(metric="declared.subgroup"))
    expected = {0} | ({1} if declared else set())
    wanted = orders - ({2} if declared < 2 else set())
    for target in targets if targets is not None else [None]:
        for order in sorted(wanted & expected or (wanted if targets is None else set())):
            if not any(s.order == order and target in (None, s.target) for s in scores):
                yield _missing(rule, target or "", order)


def _best(scorecard: Scorecard, target: str, rule: Rule) -> str:
    """The learner whose main figure on everyone is best when trained on real rows; "" where there is none."""
    metric = f"utility.{MAIN[rule.task]}" if rule.task else ""
    found = scorecard.filter(metric=metric, target=target, slice="all", status="ok")
    known = {s.model: s.baseline for s in found if s.baseline is not None}
    return max(known, key=lambda model: known[model], default="")


def _targets(scorecard: Scorecard, rule: Rule) -> list[str] | None:
    """The declared targets of the rule's task; None where the rule is not about a task."""
    if rule.task is None:
        return None
    declared = scorecard.filter(metric="declared.target", detail=rule.task)
    return [s.target for s in declared]


def _missing(rule: Rule, target: str, order: int) -> Reason:
    kind = ("everyone", "the subgroups", "the pairs of subgroups")[order]
    about = f" of {target}" if target else ""
    text = f"{rule.metric}{about} was not computed for {kind}, so {rule.name} is not met"
    return Reason(
        rule.name, rule.metric, kind, None, str(rule), "insufficient evidence", text, target
    )


def _judge(score: Score, rule: Rule, scorecard: Scorecard) -> Reason:
    outcome, why = outcome_of(score, rule)
    if (
        score.status == "ok"
        and outcome != "pass"
        and rule.alternative
        and _other_holds(score, rule.alternative, scorecard)
    ):
        outcome, why = "pass", f"{why}, but {rule.alternative.described()}"
    if outcome == "insufficient evidence" and rule.on_insufficient == "note":
        outcome, why = "note", f"not assessed: {why}"
    remark = score.detail and f"({score.detail})"
    about = (score.metric, score.target and f"of {score.target}", score.model, remark)
    subject = " ".join(part for part in about if part)
    text = f"{subject}, {score.slice}: {why} (asked: {rule})"
    return Reason(
        rule.name,
        score.metric,
        score.slice,
        score.value,
        str(rule),
        outcome,
        text,
        score.target,
        score.model,
    )


def outcome_of(score: Score, rule: Rule) -> tuple[Outcome, str]:
    """The rule applied to one score: outcome, and the figure in words."""
    if score.status != "ok" or score.value is None:
        return "insufficient evidence", score.reason or score.status
    value = score.value
    interval: tuple[float, ...] = ()
    words = f"{value:.3g}"
    if score.low is not None and score.high is not None:
        interval = (score.low, value, score.high)
        words += f" [{score.low:.3g}, {score.high:.3g}]"
    inside = {
        "value": rule.hold(value),
        "interval": bool(interval) and all(map(rule.hold, interval)),
    }
    outside = {
        "value": not rule.hold(value),
        "interval": bool(interval)
        and (all(map(rule.below, interval)) or all(map(rule.above, interval))),
    }
    if inside[rule.pass_needs]:
        return "pass", words
    if outside[rule.veto_needs]:
        return "veto", words
    return "insufficient evidence", f"{words} leaves it open"


def _other_holds(score: Score, other: Limits, scorecard: Scorecard) -> bool:
    """Whether the alternative figure for the same slice, target, learner and detail is good."""
    twins = scorecard.filter(
        metric=other.metric,
        slice=score.slice,
        target=score.target,
        model=score.model,
        detail=score.detail,
        rows=other.rows or score.rows,
        status="ok",
    )
    return any(t.value is not None and other.hold(t.value) for t in twins)


def _guarantee(policy: Policy, standing: Standing) -> Reason:
    outcome: Outcome = "veto"
    text = "the guarantee is as claimed upstream, not verified"
    if standing == "unseen":
        outcome, text = "note", "how the rows were made was not seen here: they alone were judged"
    elif standing == "none":
        text = "the generator promises no privacy (ε = ∞)"
    elif policy.unverified == "allow":
        outcome, text = "note", f"{text}, which this policy allows"
    else:
        text += "; a policy with `unverified: allow` lets such a release out, and the label says so"
    return Reason(VERIFIED, "guarantee", "all", None, "verified", outcome, text)


def _failure(score: Score, policy: Policy) -> Reason:
    outcome: Outcome = "insufficient evidence" if policy.on_failed == "insufficient" else "note"
    text = f"{score.metric} {score.model} {score.target} failed: {score.reason}".replace("  ", " ")
    return Reason(
        EVERY_METRIC_RAN,
        score.metric,
        score.slice,
        None,
        "no failure",
        outcome,
        text,
        score.target,
        score.model,
    )
