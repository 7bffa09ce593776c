"""FID's network against pytorch-fid's, and what files are taken for it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from evaluators.images import inception as module
from evaluators.images.extractor import PIXELS, Extractor
from evaluators.images.inception import Inception, inception, prepared
from evaluators.images.scores import METRICS, image_fidelity
from evaluators.tables import Tables
from privacy.errors import InputError
from tests.evaluators.shapes import SCHEMA, people

State = dict[str, torch.Tensor]


def hashed(n: int, add: int) -> np.ndarray:
    """Whole numbers that look random and are the same everywhere."""
    i = np.arange(n, dtype=np.int64)
    return np.asarray(i * i + add * i)


@pytest.fixture(scope="module")
def state() -> State:
    """Weights by a formula: names in alphabetical order get numbers t."""
    made = {}
    shapes = {k: v.shape for k, v in Inception().state_dict().items() if v.ndim}
    for t, (name, shape) in enumerate(sorted(shapes.items())):
        u = (hashed(math.prod(shape), 31) + 977 * t) % 65521 / 65521 - 0.5
        if name.endswith("conv.weight"):
            u = u * math.sqrt(24 / math.prod(shape[1:]))
        elif name.endswith(("running_var", "bn.weight")):
            u = 1 + u
        made[name] = torch.tensor(u.reshape(shape), dtype=torch.float32)
    return made


def images(channels: int) -> np.ndarray:
    shape = (2, 32, 28, 3) if channels == 3 else (2, 28, 28, 1)
    return (hashed(math.prod(shape), 7) % 251).astype(np.uint8).reshape(shape)


PLACES = [0, 1, 320, 1088, 2047]
BY_ORACLE = {
    3: (
        [0.0642, 0.0, 1.46204, 0.43262, 0.0],
        [0.06381, 0.00456, 1.55435, 0.56419, 0.0],
        0.31100,
        0.45352,
    ),
    1: (
        [0.02127, 0.00493, 2.32036, 0.76972, 0.0],
        [0.04916, 0.00335, 2.36126, 0.73843, 0.0],
        0.47321,
        0.68311,
    ),
}


@pytest.mark.parametrize("channels", [3, 1])
def test_features_are_those_of_pytorch_fid(state: State, channels: int) -> None:
    """The numbers come from pytorch-fid 0.3.0 (torch 2.14.1, torchvision 0.29.1): its ``InceptionV3([3])``
    with these weights on these images over 255, grey ones with their channel three times."""
    network = Inception().eval()
    network.load_state_dict(state, strict=False)  # the counters of batches have no say
    with torch.no_grad():
        found = network(prepared(images(channels))).numpy()
    first, second, mean, deviation = BY_ORACLE[channels]
    assert found.shape == (2, 2048)
    assert found[:, PLACES] == pytest.approx(np.array([first, second]), abs=1e-4)
    assert found.mean() == pytest.approx(mean, abs=1e-4)
    assert found.std() == pytest.approx(deviation, abs=1e-4)


@pytest.fixture(scope="module")
def files(state: State, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """The weights, rounded to half the bytes, as both kinds of file; with a classifier, as published."""
    folder = tmp_path_factory.mktemp("weights")
    half = {k: v.half() for k, v in state.items()} | {"fc.bias": torch.zeros(1008)}
    paths = folder / "own.pth", folder / "own.safetensors"
    torch.save(half, paths[0])
    save_file(half, paths[1])
    yield paths
    for path in paths:
        path.unlink()


def test_both_kinds_of_file_give_the_same_and_are_not_called_fid(
    files: tuple[Path, Path],
) -> None:
    one, other = (inception(path) for path in files)
    assert (one.of(images(1)) == other.of(images(1))).all()
    assert (one.distance, other.distance) == ("frechet", "frechet")
    assert "own.pth, SHA-256 " in one.name
    assert "own.safetensors, SHA-256 " in other.name


def test_only_the_published_file_gives_fid(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = inception(files[0]).name.partition("SHA-256 ")[2][:8]
    monkeypatch.setattr(module, "PUBLISHED", digest)
    assert inception(files[0]).distance == "fid"
    assert inception(files[1]).distance == "frechet"


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


@pytest.mark.parametrize("content", ["text", "names", "shapes", "list", "pickle"])
def test_other_files_are_refused_in_one_line(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "weights.pth"
    if content == "text":
        path.write_text("hello")
    else:
        wrong = {k: torch.zeros(1) for k in Inception().state_dict()}
        kinds = {"names": {"a": torch.zeros(1)}, "shapes": wrong, "list": [1], "pickle": Harm()}
        torch.save(kinds[content], path)
    with pytest.raises(InputError, match="not the weights of FID's Inception") as caught:
        inception(path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "harm").exists()


def test_scores_on_given_features_bear_their_name() -> None:
    tables = Tables(people(200, 1), people(200, 2), people(200, 3), SCHEMA)
    scores = image_fidelity(tables, Extractor("given", PIXELS.of, "fid"))
    names = {f"image.{m}" for m in METRICS} - {"image.frechet"} | {"image.fid"}
    assert {s.metric for s in scores} == names
    whole = [s for s in scores if s.slice == "all"]
    assert {s.detail for s in whole} == {"200 images of each kind, given"}  # no train image teaches
