"""What the whole release of Adult is worth: AIM's rows, domain measured, judged by a model and by pairs.
by pairs.

    OMP_NUM_THREADS=1 python benchmarks/adult_release.py DATA_DIR --code NAME --epsilon 1 --seeds 0 1 2

``adult_binned.py`` compares mechanisms on given codes; here what a schema leaves open is paid for as well, so
that what spikes and shapes cost shows. A boosting classifier of income is trained on as many synthetic rows
as there are train rows and tested on the 20 % nobody saw; total variation is the mean over all pairs of
columns, in the schema's own bins, with those 20 % too. One JSON line a run in results/adult_release.jsonl.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from harms.releases import fitted
from rows.people import parted
from rows.telling import features
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from privacy.schema.codec import Codec
from privacy.schema.schema import Schema

RESULTS = Path(__file__).parent / "results" / "adult_release.jsonl"
TARGET, POSITIVE = "income", ">50K"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DATA_DIR")
    parser.add_argument("--code", required=True, help="a name for the code that releases")
    parser.add_argument("--epsilon", type=float, default=1.0)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    for seed in asked.seeds:
        people = parted(asked.folder, "adult", seed)
        begun = time.process_time()
        model = fitted(people.train, people.schema, "aim", asked.epsilon)
        seconds = round(time.process_time() - begun, 1)
        ours = model.sample(len(people.train.frame), np.random.default_rng(seed))
        line = {
            "code": asked.code,
            "epsilon": asked.epsilon,
            "seed": seed,
            "auroc": auroc(people.schema, ours, people.fresh.frame),
            "auroc real": auroc(people.schema, people.train.frame, people.fresh.frame),
            "tvd": apart(people.schema, ours, people.fresh.frame),
            "tvd real": apart(people.schema, people.train.frame, people.fresh.frame),
            "seconds": seconds,
        }
        with asked.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(line, flush=True)


def auroc(schema: Schema, train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Of income, by every other column."""
    X = features(schema, train, test).drop(columns=TARGET)
    y, n = [(frame[TARGET] == POSITIVE).to_numpy() for frame in (train, test)], len(train)
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    model.fit(X.iloc[:n], y[0])
    return round(float(roc_auc_score(y[1], model.predict_proba(X.iloc[n:])[:, 1])), 4)


def apart(schema: Schema, ours: pd.DataFrame, real: pd.DataFrame) -> float:
    """Mean total variation of all pairs of columns."""
    codec = Codec(schema)
    tables = [codec.encode(frame) for frame in (ours, real)]
    found = []
    for a, b in combinations(codec.domain, 2):
        size = codec.domain[a] * codec.domain[b]
        cells = (t[a].to_numpy(dtype=np.int64) * codec.domain[b] + t[b].to_numpy() for t in tables)
        p, q = (np.bincount(c, minlength=size) / len(c) for c in cells)
        found.append(float(np.abs(p - q).sum() / 2))
    return round(float(np.mean(found)), 4)


if __name__ == "__main__":
    main()
