"""What a private gradient costs over the plain one: same module, same batch, one run.

python benchmarks/private_step_cost.py --cases mlp denoiser-0 denoiser-2 --repeats 15

Plain: forward and backward of the mean loss. Private: each unit's gradient clipped to 1, summed, noise added;
no optimizer in either. Modes take turns, so that a busy machine is unkind to all of them alike. Ways that write
every gradient down run on an eighth of the batch, beside a plain step on the same eighth. One JSON line a mode
is appended to results/private_step_cost.jsonl.

``--memory``: instead of time, the peak memory of a plain and of the engine's step on the same batch, beside
what was held before the step, each in a process of its own: resident on the CPU, allocated on CUDA.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from opacus import GradSampleModule
from opacus.grad_sample import GradSampleModuleFastGradientClipping
from torch import Tensor, nn

from generators.deep.diffusion import denoising_loss
from generators.deep.encoding import Layout
from generators.deep.networks import Heads
from generators.dpsgd.clipping import Flat, shrink
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import BookKeeping, Loss, Method, PerUnit, Rows
from generators.dpsgd.plan import Plan
from generators.dpsgd.units import Units
from generators.images.diffusion import corrupt
from generators.images.diffusion import denoising_loss as image_loss
from generators.images.networks import ImageDenoiser

RESULTS = Path(__file__).parent / "results" / "private_step_cost.jsonl"
ADULT = (16, 9, 16, 16, 16, 7, 15, 6, 5, 2, 16, 12, 16, 2)
"""Sizes like those of the binned Adult table's columns; 154 in all."""
LAYOUT = Layout({str(i): size for i, size in enumerate(ADULT)})
WRITTEN = ("vmap", "vmap compiled", "opacus hooks", "opacus functorch")
"""Ways that write every unit's gradient to memory."""
OPACUS = ("opacus hooks", "opacus functorch", "opacus ghost")

Step = Callable[[], None]


class Case:
    """A module, its loss and a batch of ``units`` with ``draws`` rows each."""

    def __init__(
        self, name: str, module: nn.Module, loss: Loss, rows: Rows, units: int, draws: int
    ):
        self.name, self.module, self.loss, self.rows = name, module, loss, rows
        self.units, self.draws = units, draws
        self.weights = torch.full(
            (units, draws), 1 / draws, device=next(iter(rows.values())).device
        )

    def part(self, units: int) -> Case:
        rows = {k: v[: units * self.draws] for k, v in self.rows.items()}
        return Case(self.name, self.module, self.loss, rows, units, self.draws)

    def finish(self, sums: dict[str, Tensor]) -> None:
        for name, p in self.module.named_parameters():
            p.grad = sums[name].add_(torch.randn_like(p)).div_(self.units)


def mlp(units: int, draws: int, device: str) -> Case:
    widths = (128, 512, 512, 512, 128)
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    module = nn.Sequential(*layers[:-1]).to(device)
    x = torch.randn(units * draws, 128, device=device)

    def loss(module: Any, rows: Rows) -> Tensor:
        found: Tensor = (module(rows["x"]) - rows["x"]).square().mean(1)
        return found

    return Case("mlp", module, loss, {"x": x}, units, draws)


def denoiser(units: int, draws: int, device: str, depth: int) -> Case:
    n = units * draws
    codes = torch.stack([torch.randint(size, (n,)) for size in ADULT], 1)
    masked = torch.where(torch.rand(codes.shape) < 0.5, LAYOUT.widest, codes)
    rows = {"codes": codes, "masked": masked, "x": LAYOUT.one_hot(masked)}
    module = Heads(LAYOUT.width, LAYOUT.width, 256, depth)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.05 * torch.randn(p.shape))

    def loss(module: Any, rows: Rows) -> Tensor:
        return denoising_loss(LAYOUT, [13], lambda _: module(rows["x"]), rows)

    name = f"denoiser, depth {depth}"
    on_device = {k: v.to(device) for k, v in rows.items()}
    return Case(name, module.to(device), loss, on_device, units, draws)


def unet(
    units: int, draws: int, device: str, widths: list[int], patch: int, layers: int = 1
) -> Case:
    """The image generator's U-Net on pictures like MNIST's."""
    n = units * draws
    module = ImageDenoiser([28, 28, 1], [10], widths, layers, patch, 0.0, "ode", 1, 1.0, 2, 10)
    module.to(device)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.05 * torch.randn_like(p))
    rows = {
        "pixels": torch.randint(256, (n, 1, 28, 28), dtype=torch.uint8, device=device),
        "told": torch.randint(10, (n, 1), device=device),
    }
    noisy = corrupt([10], 0.1, rows, torch.Generator(device).manual_seed(0))
    name = f"U-Net {'-'.join(str(w) for w in widths for _ in range(layers))}, patch {patch}"
    return Case(name, module, image_loss, {"x": noisy["clean"], **noisy}, units, draws)


