"""DP image generators by the published protocol: train a CNN on synthetic images, test it on real ones.

    python benchmarks/images.py DATA_DIR/mnist --epsilon 1 10 --seeds 0 --set steps=200

DATA_DIR/mnist holds MNIST's four idx files. The generator sees the official train images (δ = 1e-5, no holdout
taken off, as in the published tables), draws ``--images`` synthetic ones, and a CNN (below) trained on them is
tested on the official test images. One JSON line a run goes to results/images.jsonl: accuracy, worst class,
seconds of fitting and of drawing, parameters. ``--epsilon inf`` is the same generator with next to no noise.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from dp_accounting import NoOpDpEvent
from torch import nn
from torch.nn.functional import cross_entropy

from flows.canaries import fit_alone
from flows.config import make_generator
from privacy.accounting import Guarantee
from privacy.schema import Schema
from privacy.table import Rows

RESULTS = Path(__file__).parent / "results" / "images.jsonl"
DELTA = 1e-5
NO_NOISE = 1e6
"""The ε that stands for no privacy at all."""

SCHEMA = Schema.model_validate(
    {
        "name": "mnist",
        "columns": {
            "image": {"kind": "image", "height": 28, "width": 28},
            "label": {"kind": "categorical", "categories": [str(i) for i in range(10)]},
        },
        "targets": [{"task": "multiclass", "column": "label"}],
    }
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR/mnist")
    parser.add_argument("--generator", default="image-diffusion")
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--images", type=int, default=10_000, help="synthetic images")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="parameters")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--keep", type=Path, help="write the first images of each run here, as npy")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    parameters = {k: yaml.safe_load(v) for k, v in (p.split("=", 1) for p in options.parameters)}
    for epsilon in options.epsilon:
        for seed in options.seeds:
            row = one(options, epsilon, seed, parameters)
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)


def one(options: argparse.Namespace, epsilon: float, seed: int, parameters: Any) -> dict[str, Any]:
    """Fit, draw, judge."""
    images, labels = (read_idx(options.folder / f"train-{n}.gz") for n in IDX)
    frame = pd.DataFrame({"image": list(images[..., None]), "label": labels.astype(str)})
    guarantee = Guarantee(min(epsilon, NO_NOISE), DELTA)
    wanted = make_generator({"name": options.generator, **parameters})
    ready = wanted.calibrate(guarantee, SCHEMA, NoOpDpEvent())
    began, told = time.perf_counter(), 0.0

    def progress(what: str, share: float) -> None:
        nonlocal told
        if share >= told:
            print(f"{time.perf_counter() - began:6.0f} s  {what}", flush=True)
            told += 0.1

    with tempfile.TemporaryDirectory() as place:
        rows = Rows(frame, np.arange(len(frame)))
        model = fit_alone(ready, SCHEMA, rows, guarantee, Path(place), progress)
    fitted = time.perf_counter()
    synthetic = model.sample(options.images, np.random.default_rng(seed))
    drawn = time.perf_counter()
    if options.keep:
        np.save(options.keep, np.stack(list(synthetic["image"][:200])))
    test_images, test_labels = (read_idx(options.folder / f"t10k-{n}.gz") for n in IDX)
    x = np.stack(list(synthetic["image"]))
    guess = classify(x, synthetic["label"].to_numpy(int), test_images[..., None], seed)
    right = guess == test_labels
    return {
        "generator": options.generator,
        "parameters": parameters,
        "epsilon": epsilon if math.isfinite(epsilon) else "inf",
        "delta": DELTA,
        "seed": seed,
        "images": options.images,
        "accuracy": round(float(right.mean()), 4),
        "worst_class": round(min(float(right[test_labels == c].mean()) for c in range(10)), 4),
        "seconds_fit": round(fitted - began, 1),
        "seconds_draw": round(drawn - fitted, 1),
        "threads": options.threads,
        "device": str(ready.pick_device()),
    }


IDX = ("images-idx3-ubyte", "labels-idx1-ubyte")


def read_idx(path: Path) -> np.ndarray:
    """An idx file of bytes."""
    content = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(content, ">i4", count=content[3], offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * content[3]).reshape(shape)


def classify(x: np.ndarray, y: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """The classes that a CNN trained on (x, y) gives to ``test``; 10 epochs, nothing tuned."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(64 * 49, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    epochs = 10
    steps = epochs * math.ceil(len(x) / 128)
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    images, labels = _pixels(x), torch.from_numpy(y)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(128):
            optimizer.zero_grad()
            cross_entropy(network(images[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        parts = [network(part).argmax(1) for part in _pixels(test).split(1000)]
    return torch.cat(parts).numpy()


def _pixels(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).astype(np.float32)) / 127.5 - 1


if __name__ == "__main__":
    main()
