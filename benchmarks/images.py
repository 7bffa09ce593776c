"""DP image generators by the published protocol: train a CNN on synthetic images, test it on real ones.

    python benchmarks/images.py DATA_DIR --data mnist --epsilon 1 10 --seeds 0 --set steps=200

DATA_DIR holds the folders mnist (four idx files), pneumoniamnist (pneumoniamnist.npz) and ham10000
(ham10000_32.npz, metadata.csv). The generator sees the official train images (of PneumoniaMNIST those of
validation as well; of HAM10000 a seeded 80 % of the lesions), δ = 1e-5, no holdout taken off, as in the
published tables. It draws ``--images`` synthetic ones, and a CNN (below) trained on them is tested on the
others. One JSON line a run goes to results/images.jsonl. ``--epsilon inf`` is the same generator with next to
no noise; ``--generator real`` is the CNN on as many real train images.
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
from torch import nn
from torch.nn.functional import cross_entropy

from flows.stages.config import make_generator
from generators.alone import fit_alone
from privacy.accounting.guarantee import Guarantee
from privacy.reading.conform import conform
from privacy.reading.source import read_source
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema
from privacy.table import Rows

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "images.jsonl"
DELTA = 1e-5
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
    "pneumoniamnist": DataSet(("pneumoniamnist.npz",), 624),
    "ham10000": DataSet(("ham10000_32.npz", "metadata.csv"), 0.2, ("sex", "age")),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR")
    parser.add_argument("--data", choices=DATA, default="mnist")
    parser.add_argument("--generator", default="image-diffusion")
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--images", type=int, default=10_000, help="synthetic images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="parameters")
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
                images, about = synthetic(options, schema, train, epsilon, seed, parameters)
            if options.keep:
                np.save(options.keep, np.stack(list(images[schema.image][:200])))
            row = {
                "data": options.data,
                "generator": options.generator,
                **about,
                "seed": seed,
                "images": len(images),
                **judge(schema, images, test, DATA[options.data].slices, seed),
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
    schema = load_schema(ROOT / "configs" / "schemas" / f"{name}.yaml")
    source = read_source([folder / file for file in data.files], schema)
    conformed, _ = conform(source.texts, schema)
    frame = source.frame(conformed, schema, np.ones(len(conformed), dtype=bool))
    if isinstance(data.tested, int):
        return schema, frame[: -data.tested], frame[-data.tested :].reset_index(drop=True)
    assert schema.unit is None or frame[schema.unit].is_unique
    chosen = np.random.default_rng(0).random(len(frame)) < data.tested
    return schema, frame[~chosen].reset_index(drop=True), frame[chosen].reset_index(drop=True)


def synthetic(
    options: argparse.Namespace,
    schema: Schema,
    train: pd.DataFrame,
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
    return drawn, {
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
