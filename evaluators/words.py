"""Names of metrics for people, and which of two scores is worse.

Privacy claim: none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from evaluators.score import Score

NAMES = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "f1": "F1",
    "gap": "largest gap",
    "brier": "Brier score",
    "calibration_gap": "calibration gap",
    "ece": "expected calibration error",
    "macro_f1": "macro F1",
    "class_share": "share of the class",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "selection_rate": "selection rate",
    "r2": "R²",
    "mae": "mean absolute error",
    "c_index": "C-index",
    "coefficient": "coefficient",
    "sign": "same sign",
    "base_rate": "base rate",
    "target_mean": "mean of the target",
    "representation_ratio": "representation ratio",
    "lost_group": "group lost",
    "lost_categories": "categories lost",
    "impossible_rows": "impossible rows",
    "broken_rows": "rows that break a declared relation",
    "impossible_rows_by_real": "impossible rows among real ones",
    "broken_rows_by_real": "real rows that break a declared relation",
    "kmarginal": "k-marginal",
    "quality": "SDMetrics quality",
    "diagnostic": "SDMetrics diagnostic",
    "column_shapes": "column shapes",
    "column_pair_trends": "pair trends",
    "data_validity": "data validity",
    "data_structure": "data structure",
    "tables": "people and their rows as two tables",
    "cardinality": "rows of a person",
    "intertable_trends": "trends between both tables",
    "pair": "pair of columns",
    "difference": "synthetic − real",
    "ratio": "synthetic / real",
    "excess_gap": "excess gap",
    "image": "images",
    "frechet": "Fréchet distance",
    "fid": "Fréchet Inception distance (FID)",
    "kid": "kernel distance (KID)",
    "nearest": "by the nearest synthetic row or image",
    "calibrated": "by the nearest synthetic row, calibrated",
    "domias": "by density (DOMIAS)",
    "agreement": "by shared columns",
    "marginals": "by pairs of columns",
    "shadow": "trained on shadow releases",
    "attribute": "attribute inference",
    "singling_out": "singling-out",
    "leak": "beyond people held out",
    "risk": "risk beyond people held out",
    "dcr": "distance to the closest record",
    "share_nearer_train": "share of synthetic rows nearer to train than to holdout",
    "lowest_5_percent": "lowest 5 %",
    "tpr_at_1_percent_fpr": "true positive rate at 1 % false positives",
    "subsample": "equals a subsample of, %",
    "declared": "declared in the schema",
    "patient": "on whole histories",
    "1": "single columns",
    "2": "pairs of columns",
    "3": "triples of columns",
    "4": "sets of four columns",
    "worst": "worst sets",
    "association": "association",
    "original": "on original categories",
    "mean_difference": "mean absolute difference",
    "propensity": "telling synthetic from real",
    "pmse_ratio": "pMSE over its expectation",
    "manifold": "support",
    "alpha_precision": "α-precision",
    "beta_recall": "β-recall",
    "tv": "total variation",
    "tv_excess": "total variation beyond chance",
    "ks": "Kolmogorov's distance",
    "ks_excess": "Kolmogorov's distance beyond chance",
    "wasserstein": "mean distance values must move, in interquartile ranges",
    "lost_share": "people whose category no synthetic row has",
    "spikes": "share at a common value, largest difference",
    "decimals": "values with more decimals than real ones",
    "multiples": "heaped on multiples, difference of shares",
    "tails": "outer quantiles, largest difference in interquartile ranges",
    "relation": "relation that real rows keep",
    "broken": "rows that break it",
    "gives_away": "AUROC of a column alone",
    "by_column": "mean absolute difference over a column's values",
    "by_value": "of a value, synthetic − real",
}
WHOLE = {
    "copies.share": "synthetic rows that are a train person's very record, beyond what is usual",
    "attack.copies.exact": "people trained on among those whose very record is met",
    "attack.copies.exact.leak": "people trained on whose very record is met, beyond people held out",
    "attack.copies.near": "people trained on among those whose record is all but met",
    "attack.copies.near.leak": "people trained on whose record is all but met, beyond people held out",
    "attack.membership.strongest": "strongest membership attack, AUROC",
    "attack.membership.strongest.tpr_at_1_percent_fpr": "strongest membership attack, hits at 1 % "
    "false positives",
    "truth.auroc.difference": "AUROC of a model trained on real rows, synthetic − real rows",
    "truth.accuracy.difference": "accuracy of a model trained on real rows, synthetic − real rows",
    "truth.c_index.difference": "C-index of a model trained on real rows, synthetic − real rows",
    "truth.r2.difference": "R² of a model trained on real rows, synthetic − real rows",
    "histories.rows": "rows of a person",
    "histories.rows_excess": "rows of a person, beyond chance",
    "histories.transitions": "steps from row to row",
    "histories.transitions_excess": "steps from row to row, beyond chance",
    "histories.transition": "steps of a column from row to row",
    "histories.transition_excess": "steps of a column from row to row, beyond chance",
    "histories.following": "what follows a value in the next row",
    "histories.following_excess": "what follows a value in the next row, beyond chance",
    "histories.first_last": "a person's first and last row",
    "histories.first_last_excess": "a person's first and last row, beyond chance",
    "histories.visited": "how many different values a person has",
    "histories.visited_excess": "how many different values a person has, beyond chance",
    "histories.gaps": "time from row to row",
    "histories.gaps_excess": "time from row to row, beyond chance",
    "histories.span": "time from first to last row",
    "histories.span_excess": "time from first to last row, beyond chance",
    "histories.autocorrelation": "how alike a person's rows are, largest difference",
    "histories.autocorrelation_excess": "how alike a person's rows are, largest difference beyond chance",
    "histories.autocorrelation_of": "how alike a person's rows are in a column",
    "histories.autocorrelation_of_excess": "how alike a person's rows are in a column, beyond chance",
    "histories.strangers": "steps from row to row, 0 as real people's and 1 as rows dealt at random",
    "histories.broken": "synthetic people whose history breaks what the schema says",
    "histories.broken_by_real": "real people whose history breaks what the schema says",
    "histories.beyond": "synthetic people with more rows than count",
    "declared.histories": "rows are declared to be histories",
    "declared.target": "targets declared in the schema",
    "declared.subgroup": "subgroups declared in the schema",
}
"""Metrics that are not the sum of their parts."""

HISTORIES = "declared.histories"
"""The score that says that rows are put together as histories."""

OF_HISTORIES = ("histories.", "attack.membership.patient")
"""How the metrics begin that there are only where rows are histories."""

FAMILIES = ("utility", "fairness", "inference")
"""First parts of a metric's name that its section says already."""

