"""One unit more changes nothing of how the others are read: the whole way from files to codes.

Every kind of source is written with and without one more unit, which holds whatever the schema puts up with,
at any place. Opened by the same permit, the partitions are what they were, and that unit in one of them.
"""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import random
import struct
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dp_accounting import NoOpDpEvent
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from privacy.accounting.guarantee import Guarantee
from privacy.ledger.charges import Permit
from privacy.ledger.ledger import Ledger
from privacy.people.identity import Identity
from privacy.reading.images import encode
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema
from privacy.table import PrivateTable

Row = dict[str, Any]
Unit = Counter[tuple[Any, ...]]
PARTITIONS = ("train", "holdout")


Permits = Callable[[Schema], dict[str, Permit]]


@pytest.fixture(scope="module")
def permits(tmp_path_factory: pytest.TempPathFactory) -> Permits:
    """A permit for each partition, of one split for all schemas, which differ in who is a unit."""

    def of(schema: Schema) -> dict[str, Permit]:
        ledger = Ledger(str(tmp_path_factory.mktemp("ledger") / "ledger.db"))
        ledger.register("t", Guarantee(1, 1e-6), 0.4, schema, public_key=bytes(range(32)))
        words = {"run": "r", "attempt": "a", "purpose": "test", "event": NoOpDpEvent()}
        return {p: ledger.charge("t", p, **words) for p in PARTITIONS}

    known: dict[str, dict[str, Permit]] = {}

    def found(schema: Schema) -> dict[str, Permit]:
        name = str(Identity.of(schema))
        if name not in known:
            known[name] = of(schema)
        return known[name]

    return found


def parts(paths: list[Path], schema: Schema, permits: Permits) -> dict[str, Counter[Any]]:
    """The units of each partition, each as its rows' codes (and picture) in some order."""
    found = {}
    for partition, permit in permits(schema).items():
        rows = PrivateTable(schema, tuple(paths), partition).open(permit)  # type: ignore[arg-type]
        columns = [c.tolist() for _, c in Codec(schema).encode(rows.frame).items()]
        if schema.image is not None:
            columns.append([picture.tobytes() for picture in rows.frame[schema.image]])
        units: dict[int, Unit] = {}
        for unit, *row in zip(rows.units, *columns, strict=True):
            units.setdefault(unit, Counter())[tuple(row)] += 1
        found[partition] = Counter(tuple(sorted(u.items())) for u in units.values())
    return found


# --- what units hold

rng = random.Random(0)
EDGES = sorted({rng.choice((1, -1)) * rng.randrange(10**15, 2**63) for _ in range(60)})
"""Bins begin at numbers that a float parser in a hurry misses by a digit."""

MISSING, OTHER = ("", "NA"), "other"
COLUMNS: dict[str, Any] = {
    "x": {"kind": "float", "bounds": [-1e19, 1e19], "bins": [float(e) for e in EDGES], "special": ["N", 1e20]},
    "z": {"kind": "integer", "bounds": [0, 2**53], "bins": 16, "special": ["N", -1]},
    "at": {"kind": "datetime", "bounds": ["2000-01-01", "2009-12-31"], "bins": 50, "resolution": "second"},
    "code": {
        "kind": "categorical",
        "categories": ["low", "high", "V", OTHER],
        "aliases": {"Low": "low", "0.5": "high"},
        "rules": [
            {"to": "low", "min": 0, "below": EDGES[-9]},
            {"to": "high", "min": EDGES[-9], "below": 1e19},
            {"to": "V", "prefix": "V"},
        ],
        "other": OTHER,
    },
}  # fmt: skip
for column in COLUMNS.values():
    column |= {"missing": "keep", "missing_values": MISSING}
    if column["kind"] != "categorical":
        column["out_of_range"] = "clamp"

PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufdd0")
WRITTEN = st.text(PLAIN, max_size=8) | st.sampled_from(
    ['"', '"a', 'a"b', "a,b", "a\tb", "a\nb", "a\r\nb", "\r", " a ", "#", "'", "é", "e\u0301", "\ufeff", "null"]
)  # fmt: skip
NUMBER = st.one_of(
    st.sampled_from(EDGES).map(str),
    st.sampled_from(EDGES).map(lambda e: f"{e}.0"),
    st.sampled_from(EDGES).map(lambda e: f"{e:+030d}"),
    st.integers(-(10**19), 10**19).map(str),
    st.integers(0, 20).map(str),
    st.floats(-1e300, 1e300).map(repr),
    st.sampled_from(["0.5", "-0", " 7", "1e5", "1e-400", "9" * 30, "-47393996303418497800", str(2**64 - 1)]),
)  # fmt: skip
WHOLE = st.one_of(
    st.integers(0, 2**53).map(str),
    st.integers(0, 20).map("{:040d}".format),
    st.sampled_from(["7.0", "1e5", "9007199254740993", "9" * 25, "-3", "18446744073709551615"]),
)
NOT_A_NUMBER = st.sampled_from([*MISSING, "N"])
TIME = st.one_of(
    st.datetimes(*(np.datetime64(y, "s").item() for y in ("1990", "2020"))).map(str),
    st.sampled_from(["2004-05-06", "2004-05-06T12:00+09:00", "2004-05-06 12:00Z", "0001-01-02T00:00+09:00"]),
)  # fmt: skip
TEXTS: dict[str, st.SearchStrategy[Any]] = {
    "x": NUMBER | NOT_A_NUMBER | st.just("1e20"),
    "z": WHOLE | NOT_A_NUMBER | st.just("-1.0"),
    "at": TIME | st.sampled_from(MISSING),
    "code": NUMBER | WRITTEN | st.sampled_from(["low", "Low", "V9", OTHER, "1e400", *MISSING]),
}
TYPED: dict[str, st.SearchStrategy[Any]] = {
    "x": st.sampled_from(EDGES).map(float) | st.floats(-1e300, 1e300) | st.just(1e20) | st.none(),
    "z": st.integers(-(2**63), 2**63 - 1) | st.none(),
    "at": st.datetimes(*(np.datetime64(y, "s").item() for y in ("1700", "2200"))) | st.none(),
    "code": TEXTS["code"] | st.none(),
}
"""The same for a file whose columns have types."""

PICTURE = st.binary(min_size=2, max_size=2).map(
    lambda b: np.frombuffer(b, np.uint8).reshape(1, 2, 1)
)
LABEL = st.integers(0, 255)
PICTURES: dict[str, Any] = {
    "picture": {"kind": "image", "height": 1, "width": 2},
    "label": {"kind": "categorical", "categories": ["0", "1", "2", OTHER], "other": OTHER},
}
NAMES = WRITTEN.filter(lambda name: unicodedata.normalize("NFKC", name).strip() not in ("", "NA"))


TIDY: list[Row] = [
    {"x": str(e), "z": str(i), "at": f"2004-05-{i % 28 + 1:02}T12:00", "code": str(e)}
    for i, e in enumerate(EDGES)
]
"""Columns that could be integers and times without an offset, if it weren't for one unit more."""
TIDY_TYPED: list[Row] = [
    {
        "x": float(e) if i % 3 else None,
        "z": i,
        "at": dt.datetime(2004, 5, i % 28 + 1),
        "code": str(e),
    }
    for i, e in enumerate(EDGES)
]
TIDY_PICTURES: list[Row] = [
    {"picture": np.full((1, 2, 1), i, np.uint8), "label": i % 4, "x": float(e), "z": i}
    for i, e in enumerate(EDGES)
]


def same_name(name: Any) -> str:
    """What two names share that might be held to be one."""
    return " ".join(unicodedata.normalize("NFKC", str(name)).casefold().split())


# --- sources: how rows are written, and what may stand in them


@dataclass(frozen=True)
class Kind:
    """``write``: rows → files in a folder; ``values``: what a column may hold; ``tidy``: plain rows."""

    write: Callable[[Path, list[Row], Schema], list[Path]]
    columns: dict[str, Any]
    values: dict[str, st.SearchStrategy[Any]]
    tidy: list[Row]
    names: st.SearchStrategy[Any] = NAMES
    separator: str = ","
    decimal: str = "."

    def schema(self, units: bool) -> Schema:
        """With a column that names the unit, or with rows that are their own."""
        said: dict[str, Any] = {"name": "t", "columns": self.columns}
        said["csv"] = {"newlines": True, "separator": self.separator, "decimal": self.decimal}
        if units:
            named = {"who": {"kind": "identifier"}} | self.columns
            said |= {"unit": "who", "max_rows_per_unit": 2, "columns": named}
        return Schema.model_validate(said)


