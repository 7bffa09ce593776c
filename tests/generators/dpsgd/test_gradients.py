"""Norms and weighted sums of both methods are those of a loop over units with autograd, to 1e-5."""

import functools
import warnings

import numpy as np
import pytest
import torch
from diffusers import UNet2DModel
from hypothesis import given, settings
from hypothesis import strategies as st
from opacus import GradSampleModule
from torch import nn
from torch.nn.functional import silu

from generators.deep.adversaries import PairCritic
from generators.deep.ctgan import on_fake
from generators.deep.diffusion import MaskedDenoiser, denoising_loss, mask
from generators.deep.encoding import Layout
from generators.deep.networks import Critic, Heads
from generators.dpsgd.gradients import BookKeeping, PerUnit, method_for, trainable
from generators.dpsgd.units import Units

LAYOUT = Layout({"sex": 2, "age": 5, "ward": 3, "ill": 2})


def looped(module, loss, rows, weights):
    """Each unit's gradient, one unit after the other."""
    units, m = weights.shape
    parameters = trainable(module)
    found = []
    for u in range(units):
        mine = {k: v[u * m : (u + 1) * m] for k, v in rows.items()}
        total = (loss(module, mine) * weights[u]).sum()
        each = torch.autograd.grad(total, list(parameters.values()), allow_unused=True)
        found.append(
            [
                torch.zeros_like(p) if g is None else g
                for g, p in zip(each, parameters.values(), strict=True)
            ]
        )
    return {n: torch.stack(g) for n, g in zip(parameters, zip(*found, strict=True), strict=True)}


def norms_of(gradients):
    return (
        torch.stack([g.double().flatten(1).square().sum(1) for g in gradients.values()])
        .sum(0)
        .sqrt()
    )


def assert_exact(method, module, loss, rows, weights):
    """Norms to 1e-5 and never below the truth by more than the clipping allows for; sums to 1e-5."""
    truth = looped(module, loss, rows, weights)
    found = method(loss, rows, weights)
    norms = norms_of(truth)
    assert norms.max() > 0
    torch.testing.assert_close(
        found.norms.double(), norms, rtol=1e-5, atol=1e-6 * float(norms.max())
    )
    factors = torch.rand(len(weights), generator=torch.Generator().manual_seed(0)) + 0.1
    factors[0] = 0.0
    sums = found.weighted_sum(factors)
    assert set(sums) == set(truth)
    for name, gradients in truth.items():
        expected = torch.einsum("u,u...->...", factors, gradients)
        scale = torch.einsum("u,u...->...", factors, gradients.abs()).max() + 1e-12
        lost = (sums[name] - expected).abs().max()
        assert lost <= 1e-5 * scale + 1e-8 * norms.max(), name
    assert all(p.requires_grad == (n in truth) for n, p in module.named_parameters())


def squares(module, rows):
    return module(rows["x"]).flatten(1).square().sum(1)


@pytest.fixture(autouse=True)
def parameters_that_are_the_same_every_time():
    """Modules begin at random; what is exact to rounding would now and then be just beyond it."""
    torch.manual_seed(0)


