"""DP image generators by the published protocol: train a CNN on synthetic images, test it on real ones.

    python benchmarks/images.py DATA_DIR --data mnist --epsilon 1 10 --seeds 0 --set steps=200

DATA_DIR holds the folders mnist (four idx files), pneumoniamnist (pneumoniamnist.npz) and ham10000
(ham10000_32.npz, metadata.csv). The generator sees the official train images (of PneumoniaMNIST those of
validation as well; of HAM10000 a seeded 80 % of the lesions), δ = 1e-5, no holdout taken off, as in the
published tables. It draws ``--images`` synthetic ones, and a CNN (below) trained on them is tested on the
others. ``strokes`` and ``clothes`` are made up on the spot (``pictures/made_up.py``, 60,000 and 10,000):
settings are chosen on them, never on what is reported. One JSON line a run goes to results/images.jsonl.
``--epsilon inf`` is the same generator with next to no noise; ``--generator real`` is the CNN on as many real
train images. ``--control`` says for image-matching what comes from images and what from its teacher: the CNN
on draws of the moments and on what the network makes of them, each under the class it was drawn for, on those
that the teacher reads as that class, and the teacher itself.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from dp_accounting import NoOpDpEvent
from pictures.made_up import made
from scipy.spatial.distance import pdist
from torch import nn
from torch.nn.functional import cross_entropy

from evaluators.fidelity.manifold import coverage, frechet
from flows.stages.config import make_generator
from generators.alone import fit_alone
from generators.images.features import Features
from generators.images.networks import FromMoments, classes_of
from generators.images.scattering import Scattering
from privacy.accounting.guarantee import Guarantee
from privacy.reading.conform import conform
from privacy.reading.source import read_source
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import Rows

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "images.jsonl"
DELTA = 1e-5
LOOKED_AT, COMPONENTS = 2000, 64
"""Images of each kind that distances are of, and principal components of their features."""
NO_NOISE = 1e6
"""The ε that stands for no privacy at all."""


@dataclass(frozen=True)
class DataSet:
    """Its files in the schema's order; ``tested``: how many of the last rows, or which share by a seed."""

    files: tuple[str, ...]
    tested: int | float
    slices: tuple[str, ...] = ()


