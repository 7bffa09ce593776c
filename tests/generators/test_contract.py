"""What every generator must keep, whatever it is made of. Its mechanisms are audited in test_audit.py."""

import dataclasses
import functools
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dp_accounting import NoOpDpEvent, ZCDpEvent

from generators.images.generator import ImageSgd
from generators.marginals import measurement
from generators.registry import GENERATORS, NON_PRIVATE, WORKERS, load_model
from privacy.accounting.composition import spent
from privacy.accounting.guarantee import Guarantee
from privacy.errors import LedgerError, PermitError
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.reading.conform import conform
from privacy.records.impossible import impossible_rows
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

CLAIM = Guarantee(20.0, 1e-6)
"""Large, so that little is lost in noise."""
WEAKER = Guarantee(10.0, CLAIM.delta)

SCHEMA = Schema.model_validate(
    {
        "name": "tiny",
        "unit": "person",
        "columns": {
            "person": {"kind": "identifier"},
            "sex": {"kind": "categorical", "categories": ["F", "M"]},
            "age": {"kind": "integer", "bounds": [0, 99], "bins": 5, "missing": "keep"},
            "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4},
            "ward": {"kind": "ordinal", "categories": ["a", "b", "c"]},
            "ill": {"kind": "categorical", "categories": ["0", "1"]},
        },
        "targets": [{"task": "classification", "column": "ill", "positive": ["1"]}],
        "subgroups": [{"column": "sex"}, {"column": "age", "bands": [0, 40, 99]}],
        "impossible": [{"ward": {"values": ["a"]}, "age": {"min": 30}}],
    }
)

PICTURES = Schema.model_validate(
    SCHEMA.model_dump(include={"unit", "targets", "subgroups", "impossible"})
    | {
        "name": "tiny",
        "columns": SCHEMA.model_dump()["columns"]
        | {"scan": {"kind": "image", "height": 7, "width": 6, "channels": 1}},
    }
)
"""The same people, with a picture each."""

HAS_UV = shutil.which("uv") is not None


def parameter(name):
    """A generator; one that needs a worker is left to `make test-long`."""
    far = name in WORKERS
    marks = [pytest.mark.long, pytest.mark.skipif(not HAS_UV, reason="uv is not here")]
    return pytest.param(GENERATORS[name], id=name, marks=marks if far else ())


private = [name for name in GENERATORS if name not in NON_PRIVATE]
every = pytest.mark.parametrize("kind", GENERATORS.values(), ids=GENERATORS)
charged = pytest.mark.parametrize("kind", [GENERATORS[n] for n in private], ids=private)
generators = pytest.mark.parametrize("kind", [parameter(name) for name in private])
"""``every``: without a fit; ``charged``: the same, of those that promise something; ``generators``: fitted."""


def rows(n=300, outliers=0):
    """``n`` people like any, and units that are like nobody: ward c, ill, oldest, last quarter."""
    rng = np.random.default_rng(0)
    people = pd.DataFrame(
        {
            "sex": rng.choice(["F", "M"], n),
            "age": pd.Series(rng.integers(0, 60, n), dtype="Int64").mask(rng.random(n) < 0.1),
            "seen": (np.datetime64("2020-01-01") + rng.integers(0, 200, n)).astype("datetime64[s]"),
            "ward": np.full(n, "b", dtype=object),
            "ill": rng.choice(["0", "1"], n, p=[0.8, 0.2]),
        }
    )
    odd = pd.DataFrame(
        {
            "sex": ["M"],
            "age": pd.Series([99], dtype="Int64"),
            "seen": pd.Series([np.datetime64("2020-12-31", "s")]),
            "ward": ["c"],
            "ill": ["1"],
        }
    )
    return pd.concat([people, *[odd] * outliers], ignore_index=True)


def pictured():
    """The same rows with pictures that are brighter for the ill."""
    frame, rng = rows(), np.random.default_rng(1)
    light = 60 + 120 * (frame["ill"] == "1").to_numpy()[:, None, None, None]
    scans = np.clip(light + rng.normal(0, 20, (len(frame), 7, 6, 1)), 0, 255).astype(np.uint8)
    return frame.assign(scan=pd.Series(list(scans), dtype=object))


