import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, NoOpDpEvent, SelfComposedDpEvent, ZCDpEvent
from hypothesis import given
from hypothesis import strategies as st

from privacy import domain
from privacy.accounting.composition import spent
from privacy.accounting.events import ApproximateZCDpEvent, DiscreteGaussianDpEvent
from privacy.accounting.guarantee import Guarantee
from privacy.domain import (
    GRID,
    LEVELS,
    QUANTILE_BINS,
    domain_event,
    map_undeclared,
    measure_domain,
    noisy_tree,
    select_categories,
)
from privacy.errors import PermitError
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.noise import gaussian_sigma
from privacy.schema.codec import Codec
from privacy.schema.records import RecordCodec
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
    assert len(shares) == QUANTILE_BINS
    assert shares.between(0.4 / QUANTILE_BINS, 2 / QUANTILE_BINS).all()


def test_a_rare_category_is_never_seen(measured):
    assert measured.columns["ward"].categories == ("aa", "bb", "cc", "rest")
    assert map_undeclared(frame(), measured)["ward"][0] == "rest"


def test_everything_is_measured_and_resumable(tmp_path, measured):
    assert measured.incomplete == ()
    assert measure(tmp_path) == measured


def test_a_permit_for_less_measures_nothing(tmp_path):
    with pytest.raises(PermitError):
        measure(tmp_path, charged=0.01)


def test_the_event_is_known_without_data():
    tree, ward = (DiscreteGaussianDpEvent(gaussian_sigma(0.1 / 4 / n)) for n in (LEVELS, 1))
    trees = SelfComposedDpEvent(tree, 3 * LEVELS)
    assert domain_event(OPEN, 0.1, 1e-7) == ComposedDpEvent(
        [trees, SelfComposedDpEvent(ward, 1), ApproximateZCDpEvent(0.0, 1e-7)]
    )
    drawn, whole = spent([domain_event(OPEN, 0.1, 1e-7)], 1e-6), ApproximateZCDpEvent(0.1, 1e-7)
    assert drawn.accountant.startswith("PLD")
    assert drawn.epsilon < spent([whole], 1e-6).epsilon
    found = {"ward": OPEN.columns["ward"].model_copy(update={"categories": ("rest",)})}
    closed = OPEN.completed(found)
    each = DiscreteGaussianDpEvent(gaussian_sigma(0.1 / 3 / LEVELS))
    assert domain_event(closed, 0.1, 0.0) == ComposedDpEvent(
        [SelfComposedDpEvent(each, 3 * LEVELS)]
    )
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
    assert domain_event(whole, 0.0, 0.0) == NoOpDpEvent()


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
    assert domain_event(STAYS, 0.1, 0.0) == ComposedDpEvent(
        [SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(0.1 / LEVELS)), LEVELS)]
    )
    rng = np.random.default_rng(0)
    start = np.datetime64("2020-01-01") + rng.integers(0, 300, 5000)
    stays = pd.DataFrame({"in": start, "out": start + rng.integers(1, 9, 5000)})
    transcript = Transcript(tmp_path / "a.jsonl")
    ledger = Ledger(str(tmp_path / "ledger.db"))
    ledger.register("open", Guarantee(9, 1e-6), 0.2)
    permit = ledger.charge(
        "open",
        "train",
        run="r",
        attempt=transcript.attempt,
        purpose="fit",
        event=domain_event(STAYS, 0.1, 0.0),
    )
    frame = stays.astype("datetime64[s]")
    found = measure_domain(frame, STAYS, 0.1, 0.0, Paid(permit, transcript))
    assert found.incomplete == ()
    assert found.columns == STAYS.columns
    rows = RecordCodec(found)
    drawn = rows.decode(rows.encode(frame), np.random.default_rng(0))
    days = (drawn["out"] - drawn["in"]).dt.days
    assert days.min() >= 0
    assert days.quantile(0.9) < 12


def test_the_tree_has_the_noise_that_its_charge_says():
    """Fails with probability < 1e-9 when right, and surely when the noise is halved."""
    rho, column = 0.01, OPEN.columns["cost"]
    tree = np.array(noisy_tree(pd.Series([1.0] * 100, dtype=float), column, rho, k=2))
    leaves = tree[-GRID:]
    noise = leaves - np.where(leaves == leaves.max(), 100, 0)
    sigma = 2 / np.sqrt(2 * rho / LEVELS)
    assert 0.8 < noise.std() / sigma < 1.2


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5), st.lists(st.floats(0, 100), max_size=9))
def test_one_unit_moves_each_level_of_the_tree_by_at_most_its_rows(mine, others):
    """And the root among them; levels cost ρ together, each at the unit's k."""
    column, k, rho = OPEN.columns["cost"], len(mine), 0.6

    def levels(rows):
        with pytest.MonkeyPatch.context() as patch:
            seen = []
            patch.setattr(domain, "discrete_gaussian", lambda *a: seen.append(a) or a[0])
            noisy_tree(pd.Series(rows, dtype=float), column, rho, k)
        return seen

    without, with_unit = levels(others), levels(others + mine)
    assert sum(price for _, price, _ in with_unit) <= rho * (1 + 1e-12)
    for (a, *_), (b, _, sensitivity) in zip(without, with_unit, strict=True):
        assert np.linalg.norm(b - a) <= np.abs(b - a).sum() == k == sensitivity


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
