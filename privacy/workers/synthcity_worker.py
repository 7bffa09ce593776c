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
"""Generators and metrics of synthcity: `uv run --script synthcity_worker.py < ZIP`.

synthcity asks for torch<2.3 and numpy<2, so it lives in an environment of its own and imports nothing of ours.

    task.json        {"do": "generate", …}; see ``generate``                     in the zip file
    rows/*.parquet   tables of integer codes, of each of which a model is made   in the zip file
    rows/*.parquet   as many rows drawn from each model as asked for, a zip file on stdout

    task.json        {"do": "measure", …}; see ``measure``                       in the zip file
    *.parquet        tables of numbers that are compared                         in the zip file
    answers.json     what each question came to, in a zip file on stdout

    task.json        {"do": "nothing"}: whether all imports succeed; an empty zip file on stdout

Private rows come and go through pipes, and no file can be written while they are worked on: synthcity would
keep results and compressed tables in its workspace. Nor do they outlive a kill of whoever asked.
"""

import io
import json
import os
import resource
import select
import sys
import tempfile
import threading
import traceback
import zipfile
from contextlib import chdir, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

os.environ["JOBLIB_MULTIPROCESSING"] = "0"  # its locks would be files
# gone from numpy, and used where it computes a C-index
np.infty = np.inf  # type: ignore[attr-defined]  # noqa: NPY201
torchvision: Any = find_spec("torchvision")
try:
    load: Any = torch.ops.load_library
    load(Path(torchvision.origin).with_name("_C.so"))
except OSError:
    # it does not load beside a CPU build of torch, and its import asks for two operators
    operators: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    operators.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    operators.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

from synthcity.utils import serialization  # noqa: E402

serialization.save_to_file = lambda *given: None  # metrics keep their results there

from synthcity.metrics.eval_detection import (  # noqa: E402
    SyntheticDetectionLinear,
    SyntheticDetectionMLP,
    SyntheticDetectionXGB,
)
from synthcity.metrics.eval_performance import PerformanceEvaluatorLinear  # noqa: E402
from synthcity.metrics.eval_privacy import DomiasMIAKDE, DomiasMIAPrior  # noqa: E402
from synthcity.metrics.eval_statistical import (  # noqa: E402
    AlphaPrecision,
    PRDCScore,
    SurvivalKMDistance,
)
from synthcity.plugins.core.dataloader import (  # noqa: E402
    DataLoader,
    GenericDataLoader,
    SurvivalAnalysisDataLoader,
)
from synthcity.plugins.core.models import gan, mlp  # noqa: E402
from synthcity.plugins.core.models.tabular_encoder import TabularEncoder  # noqa: E402
from synthcity.plugins.generic.plugin_ctgan import CTGANPlugin  # noqa: E402
from synthcity.plugins.generic.plugin_ddpm import TabDDPMPlugin  # noqa: E402
from synthcity.plugins.privacy.plugin_adsgan import AdsGANPlugin  # noqa: E402
from synthcity.plugins.privacy.plugin_dpgan import DPGANPlugin  # noqa: E402
from synthcity.plugins.privacy.plugin_pategan import PATEGANPlugin  # noqa: E402
from synthcity.plugins.survival_analysis.plugin_survival_gan import (  # noqa: E402
    SurvivalGANPlugin,
)

PLUGINS = {
    "dpgan": DPGANPlugin,
    "pategan": PATEGANPlugin,
    "adsgan": AdsGANPlugin,
    "ctgan": CTGANPlugin,
    "ddpm": TabDDPMPlugin,
    "survival_gan": SurvivalGANPlugin,
}
OWN_ENCODER = ("ddpm", "survival_gan")
"""Plugins that take no encoder and fit one to the rows: they promise no privacy."""

Files = dict[str, bytes]

# codes are public already; theirs would be those that occur in the rows
DataLoader.encode = lambda self, encoders=None: (self, {})


def generate(task: dict[str, Any], files: Files) -> Files:
    """For every table a model, and from it ``rows`` rows.

    ``task``: plugin, domain {column: codes}, numbers [column], rows, seeds {file: seed}, options of the
    plugin's constructor; epsilon and delta of one row, where it takes them; survival {time, event, observed};
    as_it_comes: leave seeds as they are.
    """
    if not task.get("as_it_comes"):  # networks set every seed back to 0, and with it all noise
        for module in (gan, mlp):
            module.enable_reproducible_results = lambda *seed: None
    return {name: drawn(task, content, task["seeds"][name]) for name, content in files.items()}


def drawn(task: dict[str, Any], content: bytes, seed: int) -> bytes:
    """The rows drawn from a model of one table; numbers are rounded, codes cut to their domain."""
    table = pd.read_parquet(io.BytesIO(content))
    # a column of floats is not cut down to whole numbers on its way back
    table = table.astype(dict.fromkeys(task["numbers"], float))
    model = plugin(task, seed)
    if task.get("survival"):
        found = of_survival(model, table, task)
    else:
        model.fit(GenericDataLoader(table))
        found = model.generate(task["rows"]).dataframe()
    codes = {
        name: np.clip(np.rint(found[name].to_numpy(dtype=float)), 0, size - 1).astype(np.uint16)
        for name, size in task["domain"].items()
    }
    packed: bytes = pd.DataFrame(codes).to_parquet(None, index=False)
    return packed


