"""Whatever the codes, a decoded row keeps every relation; whatever the row, its codes are possible."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from privacy.schema.codec import Codec
from privacy.schema.columns import Datetime, Numeric
from privacy.schema.numbers import bounds_as_numbers, without_specials
from privacy.schema.relations.broken import breaks
from privacy.schema.relations.placing import plan
from privacy.schema.relations.records import RecordCodec
from privacy.schema.schema import Schema
from tests.privacy.schema.relations.random_relations import tied_schemas


def ready(schema: Schema) -> Schema:
    """With bins for every gap that has none."""
    gaps = plan(schema).gaps
    return schema.completed(
        {n: gaps[n].model_copy(update={"bins": 4}) for n in schema.incomplete if n in gaps}
    )


@st.composite
def safe(draw: st.DrawFn) -> Schema:
    try:
        return ready(draw(tied_schemas()))
    except ValueError as error:
        assume("cannot hold" not in str(error) and "narrower" not in str(error))
        raise


def random_codes(codec: RecordCodec, rng: np.random.Generator, n: int = 60) -> pd.DataFrame:
    return pd.DataFrame({c: rng.integers(0, size, n) for c, size in codec.domain.items()})


@given(safe(), st.integers(0, 2**32))
@settings(max_examples=40)
def test_every_decoded_row_keeps_every_relation(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), RecordCodec(schema)
    frame = codec.decode(random_codes(codec, rng), rng)
    for relation in schema.relations:
        _, broken = breaks(frame, schema, relation)
        assert not broken.any(), (relation.says, frame[list(relation.names)][broken])
    for name in schema.modelled:
        column = schema.columns[name]
        if isinstance(column, Numeric | Datetime):
            low, high = bounds_as_numbers(column)
            values = without_specials(frame[name], column)
            values = values[np.isfinite(values)]
            assert ((values >= low) & (values <= high)).all()
            if column.kind != "float":
                assert (values == np.rint(values)).all()
        if column.missing == "refuse":
            assert not frame[name].isna().any()
    Codec(schema).encode(frame)


@given(safe(), st.integers(0, 2**32))
@settings(max_examples=40)
def test_rows_that_are_as_their_codes_say_have_these_codes_again(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), RecordCodec(schema)
    codes = random_codes(codec, rng)
    frame, met = codec.draw(codes, rng)
    again = codec.encode(frame)
    loose = {n for n, c in schema.columns.items() if c.kind == "float"}  # half-open bins
    loose |= {n for group in plan(schema).together for n in group.names[1:]}  # the first decides
    for name in codec.domain:
        if name not in loose:
            assert (again[name][met] == codes[name][met]).all(), name


@given(safe(), st.integers(0, 2**32))
@settings(max_examples=40)
def test_real_rows_never_have_codes_that_never_meet(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), RecordCodec(schema)
    plain = Codec(schema)
    any_row = pd.DataFrame({c: rng.integers(0, size, 60) for c, size in plain.domain.items()})
    codes = codec.encode(plain.decode(any_row, rng))
    assert (codes < pd.Series(codec.domain)).all(axis=None)
    for clique, never in codec.zeros.items():
        assert never.shape == tuple(codec.domain[c] for c in clique)
        assert not never[tuple(codes[c].to_numpy() for c in clique)].any()
    if not codec.plan.sums:  # the row itself shows that its codes go together
        assert codec.draw(codes, rng)[1].all()


@given(safe(), st.integers(0, 2**32))
@settings(max_examples=40)
def test_another_row_changes_nothing_of_a_row(schema: Schema, seed: int) -> None:
    rng, codec = np.random.default_rng(seed), RecordCodec(schema)
    plain = Codec(schema)
    any_row = pd.DataFrame({c: rng.integers(0, size, 20) for c, size in plain.domain.items()})
    frame = plain.decode(any_row, rng)
    codes = codec.encode(frame)
    pd.testing.assert_frame_equal(
        codec.encode(frame.iloc[3:]), codes.iloc[3:].reset_index(drop=True)
    )
