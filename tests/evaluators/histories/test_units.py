"""Whose a synthetic row is: nobody else's without visits; with them the intervals are those of people."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluators.features import columns_of
from evaluators.fidelity.representation import redrawn
from evaluators.tables import Tables
from evaluators.utility.predictions import Sample
from tests.evaluators.histories.visits import SCHEMA, people

TRAIN, HOLDOUT, FRESH = people(120, 1), people(120, 2), people(120, 3)


def test_synthetic_rows_of_a_person_are_one_unit_where_there_are_visits() -> None:
    units = Tables(TRAIN, HOLDOUT, FRESH, SCHEMA).units["synthetic"]
    assert units.max() + 1 == 120
    assert (pd.Series(units).groupby(FRESH["person"].to_numpy()).nunique() == 1).all()
    plain = SCHEMA.model_copy(update={"visits": None})
    for tables in (
        Tables(TRAIN, HOLDOUT, FRESH, plain),
        Tables(TRAIN, HOLDOUT, FRESH.drop(columns="person"), SCHEMA),
    ):
        assert (tables.units["synthetic"] == np.arange(len(FRESH))).all()


def test_a_mean_of_people_errs_as_people_do() -> None:
    once = (np.arange(400) % 5 == 0).astype(float)
    rng = np.random.default_rng
    alone = redrawn(once, np.arange(400), 2000, rng(0))
    assert np.isclose(alone[1:].std(), 0.4 / 20, rtol=0.1)
    fourfold = redrawn(np.repeat(once, 4), np.repeat(np.arange(400), 4), 2000, rng(0))
    assert np.allclose(alone, fourfold)


def test_the_bootstrap_of_synthetic_test_rows_draws_people() -> None:
    tables = Tables(TRAIN, HOLDOUT, FRESH, SCHEMA)
    target = SCHEMA.targets[0]
    sample = Sample.of(tables, target, columns_of)
    whose = tables.units["synthetic"][sample.test_synthetic.rows]
    for replicate in sample.there[:5]:
        assert (pd.Series(replicate).groupby(whose).nunique() == 1).all()
