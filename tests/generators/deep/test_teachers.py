"""Sensitivity one, bit by bit: also at a tie nobody's unit may turn the votes of other teachers."""

import numpy as np
import pytest
import torch

from generators.deep import teachers
from generators.deep.encoding import Layout
from generators.deep.teachers import Crossed, Teachers

UNITS, NUMBER, ASKED = 1000, 100, 100


def crossed(seed):
    rng = np.random.default_rng(seed)
    layout = Layout({f"c{i}": int(rng.integers(2, 9)) for i in range(6)})
    shares = np.concatenate([rng.dirichlet(np.ones(s)) for s in layout.sizes.values()])
    return Crossed(layout, torch.from_numpy(shares), rarity=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_one_unit_more_turns_one_vote_also_where_all_rows_are_alike(monkeypatch, seed):
    monkeypatch.setattr(teachers, "CELLS", ASKED * UNITS)  # one unit more cuts rows elsewhere
    kernel = crossed(seed)
    row = torch.tensor([[s - 1 for s in kernel.layout.sizes.values()]])

    def votes(units):
        found = Teachers(kernel, row.repeat(units, 1), np.arange(units), NUMBER)
        found.load_state_dict({"key": torch.arange(32, dtype=torch.uint8)})
        return found.votes(row.repeat(ASKED, 1), row.repeat(1600, 1))

    assert (votes(UNITS) != votes(UNITS + 1)).sum(1).max() <= 1


@pytest.mark.parametrize("seed", range(4))
def test_votes_are_counted_with_the_kernel(seed):
    kernel, rng = crossed(seed), np.random.default_rng(seed)
    sizes = kernel.layout.sizes
    x, y = (
        kernel.layout.to_codes({c: rng.integers(0, s, n) for c, s in sizes.items()})
        for n in (50, 70)
    )
    exact = kernel.exact(x, y)
    torch.testing.assert_close(exact.float(), kernel(x, y), rtol=1e-4, atol=1e-3)
    one_by_one = torch.cat([kernel.exact(x, y[i : i + 1]) for i in range(len(y))], 1)
    assert torch.equal(exact, one_by_one)
