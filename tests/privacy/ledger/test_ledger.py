import json
import os
import signal
import sqlite3
from contextlib import closing, suppress

import numpy as np
import pytest
import sqlalchemy as sa
from dp_accounting import NonPrivateDpEvent, NoOpDpEvent, ZCDpEvent

from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee
from privacy.errors import BudgetError, InputError, LedgerError, PermitError
from privacy.ledger.charges import Permit
from privacy.ledger.ledger import Ledger
from privacy.people.sketch import Counted, Sketch, View
from tests import killing

BUDGET = Guarantee(1.0, 1e-6)
RHO = zcdp_budget(BUDGET)
EMPTY = View(np.array([], np.uint64))
NOBODY = Sketch(None, EMPTY, Counted(EMPTY, EMPTY, EMPTY), (), 0.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(path):
    ledger = Ledger(str(path))
    ledger.register("cohort", BUDGET, 0.2)
    return ledger


def charge(ledger, attempt, share, partition="train"):
    return ledger.charge(
        "cohort", partition, run="r", attempt=attempt, purpose="fit", event=ZCDpEvent(RHO * share)
    )


def test_charges_compose_until_the_budget_is_gone(ledger):
    charge(ledger, "a", 0.5)
    charge(ledger, "b", 0.499)
    with pytest.raises(BudgetError, match="Nothing was read"):
        charge(ledger, "c", 0.01)
    assert len(ledger.charges()) == 2
    assert 0.99 < ledger.spent("cohort", "train").epsilon <= 1.0


def test_the_whole_budget_can_be_spent_at_once(ledger):
    charge(ledger, "a", 1.0)


def test_the_holdout_has_a_budget_of_its_own(ledger):
    charge(ledger, "a", 1.0)
    charge(ledger, "a", 1.0, "holdout")
    assert ledger.spent("cohort", "holdout") == ledger.spent("cohort", "train")


def test_an_attempt_is_charged_once_and_a_new_attempt_again(ledger):
    first = charge(ledger, "a", 0.3)
    assert charge(ledger, "a", 0.3) == first
    assert charge(ledger, "b", 0.3) != first
    assert len(ledger.charges()) == 2


def test_a_copied_attempt_is_no_second_run(ledger):
    charge(ledger, "a", 0.3)
    with pytest.raises(LedgerError, match="belongs to run"):
        ledger.charge(
            "cohort", "train", run="copy", attempt="a", purpose="fit", event=ZCDpEvent(RHO * 0.3)
        )


def test_an_attempt_cannot_change_what_it_was_charged_for(ledger):
    charge(ledger, "a", 0.3)
    with pytest.raises(PermitError):
        charge(ledger, "a", 0.4)


def test_a_permit_covers_its_event_alone(ledger):
    permit = charge(ledger, "a", 0.3)
    permit.covers(ZCDpEvent(RHO * 0.3), "a")
    with pytest.raises(PermitError):
        permit.covers(ZCDpEvent(RHO * 0.2), "a")
    with pytest.raises(PermitError):
        permit.covers(ZCDpEvent(RHO * 0.3), "b")


def test_what_promises_nothing_is_granted_on_public_rows_only(ledger):
    everything = NonPrivateDpEvent()
    with pytest.raises(BudgetError, match="inf"):
        ledger.charge("cohort", "train", run="r", attempt="a", purpose="fit", event=everything)
    permit = ledger.open_public("cohort", "train", run="r", attempt="b", purpose="fit")
    permit.covers(everything, "b")
    with pytest.raises(PermitError):
        permit.covers(everything, "a")
    assert ledger.spent("cohort", "train").epsilon == 0
    inside = ledger.open_internally("cohort", "train", run="r", attempt="c", purpose="judge")
    with pytest.raises(PermitError):
        inside.covers(everything, "c")


def test_nobody_else_makes_a_permit(ledger):
    genuine = charge(ledger, "a", 0.1)
    with pytest.raises(PermitError):
        Permit(genuine.charge, genuine.entry, object())


def test_an_internal_permit_costs_nothing_and_leaves_a_trace(ledger):
    ledger.open_internally("cohort", "holdout", run="r", attempt="a", purpose="judge")
    assert ledger.spent("cohort", "holdout").epsilon == 0
    assert ledger.charges()[0].dp_event == NoOpDpEvent()


def test_budget_and_split_are_fixed_by_the_first_registration(ledger, path):
    charge(ledger, "a", 0.1)
    again = Ledger(str(path)).register("cohort", BUDGET, 0.2)
    assert again.split == ledger.datasets()[0].split
    for budget, holdout in [(Guarantee(2.0, 1e-6), 0.2), (BUDGET, 0.3)]:
        with pytest.raises(LedgerError, match="lifetime budget"):
            ledger.register("cohort", budget, holdout)
    with pytest.raises(InputError):
        ledger.register("other", BUDGET, 1.0)


def test_what_was_said_of_a_data_set_may_be_corrected_until_it_is_charged(ledger):
    """A mistyped budget, or a share held out that proved too small: nothing came of it yet."""
    key = ledger.datasets()[0].split.key
    corrected = ledger.register("cohort", Guarantee(2.0, 1e-6), 0.3)
    assert (corrected.budget.epsilon, corrected.split.holdout) == (2.0, 0.3)
    assert corrected.split.key == key
    ledger.claim("cohort", ["ab" * 32], NOBODY)
    ledger.open_internally("cohort", "holdout", run="r", attempt="a", purpose="assess")
    again = ledger.register("cohort", BUDGET, 0.4)
    assert (again.budget, again.split.holdout, again.split.key) == (BUDGET, 0.4, key)
    charge(ledger, "a", 0.1, "holdout")
    with pytest.raises(LedgerError, match="lifetime budget"):
        ledger.register("cohort", BUDGET, 0.2)


def test_an_account_that_is_shared_is_fixed(ledger):
    ledger.register("extract", BUDGET, 0.2, same_people_as="cohort")
    with pytest.raises(LedgerError, match="lifetime budget"):
        ledger.register("cohort", BUDGET, 0.3)
    with pytest.raises(LedgerError, match="lifetime budget"):
        ledger.register("extract", BUDGET, 0.3, same_people_as="cohort")


def test_two_data_sets_have_two_splits(ledger):
    ledger.register("other", BUDGET, 0.2)
    a, b = ledger.datasets()
    assert a.split.key != b.split.key
    assert repr(a.split.key) not in repr(a)


def test_the_same_file_gets_no_second_budget_under_another_name(ledger):
    ledger.claim("cohort", ["ab" * 32], NOBODY)
    ledger.register("renamed", BUDGET, 0.2)
    with pytest.raises(LedgerError, match="second budget"):
        ledger.knows("renamed", ["ab" * 32])
    with pytest.raises(LedgerError, match="second budget"):
        ledger.claim("renamed", ["ab" * 32], NOBODY)


def test_unregistered_data_sets_cannot_be_charged(ledger):
    with pytest.raises(LedgerError, match="not registered"):
        ledger.charge("nobody", "train", run="r", attempt="a", purpose="fit", event=NoOpDpEvent())


def raw(path, *statements):
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as db:
        for statement in statements:
            db.execute(sa.text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE charges SET run='x'",
        "DELETE FROM charges",
        "UPDATE register SET content='{}'",
        "DELETE FROM register",
        "INSERT OR REPLACE INTO register SELECT number, kind, dataset, run, '{}', who, time, previous, hash "
        "FROM register WHERE number=2",
        "INSERT OR REPLACE INTO charges (number, dataset, run, partition, attempt, purpose, event, who, time, "
        "previous, hash) SELECT 9, dataset, 'x', partition, attempt, purpose, event, who, time, previous, hash "
        "FROM charges WHERE number=1",
    ],
)
def test_the_database_itself_refuses_changes(ledger, path, statement):
    charge(ledger, "a", 0.1)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"):
        raw(path, statement)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE charges SET event=replace(event, '0', '1') WHERE number=2", "charge 2"),
        ("DELETE FROM charges WHERE number=2", "charge 2"),
        ("DELETE FROM charges WHERE number=1", "charge 1"),
        ("UPDATE charges SET dataset='x' WHERE number=3", "charge 3"),
    ],
)
def test_verify_names_the_charge_that_was_tampered_with(ledger, path, statement, named):
    for attempt in "abc":
        charge(ledger, attempt, 0.1)
    assert ledger.verify()["charges"].hash == ledger.charges()[-1].hash
    raw(path, "DROP TRIGGER charges_no_UPDATE", "DROP TRIGGER charges_no_DELETE", statement)
    with pytest.raises(LedgerError, match=named):
        ledger.verify()


