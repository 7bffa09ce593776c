"""By what units and rows are known: the same through every file form, and one changes no other's."""

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dp_accounting import NoOpDpEvent, ZCDpEvent
from hypothesis import given
from hypothesis import strategies as st

from privacy.accounting.guarantee import Guarantee
from privacy.errors import LedgerError, PermitError
from privacy.ledger.ledger import Ledger
from privacy.people.identity import AS_READ, PLAIN, Identity
from privacy.people.keys import keys_of
from privacy.people.plain import plain_name, plain_value
from privacy.people.sketch import Sketch
from privacy.reading.formats.strict import NULL
from privacy.reading.source import read_source
from privacy.schema.columns import Numeric
from privacy.schema.schema import Schema
from privacy.table import PrivateTable


def schema(**changes):
    columns = {
        "arm": {"kind": "categorical", "categories": ["x", "y", "True", "False"]},
        "hb": {"kind": "float", "bounds": [0, 99999], "bins": 9, "missing": "keep"},
        "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2025-01-01"], "bins": 9},
    }
    return Schema.model_validate({"name": "d", "columns": columns} | changes)


FRAME = pd.DataFrame(
    {
        "arm": ["x", "y"] * 200,
        "hb": [None if i % 9 == 0 else i / 7 for i in range(400)],
        "seen": pd.date_range("2021-01-01", periods=400),
    }
)


def opened(ledger, declared, *paths):
    """Which rows are in train, by their number in FRAME."""
    ledger.register("d", Guarantee(1, 1e-6), 0.4, declared)
    permit = ledger.charge("d", "train", run="r", attempt="a", purpose="t", event=NoOpDpEvent())
    found = PrivateTable(declared, paths, "train").open(permit).frame
    return sorted(found["seen"].astype(str))


def begun(ledger, declared):
    """A data set whose people were charged already."""
    ledger.register("d", Guarantee(1, 1e-6), 0.2, declared)
    words = {"run": "r", "attempt": "0", "purpose": "fit", "event": ZCDpEvent(1e-6)}
    return ledger.charge("d", "train", **words)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(str(tmp_path / "ledger.db"))


def test_the_split_does_not_follow_from_the_form_of_the_file(tmp_path, ledger):
    csv, other, parquet, dates = (
        tmp_path / n for n in ("a.csv", "b.csv.gz", "c.parquet", "d.parquet")
    )
    FRAME.to_csv(csv, index=False)
    shuffled = FRAME.sample(frac=1, random_state=1)[["seen", "arm", "hb"]]
    other.write_bytes(gzip.compress(shuffled.to_csv(index=False).encode()))
    FRAME.to_parquet(parquet)
    table = pa.table(
        {
            "hb": pa.array(FRAME["hb"], pa.float64()),
            "seen": pa.array(FRAME["seen"].dt.date, pa.date32()),
            "arm": pa.array(FRAME["arm"]).dictionary_encode(),
        }
    )
    pq.write_table(table, dates)
    declared = schema()
    first = opened(ledger, declared, csv)
    assert 100 < len(first) < 300
    for path in (other, parquet, dates):
        assert opened(ledger, declared, path) == first, path


def test_the_split_does_not_follow_from_the_order_of_the_schema(tmp_path, ledger):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    declared = schema()
    swapped = schema(columns=dict(reversed(declared.columns.items())))
    assert list(swapped.columns) != list(declared.columns)
    assert opened(ledger, declared, tmp_path / "a.csv") == opened(
        ledger, swapped, tmp_path / "a.csv"
    )


