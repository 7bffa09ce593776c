"""Exported files open in pandas, DuckDB, datasets and mlcroissant, and read back as they were."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import socket
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import datasets
import duckdb
import mlcroissant
import numpy as np
import pandas as pd
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from flows.bundle.write import _public
from flows.cards.markdown import fenced, literal
from flows.frames.database import write_duckdb
from flows.frames.export import (
    exported,
    read_synthetic,
    stored_synthetic,
    write_files,
    write_rows,
)
from flows.frames.parquet import parquet_files
from flows.frames.written import written_values
from flows.stages.config import load_config
from privacy.reading.images import stack, unstack
from privacy.schema.codec import Codec, number_identifiers
from privacy.schema.schema import Schema, load_schema
from privacy.stored import rows
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import HOSTILE, make_label
from tests.flows import clinic

NASTY = "a \"q\" | 'b' `c` *d* _e_ [f](g) <i>h</i> &amp; #j: {k} \\| $l$ ---"
"""A name that YAML, Markdown, SQL, Python and JSON would each like to read as something else."""

BREAKS = f"---\n# Title\n\n- x: 1\n---\n{HOSTILE}\n| a | b |\n|---|---|\n```\n{{{{ x }}}} 100% \u2028---\u2028"
"""A description that would end the front matter, open a table and close a block of code."""

COLUMNS: dict[str, Any] = {
    "who": {"kind": "identifier"},
    "age": {"kind": "integer", "bounds": [0, 99], "bins": 10, "missing": "keep", "special": [-1]},
    "beds": {"kind": "integer", "bounds": [1, 2**53], "bins": 9},
    "lab": {"kind": "float", "bounds": [0, 1], "bins": 4, "missing": "keep", "missing_values": ["?"]},
    "dose": {"kind": "float", "bounds": [0, 5], "bins": 4, "special": ["N/A"], "missing": "keep"},
    "seen": {
        "kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"], "bins": 3, "format": "%d.%m.%Y",
        "missing": "keep", "missing_values": ["00.00.0000"],
    },
    "born": {"kind": "datetime", "bounds": ["1900-01-01", "1990-01-01"], "bins": 3},
    "at": {
        "kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"], "bins": 3, "resolution": "second",
        "missing": "keep",
    },
    "arrived": {
        "kind": "datetime", "bounds": ["2024-01-01", "2024-12-31"], "bins": 3, "resolution": "second",
        "zone": "America/Chicago", "missing": "keep",
    },
    "left": {
        "kind": "datetime", "bounds": ["2024-01-01", "2024-12-31"], "bins": 3, "resolution": "second",
        "zone": "America/Chicago", "format": "%d/%m/%Y %H:%M:%S",
    },
    "dob": {
        "kind": "datetime", "bounds": ["1930-01-01", "2020-01-01"], "bins": 3, "format": "%d/%m/%y",
        "pivot": 2026, "missing": "keep",
    },
    "stage": {"kind": "ordinal", "categories": ["low", "high", "10"], "missing": "keep"},
    "rank": {"kind": "ordinal", "categories": ["3", "2", "1"]},
    "sex": {"kind": "categorical", "categories": ["F", "M"]},
    "alive": {"kind": "categorical", "categories": ["True", "False"]},
    "code": {"kind": "categorical", "categories": ["007", "1e5", "NA", "null", ""], "missing": "keep",
             "missing_values": ["-9"]},
    NASTY: {"kind": "categorical", "categories": [HOSTILE, NASTY, "x,y", " z "], "description": BREAKS},
}  # fmt: skip
BASE: dict[str, Any] = {
    "name": "clinic",
    "description": BREAKS,
    "source": NASTY,
    "unit": "who",
    "csv": {"separator": ";"},
    "targets": [
        {"task": "classification", "column": "alive", "positive": ["True"]},
        {"task": "regression", "column": "age"},
    ],
    "subgroups": [{"column": NASTY}, {"column": "sex"}],
    "columns": COLUMNS,
}
SCHEMA = Schema.model_validate(BASE)
PICTURES = Schema.model_validate(
    BASE | {"columns": {"scan": {"kind": "image", "height": 5, "width": 4}, **COLUMNS}}
)
COLOURS = Schema.model_validate(
    BASE | {"columns": {**COLUMNS, "x y": {"kind": "image", "height": 3, "width": 2, "channels": 3}}}
)  # fmt: skip
SCHEMAS = {"table": SCHEMA, "grey": PICTURES, "colour": COLOURS}
DAYS = ("seen", "born", "dob")
WRITTEN = SCHEMA.columns["arrived"].written  # type: ignore[union-attr]
ROWS = 80


def drawn(schema: Schema, n: int = ROWS) -> pd.DataFrame:
    """Synthetic rows as a model gives them."""
    rng = np.random.default_rng(0)
    codec = Codec(schema)
    codes = {name: rng.integers(size, size=n) for name, size in codec.domain.items()}
    frame = codec.decode(pd.DataFrame(codes), rng)
    if schema.image is not None:
        shape = schema.columns[schema.image].shape  # type: ignore[union-attr]
        pixels = rng.integers(0, 256, (n, *shape), dtype=np.uint8)
        frame = frame.assign(**{schema.image: unstack(pixels)})
    return number_identifiers(frame, schema)


def label(schema: Schema, **release: Any) -> dict[str, Any]:
    made = make_label()
    made["release"] |= {
        "synthetic_rows": ROWS,
        "description": schema.description,
        "source": schema.source,
    }
    made["release"] |= release
    made["not_covered"] = [BREAKS, "1. Not a list."]
    made["guarantee"]["unit"] = NASTY
    return made


def plain(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """The values of a canonical frame as Python's own; None for a missing one."""

    def value(v: Any, mixed: bool) -> Any:
        if not isinstance(v, np.ndarray) and pd.isna(v):
            return None
        if isinstance(v, pd.Timestamp):
            return v.to_pydatetime()
        return str(v) if mixed else v

    return {
        str(n): [value(v, mixed=str(n) == "dose") for v in frame[n].astype(object)] for n in frame
    }


