"""Rules for one estimate from m synthetic tables: which variance is right depends on how they came.

Each table gives an estimate q with its variance v; q̄ is their mean, v̄ the mean variance and b the
variance of the q. n real rows stand behind every table of k rows.

- ``fully_synthetic``: T = (1 + 1/m) b − v̄ (Raghunathan, Reiter and Rubin 2003), where every table is
  drawn from the *posterior predictive*: for each, parameters are drawn anew from a posterior that
  knows sampling and noise (Räisä et al. 2023 for DP). b then holds the sampling of the real rows,
  which is why v̄ comes off. Where T is not positive, (k/n) v̄ takes its place (Reiter 2002).
- ``independent_releases``: T = (k/n) v̄ + b/m (Reiter 2003; the first term scaled as in Raab, Nowok and
  Dibben 2016), where every table comes from a fit of its own, its noise drawn anew. All share the real
  rows, so their sampling does not average out: that is (k/n) v̄. What differs between tables, the noise
  of the mechanism and the drawing of rows, is b, and averages out. **This is the rule for independent DP
  releases.** It needs a fit without bias, and v̄ k to be about what real rows would give.
- ``same_model``: T = v̄ (k/n + 1/m) (Raab, Nowok and Dibben 2016), where rows are drawn from one fit
  without noise. Valid for m = 1 too. **Draws of one DP model share its noise**: no rule that looks only
  at such draws can see it, so this one and the others are too narrow there.

A single DP release has no b of its own: no rule makes its test honest, see ``inference.type_one``.
``benchmarks/inference_type_one.py`` shows all of this in figures.

Privacy claim: none; post-processing where the q are those of synthetic tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student


@dataclass(frozen=True, eq=False)
class Combined:
    """Estimate, variance and degrees of freedom; arrays of one shape."""

    estimate: np.ndarray
    variance: np.ndarray
    df: np.ndarray

    def half_width(self, level: float = 0.95) -> np.ndarray:
        """Half of the interval."""
        return np.asarray(student.ppf((1 + level) / 2, self.df) * np.sqrt(self.variance))


def fully_synthetic(q: np.ndarray, v: np.ndarray, share: float = 1.0) -> Combined:
    """Tables from the posterior predictive; ``q``, ``v``: [m, …], ``share``: k/n."""
    m, mean, within, between = _moments(q, v)
    total = (1 + 1 / m) * between - within
    r = (1 + 1 / m) * between / within
    df = (m - 1) * np.where(r > 0, 1 - 1 / np.where(r > 0, r, 1), -np.inf) ** 2
    positive = total > 0
    return Combined(
        mean,
        np.where(positive, total, share * within),
        np.where(positive, np.maximum(df, 1), m - 1),
    )


def independent_releases(q: np.ndarray, v: np.ndarray, share: float = 1.0) -> Combined:
    """Tables of independent fits, m ≥ 2; ``q``, ``v``: [m, …], ``share``: k/n."""
    m, mean, within, between = _moments(q, v)
    real, rest = share * within, between / m
    ratio = np.divide(real, rest, out=np.full_like(rest, np.inf), where=rest > 0)
    return Combined(mean, real + rest, (m - 1) * (1 + ratio) ** 2)


def same_model(q: np.ndarray, v: np.ndarray, share: float = 1.0) -> Combined:
    """Tables drawn from one fit without noise, m ≥ 1; ``q``, ``v``: [m, …], ``share``: k/n."""
    within = v.mean(axis=0)
    return Combined(q.mean(axis=0), within * (share + 1 / len(q)), np.full_like(within, np.inf))


def _moments(q: np.ndarray, v: np.ndarray) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    if len(q) < 2:
        raise ValueError("one table shows no variance between tables")
    return len(q), q.mean(axis=0), v.mean(axis=0), q.var(axis=0, ddof=1)
