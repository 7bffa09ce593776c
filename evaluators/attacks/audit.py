"""Empirical lower bounds on ε: from runs with and without one unit, or from one run with many canaries.

Many runs: a distinguisher gives a score to each run.

- ``epsilon_lower_bound``: where the mechanism is a composition of Gaussian draws and the score is the log
  likelihood ratio, the scores are normal with one variance and the runs are told apart like N(0, 1) from
  N(μ, 1) (Gaussian differential privacy, arXiv 1905.02383). A lower confidence bound on μ gives one on ε.
- ``region_lower_bound``: where it is of another shape that is known up to how much noise there is, such as
  a Poisson-sampled Gaussian. One threshold, two Clopper-Pearson limits, and the largest ε of the shape's
  that they refute (Nasr et al., arXiv 2302.07956).
- ``any_lower_bound``: where nothing is known of its shape. A threshold, the same limits, and no more than the
  definition of (ε, δ); few runs show little.
- ``zcdp_lower_bound``: the same with the definition of ρ-zCDP (arXiv 1605.02065) in its place. It bounds likely
  events too, which few runs see: a tenth of the runs does where an ε at a small δ is out of reach.

One run: each canary is in by a fair coin, and the auditor guesses some of the coins (Steinke, Nasr, Jagielski,
arXiv 2305.08846). So many guesses cannot show more than ``one_run_lower_bound`` of them all being right.

Privacy claim: none; an audit refutes a guarantee and never proves one. Internal where the runs saw real rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from dp_accounting import DpEvent
from dp_accounting.pld import PLDAccountant
from scipy.optimize import brentq
from scipy.stats import beta, binom, chi2, norm

from privacy.accounting.accountants import RELATION
from privacy.accounting.composition import LARGE

EPSILONS = np.concatenate([np.linspace(0, 4, 81), np.linspace(4.1, 30, 260)])
"""Where a privacy profile ε → δ is looked at; between them a region is a little too large, which is safe."""
LEAST_NOISE, MOST_NOISE = 1 / 2, 64.0
ORDERS = 1 + np.geomspace(0.01, 100, 200)
"""Orders α at which a Rényi divergence is looked at."""


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


def region_lower_bound(
    without: npt.ArrayLike,
    with_unit: npt.ArrayLike,
    shape: Callable[[float], DpEvent],
    delta: float,
    confidence: float = 0.99,
) -> float:
    """ε that the mechanism has at least, if it is ``shape(x)`` for some amount of noise x, 1 as claimed.

    The threshold is halfway between the two means of the first runs, which then do not count. Noise from a
    quarter of the claim to 64 times as much is looked at.
    """
    a, b = np.asarray(without, dtype=float), np.asarray(with_unit, dtype=float)
    first = max(1, len(a) // 10), max(1, len(b) // 10)
    threshold = (a[: first[0]].mean() + b[: first[1]].mean()) / 2
    a, b = a[first[0] :], b[first[1] :]
    error = (1 - confidence) / 2
    wrong = _upper(int((a > threshold).sum()), len(a), error)
    missed = _upper(int((b <= threshold).sum()), len(b), error)
    interval = 1e-3 if _pld(shape(1.0), 1e-2).get_epsilon(delta) < LARGE else 1e-2

    def refuted(noise: float) -> bool:
        """Whether the region of (ε, δ)-DP at every ε excludes these error rates, in one order or the other."""
        slack = np.array(_pld(shape(noise), interval).get_delta(EPSILONS))
        grown = np.exp(EPSILONS)
        return bool(
            (1 - missed > grown * wrong + slack).any() or (1 - wrong > grown * missed + slack).any()
        )

    # accounting is slow where there is little noise, so that is looked at last
    low, high = 1.0, 1.0
    if refuted(1.0):
        while low > LEAST_NOISE and refuted(low / 2):
            low /= 2
        low, high = low / 2, low
    else:
        while not refuted(2 * high):
            high *= 2
            if high >= MOST_NOISE:
                return 0.0
        low, high = high, 2 * high
    while high / low > 1.01:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if refuted(middle) else (middle, high)
    return float(_pld(shape(high), interval).get_epsilon(delta))


def any_lower_bound(
    without: npt.ArrayLike,
    with_unit: npt.ArrayLike,
    threshold: float,
    delta: float,
    confidence: float = 0.95,
) -> float:
    """ε that a mechanism of any shape has at least: P(above | with) ≤ e^ε P(above | without) + δ, and back.

    ``threshold``: fixed before these runs were made.
    """
    a, b = np.asarray(without, dtype=float), np.asarray(with_unit, dtype=float)
    error = (1 - confidence) / 2
    wrong = _upper(int((a > threshold).sum()), len(a), error)
    missed = _upper(int((b <= threshold).sum()), len(b), error)
    ratios = (1 - missed - delta) / wrong, (1 - wrong - delta) / missed
    return max(0.0, *(math.log(r) for r in ratios if r > 0))


def zcdp_lower_bound(
    without: npt.ArrayLike, with_unit: npt.ArrayLike, threshold: float, confidence: float = 0.95
) -> float:
    """ρ that a mechanism of any shape has at least: Rényi divergences of "above" with and without are ≤ α·ρ.

    ``threshold``: fixed before these runs were made; scores are higher with the unit.
    """
    a, b = np.asarray(without, dtype=float), np.asarray(with_unit, dtype=float)
    error = (1 - confidence) / 2
    wrong = _upper(int((a > threshold).sum()), len(a), error)
    right = 1 - _upper(int((b <= threshold).sum()), len(b), error)
    if not 0 < wrong < right < 1:
        return 0.0
    # both limits move towards each other, and divergences with them
    return max(_zcdp(right, wrong), _zcdp(wrong, right))


def _zcdp(p: float, q: float) -> float:
    """The largest D_α(p ‖ q) / α of two coins."""
    yes, no = (
        ORDERS * math.log(x) + (1 - ORDERS) * math.log(y) for x, y in ((p, q), (1 - p, 1 - q))
    )
    return float((np.logaddexp(yes, no) / (ORDERS - 1) / ORDERS).max())


def _upper(hits: int, runs: int, error: float) -> float:
    """The Clopper-Pearson upper limit of a rate."""
    return 1.0 if hits == runs else float(beta.ppf(1 - error, hits + 1, runs - hits))


def _pld(event: DpEvent, interval: float) -> PLDAccountant:
    return PLDAccountant(RELATION, value_discretization_interval=interval).compose(event)


def one_run_lower_bound(
    canaries: int, guesses: int, right: int, delta: float, confidence: float = 0.95
) -> float:
    """ε that one run shows when ``right`` of ``guesses`` about ``canaries`` fair coins were right.

    Theorem 5.2 of arXiv 2305.08846: under (ε, δ)-DP, P(right ≥ v) ≤ f(v) + 2mδ·max_i (f(v−i) − f(v))/i, with
    f the tail of Binomial(guesses, e^ε/(1 + e^ε)).
    """
    at = np.arange(1, right + 1)

    def chance(epsilon: float) -> float:
        p = 1 / (1 + math.exp(-epsilon))
        tail = float(binom.sf(right - 1, guesses, p))
        gained = (binom.sf(right - 1 - at, guesses, p) - tail) / at
        return min(1.0, tail + 2 * canaries * delta * float(gained.max(initial=0.0)))

    def excess(epsilon: float) -> float:
        return chance(epsilon) - (1 - confidence)

    return 0.0 if excess(0.0) >= 0 else float(brentq(excess, 0.0, 50.0))


def right_guesses(scores: npt.ArrayLike, included: npt.ArrayLike, guesses: int) -> int:
    """How many coins are guessed right: in for the top half of ``guesses`` scores, out for the bottom half."""
    order = np.argsort(np.asarray(scores), kind="stable")
    coins, half = np.asarray(included, dtype=bool), guesses // 2
    return int(coins[order[len(order) - half :]].sum() + (~coins[order[:half]]).sum())
