# /// script
# requires-python = ">=3.11,<3.12"
# dependencies = ["synthcity==0.2.12", "torch==2.13.0"]
#
# [tool.uv]
# override-dependencies = [
#     "torch==2.13.0",
#     "torchvision==0.28.0",
#     "numpy>=2,<2.4",
#     "networkx>=3",
#     "lifelines>=0.30",
#     "xgboost>=2",
#     "fastai",
#     "fastcore",
# ]
# ///
"""DPGAN and PATEGAN of synthcity: `uv run --script synthcity_gans.py FOLDER`.

FOLDER is described in run.py. The encoder is fitted to a table of the public codes and rejection
by the private table's schema is off (`strict`). What the plugins read without charging for it
stays as it is: real conditions in training and sampling, a validation loss on real rows (DPGAN).
PATEGAN takes a δ and overwrites it by 1/n^1.5.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import torch

try:
    torch.ops.load_library(Path(find_spec("torchvision").origin).with_name("_C.so"))
except OSError:
    # it does not load beside a CPU build of torch, and its import asks for two operators
    operators = torch.library.Library("torchvision", "DEF")
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from synthcity.plugins.core.dataloader import DataLoader, GenericDataLoader
from synthcity.plugins.core.models import gan, mlp
from synthcity.plugins.core.models.tabular_encoder import TabularEncoder
from synthcity.plugins.privacy.plugin_dpgan import DPGANPlugin
from synthcity.plugins.privacy.plugin_pategan import PATEGANPlugin

# codes are public already; theirs would be those that occur in the rows, and fail on one that is drawn anew
DataLoader.encode = lambda self, encoders=None: (self, {})
for module in (gan, mlp):  # networks set every seed back to 0, and with it the one that was given
    module.enable_reproducible_results = lambda *seed: None


def main(folder: Path) -> None:
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    train = pd.read_csv(folder / "train.csv")
    plugin = {"dpgan": DPGANPlugin, "pategan": PATEGANPlugin}[task["mechanism"]](
        encoder=public_encoder(task["domain"], task["numbers"]),
        random_state=task["seed"],
        strict=False,
        workspace=folder,
        **task["epsilon_delta"],
        **task["options"],
    )
    start, processor = time.perf_counter(), time.process_time()
    plugin.fit(GenericDataLoader(train))
    fitted = time.perf_counter()
    synthetic = plugin.generate(len(train)).dataframe()
    done, processor = time.perf_counter(), time.process_time() - processor
    synthetic.to_csv(folder / "synthetic.csv", index=False)
    report = {
        "fit_seconds": round(fitted - start, 1),
        "sample_seconds": round(done - fitted, 1),
        "processor_seconds": round(processor, 1),
        **spent(plugin),
    }
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")


def public_encoder(domain: dict[str, int], numbers: list[str]) -> TabularEncoder:
    """Fitted to a table of every code: one-hot, and for numbers the mixture of an even spread."""
    codes = np.arange(max(domain.values()))
    table = pd.DataFrame({name: codes % size for name, size in domain.items()})
    return TabularEncoder(max_clusters=5).fit(table, [c for c in domain if c not in numbers])


def spent(plugin: DPGANPlugin | PATEGANPlugin) -> dict[str, float]:
    """The δ that was used, and ε by the plugin's own accountant when it stopped."""
    if isinstance(plugin, DPGANPlugin):  # noise is calibrated beforehand, to n_iter epochs
        return {"claimed_delta": plugin.dp_delta, "own_epsilon": plugin.dp_epsilon}
    model = plugin.model
    orders = 1 + np.arange(model.alpha)
    epsilon = ((model.alpha_dict - np.log(model.delta)) / orders).min()
    return {"claimed_delta": model.delta, "own_epsilon": round(float(epsilon), 4)}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
