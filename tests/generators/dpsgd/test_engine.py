"""One step is: a Poisson sample, clipped exactly, noised to its bound, divided by a public number."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from generators.deep.networks import Heads
from generators.dpsgd.clipping import (
    CLIPPINGS,
    ROUNDED,
    BoundedAdaptive,
    DpsgdF,
    Flat,
    GlobalAdapt,
)
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import BookKeeping, PerUnit, method_for
from generators.dpsgd.plan import Performance, Plan
from generators.dpsgd.randomness import describe, secret_generator
from generators.dpsgd.units import Units

SILENT = 1e-9
"""A noise multiplier that nothing is seen of."""


def table(n, rows=1, inputs=6, seed=0, groups=None, scale=1.0):
    """``n`` units of so many rows."""
    x = scale * torch.randn(n * rows, inputs, generator=torch.Generator().manual_seed(seed))
    return Units.of({"x": x}, np.repeat(np.arange(n), rows), rows, groups)


def network(seed=0, inputs=6):
    torch.manual_seed(seed)
    module = Heads(inputs, 4, 8, 1)
    with torch.no_grad():
        for p in module.parameters():
            p.add_(0.3 * torch.randn(p.shape))
    return module


def squares(module, rows):
    return module(rows["x"]).square().sum(1)


def nothing(module, rows):
    return 0.0 * module(rows["x"]).sum(1)


def private(units, loss=squares, module=None, expected=None, **plan):
    module = network() if module is None else module
    plan = {"sampling_rate": 1.0, "steps": 10**6, "noise_multiplier": SILENT} | plan
    options = {k: plan.pop(k) for k in ("corrupt", "method", "n_groups") if k in plan}
    return PrivateGradient(module, loss, units, Plan(**plan), expected or len(units), **options)


def gradient(engine):
    engine()
    return torch.cat([p.grad.flatten().clone() for p in engine.module.parameters()])


def clipped_mean(units, loss=squares, clip=1.0):
    """The mean of clipped gradients, one unit after the other."""
    module, total = network(), 0.0
    for u in range(len(units)):
        rows = {k: v[units.start[u] : units.start[u + 1]] for k, v in units.rows.items()}
        each = torch.autograd.grad(loss(module, rows).mean(), list(module.parameters()))
        g = torch.cat([e.flatten() for e in each])
        total = total + g * min(1.0, clip * (1 - ROUNDED) / float(g.norm()))
    return total / len(units)


# sampling


def test_each_unit_is_sampled_with_probability_q_by_itself():
    units, q, runs = table(50), 0.3, 2000
    coins = secret_generator()
    taken = torch.zeros(runs, 50)
    for run in range(runs):
        taken[run, units.poisson(q, coins)] = 1
    spread = math.sqrt(q * (1 - q) / runs)
    assert (taken.mean(0) - q).abs().max() < 5 * spread
    together = (taken.T @ taken / runs - q * q).fill_diagonal_(0)
    assert together.abs().max() < 6 * math.sqrt(q**2 * (1 - q**2) / runs)
    sizes = taken.sum(1).numpy()
    assert (
        stats.kstest(
            sizes + np.random.default_rng(0).random(runs) - 0.5,
            stats.norm(50 * q, math.sqrt(50 * q * (1 - q) + 1 / 12)).cdf,
        ).pvalue
        > 1e-4
    )


def test_sampling_rates_of_one_and_next_to_nothing():
    units, coins = table(1000), secret_generator()
    assert torch.equal(units.poisson(1.0, coins), torch.arange(1000))
    assert len(units.poisson(1e-12, coins)) == 0


def test_two_engines_share_no_randomness():
    units = table(40)
    one, two = (private(units, nothing, noise_multiplier=1.0) for _ in range(2))
    states = [g.get_state() for e in (one, two) for g in (e.coins, e.noise, e.draws)]
    assert len({bytes(s.numpy()) for s in states}) == 6
    assert not torch.equal(gradient(one), gradient(two))


def test_the_whole_state_of_a_secret_generator_is_drawn():
    states = [
        secret_generator().get_state().numpy()[24 : 24 + 8 * 624].view(np.uint64) for _ in range(2)
    ]
    assert (states[0] != states[1]).mean() > 0.99
    assert max(s.max() for s in states) < 2**32
    numbers = torch.rand(100_000, generator=secret_generator(), dtype=torch.float64).numpy()
    assert stats.kstest(numbers, "uniform").pvalue > 1e-4
    assert "cpu" in describe("cpu")


# sums


def at_its_last_number():
    """A generator each of whose words is all ones, from which the farthest normal numbers come."""
    generator = torch.Generator()
    generator.manual_seed(0)
    torch.rand(1, generator=generator)  # its words are mixed anew before the first
    state = generator.get_state().numpy().copy()
    ones = 0x12DD9BB3  # what the Mersenne Twister tempers into 32 ones
    state[24 : 24 + 8 * 624] = np.full(624, ones, dtype=np.uint64).view(np.uint8)
    generator.set_state(torch.from_numpy(state))
    return generator


def test_noise_reaches_as_far_as_delta_asks_for():
    """Box and Muller on 24 bits end at 5.8 σ: what lies beyond would be there with one unit only."""
    engine = private(table(40), nothing, noise_multiplier=1.0)
    engine.noise = at_its_last_number()
    engine()
    for p in engine.module.parameters():
        assert p.grad.max() * 40 > 8


@pytest.mark.parametrize("physical", [1, 3, 7, 64])
@pytest.mark.parametrize("method", [BookKeeping, PerUnit])
def test_the_sum_is_exact_for_any_physical_batch(physical, method):
    units, module = table(20, rows=2), network()
    engine = private(units, module=module, method=method(module), performance=Performance(physical))
    torch.testing.assert_close(gradient(engine), clipped_mean(units), rtol=2e-5, atol=1e-6)


def test_units_count_once_whatever_rows_they_have():
    x = torch.randn(9, 6, generator=torch.Generator().manual_seed(1))
    units = Units.of({"x": x}, np.array([5, 5, 5, 5, 2, 7, 7, 9, 11]), 4)
    assert len(units) == 5
    engine = private(units, clipping=Flat(1e3))
    expected = clipped_mean(units, clip=1e3)
    torch.testing.assert_close(gradient(engine), expected, rtol=2e-5, atol=1e-5)


def test_a_unit_with_more_rows_than_the_schema_allows_is_refused():
    with pytest.raises(ValueError, match="more than 2"):
        Units.of({"x": torch.zeros(5, 1)}, np.array([0, 0, 0, 1, 1]), 2)


def test_the_divisor_is_public_whatever_was_sampled():
    units = table(30)
    whole = gradient(private(units, expected=30.0))
    torch.testing.assert_close(gradient(private(units, expected=60.0)), whole / 2)
    # half of the units sampled, and yet the same divisor q·N: sums of samples, over 15
    engine = private(units, sampling_rate=0.5)
    sizes, totals = [], []
    for _ in range(300):
        state = engine.coins.get_state()
        sizes.append(len(units.poisson(0.5, torch.Generator().set_state(state))))
        totals.append(gradient(engine))
    assert len(set(sizes)) > 5
    mean = torch.stack(totals).mean(0)
    assert (mean - whole).norm() < 0.15 * whole.norm()
    for expected in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="expected_units"):
            PrivateGradient(network(), squares, units, Plan(1.0, 1, 1.0), expected)


def jitter(rows, generator):
    return {"x": rows["x"] + 3 * torch.randn(rows["x"].shape, generator=generator)}


@pytest.mark.parametrize("draws", [1, 8])
@pytest.mark.parametrize("clipping", [kind(clip=0.5) for kind in CLIPPINGS.values()], ids=CLIPPINGS)
def test_draws_do_not_multiply_what_one_unit_can_do(draws, clipping):
    """One unit's whole contribution, of several rows and draws, stays within the bound."""
    engine = private(
        table(1, rows=3, scale=100.0), draws=draws, clipping=clipping, corrupt=jitter, expected=1.0
    )
    for _ in range(10):
        bound = clipping.bound(engine.state)
        found = gradient(engine)
        assert found.norm() <= bound
    assert found.norm() >= 0.4 * bound


