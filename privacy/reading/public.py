"""Public images: a folder of PNG or JPEG files, an npz or an idx file, in the shape of a schema's image column.

Unlike private pictures these are converted, channels and size as Pillow does it. The whole is known by the
digest of its content: where the files lie, what they are called and in which order they are found is no matter.

Privacy claim: none; that the images are public is the word of whoever wrote the config, and the label says so.
Errors quote them freely.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image

from privacy.errors import InputError
from privacy.reading.arrays import UNREADABLE, holds_arrays, read_pixels
from privacy.reading.formats.said import one_line
from privacy.reading.images import FORMATS, MODES
from privacy.reading.read import file_digest

Shape = tuple[int, int, int]
"""Height, width, channels."""

MOST = 100_000
MOST_BYTES = 4 * 2**30
"""Of all of them, converted; and of a file of arrays, unpacked."""
MOST_PIXELS = 50_000_000
"""Of one picture as it is stored."""

ENDINGS = (".png", ".jpg", ".jpeg")
DEEP = ("I", "F")
"""More than eight bits a channel, which Pillow would cut off."""


@dataclass(frozen=True)
class PublicImages:
    """A public parameter of a generator: how many images, and their content by its digest.

    ``path``: where they lie, which is no part of what they are.
    """

    count: int
    digest: str
    path: Path = field(repr=False, compare=False)

    @classmethod
    def of(cls, path: Path, shape: Shape) -> PublicImages:
        """Read them all once: what cannot be read or is too much is found out here, by an InputError."""
        return cls(len(_read(path, shape)), content_digest(path), path)

    def load(self, shape: Shape) -> np.ndarray:
        """uint8 [count, height, width, channels], always in the same order."""
        if content_digest(self.path) != self.digest:
            raise InputError(
                f"{self.path}: the public images changed during the run; put them back"
            )
        return _read(self.path, shape)

    def __str__(self) -> str:
        return f"{self.count:,} public images of {self.path.name}, SHA-256 {self.digest}"


def content_digest(path: Path) -> str:
    """SHA-256 of a file, or of the sorted digests of a folder's pictures."""
    if not path.is_dir():
        return file_digest(path)
    return hashlib.sha256("".join(sorted(_files(path).values())).encode()).hexdigest()


def _files(folder: Path) -> dict[Path, str]:
    """The pictures of a folder and of those in it, with their digests."""
    files = [f for f in folder.rglob("*") if f.suffix.lower() in ENDINGS and f.is_file()]
    if outside := [f for f in files if not f.resolve().is_relative_to(folder.resolve())]:
        raise InputError(
            f"{outside[0]}: a link out of the folder of public images; put the picture itself there"
        )
    if not files:
        raise InputError(f"{folder}: no PNG or JPEG file in this folder")
    if len(files) > MOST:
        raise InputError(
            f"{folder}: {len(files):,} public images, more than {MOST:,}; take some out"
        )
    return {file: file_digest(file) for file in files}


def _read(path: Path, shape: Shape) -> np.ndarray:
    if path.is_dir():
        files = _files(path)
        pixels = _empty(path, len(files), shape)
        for i, file in enumerate(sorted(files, key=lambda f: files[f])):
            pixels[i] = _decoded(file, shape)
        return pixels
    if not holds_arrays(path):
        raise InputError(f"{path}: public images come as a folder of PNG or JPEG, as npz or as idx")
    try:
        arrays = read_pixels(path, MOST_BYTES)
    except UNREADABLE as error:
        raise InputError(f"{path}: not a readable file of images: {one_line(error)}") from error
    stored = [picture for array in arrays for picture in array]
    pixels = _empty(path, len(stored), shape)
    for i, picture in enumerate(stored):
        pixels[i] = _converted(PIL.Image.fromarray(picture), shape)
    return pixels


def _empty(path: Path, count: int, shape: Shape) -> np.ndarray:
    """Room for them all; raises InputError where they are none or too many."""
    if not 0 < count <= MOST:
        raise InputError(f"{path}: {count:,} public images; give 1 to {MOST:,}")
    if count * int(np.prod(shape)) > MOST_BYTES:
        raise InputError(f"{path}: {count:,} images of {shape} are over {MOST_BYTES:,} bytes")
    return np.empty((count, *shape), dtype=np.uint8)


def _decoded(file: Path, shape: Shape) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
            with PIL.Image.open(io.BytesIO(file.read_bytes()), formats=FORMATS) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise ValueError(f"more than {MOST_PIXELS:,} pixels")
                if picture.mode.startswith(DEEP):
                    raise ValueError("more than 8 bits a channel")
                return _converted(picture, shape)
    except Exception as error:  # decoders fail in any way on bytes that somebody has broken
        raise InputError(f"{file}: not a public image to learn from: {one_line(error)}") from error


def _converted(picture: PIL.Image.Image, shape: Shape) -> np.ndarray:
    height, width, channels = shape
    picture = picture.convert(MODES[channels])
    if picture.size != (width, height):
        picture = picture.resize((width, height), PIL.Image.Resampling.BILINEAR)
    return np.asarray(picture).reshape(shape)
