"""Pictures: as they are stored, as arrays of pixels, and the way between.

In a canonical frame the image column is a Series of uint8 arrays [height, width, channels], views into one
array. A stored picture is decoded when its row is wanted and not before; what is not exactly what the
schema says (size, channels, eight bits, PNG or JPEG by content) is refused, never converted.

Privacy claim: none; called only behind ``PrivateTable.open``, by ``schema check`` and on synthetic
rows. What a file holds is quoted only in ``DataError.private``.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import PIL.Image

from privacy.errors import DataError
from privacy.schema.columns import Image

FORMATS = ("PNG", "JPEG")
MODES = {1: "L", 3: "RGB"}
NAMES = {
    "1": "black and white", "L": "grey", "P": "palette", "LA": "grey with transparency", "RGB": "RGB",
    "RGBA": "RGB with transparency", "CMYK": "CMYK", "I;16": "16-bit grey",
}  # fmt: skip
PNG_DEPTH = 24
"""Where a PNG file says how many bits a channel has; Pillow would cut 16 to 8 in silence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One stored picture: its pixels, its encoded bytes or the file of these; and the row it stands in."""

    content: np.ndarray | bytes | Path
    file: Path
    row: int

    def digest(self) -> str:
        """SHA-256 of what is stored, which stands for the picture where rows are compared as texts."""
        content = self.content
        stored = content.tobytes() if isinstance(content, np.ndarray) else self._bytes()
        return hashlib.sha256(stored).hexdigest()

    def decode(self, column: Image) -> np.ndarray:
        """Pixels, uint8 [height, width, channels]; DataError where the picture is not as declared."""
        if isinstance(self.content, np.ndarray):
            return self.content.reshape(column.shape)
        content = self._bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", PIL.Image.DecompressionBombWarning)
                with _opened(content) as picture:
                    # the header is held against the schema first, so that no bomb is unpacked
                    self._check(picture, content, column)
                    picture.verify()  # the checksums, which decoding passes over
                with _opened(content) as picture:
                    return np.asarray(picture).reshape(column.shape)
        except PIL.UnidentifiedImageError as error:
            raise self.refused("neither a PNG nor a JPEG picture; export it as one") from error
        except DataError:
            raise
        except Exception as error:  # decoders fail in any way on bytes that somebody has broken
            raise self.refused("the picture is corrupt; export it anew") from error

    def _check(self, picture: PIL.Image.Image, content: bytes, column: Image) -> None:
        width, height = picture.size
        if (height, width) != (column.height, column.width):
            raise self.refused(
                f"the picture is {width} × {height} pixels and the schema says {column.width} ×"
                f" {column.height}; scale it, or correct width and height in the schema"
            )
        wanted = MODES[column.channels]
        deep = content[PNG_DEPTH] if picture.format == "PNG" else 8
        found = NAMES.get(picture.mode, picture.mode) if deep == 8 else f"{deep} bits a channel"
        if "transparency" in picture.info:
            found = f"{found} with transparency"
        if getattr(picture, "n_frames", 1) != 1:
            found = "several pictures in one file"
        if found != NAMES[wanted]:
            raise self.refused(
                f"the picture is {found} and the schema says {NAMES[wanted]}, 8 bits a channel; convert"
                " it, or correct channels in the schema"
            )

    def _bytes(self) -> bytes:
        assert not isinstance(self.content, np.ndarray)
        if isinstance(self.content, bytes):
            return self.content
        try:
            return self.content.read_bytes()
        except OSError as error:
            raise self.refused(f"the picture cannot be read: {error.strerror}") from error

    def refused(self, problem: str) -> DataError:
        """The error that names file and row, and the picture's own file where it has one."""
        inner = f"{self.content}: " if isinstance(self.content, Path) else ""
        return DataError(f"{self.file}: row {self.row}: {inner}{problem}")


def _opened(content: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(content), formats=FORMATS)


def load(pictures: Sequence[Picture], column: Image) -> np.ndarray:
    """All pictures decoded, uint8 [n, height, width, channels]."""
    pixels = np.empty((len(pictures), *column.shape), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        pixels[i] = picture.decode(column)
    return pixels


def encode(pixels: np.ndarray) -> bytes:
    """A PNG file of uint8 pixels [height, width, channels]."""
    file = io.BytesIO()
    PIL.Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG")
    return file.getvalue()


def stack(series: pd.Series) -> np.ndarray:
    """The image column of a canonical frame as one array, uint8 [n, height, width, channels]."""
    if series.empty:
        return np.empty((0, 0, 0, 0), dtype=np.uint8)
    return np.stack(series.tolist())


def unstack(pixels: np.ndarray) -> pd.Series:
    """uint8 [n, height, width, channels] → the image column of a canonical frame, views into it."""
    return pd.Series(list(pixels), dtype=object)
