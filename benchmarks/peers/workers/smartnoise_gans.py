# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["smartnoise-synth==1.0.8", "torch==2.13.0", "packaging"]
# ///
"""DPCTGAN and PATECTGAN of SmartNoise: `uv run --script smartnoise_gans.py FOLDER`.

FOLDER is described in run.py. Transformers are built from the public domain, so that none is fitted
to private rows. What the synthesizers read without charging for it stays as it is: the category
frequencies that conditions are drawn from, in training and again when rows are drawn.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from snsynth.pytorch.nn import DPCTGAN, PATECTGAN, patectgan
from snsynth.transform import MinMaxTransformer, OneHotEncoder, TableTransformer


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train = pd.read_csv(folder / "train.csv")
    np.random.seed(task["seed"])  # noqa: NPY002 (what they draw from; torch they seed with 0)
    options = task["epsilon_delta"] | task["options"] | {"cuda": False, "verbose": False}
    synthesizer = {"dpctgan": DPCTGAN, "patectgan": PATECTGAN}[task["mechanism"]](**options)
    orders = watch_moments(synthesizer)
    start, processor = time.perf_counter(), time.process_time()
    synthesizer.fit(train, transformer=public_transformer(task["domain"], task["numbers"]))
    fitted = time.perf_counter()
    torch.set_grad_enabled(False)
    synthetic = synthesizer.sample(len(train))
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        "claimed_delta": synthesizer.delta,
        **spent(synthesizer, orders),
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def public_transformer(domain: dict[str, int], numbers: list[str]) -> TableTransformer:
    """Numbers scaled from public bounds, all else one-hot; fitted to a table of every code once."""
    table = TableTransformer(
        [
            MinMaxTransformer(lower=0, upper=size - 1) if name in numbers else OneHotEncoder()
            for name, size in domain.items()
        ]
    )
    codes = np.arange(max(domain.values()))
    table.fit(pd.DataFrame({name: codes % size for name, size in domain.items()}))
    return table


def watch_moments(synthesizer: DPCTGAN | PATECTGAN) -> list[torch.Tensor]:
    """PATECTGAN keeps its accountant in a local variable: collects what is added to it."""
    added: list[torch.Tensor] = []
    account = patectgan.moments_acc

    def moments_acc(*args: object, **kwargs: object) -> torch.Tensor:
        added.append(account(*args, **kwargs))
        return added[-1]

    patectgan.moments_acc = moments_acc
    return added


def spent(synthesizer: DPCTGAN | PATECTGAN, added: list[torch.Tensor]) -> dict[str, float]:
    """ε by the synthesizer's own accountant when it stopped, and how long it had trained."""
    if isinstance(synthesizer, DPCTGAN):
        spent = synthesizer.epsilon_list  # one entry an epoch begun
        return {"own_epsilon": round(float(spent[-1]), 4), "epochs": len(synthesizer.loss_d_list)}
    orders = 1 + np.arange(synthesizer.moments_order)
    moments = torch.stack(added).sum(0).numpy() - np.log(synthesizer.delta)
    return {"own_epsilon": round(float((moments / orders).min()), 4), "queries": len(added)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
