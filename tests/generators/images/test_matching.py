"""What matching promises: its price, a distance of means alone, images that read as their class."""

import numpy as np
import pytest
import torch
from dp_accounting import NoOpDpEvent

from flows.audit.toy import PICTURES
from generators.images.coordinates import Coordinates
from generators.images.generator import Begun
from generators.images.matching import ImageMatching, features_event
from generators.images.means import class_means, shares, summed
from generators.images.moments import Basis, Moments
from generators.images.networks import FromMoments
from generators.images.refiner import Refiner
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee

CLAIM = Guarantee(4.0, 1e-6)
SHAPE = (8, 8, 1)


def refiner(classes=3):
    torch.manual_seed(0)
    return Refiner([*SHAPE], [classes], 8, 2, classes, 2, 5)


def test_its_event_is_moments_features_and_teacher_and_costs_the_guarantee():
    ready = ImageMatching(steps=20).calibrate(CLAIM, PICTURES, NoOpDpEvent())
    assert spent([ready.event()], CLAIM.delta).epsilon <= CLAIM.epsilon
    parts = ready.event().events
    assert features_event(ready.features_rho) in parts
    assert parts[-1] == ready.plan(ready.calibrated_noise).event()
    assert parts[-1].count == 20
    without = [e for e in parts if e != features_event(ready.features_rho)]
    assert spent(without, CLAIM.delta).epsilon < CLAIM.epsilon - 0.1


def test_shares_that_leave_the_teacher_nothing_are_refused():
    with pytest.raises(ValueError, match="must leave the teacher something"):
        ImageMatching(moments_share=0.6, features_share=0.4)


def test_a_unit_moves_the_sums_by_one_however_many_rows_it_has():
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((6, 10))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    units, classes = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 1, 0, 0, 2])
    whole = summed(vectors, shares(units), classes, 3)
    for unit in range(3):
        kept = units != unit
        rest = summed(vectors[kept], shares(units[kept]), classes[kept], 3)
        assert np.linalg.norm(whole - rest) <= 1 + 1e-12


def test_means_are_divided_by_what_was_paid_for_and_not_by_how_many_there_are():
    total, bands = np.ones((2, 4)) / 2, np.zeros(4, dtype=np.intp)

    def mean(counts):
        return class_means("f", total, counts, bands, 0.0 + 1e-9, lambda q, draw: draw())

    np.testing.assert_allclose(mean(np.array([5.0, 5.0])), 0.1, rtol=1e-6)
    np.testing.assert_allclose(mean(np.array([50.0, 50.0])), 0.01, rtol=1e-6)


def test_the_distance_is_of_means_alone():
    """Halves of a batch are independent: on average it is nothing where means agree, whatever the spread."""
    network, generator = refiner(2), ImageMatching(batch=16, anchor=0.0)
    basis = Basis(SHAPE, 2)
    moments = Moments(basis, np.zeros((2, 4)), 0.3 * np.stack([np.eye(4)] * 2), np.eye(2))
    begun = Begun([2], torch.zeros(0, 1), torch.zeros(0, 1), None, moments, np.ones(2))
    with torch.no_grad():
        draws = [
            network.features(moments.draw(np.full(4000, c), torch.Generator().manual_seed(c)))
            for c in (0, 1)
        ]
        right = torch.stack([d.mean(0) for d in draws])
        wrong = right + 0.2 * torch.nn.functional.normalize(torch.ones_like(right), dim=1)

        def mean(means):
            found = [
                generator._distance(network, begun, means, torch.Generator().manual_seed(t))
                for t in range(100)
            ]
            return torch.stack(found)

        near, far = mean(right), mean(wrong)
    assert abs(near.mean()) < 4 * near.std() / 10
    assert abs(far.mean() - 0.04) < 4 * far.std() / 10


def test_an_image_goes_to_a_row_of_the_class_that_it_reads_as(monkeypatch):
    """And where none was found in a few rounds, a row keeps what was drawn for it."""
    network, seen = refiner(3), []

    def two_of_three(images, classes):
        """Every second image reads as the class after its own; nothing reads as 2."""
        seen.append(len(images))
        return torch.arange(len(images)) % 2

    monkeypatch.setattr(network, "labels", two_of_three)
    codes = torch.tensor([[0], [1], [0], [2], [1], [0], [0]])
    images = network.draw(codes, torch.Generator().manual_seed(0))
    assert images.shape == (7, 1, 8, 8)
    assert seen[0] == 7
    assert seen[-1] == 1
    again = network.draw(codes, torch.Generator().manual_seed(0))
    assert torch.equal(images, again)


