"""One judge for all: synthetic codes against the train rows, and what is learned from them on the rest.

Fidelity: mean total variation distance of all 2- and 3-way marginals from the train rows, and a
k-marginal score (0 to 1000): NIST's own, with its binning, for national2019, else over 200 sets of four
columns. Use: two learners trained on synthetic rows and tested on real people. People: the worst group's
AUROC or C-index, and the largest error of a group's base rate.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import f1_score, roc_auc_score
from xgboost import XGBClassifier

from evaluators.fidelity.kmarginal import column_sets, score_tables
from evaluators.utility.metrics import c_index
from evaluators.utility.survival import boosted_hazards, cox
from privacy.schema.codec import Codec
from privacy.schema.schema import Classification, Schema, Survival

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import kmarginal_nist
from data_sets import Split

SETS_OF_FOUR = 200
LEAST_TESTED = 10
"""A group's AUROC needs so many tested people of both outcomes; its C-index so many events."""
LEAST_LEARNED = 100
"""A group's base rate needs so many train rows."""
NIST = "sdnist-national2019"


def judge(synthetic: pd.DataFrame, data: Split, folder: Path, seed: int) -> dict[str, Any]:
    """All figures; ``folder``: DATA_DIR, where NIST's dictionary lies."""
    return {
        "rows": len(synthetic),
        **fidelity(synthetic, data, folder, seed),
        **learned(synthetic, data),
        **base_rates(synthetic, data),
    }


def fidelity(synthetic: pd.DataFrame, data: Split, folder: Path, seed: int) -> dict[str, float]:
    """Mean TVD of pairs and triples, and the k-marginal score."""
    sizes = data.codec.domain
    sets = {k: list(combinations(sizes, k)) for k in (2, 3)}
    score = {k: score_tables(data.train, [synthetic], s, sizes)[0] for k, s in sets.items()}
    if data.schema.name == NIST:
        marginal = nist_score(synthetic, data, folder / "sdnist", seed)
    else:
        four = column_sets(list(sizes), 4, np.random.default_rng(0), SETS_OF_FOUR)
        marginal = float(score_tables(data.train, [synthetic], four, sizes)[0])
    distances = {f"tvd{k}": round(float(1 - s / 1000), 4) for k, s in score.items()}
    return distances | {"k_marginal": round(marginal, 1)}


def nist_score(synthetic: pd.DataFrame, data: Split, folder: Path, seed: int) -> float:
    """NIST's score, on values drawn inside the bins, against the train rows as they are in the file."""
    real = kmarginal_nist.read(folder / "national2019.csv.gz").iloc[data.train.index]
    drawn = data.codec.decode(synthetic, np.random.default_rng(seed))
    texts = drawn.astype(str)[list(real)]
    densest = kmarginal_nist.densest(folder)
    return kmarginal_nist.k_marginal(real.reset_index(drop=True), texts, densest)


def learned(synthetic: pd.DataFrame, data: Split) -> dict[str, Any]:
    """The first target of the schema, learned from synthetic rows."""
    target = data.schema.targets[0]
    left_out = [*target.columns, *target.without]
    x, real = synthetic.drop(columns=left_out), data.test.drop(columns=left_out)
    if isinstance(target, Survival):
        return survival(x, real, synthetic, target, data)
    assert isinstance(target, Classification)
    y = outcome(synthetic, data).astype(int)
    truth = outcome(data.test, data)
    if len(np.unique(y)) == 1:  # nobody, or everybody: nothing can be learned
        return {"auroc_xgb": 0.5, "auroc_hist": 0.5, "f1_xgb": 0.0, "f1_share": 0.0, "worst": 0.5}
    xgb = XGBClassifier(n_estimators=200, max_depth=6, learning_rate=0.1, n_jobs=1).fit(x, y)
    hist = HistGradientBoostingClassifier(random_state=0).fit(x, y)
    p, q = xgb.predict_proba(real)[:, 1], hist.predict_proba(real)[:, 1]
    groups = {
        name: round(float(roc_auc_score(truth[rows], q[rows])), 4)
        for name, rows in groups_of(data.test, data.schema)
        if min(truth[rows].sum(), (~truth[rows]).sum()) >= LEAST_TESTED
    }
    return {
        "auroc_xgb": round(float(roc_auc_score(truth, p)), 4),
        "auroc_hist": round(float(roc_auc_score(truth, q)), 4),
        "f1_xgb": round(float(f1_score(truth, p > 0.5)), 4),
        "f1_share": round(float(f1_score(truth, p > np.quantile(p, 1 - truth.mean()))), 4),
        "worst": min(groups.values()),
        "groups": groups,
    }


def survival(
    x: pd.DataFrame, real: pd.DataFrame, synthetic: pd.DataFrame, target: Survival, data: Split
) -> dict[str, Any]:
    """Harrell's C of Cox and of boosted hazards; times are the middles of their bins."""
    bins = data.codec.columns[target.time].bins
    assert bins is not None
    middle = (bins.edges[:-1] + bins.edges[1:]) / 2

    def outcomes(codes: pd.DataFrame) -> np.ndarray:
        return np.column_stack([middle[codes[target.time]], outcome(codes, data)])

    y, truth = outcomes(synthetic), outcomes(data.test)
    features, tested = x.to_numpy(dtype=float), real.to_numpy(dtype=float)
    linear = cox(features, y, 0)(tested)
    trees = boosted_hazards(features, y, 0)(tested)

    def harrell(risk: np.ndarray, rows: np.ndarray) -> float:
        weights = np.ones((1, int(rows.sum())))
        time, event = truth[rows].T
        return round(float(c_index(weights, time, event, risk[rows])[0]), 4)

    groups = {
        name: harrell(trees, rows)
        for name, rows in groups_of(data.test, data.schema)
        if truth[rows, 1].sum() >= LEAST_TESTED
    }
    everyone = np.ones(len(truth), dtype=bool)
    return {
        "c_index_cox": harrell(linear, everyone),
        "c_index_trees": harrell(trees, everyone),
        "worst": min(groups.values()),
        "groups": groups,
    }


def outcome(codes: pd.DataFrame, data: Split) -> np.ndarray:
    """Whether each row has the outcome of the first target."""
    target = data.schema.targets[0]
    if isinstance(target, Survival):
        column, positive = target.event, target.event_values
    else:
        assert isinstance(target, Classification)
        column, positive = target.column, target.positive
    return np.isin(np.array(data.codec.columns[column].labels)[codes[column]], positive)


def groups_of(codes: pd.DataFrame, schema: Schema) -> Iterator[tuple[str, np.ndarray]]:
    """Every group of every subgroup, and which rows belong to it."""
    codec = Codec(schema)
    for subgroup in schema.subgroups:
        number, labels = codec.groups(subgroup)
        mine = number[codes[subgroup.column]]
        for i, label in enumerate(labels):
            yield f"{subgroup.name}={label}", mine == i


def base_rates(synthetic: pd.DataFrame, data: Split) -> dict[str, Any]:
    """How far P(outcome | group) moved; None where a group has lost all its rows."""
    real, drawn = outcome(data.train, data), outcome(synthetic, data)
    there = dict(groups_of(synthetic, data.schema))
    errors = {
        name: round(float(drawn[there[name]].mean() - real[rows].mean()), 4)
        if there[name].any()
        else None
        for name, rows in groups_of(data.train, data.schema)
        if rows.sum() >= LEAST_LEARNED
    }
    lost = None in errors.values()
    worst = None if lost else max(abs(e) for e in errors.values() if e is not None)
    return {"base_rate_worst": worst, "base_rate_error": errors}
