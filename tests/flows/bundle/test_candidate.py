"""Candidates without Prefect: what is exported is exactly what was approved, whenever a process dies."""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from flows.bundle.candidate import WAITS, Candidate, settle, trace
from flows.stages.config import _as_before, load_config
from privacy.errors import InputError, LedgerError
from privacy.ledger.decisions import APPROVED, REJECTED, decisions
from privacy.ledger.ledger import Ledger
from tests.flows import clinic
from tests.flows.stages.test_steps import release


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """A run that waits for approval, and its ledger; only copies of it are decided about."""
    folder = tmp_path_factory.mktemp("asked")
    config = clinic.write(folder, approval="person")
    return release(config).parent, folder / "ledger.db"


def copied(asked, folder: Path) -> Path:
    """What an approval needs of a run, with a ledger of its own."""
    run, ledger = asked
    bundle = folder / run.name / "bundle"
    shutil.copytree(run / "bundle" / "candidate", bundle / "candidate")
    shutil.copy(ledger, folder / "ledger.db")
    # a ledger that goes on in two copies would be found: each copy is another account's
    os.environ["UNDERSTUDY_STATE"] = str(folder.with_name(f"{folder.name}.state"))
    shutil.copytree(run / "bundle" / "internal" / "model", bundle / "internal" / "model")
    told = {"address": str(folder / "ledger.db")}
    (bundle / "internal" / "ledger.json").write_text(json.dumps(told))
    return bundle.parent


@pytest.fixture
def run(asked, tmp_path):
    return copied(asked, tmp_path)


def say(run, decision=APPROVED, candidate=None, reviewer="Ada", **more):
    wanted = candidate or Candidate.of(run).hash
    return settle(run, wanted, decision, reviewer, "the card is fine", **more)


