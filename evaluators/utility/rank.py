"""Does work on synthetic rows lead to the same choices as work on real rows?

``utility.rank.models``: learners are trained and tested on synthetic rows alone, as whoever gets only
the release would do, and ordered by their main metric; Kendall's τ with the order of the same learners
trained on real rows and tested on real people (synthetic ranking agreement, Jordon et al. 2018).
``utility.rank.regret``: what the best learner by synthetic rows loses, on real people, to the best one.
``utility.rank.features``: Spearman's ρ between the importances of columns (loss of the main metric on
real people when the column is permuted) for a learner trained on synthetic and one on real rows.

All train on equally many rows. The baseline puts other real people in the place of synthetic rows:
where learners or columns do about equally well, their order is chance there too.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.stats import spearmanr

from evaluators.features import columns_of, event_of, feature_columns, width
from evaluators.resampling import bootstrap_weights, interval
from evaluators.score import MAIN, Score, finite
from evaluators.tables import Tables, evidence
from evaluators.utility.estimators import NotLearnableError
from evaluators.utility.learners import LEARNERS, Learner, Predict
from evaluators.utility.paired import metrics_of
from evaluators.utility.predictions import (
    MAX_TRAIN,
    MIN_TRAIN,
    Failure,
    Part,
    Said,
    failure,
    part_of,
    renumbered,
)
from evaluators.utility.scores import failed
from privacy.schema.schema import Target

MAX_FIT = 10_000
MAX_TEST = 5_000
MAX_IMPORTANCE = 1_000
"""Columns are permuted in at most so many holdout rows."""

REPLICATES = 200
OTHERS = "other real people"
PREFIX = "utility.rank"


@dataclass(frozen=True, eq=False)
class Bench:
    """Rows to fit on and rows to test on, with bootstrap weights of the latter."""

    fit: Part
    test: Part
    weights: np.ndarray


@dataclass(frozen=True, eq=False)
class Result:
    """A learner on a bench: replicates of its main metric, and the importance of each column."""

    figures: np.ndarray
    importance: np.ndarray


def rank(tables: Tables) -> list[Score]:
    """Scores of every target that columns may predict."""
    scores: list[Score] = []
    for target in tables.schema.targets:
        if not feature_columns(tables.schema, target):
            continue
        try:
            benches = _benches(tables, target)
        except Exception as error:
            scores.append(_failed(failure(target, "", error)))
            continue
        results: dict[str, dict[str, Result]] = {}
        for model, learner in LEARNERS[target.task].items():
            try:
                results[model] = _results(tables, target, benches, learner)
            except Exception as error:
                scores.append(_failed(failure(target, model, error)))
        about = _about(tables, target, benches["real"].test)
        scores += _models(results, about)
        scores += [_features(r, replace(about, model=model)) for model, r in results.items()]
    return [*scores, *_over_targets(scores)]


def _failed(why: Failure) -> Score:
    return replace(failed(PREFIX, why), metric=f"{PREFIX}.models", rows="train and holdout")


def _benches(tables: Tables, target: Target) -> dict[str, Bench]:
    """Train and test on synthetic rows, on real ones (tested on the holdout), on other real ones."""
    rng = tables.rng(f"rank {target.name}")
    whole = {
        role: part_of(tables.frame(role), role, tables, target, columns_of, MAX_TRAIN, rng)
        for role in ("synthetic", "train", "holdout")
    }
    fit = min(MAX_FIT, 2 * len(whole["synthetic"]) // 3, 2 * len(whole["train"]) // 5)
    test = min(MAX_TEST, fit // 2)
    if fit < MIN_TRAIN:
        raise NotLearnableError("too few rows to divide them into train and test rows")

    def divided(role: str, *sizes: int) -> list[tuple[Part, np.ndarray]]:
        """Random parts of about these sizes, every unit in one part only, and their units."""
        unit = renumbered(tables.units[role][whole[role].rows])
        place = rng.permutation(unit.max() + 1)[unit]
        order = np.argsort(place, kind="stable")
        parts, start = [], 0
        for size in sizes:
            last = place[order][min(start + size, len(order)) - 1]
            stop = int(np.searchsorted(place[order], last, "right"))
            parts.append((whole[role].at(order[start:stop]), unit[order[start:stop]]))
            start = stop
        return parts

    (synthetic, _), on_synthetic = divided("synthetic", fit, test)
    (real, _), (others, _), on_others = divided("train", fit, fit, test)
    (on_real,) = divided("holdout", MAX_TEST)
    fits = {"synthetic": synthetic, "real": real, OTHERS: others}
    tests = {"synthetic": on_synthetic, "real": on_real, OTHERS: on_others}
    if min(map(len, fits.values())) < MIN_TRAIN or not all(len(rows) for rows, _ in tests.values()):
        raise NotLearnableError("too few people to divide them into train and test rows")
    return {
        name: Bench(
            fits[name], rows, bootstrap_weights(renumbered(units), rng, replicates=REPLICATES)
        )
        for name, (rows, units) in tests.items()
    }


def _results(
    tables: Tables, target: Target, benches: Mapping[str, Bench], learner: Learner
) -> dict[str, Result]:
    holdout = benches["real"].test.at(np.arange(min(MAX_IMPORTANCE, len(benches["real"].test))))
    found = {}
    for name, bench in benches.items():
        predict = learner(bench.fit.X, bench.fit.y, tables.seed)
        figures = _figures(target, predict, bench.test, bench.weights)
        found[name] = Result(figures, _importance(tables, target, predict, holdout))
    return found


def _figures(target: Target, predict: Predict, part: Part, weights: np.ndarray) -> np.ndarray:
    metric = metrics_of(target.task, part.y, Said(predict(part.X)))[MAIN[target.task]]
    return metric(weights, np.arange(len(part)))


def _importance(tables: Tables, target: Target, predict: Predict, part: Part) -> np.ndarray:
    """How much of the main metric is lost when a column is permuted over the rows."""
    rng = tables.rng("importance")
    one = np.ones((1, len(part)))
    whole = _figures(target, predict, part, one)[0]
    lost, start = [], 0
    for column in feature_columns(tables.schema, target):
        stop = start + width(tables.codec, column)
        X = part.X.copy()
        X[:, start:stop] = X[rng.permutation(len(X)), start:stop]
        start = stop
        lost.append(whole - _figures(target, predict, replace(part, X=X), one)[0])
    return np.array(lost)


def _about(tables: Tables, target: Target, test: Part) -> Score:
    """A score without a value that says on what the figures of a target stand."""
    event = event_of(test.y, target)
    counts = [tables.people("holdout", test.rows)]
    if event is not None:
        counts += [tables.people("holdout", test.rows[m]) for m in (event > 0, event <= 0)]
    status, reason = evidence(*counts)
    return Score(
        metric=PREFIX,
        target=target.name,
        rows="train and holdout",
        n=counts[0],
        positives=counts[1] if event is not None else None,
        baseline_name=OTHERS,
        status="insufficient evidence",
        reason=reason if status != "ok" else "",
    )


def _scored(about: Score, values: np.ndarray, problem: str, **fields: object) -> Score:
    """``about`` with a value and its interval, or with the reason why it has none."""
    value = finite(values[0])
    reason = about.reason or ("" if value is not None else problem)
    low, high = interval(values)
    known = {} if reason else {"value": value, "low": low, "high": high, "status": "ok"}
    return replace(about, reason=reason, **known, **fields)  # type: ignore[arg-type]


def _models(results: Mapping[str, Mapping[str, Result]], about: Score) -> list[Score]:
    if len(results) < 2:
        why = about.reason or "fewer than two learners could be trained"
        return [replace(about, metric=f"{PREFIX}.models", reason=why)]
    figures = {
        name: np.array([r[name].figures for r in results.values()])
        for name in ("synthetic", "real", OTHERS)
    }
    chosen, best = (int(np.nanargmax(_known(figures[n][:, 0]))) for n in ("synthetic", "real"))
    names = list(results)
    agree = (
        f"best on both: {names[best]}"
        if chosen == best
        else f"best on synthetic rows: {names[chosen]}; on real people: {names[best]}"
    )
    undefined = "the main metric is undefined for a learner"
    order = _scored(
        about,
        kendall(figures["synthetic"], figures["real"]),
        undefined,
        metric=f"{PREFIX}.models",
        baseline=finite(kendall(figures[OTHERS], figures["real"])[0]),
        detail=f"Kendall's tau over {len(names)} learners; {agree}",
    )
    other = int(np.nanargmax(_known(figures[OTHERS][:, 0])))
    regret = _scored(
        about,
        figures["real"][best] - figures["real"][chosen],
        undefined,
        metric=f"{PREFIX}.regret",
        baseline=finite(figures["real"][best, 0] - figures["real"][other, 0]),
        higher_is_better=False,
        detail=agree,
    )
    return [order, regret]


def _known(figures: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(figures), figures, -np.inf)


def kendall(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kendall's τ (a) between two orders of the same things, [things, replicates] each."""
    pairs = combinations(range(len(one)), 2)
    signs = [np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in pairs]
    return np.asarray(np.mean(signs, axis=0))


def _features(results: Mapping[str, Result], about: Score) -> Score:
    real = results["real"].importance
    return _scored(
        about,
        spearman(results["synthetic"].importance, real),
        "the importances of columns do not differ",
        metric=f"{PREFIX}.features",
        baseline=finite(spearman(results[OTHERS].importance, real)[0]),
        detail=f"Spearman over {len(real)} columns, by permutation",
    )


def spearman(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Spearman's ρ, one figure; undefined where either side is constant."""
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return np.array([np.nan])
    return np.array([spearmanr(one, other).statistic])


def _over_targets(scores: list[Score]) -> Iterator[Score]:
    """The mean over targets of the agreement on models, where there are several."""
    known = [s for s in scores if s.metric == f"{PREFIX}.models" and s.value is not None]
    if len(known) > 1:
        yield replace(
            known[0],
            value=float(np.mean([s.value for s in known])),
            baseline=float(np.mean([s.baseline or 0.0 for s in known])),
            low=None,
            high=None,
            target="",
            n=None,
            positives=None,
            detail=f"mean over {len(known)} targets",
        )
