"""How constants of ``image-matching`` were chosen, on pictures that are made up (``made_up.py``).

    python benchmarks/pictures/settings.py teacher|cells [--kinds strokes clothes spots] [--epsilon 1 10]

*teacher*: accuracy of the private linear teacher, by how its learning rate follows from the noise. *cells*:
accuracy of a CNN trained on draws of the moments, by how much noise a cell has to bear.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import one_hot

sys.path.insert(0, str(Path(__file__).parent.parent))

from images import DELTA, classify
from pictures.made_up import made

from generators.images import cells
from generators.images.coordinates import Coordinates
from generators.images.features import Features
from generators.images.matching import EVENNESS, MOMENTUM, ImageMatching
from generators.images.moments import Basis, Moments, measure
from generators.images.scattering import Scattering
from generators.images.teacher import Teacher, teacher_rate
from privacy.accounting.calibration import zcdp_budget
from privacy.accounting.guarantee import Guarantee

RESULTS = Path(__file__).parent.parent / "results" / "picture_settings.jsonl"
SIZES = {"strokes": 60_000, "clothes": 60_000, "spots": 4_745}
TESTED, DRAWN = 10_000, 10_000
USUAL = ImageMatching()
TIMES = (0.5, 1.0, 2.0, 4.0)
"""Of the teacher's rate."""
BORNE = (1e9, 4 * cells.BORNE, cells.BORNE, cells.BORNE / 4, 0.0)
"""Of what noise may bring to a cell; 1e9 makes as many cells as there may be, 0 one a class."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("teacher", "cells"))
    parser.add_argument("--kinds", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 10.0])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for kind in options.kinds:
        n = SIZES[kind]
        images, classes = made(kind, n + TESTED, 0)
        train, test = (images[:n], classes[:n]), (images[n:], classes[n:])
        for epsilon in options.epsilon:
            rho = zcdp_budget(Guarantee(epsilon, DELTA))
            for row in {"teacher": teachers, "cells": draws}[options.what](train, test, rho):
                told = {"what": options.what, "kind": kind, "epsilon": epsilon, **row}
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(told) + "\n")
                print(told, flush=True)


def begun(x: np.ndarray, y: np.ndarray, rho: float) -> Moments:
    """The moments that a release at that ρ would measure."""
    basis, counts = Basis(x.shape[1:], USUAL.frequencies), np.bincount(y).astype(float)
    share = USUAL.moments_share * rho
    return measure(
        basis, x, np.arange(len(x)), y, counts, USUAL.spread, share, lambda question, draw: draw()
    )


def teachers(train: Any, test: Any, rho: float) -> list[dict[str, Any]]:
    """Accuracy and balanced accuracy at each rate."""
    (x, y), (tested, truth) = train, test
    look, k = Features(Scattering(x.shape[1:], USUAL.angles)), int(y.max()) + 1
    drawn = begun(x, y, rho).draw(y[:4000], torch.Generator().manual_seed(0))
    coordinates = Coordinates.of(look(drawn), USUAL.components)

    def seen(pixels: np.ndarray) -> torch.Tensor:
        parts = np.array_split(pixels.transpose(0, 3, 1, 2), math.ceil(len(pixels) / 1000))
        return torch.cat(
            [coordinates(look(torch.from_numpy(p.copy()).float() / 127.5 - 1)) for p in parts]
        )

    z, fresh, label = seen(x), seen(tested), torch.from_numpy(y)
    left = 1 - USUAL.opening_share - USUAL.moments_share - USUAL.features_share
    noise = math.sqrt(USUAL.steps / (2 * left * rho)) * USUAL.clip
    weight = torch.from_numpy((len(y) / k / np.bincount(y)) ** EVENNESS).float()[label]
    found = []
    for times in TIMES:
        rate = times * teacher_rate(noise / len(y))
        read = taught(z, label, weight, k, noise, rate).forward(fresh).argmax(1).numpy()
        recall = [float((read[truth == c] == c).mean()) for c in range(k)]
        found.append(
            {
                "times": times,
                "rate": round(rate, 2),
                "accuracy": round(float((read == truth).mean()), 4),
                "balanced_accuracy": round(float(np.mean(recall)), 4),
            }
        )
    return found


def taught(
    z: torch.Tensor, label: torch.Tensor, weight: torch.Tensor, k: int, noise: float, rate: float
) -> Teacher:
    """Clipped gradients of everybody with Gaussian noise; the average of the second half of the steps."""
    generator, wanted = torch.Generator().manual_seed(0), one_hot(label, k).float()
    w, pace, late = torch.zeros(k, z.shape[1]), torch.zeros(k, z.shape[1]), []
    for t in range(USUAL.steps):
        apart = ((z @ w.T).softmax(1) - wanted) * weight[:, None]
        norms = apart.norm(dim=1) * z.norm(dim=1)
        total = (apart * (USUAL.clip / norms.clamp(min=USUAL.clip))[:, None]).T @ z
        total += noise * torch.randn(total.shape, generator=generator)
        pace = MOMENTUM * pace + total / len(z)
        w = w - rate / USUAL.clip * pace
        if 2 * t >= USUAL.steps - 1:
            late.append(w)
    teacher = Teacher(z.shape[1], k)
    teacher.head.weight.data = torch.stack(late).mean(0)
    return teacher.requires_grad_(False)


def draws(train: Any, test: Any, rho: float) -> list[dict[str, Any]]:
    """Accuracy of the CNN for each number of cells."""
    (x, y), (tested, truth) = train, test
    found, before = [], cells.BORNE
    for borne in BORNE:
        cells.BORNE = borne
        moments = begun(x, y, rho)
        if found and moments.cells == found[-1]["cells"]:
            continue
        of = y[np.random.default_rng(1).integers(0, len(y), DRAWN)]
        drawn = moments.draw(of, torch.Generator().manual_seed(1)).permute(0, 2, 3, 1)
        pixels = ((drawn + 1) * 127.5).round().to(torch.uint8).numpy()
        read = classify(pixels, of, tested, int(y.max()) + 1, 0)
        accuracy = round(float((read == truth).mean()), 4)
        found.append({"borne": borne, "cells": moments.cells, "accuracy": accuracy})
    cells.BORNE = before
    return found


if __name__ == "__main__":
    main()
