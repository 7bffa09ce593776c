"""Masks ignore the rows, what is given stays given, and a network that knows the truth is sampled truly."""

import numpy as np
import pytest
import torch

from generators.deep.diffusion import MaskedDenoiser, denoising_loss, mask
from generators.deep.encoding import Layout

SIZES = {"ill": 2, "sex": 2, "ward": 3, "age": 5}
CONDITIONS = [0, 1]


def denoiser(guidance=0.0, depth=0):
    torch.manual_seed(0)
    return MaskedDenoiser(SIZES, width=8, depth=depth, guidance=guidance, conditions=CONDITIONS)


def codes(n, seed=0):
    rng = np.random.default_rng(seed)
    return Layout(SIZES).to_codes({c: rng.integers(0, w, n) for c, w in SIZES.items()})


def masked(rows, drop=0.1, seed=5):
    generator = torch.Generator().manual_seed(seed)
    return mask(Layout(SIZES), CONDITIONS, drop, {"codes": rows}, generator)


def test_masks_do_not_look_at_rows():
    hidden = [masked(codes(1000, seed))["masked"] == Layout(SIZES).widest for seed in (0, 1)]
    assert torch.equal(*hidden)


def test_conditions_are_dropped_together_and_others_masked_at_every_rate():
    hidden = masked(codes(20_000))["masked"] == Layout(SIZES).widest
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    assert hidden[:, 0].float().mean() == pytest.approx(0.1, abs=0.01)
    rest = hidden[:, 2:].float().mean(1)
    assert rest.mean() == pytest.approx(0.4, abs=0.02)  # times 0, 1/5, … 4/5
    assert {0.0, 0.5, 1.0} <= set(rest.tolist())


def test_the_loss_of_a_row_ignores_other_rows_and_what_is_not_masked():
    network, rows = denoiser(), masked(codes(50))
    losses = denoising_loss(network.layout, CONDITIONS, network, rows)
    alone = {k: v[7:8] for k, v in rows.items()}
    torch.testing.assert_close(
        losses[7:8], denoising_loss(network.layout, CONDITIONS, network, alone)
    )
    seen = {"codes": rows["codes"], "masked": rows["codes"]}
    assert denoising_loss(network.layout, CONDITIONS, network, seen).eq(0).all()


@pytest.mark.parametrize("guidance", [0.0, 0.5])
def test_what_is_given_stays_and_the_rest_is_in_range(guidance):
    network, rows = denoiser(guidance, depth=1), codes(500)
    with torch.no_grad():
        found = network.complete(rows, CONDITIONS, torch.Generator().manual_seed(1))
        again = network.complete(rows, CONDITIONS, torch.Generator().manual_seed(1))
    assert torch.equal(found, again)
    assert torch.equal(found[:, CONDITIONS], rows[:, CONDITIONS])
    assert (found < torch.tensor(list(SIZES.values()))).all()
    assert (found >= 0).all()


def test_a_network_that_knows_the_truth_gives_it_back():
    """ward depends on ill and age on ward; the scheduler's order and temperature must not bend that."""
    network = denoiser()
    part = network.layout.slices()
    ward = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    with torch.no_grad():
        linear = network.heads.linear
        linear.weight[part["ward"], part["ill"]] = ward.log().T
        age = torch.full((5,), 0.2).log()
        linear.bias[part["age"]] = age
        found = network.complete(codes(60_000), CONDITIONS, torch.Generator().manual_seed(2))
    for ill in (0, 1):
        drawn = found[found[:, 0] == ill]
        shares = torch.bincount(drawn[:, 2], minlength=3) / len(drawn)
        torch.testing.assert_close(shares, ward[ill], atol=0.01, rtol=0)
        ages = torch.bincount(drawn[:, 3], minlength=5) / len(drawn)
        torch.testing.assert_close(ages, torch.full((5,), 0.2), atol=0.01, rtol=0)


def test_nothing_to_complete_is_nothing_done():
    rows = codes(3)
    assert torch.equal(denoiser().complete(rows, [0, 1, 2, 3], torch.Generator()), rows)
