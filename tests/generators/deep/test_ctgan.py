"""Only the critic learns from rows; fakes, the generator and whose turn it is follow from public numbers."""

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from dp_accounting import NoOpDpEvent

from generators.deep.adversaries import PairCritic, RowGenerator
from generators.deep.ctgan import Ctgan, on_fake, on_real
from generators.deep.encoding import Layout
from generators.dpsgd import checkpoint
from generators.dpsgd.adversarial import Turns, add_fake_gradient
from generators.dpsgd.engine import PrivateGradient
from generators.dpsgd.gradients import BookKeeping
from generators.dpsgd.plan import Plan
from generators.dpsgd.units import Units
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

SIZES = {"ill": 2, "sex": 2, "ward": 3, "age": 5}
LAYOUT = Layout(SIZES)
KNOWN = [0, 1]


def codes(n, seed=0):
    rng = np.random.default_rng(seed)
    return LAYOUT.to_codes({c: rng.integers(0, w, n) for c, w in SIZES.items()})


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(depth=1):
    torch.manual_seed(0)
    return RowGenerator(SIZES, noise=3, width=8, depth=depth)


def critic(depth=0):
    torch.manual_seed(1)
    return PairCritic(LAYOUT, width=8, depth=depth, lipschitz=1.0)


def private(module, rows, sigma=1.0):
    units = Units.of({"codes": rows}, np.arange(len(rows)), 1)
    plan = Plan(1.0, 3, sigma)
    return PrivateGradient(
        module, lambda m, r: on_real(LAYOUT, m, r), units, plan, float(len(rows))
    )


def test_what_is_given_stays_and_the_rest_is_in_range():
    rows = codes(500)
    with torch.no_grad():
        found, again = (network().complete(rows, KNOWN, seeded(1)) for _ in range(2))
    assert torch.equal(found, again)
    assert torch.equal(found[:, KNOWN], rows[:, KNOWN])
    assert (found >= 0).all()
    assert (found < torch.tensor(list(SIZES.values()))).all()


def test_fake_rows_hold_nothing_of_a_row_but_its_conditions():
    """Whatever stands in the other columns, the same rows come out."""
    first, second = codes(200), codes(200, seed=9)
    second[:, KNOWN] = first[:, KNOWN]
    drawn = [network()(rows, KNOWN, seeded(2)) for rows in (first, second)]
    assert torch.equal(*drawn)
    assert torch.equal(drawn[0].round() @ torch.ones(LAYOUT.width), torch.full((200,), 4.0))


def test_a_head_reads_what_the_heads_before_it_drew():
    part = LAYOUT.slices()
    chain = network(depth=0)
    with torch.no_grad():
        # age is the ward's number, ward is uniform
        chain.heads.linear.weight[part["age"], part["ward"]] = 50 * torch.eye(5)[:, :3]
        found = chain.complete(codes(300), KNOWN, seeded(3))
    assert torch.equal(found[:, 2], found[:, 3])
    assert len(found[:, 2].unique()) == 3


def test_the_gradient_of_a_draw_is_that_of_its_expected_score():
    """For the last column given all others, straight-through is exact on average."""
    chain, judge = network(depth=0), critic()
    with torch.no_grad():
        judge.pairs.weight.copy_(torch.randn(LAYOUT.width, LAYOUT.width, generator=seeded(4)))
    rows, known = codes(1).expand(40_000, -1), [0, 1, 2]
    bias = chain.heads.linear.bias
    age = LAYOUT.slices()["age"]
    every = codes(1).repeat(5, 1)
    every[:, 3] = torch.arange(5)
    with torch.no_grad():
        judge.pairs.weight[age, age] = 0.0  # a column times itself is not linear in it
        scores = judge(LAYOUT.one_hot(every))
    (found,) = torch.autograd.grad(judge(chain(rows, known, seeded(5))).mean(), [bias])
    expected = 0.2 * (scores - scores.mean())
    torch.testing.assert_close(found[age], expected, atol=5e-3, rtol=0)


def test_the_critic_is_made_of_linear_layers_and_a_row_has_a_gradient_of_norm_one():
    assert BookKeeping.knows(critic(depth=2))
    module = critic()
    found = BookKeeping(module)(
        lambda m, r: on_real(LAYOUT, m, r), {"codes": codes(20)}, torch.ones(20, 1)
    )
    torch.testing.assert_close(found.norms, torch.ones(20))


