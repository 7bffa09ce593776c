"""Do the attacks find what is planted, and nothing where nothing is? Adult, with leaks of known size.

python benchmarks/attacks_power.py DATA_DIR [--anonymeter] [--releases fresh copies-10%]

DATA_DIR holds adult.data.gz and adult.test.gz. The people are shuffled by a seed: 18,000 train, 12,000 held
out, 18,000 fresh. Releases: fresh people; fresh people with copies of 1 %, 10 % and 100 % of the train rows
among them; train rows with each value taken from somebody else with probability .2; AIM under ε = 1 on all of
train; and an overfitted AIM, ε = 1000 on 2,000 of them. One JSON line a release in
results/attacks_power.jsonl; those that stand there are not repeated; ``--table`` prints them.
``--anonymeter`` needs uv and, the first time, a package index.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from dp_accounting import NoOpDpEvent

from evaluators.attacks.anonymeter import anonymeter
from evaluators.attacks.attribute import attribute
from evaluators.attacks.dcr import distance_to_closest
from evaluators.attacks.membership import DETAILS, TAIL, membership
from evaluators.attacks.reconstruction import reconstruction
from evaluators.score import Score
from evaluators.tables import Tables
from flows.stages.config import make_generator
from generators.alone import fit_alone
from privacy.accounting.guarantee import Guarantee
from privacy.reading.conform import conform
from privacy.reading.read import read_texts
from privacy.schema.codec import Codec
from privacy.schema.schema import Schema, load_schema
from privacy.stored.rows import Rows

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "attacks_power.jsonl"
TRAIN, HOLDOUT, FEW = 18_000, 12_000, 2_000
DELTA, SWAP = 1e-6, 0.2
ATTACKS: dict[str, Callable[[Tables], list[Score]]] = {
    "membership": membership,
    "attribute": attribute,
    "reconstruction": reconstruction,
    "dcr": distance_to_closest,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR")
    parser.add_argument("--releases", nargs="+", choices=RELEASES, default=list(RELEASES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--anonymeter", action="store_true")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--table", action="store_true", help="print the table and do nothing else")
    options = parser.parse_args()
    lines = options.results.read_text("utf-8").splitlines() if options.results.exists() else []
    rows = [json.loads(line) for line in lines]
    if options.table:
        print(table(rows))
        return
    schema = load_schema(ROOT / "configs" / "schemas" / "adult.yaml")
    paths = [options.folder / name for name in ("adult.data.gz", "adult.test.gz")]
    everyone = conform(read_texts(paths, schema), schema)[0]
    order = np.random.default_rng(options.seed).permutation(len(everyone))
    ends = (TRAIN, TRAIN + HOLDOUT, 2 * TRAIN + HOLDOUT)
    train, holdout, fresh = (
        everyone.iloc[part].reset_index(drop=True) for part in np.split(order, ends)[:3]
    )
    for name in options.releases:
        if any((row["release"], row["seed"]) == (name, options.seed) for row in rows):
            continue
        people, synthetic = RELEASES[name](schema, train, fresh, options.seed)
        tables = Tables(people, holdout, synthetic, schema, options.seed)
        row = {"release": name, "seed": options.seed, **measured(tables, options.anonymeter)}
        with options.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        print(name, row["seconds"], flush=True)


Release = Callable[[Schema, pd.DataFrame, pd.DataFrame, int], tuple[pd.DataFrame, pd.DataFrame]]
"""(schema, train, fresh people, seed) → the people it was made from, and the release."""


def copies(share: float) -> Release:
    """Fresh people, this share of them replaced by train rows."""

    def release(
        schema: Schema, train: pd.DataFrame, fresh: pd.DataFrame, seed: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        n = round(share * len(train))
        return train, pd.concat([train[:n], fresh[n:]], ignore_index=True)

    return release


def noisy(
    schema: Schema, train: pd.DataFrame, fresh: pd.DataFrame, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Copies with a fifth of the values from somebody else, numbers drawn anew inside their bins."""
    codec, rng = Codec(schema), np.random.default_rng(seed)
    codes = codec.encode(train)
    for name in codes:
        moved = rng.random(len(codes)) < SWAP
        codes.loc[moved, name] = rng.permutation(codes[name].to_numpy())[moved]
    return train, codec.decode(codes, rng)


