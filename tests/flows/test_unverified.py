"""Generators whose guarantee is somebody else's word, and those that have none: what runs, what is exported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluators.score import Scorecard
from flows.bundle.write import write_bundle
from flows.judging.sweep import load_sweep, run_cell
from flows.label.label import PROVED
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import Run, write_json
from privacy.accounting.events import ClaimedDpEvent
from privacy.errors import InputError, WorkerError
from privacy.ledger.ledger import Ledger
from tests.flows import clinic

DPGAN = {
    "name": "synthcity-dpgan",
    "n_iter": 1,
    "generator_n_units_hidden": 20,
    "discriminator_n_units_hidden": 20,
}
NOTHING = {"name": "synthcity-ctgan", "n_iter": 1}
ALLOWS: dict[str, Any] = clinic.POLICY | {"unverified": "allow"}

needs_worker = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here"),
]


def quiet(what: str, share: float) -> None:
    pass


def sweep(folder: Path, **generators: Any) -> Path:
    """One over the clinic's rows, which it declares public."""
    content = {
        "name": "trial",
        "public": True,
        "data_sets": [{"release": "config.yaml", "data": "clinic.csv"}],
        "generators": generators,
        "epsilon": [1],
        "delta": 1e-5,
        "seeds": [0],
        "measure": ["declared"],
        "folder": "sweep",
    }
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", ["synthcity-aim", "synthcity-privbayes", "privbayes"])
def test_what_is_broken_is_refused_by_name_and_reason(tmp_path: Path, name: str) -> None:
    config = clinic.write(tmp_path, generator={"name": name})
    with pytest.raises(InputError, match="broken"):
        load_config(config)


def test_what_promises_nothing_reads_no_private_row(tmp_path: Path) -> None:
    config = load_config(clinic.write(tmp_path, generator=NOTHING))
    with pytest.raises(InputError, match="public: true"):
        steps.Work.of(Run.of(config))
    assert not (tmp_path / "ledger.db").exists()


def test_nor_as_a_candidate(tmp_path: Path) -> None:
    select = {"by": "uncharged-figures", "others": [NOTHING]}
    config = load_config(clinic.write(tmp_path, select=select))
    with pytest.raises(InputError, match="promises no privacy"):
        steps.Work.of(Run.of(config))


@pytest.mark.parametrize(("generator", "name"), [(DPGAN, "UNVERIFIED"), (NOTHING, "NON_PRIVATE")])
def test_a_list_that_lost_a_name_does_not_make_it_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, generator: dict[str, Any], name: str
) -> None:
    """What stands behind a guarantee is read off lists of names; its class has to agree."""
    monkeypatch.setattr(f"flows.stages.plan.{name}", ())
    monkeypatch.setattr(f"flows.stages.config.{name}", ())
    config = clinic.write(tmp_path, generator=generator)
    with pytest.raises(ValueError, match="not listed"):
        steps.Work.of(Run.of(load_config(config)))


def test_a_missing_uv_is_told_before_anything_is_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    work = steps.Work.of(Run.of(load_config(clinic.write(tmp_path, generator=DPGAN))))
    with pytest.raises(InputError, match="pip install uv"):
        steps.fit(work, quiet)
    assert Ledger(str(tmp_path / "ledger.db")).charges() == []


