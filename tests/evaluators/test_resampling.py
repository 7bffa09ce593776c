"""Means under bootstrap weights are those of numpy, replicate by replicate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluators.resampling import bootstrap_weights, means


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 2**32 - 1))
def test_means_are_those_of_each_replicate(n, replicates, seed):
    rng = np.random.default_rng(seed)
    weights = bootstrap_weights(np.arange(n), rng, replicates)
    values, rows = rng.normal(size=n), rng.random(n) < 0.5
    values[~rows] = np.nan  # of rows that are not asked for nothing need be known
    found = means(weights, values, rows)
    for w, mean in zip(weights, found, strict=True):
        if w[rows].sum() == 0:
            assert np.isnan(mean)
        else:
            assert mean == pytest.approx(np.average(values[rows], weights=w[rows]))
