"""Scorecard × policy → verdict: approved, veto or insufficient evidence, each with its reasons.

A veto beats insufficient evidence, which beats approval. A figure that a rule needs and that is
absent, failed or computed on too few people is never a pass; of a single group that is too small to be assessed
the verdict claims nothing, and names it. An attack that reaches more than a claimed ε allows refutes the claim,
under any policy.

Privacy claim: a policy that decides on charged figures sees nothing else, so its verdict is free; of any other,
which rules held is computed on real rows without a charge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from statistics import NormalDist
from typing import Literal

from evaluators.attacks.claims import MEMBERSHIP, PER_PERSON, STRONGEST, allowed
from evaluators.noticed import noticed
from evaluators.policy import NARROWER, Limits, Policy, Rule, remedy
from evaluators.score import MAIN, Score, Scorecard
from evaluators.verdict import READABLE, REFUTED, Decision, Outcome, Reason, Verdict, unread
from evaluators.words import HISTORIES, OF_HISTORIES, metric_words
from privacy.accounting.guarantee import Guarantee

Standing = Literal["proved", "claimed", "none", "unseen"]
"""What stands behind a guarantee: our proof, somebody else's word, or nothing, since ε is ∞."""

EVERY_METRIC_RAN = "every-metric-ran"
VERIFIED = "verified-guarantee"

SURE = 2.0
"""So many times as wide as a 95 % interval is the one that must lie beyond what a claim allows: with some fifty
figures of attacks a chance finding stays below one in a hundred."""

LEARNED = "histories."
"""How the metrics of models begin that learned from histories."""

SEVERITY: tuple[Outcome, ...] = ("veto", "insufficient evidence", "note", "pass")
ORDERS = {"all": 0, "groups": 1, "pairs": 2}


def gate(
    scorecard: Scorecard,
    policy: Policy,
    standing: Standing = "unseen",
    claim: Guarantee | None = None,
) -> Verdict:
    """Hold every score that the policy may see, and the guarantee's standing, against every rule.

    ``unseen``: a table that somebody brought; only its rows are judged, and the verdict says so. ``claim``: the
    (ε, δ) that it is said to keep, which an attack may refute.
    """
    if policy.figures == "charged":
        scorecard = scorecard.filter(visibility="public")
    reasons = [] if claim is None else list(_refuted(scorecard, claim))
    failures = [_failure(score, policy) for score in scorecard if score.status == "failed"]
    reasons += [r for r in failures if r.metric.startswith(READABLE)]
    reasons += [] if standing == "proved" else [_guarantee(policy, standing)]
    reasons += [reason for rule in policy.rules for reason in _apply(scorecard, rule, policy)]
    reasons += [r for r in failures if not r.metric.startswith(READABLE)]
    reasons.sort(key=lambda r: (not unread(r), SEVERITY.index(r.outcome)))
    found = {r.outcome for r in reasons}
    decision: Decision = "insufficient evidence"
    if "veto" in found:
        decision = "veto"
    elif "pass" in found and "insufficient evidence" not in found:
        decision = "approved"
    return Verdict(policy.name, decision, tuple(reasons), policy.figures, noticed(scorecard))


def _refuted(scorecard: Scorecard, claim: Guarantee) -> Iterator[Reason]:
    """A veto for each attack that surely reaches more than the claim allows, the strongest first."""
    found: list[tuple[bool, float, int, Reason]] = []
    for score in scorecard:
        # a chance to be right is held against another that is as uncertain: its excess is the leak
        if score.status != "ok" or score.metric in PER_PERSON:
            continue
        most = allowed(score, claim.epsilon, claim.delta)
        if most is None or score.value is None or score.low is None:
            continue
        if score.value - SURE * (score.value - score.low) > most:
            text = (
                f"the claim of ε = {claim.epsilon:g} at δ = {claim.delta:g} is refuted: {_subject(score)}: "
                f"{_figure(score)}, where it allows at most {most:.3g}"
            )
            reason = Reason(
                REFUTED,
                score.metric,
                "all",
                score.value,
                f"at most {most:.3g}",
                "veto",
                text,
                remedy="publish nothing of it; ask its maker how the rows were made",
            )
            of_many = not score.metric.startswith(f"{MEMBERSHIP}.{STRONGEST}")
            found.append((of_many, most - score.value, len(found), reason))
    yield from (reason for *_, reason in sorted(found))


