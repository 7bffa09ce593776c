"""Bugs that are planted on purpose; each function changes one thing for as long as the test runs."""

import math

import numpy as np
import opendp.prelude as dp

from generators.deep import teachers
from generators.dpsgd.engine import PrivateGradient
from generators.marginals import measurement


def halved_noise(monkeypatch):
    """Counts, votes and gradients get half of their noise."""
    noised = PrivateGradient._noised

    def gradients(self, parts, scales):
        return noised(self, parts, [scale / 2 for scale in scales])

    def counts(values, rho, sensitivity=1):
        space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T=float)
        draw = dp.m.make_gaussian(*space, scale=sensitivity / math.sqrt(2 * rho) / 2)
        flat = np.ascontiguousarray(values, dtype=np.int64).ravel()
        return np.array(draw(flat)).reshape(np.shape(values))

    monkeypatch.setattr(PrivateGradient, "_noised", gradients)
    for module in (measurement, teachers):
        monkeypatch.setattr(module, "discrete_gaussian", counts)
