from collections import Counter

import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent

from privacy.accounting.composition import spent
from privacy.accounting.events import ApproximateZCDpEvent, DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import (
    domain_event,
    map_undeclared,
    measure_domain,
    portion,
    select_categories,
    to_measure,
)
from privacy.errors import PermitError
from privacy.histogram import BINS, questions
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import gaussian_sigma
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema

OPEN = Schema.model_validate(
    {
        "name": "open",
        "columns": {
            "cost": {"kind": "float", "bounds": [0, 100]},
            "count": {"kind": "integer", "bounds": [0, 20], "missing": "keep", "special": [-1]},
            "day": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "missing": "keep"},
            "ward": {"kind": "categorical", "categories": None, "other": "rest"},
        },
    }
)


def frame(n=20_000):
    rng = np.random.default_rng(0)
    wards = rng.choice(["aa", "bb", "cc"], n, p=[0.7, 0.2, 0.1])
    wards[0] = "a patient's name"
    return pd.DataFrame(
        {
            "cost": rng.exponential(10, n).clip(0, 100),
            "count": pd.Series(rng.poisson(5, n).clip(0, 20), dtype="Int64").mask(
                rng.random(n) < 0.1
            ),
            "day": (np.datetime64("2020-01-01") + rng.integers(0, 300, n)).astype("datetime64[s]"),
            "ward": wards.astype(object),
        }
    )


def measure(folder, charged=0.05):
    """``frame()`` measured on a permit that was charged for ρ = ``charged``."""
    transcript = Transcript(folder / "a.jsonl")
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register("open", Guarantee(9, 1e-6), 0.2)
    permit = ledger.charge(
        "open",
        "train",
        run="r",
        attempt=transcript.attempt,
        purpose="fit",
        event=domain_event(OPEN, charged, 1e-7),
    )
    return measure_domain(frame(), OPEN, 0.05, 1e-7, Paid(permit, transcript))


@pytest.fixture
def measured(tmp_path):
    return measure(tmp_path)


def test_bins_come_near_the_quantiles(measured):
    codes = Codec(measured).encode(map_undeclared(frame(), measured))
    shares = codes["cost"].value_counts(normalize=True)
    assert len(shares) == BINS
    assert shares.between(0.4 / BINS, 2 / BINS).all()


def test_a_rare_category_is_never_seen(measured):
    assert measured.columns["ward"].categories == ("aa", "bb", "cc", "rest")
    assert map_undeclared(frame(), measured)["ward"][0] == "rest"


def test_everything_is_measured_and_resumable(tmp_path, measured):
    assert measured.incomplete == to_measure(measured) == ()
    assert measure(tmp_path) == measured


def test_a_permit_for_less_measures_nothing(tmp_path):
    with pytest.raises(PermitError):
        measure(tmp_path, charged=0.01)


def test_the_event_is_known_without_data():
    ward = DiscreteGaussianDpEvent(gaussian_sigma(0.1 / 4))
    asked = Counter(questions(OPEN.columns[n]) for n in ("cost", "count", "day"))

    def trees(rho):
        return [
            SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(rho / n)), n * times)
            for n, times in sorted(asked.items())
        ]

    assert domain_event(OPEN, 0.1, 1e-7) == ComposedDpEvent(
        [*trees(0.1 / 4), SelfComposedDpEvent(ward, 1), ApproximateZCDpEvent(0.0, 1e-7)]
    )
    drawn, whole = spent([domain_event(OPEN, 0.1, 1e-7)], 1e-6), ApproximateZCDpEvent(0.1, 1e-7)
    assert drawn.accountant.startswith("PLD")
    assert drawn.epsilon < spent([whole], 1e-6).epsilon
    found = {"ward": OPEN.columns["ward"].model_copy(update={"categories": ("rest",)})}
    closed = OPEN.completed(found)
    assert domain_event(closed, 0.1, 0.0) == ComposedDpEvent(trees(0.1 / 3))
    many = Schema.model_validate(
        OPEN.model_dump()
        | {
            "columns": {**OPEN.columns, "who": {"kind": "identifier"}},
            "unit": "who",
            "max_rows_per_unit": 2,
        }
    )
    assert domain_event(many, 0.1, 1e-7) == ApproximateZCDpEvent(0.1, 1e-7)
    assert domain_event(many.completed(found), 0.1, 0.0) == ZCDpEvent(0.1)
    whole = Schema.model_validate(
        {"name": "w", "columns": {"x": {"kind": "integer", "bounds": [0, 1], "bins": 2}}}
    )
    assert to_measure(whole) == ()
    assert domain_event(whole, 0.0, 0.0) == NoOpDpEvent()


def test_the_shape_of_declared_bins_is_measured_too():
    """At the part of ρ that such columns have among all; a bin for each value has no shape."""
    said = Schema.model_validate(
        {
            "name": "w",
            "columns": {
                "year": {"kind": "integer", "bounds": [2001, 2004], "bins": 4},
                "age": {"kind": "integer", "bounds": [0, 99], "bins": 10},
                "sex": {"kind": "categorical", "categories": ["F", "M"]},
            },
        }
    )
    assert to_measure(said) == ("age",)
    assert portion(said) == 1 / 3
    assert portion(OPEN) == 1.0


def test_a_category_needs_many_units_to_be_found():
    """One unit alone passes the threshold with probability below delta; 400 draws of 1e-9."""
    column = OPEN.columns["ward"]
    alone = pd.Series(["x"], dtype=object)
    assert all(select_categories(alone, column, 0.01, 1e-9, 1) == ["rest"] for _ in range(400))
    many = pd.Series(["x"] * 1000, dtype=object)
    assert select_categories(many, column, 0.01, 1e-6, 1) == ["x", "rest"]
    assert select_categories(many[:120], column, 0.01, 1e-9, 10) == ["rest"]


def test_no_text_can_hide_another(tmp_path):
    """A key with a control character or a NUL is no category, and moves nobody's count."""
    column = OPEN.columns["ward"]
    many = pd.Series(["flu"] * 3000 + ["flu\0x", "a\nb", "\ud800"], dtype=object)
    assert select_categories(many, column, 0.01, 1e-6, 1) == ["flu", "rest"]
