"""A table that is measured: right where rows tell it, silent where they do not, and paid for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from dp_accounting import ComposedDpEvent, SelfComposedDpEvent
from hypothesis import given
from hypothesis import strategies as st

from privacy import determined
from privacy.accounting.events import DiscreteGaussianDpEvent
from privacy.determined import measured_table
from privacy.domain import domain_event, to_measure
from privacy.noise import gaussian_sigma
from privacy.records.codec import RecordCodec
from privacy.schema.schema import Schema

WARDS = ["icu", "surgery", "paediatrics", "closed"]
SCHEMA = Schema.model_validate(
    {
        "name": "wards",
        "columns": {
            "ward": {"kind": "categorical", "categories": WARDS, "missing": "keep"},
            "site": {"kind": "categorical", "categories": ["north", "south"], "missing": "keep"},
        },
        "relations": [{"determined": "site", "by": "ward", "table": None}],
    }
)
(RELATION,) = SCHEMA.relations
SITES = {"icu": "north", "surgery": "south", "paediatrics": "south"}
rows = st.lists(
    st.tuples(st.sampled_from([*WARDS, None]), st.sampled_from(["north", "south", None]))
)


def frame(wards):
    wards = pd.Series(wards, dtype=object)
    return pd.DataFrame({"ward": wards, "site": wards.map(SITES).astype(object)})


def test_the_table_is_found_and_kept():
    wards = np.random.default_rng(0).choice(WARDS[:3], 3_000)
    table = measured_table(frame(wards), SCHEMA, RELATION, 0.01, 1, lambda q, draw: draw())
    assert table == SITES
    complete = SCHEMA.completed({}, {RELATION.name: table})
    assert complete.incomplete == ()
    codec = RecordCodec(complete)
    drawn = codec.decode(codec.encode(frame(wards)), np.random.default_rng(0))
    pd.testing.assert_frame_equal(drawn, frame(wards))


def test_it_is_one_histogram_of_its_own():
    assert SCHEMA.incomplete == to_measure(SCHEMA) == ("site by ward",)
    assert domain_event(SCHEMA, 0.1, 0.0) == ComposedDpEvent(
        [SelfComposedDpEvent(DiscreteGaussianDpEvent(gaussian_sigma(0.1)), 1)]
    )


def test_numbers_need_a_table():
    plain = SCHEMA.model_dump()
    plain["columns"]["site"] = {"kind": "integer", "bounds": [0, 9], "bins": 10}
    with pytest.raises(ValueError, match="'site' is no category; give the table"):
        Schema.model_validate(plain)


@given(rows, st.lists(st.tuples(st.sampled_from(WARDS), st.just("north")), min_size=1, max_size=4))
def test_one_unit_moves_the_counts_by_at_most_its_rows(others, mine):
    def asked(pairs):
        seen = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(determined, "discrete_gaussian", lambda *a: seen.append(a) or a[0])
            table = pd.DataFrame(pairs, columns=["ward", "site"], dtype=object)
            measured_table(table, SCHEMA, RELATION, 0.3, len(mine), lambda q, draw: draw())
        return seen

    ((a, *price),), ((b, *same),) = asked([*others, *mine]), asked(others)
    assert price == same == [0.3, len(mine)]
    assert np.abs(a - b).sum() == len(mine)
