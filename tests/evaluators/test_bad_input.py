"""Fidelity on tables nobody wishes for: every score has a value or says why not, and none is missing."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from evaluators.evaluate import ON_TABLES
from evaluators.fidelity import kmarginal, propensity
from evaluators.score import Score
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people
from tests.privacy.schema.random_schemas import schemas

NAMES = (
    "impossible",
    "lost_categories",
    "quality",
    "diagnostic",
    "association",
    "propensity",
    "manifold",
    "kmarginal.1",
    "kmarginal.2",
    "kmarginal.3",
    "kmarginal.4",
    "representation",
    "conditional",
)
ALWAYS = frozenset(NAMES) - {"representation", "conditional"}
"""These have something to say of every schema; the others need a subgroup or a target."""

TRAIN, HOLDOUT, SYNTHETIC = (people(250, seed) for seed in (1, 2, 3))


def few_trees(**words: Any) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(**words | {"max_iter": 5})


@pytest.fixture(autouse=True, scope="module")
def few() -> Iterator[None]:
    """Of all that is repeated a little: what breaks on a bad table breaks the first time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(propensity, "SHUFFLES", 2)
        patch.setattr(propensity, "FOLDS", 2)
        patch.setattr(propensity, "HistGradientBoostingClassifier", few_trees)
        patch.setattr(kmarginal, "MAX_SETS", dict.fromkeys(range(1, 5), 40))
        yield


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def judged(tables: Tables) -> dict[str, list[Score]]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)  # a division by nothing
        found = {name: ON_TABLES[name](tables) for name in NAMES}
    for name, scores in found.items():
        assert scores or name not in ALWAYS
        for score in scores:
            assert score.status != "failed"
            assert score.value is not None or len(score.reason) > 10, score
            assert score.status == "ok" or score.reason
    return found


def constant(frame: pd.DataFrame) -> pd.DataFrame:
    same = frame.iloc[[0] * len(frame)].reset_index(drop=True)
    return same.assign(person=[f"p{i}" for i in range(len(same))])


SPOILS: dict[str, Spoil] = {
    "empty": lambda f: f.iloc[:0],
    "one row": lambda f: f.iloc[:1],
    "fewer than neighbours": lambda f: f.iloc[:4],
    "constant": constant,
    "all missing": lambda f: f.assign(marker=np.nan, seen=pd.NaT, dose="N"),
    "one class": lambda f: f.assign(back="no", died="0"),
    "an empty group": lambda f: f[f["sex"] == "F"].reset_index(drop=True),
}


@pytest.mark.parametrize("what", SPOILS)
@pytest.mark.parametrize("where", ["synthetic", "holdout", "train", "all"])
def test_bad_tables(what: str, where: str) -> None:
    frames = {"train": TRAIN, "holdout": HOLDOUT, "synthetic": SYNTHETIC}
    spoilt = {
        role: SPOILS[what](frame) if where in (role, "all") else frame
        for role, frame in frames.items()
    }
    found = judged(Tables(**spoilt, schema=SCHEMA))
    if what in ("empty", "one row") and where != "train":
        for name in ("quality", "kmarginal.2") if what == "empty" else ():
            assert all(s.status != "ok" for s in found[name] if s.rows == "holdout"), name
        for name in ("propensity", "manifold", "conditional"):
            assert all(s.status != "ok" for s in found[name]), name


def test_categories_as_many_as_people_and_identifiers() -> None:
    """The most categories a schema may declare, every one of them rare, and a name for each row."""
    names = [f"v{i}" for i in range(10_000)]
    schema = Schema.model_validate(
        {
            "name": "wide",
            "columns": {
                "id": {"kind": "identifier"},
                "code": {"kind": "categorical", "categories": names, "missing": "keep"},
                "ward": {"kind": "categorical", "categories": names[:300]},
                "amount": {"kind": "integer", "bounds": [0, 1_000_000], "bins": 4096},
                "sex": {"kind": "categorical", "categories": ["F", "M"]},
            },
            "targets": [{"task": "classification", "column": "sex", "positive": ["F"]}],
            "subgroups": [{"column": "ward"}],
        }
    )

    def wide(seed: int) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        return pd.DataFrame(
            {
                "id": [str(i) for i in range(400)],
                "code": rng.choice(names, 400),
                "ward": ["v0"] * 400,
                "amount": pd.array(rng.integers(0, 1_000_001, 400), dtype="Int64"),
                "sex": rng.choice(["F", "M"], 400),
            }
        )

    found = judged(Tables(wide(1), wide(2), wide(3), schema))
    (code,) = [s for s in found["conditional"] if s.detail == "code"]
    assert code.reason.startswith("no value with 100 people")


@settings(max_examples=25)
@given(schemas(), st.tuples(*[st.integers(0, 130)] * 3), st.integers(0, 2**31))
def test_random_schemas(schema: Schema, sizes: tuple[int, int, int], seed: int) -> None:
    """Rows spread over all codes, or all alike."""
    codec, rng = Codec(schema), np.random.default_rng(seed)
    frames = []
    for n in sizes:
        top = 1 if rng.random() < 0.2 else None
        codes = {name: rng.integers(0, top or size, n) for name, size in codec.domain.items()}
        frames.append(codec.decode(pd.DataFrame(codes), rng))
    judged(Tables(*frames, schema=schema))
