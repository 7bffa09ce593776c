"""The faults of other PATE-GANs (docs/pate.md), one test each where there is something to test."""

import dataclasses

import numpy as np
import pytest
import torch
from dp_accounting import NoOpDpEvent, SelfComposedDpEvent
from scipy.stats import chisquare

from generators.deep import teachers as module
from generators.deep.encoding import Layout
from generators.deep.pategan import Chain, PateGan, Student, improve
from generators.deep.teachers import Crossed, Teachers, Votes, part_of
from privacy.accounting.composition import spent
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

LAYOUT = Layout({"a": 3, "b": 4, "c": 2})
SHARES = torch.tensor([0.5, 0.3, 0.2, 0.4, 0.3, 0.2, 0.1, 0.6, 0.4])
KERNEL = Crossed(LAYOUT, SHARES, 0.5)


def some(n, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.stack([torch.randint(s, (n,), generator=g) for s in LAYOUT.sizes.values()], 1)


def ensemble(codes, units, number, key=b"k" * 32):
    found = Teachers(KERNEL, codes, units, number)
    found.load_state_dict({"key": torch.tensor(list(key), dtype=torch.uint8)})
    return found


def test_crossed_rows_compare_pair_of_columns_by_pair_of_columns():
    x, y = some(5), some(6, 1)
    parts = []
    for at, i in zip(LAYOUT.slices().values(), range(3), strict=True):
        p = SHARES[at]
        left, right = (torch.eye(len(p))[r[:, i]] - p for r in (x, y))
        parts.append(left / p.sqrt() @ right.T)
    pairs = parts[0] * parts[1] + parts[0] * parts[2] + parts[1] * parts[2]
    torch.testing.assert_close(KERNEL(x, y), pairs)
    square, single = KERNEL.expand(y, torch.arange(6.0))
    ones = LAYOUT.one_hot(x)
    found = ((ones @ square * ones).sum(1) - ones @ single) / 2
    torch.testing.assert_close(found, pairs @ torch.arange(6.0))


def test_units_are_dealt_once_and_one_that_goes_moves_no_other():
    units = np.arange(1000)
    dealt = part_of(units, 20, b"secret")
    assert np.bincount(dealt, minlength=20).min() > 20
    np.testing.assert_array_equal(
        part_of(np.delete(units, 17), 20, b"secret"), np.delete(dealt, 17)
    )
    assert (part_of(units, 20, b"another") != dealt).mean() > 0.8


def test_coins_have_one_law_whatever_number_a_unit_has():
    """A unit at the front gives all others the next number; their parts together are as likely as before."""
    rng, number = np.random.default_rng(0), 4
    keys = [rng.bytes(32) for _ in range(20_000)]
    dealt = np.array([part_of(np.arange(4), number, key) for key in keys])
    for units in ([0, 1, 2], [1, 2, 3]):  # three people without and with one before them
        together = dealt[:, units] @ number ** np.arange(3)
        seen = np.bincount(together, minlength=number**3)
        assert chisquare(seen).pvalue > 1e-6


def test_a_unit_at_the_front_changes_one_teacher_given_how_units_are_dealt(monkeypatch):
    """The others keep their coins, and get new numbers, places in the table and in every matrix product."""
    codes, coins = some(91), np.random.default_rng(0).integers(0, 10, 91)
    rows, generated = some(200, 1), some(500, 2)
    for first in range(0, 90, 9):
        who = np.concatenate([[first], np.delete(np.arange(91), first)])
        said = []
        for present in (who, who[1:]):
            monkeypatch.setattr(
                module, "part_of", lambda units, n, key, at=present: coins[at][units]
            )
            found = Teachers(KERNEL, codes[present], np.arange(len(present)), 10)
            said.append(found.votes(rows, generated))
        differ = (said[0] != said[1]).any(0)
        assert set(np.flatnonzero(differ)) <= {coins[first]}


def test_parts_are_disjoint_fixed_and_hold_whole_units():
    codes, units = some(300), np.repeat(np.arange(100), 3)
    found = Teachers(KERNEL, codes, units, 8)
    by_unit = found.teacher.numpy().reshape(100, 3)
    assert (by_unit == by_unit[:, :1]).all()
    before = found.teacher.clone()
    for seed in range(3):
        found.votes(some(10, seed), some(50, seed))
    torch.testing.assert_close(found.teacher, before)
    # each unit weighs the same within its part, and parts add up to one
    sums = torch.zeros(8).index_add_(0, found.teacher, found.weights)
    torch.testing.assert_close(sums, torch.ones(8))


def test_each_teacher_is_trained_on_its_own_part_and_differs_from_the_others():
    codes, units = some(120), np.arange(120)
    found, rows, generated = ensemble(codes, units, 6), some(200, 1), some(500, 2)
    said = found.votes(rows, generated)
    for t in range(6):
        own = KERNEL(rows, codes[found.teacher == t]).mean(1) - KERNEL(rows, generated).mean(1)
        sure = own.abs() > 1e-5
        assert torch.equal(said[sure, t], (own > 0)[sure])
    assert len({tuple(column) for column in said.T.tolist()}) == 6


@pytest.mark.parametrize("most", [1, 3])
def test_one_unit_changes_one_teacher_at_most_on_any_row(most):
    codes, units = some(90 * most), np.repeat(np.arange(90), most)
    rows, generated = some(200, 1), some(500, 2)
    said = ensemble(codes, units, 10).votes(rows, generated)
    changed_somewhere = False
    for unit in range(0, 90, 9):
        keep = units != unit
        less = ensemble(codes[keep], units[keep], 10).votes(rows, generated)
        differ = (said != less).any(0)
        assert differ.sum() <= 1
        assert (said.sum(1) - less.sum(1)).abs().max() <= 1
        changed_somewhere |= bool(differ.any())
    assert changed_somewhere


def test_empty_parts_change_no_shape_and_say_nothing_about_the_data():
    rows, generated = some(7, 1), some(50, 2)
    few, other = ensemble(some(2), np.arange(2), 40), ensemble(some(2, 5), np.arange(2), 40)
    nobody = ensemble(some(0), np.arange(0), 40).votes(rows, generated)
    assert few.votes(rows, generated).shape == nobody.shape == (7, 40)
    empty = few.sizes == 0
    assert torch.equal(few.votes(rows, generated)[:, empty], nobody[:, empty])
    assert torch.equal(other.votes(rows, generated)[:, empty], nobody[:, empty])


def asking(path, total=10, teachers=None):
    teachers = teachers or ensemble(some(60), np.arange(60), 5)
    return Votes(teachers, total, 3.0, Transcript(path))


def test_a_vote_too_many_is_refused_before_anything_is_counted(tmp_path, monkeypatch):
    votes = asking(tmp_path / "t")
    votes.ask(some(6), some(20, 1))
    votes.ask(some(4), some(20, 1))
    monkeypatch.setattr(Teachers, "votes", None)
    with pytest.raises(ValueError, match="10 are paid for, 10 were asked"):
        votes.ask(some(1), some(20, 1))
    assert len(Transcript(tmp_path / "t").answers) == 2


def test_every_vote_gets_the_noise_that_was_charged(tmp_path, monkeypatch):
    drawn = []

    def noted(counts, rho, sensitivity):
        drawn.append((len(counts), rho, sensitivity))
        return counts

    monkeypatch.setattr(module, "discrete_gaussian", noted)
    rows, real = asking(tmp_path / "t").ask(some(10), some(20, 1))
    assert drawn == [(10, pytest.approx(1 / 18), 1)]
    assert torch.equal(rows, some(10))
    assert 0 <= real.min() <= real.max() <= 5
    event = PateGan(votes=10).mechanism(3.0)
    assert event == SelfComposedDpEvent(DiscreteGaussianDpEvent(3.0), 10)


def test_recorded_votes_come_back_with_their_rows_and_are_not_drawn_again(tmp_path, monkeypatch):
    first = asking(tmp_path / "t").ask(some(10), some(20, 1))
    monkeypatch.setattr(Teachers, "votes", None)
    again = asking(tmp_path / "t").ask(some(10, 3), some(20, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_asking_goes_on_where_a_checkpoint_was_written(tmp_path):
    votes = asking(tmp_path / "t")
    votes.ask(some(4), some(20, 1))
    state, later = votes.state_dict(), votes.ask(some(4, 2), some(20, 1))
    resumed = asking(tmp_path / "t")
    resumed.load_state_dict(state)
    assert resumed.asked == 4
    again = resumed.ask(some(4, 2), some(20, 1))
    assert all(torch.equal(a, b) for a, b in zip(later, again, strict=True))


def test_the_student_learns_what_the_labels_say():
    rows, unseen = some(400), some(200, 1)
    truth = KERNEL(torch.cat([rows, unseen]), some(3, 9)).sum(1)
    noise = torch.full((400,), 0.5) * truth.std()
    labels = truth[:400] + noise * torch.randn(400, generator=torch.Generator().manual_seed(0))
    student = Student(KERNEL)
    student.learn(rows, labels, noise)
    assert np.corrcoef(student(unseen), truth[400:])[0, 1] > 0.9


def test_the_generator_moves_to_what_scores_well_and_stays_where_nothing_does():
    chain, g = Chain(dict(LAYOUT.sizes), [0]), torch.Generator().manual_seed(0)
    before = {k: v.clone() for k, v in chain.state_dict().items()}
    rows = chain.complete(some(4000), [0], g)
    improve(chain, rows, torch.ones(4000), 15)
    for name, value in chain.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=1e-4, rtol=0)
    alike = (rows[:, 1] == 1) & (rows[:, 2] == 1)
    improve(chain, rows, alike.float() * 3, 30)
    with torch.no_grad():
        moved = chain.complete(some(4000), [0], g)
    share = ((moved[:, 1] == 1) & (moved[:, 2] == 1)).float().mean()
    expected = 1 / 8 * (1 + 3 - 3 / 8)
    assert abs(share - expected) < 0.05
    assert torch.equal(moved[:, 0], some(4000)[:, 0])


SCHEMA = Schema.model_validate(
    {
        "name": "toy",
        "columns": {
            "a": {"kind": "categorical", "categories": ["0", "1", "2"]},
            "b": {"kind": "categorical", "categories": ["0", "1", "2", "3"]},
            "c": {"kind": "categorical", "categories": ["0", "1"]},
        },
        "targets": [{"task": "classification", "column": "c", "positive": ["1"]}],
    }
)
GENERATOR = PateGan(votes=60, rounds=3, generated=300, device="cpu").calibrate(
    Guarantee(5.0, 1e-6), SCHEMA, NoOpDpEvent()
)


class Open:
    """A permit for anything."""

    class Charge:
        hash = "none"

    charge = Charge()

    def covers(self, event, attempt):
        pass


def frame(seed):
    import pandas as pd

    codes = some(200, seed).numpy().astype(str)
    return Rows(pd.DataFrame(codes, columns=list("abc")).astype(object), np.arange(200))


def fit(rows, path, monkeypatch):
    from generators.deep import pategan

    def plain():
        return torch.Generator().manual_seed(7)

    monkeypatch.setattr(pategan, "secret_generator", plain)
    told = lambda what, share: None  # noqa: E731
    return GENERATOR.fit(rows, SCHEMA, Paid(Open(), Transcript(path)), told)


def test_student_and_generator_see_votes_only(tmp_path, monkeypatch):
    """On other rows, the same recorded answers give the same generator, bit for bit."""
    one = fit(frame(0), tmp_path / "t", monkeypatch)
    Transcript(tmp_path / "t").scratch.unlink()
    monkeypatch.setattr(Teachers, "votes", None)
    monkeypatch.setattr(Transcript, "recorded", False)  # a lost checkpoint is refused otherwise
    other = fit(frame(1), tmp_path / "t", monkeypatch)
    for name, value in one.network.state_dict().items():
        assert torch.equal(value, other.network.state_dict()[name])


def test_a_fit_asks_as_many_votes_as_it_pays_for_and_sampling_none(tmp_path, monkeypatch):
    model = fit(frame(0), tmp_path / "t", monkeypatch)
    answers = Transcript(tmp_path / "t").answers
    asked = [len(a["answer"]["real"]) for a in answers if a["question"][0] == "votes"]
    assert asked == [20, 20, 20]
    monkeypatch.setattr(Teachers, "votes", None)
    monkeypatch.setattr(module, "discrete_gaussian", None)
    model.sample(50, np.random.default_rng(0))
    assert Transcript(tmp_path / "t").answers == answers


def test_the_price_is_fixed_without_data_and_grows_with_every_vote():
    more = dataclasses.replace(GENERATOR, votes=120)
    low, high = (spent([g.event()], 1e-6).epsilon for g in (GENERATOR, more))
    assert low <= 5.0 < high
