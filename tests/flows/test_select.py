"""``select:`` in a release config: what is charged, what is kept, and what the label says."""

import json

import pytest

from flows.bundle.write import write_bundle
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.plan import Plan
from flows.stages.run import Run
from privacy.errors import InputError, LedgerError
from privacy.ledger.ledger import Ledger
from tests.flows import clinic

EVALUATION = {"epsilon": 1.0, "delta": 1e-5}


def quiet(what, share):
    pass


def release(config):
    run = Run.of(load_config(config))
    with run.locked():
        work = steps.Work.of(run)
        steps.fit(work, quiet)
        steps.choose(work)
        steps.sample(work)
        steps.judge(work, quiet, ["declared"])
        return work, write_bundle(work, work.charge(), steps.decide(work))


@pytest.mark.parametrize(
    ("by", "more", "purposes"),
    [
        ("random-stopping", {}, {("train", "fit")}),
        (
            "holdout",
            {"evaluation": EVALUATION},
            {("train", "fit"), ("holdout", "choose"), ("holdout", "evaluate")},
        ),
        ("uncharged-figures", {}, {("train", "fit")}),
    ],
)
def test_a_choice_is_charged_and_told(tmp_path, by, more, purposes):
    others = [{"name": "aim"}]
    config = clinic.write(tmp_path, select={"by": by, "others": others}, **more)
    work, bundle = release(config)
    label = json.loads((bundle / "public" / "label.json").read_text("utf-8"))
    said = label["selection"]
    assert said["by"] == by
    assert said["candidates"][said["chosen"]] == label["release"]["generator"]
    assert label["guarantee"]["epsilon"] <= 2.0
    charges = Ledger(load_config(config).ledger).charges("clinic")
    charged = {(c.partition, c.purpose) for c in charges if "NoOp" not in c.event}
    assert charged == purposes
    if by == "holdout":
        spent = work.ledger.spent("clinic", "holdout")
        assert spent.epsilon <= EVALUATION["epsilon"]
        asked = label["evaluation"]
        assert asked["guarantee"]["epsilon"] == pytest.approx(spent.epsilon)
        assert [e["purpose"] for e in asked["events"]] == ["evaluate", "choose"]
    apart = "none of the holdout partition reached the generator" in label["guarantee"]["protects"]
    assert apart == (by == "random-stopping")
    card = (bundle / "public" / "card.html").read_text("utf-8")
    assert "None of these people took part" not in card or apart
    uncovered = "by looking at the people held out without a charge" in " ".join(
        label["not_covered"]
    )
    assert uncovered == (by == "uncharged-figures")
    assert said["in_words"] in (bundle / "public" / "card.html").read_text("utf-8").replace(
        said["in_words"][0].upper() + said["in_words"][1:], said["in_words"]
    )
    assert not work.transcript.tried.exists()


def test_a_rerun_charges_and_changes_nothing(tmp_path):
    select = {"by": "holdout", "others": [{"name": "aim"}]}
    config = clinic.write(tmp_path, select=select, evaluation=EVALUATION)
    _, bundle = release(config)
    before = {f: f.read_bytes() for f in bundle.rglob("*") if f.is_file()}
    charges = Ledger(load_config(config).ledger).charges()
    release(config)
    assert before == {f: f.read_bytes() for f in bundle.rglob("*") if f.is_file()}
    assert Ledger(load_config(config).ledger).charges() == charges


def test_a_choice_on_uncharged_figures_is_refused_where_the_policy_wants_charged_ones(tmp_path):
    select = {"by": "uncharged-figures", "others": [{"name": "aim"}]}
    policy = clinic.POLICY | {"figures": "charged"}
    config = clinic.write(tmp_path, select=select, evaluation=EVALUATION, policy=policy)
    with pytest.raises(InputError, match="uncharged-figures chooses on others"):
        Plan.of(Run.of(load_config(config)))


@pytest.mark.parametrize(
    ("name", "result"), [("attempt.jsonl", "candidates"), ("choice.jsonl", "model")]
)
def test_a_transcript_deleted_beside_candidates_or_choice_is_not_charged_again(
    tmp_path, name, result
):
    select = {"by": "holdout", "others": [{"name": "aim"}]}
    run = Run.of(load_config(clinic.write(tmp_path, select=select, evaluation=EVALUATION)))
    (run / result).mkdir(parents=True)
    work = steps.Work.of(run)
    with pytest.raises(LedgerError, match=f"{name}: gone, though {result}/ came of it"):
        work.charge() if name == "attempt.jsonl" else work.charge_choice()
    assert work.ledger.charges() == []


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ({"by": "holdout", "others": [{"name": "aim"}]}, "needs `evaluation"),
        ({"by": "random-stopping", "others": []}, "others"),
        ({"by": "random-stopping", "others": [{"name": "nobody"}]}, "no generator is called"),
        ({"by": "uncharged-figures", "others": [{"name": "aim"}], "mean": 3}, "mean"),
        ({"by": "luck", "others": [{"name": "aim"}]}, "by"),
    ],
)
def test_wrong_choices_are_refused_before_anything_is_read(tmp_path, select, message):
    with pytest.raises(InputError, match=message):
        load_config(clinic.write(tmp_path, select=select))
