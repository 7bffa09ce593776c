"""The public card: one page that tells whoever receives a bundle what it is and what it promises.

Everything on it comes from the label, the public schema and the synthetic rows; no figure on real
rows reaches it but those that were charged, and no reason of a verdict that was reached on others.
Counting synthetic rows is free post-processing.

Privacy claim: shows only what is public.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from evaluators.pages.drawing.page import environment, loss, write_page
from flows.cards.columns import sizes, tiles
from flows.cards.contact_sheet import contact_sheet
from flows.cards.figures import tables
from flows.cards.histories import histories
from flows.cards.timelines import draw
from flows.frames.tables import parts
from flows.label.risk import in_hundred
from privacy.schema.schema import Schema
from privacy.stored.rows import AnyRows

TEMPLATES = Path(__file__).parent / "templates"

MECHANISMS = {
    "ApproximateZCDpEvent": "Approximate zero-concentrated DP",
    "BoundedRangeDpEvent": "Selection by the exponential mechanism",
    "ClaimedDpEvent": "As claimed upstream, not verified",
    "DiscreteGaussianDpEvent": "Discrete Gaussian noise",
    "ExponentialMechanismDpEvent": "Exponential mechanism",
    "GaussianDpEvent": "Gaussian noise",
    "LaplaceDpEvent": "Laplace noise",
    "NoOpDpEvent": "Nothing released",
    "PoissonSampledDpEvent": "Poisson sampling, then:",
    "RandomizedResponseDpEvent": "Randomised response",
    "RepeatAndSelectDpEvent": "Repeated a random number of times and the best kept:",
    "ZCDpEvent": "Zero-concentrated DP",
}
SYMBOLS = {
    "by": "claimed of",
    "delta": "δ",
    "epsilon": "ε",
    "mean": "runs on average",
    "noise_multiplier": "noise multiplier",
    "rho": "ρ",
    "sampling_probability": "sampling probability",
    "xi": "ξ",
}

ADVICE = (
    (
        "Do not read p-values at face value.",
        "Ordinary tests do not know of the privacy noise: at ε ≤ 1, on a single synthetic table, they find "
        "effects that are not there more often than their level says (arXiv 2403.13612). Confirm findings on "
        "the original through its custodian, or use several releases or noise-aware intervals.",
    ),
    (
        "Draw no conclusions on a handful of rows.",
        "Small groups and rare combinations carry the most noise.",
    ),
    (
        "Detail finer than a bin carries no information.",
        "Numbers and dates are drawn evenly inside public bins.",
    ),
    (
        "Statements on one person are never supported.",
        "The rows are for methods, software, teaching and first looks.",
    ),
)
"""What whoever analyses synthetic rows must know: each in short, and why."""

MAX_EVENTS = 40
"""At most so many different draws are listed; label.json holds all."""


def write_card(path: Path, label: dict[str, Any], schema: Schema, synthetic: AnyRows) -> None:
    """Write the card; ``schema`` is complete and ``synthetic`` are rows under it."""
    rows = events(label)
    # only these are looked at as a whole
    frame = synthetic.frame if schema.image or schema.visits else pd.DataFrame()
    context = {
        "label": label,
        "decision": decision(label),
        "under": under(label),
        "generator": parameters(label["release"]["generator"]),
        "events": rows[:MAX_EVENTS],
        "events_left_out": max(0, len(rows) - MAX_EVENTS),
        "left_open": label["accounting"]["what_the_schema_left_open"],
        "tiles": tiles(schema, synthetic),
        "sheet": contact_sheet(schema, frame),
        "histories": _pictured(schema, frame),
        "sizes": sizes(schema, frame),
        "tables": parts(schema),
        "subgroups": [s.name for s in schema.subgroups],
        "relations": [r.says for r in schema.relations],
        "unit_is_row": schema.unit is None,
        "asked": tables(label),
        "risks": risks(label),
        "advice": ADVICE,
    }
    write_page(path, environment(TEMPLATES), "card.html.j2", context)


def _pictured(schema: Schema, synthetic: pd.DataFrame) -> tuple[str, str] | None:
    """The picture of a few histories as a data URI, and its words; None where there are none."""
    shown = histories(schema, synthetic)
    if shown is None:
        return None
    return f"data:image/svg+xml;base64,{b64encode(draw(shown).encode()).decode()}", shown.alt


def decision(label: dict[str, Any]) -> dict[str, Any]:
    """The decision, by which policy and whom; how it was reached only where that was charged for.

    ``covered``: whether a guarantee covers it, as where nobody decided who had other figures at hand.
    """
    summary = label["decision"]
    return {
        "decision": summary.get("decision", "not stated"),
        "policy": summary.get("policy", ""),
        "charged": summary.get("figures") == "charged",
        "covered": summary.get("figures") == "charged" and "at_hand" not in summary,
        "by": summary.get("decided_by", ""),
        "reasons": [r["text"] for r in summary.get("reasons", ()) if r["outcome"] != "pass"],
        "met": sum(r["outcome"] == "pass" for r in summary.get("reasons", ())),
    }


def risks(label: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What any attack can reach: of what, how often without these rows and at most with them, both in 100."""
    risk = label["risk"]
    figures = {
        "A yes-or-no secret is guessed right": ("50", "right_about_1_in_2"),
        "A secret with a hundred equally likely answers is guessed right": (
            "1",
            "right_about_1_in_100",
        ),
        "Somebody who took part is named as such, when 1 in 100 who did not is named too": (
            "1",
            "tpr_at_1_percent_fpr",
        ),
        "The same less those wrongly named, whatever their number": ("0", "membership_advantage"),
    }
    return [(what, before, in_hundred(risk[name])) for what, (before, name) in figures.items()]


