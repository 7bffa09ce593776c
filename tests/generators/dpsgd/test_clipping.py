"""A unit's clipped gradient stays within the bound that noise is drawn for, whatever its rows are."""

import dataclasses
import inspect
import math

import pytest
import torch
from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from hypothesis import example, given
from hypothesis import strategies as st

from generators.dpsgd.clipping import (
    CLIPPINGS,
    ROUNDED,
    BoundedAdaptive,
    DpsgdF,
    Flat,
    GlobalAdapt,
)
from generators.dpsgd.plan import Plan

GROUPS = 4

clippings = st.builds(
    lambda kind, clip: kind(clip=clip),
    st.sampled_from(list(CLIPPINGS.values())),
    st.sampled_from([1e-3, 0.2, 1.0, 50.0]),
)
# float32 squares end at 3.4e38: a larger norm arrives as infinite
norms = st.lists(
    st.one_of(st.floats(0, 2.0**63, width=32), st.just(math.inf)), min_size=1, max_size=20
)
answers = st.lists(st.floats(-1e5, 1e5), max_size=6)


def reached(clipping, noisy, expected=10.0):
    """The state after these noised statistics, each the sum of a step."""
    state = clipping.start(GROUPS)
    width = clipping.statistics(state, torch.zeros(1), torch.zeros(1, dtype=torch.int64)).shape[1]
    for value in noisy:
        spread = torch.linspace(-1, 1, max(width, 1), dtype=torch.float32)[:width]
        state = clipping.update(state, value * spread, expected)
    return state


@given(clipping=clippings, noisy=answers, norms=norms, data=st.data())
@example(clipping=GlobalAdapt(), noisy=[1e5] * 6, norms=[1.8e19], data=None)
def test_clipped_gradients_are_within_the_bound(clipping, noisy, norms, data):
    state, given_norms = reached(clipping, noisy), torch.tensor(norms, dtype=torch.float32)
    if data is None:
        groups = torch.zeros(len(norms), dtype=torch.int64)
    else:
        groups = torch.tensor(
            data.draw(
                st.lists(st.integers(0, GROUPS - 1), min_size=len(norms), max_size=len(norms))
            )
        )
    factors = clipping.factors(state, given_norms, groups)
    finite = torch.isfinite(given_norms)
    assert (factors >= 0).all()
    assert not factors[~finite].any()
    clipped = (factors.double() * given_norms.double())[finite]
    assert (clipped <= clipping.bound(state)).all()
    assert 0 < clipping.bound(state) < math.inf


@given(clipping=clippings, noisy=answers, norms=norms, group=st.integers(0, GROUPS - 1))
def test_statistics_are_within_their_radius(clipping, noisy, norms, group):
    state, groups = reached(clipping, noisy), torch.full((len(norms),), group)
    found = clipping.statistics(state, torch.tensor(norms), groups)
    assert (found.norm(dim=1) <= clipping.radius).all()
    assert torch.isfinite(found).all()


@given(clipping=clippings, noisy=answers)
def test_the_bound_is_the_largest_over_all_groups_also_empty_ones(clipping, noisy):
    """Groups nobody was sampled of count: otherwise the noise would tell who was there."""
    state = reached(clipping, noisy)
    huge = torch.full((GROUPS,), 1e10)
    clipped = clipping.factors(state, huge, torch.arange(GROUPS)) * huge
    assert clipped.max() <= clipping.bound(state) * (1 + 1e-6)
    assert clipped.max() >= clipping.bound(state) * (1 - 1e-3)
    assert list(inspect.signature(clipping.bound).parameters) == ["state"]


@given(
    kind=st.sampled_from(list(CLIPPINGS.values())),
    sigma=st.floats(0.1, 1e4),
    q=st.floats(1e-4, 1),
    steps=st.integers(1, 1000),
)
def test_gradient_and_statistics_together_cost_one_gaussian(kind, sigma, q, steps):
    plan = Plan(q, steps, sigma, clipping=kind())
    precision = plan.gradient_multiplier**-2
    if plan.clipping.share:
        precision += plan.statistics_multiplier**-2
    else:
        assert plan.clipping.radius == 0
    assert math.isclose(precision, sigma**-2, rel_tol=1e-12)
    one = PoissonSampledDpEvent(q, GaussianDpEvent(sigma))
    assert plan.event() == SelfComposedDpEvent(one, steps)


@pytest.mark.parametrize("kind", CLIPPINGS.values(), ids=CLIPPINGS)
def test_states_follow_from_noised_numbers_alone(kind):
    """``update`` is told the state, noised sums and q·N: it has no other way to know a sample or its size."""
    assert list(inspect.signature(kind().update).parameters) == ["state", "noisy", "expected"]
    clipping = kind()
    assert torch.equal(reached(clipping, [3.0, -2.0, 9.0]), reached(clipping, [3.0, -2.0, 9.0]))
    for field in dataclasses.fields(clipping):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(clipping, field.name, 1.0)


