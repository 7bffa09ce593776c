"""The pictures of an image set → Parquet, PNG files and arrays.

Parquet is laid out as Hugging Face's ``datasets`` documents it: a struct of PNG bytes and file name, and
the features as JSON in the file's metadata, so that it opens there with a column of pictures.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from privacy.images import encode
from privacy.schema import Schema

ENCODED = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
FOLDER = "images"


def picture_table(columns: pd.DataFrame, pictures: pd.Series, schema: Schema) -> pa.Table:
    """``columns`` (all but the image) and the pictures as PNG bytes, in schema order."""
    assert schema.image is not None
    table = pa.Table.from_pandas(columns, preserve_index=False)
    names = file_names(len(pictures))
    stored = [{"bytes": encode(x), "path": n} for x, n in zip(pictures, names, strict=True)]
    table = table.append_column(schema.image, pa.array(stored, ENCODED)).select(
        list(schema.columns)
    )
    # Parquet knows no whole seconds; what the features say must be what is read back
    fields = [
        f.with_type(pa.timestamp("ms")) if pa.types.is_timestamp(f.type) else f
        for f in table.schema
    ]
    features = {"info": {"features": {f.name: _feature(f) for f in fields}}}
    return table.cast(pa.schema(fields, {"huggingface": json.dumps(features)}))


def _feature(field: pa.Field) -> dict[str, str]:
    if field.type == ENCODED:
        return {"_type": "Image"}
    dtype = "float64" if pa.types.is_float64(field.type) else str(field.type)
    return {"dtype": dtype, "_type": "Value"}


def file_names(n: int) -> list[str]:
    """000001.png, 000002.png, …"""
    return [f"{i:06d}.png" for i in range(1, n + 1)]


def write_png(folder: Path, pictures: pd.Series) -> list[str]:
    """A PNG file for each picture in ``folder/images``; returns their paths relative to ``folder``."""
    (folder / FOLDER).mkdir()
    names = [f"{FOLDER}/{name}" for name in file_names(len(pictures))]
    for name, pixels in zip(names, pictures, strict=True):
        (folder / name).write_bytes(encode(pixels))
    return names


def write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As ``np.savez_compressed``, which cannot hold an array called "file"."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, array in arrays.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as opened:
                np.lib.format.write_array(opened, array, allow_pickle=False)