@pytest.mark.parametrize("draws", [1, 4])
def test_bfloat16_obeys_the_bound_and_sums_in_float32(draws):
    """Norms of the gradients that are summed, not rounded with the passes."""
    options = {
        "draws": draws,
        "corrupt": jitter,
        "expected": 1.0,
        "performance": Performance(64, "bfloat16"),
    }
    for seed in range(20):
        engine = private(table(1, rows=2, seed=seed, scale=10.0), **options)
        found = gradient(engine)
        assert found.dtype == torch.float32
        assert 1 - 1e-3 < found.norm() <= 1 + 1e-6
        assert not torch.equal(found, found.bfloat16().float())
    full, low = (
        gradient(private(table(50), performance=Performance(64, p)))
        for p in ("float32", "bfloat16")
    )
    assert (full - low).norm() < 0.05 * full.norm()


def test_draws_that_cancel_are_bounded_in_bfloat16_too():
    """With autocast over the Gram matrices the norm here would be wrong by more than it is."""

    def loss(module, rows):
        return (module(rows["x"]) * rows["sign"]).sum(1)

    sign = torch.tensor([[1.0, 0.5, -1.0, 0.3], [-1.0, -0.498, 1.01, -0.3]])
    x = torch.tensor([1.0, 0.9, 1.1, 0.8, 1.0, 0.7]).expand(2, 6)
    units = Units.of({"x": 100 * x, "sign": sign}, np.zeros(2), 2)
    for precision in ("float32", "bfloat16"):
        module = nn.Linear(6, 4, bias=False)
        found = gradient(
            private(
                units,
                loss,
                module,
                expected=1.0,
                performance=Performance(64, precision),
                clipping=Flat(0.1),
            )
        )
        assert found.norm() <= 0.1 * (1 + 1e-6)