def test_a_worker_that_does_not_start_is_found_out_before_anything_is_charged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its environment is there, but an import of it fails."""
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\ntest "$1" = sync || { echo "an import failed" >&2; exit 1; }\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    work = steps.Work.of(Run.of(load_config(clinic.write(tmp_path, generator=DPGAN))))
    with pytest.raises(WorkerError, match="the worker failed"):
        steps.fit(work, quiet)
    assert Ledger(str(tmp_path / "ledger.db")).charges() == []


def test_runs_from_before_there_were_claims_keep_their_names(tmp_path: Path) -> None:
    plain = load_config(clinic.write(tmp_path)).digest()
    vetoes = clinic.POLICY | {"unverified": "veto"}
    assert load_config(clinic.write(tmp_path, policy=vetoes)).digest() == plain
    assert load_config(clinic.write(tmp_path, policy=ALLOWS)).digest() != plain


def test_what_a_data_set_has_spent_on_a_claim_is_told_by_later_releases(tmp_path: Path) -> None:
    config = clinic.write(tmp_path, budget={"epsilon": 4.0, "delta": 1e-5})
    work = steps.Work.of(Run.of(load_config(config)))
    claim = ClaimedDpEvent(1.5, 1e-6, "somebody")
    work.ledger.charge(
        "clinic", "train", run="before", attempt="before", purpose="fit", event=claim
    )
    with work.run.locked():
        steps.fit(work, quiet)
        steps.sample(work)
        steps.judge(work, quiet, ["declared"])
        public = write_bundle(work, work.charge(), steps.decide(work)) / "public"
    label = json.loads((public / "label.json").read_text())
    assert label["guarantee"]["basis"] == PROVED
    assert label["accounting"]["ledger"]["data_set_epsilon_claimed"] == 1.5
    for name in ("card.html", "README.md"):
        assert "(1.5 of it as claimed upstream, not verified)" in (public / name).read_text("utf-8")


@pytest.mark.parametrize(
    ("spec", "stands_as"),
    [
        (DPGAN, "theirs (as claimed upstream, not verified)"),
        (NOTHING, "theirs (no privacy, ε = ∞)"),
        ({"name": "mst"}, "theirs"),
    ],
)
def test_a_leaderboard_says_whose_word_an_epsilon_is(
    tmp_path: Path, spec: dict[str, Any], stands_as: str
) -> None:
    clinic.write(tmp_path)
    _, (cell,) = load_sweep(sweep(tmp_path, theirs=spec))
    (cell.run / "scores").mkdir(parents=True)
    write_json(cell.run / "cell.json", {"seconds": {"fit": 1.0}})
    Scorecard().write(cell.run / "scores")
    result = cell.result()
    assert result is not None
    assert result.release.facts.generator == stands_as


class TestRelease:
    pytestmark = needs_worker

    def released(self, folder: Path, policy: dict[str, Any]) -> Path:
        run = Run.of(load_config(clinic.write(folder, policy=policy, generator=DPGAN)))
        with run.locked():
            work = steps.Work.of(run)
            steps.fit(work, quiet)
            steps.sample(work)
            steps.judge(work, quiet)
            return write_bundle(work, work.charge(), steps.decide(work))

    def test_it_is_vetoed_by_default(self, tmp_path: Path, few_questions: None) -> None:
        bundle = self.released(tmp_path, clinic.POLICY)
        verdict = json.loads((bundle / "internal" / "verdict.json").read_text())
        assert verdict["decision"] == "veto"
        assert not (bundle / "public").exists()

    def test_allowed_it_says_so_wherever_it_promises(
        self, tmp_path: Path, few_questions: None
    ) -> None:
        public = self.released(tmp_path, ALLOWS) / "public"
        label = json.loads((public / "label.json").read_text())
        assert label["guarantee"]["basis"] == "as claimed upstream, not verified"
        assert label["guarantee"]["in_words"].startswith("If what is claimed upstream holds")
        assert "`unverified: allow`" in label["not_covered"][0]
        for name in ("card.html", "README.md", "croissant.json"):
            text = (public / name).read_text("utf-8")
            assert "as claimed upstream, not verified" in text, name
            assert "which nobody here has verified" in text, name
        charged = Ledger(str(tmp_path / "ledger.db")).charges("clinic")[0]
        assert '"by": "synthcity 0.2.12, dpgan"' in charged.event


@pytest.mark.long
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_what_promises_nothing_runs_where_a_sweep_declares_rows_public(tmp_path: Path) -> None:
    clinic.write(tmp_path)
    _, (cell,) = load_sweep(sweep(tmp_path, lines=NOTHING))
    run_cell(cell, quiet)
    result = cell.result()
    assert result is not None
    assert result.release.facts.generator == "lines (no privacy, ε = ∞)"
    assert result.release.verdict.decision == "veto"
    assert "no privacy" in result.release.verdict.reasons[0].text
    assert not (tmp_path / "ledger.db").exists()
