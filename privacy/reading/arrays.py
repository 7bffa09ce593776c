"""Files of arrays → texts and pixels: .npz, and the idx files of MNIST.

A column that the schema makes of several arrays is read array by array: put together first, numpy would bring
them to one type, and a fraction in one would round the long integers of another.

Privacy claim: none; called only behind ``PrivateTable.open`` and by commands that say they read private
data. What a file holds is quoted only in ``DataError.private``.
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.lib.npyio import NpzFile

from privacy.errors import DataError, InputError
from privacy.reading.formats.said import one_line
from privacy.reading.read import as_texts, check_readable, refuse_surplus
from privacy.schema.columns import Identifier, Image
from privacy.schema.schema import Schema

IDX = re.compile(r"idx[13]-ubyte(\.gz)?$")
IDX_BYTES = 0x0800
"""How an idx file of unsigned bytes begins; the number of dimensions is added."""

UNREADABLE = (
    OSError, ValueError, EOFError, MemoryError, NotImplementedError, RuntimeError, struct.error,
    pa.ArrowException, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def holds_arrays(path: Path) -> bool:
    """Whether the file is read by ``read_arrays``, by its name."""
    name = path.name.lower()
    return name.endswith(".npz") or IDX.search(name) is not None


def read_arrays(path: Path, schema: Schema) -> tuple[pa.Table, np.ndarray | None]:
    """The declared columns of the file as texts, and its pictures [n, height, width, channels] if it has any.

    Raises InputError for a file that is not there, DataError for what is inside it.
    """
    check_readable(path)
    try:
        arrays = _npz(path, schema) if path.suffix.lower() == ".npz" else _idx(path, schema)
    except UNREADABLE as error:
        raise DataError(f"{path}: not a readable file of arrays: {one_line(error)}") from error
    columns = {n: [_column(path, n, a, schema) for a in parts] for n, parts in arrays.items()}
    rows = {n: sum(map(len, parts)) for n, parts in columns.items()}
    if len(set(rows.values())) > 1:
        lengths = ", ".join(f"{n!r} {length}" for n, length in rows.items())
        raise DataError(f"{path}: the columns differ in length: {lengths}; give one value a row")
    pictures = columns.pop(schema.image or "", None)
    texts = {n: _texts(path, n, parts) for n, parts in columns.items()}
    return pa.table(texts), None if pictures is None else np.concatenate(pictures)


def _texts(path: Path, name: str, parts: list[np.ndarray]) -> pa.ChunkedArray:
    tables = [as_texts(path, pa.table({name: part})) for part in parts]
    return pa.concat_tables(tables)[name]


def _npz(path: Path, schema: Schema) -> dict[str, list[np.ndarray]]:
    with path.open("rb") as opened, NpzFile(opened, allow_pickle=False) as file:
        found = {}
        for column in schema.columns:
            names = schema.npz.get(column, (column,))
            present = [n for n in names if n in file.files]
            if present and len(present) < len(names):
                absent = next(n for n in names if n not in present)
                raise DataError(
                    f"{path}: array {absent!r} of column {column!r} is not in the file; correct npz"
                    " in the schema"
                )
            if present:
                found[column] = [file[n] for n in names]
        used = {n for c in found for n in schema.npz.get(c, (c,))}
        refuse_surplus(path, [n for n in file.files if n not in used], schema.columns, schema)
    return found


def read_pixels(path: Path, most_bytes: int) -> list[np.ndarray]:
    """Every array of pictures that a public file holds: uint8 [n, height, width], or with three channels last.

    Raises one of ``UNREADABLE``, for a file that unpacks to more bytes too.
    """

    def bounded(size: int) -> None:
        if size > most_bytes:
            raise ValueError(f"it unpacks to {size:,} bytes, more than {most_bytes:,}")

    if path.suffix.lower() == ".npz":
        with path.open("rb") as opened, NpzFile(opened, allow_pickle=False) as file:
            assert file.zip is not None
            bounded(sum(int(part.file_size) for part in file.zip.infolist()))
            arrays = [file[name] for name in file.files]
    else:
        arrays = [_idx_array(path, lambda shape: bounded(math.prod(shape)))]
    # a member that is no array comes as bytes, and an array without pixels may announce any number of pictures
    arrays = [a for a in arrays if isinstance(a, np.ndarray) and a.size]
    grey = [a[..., 0] if a.ndim == 4 and a.shape[3] == 1 else a for a in arrays]
    return [a for a in grey if a.dtype == np.uint8 and (a.ndim == 3 or a.shape[3:] == (3,))]


def _idx(path: Path, schema: Schema) -> dict[str, list[np.ndarray]]:
    def check(shape: tuple[int, ...]) -> None:
        if len(shape) == 3 and schema.image is not None:
            _check_shape(path, schema.image, shape, schema)

    array = _idx_array(path, check)
    name = _idx_column(path, schema) if array.ndim == 1 else schema.image
    assert name is not None
    return {name: [array]}


def _idx_array(path: Path, check: Callable[[tuple[int, ...]], None]) -> np.ndarray:
    """The array of an idx file; ``check`` sees its shape before it is unpacked."""
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rb") as file:
        (magic,) = struct.unpack(">I", file.read(4))
        dimensions = magic - IDX_BYTES
        if dimensions not in (1, 3):
            raise ValueError("it does not begin as an idx file of bytes in one or three dimensions")
        shape = struct.unpack(f">{dimensions}I", file.read(4 * dimensions))
        check(shape)
        content = file.read(math.prod(shape) + 1)  # a zipped file may unfold into any length
    if len(content) != math.prod(shape):
        raise ValueError(f"it does not hold the {shape[0]} rows that it announces")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _idx_column(path: Path, schema: Schema) -> str:
    """The column that an idx file of labels can only mean."""
    columns = [n for n, c in schema.columns.items() if not isinstance(c, Image | Identifier)]
    if len(columns) != 1:
        raise InputError(
            f"{path}: an idx file does not name its column, and the schema has {len(columns)} that it"
            " could be; give the labels as a CSV file"
        )
    return columns[0]


def _column(path: Path, name: str, array: np.ndarray, schema: Schema) -> np.ndarray:
    column = schema.columns[name]
    if isinstance(column, Image):
        _check_shape(path, name, array.shape, schema)
        if array.dtype != np.uint8:
            raise DataError(
                f"{path}: column {name!r}: pixels of type {array.dtype}; store whole numbers from 0 to"
                " 255 as uint8"
            )
        return array.reshape(len(array), *column.shape)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{path}: column {name!r}: an array of shape {array.shape}; give one value a row"
        )
    return array


def _check_shape(path: Path, name: str, shape: tuple[int, ...], schema: Schema) -> None:
    column = schema.columns[name]
    assert isinstance(column, Image)
    allowed = [column.shape, column.shape[:2]] if column.channels == 1 else [column.shape]
    if shape[1:] not in allowed:
        raise DataError(
            f"{path}: column {name!r}: pictures of shape {shape[1:]} and the schema says {column.shape}"
            " (height, width, channels); scale or convert them, or correct the schema"
        )