WITH_PID = {
    "columns": {"pid": {"kind": "identifier"}, "hb": {"kind": "float", "bounds": [0, 9], "bins": 3}}
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"unit": None}, "its unit is 'pid', and the schema says each row; write `unit: pid`"),
        ({"unit": "other"}, "its unit is 'pid', and the schema says 'other'"),
        ({"unit": "pid", "max_rows_per_unit": 4}, "write `max_rows_per_unit: 3`"),
        ({"unit": "pid", "csv": {"encoding": "latin-1"}}, "encoding 'utf-8'"),
        ({"unit": "pid", "csv": {"comment": "#"}}, "comment left out"),
        ({"unit": "pid", "csv": {"header": False}}, "columns without a header left out"),
        ({"unit": "pid", "npz": {"pid": "test_pid"}}, "npz left out"),
    ],
)
def test_a_schema_that_knows_people_otherwise_is_refused(ledger, changes, said):
    columns = WITH_PID["columns"] | {"other": {"kind": "identifier"}}
    first = schema(columns=columns, unit="pid", max_rows_per_unit=3)
    begun(ledger, first)
    k = {} if changes["unit"] is None else {"max_rows_per_unit": 3}
    with pytest.raises(LedgerError) as caught:
        ledger.register("d", Guarantee(1, 1e-6), 0.2, schema(columns=columns, **(k | changes)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_columns_that_rows_are_known_by_stay(ledger):
    declared = schema()
    begun(ledger, declared)
    fewer = schema(columns={n: c for n, c in declared.columns.items() if n != "hb"})
    more = schema(columns={**declared.columns, "x": {"kind": "identifier"}})
    for changed, said in ((fewer, "lacks 'hb'"), (more, "adds 'x'")):
        with pytest.raises(LedgerError, match=said):
            ledger.register("d", Guarantee(1, 1e-6), 0.2, changed)


def test_a_format_of_dates_stays_where_rows_are_known_by_them(ledger):
    declared = schema()
    begun(ledger, declared)
    seen = declared.columns["seen"].model_copy(update={"format": "%d.%m.%Y"})
    with pytest.raises(LedgerError, match="format of seen left out"):
        ledger.register(
            "d", Guarantee(1, 1e-6), 0.2, schema(columns={**declared.columns, "seen": seen})
        )


OFFSETS = [f"2021-03-{i % 28 + 1:02}T{i % 24:02}:30:00-0{5 + i % 2}:00" for i in range(400)]


@pytest.mark.parametrize(
    ("texts", "plain", "said"),
    [
        (OFFSETS, {"resolution": "second"}, {"zone": "America/Chicago"}),
        (OFFSETS, {}, {"zone": "Asia/Tokyo", "resolution": "day"}),
        (
            [f"{i % 28 + 1:02}/03/{i % 100:02}" for i in range(400)],
            {"format": "%d/%m/%y", "pivot": 2029},
            {"pivot": 2040},
        ),
    ],
)
def test_no_zone_and_no_pivot_makes_other_people_of_the_same_texts(
    ledger, tmp_path, texts, plain, said
):
    """Neither sides, nor the sketch by which people are known again."""
    path = tmp_path / "x.csv"
    FRAME.assign(seen=texts).to_csv(path, index=False)
    bounds = ["1941-01-01", "2029-12-31"]
    columns = [
        {**schema().model_dump()["columns"], "seen": {"kind": "datetime", "bounds": bounds, **form}}
        for form in (plain, plain | said)
    ]
    one, other = (schema(columns=c) for c in columns)
    assert Identity.of(one).against(other) == ""
    found = [
        (list(keys_of(s, d, PLAIN).names), Sketch.of(s, d, PLAIN, b"s" * 32).to_plain())
        for d in (one, other)
        for s in [read_source((path,), d)]
    ]
    assert found[0] == found[1]


def test_a_decimal_sign_stays_where_rows_are_known_by_their_numbers(ledger):
    declared = schema()
    begun(ledger, declared)
    numeric = next(n for n, c in declared.columns.items() if isinstance(c, Numeric))
    with pytest.raises(LedgerError, match=f"decimal of {numeric} left out"):
        ledger.register("d", Guarantee(1, 1e-6), 0.2, schema(csv={"decimal": ","}))


def test_a_permit_opens_no_table_of_another_identity(tmp_path, ledger):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    declared = schema()
    begun(ledger, declared)
    permit = ledger.charge("d", "train", run="r", attempt="a", purpose="t", event=NoOpDpEvent())
    fewer = schema(columns={n: c for n, c in declared.columns.items() if n != "hb"})
    with pytest.raises(PermitError, match="lacks 'hb'"):
        PrivateTable(fewer, (tmp_path / "a.csv",)).open(permit)


def test_what_may_change_changes_nothing(ledger):
    """Bins, targets, descriptions and bounds say nothing of who is who."""
    declared = schema()
    begun(ledger, declared)
    columns = {**declared.columns, "hb": {"kind": "integer", "bounds": [0, 5], "missing": "keep"}}
    changed = schema(columns=columns, description="x", csv={"separator": ";", "newlines": True})
    assert ledger.register("d", Guarantee(1, 1e-6), 0.2, changed).identity == Identity.of(declared)


def test_identities_survive_json():
    for form in (Identity.of(schema()), Identity.of(schema(csv={"header": False}), AS_READ)):
        assert Identity.from_plain(form.to_plain()) == form


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("64.40", "64.4"),
        ("1e-05", "0.00001"),
        ("1E+16", "10000000000000000"),
        ("-0.0", "0"),
        ("+5", "5"),
        (".5", "0.50"),
        (" 7 ", "7"),
        ("True", "true"),
        ("2020-01-01", "2020-01-01 00:00:00"),
        ("2020-01-01T10:00", "2020-01-01 10:00:00.000"),
        ("é", "é"),
        (NULL, ""),
    ],
)
def test_one_value_has_one_form(a, b):
    assert plain_value(a) == plain_value(b)