@given(noisy=st.floats(-1e4, 1e4), expected=st.floats(1.0, 1e6))
def test_quantiles_divide_by_the_public_expected_batch(noisy, expected):
    clipping = BoundedAdaptive(clip=1.0, lower=0.1, quantile=0.5, rate=0.2)
    state = clipping.update(clipping.start(1), torch.tensor([noisy]), expected)
    step = math.exp(min(max(-0.2 * noisy / expected, -50), 50))
    assert math.isclose(float(state[0]), min(max(step, 0.1), 1e6), rel_tol=1e-4)


@given(
    clipping=clippings,
    noisy=st.lists(st.sampled_from([-1e30, -50.0, 0.0, 50.0, 1e30]), max_size=30),
)
def test_states_stay_within_limits(clipping, noisy):
    state = reached(clipping, noisy, 1.0)
    assert torch.isfinite(state).all()
    match clipping:
        case Flat():
            assert clipping.bound(state) == clipping.clip
        case BoundedAdaptive():
            assert clipping.lower <= clipping.bound(state) <= 1e6
        case DpsgdF():
            assert (
                clipping.clip
                <= clipping.bound(state)
                <= clipping.clip * (1 + clipping.ratio) * 1.000001
            )
        case GlobalAdapt():
            assert clipping.bound(state) == clipping.clip
            assert float(state[0]) >= clipping.clip


def test_bounded_adaptive_finds_the_quantile_and_not_less_than_its_limit():
    clipping, generator = BoundedAdaptive(clip=1.0, lower=0.1), torch.Generator().manual_seed(0)
    for scale, found in ((3.0, 3.0), (0.01, 0.1)):
        state = clipping.start(1)
        for _ in range(200):
            norms = scale * torch.exp(torch.randn(500, generator=generator))
            total = clipping.statistics(state, norms, torch.zeros(500)).sum(0)
            state = clipping.update(state, total, 500.0)
        assert math.isclose(clipping.bound(state), found, rel_tol=0.2)


def test_dpsgd_f_gives_more_to_the_group_that_is_clipped_more():
    clipping = DpsgdF(clip=1.0)
    state = clipping.start(2)
    norms = torch.cat([torch.full((90,), 0.5), torch.full((10,), 5.0)])
    groups = torch.cat([torch.zeros(90), torch.ones(10)]).long()
    state = clipping.update(state, clipping.statistics(state, norms, groups).sum(0), 100.0)
    low, high = clipping.bounds(state).tolist()
    assert low == 1.0
    assert high == 1.0 + clipping.ratio  # ten times the overall rate, but limited
    assert clipping.bound(state) == high


def test_global_adapt_keeps_proportions_of_small_gradients():
    clipping = GlobalAdapt(clip=1.0)
    state = clipping.start(1)
    norms = torch.tensor([0.1, 0.4, 1.6, 100.0])
    clipped = clipping.factors(state, norms, torch.zeros(4, dtype=torch.int64)) * norms
    torch.testing.assert_close(
        clipped, torch.tensor([0.05, 0.2, 0.8, 1 - ROUNDED]), rtol=2e-5, atol=0
    )


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Flat, {"clip": 0.0}),
        (Flat, {"clip": math.inf}),
        (Flat, {"clip": math.nan}),
        (BoundedAdaptive, {"share": 0.0}),
        (BoundedAdaptive, {"share": 1.0}),
        (BoundedAdaptive, {"lower": 0.0}),
        (DpsgdF, {"share": 0.0}),
        (DpsgdF, {"ratio": -1.0}),
        (GlobalAdapt, {"share": 0.0}),
        (GlobalAdapt, {"clip": -1.0}),
    ],
)
def test_parameters_that_bound_nothing_are_refused(kind, wrong):
    """A share of 0 would give statistics without noise."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(**wrong)


@pytest.mark.parametrize("kind", CLIPPINGS.values(), ids=CLIPPINGS)
def test_radius_is_not_for_a_config_to_say(kind):
    with pytest.raises(TypeError):
        kind(radius=0.01)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan, math.inf])
def test_a_plan_without_noise_is_refused(sigma):
    with pytest.raises(ValueError, match="noise_multiplier"):
        Plan(0.1, 1, sigma)


@pytest.mark.parametrize(
    "wrong", [{"sampling_rate": 0.0}, {"sampling_rate": 1.1}, {"steps": 0}, {"draws": 0}]
)
def test_plans_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Plan(**{"sampling_rate": 0.1, "steps": 1, "noise_multiplier": 1.0} | wrong)
