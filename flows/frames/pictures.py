"""The pictures of an image set → PNG, inside Parquet and as files, and arrays.

Privacy claim: none; handles synthetic rows.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from privacy.reading.images import encode

FOLDER = "images"


def stored_pictures(pictures: pd.Series) -> list[dict[str, bytes | str]]:
    """Each picture as the bytes of a PNG file and that file's name, as Parquet holds it."""
    names = file_names(len(pictures))
    return [{"bytes": encode(x), "path": n} for x, n in zip(pictures, names, strict=True)]


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
