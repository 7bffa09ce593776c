"""What an attacker measures of a person against a release and a sample of the population: larger, likelier in.

- ``nearest``: minus the log distance to the nearest synthetic row; weak, since common people are near anyway.
- ``calibrated``: how much nearer that is than the nearest row of random halves of the population sample, in
  their standard deviations: what is normal for *this* person (Watson et al. 2022; LiRA, Carlini et al. 2022).
- ``domias``: log density of synthetic rows over that of the population, by Gaussian kernels on the nearest
  neighbours (DOMIAS, van Breugel et al. 2023).
- ``agreement``: the most columns that a near synthetic row shares, less the same for the population.
- ``marginals``: in every pair of columns, how far the release has more of the person's cell than the population
  has, over what is expected there (Homer et al. 2008; Dwork et al. 2015).

Privacy claim: none; figures on real people, internal.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from scipy.special import logsumexp

from evaluators.attacks.points import Points
from evaluators.attacks.sight import Near
from evaluators.features import MAX_ONE_HOT

WIDTH = 0.3
"""Kernels are as wide as this share of the usual distance to the nearest row of the population."""

HALVES = 16
FLOOR = 1e-3
"""Nearer rows are as near as this, where a different category is 1: ranks are no finer."""

MAX_PAIRS = 300
"""At most so many pairs of columns are counted, drawn at random."""

Signals = dict[str, np.ndarray]


def signals(targets: Points, release: Near, known: Near, rng: np.random.Generator) -> Signals:
    """Every signal of every target, [targets] each, from what is near it."""
    log_nearest = np.log(release.distance[:, 0] + FLOOR)
    return {
        "nearest": -log_nearest,
        "calibrated": _calibrated(log_nearest, known, rng),
        "domias": _domias(release, known),
        "agreement": _agreement(targets, release) - _agreement(targets, known),
        "marginals": _marginals(targets.codes, release.among.codes, known.among.codes, rng),
    }


def _calibrated(log_nearest: np.ndarray, known: Near, rng: np.random.Generator) -> np.ndarray:
    """z-score of the distance to the release among those to random halves of the population."""
    half = rng.random((HALVES, len(known.among))) < 0.5
    inside = half[:, known.rows]
    inside[:, :, -1] = True  # where no neighbour is in a half, it is at least as far as the last
    first = inside.argmax(axis=2)
    expected = np.log(np.take_along_axis(known.distance, first.T, axis=1) + FLOOR)
    spread = expected.std(axis=1)
    return np.asarray((expected.mean(axis=1) - log_nearest) / (spread + np.median(spread) + FLOOR))


def _domias(release: Near, known: Near) -> np.ndarray:
    width = max(WIDTH * float(np.median(known.distance[:, 0])), FLOOR)

    def log_density(near: Near) -> np.ndarray:
        kernels = -((near.distance / width) ** 2) / 2
        return np.asarray(logsumexp(kernels, axis=1) - np.log(len(near.among)))

    return np.asarray(log_density(release) - log_density(known))


def _agreement(targets: Points, near: Near) -> np.ndarray:
    same = np.zeros(near.rows.shape)
    for mine, theirs in zip(targets.codes.T, near.among.codes.T, strict=True):
        same += mine[:, None] == theirs[near.rows]
    return np.asarray(same.max(axis=1))


def _marginals(
    targets: np.ndarray, release: np.ndarray, known: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    pairs = list(combinations(range(targets.shape[1]), 2)) or [(0, 0)]
    if len(pairs) > MAX_PAIRS:
        pairs = [pairs[i] for i in rng.choice(len(pairs), size=MAX_PAIRS, replace=False)]
    total = np.zeros(len(targets))
    for a, b in pairs:
        shares = []
        for codes in (release, known):
            counts = np.bincount(codes[:, a] * MAX_ONE_HOT + codes[:, b], minlength=MAX_ONE_HOT**2)
            shares.append(counts / len(codes))
        expected = (shares[0] + shares[1]) / 2 + 1 / len(known)
        total += ((shares[0] - shares[1]) / expected)[targets[:, a] * MAX_ONE_HOT + targets[:, b]]
    return np.asarray(total / len(pairs))
