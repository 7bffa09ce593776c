"""An empirical lower bound on ε from runs with and without one unit.

A distinguisher gives a score to each run; where the mechanism is a composition of Gaussian draws and the
score is the log likelihood ratio, the scores are normal with one variance and the runs are told apart like
N(0, 1) from N(μ, 1) (Gaussian differential privacy, arXiv 1905.02383). A lower confidence bound on μ gives
one on ε at a given δ.

Privacy claim: none; an audit refutes a guarantee and never proves one. Internal where the runs saw real rows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.stats import chi2, norm


def gdp_epsilon(mu: float, delta: float) -> float:
    """The ε at which μ-GDP is (ε, δ)-DP exactly; 0 where no positive ε is needed."""

    def excess(epsilon: float) -> float:
        a, b = -epsilon / mu + mu / 2, -epsilon / mu - mu / 2
        return float(norm.cdf(a) - math.exp(epsilon + norm.logcdf(b))) - delta

    if mu <= 0 or excess(0.0) <= 0:
        return 0.0
    return float(brentq(excess, 0.0, mu * mu / 2 + 40 * mu))


def epsilon_lower_bound(
    without: npt.ArrayLike, with_unit: npt.ArrayLike, delta: float, confidence: float = 0.99
) -> float:
    """ε that the mechanism has at least, at ``confidence``, from the scores of runs without and with a unit.

    Half of the error goes to the mean, half to the variance of the scores.
    """
    a, b = np.asarray(without, dtype=float), np.asarray(with_unit, dtype=float)
    degrees = len(a) + len(b) - 2
    pooled = ((len(a) - 1) * a.var(ddof=1) + (len(b) - 1) * b.var(ddof=1)) / degrees
    error = (1 - confidence) / 2
    widest = math.sqrt(pooled * degrees / chi2.ppf(error, degrees))
    shift = b.mean() - a.mean() - norm.ppf(1 - error) * widest * math.sqrt(1 / len(a) + 1 / len(b))
    return gdp_epsilon(shift / widest, delta)