@pytest.mark.parametrize("kind", [BookKeeping, PerUnit])
def test_padding_adds_nothing_even_where_the_rows_it_repeats_are_not_finite(kind):
    x = torch.randn(5, 6)
    x[0] = torch.nan  # padding repeats the first unit
    units = Units.of({"x": x}, np.arange(5), 1)
    rows, weights = units.gather(torch.arange(1, 5), 9, 1)
    factors = torch.tensor([1.0] * 4 + [0.0] * 5)
    padded = kind(network())(squares, rows, weights).weighted_sum(factors)
    alone = kind(network())(squares, {"x": x[1:]}, torch.ones(4, 1)).weighted_sum(torch.ones(4))
    for name, total in alone.items():
        torch.testing.assert_close(padded[name], total)


def test_a_unit_that_is_not_finite_is_left_out():
    x = torch.randn(5, 6)
    x[2] = torch.inf
    others = Units.of({"x": x[[0, 1, 3, 4]]}, np.arange(4), 1)
    found = gradient(private(Units.of({"x": x}, np.arange(5), 1))) * 5
    torch.testing.assert_close(found, clipped_mean(others) * 4, rtol=2e-5, atol=1e-6)


def test_an_empty_sample_is_noise_alone():
    for units in (table(30), Units.of({"x": torch.zeros(0, 6)}, np.zeros(0), 1)):
        engine = private(units, sampling_rate=1e-9, noise_multiplier=2.0, expected=30.0)
        found = gradient(engine) * 30.0 * 1e-9
        assert 1.5 < found.std() < 2.5


def test_one_unit_more_moves_the_sum_by_no_more_than_the_bound():
    """Whatever its rows are; with the draws of the others as they were."""
    rng = np.random.default_rng(0)
    for scale in (1e-3, 1.0, 1e5, 1e25, math.inf):
        x = torch.randn(12, 6)
        x[-1] *= scale * (1 + rng.random())
        more, less = (Units.of({"x": x[:n]}, np.arange(n), 1) for n in (12, 11))
        sums = [gradient(private(u, expected=1.0)) for u in (more, less)]
        assert (sums[0] - sums[1]).norm() <= 1


