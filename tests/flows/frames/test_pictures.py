"""What leaves the house of an image set: files that read back bit for bit, and a card that shows them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evaluators.images.extractor import PIXELS, Extractor
from evaluators.score import Scorecard
from flows.bundle.write import _public, write_bundle
from flows.cards.card import write_card
from flows.cards.columns import tiles
from flows.cards.contact_sheet import ACROSS, GAP, contact_sheet
from flows.frames.export import exported, read_synthetic, write_files, write_rows, write_synthetic
from flows.stages import steps
from flows.stages.config import load_config
from flows.stages.run import NEIGHBOURS, Run
from generators.registry import load_model
from privacy.errors import InputError, LedgerError
from privacy.reading.conform import conform
from privacy.reading.images import stack, unstack
from privacy.reading.source import read_source
from privacy.schema.codec import Codec, number_identifiers
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import Rows
from tests.evaluators.made_pages import HOSTILE, Page, make_label
from tests.flows import clinic
from tests.flows.commands.test_cli import understudy

COLUMNS: dict[str, Any] = {
    "who": {"kind": "identifier"},
    "scan": {"kind": "image", "height": 5, "width": 4},
    "age": {"kind": "integer", "bounds": [0, 99], "bins": 10, "missing": "keep", "special": ["N"]},
    "seen": {"kind": "datetime", "bounds": ["2020-01-01", "2021-01-01"], "bins": 3, "format": "%d.%m.%Y"},
    "file": {"kind": "float", "bounds": [0, 1], "bins": 4},
    "dx": {"kind": "categorical", "categories": ["ill", "well", HOSTILE]},
    "sex": {"kind": "categorical", "categories": ["F", "M"]},
}  # fmt: skip
BASE: dict[str, Any] = {
    "name": "clinic",
    "unit": "who",
    "csv": {"separator": ";"},
    "npz": {"scan": "x"},
    "targets": [{"task": "multiclass", "column": "dx"}],
    "subgroups": [{"column": "dx", "name": "same"}, {"column": "sex"}],
}
SCHEMA = Schema.model_validate(BASE | {"columns": COLUMNS})
RGB = Schema.model_validate(
    BASE | {"columns": COLUMNS | {"scan": {**COLUMNS["scan"], "channels": 3}}}
)


def drawn(n: int = 60, schema: Schema = SCHEMA, pixels: np.ndarray | None = None) -> pd.DataFrame:
    """Synthetic rows as a model of pictures gives them."""
    rng = np.random.default_rng(0)
    codec = Codec(schema)
    codes = {name: rng.integers(size, size=n) for name, size in codec.domain.items()}
    shape = schema.columns["scan"].shape  # type: ignore[union-attr]
    x = rng.integers(0, 256, (n, *shape), dtype=np.uint8) if pixels is None else pixels
    frame = codec.decode(pd.DataFrame(codes), rng).assign(scan=unstack(x))
    return number_identifiers(frame, schema)


def assert_alike(found: pd.DataFrame, frame: pd.DataFrame) -> None:
    """The same columns in the same order, and pictures equal bit for bit."""
    pd.testing.assert_frame_equal(found.drop(columns="scan"), frame.drop(columns="scan"))
    assert list(found.columns) == list(frame.columns)
    np.testing.assert_array_equal(stack(found["scan"]), stack(frame["scan"]))


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_synthetic_pictures_are_read_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    schema = data.draw(st.sampled_from([SCHEMA, RGB]))
    n = data.draw(st.integers(1, 5))
    shape = (n, *schema.columns["scan"].shape)  # type: ignore[union-attr]
    frame = drawn(n, schema, data.draw(arrays(np.uint8, shape)))
    path = tmp_path_factory.mktemp("synthetic") / "synthetic.parquet"
    with path.open("wb") as file:
        write_synthetic([frame], schema, file)
    assert_alike(read_synthetic(path, schema), frame)


@pytest.mark.parametrize("schema", [SCHEMA, RGB], ids=["grey", "colour"])
def test_exported_files_are_read_again_with_the_exported_schema(
    schema: Schema, tmp_path: Path
) -> None:
    frame, public = drawn(schema=schema), tmp_path / "public"
    _public(public, schema, make_label(), Rows.of(frame))
    written = load_schema(public / "schema.yaml")
    for name in ("data.csv", "data.npz"):
        source = read_source([public / name], written)
        found, findings = conform(source.texts, written)
        assert findings == []
        assert_alike(source.frame(found, written, np.ones(len(found), dtype=bool)), frame)
    with np.load(public / "data.npz") as file:
        assert file.files == [n for n in schema.columns if n != "scan"] + ["scan"]
        assert file["scan"].shape == (60, *schema.columns["scan"].shape)  # type: ignore[union-attr]
    assert pd.read_csv(public / "data.csv")["scan"].iloc[59] == "images/000060.png"
    entries = json.loads((public / "manifest.json").read_text())["files"]
    assert {entry["name"] for entry in entries} == {
        "data.parquet", "data.csv", "data.npz", "schema.yaml", "label.json", "card.html",
        "README.md", "croissant.json", "registry.yaml",
        *(f"images/{i:06d}.png" for i in range(1, 61)),
    }  # fmt: skip
    for entry in entries:
        content = (public / entry["name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]


def test_parquet_says_what_hugging_face_needs(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    write_rows(drawn(), SCHEMA, path)
    stored = pq.read_schema(path)
    features = json.loads(stored.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == stored.names == list(SCHEMA.columns)
    assert features["scan"] == {"_type": "Image"}
    assert str(stored.field("scan").type) == "struct<bytes: binary, path: string>"
    dtypes = {n: f["dtype"] for n, f in features.items() if n != "scan"}
    assert dtypes == {
        "who": "string", "age": "string", "seen": "date32", "file": "float64", "dx": "string",
        "sex": "string",
    }  # fmt: skip
    assert str(stored.field("seen").type) == "date32[day]"
    row = pq.read_table(path).to_pylist()[7]
    assert row["scan"]["path"] == "000008.png"
    found = np.asarray(PIL.Image.open(io.BytesIO(row["scan"]["bytes"])))
    np.testing.assert_array_equal(found, drawn()["scan"][7][..., 0])
    with pytest.raises(InputError, match=r"ends in .parquet, which holds pictures"):
        write_rows(drawn(), SCHEMA, tmp_path / "data.csv")


def test_the_card_shows_a_strip_for_every_class_and_group(tmp_path: Path) -> None:
    frame = drawn(200)
    frame = frame[(frame["dx"] != "ill") | (frame["sex"] != "M")].reset_index(drop=True)
    write_card(tmp_path / "card.html", make_label(), SCHEMA, Rows.of(frame))
    page = Page((tmp_path / "card.html").read_text("utf-8"))
    (uri,) = [value for name, value in page.attributes if name == "src"]
    head, _, content = uri.partition(",")
    assert head == "data:image/png;base64"
    sheet = np.asarray(PIL.Image.open(io.BytesIO(base64.b64decode(content))))
    large = 64 // 5
    assert sheet.shape == (5 * (5 * large + GAP), ACROSS * (4 * large + GAP))
    assert not {"href", "onload"} & {name for name, _ in page.attributes}
    assert (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        in dict(page.attributes)["content"]
    )
    for text in ("dx ill, sex F", "dx well, sex F", "dx well, sex M", f"dx {HOSTILE}, sex M"):
        assert text in page.text
    assert "dx ill, sex M" not in page.text
    (alt,) = [value for name, value in page.attributes if name == "alt"]
    assert "dx well, sex M" in alt
    # the first strip holds the first rows of its group, as they were drawn
    mine = frame[(frame["dx"] == "ill") & (frame["sex"] == "F")]["scan"].iloc[:ACROSS]
    for i, picture in enumerate(mine):
        left = i * (4 * large + GAP)
        shown = sheet[: 5 * large : large, left : left + 4 * large : large]
        np.testing.assert_array_equal(shown, picture[..., 0])


def test_the_sheet_takes_whatever_there_is() -> None:
    bare = Schema.model_validate({**BASE, "targets": [], "subgroups": [], "columns": COLUMNS})
    sheet = contact_sheet(bare, drawn(3))
    assert sheet is not None
    assert sheet.strips == (("all rows", 3),)
    assert contact_sheet(SCHEMA, drawn(0)) is None
    large = {"scan": {"kind": "image", "height": 300, "width": 150}}
    wide = Schema.model_validate(BASE | {"columns": COLUMNS | large})
    sheet = contact_sheet(wide, drawn(2, wide))
    assert sheet is not None
    assert (sheet.height, sheet.width) == (len(sheet.strips) * 64, ACROSS * (30 + GAP))
    many = {"dx": {"kind": "categorical", "categories": [f"c{i}" for i in range(40)]}}
    classes = Schema.model_validate(BASE | {"columns": COLUMNS | many})
    sheet = contact_sheet(classes, drawn(2000, classes))
    assert sheet is not None
    assert (len(sheet.strips), sheet.left_out) == (24, 80 - 24)


def test_the_tile_of_pictures_says_their_size() -> None:
    found = {t.name: t for t in tiles(RGB, Rows.of(drawn(schema=RGB)))}
    assert found["scan"].kind == "image · 4 × 5 pixels, RGB"
    assert found["scan"].values == ()


SHORT = {
    "name": "image-matching", "steps": 4, "frequencies": 2, "components": 8, "matched": 4,
    "batch": 16, "width": 8, "device": "cpu",
}  # fmt: skip


def write_run(folder: Path, **changes: Any) -> Path:
    """A release config of 80 pictures in a folder."""
    schema = exported(SCHEMA)
    write_files(Rows.of(drawn(80)), schema, folder)
    config = {
        "name": "scans", "schema": "schema.yaml", "data": "data.csv", "policy": "policy.yaml",
        "guarantee": {"epsilon": 1.0, "delta": 1e-5}, "generator": SHORT,
        "ledger": "ledger.db", "runs": "runs", "rows": 20, **changes,
    }  # fmt: skip
    (folder / "schema.yaml").write_text(schema.to_yaml())
    for name, value in (("policy", clinic.POLICY), ("config", config)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(value))
    return folder / "config.yaml"


def test_a_release_of_pictures_from_data_to_card(tmp_path: Path) -> None:
    run = Run.of(load_config(write_run(tmp_path)))
    with run.locked():
        work = steps.Work.of(run)
        steps.fit(work, lambda what, share: None)
        steps.sample(work)
        synthetic = work.synthetic.frame
        assert stack(synthetic["scan"]).shape == (20, 5, 4, 1)
        assert_alike(synthetic, load_model(run / "model").sample(20, np.random.default_rng(0)))
        train, holdout = (work.opened_internally(p).frame for p in ("train", "holdout"))
        assert len(train) + len(holdout) == 80
        assert stack(train["scan"]).shape == (len(train), 5, 4, 1)
        steps.judge(work, lambda what, share: None)
        bundle = write_bundle(work, work.charge(), steps.decide(work))
    assert (bundle / "internal" / NEIGHBOURS).read_bytes().startswith(b"\x89PNG")
    assert "data:image/png" in (bundle / "internal" / "report.html").read_text("utf-8")
    assert "data:image/png" in (bundle / "public" / "card.html").read_text("utf-8")
    assert len(list((bundle / "public" / "images").iterdir())) == 20
    assert not list((bundle / "public").rglob(NEIGHBOURS))


def test_a_grid_that_cannot_be_drawn_does_not_stop_the_release(
    tmp_path: Path, monkeypatch: Any, few_questions: None
) -> None:
    """It is a picture of real rows for the custodian: whether there is one must decide nothing."""

    def fails(tables: Any) -> bytes:
        raise ValueError("a grid needs synthetic and train images")

    monkeypatch.setattr("evaluators.images.neighbours.nearest_grid", fails)
    run = Run.of(load_config(write_run(tmp_path)))
    with run.locked():
        work = steps.Work.of(run)
        steps.fit(work, lambda what, share: None)
        steps.sample(work)
        steps.judge(work, lambda what, share: None)
    assert (run / "scores" / "scores.parquet").exists()
    assert not (run / "scores" / NEIGHBOURS).exists()


def test_answers_are_not_continued_on_other_pictures(tmp_path: Path, monkeypatch: Any) -> None:
    """The CSV file stays as it is; a picture beside it changes."""
    run = Run.of(load_config(write_run(tmp_path)))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with run.locked():
        with monkeypatch.context() as patch:
            patch.setattr("flows.stages.fitting.measure_domain", killed)
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt):
                    steps.fit(steps.Work.of(run), lambda what, share: None)
        for i in range(1, 81):
            stored = PIL.Image.open(tmp_path / "images" / f"{i:06d}.png")
            PIL.Image.fromarray(255 - np.asarray(stored)).save(stored.filename)  # type: ignore[attr-defined]
        with pytest.raises(LedgerError, match="another question"):
            steps.fit(steps.Work.of(run), lambda what, share: None)


def test_weights_for_judging_are_looked_at_before_the_charge(tmp_path: Path) -> None:
    config = write_run(tmp_path, inception="weights.pth")
    with pytest.raises(InputError, match=r"inception: file .*weights.pth does not exist"):
        load_config(config)
    (tmp_path / "weights.pth").write_text("hello")
    run = Run.of(load_config(config))
    with pytest.raises(InputError, match="not the weights of FID's Inception network"):
        steps.Work.of(run)
    assert not (tmp_path / "ledger.db").exists()
    (tmp_path / "weights.pth").write_text("other weights, another run")
    other = Run.of(load_config(config)).name
    assert other != run.name
    (tmp_path / "weights.pth").rename(tmp_path / "moved.pth")
    config.write_text(config.read_text().replace("weights.pth", "moved.pth"))
    assert Run.of(load_config(config)).name == other


PRE_TRAINED = {
    "name": "image-diffusion", "steps": 2, "warm_up": 3, "widths": [8, 8], "sampling_rate": 0.2,
    "frequencies": 2, "sampling_steps": 2, "device": "cpu",
}  # fmt: skip


def write_public(folder: Path, value: int) -> Path:
    """Three public images of another size, in colour."""
    folder.mkdir()
    for i in range(3):
        PIL.Image.new("RGB", (9, 9), (value, value + i, 0)).save(folder / f"{i}.jpg")
    return folder


def write_pre_trained(folder: Path, **changes: Any) -> Path:
    """A release config beside a folder ``flowers`` of public images."""
    write_public(folder / "flowers", 200)
    (folder / "private").mkdir()
    given: dict[str, Any] = {"public_images": "../flowers", "generator": PRE_TRAINED}
    return write_run(folder / "private", **given | changes)


def test_a_release_names_its_public_images_and_the_network_that_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[Path] = []

    def given(path: Path) -> Extractor:
        named.append(path)
        return Extractor("given", PIXELS.of, "fid")

    (tmp_path / "weights.pth").write_text("of a network")
    monkeypatch.setattr("evaluators.images.inception.inception", given)
    run = Run.of(load_config(write_pre_trained(tmp_path, inception="../weights.pth")))
    with run.locked():
        work = steps.Work.of(run)
        steps.fit(work, lambda what, share: None)
        steps.sample(work)
        steps.judge(work, lambda what, share: None)
        bundle = write_bundle(work, work.charge(), steps.decide(work))
    scores = Scorecard.read(run / "scores" / "scores.parquet")
    assert scores.filter(metric="image.fid")
    assert not scores.filter(metric="image.frechet")
    assert set(named) == {tmp_path / "weights.pth"}
    files = sorted(
        hashlib.sha256(f.read_bytes()).hexdigest() for f in (tmp_path / "flowers").iterdir()
    )
    digest = hashlib.sha256("".join(files).encode()).hexdigest()
    label = json.loads((bundle / "public" / "label.json").read_text())
    expected = (
        f"on 3 public images of flowers, SHA-256 {digest}; declared public by the person who wrote the "
        "config"
    )
    assert label["public_facts_assumed"]["pre_training"] == expected
    assert str(tmp_path) not in json.dumps(label["public_facts_assumed"])
    assert expected in Page((bundle / "public" / "card.html").read_text("utf-8")).text


def test_other_public_images_are_another_run(tmp_path: Path) -> None:
    config = write_pre_trained(tmp_path)
    first = Run.of(load_config(config)).name
    (tmp_path / "flowers").rename(tmp_path / "moved")
    config.write_text(config.read_text().replace("flowers", "moved"))
    assert Run.of(load_config(config)).name == first
    (tmp_path / "moved" / "0.jpg").write_bytes((tmp_path / "moved" / "1.jpg").read_bytes())
    assert Run.of(load_config(config)).name != first


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"generator": SHORT}, "public_images: image-matching learns nothing from them"),
        ({"generator": PRE_TRAINED | {"warm_up": 0}}, "public_images: warm_up is 0"),
        ({"public_images": "../absent"}, "public_images: .*absent does not exist"),
        ({"public_images": "images"}, "public_images: .*one folder"),
        ({"public_images": ".."}, "public_images: .*one folder"),
        ({"generator": PRE_TRAINED | {"public": "x"}}, "has no parameter 'public'"),
        ({}, r"1\.jpg: not a public image to learn from"),
    ],
)
def test_public_images_that_cannot_teach_are_refused_before_the_charge(
    change: dict[str, Any], named: str, tmp_path: Path
) -> None:
    config = write_pre_trained(tmp_path, **change)
    if not change:
        (tmp_path / "flowers" / "1.jpg").write_bytes(b"broken")
    with pytest.raises(InputError, match=named) as caught:
        steps.Work.of(Run.of(load_config(config)))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.rglob("ledger.db"))


def test_the_commands_know_pictures(tmp_path: Path) -> None:
    write_run(tmp_path)
    checked = understudy("schema", "check", tmp_path / "schema.yaml", tmp_path / "data.csv")
    assert checked.returncode == 0
    assert "all 80 rows fit the schema" in checked.stdout
    (tmp_path / "images" / "000003.png").write_bytes(b"hello")
    checked = understudy("schema", "check", tmp_path / "schema.yaml", tmp_path / "data.csv")
    assert checked.returncode == 2
    assert "row 3" in checked.stderr
    assert "neither a PNG nor a JPEG" in " ".join(checked.stderr.split())
    drafted = understudy("schema", "draft", tmp_path / "data.npz", "--out", tmp_path / "d.yaml")
    assert drafted.returncode == 2
    assert "written by hand" in drafted.stderr
    assert "Traceback" not in drafted.stderr