def aim(epsilon: float, n: int) -> Release:
    """As many rows as TRAIN from AIM, trained on n train people."""

    def release(
        schema: Schema, train: pd.DataFrame, fresh: pd.DataFrame, seed: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        few, budget = train[:n], Guarantee(epsilon, DELTA)
        generator = make_generator({"name": "aim"}).calibrate(budget, schema, NoOpDpEvent())
        with tempfile.TemporaryDirectory() as folder:
            rows = Rows(few, np.arange(n))
            larger = Guarantee(2 * epsilon, 1e-3)
            model = fit_alone(
                generator, schema, rows, larger, Path(folder), lambda what, share: None
            )
        return few, model.sample(TRAIN, np.random.default_rng(seed))

    return release


RELEASES: dict[str, Release] = {
    "fresh": copies(0.0),
    "copies-1%": copies(0.01),
    "copies-10%": copies(0.1),
    "copies-100%": copies(1.0),
    "noisy-copies": noisy,
    "aim-1": aim(1.0, TRAIN),
    "aim-1000-few": aim(1000.0, FEW),
}


def measured(tables: Tables, with_anonymeter: bool) -> dict[str, Any]:
    """Seconds of each attack, and every figure: what, detail, value, low, high, people held out."""
    attacks = ATTACKS | ({"anonymeter": anonymeter} if with_anonymeter else {})
    seconds, figures = {}, []
    for name, attack in attacks.items():
        began = time.perf_counter()
        for s in attack(tables):
            numbers = (s.value, s.low, s.high, s.baseline)
            rounded = [None if x is None else round(x, 4) for x in numbers]
            figures.append([s.metric.removeprefix("attack."), s.detail or s.reason, *rounded])
        seconds[name] = round(time.perf_counter() - began, 1)
    return {"seconds": seconds, "figures": figures}


SHOWN = (
    *((f"membership.{method}", "") for method in DETAILS),
    (f"membership.nearest.{TAIL}", ""),
    (f"membership.shadow.{TAIL}", ""),
    ("attribute", "income"),
    ("attribute", "age"),
    ("reconstruction", "same bin in every column, records"),
    ("reconstruction", "twice as near as a sample of people, outliers"),
    ("singling_out", "queries on 1"),
    ("singling_out", "queries on 4"),
    ("linkability", ""),
    ("dcr.share_nearer_train", ""),
)
"""Metrics, and how their detail begins, that ``--table`` shows."""


def table(rows: list[dict[str, Any]]) -> str:
    """A line a figure: train people (people held out), bold where more than chance is sure; Markdown."""
    names = [row["release"] for row in rows]
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(rows) + 1) + "|"]
    for metric, detail in SHOWN:
        cells = [cell(row["figures"], metric, detail) for row in rows]
        lines.append(f"| {metric}{detail and f', {detail}'} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def cell(figures: list[Any], metric: str, detail: str) -> str:
    """The figure; of a rate the excess over people held out must be above 0, of others the figure itself
    above chance."""
    found = {name: numbers for name, about, *numbers in figures if about.startswith(detail)}
    if metric not in found:
        return "–"
    excess = found.get(f"{metric}.leak") or found.get(f"{metric}.risk")
    chance = 0.0 if excess else 0.01 if metric.endswith(TAIL) else 0.5
    value, low, _, control = found[metric]
    sure = (excess[1] if excess else low) > chance
    rate, beside = (f"{x:.3f}".removeprefix("0") for x in (value, control))
    return f"{f'**{rate}**' if sure else rate} ({beside})"


if __name__ == "__main__":
    main()
