"""AIM on histories: what it costs, what it draws, and that it goes on where it was killed."""

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent, ZCDpEvent

from generators.asked import balanced, draw_asked
from generators.histories.generator import Histories, HistoryModel, placed
from generators.marginals.aim import differences, pooled
from generators.marginals.compression import Compression
from generators.marginals.generator import Aim, _mirrors
from generators.registry import load_model
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import parts
from privacy.errors import InputError, PermitError
from privacy.histories.schemas import step_schema
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.records.codec import RecordCodec
from privacy.records.where import where
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(20.0, 1e-6)
BINS = {"kind": "integer", "bounds": [0, 400], "bins": [0, 25, 35, 60, 400]}
SCHEMA = Schema.model_validate(
    {
        "name": "ward",
        "unit": "patient",
        "max_rows_per_unit": 6,
        "columns": {
            "patient": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [1, 6], "bins": 6},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2022-12-31"], "bins": 12,
                    "shape": {"edges": [18262, 19358], "weights": [1]}},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "age": {"kind": "integer", "bounds": [20, 99], "bins": 79},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
        },
        "targets": [{"task": "classification", "column": "stage", "positive": ["III"]}],
        "subgroups": [{"column": "sex"}],
        "visits": {
            "order": "day",
            "gaps": {"day": BINS | {"shape": {"edges": [0, 30, 31, 401], "weights": [1, 98, 1]}}},
            "constant": ["sex"],
            "numbered": ["visit"],
            "never_falls": ["stage"],
            "ages": {"age": 365.25},
        },
    }
)  # fmt: skip


