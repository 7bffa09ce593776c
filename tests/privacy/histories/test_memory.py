"""What is remembered before a row: as anybody would look it up in the earlier rows of its own unit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privacy.histories.memory import before_each, begun, grown, recalled
from privacy.histories.tables import places
from privacy.schema.schema import Schema

STAGES = ["I", "II", "III"]
SCHEMA = Schema.model_validate(
    {
        "name": "t",
        "unit": "who",
        "max_rows_per_unit": 6,
        "columns": {
            "who": {"kind": "identifier"},
            "stage": {"kind": "ordinal", "categories": STAGES, "missing": "keep"},
            "beats": {"kind": "integer", "bounds": [0, 99], "bins": 9, "missing": "keep"},
            "weight": {"kind": "float", "bounds": [0, 99], "bins": 9, "decimals": 1, "special": ["no scales"]},
            "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "bins": 4, "missing": "keep"},
        },
        "visits": {"remembers": {"stage": "ever", "beats": "mean", "weight": "mean", "seen": "last"}},
    }
)  # fmt: skip
NAMES = ["stage ever", "mean beats so far", "mean weight so far", "last known seen"]
sizes = st.lists(st.integers(1, 6), min_size=1, max_size=8)


def people(sizes, seed):
    rng = np.random.default_rng(seed)
    units = np.repeat(np.arange(len(sizes)), sizes)
    n = len(units)
    weight = pd.Series(np.round(rng.uniform(0, 99, n), 1), dtype=object)
    seen = pd.Series(np.datetime64("2020-01-01", "s") + rng.integers(0, 365, n) * 86_400)
    frame = pd.DataFrame(
        {
            "stage": pd.Series(np.array([*STAGES, None], dtype=object)[rng.integers(0, 4, n)]),
            "beats": pd.Series(rng.integers(0, 99, n), dtype="Int64").where(rng.random(n) < 0.6),
            "weight": weight.where(rng.random(n) < 0.7, "no scales"),
            "seen": seen.where(rng.random(n) < 0.5),
        }
    )
    return frame, units


def looked_up(earlier):
    """Of a unit's earlier rows, one after the other."""
    stage = [STAGES.index(s) for s in earlier["stage"].dropna()]
    beats, seen = earlier["beats"].dropna(), earlier["seen"].dropna()
    weight = [w for w in earlier["weight"] if w != "no scales"]
    return (
        STAGES[max(stage)] if stage else None,
        int(np.rint(sum(map(int, beats)) / len(beats))) if len(beats) else None,
        round(sum(weight) / len(weight), 1) if weight else None,
        seen.iloc[-1] if len(seen) else None,
    )


def alike(a, b):
    if pd.isna(a) or b is None:
        return pd.isna(a) and b is None
    return a == pytest.approx(b, abs=0.1001) if isinstance(b, float) else a == b


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(0, 999))
def test_it_is_what_stands_in_the_earlier_rows(sizes, seed):
    frame, units = people(sizes, seed)
    place = places(units)
    found = before_each(frame, place, SCHEMA)
    assert list(found) == NAMES
    for i, row in enumerate(np.flatnonzero(place > 1)):
        wanted = looked_up(frame.iloc[row - place[row] + 1 : row])
        assert all(alike(found[n].iloc[i], w) for n, w in zip(NAMES, wanted, strict=True))


def test_a_further_row_is_added_to_what_was_kept():
    frame, _ = people([3], 5)
    kept = begun(frame.iloc[[0]], SCHEMA)
    for row in (1, 2):
        kept = grown(kept, frame.iloc[[row]].reset_index(drop=True), SCHEMA)
    wanted = looked_up(frame)
    told = recalled(kept, SCHEMA)
    assert all(alike(told[n].iloc[0], w) for n, w in zip(NAMES, wanted, strict=True))


def test_whole_numbers_have_a_whole_mean_and_others_their_decimals():
    frame = pd.DataFrame(
        {
            "stage": ["I"] * 3,
            "beats": pd.Series([60, 61, 70], dtype="Int64"),
            "weight": pd.Series([70.0, 70.1, 71.0], dtype=object),
            "seen": pd.Series(pd.NaT, index=range(3)).astype("datetime64[s]"),
        }
    )
    found = before_each(frame, np.array([1, 2, 3]), SCHEMA)
    assert found["mean beats so far"].dtype == "Int64"
    assert found["mean beats so far"].tolist() == [60, 60]
    assert found["mean weight so far"].tolist() == [70.0, 70.0]
    assert found["last known seen"].isna().all()


def test_units_of_one_row_have_nothing_to_remember():
    frame, units = people([1, 1], 0)
    assert all(len(series) == 0 for series in before_each(frame, places(units), SCHEMA).values())