@pytest.fixture(scope="module", params=SCHEMAS)
def bundle(request: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Schema]:
    schema = SCHEMAS[request.param]
    public = tmp_path_factory.mktemp(request.param) / "public"
    _public(public, schema, label(schema), Rows.of(drawn(schema)))
    return public, schema


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nobody needs the network to open the files."""

    def refused(*_: Any) -> None:
        raise AssertionError("the network was asked")

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", refused)
        yield


def expected(schema: Schema) -> dict[str, list[Any]]:
    """What every reader should find: days as dates, all else as in the frame; pictures apart."""
    frame = drawn(schema).drop(columns=schema.image or [])
    found = plain(frame.assign(arrived=WRITTEN.instants(frame["arrived"])))
    for name in DAYS:
        found[name] = [v and v.date() for v in found[name]]
    return found


def assert_same(found: dict[str, list[Any]], schema: Schema) -> None:
    wanted = expected(schema)
    for times in (found["arrived"], wanted["arrived"]):  # DuckDB shows them on its session's clocks
        times[:] = [t and t.astimezone(dt.UTC) for t in times]
    assert set(found) == set(wanted)
    for name in wanted:
        assert found[name] == wanted[name], name
        assert [type(v) for v in found[name]] == [type(v) for v in wanted[name]], name


def assert_local(arrived: pd.Series, schema: Schema) -> None:
    """Hours are those of the zone's clocks."""
    assert str(arrived.dt.tz) == "America/Chicago"
    local = drawn(schema)["arrived"].astype("datetime64[ns]")
    pd.testing.assert_series_equal(
        arrived.dt.tz_localize(None).astype("datetime64[ns]"), local, check_names=False
    )


def pixels(schema: Schema) -> np.ndarray:
    assert schema.image is not None
    x = stack(drawn(schema)[schema.image])
    return x[..., 0] if x.shape[-1] == 1 else x