def test_one_of_a_hundred_thousand_that_are_alike_moves_the_sum_by_no_more_than_the_bound():
    """A float32 sum of them would be rounded to a thousandth of the bound."""
    x = torch.full((100_000, 6), 3.0)
    more, less = (Units.of({"x": x[:n]}, np.arange(n), 1) for n in (100_000, 99_999))
    torch.manual_seed(0)
    module, sums = nn.Linear(6, 2), []
    for units in (more, less):
        totals, _ = private(units, module=module)._clipped_sums()
        sums.append(torch.cat([total.flatten() for total in totals.values()]))
    assert (sums[0] - sums[1]).norm() <= 1


# noise


def noise_of(clipping, q=0.25, sigma=3.0, expected=80.0, **options):
    engine = private(
        table(80),
        nothing,
        expected=expected,
        sampling_rate=q,
        noise_multiplier=sigma,
        clipping=clipping,
        **options,
    )
    before = engine.state.clone()
    return torch.cat([gradient(reset(engine, before)) for _ in range(40)]), engine


def reset(engine, state):
    engine.state = state.clone()
    return engine


@pytest.mark.parametrize("clipping", [kind(clip=0.7) for kind in CLIPPINGS.values()], ids=CLIPPINGS)
def test_noise_has_the_plans_multiplier_on_the_clippings_bound(clipping):
    found, engine = noise_of(clipping, n_groups=3)
    sigma = 3.0 / math.sqrt(1 - clipping.share)
    scale = sigma * clipping.bound(clipping.start(3)) / (0.25 * 80)
    assert stats.kstest(found.numpy() / scale, "norm").pvalue > 1e-4
    assert math.isclose(float(found.std()), scale, rel_tol=0.05)
    assert engine.taken == 40


@pytest.mark.parametrize("options", [{"draws": 16}, {"performance": Performance(3)}])
def test_draws_and_physical_batches_leave_the_noise_alone(options):
    found, _ = noise_of(Flat(1.0), **options)
    assert math.isclose(float(found.std()), 3.0 / 20, rel_tol=0.05)


def test_noise_follows_the_bound_of_a_group_that_nobody_was_sampled_of():
    clipping, units = DpsgdF(clip=1.0), table(10, groups=np.zeros(10, dtype=int))
    engine = private(units, nothing, clipping=clipping, n_groups=2, noise_multiplier=1.0)
    found = []
    for _ in range(40):
        engine.state = torch.tensor([0.0, 50.0, 100.0, 50.0], dtype=torch.float64)
        found.append(gradient(engine))
    bound = clipping.bound(torch.tensor([0.0, 50.0, 100.0, 50.0], dtype=torch.float64))
    assert bound > 2
    assert math.isclose(
        float(torch.cat(found).std()), engine.plan.gradient_multiplier * bound / 10, rel_tol=0.06
    )


@pytest.mark.parametrize(
    ("clipping", "exact"),
    [(BoundedAdaptive(rate=1.0), 50.0), (GlobalAdapt(rate=1.0), 0.0)],
)
def test_statistics_are_noised_with_their_share(clipping, exact):
    """The state moves by the log of a noised count; its spread is the multiplier's."""
    engine = private(table(100), nothing, clipping=clipping, noise_multiplier=2.0, expected=100.0)
    moves = []
    for _ in range(400):
        engine.state = clipping.start(1)
        engine()
        moves.append(math.log(float(engine.state[0]) / float(clipping.start(1)[0])))
    if isinstance(clipping, BoundedAdaptive):
        counts = -100 * (np.array(moves) + 0.5 - clipping.quantile)
    else:
        counts = 100 * (np.array(moves) + clipping.above)
        counts = counts[
            counts > 100 * (clipping.above - math.log(2)) + 1
        ]  # where Z ≥ C does not stop it
    spread = 2.0 / math.sqrt(clipping.share) * clipping.radius
    assert abs(counts.mean() - exact) < 5 * spread / 20
    assert math.isclose(counts.std(), spread, rel_tol=0.15)


def test_the_next_step_after_the_last_is_refused():
    engine = private(table(10), steps=3)
    for _ in range(3):
        engine()
    with pytest.raises(ValueError, match="not charged"):
        engine()
    again = private(table(10), steps=3)
    again.load_state_dict(engine.state_dict())
    with pytest.raises(ValueError, match="not charged"):
        again()


