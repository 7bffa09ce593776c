"""The public card: whole, escaped, self-contained, and silent about real rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluators.pages.drawing.page import number
from evaluators.verdict import Verdict
from flows.cards.card import events, write_card
from flows.cards.columns import MAX_BARS, tiles
from flows.cards.readme import values
from flows.label.histories import told_histories
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import (
    HOSTILE,
    REASONS,
    Page,
    check_self_contained,
    make_label,
    make_scores,
)

SCHEMA = Schema.model_validate(
    {
        "name": "ward",
        "unit": "patient",
        "max_rows_per_unit": 2,
        "columns": {
            "patient": {"kind": "identifier"},
            "age": {"kind": "integer", "bounds": [0, 120], "bins": 121, "special": [999]},
            "lab": {"kind": "float", "bounds": [0, 1], "bins": 4, "missing": "keep"},
            "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"], "bins": 12},
            "sex": {"kind": "categorical", "categories": ["F", "M", HOSTILE]},
            "code": {"kind": "categorical", "categories": [f"c{i}" for i in range(50)]},
            "stage": {"kind": "ordinal", "categories": ["I", "II", "III"]},
        },
        "targets": [{"task": "classification", "column": "sex", "positive": ["F"]}],
        "subgroups": [{"column": "sex"}],
    }
)


def make_synthetic(n: int = 500) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    codec = Codec(SCHEMA)
    codes = {name: rng.integers(size, size=n) for name, size in codec.domain.items()}
    return codec.decode(pd.DataFrame(codes), rng)


def card(tmp_path: Path, label: dict[str, Any], synthetic: pd.DataFrame) -> tuple[str, Page]:
    path = tmp_path / "card.html"
    write_card(path, label, SCHEMA, Rows.of(synthetic))
    html = path.read_text("utf-8")
    return html, Page(html)


def test_card_says_that_rows_of_a_unit_are_not_linked(tmp_path: Path) -> None:
    label = make_label() | {"histories": told_histories(SCHEMA, make_synthetic())}
    _, page = card(tmp_path, label, make_synthetic())
    assert "The rows of one patient are not linked" in page.text
    assert "A fresh number in each row, so no two rows are of one patient" in page.text
    assert "fresh number in each row" in values("patient", SCHEMA)


def test_card_says_what_is_promised(tmp_path: Path) -> None:
    html, page = card(tmp_path, make_label(), make_synthetic())
    check_self_contained(page)
    for text in ("ε = 0.9876", "δ = 10⁻⁹", "one patient", "add or remove one unit", "2403.13612"):
        assert text in page.text
    for text in (
        "At most 2.68 times",
        "The schema is taken to be public.",
        "ab" * 32,
        "aim",
        "RDP",
    ):
        assert text in page.text
    assert "at most 2 rows" in page.text
    assert "INTERNAL" not in page.text
    assert HOSTILE in page.text
    assert "<script" not in html
    for name in SCHEMA.columns:
        assert name in page.text


def test_card_shows_no_reason_and_no_figure_on_real_rows(tmp_path: Path) -> None:
    label = make_label()
    label["decision"] |= Verdict("default", "veto", REASONS).public_summary()
    _, page = card(tmp_path, label, make_synthetic())
    for reason in REASONS:
        assert reason.text not in page.text
        assert reason.threshold not in page.text or reason.threshold == "none"
    for score in make_scores():
        assert score.reason == "" or score.reason not in page.text
        shown = number(score.value)
        assert score.value is None or len(shown) < 5 or shown not in page.text


def test_card_without_a_unit_column_and_without_rows(tmp_path: Path) -> None:
    schema = Schema.model_validate(
        {"name": "w", "columns": {"sex": {"kind": "categorical", "categories": ["F", "M"]}}}
    )
    path = tmp_path / "card.html"
    write_card(
        path, make_label(), schema, Rows.of(pd.DataFrame({"sex": pd.Series([], dtype=object)}))
    )
    assert "one row" in Page(path.read_text("utf-8")).text


def test_equal_draws_are_counted_together() -> None:
    rows = events(make_label())
    assert [(r["mechanism"], r["settings"], r["times"]) for r in rows] == [
        ("Approximate zero-concentrated DP", "ρ = 0.001, δ = 10⁻¹⁰", 1),
        ("Gaussian noise", "noise multiplier = 20.5", 4),
        (
            "Poisson sampling, then: Laplace noise",
            "sampling probability = 0.01, noise multiplier = 2",
            1,
        ),
    ]


def test_tiles_count_synthetic_rows() -> None:
    synthetic = make_synthetic()
    found = {t.name: t for t in tiles(SCHEMA, Rows.of(synthetic))}
    assert list(found) == list(SCHEMA.columns)
    assert found["patient"].picture is None
    assert found["patient"].values == ()
    assert str(found["age"].picture).count('class="bar"') <= MAX_BARS
    assert found["age"].ends == ("0", "120")
    assert [v[0] for v in found["lab"].values] == ["(missing)"]
    assert found["seen"].ends[0].endswith("2020-01-01")
    assert [v[0] for v in found["stage"].values] == ["I", "II", "III"]
    assert found["code"].values[-1][0] == "44 others"
    assert found["sex"].roles == "target, subgroup"
    share = 100 * (synthetic["stage"] == "II").mean()
    assert found["stage"].values[1][2] == pytest.approx(f"{share:.1f} %")


@pytest.mark.parametrize(
    ("released", "said"), [("parent", "stand as their parent"), ("child", "drawn at random among")]
)
def test_a_hierarchy_is_told_with_its_column(released: str, said: str) -> None:
    column = {"kind": "categorical", "categories": ["A", "A1", "rest"], "other": "rest"}
    column |= {"hierarchy": {"parents": {"A1": "A", "A2": "A"}, "released": released}}
    schema = Schema.model_validate({"name": "t", "columns": {"code": column}})
    (tile,) = tiles(
        schema, Rows.of(pd.DataFrame({"code": ["A1", "A2" if released == "child" else "A"]}))
    )
    assert said in tile.kind
    assert said in values("code", schema)
    assert [bar[0] for bar in tile.values] == ["A", "A1", "rest"]