TYPES = {
    "who": "string", "age": "int64", "beds": "int64", "lab": "double", "dose": "string",
    "seen": "date32[day]", "born": "date32[day]", "at": "timestamp[ms]",
    "arrived": "timestamp[ms, tz=America/Chicago]", "left": "timestamp[ms]", "dob": "date32[day]",
    "stage": "dictionary<values=string, indices=int32, ordered=1>",
    "rank": "dictionary<values=string, indices=int32, ordered=1>",
    "sex": "string", "alive": "string", "code": "string", NASTY: "string",
}  # fmt: skip


def test_parquet_has_the_types_of_the_schema(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    stored = pq.read_schema(public / "data.parquet")
    assert stored.names == list(schema.columns)
    assert {f.name: str(f.type) for f in stored if f.name != schema.image} == TYPES
    assert stored.field(NASTY).metadata[b"description"].decode() == BREAKS
    written = Schema.model_validate(yaml.safe_load(stored.metadata[b"understudy.schema"]))
    assert written == exported(schema) == load_schema(public / "schema.yaml")
    table = pq.read_table(public / "data.parquet")
    assert table["stage"].chunk(0).dictionary.to_pylist() == ["low", "high", "10"]
    assert_same(table.drop_columns(schema.image or []).to_pydict(), schema)


def test_parquet_in_pandas(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    rows = pd.read_parquet(public / "data.parquet")
    types = {str(n): str(t) for n, t in rows.dtypes.items()}
    assert types["age"] == types["beds"] == "Int64"
    assert (types["lab"], types["at"]) == ("float64", "datetime64[ms]")
    assert list(rows["rank"].cat.categories) == ["3", "2", "1"]
    assert rows["rank"].max() == "1"
    assert_local(rows["arrived"], schema)
    assert_same(plain(rows.drop(columns=schema.image or [])), schema)


def test_parquet_in_duckdb(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    rows = duckdb.sql(f"SELECT * FROM '{public}/data.parquet'")
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    assert {types.pop(n) for n in DAYS} == {"DATE"}
    assert {types.pop(n) for n in ("age", "beds")} == {"BIGINT"}
    assert (types.pop("lab"), types.pop("at")[:9]) == ("DOUBLE", "TIMESTAMP")
    assert types.pop("arrived") == "TIMESTAMP WITH TIME ZONE"
    assert types.pop("left")[:9] == "TIMESTAMP"
    assert types.pop(schema.image, "STRUCT").startswith("STRUCT")
    assert set(types.values()) == {"VARCHAR"}
    assert_same(by_column(rows, schema), schema)


def by_column(rows: duckdb.DuckDBPyRelation, schema: Schema) -> dict[str, list[Any]]:
    found = dict(zip(rows.columns, map(list, zip(*rows.fetchall(), strict=True)), strict=True))
    found.pop(schema.image, None)
    return found


def test_the_folder_is_a_data_set_of_hugging_face(
    bundle: tuple[Path, Schema], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    public, schema = bundle
    rows = datasets.load_dataset(str(public), split="train", cache_dir=str(tmp_path))
    assert rows.num_rows == ROWS
    card = DatasetCard.load(public / "README.md")
    assert rows.features == datasets.Features._from_yaml_list(card.data.dataset_info["features"])
    by_file = datasets.load_dataset(
        "parquet", data_files=str(public / "data.parquet"), split="train", cache_dir=str(tmp_path)
    )
    assert by_file.features == rows.features
    if schema.image is not None:
        assert rows.features[schema.image] == datasets.Image()
        found = np.stack([np.asarray(picture) for picture in rows[schema.image]])
        np.testing.assert_array_equal(found, pixels(schema))
        rows = rows.remove_columns(schema.image)
    assert_same(rows.to_dict(), schema)
    assert "Ignoring" not in caplog.text


def test_croissant_is_valid_and_its_records_load(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    data = mlcroissant.Dataset(public / "croissant.json")
    issues = data.metadata.ctx.issues
    assert not issues.errors
    assert len(issues.warnings) == 2  # no licence and no citation, which nobody has stated
    names = {
        f.id: f.name for f in next(r for r in data.metadata.record_sets if r.id == "rows").fields
    }
    assert list(names.values()) == list(schema.columns)
    records = list(data.records("rows"))
    found = {name: [r[key] for r in records] for key, name in names.items()}
    if schema.image is not None:
        shown = np.stack([np.asarray(picture) for picture in found.pop(schema.image)])
        np.testing.assert_array_equal(shown, pixels(schema))

    def native(v: Any, day: bool) -> Any:
        if isinstance(v, bytes):
            return v.decode()
        if isinstance(v, pd.Timestamp):
            return v.date() if day else v.to_pydatetime()
        return v

    assert_same(
        {n: [native(v, n in DAYS) for v in column] for n, column in found.items()},
        schema,
    )


@pytest.fixture
def parted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same rows, where more than seven are a large table."""
    drawn(SCHEMA).pipe(write_rows, SCHEMA, tmp_path / "synthetic.csv")
    monkeypatch.setattr(rows, "AT_ONCE", 4)
    monkeypatch.setattr("flows.frames.export.PART", 7)
    stored = stored_synthetic(tmp_path / "synthetic.csv", SCHEMA, tmp_path)
    _public(tmp_path / "public", SCHEMA, label(SCHEMA), stored)
    return tmp_path / "public"


def test_a_large_table_is_a_folder_of_parts(parted: Path, tmp_path: Path) -> None:
    names = [f"data.parquet/part-{i:05}.parquet" for i in range(-(-ROWS // 8))]
    assert [f.relative_to(parted).as_posix() for f in parquet_files(parted)] == names
    listed = {e["name"] for e in json.loads((parted / "manifest.json").read_text())["files"]}
    assert set(names) <= listed
    assert_same(plain(pd.read_parquet(parted / "data.parquet")), SCHEMA)
    readme = (parted / "README.md").read_text("utf-8")
    assert "FROM 'data.parquet/*.parquet'" in readme
    assert 'open_dataset("data.parquet")' in readme
    assert_same(
        by_column(duckdb.sql(f"SELECT * FROM '{parted}/data.parquet/*.parquet'"), SCHEMA), SCHEMA
    )
    found = datasets.load_dataset(str(parted), split="train", cache_dir=str(tmp_path / "cache"))
    assert_same(found.to_dict(), SCHEMA)
    assert write_duckdb(parted, tmp_path / "all.duckdb") == ["data"]


def test_croissant_reads_all_parts(parted: Path) -> None:
    data = mlcroissant.Dataset(parted / "croissant.json")
    assert not data.metadata.ctx.issues.errors
    records = list(data.records("rows"))
    assert len(records) == ROWS
    (age,) = (f.id for f in data.metadata.record_sets[0].fields if f.name == "age")
    whole = pd.read_parquet(parted / "data.parquet")["age"]
    assert sorted(str(r[age]) for r in records) == sorted(
        str(None if pd.isna(v) else v) for v in whole
    )


def test_croissant_carries_the_label(bundle: tuple[Path, Schema]) -> None:
    public, _ = bundle
    data = mlcroissant.Dataset(public / "croissant.json")
    (promise,) = data.records("privacy")
    assert (promise["privacy/epsilon"], promise["privacy/delta"]) == (0.9876, 1e-9)
    assert promise["privacy/unit"] == NASTY
    assert promise["privacy/decision"] == "veto"
    assert promise["privacy/not_covered"] == f"{BREAKS}\n1. Not a list."
    entries = {e["name"]: e for e in json.loads((public / "manifest.json").read_text())["files"]}
    assert {"README.md", "croissant.json"} <= set(entries)
    for file in data.metadata.file_objects:
        assert file.sha256 == entries[file.name]["sha256"]
        assert file.content_size == f"{entries[file.name]['bytes']} B"
    assert "label.json" in {f.name for f in data.metadata.file_objects}
    assert entries["label.json"]["sha256"] in (public / "README.md").read_text("utf-8")
    assert BREAKS in data.metadata.data_limitations
    sensitive = " ".join(data.metadata.personal_sensitive_information)
    for text in (
        "ε = 0.9876",
        "At most 2.68 times as likely.",
        "the units in the train partition",
        NASTY,
    ):
        assert text in sensitive


def test_what_the_people_held_out_paid_is_said_twice(tmp_path: Path) -> None:
    made = label(SCHEMA)
    made["evaluation"] = {"guarantee": {"epsilon": 0.7654, "delta": 1e-7}, "figures": []}
    _public(tmp_path / "public", SCHEMA, made, Rows.of(drawn(SCHEMA)))
    data = mlcroissant.Dataset(tmp_path / "public" / "croissant.json")
    for text in (body(tmp_path / "public"), " ".join(data.metadata.personal_sensitive_information)):
        assert "cost each of them ε = 0.7654 at δ = 10⁻⁷" in text


def assert_alike(found: pd.DataFrame, frame: pd.DataFrame, schema: Schema) -> None:
    """Equal canonical frames; pictures equal bit for bit."""
    assert list(found.columns) == list(frame.columns)
    others = [n for n in frame if n != schema.image]
    pd.testing.assert_frame_equal(found[others], frame[others])
    if schema.image is not None:
        np.testing.assert_array_equal(stack(found[schema.image]), stack(frame[schema.image]))


def test_csv_reads_back_through_the_schema(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    written = load_schema(public / "schema.yaml")
    assert_alike(read_synthetic(public / "data.csv", written), drawn(schema), schema)


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_parquet_reads_back_through_a_schema_with_iso_dates(schema: Schema, tmp_path: Path) -> None:
    columns = {n: c.model_dump() for n, c in schema.columns.items()}
    for name in ("seen", "left", "dob"):
        columns[name] |= {"format": None, "pivot": None}
    iso = Schema.model_validate(schema.model_dump() | {"columns": columns})
    frame = drawn(iso)
    write_rows(frame, iso, tmp_path / "data.parquet")
    assert_alike(read_synthetic(tmp_path / "data.parquet", iso), frame, iso)


def code(public: Path, language: str) -> list[str]:
    """The blocks of code of the card, as a reader of Markdown finds them."""
    tokens = MarkdownIt("commonmark").parse(body(public))
    return [t.content for t in tokens if t.type == "fence" and t.info == language]


def body(public: Path) -> str:
    return DatasetCard.load(public / "README.md").text


def test_the_lines_of_the_card_read_the_csv_with_its_types(
    bundle: tuple[Path, Schema], monkeypatch: pytest.MonkeyPatch
) -> None:
    public, schema = bundle
    monkeypatch.chdir(public)
    (lines,) = [block for block in code(public, "python") if "data.csv" in block]
    scope: dict[str, Any] = {}
    exec(lines, scope)
    rows = scope["rows"]
    assert_local(rows["arrived"], schema)
    names = [f"images/{i:06d}.png" for i in range(1, ROWS + 1)]
    if schema.image is not None:
        assert list(rows.pop(schema.image)) == names
    found = plain(rows)
    for name in DAYS:
        found[name] = [v and v.date() for v in found[name]]
    assert_same(found, schema)
    (query,) = [block for block in code(public, "sql") if "data.csv" in block]
    read = duckdb.sql(query)
    if schema.image is not None:
        assert [row[0] for row in read.select(f'"{schema.image}"').fetchall()] == names
    assert_same(by_column(read, schema), schema)


def test_the_other_lines_of_the_card_run(
    bundle: tuple[Path, Schema], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    public, _ = bundle
    monkeypatch.chdir(public)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    counted = []
    for block in code(public, "python"):
        scope: dict[str, Any] = {}
        exec(block, scope)
        counted.append(len(list(scope["rows"]) if "records" in block else scope["rows"]))
    assert counted == [ROWS] * 4
    assert [len(duckdb.sql(block).fetchall()) for block in code(public, "sql")] == [ROWS] * 2


class Shown(HTMLParser):
    """What a browser shows of a card: its texts, its tags, and the cells of its tables."""

    def __init__(self, markdown: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[list[str]] = []
        self.text = ""
        self.feed(MarkdownIt("commonmark").enable("table").render(markdown))
        self.cells = [[one_line(cell) for cell in line] for line in self.cells]

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags[-1] in ("td", "th"):
            self.cells[-1][-1] += data


def one_line(text: str) -> str:
    return " ".join(text.split())


def test_the_card_shows_hostile_texts_as_they_are(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    shown = Shown(body(public))
    assert set(shown.tags) == {
        "h1", "h2", "p", "ul", "li", "strong", "code", "pre", "details", "summary", "table", "thead",
        "tbody", "tr", "th", "td",
    }  # fmt: skip
    assert [tag for tag in shown.tags if tag[0] == "h"] == ["h1"] + ["h2"] * 7
    text = one_line(shown.text)
    assert text.count(one_line(BREAKS)) == 3  # the data set's, a column's, and what is not covered
    assert one_line(f"What is public about the original: {NASTY}") in text
    risks, (head, *lines) = shown.cells[:5], shown.cells[5:]
    assert risks[0] == ["", "without their rows", "with these, at most"]
    assert risks[1] == ["A yes-or-no secret is guessed right", "50", "62"]
    assert head == ["Column", "Kind", "Type", "Values", "Missing", "Description"]
    assert [line[0] for line in lines] == [one_line(n) for n in schema.columns]
    table = {line[0]: line[1:] for line in lines}
    assert table["stage"][:4] == ["ordinal", "string", "low < high < 10", 'as ""']
    assert table["dose"][:4] == ["float", "string", "0 to 5; also N/A", 'as ""']
    assert table["beds"][:4] == ["integer", "int64", "1 to 9007199254740992", "never"]
    assert table["lab"][:4] == ["float", "float64", "0 to 1", 'as "?"']
    assert table["seen"][:3] == ["datetime", "date32", "2020-01-01 to 2021-01-01"]
    assert table["sex"][:4] == ["categorical (subgroup)", "string", "F, M", "never"]
    assert lines[-1 if schema is not COLOURS else -2][5] == one_line(BREAKS)


def test_the_front_matter_says_what_the_hub_asks(bundle: tuple[Path, Schema]) -> None:
    public, schema = bundle
    data = DatasetCard.load(public / "README.md").data.to_dict()
    pictures = schema.image is not None
    assert data["pretty_name"] == "Synthetic clinic"
    assert "license" not in data
    assert data["tags"] == ["synthetic", "differential-privacy", "image" if pictures else "tabular"]
    assert data["task_categories"] == [
        "image-classification" if pictures else "tabular-classification", "tabular-regression",
    ]  # fmt: skip
    assert data["size_categories"] == ["n<1K"]
    assert data["configs"][0]["data_files"] == [{"split": "train", "path": "data.parquet"}]
    assert [f["name"] for f in data["dataset_info"]["features"]] == list(schema.columns)


@pytest.mark.parametrize(
    ("rows", "size"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**8, "10M<n<100M")],
)
def test_a_size_has_the_hub_s_name(rows: int, size: str) -> None:
    from flows.cards.readme import front_matter

    assert front_matter(label(SCHEMA, synthetic_rows=rows), SCHEMA)["size_categories"] == [size]


def test_a_licence_is_no_other_run(tmp_path: Path) -> None:
    none, stated = (load_config(clinic.write(tmp_path, license=x)) for x in (None, "cc-by-4.0"))
    assert stated.license == "cc-by-4.0"
    assert none.digest() == stated.digest()


def test_a_licence_is_stated_where_the_config_names_one(tmp_path: Path) -> None:
    _public(tmp_path / "public", SCHEMA, label(SCHEMA, license="cc-by-4.0"), Rows.of(drawn(SCHEMA)))
    card = DatasetCard.load(tmp_path / "public" / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert "No licence" not in card.text
    data = mlcroissant.Dataset(tmp_path / "public" / "croissant.json")
    assert data.metadata.license == ["cc-by-4.0"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.one_of(st.sampled_from("\\`*_{}[]()<>#+-.!|~$&; 1a\n\t=:'\""), st.characters(
    exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"))), max_size=40))  # fmt: skip
def test_any_text_is_shown_literally(text: str) -> None:
    paragraph, cell = Shown(literal(text)), Shown(f"| h |\n|---|\n| {literal(text)} |")
    assert one_line(paragraph.text) == one_line(text)
    assert set(paragraph.tags) <= {"p"}
    assert cell.cells[1:] == [[one_line(text)]]
    item = Shown(f"- {literal(text)}")
    assert one_line(item.text) == one_line(text)
    assert set(item.tags) == {"ul", "li"}


@given(st.text(alphabet="`~a \n", max_size=30))
def test_no_code_closes_its_own_block(text: str) -> None:
    (block,) = MarkdownIt("commonmark").parse(fenced(text, "python"))
    assert (block.type, block.content) == ("fence", f"{text}\n")


def test_rows_of_nothing_but_missing_values_keep_their_types(tmp_path: Path) -> None:
    frame = drawn(SCHEMA, 400)
    gone = [n for n, c in SCHEMA.columns.items() if c.missing == "keep"]
    empty = frame[frame["age"].isna()].head(3).copy()
    for name in gone:
        empty[name] = pd.Series([None] * 3, index=empty.index, dtype=frame[name].dtype)
    write_rows(empty.reset_index(drop=True), SCHEMA, tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert {f.name: str(f.type) for f in table.schema} == TYPES
    assert all(table[name].null_count == 3 for name in gone)


def test_a_picture_without_datasets_is_a_png_file(tmp_path: Path) -> None:
    write_rows(drawn(COLOURS), COLOURS, tmp_path / "x.parquet")
    first = pd.read_parquet(tmp_path / "x.parquet")["x y"][0]
    assert first["path"] == "000001.png"
    found = np.asarray(PIL.Image.open(io.BytesIO(first["bytes"])))
    np.testing.assert_array_equal(found, pixels(COLOURS)[0])
    assert re.match(
        r"struct<bytes: ?binary", str(pq.read_schema(tmp_path / "x.parquet").field("x y").type)
    )
    assert isinstance(pq.read_table(tmp_path / "x.parquet"), pa.Table)


@pytest.mark.parametrize("name", [n for n, schema in SCHEMAS.items() if schema.image is None])
def test_in_parts_the_files_are_those_of_the_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema, frame = SCHEMAS[name], drawn(SCHEMAS[name])
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    for folder in (whole, parts):
        folder.mkdir()
    write_files(Rows.of(frame), schema, whole)
    monkeypatch.setattr(rows, "AT_ONCE", 7)
    stored = stored_synthetic(whole / "data.csv", schema, tmp_path)
    assert len(list(stored.batches())) == -(-len(frame) // 7)
    write_files(stored, schema, parts)
    assert (parts / "data.csv").read_bytes() == (whole / "data.csv").read_bytes()
    assert pq.read_table(parts / "data.parquet").equals(pq.read_table(whole / "data.parquet"))


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([1, None, 3, 1], dtype="Int64"),
        pd.Series([0.1, np.nan, 2.0, 0.1]),
        pd.Series(["a", None, "b", "a"], dtype=object),
        pd.Series([1, 1.0, "low", None, True], dtype=object),
        pd.Series([], dtype=object),
        pd.Series([None, None], dtype=object),
    ],
)
def test_a_value_is_written_as_by_itself(values: pd.Series) -> None:
    alone = [None if pd.isna(v) else str(v) for v in values.astype(object)]
    assert written_values(values).tolist() == alone


def test_synthetic_rows_that_do_not_fit_are_refused_and_not_mended(tmp_path: Path) -> None:
    columns = {
        "w": {"kind": "integer", "bounds": [0, 3], "out_of_range": "clamp"},
        "c": {"kind": "categorical", "categories": ["a", "o"], "other": "o"},
    }
    schema = Schema.model_validate({"name": "t", "columns": columns})
    for wrong in ("9,a", "1,zzz"):
        (tmp_path / "t.csv").write_text(f"w,c\n{wrong}\n")
        with pytest.raises(ValueError, match=r"t\.csv"):
            stored_synthetic(tmp_path / "t.csv", schema, tmp_path)
