"""What the tests of the pages share: a reader of HTML, and a label, scores and reasons to show."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

from evaluators.pages.parts.facts import Facts
from evaluators.pages.parts.tradeoff import Release
from evaluators.score import Score, Scorecard
from evaluators.verdict import Reason, Verdict

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
        self.scripts: list[str] = []
        self.data: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]
        self.is_data = dict(attrs).get("type") == "application/json"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(k, v or "") for k, v in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] == ["script"]:
            (self.data if self.is_data else self.scripts).append(data)
        else:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def check_self_contained(page: Page) -> None:
    """No script but those that the page's own policy names, and no address that leads out of it."""
    assert not {"img", "link", "iframe", "object", "embed"} & set(page.tags)
    where = [
        v for k, v in page.attributes if k in ("src", "href", "xlink:href", "srcset", "action")
    ]
    assert all(v.startswith("#") for v in where)
    assert not [k for k, _ in page.attributes if k.startswith("on")]
    style = "".join(page.texts)
    assert "url(" not in style
    assert "@import" not in style
    policy = next(v for k, v in page.attributes if v.startswith("default-src"))
    allowed = re.findall(r"'(sha256-[^']+)'", policy)
    assert "script-src" not in policy or "unsafe" not in policy.partition("script-src")[2]
    assert [digest(text) for text in page.scripts] == allowed