def plain(case: Case) -> Step:
    def step() -> None:
        case.module.zero_grad()
        case.loss(case.module, case.rows).mean().backward()

    return step


def ours(case: Case, method: Method) -> Step:
    def step() -> None:
        found = method(case.loss, case.rows, case.weights)
        case.finish(found.weighted_sum(shrink(found.norms, 1.0)))

    return step


def compiled(case: Case) -> Step:
    """``PerUnit`` under torch.compile."""
    method = PerUnit(case.module)

    def sums(rows: dict[str, Tensor], weights: Tensor) -> dict[str, Tensor]:
        found = method(case.loss, rows, weights)
        factors = shrink(found.norms, 1.0)
        return {
            n: (factors @ g.flatten(1)).reshape(g.shape[1:]) for n, g in found.gradients.items()
        }

    fast = torch.compile(sums)

    def step() -> None:
        case.finish(fast(dict(case.rows), case.weights))

    return step


def engine(case: Case) -> Step:
    """All that ``PrivateGradient`` does: sampling, gathering and padding beside the rest."""
    units = Units.of(case.rows, np.arange(len(case.rows["x"])) // case.draws, case.draws)
    plan = Plan(1.0, 10**9, 1.0, clipping=Flat(1.0))
    return PrivateGradient(case.module, case.loss, units, plan, case.units)


def opacus_written(case: Case, functorch: bool) -> Step:
    hooked = GradSampleModule(case.module, loss_reduction="sum", force_functorch=functorch)
    hooked.remove_hooks()

    def step() -> None:
        hooked.add_hooks(loss_reduction="sum", force_functorch=functorch)
        hooked.zero_grad()
        case.loss(hooked, case.rows).sum().backward()
        hooked.remove_hooks()
        gradients = {n: p.grad_sample for n, p in case.module.named_parameters()}
        squares = [g.flatten(1).square().sum(1) for g in gradients.values()]
        factors = shrink(torch.stack(squares).sum(0).sqrt(), 1.0)
        case.finish({n: torch.einsum("u,u...->...", factors, g) for n, g in gradients.items()})
        for p in case.module.parameters():
            p.grad_sample = None

    return step


def opacus_ghost(case: Case) -> Step:
    hooked = GradSampleModuleFastGradientClipping(
        case.module, max_grad_norm=1.0, use_ghost_clipping=True, loss_reduction="sum"
    )
    hooked.remove_hooks()

    def step() -> None:
        hooked.add_hooks(loss_reduction="sum")
        hooked.zero_grad()
        losses = case.loss(hooked, case.rows)
        losses.sum().backward(retain_graph=True)
        factors = hooked.get_clipping_coef().detach()
        hooked.zero_grad()
        hooked.disable_hooks()
        (losses * factors).sum().backward()
        hooked.enable_hooks()
        case.finish({n: p.grad for n, p in case.module.named_parameters() if p.grad is not None})
        hooked.remove_hooks()

    return step


def steps(case: Case, with_compile: bool) -> dict[str, tuple[int, Step]]:
    """Each mode's number of units and step; "plain" and "plain, an eighth" are what the others are held to."""
    eighth = case.part(case.units // 8)
    wanted: dict[str, tuple[Case, Callable[[Case], Step]]] = {
        "plain": (case, plain),
        "book-keeping": (case, lambda c: ours(c, BookKeeping(c.module))),
        "engine": (case, engine),
        "opacus ghost": (case, opacus_ghost),
        "plain, an eighth": (eighth, plain),
        "vmap": (eighth, lambda c: ours(c, PerUnit(c.module))),
        "vmap compiled": (eighth, compiled),
        "opacus hooks": (eighth, lambda c: opacus_written(c, False)),
        "opacus functorch": (eighth, lambda c: opacus_written(c, True)),
    }
    if not with_compile:
        del wanted["vmap compiled"]
    found = {}
    for mode, (part, make) in wanted.items():
        if mode in OPACUS and case.draws > 1:
            continue  # clips every draw by itself: another mechanism
        try:
            step = make(part)
            step()
            step()
        except Exception as problem:
            print(f"{case.name}, {mode}: does not run: {str(problem).splitlines()[0][:100]}")
            continue
        found[mode] = part.units, step
    return found


def measure(case: Case, repeats: int, device: str, with_compile: bool) -> list[dict[str, Any]]:
    """Medians, and the median ratio to the plain step of the same turn."""
    modes = steps(case, with_compile)
    seconds: dict[str, list[float]] = {mode: [] for mode in modes}
    # one thread's processor time does not see who else is at work
    clock = time.process_time if device == "cpu" else time.perf_counter
    for _ in range(repeats):
        for mode, (_, step) in modes.items():
            began = clock()
            step()
            if device != "cpu":
                torch.cuda.synchronize()
            seconds[mode].append(clock() - began)
    rows = []
    for mode, taken in seconds.items():
        beside = seconds["plain, an eighth" if mode in WRITTEN else "plain"]
        ratio = statistics.median(a / b for a, b in zip(taken, beside, strict=True))
        rows.append(
            {
                "case": case.name,
                "draws": case.draws,
                "mode": mode,
                "units": modes[mode][0],
                "milliseconds": round(1e3 * statistics.median(taken), 2),
                "ratio": round(ratio, 2),
                "repeats": repeats,
                "device": device if device == "cpu" else torch.cuda.get_device_name(),
                "threads": torch.get_num_threads(),
                "load": round(os.getloadavg()[0], 1),
                "versions": {name: version(name) for name in ("torch", "opacus")},
            }
        )
    return rows


def resident(name: str, number: int, make: Callable[[Case], Step]) -> dict[str, Any]:
    """Peak resident memory of two steps; for a fresh process."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    case = CASES[name][number]("cpu")
    return _peak(case, make, _resident, _resident) | {"device": "cpu", "threads": 1}


def allocated(name: str, number: int, make: Callable[[Case], Step]) -> dict[str, Any]:
    """Peak memory of two steps that CUDA gave to tensors."""
    case = CASES[name][number]("cuda")
    torch.cuda.reset_peak_memory_stats()
    held, most = torch.cuda.memory_allocated, torch.cuda.max_memory_allocated
    found = _peak(case, make, lambda: round(held() / 1e6), lambda: round(most() / 1e6))
    return found | {"device": torch.cuda.get_device_name()}


def _peak(
    case: Case, make: Callable[[Case], Step], held: Callable[[], int], most: Callable[[], int]
) -> dict[str, Any]:
    """What is held before two steps, and the most in them, MB."""
    before, step = held(), make(case)
    step()
    step()
    return {
        "case": case.name,
        "draws": case.draws,
        "mode": make.__name__,
        "units": case.units,
        "before_mb": before,
        "peak_mb": most(),
        "versions": {"torch": version("torch")},
    }


def _resident() -> int:
    """The most that this process has held so far, MB (Linux tells KiB)."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


CASES: dict[str, list[Callable[[str], Case]]] = {
    "mlp": [lambda device: mlp(1024, 1, device)],
    **{
        f"denoiser-{depth}": [
            lambda device, depth=depth, draws=draws: denoiser(4096, draws, device, depth)
            for draws in (1, 2)
        ]
        for depth in (0, 2)
    },
    "unet": [
        lambda device, draws=draws, patch=patch: unet(128, draws, device, [16, 32], patch)
        for patch, draws in ((1, 1), (2, 1), (2, 4))
    ],
    "unet-large": [
        lambda device, draws=draws: unet(512, draws, device, [32, 64], 2, layers=2)
        for draws in (1, 16)
    ],
}
LARGE = "unet-large"
"""What asks for a GPU."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    on_cpu = [name for name in CASES if name != LARGE]
    parser.add_argument("--cases", choices=CASES, nargs="+", default=on_cpu)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--compile", action="store_true", help="vmap under torch.compile as well")
    parser.add_argument("--memory", action="store_true", help="peak memory, not time")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    if options.memory:
        measured = resident if options.device == "cpu" else allocated
        with (
            ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as fresh,
            options.results.open("a", encoding="utf-8") as file,
        ):
            for name in options.cases:
                for number in range(len(CASES[name])):
                    for make in (plain, engine):
                        row = fresh.submit(measured, name, number, make).result()
                        print("{case}, K = {draws}, {mode}: {peak_mb} MB".format(**row))
                        file.write(json.dumps(row) + "\n")
        return
    for make in (make for name in options.cases for make in CASES[name]):
        torch.manual_seed(0)
        for row in measure(make(options.device), options.repeats, options.device, options.compile):
            print("{case}, K = {draws}, {mode}: {milliseconds} ms, {ratio}x".format(**row))
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
