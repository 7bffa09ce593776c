"""Cells: found without looking at an image, as many as the noise allows, at the price of one pass."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.images import cells, means, moments
from generators.images.moments import Basis, measure

BASIS, SPREAD, RHO = Basis((6, 5, 1), 3), 0.3, 1.0


def rings(n=400, seed=0):
    """Images of two classes, each of which is two heaps: no normal distribution looks like that."""
    rng = np.random.default_rng(seed)
    classes, side = rng.integers(0, 2, n), rng.choice([-1, 1], n)
    u = 0.02 * rng.standard_normal((n, BASIS.size))
    u[np.arange(n), 1 + classes] += 0.2 * side
    return (BASIS.decode(u) * 255).round().astype(np.uint8), classes, side


@pytest.fixture
def four(monkeypatch):
    """Four cells a class, whatever it bears."""
    monkeypatch.setattr(
        moments, "many_cells", lambda counts, edge: np.full(len(counts), 4, dtype=np.intp)
    )


def test_cells_are_as_many_as_the_noise_allows_and_none_where_one_class_bears_but_one():
    borne = cells.BORNE
    assert cells.many_cells(np.array([200.0, 900.0]), 100 * borne).tolist() == [2, 9]
    assert cells.many_cells(np.array([199.0, 900.0]), 100 * borne) is None
    assert cells.many_cells(np.array([1e9]), 1.0).tolist() == [cells.MOST]


def test_draws_fall_where_the_images_are(four):
    """Two heaps a class; one normal distribution would draw half of all images between them."""
    x, classes, _ = rings(4000)
    counts = np.bincount(classes).astype(float)
    found = measure(
        BASIS, x, np.arange(4000), classes, counts, SPREAD, 50.0, lambda question, draw: draw()
    )
    assert found.cells == 8
    drawn = found.draw(np.repeat([0, 1], 1000), torch.Generator().manual_seed(0))
    u = BASIS.encode(((drawn.permute(0, 2, 3, 1).numpy() + 1) * 127.5).round().astype(np.uint8))
    between = np.abs(u[np.arange(2000), 1 + np.repeat([0, 1], 1000)]) < 0.1
    assert between.mean() < 0.1


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), copies=st.integers(1, 4))
def test_a_unit_moves_every_answer_by_one_at_most(seed, copies):
    """Also where its rows fall into several cells; all else is answered as it was without it."""
    rng = np.random.default_rng(seed)
    x, classes, _ = rings(60, seed)
    extra = rng.integers(0, 256, (copies, *x.shape[1:])).astype(np.uint8)
    units = np.concatenate([np.arange(60), np.full(copies, 60)])
    both = np.concatenate([classes, rng.integers(0, 2, copies)])
    counts, sums, more = np.array([30.0, 30.0]), [], []

    def keep(question, draw):
        sums.append((question[0], np.array(draw())))
        return sums[-1][1]

    def replay(question, draw):
        more.append(np.array(draw()))
        return sums[len(more) - 1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            moments, "many_cells", lambda counts, edge: np.full(len(counts), 4, dtype=np.intp)
        )
        for module in (means, moments):
            patch.setattr(module, "noised", lambda total, sigma, form: total.ravel().tolist())
        measure(BASIS, x, np.arange(60), classes, counts, SPREAD, RHO, keep)
        measure(BASIS, np.concatenate([x, extra]), units, both, counts, SPREAD, RHO, replay)
    names = ["image centre", "image reach", "image means", "image products"]
    names += ["image cells", "cell means", "cell products"]
    assert [name for name, _ in sums] == names
    for (_, before), after in zip(sums, more, strict=True):
        assert np.linalg.norm(after - before) <= 1 + 1e-9


def test_all_answers_together_cost_what_two_do(four, monkeypatch):
    """The sum of 1/(2σ²) over the questions, each of sensitivity 1, is ρ."""
    x, classes, _ = rings()
    paid = []

    def noted(total, sigma, form):
        paid.append(sigma)
        return total.ravel().tolist()

    for module in (means, moments):
        monkeypatch.setattr(module, "noised", noted)
    counts = np.bincount(classes).astype(float)
    measure(BASIS, x, np.arange(400), classes, counts, SPREAD, RHO, lambda question, draw: draw())
    assert len(paid) == 7
    assert sum(1 / (2 * sigma**2) for sigma in paid) == pytest.approx(RHO)


def test_cells_follow_from_answers_alone(four):
    """Two sets of images that are answered alike leave the same moments."""
    answers = []

    def noted(question, draw):
        answers.append(draw())
        return answers[-1]

    x, classes, _ = rings()
    counts = np.array([200.0, 200.0])
    one = measure(BASIS, x, np.arange(400), classes, counts, SPREAD, RHO, noted)
    given_again = iter(answers)
    other = measure(
        BASIS, x[:7], np.arange(7), classes[:7], counts, SPREAD, RHO, lambda q, d: next(given_again)
    )
    for a, b in zip(vars(one).values(), vars(other).values(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_who_stands_beside_a_row_does_not_move_it():
    """Where two centres are as near as can be, too."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((4, 100))
    middle = centres[:2].mean(0) + 1e-16 * rng.standard_normal((300, 100))
    classes, of_class = np.zeros(300, dtype=np.int64), np.zeros(4, dtype=np.intp)
    together = cells.nearest(middle, classes, centres, of_class)
    alone = [cells.nearest(row[None], classes[:1], centres, of_class)[0] for row in middle]
    assert together.tolist() == alone


@pytest.mark.filterwarnings("error")
def test_images_that_are_all_alike_are_one_cell(four):
    x, classes = np.zeros((400, 6, 5, 1), dtype=np.uint8), np.arange(400) % 2
    counts = np.array([200.0, 200.0])
    found = measure(
        BASIS, x, np.arange(400), classes, counts, SPREAD, 10.0, lambda question, draw: draw()
    )
    assert found.cells == 2
