# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["dpmm==0.1.9"]
# ///
"""AIM, MST and PrivBayes of dpmm: `uv run --script dpmm_marginals.py FOLDER`.

FOLDER is described in run.py. The pipelines' own binning is off: the codes are bins already, and the
domain given is the public one.
"""

import json
import sys
import time
from pathlib import Path

import pandas as pd
from dpmm.pipelines import AIMPipeline, MSTPipeline, PrivBayesPipeline

PIPELINES = {"aim": AIMPipeline, "mst": MSTPipeline, "privbayes": PrivBayesPipeline}


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train = pd.read_csv(folder / "train.csv")
    pipeline = PIPELINES[task["mechanism"]](
        disable_processing=True, n_jobs=1, **task["epsilon_delta"], **task["options"]
    )
    start, processor = time.perf_counter(), time.process_time()
    pipeline.fit(train, domain=task["domain"], random_state=task["seed"])
    fitted = time.perf_counter()
    synthetic = pipeline.generate(n_records=len(train), random_state=task["seed"])
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        "claimed_delta": pipeline.gen.delta,
        "own_epsilon": pipeline.gen.epsilon,  # noise is calibrated beforehand
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
