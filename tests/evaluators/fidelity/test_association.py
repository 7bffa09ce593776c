"""Associations against pandas, scipy and regression on indicators; their correction by simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats.contingency import association as scipy_association
from sdmetrics.column_pairs import CorrelationSimilarity
from sklearn.linear_model import LinearRegression

from evaluators.fidelity.association import association, associations
from evaluators.mixed import Mixed, mixed
from evaluators.score import Scorecard
from evaluators.tables import Tables
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from tests.evaluators.clinic import SCHEMA, people


def table(numbers: np.ndarray, categories: np.ndarray) -> Mixed:
    sizes = tuple(int(c.max()) + 2 for c in categories.T)  # one category nobody has
    names = tuple(f"c{i}" for i in range(categories.shape[1]))
    return Mixed(tuple(f"x{i}" for i in range(numbers.shape[1])), numbers, names, categories, sizes)


@pytest.fixture(scope="module")
def made() -> Mixed:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(400, 4)) @ rng.normal(size=(4, 4)) + 1e6
    categories = np.column_stack([rng.integers(0, k, 400) for k in (2, 3, 7)])
    categories[:200, 1] = categories[:200, 0]
    numbers[:, 0] += categories[:, 2]
    numbers[rng.random(numbers.shape) < 0.2] = np.nan
    return table(numbers, categories)


def test_pearson_is_pandas_over_pairwise_complete_rows(made: Mixed) -> None:
    expected = pd.DataFrame(made.numbers).corr().to_numpy()
    assert associations(made).pearson == pytest.approx(expected, abs=1e-9)


def test_cramers_v_is_scipys_corrected_by_bergsma(made: Mixed) -> None:
    found = associations(made).cramers_v
    for i in range(3):
        for j in range(3):
            cells = pd.crosstab(made.categories[:, i], made.categories[:, j])
            n, (r, k) = 400, cells.shape
            phi2 = scipy_association(cells.to_numpy(), method="cramer") ** 2 * (min(r, k) - 1)
            corrected = max(0, phi2 - (r - 1) * (k - 1) / (n - 1))
            levels = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1))
            assert found[i, j] == pytest.approx(min(1, np.sqrt(corrected / (levels - 1))))


def test_the_correlation_ratio_is_the_adjusted_r2_on_indicators(made: Mixed) -> None:
    found = associations(made).correlation_ratio
    for i in range(3):
        for j in range(4):
            known = np.isfinite(made.numbers[:, j])
            X = pd.get_dummies(made.categories[known, i], drop_first=True).to_numpy(float)
            y, n = made.numbers[known, j] - 1e6, int(known.sum())
            r2 = LinearRegression().fit(X, y).score(X, y)
            adjusted = 1 - (1 - r2) * (n - 1) / (n - X.shape[1] - 1)
            assert found[i, j] == pytest.approx(np.sqrt(max(0, adjusted)), abs=1e-9)


def test_independent_columns_of_many_categories_are_not_associated() -> None:
    """Uncorrected, V and η would be about .3 and .5 here."""
    rng = np.random.default_rng(1)
    categories = np.column_stack([rng.integers(0, k, 2000) for k in (500, 200)])
    found = associations(table(rng.normal(size=(2000, 1)), categories))
    assert found.cramers_v[0, 1] < 0.06
    assert (found.correlation_ratio < 0.15).all()


def test_a_column_without_variation_has_no_association() -> None:
    numbers = np.column_stack([np.full(50, 0.1), np.arange(50.0), np.full(50, np.nan)])
    found = associations(table(numbers, np.column_stack([np.zeros(50, int), np.arange(50) % 2])))
    assert np.isnan(found.pearson[0]).all()
    assert np.isnan(found.pearson[:, 2]).all()
    assert np.isnan(found.cramers_v[0, 1])
    assert np.isnan(found.correlation_ratio[0]).all()
    assert np.isnan(found.correlation_ratio[1, [0, 2]]).all()


def test_a_number_with_specials_is_two_columns() -> None:
    frame = people(300, 1)
    codec = Codec(SCHEMA)
    found = mixed(frame, codec.encode(frame), codec)
    assert found.number_names == ("age", "marker", "dose", "seen", "days", "cost")
    assert "dose (special)" in found.category_names
    dose = found.numbers[:, found.number_names.index("dose")]
    special = found.categories[:, found.category_names.index("dose (special)")]
    assert (np.isnan(dose) == (special == 1)).all()
    assert (np.isnan(dose) == (frame["dose"] == "N").to_numpy()).all()


def test_every_pair_is_told_and_a_lost_one_stands_out() -> None:
    train, holdout, synthetic = people(3000, 1), people(3000, 2), people(3000, 3)
    synthetic["cost"] = synthetic["cost"].sample(frac=1, random_state=0).to_numpy()
    card = Scorecard(tuple(association(Tables(train, holdout, synthetic, SCHEMA))))
    pairs = card.filter(metric="association.difference")
    assert len(pairs) == 6 * 5 / 2 + 5 * 4 / 2 + 5 * 6 - 1  # dose has no pair with its specials
    worst = min(pairs, key=lambda s: s.value or 0)
    assert "cost" in worst.detail
    assert worst.baseline is not None
    assert worst.value is not None
    assert worst.value < -0.5
    pearson = card.one(metric="association.mean_difference", detail="pearson")
    assert pearson.value is not None
    assert pearson.baseline is not None
    assert pearson.value > 5 * pearson.baseline


def test_pearson_differences_are_sdmetrics_correlation_similarity() -> None:
    real, synthetic = people(500, 1), people(500, 2)
    card = Scorecard(tuple(association(Tables(real, real, synthetic, SCHEMA))))
    columns = ["marker", "cost"]
    found = CorrelationSimilarity.compute_breakdown(
        real[columns], synthetic[columns], coefficient="Pearson"
    )
    ours = card.one(detail="marker × cost (pearson)")
    assert ours.baseline == pytest.approx(found["real"])
    assert ours.value == pytest.approx(found["synthetic"] - found["real"])


def test_what_cannot_be_compared_says_why() -> None:
    frame = people(300, 1)
    constant = frame.assign(sex="F", age=pd.array([40] * 300, dtype="Int64"))
    card = Scorecard(tuple(association(Tables(frame, frame, constant, SCHEMA))))
    found = card.one(detail="sex × site (cramers_v)")
    assert (found.status, found.value) == ("insufficient evidence", None)
    assert "synthetic" in found.reason
    empty = association(Tables(frame, frame, frame.iloc[:0], SCHEMA))
    assert {s.reason for s in empty} == {"the synthetic table has no rows"}


def test_what_became_other_is_associated_before() -> None:
    """Codes c1 to c4 tell the sex and became ``other``: the merged tables agree, the originals do not."""
    code = {"kind": "categorical", "categories": ["c0", "other"], "other": "other"}
    sex = {"kind": "categorical", "categories": ["0", "1"]}
    schema = Schema.model_validate({"name": "t", "columns": {"code": code, "sex": sex}})
    number = np.random.default_rng(0).integers(1, 5, 1000)
    original = pd.DataFrame({"code": [f"c{c}" for c in number], "sex": (number % 2).astype(str)})
    original.loc[::10, "code"] = "c0"
    kept = original["code"] == "c0"
    mapped = original.assign(code=original["code"].where(kept, "other"))
    both = {"train": original, "holdout": original}
    tables = Tables(mapped, mapped, mapped, schema, originals=both)
    (score,) = (s for s in association(tables) if s.metric.startswith("association.original"))
    assert score.detail == "cramers_v"
    assert score.baseline == 0
    assert score.value is not None
    assert score.value > 0.9
    merged = association(Tables(mapped, mapped, mapped, schema))
    assert not [s for s in merged if s.metric.startswith("association.original")]