SIGNED = (
    "calibration_gap",
    "association.difference",
    "base_rate.by_value",
    "coefficient.difference",
    "base_rate.difference",
    "class_share.difference",
    "target_mean.difference",
)
"""Figures whose best value is 0, worse on either side; not so their excess gaps."""


def metric_words(metric: str) -> str:
    """ "fairness.tpr.excess_gap" → "true positive rate, excess gap"; unknown parts as they are."""
    if metric in WHOLE:
        return WHOLE[metric]
    parts = metric.split(".")
    if parts[0] == "histories" and len(parts) > 2:
        return f"{metric_words(metric.partition('.')[2])}, from histories"
    if parts[0] in FAMILIES and len(parts) > 1:
        parts = parts[1:]
    return ", ".join(NAMES.get(p, p.replace("_", " ")) for p in parts)


def badness(score: Score) -> float:
    """Larger is worse; −inf where there is no value."""
    value = score.value
    if value is None:
        return -math.inf
    if score.metric == "representation_ratio":
        return abs(math.log(value)) if value > 0 else math.inf
    if not score.metric.endswith(".excess_gap") and any(s in score.metric for s in SIGNED):
        return abs(value)
    return -value if score.higher_is_better else value


def worst_first(scores: Iterable[Score]) -> list[Score]:
    """Failures, then values from the worst, then what could not be judged."""
    place = {"failed": 0, "ok": 1}
    return sorted(scores, key=lambda s: (place.get(s.status, 2), -badness(s)))
