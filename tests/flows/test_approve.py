"""The flow that asks: it waits, takes an answer, and shows Prefect public facts only; what set-up makes."""

import contextvars
import json
import logging
import threading

import pytest
import torch
from prefect.client.orchestration import get_client
from prefect.flow_runs import resume_flow_run

from flows import approve as flow
from flows.approve import approve
from flows.bundle.candidate import Candidate
from flows.deployments import setup
from flows.gpu import GPU, gpu_if_wanted
from flows.release import release
from generators.deep.generator import Deep
from generators.registry import GENERATORS
from privacy.errors import InputError
from privacy.ledger.decisions import decisions
from privacy.ledger.ledger import Ledger
from tests.flows import clinic

pytestmark = pytest.mark.all_questions


@pytest.fixture(scope="module")
def waiting(server, tmp_path_factory):
    """A release that waits for approval, as its flow left it."""
    folder = tmp_path_factory.mktemp("waiting")
    return release(clinic.write(folder, approval="person"), return_state=True)


def form(client, run):
    """The description of the form that a run waits with; empty before it is there."""
    inputs = client.filter_flow_run_input(run, "paused-", 9, set())
    return next((i.decoded_value for i in inputs if i.key.endswith("description")), "")


@pytest.fixture
def person(monkeypatch):
    """Starts a person who answers the next run that waits, as the form in the browser does."""
    wait = flow.pause_flow_run
    monkeypatch.setattr(flow, "pause_flow_run", lambda **w: wait(**w, poll_interval=1))
    gone = threading.Event()

    def look_and_answer(answer):
        while not gone.wait(0.2):
            with get_client(sync_client=True) as client:
                for run in client.read_flow_runs():
                    if run.state.is_paused() and form(client, run.id):
                        return resume_flow_run(run.id, run_input=answer)

    def start(**answer):
        here = contextvars.copy_context()
        threading.Thread(target=here.run, args=(look_and_answer, answer)).start()

    yield start
    gone.set()


def told(caplog) -> str:
    with get_client(sync_client=True) as client:
        runs = [r.model_dump(mode="json") for r in client.read_flow_runs()]
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
    return json.dumps([runs, artifacts], ensure_ascii=False) + caplog.text


def test_a_release_that_waits_is_no_failure_and_says_how_to_go_on(waiting, caplog):
    assert waiting.name == "Waits for approval"
    outcome = waiting.result()
    assert outcome.exit_code == 0
    assert not (outcome.bundle / "public").exists()
    assert Candidate.of(outcome.bundle.parent).command() in told(caplog)


def test_a_person_is_asked_and_what_they_approve_is_exported(waiting, person, caplog):
    caplog.set_level(logging.DEBUG)
    run = waiting.result().bundle.parent
    shown = Candidate.of(run).hash
    person(decision="approve", reviewer="Ada", reason="the card is fine")
    state = approve(run, return_state=True)
    assert state.name == "Approved"
    told_by = json.loads((run / "bundle" / "public" / "approval.json").read_text())
    [made] = decisions(Ledger(str(run.parents[1] / "ledger.db")))
    assert (made.reviewer, made.candidate, made.hash) == ("Ada", shown, told_by["hash"])
    everything = told(caplog)
    assert shown in everything
    assert clinic.SECRET not in everything
    scores = json.loads((run / "bundle" / "internal" / "scores.json").read_text())
    private = {repr(s["value"]) for s in scores if s["rows"] != "none" and s["value"]}
    assert not [figure for figure in private if len(figure) > 8 and figure in everything]
    assert approve(run, return_state=True).name == "Approved"  # nobody is asked again


def test_setup_makes_pools_and_limit_once_and_training_on_cuda_waits_for_it(server, monkeypatch):
    ctgan = GENERATORS["ctgan"]()
    monkeypatch.setattr(Deep, "pick_device", lambda _: torch.device("cuda"))
    with pytest.raises(InputError, match="understudy setup"), gpu_if_wanted(ctgan):
        pass
    assert all(setup().values())
    assert not any(setup().values())
    with get_client(sync_client=True) as client:
        assert {client.read_work_pool(p).type for p in ("cpu", "gpu")} == {"process"}
        with gpu_if_wanted(ctgan):
            limit = client.read_global_concurrency_limit_by_name(GPU)
            assert (limit.limit, limit.active_slots) == (1, 1)
        assert client.read_global_concurrency_limit_by_name(GPU).active_slots == 0
    with gpu_if_wanted(GENERATORS["aim"]()):
        pass
