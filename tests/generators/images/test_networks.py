"""The networks that draw images: exact gradients, shapes, and draws that repeat."""

import pytest
import torch
from torch import nn

from generators.dpsgd.gradients import BookKeeping, PerUnit, method_for
from generators.images import gan
from generators.images.diffusion import corrupt, denoising_loss
from generators.images.gan import ImageCritic, on_fake, on_real
from generators.images.networks import ImageDenoiser, untold_codes
from generators.images.refiner import Refiner, smooth
from generators.images.teacher import Teacher, reading_loss
from tests.generators.dpsgd.test_gradients import assert_exact, equal_weights, stirred

SIZES = [3, 2]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def denoiser(shape=(7, 6, 1), sampler="ode", guidance=0.0, sizes=SIZES):
    torch.manual_seed(0)
    # two channels a group: with one, norms undo what conditions add
    cells = sizes[0] if sizes else 1
    return ImageDenoiser(list(shape), sizes, [16, 16], 1, 2, guidance, sampler, 3, 1.0, 2, cells)


def pixels(n, shape=(1, 7, 6)):
    return torch.randint(0, 256, (n, *shape), generator=seeded(1), dtype=torch.uint8)


def told(n):
    return torch.stack([torch.arange(n) % s for s in SIZES], 1)


@pytest.mark.parametrize("shape", [(7, 6, 1), (8, 8, 3)])
def test_every_parameter_of_the_denoiser_gets_its_exact_gradient(shape):
    """Convolutions, norms, attention, up and down, the conditions' embeddings; K draws a unit."""
    network = stirred(denoiser(shape))
    rows = {"pixels": pixels(6, (shape[2], *shape[:2])), "told": told(6)}
    noisy = corrupt(SIZES, 0.3, rows, seeded())
    assert isinstance(method_for(network), BookKeeping)
    assert_exact(method_for(network), network, denoising_loss, noisy, equal_weights(2, 3))


@pytest.mark.parametrize("method", [BookKeeping, PerUnit])
@pytest.mark.parametrize("loss", [on_real, on_fake])
def test_every_parameter_of_the_critic_gets_its_exact_gradient(method, loss):
    torch.manual_seed(0)
    critic = ImageCritic(3, SIZES, 4)
    images = torch.rand(6, 3, 8, 8, generator=seeded()) * 2 - 1
    rows = {"pixels": pixels(6, (3, 8, 8)), "images": images, "told": told(6)}
    assert isinstance(method_for(critic), BookKeeping)
    assert_exact(method(critic), critic, loss, rows, equal_weights(3, 2))


def test_every_parameter_of_the_teacher_gets_its_exact_gradient():
    """A linear model, weighted by class, whose norm is a product."""
    torch.manual_seed(0)
    teacher = stirred(Teacher(5, 3))
    rows = {
        "seen": torch.randn(6, 5, generator=seeded()),
        "label": torch.arange(6) % 3,
        "weight": torch.rand(6, generator=seeded(1)),
    }
    assert isinstance(method_for(teacher), BookKeeping)
    assert_exact(method_for(teacher), teacher, reading_loss, rows, equal_weights(3, 2))


@pytest.mark.parametrize("sampler", ["ode", "sde"])
@pytest.mark.parametrize("guidance", [0.0, 1.0])
def test_draws_are_bytes_of_the_shape_and_repeat(sampler, guidance):
    network = stirred(denoiser(sampler=sampler, guidance=guidance)).eval()
    first = network.draw(told(5), seeded(3))
    assert first.shape == (5, 1, 7, 6)
    assert first.dtype == torch.uint8
    assert torch.equal(first, network.draw(told(5), seeded(3)))
    assert not torch.equal(first, network.draw(told(5), seeded(4)))
    assert network.draw(told(0), seeded()).shape == (0, 1, 7, 6)