def digest(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def make_label() -> dict[str, Any]:
    """A label as flows.label.label makes it, as far as the pages read it."""
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
            "license": None,
        },
        "guarantee": {
            "basis": "the mechanisms of Understudy, each draw charged",
            "definition": "(epsilon, delta)-differential privacy",
            "epsilon": 0.9876,
            "delta": 1e-9,
            "unit": "patient",
            "max_rows_per_unit": 2,
            "neighbouring_relation": "add or remove one unit with all its rows",
            "protects": "the units in the train partition",
            "in_words": "At most 2.68 times as likely.",
        },
        "risk": {
            "in_words": "Whoever tries can be right 62 times in 100.",
            "membership_advantage": 0.12,
            "tpr_at_1_percent_fpr": 0.02,
            "right_about_1_in_2": 0.62,
            "right_about_1_in_100": 0.02,
            "accountant": "RDP",
            "theorem": "by a theorem",
            "holds_for": "any attack",
        },
        "provenance": {
            "publisher": "A hospital",
            "contact": "data@hospital.example",
            "intended_use": "teaching",
            "region": "not stated",
            "sector": "not stated",
            "settings": {
                "stated": "defaults",
                "earlier_runs_judged_without_a_charge": 0,
                "in_words": "The ledger knows of no earlier charge.",
            },
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
        "selection": None,
        "public_facts_assumed": {
            "schema": "schema.yaml",
            "columns": 4,
            "row_count": None,
            "share_held_out": 0.2,
            "pre_training": "none",
        },
        "implementation": {
            "libraries": {"understudy": "0.1", "opendp": "0.16"},
            "randomness": "of the operating system",
            "numbers": "whole",
            "post_processing": "free",
        },
        "not_assessed": {
            "groups": ["age=80 to 110"],
            "in_words": "Nothing is claimed about these groups.",
        },
        "decision": {
            "policy": "default",
            "decision": "veto",
            "figures": "all",
            "policy_sha256": "cd" * 32,
            "decided_by": "the policy alone",
        },
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


def make_facts() -> Facts:
    return Facts.of_label(make_label())


def named(scores: list[Score], name: str) -> list[Score]:
    """The same scores of targets and details with another name."""
    return [
        replace(
            s,
            target=s.target and name,
            detail=f"{name} × b (pearson)" if s.metric.startswith("association.d") else name,
        )
        for s in scores
    ]


def full_scores(group: str = "sex=F") -> list[Score]:
    """A scorecard with something for every section of the report."""
    about: dict[str, Any] = {"target": "income", "n": 900, "positives": 210, "model": "boosting"}
    people: dict[str, Any] = {"n": 900, "positives": 450, "rows": "train and holdout"}
    control: dict[str, Any] = {"baseline": 0.5, "baseline_name": "people held out"}
    real: dict[str, Any] = {"baseline": 0.95, "baseline_name": "real train rows"}
    public: dict[str, Any] = {"visibility": "public", "charged": True, "n": 90}
    pairs = [
        Score(metric="association.difference", value=v, baseline=0.4, detail=f"{a} × {b} ({kind})")
        for v, a, b, kind in (
            (-0.3, "age", "pay", "pearson"),
            (0.1, "ward", "sex", "cramers_v"),
            (0.05, "ward", "age", "correlation_ratio"),
        )
    ]
    auroc = Score(
        metric="fairness.auroc", slice=group, order=1, value=0.8, low=0.7, high=0.9, **about
    )
    meeting = replace(auroc, slice=f"{group} & age=1", order=2, baseline=0.85)
    return [
        *make_scores(group),
        *pairs,
        meeting,
        replace(
            auroc, slice="sex=X", value=0.4, status="insufficient evidence", reason="12 people"
        ),
        Score(metric="utility.trts.auroc", value=0.81, low=0.8, high=0.82, **about),
        Score(metric="utility.both.auroc", value=0.9, low=0.89, high=0.91, **about),
        Score(metric="utility.draws.auroc", value=0.86, low=0.84, high=0.88, **about),
        Score(metric="utility.calibration_gap", value=-0.02, low=-0.03, high=-0.01, **about),
        Score(
            metric="utility.km_distance", value=0.03, low=0.01, high=0.04, target="income", **real
        ),
        Score(metric="utility.rank.models", value=0.6, low=0.2, high=0.9, target="income", **real),
        Score(
            metric="inference.coefficient.overlap", value=-0.4, detail="age", rows="train", **about
        ),
        Score(
            metric="inference.type_one",
            value=0.31,
            low=0.2,
            high=0.4,
            detail="treat with care",
            **about,
        ),
        Score(metric="propensity.auroc", value=0.7, low=0.6, high=0.8, model="logistic", **real),
        Score(metric="manifold.coverage", value=0.9, **real),
        Score(metric="kmarginal.3.worst", value=310.0, detail="age × pay × ward", **real),
        Score(
            metric="base_rate.by_value",
            value=0.1,
            low=0.05,
            high=0.15,
            detail="ward=north",
            **about,
        ),
        Score(
            metric="attack.membership.domias", value=0.55, low=0.5, high=0.6, **people, **control
        ),
        Score(
            metric="attack.membership.domias.tpr_at_1_percent_fpr", value=0.02, **people, **control
        ),
        Score(metric="attack.attribute", value=0.52, detail="ward", **people, **control),
        Score(metric="dcr.median", value=0.3, detail="no evidence of privacy"),
        Score(metric="charged.auroc", value=0.82, low=0.7, high=0.9, **(about | public)),
        Score(metric="charged.share", slice=group, order=1, value=0.4, low=0.3, high=0.5, **public),
    ]


def make_releases() -> list[Release]:
    """Releases of two generators at two ε each, and one without a claim."""
    facts, scores = make_facts(), full_scores()
    assert facts.claim is not None
    made = [
        (replace(facts, name=f"{g}-{e}", generator=g, claim=replace(facts.claim, epsilon=e)), e)
        for g in ("aim", "ctgan")
        for e in (0.5, 4.0)
    ]
    made.append((Facts("other", "ward", generator="unknown tool"), 2.0))
    return [
        Release(
            f,
            Scorecard(
                tuple(
                    replace(s, value=0.5 + e / 10) if s.metric.endswith(".auroc") else s
                    for s in scores
                )
            ),
            Verdict("default", "veto", REASONS),
        )
        for f, e in made
    ]
