"""What earlier rows leave behind in those that follow: remembered beyond the row before, and ended for good."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent

from generators.histories.generator import Histories
from generators.histories.walk import Walk
from generators.marginals.generator import Aim
from generators.registry import load_model
from privacy.histories.schemas import step_schema
from privacy.histories.tables import places, step_frame
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.generators.histories.test_generator import CLAIM, paid_for

MOST = 5
SCHEMA = Schema.model_validate(
    {
        "name": "ward",
        "unit": "patient",
        "max_rows_per_unit": MOST,
        "columns": {
            "patient": {"kind": "identifier"},
            "relapse": {"kind": "categorical", "categories": ["no", "yes"]},
            "pressure": {"kind": "integer", "bounds": [60, 200], "bins": 14},
            "titre": {"kind": "integer", "bounds": [0, 40], "bins": 4, "missing": "keep"},
            "state": {"kind": "categorical", "categories": ["home", "dead"]},
        },
        "visits": {
            "remembers": {"relapse": "ever", "pressure": "mean", "titre": "last"},
            "ends": {"state": ["dead"]},
        },
    }
)
FORGETS = Schema.model_validate(
    SCHEMA.model_dump() | {"visits": SCHEMA.model_dump()["visits"] | {"remembers": {}}}
)


def histories(patients=1200, seed=0):
    """Who relapsed once does so at every second visit; pressure and titre keep to a level of the patient's own,
    and the titre is seldom taken. Some die, at their last visit; of those with as many as count, nobody."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, MOST + 1, patients)
    units = np.repeat(np.arange(patients), size)
    place = places(units)
    again = (rng.random(patients) < 0.4)[units]
    own, titre = rng.normal(130, 18, patients)[units], rng.integers(0, 40, patients)[units]
    dead = (rng.random(len(units)) < 0.4) & (place == size[units]) & (place < MOST)
    told = rng.random(len(units)) < np.where(place == 1, 0.9, 0.4)
    frame = pd.DataFrame(
        {
            "relapse": np.where(again & (place % 2 == 1), "yes", "no"),
            "pressure": pd.Series(np.rint(own + rng.normal(0, 12, len(units))).clip(60, 200)).astype("Int64"),
            "titre": pd.Series(titre, dtype="Int64").where(told),
            "state": np.where(dead, "dead", "home"),
        }
    )  # fmt: skip
    return Rows(frame, units)


def fitted(schema, folder):
    generator = Histories(Aim()).calibrate(CLAIM, schema, NoOpDpEvent())
    return generator.fit(histories(), schema, paid_for(folder, generator), lambda what, share: None)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return fitted(SCHEMA, tmp_path_factory.mktemp("fit"))


def two_rows_on(frame, name):
    """A column at a third row and at the first."""
    place = places(pd.factorize(frame["patient"])[0])
    third = np.flatnonzero(place == 3)
    return frame[name].iloc[third - 2].reset_index(drop=True), frame[name].iloc[third].reset_index(
        drop=True
    )


def remembered(frame):
    """How much more often who relapsed at first does so two rows on; and two correlations."""
    first, third = two_rows_on(frame, "relapse")
    again = (third[first == "yes"] == "yes").mean() - (third[first == "no"] == "yes").mean()
    both = [
        pd.concat(two_rows_on(frame, n), axis=1).dropna().astype(float)
        for n in ("pressure", "titre")
    ]
    return again, *(pair.corr().iloc[0, 1] for pair in both)


def test_what_was_two_rows_ago_is_remembered_and_otherwise_is_not(model, tmp_path):
    drawn = model.sample(5000, np.random.default_rng(0))
    again, pressure, titre = remembered(drawn)
    assert again > 0.8
    assert pressure > 0.48  # of real patients .70
    assert titre > 0.8
    forgot = remembered(fitted(FORGETS, tmp_path).sample(5000, np.random.default_rng(0)))
    assert forgot[0] < 0.3
    assert forgot[1] < pressure - 0.03
    assert forgot[2] < titre - 0.2


def test_no_row_follows_a_death_and_people_die_as_often_after_as_many_visits(model):
    drawn, real = model.sample(5000, np.random.default_rng(1)), histories()
    after = drawn["state"].shift().eq("dead") & drawn["patient"].eq(drawn["patient"].shift())
    assert not after.any()
    died, size = (drawn.groupby("patient")["state"].agg(f) for f in ("last", "size"))
    assert size.value_counts(normalize=True).to_numpy() == pytest.approx(1 / MOST, abs=0.05)
    wanted = (real.frame["state"] == "dead").groupby(real.units).agg(["last", "size"])
    for ours, theirs in (
        (size < MOST, wanted["size"] < MOST),
        (size == MOST, wanted["size"] == MOST),
    ):
        share = (died[ours] == "dead").mean()
        assert share == pytest.approx(wanted["last"][theirs].mean(), abs=0.1)


def test_rows_are_drawn_given_what_reading_them_back_finds(model, monkeypatch):
    """Of each row that was drawn, what it was drawn given is what stands before it in the table."""
    given, seen = Walk._given, []

    def watched(walk, *args):
        seen.append(given(walk, *args))
        return seen[-1]

    monkeypatch.setattr(Walk, "_given", watched)
    drawn = model.sample(400, np.random.default_rng(2))
    steps, names = step_schema(SCHEMA), list(step_schema(SCHEMA).given)
    found = step_frame(drawn[list(SCHEMA.informative)], pd.factorize(drawn["patient"])[0], SCHEMA)
    kept, used = (
        Counter(map(tuple, f[names].astype(str).to_numpy())) for f in (found, pd.concat(seen))
    )
    assert {"relapse ever", "mean pressure so far", "last known titre"} <= set(steps.given)
    assert sum(kept.values()) > 200
    assert all(used.get(k, 0) >= n for k, n in kept.items())


def test_a_saved_model_remembers(model, tmp_path):
    model.save(tmp_path)
    again = load_model(tmp_path).sample(200, np.random.default_rng(3))
    assert again.equals(model.sample(200, np.random.default_rng(3)))
