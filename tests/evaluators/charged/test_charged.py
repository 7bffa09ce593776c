"""Charged figures: what one person may move, what the questions may know, and what the scores say."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evaluators.charged import distance, questions
from evaluators.charged.cost import evaluation_event
from evaluators.charged.people import People
from evaluators.charged.scores import ITSELF, charged_scores
from evaluators.features import columns_of, outcome
from evaluators.fidelity.kmarginal import score_tables
from evaluators.score import Score, Scorecard
from evaluators.tables import Tables
from evaluators.utility.learners import LEARNERS
from privacy.accounting.guarantee import Guarantee
from privacy.errors import PermitError
from privacy.ledger.charges import Permit
from privacy.ledger.ledger import Ledger
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows, StoredRows
from tests.evaluators import shapes
from tests.evaluators.clinic import SCHEMA, people

RHO = 0.05
QUICK = {
    task: {name: lambda X, y, seed: lambda Z: Z.mean(axis=1) for name in found}
    for task, found in LEARNERS.items()
}
SYNTHETIC, FRESH = people(1500, 2), people(1500, 3)


def units(frame: pd.DataFrame) -> np.ndarray:
    return pd.factorize(frame["person"])[0]


@dataclass
class Asked:
    """A transcript that writes nothing: what was asked, and answered unless that is ``recorded``."""

    attempt: str = "a"
    questions: list[Any] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    recorded: Sequence[Any] = ()

    def answer(self, question: list[Any], draw: Callable[[], Any]) -> Any:
        self.questions.append(question)
        at = len(self.answers)
        self.answers.append(self.recorded[at] if self.recorded else draw())
        return self.answers[-1]


@cache
def permit(rho: float = RHO) -> Permit:
    """Charged for so much, on a ledger in memory."""
    ledger = Ledger("sqlite://")
    ledger.register("clinic", Guarantee(1e9, 1e-6), 0.5)
    event = evaluation_event(rho)
    return ledger.charge("clinic", "holdout", run="r", attempt="a", purpose="e", event=event)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> list[tuple[np.ndarray, float, int]]:
    """Silences the noise; what would have been noised, its ρ and its sensitivity."""
    asked: list[tuple[np.ndarray, float, int]] = []
    _silence(monkeypatch, asked)
    return asked


def _silence(monkeypatch: pytest.MonkeyPatch, asked: list[tuple[np.ndarray, float, int]]) -> None:
    def draw(counts: np.ndarray, rho: float, sensitivity: int = 1) -> np.ndarray:
        asked.append((np.array(counts), rho, sensitivity))
        return np.array(counts)

    for module in (questions, distance):
        monkeypatch.setattr(module, "discrete_gaussian", draw)


@pytest.fixture
def lens_of_coin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Learners that cost nothing to train."""
    monkeypatch.setattr("evaluators.charged.lenses.LEARNERS", QUICK)


def scored(frame: pd.DataFrame, rho: float = RHO, asked: Any = None) -> Scorecard:
    rows = Rows(frame.drop(columns="person"), units(frame))
    asked = asked or Asked()
    return Scorecard(
        tuple(charged_scores(rows, Rows.of(SYNTHETIC), FRESH, SCHEMA, rho, permit(rho), asked))
    )


