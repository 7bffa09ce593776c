"""On a GPU: gradients are exact, padding adds nothing, every deep generator trains and goes on when killed."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import method_for
from generators.dpsgd.plan import Performance, Plan
from generators.dpsgd.units import Units
from generators.images.diffusion import corrupt, denoising_loss
from generators.images.networks import ImageDenoiser
from privacy.ledger.transcript import Transcript
from tests.generators.dpsgd.test_gradients import looped, norms_of
from tests.generators.test_contract import GENERATORS, calibrated, killed_halfway, permits, run

__all__ = ["permits"]
pytestmark = pytest.mark.gpu
DEEP = ("diffusion", "ctgan", "pategan", "image-diffusion", "image-gan", "image-matching")


def unet(n):
    """A U-Net that has learnt something, and rows to corrupt."""
    torch.manual_seed(0)
    module = ImageDenoiser([28, 28, 1], [10], [16, 32], 1, 2, 0.0, "ode", 3, 1.0, 2, 10).to("cuda")
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.05 * torch.randn_like(p))
    pixels = torch.randint(256, (n, 1, 28, 28), dtype=torch.uint8, device="cuda")
    return module, {"pixels": pixels, "told": torch.randint(10, (n, 1), device="cuda")}


def corrupted(rows):
    return corrupt([10], 0.1, rows, torch.Generator("cuda").manual_seed(0))


def test_gradients_of_units_are_those_of_a_loop():
    module, rows = unet(24)
    weights = torch.full((8, 3), 1 / 3, device="cuda")
    noisy = corrupted(rows)
    # the oracle and the method round convolutions alike only where neither rounds to TF32
    with torch.backends.cudnn.flags(allow_tf32=False):
        truth = looped(module, denoising_loss, noisy, weights)
        found = method_for(module)(denoising_loss, noisy, weights)
        factors = torch.rand(8, device="cuda")
        sums = found.weighted_sum(factors)
    norms = norms_of(truth)
    torch.testing.assert_close(found.norms.double(), norms, rtol=1e-4, atol=1e-5)
    for name, each in truth.items():
        wanted = torch.einsum("u,u...->...", factors, each)
        torch.testing.assert_close(sums[name], wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_norms_bound_what_is_summed_at_every_precision(precision):
    """Convolutions at TF32 or bfloat16 make other gradients, but norms are still those of the sums."""
    module, rows = unet(12)

    def loss(module, rows):
        low = precision == "bfloat16"
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=low):
            return denoising_loss(module, rows)

    weights = torch.full((6, 2), 0.5, device="cuda")
    found = method_for(module)(loss, corrupted(rows), weights)
    for u in range(6):
        alone = torch.zeros(6, device="cuda")
        alone[u] = 1.0
        total = torch.cat([t.double().flatten() for t in found.weighted_sum(alone).values()])
        assert 0 < total.norm() <= found.norms[u] * (1 + 1e-6)


def test_a_padded_step_is_the_step():
    """One unit of 5 in batches of 4: what is summed are the clipped gradients of 5, whatever was padded."""
    torch.manual_seed(0)
    module = torch.nn.Linear(6, 1).to("cuda")
    x = 100 * torch.randn(5, 6, device="cuda")
    plan = Plan(1.0, 1, 1.0, performance=Performance(physical_batch=4))
    private = PrivateGradient(
        module,
        lambda m, rows: m(rows["x"])[:, 0],
        Units.of({"x": x}, np.arange(5), most=1),
        plan,
        expected_units=5,
    )
    sums, _ = private._clipped_sums()
    with_bias = torch.cat([x, torch.ones(5, 1, device="cuda")], 1)
    wanted = (with_bias / with_bias.norm(dim=1, keepdim=True)).sum(0)
    found = torch.cat([sums["weight"][0], sums["bias"]])
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_noise_is_as_large_as_the_plan_says():
    """Without a gradient, what a step leaves is σ · C over the expected number."""
    module = torch.nn.Linear(512, 512).to("cuda")
    private = PrivateGradient(
        module,
        lambda m, rows: 0 * m(rows["x"]).sum(1),
        Units.of({"x": torch.zeros(10, 512, device="cuda")}, np.arange(10), most=1),
        Plan(1.0, 1, 3.0),
        expected_units=10,
    )
    private()
    assert float(module.weight.grad.std()) == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize("name", DEEP)
def test_a_killed_fit_goes_on(name, permits, tmp_path):
    generator = dataclasses.replace(calibrated(GENERATORS[name]), device="cuda")
    assert ("Philox" in generator.randomness()) == (name != "pategan")  # which draws none there
    answered = killed_halfway(generator, permits, tmp_path / "t")
    model = run(generator, permits, tmp_path, "t")
    assert Transcript(tmp_path / "t").answers[: len(answered)] == answered
    drawn = model.sample(100, np.random.default_rng(0))
    pd.testing.assert_frame_equal(drawn, model.sample(100, np.random.default_rng(0)))
    assert len(drawn) == 100


@pytest.mark.parametrize("sampler", ["ode", "sde"])
def test_images_are_drawn_where_the_network_is(sampler):
    """As on the CPU but for rounding: all random numbers come from the caller's generator."""
    module, _ = unet(1)
    module.sampler = sampler
    codes = torch.arange(10)[:, None]
    there = module.draw(codes, torch.Generator().manual_seed(0)).int()
    here = module.cpu().draw(codes, torch.Generator().manual_seed(0)).int()
    assert (there - here).abs().float().mean() < 2
    assert here.float().std() > 1
