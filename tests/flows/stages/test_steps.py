"""The whole line without Prefect: what it makes, what it costs, and what it survives."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from evaluators import evaluate as judge
from evaluators.evaluate import evaluate
from evaluators.fidelity.representation import representation
from evaluators.fidelity.sdmetrics import quality
from evaluators.score import Scorecard
from evaluators.tables import Tables
from flows.bundle.write import write_bundle
from flows.stages import scoring, steps
from flows.stages.config import load_config
from flows.stages.run import Run
from flows.stages.telling import LISTENER
from generators.registry import load_model
from privacy.errors import BudgetError, DataError, InputError, LedgerError
from privacy.ledger.ledger import Ledger
from privacy.reading.formats import delimited
from tests.flows import clinic


def quiet(what, share):
    pass


def work_of(config, name=None):
    return steps.Work.of(Run.of(load_config(config), name))


def fitted(config):
    """A run that was killed when its model was there."""
    work = work_of(config)
    with work.run.locked():
        steps.fit(work, quiet)
    return work


def release(config, name=None):
    """Run every stage; returns the bundle's folder."""
    run = Run.of(load_config(config), name)
    with run.locked():
        work = steps.Work.of(run)
        steps.fit(work, quiet)
        steps.sample(work)
        steps.judge(work, quiet)
        steps.measure(work, quiet)
        return write_bundle(work, work.charge(), steps.decide(work))


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    folder = tmp_path_factory.mktemp("released")
    config = clinic.write(folder)
    return config, release(config)


def test_the_bundle_is_whole_and_its_manifest_true(released):
    _, bundle = released
    public = bundle / "public"
    assert {f.name for f in public.iterdir()} == {
        "data.parquet", "data.csv", "schema.yaml", "label.json", "card.html", "README.md",
        "croissant.json", "registry.yaml", "manifest.json",
    }  # fmt: skip
    for entry in json.loads((public / "manifest.json").read_text())["files"]:
        content = (public / entry["name"]).read_bytes()
        assert len(content) == entry["bytes"]
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert {"scores.parquet", "scores.json", "verdict.json", "report.html", "model"} <= {
        f.name for f in (bundle / "internal").iterdir()
    }


def test_the_rows_are_typed_and_alike_in_both_formats(released):
    _, bundle = released
    typed = pq.read_table(bundle / "public" / "data.parquet").to_pandas()
    texts = pd.read_csv(bundle / "public" / "data.csv", dtype=str, keep_default_na=False)
    assert len(typed) == len(texts)
    assert typed["age"].astype(str).tolist() == texts["age"].tolist()
    assert typed["age"].between(18, 97).all()
    assert (typed["marker"].isna() == (texts["marker"] == "")).all()
    assert typed["patient"].is_unique


def test_nothing_public_holds_what_was_not_declared(released):
    """The secret stands in one row, in a column to be dropped and in a category too rare to be found."""
    _, bundle = released
    for file in (bundle / "public").iterdir():
        assert clinic.SECRET.encode() not in file.read_bytes(), file
    assert "notes" not in pd.read_csv(bundle / "public" / "data.csv").columns


def test_the_label_says_what_the_ledger_says(released):
    config, bundle = released
    label = json.loads((bundle / "public" / "label.json").read_text())
    ledger = Ledger(load_config(config).ledger)
    charge = ledger.charges("clinic")[1]
    assert label["accounting"]["ledger"]["hash"] == charge.hash
    assert json.loads(charge.event) == label["accounting"]["events"][0]["event"]
    assert label["guarantee"]["epsilon"] <= 2.0
    assert label["guarantee"]["unit"] == "patient"
    assert label["accounting"]["what_the_schema_left_open"]["columns"] == ["age", "marker", "ward"]
    assert set(label["decision"]) == {
        "decision", "policy", "figures", "policy_sha256", "decided_by",
    }  # fmt: skip
    assert label["evaluation"] is None
    ledger.verify()


def test_what_share_of_the_rows_was_read_is_told_to_the_listener_alone(
    released, tmp_path, monkeypatch
):
    """Parts are of a public size, so that a share and what part it is say how many rows there are."""
    monkeypatch.setattr(delimited, "BLOCK", 1 << 12)
    told, heard = [], []
    token = LISTENER.set(lambda what, share: heard.append((what, share)))
    try:
        work = work_of(clinic.write(tmp_path))
        steps.fit(work, lambda what, share: told.append((what, share)))
        steps.sample(work)
        steps.judge(work, lambda what, share: told.append((what, share)), ["declared"])
    finally:
        LISTENER.reset(token)
    shares = {share for what, share in heard if what == "fit: reading"}
    assert len(shares) > 5
    assert max(shares) <= 1
    assert {share for what, share in told if "reading" in what} == {0.0}
    assert not shares & {share for _, share in told if 0 < share < 1}


