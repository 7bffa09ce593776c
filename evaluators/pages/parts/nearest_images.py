"""What a report says of images: how like the real ones they are, and the nearest ones.

Privacy claim: none; shows internal scores and real images, for internal pages only.
"""

from __future__ import annotations

from base64 import b64encode

from evaluators.pages.drawing.page import number
from evaluators.pages.drawing.plots import Shape
from evaluators.pages.drawing.views import Plot, pair_marks, plot, problem, spread
from evaluators.score import Score, Scorecard
from evaluators.words import metric_words

BESIDE: tuple[tuple[Shape, str], ...] = (
    ("dot", "synthetic images"),
    ("diamond", "real train images, what a fresh set reaches"),
)


def overall(card: Scorecard) -> list[tuple[str, str]]:
    """Each figure over everyone with its name, and what it was computed on."""
    scores = card.filter(lambda s: s.metric.startswith("image."), slice="all").scores
    found = [(metric_words(s.metric).partition(", ")[2], problem(s) or _beside(s)) for s in scores]
    details = list(dict.fromkeys(s.detail for s in scores if s.detail))
    return found + [("compared on", detail) for detail in details]


def _beside(score: Score) -> str:
    figure = f"{number(score.value)} {spread(score)}".strip()
    return f"{figure}; {score.baseline_name} {number(score.baseline)}"


def by_slice(card: Scorecard) -> list[Plot]:
    """Are the images of a group real ones' like, and do they cover its variety?"""
    captions = {
        "image.precision": "Share of synthetic images that lie among the real ones.",
        "image.coverage": "Share of real images that have a synthetic one beside them.",
    }
    plots = [
        plot(
            f"{metric_words(metric).removeprefix('images, ')} of images, inside each group and class",
            caption,
            ("Group", "Synthetic | real"),
            card.filter(metric=metric, order=1),
            pair_marks,
            lambda s: (f"{number(s.value)} {spread(s)}".strip(), f"real {number(s.baseline)}"),
            BESIDE,
        )
        for metric, caption in captions.items()
    ]
    return [p for p in plots if p]


def as_uri(picture: bytes | None) -> str:
    """A PNG file as a data URI; empty where there is none."""
    return "data:image/png;base64," + b64encode(picture).decode() if picture else ""
