"""Our scattering transform against kymatio's (0.3), on images that are made up.

    pip install --no-deps --target FOLDER kymatio==0.3.0
    PYTHONPATH=FOLDER python benchmarks/pictures/scattering.py

Largest and mean difference of each order, beside how large its numbers are, for J = 2 scales.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from kymatio.scattering2d.frontend.numpy_frontend import ScatteringNumPy2D
from pictures.made_up import made

from generators.images.scattering import SCALES, Scattering

RESULTS = Path(__file__).parent.parent / "results" / "scattering_kymatio.jsonl"
IMAGES = 200


def main() -> None:
    with RESULTS.open("w", encoding="utf-8") as file:
        for kind in ("strokes", "clothes", "spots"):
            for angles in (4, 8):
                row = {"kind": kind, "angles": angles, **compared(kind, angles)}
                file.write(json.dumps(row) + "\n")
                print(row, flush=True)


def compared(kind: str, angles: int) -> dict[str, dict[str, float]]:
    """Differences by order of the transform."""
    images = made(kind, IMAGES, 0)[0].transpose(0, 3, 1, 2) / 255
    shape = (*images.shape[2:], images.shape[1])
    ours = Scattering(shape, angles)(torch.from_numpy(images).float()).numpy()
    theirs = ScatteringNumPy2D(SCALES, shape[:2], L=angles)(images)
    ends = np.cumsum([1, SCALES * angles, angles**2])[:-1]
    parts = zip(np.split(ours, ends, 2), np.split(theirs, ends, 2), strict=True)
    return {
        f"order {k}": {
            "largest": round(float(np.abs(one - other).max()), 7),
            "mean": round(float(np.abs(one - other).mean()), 7),
            "size": round(float(np.abs(other).mean()), 5),
        }
        for k, (one, other) in enumerate(parts)
    }


if __name__ == "__main__":
    main()
