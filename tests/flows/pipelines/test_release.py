"""A release by itself and as a Prefect flow: the same states, codes, words and bytes; nothing is left."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
import torch
from distributed import LocalCluster
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows import release as flow
from flows.bundle.candidate import WAITS
from flows.pipelines import release as pipeline
from flows.stages.config import load_config
from flows.stages.cuda import one_on_cuda
from flows.stages.run import Run
from flows.stages.telling import LISTENER, StageError
from generators.deep.generator import Deep
from generators.marginals.aim import LEAST
from generators.marginals.counting.coded import CodedRows
from generators.registry import GENERATORS
from privacy.ledger.ledger import Ledger
from tests.flows import clinic
from tests.flows.commands.test_cli import understudy

COMMAND = "from flows.commands.main import main; main()"
EVALUATION = {"epsilon": 1.5, "delta": 1e-5}


def content(run):
    return {
        f.relative_to(run.folder).as_posix(): f.read_bytes()
        for f in run.folder.rglob("*")
        if f.is_file() and f.name != "lock"
    }


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize("approval", ["policy", "person"])
def test_both_ways_make_the_same_files_to_the_last_byte(server, tmp_path, approval):
    """Noise cannot be seeded, so the flow replays the answers of the release that went by itself."""
    config = clinic.write(tmp_path, evaluation=EVALUATION, approval=approval)
    run = Run.of(load_config(config))
    here = pipeline.release(run)
    assert here.decision == (WAITS if approval == "person" else "approved")
    by_itself = content(run)
    kept = run.folder.rename(tmp_path / "kept")
    run.folder.mkdir()
    for name in ("attempt.jsonl", "evaluation.jsonl"):
        shutil.copy(kept / name, run / name)
    state = flow.release(config, return_state=True)
    assert state.name == here.decision.capitalize()
    assert state.result() == here
    assert content(run) == by_itself


def refused(folder):
    frame = clinic.rows()
    frame.loc[3, "sex"] = clinic.SECRET
    return clinic.write(folder, frame=frame)


def dear(folder):
    return clinic.write(folder, budget={"epsilon": 0.5, "delta": 1e-5})


def altered(folder):
    """A release whose transcript is gone."""
    config = clinic.write(folder)
    run = Run.of(load_config(config))
    (run / "model").mkdir(parents=True)
    return config


@pytest.mark.parametrize(("wrong", "code"), [(refused, 2), (dear, 4), (altered, 2)])
def test_both_ways_refuse_in_the_same_words(server, tmp_path, wrong, code):
    config, told = wrong(tmp_path), []
    for way in (
        lambda: pipeline.release(Run.of(load_config(config))),
        lambda: flow.release(config),
    ):
        with pytest.raises(StageError) as caught:
            way()
        error = caught.value
        told.append((str(error), error.exit_code, error.about, error.__cause__))
        assert clinic.SECRET not in str(error)
        assert (clinic.SECRET in error.rest()) == (wrong is refused)
    assert told[0] == told[1]
    assert told[0][1] == code


@pytest.mark.usefixtures("few_questions")
def test_the_command_says_the_same_of_a_veto_whoever_keeps_track(server, tmp_path):
    config = clinic.write(tmp_path, policy=clinic.STRICT)
    pipeline.release(Run.of(load_config(config)))
    alone = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    alone |= {"PREFECT_HOME": str(tmp_path / "prefect")}
    said = []
    for named in ({}, {"PREFECT_API_URL": PREFECT_API_URL.value()}):
        before = runs()
        command = [sys.executable, "-c", COMMAND, "release", str(config)]
        done = subprocess.run(
            command, env=alone | named, cwd=tmp_path, capture_output=True, text=True, timeout=240
        )
        said.append((done.returncode, done.stdout))
        assert runs() == before + len(named)
    assert said[0] == said[1]
    assert said[0][0] == 3
    assert "VETO" in said[0][1]


def runs():
    with get_client(sync_client=True) as client:
        return len(client.read_flow_runs())


HEAVY = (
    "torch", "sklearn", "scipy.stats", "sdmetrics", "prefect", "opendp", "plotly", "diffusers",
    "lifelines", "dp_accounting",
)  # fmt: skip

LOOK = f"""
import sys
from flows.commands.main import main
try:
    main()
finally:
    print("imported:", *[name for name in {HEAVY!r} if name in sys.modules])
