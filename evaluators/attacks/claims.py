"""What an (ε, δ) guarantee allows any membership attack at most, whoever runs it and whatever they know.

Under (ε, δ)-DP no attack has a true positive rate above min(e^ε·FPR + δ, 1 − e^−ε·(1 − δ − FPR)) (Kairouz, Oh
and Viswanath 2015). A member is the unit that is added or removed; for train people beside people held out the
bound holds on average where units are independent of each other (Humphries et al. 2023). Between the bound and
what an attack finds lies room for stronger attacks, not evidence that there are none.

Privacy claim: none; arithmetic on public parameters.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def most_tpr(fpr: npt.ArrayLike, epsilon: float, delta: float) -> np.ndarray:
    """The largest true positive rate at a false positive rate."""
    a = np.asarray(fpr, dtype=float)
    bound = np.minimum(np.exp(epsilon) * a + delta, 1 - np.exp(-epsilon) * (1 - delta - a))
    return np.asarray(np.clip(bound, 0, 1))


def most_auroc(epsilon: float, delta: float) -> float:
    """The largest area under an ROC curve: that under ``most_tpr``, by its two straight pieces."""
    bend = (1 - delta) / (1 + np.exp(epsilon))  # where both bounds meet
    top = 1 - bend
    full = 1 - delta
    return float(bend * (delta + top) / 2 + (full - bend) * (top + 1) / 2 + delta)


def most_advantage(epsilon: float, delta: float) -> float:
    """The largest difference between true and false positive rate, at any threshold."""
    return float(1 - 2 * (1 - delta) / (1 + np.exp(epsilon)))
