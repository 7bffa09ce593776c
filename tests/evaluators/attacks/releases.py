"""Releases of the made-up clinic that leak in known ways, and one that does not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluators.tables import Tables
from privacy.schema.codec import Codec
from tests.evaluators.clinic import SCHEMA, people

N = 2000
TRAIN, HOLDOUT, FRESH = people(N, 1), people(N, 2), people(N, 3)


def tables(synthetic: pd.DataFrame, train: pd.DataFrame = TRAIN, seed: int = 0) -> Tables:
    return Tables(train, HOLDOUT, synthetic, SCHEMA, seed)


def mixed(share: float) -> pd.DataFrame:
    """Copies of this share of the train rows among fresh people."""
    copies = int(share * N)
    return pd.concat([TRAIN[:copies], FRESH[copies:]], ignore_index=True)


def noisy(share: float = 0.2) -> pd.DataFrame:
    """Train rows, each value taken from somebody else with this probability; numbers drawn anew."""
    codec, rng = Codec(SCHEMA), np.random.default_rng(0)
    codes = codec.encode(TRAIN)
    for name in codes:
        moved = rng.random(N) < share
        codes.loc[moved, name] = rng.permutation(codes[name].to_numpy())[moved]
    return codec.decode(codes, rng)
