# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["smartnoise-synth==1.0.8", "torch==2.13.0", "packaging"]
# ///
"""AIM and MST of SmartNoise: `uv run --script smartnoise_marginals.py FOLDER`.

FOLDER is described in run.py. The transformer is fitted to a table of the public codes, so that no
domain is read from private rows.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from snsynth.aim import AIMSynthesizer
from snsynth.mst import MSTSynthesizer
from snsynth.transform import LabelTransformer, TableTransformer

SYNTHESIZERS = {"aim": AIMSynthesizer, "mst": MSTSynthesizer}


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train = pd.read_csv(folder / "train.csv")
    np.random.seed(task["seed"])  # noqa: NPY002 (what they draw from; the noise is OpenDP's)
    synthesizer = SYNTHESIZERS[task["mechanism"]](**task["epsilon_delta"], **task["options"])
    start, processor = time.perf_counter(), time.process_time()
    synthesizer.fit(train, transformer=public_transformer(task["domain"]))
    fitted = time.perf_counter()
    synthetic = synthesizer.sample(len(train))
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        "claimed_delta": synthesizer.delta,
        "own_epsilon": synthesizer.epsilon,  # noise is calibrated beforehand
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def public_transformer(domain: dict[str, int]) -> TableTransformer:
    """A label for every code, fitted to a table that holds every code."""
    table = TableTransformer([LabelTransformer(nullable=False) for _ in domain])
    codes = np.arange(max(domain.values()))
    table.fit(pd.DataFrame({name: codes % size for name, size in domain.items()}))
    return table


if __name__ == "__main__":
    main(Path(sys.argv[1]))