def contents(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_a_run_that_asks_a_person_makes_a_candidate_of_the_same_files(asked):
    run, _ = asked
    bundle = run / "bundle"
    assert {f.name for f in bundle.iterdir()} == {"candidate", "internal"}
    assert (bundle / "candidate").stat().st_mode & 0o777 == 0o700
    names = set(contents(bundle / "candidate"))
    assert names == {
        "data.parquet", "data.csv", "schema.yaml", "label.json", "card.html", "README.md",
        "croissant.json", "registry.yaml", "manifest.json",
    }  # fmt: skip
    found = Candidate.of(run)
    manifest = (bundle / "candidate" / "manifest.json").read_bytes()
    assert found.hash == hashlib.sha256(manifest).hexdigest()
    assert found.standing(found.ledger()) == WAITS


def test_what_is_exported_is_what_was_approved(run):
    before = contents(run / "bundle" / "candidate")
    made = say(run)
    after = contents(run / "bundle" / "public")
    told = json.loads(after.pop("approval.json"))
    assert after == before
    assert not (run / "bundle" / "candidate").exists()
    assert told == {
        "candidate": made.candidate, "decision": 1, "hash": made.hash, "time": made.time,
    }  # fmt: skip
    found = Candidate.of(run)
    assert found.standing(found.ledger()) == APPROVED
    assert say(run) == made


def test_neither_reviewer_nor_reason_leaves_the_house(run):
    say(run, reviewer="Dr Zyzzyva")
    for content in contents(run / "bundle" / "public").values():
        assert b"Zyzzyva" not in content
        assert b"the card is fine" not in content


def test_a_ledger_is_asked_for_the_charge_and_the_decision_of_what_was_exported(run):
    label = run / "bundle" / "candidate" / "label.json"
    ledger = Ledger(str(run.parent / "ledger.db"))
    assert "decision" not in trace(label, ledger)
    say(run)
    label = run / "bundle" / "public" / "label.json"
    assert trace(label, ledger).endswith("and decision 1, approved by Ada")
    approval = label.with_name("approval.json")
    told = json.loads(approval.read_text())
    approval.write_text(json.dumps(told | {"decision": 2}))
    with pytest.raises(LedgerError, match="decision 2 is not in this ledger"):
        trace(label, ledger)
    approval.write_text(json.dumps(told | {"candidate": "ab" * 32}))
    with pytest.raises(InputError, match="another manifest"):
        trace(label, ledger)


def test_a_rejected_candidate_stays_and_is_never_exported(run):
    before = contents(run / "bundle" / "candidate")
    made = say(run, REJECTED)
    assert say(run, REJECTED) == made
    with pytest.raises(LedgerError, match="was rejected by Ada"):
        say(run, APPROVED)
    assert contents(run / "bundle" / "candidate") == before
    assert not (run / "bundle" / "public").exists()
    found = Candidate.of(run)
    assert found.standing(found.ledger()) == REJECTED


def test_an_approval_is_not_taken_back(run):
    say(run)
    with pytest.raises(LedgerError, match="was approved by Ada"):
        say(run, REJECTED)
    assert (run / "bundle" / "public" / "data.csv").exists()


def change(folder):
    with (folder / "data.csv").open("a") as file:
        file.write("\n")


def another_manifest(folder):
    """Whoever changes a file and its line in the manifest has made another candidate."""
    change(folder)
    digest = hashlib.sha256((folder / "data.csv").read_bytes()).hexdigest()
    manifest = json.loads((folder / "manifest.json").read_text())
    next(f for f in manifest["files"] if f["name"] == "data.csv")["sha256"] = digest
    (folder / "manifest.json").write_text(json.dumps(manifest))


def link(folder):
    (folder / "data.csv").rename(folder.parent / "elsewhere.csv")
    (folder / "data.csv").symlink_to(folder.parent / "elsewhere.csv")


@pytest.mark.parametrize(
    ("tamper", "named"),
    [
        (change, r"data\.csv: changed"),
        (lambda f: (f / "card.html").unlink(), r"card\.html: missing"),
        (lambda f: (f / "real.csv").write_text("a"), r"real\.csv: added"),
        (lambda f: (f / "approval.json").write_text("{}"), r"approval\.json: added"),
        (lambda f: (f / "more").mkdir(), "more: added"),
        (link, r"data\.csv: added"),
        (lambda f: (f / "manifest.json").unlink(), r"manifest\.json: missing"),
        (lambda f: (f / "manifest.json").write_text("[]"), r"manifest\.json: changed"),
        (another_manifest, "hash is .*, not "),
    ],
)
def test_other_files_than_those_shown_are_refused_by_name(run, tamper, named):
    shown = Candidate.of(run).hash
    tamper(run / "bundle" / "candidate")
    with pytest.raises(InputError, match=named):
        say(run, candidate=shown)
    assert not (run / "bundle" / "public").exists()
    assert decisions(Ledger(str(run.parent / "ledger.db"))) == []


def test_a_file_that_changes_after_the_decision_is_not_exported(run, monkeypatch):
    """Somebody writes while the files are copied: what is held against the manifest is the copy."""
    copy = shutil.copytree

    def slow(source, target, **words):
        change(source)
        return copy(source, target, **words)

    monkeypatch.setattr(shutil, "copytree", slow)
    with pytest.raises(InputError, match=r"data\.csv: changed"):
        say(run)
    assert not (run / "bundle" / "public").exists()


def test_a_hash_that_was_not_shown_is_refused(run):
    with pytest.raises(InputError, match="look at it again"):
        say(run, candidate="ab" * 32)


def test_another_ledger_than_the_one_charged_is_refused(run, tmp_path):
    with pytest.raises(LedgerError, match="not in this ledger"):
        say(run, ledger=Ledger(str(tmp_path / "other.db")))


def test_there_is_nothing_to_approve_where_the_policy_decided_alone(run):
    candidate, bundle = run / "bundle" / "candidate", run / "bundle"
    candidate.rename(bundle / "public")
    with pytest.raises(InputError, match="public by its policy alone"):
        say(run)
    shutil.rmtree(bundle / "public")
    with pytest.raises(InputError, match="nothing to approve"):
        say(run, candidate="ab" * 32)
    with pytest.raises(InputError, match="no finished run"):
        say(run.parent / "nowhere", candidate="ab" * 32)
    assert not (run.parent / "nowhere").exists()


def killed_at(moment, run, shown):
    """Approve in a child that kills itself at its n-th access to the file system; says whether it did."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            steps = itertools.count()

            def hook(event, _):
                if event == "os.kill" or event.split(".")[0] not in ("open", "os", "shutil"):
                    return
                if next(steps) >= moment:
                    os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(hook)
            say(run, candidate=shown)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("apart", [8, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_moment_an_approval_is_finished_by_the_same_command(asked, tmp_path, apart):
    shown = Candidate.of(asked[0]).hash
    for moment in itertools.count(0, apart):
        run = copied(asked, tmp_path / str(moment))
        killed = killed_at(moment, run, shown)
        bundle, ledger = run / "bundle", Ledger(str(run.parent / "ledger.db"))
        assert Candidate.of(run).hash == shown
        if (bundle / "public").exists():
            assert (bundle / "public" / "approval.json").exists()
            assert len(decisions(ledger)) == 1
        say(run, candidate=shown)
        assert {p.name for p in bundle.iterdir()} == {"public", "internal"}
        assert len(decisions(ledger)) == 1
        if not killed:
            break
    assert moment > 30


def persevere(run, shown, name):
    """Approve, and come again when somebody else is at it."""
    while True:
        with contextlib.suppress(InputError):
            say(run, candidate=shown, reviewer=name)
            return


def test_people_who_approve_at_once_make_one_decision_and_one_export(run):
    shown, names = Candidate.of(run).hash, ("Ada", "Bob", "Cleo", "Dan")
    with ThreadPoolExecutor(len(names)) as people:
        list(people.map(lambda name: persevere(run, shown, name), names))
    assert len(decisions(Ledger(str(run.parent / "ledger.db")))) == 1
    assert Candidate.of(run).exported


def test_a_run_begun_before_there_was_a_choice_keeps_its_name(tmp_path):
    plain = load_config(clinic.write(tmp_path)).digest()
    assert load_config(clinic.write(tmp_path, approval="policy")).digest() == plain
    assert load_config(clinic.write(tmp_path, approval="person")).digest() != plain
    assert load_config(clinic.write(tmp_path, scheduler="tcp://here:8786")).digest() == plain


def test_sizes_of_groups_are_another_run_where_they_are_declared(tmp_path):
    """What AIM spends on their rates goes by them; who declares none keeps the run that was begun."""
    file = clinic.write(tmp_path)
    plain = load_config(file).digest()
    schema = file.parent / "schema.yaml"
    declared = yaml.safe_load(schema.read_text())
    declared["subgroups"][0]["public_sizes"] = None
    schema.write_text(yaml.safe_dump(declared, sort_keys=False))
    assert load_config(file).digest() == plain
    declared["subgroups"][0]["public_sizes"] = {"F": 900, "M": 100}
    schema.write_text(yaml.safe_dump(declared, sort_keys=False))
    assert load_config(file).digest() != plain


def test_a_schema_that_says_nothing_new_has_the_digest_that_it_had(tmp_path):
    """As computed by the release before relations, spikes, zones and hierarchies could be declared."""
    config = load_config(clinic.write(tmp_path))
    content = config.load_schema().model_dump(mode="json")
    new = {"spikes", "heaped_at", "shape", "zone", "pivot", "hierarchy"}
    said = [set(column) & new for column in content["columns"].values()]
    assert any(said)  # so that there is something to leave out
    kept = _as_before(content)
    assert not {"relations", "gaps", "keep_together"} & set(kept)
    assert not any(set(column) & new for column in kept["columns"].values())
    assert not any("public_sizes" in group for group in kept["subgroups"])


def test_visits_that_say_nothing_new_have_the_digest_that_they_had():
    said = {"order": None, "constant": ["sex"], "remembers": {}, "ends": {}}
    plain = {"columns": {}, "subgroups": [], "visits": dict(said)}
    assert _as_before(plain)["visits"] == {"order": None, "constant": ["sex"]}
    new = {"remembers": {"pain": "last"}, "ends": {"ward": ["left"]}}
    assert _as_before(plain | {"visits": said | new})["visits"] == said | new


def test_what_is_kept_together_is_another_run(tmp_path):
    file = clinic.write(tmp_path)
    plain = load_config(file).digest()
    schema = file.parent / "schema.yaml"
    declared = yaml.safe_load(schema.read_text())
    modelled = load_config(file).load_schema().modelled
    for together, same in (([], True), ([[*modelled[:2]]], False)):
        schema.write_text(yaml.safe_dump(declared | {"keep_together": together}, sort_keys=False))
        assert (load_config(file).digest() == plain) is same


def test_a_model_of_another_charge_is_neither_approved_nor_verified(run):
    about = run / "bundle" / "internal" / "model" / "model.json"
    own = about.read_text()
    about.write_text(json.dumps(json.loads(own) | {"charge": "0" * 64}))
    label, ledger = (
        run / "bundle" / "candidate" / "label.json",
        Ledger(str(run.parent / "ledger.db")),
    )
    for look in (lambda: say(run), lambda: trace(label, ledger)):
        with pytest.raises(LedgerError, match="the model of another fit"):
            look()
    assert decisions(ledger) == []
    about.write_text(own)
    assert trace(label, ledger)
    say(run)
