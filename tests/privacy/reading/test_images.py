"""Pictures come in as they are stored, are decoded when they are wanted, or are refused by name."""

from __future__ import annotations

import gzip
import io
import struct
import tracemalloc
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import PIL.Image
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dp_accounting import NoOpDpEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from privacy.accounting.guarantee import Guarantee
from privacy.errors import DataError, InputError
from privacy.ledger.ledger import Ledger
from privacy.reading.conform import conform
from privacy.reading.images import Picture, encode, load, stack, unstack
from privacy.reading.source import read_source
from privacy.schema.columns import Image
from privacy.schema.schema import Schema, load_schema
from privacy.table import PrivateTable

COLUMNS = {
    "picture": {"kind": "image", "height": 5, "width": 4},
    "label": {"kind": "categorical", "categories": ["0", "1", "2"]},
}
SCHEMA = Schema.model_validate({"name": "scans", "columns": COLUMNS})
NAMED = Schema.model_validate(
    {"name": "scans", "unit": "who", "columns": COLUMNS | {"who": {"kind": "identifier"}}}
)
RGB = Schema.model_validate(
    {"name": "scans", "columns": COLUMNS | {"picture": {**COLUMNS["picture"], "channels": 3}}}
)
N = 6
LABELS = np.arange(N, dtype=np.uint8) % 3


def pixels(n: int = N, channels: int = 1, seed: int = 0) -> np.ndarray:
    shape = (n, 5, 4, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">{1 + array.ndim}I", 0x0800 + array.ndim, *array.shape) + array.tobytes()


def texts(n: int = N) -> pd.DataFrame:
    return pd.DataFrame(
        {"label": np.resize(LABELS, n).astype(str), "who": [f"p{i}" for i in range(n)]}
    )


def write_npz(folder: Path, x: np.ndarray) -> list[Path]:
    np.savez(folder / "a.npz", picture=x, label=LABELS)
    return [folder / "a.npz"]


