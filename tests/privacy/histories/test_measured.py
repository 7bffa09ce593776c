"""What a schema with visits leaves open: each column is measured once, and all that was set aside is spent."""

import json
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, SelfComposedDpEvent, ZCDpEvent

from privacy import domain
from privacy.accounting.composition import spent
from privacy.accounting.events import ApproximateZCDpEvent, DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import OF_STEPS, domain_event, measure_domain, portion, to_measure
from privacy.histogram.column import questions
from privacy.histories.schemas import start_schema, step_schema
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import gaussian_sigma
from privacy.schema.placing import gap_name
from privacy.schema.schema import Schema
from privacy.schema.visits import previous
from privacy.stored.rows import Rows

RHO, DELTA = 0.1, 1e-7
MOST = 4
SCHEMA = Schema.model_validate(
    {
        "name": "clinic",
        "unit": "who",
        "max_rows_per_unit": MOST,
        "columns": {
            "who": {"kind": "identifier"},
            "visit": {"kind": "integer", "bounds": [1, MOST], "bins": MOST},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2022-12-31"]},
            "age": {"kind": "integer", "bounds": [18, 99]},
            "weight": {"kind": "float", "bounds": [30, 150], "decimals": 1},
            "ward": {"kind": "categorical", "categories": None, "other": "rest"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
        },
        "visits": {
            "order": "day",
            "constant": ["sex"],
            "numbered": ["visit"],
            "ages": {"age": 365.25},
            "gaps": {"day": {"kind": "integer", "bounds": [1, 400]}},
        },
    }
)
FIRST = ("day", "age", "weight", "ward")
PARTS = 4 + 2 * OF_STEPS
LATER = (gap_name(previous("day"), "day"), gap_name(previous("weight"), "weight"))


def rows(n, seed):
    """Of n people, canonical; ``who`` is left out."""
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(n), rng.integers(1, MOST + 1, n))
    place = pd.Series(units).groupby(units).cumcount().to_numpy()
    since = place * 90 + rng.integers(0, 60, len(units))
    day = np.datetime64("2020-01-01", "s") + (rng.integers(0, 300, n)[units] + since).astype(
        "timedelta64[D]"
    )
    weight = rng.normal(75, 12, n)[units] + rng.normal(size=len(units))
    frame = pd.DataFrame(
        {
            "visit": pd.Series(place + 1, dtype="Int64"),
            "day": day.astype("datetime64[s]"),
            "age": pd.Series(rng.integers(20, 90, n)[units] + since // 365, dtype="Int64"),
            "weight": np.round(np.clip(weight, 30, 150), 1),
            "ward": rng.choice(["a", "b"], len(units)).astype(object),
            "sex": rng.choice(["F", "M"], n)[units].astype(object),
        }
    )
    return frame, units


def measured(folder, schema=SCHEMA, delta=DELTA, n=3000):
    """The schema complete, and ρ of the questions that were asked, by the name of what they are about."""
    transcript = Transcript(folder / "a.jsonl")
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register("clinic", Guarantee(9, 1e-6), 0.2)
    permit = ledger.charge(
        "clinic",
        "train",
        run="r",
        attempt=transcript.attempt,
        purpose="fit",
        event=domain_event(schema, RHO, delta),
    )
    frame, units = rows(n, 0)
    complete = measure_domain(Rows(frame, units), schema, RHO, delta, Paid(permit, transcript))
    asked = defaultdict(float)
    for line in (folder / "a.jsonl").read_text("utf-8").splitlines():
        match json.loads(line).get("question"):
            case ["steps", name, each, _] | ["tree", name, _, each, _]:
                asked[name] += each
            case ["categories", name, each, of_delta, _]:
                asked[name] += each
                asked["δ"] += of_delta
    return complete, dict(asked)


def test_a_column_of_both_tables_is_open_in_the_starts_alone():
    assert to_measure(start_schema(SCHEMA)) == FIRST
    assert set(to_measure(step_schema(SCHEMA))) > set(LATER)
    assert portion(SCHEMA) == 1
    binned = SCHEMA.model_dump(mode="json") | {"visits": SCHEMA.visits.model_dump(mode="json")}
    for name in ("day", "age", "weight"):
        binned["columns"][name] |= {"bins": 10}
    binned["columns"]["ward"] |= {"categories": ["a", "rest"]}
    binned["visits"]["gaps"]["day"] |= {"bins": 10}
    # shapes of three columns and of two gaps, of six columns that are modelled
    assert portion(Schema.model_validate(binned)) == pytest.approx(5 / 6)


def test_the_event_is_the_draws_of_the_starts_and_what_is_left_for_the_steps():
    each = RHO / PARTS
    asked = [questions(SCHEMA.columns[n]) for n in ("day", "age", "weight")]
    draws = [
        SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(each / n)), n * asked.count(n))
        for n in sorted(set(asked))
    ]
    ward = SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(each)), 1)
    starts = ComposedDpEvent([*draws, ward, ApproximateZCDpEvent(0.0, DELTA)])
    event = domain_event(SCHEMA, RHO, DELTA)
    assert event == ComposedDpEvent([starts, ZCDpEvent(RHO * 2 * OF_STEPS / PARTS)])
    whole = spent([ApproximateZCDpEvent(RHO, DELTA)], 1e-6).epsilon
    assert spent([event], 1e-6).epsilon == pytest.approx(whole, rel=0.01)


def test_all_that_is_charged_is_asked(tmp_path):
    complete, asked = measured(tmp_path)
    assert asked.pop("δ") == DELTA
    shares = dict.fromkeys(FIRST, 1) | dict.fromkeys(LATER, OF_STEPS)
    assert asked == pytest.approx({name: RHO * part / PARTS for name, part in shares.items()})
    assert to_measure(start_schema(complete)) == to_measure(step_schema(complete)) == ()
    assert complete.columns["ward"].categories == ("a", "b", "rest")


def test_with_all_known_of_first_rows_the_steps_get_everything(tmp_path):
    """What is known of a column is not asked again, and no part stays for it."""
    complete, _ = measured(tmp_path)
    visits = complete.visits.model_copy(update={"gaps": SCHEMA.visits.gaps})
    (tmp_path / "again").mkdir()
    _, asked = measured(tmp_path / "again", complete.model_copy(update={"visits": visits}), 0.0)
    assert asked == pytest.approx(dict.fromkeys(LATER, RHO / 2))


def test_of_each_person_one_row_and_one_step_are_looked_at_however_they_are_read(monkeypatch):
    frame, units = rows(200, 5)
    monkeypatch.setattr("privacy.stored.rows.AT_ONCE", 7)
    people = Rows(frame, units)
    ones = pd.concat(domain._rows_of_each(people, SCHEMA), ignore_index=True)
    steps = pd.concat(domain._steps_of_each(people, SCHEMA), ignore_index=True)
    many = np.bincount(units)
    assert len(ones) == 200
    assert len(steps) == (many > 1).sum()
    for i in range(200):
        own = frame[units == i]
        assert (own["weight"] == ones["weight"][i]).any()
        assert ones["rows in all"][i] == many[i]
    for i, step in zip(np.flatnonzero(many > 1), steps.itertuples(index=False), strict=True):
        own = frame[units == i].reset_index(drop=True)
        after = own.index[own["day"] == step[steps.columns.get_loc("day")]]
        assert any(
            own["weight"][j - 1] == step[steps.columns.get_loc("previous weight")]
            for j in after
            if j
        )