def test_guidance_moves_images_and_conditions_are_heard():
    network = stirred(denoiser()).eval()
    x, level = torch.rand(4, 1, 7, 6, generator=seeded()), torch.zeros(4)
    with torch.no_grad():
        heard = network(x, level, told(4))
        untold = network(x, level, untold_codes(told(4), SIZES))
        network.guidance = 2.0
        guided = network._guided(x, level, told(4))
    assert (heard - untold).abs().max() > 1e-3
    torch.testing.assert_close(guided, 3 * heard - 2 * untold)


def test_a_denoiser_without_conditions_draws_too():
    network = stirred(denoiser(sizes=[])).eval()
    assert network.draw(torch.zeros(3, 0, dtype=torch.int64), seeded()).shape == (3, 1, 7, 6)


def test_a_network_is_built_again_from_its_description():
    refiners = (Refiner([7, 6, 1], SIZES, 8, 2, 3, 2, 5), gan.Refiner([7, 6, 1], SIZES, 8, 2, 3))
    for network in (denoiser(), *refiners):
        again = type(network)(**network.describe())
        again.load_state_dict(stirred(network).state_dict())
        mine, other = (n.eval().draw(told(3), seeded(1)) for n in (network, again))
        assert torch.equal(mine, other)


def test_a_refiner_begins_as_the_identity_on_draws():
    network = Refiner([7, 6, 1], SIZES, 8, 2, 3, 2, 5)
    drawn = torch.rand(4, 1, 7, 6, generator=seeded()) * 2 - 1
    noise = torch.randn(4, 1, 7, 6, generator=seeded(1))
    assert torch.equal(network(drawn, noise), drawn)


def test_what_a_refiner_adds_has_no_grid():
    grid = (torch.arange(6)[:, None] + torch.arange(7)) % 2 * 2.0 - 1
    assert smooth(grid[None, None])[..., 1:-1, 1:-1].abs().max() == 0
    assert torch.equal(smooth(torch.ones(2, 3, 5, 4)), torch.ones(2, 3, 5, 4))


def test_noise_of_one_image_does_not_depend_on_the_others():
    """Row i's draws are those of the i-th place, whatever stands in other places."""
    rows = {"pixels": pixels(5), "told": told(5)}
    other = {"pixels": rows["pixels"].clone(), "told": rows["told"].clone()}
    other["pixels"][2], other["told"][2] = 0, 1
    mine, theirs = (corrupt(SIZES, 0.5, r, seeded(7)) for r in (rows, other))
    kept = torch.arange(5) != 2
    for name in mine:
        assert torch.equal(mine[name][kept], theirs[name][kept]), name


def test_what_an_image_meets_does_not_follow_from_its_place():
    """Levels in turn, or one of each kind in a batch, would change when a unit moves the others."""
    n = 20_000
    rows = {"pixels": torch.zeros(n, 1, 1, 1, dtype=torch.uint8), "told": told(n)}
    met = corrupt(SIZES, 0.5, rows, seeded())
    withheld = (met["told"] == torch.tensor(SIZES)).all(1).double()
    for drawn in (met["sigma"].log().double(), withheld):
        place = torch.arange(n, dtype=torch.float64)
        beside = torch.stack([drawn[1:], drawn[:-1], place[1:]])
        assert (torch.corrcoef(beside) - torch.eye(3)).abs().max() < 0.05


def test_the_loss_of_a_perfect_denoiser_is_nothing():
    class Perfect(nn.Module):
        def forward(self, x, level, codes):
            # F that turns into the clean image under the preconditioning
            sigma = (4 * level).exp()[:, None, None, None]
            skip = 0.25 / (sigma**2 + 0.25)
            return (self.clean - skip * self.noisy) / (sigma * 0.5 / (sigma**2 + 0.25).sqrt())

    rows = corrupt(SIZES, 0.0, {"pixels": pixels(4), "told": told(4)}, seeded())
    module = Perfect()
    module.clean, module.noisy = rows["clean"], rows["noisy"]
    torch.testing.assert_close(denoising_loss(module, rows), torch.zeros(4), atol=1e-8, rtol=0)
    module.clean = torch.zeros_like(rows["clean"])
    assert (denoising_loss(module, rows) > 1e-3).all()
