"""What the tests of both pages share: a reader of HTML, and a label, scores and reasons to show."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from evaluators.gate import Reason
from evaluators.score import Score

HOSTILE = "<script>alert(\"1\")</script> & 'x'"
VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Follows open tags; keeps the text, the tags and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def check_self_contained(page: Page) -> None:
    assert not {"script", "img", "link", "iframe", "object", "embed"} & set(page.tags)
    assert not {"src", "href", "xlink:href", "srcset", "action"} & {k for k, _ in page.attributes}
    assert not [k for k, _ in page.attributes if k.startswith("on")]
    style = "".join(page.texts)
    assert "url(" not in style
    assert "@import" not in style


def make_label() -> dict[str, Any]:
    """A label as flows.label makes it, as far as the pages read it."""
    event = {
        "type": "ComposedDpEvent",
        "events": [
            {"type": "ApproximateZCDpEvent", "rho": 0.001, "delta": 1e-10},
            {
                "type": "SelfComposedDpEvent",
                "count": 3,
                "event": {"type": "GaussianDpEvent", "noise_multiplier": 20.5},
            },
            {"type": "GaussianDpEvent", "noise_multiplier": 20.5},
            {
                "type": "PoissonSampledDpEvent",
                "sampling_probability": 0.01,
                "event": {"type": "LaplaceDpEvent", "noise_multiplier": 2},
            },
        ],
    }
    return {
        "release": {
            "name": "ward-1",
            "data_set": "ward",
            "description": "A ward.",
            "source": "A handbook.",
            "created": "2026-01-02",
            "synthetic_rows": 4,
            "sampling_seed": 0,
            "generator": {"name": "aim", "degree": 3},
        },
        "guarantee": {
            "definition": "(epsilon, delta)-differential privacy",
            "epsilon": 0.9876,
            "delta": 1e-9,
            "unit": "patient",
            "max_rows_per_unit": 2,
            "neighbouring_relation": "add or remove one unit with all its rows",
            "protects": "the units in the train partition",
            "in_words": "At most 2.68 times as likely.",
        },
        "accounting": {
            "accountant": "RDP",
            "events": [{"purpose": "fit", "event": event}],
            "what_the_schema_left_open": {"columns": ["age"], "zcdp_rho": 0.1, "delta": 0.0},
            "generator_event": {"type": "ZCDpEvent", "rho": 0.01},
            "ledger": {
                "charge": 7,
                "hash": "ab" * 32,
                "data_set_epsilon_spent": 1.5,
                "data_set_epsilon_budget": 3.0,
                "data_set_delta": 1e-9,
            },
        },
        "public_facts_assumed": {
            "schema": "schema.yaml",
            "columns": 4,
            "row_count": None,
            "share_held_out": 0.2,
            "pre_training": "none",
        },
        "implementation": {
            "libraries": {"opendp": "0.16"},
            "randomness": "of the operating system",
            "numbers": "whole",
            "post_processing": "free",
        },
        "decision": {"policy": "default", "decision": "veto"},
        "not_covered": ["The schema is taken to be public."],
    }


def make_scores(group: str = "sex=F") -> list[Score]:
    """A scorecard with every kind of score, sound, failed and insufficient."""
    about: dict[str, Any] = {"target": "income", "n": 900, "positives": 210, "model": "boosting"}
    small: dict[str, Any] = {
        "status": "insufficient evidence",
        "reason": "12 people, fewer than 100",
    }
    beside: dict[str, Any] = {"baseline": 0.91, "baseline_name": "train on real"}
    auroc = Score(metric="utility.auroc", value=0.876, low=0.85, high=0.9, **beside, **about)
    fair = replace(auroc, metric="fairness.auroc", slice=group, order=1)
    rate = Score(
        metric="base_rate.difference", value=0.02, low=-0.01, high=0.05, baseline=0.24, **about
    )
    return [
        auroc,
        replace(auroc, model="majority", value=0.5, low=None, high=None, baseline=None),
        replace(auroc, metric="utility.auroc.difference", value=-0.034, low=-0.05, high=-0.01),
        Score(
            metric="utility.auroc",
            target="income",
            model="logistic",
            status="failed",
            reason="ValueError",
        ),
        fair,
        replace(fair, slice="sex=M", value=0.8),
        Score(metric="fairness.auroc.difference", slice="sex=X", order=1, **small, **about),
        replace(fair, metric="fairness.auroc.difference", slice=f"{group} & age=1", order=2),
        replace(rate, slice=group, order=1),
        replace(rate, slice="sex=X", order=1, **small),
        replace(
            fair, metric="fairness.tpr.excess_gap", slice="sex", value=0.11, low=0.02, high=0.2
        ),
        Score(metric="representation_ratio", slice=group, order=1, value=0.7, low=0.6, high=0.9),
        Score(metric="kmarginal.2", value=842.0, baseline=930.0, baseline_name="real train rows"),
        Score(
            metric="kmarginal.2.subsample",
            value=12.3,
            baseline=40.0,
            baseline_name="real train rows",
        ),
        Score(metric="kmarginal.2", slice=group, order=1, value=700.0, baseline=800.0),
        Score(metric="quality.column", value=0.93, detail="age (KSComplement)"),
        Score(metric="quality.column", value=0.55, detail="pay (KSComplement)"),
        Score(metric="quality.pair", detail="a × b", **small),
        Score(metric="impossible_rows", value=0.0, rows="none", visibility="public"),
        Score(metric="lost_group", slice="sex=Y", order=1, value=1.0, n=33, higher_is_better=False),
        Score(metric="lost_categories", value=2.0, detail="ward: north, south"),
        Score(metric="quality", value=0.91),
        Score(metric="new.metric", value=1e9),
    ]


REASONS = (
    Reason(
        "usefulness",
        "utility.auroc.difference",
        "all",
        -0.034,
        "at least -0.05",
        "pass",
        "good enough",
    ),
    Reason(
        "subgroup-loss",
        "fairness.auroc",
        "sex=F",
        0.876,
        "at least 0.9",
        "veto",
        "too low in sex=F",
    ),
    Reason(
        "pairs", "fairness.auroc", "a & b", None, "at least 0.9", "note", "not assessed: 3 people"
    ),
    Reason("gap", "x", "all", None, "none", "insufficient evidence", f"open: {HOSTILE}"),
)
