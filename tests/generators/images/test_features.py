"""Features are bounded and each image's own; coordinates come from draws alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from generators.images.coordinates import Coordinates
from generators.images.features import Features
from generators.images.scattering import Scattering

LOOK = Features(Scattering((8, 8, 1), 2))


@settings(max_examples=20, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 3), st.just(1), st.just(8), st.just(8))))
def test_no_image_has_a_norm_above_one(pixels):
    """Black, white, noise: the sum over people moves by one at most."""
    found = LOOK.of_bytes(torch.from_numpy(pixels))
    assert found.shape == (len(pixels), LOOK.size) == (len(pixels), len(LOOK.bands))
    assert np.linalg.norm(found.double().numpy(), axis=1).max() <= 1


def test_an_image_does_not_depend_on_those_beside_it():
    """A mean or a deviation over a batch would let one unit move the others."""
    images = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    other = images.clone()
    other[2] = 1
    kept = torch.arange(6) != 2
    assert torch.equal(LOOK(images)[kept], LOOK(other)[kept])


def test_one_image_less_moves_no_other_though_all_stand_elsewhere():
    pixels = torch.randint(256, (21, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    pixels = pixels.to(torch.uint8)
    assert torch.equal(LOOK.of_bytes(pixels)[1:], LOOK.of_bytes(pixels[1:]))


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_flat_image_is_not_moved_by_how_many_stand_beside_it(threads):
    """What rounding leaves of it depends on the batch, and once came out as large as an image."""
    look, before = Features(Scattering((28, 28, 1), 4)), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for value in range(0, 256, 12):
            flat = torch.full((17, 1, 28, 28), value, dtype=torch.uint8)
            whole, alone = look.of_bytes(flat), look.of_bytes(flat[:1])
            assert (whole - alone).norm(dim=1).max() < 1e-6
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("value", [-1.0, 0.0, 1.0])
def test_a_flat_image_has_features_and_a_gradient(value):
    image = torch.full((2, 1, 8, 8), value, requires_grad=True)
    found = LOOK(image)
    found.square().sum().backward()
    assert torch.isfinite(found).all()
    assert torch.isfinite(image.grad).all()


def test_faint_maps_say_as_much_as_loud_ones():
    """Each order and scale has the same share of the norm."""
    images = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    maps = LOOK(images).reshape(4, LOOK.scattering.paths, -1)
    groups = torch.split(maps, [1, 2, 2, 4], dim=1)
    shares = torch.stack([g.square().sum((1, 2)) / g[0].numel() for g in groups])
    torch.testing.assert_close(shares, shares[:1].expand(4, -1), rtol=0.1, atol=0)


def test_coordinates_have_norm_one_at_most_and_repeat():
    draws = torch.randn(50, 30, generator=torch.Generator().manual_seed(0))
    coordinates, again = (Coordinates.of(draws, 8) for _ in range(2))
    z = coordinates(10 * torch.randn(200, 30, generator=torch.Generator().manual_seed(1)))
    assert z.shape == (200, 9)
    assert z.double().norm(dim=1).max() <= 1 + 1e-6
    assert torch.equal(coordinates.directions, again.directions)


def test_long_directions_are_shortened_and_more_than_there_are_stay_empty():
    scale = torch.tensor([100.0, 1.0, 0.0])
    draws = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)) * scale
    coordinates = Coordinates.of(draws, 5)
    z = coordinates(draws)[:, :5]
    assert z.shape == (400, 5)
    assert (z[:, 2:] == 0).all()
    spread = z[:, :2].std(0)
    assert 5 < spread[0] / spread[1] < 15
