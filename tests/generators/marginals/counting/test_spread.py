"""Workers count what is counted here, whoever is lost on the way; whoever is not fit is given nothing."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from functools import partial
from itertools import combinations

import numpy as np
import pytest
from distributed import Client, LocalCluster

from flows.frames.export import write_rows
from generators.histories.generator import counted_starts, counted_steps
from generators.marginals.aim import aim
from generators.marginals.counting import spread as module
from generators.marginals.counting.coded import CodedRows
from generators.marginals.counting.counter import Counter
from generators.marginals.counting.spread import CURRENT, Spread, workers_at
from generators.marginals.workload import workload
from privacy.errors import InputError
from privacy.histories.tables import whole
from privacy.records.codec import RecordCodec
from privacy.stored.rows import Rows
from privacy.table import PrivateTable
from tests.generators.histories.test_generator import SCHEMA as VISITS
from tests.generators.histories.test_generator import histories
from tests.privacy.stored import test_reading
from tests.privacy.stored.test_reading import ALONE, NAMED

DOMAIN = {"a": 3, "b": 2, "c": 7, "d": 300, "label": 2}


@contextmanager
def cluster(**options):
    """Two workers in processes of their own."""
    given = {"n_workers": 2, "threads_per_worker": 1, "memory_limit": 0}
    here = {"dashboard_address": ":0", "host": "127.0.0.1"}
    with LocalCluster(**given | here | options) as made:
        yield made


@pytest.fixture(scope="module")
def two():
    with cluster() as made:
        yield made


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    codes = {c: rng.integers(0, size, n) for c, size in DOMAIN.items()}
    return codes | {"label": (codes["a"] + codes["b"]) % 2}


def gathered(codes, at_once=40):
    n = len(codes["a"])
    parts = ({c: v[i : i + at_once] for c, v in codes.items()} for i in range(0, n, at_once))
    return Counter.gathered(DOMAIN, parts, None)


def everything(count):
    """All that is ever asked of a counter."""
    groups = {c: np.arange(size) // 2 for c, size in DOMAIN.items()}
    halved = {c: int(g.max()) + 1 for c, g in groups.items()}
    merged = count.recode(halved, groups)
    merged.ahead([("a", "c"), ("b",)])
    again = merged.recode(halved, {c: np.arange(size) for c, size in halved.items()})
    asked = (
        count(("a", "d")),
        count.tally(("c",), groups),
        merged(("a", "c")),
        merged(("a", "c", "d")),
        again(("b", "label")),
    )
    return [a.tolist() for a in asked]


@pytest.mark.parametrize("n", [0, 1, 3, 997])
def test_workers_count_what_is_counted_here(two, n):
    codes = people(n)
    here = everything(gathered(codes))
    with workers_at(two.scheduler_address):
        there = gathered(codes)
        assert isinstance(there.rows, Spread)
        assert everything(there) == here
    assert isinstance(gathered(codes).rows, CodedRows), "outside it is counted here again"


def test_aim_comes_to_the_same_whoever_counts(two):
    """With so little noise that whatever is counted otherwise would show."""

    def measured():
        found = aim(gathered(codes), workload(DOMAIN, ["label"]), 1e9, targets=["label"])
        return {(m.clique, m.counts.tobytes()) for m in found.measurements}

    codes = people(3000, 1)
    here = measured()
    with workers_at(two.scheduler_address):
        assert measured() == here


@pytest.mark.parametrize("schema", [ALONE, NAMED], ids=["rows", "people of several rows"])
def test_a_table_counts_the_same_in_memory_in_files_and_on_workers(
    two, tmp_path, monkeypatch, schema
):
    frame = test_reading.people(400, 3, few=True)[list(schema.columns)]
    frame.to_csv(tmp_path / "t.csv", index=False)
    codec = RecordCodec(schema)
    pairs = [*combinations(codec.domain, 2)]

    def counts():
        rows = PrivateTable(schema, (tmp_path / "t.csv",)).open(test_reading.permit(), tmp_path)
        count = Counter.gathered(codec.domain, map(codec.encode, rows.batches()), rows.room)
        return [count(pair).tolist() for pair in pairs]

    in_memory = counts()
    test_reading.small(monkeypatch, 37)
    monkeypatch.setattr("privacy.table.LARGE", 0)
    assert counts() == in_memory
    with workers_at(two.scheduler_address):
        assert counts() == in_memory


def test_histories_count_the_same_in_memory_in_files_and_on_workers(two, tmp_path, monkeypatch):
    rows, path = histories(150), tmp_path / "t.csv"
    shuffled = rows.frame.assign(patient=rows.units).sample(frac=1, random_state=0)
    write_rows(shuffled, VISITS, path)
    parts = whole(VISITS)

    def counts(rows):
        both = counted_starts(rows, VISITS), counted_steps(rows, VISITS, parts)
        return [count(p).tolist() for _, count in both for p in combinations(count.domain, 2)]

    def opened():
        allowed = test_reading.permit(holdout=0.1)
        allowed.dataset = VISITS.name
        return PrivateTable(VISITS, (path,)).open(allowed, tmp_path)

    in_memory = opened()
    people = Rows(in_memory.frame, in_memory.units)
    expected = counts(people)
    test_reading.small(monkeypatch, 37)
    monkeypatch.setattr("privacy.table.LARGE", 0)
    assert counts(opened()) == expected
    with workers_at(two.scheduler_address):
        assert counts(opened()) == expected


@pytest.mark.parametrize("lost", [1, 2])
def test_a_worker_that_is_lost_changes_nothing(lost):
    codes = people(950, 2)
    here = everything(gathered(codes))
    with cluster() as mine, workers_at(mine.scheduler_address):
        there = gathered(codes)
        before = there(("a",))
        for worker in [*mine.workers.values()][:lost]:
            os.kill(worker.process.process.pid, signal.SIGKILL)
        assert everything(there) == here
        assert before.tolist() == there(("a",)).tolist()


def test_a_part_is_sent_once_and_what_is_lost_again(two):
    with workers_at(two.scheduler_address):
        there = gathered(people(400)).rows
        first = [part.future.key for part in there.held]
        assert len({part.worker for part in there.held}) == 2
        there.summed(partial(CodedRows.tally, clique=("a",)))
        assert [part.future.key for part in there.held] == first
        there.held[1] = None
        there.summed(partial(CodedRows.tally, clique=("a",)))
        assert there.held[1] is not None


def test_keys_and_reprs_hold_no_code(two):
    with workers_at(two.scheduler_address):
        there = gathered({c: np.full(20, 1) for c in DOMAIN})
        assert "array" not in repr(there) + repr(there.rows.rows)
        there(("a",))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_workers": 0}, "has no workers"),
        ({"memory_limit": "2GiB"}, "may write private rows to its disk"),
    ],
)
def test_workers_that_are_not_fit_are_refused(options, said):
    with (
        cluster(**options) as mine,
        pytest.raises(InputError, match=said),
        workers_at(mine.scheduler_address),
    ):
        raise AssertionError("nothing may be sent")
    assert CURRENT.get() is None


def test_a_worker_of_another_version_is_refused(two, monkeypatch):
    monkeypatch.setattr(module, "version", lambda name: "0.0.0")
    with (
        pytest.raises(InputError, match=r"has Understudy .* and not 0\.0\.0"),
        workers_at(two.scheduler_address),
    ):
        raise AssertionError("nothing may be sent")


def test_where_nobody_answers_it_is_one_line(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 1)
    with pytest.raises(InputError, match="nothing answers at"), workers_at("tcp://127.0.0.1:9"):
        raise AssertionError("nobody is there")


def test_a_question_that_is_wrong_is_told_as_here(two):
    with workers_at(two.scheduler_address), pytest.raises(KeyError):
        gathered(people(50))(("nobody",))


def test_an_answer_that_takes_long_is_waited_for(two, monkeypatch):
    codes = people(5000, 4)
    here = everything(gathered(codes))
    with workers_at(two.scheduler_address):
        there = gathered(codes)
        monkeypatch.setattr(module, "SECONDS", 1e-4)
        assert everything(there) == here


@contextmanager
def joining(address, *options):
    """One more worker, as a person starts one."""
    command = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-dashboard"]
    began = subprocess.Popen(
        [*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        began.terminate()
        began.wait()


def _quietly_retired(client, worker):
    with suppress(Exception):
        client.retire_workers([worker])


def waited_for(client, many):
    client.wait_for_workers(many, timeout=60)


def test_a_worker_that_joins_and_may_write_to_its_disk_is_given_nothing():
    with cluster(n_workers=1) as mine, workers_at(mine.scheduler_address):
        there = gathered(people(500))
        there(("a",))
        client = CURRENT.get().client
        first = there.rows.held[0].worker
        with joining(mine.scheduler_address, "--memory-limit", "400MB"):
            waited_for(client, 2)
            with pytest.raises(InputError, match="may write private rows to its disk"):
                there(("a", "b"))
            # Dask would hand on what it held, and tries for as long as that does not arrive
            handing = threading.Thread(target=_quietly_retired, args=(client, first), daemon=True)
            handing.start()
            handing.join(3)
            (late,) = set(client.scheduler_info()["workers"]) - {first}
            assert there.rows.held[0].future.key not in client.has_what([late])[late]


def test_a_worker_that_joins_and_is_fit_takes_over_what_is_lost():
    codes = people(500)
    here = everything(gathered(codes))
    with cluster(n_workers=1) as mine, workers_at(mine.scheduler_address):
        there = gathered(codes)
        there(("a",))
        first = there.rows.held[0].worker
        with joining(mine.scheduler_address, "--memory-limit", "0"):
            waited_for(CURRENT.get().client, 2)
            CURRENT.get().client.retire_workers([first])
            assert everything(there) == here


def test_a_scheduler_that_is_gone_changes_nothing(monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 1)
    codes = people(300)
    here = everything(gathered(codes))
    local = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    command = [sys.executable, "-m", "dask", "scheduler", *local]
    began = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        address = next(a for line in began.stderr if (a := re.search(r"tcp://[\d.:]+", line)))[0]
        with joining(address, "--memory-limit", "0"):
            with Client(address) as client:
                waited_for(client, 1)
            with workers_at(address):
                there = gathered(codes)
                there(("a",))
                began.kill()
                assert everything(there) == here
    finally:
        began.kill()
        began.wait()


def test_certificates_that_are_not_named_are_told_in_one_line():
    with pytest.raises(InputError, match="needs certificates"), workers_at("tls://127.0.0.1:9"):
        raise AssertionError("nobody is there")


def test_an_error_of_a_worker_quotes_no_code(two):
    groups = {c: np.zeros(2, dtype=int) for c in DOMAIN}
    with workers_at(two.scheduler_address):
        there = gathered(people(50)).rows
        asked = there._asked(module._Recode(DOMAIN, groups))[0]
        with pytest.raises(RuntimeError, match=r"^IndexError$"):
            asked.future.result()
