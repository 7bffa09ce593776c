"""Attributes, records and closest records: found where they leak, at the control's rate where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from evaluators.attacks import attribute as attributes
from evaluators.attacks.attribute import OTHERS, attribute, nearest_without
from evaluators.attacks.dcr import REMARK, distance_to_closest
from evaluators.attacks.people import HELD_OUT
from evaluators.attacks.points import Space
from evaluators.attacks.reconstruction import reconstruction
from evaluators.evaluate import ON_TABLES
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from privacy.schema.schema import Schema
from tests.evaluators.attacks.releases import FRESH, HOLDOUT, TRAIN, N, mixed, noisy, tables
from tests.evaluators.clinic import SCHEMA
from tests.evaluators.shapes import SCHEMA as SHAPES
from tests.evaluators.shapes import people as pictures

SENSITIVE = {"back", "days", "died", "cost", "sex", "site"}


def card(given: Tables) -> Scorecard:
    return Scorecard((*attribute(given), *reconstruction(given), *distance_to_closest(given)))


def covers(score: Score, value: float) -> bool:
    assert score.low is not None
    assert score.high is not None
    return score.low <= value <= score.high


def test_nothing_leaks_from_fresh_people() -> None:
    found = card(tables(FRESH))
    leaks = found.filter(lambda s: s.metric.endswith(".leak") and s.status == "ok")
    assert len(leaks) >= len(SENSITIVE) + OTHERS + 4
    assert sum(not covers(s, 0) for s in leaks) <= 1  # 95 % intervals
    assert covers(found.one(metric="dcr.share_nearer_train"), 0.5)


def test_the_attributes_of_copied_people_are_known() -> None:
    found = card(tables(TRAIN))
    guesses = found.filter(metric="attack.attribute")
    assert {s.detail for s in guesses} > SENSITIVE
    assert len(guesses) == len(SENSITIVE) + OTHERS
    for score in guesses:
        leak = found.one(metric="attack.attribute.leak", detail=score.detail)
        assert score.value is not None
        assert score.baseline is not None
        assert score.value > 0.99
        assert score.baseline_name == leak.baseline_name == HELD_OUT
        assert leak.value == pytest.approx(score.value - score.baseline)
        assert leak.low is not None
        assert leak.low > 0


def test_noisy_copies_leak_attributes_and_records() -> None:
    found = card(tables(noisy(0.1)))
    for metric, detail in (
        ("attack.attribute.leak", "site"),
        ("attack.attribute.leak", "cost"),
        ("attack.reconstruction.leak", "same bin in every column"),
        (
            "attack.reconstruction.leak",
            "twice as near as a sample of people, outliers",
        ),
    ):
        low = found.one(metric=metric, detail=detail).low
        assert low is not None
        assert low > 0.02
    assert found.one(metric="attack.reconstruction", detail="same value in every column").value == 0


@pytest.mark.parametrize("compared", [10**9, 0], ids=["the nearest few", "all rows"])
def test_the_nearest_row_without_a_column_is_brute_force(
    compared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of every column, numbers with special and missing values too; of equal rows, the first."""
    monkeypatch.setattr(attributes, "MOST_COMPARED", compared)
    given = tables(pd.concat([FRESH[:250], FRESH[200:400], FRESH[:100]], ignore_index=True))
    space = Space.of(given)
    release, points = (
        space.points(role, np.arange(n)).place for role, n in (("synthetic", 550), ("train", 230))
    )
    found = nearest_without(space, points, release, SCHEMA.modelled)
    assert found.shape == (len(SCHEMA.modelled), 230)
    for i, rows in enumerate(found):
        mine, theirs = (
            np.delete(place, space.features(i), axis=1).astype(float) for place in (points, release)
        )
        apart = ((mine[:, None] - theirs) ** 2).sum(axis=2)
        assert np.take_along_axis(apart, rows[:, None], axis=1)[:, 0] == pytest.approx(
            apart.min(axis=1), abs=1e-6
        )
        first = np.array([np.flatnonzero(row <= row.min() + 1e-6)[0] for row in apart])
        assert (
            rows == first
        ).mean() > 0.99  # a row that is nearer by less than rounding may be another


