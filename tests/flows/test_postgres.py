"""The ledger in Postgres: many at once, killed clients, and a server that goes away and comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from dp_accounting import ZCDpEvent

from flows.stages.config import load_config
from flows.stages.run import Run
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.errors import BudgetError, LedgerError
from privacy.ledger import decisions, register
from privacy.ledger.ledger import Ledger
from tests import killing, postgres
from tests.flows import clinic, test_crashes

BUDGET = Guarantee(1.0, 1e-6)
RHO = zcdp_budget(BUDGET)
AT_ONCE, EACH, ROOM = 20, 2, 10

killing.preload("tests.flows.test_postgres")


@pytest.fixture(scope="module")
def server():
    with postgres.running() as found:
        yield found


@pytest.fixture
def url(server, monkeypatch):
    if server.folder is not None:
        monkeypatch.setenv("PGPASSWORD", postgres.PASSWORD)
    with server.database() as found:
        yield found


def opened(url: str) -> Ledger:
    ledger = Ledger(url)
    ledger.register("cohort", BUDGET, 0.2)
    return ledger


def charge(ledger: Ledger, attempt: str, share: float = 1 / ROOM):
    event = ZCDpEvent(RHO * share)
    return ledger.charge("cohort", "train", run="r", attempt=attempt, purpose="fit", event=event)


def spend(url: str, who: int, start, done) -> None:
    """One of many: opens the ledger for itself, waits for the others, charges as often as it may."""
    os.environ["PGPASSWORD"] = os.environ.get("PGPASSWORD", postgres.PASSWORD)
    ledger, count = opened(url), 0
    start.wait(60)
    for i in range(EACH):
        try:
            charge(ledger, f"{who}-{i}")
            count += 1
        except BudgetError:
            pass
    done.put(count)


def test_twenty_processes_that_charge_at_once_cannot_overspend(url):
    """Also the tables are made by all of them at once; nobody fails, and the chain has no fork."""
    context = killing.FORKS
    start, done = context.Barrier(AT_ONCE), context.Queue()
    children = [context.Process(target=spend, args=(url, i, start, done)) for i in range(AT_ONCE)]
    for child in children:
        child.start()
    counts = [done.get(timeout=120) for _ in children]
    for child in children:
        child.join(60)
    assert [c.exitcode for c in children] == [0] * AT_ONCE
    ledger = opened(url)
    assert sum(counts) == ROOM == len(ledger.charges())
    assert ledger.verify()["charges"].hash == ledger.charges()[-1].hash
    assert 0.99 < ledger.spent("cohort", "train").epsilon <= 1.0


def say(ledger: Ledger, candidate: str, decision: str, reviewer: str) -> decisions.Decision:
    words = {"dataset": "cohort", "run": candidate[:1], "reviewer": reviewer, "reason": "the card"}
    return decisions.decide(ledger, candidate=candidate, decision=decision, **words)


def decide_both(url: str, who: int, start, done) -> None:
    """One of many: half say yes and half say no to the same two candidates."""
    os.environ["PGPASSWORD"] = os.environ.get("PGPASSWORD", postgres.PASSWORD)
    ledger = opened(url)
    start.wait(60)
    mine = (decisions.APPROVED, decisions.REJECTED)[who % 2]
    heard = []
    for candidate in ("c" * 64, "d" * 64):
        try:
            heard.append(say(ledger, candidate, mine, f"person {who}").number)
        except LedgerError:
            heard.append(0)
    done.put((mine, heard))


def test_people_who_decide_at_once_make_one_decision_on_each_candidate(url):
    """Whoever comes second hears the first decision, or that theirs is the opposite of it."""
    context = killing.FORKS
    start, done = context.Barrier(8), context.Queue()
    children = [context.Process(target=decide_both, args=(url, i, start, done)) for i in range(8)]
    for child in children:
        child.start()
    told = [done.get(timeout=120) for _ in children]
    for child in children:
        child.join(60)
    ledger = opened(url)
    made = decisions.decisions(ledger)
    assert [d.number for d in made] == [1, 2]
    assert ledger.verify()["decisions"].hash == made[-1].hash
    by_candidate = {d.candidate[0]: d for d in made}
    for mine, heard in told:
        for name, number in zip("cd", heard, strict=True):
            agreed = by_candidate[name].decision == mine
            assert number == (by_candidate[name].number if agreed else 0)


@pytest.mark.parametrize("verb", ["UPDATE decisions SET run='x'", "DELETE FROM decisions"])
def test_the_database_itself_refuses_changes_to_decisions(url, verb):
    say(opened(url), "c" * 64, decisions.APPROVED, "Ada")
    with (
        pytest.raises(sa.exc.ProgrammingError, match="append-only"),
        sa.create_engine(url).begin() as db,
    ):
        db.execute(sa.text(verb))


@pytest.mark.parametrize(
    "verb", ["UPDATE charges SET run='x'", "DELETE FROM charges", "TRUNCATE charges"]
)
def test_the_database_itself_refuses_changes(url, verb):
    charge(opened(url), "a")
    with (
        pytest.raises(sa.exc.ProgrammingError, match="append-only"),
        sa.create_engine(url).begin() as db,
    ):
        db.execute(sa.text(verb))


def dies_inside(folder: Path) -> None:
    """Killed with its charge written and not committed, while it holds the ledger's lock."""
    os.environ["PGPASSWORD"] = os.environ.get("PGPASSWORD", postgres.PASSWORD)
    ledger = opened((folder / "url").read_text())
    with ledger.transaction() as db:
        register.append(db, "source", "cohort", {"digest": "d"})
        os.kill(os.getpid(), signal.SIGKILL)


