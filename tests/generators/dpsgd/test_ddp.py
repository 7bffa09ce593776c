"""Two processes take the steps of one: shards of the units, one sum, noise once. Gloo, on the CPU."""

import math
import multiprocessing
import shutil

import numpy as np
import pytest
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import nn

from generators.deep.networks import Heads
from generators.dpsgd import checkpoint
from generators.dpsgd.checkpoint import Checkpoint, run
from generators.dpsgd.clipping import BoundedAdaptive, DpsgdF, Flat
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.plan import Performance, Plan
from generators.dpsgd.units import Units

WORLD, UNITS = 2, 21


def child(work, rank, folder, arguments):
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=WORLD
    )
    try:
        found = work(rank, *arguments)
        save_file({k: v.contiguous() for k, v in found.items()}, folder / f"{rank}.safetensors")
    finally:
        dist.destroy_process_group()


def together(folder, work, *arguments):
    """What ``work`` gave in each of the processes."""
    folder.mkdir(exist_ok=True)
    (folder / "store").unlink(missing_ok=True)
    # forked from a clean server: autograd refuses a child of a process that has used it
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["generators.deep.diffusion"])
    processes = [
        context.Process(target=child, args=(work, rank, folder, arguments)) for rank in range(WORLD)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        if process.is_alive():
            process.kill()
    assert [process.exitcode for process in processes] == [0] * WORLD
    return [load_file(folder / f"{rank}.safetensors") for rank in range(WORLD)]


def table():
    x = torch.randn(UNITS * 2, 5, generator=torch.Generator().manual_seed(0))
    return Units.of({"x": x}, np.arange(UNITS * 2) // 2, 2, np.arange(UNITS * 2) // 2 % 3)


def network(seed):
    torch.manual_seed(seed)
    module = Heads(5, 3, 4, 1)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape))
    return module


def squares(module, rows):
    return module(rows["x"]).square().sum(1)


def nothing(module, rows):
    return 0.0 * module(rows["x"]).sum(1)


def flat_gradient(module):
    return torch.cat([p.grad.flatten() for p in module.parameters()])


def one_step(rank, clipping):
    """Processes begin with different parameters; the first one's count."""
    module = network(seed=rank)
    plan = Plan(1.0, 1, 1e-9, clipping=clipping, performance=Performance(4))
    private = PrivateGradient(module, squares, table(), plan, UNITS, n_groups=3)
    private()
    with pytest.raises(ValueError, match="not charged"):
        private()
    return {"gradient": flat_gradient(module), "state": private.state}


@pytest.mark.parametrize(
    "clipping", [Flat(), DpsgdF(), BoundedAdaptive()], ids=lambda c: type(c).__name__
)
def test_the_gradient_is_that_of_a_single_process(clipping, tmp_path):
    results = together(tmp_path / "group", one_step, clipping)
    alone = one_step(0, clipping)
    for found in results:
        torch.testing.assert_close(found["gradient"], alone["gradient"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(found["state"], alone["state"], rtol=1e-5, atol=1e-6)
        assert torch.equal(found["gradient"], results[0]["gradient"])
        assert torch.equal(found["state"], results[0]["state"])


def only_noise(rank, steps, clipping):
    module = network(0)
    plan = Plan(0.5, steps, 3.0, clipping=clipping)
    private = PrivateGradient(module, nothing, table(), plan, UNITS, n_groups=3)
    taken = []
    for _ in range(steps):
        private.state = clipping.start(3)
        private()
        taken.append(flat_gradient(module))
    return {"gradients": torch.stack(taken), "state": private.state}


@pytest.mark.parametrize(
    "clipping", [Flat(0.7), BoundedAdaptive(clip=0.7)], ids=["flat", "adaptive"]
)
def test_noise_is_added_once(clipping, tmp_path):
    """Not by every process, and not a part by each."""
    results = together(tmp_path / "group", only_noise, 100, clipping)
    assert torch.equal(results[0]["gradients"], results[1]["gradients"])
    assert torch.equal(results[0]["state"], results[1]["state"])
    scale = 3.0 / math.sqrt(1 - clipping.share) * 0.7 / (0.5 * UNITS)
    assert math.isclose(float(results[0]["gradients"].std()), scale, rel_tol=0.05)


def who_was_sampled(rank, steps):
    """A unit's gradient is a one-hot of its number, so the sum says who was there."""
    module = nn.Linear(UNITS, 1, bias=False)
    units = Units.of({"x": torch.eye(UNITS)}, np.arange(UNITS), 1)
    plan = Plan(0.4, steps, 1e-9)
    private = PrivateGradient(module, lambda m, r: m(r["x"])[:, 0], units, plan, UNITS)
    coins = private.coins.get_state()
    taken = []
    for _ in range(steps):
        private()
        taken.append(flat_gradient(module) * 0.4 * UNITS)
    return {"taken": torch.stack(taken), "coins": coins, "size": torch.tensor(len(private.units))}


def test_shards_are_disjoint_and_sampled_by_coins_of_their_own(tmp_path):
    steps, q = 300, 0.4
    results = together(tmp_path / "group", who_was_sampled, steps)
    assert sum(int(r["size"]) for r in results) == UNITS
    assert not torch.equal(results[0]["coins"], results[1]["coins"])
    taken = results[0]["taken"].round()
    assert torch.equal(taken, results[1]["taken"].round())
    assert set(taken.unique().tolist()) == {0.0, 1.0}  # nobody is in two shards
    assert (taken.mean(0) - q).abs().max() < 5 * math.sqrt(q * (1 - q) / steps)
    together_ = (taken.T @ taken / steps - q * q).fill_diagonal_(0)
    assert together_.abs().max() < 6 * math.sqrt(q**2 * (1 - q**2) / steps)


def train(rank, path, steps, copy_to):
    """Adaptive, with a checkpoint at every step of the first process's clock."""
    checkpoint.EVERY = 0.0
    module = network(rank)
    plan = Plan(0.5, steps, 1.0, clipping=BoundedAdaptive())
    private = PrivateGradient(module, squares, table(), plan, UNITS, n_groups=3)

    def step(t):
        private()
        with torch.no_grad():  # no optimizer: torch takes seconds to import what it needs for one
            for p in module.parameters():
                p -= 0.1 * p.grad

    def progress(what, share):
        if rank == 0 and copy_to is not None and what.startswith("step 4,"):
            shutil.copy(path, copy_to)

    parts = {"network": module, "private": private}
    run(steps, step, parts, Checkpoint(path, "me"), progress, lambda t: f"step {t}")
    return {n: p.detach().clone() for n, p in module.named_parameters()}


def test_a_group_goes_on_bit_for_bit_and_only_as_a_group(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    whole = together(tmp_path / "group", train, first, 8, second)
    resumed = together(tmp_path / "group", train, second, 8, None)
    for name, value in whole[0].items():
        for other in (whole[1], *resumed):
            assert torch.equal(other[name], value)
    with pytest.raises(ValueError, match="2 processes"):
        train(0, second, 8, None)
