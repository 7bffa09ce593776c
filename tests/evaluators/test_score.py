"""Scores refuse what cannot be true, and a scorecard survives a trip through either file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.score import Score, Scorecard

numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
counts = st.none() | st.integers(0, 10**9)

scores = st.builds(
    Score,
    metric=texts,
    value=st.floats(allow_nan=False, allow_infinity=False),
    low=numbers,
    high=numbers,
    baseline=numbers,
    baseline_name=texts,
    slice=texts,
    order=st.integers(0, 2),
    target=texts,
    rows=st.sampled_from(["holdout", "train", "train and holdout", "none"]),
    n=counts,
    positives=counts,
    higher_is_better=st.booleans(),
    status=st.sampled_from(["ok", "insufficient evidence", "failed"]),
    reason=texts,
    model=texts,
    detail=texts,
)


@given(st.lists(scores, max_size=5).map(tuple).map(Scorecard))
def test_files_and_frames_keep_everything(card: Scorecard) -> None:
    assert Scorecard.from_frame(card.to_frame()) == card
    with TemporaryDirectory() as folder:
        for path in card.write(Path(folder)):
            assert Scorecard.read(path) == card


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_an_undefined_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="auroc: low"):
        Score(metric="auroc", value=0.5, low=bad)


def test_ok_needs_a_value() -> None:
    with pytest.raises(ValueError, match="needs a value"):
        Score(metric="auroc")


def test_what_saw_real_rows_is_never_public() -> None:
    with pytest.raises(ValueError, match="cannot be public"):
        Score(metric="auroc", value=1, rows="holdout", visibility="public")


def test_filter_and_one() -> None:
    a, b = Score(metric="a", value=1), Score(metric="b", value=2)
    card = Scorecard((a, b))
    assert card.filter(metric="a").scores == (a,)
    assert card.filter(lambda s: s.value == 2).scores == (b,)
    assert card.one(metric="b") == b
    with pytest.raises(LookupError):
        card.one(metric="c")