def _apply(scorecard: Scorecard, rule: Rule, policy: Policy) -> Iterator[Reason]:
    """A reason for every score that the rule is about, and for every one that should be there.

    Rules about histories are for tables whose rows are declared to be some.
    """
    if rule.metric.startswith(OF_HISTORIES) and not len(scorecard.filter(metric=HISTORIES)):
        return  # rows that are no histories
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
    among = Counter((s.target, s.model, s.order) for s in scores if s.status == "ok")
    for score in scores:
        yield _judge(score, rule, scorecard, policy, among[score.target, score.model, score.order])
    declared = len(scorecard.filter(metric="declared.subgroup"))
    expected = {0} | ({1} if declared else set())
    wanted = orders - ({2} if declared < 2 else set())
    for target in targets if targets is not None else [None]:
        for order in sorted(wanted & expected or (wanted if targets is None else set())):
            if not any(s.order == order and target in (None, s.target) for s in scores):
                yield _missing(rule, target or "", order, scorecard)


def _best(scorecard: Scorecard, target: str, rule: Rule) -> str:
    """The learner whose main figure on everyone is best when trained on real rows; "" where there is none."""
    of = LEARNED if rule.metric.startswith(LEARNED) else ""
    metric = f"{of}utility.{MAIN[rule.task]}" if rule.task else ""
    found = scorecard.filter(metric=metric, target=target, slice="all", status="ok")
    known = {s.model: s.baseline for s in found if s.baseline is not None}
    return max(known, key=lambda model: known[model], default="")


def _targets(scorecard: Scorecard, rule: Rule) -> list[str] | None:
    """The declared targets of the rule's task; None where the rule is not about a task."""
    if rule.task is None:
        return None
    declared = scorecard.filter(metric="declared.target", detail=rule.task)
    return [s.target for s in declared]


def _missing(rule: Rule, target: str, order: int, scorecard: Scorecard) -> Reason:
    kind = ("everyone", "the subgroups", "the pairs of subgroups")[order]
    about = f" of {target}" if target else ""
    words = metric_words(rule.metric)
    text = f"{words}{about} was not computed for {kind}, so {rule.name} is not met"
    for score in scorecard.filter(lambda s: rule.metric.startswith(s.metric) and bool(s.reason)):
        text = f"{words}{about}: {score.reason}"
    outcome: Outcome = "note" if rule.on_insufficient == "note" else "insufficient evidence"
    return Reason(rule.name, rule.metric, kind, None, str(rule), outcome, text, target)


def _judge(score: Score, rule: Rule, scorecard: Scorecard, policy: Policy, among: int) -> Reason:
    outcome, why = outcome_of(score, rule, among)
    small = score.status != "ok" or rule.too_wide(score)
    if (
        not small
        and outcome != "pass"
        and rule.alternative
        and _other_holds(score, rule.alternative, scorecard)
    ):
        outcome, why = "pass", f"{why}, but {rule.alternative.described()}"
    named = small and score.order == 1 and policy.small_groups != "withhold"
    if outcome == "insufficient evidence" and (named or rule.on_insufficient == "note"):
        outcome, why = "note", f"not assessed: {why}"
    text = f"{_subject(score)}: {why}, asked {rule}{_remark(score)}"
    if outcome == "veto":
        text += _by_real(score, scorecard)
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
        score.order,
        _remedy(score, outcome),
    )