def test_the_share_of_copied_records_is_counted() -> None:
    found = card(tables(mixed(0.1)))
    for detail in (
        "same value in every column",
        "same value in every column, records that one person has",
    ):
        score = found.one(metric="attack.reconstruction", detail=detail)
        assert score.value == pytest.approx(0.1, abs=0.002)
        assert score.baseline == 0
        assert covers(score, 0.1)


def test_a_record_that_many_have_is_no_reconstruction_of_a_person() -> None:
    """With few, coarse columns everybody is reproduced, people held out too, and nobody is alone."""
    columns = {c: {"kind": "categorical", "categories": ["0", "1"]} for c in "ab"}
    schema = Schema.model_validate({"name": "coarse", "columns": columns})
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame({c: rng.integers(0, 2, 800).astype(str).astype(object) for c in "ab"})
        for _ in "abc"
    ]
    found = Scorecard(tuple(reconstruction(Tables(*frames, schema))))
    score = found.one(metric="attack.reconstruction", detail="same value in every column")
    assert (score.value, score.baseline) == (1, 1)
    alone = found.one(detail="same value in every column, records that one person has")
    assert alone.status == "insufficient evidence"
    assert "0 such records" in alone.reason


def test_closest_records_are_brute_force() -> None:
    given = Tables(TRAIN[:150], HOLDOUT[:120], FRESH[:40], SCHEMA)
    found = Scorecard(tuple(distance_to_closest(given)))
    space, rng = Space.of(given), given.rng("dcr")
    rng.permutation(40)
    rows = {role: rng.permutation(n)[:120] for role, n in (("train", 150), ("holdout", 120))}
    released = space.points("synthetic", np.arange(40)).place
    closest = {
        role: np.array(
            [np.sqrt(((space.points(role, r).place - s) ** 2).sum(axis=1)).min() for s in released]
        )
        for role, r in rows.items()
    }
    share = found.one(metric="dcr.share_nearer_train")
    assert share.value == pytest.approx((closest["train"] < closest["holdout"]).mean())
    median = found.one(metric="dcr.median")
    assert median.value == pytest.approx(np.median(closest["train"]), abs=1e-4)
    assert median.baseline == pytest.approx(np.median(closest["holdout"]), abs=1e-4)


def test_dcr_says_that_it_is_no_evidence_and_no_policy_reads_it() -> None:
    assert {s.detail for s in distance_to_closest(tables(FRESH))} == {REMARK}
    policies = list((Path(__file__).parents[3] / "configs" / "policies").glob("*.yaml"))
    assert policies
    for path in policies:
        for rule in yaml.safe_load(path.read_text("utf-8"))["rules"]:
            read = {rule["metric"], rule.get("alternative", {}).get("metric", "")}
            assert not any(metric.startswith("dcr") for metric in read)


@pytest.mark.parametrize(
    ("holdout", "synthetic", "reason"),
    [(0, N, "0 people|held out"), (60, N, "people, fewer than"), (N, 0, "no synthetic row")],
)
def test_who_is_missing_is_said(holdout: int, synthetic: int, reason: str) -> None:
    given = Tables(TRAIN, HOLDOUT[:holdout], FRESH[:synthetic], SCHEMA)
    for metric in (attribute, reconstruction, distance_to_closest):
        (score,) = metric(given)
        assert score.status == "insufficient evidence"
        assert any(part in score.reason for part in reason.split("|"))


def test_one_column_cannot_be_guessed_from_others() -> None:
    schema = Schema.model_validate({"name": "one", "columns": {"site": SCHEMA.columns["site"]}})
    given = Tables(*(f[["site"]] for f in (TRAIN, HOLDOUT, FRESH)), schema)
    (score,) = attribute(given)
    assert "one column" in score.reason
    assert {s.status for s in reconstruction(given)} == {"ok", "insufficient evidence"}


def test_image_sets_keep_their_own_attack() -> None:
    given = Tables(*(pictures(120, seed) for seed in (1, 2, 3)), SHAPES)
    assert not [*attribute(given), *reconstruction(given), *distance_to_closest(given)]
    assert {"attack.membership", "attack.attribute", "attack.reconstruction", "dcr"} < set(
        ON_TABLES
    )
