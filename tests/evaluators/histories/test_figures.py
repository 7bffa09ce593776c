"""The arithmetic of figures, by hand and by other ways to compute them; how often chance is taken for harm."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from evaluators.histories.contrast import Draws, Tally, contrast, following, kolmogorov, variation
from evaluators.histories.lived import Lived
from evaluators.histories.recurrence import figures, moments_of, ranks
from evaluators.histories.scores import histories
from evaluators.histories.states import STATES, merge
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.histories.visits import SCHEMA, people


def test_variation_is_the_mean_over_columns() -> None:
    of = variation(np.array([0, 2]))
    real, ours = np.array([1.0, 1.0, 4.0, 0.0]), np.array([3.0, 1.0, 2.0, 2.0])
    assert of(real, ours) == pytest.approx((0.25 + 0.5) / 2)
    assert of(real, np.array([1.0, 1.0, 0.0, 0.0])) == 0  # a column that a group lacks is left out
    assert of(np.stack([real, real]), ours).shape == (2,)


def test_what_follows_is_weighed_by_how_common_it_is() -> None:
    of = following(np.array([2]))
    real = np.array([6.0, 2.0, 1.0, 1.0])  # a: 3/4 a; b: 1/2 a
    assert of(real, real * 3) == 0
    swapped = np.array([2.0, 6.0, 1.0, 1.0])
    assert of(real, swapped) == pytest.approx(0.8 * 0.5)
    assert of(real, np.array([6.0, 2.0, 0.0, 0.0])) == pytest.approx(0.2)  # b is never seen
    two = following(np.array([2, 2]))
    assert two(np.r_[real, real], np.r_[real, swapped]) == pytest.approx(0.2)


def test_kolmogorov_is_the_largest_difference_of_distribution_functions() -> None:
    assert kolmogorov(np.array([1.0, 1.0, 2.0]), np.array([0.0, 1.0, 1.0])) == pytest.approx(0.25)


def test_correlations_and_the_share_between_people_are_the_textbooks() -> None:
    rng = np.random.default_rng(0)
    people_, rows = 60, 4
    values = rng.normal(size=people_)[:, None] + rng.normal(size=(people_, rows))
    of = Lived(np.arange(people_ * rows), np.repeat(np.arange(people_), rows))
    ((one, two, share),) = figures(moments_of(of, values.ravel()).sum(axis=0))
    assert one == pytest.approx(np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1])
    assert two == pytest.approx(np.corrcoef(values[:, :-2].ravel(), values[:, 2:].ravel())[0, 1])
    between = rows * values.mean(axis=1).var(ddof=1)
    within = values.var(axis=1, ddof=1).mean()
    assert share == pytest.approx((between - within) / (between + (rows - 1) * within))


def test_missing_values_and_people_with_one_row_do_no_harm() -> None:
    of = Lived(np.arange(7), np.array([0, 0, 0, 1, 1, 2, 3]))
    values = np.array([0.1, np.nan, 0.3, 0.2, 0.4, np.nan, 0.9])
    (n, *_), (two, *_), (known, rows, *_) = moments_of(of, values).sum(axis=0).reshape(3, 6)
    assert (n, two, known, rows) == (1, 1, 3, 5)


def test_ranks_share_ties() -> None:
    known = np.array([1.0, 2.0, 2.0, 4.0])
    found = ranks(np.array([0.0, 2.0, 9.0, np.nan]), known)
    assert found[:3].tolist() == [-0.5, 0.0, 0.5]
    assert np.isnan(found[3])


def test_codes_become_a_dozen_states_that_people_share() -> None:
    columns = {
        "number": {
            "kind": "integer",
            "bounds": [0, 99],
            "bins": 100,
            "special": ["N"],
            "missing": "keep",
        },
        "many": {"kind": "categorical", "categories": [f"c{i}" for i in range(30)]},
        "stage": {"kind": "ordinal", "categories": [str(i) for i in range(20)]},
        "two": {"kind": "categorical", "categories": ["0", "1"]},
    }
    codes = Codec(Schema.model_validate({"name": "t", "columns": columns})).columns
    counts = np.r_[np.full(50, 100), np.ones(50), 70, 30]
    number = merge(codes["number"], counts)
    assert (np.diff(number[:100]) >= 0).all()
    assert number[99] + 1 <= STATES
    shares = np.bincount(number, counts) / counts.sum()
    assert shares[: number[99] + 1].min() > 0.5 / STATES
    assert len({number[99], number[100], number[101]}) == 3
    many = merge(codes["many"], np.r_[np.arange(30)])
    assert len(set(many[-STATES:])) == STATES
    assert len(set(many)) == STATES + 1
    assert (np.diff(merge(codes["stage"], np.full(20, 5))) >= 0).all()
    assert merge(codes["two"], np.array([9, 1])).tolist() == [0, 1]
    assert merge(codes["two"], np.array([0, 0])).max() == 1


def test_chance_is_rarely_taken_for_harm() -> None:
    """The lower end of an excess lies above 0 in about 1.5 % of pairs of fresh groups."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(120):
        groups = {
            role: csr_array(rng.multinomial(3, np.full(12, 1 / 12), size=150).astype(float))
            for role in ("train", "holdout", "synthetic")
        }
        kept = {role: np.ones(150, dtype=bool) for role in groups}
        tally = Tally("t", groups, variation(np.array([0])), shuffled=False)
        one = contrast(tally, kept, Draws.of(kept, rng))
        assert one is not None
        found.append(one)
    assert np.mean([f.excess_low > 0 for f in found]) < 0.06
    assert abs(np.mean([f.excess for f in found])) < 0.005
    assert np.mean([f.value for f in found]) > 0.03  # which is why chance is taken off


def test_the_same_seed_gives_the_same_scores() -> None:
    frames = people(150, 1), people(150, 2), people(150, 3)
    once = histories(Tables(*frames, SCHEMA, seed=4))
    assert once == histories(Tables(*frames, SCHEMA, seed=4))
    assert once != histories(Tables(*frames, SCHEMA, seed=5))