def stirred(module, seed=0):
    """Parameters that are zero at the start would hide what is behind them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator))
    return module


def equal_weights(units, m):
    return torch.full((units, m), 1 / m)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


both = pytest.mark.parametrize("method", [BookKeeping, PerUnit])


def codes(n, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(np.stack([rng.integers(0, s, n) for s in LAYOUT.sizes.values()], 1))


@both
@pytest.mark.parametrize("depth", [0, 1, 2])
@pytest.mark.parametrize("m", [1, 3, 40])
def test_heads(method, depth, m):
    module = stirred(Heads(12, 9, 16, depth))
    rows = {"x": torch.randn(6 * m, 12, generator=generator())}
    assert_exact(method(module), module, squares, rows, equal_weights(6, m))


@both
@pytest.mark.parametrize("depth", [0, 2])
def test_critics(method, depth):
    def hinge(module, rows):
        return torch.relu(1 - module(rows["x"]))

    rows = {"x": torch.randn(10, 12, generator=generator())}
    module = stirred(Critic(12, 8, depth))
    assert_exact(method(module), module, hinge, rows, equal_weights(5, 2))
    module = stirred(PairCritic(LAYOUT, 8, depth, 1.0))
    assert_exact(method(module), module, on_fake, rows, equal_weights(10, 1))


@both
@pytest.mark.parametrize("depth", [0, 2])
def test_the_denoiser_with_its_loss(method, depth):
    module = stirred(MaskedDenoiser(dict(LAYOUT.sizes), 16, depth, 0.0, [3]))
    loss = functools.partial(denoising_loss, LAYOUT, [3])
    rows = mask(LAYOUT, [3], 0.1, {"codes": codes(7 * 4)}, generator())
    if method is PerUnit:
        # one-hots are made in place, which vmap refuses: the same rows, encoded before
        rows["x"], module = LAYOUT.one_hot(rows["masked"]), module.heads

        def loss(module, rows):
            return denoising_loss(LAYOUT, [3], lambda _: module(rows["x"]), rows)

    assert_exact(method(module), module, loss, rows, equal_weights(7, 4))


class Words(nn.Module):
    """Embeddings of repeated indices, LayerNorm, and one layer used twice."""

    def __init__(self):
        super().__init__()
        self.words, self.norm = nn.Embedding(5, 8), nn.LayerNorm(8)
        self.twice, self.out = nn.Linear(8, 8), nn.Linear(8, 3, bias=False)

    def forward(self, index):
        h = self.norm(self.words(index))
        h = h + self.twice(silu(self.twice(h)))
        return self.out(h).mean(1)


@both
def test_embeddings_layer_norm_and_a_layer_used_twice(method):
    module = stirred(Words())
    rows = {"x": torch.randint(5, (12, 7), generator=generator())}
    assert isinstance(method_for(module), BookKeeping)
    assert_exact(method(module), module, squares, rows, equal_weights(4, 3))


@both
@pytest.mark.parametrize("frozen", ["words", "norm", "twice", "twice.bias", "norm.weight", "out"])
def test_frozen_parameters_get_nothing_and_change_nothing(method, frozen):
    module = stirred(Words())
    for name, p in module.named_parameters():
        p.requires_grad_(not name.startswith(frozen))
    rows = {"x": torch.randint(5, (8, 7), generator=generator())}
    assert_exact(method(module), module, squares, rows, equal_weights(4, 2))


class Attention(nn.Module):
    """Self-attention over positions, from layers whose inputs are transposed and strided."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        x = x.transpose(1, 2)  # [n, width, positions] → [n, positions, width], not contiguous
        n, length, width = x.shape
        q, k, v = self.qkv(x).reshape(n, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = (q @ k.mT / (width / self.heads) ** 0.5).softmax(-1) @ v
        return x + self.out(mixed.transpose(1, 2).reshape(n, length, width))[:, ::1]


@both
def test_attention_with_strided_inputs(method):
    module = stirred(Attention())
    rows = {"x": torch.randn(10, 8, 6, generator=generator())[:, :, ::2]}
    assert isinstance(method_for(module), BookKeeping)
    assert_exact(method(module), module, squares, rows, equal_weights(5, 2))


class Strided(nn.Module):
    """Channels-last strided inputs of a convolution, as diffusers' attention blocks make them."""

    def __init__(self):
        super().__init__()
        self.mix, self.conv = nn.Linear(4, 4), nn.Conv2d(4, 6, 3, padding=1)

    def forward(self, x):
        n, c, h, w = x.shape
        tokens = self.mix(x.reshape(n, c, h * w).transpose(1, 2))
        return self.conv(tokens.transpose(1, 2).reshape(n, c, h, w))


@both
def test_convolutions_of_strided_inputs(method):
    module = stirred(Strided())
    rows = {"x": torch.randn(6, 4, 5, 5, generator=generator())}
    assert isinstance(method_for(module), BookKeeping)
    assert_exact(method(module), module, squares, rows, equal_weights(3, 2))


@settings(max_examples=40, deadline=None)
@given(
    channels=st.integers(1, 3),
    out=st.integers(1, 4),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    bias=st.booleans(),
    m=st.integers(1, 3),
)
def test_convolutions_of_any_shape(channels, out, kernel, stride, padding, dilation, bias, m):
    convolution = nn.Conv2d(channels, out, kernel, stride, padding, dilation, bias=bias)
    module = stirred(nn.Sequential(nn.GroupNorm(1, channels), convolution))
    rows = {"x": torch.randn(3 * m, channels, 6, 7, generator=generator())}
    assert isinstance(method_for(module), BookKeeping)
    assert_exact(BookKeeping(module), module, squares, rows, equal_weights(3, m))


def test_convolutions_that_book_keeping_does_not_know_are_mapped():
    for layer in (nn.Conv2d(2, 2, 3, groups=2), nn.Conv2d(2, 2, 3, padding_mode="circular")):
        module = stirred(layer)
        rows = {"x": torch.randn(4, 2, 5, 5, generator=generator())}
        assert isinstance(method_for(module), PerUnit)
        assert_exact(method_for(module), module, squares, rows, equal_weights(2, 2))


@both
def test_every_layer_of_a_unet_is_exact(method):
    """diffusers' own: convolutions with strided inputs, group norms, attention, up- and downsampling."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )

    def loss(module, rows):
        out = module(rows["x"], rows["t"]).sample
        return (out - rows["x"]).square().mean((1, 2, 3))

    rows = {"x": torch.randn(6, 1, 8, 8, generator=generator()), "t": torch.arange(6) * 100}
    assert isinstance(method_for(unet), BookKeeping)
    assert_exact(method(unet), unet, loss, rows, equal_weights(3, 2))


def opacus_norms(module, x):
    """[n] norms by Opacus' hooks."""
    hooked = GradSampleModule(module, loss_reduction="sum")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        squares(hooked, {"x": x}).sum().backward()
    found = {n: p.grad_sample for n, p in trainable(module).items()}
    hooked.to_standard_module()
    return norms_of(found)


def test_why_not_opacus_wrong_for_strided_convolutions():
    """Inputs laid out channels-last, as after attention: a norm too small lets a gradient through unclipped."""
    module = stirred(nn.Conv2d(4, 6, 3, padding=1))
    x = torch.randn(5, 4, 6, 6, generator=generator())
    rows, weights = {"x": x}, equal_weights(5, 1)
    right = norms_of(looped(module, squares, rows, weights))
    torch.testing.assert_close(opacus_norms(module, x), right, rtol=1e-5, atol=0)
    strided = x.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(norms_of(looped(module, squares, {"x": strided}, weights)), right)
    wrong = opacus_norms(module, strided)
    assert (wrong / right - 1).abs().max() > 0.01
    ours = method_for(module)(squares, {"x": strided}, weights)
    torch.testing.assert_close(ours.norms.double(), right, rtol=1e-5, atol=0)


@both
def test_opacus_is_right_for_linear_layers(method):
    module = stirred(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)))
    x = torch.randn(7, 6, generator=generator())
    ours = method(module)(squares, {"x": x}, equal_weights(7, 1))
    torch.testing.assert_close(ours.norms.double(), opacus_norms(module, x), rtol=1e-5, atol=0)