"""


def again(folder):
    """The command on a release that is finished, and what it imported."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return subprocess.run(
        [sys.executable, "-c", LOOK, "release", str(folder / "config.yaml")],
        env=environment | {"PREFECT_HOME": str(folder / "prefect")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize("generator", ["mst", "ctgan"])
def test_a_finished_release_imports_nothing_heavy(tmp_path, monkeypatch, generator):
    monkeypatch.setattr("generators.deep.generator.least_noise", lambda guarantee, event: 4.0)
    spec = {"name": generator} | ({"steps": 2} if generator == "ctgan" else {})
    more = {"evaluation": EVALUATION, "approval": "person", "generator": spec}
    config = clinic.write(tmp_path, frame=clinic.rows(400), **more)
    pipeline.release(Run.of(load_config(config)))
    done = again(tmp_path)
    assert done.returncode == 0, done.stderr
    assert "WAITS FOR APPROVAL" in done.stdout
    assert done.stdout.splitlines()[-1] == "imported:"


@pytest.mark.usefixtures("few_questions")
def test_a_finished_release_still_looks_at_files_ledger_and_transcript(tmp_path, monkeypatch):
    for name in [n for n in os.environ if n.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    more = {"evaluation": EVALUATION, "holdout": 0.4, "approval": "person"}
    config = clinic.write(tmp_path, frame=clinic.rows(400), **more)
    run = Run.of(load_config(config))
    pipeline.release(run)
    for file, wrong, told in (
        (run / "bundle" / "candidate" / "data.csv", append, "changed after the candidate was made"),
        (tmp_path / "ledger.db", alter, "charge 1 (clinic, "),
        (run / "attempt.jsonl", os.remove, "gone, though model/ came of it"),
        (run / "evaluation.jsonl", os.remove, "gone, though charged/ came of it"),
        (run / "config.sha256", append, "begun with another config"),
    ):
        whole = file.read_bytes()
        wrong(file)
        done = understudy("release", config)
        assert told in " ".join(done.stderr.split())
        assert done.returncode == 2
        file.write_bytes(whole)
    assert understudy("release", config).returncode == 0


def test_the_story_of_a_try_that_failed_goes_with_the_next_one(tmp_path):
    run = Run.of(load_config(clinic.write(tmp_path)))
    file = tmp_path / "clinic.csv"
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"north", b"north,north", 1))
    with pytest.raises(StageError):
        pipeline.release(run)
    assert (run / "error.txt").exists()
    file.write_bytes(whole)
    assert pipeline.release(run).decision == "approved"
    assert not (run / "error.txt").exists()


def test_a_second_process_writes_nothing_in_a_folder_that_is_taken(tmp_path):
    """Nor one with another config, in the folder of a run by the same name."""
    run = Run.of(load_config(clinic.write(tmp_path)), "mine")
    told = run / "error.txt"
    with run.locked():
        told.write_text("of whoever is at work")
        with pytest.raises(StageError, match=r"another process is working on this run$"):
            pipeline.release(run)
    other = Run.of(load_config(clinic.write(tmp_path, policy=clinic.STRICT)), "mine")
    with pytest.raises(StageError, match="begun with another config"):
        pipeline.release(other)
    assert told.read_text() == "of whoever is at work"


def append(file):
    file.write_bytes(file.read_bytes() + b"0")


def alter(ledger):
    with contextlib.closing(sqlite3.connect(ledger)) as db:
        db.execute("DROP TRIGGER charges_no_UPDATE")
        db.execute("UPDATE charges SET who = 'nobody' WHERE number = 1")
        db.commit()


def test_a_release_by_itself_starts_no_process_and_leaves_none_when_it_is_killed(tmp_path):
    config = clinic.write(tmp_path, frame=clinic.rows(400))
    run = Run.of(load_config(config))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    environment["PREFECT_HOME"] = str(tmp_path / "prefect")
    with (tmp_path / "said.txt").open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "release", str(config)],
            env=environment,
            cwd=tmp_path,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + 240
        while not (run / "synthetic.csv").exists():
            assert child.poll() is None, (tmp_path / "said.txt").read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):  # nobody is left in its session
        os.killpg(child.pid, 0)
    assert not (tmp_path / "prefect").exists()


def test_a_training_on_cuda_waits_for_another_on_this_machine(monkeypatch):
    monkeypatch.setattr(Deep, "pick_device", lambda _: torch.device("cuda"))
    ctgan, first, told, began = GENERATORS["ctgan"](), threading.Event(), [], []

    def second():
        LISTENER.set(lambda what, share: (told.append(what), first.set()))
        with one_on_cuda(ctgan):
            began.append(True)

    other = threading.Thread(target=second)
    with one_on_cuda(ctgan):
        other.start()
        assert first.wait(60)
        assert not began
        with one_on_cuda(GENERATORS["aim"]()):
            pass
    other.join(60)
    assert began == [True]
    assert told == ["fit: waits for another training on this GPU"]


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize("generator", ["aim", "mst"])
def test_rows_are_counted_where_the_config_says(tmp_path, monkeypatch, generator):
    workers = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": 0}
    with LocalCluster(**workers, dashboard_address=":0", host="127.0.0.1") as cluster:
        monkeypatch.setattr(CodedRows, "tally", _not_here(CodedRows.tally))
        config = clinic.write(
            tmp_path, scheduler=cluster.scheduler_address, generator={"name": generator}
        )
        run = Run.of(load_config(config))
        assert pipeline.release(run).decision == "approved"
    named = [f for f in (run / "bundle").rglob("*") if f.suffix != ".parquet" and f.is_file()]
    assert not [f for f in named if cluster.scheduler_address.encode() in f.read_bytes()]


def _not_here(tally):
    def drawn_ones(rows, *given):
        assert len(rows) >= LEAST, "private rows are counted in this process"
        return tally(rows, *given)

    return drawn_ones


def test_a_scheduler_that_is_not_there_is_told_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("generators.marginals.counting.spread.SECONDS", 1)
    run = Run.of(load_config(clinic.write(tmp_path, scheduler="tcp://127.0.0.1:9")))
    with pytest.raises(StageError, match="nothing answers at"):
        pipeline.release(run)
    assert Ledger(str(tmp_path / "ledger.db")).charges() == []