def given(kind):
    """The schema that a generator is for, and rows of it."""
    return (PICTURES, pictured()) if issubclass(kind, ImageSgd) else (SCHEMA, rows())


@pytest.fixture(scope="module")
def permits(tmp_path_factory):
    """A permit for a calibrated generator, charged on a ledger of its own."""

    def permit(generator, transcript):
        ledger = Ledger(str(tmp_path_factory.mktemp("ledger") / "ledger.db"))
        ledger.register("tiny", CLAIM, 0.2)
        return ledger.charge(
            "tiny",
            "train",
            run="r",
            attempt=transcript.attempt,
            purpose="fit",
            event=generator.event(),
        )

    return permit


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """A fit that was killed in the middle and went on: its folder, what it had been answered, its model."""

    folder: Path
    answered: list
    model: object


@pytest.fixture(scope="module")
def fits(permits, tmp_path_factory):
    """Each generator fitted once, and killed once on the way."""

    @functools.cache
    def fit(kind):
        folder = tmp_path_factory.mktemp("fit")
        answered = killed_halfway(calibrated(kind), permits, folder / "attempt.jsonl")
        return Fit(folder, answered, run(calibrated(kind), permits, folder))

    return fit


@pytest.fixture(scope="module")
def fitted(fits):
    """The model of each generator."""
    return lambda kind: fits(kind).model


SMALL = {
    "diffusion": {"steps": 20, "device": "cpu"},
    "ctgan": {"steps": 20, "fakes": 64, "device": "cpu"},
    "pategan": {"votes": 200, "rounds": 4, "generated": 1000, "device": "cpu"},
    "image-diffusion": {
        "warm_up": 5,
        "steps": 20,
        "sampling_rate": 0.2,
        "draws": 2,
        "frequencies": 3,
        "widths": (8, 8),
        "sampling_steps": 3,
        "device": "cpu",
    },
    "synthcity-dpgan": {"n_iter": 2},
    "synthcity-pategan": {"n_iter": 1, "generator_n_iter": 2, "n_teachers": 2},
    "image-gan": {
        "steps": 20,
        "sampling_rate": 0.2,
        "frequencies": 3,
        "width": 8,
        "critic_width": 4,
        "fakes": 32,
        "device": "cpu",
    },
    "image-matching": {
        "steps": 20,
        "frequencies": 3,
        "components": 20,
        "matched": 10,
        "batch": 20,
        "width": 8,
        "device": "cpu",
    },
}
"""Public parameters that make training short; 300 people teach a network nothing anyway."""


def small(kind):
    names = {v: k for k, v in GENERATORS.items()}
    return kind(**SMALL.get(names[kind], {}))


@functools.cache
def calibrated(kind, beside=None, claim=CLAIM):
    return small(kind).calibrate(claim, given(kind)[0], beside or NoOpDpEvent())


def run(generator, permits, folder):
    schema, frame = given(type(generator))
    transcript = Transcript(folder / "attempt.jsonl")
    paid = Paid(permits(generator, transcript), transcript)
    return generator.fit(units(frame), schema, paid, lambda what, share: None)


def units(frame):
    """Every row a person of its own."""
    return Rows(frame, np.arange(len(frame)))


@every
def test_fields_are_public_and_frozen(kind):
    generator = kind()
    for field in dataclasses.fields(generator):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(generator, field.name, None)


@charged
def test_the_event_is_known_without_data_and_fits_the_claim(kind):
    with pytest.raises(ValueError, match="calibrate"):
        kind().event()
    alone = spent([calibrated(kind).event()], CLAIM.delta)
    assert 0.99 * CLAIM.epsilon < alone.epsilon <= CLAIM.epsilon
    beside = ZCDpEvent(0.1)
    both = spent([beside, calibrated(kind, beside).event()], CLAIM.delta)
    assert 0.99 * CLAIM.epsilon < both.epsilon <= CLAIM.epsilon