def text_bytes(rows: list[Row], schema: Schema) -> Iterator[str]:
    class Lines(list[str]):
        write = list.append

    lines = Lines()
    writer = csv.writer(lines, delimiter=schema.csv.separator, quoting=csv.QUOTE_NONNUMERIC)  # type: ignore[arg-type]
    writer.writerow(schema.columns)
    writer.writerows([row[name] for name in schema.columns] for row in rows)
    return iter(lines)


def as_csv(name: str) -> Callable[[Path, list[Row], Schema], list[Path]]:
    def write(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
        content = "".join(text_bytes(rows, schema)).encode()
        path = folder / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return [path]

    return write


def decimal_commas(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    commas = [row | {name: row[name].replace(".", ",") for name in ("x", "z")} for row in rows]
    return as_csv("a.csv")(folder, commas, schema)


def of_type(name: str, rows: list[Row], kind: pa.DataType) -> pa.Array:
    return pa.array([row[name] for row in rows], kind)


def parquet_texts(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    table = pa.table({n: of_type(n, rows, pa.string()) for n in schema.columns})
    pq.write_table(table, folder / "a.parquet")
    return [folder / "a.parquet"]


TYPES = {
    "who": pa.string(), "x": pa.float64(), "z": pa.int64(), "at": pa.timestamp("us"),
    "code": pa.dictionary(pa.int32(), pa.string()), "label": pa.uint8(),
}  # fmt: skip


def parquet_types(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    table = pa.table({n: of_type(n, rows, TYPES[n]) for n in schema.columns})
    pq.write_table(table, folder / "a.parquet")
    return [folder / "a.parquet"]


def parquet_pictures(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    columns = {n: of_type(n, rows, TYPES[n]) for n in schema.columns if n != "picture"}
    stored = pa.array([encode(row["picture"]) for row in rows], pa.binary())
    pq.write_table(pa.table(columns | {"picture": stored}), folder / "a.parquet")
    return [folder / "a.parquet"]


def npz(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    plain = [n for n in schema.columns if n != "picture"]
    np.savez(
        folder / "a.npz",
        picture=np.stack([row["picture"] for row in rows]),
        **{n: np.array([row[n] for row in rows], "U" if n == "who" else None) for n in plain},
    )
    return [folder / "a.npz"]


def idx(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    """Pictures and labels; units, which idx files cannot name, stand with the labels in a CSV file."""

    def written(array: np.ndarray, path: Path) -> Path:
        head = struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape)
        path.write_bytes(head + array.tobytes())
        return path

    pictures = np.stack([row["picture"] for row in rows])[..., 0]
    first = written(pictures, folder / "x-idx3-ubyte")
    labels = np.array([row["label"] for row in rows], np.uint8)
    if schema.unit is None:
        return [first, written(labels, folder / "y-idx1-ubyte")]
    table = pa.table({n: of_type(n, rows, TYPES[n]) for n in ("who", "label")})
    pq.write_table(table, folder / "y.parquet")
    return [first, folder / "y.parquet"]


def pictures_in_a_folder(folder: Path, rows: list[Row], schema: Schema) -> list[Path]:
    named = []
    for row in rows:
        name = f"{row['picture'].tobytes().hex()}.png"
        (folder / name).write_bytes(encode(row["picture"]))
        named.append(row | {"picture": name})
    return as_csv("a.csv")(folder, named, schema)


OF_PICTURES = {"picture": PICTURE, "label": LABEL}
KINDS = {
    "csv": Kind(as_csv("a.csv"), COLUMNS, TEXTS, TIDY),
    "csv.gz": Kind(as_csv("a.csv.gz"), COLUMNS, TEXTS, TIDY),
    "tsv": Kind(as_csv("a.tsv"), COLUMNS, TEXTS, TIDY, separator="\t"),
    "csv with decimal commas": Kind(
        decimal_commas, COLUMNS, TEXTS, TIDY, separator=";", decimal=","
    ),
    "parquet of texts": Kind(parquet_texts, COLUMNS, TEXTS, TIDY),
    "parquet of types": Kind(parquet_types, COLUMNS, TYPED, TIDY_TYPED),
    "npz": Kind(
        npz,
        PICTURES | {"x": COLUMNS["x"], "z": COLUMNS["z"]},
        OF_PICTURES | {"x": st.floats(-1e300, 1e300), "z": st.integers(-(2**63), 2**63 - 1)},
        TIDY_PICTURES,
        names=NAMES.filter(lambda name: "\0" not in name and name != ""),
    ),
    "idx": Kind(idx, PICTURES, OF_PICTURES, TIDY_PICTURES),
    "folder of pictures": Kind(pictures_in_a_folder, PICTURES, OF_PICTURES, TIDY_PICTURES),
    "parquet of pictures": Kind(parquet_pictures, PICTURES, OF_PICTURES, TIDY_PICTURES),
}


@st.composite
def neighbours(draw: st.DrawFn, kind: Kind, units: bool) -> tuple[list[Row], list[Row]]:
    """Rows in some order, and the same with those of one unit more among them."""
    row = st.fixed_dictionaries(kind.values)
    rows = draw(st.just(kind.tidy) | st.lists(row, min_size=1, max_size=20))
    more = [draw(row | st.sampled_from(rows))]
    if units:
        who = draw(st.lists(kind.names, min_size=2, max_size=8, unique_by=same_name))
        rows = [one | {"who": who[1 + i // 3 % (len(who) - 1)]} for i, one in enumerate(rows)]
        more += draw(st.lists(row, max_size=3))
        more = [one | {"who": who[0]} for one in more]
    order = random.Random(draw(st.integers(0, 2**32)))
    rows = order.sample(rows, len(rows))
    both = list(rows)
    for one in more:
        both.insert(order.randrange(len(both) + 1), one)
    return rows, both


CASES = [
    pytest.param(k, u, id=f"{k}, {'units' if u else 'rows'}") for k in KINDS for u in (True, False)
]


def holds(kind: Kind, units: bool, permits: Permits, folder: Path, data: st.DataObject) -> None:
    schema = kind.schema(units)
    without, both = (
        parts(kind.write(folder, rows, schema), schema, permits)
        for rows in data.draw(neighbours(kind, units))
    )
    gone = {p: without[p] - both[p] for p in PARTITIONS}
    come = {p: both[p] - without[p] for p in PARTITIONS}
    assert not any(gone.values()), "a unit is read in another way, or is in another partition"
    assert sum(c.total() for c in come.values()) == 1
    (unit,) = (u for c in come.values() for u in c)
    assert sum(n for _, n in unit) <= schema.max_rows_per_unit


@pytest.mark.parametrize(("kind", "units"), CASES)
def test_one_unit_more_leaves_the_others_as_they_are(
    kind: str, units: bool, permits: Permits, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("source")

    @settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
    @given(st.data())
    def check(data: st.DataObject) -> None:
        holds(KINDS[kind], units, permits, folder, data)

    check()


def test_nobody_leaves_a_bin_for_a_half(permits: Permits, tmp_path: Path) -> None:
    """A thousand people at the lower edge of a bin, and one who says 0.5."""
    edge = 1723275953579371748
    column = {"kind": "float", "bounds": [0, 1e19], "bins": [0, float(edge), 1e19]}
    schema = Schema.model_validate({"name": "t", "columns": {"x": column}})

    def counts(*texts: str) -> list[int]:
        (tmp_path / "a.csv").write_text("x\n" + "\n".join(texts))
        found = parts([tmp_path / "a.csv"], schema, permits)
        rows: Counter[Any] = sum(found.values(), Counter())
        return [rows[((code,), 1),] for code in (0, 1)]

    assert counts(*[str(edge)] * 1000) == [0, 1000]
    assert counts(*[str(edge)] * 1000, "0.5") == [1, 1000]


@pytest.mark.long
@pytest.mark.parametrize(("kind", "units"), CASES)
def test_in_many_more_files(
    kind: str, units: bool, permits: Permits, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("source")

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        holds(KINDS[kind], units, permits, folder, data)

    check()