def under(label: dict[str, Any]) -> str:
    """What a release was made under; labels from before there were claims are of our own mechanisms."""
    if "claimed" in label["guarantee"].get("basis", ""):
        return (
            "under what its makers claim to be differential privacy, which nobody here has verified"
        )
    return "under differential privacy"


def held_out(label: dict[str, Any]) -> str:
    """What figures of the people held out cost them, in a sentence; empty where none were asked for."""
    if not label.get("evaluation"):
        return ""
    asked = label["evaluation"]["guarantee"]
    return (
        f"Figures of the people held out are in card.html and label.json. They cost each of them ε = "
        f"{loss(asked['epsilon'])} at δ = {loss(asked['delta'])}, and those who took part nothing."
    )


def parameters(values: dict[str, Any]) -> dict[str, str]:
    """A generator's public parameters as texts, its name first."""
    return {
        k.replace("_", " "): v if isinstance(v, str) else json.dumps(v) for k, v in values.items()
    }


def events(label: dict[str, Any]) -> list[dict[str, Any]]:
    """The charged draws in words; equal ones are counted together, in the order of their first."""
    found: dict[tuple[str, str, str], int] = {}
    for charge in label["accounting"]["events"]:
        for times, mechanism, settings in _leaves(charge["event"], 1):
            row = (charge["purpose"], mechanism, settings)
            found[row] = found.get(row, 0) + times
    return [
        {"purpose": p, "mechanism": m, "settings": s, "times": t} for (p, m, s), t in found.items()
    ]


def _leaves(event: dict[str, Any], times: int) -> Iterator[tuple[int, str, str]]:
    """The single draws of a nested composition: how often, which mechanism, with what settings."""
    kind = event["type"]
    if kind == "ComposedDpEvent":
        for part in event["events"]:
            yield from _leaves(part, times)
    elif kind == "SelfComposedDpEvent":
        yield from _leaves(event["event"], times * event["count"])
    else:
        inner = event.get("event")
        own = {k: v for k, v in event.items() if k not in ("type", "event")}
        name = MECHANISMS.get(kind, kind)
        settings = ", ".join(f"{SYMBOLS.get(k, k)} = {_text(v)}" for k, v in own.items())
        if not isinstance(inner, dict):
            yield times, name, settings
            return
        for count, mechanism, more in _leaves(inner, 1):
            joined = ", ".join(part for part in (settings, more) if part)
            yield times * count, f"{name} {mechanism}", joined


def _text(value: Any) -> str:
    return loss(float(value)) if isinstance(value, int | float) else json.dumps(value)
