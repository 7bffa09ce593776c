"""Public images are converted, bounded, and known by what they hold."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from privacy.errors import InputError
from privacy.reading import public
from privacy.reading.public import PublicImages, content_digest

GREY, COLOUR = (8, 6, 1), (8, 6, 3)


def pixels(n: int = 3, shape: tuple[int, ...] = (8, 6), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def folder(path: Path, pictures: np.ndarray) -> Path:
    path.mkdir()
    for i, picture in enumerate(pictures):
        PIL.Image.fromarray(picture).save(path / f"{i}.png")
    return path


def loaded(path: Path, shape: tuple[int, int, int]) -> np.ndarray:
    return PublicImages.of(path, shape).load(shape)


def alike(found: np.ndarray, expected: np.ndarray) -> bool:
    """The same pictures in whatever order."""
    return sorted(p.tobytes() for p in found) == sorted(p.tobytes() for p in expected)


def test_every_kind_of_source_gives_the_same_pixels(tmp_path: Path) -> None:
    x = pixels()
    np.savez(tmp_path / "x.npz", train=x[:2], labels=np.arange(3), test=x[2:, :, :, None])
    head = struct.pack(">IIII", 0x0803, *x.shape)
    (tmp_path / "x-idx3-ubyte.gz").write_bytes(gzip.compress(head + x.tobytes()))
    for path in (folder(tmp_path / "x", x), tmp_path / "x.npz", tmp_path / "x-idx3-ubyte.gz"):
        found = loaded(path, GREY)
        assert found.shape == (3, *GREY)
        assert alike(found, x[..., None])


def test_channels_and_size_are_converted_as_pillow_does(tmp_path: Path) -> None:
    x = pixels(shape=(20, 10, 3))
    path = folder(tmp_path / "x", x)
    pictures = [PIL.Image.fromarray(picture) for picture in x]
    small = [p.convert("L").resize((6, 8), PIL.Image.Resampling.BILINEAR) for p in pictures]
    assert alike(loaded(path, GREY), np.stack([np.asarray(p) for p in small]))
    grey = folder(tmp_path / "grey", pixels())
    assert alike(loaded(grey, COLOUR), np.stack([pixels()] * 3, axis=3))
    buffer = io.BytesIO()
    pictures[0].convert("RGBA").save(buffer, "PNG")
    (tmp_path / "x" / "0.png").write_bytes(buffer.getvalue())
    pictures[1].convert("P").save(tmp_path / "x" / "1.png")
    pictures[2].save(tmp_path / "x" / "deeper.JPG")
    assert loaded(path, COLOUR).shape == (4, *COLOUR)


def test_content_alone_makes_the_digest_and_the_order(tmp_path: Path) -> None:
    one, other = folder(tmp_path / "one", pixels()), tmp_path / "other"
    (other / "deeper").mkdir(parents=True)
    for name, new in (("0.png", "z.png"), ("1.png", "deeper/a.png"), ("2.png", "0.PNG")):
        (other / new).write_bytes((one / name).read_bytes())
    (other / "README.txt").write_text("no picture")
    assert content_digest(one) == content_digest(other)
    a, b = (PublicImages.of(path, GREY) for path in (one, other))
    assert (a, repr(a)) == (b, repr(b))
    assert (a.load(GREY) == b.load(GREY)).all()
    assert str(b) == f"3 public images of other, SHA-256 {a.digest}"
    (other / "z.png").write_bytes((one / "1.png").read_bytes())
    assert content_digest(one) != content_digest(other)
    with pytest.raises(InputError, match="other: the public images changed"):
        b.load(GREY)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path / "x", pixels())
    whole = (path / "1.png").read_bytes()
    for broken in (b"hello", b"", whole[:-30]):
        (path / "1.png").write_bytes(broken)
        with pytest.raises(InputError, match=r"1\.png: not a public image to learn from") as caught:
            PublicImages.of(path, GREY)
        assert "\n" not in str(caught.value)
    PIL.Image.fromarray(np.full((8, 6), 700, dtype=np.uint16)).save(path / "1.png")
    with pytest.raises(InputError, match=r"1\.png: .*more than 8 bits"):
        PublicImages.of(path, GREY)
    (tmp_path / "x.npz").write_bytes(b"hello")
    with pytest.raises(InputError, match=r"x\.npz: not a readable file of images"):
        PublicImages.of(tmp_path / "x.npz", GREY)
    np.savez(tmp_path / "x.npz", labels=np.arange(3))
    with pytest.raises(InputError, match=r"x\.npz: 0 public images"):
        PublicImages.of(tmp_path / "x.npz", GREY)
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(InputError, match="public images come as"):
        PublicImages.of(tmp_path / "x.txt", GREY)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no PNG or JPEG"):
        PublicImages.of(tmp_path / "empty", GREY)


@pytest.mark.parametrize(
    ("bound", "value"), [("MOST", 2), ("MOST_BYTES", 100), ("MOST_PIXELS", 47)]
)
def test_too_much_is_refused(
    bound: str, value: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "x", pixels())
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((3, 8, 6), dtype=np.uint8))
    monkeypatch.setattr(public, bound, value)
    for source in (path, tmp_path / "x.npz") if bound != "MOST_PIXELS" else (path,):
        with pytest.raises(InputError, match=r"3 public images|3 images of|unpacks|pixels"):
            PublicImages.of(source, GREY)


def test_a_link_to_what_lies_elsewhere_is_not_public(tmp_path: Path) -> None:
    private, path = folder(tmp_path / "private", pixels()), folder(tmp_path / "x", pixels(seed=1))
    (path / "inside.png").symlink_to(path / "0.png")
    assert PublicImages.of(path, GREY).count == 4
    (path / "z.png").symlink_to(private / "0.png")
    with pytest.raises(InputError, match="a link out of the folder"):
        PublicImages.of(path, GREY)


def test_what_is_no_picture_in_a_file_of_arrays_is_passed_over(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=pixels())
    with zipfile.ZipFile(tmp_path / "x.npz", "a") as file:
        file.writestr("README.txt", "three pictures")
    assert PublicImages.of(tmp_path / "x.npz", GREY).count == 3


@pytest.mark.parametrize("count", [2, 2**31])
def test_pictures_without_pixels_are_none(tmp_path: Path, count: int) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((count, 0, 0), np.uint8))
    (tmp_path / "x-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x0803, count, 0, 0))
    for name in ("x.npz", "x-idx3-ubyte"):
        with pytest.raises(InputError, match="0 public images"):
            PublicImages.of(tmp_path / name, GREY)