@settings(max_examples=40, deadline=None)
@given(
    inputs=st.integers(1, 9),
    width=st.integers(1, 9),
    depth=st.integers(0, 2),
    people=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    draws=st.integers(1, 4),
    mapped=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_units_of_several_rows_and_draws(inputs, width, depth, people, draws, mapped, seed):
    """The mean over a unit's rows and draws, whatever the shapes; padding adds nothing."""
    module = stirred(Heads(inputs, 3, width, depth), seed)
    numbers = np.repeat(np.arange(len(people)), people)
    x = torch.randn(len(numbers), inputs, generator=generator(seed))
    units = Units.of({"x": x}, numbers, 3)
    rows, weights = units.gather(torch.arange(len(people)), len(people) + 2, draws)
    noisy = {"x": rows["x"] + torch.randn(rows["x"].shape, generator=generator(seed))}
    method = PerUnit(module) if mapped else BookKeeping(module)
    assert_exact(method, module, squares, noisy, weights)
    each = looped(module, squares, noisy, weights)
    assert not norms_of(each)[len(people) :].any()
    mine = range(3 * draws) if people[0] == 3 else range(people[0] * draws)
    alone = {"x": noisy["x"][list(mine)]}
    mean = looped(module, squares, alone, equal_weights(1, len(mine)))
    torch.testing.assert_close(norms_of(each)[:1], norms_of(mean), rtol=1e-5, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(
    changed=st.integers(0, 4),
    mapped=st.booleans(),
    scale=st.sampled_from([0.0, 1.0, 1e6, 1e30, float("inf"), float("nan")]),
    seed=st.integers(0, 1000),
)
def test_a_units_rows_touch_nobody_elses_norm(changed, mapped, scale, seed):
    module = stirred(MaskedDenoiser(dict(LAYOUT.sizes), 6, 2, 0.0, [3]).heads)
    x = torch.randn(10, LAYOUT.width, generator=generator(seed))
    other = x.clone()
    other[2 * changed : 2 * changed + 2] = scale * torch.randn(2, LAYOUT.width)
    method = PerUnit(module) if mapped else BookKeeping(module)
    before, after = (method(squares, {"x": t}, equal_weights(5, 2)) for t in (x, other))
    others = torch.arange(5) != changed
    assert torch.equal(before.norms[others], after.norms[others])
    factors = others.float()
    sums = before.weighted_sum(factors), after.weighted_sum(factors)
    for name in sums[0]:
        torch.testing.assert_close(sums[0][name], sums[1][name], rtol=1e-5, atol=1e-5)


def mixed_up():
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_layers_that_mix_units_are_refused():
    with pytest.raises(ValueError, match="BatchNorm1d mixes"):
        method_for(mixed_up())
    with pytest.raises(ValueError, match="InstanceNorm2d"):
        method_for(nn.Sequential(nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2, affine=True)))


class Acted(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act, self.first, self.second = act, nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.second(self.act(self.first(x), x))


def in_place_output(h, x):
    return torch.relu_(h)


def in_place_later(h, x):
    return h.mul_(2.0)


def in_place_input(h, x):
    x += 1.0
    return h


@pytest.mark.parametrize("act", [in_place_output, in_place_later, in_place_input])
def test_what_is_changed_in_place_is_refused(act):
    """A gradient with respect to what is no longer there would be silently another one."""
    module = Acted(act)
    rows = {"x": torch.randn(4, 4)}
    with pytest.raises((ValueError, RuntimeError), match=r"in place|in-place"):
        BookKeeping(module)(squares, rows, equal_weights(4, 1))
    assert all(p.requires_grad for p in module.parameters())
    assert not any(layer._forward_hooks for layer in module.modules())


class SequenceFirst(nn.Module):
    def __init__(self, flat):
        super().__init__()
        self.flat, self.layer = flat, nn.Linear(4, 4)

    def forward(self, x):
        x = x.transpose(0, 1)
        if self.flat:
            return self.layer(x.reshape(-1, 4)).reshape(x.shape).transpose(0, 1)
        return self.layer(x).transpose(0, 1)


@pytest.mark.parametrize("flat", [True, False])
def test_rows_along_another_axis_are_refused(flat):
    """Reshaped by unit they would still fit, with positions of several units in each."""
    module = SequenceFirst(flat)
    rows = {"x": torch.randn(6, 12, 4, generator=generator())}
    with pytest.raises(ValueError, match="first axis"):
        BookKeeping(module)(squares, rows, equal_weights(6, 1))
    assert_exact(PerUnit(module), module, squares, rows, equal_weights(6, 1))


class SelfConditioned(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        with torch.no_grad():
            guess = self.layer(x)
        return self.layer(x + guess)


@both
def test_a_pass_without_gradient_has_none(method):
    module = stirred(SelfConditioned())
    rows = {"x": torch.randn(6, 4, generator=generator())}
    assert_exact(method(module), module, squares, rows, equal_weights(3, 2))


def test_modules_that_bookkeeping_cannot_own_are_mapped():
    tied = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    tied[1].weight = tied[0].weight
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nn.Sequential(nn.utils.weight_norm(nn.Linear(4, 4)))
    padded = nn.Sequential(nn.Embedding(4, 4, padding_idx=0))
    several = nn.TransformerEncoderLayer(8, 2, 8, batch_first=True)
    for module in (tied, normed, old, padded, several):
        assert isinstance(method_for(module), PerUnit)
    rows = {"x": torch.randn(4, 4, generator=generator())}
    assert_exact(PerUnit(tied), tied, squares, rows, equal_weights(4, 1))


@both
@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_gradient_that_is_not_finite_adds_nothing(method, value):
    module = stirred(Heads(5, 3, 6, 2))
    x = torch.randn(4, 5, generator=generator())
    x[2] = value
    found = method(module)(squares, {"x": x}, equal_weights(4, 1))
    assert not torch.isfinite(found.norms[2])
    factors = torch.tensor([1.0, 0.5, 0.0, 0.2])
    x[2] = 0.0
    without = method(module)(squares, {"x": x}, equal_weights(4, 1)).weighted_sum(factors)
    for name, total in found.weighted_sum(factors).items():
        torch.testing.assert_close(total, without[name])


@pytest.mark.parametrize(("d", "p", "m"), [(512, 512, 2), (512, 512, 8), (16, 16, 4), (8, 8, 40)])
@pytest.mark.parametrize("kind", ["constant", "normal"])
def test_norms_are_not_below_the_truth_where_draws_cancel(d, p, m, kind):
    """Gradients of one unit's draws that cancel almost: float32 loses what is left, and must round up."""
    g = generator()
    layer, units = nn.Linear(d, p), 64
    like = (
        torch.ones(units, 1, d + p)
        if kind == "constant"
        else torch.randn(units, 1, d + p, generator=g)
    )
    like = like * torch.rand(units, 1, 1, generator=g)
    sign = torch.randn(units, m, 1, generator=g)
    sign -= sign.mean(1, keepdim=True)
    near = 1 + 1e-6 * torch.randn(units, m, p, generator=g)
    rows = {
        "x": like[..., :d].expand(units, m, d).reshape(units * m, d),
        "g": (like[..., d:] * sign * near).reshape(units * m, p),
    }

    def loss(module, rows):
        return (module(rows["x"]) * rows["g"]).sum(1)

    weights = torch.ones(units, m)
    found = BookKeeping(layer)(loss, rows, weights).norms.double()
    a, h = (rows[k].double().reshape(units, m, -1) for k in "xg")
    truth = ((h.mT @ a).square().sum((1, 2)) + h.sum(1).square().sum(1)).sqrt()
    assert (found >= truth * (1 - 1e-6)).all()


@both
def test_tiny_numbers_are_not_squared_away(method):
    """1e-25² is 0 in float32; times a large input it would be a gradient of norm 0 that has one."""
    layer = nn.Linear(3, 2, bias=False)
    rows = {"x": torch.full((2, 3), 1e18), "g": torch.full((2, 2), 1e-24)}

    def loss(module, rows):
        return (module(rows["x"]) * rows["g"]).sum(1)

    found = method(layer)(loss, rows, equal_weights(2, 1)).norms
    assert (found >= norms_of(looped(layer, loss, rows, equal_weights(2, 1)))).all()