def test_every_opening_of_private_rows_stands_in_the_ledger(released):
    config, _ = released
    opened = [(c.partition, c.purpose) for c in Ledger(load_config(config).ledger).charges()]
    assert opened == [
        ("train", "recognise"),
        ("train", "fit"),
        ("train", "judge"),
        ("holdout", "judge"),
    ]


def test_a_rerun_costs_nothing_and_changes_nothing(released):
    config, bundle = released
    before = {f: f.read_bytes() for f in bundle.rglob("*") if f.is_file()}
    charges = Ledger(load_config(config).ledger).charges()
    assert release(config) == bundle
    assert before == {f: f.read_bytes() for f in bundle.rglob("*") if f.is_file()}
    assert Ledger(load_config(config).ledger).charges() == charges


def test_a_checkpoint_that_a_kill_left_beside_the_model_goes(released):
    config, _ = released
    left = work_of(config).transcript.scratch
    left.write_bytes(b"noise")
    steps.fit(work_of(config), quiet)
    assert not left.exists()


def test_a_second_run_is_charged_again_and_refused_when_the_budget_is_gone(released):
    config, _ = released
    with pytest.raises(BudgetError, match="Nothing was read"):
        release(config, "again")
    assert not (load_config(config).runs / "again" / "model").exists()


@pytest.mark.parametrize("device", ["cuda:7", "quantum"])
def test_a_device_that_is_not_there_is_told_before_anything_is_charged(tmp_path, device):
    work = work_of(clinic.write(tmp_path, generator={"name": "ctgan", "device": device}))
    with pytest.raises(InputError, match=f"'{device}' is not on this machine"):
        steps.fit(work, quiet)
    assert work.ledger.charges() == []


def test_a_veto_exports_nothing(tmp_path):
    config = clinic.write(tmp_path, policy=clinic.STRICT)
    bundle = release(config)
    assert not (bundle / "public").exists()
    verdict = json.loads((bundle / "internal" / "verdict.json").read_text())
    assert verdict["decision"] == "veto"
    assert "never" in {r["rule"] for r in verdict["reasons"]}


def test_the_same_people_under_another_name_are_refused(tmp_path, monkeypatch):
    release(clinic.write(tmp_path))
    monkeypatch.setitem(clinic.SCHEMA, "name", "renamed")
    with pytest.raises(LedgerError, match="second budget"):
        release(clinic.write(tmp_path))


def test_answers_are_not_continued_on_other_rows(tmp_path, monkeypatch):
    config = clinic.write(tmp_path)
    work = work_of(config)
    monkeypatch.setattr("flows.stages.fitting.folder_atomically", None)
    with pytest.raises(TypeError):
        steps.fit(work, quiet)
    monkeypatch.undo()
    clinic.write(tmp_path, frame=clinic.rows(1400))
    with pytest.raises(LedgerError, match="another question"):
        steps.fit(work_of(config), quiet)


def test_a_run_does_not_change_its_config_midway(released, tmp_path):
    config = clinic.write(tmp_path)
    with Run.of(load_config(config), "mine").locked():
        pass
    clinic.write(tmp_path, seed=1)
    with (
        pytest.raises(InputError, match="another config"),
        Run.of(load_config(config), "mine").locked(),
    ):
        pass


def test_two_processes_do_not_work_on_one_run(tmp_path):
    run = Run.of(load_config(clinic.write(tmp_path)))
    with run.locked(), pytest.raises(InputError, match="another process"), run.locked():
        pass


def test_rows_that_do_not_fit_cost_their_charge_and_show_nothing(tmp_path):
    frame = clinic.rows()
    frame.loc[3, "sex"] = clinic.SECRET
    config = clinic.write(tmp_path, frame=frame)
    with pytest.raises(DataError) as caught:
        release(config)
    assert clinic.SECRET in caught.value.private
    assert clinic.SECRET not in str(caught.value)
    charges = Ledger(load_config(config).ledger).charges()
    assert [c.purpose for c in charges] == ["recognise", "fit"]


CHILD = """
import sys
from tests.flows import judge
from tests.flows.stages.test_steps import release
with judge.in_short():
    release(sys.argv[1])
"""