IDX = ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz")
DATA = {
    "mnist": DataSet(tuple(f"{part}-{name}" for part in ("train", "t10k") for name in IDX), 10_000),
    "strokes": DataSet((), 10_000),
    "clothes": DataSet((), 10_000),
    "spots": DataSet((), 10_000),
    "pneumoniamnist": DataSet(("pneumoniamnist.npz",), 624),
    "ham10000": DataSet(("ham10000_32.npz", "metadata.csv"), 0.2, ("sex", "age")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR")
    parser.add_argument("--data", choices=DATA, default="mnist")
    parser.add_argument("--generator", default="image-matching")
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--images", type=int, default=60_000, help="synthetic images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="parameters")
    parser.add_argument("--control", action="store_true", help="images and teacher apart")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--model", type=Path, help="save each run's model in a folder of this one")
    parser.add_argument("--keep", type=Path, help="write the first images of each run here, as npy")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    parameters = {k: yaml.safe_load(v) for k, v in (p.split("=", 1) for p in options.parameters)}
    schema, train, test = read(options.folder / options.data, options.data)
    for epsilon in options.epsilon:
        for seed in options.seeds:
            began = time.perf_counter()
            if options.generator == "real":
                images, about = train.sample(min(len(train), options.images), random_state=seed), {}
            else:
                images, about = synthetic(options, schema, train, test, epsilon, seed, parameters)
            if options.keep:
                np.save(options.keep, np.stack(list(images[schema.image][:200])))
            row = {
                "data": options.data,
                "generator": options.generator,
                **about,
                "seed": seed,
                "images": len(images),
                **judge(schema, images, test, DATA[options.data].slices, seed),
                **likeness(schema, images, train, test, seed),
                "seconds": round(time.perf_counter() - began, 1),
                "threads": options.threads,
            }
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            print(row, flush=True)
        if options.generator == "real":
            break


def read(folder: Path, name: str) -> tuple[Schema, pd.DataFrame, pd.DataFrame]:
    """Schema, train and test rows."""
    data = DATA[name]
    if not data.files:
        return made_up(name, *((60_000, 10_000) if name != "spots" else (4_745, 10_000)))
    schema = load_schema(ROOT / "configs" / "schemas" / f"{name}.yaml")
    source = read_source([folder / file for file in data.files], schema)
    conformed, _ = conform(source.texts, schema)
    frame = source.frame(conformed, schema, np.ones(len(conformed), dtype=bool))
    if isinstance(data.tested, int):
        return schema, frame[: -data.tested], frame[-data.tested :].reset_index(drop=True)
    assert schema.unit is None or frame[schema.unit].is_unique
    chosen = np.random.default_rng(0).random(len(frame)) < data.tested
    return schema, frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def made_up(name: str, n: int, tested: int) -> tuple[Schema, pd.DataFrame, pd.DataFrame]:
    """Images of that kind under a schema of nothing else than image and class."""
    images, classes = made(name, n + tested, 0)
    height, width, channels = images.shape[1:]
    image = {"kind": "image", "height": height, "width": width, "channels": channels}
    label = {"kind": "categorical", "categories": [str(c) for c in range(classes.max() + 1)]}
    schema = Schema.model_validate(
        {
            "name": name,
            "columns": {"image": image, "label": label},
            "targets": [{"task": "multiclass", "column": "label"}],
        }
    )
    frame = pd.DataFrame(
        {"image": pd.Series(list(images), dtype=object), "label": classes.astype(str)}
    )
    return schema, frame[:n], frame[n:].reset_index(drop=True)


def synthetic(
    options: argparse.Namespace,
    schema: Schema,
    train: pd.DataFrame,
    test: pd.DataFrame,
    epsilon: float,
    seed: int,
    parameters: Any,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit and draw."""
    guarantee = Guarantee(min(epsilon, NO_NOISE), DELTA)
    wanted = make_generator({"name": options.generator, **parameters})
    ready = wanted.calibrate(guarantee, schema, NoOpDpEvent())
    began, told = time.perf_counter(), 0.0

    def progress(what: str, share: float) -> None:
        nonlocal told
        if share >= told:
            print(f"{time.perf_counter() - began:6.0f} s  {what}", flush=True)
            told += 0.1

    with tempfile.TemporaryDirectory() as place:
        rows = Rows(train, np.arange(len(train)))
        model = fit_alone(ready, schema, rows, guarantee, Path(place), progress)
    fitted = time.perf_counter()
    if options.model:
        saved = options.model / f"{options.data}-{options.generator}-{epsilon:g}-{seed}"
        saved.mkdir(parents=True)
        model.save(saved)
    model.network.to(ready.pick_device())
    drawn = model.sample(options.images, np.random.default_rng(seed))
    control = controls(schema, model, drawn, test, seed) if options.control else {}
    return drawn, control | {
        "parameters": parameters,
        "epsilon": epsilon if math.isfinite(epsilon) else "inf",
        "delta": DELTA,
        "seconds_fit": round(fitted - began, 1),
        "seconds_draw": round(time.perf_counter() - fitted, 1),
        "device": str(ready.pick_device()),
    }


def judge(
    schema: Schema, images: pd.DataFrame, test: pd.DataFrame, slices: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Accuracy in all, by class and by slice, of the CNN on ``test``."""
    assert schema.image is not None
    codec, target = Codec(schema), schema.targets[0].columns[0]
    names = codec.columns[target].labels
    x, real = (np.stack(list(frame[schema.image])) for frame in (images, test))
    y, truth = (codec.encode(frame)[target].to_numpy(np.int64) for frame in (images, test))
    right = classify(x, y, real, len(names), seed) == truth
    recall = {name: round(float(right[truth == c].mean()), 4) for c, name in enumerate(names)}
    labelled = {
        s.column: np.array(codec.groups(s)[1])[codec.groups(s)[0][codec.encode(test)[s.column]]]
        for s in schema.subgroups
        if s.column in slices
    }
    if len(labelled) > 1:
        labelled[" × ".join(labelled)] = np.array(
            [" × ".join(row) for row in zip(*labelled.values(), strict=True)]
        )
    return {
        "accuracy": round(float(right.mean()), 4),
        "balanced_accuracy": round(float(np.mean(list(recall.values()))), 4),
        "recall": recall,
        "slices": {
            column: {
                str(group): [round(float(right[of == group].mean()), 4), int((of == group).sum())]
                for group in np.unique(of)
            }
            for column, of in labelled.items()
        },
    }


def controls(
    schema: Schema, model: Any, drawn: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """Accuracies of the CNN on what a model is made of, on as many images as were drawn, and its teacher's."""
    network, codes = model.network, model.told(drawn)
    y, truth = classes_of(codes), classes_of(model.told(test))
    real, generator = np.stack(list(test[schema.image])), torch.Generator().manual_seed(seed)
    own = FromMoments.draw(network, codes, generator)
    kept = (network.labels(own, torch.from_numpy(y)) == torch.from_numpy(y)).numpy()
    draws = ((network.drawn(codes, generator).clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    sets = {"draws": (draws, y), "own": (own, y), "agreed": (own[kept], y[kept])}
    found = {
        name: classify(x.permute(0, 2, 3, 1).numpy(), labels, real, max(truth) + 1, seed)
        for name, (x, labels) in sets.items()
    }
    read = network.logits(torch.from_numpy(real.transpose(0, 3, 1, 2).copy())).argmax(1).numpy()
    right = {name: round(float((c == truth).mean()), 4) for name, c in found.items()}
    teacher = round(float((read == truth).mean()), 4)
    return {"control": right | {"teacher": teacher, "agreement": round(float(kept.mean()), 4)}}


def likeness(
    schema: Schema, images: pd.DataFrame, train: pd.DataFrame, test: pd.DataFrame, seed: int
) -> dict[str, Any]:
    """Fréchet distance, precision, recall, coverage and diversity against test images; train images beside.

    In the principal components of the test images' scattering. Diversity: the mean distance of two images, as a
    share of that of two test images.
    """
    assert schema.image is not None
    column = schema.columns[schema.image]
    look, rng = Features(Scattering(column.shape, 4)), np.random.default_rng(seed)

    def seen(frame: pd.DataFrame) -> np.ndarray:
        chosen = rng.permutation(len(frame))[:LOOKED_AT]
        pixels = np.stack([frame[schema.image].iloc[i] for i in chosen]).transpose(0, 3, 1, 2)
        return look.of_bytes(torch.from_numpy(pixels.copy())).double().numpy()

    real, fake, fresh = seen(test), seen(images), seen(train)
    centre = real.mean(0)
    directions = np.linalg.svd(real - centre, full_matrices=False)[2][:COMPONENTS].T
    real, fake, fresh = ((x - centre) @ directions for x in (real, fake, fresh))

    def figures(x: np.ndarray) -> dict[str, float]:
        found = {"frechet": frechet(real, x, np.ones(len(real)), np.ones(len(x)))}
        found |= {name: part.value for name, part in coverage(real, x).items()}
        found["diversity"] = pdist(x).mean() / pdist(real).mean()
        return {name: round(float(value), 4) for name, value in found.items()}

    return {"likeness": figures(fake), "likeness_real": figures(fresh)}


def classify(x: np.ndarray, y: np.ndarray, test: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """The classes that a CNN trained on (x, y) gives to ``test``.

    10 epochs of 10,000 images, or as many steps on fewer; nothing tuned.
    """
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    height, width, channels = x.shape[1:]
    network = nn.Sequential(
        nn.Conv2d(channels, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * (height // 4) * (width // 4), 128),
        nn.ReLU(),
        nn.Linear(128, classes),
    ).to(device)
    epochs = max(10, round(100_000 / len(x)))
    steps = epochs * math.ceil(len(x) / 128)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    images, labels = _pixels(x).to(device), torch.from_numpy(y).to(device)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        parts = [network(part.to(device)).argmax(1) for part in _pixels(test).split(1000)]
    return torch.cat(parts).cpu().numpy()


def _pixels(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


if __name__ == "__main__":
    main()
