"""The Prefect flow: it resumes, it decides, and it shows no private value to Prefect."""

import importlib
import json
import logging
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import ParameterTypeError

from flows.deployments import POOLS
from flows.evaluate import evaluate
from flows.release import release
from flows.stages.telling import StageError
from tests.flows import clinic
from tests.flows.test_evaluate import another, cases

pytestmark = pytest.mark.all_questions


def test_a_release_is_decided_shown_and_contained(server, tmp_path, caplog):
    """One flow run, then everything Prefect holds of it is searched for the secret and for figures."""
    caplog.set_level(logging.DEBUG)
    state = release(clinic.write(tmp_path), return_state=True)
    assert state.name == "Approved"
    outcome = state.result()
    assert (outcome.bundle / "public" / "card.html").exists()
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs()
        mine = FlowRunFilterId(any_=[state.state_details.flow_run_id])
        tasks = client.read_task_runs(flow_run_filter=FlowRunFilter(id=mine))
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
    assert {t.name.split("-")[0] for t in tasks} == {
        "fit",
        "choose",
        "sample",
        "judge",
        "measure",
        "publish",
    }
    told = json.dumps([r.model_dump(mode="json") for r in [*runs, *tasks]]) + json.dumps(artifacts)
    told += caplog.text
    assert clinic.SECRET not in told
    assert "approved" in told
    scores = json.loads((outcome.bundle / "internal" / "scores.json").read_text())
    private = {
        repr(s["value"]) for s in scores if s["rows"] != "none" and s["value"] not in (None, 0, 1)
    }
    assert private
    assert not [figure for figure in private if len(figure) > 8 and figure in told]


def test_a_refusal_tells_prefect_nothing_of_the_rows(server, tmp_path, caplog):
    frame = clinic.rows()
    frame.loc[3, "sex"] = clinic.SECRET
    with pytest.raises(StageError) as caught:
        release(clinic.write(tmp_path, frame=frame))
    assert clinic.SECRET not in f"{caught.value}{caught.value.__dict__}{caplog.text}"
    assert caught.value.__cause__ is None
    assert clinic.SECRET in caught.value.story.read_text()


def test_a_gone_budget_is_its_own_exit_code(server, tmp_path):
    config = clinic.write(tmp_path, budget={"epsilon": 0.5, "delta": 1e-5})
    with pytest.raises(StageError) as caught:
        release(config)
    assert caught.value.exit_code == 4


def test_a_vetoed_release_ends_in_a_state_of_that_name(server, tmp_path):
    state = release(clinic.write(tmp_path, policy=clinic.STRICT), return_state=True)
    assert state.name == "Veto"
    assert state.result().exit_code == 3


def test_a_judgement_of_anybody_s_table_shows_prefect_no_figure(server, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    case = cases(tmp_path, another())
    out = tmp_path / "judged"
    state = evaluate(
        schema_file=case.schema,
        real=list(case.real),
        holdout=list(case.holdout),
        synthetic=list(case.synthetic),
        policy=case.policy,
        out=out,
        return_state=True,
    )
    assert state.name == "Approved"
    with get_client(sync_client=True) as client:
        runs = [r for r in client.read_flow_runs() if r.id == state.state_details.flow_run_id]
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
    told = (
        json.dumps([r.model_dump(mode="json") for r in runs]) + json.dumps(artifacts) + caplog.text
    )
    scores = json.loads((out / "scores.json").read_text())
    private = {
        repr(s["value"]) for s in scores if s["rows"] != "none" and s["value"] not in (None, 0, 1)
    }
    assert private
    assert not [figure for figure in private if len(figure) > 8 and figure in told]


TEXT = (Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8")
DEPLOYMENTS = {d["name"]: d for d in yaml.safe_load(TEXT)["deployments"]}


@pytest.mark.parametrize(
    "name",
    DEPLOYMENTS,
)
def test_every_deployment_names_a_flow_that_takes_its_parameters(name):
    deployment = DEPLOYMENTS[name]
    file, function = deployment["entrypoint"].split(":")
    flow = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), function)
    given = deployment.get("parameters", {})
    assert set(given) <= set(flow.parameters.properties)
    if deployment["schedules"]:
        assert not set(flow.parameters.required) - set(given)
    root = Path(__file__).parents[2]
    assert all((root / value).is_file() for value in given.values())


def test_deployments_are_quiet_checked_off_by_default_and_in_a_pool_that_setup_makes():
    assert {"release", "evaluate", "approve", "benchmark"} <= set(DEPLOYMENTS)
    for deployment in DEPLOYMENTS.values():
        assert deployment["work_pool"]["name"] in POOLS
        env = deployment["work_pool"]["job_variables"]["env"]
        assert env == {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
        assert deployment["enforce_parameter_schema"] is True
        assert not any(s["active"] for s in deployment["schedules"])


@pytest.mark.parametrize(
    ("flow", "wrong"),
    [
        (release, {"config": "c.yaml", "run": "../elsewhere"}),
        (evaluate, {"schema_file": "s", "real": [], "synthetic": ["x"], "out": "o"}),
        (
            evaluate,
            {"schema_file": "s", "real": ["x"], "synthetic": ["x"], "out": "o", "epsilon": -1},
        ),
    ],
)
def test_parameters_of_another_kind_are_refused_before_a_run_begins(flow, wrong):
    with pytest.raises(ParameterTypeError):
        flow.validate_parameters(wrong)
