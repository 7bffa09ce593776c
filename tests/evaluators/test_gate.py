"""The gate: a veto beats doubt, doubt beats approval, and nothing passes for want of evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.gate import VERIFIED, gate, outcome_of, widened
from evaluators.policy import ELSE, Policy, Rule, load_policy, remedy
from evaluators.score import Score, Scorecard
from evaluators.verdict import REFUTED, Decision
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.schema.mistakes.examples import EXAMPLES

DEFAULT = Path(__file__).parents[2] / "configs" / "policies" / "default.yaml"
GRAVITY: tuple[Decision, ...] = ("approved", "insufficient evidence", "veto")

figures = st.floats(-1, 1, allow_nan=False)


def policy(**rule: object) -> Policy:
    given = {"name": "good-enough", "metric": "m", "slices": ["all"], "at_least": 0} | rule
    return Policy.model_validate({"name": "test", "rules": [given]})


def card(*scores: Score) -> Scorecard:
    return Scorecard(scores)


def verdict_of(score: Score, given: Policy) -> int:
    return GRAVITY.index(gate(card(score), given).decision)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    value = draw(figures)
    if draw(st.booleans()):
        return Score(metric="m", value=value)
    below, above = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    return Score(metric="m", value=value, low=value - below, high=value + above)


rules = st.builds(
    lambda limit, both, p, v, s: policy(
        at_least=limit,
        at_most=limit + both if both is not None else None,
        pass_needs=p,
        veto_needs=v,
        on_insufficient=s,
    ),
    figures,
    st.none() | st.floats(0, 1),
    st.sampled_from(["value", "interval"]),
    st.sampled_from(["value", "interval"]),
    st.sampled_from(["insufficient", "note"]),
)


def shifted(score: Score, by: float) -> Score:
    def move(x: float | None) -> float | None:
        return None if x is None else x + by

    return replace(score, value=move(score.value), low=move(score.low), high=move(score.high))


@given(scores(), rules, st.floats(0, 1))
def test_worse_is_never_judged_better(score: Score, given: Policy, by: float) -> None:
    """One-sided limits: a lower score of at_least, a higher one of at_most."""
    rule = given.rules[0]
    lower_only = given.model_copy(update={"rules": (rule.model_copy(update={"at_most": None}),)})
    assert verdict_of(shifted(score, -by), lower_only) >= verdict_of(score, lower_only)
    if rule.at_most is not None:
        upper = rule.model_copy(update={"at_least": None})
        upper_only = given.model_copy(update={"rules": (upper,)})
        assert verdict_of(shifted(score, by), upper_only) >= verdict_of(score, upper_only)


@given(scores(), rules, st.floats(0, 1))
def test_out_of_a_range_is_never_approved(score: Score, given: Policy, by: float) -> None:
    """Two-sided limits: once the value is outside, moving on outwards never brings approval."""
    rule = given.rules[0]
    value = score.value or 0.0
    if rule.above(value):
        assert verdict_of(shifted(score, by), given) >= verdict_of(score, given)
    if rule.below(value):
        assert verdict_of(shifted(score, -by), given) >= verdict_of(score, given)


@given(scores(), rules, st.integers(1, 5))
def test_more_scores_never_soften_a_veto_by_the_value(
    score: Score, given: Policy, extra: int
) -> None:
    """By the interval they do, as far as it must hold for all of them."""
    if given.rules[0].veto_needs == "value" and gate(card(score), given).decision == "veto":
        more = [Score(metric="m", value=1, detail=str(i)) for i in range(extra)]
        assert gate(card(score, *more), given).decision == "veto"


@given(scores(), rules)
def test_an_undefined_or_small_score_never_approves(score: Score, given: Policy) -> None:
    small = replace(score, status="insufficient evidence")
    assert gate(card(small), given).decision == "insufficient evidence"
    failed = replace(score, status="failed")
    assert gate(card(failed), given).decision == "insufficient evidence"


@given(rules)
def test_an_empty_scorecard_never_approves(given: Policy) -> None:
    assert gate(Scorecard(), given).decision == "insufficient evidence"


def test_the_default_policy_never_approves_an_empty_scorecard() -> None:
    verdict = gate(Scorecard(), load_policy(DEFAULT))
    assert verdict.decision == "insufficient evidence"
    missing = {r.metric for r in verdict.of("insufficient evidence")}
    assert {"declared.target", "declared.subgroup", "lost_group", "impossible_rows"} <= missing


def test_each_declared_target_needs_its_figures() -> None:
    declared = [
        Score(metric="declared.target", value=1, target=t, detail="classification", rows="none")
        for t in ("a", "b")
    ]
    given = policy(task="classification")
    verdict = gate(card(*declared, Score(metric="m", value=1, target="a")), given)
    assert [r.target for r in verdict.of("insufficient evidence")] == ["b"]
    whole = card(*declared, *(Score(metric="m", value=1, target=t) for t in ("a", "b")))
    assert gate(whole, given).decision == "approved"


def test_a_rule_for_groups_needs_figures_for_groups() -> None:
    group = Score(metric="declared.subgroup", value=1, slice="sex", order=1, rows="none")
    given = policy(slices=["all", "groups"])
    overall = Score(metric="m", value=1)
    assert gate(card(overall, group), given).decision == "insufficient evidence"
    women = Score(metric="m", value=1, slice="sex=F", order=1)
    assert gate(card(overall, women, group), given).decision == "approved"


def test_a_note_is_listed_and_does_not_withhold() -> None:
    small = Score(metric="m", order=2, slice="a & b", status="insufficient evidence", reason="few")
    fine = Score(metric="m", value=1, order=2, slice="a & c")
    lenient = policy(slices=["pairs"], on_insufficient="note")
    verdict = gate(card(small, fine), lenient, "proved")
    assert verdict.decision == "approved"
    assert "not assessed: few" in verdict.of("note")[0].text
    strict = gate(card(small, fine), policy(slices=["pairs"]))
    assert strict.decision == "insufficient evidence"


def test_value_and_interval() -> None:
    good = Score(metric="m", value=0.1, low=-0.1, high=0.3)
    bad = Score(metric="m", value=-0.1, low=-0.3, high=0.1)

    def outcome(score: Score, **given: object) -> str:
        return outcome_of(score, policy(**given).rules[0])[0]

    assert outcome(good) == "pass"
    assert outcome(bad) == "veto"
    assert outcome(good, pass_needs="interval", veto_needs="interval") == "insufficient evidence"
    assert outcome(bad, veto_needs="interval") == "insufficient evidence"
    assert outcome(shifted(bad, -0.2), veto_needs="interval") == "veto"
    no_interval = Score(metric="m", value=0.1)
    assert outcome(no_interval, pass_needs="interval") == "insufficient evidence"


def test_an_alternative_figure_will_do_on_the_same_slice() -> None:
    given = policy(alternative={"metric": "ratio", "at_least": 0.95})
    bad = Score(metric="m", value=-1, model="x")
    ratio = Score(metric="ratio", value=0.96, model="x")
    assert gate(card(bad, ratio), given).decision == "approved"
    assert gate(card(bad, replace(ratio, model="y")), given).decision == "veto"
    assert gate(card(bad, replace(ratio, value=0.9)), given).decision == "veto"
    assert gate(card(bad, replace(ratio, slice="sex=F")), given).decision == "veto"


def test_an_alternative_does_not_lift_small_groups() -> None:
    given = policy(alternative={"metric": "m", "rows": "train", "at_least": 0})
    small = Score(metric="m", value=1, status="insufficient evidence", reason="few")
    verdict = gate(card(small, Score(metric="m", value=1, rows="train")), given)
    assert verdict.decision == "insufficient evidence"


def test_reasons_say_what_and_the_public_summary_says_no_figure() -> None:
    score = Score(metric="m", value=-0.731, slice="site=C", order=1, target="back", model="ridge")
    verdict = gate(card(score), policy(slices=["groups"]))
    text = verdict.of("veto")[0].text
    for part in ("m of back (ridge) for site=C", "-0.731", "at least 0"):
        assert part in text
    assert verdict.public_summary() == {
        "policy": "test",
        "decision": "veto",
        "figures": "all",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name: x\nrules: []\n", "rules"),
        ("name: x\nrulez: []\n", "rulez: unknown key"),
        ("name: x\nrules: [{name: a, metric: m, slices: [all]}]\n", "at_least or at_most"),
        ("name: x\nrules: [{name: a, metric: m, at_least: 0}]\n", "slices"),
        ("name: x\nrules: [{name: a, metric: m, slices: [all], atleast: 0}]\n", "atleast"),
        ("name: x\nrules: [{name: a, metric: m, slices: [some], at_least: 0}]\n", "some"),
    ],
)
def test_a_bad_policy_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError, match=problem) as caught:
        load_policy(path)
    assert "\n" not in str(caught.value)


def test_every_default_rule_is_explained() -> None:
    names: dict[str, list[Rule]] = {}
    for rule in load_policy(DEFAULT).rules:
        names.setdefault(rule.name, []).append(rule)
    assert all(any(r.description for r in rules) for rules in names.values())


def test_the_best_learner_on_real_rows_decides_on_groups_where_the_rule_says_so() -> None:
    def of(model: str, on_real: float, in_group: float) -> list[Score]:
        about = {"target": "back", "model": model, "n": 500}
        return [
            Score(metric="utility.auroc", value=0.7, baseline=on_real, **about),
            Score(
                metric="fairness.auroc.difference", value=in_group, slice="sex=F", order=1, **about
            ),
        ]

    declared = [
        Score(
            metric="declared.target", value=1, target="back", detail="classification", rows="none"
        ),
        Score(metric="declared.subgroup", value=1, slice="sex", order=1, rows="none"),
    ]
    weak, strong = of("weak", 0.6, -0.2), of("strong", 0.8, -0.01)
    rule = {
        "name": "by-group",
        "task": "classification",
        "metric": "fairness.auroc.difference",
        "slices": ["groups"],
        "at_least": -0.07,
    }
    every = Policy(name="every", rules=(rule,))
    best = Policy(name="best", rules=(rule | {"learner": "best"},))
    card = Scorecard((*declared, *weak, *strong))
    assert gate(card, every).decision == "veto"
    assert gate(card, best).decision == "approved"
    assert gate(Scorecard((*declared, *weak)), best).decision == "veto"
    without = [s for s in weak if s.metric != "utility.auroc"]
    assert gate(Scorecard((*declared, *without)), best).decision == "insufficient evidence"


def test_a_claim_that_nobody_verified_is_vetoed_unless_the_policy_allows_it() -> None:
    good = card(Score(metric="m", value=1.0))
    assert gate(good, policy(), "proved").decision == "approved"
    assert not [r for r in gate(good, policy(), "proved").reasons if r.rule == VERIFIED]
    # nobody said how it was made: the rows are judged, and the verdict says that nothing else was
    (unseen,) = [r for r in gate(good, policy()).reasons if r.rule == VERIFIED]
    assert (unseen.outcome, "not seen" in unseen.text) == ("note", True)
    vetoed = gate(good, policy(), "claimed")
    assert (vetoed.decision, vetoed.reasons[0].rule) == ("veto", "verified-guarantee")
    assert "as claimed upstream, not verified" in vetoed.reasons[0].text
    allows = policy().model_copy(update={"unverified": "allow"})
    allowed = gate(good, allows, "claimed")
    assert allowed.decision == "approved"
    assert [r.rule for r in allowed.of("note")] == ["verified-guarantee"]


@pytest.mark.parametrize("unverified", ["veto", "allow"])
def test_what_promises_nothing_is_vetoed_by_every_policy(unverified: str) -> None:
    policies = policy().model_copy(update={"unverified": unverified})
    verdict = gate(card(Score(metric="m", value=1.0)), policies, "none")
    assert verdict.decision == "veto"
    assert "no privacy" in verdict.reasons[0].text


@pytest.mark.parametrize("path", sorted(DEFAULT.parent.glob("*.yaml")), ids=lambda p: p.stem)
def test_no_policy_that_ships_allows_it(path: Path) -> None:
    assert load_policy(path).unverified == "veto"


def group(value: float, half: float, n: int = 200) -> Score:
    return Score(
        metric="m", value=value, low=value - half, high=value + half, slice="sex=F", order=1, n=n
    )


def around(**more: object) -> Policy:
    """Within ±.05; a figure .15 beyond must be seen."""
    return policy(
        **{
            "slices": ["groups"],
            "at_least": -0.05,
            "at_most": 0.05,
            "veto_needs": "interval",
            "detect": 0.15,
        }
        | more
    )


def test_a_group_too_small_to_show_a_harm_is_named_and_nothing_is_claimed() -> None:
    """An interval of ±.12 has an error of .061; to see .15 in 4 of 5 cases it must be at most .0536."""
    wide = group(0.0, 0.12)
    verdict = gate(card(wide, Score(metric="x", value=1)), around(), "proved")
    assert verdict.unassessed == ("sex=F",)
    assert "about 261 people would, 200 are there" in verdict.reasons[0].text
    assert verdict.decision == "insufficient evidence"  # nothing was assessed at all
    both = card(wide, replace(group(0.0, 0.05), slice="sex=M"))
    assert gate(both, around(), "proved").decision == "approved"
    assert "Nothing is claimed about sex=F" in gate(both, around(), "proved").in_short
    strict = around().model_copy(update={"small_groups": "withhold"})
    assert gate(both, strict, "proved").decision == "insufficient evidence"


def test_what_is_open_passes_where_the_harm_is_excluded_and_power_is_there() -> None:
    assert gate(card(group(0.08, 0.06)), around(), "proved").decision == "approved"
    assert gate(card(group(0.12, 0.06)), around(), "proved").decision == "veto"
    open_ = group(0.13, 0.1)  # [.03, .23]: a harm of .2 may well be there
    assert gate(card(open_), around(), "proved").decision == "insufficient evidence"
    without = around().model_copy(
        update={"rules": (around().rules[0].model_copy(update={"detect": None}),)}
    )
    assert gate(card(group(0.08, 0.06)), without, "proved").decision == "insufficient evidence"


def test_a_harm_of_the_stated_size_is_never_missed_more_often_than_stated() -> None:
    """At the least power that a rule takes: vetoed in 4 of 5 draws, approved in at most 1 of 30."""
    rng, half = np.random.default_rng(0), 1.96 * 0.15 / 2.8
    values = 0.2 + half / 1.96 * rng.normal(size=4000)
    found = [outcome_of(group(v, half), around().rules[0])[0] for v in values]
    assert found.count("veto") / 4000 == pytest.approx(0.8, abs=0.03)
    assert found.count("pass") / 4000 <= 1 / 30


def test_one_of_many_groups_is_not_vetoed_by_chance() -> None:
    """A z of 2.3 is a finding in one group, and none among twenty; one of 4 is, in any."""

    def decided(value: float, groups: int) -> str:
        rest = [replace(group(0.0, 0.02), slice=f"site={i}") for i in range(groups - 1)]
        return gate(card(group(value, 0.0196), *rest), around(detect=None), "proved").decision

    assert decided(0.073, 1) == "veto"
    assert decided(0.073, 20) == "insufficient evidence"
    assert decided(0.09, 20) == "veto"
    assert widened((-1.96, 0.0, 1.96), 20) == pytest.approx((-3.0233, 0.0, 3.0233), abs=1e-3)


def leak(**more: object) -> Score:
    given = {"metric": "attack.membership.nearest", "value": 0.99, "low": 0.98, "high": 1.0} | more
    return Score(rows="train and holdout", higher_is_better=False, **given)  # type: ignore[arg-type]


def test_an_attack_beyond_a_claim_refutes_it_under_any_policy() -> None:
    good = Score(metric="m", value=1)
    claim = Guarantee(1.0, 1e-6)
    verdict = gate(card(good, leak()), policy(), claim=claim)
    assert (verdict.decision, verdict.reasons[0].rule) == ("veto", REFUTED)
    assert verdict.refuted
    assert verdict.in_short.startswith("The claim is refuted")
    assert "allows at most 0.731" in verdict.told[0]
    assert verdict.as_dict()["told"] == list(verdict.told)
    assert gate(card(good, leak()), policy()).decision == "approved"
    assert gate(card(good, leak()), policy(), claim=Guarantee(8.0, 1e-6)).decision == "approved"
    # what chance may do is no refutation: the interval, twice as wide, must lie beyond
    unsure = leak(value=0.8, low=0.74, high=0.86)
    assert gate(card(good, unsure), policy(), claim=claim).decision == "approved"


def test_what_could_not_be_read_is_the_first_reason() -> None:
    unread = Score(
        metric="input.column", detail="died", status="failed", reason="died: cannot be read"
    )
    few = Score(metric="m", slice="all", status="insufficient evidence", reason="few")
    verdict = gate(card(few, unread), policy(), "proved")
    assert verdict.told[0] == "died: cannot be read"


def test_a_figure_that_is_missing_says_why_its_family_is() -> None:
    why = "no people were held out"
    family = Score(metric="attack.copies", status="insufficient evidence", reason=why)
    verdict = gate(card(family), policy(metric="attack.copies.near.leak"), "proved")
    assert why in verdict.told[0]


POLICIES = sorted((Path(__file__).parents[2] / "configs" / "policies").glob("*.yaml"))


@pytest.mark.parametrize(
    "metric", sorted({r.metric for p in POLICIES for r in load_policy(p).rules})
)
def test_whoever_is_vetoed_is_told_what_may_help(metric: str) -> None:
    """In half a line, by keys that there are; no figure of a policy that ships is left to a commonplace."""
    told = remedy(metric)
    assert told != ELSE
    assert len(told) <= 115
    known = {key for keys in EXAMPLES.values() for key in keys} | {"aim"}
    assert {word.rstrip(":") for word in re.findall("`([^`]+)`", told)} <= known


def test_a_veto_stands_in_the_verdict_with_its_remedy_and_what_real_rows_do() -> None:
    rule = Rule(name="kept", metric="broken_rows", slices=("all",), at_most=0)
    given = Policy(name="test", rules=(rule,))
    bad = Score(metric="broken_rows", value=0.2, rows="none", visibility="public")
    for share, said in ((0.031, "; of real rows 3.10% do too"), (0.0, "; no real rows do")):
        real = Score(metric="broken_rows_by_real", value=share, rows="train and holdout")
        verdict = gate(Scorecard((bad, real)), given)
        (reason,) = verdict.of("veto")
        assert reason.text.endswith(said)
        assert reason.remedy == remedy("broken_rows")
        assert verdict.told[-1].endswith(f"(kept). What may help: {reason.remedy}")
        assert verdict.as_dict()["reasons"][0]["remedy"] == reason.remedy
    charged = given.model_copy(update={"figures": "charged"})
    (reason,) = gate(Scorecard((bad, real)), charged).of("veto")
    assert "do too" not in reason.text
    assert "no real" not in reason.text
    good = gate(Scorecard((replace(bad, value=0.0),)), given)
    assert [r.remedy for r in good.reasons if r.outcome != "veto"] == [""] * len(good.reasons)