@pytest.mark.long
def test_a_run_killed_at_any_moment_resumes_on_its_one_charge(tmp_path):
    """SIGKILL after ever longer waits, until a run gets through."""
    config = clinic.write(tmp_path)
    run = Run.of(load_config(config))
    wait, kills = 1.0, 0
    while not (run / "bundle").exists():
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(config)])
        deadline = time.monotonic() + wait
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            kills += 1
        child.wait()
        assert child.returncode in (0, -signal.SIGKILL)
        wait *= 1.4
    assert kills >= 3
    charges = Ledger(load_config(config).ledger).charges()
    assert [c.purpose for c in charges].count("fit") == 1
    assert not list(run.folder.glob("bundle/**/.*partial"))


def test_two_releases_at_once_cannot_share_one_budget(tmp_path):
    config = clinic.write(tmp_path)
    script = (
        "import sys; from privacy.errors import BudgetError\n"
        "from tests.flows.stages.test_steps import work_of, quiet; from flows.stages import steps\n"
        "try: steps.fit(work_of(sys.argv[1], sys.argv[2]), quiet)\n"
        "except BudgetError: sys.exit(4)"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", script, str(config), name])
        for name in ("one", "two")
    ]
    assert sorted(c.wait(120) for c in children) == [0, 4]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"generator": {"name": "gan"}}, "did you mean .ctgan"),
        ({"generator": {"name": "aim", "epsilon": 3}}, "epsilon"),
        ({"generator": {"name": "aim", "rho": 3.0}}, "rho"),
        ({"guarantee": {"epsilon": 0, "delta": 1e-5}}, "epsilon"),
        ({"guarantee": {"epsilon": 1, "delta": 0.5}}, "delta"),
        ({"surprise": 1}, "surprise"),
        ({"data": "absent.csv"}, "absent.csv"),
        ({"schema": "absent.yaml"}, "absent.yaml"),
        ({"holdout": 1.5}, "holdout"),
        ({"name": "../escape"}, "name"),
        ({"ledger": "mysql://x/y"}, "SQLite and Postgres"),
    ],
)
def test_a_bad_config_is_one_line_that_names_the_place(tmp_path, change, named):
    config = clinic.write(tmp_path, **change)
    with pytest.raises((InputError, LedgerError), match=named) as caught:
        work_of(config)
    assert "\n" not in str(caught.value)


def test_more_than_the_lifetime_budget_is_refused_before_anything_is_read(tmp_path):
    config = clinic.write(tmp_path, budget={"epsilon": 1.0, "delta": 1e-5})
    with pytest.raises(BudgetError):
        release(config)
    assert not (Run.of(load_config(config)) / "model").exists()


def test_a_table_generator_is_refused_for_images_before_the_charge(tmp_path):
    """It would be found out only when the rows are written, after the budget is spent."""
    config = clinic.write(tmp_path)
    schema = yaml.safe_load((tmp_path / "schema.yaml").read_text())
    schema["columns"]["scan"] = {"kind": "image", "height": 8, "width": 8}
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(schema))
    with pytest.raises(InputError, match="draws no images"):
        work_of(config)
    assert not list(tmp_path.rglob("ledger.db"))


@pytest.mark.parametrize("done", ["fit", "all"])
def test_a_run_does_not_go_on_in_a_ledger_that_never_charged_it(tmp_path, done):
    """Another ledger splits people otherwise, and asks those in train as if they were held out."""
    config = clinic.write(tmp_path, evaluation={"epsilon": 1.5, "delta": 1e-5}, holdout=0.4)
    if done == "all":
        release(config)
    else:
        fitted(config)
    (tmp_path / "ledger.db").rename(tmp_path / "kept.db")
    with pytest.raises(LedgerError, match="charged in another ledger"):
        release(config)
    (tmp_path / "kept.db").rename(tmp_path / "ledger.db")
    release(config)


def test_a_model_is_not_judged_on_other_people_than_it_was_trained_on(tmp_path):
    config = clinic.write(tmp_path)
    work = work_of(config)
    steps.fit(work, quiet)
    steps.sample(work)
    others = clinic.rows(1400)
    others["patient"] = [f"x{p}" for p in others["patient"]]
    clinic.write(tmp_path, frame=others)
    with pytest.raises(LedgerError, match="not those that the model was trained on"):
        steps.judge(work_of(config), quiet)


