"""The transform against convolutions written out, and what it promises: each image alone, of any size."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve

from generators.images import scattering
from generators.images.scattering import SIGMA, XI, Scattering, morlet


def pictures(n, shape, seed=0):
    height, width, channels = shape
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, channels, height, width, generator=generator)


def by_hand(image, angles):
    """Of one image [height, width]: mirrored far out, convolved in space by wavelets that repeat nowhere."""
    far, wide = 16, 12
    x = np.pad(image, far, mode="reflect")

    def wavelet(scale, k):
        turn = (angles // 2 - 1 - k) * np.pi / angles
        size = (2 * wide + 1,) * 2
        values = morlet(size, SIGMA * 2**scale, turn, XI / 2**scale, 4 / angles)
        return np.roll(values, (wide, wide), (0, 1))

    def seen(picture, kernel):
        real = convolve(picture, kernel.real, mode="reflect")
        return np.hypot(real, convolve(picture, kernel.imag, mode="reflect"))

    def thinned(picture, every):
        """Coarse moduli are looked at in every second pixel."""
        apart = np.arange(-wide, wide + 1, every)
        hill = np.exp(-(apart**2) / (2 * (2 * SIGMA) ** 2))
        blur = np.outer(hill, hill) / hill.sum() ** 2
        blurred = convolve(picture[::every, ::every], blur, mode="reflect")
        inside = slice(far // every, -far // every)
        return blurred[inside, inside][:: 4 // every, :: 4 // every]

    fine = [seen(x, wavelet(0, k)) for k in range(angles)]
    coarse = [seen(x, wavelet(1, k)) for k in range(angles)]
    twice = [seen(u, wavelet(1, k)) for u in fine for k in range(angles)]
    return np.stack(
        [*(thinned(u, 1) for u in (x, *fine)), *(thinned(u, 2) for u in coarse + twice)]
    )


@pytest.mark.parametrize("angles", [2, 4])
def test_it_is_what_convolutions_and_moduli_are(angles):
    """In the middle of an image, where it does not matter how far borders are mirrored."""
    (image,) = pictures(1, (44, 40, 1))
    found = Scattering((44, 40, 1), angles)(image[None])[0, 0].numpy()
    wanted = by_hand(image[0].numpy(), angles)
    assert found.shape == wanted.shape
    apart = np.abs(found - wanted)[:, 4:-4, 4:-4]
    assert apart.max() < 1e-4


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (7, 6, 1), (4, 5, 3), (1, 1, 1)])
def test_any_size_is_transformed(shape):
    transform = Scattering(shape, 2)
    maps = transform(pictures(3, shape))
    assert maps.shape == (3, shape[2], transform.paths, *transform.size)
    assert torch.isfinite(maps).all()
    assert transform(pictures(0, shape)).shape == (0, *maps.shape[1:])


def test_an_image_does_not_depend_on_those_beside_it(monkeypatch):
    monkeypatch.setattr(scattering, "IN_CACHE", 2)
    images, transform = pictures(5, (12, 12, 1)), Scattering((12, 12, 1), 2)
    other = images.clone()
    other[3] = 0
    found, theirs = transform(images), transform(other)
    kept = torch.arange(5) != 3
    assert torch.equal(found[kept], theirs[kept])
    assert not torch.equal(found[3], theirs[3])


def test_what_is_turned_is_seen_by_the_wavelet_that_is_turned():
    y, x = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    along, across = (((1 + torch.sin(1.8 * z)) / 2)[None, None] for z in (x, y))
    transform = Scattering((16, 16, 1), 4)
    stripes, turned = (transform(z)[0, 0, 1:5, 1:-1, 1:-1].mean((1, 2)) for z in (along, across))
    assert stripes.argmax() != turned.argmax()
    torch.testing.assert_close(stripes.sort().values, turned.sort().values, rtol=1e-3, atol=1e-4)
