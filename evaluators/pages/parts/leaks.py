"""What a report says of attacks: what each found, beside people held out and what ε allows at most.

Privacy claim: none; shows internal scores, for internal pages only.
"""

from __future__ import annotations

from collections.abc import Sequence

from evaluators.attacks.claims import allowed
from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.plots import Mark, Shape
from evaluators.pages.drawing.views import Plot, pair_marks, plot, problem, spread
from evaluators.pages.parts.facts import Claim
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words

TPR = "tpr_at_1_percent_fpr"
BESIDE: tuple[tuple[Shape, str], ...] = (
    ("dot", "the attack, 95 % interval"),
    ("diamond", "control: people held out, or a guess"),
)
ALLOWED: tuple[tuple[Shape, str], ...] = (("tick", "the most that the claimed ε and δ allow"),)


def limit(score: Score, claim: Claim | None) -> float | None:
    """The most that a claim lets an attack reach; None where it sets no limit, or there was no attack."""
    if claim is None or not claim.bounded or score.value is None:
        return None
    return allowed(score, claim.epsilon, claim.delta)


def attack_plots(card: Scorecard, claim: Claim | None) -> list[Plot]:
    """A plot for each kind of attack, a line for each way to attack."""
    families: dict[str, list[Score]] = {}
    for score in card.filter(lambda s: s.metric.startswith("attack.")):
        families.setdefault(_family(score.metric), []).append(score)
    plots = [_plot(family, scores, claim) for family, scores in families.items()]
    return [p for p in plots if p]


def _family(metric: str) -> str:
    """All membership attacks are drawn together, AUROC and rates apart."""
    if not metric.startswith("attack.membership"):
        return metric
    return f"attack.membership.{TPR}" if metric.endswith(TPR) else "attack.membership"


def _plot(family: str, scores: Sequence[Score], claim: Claim | None) -> Plot | None:
    limited = any(limit(s, claim) is not None for s in scores)
    caption = (
        "Beyond the control, train people are found out about for having been in the training."
    )
    if limited:
        caption += (
            " Nobody can get beyond what the claim allows, whatever they know: an attack that does "
            "refutes it."
        )
    title = metric_words(family).removeprefix("attack, ")
    return plot(
        f"{title}, AUROC" if family == "attack.membership" else title,
        caption,
        ("Attack", "Attack | control"),
        scores,
        lambda s: [*pair_marks(s), Mark("tick", limit(s, claim))],
        lambda s: _figures(s, limit(s, claim)),
        (*BESIDE, *(ALLOWED if limited else ())),
        label=_method,
    )


def _method(score: Score) -> str:
    if not score.metric.startswith("attack.membership"):
        return score.detail or score.slice
    method = score.metric.removesuffix(f".{TPR}").removeprefix("attack.membership.")
    return f"{metric_words(method)}{': ' if score.detail else ''}{score.detail}"


def _figures(score: Score, most: float | None) -> tuple[str, ...]:
    found = (f"{number(score.value)} {spread(score)}".strip(), f"control {number(score.baseline)}")
    return found if most is None else (*found, f"allowed {number(most)}")


def distances(card: Scorecard) -> list[tuple[str, str]]:
    """Distances to the closest record, each with what it is not."""
    return [
        (metric_words(s.metric), problem(s) or f"{number(s.value)}; {s.detail}")
        for s in card.filter(lambda s: s.metric.startswith("dcr."))
    ]