def _remedy(score: Score, outcome: Outcome) -> str:
    """What may help where the outcome is no approval."""
    if outcome == "insufficient evidence":
        return f"{NARROWER}; or, where the value itself is off, {remedy(score.metric)}"
    return remedy(score.metric) if outcome == "veto" else ""


def _subject(score: Score) -> str:
    """What a figure is, of what and for whom."""
    learner = score.model and f"({score.model.replace('_', ' ')})"
    whom = score.slice != "all" and f"for {score.slice}"
    about = (metric_words(score.metric), score.target and f"of {score.target}", learner, whom)
    return " ".join(part for part in about if part)


def _remark(score: Score) -> str:
    return score.detail and f" ({score.detail})"


BY_REAL = "_by_real"
"""Ends of metrics that say of real rows what others say of synthetic ones."""


def _by_real(score: Score, scorecard: Scorecard) -> str:
    """What share of real rows, or people, does the same, where that is known and may be said."""
    real = next(iter(scorecard.filter(metric=f"{score.metric}{BY_REAL}", status="ok")), None)
    if real is None or real.value is None:
        return ""
    who = "people" if score.metric.startswith(OF_HISTORIES) else "rows"
    return f"; of real {who} {real.value:.2%} do too" if real.value else f"; no real {who} do"


def _figure(score: Score) -> str:
    """The value with its interval."""
    words = f"{score.value:.3g}"
    if score.low is not None and score.high is not None:
        words += f" [{score.low:.3g}, {score.high:.3g}]"
    return words


def outcome_of(score: Score, rule: Rule, among: int = 1) -> tuple[Outcome, str]:
    """The rule applied to one score: outcome, and the figure in words.

    ``among``: so many groups are judged alike. A veto by the interval holds for all of them at once
    (Bonferroni), so that one of many is not vetoed by chance.
    """
    if score.status != "ok" or score.value is None:
        return "insufficient evidence", score.reason or score.status
    value, words = score.value, _figure(score)
    interval: tuple[float, ...] = ()
    if score.low is not None and score.high is not None:
        interval = (score.low, value, score.high)
    inside = {
        "value": rule.hold(value),
        "interval": bool(interval) and all(map(rule.hold, interval)),
    }
    sure = widened(interval, among)
    outside = {
        "value": not rule.hold(value),
        "interval": bool(sure) and (all(map(rule.below, sure)) or all(map(rule.above, sure))),
    }
    if inside[rule.pass_needs] and not rule.too_wide(score):
        return "pass", words
    if outside[rule.veto_needs]:
        return "veto", words
    if rule.too_wide(score):
        return (
            "insufficient evidence",
            f"{words} is too wide to show a harm; {_enough(score, rule)}",
        )
    if rule.harm_excluded(score):
        return "pass", f"{words}, not shown to be beyond"
    return "insufficient evidence", f"{words} leaves it open"


def widened(interval: tuple[float, ...], among: int) -> tuple[float, ...]:
    """A 95 % interval around its value as wide as one of ``among`` that hold at once, by the normal."""
    if not interval or among < 2:
        return interval
    normal = NormalDist()
    by = normal.inv_cdf(1 - 0.025 / among) / normal.inv_cdf(0.975)
    low, value, high = interval
    return value - by * (value - low), value, value + by * (high - value)


def _enough(score: Score, rule: Rule) -> str:
    people = rule.people_for(score)
    return (
        "more people held out would"
        if people is None
        else f"about {people:,} people would, {score.n:,.0f} are there"
    )


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


PROVED = "take a generator whose guarantee is proved here, as `aim` or `mst`"


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
    found = Reason(VERIFIED, "guarantee", "all", None, "verified", outcome, text)
    return replace(found, remedy=PROVED) if outcome == "veto" else found


def _failure(score: Score, policy: Policy) -> Reason:
    outcome: Outcome = "insufficient evidence" if policy.on_failed == "insufficient" else "note"
    text = f"{_subject(score)} failed: {score.reason}{_remark(score)}"
    if score.metric.startswith(READABLE):
        text = score.reason  # it names the column itself
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
