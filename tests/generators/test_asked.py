"""Rows as somebody asks for them: what conditioning draws is what is left of plain draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from flows.audit.toy import SCHEMA, people
from generators.alone import fit_alone
from generators.asked import balanced, draw_asked, fill
from generators.marginals.generator import Mst
from privacy.accounting.guarantee import Guarantee
from privacy.errors import InputError
from privacy.records.where import meets, where
from privacy.stored.rows import Rows

CLAIM = Guarantee(5.0, 1e-6)


class Plain:
    """A model that cannot be conditioned, as the deep ones."""

    def __init__(self, model):
        self.schema, self.sample, self.rows = model.schema, model.sample, model.rows


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory):
    rows = people(3000, 0)
    rows["ill"] = np.where(rows["age"] > 40, "1", "0").astype(object)
    folder: Path = tmp_path_factory.mktemp("fit")
    ready = Mst().calibrate(CLAIM, SCHEMA, NoOpDpEvent())
    table = Rows(rows, np.arange(len(rows)))
    return fit_alone(ready, SCHEMA, table, CLAIM, folder, lambda what, share: None)


def shares(frame: pd.DataFrame) -> pd.Series:
    return frame.groupby([frame["age"] // 10, "ill", "sex"]).size() / len(frame)


@pytest.mark.parametrize("as_asked", [lambda m: m, Plain], ids=["conditioned", "left out"])
@pytest.mark.parametrize("text", ["sex=F, age>=35", "ill=1", "ward=a|c, dose<=7, sex=M"])
def test_rows_are_those_that_plain_draws_would_leave(model, text, as_asked) -> None:
    asked, rng = where(text, SCHEMA), np.random.default_rng(0)
    found = draw_asked(as_asked(model), 20_000, [asked], rng)
    assert len(found) == 20_000
    assert meets(found, SCHEMA, asked).all()
    plain = model.sample(100_000, rng)
    left = plain[meets(plain, SCHEMA, asked)]
    both = pd.concat([shares(found), shares(left)], axis=1).fillna(0)
    assert 0.5 * (both[0] - both[1]).abs().sum() < 0.03


def test_each_category_gets_as_many_rows(model) -> None:
    rng = np.random.default_rng(1)
    found = draw_asked(model, 801, balanced("ward", SCHEMA), rng)
    assert found["ward"].value_counts().reindex(list("abcdefgh")).tolist() == [101, *[100] * 7]
    again = draw_asked(model, 801, balanced("ward", SCHEMA), np.random.default_rng(1))
    pd.testing.assert_frame_equal(found, again)


def test_what_the_model_hardly_holds_is_said(model) -> None:
    asked = where("age>=99, ill=0", SCHEMA)
    with pytest.raises(InputError, match="hardly any such row, or none; ask for less of age, ill"):
        draw_asked(Plain(model), 200_000, [asked], np.random.default_rng(0))
    with pytest.raises(InputError, match="--balance age: no categorical column"):
        balanced("age", SCHEMA)


def test_rows_that_are_filled_keep_what_was_known_and_the_rest_is_as_given_it(model) -> None:
    rng = np.random.default_rng(2)
    drawn = model.sample(20_000, rng)
    known = drawn[["sex", "age"]].reset_index(drop=True)
    found = fill(model, known, rng)
    pd.testing.assert_frame_equal(found[["sex", "age"]], known, check_dtype=False)
    # given columns that are distributed as the model's, the whole is
    both = pd.concat([shares(found), shares(drawn)], axis=1).fillna(0)
    assert 0.5 * (both[0] - both[1]).abs().sum() < 0.04
    again = fill(model, known, np.random.default_rng(3))
    pd.testing.assert_frame_equal(again, fill(model, known, np.random.default_rng(3)))


def test_only_models_of_marginals_fill_rows(model) -> None:
    with pytest.raises(InputError, match="a model of marginals"):
        fill(Plain(model), pd.DataFrame({"sex": ["F"]}), np.random.default_rng(0))
