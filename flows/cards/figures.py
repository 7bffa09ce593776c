"""Charged figures of the label, as tables for the card: a table a target, a line a group.

Privacy claim: shows only figures that the people held out were charged for.
"""

from __future__ import annotations

from typing import Any

from evaluators.charged.scores import ITSELF, SAMPLE
from evaluators.pages.drawing.page import DASH, number
from evaluators.words import metric_words

SHOWN = (
    "base_rate",
    "auroc",
    "tpr",
    "fpr",
    "ppv",
    "calibration_gap",
    "accuracy",
    "recall",
    "class_share",
    "c_index",
    "within_half_sd",
    "within_one_sd",
    "overpredicted",
)
"""Figures of a model, in the order of the columns."""

WHO = ("share", "representation_ratio", "kmarginal.2")
"""Figures that need no model."""

PREFIX = "charged."

BESIDE = {ITSELF: "synthetic", SAMPLE: "a sample of them"}
"""What stands below a figure, by the name of its baseline."""


def tables(label: dict[str, Any]) -> list[dict[str, Any]]:
    """Title, columns and lines of each table; none where nothing was charged for."""
    if label.get("evaluation") is None:
        return []
    figures = label["evaluation"]["figures"]
    targets = list(dict.fromkeys(f["target"] for f in figures))
    return [_table(t, [f for f in figures if f["target"] == t]) for t in targets]


def _table(target: str, figures: list[dict[str, Any]]) -> dict[str, Any]:
    wanted = [PREFIX + m for m in (SHOWN if target else WHO)]
    there = {f["metric"] for f in figures}
    columns = [m for m in wanted if m in there]
    slices = list(dict.fromkeys(f["slice"] for f in figures if f["metric"] in columns))
    of = {(f["slice"], f["metric"]): f for f in figures}
    lines = [_line(s, [of.get((s, m)) for m in columns]) for s in slices]
    return {
        "title": f"{target}, by {figures[0]['model']}" if target else "Who is there",
        "columns": [metric_words(m.removeprefix(PREFIX)) for m in columns],
        "lines": [line for line in lines if line["cells"]],
        "unjudged": [line["slice"] for line in lines if not line["cells"]],
        "gaps": [_gap(f) for f in figures if f["metric"].endswith(".gap") and f["status"] == "ok"],
    }


def _line(name: str, figures: list[dict[str, Any] | None]) -> dict[str, Any]:
    """A group with a figure or more that may be used; its cells are empty where none may."""
    cells = [_cell(f) for f in figures]
    people = next(f["n"] for f in figures if f is not None)
    known = any(c["value"] != DASH for c in cells)
    return {"slice": name, "people": people, "cells": cells if known else []}


def _cell(figure: dict[str, Any] | None) -> dict[str, str]:
    if figure is None or figure["status"] != "ok":
        return {"value": DASH, "interval": "", "beside": ""}
    what, beside = BESIDE.get(figure["baseline_name"], ""), figure["baseline"]
    return {
        "value": number(figure["value"]),
        "interval": interval(figure),
        "beside": f"{what} {number(beside)}" if what and beside is not None else "",
    }


def _gap(figure: dict[str, Any]) -> str:
    name = metric_words(figure["metric"].removeprefix(PREFIX).removesuffix(".gap"))
    beside = figure["baseline"]
    says = "" if beside is None else f"; in the synthetic rows {number(beside)}"
    return f"{name} by {figure['slice']}: {number(figure['value'])} {interval(figure)}{says}"


def interval(figure: dict[str, Any]) -> str:
    """\"[0.1, 0.3]\"."""
    return f"[{number(figure['low'])}, {number(figure['high'])}]"