def dies_after(folder: Path) -> None:
    """Killed when its charge was committed, before it heard of it."""
    os.environ["PGPASSWORD"] = os.environ.get("PGPASSWORD", postgres.PASSWORD)
    charge(opened((folder / "url").read_text()), "a")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_client_killed_inside_its_charge_leaves_none_and_no_lock(url, tmp_path, monkeypatch):
    (tmp_path / "url").write_text(url)
    assert killing.run(dies_inside, tmp_path) == -signal.SIGKILL
    ledger = opened(url)
    assert not ledger.knows("cohort", ["d"])
    assert ledger.verify()["register"].number == 2  # the house and the data set
    assert charge(ledger, "a").charge.number == 1


def test_a_client_killed_after_its_charge_is_not_charged_again(url, tmp_path):
    (tmp_path / "url").write_text(url)
    assert killing.run(dies_after, tmp_path) == -signal.SIGKILL
    ledger = opened(url)
    assert [c.attempt for c in ledger.charges()] == ["a"]
    assert charge(ledger, "a").charge == ledger.charges()[0]
    assert len(ledger.charges()) == 1


@pytest.mark.usefixtures("few_questions")
def test_a_release_whose_server_crashes_goes_on_when_it_is_back(server, url, tmp_path, monkeypatch):
    """It goes away between fit and judge; the password comes from the environment and stands nowhere."""
    if server.folder is None:
        pytest.skip("crashes only a server of its own")
    monkeypatch.setenv("UNDERSTUDY_LEDGER", url)
    config = clinic.write(
        tmp_path, frame=clinic.rows(400), evaluation=test_crashes.EVALUATION, ledger=""
    )
    real = Ledger.open_internally

    def gone(self, *where, **about):
        if about["purpose"] == "judge":
            server.crash()
        return real(self, *where, **about)

    monkeypatch.setattr(Ledger, "open_internally", gone)
    with pytest.raises(LedgerError, match="nothing was read") as caught:
        test_crashes.release(config)
    assert postgres.PASSWORD not in str(caught.value)
    monkeypatch.setattr(Ledger, "open_internally", real)
    run = Run.of(load_config(config))
    assert (run / "model").exists()
    assert not (run / "scores").exists()
    server.start()
    bundle = test_crashes.release(config)
    test_crashes.assert_whole(bundle)
    purposes = sorted(c.purpose for c in Ledger(url).charges())
    assert purposes == ["evaluate", "fit", "judge", "judge", "recognise"]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or postgres.PASSWORD.encode() not in file.read_bytes()


def test_a_ledger_opened_before_a_restart_is_good_after_it(server, url):
    """A long fit outlives its connection."""
    if server.folder is None:
        pytest.skip("crashes only a server of its own")
    ledger = opened(url)
    charge(ledger, "a")
    server.crash()
    server.start()
    charge(ledger, "b")
    assert [c.attempt for c in ledger.charges()] == ["a", "b"]


def test_a_wrong_password_is_one_line_without_it(server, url, monkeypatch):
    if server.folder is None:
        pytest.skip("another's server may ask for none")
    with monkeypatch.context() as patched:
        patched.setenv("PGPASSWORD", "wrong-Zkq3319")
        with pytest.raises(LedgerError) as caught:
            Ledger(url)
    assert "password authentication failed" in str(caught.value)
    assert "Zkq3319" not in str(caught.value)
    assert "\n" not in str(caught.value)
