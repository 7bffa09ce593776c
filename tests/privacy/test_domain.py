from collections import Counter

import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy import domain
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
from privacy.errors import InputError, PermitError
from privacy.histogram.column import BINS, questions
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import gaussian_sigma
from privacy.partition_selection import threshold
from privacy.records.codec import RecordCodec
from privacy.schema.codec import Codec
from privacy.schema.columns import Categorical
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows

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


def measure(folder, charged=0.05, schema=OPEN, rows=None, rho=0.05):
    """``frame()``, or other rows, measured at ρ on a permit that was charged for ρ = ``charged``."""
    delta = 1e-7 if schema is OPEN else 0.0
    transcript = Transcript(folder / "a.jsonl")
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register("open", Guarantee(9, 1e-6), 0.2)
    permit = ledger.charge(
        "open",
        "train",
        run="r",
        attempt=transcript.attempt,
        purpose="fit",
        event=domain_event(schema, charged, delta),
    )
    rows = frame() if rows is None else rows
    return measure_domain(Rows.of(rows), schema, rho, delta, Paid(permit, transcript))


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


def trees(rho):
    """What the numbers and dates of OPEN ask for at ρ each."""
    asked = Counter(questions(OPEN.columns[n]) for n in ("cost", "count", "day"))
    return [
        SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(rho / n)), n * times)
        for n, times in sorted(asked.items())
    ]


def test_the_event_is_known_without_data():
    ward = DiscreteGaussianDpEvent(gaussian_sigma(0.1 / 4))
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


STAYS = Schema.model_validate(
    {
        "name": "open",
        "columns": {
            "in": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4},
            "out": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4},
        },
        "relations": [{"order": ["in", "out"]}],
    }
)


def test_the_gap_of_an_order_is_measured_like_a_column(tmp_path):
    """Its event is one more tree; its bins lie where the stays do, whatever the dates are."""
    assert to_measure(STAYS) == ("in", "out - in")
    rng = np.random.default_rng(0)
    start = np.datetime64("2020-01-01") + rng.integers(0, 300, 5000)
    stays = pd.DataFrame({"in": start, "out": start + rng.integers(1, 9, 5000)})
    frame = stays.astype("datetime64[s]")
    found = measure(tmp_path, charged=0.1, schema=STAYS, rows=frame, rho=0.1)
    assert found.incomplete == ()
    assert [c.bins for c in found.columns.values()] == [c.bins for c in STAYS.columns.values()]
    rows = RecordCodec(found)
    drawn = rows.decode(rows.encode(frame), np.random.default_rng(0))
    days = (drawn["out"] - drawn["in"]).dt.days
    assert days.min() >= 0
    assert days.quantile(0.9) < 12


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


def coded(**hierarchy):
    return Categorical.model_validate(
        {"kind": "categorical", "categories": None, "other": "rest", "hierarchy": hierarchy}
    )


TABLE = {"E11": "E10-E14", "E10-E14": "E00-E90", "390-459": "Circulatory"}
ICD = coded(prefixes=[3], parents=TABLE)
CODE = st.sampled_from(["E11.65", "E11.9", "E11", "E12", "428.0", "428", "V57", "rest", "a\nb"])


def test_a_rare_code_is_its_nearest_ancestor_that_is_named():
    """E11 itself and what is left of it are one count; what has no parent is other."""
    rows = ["E11.65"] * 900 + [f"E11.x{i}" for i in range(500)] + ["E11"] * 50
    rows += [f"4{i}.1" for i in range(10, 60)] * 6 + ["V57"]
    frame = pd.DataFrame({"code": rows}, dtype=object)
    found = tuple(select_categories(frame["code"], ICD, 0.1, 1e-7, 1))
    assert found == ("Circulatory", "E11", "E11.65", "rest")
    complete = Schema(name="t", columns={"code": ICD.model_copy(update={"categories": found})})
    counts = map_undeclared(frame, complete)["code"].value_counts().to_dict()
    assert counts == {"E11.65": 900, "E11": 550, "Circulatory": 300, "rest": 1}


