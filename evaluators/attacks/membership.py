"""Membership attacks on a table: was a person's row trained on?

Black-box: the attacker holds the release, the person's row and a sample of the population, which are people
held out, none of them under attack. Each signal is an attack of its own, and an attacker who practised on
shadow releases weighs all of them (``shadow``). AUROC of train against held-out people, and the true positive
rate at 1 % false positives, which finds the few who are exposed; beside them what the same attack finds between
two halves of the people held out, where there is nothing to find.

Rows: train and holdout. Visibility: internal.
"""

from __future__ import annotations

import numpy as np

from evaluators.attacks import images
from evaluators.attacks.claims import MEMBERSHIP, STRONGEST
from evaluators.attacks.people import (
    HELD_OUT,
    METRICS,
    Figures,
    People,
    strongest,
    unmeasured,
)
from evaluators.attacks.shadow import learned, standard
from evaluators.attacks.sight import Sight, sight
from evaluators.attacks.signals import Signals, signals
from evaluators.resampling import interval
from evaluators.score import Score, finite
from evaluators.tables import Tables

DETAILS = {
    "nearest": "distance to the nearest synthetic row; a weak attack",
    "calibrated": "distance to the nearest synthetic row beside that to people like this one",
    "domias": "density of synthetic rows over density of the population",
    "agreement": "columns shared with a near synthetic row, beside those with the population",
    "marginals": "pairs of columns that the release has more of than the population",
    "shadow": "all signals, weighed by an attacker who practised on shadow releases",
}
"""method → how it attacks."""


def membership(tables: Tables) -> list[Score]:
    """AUROC and TPR at 1 % FPR of each attack."""
    if tables.schema.image is not None:
        return images.membership(tables)
    seen = tables.once(sight)
    if isinstance(seen, str):
        return [unmeasured(f"{MEMBERSHIP}.{method}", seen) for method in (*DETAILS, STRONGEST)]
    tried = attacks(tables, seen).items()
    found = {method: _figures(seen.people, signal) for method, signal in tried}
    scores = [s for m, signal in tried for s in _scores(tables, seen.people, m, signal, found[m])]
    return scores + strongest(found, scores)


def attacks(tables: Tables, seen: Sight) -> Signals:
    """The score that each attack gives to members and then strangers."""
    rng, attacked = tables.rng("membership of tables"), len(seen.people.member)
    measured = signals(seen.targets, seen.release, seen.known, rng)
    of_pool = {name: values[attacked:] for name, values in measured.items()}
    units = _units(tables, seen.people.pool)
    weights = learned(seen.space, seen.pool, units, seen.known[attacked:], rng)
    shadow = standard(measured, of_pool) @ weights
    return {name: v[:attacked] for name, v in (measured | {"shadow": shadow}).items()}


def _units(tables: Tables, rows: np.ndarray) -> np.ndarray:
    return np.asarray(np.unique(tables.units["holdout"][rows], return_inverse=True)[1])


def _figures(found: People, signal: np.ndarray) -> Figures:
    """AUROC and TPR at 1 % FPR under every weighting."""
    return {suffix: of(found.weights, found.member, signal) for suffix, of in METRICS.items()}


def _scores(
    tables: Tables, found: People, method: str, signal: np.ndarray, figures: Figures
) -> list[Score]:
    out, half = found.member == 0, _half(tables, found)
    nobody = np.ones((1, int(out.sum())))
    scores = []
    for suffix, values in figures.items():
        low, high = interval(values)
        control = METRICS[suffix](nobody, half[out], signal[out])[0]
        scores.append(
            Score(
                metric=f"{MEMBERSHIP}.{method}{suffix}",
                value=values[0],
                low=low,
                high=high,
                baseline=finite(control),
                baseline_name=HELD_OUT,
                rows="train and holdout",
                n=len(found.member),
                positives=int(found.member.sum()),
                higher_is_better=False,
                detail=DETAILS[method],
            )
        )
    return scores


def _half(tables: Tables, found: People) -> np.ndarray:
    """1 for a random half of the units: the "members" of the control attack among strangers."""
    place = tables.rng("control attack").permutation(int(found.unit.max()) + 1)
    return np.asarray((place % 2 == 0)[found.unit], dtype=float)