@pytest.mark.usefixtures("lens_of_coin")
def test_nobody_is_asked_without_the_permit_for_it() -> None:
    frame, asked = people(5, 1), Asked()
    rows = Rows(frame, units(frame))
    with pytest.raises(PermitError, match="charged for"):
        charged_scores(rows, Rows.of(SYNTHETIC), FRESH, SCHEMA, 2 * RHO, permit(), asked)
    with pytest.raises(PermitError, match="attempt"):
        charged_scores(rows, Rows.of(SYNTHETIC), FRESH, SCHEMA, RHO, permit(), Asked("b"))
    assert asked.questions == []


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(0, 60))
def test_one_unit_moves_the_answers_by_no_more_than_the_charge(
    seed: int, rows_of_unit: int, others: int
) -> None:
    """Σ ‖Δ‖² ρ_i / Δ_i², over all questions that see the unit, is at most ρ; whatever its rows hold."""
    rng = np.random.default_rng(seed)
    frame = people(60, 5).head(others)
    one = people(rows_of_unit, int(rng.integers(1000)) + 10).assign(person="somebody")
    place = int(rng.integers(others + 1))
    with_one = pd.concat([frame.iloc[:place], one, frame.iloc[place:]], ignore_index=True)
    both: list[list[tuple[np.ndarray, float, int]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evaluators.charged.lenses.LEARNERS", QUICK)
        for rows in (frame, with_one):
            both.append([])
            _silence(patch, both[-1])
            scored(rows)
    cost = 0.0
    for (a, rho, bound), (b, same, _) in zip(*both, strict=True):
        assert rho == same
        moved = float(((b - a).astype(float) ** 2).sum())
        cost += rho * moved / bound**2
    assert 0 < cost <= RHO * (1 + 1e-9)


@pytest.mark.usefixtures("lens_of_coin")
def test_every_answer_is_noised_at_its_question_s_cost_and_all_cost_what_was_charged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, costs = Asked(), []

    def draw(counts: np.ndarray, rho: float, sensitivity: int = 1) -> np.ndarray:
        costs.append((rho, sensitivity))
        return np.full(np.shape(counts), 7)

    for module in (questions, distance):
        monkeypatch.setattr(module, "discrete_gaussian", draw)
    scored(people(200, 6), asked=asked)
    assert all((np.array(answer) == 7).all() for answer in asked.answers)
    paid: dict[tuple[Any, ...], float] = {}
    for question, (rho, sensitivity) in zip(asked.questions, costs, strict=True):
        kind, what, dimension, *_, cost = question
        assert rho == cost
        assert sensitivity == (question[-2] if kind == "distance" else 1)
        paid[kind, what, dimension] = cost  # a person is in one slice of a dimension
    assert math.fsum(paid.values()) == pytest.approx(RHO, rel=1e-12)


@pytest.mark.usefixtures("lens_of_coin")
def test_scores_come_of_the_answers_and_of_nothing_else_of_the_people() -> None:
    asked = Asked()
    found = scored(people(400, 15), asked=asked)
    again = Asked(recorded=asked.answers)
    assert found == scored(people(30, 16).query("sex == 'M'"), asked=again)


@pytest.mark.usefixtures("lens_of_coin")
def test_what_is_asked_does_not_depend_on_who_is_held_out() -> None:
    def remembered(frame: pd.DataFrame) -> list[Any]:
        asked = Asked()
        scored(frame, asked=asked)
        return asked.questions

    everyone = remembered(people(300, 7))
    women = people(300, 8).query("sex == 'F' and site != 'C'").reset_index(drop=True)
    assert everyone == remembered(women) == remembered(people(300, 9).head(0))


@pytest.mark.usefixtures("exact")
def test_without_noise_figures_are_those_of_the_model_on_real_people() -> None:
    holdout = people(1200, 11)
    target = SCHEMA.targets[0]
    tables = Tables(SYNTHETIC, holdout, SYNTHETIC, SCHEMA)
    X, y = columns_of(SYNTHETIC, tables.codec, target), outcome(SYNTHETIC, tables.codec, target)[0]
    risk = LEARNERS["classification"]["boosting"](X, y, 0)(
        columns_of(holdout, tables.codec, target)
    )
    event = (holdout["back"] == "yes").to_numpy()
    found = scored(holdout, rho=1e6)
    women = (holdout["sex"] == "F").to_numpy()
    chosen = risk > y.mean()

    def of(metric: str, piece: str = "all") -> Score:
        return found.one(metric=f"charged.{metric}", slice=piece, target=target.name)

    assert of("tpr").value == pytest.approx(chosen[event].mean(), abs=1e-9)
    assert of("fpr", "sex=F").value == pytest.approx(chosen[women & ~event].mean(), abs=1e-9)
    assert of("base_rate", "sex=F").value == pytest.approx(event[women].mean(), abs=1e-9)
    assert of("auroc").value == pytest.approx(roc_auc_score(event, risk), abs=0.02)  # of 12 bins
    assert of("calibration_gap").value == pytest.approx((risk - event).mean(), abs=0.01)
    pairs = found.one(metric="charged.kmarginal.2", slice="all")
    sets = distance.sets_of(tables, tables.dimensions[0])
    theirs = score_tables(
        tables.codes["holdout"], [tables.codes["synthetic"]], sets, tables.codec.domain
    )
    assert pairs.value == pytest.approx(theirs[0], abs=1e-6)


@pytest.mark.usefixtures("exact")  # noise of about 20 now and then finds 50 people where 31 are
def test_scores_are_public_charged_and_say_what_they_cannot() -> None:
    found = scored(people(900, 12))
    assert all(s.visibility == "public" and s.charged and s.rows == "holdout" for s in found)
    for target in ("back", "died", "cost"):
        assert any(s.target == target and s.status == "ok" for s in found)
    nobody = found.filter(slice="site=C & sex=F") or found.filter(slice="sex=F & site=C")
    assert nobody
    assert {s.status for s in nobody if s.target == "back"} == {"insufficient evidence"}
    assert all(s.reason for s in found if s.status != "ok")
    gaps = found.filter(lambda s: s.metric.endswith(".gap"), status="ok")
    assert gaps
    assert {s.baseline_name for s in gaps} == {ITSELF}


@pytest.mark.parametrize(
    "harm",
    [
        lambda f: f.head(0),
        lambda f: f.head(1),
        lambda f: f.assign(back="no"),
        lambda f: f.assign(died="0"),
        lambda f: f.assign(site="A", sex="F", cost=5.0),
    ],
    ids=["no row", "one row", "no event", "all censored", "constant"],
)
@pytest.mark.parametrize("side", ["holdout", "synthetic"])
def test_bad_tables_give_reasons(harm: Any, side: str) -> None:
    frame, synthetic = people(300, 13), people(300, 14)
    if side == "holdout":
        frame = harm(frame)
    else:
        synthetic = harm(synthetic)
    rows = Rows(frame, units(frame))
    found = charged_scores(rows, Rows.of(synthetic), synthetic, SCHEMA, RHO, permit(), Asked())
    assert all(s.value is not None or s.reason for s in found)


def test_images_and_many_classes_are_asked_for() -> None:
    holdout, synthetic = shapes.people(300, 1), shapes.people(300, 2)
    rows = Rows(holdout, np.arange(len(holdout)))
    found = Scorecard(
        tuple(
            charged_scores(
                rows,
                Rows.of(synthetic),
                shapes.people(300, 3),
                shapes.SCHEMA,
                1.0,
                permit(1.0),
                Asked(),
            )
        )
    )
    assert found.one(metric="charged.accuracy", slice="all").value is not None
    assert len(found.filter(metric="charged.recall")) == len(shapes.CLASSES)
    assert found.filter(metric="charged.accuracy", slice="sex=F")


@pytest.mark.usefixtures("exact", "lens_of_coin")
def test_first_rows_stand_beside_first_rows() -> None:
    """What comes later in synthetic histories is not held against the first rows of the people held out."""
    plain = SCHEMA.model_dump() | {"max_rows_per_unit": 2, "visits": {"order": "days"}}
    schema = Schema.model_validate(plain)
    held = people(800, 1)
    rows = Rows(held.drop(columns="person"), units(held))

    def once_more(frame: pd.DataFrame) -> pd.DataFrame:
        """With a second row for each of the women, which makes more of them."""
        women = frame[frame["sex"] == "F"].assign(back="yes")
        return pd.concat([frame, women]).sort_index(kind="stable").reset_index(drop=True)

    with_later, alone = (
        charged_scores(rows, Rows.of(frames[0]), frames[1], schema, RHO, permit(), Asked())
        for frames in ((once_more(SYNTHETIC), once_more(FRESH)), (SYNTHETIC, FRESH))
    )
    assert with_later == alone


@pytest.mark.usefixtures("exact")
def test_people_who_come_some_after_the_other_are_asked_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = people(800, 1)
    frame = held.drop(columns="person")
    rows = Rows(frame, units(held))
    at_once = charged_scores(rows, Rows.of(SYNTHETIC), FRESH, SCHEMA, RHO, permit(), Asked())
    monkeypatch.setattr("evaluators.charged.people.AT_ONCE", 37)
    monkeypatch.setattr("evaluators.charged.questions.AT_ONCE", 41)
    monkeypatch.setattr("evaluators.charged.distance.AT_ONCE", 43)
    columns = {n: SCHEMA.columns[n] for n in frame}
    synthetic = StoredRows.gathered([SYNTHETIC[[*frame]]], columns, tmp_path)
    stored = replace(StoredRows.gathered([frame], columns, tmp_path), units=rows.units)
    assert charged_scores(stored, synthetic, FRESH, SCHEMA, RHO, permit(), Asked()) == at_once
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("exact", "lens_of_coin")
def test_people_are_compared_with_all_synthetic_rows_however_few_teach(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a small group would be held against a handful of rows, and seem far from them."""
    held = people(800, 1)
    rows = Rows(held.drop(columns="person"), units(held))

    def distances() -> list[tuple[str, float | None, float | None]]:
        found = charged_scores(rows, Rows.of(SYNTHETIC), FRESH, SCHEMA, RHO, permit(), Asked())
        return [(s.slice, s.value, s.baseline) for s in found if s.metric == "charged.kmarginal.2"]

    of_all = distances()
    monkeypatch.setattr("evaluators.charged.scores.TAUGHT", 200)
    assert distances() == of_all


def test_what_chance_alone_gives_is_that_of_rows_drawn_again() -> None:
    tables = Tables(SYNTHETIC, SYNTHETIC[:0], SYNTHETIC, SCHEMA, 3)
    drawn, everyone = People.of(Rows.of(SYNTHETIC), tables, ()), tables.dimensions[0]
    found = distance.by_chance(tables, drawn, everyone, 0, 2000)
    codes, sets = tables.codes["synthetic"], distance.sets_of(tables, everyone)
    rng, expected = tables.rng("distance by chance all 0"), []
    for _ in range(distance.REPEATS):
        again = codes.iloc[rng.integers(len(codes), size=2000)]
        mean = np.mean(score_tables(codes, [again], sets, tables.codec.domain))
        expected.append(1 - mean / 1000)
    np.testing.assert_allclose(found, expected)