def test_images_read_as_their_class_where_the_teacher_can_tell():
    network = refiner(2)
    u = torch.zeros(2, 4, dtype=torch.float64)
    u[0, 0], u[1, 0] = -0.8, 0.8
    factors = 0.4 * torch.eye(4, dtype=torch.float64).repeat(2, 1, 1)
    network.means.copy_(u)
    network.factors.copy_(factors)
    codes = torch.arange(400)[:, None] % 2
    with torch.no_grad():
        drawn = network.drawn(codes, torch.Generator().manual_seed(3))
        network.look(Coordinates.of(network.features(drawn), 5))
        z = network.coordinates(network.features(drawn))
        apart = z[codes[:, 0] == 1].mean(0) - z[codes[:, 0] == 0].mean(0)
        network.teacher.head.weight.copy_(torch.stack([-apart, apart]))
    images = network.draw(codes, torch.Generator().manual_seed(0))
    assert (network.labels(images, codes[:, 0]) == codes[:, 0]).float().mean() > 0.95


def test_made_images_read_as_each_class_as_often_as_they_were_made_for_it():
    """Also where the teacher sees nearly all of them as one."""
    network = refiner(3)
    network.means[:, 1:] = 0.5 * torch.eye(3, dtype=torch.float64)
    network.factors.copy_(0.2 * torch.eye(4, dtype=torch.float64).repeat(3, 1, 1))
    codes = torch.multinomial(torch.tensor([0.2, 0.7, 0.1]), 3000, replacement=True)[:, None]
    with torch.no_grad():
        drawn = network.drawn(codes, torch.Generator().manual_seed(3))
        network.look(Coordinates.of(network.features(drawn), 5))
        z = network.coordinates(network.features(drawn))
        for c in range(3):
            network.teacher.head.weight[c] = 9 * z[codes[:, 0] == c].mean(0)
        network.teacher.head.weight[0, -1] += 20.0  # the constant's
    images = FromMoments.draw(network, codes, torch.Generator().manual_seed(4))

    def shares(read):
        return read.softmax(1).mean(0).numpy()

    assert shares(network.logits(images))[0] > 0.6
    network.settle(codes, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        shares(network.logits(images) + network.bias), [0.2, 0.7, 0.1], atol=0.03
    )


def test_images_of_classes_that_the_teacher_cannot_tell_apart_stay_what_they_were_drawn_for():
    """It tells 0 from 1, and 2 and 3, which look alike, from these alone."""
    network = refiner(4)
    network.means.copy_(0.5 * torch.eye(4, dtype=torch.float64)[[1, 2, 3, 3]])
    network.factors.copy_(0.1 * torch.eye(4, dtype=torch.float64).repeat(4, 1, 1))
    codes = torch.arange(2000)[:, None] % 4
    with torch.no_grad():
        drawn = network.drawn(codes, torch.Generator().manual_seed(3))
        network.look(Coordinates.of(network.features(drawn), 5))
        z = network.coordinates(network.features(drawn))
        alike = [codes[:, 0] == 0, codes[:, 0] == 1, codes[:, 0] > 1, codes[:, 0] > 1]
        heads = 20 * torch.stack([z[rows].mean(0) for rows in alike])
        heads[3] += torch.randn(len(heads[3]), generator=torch.Generator().manual_seed(5))
        network.teacher.head.weight.copy_(heads)
    network.settle(codes, torch.Generator().manual_seed(0))
    assert network.apart.tolist() == [True, True, False, True]  # 3 is unlike what is left
    images = FromMoments.draw(network, codes, torch.Generator().manual_seed(4))
    classes = codes[:, 0]
    label, stays = network.labels(images, classes), classes == 2
    assert torch.equal(label[stays], classes[stays])
    read = (network.logits(images) + network.bias)[:, [0, 1, 3]].argmax(1)
    assert torch.equal(label[~stays], torch.tensor([0, 1, 3])[read[~stays]])