@charged
def test_a_permit_for_something_else_opens_nothing(kind, permits, tmp_path):
    class Unread:
        def __getattr__(self, name):
            raise AssertionError("a private row was touched without a permit")

    weaker = calibrated(kind, claim=WEAKER)
    mine, other = Transcript(tmp_path / "mine"), Transcript(tmp_path / "other")
    for wrong in (permits(weaker, mine), permits(calibrated(kind), other)):
        with pytest.raises(PermitError):
            calibrated(kind).fit(
                Unread(), given(kind)[0], Paid(wrong, mine), lambda what, share: None
            )


@generators
def test_samples_stay_in_the_schema_and_repeat_by_seed(kind, fitted):
    model = fitted(kind)
    frame = model.sample(500, np.random.default_rng(1))
    assert list(frame) == list(given(kind)[0].columns)
    assert frame["person"].tolist() == [str(i) for i in range(1, 501)]
    Codec(model.schema).encode(frame)
    assert not impossible_rows(frame, SCHEMA).any()
    pd.testing.assert_frame_equal(frame, model.sample(500, np.random.default_rng(1)))
    assert not frame.equals(model.sample(500, np.random.default_rng(2)))


@generators
def test_a_saved_model_draws_the_same_rows(kind, fitted, tmp_path):
    model = fitted(kind)
    model.save(tmp_path)
    assert not list(tmp_path.rglob("*.pkl"))
    again = load_model(tmp_path)
    pd.testing.assert_frame_equal(
        again.sample(200, np.random.default_rng(3)), model.sample(200, np.random.default_rng(3))
    )
    assert again.charge == model.charge
    assert again.rows == model.rows


@generators
def test_sampling_never_draws_noise_or_charges_again(kind, fitted, monkeypatch):
    model = fitted(kind)
    for name in ("discrete_gaussian", "noisy_max"):
        monkeypatch.setattr(f"privacy.noise.{name}", None)
        monkeypatch.setattr(measurement, name, None)
    monkeypatch.setattr(Ledger, "charge", None)
    model.sample(10, np.random.default_rng(0))
    model.sample(10, np.random.default_rng(0))


def killed_halfway(generator, permits, path):
    """Answers of a fit that was killed in the middle."""

    class KilledError(Exception):
        pass

    def kill(what, share):
        if share > 0.5:
            raise KilledError

    first = Transcript(path)
    schema, frame = given(type(generator))
    with pytest.raises(KilledError):
        generator.fit(units(frame), schema, Paid(permits(generator, first), first), kill)
    assert first.answers
    return list(first.answers)


@generators
def test_a_killed_fit_goes_on_with_the_answers_it_had(kind, permits, fits, tmp_path):
    first = fits(kind)
    folder = shutil.copytree(first.folder, tmp_path / "fit")
    whole = Transcript(folder / "attempt.jsonl").answers
    assert whole[: len(first.answered)] == first.answered
    again = run(calibrated(kind), permits, folder)
    assert Transcript(folder / "attempt.jsonl").answers == whole
    pd.testing.assert_frame_equal(
        again.sample(50, np.random.default_rng(0)), first.model.sample(50, np.random.default_rng(0))
    )


@generators
def test_another_generator_cannot_go_on_with_the_answers(kind, permits, fits, tmp_path):
    folder = shutil.copytree(fits(kind).folder, tmp_path / "fit")
    Transcript(folder / "attempt.jsonl").scratch.unlink(missing_ok=True)
    with pytest.raises(LedgerError, match="another question"):
        run(calibrated(kind, claim=WEAKER), permits, folder)


def test_noise_is_refused_where_opendp_prices_it_above_the_charge(monkeypatch):
    monkeypatch.setattr(
        "privacy.noise.gaussian_sigma", lambda rho, sensitivity: 0.5 / np.sqrt(2 * rho)
    )
    from privacy.noise import discrete_gaussian

    with pytest.raises(ValueError, match="costs"):
        discrete_gaussian(np.zeros(3, dtype=int), 0.1)


def test_the_test_rows_fit_the_test_schema(tmp_path):
    from flows.frames.written import texts
    from privacy.schema.codec import number_identifiers

    path = tmp_path / "rows.csv"
    texts(number_identifiers(rows(outliers=1), SCHEMA), SCHEMA).to_csv(path, index=False)
    from privacy.reading.read import read_texts

    _, findings = conform(read_texts((path,), SCHEMA), SCHEMA)
    assert findings == []