@given(st.integers(-(10**60), 10**60))
def test_a_whole_number_is_never_rounded(n):
    assert plain_value(str(n)) == str(n) == plain_value(f"{n}.0")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_the_same_as_python_and_arrow_write_it(x):
    by_arrow = pa.array([x]).cast(pa.string())[0].as_py()
    assert plain_value(repr(x)) == plain_value(by_arrow)


@pytest.mark.parametrize(("text", "name"), [("12.0", "12"), ("007", "007"), ("1e5", "1e5")])
def test_names_keep_what_numbers_may_lose(text, name):
    assert plain_name(text) == name


def test_a_unit_is_one_person_in_a_file_of_numbers_and_in_one_of_texts(tmp_path, ledger):
    """A column of whole numbers that once held a missing value comes as 12.0: still patient 12."""
    declared = schema(unit="pid", max_rows_per_unit=2, **WITH_PID)
    ledger.register("d", Guarantee(1, 1e-6), 0.4, declared)
    permit = ledger.charge("d", "train", run="r", attempt="a", purpose="t", event=NoOpDpEvent())
    pids = np.arange(200)
    pd.DataFrame({"pid": pids, "hb": 1.0}).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame({"pid": pids.astype(float), "hb": 2.0}).to_parquet(tmp_path / "b.parquet")
    both = tmp_path / "a.csv", tmp_path / "b.parquet"
    rows = PrivateTable(declared, both, "train").open(permit)
    assert set(np.bincount(rows.units)) == {2}
    assert set(rows.frame.groupby(rows.units)["hb"].sum()) == {3.0}


def test_a_file_given_in_the_form_of_before_keeps_its_split(tmp_path, monkeypatch):
    """Data sets that were registered before there was a plain form go on as they began."""
    declared = schema()
    assert Identity.of(declared, AS_READ).columns == tuple(declared.columns)
    swapped = schema(columns=dict(reversed(declared.columns.items())))
    assert "another order" in Identity.of(declared, AS_READ).against(swapped)


def test_a_row_with_a_null_counts_its_own_equals_only(tmp_path, ledger):
    """Rows that differ behind a null are not equal: none says on which side another is."""
    declared = schema()
    table = pa.table(
        {
            "arm": ["x"] * 60,
            "hb": pa.array([None] * 60, pa.float64()),
            "seen": pd.date_range("2021-01-01", periods=60).strftime("%Y-%m-%d"),
        }
    )
    pq.write_table(table, tmp_path / "all.parquet")
    pq.write_table(table.slice(1), tmp_path / "rest.parquet")
    every, rest = (opened(ledger, declared, tmp_path / f"{n}.parquet") for n in ("all", "rest"))
    assert set(rest) <= set(every)
    assert set(every) - set(rest) <= {"2021-01-01"}
