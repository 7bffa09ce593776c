"""Lines are those that pandas writes, and read back as they were."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.frames import written
from flows.frames.written import texts, write_csv
from privacy.schema.schema import Schema

WORDS = st.one_of(st.none(), st.text(alphabet="ab ,\"\n\té;'", max_size=4))
COLUMNS = {
    'a "name", quoted': {"kind": "categorical", "categories": None, "other": "else", "missing": "keep"},
    "lab": {"kind": "float", "bounds": [0, 9], "special": ["low, or none"], "missing": "keep",
            "missing_values": ["?,"]},
    "beds": {"kind": "integer", "bounds": [0, 2**53], "missing": "keep"},
    "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2020-12-31"], "format": "%d, %b %Y",
             "missing": "keep"},
}  # fmt: skip
SCHEMA = Schema.model_validate({"name": "t", "columns": COLUMNS})
LONE = Schema.model_validate({"name": "t", "columns": {"word": COLUMNS['a "name", quoted']}})


def csv(frame: pd.DataFrame, schema: Schema, header: bool = True) -> str:
    file = io.BytesIO()
    write_csv(frame, schema, file, header)
    return file.getvalue().decode()


@given(st.lists(WORDS, max_size=9), st.integers(0, 9), st.booleans(), st.integers(1, 400))
def test_lines_are_those_of_pandas(
    words: list[str | None], seed: int, header: bool, at_once: int
) -> None:
    n, rng = len(words), np.random.default_rng(seed)
    number = rng.integers(0, 2**53, n)
    lab = pd.Series(rng.random(n).round(2), dtype=object).where(rng.random(n) < 0.7, None)
    lab[rng.random(n) < 0.2] = "low, or none"
    day = np.datetime64("2020-01-01", "s") + rng.integers(0, 300, n) * np.timedelta64(86400, "s")
    frame = pd.DataFrame(
        {
            'a "name", quoted': pd.Series(words, dtype=object),
            "lab": lab,
            "beds": pd.Series(number, dtype="Int64").where(number % 3 > 0),
            "seen": pd.Series(day).where(rng.random(n) < 0.7, pd.NaT),
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written, "AT_ONCE", at_once)
        found = csv(frame, SCHEMA, header)
    assert found == texts(frame, SCHEMA).to_csv(index=False, header=header, lineterminator="\n")


@given(st.lists(WORDS, max_size=5))
def test_so_are_those_of_a_single_column(words: list[str | None]) -> None:
    frame = pd.DataFrame({"word": pd.Series(words, dtype=object)})
    assert csv(frame, LONE) == texts(frame, LONE).to_csv(index=False, lineterminator="\n")


def test_a_return_is_quoted_so_that_it_ends_no_line() -> None:
    frame = pd.DataFrame({"word": pd.Series(["a\rb", "c"], dtype=object)})
    found = pd.read_csv(io.BytesIO(csv(frame, LONE).encode()))
    assert found["word"].tolist() == ["a\rb", "c"]


def test_lines_may_be_longer_than_what_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many bytes they are together: Arrow has room for 2 GiB in an array of short texts."""
    monkeypatch.setattr(written, "AT_ONCE", 1 << 10)
    asked: list[int] = []
    joined = written.pc.binary_join_element_wise

    def counted(*columns: object) -> object:
        found = joined(*columns)
        asked.append(found.nbytes)
        return found

    monkeypatch.setattr(written.pc, "binary_join_element_wise", counted)
    frame = pd.DataFrame({"word": ["x" * 300] * 7 + ["y" * 3000]})
    assert csv(frame, LONE) == texts(frame, LONE).to_csv(index=False)
    assert max(asked) < 2 * 3100
    assert pa.types.is_large_binary(written.NOTHING.type), "with room for more than 2 GiB in a line"
