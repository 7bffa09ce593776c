"""The few figures on which a release is decided: what a board reads first, and what is compared.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from evaluators.noticed import given_away
from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.views import spread
from evaluators.pages.parts.facts import Claim
from evaluators.pages.parts.leaks import TPR, limit
from evaluators.pages.parts.sections import best_learner, main_metric, targets
from evaluators.score import Score, Scorecard
from evaluators.words import badness, metric_words

UTILITY, WORST, GAP = "utility", "worst subgroup", "excess gap"
"""Kinds of headlines that a trade-off is drawn of."""

OF_PATIENTS = "attack.membership.patient."


@dataclass(frozen=True)
class Headline:
    """One figure with its name; ``beside``: what it is to be read against, in words."""

    kind: str
    name: str
    score: Score
    beside: str
    target: str = ""

    @property
    def interval(self) -> str:
        return spread(self.score)

    @property
    def figure(self) -> str:
        """The value with its interval."""
        return f"{number(self.score.value)} {self.interval}".strip()


def headlines(card: Scorecard, claim: Claim | None) -> list[Headline]:
    """Utility, the worst subgroup and the largest excess gap of each target; then likeness, attacks."""
    found = [h for target in targets(card) for h in _of_target(card, target)]
    for metric, name in (
        ("kmarginal.3", "k-marginal over triples of columns, of 1000"),
        ("propensity.auroc", "a classifier tells synthetic from real rows (AUROC, 0.5 is best)"),
    ):
        by = given_away(card) if metric == "propensity.auroc" else ""
        found += [
            Headline("likeness", name, s, "; ".join(filter(None, (_beside(s), by))))
            for s in _worst(card.filter(metric=metric, slice="all", rows="holdout", status="ok"))
        ]
    for score in card.filter(metric="histories.transitions", slice="all", status="ok"):
        name = "steps from row to row of a person (total variation, 0 is best)"
        found.append(Headline("likeness", name, score, f"{_beside(score)}; {score.detail}"))
    for score in _worst(card.filter(_membership, status="ok")):
        most = limit(score, claim)
        whom = "on whole histories; " if score.metric.startswith(OF_PATIENTS) else ""
        says = "nothing is claimed" if most is None else f"the claim allows {number(most)} at most"
        found.append(
            Headline(
                "attack",
                "strongest membership attack, AUROC",
                score,
                f"{whom}a guess reaches 0.5; {says}",
            )
        )
    return found


def _beside(score: Score) -> str:
    return f"{score.baseline_name} {number(score.baseline)}"


def _membership(score: Score) -> bool:
    return score.metric.startswith("attack.membership.") and not score.metric.endswith(TPR)


def _of_target(card: Scorecard, target: str) -> Iterator[Headline]:
    model = best_learner(card, target)
    here = card.filter(target=target, model=model, status="ok")
    metric = main_metric(card, "utility", target)
    name = metric_words(metric)
    for score in here.filter(metric=metric):
        constant = card.filter(target=target, metric=metric, model="majority").scores
        guess = f"; constant {number(constant[0].value)}" if constant else ""
        beside = f"trained on real rows {number(score.baseline)}{guess}"
        title = f"{name} for {target}"
        yield Headline(UTILITY, title, score, beside, target)
    of_group = here.filter(metric=main_metric(card, "fairness", target), order=1)
    for score in _worst(of_group):
        beside = f"{score.slice}; trained on real rows {number(score.baseline)}"
        yield Headline(WORST, f"{name} for {target}, worst subgroup", score, beside, target)
    gaps = here.filter(
        lambda s: s.metric.startswith("fairness.") and s.metric.endswith(".excess_gap"), order=1
    )
    for score in _worst(gaps):
        beside = f"{metric_words(score.metric.removesuffix('.excess_gap'))} by {score.slice}"
        yield Headline(GAP, f"largest excess gap for {target}", score, beside, target)


def _worst(scores: Iterable[Score]) -> list[Score]:
    """The worst score, or none."""
    return sorted(scores, key=badness, reverse=True)[:1]