def histories(patients=400, seed=0):
    """Visits every 30 days; women stay at their stage, men go up by one with every third visit."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 7, patients)
    units = np.repeat(np.arange(patients), size)
    place = np.concatenate([np.arange(n) for n in size])
    sex = rng.integers(0, 2, patients)[units]
    start = np.datetime64("2020-01-05") + rng.integers(0, 700, patients)[units]
    age = rng.integers(30, 80, patients)[units] + 30 * place // 366
    stage = np.minimum(2, sex * (place // 2))
    frame = pd.DataFrame(
        {
            "visit": pd.Series(place + 1, dtype="Int64"),
            "day": (start + 30 * place).astype("datetime64[s]"),
            "sex": np.array(["F", "M"], dtype=object)[sex],
            "age": pd.Series(age, dtype="Int64"),
            "stage": np.array(["I", "II", "III"], dtype=object)[stage],
        }
    )
    return Rows(frame[list(SCHEMA.informative)], units)


def paid_for(folder, generator):
    transcript = Transcript(folder / "attempt.jsonl")
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register("ward", CLAIM, 0.2)
    words = {"run": "r", "attempt": transcript.attempt, "purpose": "fit"}
    return Paid(ledger.charge("ward", "train", event=generator.event(), **words), transcript)


@pytest.fixture(scope="module")
def generator():
    return Histories(Aim()).calibrate(CLAIM, SCHEMA, NoOpDpEvent())


@pytest.fixture(scope="module")
def model(generator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    return generator.fit(histories(), SCHEMA, paid_for(folder, generator), lambda what, share: None)


def test_it_costs_the_guarantee_and_is_known_without_data(generator):
    assert generator.event() == ZCDpEvent(generator.rho)
    assert 0.99 * CLAIM.epsilon < spent([generator.event()], CLAIM.delta).epsilon <= CLAIM.epsilon
    with pytest.raises(ValueError, match="calibrate"):
        Histories(Aim()).event()


def test_draws_cost_no_more_than_is_charged(generator, tmp_path, monkeypatch):
    """Every draw of both tables, priced by what it asks: together they are ρ at most."""
    from generators.marginals import measurement

    spent_rho = []
    pay = measurement.Budget._pay

    def counted(budget, kind, rho):
        spent_rho.append(rho)
        pay(budget, kind, rho)

    monkeypatch.setattr(measurement.Budget, "_pay", counted)
    generator.fit(histories(60), SCHEMA, paid_for(tmp_path, generator), lambda what, share: None)
    assert sum(spent_rho) <= generator.rho * (1 + 1e-9)


def test_noise_is_scaled_to_the_parts_of_a_unit(generator, model):
    """Of the steps every measurement's σ is a whole unit's parts over √(2ρ) of its own draw."""
    from privacy.histories.tables import whole

    fewest = min(m.sigma for m in model.step.measurements)
    assert fewest >= whole(SCHEMA) / np.sqrt(2 * generator.rho)


def test_a_fit_without_a_charge_reads_nothing(generator, tmp_path):
    less = Histories(Aim()).calibrate(Guarantee(1.0, 1e-6), SCHEMA, NoOpDpEvent())
    with pytest.raises(PermitError):
        generator.fit(histories(50), SCHEMA, paid_for(tmp_path, less), lambda what, share: None)


def test_histories_keep_all_that_is_declared(model):
    frame = model.sample(3000, np.random.default_rng(0))
    by = frame.groupby("patient", sort=False)
    assert list(frame.columns) == list(SCHEMA.columns)
    assert (frame["visit"] == by.cumcount() + 1).all()
    assert (by["sex"].nunique() == 1).all()
    assert not (by["day"].diff() < pd.Timedelta(0)).any()
    stage = frame["stage"].map({"I": 0, "II": 1, "III": 2})
    assert not (stage.groupby(frame["patient"]).diff() < 0).any()
    assert by.size().max() <= 6
    years = by["day"].transform(lambda d: (d - d.iloc[0]).dt.days / 365.25)
    grown = by["age"].transform(lambda a: a - a.iloc[0])
    assert ((grown - years).abs() < 1).all()


def test_histories_are_like_the_real_ones(model):
    """At ε = 20: rows a patient, time between rows, and that men move on where women stay."""
    drawn, real = model.sample(6000, np.random.default_rng(1)), histories()
    size = drawn.groupby("patient").size().value_counts(normalize=True)
    wanted = pd.Series(np.bincount(real.units)).value_counts(normalize=True)
    assert 0.5 * size.sub(wanted, fill_value=0).abs().sum() < 0.1
    apart = drawn.groupby("patient")["day"].diff().dropna().dt.days
    assert (apart == 30).mean() > 0.9
    late = drawn[drawn["visit"] >= 3].groupby("sex")["stage"].agg(lambda s: (s != "I").mean())
    assert late["F"] < 0.15
    assert late["M"] > 0.85


def test_as_many_rows_as_asked_for_and_the_last_patient_whole(model):
    for n in (1, 50, 777):
        frame = model.sample(n, np.random.default_rng(2))
        assert n <= len(frame) < n + 6
        assert frame.equals(model.sample(n, np.random.default_rng(2)))
        assert frame["patient"].drop_duplicates().tolist() == [
            str(i) for i in range(1, frame["patient"].nunique() + 1)
        ]


def test_a_saved_model_draws_the_same_histories(model, tmp_path):
    model.save(tmp_path)
    again = load_model(tmp_path)
    assert isinstance(again, HistoryModel)
    assert again.rows == model.rows
    assert again.sample(200, np.random.default_rng(3)).equals(
        model.sample(200, np.random.default_rng(3))
    )
    real = len(histories().units)
    assert abs(model.rows - real) < 0.1 * real


def test_a_killed_fit_goes_on_with_what_it_was_answered(generator, tmp_path, model):
    paid = paid_for(tmp_path, generator)
    rows, heard = histories(), []

    class KilledError(Exception):
        pass

    def kill(what, share):
        heard.append(what)
        if what == "measuring what follows":
            raise KilledError

    with pytest.raises(KilledError):
        generator.fit(rows, SCHEMA, paid, kill)
    before = (tmp_path / "attempt.jsonl").read_text().splitlines()
    again = Paid(paid.permit, Transcript(tmp_path / "attempt.jsonl"))
    generator.fit(rows, SCHEMA, again, lambda what, share: None)
    after = (tmp_path / "attempt.jsonl").read_text().splitlines()
    assert after[: len(before)] == before
    assert len(after) > len(before)


def test_groups_may_be_bands_of_a_number_that_changes(tmp_path):
    """Its codes are cut at the bands, those of the row before are not."""
    columns = SCHEMA.model_dump()["columns"] | {
        "weight": {"kind": "integer", "bounds": [30, 150], "bins": 6}
    }
    bands = [*SCHEMA.model_dump()["subgroups"], {"column": "weight", "bands": [30, 65, 150]}]
    schema = Schema.model_validate(SCHEMA.model_dump() | {"columns": columns, "subgroups": bands})
    assert _mirrors(RecordCodec(step_schema(schema))) == {"previous stage": "stage"}
    rows = histories(300)
    person = np.random.default_rng(0).integers(40, 110, 300)[rows.units]
    frame = rows.frame.assign(weight=pd.Series(person, dtype="Int64"))
    generator = Histories(Aim()).calibrate(CLAIM, schema, NoOpDpEvent())
    paid = paid_for(tmp_path, generator)
    model = generator.fit(Rows(frame, rows.units), schema, paid, lambda what, share: None)
    drawn = model.sample(2000, np.random.default_rng(0))
    before = drawn.groupby("patient")["weight"].shift()
    pair = pd.DataFrame({"before": before, "after": drawn["weight"]}).dropna().astype(float)
    assert pair.corr().iloc[0, 1] > 0.6  # bins are 20 wide, and how far it moves was not measured
    assert abs((drawn["weight"] < 65).mean() - (person < 65).mean()) < 0.1


def test_what_cannot_be_kept_from_row_to_row_is_told_before_anything_is_charged():
    columns = {
        "who": {"kind": "identifier"},
        **{n: {"kind": "integer", "bounds": [0, 9], "bins": 10} for n in ("x", "y", "z")},
    }
    schema = Schema.model_validate(
        {
            "name": "t", "unit": "who", "max_rows_per_unit": 3, "columns": columns,
            "targets": [{"task": "regression", "column": "z"}],
            "relations": [{"total": "z", "parts": ["x", "y"]}],
            "visits": {"constant": ["x", "y"]},
        }
    )  # fmt: skip
    with pytest.raises(InputError, match=r"visits: .*'z = x \+ y'.* given the one before"):
        parts(schema)


def test_how_places_go_with_rows_follows_from_the_starts(model):
    """A unit of n rows has every place from 2 to n alike, one of them the last."""
    parts = 60
    steps = step_schema(SCHEMA)
    known = placed(model.start, steps, 6, parts)
    (rows,) = (m for m in model.start.measurements if m.clique == ("rows in all",))
    assert known.clique == ("rows in all", "row number", "last row")
    assert known.counts.sum() == pytest.approx(parts * rows.counts[1:].sum(), abs=20)
    by_last = known.counts.sum(axis=(0, 1))
    shares = sum(rows.counts[n - 1] / (n - 1) for n in range(2, 7))
    assert by_last[1] == pytest.approx(parts * shares, abs=20)


def test_sums_of_differences_are_of_their_diagonals():
    group = np.array([0, 0, 1, 2, 3])  # four numbers, two of them merged, and a missing value
    domain, within = {"previous x": 4, "x": 4}, {}
    part, many = differences(
        Compression(domain, {"previous x": group, "x": group}, within), ("previous x", "x"), 4
    )
    assert part[0, 0] == part[1, 1] == part[2, 2]
    assert part[0, 1] == part[0, 1]
    assert part[0, 1] != part[1, 0]
    assert len(np.unique(part[3])) == 4
    assert len(np.unique(part)) == many + 7
    assert (part[:3, :3] < many).all()
    assert (part[3] >= many).all()


def test_far_differences_that_are_but_noise_are_added_up():
    part = np.abs(np.subtract.outer(np.arange(6), np.arange(6)) + 5)
    sums = np.array([3, -2, 4, 1, 60, 900, 55, -3, 2, 0, -1])
    seen = pooled(("previous x", "x"), part, 11, sums, 5.0)
    assert seen.counts.tolist() == [6.0, 60.0, 900.0, 55.0, -2.0]
    assert seen.precision.tolist() == pytest.approx([1 / 100, 1 / 25, 1 / 25, 1 / 25, 1 / 100])
    assert seen.part[0, 5] == seen.part[0, 4]
    assert seen.part[0, 0] == 2


def test_whole_patients_are_asked_for_by_what_is_constant(model):
    found = draw_asked(model, 300, [where("sex=F", SCHEMA)], np.random.default_rng(0))
    assert set(found["sex"]) == {"F"}
    assert len(found) >= 300
    sizes = found.groupby("patient", sort=False).size()
    assert (found["visit"] == np.concatenate([np.arange(1, n + 1) for n in sizes])).all()
    equal = draw_asked(model, 600, balanced("sex", SCHEMA), np.random.default_rng(0))
    assert (equal["sex"].value_counts() >= 300).all()
    assert (equal.groupby("patient")["sex"].nunique() == 1).all()
    with pytest.raises(InputError, match="stage: changes from row to row of a patient"):
        draw_asked(model, 10, [where("stage=I", SCHEMA)], np.random.default_rng(0))