def plugin(task: dict[str, Any], seed: int) -> Any:
    """The plugin as asked for; rows are not rejected by the private table's own domain (``strict``)."""
    name, options = task["plugin"], dict(task["options"])
    if name == "dpgan":  # a validation loss on real rows would be looked at for free
        options["n_iter_print"] = options["n_iter"] + 1
    if name not in OWN_ENCODER:
        options["encoder"] = public_encoder(task["domain"], task["numbers"])
    if name != "survival_gan":
        options["strict"] = False
    if "epsilon" in task:
        options |= {"epsilon": task["epsilon"], "delta": task["delta"]}
    made = PLUGINS[name](random_state=seed, workspace=Path(tempfile.gettempdir()), **options)
    if name == "pategan":  # its constructor forgets the δ that it is given
        made.model.delta = task["delta"]
    return made


def public_encoder(domain: dict[str, int], numbers: list[str]) -> TabularEncoder:
    """Fitted to a table of every code: one-hot, and for numbers the mixture of an even spread."""
    codes = np.arange(max(domain.values()))
    table = pd.DataFrame({name: codes % size for name, size in domain.items()})
    table = table.astype(dict.fromkeys(numbers, float))
    return TabularEncoder(max_clusters=5).fit(table, [c for c in domain if c not in numbers])


def of_survival(model: Any, table: pd.DataFrame, task: dict[str, Any]) -> pd.DataFrame:
    """As ``drawn``, with the time above zero and the event as a flag, as synthcity asks."""
    time, event, observed = (task["survival"][k] for k in ("time", "event", "observed"))
    table[time] += 1.0
    table[event] = (table[event] == observed).astype(int)
    loader = SurvivalAnalysisDataLoader(table, time_to_event_column=time, target_column=event)
    model.fit(loader)
    found = model.generate(task["rows"]).dataframe()
    found[time] -= 1.0
    found[event] = np.where(found[event] == 1, observed, 1 - observed)
    return pd.DataFrame(found)


COMPARISONS = {
    "alpha_precision": AlphaPrecision,
    "prdc": PRDCScore,
    "detection_linear": SyntheticDetectionLinear,
    "detection_mlp": SyntheticDetectionMLP,
    "detection_xgb": SyntheticDetectionXGB,
}
ON_SURVIVAL = {"survival_km": SurvivalKMDistance, "survival_cox": PerformanceEvaluatorLinear}
ATTACKS = {"domias_kde": DomiasMIAKDE, "domias_prior": DomiasMIAPrior}


def measure(task: dict[str, Any], files: Files) -> Files:
    """An answer to each of ``task``'s questions: figures by synthcity's names, or the type of its error.

    A question: metric, and the names of tables: real and fake, and for attacks the members. Of the real
    ones an attack takes the first half for strangers and the last for what it knows of the population.
    ``task``: questions, seed, survival {time, event, codes of the time}.
    """
    tables = {
        name.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(content))
        for name, content in files.items()
    }
    answers = [answered(question, tables, task) for question in task["questions"]]
    return {"answers.json": json.dumps(answers).encode()}


def answered(
    question: dict[str, str], tables: dict[str, pd.DataFrame], task: dict[str, Any]
) -> dict[str, Any]:
    metric, kind = question["metric"], "survival_analysis"
    real, fake = tables[question["real"]], tables[question["fake"]]
    about = {
        "random_state": task["seed"],
        "workspace": Path(tempfile.gettempdir()),
        "use_cache": False,
    }
    try:
        if metric in ON_SURVIVAL:
            columns = {
                "time_to_event_column": task["survival"]["time"],
                "target_column": task["survival"]["event"],
            }
            time, codes = task["survival"]["time"], task["survival"]["codes"]
            pair = [  # it looks one unit of time before the last
                SurvivalAnalysisDataLoader(t.assign(**{time: t[time] * codes}), **columns)
                for t in (real, fake)
            ]
            found = ON_SURVIVAL[metric](task_type=kind, **about).evaluate(*pair)
        elif metric in ATTACKS:
            members, half = tables[question["members"]], len(real) // 2
            given = [GenericDataLoader(t) for t in (real, fake, members, fake)]
            found = ATTACKS[metric](**about).evaluate(*given, reference_size=half)
        else:
            pair = [GenericDataLoader(t) for t in (real, fake)]
            found = COMPARISONS[metric](**about).evaluate(*pair)
    except Exception as error:  # its words may quote rows
        traceback.print_exc()
        return {"error": type(error).__name__}
    return {name: float(value) for name, value in found.items()}


TASKS: dict[str, Any] = {
    "generate": generate,
    "measure": measure,
    "nothing": lambda task, files: {},
}


def end_with_asker() -> None:
    """End when nobody can read the answer: whoever asked, and kept the time, was killed."""
    answer = select.poll()
    answer.register(
        sys.stdout.fileno(), 0
    )  # an error and nothing else: the pipe's other end is gone
    answer.poll()
    os._exit(1)


def main() -> None:
    """One task."""
    threading.Thread(target=end_with_asker, daemon=True).start()
    given = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
    files = {name: given.read(name) for name in given.namelist()}
    task = json.loads(files.pop("task.json"))
    if task.get("plugin") != "survival_gan":  # it keeps weights in files; its rows are public
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    # what libraries print is no result
    with tempfile.TemporaryDirectory() as here, chdir(here), redirect_stdout(sys.stderr):
        answer = TASKS[task["do"]](task, files)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, content in answer.items():
            out.writestr(name, content)
    sys.stdout.buffer.write(packed.getvalue())


if __name__ == "__main__":
    main()
