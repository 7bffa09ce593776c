"""Does group-aware clipping help the worst-off groups? Four clippings, two ε, five seeds, two data sets.

python benchmarks/fairness_clipping.py DATA_DIR --data adult diabetes130 --epsilon 1 8 --seeds 0 1 2 3 4

DATA_DIR holds the folders ``adult`` and ``diabetes130`` of the public files. Every run splits anew (a fresh
ledger draws a fresh split key), trains the generator on the train partition, and is judged on the holdout by
the metrics of a release: the worst group's AUROC, the largest gap between groups beyond that of real rows,
and the largest error of a group's base rate. Groups with fewer than LEAST people held out are left out. One
JSON line a run is appended to results/fairness_clipping.jsonl; runs that stand there are not repeated.
``--table`` prints mean and 95 % t-interval over seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from dp_accounting import NoOpDpEvent
from scipy.stats import t

from evaluators.fidelity.representation import representation
from evaluators.score import Score
from evaluators.tables import Tables
from evaluators.utility.fairness import fairness
from evaluators.utility.predictions import predict_all
from evaluators.utility.scores import utility
from flows.stages.config import make_generator
from generators.dpsgd.clipping import CLIPPINGS
from privacy.accounting.guarantee import Guarantee
from privacy.ledger.ledger import Ledger
from privacy.ledger.paid import Paid
from privacy.ledger.transcript import Transcript
from privacy.schema.schema import Schema, load_schema
from privacy.table import PrivateTable

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "fairness_clipping.jsonl"
DELTA = 1e-6
LEAST = 200
FILES = {
    "adult": ("adult/adult.data.gz", "adult/adult.test.gz"),
    "diabetes130": ("diabetes130/diabetic_data.csv.gz",),
}
FIGURES = ("auroc_all", "auroc_worst", "excess_gap", "base_rate_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR")
    parser.add_argument("--data", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--epsilon", nargs="+", type=float, default=[1.0, 8.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--clippings", nargs="+", default=list(CLIPPINGS))
    parser.add_argument("--generator", default="diffusion")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="parameters")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    options = parser.parse_args()
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    done = [json.loads(line) for line in lines]
    if options.table:
        print(table(done))
        return
    parameters = {k: yaml.safe_load(v) for k, v in (p.split("=", 1) for p in options.parameters)}
    for run in runs(options, parameters):
        if any(run.items() <= row.items() for row in done):
            continue
        row = run | evaluate(options.folder, **run)
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print({k: row[k] for k in (*run, *FIGURES)}, flush=True)


def runs(options: argparse.Namespace, parameters: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Seed by seed, so that a stopped sweep compares like with like."""
    for seed in options.seeds:
        for data in options.data:
            for epsilon in options.epsilon:
                for clipping in options.clippings:
                    yield {
                        "data": data,
                        "epsilon": epsilon,
                        "clipping": clipping,
                        "generator": options.generator,
                        "parameters": parameters,
                        "seed": seed,
                    }


def evaluate(
    folder: Path,
    data: str,
    epsilon: float,
    clipping: str,
    generator: str,
    parameters: dict[str, Any],
    seed: int,
) -> dict[str, Any]:
    """One run; the seed names it and seeds sampling and judging, noise and split are drawn anew."""
    schema = load_schema(ROOT / "configs" / "schemas" / f"{data}.yaml")
    began = time.perf_counter()
    wanted = make_generator({"name": generator, "clipping": clipping, **parameters})
    ready = wanted.calibrate(Guarantee(epsilon, DELTA), schema, NoOpDpEvent())
    paths = tuple(folder / name for name in FILES[data])
    with tempfile.TemporaryDirectory() as place:
        ledger = Ledger(str(Path(place) / "ledger.db"))
        ledger.register(schema.name, Guarantee(1e3, 1e-3), 0.2)
        transcript = Transcript(Path(place) / "attempt.jsonl")
        about = {"run": "benchmark", "attempt": transcript.attempt}
        permit = ledger.charge(schema.name, "train", purpose="fit", event=ready.event(), **about)
        train = PrivateTable(schema, paths, "train").open(permit)
        inside = ledger.open_internally(schema.name, "holdout", purpose="judge", **about)
        holdout = PrivateTable(schema, paths, "holdout").open(inside)
        model = ready.fit(train, schema, Paid(permit, transcript), lambda what, share: None)
    fitted = time.perf_counter()
    synthetic = model.sample(len(train.frame), np.random.default_rng(seed))
    frames = [_named(rows.frame, rows.units, schema) for rows in (train, holdout)]
    tables = Tables(*frames, synthetic, schema, seed)
    predictions = predict_all(tables)
    scores = [
        *utility(tables, predictions),
        *fairness(tables, predictions),
        *representation(tables),
    ]
    return {"seconds": round(fitted - began, 1), "delta": DELTA, **figures(scores)}


def _named(frame: pd.DataFrame, units: np.ndarray, schema: Schema) -> pd.DataFrame:
    return frame if schema.unit is None else frame.assign(**{schema.unit: units})


def figures(scores: list[Score]) -> dict[str, Any]:
    """The worst group of each kind, over groups of one subgroup with at least LEAST people held out."""
    ok = [s for s in scores if s.status == "ok"]
    groups = [s for s in ok if s.order == 1 and (s.n or 0) >= LEAST]
    aurocs = {f"{s.slice} {s.model}": s.value for s in groups if s.metric == "fairness.auroc"}
    rates = {
        s.slice: s.value for s in groups if s.metric == "base_rate.difference" and s.rows == "train"
    }
    gaps = [s.value for s in ok if s.metric == "fairness.auroc.excess_gap" and s.order <= 1]
    learners = {s.model for s in groups if s.metric == "fairness.auroc"}
    overall = [s.value for s in ok if s.metric == "utility.auroc" and s.model in learners]
    return {
        "auroc_all": round(float(np.mean(overall)), 4),
        "auroc_worst": round(min(aurocs.values()), 4),
        "excess_gap": round(max(gaps), 4) if gaps else None,
        "base_rate_error": round(max(map(abs, rates.values())), 4),
        "auroc_by_group": {k: round(v, 4) for k, v in aurocs.items()},
        "base_rate_by_group": {k: round(v, 4) for k, v in rates.items()},
    }


def table(rows: list[dict[str, Any]]) -> str:
    """Mean ± half of a 95 % t-interval over seeds, Markdown."""
    keys = ["data", "epsilon", "clipping"]
    frame = pd.DataFrame(rows)
    lines = ["| " + " | ".join([*keys, "runs", *FIGURES]) + " |", "|" + "---|" * (len(keys) + 5)]
    for key, part in frame.groupby(keys, sort=False):
        cells = []
        for name in FIGURES:
            values = part[name].dropna().astype(float)
            n = len(values)
            half = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
            cells.append(f"{values.mean():.3f} ± {half:.3f}" if n else "–")
        lines.append("| " + " | ".join([*map(str, key), str(len(part)), *cells]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
