"""How the command line puts things."""

import io

import pytest
from rich.console import Console

from flows.commands import terminal
from flows.commands.terminal import GOES_ON, StoppedError, elapsed, lasting, listened, progress_bar


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0.4, 1.6, "1 to 2 seconds"),
        (18, 72, "18 to 72 seconds"),
        (43, 172, "1 to 3 minutes"),
        (150, 600, "2 to 10 minutes"),
    ],
)
def test_a_range_of_seconds_is_told_in_the_larger_unit(low, high, told):
    assert lasting(low, high) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0:00:00"), (67.9, "0:01:07"), (3_725, "1:02:05")]
)
def test_time_that_went_by_is_told_as_a_clock_does(seconds, told):
    assert elapsed(seconds) == told


def test_where_no_terminal_is_a_line_is_told_for_each_stage_that_begins(monkeypatch):
    """A log holds no bar; what was done before, and what ends, is no line."""
    log = Console(file=io.StringIO())
    monkeypatch.setattr(terminal, "stderr", log)
    with progress_bar() as tell:
        for what, share in [("fit: done", 1.0), ("judge: a", 0.1), ("judge: b", 0.5)]:
            tell(what, share)
        tell("publish: writing", 0.0)
    assert log.file.getvalue() == "0:00:00 judge begins\n0:00:00 publish begins\n"


def test_where_no_terminal_is_a_long_stage_is_told_of_each_minute(monkeypatch):
    log, clock = Console(file=io.StringIO()), iter([0, 1, 30, 62, 70, 130, 131])
    monkeypatch.setattr(terminal, "stderr", log)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with progress_bar() as tell:
        for share in (0.0, 0.2, 0.4, 0.5, 0.9, 1.0):
            tell("fit: reading", share)
    lines = ["0:00:01 fit begins", "0:01:02 fit: reading", "0:02:10 fit: reading"]
    assert log.file.getvalue().splitlines() == lines


def test_whoever_stops_a_run_is_told_how_it_goes_on():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="nothing is charged twice") as caught:
        listened(stop)
    assert caught.value.exit_code == 130
    assert "the same command goes on" in GOES_ON
