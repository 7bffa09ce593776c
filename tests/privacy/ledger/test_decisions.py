import multiprocessing

import pytest
import sqlalchemy as sa

from privacy.errors import InputError, LedgerError
from privacy.ledger import decisions
from privacy.ledger.decisions import APPROVED, REJECTED, decide, decision_on
from privacy.ledger.ledger import Ledger
from tests.privacy.ledger.test_ledger import raw

CANDIDATE = "ab" * 32


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    return Ledger(str(path))


def made(ledger, decision=APPROVED, candidate=CANDIDATE, **words):
    said = {"reviewer": "Ada", "reason": "the card is fine"} | words
    return decide(
        ledger, dataset="cohort", run="cohort-1", candidate=candidate, decision=decision, **said
    )


def test_a_decision_says_who_decided_what_and_why(ledger, monkeypatch):
    monkeypatch.setenv("UNDERSTUDY_WHO", "station 3")
    first = made(ledger)
    assert decision_on(ledger, CANDIDATE) == first
    told = (first.number, first.decision, first.reviewer, first.reason, first.who)
    assert told == (1, APPROVED, "Ada", "the card is fine", "station 3")
    assert decision_on(ledger, "cd" * 32) is None


@pytest.mark.parametrize("decision", [APPROVED, REJECTED])
def test_the_same_again_changes_nothing(ledger, decision):
    first = made(ledger, decision)
    assert made(ledger, decision, reviewer="Bob", reason="another") == first
    assert decisions.decisions(ledger) == [first]


@pytest.mark.parametrize(("first", "then"), [(APPROVED, REJECTED), (REJECTED, APPROVED)])
def test_the_opposite_is_refused(ledger, first, then):
    made(ledger, first)
    with pytest.raises(LedgerError, match=f"was {first} by Ada"):
        made(ledger, then)
    assert len(decisions.decisions(ledger)) == 1


def test_another_candidate_of_the_same_run_has_a_decision_of_its_own(ledger):
    made(ledger, APPROVED)
    assert made(ledger, REJECTED, "cd" * 32).number == 2


def test_a_run_that_was_rejected_stays_rejected_when_its_files_are_made_anew(ledger):
    made(ledger, REJECTED)
    for decision in (APPROVED, REJECTED):
        with pytest.raises(LedgerError, match="was rejected by Ada"):
            made(ledger, decision, "cd" * 32)


def test_a_rejection_is_not_undone_by_an_older_ledger(ledger, path):
    older = path.read_bytes()
    made(ledger, REJECTED)
    path.write_bytes(older)
    with pytest.raises(LedgerError, match="older copy"):
        made(Ledger(str(path)), APPROVED)


@pytest.mark.parametrize(
    "words",
    [
        {"reviewer": " "},
        {"reason": ""},
        {"reviewer": "a" * 65},
        {"reason": "a" * 1001},
        {"reviewer": "\x1b[31mAda"},
    ],
)
def test_whoever_decides_says_who_and_why(ledger, words):
    with pytest.raises(InputError, match=next(iter(words))):
        made(ledger, **words)
    assert decisions.decisions(ledger) == []


@pytest.mark.parametrize(
    "statement", ["UPDATE decisions SET decision='approved'", "DELETE FROM decisions"]
)
def test_the_database_itself_refuses_changes(ledger, path, statement):
    made(ledger, REJECTED)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        raw(path, statement)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE decisions SET decision='rejected' WHERE number=2", "decision 2"),
        ("UPDATE decisions SET reviewer='Bob' WHERE number=3", "decision 3"),
        ("DELETE FROM decisions WHERE number=1", "decision 1"),
    ],
)
def test_verify_names_the_decision_that_was_tampered_with(ledger, path, statement, named):
    for candidate in ("aa", "bb", "cc"):
        made(ledger, APPROVED, candidate * 32)
    assert ledger.verify()["decisions"].hash == decisions.decisions(ledger)[-1].hash
    raw(path, "DROP TRIGGER decisions_no_UPDATE", "DROP TRIGGER decisions_no_DELETE", statement)
    with pytest.raises(LedgerError, match=named):
        ledger.verify()


def say(path, decision, said):
    try:
        said.put((decision, made(Ledger(str(path)), decision, reviewer=decision).decision))
    except LedgerError as error:
        said.put((decision, str(error)))


def test_of_people_who_decide_at_once_one_is_first_and_the_others_are_held_to_it(ledger, path):
    fork = multiprocessing.get_context("fork")
    said, wishes = fork.SimpleQueue(), [APPROVED, REJECTED] * 3
    people = [fork.Process(target=say, args=(path, wish, said)) for wish in wishes]
    for process in people:
        process.start()
    for process in people:
        process.join(60)
    [only] = decisions.decisions(ledger)
    for wish, answer in (said.get() for _ in people):
        assert answer == only.decision if wish == only.decision else "not taken back" in answer
    ledger.verify()
