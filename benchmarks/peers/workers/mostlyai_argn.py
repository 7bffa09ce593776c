# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["mostlyai-engine==2.7.3", "torch==2.13.0"]
# ///
"""TabularARGN of MOSTLY AI with DP training: `uv run --script mostlyai_argn.py FOLDER`.

FOLDER is described in run.py. Every column is categorical, and the categories that the analysis read
from the rows are replaced by those of the public domain, so that none of ε goes to them. What it reads
without charging for it stays as it is: a validation loss on a tenth of the rows, which the learning
rate, the checkpoint that is kept and the end of training follow.
"""

import json
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import torch

try:
    torch.ops.load_library(Path(find_spec("torchvision").origin).with_name("_C.so"))
except OSError:
    # it does not load beside a CPU build of torch, and its import asks for two operators
    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from mostlyai import engine

MOST_MINUTES = 12.0
"""It trains until ε is spent, so many minutes or 100 epochs: the limit of a cell is 15 minutes."""


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train, domain = pd.read_csv(folder / "train.csv"), task["domain"]
    claim = task["epsilon_delta"]
    privacy = {"max_epsilon": claim["epsilon"], "delta": claim["delta"], **task["options"]}
    engine.set_random_state(task["seed"])
    with tempfile.TemporaryDirectory() as place:
        start, processor = time.perf_counter(), time.process_time()
        engine.split(
            tgt_data=train.astype(str),
            tgt_encoding_types=dict.fromkeys(domain, "TABULAR_CATEGORICAL"),
            workspace_dir=place,
        )
        engine.analyze(value_protection=False, differential_privacy=privacy, workspace_dir=place)
        make_public(Path(place), domain)
        engine.encode(workspace_dir=place)
        engine.train(
            differential_privacy=privacy, max_training_time=MOST_MINUTES, workspace_dir=place
        )
        fitted = time.perf_counter()
        engine.generate(
            sample_size=len(train),
            rare_category_replacement_method="SAMPLE",
            workspace_dir=place,
        )
        synthetic = pd.read_parquet(Path(place) / "SyntheticData").astype(int)
        done, processor = time.perf_counter(), time.process_time() - processor
        progress = pd.read_csv(Path(place) / "ModelStore" / "model-data" / "progress-messages.csv")
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    kept = progress[progress["is_checkpoint"] == 1].iloc[-1]
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        "claimed_delta": claim["delta"],
        "own_epsilon": round(float(kept["dp_eps"]), 4),
        "epochs": float(kept["epoch"]),
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def make_public(place: Path, domain: dict[str, int]) -> None:
    """Puts the public categories where the analysis wrote those it had found."""
    path = place / "ModelStore" / "tgt-stats" / "stats.json"
    stats = json.loads(path.read_text(encoding="utf-8"))
    for name, size in domain.items():
        known = ["_RARE_", *map(str, range(size))]
        column = stats["columns"][name]
        column["codes"] = {value: i for i, value in enumerate(known)}
        column["cardinalities"] = {"cat": len(known)}
        column["no_of_rare_categories"] = 0
    path.write_text(json.dumps(stats), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
