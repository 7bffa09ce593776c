"""Arrays that grow: what was appended, and nothing on disk that a killed process would leave."""

import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest

from privacy.stored.growing import Growing, taken


@pytest.mark.parametrize("in_files", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "<u8", "f8", "M8[s]", "?"])
def test_the_whole_is_what_was_appended(tmp_path, in_files, dtype):
    room = tmp_path if in_files else None
    parts = [np.arange(n).astype("u1").astype("i8").astype(dtype) for n in (3, 0, 5)]
    growing = Growing(dtype, room)
    for part in parts:
        growing.append(part)
    whole = growing.whole()
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    odd = np.arange(8) % 2 == 1
    some = taken({"a": whole, "c": whole}, odd, room)
    np.testing.assert_array_equal(some["a"], np.concatenate(parts)[odd])
    assert some["a"].dtype == np.dtype(dtype)
    np.testing.assert_array_equal(some["c"], some["a"])
    assert os.listdir(tmp_path) == []


def test_many_columns_need_few_open_files(tmp_path):
    arrays = {}
    for i in range(200):
        growing = Growing(np.uint8, tmp_path)
        growing.append(np.full(5, i, np.uint8))
        arrays[str(i)] = growing.whole()
    before = len(os.listdir("/proc/self/fd"))
    kept = taken(arrays, None, tmp_path)
    assert not arrays
    assert before - len(os.listdir("/proc/self/fd")) >= 190
    assert [int(kept[str(i)].sum()) for i in range(200)] == [5 * i for i in range(200)]


def test_more_files_are_opened_than_the_shell_allows(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        few = len(os.listdir("/proc/self/fd")) + 5
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, limits[1]))
        growing = [Growing(np.uint8, tmp_path) for _ in range(20)]
        assert len(growing) == 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_pairs_stay_pairs(tmp_path):
    growing = Growing(np.uint64, tmp_path, 2)
    growing.append(np.array([[1, 2], [3, 4]]))
    assert growing.whole().tolist() == [[1, 2], [3, 4]]


def test_nothing_was_appended(tmp_path):
    assert Growing(np.uint8, tmp_path).whole().shape == (0,)
    assert Growing(np.uint8, None, 2).whole().shape == (0, 2)


KEPT = """
import sys, time
from pathlib import Path
import numpy as np
from privacy.stored.growing import Growing
growing = Growing(np.uint8, Path(sys.argv[1]))
growing.append(np.frombuffer(b"Zyzzyva-9731" * 100_000, np.uint8))
whole = growing.whole()
print(int(whole.sum()), flush=True)
time.sleep(60)
"""


def test_a_killed_process_leaves_nothing_on_disk(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", KEPT, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert int(process.stdout.readline()) > 0
        assert list(tmp_path.iterdir()) == []
        process.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_of_the_system(tmp_path):
    """One that stages tell in a line (``flows.stages.telling``), as any other."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    growing = Growing(np.uint8, tmp_path)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, before[1]))
        with pytest.raises(OSError, match="too large"):
            growing.append(np.zeros(1 << 20, np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