def test_rows_of_a_model_that_is_gone_are_not_labelled_with_another_charge(tmp_path):
    config = clinic.write(tmp_path, budget={"epsilon": 9.0, "delta": 1e-5})
    work = work_of(config)
    steps.fit(work, quiet)
    steps.sample(work)
    shutil.rmtree(work.run / "model")
    (work.run / "attempt.jsonl").unlink()
    with pytest.raises(LedgerError, match=r"synthetic\.csv came of it"):
        steps.fit(work_of(config), quiet)


def test_rows_of_another_fit_are_not_labelled(tmp_path):
    """A model that was put in the place of the one that the charge paid for."""
    config = clinic.write(tmp_path)
    work = fitted(config)
    about = work.run / "model" / "model.json"
    own = about.read_text()
    about.write_text(json.dumps(json.loads(own) | {"charge": "0" * 64}))
    with pytest.raises(LedgerError, match=r"model\.json: names charge 0000000000000000…"):
        release(config)
    assert not (work.run / "bundle").exists()
    about.write_text(own)
    release(config)


@pytest.mark.parametrize("result", ["model", "bundle"])
def test_a_run_that_lost_the_name_of_its_config_is_not_taken_for_another(tmp_path, result):
    config = clinic.write(tmp_path)
    run = Run.of(load_config(config), "mine")
    with run.locked():
        (run / result).mkdir()
    begun = run / "config.sha256"
    kept = begun.read_bytes()
    begun.unlink()
    changed = load_config(clinic.write(tmp_path, policy=clinic.STRICT))
    for asked in (run, Run.of(changed, "mine")):
        gone = pytest.raises(InputError, match=r"config\.sha256: gone, though .* put the file back")
        with gone, asked.locked():
            pass
        assert not begun.exists()
    begun.write_bytes(kept)
    clinic.write(tmp_path)  # the policy that it was begun with
    with run.locked():
        pass


def test_rows_that_are_drawn_in_parts_are_one_table(released, monkeypatch):
    """Each row is numbered by its place, and the same seed draws the same rows again."""
    config, _ = released
    work = work_of(config)
    whole = pd.read_csv(work.synthetic_file, dtype=str)
    model = load_model(work.run / "model")
    monkeypatch.setattr(steps, "DRAWN", 70)
    parts = [*steps._drawn(model, len(whole), 5)]
    assert [len(part) for part in parts[:-1]] == [70] * (len(parts) - 1)
    drawn = pd.concat(parts, ignore_index=True)
    assert drawn["patient"].tolist() == [str(i + 1) for i in range(len(whole))]
    again = pd.concat(steps._drawn(model, len(whole), 5), ignore_index=True)
    pd.testing.assert_frame_equal(drawn, again)


def test_a_judgement_looks_at_no_more_rows_than_it_says_and_counts_groups_in_all(
    released, monkeypatch
):
    config, _ = released
    work = work_of(config)
    seen = {}

    def looked_at(*frames, **more):
        seen["rows"] = [len(f) for f in frames[:3]]
        seen["whole"], seen["met"] = more["whole"], more["met"]
        if more["whole"] is None:
            seen["codes"] = Tables(*frames[:4]).codes
        return evaluate(*frames, **more)

    def ratios():
        steps.judge(work, quiet)
        scores = Scorecard.read(work.run / "scores" / "scores.parquet")
        seen["sample"] = scores.one(metric="quality").sample
        shutil.rmtree(work.run / "scores")
        return [s for s in scores if s.metric == "representation_ratio"]

    monkeypatch.setattr(scoring, "evaluate", looked_at)
    on_tables = {"representation": representation, "quality": quality}
    monkeypatch.setattr(judge, "ON_TABLES", on_tables)
    shutil.move(work.run / "scores", work.run / "scores.before")
    of_all = ratios()
    assert seen["whole"] is None
    most = {"train": 150, "holdout": 100, "synthetic": 120}
    for role, rows in most.items():
        monkeypatch.setitem(scoring.JUDGED, role, rows)
    of_some = ratios()
    shutil.move(work.run / "scores.before", work.run / "scores")
    for rows, limit in zip(seen["rows"], most.values(), strict=True):
        assert limit - 5 <= rows <= limit
    assert len(seen["whole"]().train) > 150
    assert of_all
    assert {s.sample for s in of_all} == {""}
    assert of_some == of_all  # groups are counted in all rows
    assert seen["sample"].startswith("120 of ")
    assert " rows synthetic, " in seen["sample"]
    assert seen["sample"].endswith(" rows held out")
    assert seen["met"] == {
        role: {n: frozenset(codes[n]) for n in codes} for role, codes in seen["codes"].items()
    }
