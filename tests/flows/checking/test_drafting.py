"""A draft whose marks are taken away loads, and the rows that it came from fit it, whatever they are."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.checking.check import check
from flows.checking.drafting import draft
from privacy.errors import InputError
from privacy.schema.schema import DRAFT_MARK, load_schema

DAYS = st.dates(dt.date(1950, 1, 1), dt.date(2020, 12, 31))
TEXTS = st.text(st.characters(exclude_categories=["C"]), max_size=12)
KINDS = {
    "few": st.sampled_from(["F", "M", "m", " f", "k.A.", "-"]),
    "yes": st.sampled_from(["yes", "No", "Y", "n", "NO", "1", "0"]),
    "codes": st.sampled_from(["1.0", "0.0", "1", "9", "99"]),
    "whole": st.integers(-50, 900).map(str),
    "float": st.floats(-1e3, 1e3).map("{:.2f}".format),
    "wide": st.floats(allow_nan=False, allow_infinity=False).map(str),
    "comma": st.floats(0, 99).map(lambda x: f"{x:.1f}".replace(".", ",")),
    "thousands": st.integers(0, 10**6).map("{:,}".format),
    "unit": st.integers(0, 99).map("{} kg".format),
    "censored": st.integers(1, 99).map(lambda i: f"<{i}" if i < 9 else str(i)),
    "iso": DAYS.map(str),
    "german": DAYS.map("{:%d.%m.%Y}".format),
    "english": DAYS.map("{:%b-%y}".format),
    "clock": st.times().map("{:%H:%M}".format),
    "stamp": st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2030, 1, 1)).map(str),
    "zone": DAYS.map("{}T10:00:00+02:00".format),
    "never": st.sampled_from(["9999-12-31", "0000-00-00", "2020-02-02", "2021-03-03"]),
    "text": TEXTS,
    "sentence": st.lists(TEXTS, min_size=4, max_size=9).map(" ".join),
    "lines": st.sampled_from(["a\nb", "c", "d\r\ne"]),
    "mail": st.integers(0, 10**6).map("a{}@b.org".format),
    "same": st.just("A"),
    "empty": st.just(""),
}
ABSENT = st.sampled_from(["", "NA", "-999", "unknown", "ND", ".", "999"])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_rows_fit_the_draft_that_they_gave(data):
    kinds = data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=5))
    rows = data.draw(st.sampled_from([1, 2, 12, 60, 130]))
    gaps = data.draw(st.booleans())
    columns = []
    for kind in kinds:
        pool = data.draw(st.lists(KINDS[kind], min_size=1, max_size=40))
        pool += data.draw(st.lists(ABSENT, max_size=3)) if gaps else []
        columns.append([pool[(i * 7 + i // len(pool)) % len(pool)] for i in range(rows)])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, schema = folder / "t.csv", folder / "s.yaml"
        with file.open("w", encoding="utf-8", newline="") as out:
            names = [f"{kind}_{i}" for i, kind in enumerate(kinds)]
            csv.writer(out).writerow(["patient_id", "sex", *names])
            for i, row in enumerate(zip(*columns, strict=True)):
                csv.writer(out).writerow([str(i % 20), "FM"[i % 2], *row])
        text = draft([file]).text.replace("draft: unconfirmed\n", "").replace(DRAFT_MARK, "")
        schema.write_text(text, encoding="utf-8")
        checked = check(load_schema(schema), [file])
    assert not checked.refused, checked.findings
    assert {f.action for f in checked.findings} <= {"local"}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([f"a{i}@b.org" for i in range(60)], "x: is an e-mail address"),
        ([f"{i + 10} kg" for i in range(60)], "x: numbers with a unit"),
        ([f"P{i:04}" for i in range(60)], "x: nearly every row has its own value"),
    ],
)
def test_a_table_of_which_nothing_can_be_modelled_is_refused_with_the_reason(rows, told, tmp_path):
    (tmp_path / "t.csv").write_text("\n".join(["x", *rows]) + "\n")
    with pytest.raises(InputError, match="no column of it can be modelled: " + told):
        draft([tmp_path / "t.csv"])
