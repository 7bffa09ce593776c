"""Membership attacks find what leaks, at the rates that were planted, and nothing where nothing does."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluators.attacks.claims import MEMBERSHIP
from evaluators.attacks.membership import DETAILS, attacks, membership
from evaluators.attacks.people import HELD_OUT, People, people
from evaluators.attacks.points import DIMENSIONS, Points, Space
from evaluators.attacks.shadow import leaky
from evaluators.attacks.sight import Near, Sight, sight
from evaluators.attacks.signals import FLOOR, signals
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.utility.metrics import auroc
from privacy.schema.schema import Schema
from tests.evaluators import clinic
from tests.evaluators.attacks.releases import FRESH, HOLDOUT, TRAIN, N, mixed, noisy, tables

TAIL = "tpr_at_1_percent_fpr"


def found(synthetic: pd.DataFrame) -> Scorecard:
    return Scorecard(tuple(membership(tables(synthetic))))


def low(score: Score) -> float:
    assert score.low is not None
    return score.low


def test_every_attack_is_at_chance_on_fresh_people() -> None:
    card = found(FRESH)
    assert len(card) == 2 * (len(DETAILS) + 1)
    for score in card:
        chance = 0.01 if score.metric.endswith(TAIL) else 0.5
        assert score.value == pytest.approx(chance, abs=0.04)
        assert score.baseline == pytest.approx(chance, abs=0.06)
        assert score.baseline_name == HELD_OUT
        if chance == 0.5:
            assert low(score) < 0.5 < score.high  # type: ignore[operator]


def test_copies_are_found_by_every_attack_on_single_rows() -> None:
    card = found(TRAIN)
    for method in DETAILS:
        least = {"nearest": 0.99, "calibrated": 0.95, "agreement": 0.95, "shadow": 0.99}
        assert low(card.one(metric=f"{MEMBERSHIP}.{method}")) > least.get(method, 0.5)
    assert low(card.one(metric=f"{MEMBERSHIP}.shadow.{TAIL}")) > 0.9


def test_one_copy_in_ten_is_found_at_low_false_positives() -> None:
    card = found(mixed(0.1))
    for method in ("nearest", "shadow"):
        tail = card.one(metric=f"{MEMBERSHIP}.{method}.{TAIL}")
        assert low(tail) > 0.07
        assert tail.value == pytest.approx(0.11, abs=0.02)


def test_practice_and_calibration_beat_the_nearest_row_on_noisy_copies() -> None:
    card = found(noisy())
    values = {m: low(card.one(metric=f"{MEMBERSHIP}.{m}")) for m in DETAILS}
    assert values["shadow"] > max(0.6, values["nearest"] + 0.05)
    assert all(values[m] > 0.5 for m in ("nearest", "calibrated", "domias", "agreement"))


def test_chance_holds_on_average() -> None:
    """Over many fresh releases AUROC is one half: no attack prefers train or holdout."""
    every: dict[str, list[float]] = {}
    for seed in range(8):
        fresh = Tables(
            *(clinic.people(600, 100 + 3 * seed + i) for i in range(3)), clinic.SCHEMA, seed
        )
        seen = sight(fresh)
        assert isinstance(seen, Sight)
        for method, signal in attacks(fresh, seen).items():
            one = np.ones((1, len(signal)))
            every.setdefault(method, []).append(auroc(one, seen.people.member, signal)[0])
    for values in every.values():
        assert np.mean(values) == pytest.approx(0.5, abs=4 * np.std(values) / np.sqrt(8))


def parted(given: Tables) -> People:
    found = people(given)
    assert isinstance(found, People)
    return found


def test_no_unit_is_in_two_parts() -> None:
    """Everybody has two rows, which stay together."""
    frames = [f.assign(person=f["person"].to_numpy()[np.arange(N) // 2]) for f in (TRAIN, HOLDOUT)]
    given = Tables(*frames, FRESH, clinic.SCHEMA)
    parts = parted(given)
    units = [given.units["holdout"][r] for r in (parts.strangers, parts.known, parts.pool)]
    assert sum(len(np.unique(u)) for u in units) == len(np.unique(np.concatenate(units))) == N / 2
    assert len(parts.strangers) == N / 2
    assert len(np.unique(parts.unit)) == N / 2 + N / 4
    weights = parts.weights[:, parts.member == 1]
    assert (weights[:, ::2] == weights[:, 1::2]).all()


@pytest.mark.parametrize(
    ("train", "holdout", "synthetic", "reason"),
    [
        (N, 0, N, "no people were held out"),
        (N, 300, N, "75 people, fewer than 100"),
        (50, N, N, "50 people, fewer than 100"),
        (N, N, 0, "no synthetic row"),
    ],
)
def test_who_is_missing_is_said(train: int, holdout: int, synthetic: int, reason: str) -> None:
    scores = membership(Tables(TRAIN[:train], HOLDOUT[:holdout], FRESH[:synthetic], clinic.SCHEMA))
    assert len(scores) == len(DETAILS) + 1
    for score in scores:
        assert score.status == "insufficient evidence"
        assert reason in score.reason


@pytest.mark.parametrize("rows", [1, 30])
def test_few_synthetic_rows_are_enough_to_try(rows: int) -> None:
    assert {s.status for s in membership(tables(FRESH[:rows]))} == {"ok"}


def test_constant_columns_tell_nothing() -> None:
    names = clinic.SCHEMA.modelled
    same = [f.assign(**{n: TRAIN[n].iloc[0] for n in names}) for f in (TRAIN, HOLDOUT, FRESH)]
    for score in membership(Tables(*same, clinic.SCHEMA)):
        assert score.value == (0 if score.metric.endswith(TAIL) else 0.5)


def test_signals_are_brute_force() -> None:
    """Nearest, and shared columns, by loops over all rows."""
    given = tables(FRESH[:60])
    space = Space.of(given)
    some, release, known = (
        space.points(role, np.arange(n))
        for role, n in (("train", 15), ("synthetic", 60), ("holdout", 20))
    )
    near = (Near.of(some, among) for among in (release, known))
    measured = signals(some, *near, np.random.default_rng(0))

    def distance(row: int) -> float:
        return min(float(np.sqrt(((some.place[row] - s) ** 2).sum())) for s in release.place)

    assert measured["nearest"] == pytest.approx(
        [-np.log(distance(i) + FLOOR) for i in range(15)], abs=1e-4
    )
    for signal in measured.values():
        assert np.isfinite(signal).all()


def test_a_different_category_is_1_apart_and_a_number_its_rank() -> None:
    two = FRESH[:2].assign(site=["A", "B"], age=pd.array([20, 89], dtype="Int64"))
    for name in set(two) - {"site", "age"}:
        two[name] = FRESH[name].iloc[0]
    space = Space.of(tables(two))
    a, b = space.points("synthetic", np.arange(2)).place
    assert ((a - b) ** 2).sum() == pytest.approx(1 + 0.5**2)  # ranks 1/4 and 3/4


def test_wide_tables_are_projected_and_copies_stay_at_0() -> None:
    wide = {
        f"c{i}": {"kind": "categorical", "categories": [str(v) for v in range(30)]}
        for i in range(5)
    }
    schema = Schema.model_validate({"name": "wide", "columns": wide})
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({c: rng.integers(0, 30, 50).astype(str).astype(object) for c in wide})
    space = Space.of(Tables(frame, frame, frame, schema))
    points = space.project(space.points("train", np.arange(50)))
    assert points.place.shape == (50, DIMENSIONS)
    copies = space.project(space.points("synthetic", np.arange(50)))
    assert (points.place == copies.place).all()


def test_shadow_releases_leak_as_much_as_asked() -> None:
    space = Space.of(tables(FRESH))
    rows = space.points("holdout", np.arange(500))
    for swap, share in ((0.0, 1.0), (1.0, 0.0)):
        release = leaky(space, rows, swap, np.random.default_rng(0))
        known = {row.tobytes() for row in rows.place}
        assert np.mean([row.tobytes() in known for row in release.place]) == share
        joined = Points.joined([release, rows])
        assert len(joined) == 1000