@pytest.mark.parametrize("depth", [0, 2])
def test_projection_bounds_how_fast_scores_change(depth):
    module = critic(depth)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(5 * torch.randn(parameter.shape, generator=seeded(6)))
    module.project()
    assert torch.linalg.matrix_norm(module.pairs.weight, 2) <= 1 + 1e-5
    rows = LAYOUT.one_hot(codes(100)).requires_grad_()
    (slope,) = torch.autograd.grad(module(rows).sum(), [rows])
    most = 2 * module.lipschitz / module.columns**0.5 + (1 if depth else 0)
    assert slope.norm(dim=1).max() <= most + 1e-5
    before = [p.clone() for p in module.parameters()]
    module.project()
    for old, new in zip(before, module.parameters(), strict=True):
        torch.testing.assert_close(old, new)


def test_fakes_get_no_noise_and_cancel_rows_that_are_alike():
    """With no noise and fake rows equal to the real ones nothing is left to learn."""
    module, rows = critic(), codes(64)
    engine = private(module, rows, sigma=1e-9)
    engine()
    assert module.pairs.weight.grad.norm() > 0.1
    add_fake_gradient(engine, on_fake, {"x": LAYOUT.one_hot(rows)})
    torch.testing.assert_close(
        module.pairs.weight.grad, torch.zeros(LAYOUT.width, LAYOUT.width), atol=1e-5, rtol=0
    )


def test_the_generator_sees_rows_through_the_noised_gradient_only():
    """Other rows, but the same noised gradient: the generator's step is the same, bit for bit."""

    def learnt(rows):
        module, chain = critic(), network()
        engine = private(module, rows)
        engine()
        assert all(p.grad is None for p in chain.parameters())
        module.pairs.weight.grad = torch.randn(
            module.pairs.weight.shape, generator=seeded(7)
        )  # what the mechanism answered
        with torch.no_grad():
            add_fake_gradient(engine, on_fake, {"x": chain(codes(32, 5), KNOWN, seeded(8))})
        torch.optim.SGD(module.parameters(), 0.1).step()
        (-module(chain(codes(32, 6), KNOWN, seeded(9))).mean()).backward()
        return [p.grad for p in chain.parameters() if p.grad is not None]

    for one, other in zip(learnt(codes(50)), learnt(codes(50, seed=3)), strict=True):
        assert torch.equal(one, other)


def test_turns_follow_from_scores_of_fakes():
    turns = Turns(floor=0.6, most=3)
    assert [turns.due() for _ in range(3)] == [True] * 3
    for _ in range(20):
        turns.judge(torch.ones(10))  # all wrong
    assert [turns.due() for _ in range(6)] == [False, False, True] * 2
    strong = Turns(floor=0.6, most=3)
    for _ in range(20):
        strong.judge(-torch.ones(10))
    assert strong.due()
    turns.due()
    again = Turns(floor=0.6, most=3)
    again.load_state_dict(turns.state_dict())
    assert [again.due() for _ in range(4)] == [turns.due() for _ in range(4)]


def test_clipping_by_group_is_refused():
    with pytest.raises(ValueError, match="fake rows belong to none"):
        Ctgan(clipping="dpsgd-f")


def test_a_run_goes_on_bit_for_bit(tmp_path, monkeypatch):
    """A copy of the folder in the middle of a run, continued, ends where the run ended."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    columns = {
        c: {"kind": "categorical", "categories": [str(i) for i in range(w)]}
        for c, w in SIZES.items()
    }
    schema = Schema.model_validate(
        {
            "name": "tiny",
            "columns": columns,
            "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
            "subgroups": [{"column": "sex"}],
        }
    )
    people = pd.DataFrame(codes(200).numpy().astype(str), columns=list(SIZES), dtype=object)
    small = Ctgan(steps=8, fakes=16, most_critic_steps=2, depth=1, critic_depth=1, device="cpu")
    generator = small.calibrate(Guarantee(20.0, 1e-6), schema, NoOpDpEvent())
    permit = SimpleNamespace(covers=lambda *a: None, charge=SimpleNamespace(hash="paid"))

    def weights(folder, progress):
        transcript = Transcript(folder / "attempt.jsonl")
        rows = Rows(people, np.arange(len(people)))
        return generator.fit(rows, schema, Paid(permit, transcript), progress).network.state_dict()

    def copy(what, share):
        if share == 0.625:
            shutil.copytree(tmp_path / "whole", tmp_path / "copy")

    (tmp_path / "whole").mkdir()
    whole = weights(tmp_path / "whole", copy)
    told = []
    resumed = weights(tmp_path / "copy", lambda what, share: told.append(share))
    assert told[-4:] == [0.625, 0.75, 0.875, 1.0]
    assert 0.5 not in told
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name