def test_a_step_that_failed_was_taken():
    """It may have shown something of the rows; only what comes after is still to be charged."""

    def broken(module, rows):
        raise RuntimeError("out of memory")

    engine = private(table(10), broken, steps=1)
    with pytest.raises(RuntimeError, match="memory"):
        engine()
    with pytest.raises(ValueError, match="not charged"):
        engine()


def test_performance_changes_no_event():
    plan = Plan(0.1, 5, 1.0, clipping=DpsgdF())
    other = dataclasses.replace(
        plan, performance=Performance(7, "bfloat16"), draws=9, clipping=Flat(3.0)
    )
    assert plan.event() == other.event()


# refusals


@pytest.mark.parametrize("physical", [0, 100_000])
def test_batches_of_nobody_or_too_many_are_refused(physical):
    with pytest.raises(ValueError, match="physical_batch must lie in"):
        Performance(physical)


def test_modules_that_mix_units_are_refused_whatever_the_method():
    module = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4))
    with pytest.raises(ValueError, match="mixes"):
        private(table(5), module=module, method=PerUnit(module))


def test_parameters_that_are_not_float32_are_refused():
    with pytest.raises(ValueError, match="float32"):
        private(table(5), module=network().bfloat16())


def test_products_rounded_to_less_than_float32_are_refused():
    engine, before = private(table(5)), torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high")
        with pytest.raises(ValueError, match="rounded"):
            engine()
    finally:
        torch.set_float32_matmul_precision(before)
    assert engine.taken == 0


@pytest.mark.parametrize("wrong", [2, -1])
def test_groups_beyond_the_public_number_are_refused(wrong):
    """A group of two would be counted as one of another count."""
    with pytest.raises(ValueError, match="n_groups"):
        private(table(5, groups=np.array([0, 1, wrong, 0, 1])), clipping=DpsgdF(), n_groups=2)


def test_parameters_that_get_no_gradient_get_noise_all_the_same():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Linear(6, 2), nn.Linear(6, 2)
            self.frozen = nn.Linear(6, 2).requires_grad_(False)

        def forward(self, x):
            return self.used(x) + self.frozen(x)

    for kind in (BookKeeping, PerUnit):
        module = Partly()
        engine = private(table(10), module=module, method=kind(module), noise_multiplier=1.0)
        engine()
        assert module.unused.weight.grad.abs().min() > 0
        assert module.frozen.weight.grad is None


# units


def test_shards_are_disjoint_and_complete():
    x = torch.arange(30.0)[:, None]
    numbers = np.sort(np.random.default_rng(0).integers(0, 11, 30))
    units = Units.of({"x": x}, numbers, 30, numbers % 3)
    shards = [units.shard(rank, 4) for rank in range(4)]
    assert sum(len(s) for s in shards) == len(units)
    rows = torch.cat([s.rows["x"] for s in shards]).flatten()
    assert sorted(rows.tolist()) == list(range(30))
    for shard in shards:
        for u in range(len(shard)):
            mine = shard.rows["x"][shard.start[u] : shard.start[u + 1]].flatten().long().numpy()
            assert len(set(numbers[mine])) == 1
            assert int(shard.groups[u]) == numbers[mine][0] % 3


def test_rows_of_one_draw_stand_together_and_weigh_the_same():
    units = Units.of({"x": torch.arange(5.0)[:, None]}, np.array([0, 0, 1, 2, 2]), 3)
    rows, weights = units.gather(torch.tensor([2, 1]), 4, 2)
    assert rows["x"].shape == (4 * 3 * 2, 1)
    x = rows["x"].reshape(4, 6)
    assert (weights[0] * x[0]).sum() == 3.5
    assert (weights[1] * x[1]).sum() == 2.0
    torch.testing.assert_close(weights.sum(1), torch.tensor([1.0, 1.0, 0.0, 0.0]))


def test_method_is_chosen_by_what_a_module_is_made_of():
    assert isinstance(method_for(network()), BookKeeping)
    assert isinstance(private(table(3)).method, BookKeeping)
    assert isinstance(method_for(nn.Conv1d(1, 1, 1)), PerUnit)
