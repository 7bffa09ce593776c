"""A killed run goes on bit for bit, from a file that only its owner reads."""

import importlib.util
import json
import multiprocessing
import os
import random
import shutil
import signal
import stat
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from dp_accounting import NoOpDpEvent
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from generators.deep import diffusion
from generators.deep.diffusion import Diffusion
from generators.deep.generator import average
from generators.deep.networks import Heads
from generators.deep.training import Schedule
from generators.dpsgd import checkpoint
from generators.dpsgd.checkpoint import Checkpoint, RandomState, run
from generators.dpsgd.clipping import CLIPPINGS
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.plan import Plan
from generators.dpsgd.randomness import secret_generator
from generators.dpsgd.units import Units
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript


class KilledError(Exception):
    pass


def jitter(rows, generator):
    return {"x": rows["x"] + torch.randn(rows["x"].shape, generator=generator)}


def squares(module, rows):
    return module(rows["x"]).square().sum(1)


def training(clipping, steps, optimizer):
    """Everything a run is made of, newly made: networks, averages and generators that differ every time."""
    x = torch.randn(40, 5, generator=torch.Generator().manual_seed(0))
    units = Units.of({"x": x}, np.arange(40) // 2, 2, np.arange(40) % 3)
    network = Heads(5, 3, 4, 2)
    with torch.no_grad():
        for p in network.parameters():
            p.add_(torch.randn(p.shape))
    plan = Plan(0.3, steps, 1.0, 2, CLIPPINGS[clipping]())
    private = PrivateGradient(network, squares, units, plan, 20.0, jitter, n_groups=3)
    learn = optimizer(network.parameters(), 0.1)
    schedule, mean, public = Schedule(learn, steps), average(network, 0.9), secret_generator()

    def step(t):
        private()
        schedule.set(t)
        learn.step()
        with torch.no_grad():
            network.linear.bias += torch.randn(3, generator=public)
        mean.update_parameters(network)

    parts = {
        "network": network,
        "learn": learn,
        "mean": mean,
        "private": private,
        "public": RandomState(public),
    }
    return parts, step


OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "sgd": lambda p, lr: torch.optim.SGD(p, lr, momentum=0.9),
    "adamw-amsgrad": lambda p, lr: torch.optim.AdamW(p, lr, amsgrad=True),
}