FORKS = killing.FORKS
"""Of a server without threads, which know nothing of what this process has open."""


def charge_eight_times(state, path, who, done):
    """In a process and over a connection of its own."""
    os.environ[killing.STATE] = state
    ledger, allowed = Ledger(str(path)), 0
    for i in range(8):
        with suppress(BudgetError):
            charge(ledger, f"{who}-{i}", 1 / 10)
            allowed += 1
    done.put(allowed)


def test_processes_that_charge_at_once_cannot_overspend(ledger, path):
    done = FORKS.SimpleQueue()
    processes = [
        FORKS.Process(target=charge_eight_times, args=(os.environ[killing.STATE], path, who, done))
        for who in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [p.exitcode for p in processes] == [0] * 4
    assert sum(done.get() for _ in processes) == 10 == len(ledger.charges())
    ledger.verify()


def charge_and_die(state, path):
    os.environ[killing.STATE] = state
    charge(Ledger(str(path)), "killed", 0.6)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_crash_keeps_the_charge(ledger, path):
    process = FORKS.Process(target=charge_and_die, args=(os.environ[killing.STATE], path))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert [c.attempt for c in ledger.charges()] == ["killed"]
    with pytest.raises(BudgetError):
        charge(ledger, "a", 0.6)


def test_the_event_in_the_ledger_is_readable(ledger):
    assert json.loads(charge(ledger, "a", 0.1).charge.event)["type"] == "ZCDpEvent"


def test_errors_never_show_a_password():
    with pytest.raises(LedgerError) as caught:
        Ledger("mysql://me:secret@nowhere/db")
    assert "secret" not in str(caught.value)


def test_a_ledger_from_before_it_knew_who_goes_on(tmp_path, monkeypatch):
    """Old charges keep their hashes; nobody can pass a new one off as old."""
    path = tmp_path / "ledger.db"
    monkeypatch.setattr("privacy.ledger.chain.whoami", lambda: "")
    old = Ledger(str(path))
    old.register("d", Guarantee(4.0, 1e-6), 0.2)
    old.charge("d", "train", run="r", attempt="1", purpose="fit", event=ZCDpEvent(0.01))
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER charges_no_update")
        db.execute("ALTER TABLE charges DROP COLUMN who")
        db.commit()
    monkeypatch.undo()
    monkeypatch.setenv("UNDERSTUDY_WHO", "ada")
    ledger = Ledger(str(path))
    ledger.charge("d", "train", run="r", attempt="2", purpose="fit", event=ZCDpEvent(0.01))
    assert [c.who for c in ledger.charges()] == ["", "ada"]
    ledger.verify()
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TRIGGER charges_no_update")
        db.execute("UPDATE charges SET who = '' WHERE number = 2")
        db.commit()
    with pytest.raises(LedgerError, match="charge 2"):
        ledger.verify()