def test_levels_are_charged_as_they_are_drawn():
    schema = OPEN.model_copy(update={"columns": {**OPEN.columns, "code": ICD}})
    each, levels = 0.1 / 5, 4
    ward, code = (DiscreteGaussianDpEvent(gaussian_sigma(each / n)) for n in (1, levels))
    assert domain_event(schema, 0.1, 1e-7) == ComposedDpEvent(
        [
            *trees(each),
            SelfComposedDpEvent(ward, 1),
            SelfComposedDpEvent(code, levels),
            ApproximateZCDpEvent(0.0, 1e-7),
        ]
    )
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "discrete_gaussian", lambda *a: seen.append(a) or a[0])
        select_categories(pd.Series(["E11.65"] * 9, dtype=object), ICD, each, 1e-7, 1)
    sigma = [gaussian_sigma(price, k) for _, price, k in seen]
    assert sigma == [code.sigma] * levels


@settings(max_examples=60)
@given(st.lists(CODE, min_size=1, max_size=4), st.lists(CODE, max_size=40), st.booleans())
def test_one_unit_moves_each_level_of_a_hierarchy_by_at_most_its_rows(mine, others, named):
    """Whatever was named below: everything, as here, or nothing. The levels' ρ and δ sum to the column's."""
    k, rho, delta = len(mine), 0.6, 1e-3

    def levels(rows):
        with pytest.MonkeyPatch.context() as patch:
            seen, prices = [], []

            def passing(counts, *price):
                seen.append(counts)
                prices.append(price)
                return set(others) & set(counts) if named else set()

            patch.setattr(domain, "_passing", passing)
            select_categories(pd.Series(rows, dtype=object), ICD, rho, delta, k)
        assert np.array(prices).sum(axis=0)[:2] == pytest.approx([rho, delta])
        assert {price[2] for price in prices} == {k}
        return seen

    without, with_unit = levels(others), levels(others + mine)
    for a, b in zip(without, with_unit, strict=True):
        assert set(a) <= set(b)
        moved = [b[name] - a.get(name, 0) for name in b]
        assert np.linalg.norm(moved) <= sum(moved) <= k
        assert min(moved, default=0) >= 0


def test_no_code_that_one_unit_has_alone_is_named_more_often_than_delta():
    """20,000 people each with a code of their own at every level: one of its names comes out at δ at most."""
    rho, delta, n, column = 1.0, 0.02, 20_000, coded(prefixes=[5, 2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(domain, "MAX_FOUND", 10 * n)
        alone = pd.Series([f"{chr(256 + i)}x123.4" for i in range(n)], dtype=object)
        named = {c[0] for c in select_categories(alone, column, rho, delta, 1)[:-1]}
    assert len(named) <= n * delta + 4 * np.sqrt(n * delta)
    assert len(named) > n * delta / 10  # the threshold is no higher than it has to be


def test_what_a_level_cannot_pay_for_is_refused_with_the_event():
    """δ is divided by the levels before the threshold is looked up."""
    assert threshold(0.1 / 4, 1e-7 / 4, 1) > threshold(0.1, 1e-7, 1)
    schema = Schema(name="icd", columns={"code": ICD})
    with pytest.raises(InputError, match="too small"):
        domain_event(schema, 0.1, 2e-280)


@pytest.mark.parametrize("sign", ["E11", "E"])
def test_a_missing_value_and_other_are_no_parents_names(sign):
    """The beginning of a code may spell the sign of a missing value, which no category can be."""
    column = coded(prefixes=[3, 1]).model_copy(update={"missing_values": (sign,)})
    series = pd.Series([f"E11.{i}" for i in range(900)], dtype=object)
    found = select_categories(series, column, 0.5, 1e-6, 1)
    assert found == [{"E11": "E", "E": "E11"}[sign], "rest"]
    column = coded(prefixes=[3, 1]).model_copy(update={"other": sign})
    found = select_categories(series, column, 0.5, 1e-6, 1)
    assert found == (["E11", "E"] if sign == "E" else ["E11"])