@pytest.mark.parametrize("clipping", CLIPPINGS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_run_goes_on_bit_for_bit_from_any_step(clipping, optimizer, tmp_path, monkeypatch):
    """Killed after each of its steps in turn, saved at some of them only."""
    steps, path = 8, tmp_path / "run.checkpoint"
    monkeypatch.setattr(checkpoint, "EVERY", 1e9)

    def go(path, die_at=None):
        parts, step = training(clipping, steps, OPTIMIZERS[optimizer])
        seen = []

        def progress(what, share):
            seen.append(what)
            if len(seen) == die_at:
                raise KilledError

        run(steps, step, parts, Checkpoint(path, "me"), progress, lambda t: f"step {t}")
        return {n: v.clone() for k in ("network", "mean") for n, v in parts[k].state_dict().items()}

    with pytest.raises(KilledError):
        go(path, die_at=1)
    shutil.copy(path, tmp_path / "start")
    whole = go(path)
    shutil.copy(tmp_path / "start", path)
    for every, die_at in ((1e9, 3), (0.0, 2), (0.0, 3), (1e9, 2)):
        monkeypatch.setattr(checkpoint, "EVERY", every)
        with pytest.raises(KilledError):
            go(path, die_at)
    pieces = go(path)
    for name, value in whole.items():
        assert torch.equal(pieces[name], value), name
    # a finished run has nothing left to do, and gives the same
    for name, value in go(path).items():
        assert torch.equal(value, whole[name])


def test_the_time_left_follows_the_steps_that_are_taken_now(tmp_path, monkeypatch):
    """A second each for 100 steps, then ten: after some of the slow ones it is theirs that count."""
    parts, _ = training("flat", 1, OPTIMIZERS["sgd"])
    now, told = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def step(t):
        now[0] += 1.0 if t < 100 else 10.0

    keep = Checkpoint(tmp_path / "run.checkpoint", "me")
    run(150, step, parts, keep, lambda what, share: told.append(what), lambda t: f"step {t}")
    assert told[49] == "step 50, 100 s left"
    assert told[119] == "step 120, 300 s left"
    assert told[149] == "step 150, 0 s left"


# killed from outside, whole generator


def contract():
    """The tiny table of the contract test."""
    path = Path(__file__).parents[1] / "test_contract.py"
    spec = importlib.util.spec_from_file_location("contract", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TINY = contract()
CLAIM = Guarantee(20.0, 1e-6)


def permitted(generator, folder, ledger):
    ledger, attempt = Ledger(str(ledger)), Transcript(folder / "t").attempt
    ledger.register("tiny", CLAIM, 0.2)
    return ledger.charge(
        "tiny", "train", run="r", attempt=attempt, purpose="fit", event=generator.event()
    )


def copy_at_the_start(whole, pieces, what, share):
    """Keep transcript and checkpoint as they are before the first step."""
    scratch = whole / "t.checkpoint"
    if scratch.exists() and not (pieces / "t").exists():
        shutil.copy(scratch, pieces / "t.checkpoint")
        shutil.copy(whole / "t", pieces / "t")


def nobody(what, share):
    pass


def fit(generator, folder, ledger, every, progress):
    """In a process of its own: fit, and leave the trained weights in a file."""
    torch.set_num_threads(1)
    checkpoint.EVERY = every
    # ε so far takes seconds to compute and is only told
    diffusion.SpentSoFar = lambda *parts: lambda step: f"step {step}"
    rows, permit = TINY.units(TINY.rows()), permitted(generator, folder, ledger)
    model = generator.fit(rows, TINY.SCHEMA, Paid(permit, Transcript(folder / "t")), progress)
    save_file(model.network.state_dict(), folder / "weights.partial")
    os.replace(folder / "weights.partial", folder / "weights")


def started(*arguments):
    # forked from a clean server: autograd refuses a child of a process that has used it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["generators.deep.diffusion"])
    process = context.Process(target=fit, args=arguments)
    process.start()
    return process


@pytest.mark.parametrize("clipping", ["flat", pytest.param("dpsgd-f", marks=pytest.mark.long)])
def test_a_fit_goes_on_bit_for_bit_after_kill_9_at_random_moments(clipping, tmp_path):
    torch.set_num_threads(1)
    whole, pieces = tmp_path / "whole", tmp_path / "pieces"
    whole.mkdir()
    pieces.mkdir()
    generator = Diffusion(steps=40, depth=1, width=16, clipping=clipping, device="cpu")
    generator = generator.calibrate(CLAIM, TINY.SCHEMA, NoOpDpEvent())
    ledger, copying = tmp_path / "ledger.db", partial(copy_at_the_start, whole, pieces)
    process = started(generator, whole, ledger, 1e9, copying)
    process.join(120)
    assert process.exitcode == 0
    with safe_open(pieces / "t.checkpoint", "pt") as file:
        assert file.metadata()["step"] == "0"

    coins, kills, scratch = random.Random(), 0, pieces / "t.checkpoint"
    while not (pieces / "weights").exists():
        before, wanted = scratch.stat().st_mtime_ns, coins.randint(8, 30)
        process, seen = started(generator, pieces, ledger, 0.0, nobody), 0
        while process.is_alive() and seen < wanted:
            now = scratch.stat().st_mtime_ns
            seen, before = seen + (now != before), now
            time.sleep(0.0005)
        if process.is_alive():
            time.sleep(coins.random() * 0.02)
            process.kill()
            kills += 1
        process.join(120)
        assert process.exitcode in (0, -signal.SIGKILL)
    first, second = load_file(whole / "weights"), load_file(pieces / "weights")
    assert set(first) == set(second)
    for name, value in first.items():
        assert torch.equal(value, second[name]), (name, kills)


# the file


def saved(tmp_path, identity="me"):
    parts = {"network": nn.Linear(3, 2), "random": RandomState(secret_generator())}
    kept = Checkpoint(tmp_path / "c", identity)
    kept.save(5, parts)
    return kept, parts


def test_only_its_owner_reads_it_at_any_time(tmp_path, monkeypatch):
    modes, replace = [], os.replace

    def watched(source, target):
        modes.append(stat.S_IMODE(os.stat(source).st_mode))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    created, opened = [], os.open

    def watch_open(path, flags, mode=0o777, **options):
        file = opened(path, flags, mode, **options)
        if flags & os.O_CREAT:
            created.append(stat.S_IMODE(os.fstat(file).st_mode))
        return file

    monkeypatch.setattr(os, "open", watch_open)
    before = os.umask(0)
    try:
        (tmp_path / ".c.partial").write_bytes(b"left by a kill, readable by everyone")
        kept, _ = saved(tmp_path)
    finally:
        os.umask(before)
    assert created == modes == [0o600]
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600


def test_a_half_written_file_is_ignored(tmp_path, monkeypatch):
    kept, parts = saved(tmp_path)
    whole = kept.path.read_bytes()
    monkeypatch.setattr(os, "fsync", lambda file: (_ for _ in ()).throw(KilledError))
    with torch.no_grad():
        parts["network"].weight += 1
    with pytest.raises(KilledError):
        kept.save(6, parts)
    (tmp_path / ".c.partial").write_bytes(whole[: len(whole) // 2])
    assert kept.path.read_bytes() == whole
    other = {"network": nn.Linear(3, 2), "random": RandomState(secret_generator())}
    assert kept.load(other) == 5
    assert torch.equal(other["network"].weight + 1, parts["network"].weight)
    monkeypatch.undo()
    kept.save(7, parts)
    assert kept.load(other) == 7
    assert not (tmp_path / ".c.partial").exists()


def test_nothing_to_go_on_from(tmp_path):
    assert Checkpoint(tmp_path / "none", "me").load({}) == 0


def test_another_attempt_or_plan_is_not_continued(tmp_path):
    kept, parts = saved(tmp_path)
    weight, state = parts["network"].weight.clone(), parts["random"].generator.get_state()
    with torch.no_grad():
        parts["network"].weight += 1
    torch.rand(3, generator=parts["random"].generator)
    moved = parts["random"].generator.get_state()
    assert Checkpoint(kept.path, "somebody else").load(parts) == 0
    assert torch.equal(parts["network"].weight, weight + 1)
    assert torch.equal(parts["random"].generator.get_state(), moved)
    assert kept.load(parts) == 5
    assert torch.equal(parts["network"].weight, weight)
    assert torch.equal(parts["random"].generator.get_state(), state)


class Held:
    """Any state there is."""

    def __init__(self, state=None):
        self.state = state

    def state_dict(self):
        return self.state

    def load_state_dict(self, state):
        self.state = state


def test_states_of_all_kinds_come_back(tmp_path, monkeypatch):
    shared = torch.arange(6.0)
    state = {
        "tensors": [shared, shared[2:], shared.reshape(2, 3).T, torch.zeros(0), torch.tensor(3)],
        "numbers": {0: 0.1, 1: float("inf"), -3: -0.0, "a": True, "none": None},
        "halves": torch.ones(2, dtype=torch.bfloat16),
        "nested": {"a": {"b": [{}, []]}},
    }
    monkeypatch.setattr("pickle.dumps", None)
    monkeypatch.setattr("pickle.loads", None)
    monkeypatch.setattr(torch, "save", None)
    monkeypatch.setattr(torch, "load", None)
    kept, back = Checkpoint(tmp_path / "c", "me"), Held()
    kept.save(1, {"held": Held(state)})
    assert kept.load({"held": back}) == 1
    assert str(back.state) == str(state)
    with safe_open(kept.path, "pt") as file:
        json.loads(file.metadata()["state"])


def test_what_is_no_plain_value_is_refused(tmp_path):
    with pytest.raises(TypeError):
        Checkpoint(tmp_path / "c", "me").save(1, {"held": Held({"function": len})})
    assert not list(tmp_path.iterdir())


def test_random_state_goes_on_between_two_normal_numbers(tmp_path):
    """torch makes normal numbers in pairs and keeps the second one."""
    generator, parts = secret_generator(), {}
    parts["random"] = RandomState(generator)
    torch.randn(3, generator=generator)
    kept = Checkpoint(tmp_path / "c", "me")
    kept.save(1, parts)
    expected = torch.randn(5, generator=generator)
    kept.load(parts)
    assert torch.equal(torch.randn(5, generator=generator), expected)
