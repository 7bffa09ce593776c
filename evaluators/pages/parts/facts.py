"""What a page says of a release beside its scores: its name, where it comes from, what is claimed.

A release of our own has a label, whose claim was charged in a ledger. Of somebody else's table there
may be a claim, which is their word, or none at all.

Privacy claim: none; everything here is public or a statement about it.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluators.pages.drawing.page import loss, number


@dataclass(frozen=True)
class Claim:
    """(ε, δ) for one unit; ``accountant`` names who computed it, empty where nobody here did."""

    epsilon: float
    delta: float = 0.0
    unit: str = "row"
    accountant: str = ""
    in_words: str = ""

    @property
    def bounded(self) -> bool:
        """Whether anything is promised."""
        return math.isfinite(self.epsilon) and self.delta < 1


@dataclass(frozen=True)
class Budget:
    """What all releases of a data set have spent so far, and what they may, as ε at the data set's own δ."""

    spent: float
    total: float
    delta: float


@dataclass(frozen=True)
class Facts:
    """A release as a page names it; None and empty where nothing is known.

    ``reading``: how somebody else's file was read, and what had to be bent to fit the schema.
    ``histories``: whether rows of one unit belong together, in words; empty where each has one row.
    """

    name: str
    data_set: str
    created: str = ""
    synthetic_rows: int | None = None
    generator: str = ""
    seed: int | None = None
    claim: Claim | None = None
    budget: Budget | None = None
    reading: str = ""
    histories: str = ""

    @classmethod
    def of_label(cls, label: dict[str, Any]) -> Facts:
        """The facts of a release of our own, whose label ``flows.label.label`` made."""
        release, guarantee = label["release"], label["guarantee"]
        ledger = label["accounting"]["ledger"]
        histories = label.get("histories") or {}  # older labels do not speak of them
        return cls(
            name=release["name"],
            data_set=release["data_set"],
            created=release["created"],
            synthetic_rows=release["synthetic_rows"],
            generator=release["generator"]["name"],
            seed=release["sampling_seed"],
            claim=Claim(
                guarantee["epsilon"],
                guarantee["delta"],
                guarantee["unit"],
                label["accounting"]["accountant"],
                guarantee["in_words"],
            ),
            budget=Budget(
                ledger["data_set_epsilon_spent"],
                ledger["data_set_epsilon_budget"],
                ledger["data_set_delta"],
            ),
            histories=histories.get("in_words", ""),
        )

    @classmethod
    def read(cls, path: Path) -> Facts:
        """What ``write`` wrote."""
        values = json.loads(path.read_text("utf-8"))
        claim, budget = values.pop("claim"), values.pop("budget")
        return cls(
            **values,
            claim=None if claim is None else Claim(**claim),
            budget=None if budget is None else Budget(**budget),
        )

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False), "utf-8")


def guarantee_words(claim: Claim | None) -> tuple[str, ...]:
    """The guarantee in a few sentences: what is promised, and how far that can be believed."""
    if claim is None or not claim.bounded:
        return (
            "No guarantee is claimed.",
            "Nothing bounds what these rows can tell about any one person. The attacks below can "
            "find a leak; that they find none is no evidence that there is none.",
        )
    if claim.accountant:
        return (
            claim.in_words,
            f"Computed from what was charged in the ledger, by {claim.accountant}.",
        )
    return (
        f"Whoever made these rows claims ε = {loss(claim.epsilon)} at δ = {loss(claim.delta)} for "
        f"one {claim.unit}. If that is true, whatever is found out from the rows about any one "
        f"{claim.unit} is at most e^ε ≈ {number(math.exp(min(claim.epsilon, 700)))} times as likely as "
        f"it would be without, but for a probability of δ.",
        "This is their word: the training was not seen here. An attack that does better than the "
        "claim allows would refute it; one that does worse proves nothing.",
    )