def write_idx(folder: Path, x: np.ndarray) -> list[Path]:
    (folder / "x-idx3-ubyte").write_bytes(idx(x[..., 0]))
    (folder / "y-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    return [folder / "x-idx3-ubyte", folder / "y-idx1-ubyte.gz"]


def write_folder(folder: Path, x: np.ndarray) -> list[Path]:
    (folder / "sub").mkdir(exist_ok=True)
    names = [f"sub/{i}.png" for i in range(len(x))]
    for name, one in zip(names, x, strict=True):
        (folder / name).write_bytes(encode(one))
    frame = texts(len(x)).assign(picture=names)[["picture", "label"]]
    frame.to_csv(folder / "a.csv", index=False)
    return [folder / "a.csv"]


def write_bytes(folder: Path, x: np.ndarray) -> list[Path]:
    stored = pa.array([encode(one) for one in x], pa.binary())
    pq.write_table(pa.table({"label": LABELS, "picture": stored}), folder / "a.parquet")
    return [folder / "a.parquet"]


def write_struct(folder: Path, x: np.ndarray) -> list[Path]:
    stored = pa.array([{"bytes": encode(one), "path": None} for one in x])
    pq.write_table(pa.table({"label": LABELS, "picture": stored}), folder / "a.parquet")
    return [folder / "a.parquet"]


SOURCES = [write_npz, write_idx, write_folder, write_bytes, write_struct]


def read(paths: list[Path], schema: Schema = SCHEMA) -> pd.DataFrame:
    """All rows of a source, as a canonical frame."""
    source = read_source(paths, schema)
    conformed, findings = conform(source.texts, schema)
    assert findings == []
    return source.frame(conformed, schema, np.ones(len(conformed), dtype=bool))


def refusal(paths: list[Path], schema: Schema = SCHEMA) -> str:
    with pytest.raises(DataError) as caught:
        read(paths, schema)
    assert str(caught.value) == "the private table does not fit its schema"
    message = caught.value.private
    assert message.startswith(tuple(f"{path}: " for path in paths))
    assert message.isprintable()
    return message


@pytest.mark.parametrize("write", SOURCES)
def test_every_source_gives_the_same_rows(write: Any, tmp_path: Path) -> None:
    frame = read(write(tmp_path, pixels()))
    assert list(frame.columns) == ["picture", "label"]
    assert frame["label"].tolist() == ["0", "1", "2", "0", "1", "2"]
    assert frame["picture"][0].dtype == np.uint8
    np.testing.assert_array_equal(stack(frame["picture"]), pixels())
    bases = {id(picture.base) for picture in frame["picture"]}
    assert len(bases) == 1, "the pictures are views into one array"


@pytest.mark.parametrize("write", [write_npz, write_folder, write_bytes])
def test_pictures_in_colour(write: Any, tmp_path: Path) -> None:
    frame = read(write(tmp_path, pixels(channels=3)), RGB)
    np.testing.assert_array_equal(stack(frame["picture"]), pixels(channels=3))


def test_arrays_go_to_columns_as_the_schema_says(tmp_path: Path) -> None:
    x = pixels()
    path = tmp_path / "a.npz"
    np.savez(path, x1=x[:4, ..., 0], x2=x[4:, ..., 0], y1=LABELS[:4, None], y2=LABELS[4:, None])
    npz = {"picture": ["x1", "x2"], "label": ["y1", "y2"]}
    schema = Schema.model_validate(SCHEMA.model_dump() | {"npz": npz})
    frame = read([path], schema)
    np.testing.assert_array_equal(stack(frame["picture"]), x)
    assert frame["label"].tolist() == LABELS.astype(str).tolist()
    (tmp_path / "schema.yaml").write_text(schema.to_yaml())
    assert load_schema(tmp_path / "schema.yaml") == schema
    np.savez(path, x1=x, label=LABELS)
    assert "array 'x2' of column 'picture' is not in the file" in refusal([path], schema)
    with pytest.raises(ValueError, match="npz: 'scan' is not a declared column"):
        Schema.model_validate(SCHEMA.model_dump() | {"npz": {"scan": "x"}})


@pytest.mark.parametrize("more", [[], [0.5], ["x"], [-1], [True]], ids=str)
def test_an_array_is_read_alike_whatever_is_put_after_it(more: list[Any], tmp_path: Path) -> None:
    """One type for both would make 9.007199254740992e+15 of the first, beside a fraction."""
    column = {"kind": "float", "bounds": [0, 1e19], "bins": 2}
    schema = Schema.model_validate(
        {
            "name": "scans",
            "columns": {"picture": COLUMNS["picture"], "label": column},
            "npz": {"picture": ["x1", "x2"], "label": ["y1", "y2"]},
        }
    )
    x, first = pixels(2 + len(more)), np.array([2**53 + 1, 2**63 + 1], np.uint64)
    np.savez(tmp_path / "a.npz", x1=x[:2], x2=x[2:], y1=first, y2=np.array(more))
    texts = read_source([tmp_path / "a.npz"], schema).texts["label"].to_pylist()
    assert texts[:2] == ["9007199254740993", "9223372036854775809"]


def test_parts_are_matched_by_the_identifier_they_share(tmp_path: Path) -> None:
    x, frame = pixels(), texts()
    np.savez(tmp_path / "x.npz", picture=x, who=frame["who"].to_numpy(dtype="U"))
    frame.iloc[::-1].to_csv(tmp_path / "y.csv", index=False)
    for paths in (["x.npz", "y.csv"], ["y.csv", "x.npz"]):
        found = read([tmp_path / p for p in paths], NAMED).sort_values("who", ignore_index=True)
        np.testing.assert_array_equal(stack(found["picture"]), x)
        assert found["label"].tolist() == frame["label"].tolist()
    for rows, problem in {
        "p0 p1 p2 p3 p4 p4": "who 'p4' stands in two rows",
        "p0 p1 p2 p3 p4 p9": "who 'p5' of the files it belongs to is not in this file",
        "p0 p1 p2 p3 p4": "5 rows, and the files it belongs to have 6",
    }.items():
        names = rows.split()
        texts(len(names)).assign(who=names).to_csv(tmp_path / "y.csv", index=False)
        message = refusal([tmp_path / "x.npz", tmp_path / "y.csv"], NAMED)
        assert message.startswith(f"{tmp_path / 'y.csv'}: {problem}")


def test_tables_that_are_whole_follow_one_another(tmp_path: Path) -> None:
    folders = [tmp_path / "train", tmp_path / "test"]
    paths = []
    for i, folder in enumerate(folders):
        folder.mkdir()
        paths += write_idx(folder, pixels(seed=i))
    frame = read(paths)
    expected = np.concatenate([pixels(seed=0), pixels(seed=1)])
    np.testing.assert_array_equal(stack(frame["picture"]), expected)
    assert "column 'label' of the schema is neither in this file" in refusal(paths[:3])
    message = refusal([paths[0], paths[2], paths[1], paths[3]])
    assert "holds column 'picture', which the files before it hold too" in message


def test_labels_without_a_name_are_the_one_column_they_can_be(tmp_path: Path) -> None:
    age = {"kind": "integer", "bounds": [0, 9], "bins": 1}
    schema = Schema.model_validate({"name": "scans", "columns": COLUMNS | {"age": age}})
    with pytest.raises(InputError, match="the schema has 2 that it could be"):
        read_source(write_idx(tmp_path, pixels()), schema)


def png(array: np.ndarray, mode: str | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    picture = PIL.Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def raw_png(width: int, height: int, depth: int, colour: int, data: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


GREY = pixels(1)[0, :, :, 0]
DEEP = b"".join(b"\0" + bytes(4 * 6) for _ in range(5))

BAD = {
    "too large": (png(np.zeros((5, 6), np.uint8)), "6 × 5 pixels and the schema says 4 × 5"),
    "a bomb": (raw_png(4, 60_000, 8, 0), "4 × 60000 pixels"),
    "a huge bomb": (raw_png(65_000, 65_000, 8, 0), "corrupt"),
    "RGB": (png(GREY, "RGB"), "is RGB and the schema says grey"),
    "RGBA": (png(GREY, "RGBA"), "is RGB with transparency"),
    "grey with transparency": (png(GREY, "LA"), "is grey with transparency"),
    "a transparent grey": (png(GREY, transparency=3), "is grey with transparency"),
    "a palette": (png(GREY, "P"), "is palette"),
    "black and white": (png(GREY, "1"), "is 1 bits a channel"),
    "16-bit grey": (png(GREY.astype(np.uint16) * 256), "is 16 bits a channel"),
    "16-bit RGB": (raw_png(4, 5, 16, 2, DEEP), "is 16 bits a channel"),
    "CMYK": (png(GREY, "CMYK", format="JPEG"), "is CMYK"),
    "moving": (
        png(GREY, save_all=True, append_images=[PIL.Image.fromarray(255 - GREY)]),
        "is several pictures in one file",
    ),
    "truncated": (png(GREY)[:-25], "the picture is corrupt"),
    "no picture": (b"hello", "neither a PNG nor a JPEG picture"),
    "empty": (b"", "neither a PNG nor a JPEG picture"),
    "a GIF called PNG": (png(GREY, format="GIF"), "neither a PNG nor a JPEG picture"),
    "a BMP called PNG": (png(GREY, format="BMP"), "neither a PNG nor a JPEG picture"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_picture_is_refused_with_file_and_row(case: str, tmp_path: Path) -> None:
    content, problem = BAD[case]
    (path,) = write_folder(tmp_path, pixels())
    (tmp_path / "sub" / "3.png").write_bytes(content)
    message = refusal([path])
    assert message.startswith(f"{path}: row 4: {tmp_path / 'sub' / '3.png'}: ")
    assert problem in message
    stored = [encode(one) for one in pixels()]
    stored[3] = content
    pq.write_table(pa.table({"label": LABELS, "picture": stored}), tmp_path / "a.parquet")
    message = refusal([tmp_path / "a.parquet"])
    assert message.startswith(f"{tmp_path / 'a.parquet'}: row 4: ")
    assert problem in message


def test_every_altered_byte_of_a_picture_is_noticed_or_harmless(tmp_path: Path) -> None:
    stored, column = png(GREY), SCHEMA.columns["picture"]
    assert isinstance(column, Image)
    noticed = 0
    for i in range(len(stored)):
        altered = stored[:i] + bytes([stored[i] ^ 1]) + stored[i + 1 :]
        try:
            found = Picture(altered, tmp_path, 1).decode(column)
            np.testing.assert_array_equal(found[..., 0], GREY)
        except DataError:
            noticed += 1
    assert noticed > 0.8 * len(stored)


def test_a_jpeg_is_read_as_it_is(tmp_path: Path) -> None:
    (path,) = write_folder(tmp_path, pixels())
    (tmp_path / "sub" / "0.png").write_bytes(png(GREY, format="JPEG"))
    expected = np.asarray(PIL.Image.open(tmp_path / "sub" / "0.png"))
    np.testing.assert_array_equal(read([path])["picture"][0][..., 0], expected)


def test_a_picture_outside_the_folder_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "secret.png"
    outside.write_bytes(png(GREY))
    folder = tmp_path / "data"
    folder.mkdir()
    (path,) = write_folder(folder, pixels())
    (folder / "link.png").symlink_to(outside)
    (folder / "inside.png").symlink_to(folder / "sub" / "0.png")
    for name in ("../secret.png", str(outside), "link.png", "sub/../../secret.png"):
        pd.DataFrame({"picture": [name], "label": ["0"]}).to_csv(path, index=False)
        assert f"row 1: {name!r}: outside the folder of this file" in refusal([path])
    for name in ("absent.png", "sub", ""):
        pd.DataFrame({"picture": [name], "label": ["0"]}).to_csv(path, index=False)
        assert f"row 1: {name!r}: no such picture" in refusal([path])
    pd.DataFrame({"picture": ["inside.png"], "label": ["0"]}).to_csv(path, index=False)
    assert len(read([path])) == 1


def test_a_name_that_the_system_refuses_is_told_to_the_custodian_only(tmp_path: Path) -> None:
    """An error of the system quotes the name, and is shown as it is where it is not caught."""
    (path,) = write_folder(tmp_path, pixels())
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for name, problem in (("jane_doe" * 40, "too long"), ("loop.png", "loop")):
        pd.DataFrame({"picture": [name], "label": ["0"]}).to_csv(path, index=False)
        assert problem in refusal([path])


def test_a_zipped_file_is_not_unfolded_beyond_what_it_announces(tmp_path: Path) -> None:
    path = tmp_path / "scans-idx3-ubyte.gz"
    height, width = GREY.shape
    header = struct.pack(">4I", 0x0803, 1, height, width)
    path.write_bytes(gzip.compress(header + bytes(1 << 26)))
    tracemalloc.start()
    try:
        assert "does not hold the 1 rows" in refusal([path])
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def bad_files(folder: Path) -> dict[str, tuple[str, bytes]]:
    def npz(**arrays: Any) -> bytes:
        file = io.BytesIO()
        np.savez(file, **{"picture": pixels(), "label": LABELS} | arrays)
        return file.getvalue()

    def parquet(**columns: Any) -> bytes:
        file = io.BytesIO()
        pq.write_table(pa.table({"label": LABELS} | columns), file)
        return file.getvalue()

    stored = [encode(one) for one in pixels()]
    shape = "pictures of shape (5, 4, 3) and the schema says (5, 4, 1)"
    return {
        shape: ("a.npz", npz(picture=pixels(channels=3))),
        "pixels of type float64; store": ("a.npz", npz(picture=pixels() / 255)),
        "not a readable file of arrays: Object arrays": ("a.npz", npz(label=LABELS.astype(object))),
        "not a readable file of arrays: File is not a zip file": ("a.npz", b"hello"),
        "not a readable file of arrays: Bad CRC": ("a.npz", npz().replace(pixels().tobytes(), bytes(120))),
        "the columns differ in length: 'picture' 6, 'label' 5": ("a.npz", npz(label=LABELS[:5])),
        "column 'label': an array of shape (3, 2)": ("a.npz", npz(label=LABELS.reshape(3, 2))),
        "column 'more' is not in the schema": ("a.npz", npz(more=LABELS)),
        "pictures of shape (4, 5)": ("x-idx3-ubyte", idx(np.zeros((9, 4, 5), np.uint8))),
        "does not hold the 6 rows": ("x-idx3-ubyte", idx(pixels()[..., 0])[:-1]),
        "it does not hold the 6 rows": ("y-idx1-ubyte", idx(LABELS) + b"?"),
        "does not begin as an idx file": ("x-idx3-ubyte", b"hello you"),
        "arrays: unpack requires": ("x-idx3-ubyte", b""),
        "arrays: Not a gzipped file": ("x-idx3-ubyte.gz", b"hello"),
        "row 2: no picture is embedded": (
            "a.parquet",
            parquet(picture=pa.array([stored[0], None, *stored[2:]])),
        ),
        "pictures of type 'string'; store": ("a.parquet", parquet(picture=["a"] * N)),
        "not a readable Parquet file": ("a.parquet", b"PAR1"),
        "column 'c' is not in the schema": ("a.parquet", parquet(picture=stored, c=LABELS)),
        "holds no column of the schema": ("a.npz", (folder / "none.npz").read_bytes()),
    }  # fmt: skip


def test_a_bad_file_is_refused_in_one_line(tmp_path: Path) -> None:
    np.savez(tmp_path / "none.npz")
    for problem, (name, content) in bad_files(tmp_path).items():
        (tmp_path / name).write_bytes(content)
        message = refusal([tmp_path / name])
        assert message.startswith(f"{tmp_path / name}: "), problem
        assert problem in message


def test_files_that_are_not_there_are_public_errors(tmp_path: Path) -> None:
    for name in ("a.npz", "x-idx3-ubyte", "a.parquet", "a.csv"):
        with pytest.raises(InputError, match=f"{name}: no such file"):
            read_source([tmp_path / name], SCHEMA)
    with pytest.raises(InputError, match="no file is given"):
        read_source([], SCHEMA)


def opened(folder: Path, paths: list[Path], schema: Schema = SCHEMA) -> list[np.ndarray]:
    """The pictures of train and of holdout."""
    ledger = Ledger(str(folder / "ledger.db"))
    ledger.register(schema.name, Guarantee(1, 1e-6), 0.4, schema)
    found = []
    for partition in ("train", "holdout"):
        about = {"run": "r", "attempt": "a", "purpose": "test", "event": NoOpDpEvent()}
        permit = ledger.charge(schema.name, partition, **about)
        frame = PrivateTable(schema, tuple(paths), partition).open(permit).frame
        assert list(frame.columns) == ["picture", "label"]
        found.append(stack(frame["picture"]))
    return found


def test_a_picture_is_decoded_for_its_key_and_for_its_own_partition(
    tmp_path: Path, monkeypatch: Any
) -> None:
    n = 60  # so many that a fair coin leaves neither side empty
    paths = write_folder(tmp_path, pixels(n))
    decoded: list[int] = []
    decode = Picture.decode

    def counted(picture: Picture, column: Image) -> np.ndarray:
        decoded.append(picture.row)
        return decode(picture, column)

    monkeypatch.setattr(Picture, "decode", counted)
    train, holdout = opened(tmp_path, paths)
    assert len(train) > 0
    assert len(holdout) > 0
    # a row without a unit is known by its pixels, however they are stored: once for each opening
    assert Counter(decoded) == dict.fromkeys(range(1, n + 1), 3)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=2, max_size=12), st.data())
def test_removing_one_picture_moves_no_other(
    tmp_path_factory: pytest.TempPathFactory, shades: list[int], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("pictures")
    gone = data.draw(st.integers(0, len(shades) - 1))

    def parts(shades: list[int]) -> list[Counter[bytes]]:
        x = np.array(shades, dtype=np.uint8)[:, None, None] + np.zeros((5, 4), np.uint8)
        np.savez(folder / "a.npz", picture=x, label=np.zeros(len(x), int))
        return [Counter(p.tobytes() for p in part) for part in opened(folder, [folder / "a.npz"])]

    full, rest = parts(shades), parts(shades[:gone] + shades[gone + 1 :])
    assert all(not r - f for f, r in zip(full, rest, strict=True))
    assert sum(sum((f - r).values()) for f, r in zip(full, rest, strict=True)) == 1


def test_identifiers_split_picture_sets_like_tables(tmp_path: Path) -> None:
    """Two pictures of one person lie on one side, and one of them counts."""
    names = np.array([f"p{i // 2}" for i in range(40)])
    np.savez(tmp_path / "a.npz", picture=pixels(40), label=np.zeros(40, int), who=names)
    train, holdout = opened(tmp_path, [tmp_path / "a.npz"], NAMED)
    assert len(train) + len(holdout) == 20


shapes = st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))


@settings(max_examples=40, deadline=None)
@given(shapes.flatmap(lambda shape: arrays(np.uint8, (3, *shape))))
def test_what_is_encoded_is_decoded_bit_for_bit(x: np.ndarray) -> None:
    _, height, width, channels = x.shape
    column = Image(kind="image", height=height, width=width, channels=channels)
    stored = [Picture(encode(one), Path("a"), 1) for one in x]
    np.testing.assert_array_equal(load(stored, column), x)
    np.testing.assert_array_equal(stack(unstack(x)), x)
